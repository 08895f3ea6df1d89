"""The gallery on an empty page: keys, clicks, files and the kernel's answers in every awkward order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from widget_alone import load

import kling_nb.widgets.report as report
from kling_nb.widgets.gallery.widget import Gallery

pytestmark = pytest.mark.browser

SETUP = """(more) => {
  window.gallery?.close();
  document.body.replaceChildren();
  window.as_it_was ??= {fetch, make: URL.createObjectURL, revoke: URL.revokeObjectURL};
  window.fetch = as_it_was.fetch;
  Object.assign(URL, {createObjectURL: as_it_was.make, revokeObjectURL: as_it_was.revoke});
  window.run = (number, more = {}) => ({
    id: `r-${number}`, name: '', status: 'succeeded', provider: 'sandbox', model: 'kling-v1 std',
    prompt: `take ${number}`, params: [], rating: null, kept: null, tags: [], note: '', created_ms: number,
    cost: '', error: '', ratio: 1.5, brush: false, scores: null, poster: null,
    clip: {url: null, bytes: 4, embeds: true}, ...more,
  });
  const plan = {mode: 'sheet', orders: {}, left_out: 0};
  const state = {items: [1, 2, 3].map((n) => run(n)), details: {}, plan, marked: [], ...more};
  window.model = new Model(state);
  window.host = document.body.appendChild(document.createElement('div'));
  window.gallery = new Gallery(model, host);
  window.tile = (number) => gallery.tiles.get(`r-${number}`);
  window.of = (kind, number) => model.kinds(kind).filter((each) => each.id === `r-${number}`);
  window.judged = (number) => of('judge', number).map((each) => each.given);
  window.answer = (place, item) => {
    model.message({kind: 'judged', seq: model.kinds('judge').at(place).seq, item});
  };
  window.key = (key, more = {}) => (document.activeElement ?? document.body).dispatchEvent(
    new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true, ...more}));
}"""


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    page = chromium.new_page()
    load(page, Gallery, "Gallery", "Player")
    yield page
    page.close()


@pytest.fixture
def begin(page: Page) -> Iterator[Callable[..., Page]]:
    """Begin with a gallery of three runs; nothing may go wrong unseen."""
    wrong: list[str] = []

    def listen(error: Any) -> None:
        wrong.append(str(error))

    def one(**state: Any) -> Page:
        page.evaluate(SETUP, state)
        # The page looks which clips are in sight with its next frame, and makes players for those.
        page.wait_for_function("() => gallery.visible && !gallery.unsettled.size")
        return page

    page.on("pageerror", listen)
    yield one
    page.remove_listener("pageerror", listen)
    assert wrong == []


def test_a_key_held_down_moves_on_and_does_nothing_else_twice(begin) -> None:
    page = begin()
    said = page.evaluate(
        """() => {
          gallery.focusTile(tile(1));
          for (const repeat of [false, true, true]) {
            for (const name of ['3', 'k', 'm', ' ', 'z']) key(name, {repeat});
          }
          const clock = gallery.clock.playing;
          for (const repeat of [false, true]) key('n', {repeat});
          return {judged: judged(1), marked: gallery.marked.length, undo: model.kinds('undo').length, clock,
                  at: gallery.current.item.id, passed: key('Tab', {repeat: true})};
        }"""
    )
    assert said == {
        "judged": [{"rating": 3}, {"kept": True}],
        "marked": 1,
        "undo": 1,
        "clock": True,
        "at": "r-3",
        "passed": True,
    }


def test_what_is_pressed_is_not_undone_by_what_the_kernel_says_of_the_press_before(begin) -> None:
    page = begin()
    stars = page.evaluate(
        """() => {
          const stars = [];
          const waits = () => (tile(1).el.dataset.unsaved === undefined ? '' : ' on its way');
          const look = () => stars.push(`${tile(1).item.rating}${waits()}`);
          gallery.focusTile(tile(1));
          key('3'); key('4'); look();
          model.message({kind: 'items', items: [run(1, {rating: 3, note: 'of somebody else'})]}); look();
          answer(0, run(1, {rating: 3})); look();
          model.message({kind: 'items', items: [run(1, {rating: 4})]});
          answer(1, run(1, {rating: 4})); look();
          model.message({kind: 'items', items: [run(1, {rating: 1})]}); look();
          return stars;
        }"""
    )
    assert stars == ["4 on its way"] * 3 + ["4", "1"]


def test_what_went_wrong_stays_to_be_read_when_the_kernel_is_no_longer_busy(begin) -> None:
    page = begin()
    said = page.evaluate(
        """() => {
          gallery.focusTile(tile(1));
          key('3');
          for (const each of gallery.judging.unsaved.values()) each.since -= 60000;
          gallery.judging.lateness();
          const busy = gallery.said.textContent;
          answer(0, run(1));
          model.message({kind: 'said', level: 'E', text: 'The log is locked.'});
          gallery.judging.lateness();
          return [busy, gallery.said.textContent];
        }"""
    )
    assert said == ["Kernel busy: 1 judgement waiting.", "The log is locked."]


def test_keys_stay_in_the_gallery_when_an_answer_sorts_it_anew(begin) -> None:
    page = begin()
    page.select_option("select[aria-label=Order]", "best")
    page.evaluate("() => { gallery.focusTile(tile(2)); key('5'); answer(0, run(2, {rating: 5})); }")
    assert page.evaluate("() => gallery.order.map((each) => each.item.id)") == ["r-2", "r-1", "r-3"]
    page.keyboard.press("k")
    assert page.evaluate("() => judged(2)") == [{"rating": 5}, {"kept": True}]


def test_a_note_being_written_outlives_answers_other_windows_and_input_methods(begin) -> None:
    page = begin()
    page.evaluate("() => { gallery.focusTile(tile(1)); key('e'); }")
    page.keyboard.type("a long ")
    # Sorted anew, filtered away, looked at another window, chosen among the words of an input method.
    page.evaluate(
        """() => {
          gallery.bars.order.value = 'best'; gallery.bars.rated.value = 'none';
          model.message({kind: 'items', items: [run(1, {rating: 4}), run(3, {rating: 5})]});
          document.activeElement.dispatchEvent(new FocusEvent('blur'));
          key('Enter', {isComposing: true});
        }"""
    )
    page.keyboard.type("tail")
    page.keyboard.press("Enter")
    assert page.evaluate("() => judged(1)") == [{"note": "a long tail"}]
    assert page.evaluate("() => document.activeElement === tile(1).el")


def test_who_leaves_a_note_for_the_search_does_not_judge_by_what_is_typed_there(begin) -> None:
    page = begin()
    page.evaluate("() => { gallery.focusTile(tile(1)); key('e'); }")
    page.click(".kn-search")
    page.keyboard.type("kd3")
    assert page.input_value(".kn-search") == "kd3"
    assert page.evaluate("() => model.kinds('judge')") == []


def test_keys_do_no_harm_where_there_are_no_runs(begin) -> None:
    page = begin(items=[])
    page.evaluate(
        """() => {
          gallery.root.focus();
          for (const name of ['ArrowUp', 'ArrowDown', 'n', 'End', '3', ' ']) key(name);
        }"""
    )
    assert page.evaluate("() => model.kinds('judge')") == []


def test_marks_of_another_view_and_of_python_are_seen(begin) -> None:
    page = begin()
    marks = page.evaluate(
        """() => {
          const other = new Gallery(model, host);
          gallery.toggleMark(tile(2));
          const seen = other.marked.map((each) => each.item.id);
          other.toggleMark(other.tiles.get('r-1'));
          const both = model.get('marked');
          model.set('marked', ['r-3']);
          const shown = [...host.querySelectorAll('.kn-tile[data-marked]')].map((each) => each.dataset.run);
          other.close(); gallery.close();
          return [seen, both, shown, model.listeners()];
        }"""
    )
    assert marks == [["r-2"], ["r-2", "r-1"], ["r-3", "r-3"], 0]


FILM = """
window.revoked = [];
URL.revokeObjectURL = (address) => revoked.push(address);
window.film = (id) => model.message({kind: 'media', id, what: 'clip'}, [new Uint8Array([1, 2, 3, 4])]);
"""


def test_a_clip_asked_for_twice_at_once_keeps_the_address_its_player_has(begin) -> None:
    page = begin()
    page.evaluate(f"() => {{ {FILM} }}")
    played = page.evaluate(
        """async () => {
          const {screen} = tile(1);
          screen.wake(); screen.sleep(); screen.wake();
          film('r-1');
          await pause(20);
          const {users} = gallery.store.clips.get('r-1');
          return {asked: of('media', 1).length, gone: revoked.includes(screen.player.video.src), users};
        }"""
    )
    assert played == {"asked": 1, "gone": False, "users": 1}


def test_a_gallery_that_is_closed_fetches_and_keeps_nothing(begin) -> None:
    page = begin()
    left = page.evaluate(
        """async () => {
          const begun = [], answers = [], made = [], revoked = [];
          URL.createObjectURL = () => { made.push(`blob:${made.length}`); return made.at(-1); };
          URL.revokeObjectURL = (address) => revoked.push(address);
          window.fetch = (url, {signal} = {}) => new Promise((resolve, reject) => {
            begun.push(url);
            signal?.addEventListener('abort', () => reject(new DOMException('', 'AbortError')));
            answers.push(() => resolve(new Response(new Blob(['film']))));
          });
          const config = document.body.appendChild(document.createElement('script'));
          config.type = 'application/json'; config.id = 'jupyter-config-data';
          config.textContent = '{"baseUrl": "http://127.0.0.1:1/"}';
          const {store} = gallery;
          for (const n of [1, 2, 3, 4, 5]) {
            store.clip(run(n, {clip: {url: `${n}.mp4`, bytes: 4, embeds: false}}));
          }
          await pause(0);
          const before = begun.length;
          gallery.close();
          for (const answer of answers) answer();
          await pause(20);
          return {before, after: begun.length, kept: made.filter((address) => !revoked.includes(address))};
        }"""
    )
    assert left == {"before": 3, "after": 3, "kept": []}


def test_a_clip_that_comes_while_its_place_is_in_sight_gets_a_player(begin) -> None:
    page = begin()
    page.evaluate(f"() => {{ {FILM} }}")
    page.evaluate(
        """() => {
          gallery.close();
          host.replaceChildren();
          model.sent = [];
          model.set('items', [run(1, {status: 'processing', clip: null})]);
          gallery = new Gallery(model, host);
        }"""
    )
    page.wait_for_function("() => tile(1).inSight && gallery.visible && !gallery.unsettled.size")
    page.evaluate("() => model.message({kind: 'items', items: [run(1)]})")
    page.wait_for_function("() => model.kinds('media').length === 1")
    page.evaluate("() => film('r-1')")
    page.wait_for_selector(".kn-film", state="attached")


def test_a_clip_that_cannot_be_played_says_so_until_it_can(begin) -> None:
    page = begin()
    page.evaluate(f"() => {{ {FILM} }}")
    page.evaluate("async () => { tile(1).screen.wake(); film('r-1'); }")
    page.wait_for_function("() => tile(1).screen.words.textContent === 'The video cannot be played here.'")
    page.evaluate("() => model.message({kind: 'items', items: [run(1, {rating: 3})]})")
    assert page.evaluate("() => tile(1).screen.words.textContent") == "The video cannot be played here."


def test_a_clip_whose_frame_rate_is_known_later_shows_the_frame_of_its_moment(begin) -> None:
    page = begin()
    frames = page.evaluate(
        """() => {
          const video = Object.assign(new EventTarget(), {
            duration: 3, paused: true, seeking: false, readyState: 4, playbackRate: 1, currentTime: 0,
            pause() {},
          });
          const player = new Player(video);
          tile(2).screen.player = player;
          gallery.clock.add(player);
          gallery.clock.step(10);
          const guessed = Math.floor(video.currentTime * 24);
          const facts = {fps: 30, frames: 75, width: 320, height: 180};
          model.message({kind: 'details', details: {'r-2': {facts, paths: null}}});
          tile(2).screen.player = null;
          gallery.clock.remove(player);
          return [guessed, video.currentTime * 30];
        }"""
    )
    assert frames[0] == 10
    # The 10th frame of 24 in a second ends after 0.44 s: by then stands the 13th of 30, in its middle.
    assert frames[1] == pytest.approx(13.5)


def test_one_look_at_two_clips_is_one_vote_and_a_vote_that_failed_can_be_given_again(begin) -> None:
    plan = {"mode": "blind", "question": "Which?", "orders": {}, "left_out": 0}
    page = begin(plan=plan, pair={"done": 0, "of": 9, "left": "r-1", "right": "r-2"})
    voted = page.evaluate(
        """() => {
          const next = (done) => model.set('pair', {...model.get('pair'), done});
          gallery.root.focus();
          key('1'); next(1); key('1', {repeat: true});
          const [left] = gallery.blind.buttons;
          for (const detail of [1, 2]) {
            left.dispatchEvent(new MouseEvent('click', {detail, bubbles: true}));
            if (detail === 1) next(2);
          }
          left.focus();
          const held = key('Enter', {repeat: true});
          key('Backspace'); key('Backspace', {repeat: true});
          const votes = () => model.kinds('vote').map((vote) => vote.done);
          const before = votes();
          gallery.root.focus();
          key('2'); key('2');
          model.message({kind: 'said', level: 'E', text: 'The log is locked.'});
          key('2');
          return {before, after: votes(), held, back: model.kinds('unvote').length};
        }"""
    )
    assert voted == {"before": [0, 1], "after": [0, 1, 2, 2], "held": False, "back": 1}


REPORT = """
class Film extends EventTarget {
  constructor() {
    super();
    Object.assign(this, {duration: 2, paused: true, seeking: false, readyState: 4, playbackRate: 1, time: 0});
    Object.assign(this, {error: null, dataset: {fps: '24', frames: '48'}, listening: 0});
  }
  get currentTime() { return this.time; }
  set currentTime(time) { this.time = time; this.seeking = true; }
  play() { this.paused = false; return Promise.resolve(); }
  pause() { this.paused = true; }
  addEventListener(name, ...more) { this.listening += 1; super.addEventListener(name, ...more); }
  arrive() { this.seeking = false; }
  tell(name = 'seeked') { this.dispatchEvent(new Event(name)); }
}
const film = new Film();
const place = {querySelector: () => film};
"""


def test_a_report_scrolled_away_and_back_has_one_player_a_clip_and_waits_for_no_broken_one(chromium) -> None:
    folder = Path(report.__file__).parent
    clock = (folder.parent / "gallery" / "clock.js").read_text(encoding="utf-8")
    script = (folder / "report.js").read_text(encoding="utf-8")
    players = script[script.index("function join") : script.index("const seen =")]
    page = chromium.new_page()
    head = "const players = new Map();\nconst clock = new Clock(() => {});"
    page.add_script_tag(content="\n".join((clock, head, players, REPORT)))
    found = page.evaluate(
        """() => {
          join(place);
          film.arrive(); film.tell();
          clock.seek(1); clock.seek(1.5);
          leave(place);
          film.arrive();
          clock.seek(0);
          join(place);
          film.tell();
          const frame = Math.floor(film.currentTime * 24);
          const before = film.listening;
          leave(place); join(place);
          const more = film.listening - before;
          clock.play();
          film.error = {code: 4}; film.tell('error');
          const broken = clock.players.size;
          leave(place); join(place);
          return [frame, more, broken, clock.players.size];
        }"""
    )
    page.close()
    assert found == [0, 0, 0, 0]
