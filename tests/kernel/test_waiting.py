"""Waiting in a real kernel: clicks, Interrupt, queued cells, nested loops."""

from __future__ import annotations

import time

import pytest
from kernels import Kernel

pytestmark = pytest.mark.kernel

CLICKS = """
import ipywidgets, threading, time
class Counter(ipywidgets.Button):
    pass
counter = Counter()
seen = []
counter.on_msg(lambda w, content, buffers: seen.append((content['n'], time.monotonic())))
counter.model_id
"""


def cell(prompt: str, options: str = "") -> str:
    return f"%%kling boat.png -m kling-v2-6 --mode std -d 5 -o run {options}\n{prompt}"


def clicked_while(kernel: Kernel, code: str, clicks: int = 12) -> list[int]:
    """Click while a cell runs and return the numbers of the clicks that were handled in the end."""
    kernel.ok(CLICKS)
    model = kernel.value("counter.model_id").strip("'")
    sent = kernel.send(code)
    for n in range(clicks):
        kernel.click(model, {"n": n})
        time.sleep(0.05)
    assert kernel.finish(sent).status == "ok"
    kernel.until(lambda: int(kernel.value("len(seen)")) >= clicks)
    return eval(kernel.value("[n for n, _ in seen]"))


def printed(kernel: Kernel) -> str:
    """What cells have printed up to now."""
    return "".join(m["content"]["text"] for m in kernel.published if m["msg_type"] == "stream")


def told(kernel: Kernel, card: str) -> list[str]:
    """Status words that a card was given."""
    said = [m["content"] for m in kernel.published if m["msg_type"] == "comm_msg"]
    states = [c["data"].get("state", {}).get("state") for c in said if c["comm_id"] == card]
    return [state["status"] for state in states if state]


def opened_cards(kernel: Kernel) -> list[str]:
    """Comm ids of the cards the kernel has opened."""
    opened = [m["content"] for m in kernel.published if m["msg_type"] == "comm_open"]
    return [c["comm_id"] for c in opened if "kn-card" in c["data"].get("state", {}).get("_esm", "")]


def test_wait_keeps_the_cell_until_the_video_is_there(kernel: Kernel) -> None:
    begin = time.monotonic()
    kernel.ok(cell("waited for [[sandbox:slow:1]]", "--wait"))
    assert time.monotonic() - begin > 1
    assert kernel.value("run.status.value, run.video.is_file()") == "('succeeded', True)"


WAYS = [
    cell("clicks during --wait [[sandbox:slow:1.5]]", "--wait"),
    "r = kn.submit('boat.png', 'clicks during await [[sandbox:slow:1.5]]', model='kling-v2-6')\nawait r",
    "kn.submit('boat.png', 'clicks during wait [[sandbox:slow:1.5]]', model='kling-v2-6').wait()",
    cell("header [[sandbox:slow:1.5]]").replace("\n", "\nwait: true\n\n", 1),
]


@pytest.mark.parametrize("code", WAYS, ids=["--wait", "await", "wait()", "header"])
def test_no_click_is_lost_while_waiting(kernel: Kernel, code: str) -> None:
    assert sorted(clicked_while(kernel, code)) == list(range(12))


def test_the_cards_buttons_work_while_the_cell_waits(kernel: Kernel) -> None:
    """Stop following in the card ends the waiting calmly; the task goes on."""
    if kernel.value("__import__('ipykernel').__version__").strip("'") < "7.4":
        pytest.skip("older kernels handle clicks after the cell")
    sent = kernel.send(cell("stopped by its button [[sandbox:slow:600]]", "--wait"))
    # The card is there before the service has the task; stopped that early, none would be made.
    kernel.until(lambda: any("processing" in told(kernel, card) for card in opened_cards(kernel)))
    kernel.click(opened_cards(kernel)[0], {"kind": "stop"})
    assert kernel.finish(sent).status == "ok"
    assert kernel.value("run.following, run.status.value") == "(False, 'processing')"


BLOCKING = (
    "get_ipython().run_cell_magic('kling', 'boat.png -m kling-v2-6 -d 5 -o run --wait', "
    "'interrupted while blocking [[sandbox:slow:600]]')"
)


def named(prompt: str) -> str:
    """A cell whose run is waited for by another one."""
    return cell(f"{prompt} [[sandbox:slow:600]]")


TELL = """
from kling_nb.magics.waiting import Waiting
looks = Waiting._open
def told(self):
    if Waiting._open is told:
        Waiting._open = looks
        print('it waits now', flush=True)
    return looks(self)
Waiting._open = told
"""


@pytest.mark.parametrize(
    ("before", "code"),
    [
        ("pass", cell("interrupted [[sandbox:slow:600]]", "--wait")),
        ("pass", BLOCKING),
        (named("waited for by name"), "%kling wait run"),
        (named("waited for in an assignment"), "x = %kling wait run"),
    ],
    ids=["--wait", "blocking", "subcommand", "assigned"],
)
def test_interrupt_ends_only_the_waiting(kernel: Kernel, sandbox, before: str, code: str) -> None:
    kernel.ok(before)
    kernel.ok(TELL)
    sent = kernel.send(code)
    kernel.until(lambda: "it waits now" in printed(kernel))
    kernel.interrupt()
    done = kernel.finish(sent)
    assert done.status == "error"
    assert done.error[0].startswith("Stopped waiting for r-")
    assert len(done.error) == 3
    kernel.ok("pass")
    assert kernel.value("run.following, run.error, run.done") == "(True, None, False)"
    sandbox.finish_all()
    kernel.ok("await run")


def test_a_failed_task_ends_the_cell_with_the_services_reason(kernel: Kernel) -> None:
    done = kernel.run(cell("fails [[sandbox:async:risk]]", "--wait"))
    assert done.status == "error"
    assert len(done.error) <= 3
    assert "risk control" in "\n".join(done.error)


def test_timeout_ends_only_the_waiting(kernel: Kernel) -> None:
    done = kernel.run(cell("too slow [[sandbox:slow:600]]", "--wait --timeout 0.5"))
    assert done.status == "error"
    assert "not finished after 0.5 s" in done.error[0]
    assert kernel.value("run.following") == "True"


def test_without_autoawait_the_magic_waits_by_itself(kernel: Kernel) -> None:
    kernel.ok("%autoawait off")
    try:
        kernel.ok(cell("no autoawait", "--wait"))
        assert kernel.value("run.status.value") == "'succeeded'"
    finally:
        kernel.ok("%autoawait on")


def test_updates_land_in_their_own_output_while_another_cell_runs(kernel: Kernel, sandbox) -> None:
    shown = kernel.ok(cell("ends during another cell [[sandbox:slow:600]]")).of_type("display_data")[0]
    display_id = shown["transient"]["display_id"]
    sent = kernel.send("import time\nwhile not run.complete: time.sleep(0.02)\ntime.sleep(0.5)")
    sandbox.finish_all()
    other = kernel.finish(sent)
    assert other.of_type("stream", "display_data", "execute_result", "error") == []
    kernel.until(lambda: kernel.updates_of(display_id))
    last = kernel.updates_of(display_id)[-1]["content"]["data"]
    assert 'data-status="succeeded"' in last["text/html"]
    assert "succeeded" in last["text/plain"]


def test_nested_asyncio_loses_no_click_and_no_cell(kernel: Kernel) -> None:
    """Last in this module: nesting patches the whole kernel."""
    assert "nest_asyncio" in kernel.ok("kn.enable_nested_asyncio()").text
    nested = "import asyncio\nasyncio.run(asyncio.sleep(1.0))\nnested = 'ran'"
    assert sorted(clicked_while(kernel, nested)) == list(range(12))
    sent = [
        kernel.send(code) for code in (nested, cell("after nesting", "--wait"), "await run", "last = 'too'")
    ]
    assert [kernel.finish(message_id).status for message_id in sent] == ["ok"] * 4
    assert kernel.value("nested, last, run.status.value") == "('ran', 'too', 'succeeded')"
