"""The pad at a distance: ink within a frame whatever the network does, and little traffic."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from lab_in_chromium import notebook_page
from pad_on_page import PadOnPage, distance_to_line, overlap, painted, received
from pictures_to_draw_on import centre_of, two_balls
from PIL import Image
from slow_network import slow_network

from kling_nb.sandbox import launch

pytestmark = [pytest.mark.browser, pytest.mark.drill]

SIZE = (720, 480)
DELAY_S = 0.15

INK_TIMES = """(root) => {
  // Time from a trusted pointer event to the frame after the ink was drawn, and whether it is there.
  const found = {times: [], painted: 0};
  const line = root.querySelector('.kn-ink-line');
  const fill = root.querySelector('.kn-ink-fill');
  line.addEventListener('pointermove', (event) => {
    if (!event.buttons) return;
    const box = fill.getBoundingClientRect();
    const x = (event.clientX - box.left) * fill.width / box.width;
    const y = (event.clientY - box.top) * fill.height / box.height;
    found.painted += fill.getContext('2d').getImageData(x, y, 1, 1).data[3] > 0;
    requestAnimationFrame(() => found.times.push(performance.now() - event.timeStamp));
  });
  window.ink = found;
}"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "kling_runs"
    yield folder
    launch.stop(folder / "sandbox")


def test_150_ms_away_the_ink_is_there_within_a_frame_and_nothing_is_lost(
    chromium, lab, pictures, home: Path
) -> None:
    cells = [
        f"%env KLING_NB_HOME={home}\n%load_ext kling_nb\nimport kling_nb as kn\n"
        'pad = kn.MotionPad("scene.png", model_name="kling-v1")\npad',
        "%%kling scene.png --brush pad --provider sandbox --model kling-v1 --mode std\n"
        "The ball moves [[sandbox:slow:600]]",
    ]
    folder = lab.folder / "far"
    folder.mkdir()
    Image.fromarray(two_balls(SIZE)).save(folder / "scene.png")
    made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(each) for each in cells])
    made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(made, folder / "far.ipynb")
    with slow_network(lab.port, DELAY_S) as network:
        traffic = network.traffic
        far = copy.copy(lab)
        far.url = lab.url.replace(str(lab.port), str(network.port))
        with notebook_page(chromium, far, pictures) as page:
            page.open("far/far.ipynb")
            page.run(0)
            page.element(0)
            pad = PadOnPage(page, SIZE)
            pad.pixel((5, 5))
            pad.root.evaluate(INK_TIMES)
            before = (0, 0)
            while before != (traffic.up, traffic.down):  # what opening the page costs is not asked here
                before = (traffic.up, traffic.down)
                page.page.wait_for_timeout(1000)
            x, y = centre_of(1, SIZE)
            places = pad.drag([(x - 40, y), (x, y - 30), (x + 40, y), (x, y + 40)], steps=80, settle=False)
            ink = pad.page.evaluate("() => window.ink")
            times = sorted(ink["times"])
            # The browser merges moves that come faster than frames.
            assert ink["painted"] >= len(times) > 20, ink
            pad.page.keyboard.press("f")
            drawn = pad.drag([(x, y), (x + 120, y - 60), (x + 200, y)], steps=20, settle=False)
            pad.settle()
            pad.wait_ink_gone()
            up, down = traffic.up - before[0], traffic.down - before[1]
            print(f"ink p95 {times[int(0.95 * len(times))]:.1f} ms; {up} bytes up, {down} bytes down")
            assert times[len(times) // 2] < 2 * 1000 * DELAY_S, "the ink does not wait for an answer"
            assert up + down < 40_000, (up, down)
            page.start(1)
            body = received(home, SIZE)
            assert overlap(body.masks[0], painted(places, pad.radius(), SIZE)) >= 0.99
            assert max(distance_to_line(point, drawn) for point in body.paths[0]) <= 1
            page.picture("pad-far-away", 0)
            page.wait_status(1, "succeeded")
