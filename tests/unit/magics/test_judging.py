"""``%kling rate``, ``keep``, ``discard``, ``tag``, ``note``, ``undo``, ``diff`` and ``summary``."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from IPython.core.interactiveshell import InteractiveShell

from kling_nb.magics import extension
from kling_nb.magics.completion import complete
from kling_nb.runlog import RunRecord
from kling_nb.session import default_session
from kling_nb.session.diffing import RunDiff


@pytest.fixture
def loaded(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> InteractiveShell:
    """A shell whose log holds two runs, the newer one in the variable ``run``."""
    extension.load(shell)
    session = default_session()
    for text in ("the boat drifts left", "the boat drifts right"):
        # Fetched long ago: what is unfinished would be taken up in the background.
        row = RunRecord(provider="sandbox", prompt=text, status="succeeded", downloaded_at=datetime.now(UTC))
        made = session.log.insert(row)
    shell.user_ns["run"] = session.run(made.id)
    shell.user_ns["frame"] = session.runs()
    capsys.readouterr()
    return shell


def rows() -> list[RunRecord]:
    """The runs of the log, oldest first."""
    return default_session().log.records()[::-1]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("rate run", "The rating is missing."),
        ("rate run 4 5", "Unexpected word '5'."),
        ("rate run 6", "6 is no rating."),
        ("rate run good", "'good' is no rating."),
        ("rate r-zzzzzzzzzzzz 4", "No run 'r-zzzzzzzzzzzz'"),
        ("keep cats", "'cats' names no run."),
        ("tag run", "The tag is missing."),
        ("note run", "The note is missing."),
        ("diff run", "1 run to compare."),
        ("summary modle", "There is no column 'modle'"),
    ],
)
def test_what_cannot_be_meant_changes_nothing(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str], line: str, said: str
) -> None:
    before = rows()
    assert not loaded.run_cell(f"%kling {line}").success
    assert said in capsys.readouterr().out
    assert rows() == before


def test_runs_are_named_by_id_variable_table_or_not_at_all(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    older, newer = rows()
    assert loaded.run_cell(f"%kling rate {older.id} 2").success
    assert capsys.readouterr().out.strip() == f"{older.id}: rated 2."
    assert loaded.run_cell("%kling rate 4").success
    assert newer.id in capsys.readouterr().out, "the run that was meant is told"
    assert [row.rating for row in rows()] == [2, 4]
    assert loaded.run_cell("%kling keep frame").success
    assert "2 runs: kept." in capsys.readouterr().out
    assert loaded.run_cell("%kling discard run").success
    assert [row.kept for row in rows()] == [True, False]
    assert loaded.run_cell("%kling rate frame -").success
    assert [row.rating for row in rows()] == [None, None]


def test_tags_and_notes_keep_their_words_and_undo_takes_them_back(
    loaded: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    assert loaded.run_cell('%kling tag run boat "week 12" "r-2"').success
    assert loaded.run_cell("%kling note run don't use: the mast bends").success
    assert (rows()[1].tags, rows()[1].note) == (["boat", "week 12", "r-2"], "don't use: the mast bends")
    assert loaded.run_cell("%kling tag run boat --remove").success
    assert rows()[1].tags == ["week 12", "r-2"]
    capsys.readouterr()
    assert loaded.run_cell("%kling undo").success
    assert "Taken back: untagged boat" in capsys.readouterr().out
    assert set(rows()[1].tags) == {"boat", "week 12", "r-2"}
    assert loaded.run_cell("%kling note run -").success
    assert rows()[1].note is None


def test_diff_and_summary_are_values(loaded: InteractiveShell) -> None:
    older, _ = rows()
    assert loaded.run_cell(f"changes = %kling diff {older.id} run").success
    changes = loaded.user_ns["changes"]
    assert isinstance(changes, RunDiff)
    assert "[-left-]{+right+}" in str(changes)
    assert loaded.run_cell("table = %kling summary provider prompt").success
    assert loaded.user_ns["table"]["runs"].tolist() == [1, 1]


@pytest.mark.parametrize("command", ["rate", "keep", "discard", "tag", "note", "diff"])
def test_run_ids_complete(loaded: InteractiveShell, command: str) -> None:
    line = f"%kling {command} "
    offered = [each.text for each in complete(line, 0, len(line), loaded.user_ns)["completions"]]
    assert {row.id for row in rows()} <= set(offered)


@pytest.mark.parametrize("word", ["rate", "diff", "summary", "judging"])
def test_help_explains_them(loaded: InteractiveShell, capsys: pytest.CaptureFixture[str], word: str) -> None:
    assert loaded.run_cell(f"%kling help {word}").success
    assert word in capsys.readouterr().out.lower()
