"""What a person says about runs is checked, in the log at once, seen elsewhere, and can be taken back."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kling_nb.errors import InputError, RunNotFound
from kling_nb.runlog import RunLog, RunRecord, Vote
from kling_nb.session import Run, Session

OTHER_KERNEL = """
import json, sys
from kling_nb.session import Session
with Session(provider="sandbox", home=sys.argv[1]) as session:
    for line in sys.stdin:
        run_id, words = json.loads(line)
        run = session.run(run_id)
        for method, *arguments in words:
            getattr(run, method)(*arguments)
        row = session.run(run_id).record
        print(json.dumps([row.rating, row.kept, row.tags, row.note]), flush=True)
"""


@pytest.fixture
def runs(session: Session) -> list[Run]:
    """Three runs that are in the log and nowhere else."""
    rows = [session.log.insert(RunRecord(provider="sandbox", prompt=f"clip {n}")) for n in range(3)]
    return [session.run(row.id) for row in rows]


@pytest.mark.parametrize("wrong", [6, -1, 2.5, "4", True, np.nan])
def test_what_is_no_rating_is_refused_and_nothing_written(runs: list[Run], wrong: object) -> None:
    with pytest.raises(InputError, match="is no rating") as caught:
        runs[0].rate(wrong)  # type: ignore[arg-type]
    assert "0 (useless) to 5 (perfect)" in str(caught.value)
    assert runs[0].rating is None


@pytest.mark.parametrize("wrong", ["", "  ", "two\nlines", "x" * 81, 7, None, "\u202egpj"])
def test_what_is_no_tag_is_refused(runs: list[Run], wrong: object) -> None:
    with pytest.raises(InputError, match="is no tag"):
        runs[0].tag("fine", wrong)  # type: ignore[arg-type]
    assert runs[0].tags == ()


def test_other_columns_are_not_a_persons_own(runs: list[Run]) -> None:
    with pytest.raises(TypeError, match="not columns of your own: prompt"):
        runs[0].annotate(prompt="another")
    with pytest.raises(InputError, match="is no decision"):
        runs[0].annotate(kept="yes")


def test_one_unknown_run_among_several_changes_none(session: Session, runs: list[Run]) -> None:
    with pytest.raises(RunNotFound):
        session.rate([runs[0].id, "r-zzzzzzzzzzzz"], 3)
    assert session.log.get(runs[0].id).rating is None


def test_words_chain_and_are_in_the_log_at_once(session: Session, runs: list[Run]) -> None:
    run = runs[0].rate(4).keep().tag("boat", "week 12").note("the mast bends")
    row = session.log.get(run.id)
    assert (row.rating, row.kept, row.tags, row.note) == (4, True, ["boat", "week 12"], "the mast bends")
    assert (run.rating, run.kept, run.tags, run.record.note) == (
        4,
        True,
        ("boat", "week 12"),
        "the mast bends",
    )
    frame = session.runs(id=run.id)
    assert frame[["rating", "kept", "tags", "note"]].iloc[0].tolist() == [
        4, True, ("boat", "week 12"), "the mast bends",
    ]  # fmt: skip


def test_zero_is_a_rating_and_discarded_is_not_undecided(session: Session, runs: list[Run]) -> None:
    runs[0].rate(0).discard()
    assert (runs[0].rating, runs[0].kept) == (0, False)
    runs[0].rate(None).undecide().note("")
    row = session.log.get(runs[0].id)
    assert (row.rating, row.kept, row.note) == (None, None, None)


def test_numbers_of_a_table_are_ratings_too(runs: list[Run]) -> None:
    assert runs[0].rate(np.int64(3)).rating == 3  # type: ignore[arg-type]


def test_many_runs_are_judged_at_once(session: Session, runs: list[Run]) -> None:
    frame = session.runs()
    chosen = frame[frame["prompt"] != "clip 1"]
    assert session.rate(chosen, 5) == 2
    assert session.tag(runs, "boat") == 3
    assert session.tag(runs, "boat") == 0, "they have it already"
    ids = [run.id for run in runs]
    beginnings = [ids[2][:end] for end in range(3, len(ids[2]) + 1)]
    short = next(part for part in beginnings if sum(each.startswith(part) for each in ids) == 1)
    assert session.keep(short) == 1, "the beginning of an id is enough"
    assert [run.rating for run in runs] == [5, None, 5]
    assert session.untag(chosen) == 2
    assert [run.tags for run in runs] == [(), ("boat",), ()]


def test_nothing_that_names_runs_is_refused(session: Session) -> None:
    with pytest.raises(InputError, match="names no runs"):
        session.rate(7, 4)


# --- undo ---------------------------------------------------------------------------------------------


def test_the_latest_judgement_is_taken_back_first(session: Session, runs: list[Run]) -> None:
    session.rate(runs, 2)
    runs[0].rate(5).tag("a", "b")
    assert session.undo_judgement() == "Taken back: tags a, b, 1 run."
    assert "rating" in session.undo_judgement()
    assert [run.rating for run in runs] == [2, 2, 2]
    session.undo_judgement()
    assert [session.log.get(run.id).rating for run in runs] == [None] * 3
    assert "judged nothing" in session.undo_judgement()


def test_what_somebody_has_changed_since_stays(session: Session, runs: list[Run]) -> None:
    session.rate(runs[:2], 2)
    runs[0].tag("mine")
    session.log.update(runs[0].id, rating=4, tags=["mine", "theirs"])
    session.undo_judgement()
    assert session.log.get(runs[0].id).tags == ["theirs"]
    assert "1 changed meanwhile" in session.undo_judgement()
    assert [session.log.get(run.id).rating for run in runs] == [4, None, None]


# --- two kernels --------------------------------------------------------------------------------------


def test_two_kernels_see_each_others_words_and_lose_none(session: Session, runs: list[Run]) -> None:
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER_KERNEL, str(session.home)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdin is not None
    assert other.stdout is not None
    try:
        run = runs[0].rate(3).tag("here")
        run.note("ours")
        theirs = [["tag", f"there {n}"] for n in range(40)]
        print(json.dumps([run.id, [["keep"], *theirs]]), file=other.stdin, flush=True)
        for n in range(40):
            run.tag(f"here {n}")
        seen = json.loads(other.stdout.readline())
        assert seen[:2] == [3, True]
        assert "here" in seen[2]
        now = session.run(run.id)
        assert (now.rating, now.kept, now.record.note) == (3, True, "ours")
        assert set(now.tags) == {
            "here",
            *(f"here {n}" for n in range(40)),
            *(f"there {n}" for n in range(40)),
        }
    finally:
        other.stdin.close()
        other.wait(60)
        other.stdout.close()


# --- votes in the log ---------------------------------------------------------------------------------


def test_votes_are_kept_with_who_and_what_was_asked(tmp_path: Path) -> None:
    with RunLog(tmp_path / "runs.sqlite") as log:
        assert log.judgements.votes() == []
        given = Vote(left="r-1", right="r-2", outcome="tie", question="steadier?", voter="ann")
        number = log.judgements.vote(given)
        log.judgements.vote(Vote(left="r-1", right="r-2", outcome="left", question="sharper?", voter="bob"))
        (kept,) = log.judgements.votes(question="steadier?")
        assert (kept.id, kept.outcome, kept.voter, kept.blind) == (number, "tie", "ann", True)
        assert kept.voted_at == given.voted_at
        assert [vote.outcome for vote in log.judgements.votes(voter="bob")] == ["left"]
        assert log.judgements.unvote(number)
        assert not log.judgements.unvote(number)
        assert len(log.judgements.votes()) == 1
