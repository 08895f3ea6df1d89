"""The motion pad in JupyterLab with a real mouse: what is drawn is what the service receives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pad_on_page import PAD_CELL, PadOnPage, distance_to_line, overlap, painted, received
from pictures_to_draw_on import BALL, centre_of, two_balls
from PIL import Image

from kling_nb import media

pytestmark = pytest.mark.browser

LANDSCAPE = (720, 480)
SUBMIT = """%%kling scene.png --brush pad --provider sandbox --model kling-v1 --mode std -o run
The balls move [[sandbox:slow:600]]"""


def paint_ball(pad: PadOnPage, number: int) -> np.ndarray:
    """Paint over a whole ball with a broad brush; return the pixels that were painted."""
    x, y = centre_of(number, pad.size)
    ball = BALL * min(pad.size)
    pad.root.focus()
    while pad.radius() < 0.85 * ball:
        pad.page.keyboard.press("]")
    reach = 0.3 * ball
    places = pad.drag(
        [(x - reach, y - reach), (x + reach, y - reach), (x, y + reach), (x - reach, y - reach)]
    )
    return painted(places, pad.radius(), pad.size)


def assert_path(sent: list, drawn: list) -> None:
    """Every point sent lies on the line drawn, and every place visited on the line sent, within 1 px."""
    assert max(distance_to_line(point, drawn) for point in sent) <= 1
    assert max(distance_to_line(point, sent) for point in drawn) <= 1
    assert np.hypot(*np.subtract(sent[0], drawn[0])) <= 1 and np.hypot(*np.subtract(sent[-1], drawn[-1])) <= 1


@pytest.mark.drill
def test_from_picture_to_video(open_pad, home: Path) -> None:
    """Two masks, a path by hand, one by clicks, what stays, eraser, undo, redo, snap, preview, run."""
    pad = open_pad("story", LANDSCAPE, SUBMIT)
    width, height = LANDSCAPE
    page = pad.notebook
    first = paint_ball(pad, 1)
    pad.tool("eraser")
    x, y = centre_of(1, LANDSCAPE)
    for _ in range(9):
        pad.page.keyboard.press("[")
    rim = 1.2 * BALL * height
    rubbed = pad.drag([(x - rim, y - 20), (x - rim, y + 20)])
    erased = first & ~painted(rubbed, pad.radius(), LANDSCAPE)
    pad.command("undo")
    assert "eraser" in pad.title("redo")
    pad.command("redo")

    pad.tool("path_freehand")
    swing = [(x, y), (x + 40, y - 50), (x + 110, y - 60), (x + 150, y + 20)]
    freehand = pad.drag(swing, steps=12)

    pad.press("Add mask")
    pad.tool("brush")
    second = paint_ball(pad, 2)
    pad.tool("path_click")
    x2, y2 = centre_of(2, LANDSCAPE)
    clicks = [pad.click(point) for point in ((x2, y2), (x2 + 60, y2 + 50), (x2 + 70, y2 + 130))]

    pad.page.keyboard.press("7")
    pad.tool("rectangle")
    corners = pad.drag([(10, height - 60), (width - 11, height - 12)])
    still = np.zeros((height, width), dtype=bool)
    (left, top), (right, bottom) = corners[0], corners[-1]
    still[int(np.ceil(top)) : int(np.ceil(bottom)), int(np.ceil(left)) : int(np.ceil(right))] = True
    assert len(pad.layers()) == 3
    page.picture("pad-drawn", 1)

    pad.page.keyboard.press("2")
    pad.command("snap")
    assert "snap" in pad.title("undo"), pad.said()
    page.picture("pad-snapped", 1)
    pad.command("undo")
    assert "snap" in pad.title("redo")

    pad.part(".kn-primary").click()
    film = pad.root.wait_for_selector(".kn-film[src]")
    assert film is not None
    film.scroll_into_view_if_needed()  # browsers let no film play by itself where nobody sees it
    assert film.evaluate("video => new Promise(done => { video.ontimeupdate = () => done(true); })")
    # The film and what is said of it are two messages.
    pad.part(".kn-price:has-text('$0.14')")
    page.picture("pad-preview", 1)

    page.start(2)
    body = received(home, LANDSCAPE)
    assert overlap(body.masks[0], erased) >= 0.99
    assert overlap(body.masks[1], second) >= 0.99
    assert overlap(body.static, still) >= 0.99
    assert_path(body.paths[0], freehand)
    assert_path(body.paths[1], clicks)
    page.wait_status(2, "succeeded")
    moves = measured_moves(Path(page.run_text("print(run.video.resolve())")), LANDSCAPE)
    for number, path in ((1, freehand), (2, clicks)):
        asked = np.subtract(path[-1], path[0])
        assert np.hypot(*(moves[number] - asked)) < 0.15 * np.hypot(*asked) + 4, (moves, asked)
    assert page.errors == []


def measured_moves(video: Path, size: tuple[int, int]) -> dict[int, np.ndarray]:
    """How far each ball has moved from the first to the last frame, in pixels of the picture."""
    frames = list(media.frames(video))
    centres: dict[int, list] = {1: [], 2: []}
    for frame in (frames[0], frames[-1]):
        shown = np.asarray(Image.fromarray(frame).resize(size)).astype(int)
        for number, channel in ((1, 0), (2, 1)):
            rest = [each for each in (0, 1, 2) if each != channel]
            strong = shown[..., channel] > shown[..., rest].max(axis=2) + 70
            y, x = np.nonzero(strong)
            centres[number].append((np.median(x), np.median(y)))
    return {number: np.subtract(found[1], found[0]) for number, found in centres.items()}


SMALL_WINDOW = {"device_scale_factor": 1.5, "viewport": {"width": 900, "height": 700}}


@pytest.mark.parametrize(
    ("name", "size", "options"),
    [
        ("scale-2", LANDSCAPE, {"device_scale_factor": 2}),
        pytest.param("browser-zoom", LANDSCAPE, SMALL_WINDOW, marks=pytest.mark.drill),
        pytest.param("portrait", (600, 1000), {}, marks=pytest.mark.drill),
        pytest.param("large", (4096, 3072), {}, marks=pytest.mark.drill),
    ],
)
def test_what_is_drawn_is_what_is_sent(open_pad, home: Path, name: str, size: tuple, options: dict) -> None:
    pad = open_pad(name, size, SUBMIT, **options)
    draw_and_compare(pad, home)


def draw_and_compare(pad: PadOnPage, home: Path) -> None:
    """One mask and one path, compared with the body."""
    mask = paint_ball(pad, 1)
    pad.tool("path_freehand")
    x, y = centre_of(1, pad.size)
    step = min(pad.size) / 6
    drawn = pad.drag([(x, y), (x + step, y - step), (x + 2 * step, y)], steps=10)
    pad.wait_ink_gone()
    pad.notebook.picture(f"pad-{Path(pad.page.url).stem}", 1)
    pad.notebook.start(2)
    body = received(home, pad.size)
    assert overlap(body.masks[0], mask) >= 0.99
    scale = max(1.0, max(pad.size) / 640)
    sent = body.paths[0]
    # Beyond the picture's own resolution the mouse decides: positions are whole pixels of the display.
    assert max(distance_to_line(point, drawn) for point in sent) <= 1
    assert max(distance_to_line(point, sent) for point in drawn) <= max(1, 0.5 * scale)
    pad.notebook.wait_status(2, "succeeded")


@pytest.mark.drill
def test_a_zoomed_page(open_pad, home: Path) -> None:
    """The page's own zoom, as extensions and accessibility settings set it."""
    pad = open_pad("css-zoom", LANDSCAPE, SUBMIT)
    pad.page.evaluate("() => { document.body.style.zoom = '1.25'; }")
    draw_and_compare(pad, home)


@pytest.mark.drill
def test_a_picture_turned_by_its_exif_tag(open_pad, lab, home: Path) -> None:
    folder = lab.folder / "exif"
    upright = two_balls((480, 640))
    picture = Image.fromarray(np.rot90(upright))
    tags = picture.getexif()
    tags[0x0112] = 6
    folder.mkdir(exist_ok=True)
    picture.save(folder / "scene.png", exif=tags)
    folder.rename(lab.folder / "exif-source")
    head = PAD_CELL.replace('"scene.png"', '"../exif-source/scene.png"')
    submit = SUBMIT.replace("scene.png", "../exif-source/scene.png")
    pad = open_pad("exif", (480, 640), submit, head=head)
    red = pad.pixel(centre_of(1, pad.size))
    assert red[0] > red[1] + 50, f"the red ball is not where it is upright: {red}"
    draw_and_compare(pad, home)


def test_zoomed_in_on_the_pad_and_moved(open_pad) -> None:
    pad = open_pad("inside", LANDSCAPE, "print([layer.path for layer in pad.model.layers])")
    for _ in range(3):
        pad.command("zoom_in")
    pad.tool("hand")
    pad.drag([(300, 200), (350, 260)])
    view = pad.notebook.run_text("print(pad.model.view.scale, *pad.model.view.offset)")
    scale, left, top = map(float, view.split())
    pad.tool("path_click")
    clicks = []
    for dx, dy in ((100, 80), (400, 300), (630, 20)):
        pad.still()
        box = pad.stage.bounding_box()
        pad.page.mouse.click(box["x"] + dx, box["y"] + dy)
        pad.settle()
        clicks.append(((dx - left) / scale, (dy - top) / scale))
    drawn = eval(pad.notebook.run(2))[0]
    assert np.abs(np.subtract(drawn, clicks)).max() <= 0.75 / scale + 0.5
    pad.still()
    box = pad.stage.bounding_box()
    pad.page.mouse.move(box["x"] + 200, box["y"] + 200)
    pad.page.mouse.wheel(0, 120)
    pad.until(lambda: pad.stage.bounding_box()["y"] != box["y"], "the wheel belongs to the page")


def test_a_release_outside_ends_the_stroke(open_pad) -> None:
    pad = open_pad("outside")
    pad.still()
    mouse = pad.page.mouse
    mouse.move(*pad.at((700, 240)))
    mouse.down()
    mouse.move(pad.at((719, 240))[0] + 200, pad.at((0, 240))[1], steps=5)
    mouse.up()
    pad.settle()
    assert "%" in pad.layers()[0]
    drawn = pad.layers()
    mouse.move(*pad.at((100, 100)), steps=5)
    pad.settle()
    assert pad.layers() == drawn, "moving without a pressed button paints nothing"


BUSY = """import pathlib, time
pathlib.Path("busy-now").touch()
while not pathlib.Path("go-on").exists():
    time.sleep(0.05)"""


def test_a_busy_kernel_delays_nothing_and_loses_nothing(open_pad, lab) -> None:
    pad = open_pad("busy", LANDSCAPE, BUSY, "print(pad.brush)")
    pad.notebook.start(2)
    folder = lab.folder / "busy"
    pad.until((folder / "busy-now").exists, "the cell does not run")
    pad.still()
    # Looked at with the button still down: a kernel with subshells may draw the stroke as soon as it ends.
    mouse = pad.page.mouse
    mouse.move(*pad.at((150, 200)))
    mouse.down()
    mouse.move(*pad.at((220, 220)), steps=5)
    assert pad.ink() > 500, "the stroke is on the page before the kernel knows of it"
    mouse.up()
    pad.page.keyboard.press("f")
    # Straight from corner to corner: places between are whole pixels, which can make points of their own.
    pad.drag([(180, 210), (300, 150)], steps=1, settle=False)
    pad.drag([(180, 210), (300, 250), (400, 250)], steps=1, settle=False)
    (folder / "go-on").touch()
    pad.settle()
    pad.wait_ink_gone()
    assert "3 points" in pad.notebook.run(3), "the strokes arrived in the order they were drawn"


def test_errors_stand_in_the_status_line_and_the_drawing_stays(open_pad) -> None:
    pad = open_pad("errors", LANDSCAPE, "pad.model.snap = lambda layer: 1 // 0")
    pad.command("snap")
    assert "nothing to snap" in pad.said().lower()
    paint_ball(pad, 1)
    drawn = pad.layers()
    pad.notebook.run(2)
    pad.command("snap")
    assert "ZeroDivisionError" in pad.said()
    pad.command("load")
    pad.part(".kn-path").fill("nowhere.json")
    pad.page.keyboard.press("Enter")
    pad.settle()
    assert "nowhere.json" in pad.said()
    assert pad.layers() == drawn
    pad.notebook.picture("pad-error", 1)


def test_tools_by_keyboard_and_names_for_screen_readers(open_pad) -> None:
    pad = open_pad("keys", LANDSCAPE)
    cells = len(pad.notebook)
    pad.click((20, 20))
    for key, name in zip("berolpfvh", ["brush", "eraser", "rectangle", "ellipse", "lasso"], strict=False):
        pad.page.keyboard.press(key)
        assert pad.part(f"[data-tool='{name}']").get_attribute("aria-pressed") == "true"
    pad.page.keyboard.press("Control+z")
    pad.settle()
    assert "empty" in pad.layers()[0]
    assert len(pad.notebook) == cells, "letters are no commands of the notebook here"
    unnamed = pad.root.evaluate(
        "root => [...root.querySelectorAll('button, input, select')]"
        ".filter(e => !e.getAttribute('aria-label') && !e.textContent.trim() && !e.title).length"
    )
    assert unnamed == 0
    pad.part("[data-tool='brush']").focus()
    pad.page.keyboard.press("ArrowRight")
    assert pad.page.evaluate("() => document.activeElement.dataset.tool") == "eraser"
