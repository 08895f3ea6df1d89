"""The report in a real browser, opened as a file: no server, no kernel, nothing asked of anybody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from clip_shelf import shelf
from gallery_on_page import REST
from lab_in_chromium import PATIENCE_S
from playwright.sync_api import Browser, Page

from kling_nb.session import Session
from kling_nb.widgets.report.functions import report

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=window.hit=1></script><script>window.hit=1</script>{{7*7}} \u202eabc"
TIMES = "[...document.querySelectorAll('video')].filter(v => v.readyState > 1).map(v => v.currentTime)"
VISIBLE = "[...document.querySelectorAll('.run:not([hidden]) strong')].map(name => name.textContent)"
FRAME_S = 1 / 24
AT_REST = f"() => ({REST})(document, (video) => video.readyState > 1)"
APART = """async () => {
  // How far the clips that run are apart, at every frame of the page for half a second.
  const apart = [];
  for (const end = performance.now() + 500; performance.now() < end;) {
    await new Promise((resolve) => requestAnimationFrame(resolve));
    const times = [...document.querySelectorAll('video')].filter(
      (video) => !video.paused && !video.ended && !video.seeking && video.readyState > 2
    ).map((video) => video.currentTime);
    if (times.length >= 3) apart.push(Math.max(...times) - Math.min(...times));
  }
  return apart;
}"""
APART_AT_REST = """() => {
  // A shorter clip stands on its last frame.
  const films = [...document.querySelectorAll('video')].filter((video) => video.readyState > 1);
  const latest = Math.max(...films.map((video) => video.currentTime));
  const place = (video) => Math.min(latest, (Number(video.dataset.frames) - 0.5) / Number(video.dataset.fps));
  return Math.max(...films.map((video) => Math.abs(video.currentTime - place(video))));
}"""


def until(page: Page, condition: str, most_s: float = PATIENCE_S) -> None:
    """Wait for a condition; the report's policy forbids the way in which Playwright itself would."""
    for _ in range(int(most_s / 0.05)):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(condition)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs, and three reports of them beside it."""
    folder = tmp_path_factory.mktemp("reports")
    home = folder / "kling_runs"
    shelf(
        home, 8, clips=({"frames": 120}, {"frames": 96}), name=lambda n: f"take {n}",
        prompt=lambda n: HOSTILE if n == 0 else f"the ball rolls, {'left' if n % 2 else 'right'}",
        rating=lambda n: None if n > 5 else n, kept={1: True, 2: False}.get, note=HOSTILE,
        variables=lambda n: {"cfg_scale": 0.3 + 0.4 * (n % 2)}, request={"model_name": "m", "prompt": "x"},
        tags=[HOSTILE], image_source="ball.png",
    )  # fmt: skip
    with Session("sandbox", home) as session:
        report(folder / "week.html", title="Does the ball roll?", session=session)
        report(folder / "linked.html", videos="link", session=session)
    return folder


@pytest.fixture
def opened(chromium: Browser, written: Path) -> Iterator[Any]:
    """Open a report as a file and note whatever it asks for or complains about."""
    contexts, asked, said = [], [], []

    def open_one(name: str, **options: Any) -> Page:
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, **options)
        contexts.append(context)
        context.set_default_timeout(1000 * PATIENCE_S)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto((written / name).as_uri())
        page.wait_for_selector("#choose:not([hidden])")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file://", "data:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_opens_as_a_file_and_shows_words_as_words(opened: Any, pictures: Path, scheme: str) -> None:
    page = opened("week.html", color_scheme=scheme)
    page.wait_for_timeout(300)
    page.screenshot(path=pictures / f"report-{scheme}.png")
    assert page.evaluate("window.hit") is None
    assert page.locator(".prompt").nth(7).text_content() == HOSTILE.replace("\u202e", "\\u202e")
    assert page.locator("script").count() == 1
    light = page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert light is (scheme == "light")


@pytest.mark.parametrize("name", ["week.html", "linked.html"])
def test_all_clips_in_view_play_on_one_clock(opened: Any, name: str) -> None:
    page = opened(name)
    page.locator("#runs").scroll_into_view_if_needed()
    page.evaluate("document.querySelector('.run').scrollIntoView()")
    until(page, f"{TIMES}.length >= 3")
    page.keyboard.press(" ")
    until(page, "document.querySelector('video').currentTime > 1")
    deadline = time.monotonic() + PATIENCE_S
    while not (apart := page.evaluate(APART)) or median(apart) > FRAME_S:
        assert time.monotonic() < deadline, apart
    page.keyboard.press(" ")
    page.evaluate(AT_REST)
    assert page.evaluate(APART_AT_REST) < FRAME_S / 4
    # From a moment that all clips have.
    page.fill("#scrub", "300")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    page.evaluate(AT_REST)
    assert [int(moment * 24) for moment in page.evaluate(TIMES)] == [37] * len(page.evaluate(TIMES))


def test_filter_order_and_marks(opened: Any) -> None:
    page = opened("week.html")
    assert page.evaluate(VISIBLE) == [f"take {n}" for n in reversed(range(8))]
    page.select_option("#order", "rating")
    assert page.evaluate(VISIBLE) == [f"take {n}" for n in (0, 1, 2, 3, 4, 5, 7, 6)]
    page.click("#turn")
    assert page.evaluate(VISIBLE) == [f"take {n}" for n in (5, 4, 3, 2, 1, 0, 7, 6)]
    page.select_option("#rating", "3")
    assert page.evaluate(VISIBLE) == ["take 5", "take 4", "take 3"]
    page.fill("#words", "LEFT ball")
    assert page.evaluate(VISIBLE) == ["take 5", "take 3"]
    assert page.locator("#count").text_content() == "2 of 8 runs"
    page.locator(".run:not([hidden]) .mark").first.check()
    page.click("#marked")
    assert page.evaluate(VISIBLE) == ["take 5"]
    page.fill("#words", "nowhere")
    assert page.locator("#nothing").is_visible()
    page.fill("#words", "")
    page.click("#marked")
    page.select_option("#rating", "none")
    assert page.evaluate(VISIBLE) == ["take 7", "take 6"]
    page.select_option("#rating", "")
    page.select_option("#kept", "false")
    assert page.evaluate(VISIBLE) == ["take 2"]


def test_a_cell_is_copied(opened: Any) -> None:
    page = opened("week.html", permissions=["clipboard-read", "clipboard-write"])
    page.locator(".cell summary").first.click()
    page.locator(".copy").first.click()
    page.wait_for_selector(".copy:text-is('copied')")
    assert page.evaluate("navigator.clipboard.readText()").startswith("%%kling ball.png\nmodel: m\n")


def test_on_paper_and_without_scripts(opened: Any, chromium: Browser, written: Path, pictures: Path) -> None:
    page = opened("week.html", color_scheme="dark")
    page.emulate_media(media="print")
    page.screenshot(path=pictures / "report-print.png", full_page=True)
    assert not page.locator("#choose").is_visible()
    assert page.locator(".run img").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    context = chromium.new_context(java_script_enabled=False)
    plain = context.new_page()
    plain.goto((written / "week.html").as_uri())
    assert plain.locator(".run").count() == 8
    assert plain.locator("#choose").is_hidden()
    assert plain.locator("video[controls]").count() == 8
    context.close()
