"""The clock of gallery and report, with a player whose seeks end when the test says so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import kling_nb.widgets.gallery as gallery

pytestmark = pytest.mark.browser

SLOW_FILM = """
class SlowFilm extends EventTarget {
  constructor() {
    super();
    Object.assign(this, {duration: 2, paused: true, seeking: false, readyState: 4, playbackRate: 1, time: 0});
  }
  get currentTime() { return this.time; }
  set currentTime(time) { this.time = time; this.seeking = true; }
  pause() { this.paused = true; }
  arrive() { this.seeking = false; }
  tell() { this.dispatchEvent(new Event('seeked')); }
}
const film = new SlowFilm();
const player = new Player(film);
player.facts = {frames: 48, fps: 24};
"""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page()
    clock = (Path(gallery.__file__).parent / "clock.js").read_text(encoding="utf-8")
    page.add_script_tag(content=clock + SLOW_FILM)
    yield page
    page.close()


def test_of_several_seeks_in_a_row_the_last_one_is_shown(page: Page) -> None:
    shown = page.evaluate(
        """() => {
          player.show(1); player.show(1.5); player.show(0.5);
          for (let seek = 0; seek < 2; seek += 1) { film.arrive(); film.tell(); }
          return film.currentTime;
        }"""
    )
    assert int(shown * 24) == 12


def test_a_seek_between_the_end_of_another_and_its_event_is_not_undone(page: Page) -> None:
    # Browsers end a seek first and send "seeked" a moment later: a key may come in between.
    shown = page.evaluate(
        """() => {
          player.show(1); player.show(1.5);
          film.arrive();
          player.show(0);
          film.tell();
          return film.currentTime;
        }"""
    )
    assert int(shown * 24) == 0


def test_a_seek_to_where_the_film_already_stands_is_not_undone(page: Page) -> None:
    shown = page.evaluate(
        """() => {
          player.show(1); player.show(1.5);
          film.arrive();
          player.show(1);
          film.tell();
          return film.currentTime;
        }"""
    )
    assert int(shown * 24) == 24
