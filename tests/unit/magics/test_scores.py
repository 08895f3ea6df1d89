"""``%kling score``, and scores in ``%kling show`` and ``%kling runs``, in a terminal."""

from __future__ import annotations

import pytest
from clip_shelf import shelf
from IPython.core.interactiveshell import InteractiveShell

from kling_nb.domain.scores import SCORE_VERSION, Scores
from kling_nb.magics import extension
from kling_nb.magics.completion import complete
from kling_nb.runlog import RunRecord
from kling_nb.session import default_session
from kling_nb.session.scoreviews import ShownScores
from kling_nb.session.toldframe import ToldFrame


@pytest.fixture
def loaded(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> InteractiveShell:
    """A shell whose log holds a run without a clip, and two with one, the newest in the variable ``run``."""
    extension.load(shell)
    session = default_session()
    session.log.insert(RunRecord(provider="sandbox", prompt="no clip", status="failed"))
    ids = shelf(session.home, 2, clips=({"frames": 12}, {"frames": 12}))
    shell.user_ns["run"] = session.run(ids[-1])
    shell.user_ns["frame"] = session.runs(status="succeeded")
    capsys.readouterr()
    return shell


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("score r-zzzzzzzzzzzz", "No run 'r-zzzzzzzzzzzz'"),
        ("score --agian", "Did you mean --again?"),
        ("score run --limit 2", "Both runs and --limit are given."),
        ("score cats.mp4", "cats.mp4"),
        ("score failed", "no clip"),
    ],
)
def test_what_cannot_be_measured_is_told(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    session = default_session()
    loaded.user_ns["failed"] = session.run(str(session.runs(status="failed")["id"].iloc[0]))
    assert not loaded.run_cell(f"%kling {line}").success
    assert said in capsys.readouterr().out
    assert session.log.scores.measured([loaded.user_ns["run"].id]) == {}


def test_clips_are_measured_and_shown(loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    assert "path_error" not in loaded.run_cell("%kling runs").result.columns
    assert loaded.run_cell("%kling score run -o found").success
    alone = capsys.readouterr().out
    assert "Whole clip" in alone
    assert isinstance(loaded.user_ns["found"], ShownScores)
    assert loaded.run_cell("%kling score frame -o table").success
    table = capsys.readouterr().out
    assert loaded.user_ns["run"].id in table
    assert "1 known before" in table
    assert loaded.user_ns["table"]["motion"].notna().all()
    assert loaded.run_cell("%kling show run").success
    assert "Whole clip" in capsys.readouterr().out
    shown = loaded.run_cell("%kling runs").result
    assert type(shown) is ToldFrame
    assert "motion" in shown.columns
    assert 'title="How fast the picture moves' in shown._repr_html_()
    session, run = default_session(), loaded.user_ns["run"]
    session.log.put_scores(run.id, Scores(SCORE_VERSION, "c", "d", {"gain": 0.1}, flags=("short", "leak")))
    assert [*loaded.run_cell("%kling runs --limit 1").result["flags"]] == ["short, leak"]


def test_runs_and_options_are_completed(loaded: InteractiveShell) -> None:
    for line, word in (("%kling score ", loaded.user_ns["run"].id), ("%kling score --a", "--again")):
        offered = [each.text for each in complete(line, 0, len(line), loaded.user_ns)["completions"]]
        assert word in offered


def test_help_explains_scores(loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    assert loaded.run_cell("%kling help scores").success
    said = capsys.readouterr().out
    assert "static leak" in said
    assert "not for Kling's own" in said
