"""The magic in a real kernel: what a person sees below the cell."""

from __future__ import annotations

import pytest
from kernels import Kernel

pytestmark = pytest.mark.kernel


def cell(prompt: str, options: str = "") -> str:
    return f"%%kling boat.png -m kling-v2-6 --mode std -d 5 -o run {options}\n{prompt}"


def test_the_cell_returns_at_once_and_the_run_goes_on(kernel: Kernel, sandbox) -> None:
    done = kernel.ok(cell("returns at once [[sandbox:slow:600]]"))
    assert kernel.value("run.done, run.status.is_final") == "(False, False)"
    assert len(done.of_type("display_data")) == 1
    kernel.ok("other = 1 + 1")
    sandbox.finish_all()
    kernel.ok("await run")
    assert kernel.value("run.status.value, run.video.is_file()") == "('succeeded', True)"


def test_everything_that_is_sent_was_written_down(kernel: Kernel, sandbox) -> None:
    kernel.ok("speed = 7")
    kernel.ok(
        cell('it\'s a "boat" in {single} braces, {{speed}} knots', "--name 'a b' --tag t --note n --wait")
    )
    assert len(sandbox.tasks()) == 1
    assert kernel.value("run.prompt") == repr('it\'s a "boat" in {single} braces, 7 knots')
    assert kernel.value("run.record.name, run.record.tags, run.record.note") == "('a b', ['t'], 'n')"


@pytest.mark.parametrize(
    ("code", "first"),
    [
        (cell("x", "--durration 5"), "Unknown option --durration."),
        (cell("x").replace("boat.png", "boot.png"), "IMAGE 'boot.png' was not found."),
        (cell("a {{missing}} boat"), "The text uses {{missing}}, which has no value."),
        (cell("x").replace("-d 5", "-d 7"), "Request refused"),
        ("%kling stauts", "%kling has no subcommand 'stauts'."),
        ("%kling show r-doesnotexist", ""),
        ("%kling runs --limmit 3", "Unknown option --limmit."),
    ],
)
def test_errors_are_at_most_three_lines_without_traceback(kernel: Kernel, code: str, first: str) -> None:
    done = kernel.run(code)
    assert done.status == "error"
    assert 1 <= len(done.error) <= 3
    assert done.error[0].startswith(first)
    assert "Traceback" not in done.text


def test_traceback_on_request(kernel: Kernel) -> None:
    done = kernel.run(cell("x", "--traceback").replace("boat.png", "boot.png"))
    assert "Traceback" in done.text
    assert "IMAGE 'boot.png' was not found." in done.text


def test_nothing_is_sent_by_a_dry_run(kernel: Kernel, sandbox) -> None:
    done = kernel.ok(cell("a boat", "--dry-run"))
    assert sandbox.tasks() == []
    for part in ("Cost: 1.5 units", '"model_name": "kling-v2-6"', "sha256"):
        assert part in done.text


def test_several_prompts_are_several_runs_and_all_or_nothing(kernel: Kernel, sandbox) -> None:
    done = kernel.ok(cell("prompt one\n---\nprompt two\n--- negative\nblur"))
    assert len(done.of_type("display_data")) == 2
    assert kernel.value("[r.prompt for r in run]") == "['prompt one', 'prompt two']"
    kernel.ok("for r in run: r.wait()")
    assert len(sandbox.tasks()) == 2
    refused = kernel.run(cell("fine\n---\n" + "x" * 2600))
    assert refused.status == "error"
    assert len(sandbox.tasks()) == 2


def test_run_all_again_charges_nothing(kernel: Kernel, sandbox) -> None:
    kernel.ok(cell("only once", "--wait"))
    charges = sandbox.charges()
    done = kernel.ok(cell("only once", "--wait"))
    assert "reused" in str(done.of_type("display_data")[0]["data"]["text/html"])
    assert sandbox.charges() == charges
    kernel.ok(cell("only once", "--again --wait"))
    assert len(sandbox.charges()) == len(charges) + 1


def test_line_magic_and_local_variables(kernel: Kernel) -> None:
    kernel.ok("def make(picture, colour):\n    %kling picture a {{colour}} boat -m kling-v2-6 -d 5 -o made\n"
              "from PIL import Image\nmake(Image.open('boat.png'), 'red')")  # fmt: skip
    assert kernel.value("made.prompt") == "'a red boat'"
    kernel.ok("made.wait()")  # Else its task could be one of those that the next test counts.


SUBCOMMANDS = [
    ("%kling", "make a video"),
    ("%kling help", "%kling doctor"),
    ("%kling help errors", "1303"),
    ("%kling help errors 1303", "1303"),
    ("%kling help runs", "--status"),
    ("%kling help extend", "goes on"),
    ("%kling help errors used_up", "balance"),
    ("%kling models acedata", "extend"),
    ("%kling doctor sandbox-aimlapi", "sandbox-aimlapi"),
    ("%kling --help", "--camera"),
    ("%%kling --help\nx", "--camera"),
    ("%kling status", ""),
    ("%kling cost -m kling-v2-6 --mode pro -d 10", "units"),
    ("%kling models", "kling-v2-6"),
    ("%kling doctor", "sandbox"),
    ("%kling config", "negative_prompt = "),
    ("%kling config negative 'blur, noise'", "negative_prompt = blur, noise (set by %kling config)"),
    ("%kling config negative -", "negative_prompt = "),
    ("%kling provider", "sandbox"),
    ("%kling sandbox", "127.0.0.1"),
    ("%kling resume", ""),
]


@pytest.mark.parametrize(("code", "part"), SUBCOMMANDS)
def test_subcommands_answer(kernel: Kernel, code: str, part: str) -> None:
    assert part in kernel.ok(code).text


def test_words_alone_make_a_clip_that_can_go_on(kernel: Kernel, sandbox) -> None:
    done = kernel.ok("%%kling -m kling-v1-6 --ratio 1:1 -o first --wait\na boat drifts by")
    assert "text-to-video, no picture" in done.of_type("display_data")[0]["data"]["text/html"]
    done = kernel.ok("%%kling extend first -o longer --wait\nit lands")
    assert kernel.value("longer.record.parent_run == first.id, longer.video.is_file()") == "(True, True)"
    display_id = done.of_type("display_data")[0]["transient"]["display_id"]
    # A person looks at the page: who tells the card of the end may come a moment after the cell.
    kernel.until(lambda: kernel.updates_of(display_id))
    assert "goes on from" in kernel.updates_of(display_id)[-1]["content"]["data"]["text/html"]
    assert len(sandbox.tasks()) == 2


@pytest.mark.parametrize("code", ["%%kling boot.png\nthe boat", "%%kling\nboat.png", "%%kling\n"])
def test_a_forgotten_picture_costs_nothing(kernel: Kernel, sandbox, code: str) -> None:
    assert len(kernel.run(code).error) == 3
    assert sandbox.tasks() == []


def test_masks_and_doors_are_shown_on_the_page(kernel: Kernel) -> None:
    shown = kernel.ok("%kling masks boat.png -o found").of_type("display_data")
    assert "0.1 unit" in shown[0]["data"]["text/plain"]
    assert "data:image/jpeg;base64," in shown[1]["data"]["text/html"]
    assert kernel.value("found['object'].shape") == "(480, 640)"
    table = kernel.ok("%kling provider").of_type("display_data")[1]["data"]["text/html"]
    assert "%kling login acedata, or set ACEDATACLOUD_API_TOKEN" in table


def test_tab_completes_fields_and_their_values(kernel: Kernel) -> None:
    assert "element_list=" in kernel.complete("%%kling boat.png --param elem")
    assert kernel.complete("%%kling boat.png --param shot_type=c") == ["shot_type=customize"]


def test_runs_show_wait_and_attach(kernel: Kernel) -> None:
    kernel.ok(cell("looked at in all ways", "--tag ways --wait"))
    assert "looked at in all ways" in kernel.ok("%kling runs --tag ways").text
    identifier = kernel.value("run.id").strip("'")
    for line in ("show", f"show {identifier}", "show run", f"wait {identifier}", f"cost {identifier}",
                 f"status {identifier}", "attach " + kernel.value("run.task_id").strip("'")):  # fmt: skip
        assert identifier in kernel.ok(f"%kling {line}").text, line


def test_preview_shows_a_video_and_spends_nothing(kernel: Kernel, sandbox) -> None:
    done = kernel.ok(cell("the boat drifts", "--preview"))
    assert "<video" in done.of_type("display_data")[0]["data"]["text/html"]
    assert sandbox.tasks() == []


def test_secrets_cannot_be_set_in_a_cell(kernel: Kernel) -> None:
    done = kernel.run("%kling config api_key api-key-kling-123")
    assert done.error[0] == "api_key is a secret and is not set in a notebook."


def test_run_all_executes_every_cell_and_every_reply_comes(kernel: Kernel, sandbox) -> None:
    kernel.ok("made = []")
    sent = []
    for n in range(5):
        sent.append(kernel.send(cell(f"queued {n}", "--wait" if n % 2 else "")))
        sent.append(kernel.send("made.append(run)"))
    done = [kernel.finish(message_id) for message_id in sent]
    assert [d.status for d in done] == ["ok"] * 10
    assert kernel.value("[r.prompt for r in made]") == str([f"queued {n}" for n in range(5)])
    kernel.ok("for r in made: r.wait()")
    assert len(sandbox.tasks()) == 5


def test_a_lost_answer_is_bound_by_hand(kernel: Kernel, sandbox) -> None:
    kernel.ok("%%kling -m kling-v2-6 -p sandbox-acedata -o lost\na boat drifts by [[sandbox:drop-after]]")
    kernel.ok("_ = lost.wait(raise_on_failure=False)")
    assert kernel.value("lost.status.value") == "'uncertain'"
    card = kernel.ok("%kling show lost").of_type("display_data")[0]["data"]["text/html"]
    identifier = kernel.value("lost.id").strip("'")
    assert f"%kling attach &lt;task id&gt; --run {identifier}" in card
    (task,) = sandbox.tasks()
    assert "belongs to" not in kernel.ok(f"%kling attach {task['public_id']} --run {identifier}").text
    kernel.ok("lost.wait()")
    assert kernel.value("lost.status.value, lost.task_id") == f"('succeeded', {task['public_id']!r})"
    assert len(sandbox.tasks()) == 1
