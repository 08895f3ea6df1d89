"""Scores of runs in the log: beside the rows, in the table, and gone with their run."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from kling_nb.domain.scores import FLAGS, MEASURES, MOST_SIDE, ObjectScores, Scores
from kling_nb.errors import RunNotFound
from kling_nb.runlog import RunLog, RunRecord, open_log
from kling_nb.runlog.schema import RUNS

BOAT = ObjectScores(
    "boat", {"path_error": 0.31, "gain": 0.97}, 0.9, method="points",
    asked=((10.0, 20.0), (30.5, 20.25)), measured=((10.01, 20.0), (30.0, 21.0)), times=(0.0, 4.9667),
)  # fmt: skip


def scores(version: int = 1, flags: tuple[str, ...] = ("leak",), **values: float | None) -> Scores:
    """Scores of a clip with a boat and a static mask."""
    return Scores(
        version, "c" * 64, "d" * 32, {"gain": 0.97, "leak": 5.0, **values}, flags=flags, objects=(BOAT,),
        confidence={"gain": 0.9, "leak": 0.5}, why={"end_psnr": "no end picture was asked for"},
        size=(1280, 720), fps=24.0, frames=121, duration_s=5.04, leak_map=((None, 4.0), (6.0, None)),
        curves={"times": (0.0, 1.0), "leak": (None, 5.5)}, notes=("Ünïcode – \u2028.",),
    )  # type: ignore[arg-type]  # fmt: skip


def test_what_was_put_is_what_is_read(log: RunLog) -> None:
    run = log.insert(RunRecord())
    assert log.scores_of([run.id]) == {}
    assert log.put_scores(run.id, scores())
    assert log.scores_of([run.id, "r-none"]) == {run.id: scores()}
    measured = log.scores.measured([run.id])[run.id]
    assert (measured.version, measured.clip_sha256, measured.flags) == (1, "c" * 64, ("leak",))
    assert measured.values == scores().values


def test_the_last_writer_wins_unless_a_newer_version_has_measured(log: RunLog) -> None:
    run = log.insert(RunRecord())
    assert log.put_scores(run.id, scores(gain=0.5))
    assert log.put_scores(run.id, scores(gain=0.6))
    assert log.scores_of([run.id])[run.id].gain == 0.6
    assert log.put_scores(run.id, scores(version=2, gain=0.7))
    before = log.change_counter()
    assert not log.put_scores(run.id, scores(version=1, gain=0.1))
    assert log.scores_of([run.id])[run.id].gain == 0.7
    assert log.change_counter() == before, "nothing has changed"


def test_scores_of_no_run_are_refused_and_left_out_of_many(log: RunLog) -> None:
    run = log.insert(RunRecord())
    with pytest.raises(RunNotFound):
        log.put_scores("r-none", scores())
    assert log.scores.put({"r-none": scores(), run.id: scores()}) == {run.id}


def test_thousands_are_written_and_read_at_once(log: RunLog) -> None:
    ids = [log.insert(RunRecord()).id for _ in range(3)]
    with log._database.writing(durable=False) as cursor:
        for _ in range(1200):
            record = RunRecord()
            log._statements.insert.run(cursor, log._statements.values(record))
            ids.append(record.id)
    small = Scores(1, "c", "d", {"gain": 1.0})
    assert log.scores.put(dict.fromkeys(ids, small)) == set(ids)
    assert len(log.scores.measured(ids)) == len(ids)
    assert log.frame({"gain": 1.0})["id"].tolist() == sorted(ids, reverse=True)


def test_a_step_of_a_run_does_not_carry_its_scores() -> None:
    assert not {measure.name for measure in MEASURES} & {item.name for item in RUNS.columns}


# --- the table --------------------------------------------------------------------------------------------


def test_the_table_has_numbers_flags_and_gaps(log: RunLog) -> None:
    ids = [log.insert(RunRecord()).id for _ in range(2)]
    assert log.frame()["gain"].isna().all()
    log.put_scores(ids[1], scores())
    row, bare = log.frame().iloc[0], log.frame().iloc[1]
    assert (row["id"], row["gain"], row["leak"], row["flags"]) == (ids[1], 0.97, 5.0, ("leak",))
    assert row["score_confidence"] == 0.5, "the least sure number decides"
    assert row["score_version"] == 1
    assert pd.isna(row["path_error"])
    assert bare["flags"] == ()
    assert pd.isna(bare["score_version"])
    dtypes = log.frame().dtypes
    assert {str(dtypes[measure.name]) for measure in MEASURES} == {"float64"}
    columns = list(log.frame().columns)
    assert columns.index("kept") < columns.index("path_error") < columns.index("name")


def test_the_kept_table_notices_scores_of_another_process(log: RunLog, place: str) -> None:
    ids = [log.insert(RunRecord()).id for _ in range(12)]
    log.frame()
    with open_log(place) as other:
        other.put_scores(ids[4], scores())
    assert log.frame().set_index("id")["gain"].dropna().to_dict() == {ids[4]: 0.97}
    with open_log(place) as fresh:
        assert_frame_equal(log.frame(), fresh.frame(), check_categorical=False)


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ({"gain": (">=", 0.9)}, [0, 1]),
        ({"gain": ("<", 0.9)}, [2]),
        ({"gain": 0.95}, [0]),
        ({"gain": (">=", 0.9), "name": "1"}, [1]),
        ({"gain": None}, [3]),
        ({"flags": "leak"}, [0, 1]),
        ({"flags": ["frozen", "first frame"]}, [2]),
        ({"flags": None}, [3]),
        ({"repeat": (">", 2)}, [2, 3]),
        ({"score_version": None}, [3]),
        (RUNS.c.name == "2", [2]),
    ],
)
def test_scores_filter_in_sql(log: RunLog, where: Any, found: list[int]) -> None:
    runs = [log.insert(RunRecord(name=str(number), repeat=number + 1)).id for number in range(4)]
    log.scores.put({runs[0]: scores(gain=0.95), runs[1]: scores(gain=1.4),
                    runs[2]: scores(gain=0.2, flags=("frozen", "first frame"))})  # fmt: skip
    assert sorted(log.frame(where)["id"]) == [runs[number] for number in found]
    assert sorted(row.id for row in log.records(where)) == [runs[number] for number in found]


def test_an_unknown_score_is_refused_with_those_that_are_near(log: RunLog) -> None:
    with pytest.raises(TypeError, match="path_error"):
        log.frame({"path_eror": 1})


# --- gone with the run ------------------------------------------------------------------------------------


def test_scores_go_with_their_run(log: RunLog, place: str) -> None:
    ids = [log.insert(RunRecord()).id for _ in range(2)]
    log.scores.put(dict.fromkeys(ids, scores()))
    log.close()
    if "://" in place:
        engine = sa.create_engine(place)
        with engine.begin() as connection:
            connection.execute(RUNS.delete().where(RUNS.c.id == ids[0]))
        engine.dispose()
    else:
        with closing(sqlite3.connect(place)) as plain:
            plain.execute("DELETE FROM runs WHERE id = ?", (ids[0],))
            plain.commit()
    assert list(log.scores.measured(ids)) == [ids[1]]


def test_scores_go_with_their_run_in_an_upgraded_log(path: Path) -> None:
    path.parent.mkdir()
    stored = Path(__file__).parent / "data" / "runs-0004.sql"
    with closing(sqlite3.connect(path)) as plain:
        plain.executescript(stored.read_text(encoding="utf-8"))
    with open_log(path) as log:
        (sweep,) = log.sweeps.find("boats")
        old = log.get("r-2mtgrzw6ks98")
        assert (old.sweep_id, old.rating, sweep.state) == (sweep.id, 4, "done")
        assert log.frame()["flags"].tolist() == [()]
        assert log.put_scores(old.id, scores())
        assert log.scores_of([old.id]) == {old.id: scores()}
    with closing(sqlite3.connect(path)) as plain:
        plain.execute("DELETE FROM runs")
        plain.commit()
        assert plain.execute("SELECT count(*) FROM scores").fetchone() == (0,)


# --- JSON -------------------------------------------------------------------------------------------------

NUMBER = st.floats(allow_nan=False, allow_infinity=False)
GAPS = st.none() | NUMBER
VALUES = st.dictionaries(st.sampled_from([measure.name for measure in MEASURES]), GAPS)
PLACE = st.floats(-MOST_SIDE, MOST_SIDE)
PLACES = st.lists(st.tuples(PLACE, PLACE), max_size=3).map(tuple)
ROWS = st.lists(GAPS, max_size=3).map(tuple)
GRID = st.integers(0, 3).flatmap(lambda wide: st.lists(st.tuples(*[GAPS] * wide), max_size=2)).map(tuple)
OBJECTS = st.builds(
    ObjectScores, label=st.text(), values=VALUES, confidence=st.floats(0, 1), why=st.text(), asked=PLACES,
    measured=PLACES, times=st.lists(NUMBER, max_size=3).map(tuple),
)  # fmt: skip
ANY = st.builds(
    Scores, version=st.integers(1, 9), clip_sha256=st.text(), asked_digest=st.text(), values=VALUES,
    confidence=st.dictionaries(st.sampled_from(["gain", "leak"]), st.floats(0, 1)),
    why=st.dictionaries(st.text(), st.text(), max_size=2), flags=st.lists(st.sampled_from(FLAGS)).map(tuple),
    objects=st.lists(OBJECTS, max_size=2).map(tuple), fps=NUMBER, frames=st.integers(0, 10**6),
    curves=st.dictionaries(st.text(), ROWS, max_size=2), leak_map=GRID,
    notes=st.lists(st.text(), max_size=2).map(tuple),
)  # fmt: skip


@given(found=ANY)
def test_json_and_back_is_the_same(found: Scores) -> None:
    text = json.dumps(found.to_json(), allow_nan=False)
    assert Scores.from_json(json.loads(text)) == found


@given(found=ANY)
def test_what_another_version_has_added_is_left_out(found: Scores) -> None:
    row = found.to_json()
    row |= {"mood": "calm", "flags": [*row["flags"], "odd"], "values": row["values"] | {"charm": 1.0}}
    assert Scores.from_json(row) == found


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    "change",
    [
        lambda bad: {"values": {"gain": bad}},
        lambda bad: {"confidence": {"gain": bad}},
        lambda bad: {"curves": {"leak": (1.0, bad)}},
        lambda bad: {"leak_map": ((None, bad),)},
        lambda bad: {"fps": bad},
        lambda bad: {"objects": (replace(BOAT, times=(bad,)),)},
        lambda bad: {"objects": (replace(BOAT, measured=((1.0, bad),)),)},
        lambda bad: {"objects": (replace(BOAT, values={"lag": bad}),)},
    ],
)
def test_what_is_no_number_is_refused_where_it_is_made(change: Any, bad: float) -> None:
    with pytest.raises(ValueError, match=r"nan|inf"):
        replace(scores(), **change(bad))


@pytest.mark.parametrize("change", [{"values": {"charm": 1.0}}, {"flags": ("odd",)}])
def test_scores_that_nobody_knows_are_refused(change: Any) -> None:
    with pytest.raises(ValueError, match=r"charm|odd"):
        replace(scores(), **change)


@pytest.mark.parametrize(
    "change",
    [
        {"size": ("a", 2)},
        {"size": (10**12, 2)},
        {"frames": "many"},
        {"notes": ({"a": 1},)},
        {"why": {"gain": 7}},
        {"leak_map": ((1.0,), (1.0, 2.0))},
    ],
)
def test_what_is_no_clip_and_no_text_is_refused(change: Any) -> None:
    with pytest.raises(ValueError):
        replace(scores(), **change)
    for wrong in ({"label": 7}, {"asked": ((1e9, 0.0),)}):
        with pytest.raises(ValueError):
            replace(BOAT, **wrong)  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    ("column", "text"),
    [
        ("detail", "no JSON"),
        ("detail", "[1]"),
        ("detail", '{"objects": 5}'),
        ("detail", '{"size": [1e400, 2]}'),
        ("detail", f"{'[' * 100_000}"),
        ("flags", "5"),
        ("flags", '[["x"]]'),
        ("gain", "much"),
        ("score_version", "new"),
        ("score_confidence", "sure"),
    ],
)
def test_a_damaged_row_hides_no_other(path: Path, column: str, text: str) -> None:
    """A team's log is written by others, too; what cannot be read is measured again."""
    with open_log(path) as log:
        first, second = log.insert(RunRecord()).id, log.insert(RunRecord()).id
        assert log.scores.put({first: scores(), second: scores()}) == {first, second}
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"UPDATE scores SET {column} = ? WHERE run_id = ?", (text, first))
    with open_log(path) as log:
        assert log.scores_of([first, second])[second] == scores()
        assert log.scores.measured([first, second])[second].values["gain"] == 0.97
        assert log.frame().set_index("id").loc[second, "gain"] == 0.97
        log.scores_of([first])
        log.scores.measured([first])
        if column != "score_version":
            assert log.put_scores(first, scores(gain=0.5))
            assert log.scores_of([first])[first].values["gain"] == 0.5
