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


RUNNING = """
class Running extends SlowFilm {
  constructor(pace) {
    super();
    Object.assign(this, {duration: 20, ended: false, pace, jumps: 0});
  }
  get currentTime() { return this.time; }
  set currentTime(time) { this.time = time; this.jumps += 1; }
  play() { this.paused = false; return Promise.resolve(); }
  pass(seconds) { if (!this.paused) this.time += seconds * this.playbackRate * this.pace; }
}
let moment = 0, nextFrame = null;
performance.now = () => moment;
window.requestAnimationFrame = (work) => { nextFrame = work; return 1; };
window.cancelAnimationFrame = () => { nextFrame = null; };
const films = [0.98, 1, 1.02].map((pace) => new Running(pace));
const clock = new Clock(() => {});
for (const each of films) {
  const player = new Player(each);
  player.facts = {frames: 480, fps: 24};
  clock.add(player);
}
const times = () => films.map((each) => each.time);
const spread = () => Math.max(...times()) - Math.min(...times());
// Lets time pass in frames of the page; returns how far apart the films were at each.
function pass(seconds) {
  const spreads = [];
  for (const end = moment + 1000 * seconds; moment < end;) {
    moment += 16;
    for (const each of films) each.pass(0.016);
    nextFrame(moment);
    spreads.push(spread());
  }
  return spreads;
}
clock.play();
"""
FRAME_S = 1 / 30


@pytest.fixture
def running(page: Page) -> Page:
    """A clock with three films, one of them too slow and one too fast, that plays since half a second."""
    page.add_script_tag(content=RUNNING)
    page.evaluate("pass(0.5)")
    return page


def test_films_that_run_at_their_own_pace_stay_within_a_frame(running: Page) -> None:
    assert max(running.evaluate("pass(8)")) < FRAME_S


def test_a_film_that_has_fallen_behind_is_led_back_within_a_second_without_a_jump(running: Page) -> None:
    spreads = running.evaluate(
        "{ films[1].time -= 0.12; const jumps = films[1].jumps; [...pass(1.5), films[1].jumps - jumps] }"
    )
    assert spreads.pop() == 0
    assert spreads[0] > 0.1
    assert max(spreads[60:]) < FRAME_S


def test_a_film_that_is_far_away_jumps(running: Page) -> None:
    assert max(running.evaluate("films[1].time -= 1; pass(1)")[40:]) < FRAME_S


def test_while_a_film_cannot_go_on_all_wait_and_then_start_together(running: Page) -> None:
    waited = running.evaluate("films[0].readyState = 1; pass(1); films.map((each) => each.paused)")
    assert waited == [True, True, True]
    assert max(running.evaluate("films[0].readyState = 4; pass(1)")) < FRAME_S
    assert running.evaluate("films.some((each) => each.paused)") is False


def test_a_film_shorter_than_its_file_says_arrives_at_its_end_and_stays_there(page: Page) -> None:
    # Players go no further than to their own end; a clip of no length stands at its only moment.
    found = page.evaluate(
        """() => [2, 0].map((duration) => {
          const short = new SlowFilm();
          let seeks = 0;
          Object.assign(short, {duration});
          Object.defineProperty(short, 'currentTime', {
            get: () => short.time,
            set: (time) => { short.time = Math.min(time, duration); short.seeking = true; seeks += 1; },
          });
          const other = new Player(short);
          other.facts = duration ? {frames: 50, fps: 24} : null;
          for (let look = 0; look < 3; look += 1) {
            other.show(other.end);
            short.arrive(); short.tell();
          }
          return [seeks, other.ready];
        })"""
    )
    assert found == [[1, True], [0, True]]
