"""The gallery in JupyterLab under a base URL: clips on one clock, frame by frame, judged, compared."""

from __future__ import annotations

import io
import time

import numpy as np
import pytest
from clip_shelf import rolling_brush, shelf
from gallery_on_page import GalleryOnPage
from lab_in_chromium import PATIENCE_S
from PIL import Image

from kling_nb.session import Session

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("lab", ["/user/x/"], indirect=True)]

HEAD = "%env KLING_NB_PROVIDER=sandbox\nimport kling_nb as kn\nfrom IPython.display import display"
EVIL = "<img src=x onerror='window.owned=1'> roll"
CLIPS = ({"fps": 25, "frames": 60}, {"fps": 30, "frames": 75, "hue": 2}, {"fps": 24, "frames": 48, "hue": 3})
FRAME = 1 / 30


@pytest.fixture
def shown(lab, open_notebook_with):
    """Three finished runs of different rate and length, newest first, in a gallery that has the focus."""
    page = open_notebook_with("gallery", HEAD, "g = kn.gallery(); g")
    home = lab.folder / "gallery" / "kling_runs"
    ids = shelf(home, 3, clips=CLIPS, prompt=EVIL, brush=lambda number: rolling_brush() if number else None)
    page.run(0)
    page.run(1)
    gallery = GalleryOnPage(page, 1)
    gallery.wait_players(3)
    gallery.focus(0)
    return gallery, home, ids


def test_clips_play_step_and_are_judged_together(shown) -> None:
    gallery, home, ids = shown
    page = gallery.page

    for frame in range(1, 8):
        gallery.press("ArrowRight")
        middle = (frame + 0.5) / 24
        assert gallery.frames() == [frame, int(middle * 30), int(middle * 25)]
    gallery.press("End")
    assert gallery.frames() == [47, 74, 59]
    gallery.press("ArrowLeft", "Shift+ArrowLeft", "Home")
    assert gallery.frames() == [0, 0, 0]

    gallery.press("Space")
    page.page.wait_for_function(
        "() => [...document.querySelectorAll('.kn-film')].every((v) => v.currentTime > 0.1)"
    )
    # What the clock makes of drifts, frame by frame, is tested with players of its own in test_clock.py.
    gallery.wait_together(FRAME)
    page.page.evaluate("() => { document.querySelectorAll('.kn-film')[1].currentTime -= 0.12; }")
    gallery.wait_together(FRAME)
    gallery.press("Space")

    gallery.press("4", "k")
    page.page.wait_for_function("() => !document.querySelector('.kn-tile[data-unsaved]')")
    with Session("sandbox", home) as elsewhere:
        record = elsewhere.log.get(ids[2])
        assert (record.rating, record.kept) == (4, True)
        elsewhere.annotate(elsewhere.run(ids[0]), {"note": "seen in another kernel"})
    page.wait_seen(1, "seen in another kernel")

    assert page.page.query_selector("img[src='x']") is None
    assert EVIL in page.seen(1)
    assert len(gallery.root.query_selector_all(".kn-paths polygon")) == 2
    page.picture("gallery", 1)

    bundle = page.cell(1)["outputs"][0]["data"]
    assert "".join(bundle["text/html"]).count("data:image/jpeg;base64,") == 3

    # Two clips over each other: what stands left of the edge is the first one, right of it the second.
    gallery.press("w")
    box = gallery.root.wait_for_selector(".kn-box .kn-screen[data-place=above]")
    assert "50%" in box.evaluate("(screen) => getComputedStyle(screen).clipPath")
    gallery.press("Alt+ArrowRight")
    assert gallery.root.query_selector(".kn-edge").get_attribute("aria-valuenow") == "52"
    page.picture("gallery-wipe", 1)
    gallery.press("x")
    page.picture("gallery-difference", 1)
    gallery.press("Escape")
    assert page.errors == []


def test_the_difference_of_equal_clips_is_black(lab, open_notebook_with) -> None:
    page = open_notebook_with("equal", HEAD, "g = kn.gallery(); kn.compare(*g.runs, mode='difference')")
    shelf(lab.folder / "equal" / "kling_runs", 2)
    page.run(0)
    page.run(1)
    gallery = GalleryOnPage(page, 1)
    gallery.wait_players(2)
    gallery.rest()
    # Where nothing is shown yet it is black, too.
    gallery.root.focus()
    gallery.press("w")
    wait_light(gallery, 150, 256)
    gallery.press("x")
    wait_light(gallery, 0, 30)


def wait_light(gallery: GalleryOnPage, least: float, most: float) -> None:
    """Wait until the brightest parts of the two clips over each other, without the edge, are in a range."""
    deadline = time.monotonic() + PATIENCE_S
    light = -1.0
    while not least <= light < most:
        assert time.monotonic() < deadline, light
        shot = gallery.root.query_selector(".kn-box").screenshot()
        pixels = np.asarray(Image.open(io.BytesIO(shot)).convert("L"), dtype=float)
        light = float(np.percentile(pixels[4:-4, 4:-4], 99))
