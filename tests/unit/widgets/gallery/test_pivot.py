"""Which run stands in which cell: against pandas' own grouping, with repeats, gaps and missing values."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.errors import UsageError
from kling_nb.widgets.gallery.functions import grid
from kling_nb.widgets.gallery.pivot import MISSING, pivot_of


def table(**columns: list) -> pd.DataFrame:
    count = len(next(iter(columns.values())))
    return pd.DataFrame({"id": [f"r-{number}" for number in range(count)], **columns})


def pivot(frame: pd.DataFrame, rows, cols=()) -> dict:
    return pivot_of(frame, rows, cols, list(frame["id"]))


def test_an_unknown_column_is_refused_with_close_ones() -> None:
    with pytest.raises(UsageError, match="cfg_scale"):
        pivot(table(cfg_scale=[1]), "cfgscale")


def test_numbers_rise_texts_keep_their_order_missing_come_last() -> None:
    made = pivot(table(prompt=["zoom", "a pan", "zoom"], cfg_scale=[0.9, None, 0.25]), "prompt", "cfg_scale")
    assert made["row_labels"] == ["zoom", "a pan"]
    assert made["col_labels"] == ["0.25", "0.9", MISSING]
    assert made["cells"] == {"r-0": [0, 1], "r-1": [1, 2], "r-2": [0, 0]}


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "b", "c"]), st.sampled_from([0.0, 0.5, 1.0]), st.booleans()),
        min_size=1,
        max_size=30,
    )
)
def test_every_run_stands_in_the_cell_of_its_values(rows: list) -> None:
    frame = table(prompt=[r[0] for r in rows], cfg=[r[1] for r in rows], again=[r[2] for r in rows])
    made = pivot(frame, "prompt", ["cfg", "again"])
    found = {
        run_id: (made["row_labels"][row], made["col_labels"][col])
        for run_id, (row, col) in made["cells"].items()
    }
    assert found == {r.id: (r.prompt, f"cfg={r.cfg:g}, again={r.again}") for r in frame.itertuples()}
    assert len(set(made["row_labels"])) == len(made["row_labels"]) == frame["prompt"].nunique()
    assert len(made["col_labels"]) == len(frame[["cfg", "again"]].drop_duplicates())


def test_a_score_makes_steps_of_a_round_number_and_what_was_not_measured_comes_last() -> None:
    frame = table(gain=[0.98, None, 0.31, 0.44, 0.4, 1.02], prompt=["x"] * 6)
    made = pivot(frame, "gain", "prompt")
    assert made["row_labels"] == ["0.2 to 0.4", "0.4 to 0.6", "0.8 to 1", "1 to 1.2", MISSING]
    assert [cell[0] for cell in made["cells"].values()] == [2, 4, 0, 1, 1, 3]
    assert pivot(table(gain=[0.5, None, 0.5]), "gain")["row_labels"] == ["0.5", MISSING]
    assert pivot(table(gain=[]), "gain")["row_labels"] == []


@given(st.lists(st.integers(-(10**8), 10**8).map(lambda n: n / 10**4), min_size=2, max_size=30))
def test_every_score_lies_in_its_step_and_there_are_few(values: list) -> None:
    made = pivot(table(gain=values), "gain")
    steps = [[float(edge) for edge in label.split(" to ")] for label in made["row_labels"]]
    if len(set(values)) > 1:
        slack = max(map(abs, values)) * 1e-5  # Labels have six digits.
        for value, (row, _) in zip(values, made["cells"].values(), strict=True):
            low, high = steps[row]
            assert low - slack <= value <= high + slack
        assert steps == sorted(steps)
    assert len(steps) <= 7


def test_a_variable_of_a_sweep_that_is_called_like_a_score_has_its_values() -> None:
    frame = table(motion=[3.0, 4.5], variables=['{"motion": 5.25}', '{"motion": 1.5}'])
    assert pivot(frame, "motion")["row_labels"] == ["1.5", "5.25"]
    swept = table(motion=[3.0, 4.5], motion_variant=["slowly", "fast"])
    assert pivot(swept, "motion")["row_labels"] == ["slowly", "fast"]


def test_flags_and_tags_are_read_as_words() -> None:
    frame = table(flags=[(), ("leak", "frozen"), (), ("leak",)])
    made = pivot(frame, "flags")
    assert made["row_labels"] == ["leak, frozen", "leak", MISSING]
    assert [cell[0] for cell in made["cells"].values()] == [2, 0, 2, 1]


def test_variables_of_a_sweep_are_columns_too() -> None:
    frame = table(variables=['{"weather": "rain"}', None, '{"weather": "sun"}'])
    made = pivot(frame, "weather")
    assert made["row_labels"] == ["rain", "sun", MISSING]
    assert made["col_labels"] == [""]


def test_cells_of_a_log_hold_repeats_and_may_be_empty(session, add) -> None:
    ids = [add(prompt=p, cfg_scale=c) for p, c in (("x", 0.2), ("x", 0.2), ("y", 0.8))]
    made = grid(session.runs(), rows="prompt", cols="cfg_scale", session=session)
    cells = made.plan["pivot"]["cells"]
    assert cells[ids[0]] == cells[ids[1]] != cells[ids[2]]
    by_ids = grid(ids, rows="prompt", cols="cfg_scale", session=session)
    assert set(by_ids.plan["pivot"]["cells"]) == set(ids)
    assert by_ids.plan["pivot"]["col_labels"] == ["0.2", "0.8"]
