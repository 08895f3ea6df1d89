"""The motion pad in a real kernel: clicks on whichever thread they arrive."""

from __future__ import annotations

from typing import Any

import pytest
from kernels import Kernel

pytestmark = pytest.mark.kernel

MAKE = """pad = kn.MotionPad("boat.png", draft=False, model_name="kling-v1")
pad.model.stroke("brush", [(200, 200), (260, 220)], radius=40)
pad.model.set_path([(210, 205), (400, 120)])
pad"""


@pytest.fixture
def model(kernel: Kernel) -> str:
    """Model id of a pad with a mask and a path, on the page."""
    kernel.ok(MAKE)
    return kernel.value("pad.model_id").strip("'")


def states(kernel: Kernel, model: str) -> list[dict[str, Any]]:
    """States that the page was given."""
    found = []
    for message in kernel.published:
        content = message["content"]
        if message["msg_type"] == "comm_msg" and content["comm_id"] == model:
            state = content["data"].get("state", {}).get("state")
            found += [state] if state else []
    return found


def click(kernel: Kernel, model: str, seq: int, subshell: str | None = None, **content: Any) -> None:
    kernel.click(model, {"client": "page", "seq": seq, "kind": "do", "layer": "mask-1", **content}, subshell)


def test_a_click_is_answered_and_errors_are_said(kernel: Kernel, model: str) -> None:
    click(kernel, model, 1, name="undo")
    click(kernel, model, 2, name="make_tea")
    kernel.until(lambda: any(state["done"] == {"page": 2} for state in states(kernel, model)))
    last = states(kernel, model)[-1]
    assert last["redo"] == "path"
    assert "make_tea" in last["message"]["text"]


def test_clicks_on_a_subshell_beside_a_running_cell_are_answered(kernel: Kernel, model: str) -> None:
    subshell = kernel.subshell()
    if subshell is None:
        pytest.skip("this kernel has no subshells")
    cell = kernel.send("for number in range(20): pad.model.stroke('brush', [(300, 9 * number)], radius=5)")
    click(kernel, model, 5, subshell, name="freeze_rest")
    assert kernel.finish(cell).status == "ok"
    kernel.until(lambda: any(state["done"] == {"page": 5} for state in states(kernel, model)))
    assert states(kernel, model)[-1]["frozen"]


def test_a_preview_reaches_the_page_from_its_own_thread(kernel: Kernel, model: str) -> None:
    click(kernel, model, 1, name="preview")
    kernel.until(lambda: any(state["preview"]["status"] == "ready" for state in states(kernel, model)))
    assert "$0.14" in states(kernel, model)[-1]["preview"]["price"]
    assert not [m for m in kernel.published if m["msg_type"] == "stream" and "Error" in str(m["content"])]
