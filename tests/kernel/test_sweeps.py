"""``%%kling … --set`` in a real kernel: plan, wall, stop, resume, wait."""

from __future__ import annotations

import pytest
from kernels import Kernel

pytestmark = pytest.mark.kernel

CELL = "%%kling boat.png -m kling-v2-6 --mode std --set what=boat,kite --repeat 2"
BODY = "\nthe {{what}} drifts [[sandbox:slow:0.3]]"


def test_a_cell_makes_a_sweep_and_its_wall(kernel: Kernel) -> None:
    before = kernel.value("len(kn.sweeps()), len(kn.runs())")
    dry = kernel.ok(f"{CELL} --dry-run{BODY}").text
    assert dry.startswith("Dry run: nothing was sent\nSweep: 2 combinations × 2 = 4 runs")
    assert kernel.value("len(kn.sweeps()), len(kn.runs())") == before
    done = kernel.ok(f"{CELL} -o s --name first --tag water{BODY}")
    assert "Sweep: 2 combinations × 2 = 4 runs, 6 units" in done.text
    data = [shown["data"] for shown in done.of_type("display_data")]
    wall = next(d for d in data if "application/vnd.jupyter.widget-view+json" in d)
    assert "Sweep s-" in wall["text/plain"]
    kernel.ok("%kling wait s")
    assert kernel.value("s.state, s.progress.done, len(s.runs)") == "('done', 4, 4)"
    assert kernel.value("s.frame['tags'].tolist()[0], s.name") == "(('water',), 'first')"
    # The wall has told its page, and the saved output shows the end.
    model = wall["application/vnd.jupyter.widget-view+json"]["model_id"]
    kernel.until(lambda: kernel.sent_by(model, "changed"))
    again = kernel.ok(f"{CELL} --wait -o t{BODY}").text
    assert "nothing: the log has all of them" in again
    runs = eval(before)[1]
    assert kernel.value("t.progress.reused, len(kn.runs())") == f"(4, {runs + 4})"


def test_stop_resume_and_what_the_page_asks_for(kernel: Kernel, sandbox) -> None:
    many = CELL.replace("--repeat 2", "--repeat 9")
    kernel.ok(f"{many} -o u --name long\nstopped {{{{what}}}} [[sandbox:slow:600]]")
    assert "stopped: stopped by hand" in kernel.ok("%kling stop long").text
    assert int(kernel.value("len(u.runs)")) < 18
    sandbox.finish_all()
    shown = kernel.ok("u").of_type("display_data")
    model = shown[0]["data"]["application/vnd.jupyter.widget-view+json"]["model_id"]
    kernel.click(model, {"kind": "hello"})
    kernel.until(lambda: kernel.sent_by(model, "changed"))
    kernel.click(model, {"kind": "resume"})
    # The wall hands the click over to a thread; until that has it, the sweep is one that has stopped.
    kernel.until(lambda: kernel.value("u.state") != "'stopped'")
    kernel.ok("await u")
    assert kernel.value("u.state, u.progress.done") == "('done', 18)"
    assert kernel.value("kn.sweeps()['state'].tolist()[:1]") == "['done']"


@pytest.mark.parametrize(
    ("cell", "first"),
    [
        (f"{CELL} --set mode=pro{BODY}", "mode is given twice."),
        (f"{CELL} --sweep cats{BODY}", "--sweep names a group of single runs."),
        (f"{CELL} --preview{BODY}", "A sweep has no preview."),
        (f"{CELL.replace('what=', 'wat=')}{BODY}", "Nothing in the sweep is called wat."),
        (f"{CELL.replace('what=boat,kite', 'what=')}{BODY}", "--set what has no value."),
        (f"{CELL} --until kept{BODY}", "until='kept' cannot be read."),
        (f"{CELL} --repeat 1.5{BODY}", "--repeat is given twice."),
        ("%kling stop", "Which sweep?"),
        ("%kling stop cats", "There is no sweep 'cats'."),
        ("%kling resume s-zz", "There is no sweep 's-zz'."),
    ],
)
def test_slips_are_three_lines(kernel: Kernel, cell: str, first: str) -> None:
    before = kernel.value("len(kn.sweeps())")
    failed = kernel.run(cell)
    assert failed.status == "error"
    assert failed.error[0] == first
    assert len(failed.error) <= 3
    assert kernel.value("len(kn.sweeps())") == before
