"""``%kling export``, ``report``, ``capsule`` and ``vary`` in a terminal shell, with runs of a log."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from clip_shelf import shelf
from IPython.core.interactiveshell import InteractiveShell

from kling_nb.domain.brush import Mask, MotionBrush
from kling_nb.magics import extension
from kling_nb.magics.pictures import find_brush
from kling_nb.session import Run, default_session
from kling_nb.session.capsule import Capsule

TEXT = {"model_name": "kling-v2-6", "prompt": "the ball rolls", "duration": 5, "mode": "std"}


class Shell:
    """Runs lines and remembers what they said."""

    def __init__(self, shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
        self.shell, self._capsys = shell, capsys

    def say(self, line: str) -> str:
        self.shell.run_cell(line)
        seen = self._capsys.readouterr()
        return seen.out + seen.err


@pytest.fixture
def said(
    shell: InteractiveShell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """A shell whose log has three finished runs from words alone."""
    home = Path.cwd() / "kling_runs"
    monkeypatch.setenv("KLING_NB_HOME", str(home))
    monkeypatch.setenv("KLING_NB_PROVIDER", "sandbox")
    shelf(
        home, 3, clips=({"frames": 6},), request=TEXT, form="text2video", cfg_scale=None,
        tags=lambda n: ["best"] if n else [], rating=lambda n: n, image_width=None, image_height=None,
    )  # fmt: skip
    extension.load(shell)
    capsys.readouterr()
    shell.user_ns["frame"] = default_session().runs()
    return Shell(shell, capsys)


def ids(path: str) -> list[str]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return [row["id"] for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("%kling export", "Into which file?"),
        ("%kling export runs.xls", ".csv"),
        ("%kling export runs.csv frame --status failed", "Both runs and --status"),
        ("%kling export runs.csv r-nothing", "No run"),
        ("%kling report", "Into which file?"),
        ("%kling report week.html --videos link --no-metadata", "cannot link"),
        ("%kling report week.html --cap x", "needs a number"),
        ("%kling capsule nothing.zip", "There is no capsule"),
        ("%kling capsule a b c", "Unexpected word"),
        ("%kling capsule a.zip b.zip", "One run and one file"),
        ("%kling vary", "Which run"),
        ("%kling vary frame", "No run"),
    ],
)
def test_slips_are_told_and_nothing_is_written(said: Shell, line: str, told: str) -> None:
    before = sorted(Path.cwd().iterdir())
    assert told in said.say(line)
    assert sorted(Path.cwd().iterdir()) == before


def test_runs_are_named_or_filtered(said: Shell) -> None:
    everything = list(said.shell.user_ns["frame"]["id"])
    assert "kB" in said.say("%kling export all.csv")
    assert ids("all.csv") == everything
    said.say("%kling export tagged.csv --tag best --limit 1")
    assert ids("tagged.csv") == everything[:1]
    said.shell.user_ns["best"] = said.shell.user_ns["frame"][1:]
    said.say("%kling export named.csv best")
    assert ids("named.csv") == everything[1:]
    said.say(f"%kling export two.csv {everything[2]} {everything[0]}")
    assert ids("two.csv") == [everything[2], everything[0]]
    said.say("%kling export long.json --tidy --no-metadata")
    assert '"metric": "rating"' in Path("long.json").read_text()
    assert everything[0] not in Path("long.json").read_text()


def test_a_report_of_a_frame(said: Shell) -> None:
    assert "MB" in said.say('%kling report week.html frame --title "Week 47" --by model --by prompt --cap 0')
    text = Path("week.html").read_text(encoding="utf-8")
    assert "<h1>Week 47</h1>" in text
    assert "By model, prompt" in text
    assert "0 of 3 clips" in text


def test_a_capsule_there_and_back(said: Shell) -> None:
    run_id = said.shell.user_ns["frame"]["id"][0]
    assert "opens it" in said.say(f"%kling capsule {run_id} ball.zip -o path")
    assert said.shell.user_ns["path"] == Path("ball.zip")
    assert "succeeded" in said.say("%kling capsule ball.zip -o opened")
    opened = said.shell.user_ns["opened"]
    assert isinstance(opened, Capsule)
    assert opened.run.record.options["imported"]["from"] == "ball.zip"


def test_a_variation_is_shown_before_it_is_sent(said: Shell) -> None:
    run_id = said.shell.user_ns["frame"]["id"][0]
    text = said.say(f'%kling vary {run_id} "the ball stops" --mode pro --dry-run')
    assert '"prompt": "the ball stops"' in text
    assert '"mode": "pro"' in text
    assert '"model_name": "kling-v2-6"' in text
    assert "Unknown option" in said.say(f"%kling vary {run_id} --repeat 3")
    assert len(default_session().runs()) == 3


def test_the_cell_of_a_run_is_the_run(said: Shell) -> None:
    run = default_session().run(str(said.shell.user_ns["frame"]["id"][0]))
    assert isinstance(run, Run)
    dry = said.say(run.to_cell().replace("%%kling", "%%kling --dry-run", 1))
    assert '"prompt": "the ball rolls"' in dry


def test_a_brush_is_taken_from_a_run_or_a_file(said: Shell) -> None:
    import numpy as np

    from kling_nb.session import MotionBrush as Drawn

    bits = np.zeros((180, 320), bool)
    bits[50:70, 20:40] = True
    brush = MotionBrush((320, 180)).dynamic(Mask.read(bits, size=(320, 180)), [(30, 60), (290, 60)])
    Drawn(size=(320, 180)).dynamic(bits, [(30, 60), (290, 60)]).save("brush.zip")
    assert find_brush("brush.zip", {}).dynamic_masks[0].mask.runs == brush.dynamic_masks[0].mask.runs
    run_id = said.shell.user_ns["frame"]["id"][0]
    assert "has no motion brush" in said.say(f"%kling --brush {run_id} --dry-run")
