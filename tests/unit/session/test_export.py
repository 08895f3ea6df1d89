"""Tables for other tools: what is in them, what a spreadsheet does with them, what can be left out."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.domain.scores import MEASURES, ObjectScores, Scores
from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError
from kling_nb.runlog import RunRecord
from kling_nb.session.export import export, harmless
from kling_nb.session.tables import UNITS, table

SECRET = "only-mine"
ID = "8123456789012345678"
BEGIN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def record(**columns):
    values = {
        "status": RunStatus.SUCCEEDED,
        "provider": "sandbox",
        "model_name": "kling-v1",
        "duration": 5,
        "prompt": "the boat drifts",
        "submitted_at": BEGIN,
        "finished_at": BEGIN.replace(minute=1, second=5),
        "actual_units": Decimal("1.5"),
        "task_id": ID,
    }
    return RunRecord(**{**values, **columns})


@pytest.fixture
def two(session):
    """A rated clip of a sweep, and an older one that failed."""
    failed = record(status=RunStatus.FAILED, actual_units=None, error_message="no", created_at=BEGIN)
    rated = record(rating=4, kept=False, tags=["a", "b"], variables={"cfg_scale": 0.5, "prompt": "x"})
    for each in (failed, rated):
        session.log.insert(each)
    return rated.id, failed.id


@pytest.mark.parametrize("name", ["runs.xlsx", "runs", "runs.jsn"])
def test_an_unknown_kind_of_file_is_refused_before_anything_is_written(session, tmp_path, name):
    with pytest.raises(InputError, match=r"cannot be written|cannot be written to") as refused:
        export(tmp_path / "new" / name, session=session)
    assert ".csv" in str(refused.value)
    assert not (tmp_path / "new").exists()


def test_an_unknown_view_names_the_known_ones(session):
    with pytest.raises(InputError, match="wide"):
        table(view="widee", session=session)


def test_parquet_without_its_library_says_what_to_install(session, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"kling-nb\[export\]"):
        export(tmp_path / "runs.parquet", session=session)
    assert list(tmp_path.glob("*.parquet")) == []


def test_a_failed_write_leaves_the_earlier_file(session, tmp_path, two, monkeypatch):
    target = export(tmp_path / "runs.json", session=session)
    before = target.read_bytes()
    monkeypatch.setattr(json, "dumps", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(InputError, match="No space left"):
        export(target, session=session)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.glob(".*.part")] == []


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "+1", "-1", "\t=1", " =1", "＝1", "\0=1", "\n=1"])
def test_a_formula_becomes_text_in_csv_and_stays_in_json(session, tmp_path, text):
    made = session.log.insert(record(prompt=text, name=text))
    path = export(tmp_path / "runs.csv", session=session)
    with path.open(newline="", encoding="utf-8") as file:
        row = next(csv.DictReader(file))
    assert row["prompt"] == f"'{text}".replace("\0", "")
    assert row["name"].startswith("'")
    assert row["task_id"] == ID
    read = json.loads(export(tmp_path / "runs.json", session=session).read_text())
    assert read[0]["prompt"] == made.prompt


@given(st.text(max_size=20))
def test_no_text_begins_a_formula(text):
    shown = harmless(text)
    assert shown.lstrip(" \u00a0")[:1] not in {*"=+-@\t\r\n＝＋－＠"}
    assert shown.removeprefix("'") == text.replace("\0", "") or shown == text


def test_negative_numbers_stay_numbers(session, tmp_path):
    session.log.insert(record())
    frame = session.runs().assign(change=[-0.5])
    with export(tmp_path / "runs.csv", frame, session=session).open(newline="") as file:
        assert next(csv.DictReader(file))["change"] == "-0.5"


def test_json_gives_back_what_the_log_holds(session, tmp_path, two):
    rated, failed = two
    for name, read in (
        ("runs.json", json.loads),
        ("runs.jsonl", lambda t: list(map(json.loads, t.splitlines()))),
    ):
        rows = read(export(tmp_path / name, session=session).read_text())
        assert [row["id"] for row in rows] == [rated, failed]
        first, last = rows
        assert (first["rating"], first["kept"], first["tags"], first["task_id"]) == (4, False, ["a", "b"], ID)
        assert (last["rating"], last["kept"], last["actual_units"]) == (None, None, None)
        assert datetime.fromisoformat(first["submitted_at"]) == BEGIN
        assert (first["var_cfg_scale"], first["var_prompt"], last["var_prompt"]) == (0.5, "x", None)


def test_parquet_keeps_the_types(session, tmp_path, two):
    pytest.importorskip("pyarrow")
    frame = table(session=session)
    read = pd.read_parquet(export(tmp_path / "runs.parquet", session=session))
    assert list(read.columns) == list(frame.columns)
    for name in ("duration", "rating", "kept", "submitted_at", "status", "task_id", "actual_units"):
        assert str(read[name].dtype) == str(frame[name].dtype), name
    assert [list(tags) for tags in read["tags"]] == [["a", "b"], []]
    assert [list(flags) for flags in read["flags"]] == [[], []]
    assert str(read["path_error"].dtype) == "float64"
    files = [tmp_path / "told.parquet", tmp_path / "plain.parquet"]
    for file, each in zip(files, (frame, pd.DataFrame(frame)), strict=True):
        each.to_parquet(file)
    assert files[0].read_bytes() == files[1].read_bytes(), "nothing of ours is needed to read it"


def test_tidy_has_a_row_for_every_number_a_run_has(session, two):
    rated, failed = two
    tidy = table(view="tidy", session=session)
    found = {(row.id, row.metric): (row.value, row.unit) for row in tidy.itertuples()}
    assert found == {
        (rated, "succeeded"): (1.0, ""),
        (rated, "rating"): (4.0, "0-5"),
        (rated, "kept"): (0.0, ""),
        (rated, "elapsed"): (65.0, "s"),
        (rated, "actual_units"): (1.5, "units"),
        (failed, "succeeded"): (0.0, ""),
        (failed, "elapsed"): (65.0, "s"),
    }
    assert set(tidy["metric"]) <= set(UNITS)


def test_scores_travel_in_every_kind_of_table_also_without_metadata(session, tmp_path, two):
    label = ObjectScores(SECRET, {"gain": 0.5}, 0.9)
    found = {"path_error": 0.25, "leak": 5.5}
    session.log.put_scores(two[0], Scores(1, SECRET, "d", found, flags=("leak", "late"), objects=(label,)))
    for metadata in (True, False):
        tidy = table(view="tidy", metadata=metadata, session=session)
        told = {row.metric: (row.value, row.unit) for row in tidy.itertuples() if row.metric in found}
        assert told == {"path_error": (0.25, "%"), "leak": (5.5, "levels")}
        rows = json.loads(export(tmp_path / "a.json", metadata=metadata, session=session).read_text())
        assert (rows[0]["leak"], rows[0]["flags"], rows[0]["score_version"]) == (5.5, ["leak", "late"], 1)
        assert (rows[1]["leak"], rows[1]["flags"], rows[1]["gain"]) == (None, [], None)
        text = export(tmp_path / "a.csv", metadata=metadata, session=session).read_text()
        first, _ = csv.DictReader(text.splitlines())
        assert (first["path_error"], first["flags"]) == ("0.25", "leak, late")
        assert SECRET not in text, "labels of objects and digests are no numbers"
    assert set(UNITS) >= {measure.name for measure in MEASURES}


def test_an_own_number_of_a_frame_becomes_a_metric(session, two):
    frame = session.runs().assign(sharpness=[0.25, None], remark="x")
    tidy = table(frame, view="tidy", session=session)
    assert tidy.loc[tidy["metric"] == "sharpness", ["id", "value"]].to_numpy().tolist() == [[two[0], 0.25]]
    assert list(table(frame, session=session)["remark"]) == ["x", "x"]


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"status": "failed"}, [1]),
        ({"rating": [4, 5]}, [0]),
        ([], []),
    ],
)
def test_a_filter_chooses(session, two, chosen, expected):
    assert list(table(chosen, session=session)["id"]) == [two[place] for place in expected]


def test_the_order_of_a_frame_is_kept(session, two):
    assert list(table(session.runs()[::-1], session=session)["id"]) == list(two[::-1])


def texts_of_record():
    """Every column of a row that can hold a text says the secret."""
    free = [
        *(
            "prompt",
            "negative_prompt",
            "name",
            "note",
            "task_id",
            "external_task_id",
            "video_id",
            "video_url",
        ),
        *("image_source", "image_tail_source", "image_sha256", "callback_url", "base_url", "endpoint"),
        *("error_message", "request_id", "notebook", "sweep_id", "identity", "video_path", "poster_path"),
        *("parent_run", "owner", "service_status", "video_sha256", "static_mask_sha256"),
    ]
    return record(
        **dict.fromkeys(free, SECRET),
        tags=[SECRET],
        notices=[SECRET],
        variables={"prompt": SECRET, "cfg_scale": 0.5},
        options={"x": SECRET},
        versions={SECRET: SECRET},
        brush={"x": SECRET},
        multi_prompt=[{"prompt": SECRET}],
    )


@pytest.mark.parametrize("view", ["tidy", "wide"])
@pytest.mark.parametrize("ending", ["csv", "json", "jsonl"])
def test_without_metadata_no_words_paths_or_ids_are_left(session, tmp_path, view, ending):
    made = session.log.insert(texts_of_record())
    frame = session.runs().assign(remark=SECRET)
    path = tmp_path / f"runs.{ending}"
    text = export(path, frame, view=view, session=session).read_text()
    assert SECRET in text
    assert made.id in text
    bare = export(path, frame, view=view, metadata=False, session=session).read_text()
    assert SECRET not in bare
    assert made.id not in bare
    assert "kling-v1" in bare
    assert "var_cfg_scale" in bare
