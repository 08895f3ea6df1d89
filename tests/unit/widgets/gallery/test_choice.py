"""Which runs a person means by a table, handles, ids, or a sweep."""

from __future__ import annotations

from types import SimpleNamespace

import pandas as pd
import pytest

from kling_nb.errors import InputError, RunNotFound
from kling_nb.session.chosen import ids_of
from kling_nb.widgets.gallery.functions import compare, gallery


@pytest.mark.parametrize("what", [42, None, [None], pd.DataFrame({"prompt": ["x"]})], ids=repr)
def test_what_names_no_runs_is_refused(session, what) -> None:
    with pytest.raises(InputError, match="names no runs"):
        ids_of(what, session)


def test_an_unknown_id_is_refused_with_close_ones(session, add) -> None:
    known = add()
    with pytest.raises(RunNotFound):
        ids_of([known, "r-nosuchrun0000"], session)


def test_every_way_to_name_runs(session, add) -> None:
    ids = [add(), add(), add()]
    runs = [session.run(run_id) for run_id in ids]
    frame = session.runs()
    assert ids_of(frame, session) == ids[::-1]
    assert ids_of(frame.set_index("id"), session) == ids[::-1]
    assert ids_of(frame[frame.prompt == "take 1"], session) == [ids[1]]
    assert ids_of(runs, session) == ids
    assert ids_of(runs[0], session) == [ids[0]]
    assert ids_of(ids[1][2:], session) == [ids[1]]
    assert ids_of(SimpleNamespace(runs=runs), session) == ids
    assert ids_of([runs[2], ids[0], frame], session) == [ids[2], ids[0], ids[1]]


def test_a_comparison_takes_two_different_runs(session, add) -> None:
    one = add()
    with pytest.raises(InputError, match="1 run to compare"):
        compare(one, session.run(one), session=session)
    with pytest.raises(InputError, match="side, wipe, difference, frames"):
        compare(one, add(), mode="overlay", session=session)


def test_a_comparison_marks_its_runs_in_order(session, add) -> None:
    first, second = add(), add()
    made = compare(second, first, session=session)
    assert [run.id for run in made.chosen] == [second, first]
    assert made.plan["mode"] == "side"


def test_more_runs_than_the_limit_are_told(session, add) -> None:
    ids = [add() for _ in range(4)]
    made = gallery(ids, limit=3, session=session)
    assert [run.id for run in made.runs] == ids[:3]
    assert made.plan["left_out"] == 1
    assert len(gallery(session=session)) == 4
