"""Scores in JupyterLab: on the card from the download on, over the playing clip, and as an order of clips."""

from __future__ import annotations

import pytest
from clip_shelf import SIZE, rolling_brush, shelf
from gallery_on_page import GalleryOnPage
from lab_in_chromium import SEEK
from made_scores import made_scores

from kling_nb.domain.scores import BY_NAME, MEASURES
from kling_nb.session import Session
from kling_nb.session.scorerows import header

pytestmark = pytest.mark.browser

TABLE = 'kn.runs()[["id", "prompt", "path_error", "gain", "flicker"]]'
EVIL = "<img src=x onerror='window.owned=1'>"

BRUSH = """%env KLING_NB_SCORES=auto
%load_ext kling_nb
import numpy as np, kling_nb as kn
from skimage import data
cat = data.chelsea()
rows, columns = np.mgrid[:cat.shape[0], :cat.shape[1]]
face = (columns - 220) ** 2 + (rows - 150) ** 2 < 60 ** 2
label = "<img src=x onerror='window.owned=1'>"
brush = kn.MotionBrush(cat).dynamic(face, [(220, 150), (300, 120)], label=label)"""

CELL = '%%kling cat --brush brush -m kling-v1 -d 5 -o run\nthe cat moves [[sandbox:distort {"gain":0.5}]]'

HEIGHT = """() => {
  const card = document.querySelector('.kn-card[data-status=succeeded]');
  // A player takes its room when it knows its clip.
  const whole = card?.querySelector('.kn-scores summary') && card.querySelector('video')?.readyState > 0;
  return whole && card.getBoundingClientRect().height;
}"""

MOVED = """([tile, begin]) => ['asked', 'measured'].every(
  (name, place) => Number(tile.querySelector(`.kn-dot-${name}`).getAttribute('cx')) > begin[place] + 100)"""

DRAWN = """(card) => [...card.querySelectorAll('.kn-score-picture')].filter(
  (picture) => picture.naturalWidth > 300).length === 2"""

PLACES = """(root) => ['asked', 'measured'].map(
  (name) => Number(root.querySelector(`.kn-dot-${name}`).getAttribute('cx')))"""


def test_the_card_measures_draws_and_stays_where_it_is(open_notebook_with, tmp_path) -> None:
    # Clips outside the folder of the server: the card stays live.
    page = open_notebook_with(
        "card", f"%env KLING_NB_HOME={tmp_path / 'home'}", BRUSH, CELL, "%kling score run"
    )
    for cell in range(2):
        page.run(cell)
    page.run(2)
    page.element(2)
    first = page.page.wait_for_function(HEIGHT).json_value()
    # What is saved is replaced once, with the scores: the page then draws the card anew.
    page.page.wait_for_selector(".kn-card .kn-paths .kn-dot-measured", state="attached")
    card = page.wait_measured(2)
    line = card.wait_for_selector(".kn-scores summary", state="visible")
    height = page.page.wait_for_function(HEIGHT).json_value()
    assert abs(height - first) < 2, "nothing below has moved"
    assert line.inner_text().index("too short") < line.inner_text().index("path error")

    video = card.wait_for_selector("video")
    video.evaluate(SEEK, 0)
    begin = card.evaluate(PLACES)
    video.evaluate(SEEK, 4.9)
    asked, measured = (end - start for start, end in zip(begin, card.evaluate(PLACES), strict=True))
    assert measured / asked == pytest.approx(0.5, abs=0.1)
    boxes = [card.wait_for_selector(part).bounding_box() for part in ("video", ".kn-paths")]
    assert boxes[0] == boxes[1]
    page.picture("scores-over-the-clip", 2)
    card.query_selector(".kn-paths-choice input").click()
    assert not card.query_selector(".kn-paths").is_visible()

    line.click()
    gain = next(measure for measure in MEASURES if measure.name == "gain")
    assert card.query_selector(f'tr[title="{gain.meaning}"]').inner_text().startswith("gain\t0.5")
    for what in ("sheet", "plot"):
        card.query_selector(f"[data-what={what}]").click()
    page.page.wait_for_function(DRAWN, arg=card)
    card.query_selector(".kn-score-pictures").screenshot(path=page.pictures / "scores-pictures.png")
    page.run(3)
    page.wait_seen(3, EVIL)
    assert page.page.evaluate("() => window.owned") is None
    assert page.errors == []


def test_a_frozen_clip_is_not_the_steadiest_one(lab, open_notebook_with) -> None:
    page = open_notebook_with(
        "order", "%env KLING_NB_PROVIDER=sandbox\nimport kling_nb as kn", "kn.gallery()", TABLE
    )
    home = lab.folder / "order" / "kling_runs"
    ids = shelf(home, 3, video_sha256="a" * 64, brush=lambda _: rolling_brush())
    steady, frozen, unsteady = ids
    still = {**made_scores().values, "gain": 0.0, "flicker": 0.0}
    with Session("sandbox", home) as session:
        session.log.put_scores(steady, made_scores(EVIL, flags=()))
        session.log.put_scores(frozen, made_scores(values=still, flags=("frozen",), objects=()))
        session.log.put_scores(unsteady, made_scores(values={**made_scores().values, "flicker": 9.0}))
    page.run(0)
    page.run(1)
    gallery = GalleryOnPage(page, 1)
    gallery.wait_players(3)
    gallery.root.query_selector("select[title=Order]").select_option("score:flicker")
    shown = "(root) => [...root.querySelectorAll('.kn-tile')].map((tile) => tile.dataset.run)"
    assert gallery.root.evaluate(shown) == [steady, unsteady, frozen]
    assert "⚠ frozen" in gallery.tile(2).inner_text()
    assert "flicker 0.00 levels" in gallery.tile(2).inner_text()
    gallery.root.query_selector("select[title=Order]").select_option("score:path_error")
    paths = gallery.tile(0).query_selector(".kn-paths")
    assert paths.get_attribute("viewBox") == f"0 0 {SIZE[0]} {SIZE[1]}"
    assert len(paths.query_selector_all(".kn-measured")) == 2
    gallery.focus(0)
    begin = gallery.tile(0).evaluate(PLACES)
    gallery.press("End")
    gallery.rest()
    page.page.wait_for_function(MOVED, arg=[gallery.tile(0), begin])
    asked, measured = (
        end - start for start, end in zip(begin, gallery.tile(0).evaluate(PLACES), strict=True)
    )
    assert asked > measured > 100
    page.picture("scores-in-the-gallery", 1)
    gallery.press("t")
    assert not paths.is_visible()
    page.run(2)
    heads = page.element(2).wait_for_selector("thead tr").query_selector_all("th")
    told = {head.inner_text(): head.get_attribute("title") for head in heads if head.get_attribute("title")}
    assert told == {name: header(BY_NAME[name]) for name in ("path_error", "gain", "flicker")}
    heads[3].hover()
    page.picture("scores-in-the-table", 2)
    assert page.page.evaluate("() => window.owned") is None
    assert page.errors == []
