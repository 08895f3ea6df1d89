"""The wall on an empty page: whatever is told of a sweep, the cards stay where they are."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clip_shelf import numbered_clip
from playwright.sync_api import Browser, Page
from widget_alone import load

from kling_nb.widgets.wall import Wall

pytestmark = pytest.mark.browser

COUNT = 14
LONG = "path error 12.35 % · gain 0.98 · direction 171° · leak 12.5 % (1044 px) · camera drift 3.2 % a second"
FLAGS = [["too short", "half of the path"], ["leak", "the still part moved"], ["frozen", "it stands"]]
REFUSED = "The service refused the request: " + "the picture breaks the platform's rules of content, " * 9

SETUP = """([measures, total]) => {
  window.leave?.();
  document.body.replaceChildren();
  window.card = (place, more = {}) => ({
    label: `what=${'head and tail '.repeat(1 + place % 3)}`, repeat: 0, id: `r-${place}`, kind: 'waiting',
    text: '', why: '', reused: false, elapsed_s: null, expected_s: null, poster: null, clip: null,
    scores: null, ...more,
  });
  window.head = (state, counts, more = {}) => ({
    id: '20261120-1', name: 'heads', state, reason: '', error: [], total, reused: 0, spent: 'nothing spent',
    budget: '', until: '', left_s: null, busy: state === 'running', dropped: 0, measures,
    counts: {done: 0, running: 0, waiting: 0, failed: 0, uncertain: 0, ...counts}, ...more,
  });
  const cards = Array.from({length: total}, (_, place) => card(place));
  window.model = new Model({head: head('running', {waiting: total}), cards});
  window.host = document.body.appendChild(document.createElement('div'));
  window.leave = render({model, el: host});
  window.tell = (cards, told = model.state.head) => model.message({kind: 'changed', head: told, cards});
}"""

PLACES = """() => {
  return [...document.querySelectorAll('.kn-wall-media')].map((media) => {
    const {x, y, width, height} = media.getBoundingClientRect();
    return [x, y, width, height];
  });
}"""

RUNNING = """() => tell(
  {0: card(0, {kind: 'running', elapsed_s: 3, expected_s: 3000, text: 'waits for a free place there'}),
   1: card(1, {kind: 'running', elapsed_s: 4000})},
  head('running', {running: 2, waiting: 12}, {left_s: 3000}))"""
PICTURE = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
MEASURED = """([line, flags, data]) => {
  const done = {kind: 'done', poster: {data}, clip: {url: null}};
  tell({0: card(0, {...done, scores: {flags: [], line: 'measuring…'}})});
  tell({0: card(0, {...done, scores: {flags, line}}), 1: card(1, {...done, scores: {flags: [], line}})});
}"""
REFUSAL = "(text) => tell({2: card(2, {kind: 'failed', text}), 3: card(3, {kind: 'uncertain', text})})"
STOPPED = """() => tell({}, head('stopped', {done: 2, failed: 2, waiting: 10},
  {reason: 'budget of 9 units', spent: '8 units ($1.12 list)'}))"""
FAILED = "() => tell({}, head('done', {done: 12, failed: 2}))"
ENDED = "() => tell({}, head('done', {done: 14}))"

CLIPS = """() => {
  const clip = {url: null};
  tell(Object.fromEntries(model.state.cards.map((_, place) => [place, card(place, {kind: 'done', clip})])));
}"""
ANSWER = """([id, clip]) => {
  const data = Uint8Array.from(atob(clip), (letter) => letter.charCodeAt(0));
  model.message({kind: 'clip', id}, [data]);
}"""
ANEW = """() => {
  // As JupyterLab does it: the old view goes at once, the new one comes when it is ready.
  host.remove();
  return new Promise((resolve) => setTimeout(() => {
    window.host = document.createElement('div');
    render({model, el: host});
    document.body.append(host);
    resolve();
  }, 100));
}"""
RUNS = "(video) => !video.paused && video.currentTime > 0"


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page()
    load(page, Wall)
    yield page
    page.close()


@pytest.mark.parametrize("width", [1000, 800])
def test_cards_stay_where_they_are_whatever_is_told(page: Page, pictures: Path, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate(SETUP, [True, COUNT])
    begin = page.evaluate(PLACES)
    assert len({y for _, y, _, _ in begin}) > 1, "there are cards below others"
    steps: dict[str, tuple[str, Any]] = {
        "running": (RUNNING, None),
        "measured": (MEASURED, [LONG, FLAGS, PICTURE]),
        "refused": (REFUSAL, REFUSED),
        "stopped": (STOPPED, None),
        "failed": (FAILED, None),
        "ended": (ENDED, None),
    }
    for name, (step, told) in steps.items():
        page.evaluate(step, told)
        page.screenshot(path=pictures / f"wall-{name}-{width}.png")
        assert page.evaluate(PLACES) == begin, name
    first = page.locator(".kn-wall-card").first
    assert first.locator(".kn-wall-scores").get_attribute("title").endswith(LONG)
    assert "⚠ too short" in first.inner_text()
    assert page.locator(".kn-wall-text:visible").count() == 2


def test_a_wall_drawn_anew_goes_on_where_it_was(page: Page, tmp_path: Path) -> None:
    clip = b64encode(numbered_clip(tmp_path / "clip.mp4").read_bytes()).decode()
    page.set_viewport_size({"width": 700, "height": 600})
    page.evaluate(SETUP, [True, COUNT])
    page.evaluate(CLIPS)
    page.locator(".kn-wall-media").last.click()
    page.evaluate(ANSWER, [f"r-{COUNT - 1}", clip])
    video = page.wait_for_selector("video")
    page.wait_for_function(RUNS, arg=video)
    scrolled = page.evaluate("() => document.querySelector('.kn-wall-cards').scrollTop")
    assert scrolled > 100
    page.locator(".kn-wall-media").nth(COUNT - 2).click()

    page.evaluate(ANEW)
    assert page.locator(".kn-wall-card[data-kind='done']").count() == COUNT
    page.wait_for_function(f"(video) => video.isConnected && ({RUNS})(video)", arg=video)
    page.wait_for_function(f"() => document.querySelector('.kn-wall-cards').scrollTop === {scrolled}")
    assert page.evaluate("() => model.listeners()") == 1
    page.evaluate(ANSWER, [f"r-{COUNT - 2}", clip])
    page.wait_for_selector(f"[data-run='r-{COUNT - 2}'] video")

    video.evaluate("(video) => video.pause()")
    page.wait_for_function("(video) => !('runs' in video.dataset)", arg=video)
    page.evaluate(ANEW)
    assert video.evaluate("(video) => [video.isConnected, video.paused]") == [True, True]


def test_a_wall_that_is_only_scrolled_away_keeps_what_it_plays(page: Page, tmp_path: Path) -> None:
    clip = b64encode(numbered_clip(tmp_path / "clip.mp4").read_bytes()).decode()
    page.evaluate(SETUP, [True, COUNT])
    page.evaluate(CLIPS)
    page.locator(".kn-wall-media").first.click()
    page.evaluate(ANSWER, ["r-0", clip])
    video = page.wait_for_selector("video")
    page.evaluate(
        """() => {
          const cell = document.createElement('div');
          host.before(cell);
          cell.append(host);
          cell.remove();
          render({model, el: document.body.appendChild(document.createElement('div'))});
          document.body.prepend(cell);
        }"""
    )
    assert video.evaluate("(video) => host.contains(video)")
    page.evaluate("() => tell({0: card(0, {kind: 'failed'})})")
    assert page.locator(".kn-wall-card[data-kind='failed']").count() == 2, "both are told"


def test_where_nothing_is_measured_scores_take_no_room_until_somebody_asks_for_them(page: Page) -> None:
    page.set_viewport_size({"width": 1000, "height": 900})
    page.evaluate(SETUP, [False, COUNT])
    assert page.locator(".kn-wall-scores:visible").count() == 0
    page.evaluate(MEASURED, [LONG, FLAGS, PICTURE])
    begin = page.evaluate(PLACES)
    page.evaluate("() => tell({1: card(1, {kind: 'done', scores: null})})")
    assert page.evaluate(PLACES) == begin
    assert page.locator(".kn-wall-scores").nth(1).inner_text() == ""


def test_a_clip_whose_file_is_gone_says_so(page: Page) -> None:
    page.evaluate(SETUP, [True, COUNT])
    page.evaluate("() => tell({0: card(0, {kind: 'done', clip: {url: null}})})")
    page.locator(".kn-wall-media").first.click()
    assert page.evaluate("() => model.kinds('clip').map((each) => each.id)") == ["r-0"]
    page.evaluate("() => model.message({kind: 'clip', id: 'r-0'}, [new Uint8Array()])")
    assert page.locator(".kn-wall-text").first.is_visible()
    assert page.locator(".kn-wall-text").first.inner_text() == "the file is gone"
