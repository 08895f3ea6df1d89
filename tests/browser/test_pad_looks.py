"""Screenshots of the pad with each tool in the hand, light and dark: to be looked at."""

from __future__ import annotations

import pytest
from pad_on_page import PadOnPage

pytestmark = [pytest.mark.browser, pytest.mark.drill]

CAT = """from skimage import data
from PIL import Image
Image.fromarray(data.chelsea()).save("cat.png")
import kling_nb as kn
pad = kn.MotionPad("cat.png", draft=False)
pad"""
SIZE = (451, 300)
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark"}
THEME_IS_ON = "(theme) => document.body.dataset.jpThemeName === theme"


@pytest.mark.parametrize("theme", THEMES)
def test_every_tool(open_pad, theme: str) -> None:
    pad = open_pad(f"looks-{theme}", SIZE, head=CAT)
    choose = (
        "async (theme) => { await window.jupyterapp.commands.execute('apputils:change-theme', {theme}); }"
    )
    pad.page.evaluate(choose, THEMES[theme])
    pad.page.wait_for_function(THEME_IS_ON, arg=THEMES[theme])
    # The left eye with a pressure-free brush, then rectangle, ellipse, lasso on masks of their own.
    strokes = {
        "brush": [(140, 118), (185, 128), (160, 140)],
        "rectangle": [(40, 200), (110, 260)],
        "ellipse": [(286, 92), (345, 160)],
        "lasso": [(215, 230), (262, 222), (290, 250), (255, 285), (225, 262)],
    }
    for number, (tool, places) in enumerate(strokes.items()):
        if number:
            pad.press("Add mask")
        pad.tool(tool)
        pad.drag(places[:-1], settle=True) if tool == "brush" else pad.drag(places)
        held(pad, places, f"pad-{theme}-{tool}")
    pad.part(".kn-layer[data-layer='mask-1'] .kn-name").fill("left eye")
    pad.page.keyboard.press("Enter")
    pad.settle()
    pad.part(".kn-layer[data-layer='mask-1'] .kn-chip").click()
    pad.tool("path_click")
    for point in ((160, 130), (200, 90), (250, 80), (300, 60)):
        pad.click(point)
    pad.notebook.picture(f"pad-{theme}-path-click", 1)
    pad.part(".kn-layer[data-layer='mask-3'] .kn-chip").click()
    pad.tool("path_freehand")
    pad.drag([(315, 126), (360, 110), (390, 150), (420, 120)], steps=10)
    pad.notebook.picture(f"pad-{theme}-path-freehand", 1)
    pad.tool("edit")
    pad.click((389, 149))
    pad.notebook.picture(f"pad-{theme}-edit", 1)
    pad.press("Freeze the rest")
    pad.notebook.picture(f"pad-{theme}-frozen", 1)
    pad.tool("hand")
    pad.command("zoom_in")
    pad.command("zoom_in")
    pad.wait_ink_gone()
    pad.notebook.picture(f"pad-{theme}-zoomed", 1)
    pad.command("code")
    pad.notebook.picture(f"pad-{theme}-code", 1)
    assert pad.notebook.errors == []


def held(pad: PadOnPage, places: list, name: str) -> None:
    """A picture with the stroke still in the hand, which is then given up."""
    pad.still()
    mouse = pad.page.mouse
    start, *rest = [pad.at((x + 12, y + 8)) for x, y in places]
    mouse.move(*start)
    mouse.down()
    for place in rest:
        mouse.move(*place, steps=5)
    pad.notebook.picture(name)
    pad.page.keyboard.press("Escape")
    mouse.up()
    pad.settle()
