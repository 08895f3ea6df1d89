"""The card on an empty page: several views of one card, and answers that cross."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from widget_alone import load

from kling_nb.widgets.card import RunCard

pytestmark = pytest.mark.browser

CARD = """() => {
  const state = {
    id: 'r-1', status: 'succeeded', explained: '', service_status: '', model: '', form: '', parent: '',
    provider: '', reused: false, message: '', error: [], check: null, notices: [], prompt: '', cost: '',
    params: [], name: '', note: '', tags: [], code: '', cell: '', final: true, following: false, scores: null,
    open_scores: false, started_ms: 0, finished_ms: 1, expected_s: null,
    video: {path: 'a.mp4', bytes: 9, url_path: null, embeds: true},
  };
  window.model = new Model({state, poster: null});
  // As in a notebook: drawn anew when the output of its cell is replaced, and the first view lives on unseen.
  render({model, el: document.createElement('div')});
  render({model, el: document.body});
}"""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page()
    load(page, RunCard)
    page.evaluate(CARD)
    yield page
    page.close()


def test_a_player_stays_when_the_clip_comes_once_more(page: Page) -> None:
    assert page.evaluate("() => model.kinds('video').length") == 2
    stays = page.evaluate(
        """() => {
          const players = [1, 2].map((byte) => {
            model.message({kind: 'video'}, [new Uint8Array([byte])]);
            return document.querySelector('video');
          });
          return players[0] !== null && players[0] === players[1];
        }"""
    )
    assert stays, "a person who had begun to watch would see the clip stop"
