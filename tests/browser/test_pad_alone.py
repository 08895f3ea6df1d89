"""Pad, composer, card and wall on an empty page: what is done there crosses with what the kernel says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from lab_in_chromium import PATIENCE_S
from pictures_to_draw_on import two_balls
from playwright.sync_api import Browser, Error, Page
from widget_alone import load

from kling_nb.widgets.card import RunCard
from kling_nb.widgets.composer import Composer
from kling_nb.widgets.pad.pad import MotionPad
from kling_nb.widgets.wall import Wall

pytestmark = pytest.mark.browser

SIZE = (640, 400)

PAD = """([state, late]) => {
  window.views = [];
  const view = () => {
    const el = document.createElement('canvas');
    views.push({el, remove() { this.removed = true; }});
    return views.at(-1);
  };
  window.arrive = null;
  const manager = {
    get_model: async () => ({get: () => null}),
    create_view: async () => {
      if (late) await new Promise((resolve) => { arrive = resolve; });
      return view();
    },
  };
  window.model = new Model({state, film: null, canvas: 'IPY_MODEL_canvas'}, manager);
  window.host = document.body.appendChild(document.createElement('div'));
  window.pad = new Pad(model, host);
  window.given = {...state, done: {}};
  // What the kernel says when it has handled so many messages of this page.
  window.say = (done, more = {}) => {
    Object.assign(given, more, {done: {[pad.client]: done}});
    model.set('state', structuredClone(given));
  };
  window.said = (name) => model.sent.filter((each) => each.name === name).length;
  window.key = (key, more = {}) => pad.root.dispatchEvent(
    new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true, ...more}));
  window.at = (x, y) => {
    const box = pad.ink.line.getBoundingClientRect();
    return {clientX: box.left + (x * box.width) / 640, clientY: box.top + (y * box.height) / 400};
  };
  const finger = {pointerId: 7, pointerType: 'touch', bubbles: true, cancelable: true};
  window.pointer = (name, x, y, more = {}) => {
    pad.ink.line.dispatchEvent(new PointerEvent(name, {...finger, ...at(x, y), ...more}));
  };
  window.points = (number) => {
    const rows = new Float32Array(model.kinds('ink').at(number).buffers[0]);
    const place = (i) => [Math.round(rows[3 * i]), Math.round(rows[3 * i + 1])];
    return Array.from({length: rows.length / 3}, (_, i) => place(i));
  };
}"""


@pytest.fixture(scope="module")
def window(chromium: Browser) -> Iterator[Page]:
    window = chromium.new_page()
    window.set_default_timeout(1000 * PATIENCE_S)
    yield window
    window.close()


@pytest.fixture
def page(window: Page) -> Iterator[Page]:
    """An empty page on which nothing may go wrong unseen."""
    wrong: list[str] = []

    def listen(error: Error) -> None:
        wrong.append(str(error))

    window.goto("about:blank")
    window.on("pageerror", listen)
    yield window
    window.remove_listener("pageerror", listen)
    assert wrong == []


@pytest.fixture
def begin(page: Page, tmp_path) -> Callable[..., Page]:
    """Begin with a pad of two masks on a picture that is shown pixel by pixel."""
    from kling_nb.session import Session

    session = Session("sandbox", tmp_path)
    made = MotionPad(two_balls(SIZE), session=session, draft=False)
    made.model.add_layer()
    state = made.state
    session.close()

    def one(*, late: bool = False) -> Page:
        load(page, MotionPad, "Pad")
        page.evaluate(PAD, [state, late])
        return page

    return one


def test_a_stroke_stays_where_it_was_drawn_when_the_picture_moves_below_it(begin) -> None:
    page = begin()
    drawn = page.evaluate(
        """() => {
          // Zoom was asked for while the kernel was busy; it comes in the middle of the stroke.
          pointer('pointerdown', 100, 100); pointer('pointermove', 200, 100);
          say(1, {view: {scale: 2, x: -320, y: -200, zoom: 2}});
          pointer('pointermove', 200, 200); pointer('pointerup', 200, 200);
          const [stroke] = pad.ink.waiting;
          return [points(0), stroke.display.map(([x, y]) => [Math.round(x), Math.round(y)])];
        }"""
    )
    assert drawn == [[[100, 100], [200, 100], [260, 200]], [[-121, -1], [79, -1], [200, 200]]]


def test_a_finger_that_is_gone_without_a_word_does_not_end_all_drawing(begin) -> None:
    page = begin()
    drawn = page.evaluate(
        """() => {
          pointer('pointerdown', 50, 50); pointer('pointermove', 60, 50);
          for (const name of ['down', 'move', 'up']) pointer(`pointer${name}`, 150, 150, {pointerId: 8});
          pad.local.tool = 'hand';
          pointer('pointerdown', 50, 50, {pointerId: 9}); pointer('pointermove', 90, 50, {pointerId: 9});
          key('Escape');
          const strokes = model.kinds('ink').map((_, i) => points(i)[0]);
          return {strokes, grabbing: pad.stage.className, hand: said('pan')};
        }"""
    )
    assert drawn == {"strokes": [[50, 50], [150, 150]], "grabbing": "kn-stage", "hand": 0}


def test_an_older_state_that_comes_late_is_not_shown_and_the_kernel_is_asked_again(begin) -> None:
    page = begin()
    told = page.evaluate(
        """() => {
          say(1, {turn: 5, tool: 'lasso'});
          say(0, {turn: 4, tool: 'brush'});
          const shown = () => [pad.root.dataset.tool, pad.root.getAttribute('aria-busy')];
          const before = [...shown(), model.kinds('hello').length];
          say(pad.seq, {turn: 6, tool: 'lasso'});
          return [...before, ...shown()];
        }"""
    )
    assert told == ["lasso", "true", 2, "lasso", "false"]


def test_points_are_told_by_their_place_while_their_numbers_may_change(begin) -> None:
    page = begin()
    told = page.evaluate(
        """() => {
          const path = [[100, 100], [200, 100], [300, 100]];
          const layers = given.layers.map((layer, i) => (i ? layer : {...layer, path, points: 3}));
          say(1, {tool: 'edit', layer: layers[0].id, layers});
          const press = (x, more) => {
            for (const name of ['down', 'up']) pointer(`pointer${name}`, x, 100, more);
          };
          press(100, {altKey: true});
          press(300, {altKey: true});
          press(300);
          const deleted = model.sent.filter((each) => each.name === 'delete_point');
          const numbers = deleted.map(({index, at}) => index ?? at.map(Math.round));
          const [waiting] = model.kinds('ink');
          say(pad.seq);
          press(200);
          return [numbers, waiting.picked, model.kinds('ink')[1].picked];
        }"""
    )
    assert told == [[0, [300, 100]], None, {"kind": "point", "index": 1}]


def test_keys_held_down_and_pressed_again_do_their_work_once(begin) -> None:
    page = begin()
    done = page.evaluate(
        """() => {
          for (const repeat of [false, true, true]) {
            for (const name of ['s', 'b', '3', '4']) key(name, {repeat});
            for (const name of ['z', 'y']) key(name, {repeat, ctrlKey: true});
            key(']', {repeat});
          }
          key('3');
          const once = ['snap', 'add_layer', 'undo', 'redo'].map(said);
          say(pad.seq);
          key('3');
          const passed = key('Tab', {repeat: true});
          return {once, uses: model.kinds('use').length, again: said('add_layer'), passed};
        }"""
    )
    assert done == {"once": [1, 2, 3, 3], "uses": 4, "again": 3, "passed": True}


def test_a_name_being_typed_outlives_what_the_kernel_says_of_an_earlier_stroke(begin) -> None:
    page = begin()
    page.evaluate("() => { pad.ink.listeners.abort(); say(1); }")
    page.click(".kn-layer:nth-child(2) .kn-name")
    page.keyboard.type("red ")
    page.evaluate(
        """() => {
          say(1, {layers: given.layers.map((layer) => ({...layer, about: '12 %'}))});
          const chosen = new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true});
          document.activeElement.dispatchEvent(chosen);
        }"""
    )
    page.keyboard.type("ball")
    page.keyboard.press("Enter")
    names = page.evaluate(
        "() => model.sent.filter((each) => each.name === 'rename').map((each) => each.label)"
    )
    assert names == ["red ball"]
    page.evaluate("() => say(pad.seq)")
    assert page.inner_text(".kn-layer:nth-child(2) .kn-about") == "12 %"


def test_a_film_that_takes_the_place_of_another_needs_no_hand_to_start(begin) -> None:
    page = begin()
    controls = page.evaluate(
        """async () => {
          const ends = [];
          const {film} = pad.side;
          const play = film.play.bind(film);
          film.play = () => { ends.push(play()); return ends.at(-1); };
          for (const byte of [1, 2]) model.set('film', new Uint8Array([byte]));
          const [first] = await Promise.allSettled(ends);
          await pause(0);
          const before = film.controls;
          film.play = async () => { throw new DOMException('', 'NotAllowedError'); };
          model.set('film', new Uint8Array([3]));
          await pause(0);
          return [first.reason.name, before, film.controls];
        }"""
    )
    assert controls == ["AbortError", False, True]


def test_a_canvas_that_comes_when_the_pad_is_gone_is_gone_too(begin) -> None:
    page = begin(late=True)
    left = page.evaluate(
        """async () => {
          while (!arrive) await pause(0);
          pad.close();
          arrive();
          await pause(0);
          return [views.length, views.every((view) => view.removed), model.listeners()];
        }"""
    )
    assert left == [1, True, 0]


COMPOSER = """() => {
  const field = {name: 'duration', label: 'Seconds', value: '5', reason: '',
                 options: [{label: '5', value: '5', reason: ''}, {label: '10', value: '10', reason: ''}]};
  window.base = {
    image: '', image_hint: '', has_image: false, prompt: 'old', negative_prompt: '',
    limits: {prompt: 100, negative_prompt: 100}, fields: [field], way: '', problems: [], cost: '', submits: 0,
    submit: 'Submit', heard: {}, can_submit: true, can_preview: false, message: '', message_level: '',
  };
  window.views = new Map();
  window.waiting = [];
  const manager = {
    get_model: async (id) => id,
    create_view: async (id) => {
      const el = Object.assign(document.createElement('div'), {id});
      const view = {el, remove() { this.removed = true; el.remove(); }};
      views.set(id, view);
      return view;
    },
  };
  window.model = new Model({state: base, pad: 'IPY_MODEL_first', cards: []}, manager);
  window.host = document.body.appendChild(document.createElement('div'));
  window.leave = render({model, el: host});
  window.say = (more) => {
    const client = model.sent.at(-1)?.client;
    const {heard, ...rest} = more;
    model.set('state', {...base, ...rest, heard: {[client]: heard}});
  };
  window.promptField = host.querySelector('.kn-field-prompt');
}"""


def test_what_is_typed_and_chosen_in_a_form_is_not_undone_by_an_older_state(page: Page) -> None:
    load(page, Composer)
    page.evaluate(COMPOSER)
    page.evaluate(
        """() => {
          const choice = host.querySelector('select');
          for (const [input, value] of [[choice, '10'], [promptField, 'new']]) {
            input.value = value;
            for (const name of ['input', 'change']) input.dispatchEvent(new Event(name));
          }
        }"""
    )
    shown = "() => [promptField.value, host.querySelector('select').value]"
    assert page.evaluate("() => model.kinds('set').map((each) => [each.name, each.value])") == [
        ["duration", "10"],
        ["prompt", "new"],
    ]
    # A check that was begun before ends now; then the kernel takes one after the other.
    page.evaluate("() => say({heard: 0, fields: [{...base.fields[0], label: 'Length'}]})")
    assert page.evaluate(shown) == ["new", "10"]
    page.evaluate("() => say({heard: 1})")
    assert page.evaluate(shown) == ["new", "10"]
    # What it does not take, the page does not show either.
    page.evaluate("() => say({heard: 2, prompt: 'new'})")
    assert page.evaluate(shown) == ["new", "5"]

    page.click(".kn-compose-submit")
    page.evaluate(
        "() => { say({heard: 2, cost: '1 unit'}); host.querySelector('.kn-compose-submit').click(); }"
    )
    assert page.evaluate("() => model.kinds('submit').length") == 1
    page.evaluate("() => say({heard: model.kinds('submit')[0].seq})")
    assert page.get_attribute(".kn-compose-submit", "aria-disabled") == "false"


def test_a_picture_is_opened_once_by_enter_and_by_leaving_its_field(page: Page) -> None:
    load(page, Composer)
    page.evaluate(COMPOSER)
    asked = "() => model.kinds('set').map((each) => each.value)"
    page.fill(".kn-field-image", "boat.png")
    page.keyboard.press("Enter")
    page.focus(".kn-field-prompt")
    assert page.evaluate(asked) == ["boat.png"]
    # Taken away meanwhile, it can be opened again; and once more when the kernel has not found it.
    page.evaluate("() => say({heard: 0, has_image: true})")
    page.click(".kn-remove-picture")
    for _ in range(2):
        page.focus(".kn-field-image")
        page.keyboard.press("Enter")
        page.evaluate("() => say({heard: model.sent.at(-1).seq})")
        page.fill(".kn-field-image", "boat.png")
    assert page.evaluate(asked) == ["boat.png", "", "boat.png", "boat.png"]


def test_a_form_lets_go_of_what_it_no_longer_shows_and_takes_a_picture_twice(page: Page, tmp_path) -> None:
    load(page, Composer)
    page.evaluate(COMPOSER)
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"picture")
    page.set_input_files(".kn-upload", picture)
    page.wait_for_function("() => model.kinds('upload').length === 1")
    assert page.evaluate("() => host.querySelector('.kn-upload').files.length") == 0
    page.wait_for_selector("#first", state="attached")
    left = page.evaluate(
        """async () => {
          model.set('pad', 'IPY_MODEL_second');
          await pause(10);
          const gone = views.get('first').removed;
          model.set('pad', 'IPY_MODEL_third');
          model.set('cards', ['IPY_MODEL_card']);
          promptField.value = 'typed a moment ago';
          promptField.dispatchEvent(new Event('input'));
          leave();
          await pause(10);
          return {gone, all: [...views.values()].every((view) => view.removed), listeners: model.listeners(),
                  typed: model.kinds('set').at(-1)?.value};
        }"""
    )
    assert left == {"gone": True, "all": True, "listeners": 0, "typed": "typed a moment ago"}


WALL = """() => {
  const card = {label: 'one', repeat: 0, id: 'r-1', kind: 'done', text: '', reused: false, scores: null,
                poster: null, clip: {url: null}};
  const counts = {done: 1, running: 0, waiting: 1, failed: 1, uncertain: 0};
  const head = {id: 's-1', name: '', state: 'stopped', reason: '', error: [], total: 3, counts, reused: 0,
                spent: '', budget: '', until: '', left_s: null, busy: false, dropped: 0};
  window.card = card;
  window.head = head;
  window.model = new Model({head, cards: [card]});
  render({model, el: document.body});
}"""


def test_a_wall_keeps_its_player_and_buttons_that_can_be_pressed_again(page: Page) -> None:
    load(page, Wall)
    page.evaluate(WALL)
    for name in ("resume", "again"):
        page.click(f".kn-wall-{name}")
        assert page.is_disabled(f".kn-wall-{name}")
        page.evaluate("() => model.message({kind: 'said', text: 'There is no key.'})")
        assert page.is_enabled(f".kn-wall-{name}")
    page.click(".kn-wall-media")
    page.evaluate(
        """() => {
          model.message({kind: 'clip', id: 'r-1'}, [new Uint8Array([1])]);
          const poster = {data: 'data:image/gif;base64,R0lGODlhAQABAAAAACw='};
          model.message({kind: 'changed', head, cards: {0: {...card, poster}}});
        }"""
    )
    assert page.evaluate("() => document.querySelectorAll('.kn-wall-media video').length") == 1


CARD = """() => {
  const state = {
    id: 'r-1', status: 'succeeded', explained: '', service_status: '', model: '', form: '', parent: '',
    provider: '', reused: false, message: '', error: [], check: null, notices: [], prompt: '', cost: '',
    params: [], name: '', note: '', tags: [], code: '', cell: '', final: true, following: false, scores: null,
    open_scores: false, started_ms: 0, finished_ms: 1, expected_s: null,
    video: {path: 'a.mp4', bytes: 9, url_path: null, embeds: false},
  };
  window.model = new Model({state, poster: null});
  for (const name of ['asks', 'looks']) {
    const el = document.body.appendChild(document.createElement('div'));
    el.id = name;
    render({model, el});
  }
}"""


def test_a_video_goes_to_the_card_that_asked_and_can_be_asked_for_again(page: Page) -> None:
    load(page, RunCard)
    page.evaluate(CARD)
    page.click("#asks .kn-load")
    page.evaluate("() => model.message({kind: 'video'}, [new Uint8Array([])])")
    page.click("#asks .kn-load")
    assert page.evaluate("() => model.kinds('video').length") == 2
    page.evaluate("() => model.message({kind: 'video'}, [new Uint8Array([1])])")
    assert page.evaluate(
        "() => [...document.querySelectorAll('video')].map((each) => each.closest('[id]').id)"
    ) == ["asks"]
