"""``%load_ext`` in a real kernel: at once, once, and what it tells."""

from __future__ import annotations

import pytest
from kernels import Kernel

pytestmark = pytest.mark.kernel


def test_load_tells_one_line_and_again_nothing(kernel: Kernel) -> None:
    kernel.ok("%unload_ext kling_nb")
    done = kernel.ok("%load_ext kling_nb")
    (shown,) = done.of_type("display_data", "stream")
    assert shown["data"]["text/plain"].startswith("kling_nb ")
    assert "\n" not in shown["data"]["text/plain"]
    assert "provider sandbox" in shown["data"]["text/plain"]
    again = kernel.ok("%load_ext kling_nb")
    assert "already loaded" in again.text
    assert again.of_type("display_data") == []


def test_reload_keeps_everything_working(kernel: Kernel) -> None:
    for _ in range(2):
        reloaded = kernel.ok("%reload_ext kling_nb").of_type("display_data")[-1]
        # It looks for unfinished runs until then; those of the next test are not meant.
        kernel.until(lambda shown=reloaded: kernel.updates_of(shown["transient"]["display_id"]))
    kernel.ok("%%kling boat.png -m kling-v2-6 -d 5 --wait -o run\nafter a reload")
    assert kernel.value("run.status.value") == "'succeeded'"
    assert kernel.complete("%kling doc") == ["doctor"]


def test_unfinished_runs_are_told_in_the_same_output_a_moment_later(kernel: Kernel) -> None:
    kernel.ok("%%kling boat.png -m kling-v2-6 -d 5 -o run\nleft behind [[sandbox:slow:600]]")
    kernel.until(lambda: kernel.value("run.task_id") != "None")
    kernel.ok("run.stop_following()\n%unload_ext kling_nb")
    kernel.until(lambda: kernel.value("run.following") == "False")
    (shown,) = kernel.ok("%load_ext kling_nb").of_type("display_data")
    kernel.until(lambda: kernel.updates_of(shown["transient"]["display_id"]))
    text = kernel.updates_of(shown["transient"]["display_id"])[-1]["content"]["data"]["text/plain"]
    assert "still in flight, following" in text
    assert kernel.value("run.following") == "True"


def test_completion_in_the_line_the_first_line_and_the_body(kernel: Kernel) -> None:
    kernel.ok("colour = 'red'\nimport numpy as np\npicture = np.zeros((300, 300, 3), np.uint8)")
    assert kernel.complete("%kling stat") == ["status"]
    assert "--model" in kernel.complete("%%kling boat.png --mo")
    assert "picture" in kernel.complete("%%kling pic")
    assert {"mode: ", "model: "} <= set(kernel.complete("%%kling boat.png\nmod"))
    assert "colour" in kernel.complete("%%kling boat.png\na {{col")
    kernel.ok("%%kling boat.png -m kling-v2-6 -d 5 -o run --wait\ncompleted by id")
    assert kernel.value("run.id").strip("'") in kernel.complete("%kling show r-")
