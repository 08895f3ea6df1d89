"""The composer form: from a picture to a video without a line of code."""

from __future__ import annotations

from pathlib import Path

import pytest
from pad_on_page import PadOnPage, overlap, painted, received
from pictures_to_draw_on import centre_of, two_balls
from PIL import Image

pytestmark = pytest.mark.browser

SIZE = (720, 480)
HEAD = 'import kling_nb as kn\nform = kn.compose(provider="sandbox")\nform'


@pytest.fixture
def form(open_form):
    """An empty form in a notebook."""
    return open_form("compose", HEAD)


@pytest.fixture
def open_form(open_notebook_with, home: Path, lab):
    def open_one(name: str, head: str):
        page = open_notebook_with(name, f"%env KLING_NB_HOME={home}", head)
        Image.fromarray(two_balls(SIZE, 77)).save(lab.folder / name / "balls.png")
        page.command("application:toggle-left-area")
        page.run(0)
        page.run(1)
        page.page.wait_for_selector(".kn-composer")
        return page

    return open_one


def reason_of(page, name: str, value: str) -> tuple[bool, str]:
    """Whether an option is greyed, and its words."""
    selector = f"select[data-name='{name}'] option[value='{value}']"
    option = page.page.wait_for_selector(selector, state="attached")
    return bool(option.evaluate("o => o.disabled")), option.inner_text()


def test_from_picture_to_card(form, home: Path) -> None:
    page = form.page
    assert page.query_selector(".kn-compose-submit").get_attribute("aria-disabled") == "true"
    page.fill(".kn-field-image", "balls.png")
    page.keyboard.press("Enter")
    pad = PadOnPage(form, SIZE)
    page.fill(".kn-field-prompt", "The red ball rises [[sandbox:slow:600]]")
    page.select_option("select[data-name='model_name']", "kling-v2-6")
    page.wait_for_selector("[data-name='mode'] option:has-text('not with kling-v2-6')", state="attached")
    greyed, words = reason_of(form, "mode", "4k")
    assert greyed and "kling-v2-6" in words
    page.select_option("select[data-name='model_name']", "kling-v1")
    # What has been checked by now can be sent: below, that it cannot is said of the drawing.
    page.wait_for_selector("[data-name='mode'] option:has-text('not with kling-v1')", state="attached")
    page.wait_for_selector(".kn-compose-submit[aria-disabled='false']")
    form.element(1)
    x, y = centre_of(1, SIZE)
    places = pad.drag([(x - 30, y), (x + 30, y)])
    mask = painted(places, pad.radius(), SIZE)
    # Until the drawing is checked, the form says what held before it.
    page.wait_for_selector(".kn-compose-submit[aria-disabled='true']")
    pad.tool("path_freehand")
    pad.drag([(x, y), (x + 90, y - 100)], steps=12)
    page.wait_for_function("() => document.querySelector('.kn-way-reason').textContent.includes('masks')")
    page.wait_for_selector(".kn-cost-line:has-text('$0.14')")
    page.wait_for_selector(".kn-compose-submit[aria-disabled='false']")
    page.click(".kn-compose-preview")
    pad.root.wait_for_selector(".kn-film[src]")
    form.picture("composer", 1)
    page.click(".kn-compose-submit")
    body = received(home, SIZE)
    assert overlap(body.masks[0], mask) >= 0.99
    assert body.job["prompt"].startswith("The red ball rises")
    page.wait_for_selector(".kn-composer .kn-card[data-status='succeeded']")
    # The log lies outside the server's folder: the page asks for the clip and gets it a message later.
    page.wait_for_selector(".kn-composer .kn-video")
    form.picture("composer-done", 1)
    assert form.errors == []


def test_a_model_without_brush_gets_an_end_frame_and_says_so(open_form) -> None:
    page = open_form("compose-way", HEAD.replace("compose(", 'compose("balls.png", "it rises", '))
    pad = PadOnPage(page, SIZE)
    page.page.select_option("select[data-name='model_name']", "kling-v2-6")
    page.page.select_option("select[data-name='mode']", "pro")
    x, y = centre_of(1, SIZE)
    pad.drag([(x - 30, y), (x + 30, y)])
    pad.tool("path_freehand")
    pad.drag([(x, y), (x + 90, y - 100)], steps=12)
    said = "() => document.querySelector('.kn-way-reason').textContent.includes('end frame')"
    page.page.wait_for_function(said)
    greyed, words = reason_of(page, "way", "native")
    assert greyed and "takes no masks" in words
    page.picture("composer-end-frame", 1)


def test_a_clip_from_words_through_another_door(open_form) -> None:
    page = open_form("compose-words", HEAD)
    greyed, words = reason_of(page, "provider", "acedata")
    assert greyed and "no key: %kling login acedata" in words
    page.page.select_option("select[data-name='provider']", "sandbox-acedata")
    page.page.wait_for_selector(".kn-composer :text('of 200 characters')")
    page.page.select_option("select[data-name='aspect_ratio']", "9:16")
    page.page.fill(".kn-field-prompt", "A lighthouse at dusk")
    page.page.wait_for_selector(".kn-composer :text('20 of 2500 characters')")
    page.page.wait_for_selector(".kn-compose-submit[aria-disabled='false']")
    page.page.click(".kn-compose-submit")
    card = page.page.wait_for_selector(".kn-composer .kn-card[data-status='succeeded']")
    assert "text-to-video, no picture" in card.inner_text()
    assert "sandbox-acedata (plays AceData)" in card.inner_text()
    page.page.wait_for_selector(".kn-compose-submit[aria-disabled='false']")
    page.picture("composer-words", 1)
    assert page.errors == []
