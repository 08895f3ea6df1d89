"""The gallery with rendered clips, two hundred runs, a busy kernel, and files that no server shows."""

from __future__ import annotations

from pathlib import Path

import pytest
from clip_shelf import rolling_brush, shelf
from gallery_on_page import GalleryOnPage
from lab_in_chromium import (
    CHROMIUM_OPTIONS,
    PATIENCE_S,
    JupyterLab,
    NotebookPage,
    find_chromium,
    notebook_page,
)
from playwright.sync_api import sync_playwright

from kling_nb.sandbox import launch

pytestmark = [pytest.mark.drill, pytest.mark.browser]

HEAD = "%env KLING_NB_PROVIDER=sandbox\nimport kling_nb as kn\nfrom IPython.display import display"
FRAME = 1 / 30
PROMPTS = ("the camera pans slowly to the left", "the ball jumps, dramatic light", "rain <b>falls</b>")

TWO_STAND = """(root) => {
  const [one, other, long] = root.querySelectorAll('.kn-film');
  const stands = (video) => video.paused && !video.seeking;
  return stands(one) && stands(other) && !long.paused && [one.currentTime, other.currentTime];
}"""
SOME_PLAYERS = "() => document.querySelectorAll('.kn-screen[data-playing]').length > 3"
BUSY = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'busy'"

RENDER = """\
from skimage import data
made = [kn.submit(data.chelsea(), "the cat turns its head", model="kling-v2-6", duration=5),
        kn.submit(data.coffee(), "steam rises", model="kling-v2-6", duration=5),
        kn.submit(data.astronaut(), "she smiles", model="kling-v2-6", duration=10)]
for each in made: each.wait(240)
[each.status.value for each in made]"""


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=find_chromium(), headless=True, args=CHROMIUM_OPTIONS, timeout=1000 * PATIENCE_S
        )
        yield made
        made.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("pictures")


@pytest.fixture
def lab(tmp_path: Path):
    state = tmp_path / "state"
    state.mkdir()
    with JupyterLab(tmp_path / "lab", state, "/user/x/") as server:
        yield server
    launch.stop(tmp_path / "lab" / "kling_runs" / "sandbox")


@pytest.fixture
def opened(browser, lab, pictures):
    """Open a notebook of these cells."""
    import nbformat

    def write(*cells: str) -> NotebookPage:
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in (HEAD, *cells)])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        nbformat.write(made, lab.folder / "gallery.ipynb")
        return context.open("gallery.ipynb")

    with notebook_page(browser, lab, pictures) as context:
        yield write


def test_rendered_clips_of_different_lengths_play_within_a_frame(opened) -> None:
    page = opened(RENDER, "kn.compare(*made)", "kn.compare(made[0], made[1], mode='wipe')")
    page.run(0)
    assert page.run(1).count("succeeded") == 3
    page.run(2)
    gallery = GalleryOnPage(page, 2)
    gallery.wait_players(3)
    gallery.focus(0)
    gallery.press("Space")
    gallery.wait_together(FRAME, 0.95)
    # On from a late moment at double speed: two clips stay on their last frame, one goes on.
    gallery.root.query_selector(".kn-scrub").fill("4.5")
    gallery.press(".", ".")
    first, second = page.page.wait_for_function(TWO_STAND, arg=gallery.root, timeout=300_000).json_value()
    assert abs(first - second) < FRAME
    gallery.press("Space")
    page.run(3)
    pair = GalleryOnPage(page, 3)
    pair.wait_players(2)
    pair.root.query_selector(".kn-edge").focus()
    pair.press("Space")
    pair.wait_together(FRAME, 0.95)


def test_two_hundred_runs_scroll(opened, lab) -> None:
    """Scrolling two hundred runs leaves a frame time to be drawn, and makes no player."""
    shelf(lab.folder / "kling_runs", 200, clips=({}, {"fps": 30, "frames": 75, "hue": 2}))
    page = opened("kn.gallery()")
    page.run(0)
    page.run(1)
    gallery = GalleryOnPage(page, 1)
    page.page.wait_for_function(SOME_PLAYERS)
    gallery.calm()
    # The page's own time on the processor: what else the machine does costs frames, but not that.
    session = page.page.context.new_cdp_session(page.page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy_s() -> float:
        told = session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in told if each["name"] == "TaskDuration"))

    gallery.scroll(60, 4000)
    begin = busy_s()
    moving = gallery.scroll(60, 3000)
    spent = busy_s() - begin
    assert spent / moving["frames"] < 1 / 30
    assert moving["players"] <= 40
    # What has come to rest in sight gets players again, and no more.
    page.page.wait_for_function(SOME_PLAYERS)
    gallery.calm()
    assert page.page.evaluate("() => document.querySelectorAll('.kn-film[src]').length") <= 40


def test_judging_goes_on_beside_a_busy_kernel(opened, lab) -> None:
    shelf(lab.folder / "kling_runs", 2)
    page = opened("g = kn.gallery(); g", "import time; time.sleep(6)")
    page.run(0)
    page.run(1)
    gallery = GalleryOnPage(page, 1)
    gallery.wait_players(2)
    page.start(2)
    page.page.wait_for_function(BUSY)
    gallery.focus(0)
    gallery.press("2", "5")
    assert "★★★★★" in gallery.tile(0).inner_text()
    page.page.wait_for_function("() => !document.querySelector('.kn-tile[data-unsaved]')")
    assert page.run_text("print(g.runs[0].record.rating)") == "5"


def test_files_no_server_shows_come_from_the_kernel(opened, lab, tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    shelf(home, 3)
    page = opened(f"kn.gallery(session=kn.Session('sandbox', {str(home)!r}))")
    page.run(0)
    page.run(1)
    gallery = GalleryOnPage(page, 1)
    gallery.wait_players(3)
    gallery.focus(0)
    gallery.press("ArrowRight")
    assert gallery.frames() == [1, 1, 1]
    stills = "() => [...document.querySelectorAll('.kn-still')].every((image) => image.naturalWidth > 0)"
    page.page.wait_for_function(stills)


def test_clips_are_compared_blind(opened, lab) -> None:
    shelf(
        lab.folder / "kling_runs", 4,
        prompt=lambda number: PROMPTS[number % 2], kept=lambda number: number % 2 == 0,
    )  # fmt: skip
    page = opened("b = kn.compare(kn.runs(), blind=True, by='prompt', votes=2); b")
    page.run(0)
    page.run(1)
    gallery = GalleryOnPage(page, 1)
    gallery.wait_players(2)
    assert not any(prompt in page.seen(1) for prompt in PROMPTS)
    looks = "() => [...document.querySelectorAll('.kn-slot')].map((slot) => getComputedStyle(slot).opacity)"
    assert set(page.page.evaluate(looks)) == {"1"}, "what was discarded looks like the rest"
    gallery.root.focus()
    for key, votes, count in (
        ("5", [], "0 of 2 votes"),
        ("1", ["left"], "1 of 2 votes"),
        ("Backspace", [], "0 of 2 votes"),
        ("2", ["right"], "1 of 2 votes"),
        ("3", ["right", "tie"], "all 2 votes given"),
    ):
        gallery.press(key)
        page.page.wait_for_selector(f".kn-blind .kn-count:text-is('{count}')")
        found = page.run_text("print([v.outcome for v in b.blind._session.log.judgements.votes()])")
        assert found == str(votes)
    assert PROMPTS[0] in page.wait_seen(1, PROMPTS[0])
    assert page.run_text("print(set(kn.runs()['rating'].isna()))") == "{True}"
    assert page.errors == []


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_every_view_in_both_themes(opened, lab, theme) -> None:
    """Texts stand out from what is behind them, and screenshots are left for a person to look at."""
    shelf(
        lab.folder / "kling_runs",
        9,
        clips=({}, {"fps": 30, "frames": 75, "hue": 2}, {"hue": 4}),
        prompt=lambda number: PROMPTS[number % 3],
        cfg_scale=lambda number: (0.2, 0.5, None)[number // 3],
        rating=lambda number: (None, 0, 3, 5)[number % 4],
        brush=lambda number: rolling_brush() if number % 2 else None,
    )
    page = opened("kn.grid(kn.runs(), rows='prompt', cols='cfg_scale')")
    page.page.evaluate(
        "async (theme) => { await window.jupyterapp.commands.execute('apputils:change-theme', {theme}); }",
        theme,
    )
    page.page.wait_for_function("(theme) => document.body.dataset.jpThemeName === theme", arg=theme)
    page.run(0)
    page.run(1)
    gallery = GalleryOnPage(page, 1)
    page.page.wait_for_function(SOME_PLAYERS)
    name = theme.rpartition(" ")[2].lower()
    gallery.tile(0).query_selector(".kn-tile-head").click()
    for key in ("v", "g", "c", "w", "x", "f", "?"):
        gallery.press(key)
        gallery.calm()
        page.picture(f"gallery-{name}-{'help' if key == '?' else key}", 1)
    contrast = page.page.evaluate(CONTRAST)
    assert contrast
    assert {word: ratio for word, ratio in contrast.items() if ratio < 4.5} == {}
    assert page.errors == []


CONTRAST = """() => {
  const channels = (color) => (color.match(/[\\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((c) => c / 255)
    .map((c) => (c <= 0.04 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (let each = node; each; each = each.parentElement) {
      const color = channels(getComputedStyle(each).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const found = {};
  for (const name of ['.kn-help dd', '.kn-help kbd', '.kn-count', '.kn-bar-bottom .kn-time',
                      '.kn-tile .kn-id', '.kn-tile .kn-made', '.kn-tile .kn-prompt', '.kn-choice',
                      '.kn-help p']) {
    const node = document.querySelector(name);
    if (!node) continue;
    const [a, b] = [light(channels(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    found[name] = (a + 0.05) / (b + 0.05);
  }
  return found;
}"""
