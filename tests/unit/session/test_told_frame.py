"""Tables of runs: frames like any other, whose headers tell what the scores mean."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from made_scores import made_scores
from titles import Titles

from kling_nb.domain.scores import MEASURES
from kling_nb.runlog import RunRecord
from kling_nb.session import Session
from kling_nb.session.scorerows import header
from kling_nb.session.tables import table
from kling_nb.session.toldframe import ToldFrame

Frame = pd.DataFrame

OTHER = pd.DataFrame({"id": ["r-0", "r-1", "r-9"], "words": ["x", "y", "z"]})


def plain_frame() -> Frame:
    frame = pd.DataFrame(
        {
            "id": pd.array([f"r-{number}" for number in range(6)], dtype="string"),
            "mode": pd.Categorical(["std", "pro"] * 3),
            "gain": np.arange(6) / 5,
            "leak": [0.5, None, 0.25, 2.0, 1.0, 0.125],
            "rating": pd.array([1, None, 3, 4, 5, 0], dtype="Int64"),
            "tags": [("sea",), (), ("a", "b"), (), (), ()],
        }
    )
    frame.attrs = {"study": "waves"}
    return frame


def told_frame() -> Frame:
    return ToldFrame(plain_frame()).__finalize__(plain_frame())


def same(left: Any, right: Any) -> None:
    """Hold two results against each other, whichever of them is told."""
    compare = pd.testing.assert_frame_equal if isinstance(right, Frame) else pd.testing.assert_series_equal
    compare(left, right)
    compare(right, left)
    assert left.equals(right)
    assert right.equals(left)
    assert left.attrs == right.attrs


def titles_of(frame: Frame) -> dict[str, str]:
    return Titles(frame._repr_html_()).titles  # type: ignore[operator]  # the types of pandas leave it out


PARTS: dict[str, Callable[[Frame], Any]] = {
    "columns": lambda frame: frame[["id", "gain"]],
    "rows": lambda frame: frame[frame["gain"] > 0.3],
    "head": lambda frame: frame.head(2),
    "copy": lambda frame: frame.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "query": lambda frame: frame.query("gain > 0.3"),
    "sorted": lambda frame: frame.sort_values("leak", ascending=False),
    "by id": lambda frame: frame.set_index("id"),
    "more columns": lambda frame: frame.assign(gain_percent=frame["gain"] * 100),
    "fewer columns": lambda frame: frame.drop(columns="leak"),
    "means": lambda frame: frame.groupby("mode", observed=True)[["gain", "leak"]].mean(),
    "groups": lambda frame: frame.groupby("mode", observed=True)[["gain"]].apply(lambda part: part.head(1)),
    "concat": lambda frame: pd.concat([frame, plain_frame()], ignore_index=True),
    "merge": lambda frame: frame.merge(OTHER, on="id", how="left"),
    "join": lambda frame: frame.set_index("id").join(OTHER.set_index("id")),
    "exploded": lambda frame: frame.explode("tags"),
    "missing": lambda frame: frame.dropna(),
}
"""What still holds scores."""

OTHERS: dict[str, Callable[[Frame], Any]] = {
    "column": lambda frame: frame["gain"],
    "row": lambda frame: frame.iloc[0],
    "across": lambda frame: frame.apply(lambda row: row["gain"], axis=1),
    "group of a column": lambda frame: frame.groupby("mode", observed=True)["gain"].max(),
    "onto a plain frame": lambda frame: OTHER.merge(frame, on="id"),
    "concat onto a plain frame": lambda frame: pd.concat([plain_frame(), frame]),
    "described": lambda frame: frame.describe(),
    "several numbers": lambda frame: frame.groupby("mode", observed=True)[["gain"]].agg(["min", "max"]),
    "pivot": lambda frame: frame.pivot_table(index="id", columns="mode", values="gain", observed=True),
    "long": lambda frame: frame.melt("id", ["gain", "leak"]),
    "turned": lambda frame: frame[["gain", "leak"]].T,
    "equal": lambda frame: frame[["gain"]] == plain_frame()[["gain"]],
}


@pytest.mark.parametrize("way", [*PARTS, *OTHERS])
def test_whatever_is_done_gives_what_a_plain_frame_gives(way: str) -> None:
    done = (PARTS | OTHERS)[way]
    same(done(told_frame()), done(plain_frame()))


@pytest.mark.parametrize("way", PARTS)
def test_parts_tell_the_meaning_too(way: str) -> None:
    told = titles_of(PARTS[way](told_frame()))
    assert "good by itself" not in told["gain"]
    assert told["gain"].endswith("Near 1 is best.")
    assert not {"id", "mode", "rating", "words", "gain_percent"} & set(told)


def test_every_score_is_told_with_unit_and_direction() -> None:
    told = titles_of(ToldFrame([made_scores().values]))
    for measure in MEASURES:
        assert told[measure.name] == header(measure)
        assert measure.meaning in told[measure.name]
        assert measure.unit in told[measure.name]


def test_changed_in_place_it_is_like_a_plain_frame() -> None:
    told, plain = told_frame(), plain_frame()
    for frame in (told, plain):
        frame["own"] = range(6)
        frame.loc[frame["gain"] > 0.5, "leak"] = 0.0
        frame.insert(0, "first", "a")
        del frame["rating"]
        frame.columns = [str(name).upper() for name in frame.columns]
    same(told, plain)
    assert titles_of(told) == {}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickled_it_needs_nothing_but_pandas(protocol: int) -> None:
    data = pickle.dumps(told_frame(), protocol)
    assert b"kling" not in data
    again = pickle.loads(data)
    assert type(again) is pd.DataFrame
    same(again, plain_frame())


def test_files_of_it_are_those_of_a_plain_frame() -> None:
    told, plain = told_frame(), plain_frame()
    assert told.to_csv() == plain.to_csv()
    assert told.to_json() == plain.to_json()
    assert told.to_html() == plain.to_html()
    assert repr(told) == repr(plain)
    assert json.loads(told.to_json(orient="table"))["schema"]["fields"][3]["name"] == "gain"


def test_parts_are_made_as_fast_as_those_of_plain_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    """A constructor for each of the parts of a hundred thousand rows would double the time of a loop."""
    told, made = told_frame(), []
    monkeypatch.setattr(ToldFrame, "__init__", lambda *_, **__: made.append("frame"))
    monkeypatch.setattr(pd.Series, "__init__", lambda *_, **__: made.append("column"))
    parts = [
        told.iloc[:2],
        told[["id", "gain"]],
        told.copy(),
        told.take([0, 1, 2, 3]),
        told["gain"],
        told["leak"],
    ]
    assert [len(part) for part in parts] == [2, 6, 6, 4, 6, 6]
    assert made == []


def test_only_headers_grow_in_a_saved_notebook() -> None:
    plain = pd.DataFrame([made_scores().values] * 500)
    with pd.option_context("display.max_columns", None):
        html, told = plain._repr_html_(), ToldFrame(plain)._repr_html_()  # type: ignore[operator]  # as above
    assert told.partition("</thead>")[2] == html.partition("</thead>")[2]
    assert len(told) - len(html) < 300 * len(plain.columns)


def test_where_frames_are_shown_as_text_so_is_this() -> None:
    with pd.option_context("display.notebook_repr_html", False):
        assert told_frame()._repr_html_() is None  # type: ignore[operator]  # as above


def test_tables_of_runs_are_told(tmp_path: Any) -> None:
    session = Session(home=tmp_path)
    for words in ("a boat", "a bird"):
        run = session.log.insert(RunRecord(prompt=words))
        session.log.put_scores(run.id, made_scores())
    for frame in (session.runs(), session.runs(1), session.runs(prompt="a boat"), table(session=session)):
        assert "gain" in titles_of(frame[["prompt", "gain"]])
    assert titles_of(table(view="tidy", session=session)) == {}
    frame = session.runs()
    frame["gain"] = 0.0
    assert (session.runs()["gain"] == made_scores().gain).all(), "it is the caller's own"
    same(session.runs(), session.log.frame())
    session.close()
