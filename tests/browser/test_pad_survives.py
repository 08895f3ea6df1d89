"""Reload of the page, a second view, a restart of the kernel: the drawing is there."""

from __future__ import annotations

from pathlib import Path

import pytest
from pad_on_page import PadOnPage
from pictures_to_draw_on import centre_of

pytestmark = pytest.mark.browser

SIZE = (720, 480)
RESTART = """async () => {
  await window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart();
}"""


DECODE_LATE = """() => {
  const plain = Object.getOwnPropertyDescriptor(HTMLElement.prototype, 'onload');
  const decoded = new Promise((resolve) => { window.decode = resolve; });
  Object.defineProperty(HTMLImageElement.prototype, 'onload', {
    configurable: true,
    get() { return plain.get.call(this); },
    set(work) { plain.set.call(this, work && ((event) => decoded.then(() => work.call(this, event)))); },
  });
}"""
"""Pictures are not decoded before the page says so."""

FRAMES = """async () => {
  for (let i = 0; i < 4; i += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
}"""


def drawn(pad: PadOnPage) -> tuple[int, int, int]:
    """Colour below the painted place."""
    return pad.pixel(centre_of(2, SIZE))


def paint(pad: PadOnPage) -> tuple[int, int, int]:
    """Paint a spot on the green ball; return the colour that the kernel gives it."""
    pad.pixel((5, 5))
    pad.page.evaluate(DECODE_LATE)
    x, y = centre_of(2, SIZE)
    pad.drag([(x - 15, y), (x + 15, y)])
    pad.page.evaluate(FRAMES)
    assert pad.ink(), "the echo stays until the kernel's drawing is painted"
    pad.page.evaluate("() => decode()")
    pad.wait_ink_gone()
    return drawn(pad)


def test_a_reloaded_page_shows_the_drawing(open_pad) -> None:
    pad = open_pad("reload", SIZE)
    bare = drawn(pad)
    seen = paint(pad)
    assert differ(seen, bare)
    page = pad.notebook
    page.save()
    saved = page.lab.folder / "reload" / "reload.ipynb"
    pad.until(lambda: "widget-view" in saved.read_text(), "the notebook is not saved")
    page.reload()
    again = PadOnPage(page, SIZE)
    wait_alike(again, seen)
    again.command("undo")
    wait_alike(again, bare)


GONE = """gone = kn.MotionPad("scene.png", draft=False)
gone._page_ready()
gone.close()"""


def test_a_second_view_of_the_same_pad_follows_and_a_closed_pad_takes_none_with_it(open_pad) -> None:
    pad = open_pad("views", SIZE, "pad")
    pad.notebook.run(2)
    pad.page.wait_for_function("() => document.querySelectorAll('.kn-pad').length === 2")
    roots = pad.page.query_selector_all(".kn-pad")
    second = PadOnPage(pad.notebook, SIZE, roots[1])
    pad.notebook.element(1)
    bare = drawn(pad)
    # Its drawing is on the page, but not decoded yet, when it is closed.
    pad.page.evaluate(DECODE_LATE)
    pad.notebook.run_text(GONE)
    pad.page.evaluate("() => decode()")
    seen = paint(pad)
    assert differ(seen, bare)
    wait_alike(second, seen)
    assert second.layers() == pad.layers()
    assert second.ink() == 0
    pad.tool("lasso")
    second.part("[data-tool='lasso'][aria-pressed='true']")


def test_a_restarted_kernel_brings_the_drawing_back_and_says_so(open_pad, home: Path) -> None:
    pad = open_pad("restart", SIZE)
    known = set(home.glob("drafts/*.json"))
    seen = paint(pad)
    page = pad.notebook
    pad.until(lambda: set(home.glob("drafts/*.json")) > known, "the drawing is not kept")
    page.page.evaluate(RESTART)
    page.wait_ready()
    page.run(0)
    page.run(1)
    again = PadOnPage(page, SIZE, page.element(1).wait_for_selector(".kn-pad"))
    assert "is back" in again.said()
    wait_alike(again, seen)
    page.picture("pad-restored", 1)


def wait_alike(pad: PadOnPage, seen: tuple[int, int, int]) -> None:
    """Wait until the painted place has this colour: drawings come on a channel of their own."""
    pad.until(lambda: not differ(drawn(pad), seen), f"the painted place does not become {seen}")


def differ(one: tuple[int, int, int], other: tuple[int, int, int]) -> bool:
    """Whether two colours differ by more than the noise of a JPEG."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) > 14
