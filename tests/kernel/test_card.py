"""The card in a real kernel: what the page receives, from whichever thread it is sent."""

from __future__ import annotations

import pytest
from kernels import Done, Kernel

pytestmark = pytest.mark.kernel

WIDGET = "application/vnd.jupyter.widget-view+json"


def cell(prompt: str, options: str = "") -> str:
    return f"%%kling boat.png -m kling-v2-6 --mode std -d 5 -o run {options}\n{prompt}"


def model_of(done: Done) -> str:
    """Model id of the card a cell has shown."""
    return str(done.of_type("display_data")[0]["data"][WIDGET]["model_id"])


def states(kernel: Kernel, model: str) -> list[str]:
    """Status words the live card was given, in order."""
    found = []
    for message in kernel.published:
        content = message["content"]
        if message["msg_type"] == "comm_msg" and content["comm_id"] == model:
            state = content["data"].get("state", {}).get("state")
            if state and (not found or found[-1] != state["status"]):
                found.append(state["status"])
    return found


UNTIL_DONE = "import time\nwhile not run.complete: time.sleep(0.02)\ntime.sleep(0.3)"
"""A cell that runs while a run comes to its end."""


def test_the_live_card_is_told_every_state_while_nothing_or_something_else_runs(
    kernel: Kernel, sandbox
) -> None:
    model = model_of(kernel.ok(cell("told every state [[sandbox:slow:600]]")))
    kernel.until(lambda: "processing" in states(kernel, model))
    other = kernel.send(UNTIL_DONE)
    sandbox.finish_all()
    assert kernel.finish(other).status == "ok"
    kernel.until(lambda: states(kernel, model)[-1] == "succeeded")


def test_the_page_can_ask_for_the_clock_and_the_video(kernel: Kernel) -> None:
    model = model_of(kernel.ok(cell("asked for [[sandbox:slow:0.5]]")))
    kernel.ok("await run")
    kernel.click(model, {"kind": "time"})
    kernel.until(lambda: kernel.sent_by(model, "time"))
    kernel.click(model, {"kind": "video"})
    kernel.until(lambda: kernel.sent_by(model, "video"))
    video = bytes(kernel.sent_by(model, "video")[0]["buffers"][0])
    assert len(video) == int(kernel.value("run.video.stat().st_size"))
    assert b"ftyp" in video[:16]


def test_stop_and_follow_again(kernel: Kernel) -> None:
    model = model_of(kernel.ok(cell("stopped and followed [[sandbox:slow:600]]")))
    kernel.until(lambda: "processing" in states(kernel, model))
    kernel.click(model, {"kind": "stop"})
    kernel.until(lambda: kernel.value("run.following") == "False")
    kernel.click(model, {"kind": "follow"})
    kernel.until(lambda: kernel.value("run.following") == "True")


def test_what_is_saved_is_replaced_once_at_the_end(kernel: Kernel) -> None:
    shown = kernel.ok(cell("saved once [[sandbox:slow:0.5]]", "--wait")).of_type("display_data")[0]
    kernel.until(lambda: kernel.updates_of(shown["transient"]["display_id"]))
    kernel.listen(0.5)
    (update,) = kernel.updates_of(shown["transient"]["display_id"])
    html = update["content"]["data"]["text/html"]
    assert 'data-status="succeeded"' in html
    assert 'src="kling_runs/media/' in html
    assert "data:image/jpeg;base64," in html


def test_nothing_is_printed_from_the_background(kernel: Kernel, sandbox) -> None:
    kernel.ok(cell("silent [[sandbox:slow:600]]"))
    other = kernel.send(UNTIL_DONE)
    sandbox.finish_all()
    assert kernel.finish(other).text == ""
    assert not [m for m in kernel.published if m["msg_type"] == "stream"]


def test_a_run_at_the_end_of_a_cell_is_its_live_card(kernel: Kernel, sandbox) -> None:
    kernel.ok(cell("shown again [[sandbox:slow:600]]"))
    done = kernel.ok("run")
    model = model_of(done)
    assert done.of_type("execute_result") == []
    sandbox.finish_all()
    kernel.until(lambda: "succeeded" in states(kernel, model))
    kernel.ok("%unload_ext kling_nb")
    assert "text/html" in kernel.ok("run").of_type("execute_result")[0]["data"]
    kernel.ok("%load_ext kling_nb")


def test_clicks_on_a_subshell_are_handled_beside_a_blocked_main_thread(kernel: Kernel) -> None:
    """Binder's ipykernel 7.0 handles widget messages there: another thread, another loop."""
    version = tuple(
        int(n) for n in kernel.value("__import__('ipykernel').__version__").strip("'").split(".")[:2]
    )
    if not (7, 0) <= version < (7, 4):
        pytest.skip("this ipykernel handles widget messages on the main thread only")
    subshell = kernel.subshell()
    assert subshell is not None
    model = model_of(kernel.ok(cell("clicked beside a blocked cell [[sandbox:slow:600]]")))
    kernel.until(lambda: "processing" in states(kernel, model))
    blocked = kernel.send("run.wait()\nprint('no longer followed')")
    kernel.listen(0.5)
    kernel.click(model, {"kind": "time"}, subshell)
    kernel.until(lambda: kernel.sent_by(model, "time"))
    kernel.click(model, {"kind": "stop"}, subshell)
    assert "no longer followed" in kernel.finish(blocked).text
    assert kernel.value("run.following") == "False"
