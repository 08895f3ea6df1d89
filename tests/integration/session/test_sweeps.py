"""Sweeps against the sandbox: planned, priced, capped, stopped, gone on with, by one session or by two."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quick_sessions import finish, until

from kling_nb.domain.sweep_plan import vary
from kling_nb.domain.task import RunStatus
from kling_nb.errors import (
    AuthError,
    BudgetError,
    InputError,
    KlingError,
    MediaError,
    RequestRefused,
    RunNotFound,
    UsageError,
    WaitTimeout,
)
from kling_nb.session import MotionBrush, Session
from kling_nb.session.sweep_driver import Driver

Given = dict[str, Any]


@pytest.fixture
def given(picture: np.ndarray) -> Given:
    """A grid of two values."""
    return {"image": picture, "prompt": "a {{what}}", "what": ["boat", "kite"], "model": "kling-v1"}


def test_every_combination_and_repeat_is_made_once(session: Session, given: Given, sandbox: Any) -> None:
    sweep = session.sweep(**given, mode=["std", "pro"], repeat=2, name="first").wait(60)
    assert (sweep.state, sweep.progress.done, sweep.progress.units) == ("done", 8, Decimal(18))
    frame = sweep.frame
    assert list(frame.columns[:3]) == ["what", "mode", "repeat"]
    made = {tuple(row) for row in frame[["what", "mode", "repeat"]].itertuples(index=False)}
    assert made == {(w, m, r) for w in ("boat", "kite") for m in ("std", "pro") for r in (1, 2)}
    assert set(frame["prompt"]) == {"a boat", "a kite"}
    assert frame["repeat"].tolist() == [1] * 4 + [2] * 4
    assert set(frame["sweep_id"]) == {sweep.id}
    assert frame["task_id"].nunique() == 8 == len(sandbox.tasks())
    assert [run.record.variables for run in sweep.runs[:1]] == [{"what": "boat", "mode": "std"}]
    assert session.sweep_of("first") is session.sweep_of(sweep.id) is sweep
    assert session.sweeps()[["id", "name", "state", "runs"]].values.tolist() == [
        [sweep.id, "first", "done", 8]
    ]


def test_the_plan_says_price_cache_and_what_is_dropped_and_sends_nothing(
    session: Session, given: Given, sandbox: Any
) -> None:
    finish(session.submit(given["image"], "a boat", model="kling-v1", mode="std"))
    before = len(sandbox.tasks())
    planned = session.plan_sweep(**given, mode="std", duration=[5, 7], repeat=2)
    lines = repr(planned).splitlines()
    assert lines[0] == (
        "Sweep: 2 combinations × 2 = 4 runs, 3 units ($0.42 list) (1 of 4 cost nothing: the log has them)"
    )
    assert "duration=7 (2 of them): L01 kling-v1 std 7 s does not exist" in "\n".join(lines)
    dropped = planned.dropped[["what", "duration", "rule"]].sort_values("what")
    assert dropped.values.tolist() == [
        ["boat", 7, "L01"],
        ["kite", 7, "L01"],
    ]
    assert session.sweeps().empty
    assert len(sandbox.tasks()) == before


def test_run_all_twice_charges_once(session: Session, given: Given, sandbox: Any) -> None:
    first = session.sweep(**given, repeat=2).wait(60)
    again = session.sweep(**given, repeat=3).wait(60)
    assert (again.progress.done, again.progress.reused) == (6, 4)
    assert again.progress.units == Decimal(2)
    assert len(sandbox.charges()) == 6
    assert {run.id for run in first.runs} < {run.id for run in again.runs}
    assert again.frame["what"].tolist() == ["boat", "kite"] * 3
    once_more = session.sweep(**given, repeat=2, again=True).wait(60)
    assert once_more.progress.reused == 0
    assert len(sandbox.charges()) == 10


REFUSED: list[tuple[Given, type[KlingError], str]] = [
    ({"repeat": 0}, UsageError, "repeat=0"),
    ({"seed": 3}, UsageError, "seed= is for sample= only"),
    ({"sample": 0}, UsageError, "sample=0"),
    ({"wat": ["x"]}, UsageError, "Nothing in the sweep is called wat"),
    ({"modle": ["x"]}, UsageError, "Nothing in the sweep is called modle"),
    ({"prompt": "a {{wat}}"}, UsageError, "wat"),
    ({"where": lambda _: False}, UsageError, "The sweep is empty"),
    ({"external_task_id": "mine"}, UsageError, "takes no external_task_id"),
    ({"until": "kpet >= 3"}, UsageError, "until="),
    ({"budget": "much"}, UsageError, "no amount"),
    ({"duration": [7, 8]}, RequestRefused, "7 s does not exist"),
    ({"image": ["nowhere.png"]}, MediaError, "nowhere"),
]


@pytest.mark.parametrize(("changes", "error", "what"), REFUSED, ids=lambda value: str(value)[:20])
def test_what_cannot_be_made_is_refused_before_anything_is_written(
    session: Session, given: Given, sandbox: Any, changes: Given, error: type[KlingError], what: str
) -> None:
    with pytest.raises(error) as caught:
        session.sweep(**{**given, **changes})
    assert what in str(caught.value)
    assert issubclass(error, InputError)
    assert session.sweeps().empty
    assert sandbox.tasks() == []


def test_templates_reach_no_further_than_their_variables(session: Session, given: Given) -> None:
    with pytest.raises(UsageError):
        session.plan_sweep(**{**given, "prompt": "{{ what.__class__.__mro__ }} {{what}}"})
    planned = session.plan_sweep(
        **{**given, "prompt": "{% raw %} {{what}} {single}", "what": ["{{cfg}}", "b"]}
    )
    texts = [prepared.request.prompt for _, prepared in planned.draft.cells]
    assert texts == ["{% raw %} {{cfg}} {single}", "{% raw %} b {single}"]


def test_a_budget_that_cannot_pay_all_refuses_all(session: Session, given: Given, sandbox: Any) -> None:
    with pytest.raises(BudgetError, match="2 units"):
        session.sweep(**given, repeat=2, budget=2)
    assert sandbox.tasks() == []
    assert session.sweeps().empty


def test_with_a_stop_rule_the_budget_is_the_end_in_every_kernel(
    make_session: Callable[..., Session], given: Given, sandbox: Any
) -> None:
    one, two = make_session(), make_session()
    sweep = one.sweep(**given, repeat=4, budget=3, until="done >= 8")
    with pytest.raises(BudgetError):
        sweep.wait(60)
    assert sweep.state == "stopped"
    assert sweep.progress.units == Decimal(3)
    other = two.sweep_of(sweep.id)
    assert other.progress.done == 3
    with pytest.raises(BudgetError):
        other.resume().wait(60)
    assert sum(sandbox.charges()) == Decimal(3)
    two.budget("sweep", 20, name=sweep.id)
    assert other.resume().wait(60).state == "stopped"
    assert "done >= 8 holds" in other.reason
    assert sum(sandbox.charges()) == Decimal(8)


def test_two_kernels_going_on_with_one_sweep_make_each_run_once(
    make_session: Callable[..., Session], given: Given, sandbox: Any
) -> None:
    sandbox.config(queued=0.05, min_processing=0.1)
    one, two = make_session(), make_session()
    sweep = one.sweep(**given, repeat=6, again=True)
    other = two.sweep_of(sweep.id).resume()
    assert sweep.wait(90).progress.done == other.wait(90).progress.done == 12
    assert sorted(sweep.frame["id"]) == sorted(other.frame["id"])
    assert len(sandbox.tasks()) == len(sandbox.charges()) == 12


def test_stopped_it_sends_nothing_more_and_goes_on_in_another_session(
    make_session: Callable[..., Session], given: Given, sandbox: Any
) -> None:
    sandbox.config(min_processing=600, quota=2)
    first = make_session(quota=2)
    sweep = first.sweep(**given, repeat=4)
    with pytest.raises(WaitTimeout):
        sweep.wait(0.0)
    sweep.stop()
    sandbox.finish_all()
    sweep.wait(60)
    sent = len(sandbox.tasks())
    assert (sweep.state, sweep.reason) == ("stopped", "stopped by hand")
    assert sent < 8
    assert sweep.progress.waiting == 8 - sent
    first.close()
    second = make_session(quota=2)
    found = second.sweep_of(sweep.id)
    assert (found.state, found.progress.done) == ("stopped", sent)
    assert found.resume().wait(60).state == "done"
    assert len(sandbox.tasks()) == len(sandbox.charges()) == 8


def test_what_was_made_when_it_ends_early_is_balanced(
    make_session: Callable[..., Session], given: Given, sandbox: Any
) -> None:
    sandbox.config(queued=0.02, min_processing=0.05)
    session = make_session(quota=1)
    sweep = session.sweep(**given, mode=["std", "pro"], repeat=3, until="done >= 6").wait(60)
    assert sweep.state == "stopped"
    counts = sweep.frame[["what", "mode"]].apply(lambda column: column.value_counts().tolist())
    assert counts.max().max() - counts.min().min() <= 1


def test_a_rating_from_another_session_ends_the_sweep(
    make_session: Callable[..., Session], given: Given, sandbox: Any
) -> None:
    sandbox.config(queued=0.2, min_processing=0.5)
    one, two = make_session(quota=1), make_session()
    sweep = one.sweep(**given, repeat=20, until="rating >= 4")
    until(lambda: any(run.complete for run in sweep.runs))
    two.run(sweep.runs[0].id).annotate(rating=5)
    assert sweep.wait(60).reason == "rating >= 4 holds"
    assert len(sandbox.tasks()) < 20


def test_a_function_of_the_frame_ends_the_sweep_and_its_mistake_stops_it(
    make_session: Callable[..., Session], given: Given
) -> None:
    session = make_session(quota=1)
    sweep = session.sweep(**given, repeat=3, until=lambda frame: (frame["status"] == "succeeded").sum() >= 2)
    assert sweep.wait(60).progress.done in (2, 3)  # what is under way is brought to its end
    sweep = session.sweep(**given, repeat=3, again=True, until=lambda frame: frame["no such column"])
    with pytest.raises(KlingError, match="stopped"):
        sweep.wait(60)
    assert sweep.runs == []


def test_failed_clips_are_no_reason_to_stop_and_can_be_made_again(
    make_session: Callable[..., Session], given: Given, sandbox: Any
) -> None:
    session = make_session()
    sweep = session.sweep(**{**given, "what": ["boat", "kite [[sandbox:async:risk]]"]}, repeat=2).wait(60)
    assert (sweep.state, sweep.progress.done, sweep.progress.failed) == ("done", 2, 2)
    assert sweep.resume().wait(60).progress.failed == 2
    assert len(sandbox.tasks()) == 4
    again = make_session().sweep_of(sweep.id).resume(failed=True).wait(60)
    assert (again.progress.done, again.progress.failed) == (2, 2)
    assert len(sandbox.tasks()) == 6
    assert len(sandbox.charges()) == 2


def test_a_wrong_key_stops_the_sweep_at_once(
    make_session: Callable[..., Session], given: Given, sandbox: Any
) -> None:
    session = make_session(
        provider="official", api_base=sandbox.url, access_key=sandbox.access_key, secret_key="x" * 32
    )
    sweep = session.sweep(**{**given, "model": "kling-v2-5-turbo"}, repeat=10, yes=True)
    with pytest.raises(KlingError) as caught:
        sweep.wait(60)
    assert isinstance(caught.value, AuthError) or "in a row were refused" in caught.value.what
    assert len(sweep.runs) <= 5
    assert sandbox.tasks() == []


def test_a_refusal_is_seen_before_its_place_is_used_again(
    make_session: Callable[..., Session], given: Given, sandbox: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Driver._next

    def late(driver: Driver) -> Any:
        runs = driver._sweep.runs
        if len(runs) >= 3:
            until(lambda: all(run.status is RunStatus.FAILED for run in runs))
        return look(driver)

    monkeypatch.setattr(Driver, "_next", late)
    session = make_session(
        provider="official", api_base=sandbox.url, access_key=sandbox.access_key, secret_key="x" * 32
    )
    sweep = session.sweep(**{**given, "model": "kling-v2-5-turbo"}, repeat=10, yes=True)
    with pytest.raises(KlingError, match="3 runs in a row were refused"):
        sweep.wait(60)
    assert len(sweep.runs) == 3


def test_three_refusals_stop_it_and_once_mended_it_makes_all(
    session: Session, given: Given, sandbox: Any
) -> None:
    sandbox.fault("code:1201", method="POST", path="/v1/videos/*", times=5)
    sweep = session.sweep(**given, repeat=5)
    with pytest.raises(KlingError, match="in a row were refused"):
        sweep.wait(60)
    refused = sweep.progress.failed
    assert 3 <= refused <= 5
    assert sweep.resume().wait(60).progress.failed <= 5
    assert sweep.progress.waiting == 0
    assert sweep.resume(failed=True).wait(60).progress.done == 10
    assert len(sandbox.charges()) == 10


def test_real_money_above_the_limit_is_asked_about(official: Session, given: Given, sandbox: Any) -> None:
    dear = {**given, "model": "kling-v2-5-turbo", "mode": "std", "repeat": 11}
    with pytest.raises(UsageError, match="Nothing was sent: 22 new runs cost 33 units") as caught:
        official.sweep(**dear)
    assert "Nobody can be asked here." in caught.value.why
    asked: list[str] = []

    def no(question: str) -> str:
        asked.append(question)
        return "n"

    with pytest.raises(UsageError, match="Nothing was sent"):
        official.sweep(**dear, ask=no)
    assert asked == ["22 new runs cost 33 units ($4.62 list). Send them? [y/N] "]
    assert sandbox.tasks() == []
    small = official.sweep(**{**dear, "repeat": 1}, ask=no).wait(60)
    assert small.progress.done == 2
    assert official.sweep(**{**dear, "repeat": 11}, ask=lambda _: "y").stop().state == "stopped"
    assert len(asked) == 1


def test_pictures_and_brushes_vary_by_name(session: Session, tmp_path: Path, picture: np.ndarray) -> None:
    from PIL import Image

    for name in ("boat", "kite"):
        Image.fromarray(picture if name == "boat" else 255 - picture).save(tmp_path / f"{name}.png")
    paths = [tmp_path / "boat.png", str(tmp_path / "kite.png")]
    sweep = session.sweep(paths, "it moves", model="kling-v1").wait(60)
    assert sweep.frame["image"].tolist() == [str(path) for path in paths]
    assert sweep.frame["image_sha256"].nunique() == 2


def test_brushes_vary_and_go_by_their_name(session: Session, picture: np.ndarray) -> None:
    mask = np.zeros(picture.shape[:2], bool)
    mask[100:200, 100:200] = True
    base = MotionBrush(picture)
    brushes = vary({"right": base.dynamic(mask, [(150, 150), (300, 150)]), "still": base.static(mask)})
    planned = session.plan_sweep(brush=brushes, prompt="it moves", model="kling-v1", mode="std")
    assert {variables["brush"] for variables, _ in planned.draft.cells} <= {"right", "still"}
    sweep = session.sweep(brush=brushes, prompt="it moves", model="kling-v1", mode="std").wait(60)
    assert set(sweep.frame["brush"]) == {variables["brush"] for variables, _ in planned.draft.cells}


def test_a_named_text_fills_the_prompt_and_its_name_stands_in_tables(
    session: Session, picture: np.ndarray
) -> None:
    given = {"model": "kling-v1", "pace": vary({"calm": "very slowly", "wild": "in {one} leap"})}
    draft = session.plan_sweep(picture, "it moves {{pace}}", **given).draft
    found = {variables["pace"]: prepared.request.prompt for variables, prepared in draft.cells}
    assert found == {"calm": "it moves very slowly", "wild": "it moves in {one} leap"}


def test_a_sweep_survives_its_session(
    make_session: Callable[..., Session], given: Given, sandbox: Any
) -> None:
    sandbox.config(min_processing=600, quota=2)
    first = make_session(quota=2)
    sweep = first.sweep(**given, repeat=3)
    until(lambda: any(run.task_id for run in sweep.runs))
    first.close()
    sandbox.finish_all()
    found = make_session(quota=2).sweep_of(sweep.id[:8])
    assert (found.state, found.reason) == ("stopped", "no kernel goes on with it")
    third = make_session()
    assert [record.id for record in third.interrupted()] == [sweep.id]
    assert third.sweeps()["state"].tolist() == ["interrupted"]
    assert "%kling resume" in repr(found)
    assert found.resume().wait(60).progress.done == 6
    assert len(sandbox.charges()) == 6


def test_an_unknown_sweep_is_named(session: Session, given: Given) -> None:
    with pytest.raises(RunNotFound, match="no sweep 's-nothing'"):
        session.sweep_of("s-nothing")


def test_text_and_html_of_a_sweep_show_foreign_words_only(session: Session, given: Given) -> None:
    sweep = session.sweep(**{**given, "what": ["<script>alert(1)</script>", "b"]}).wait(60)
    html = sweep._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert repr(sweep).startswith(f"Sweep {sweep.id} · done · 2 of 2 done")


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"repeat": 0}, "repeat=0"),
        ({"repeat": True}, "repeat=True"),
        ({"repeat": "two"}, "repeat='two'"),
        ({"repeat": 2.5}, "repeat=2.5"),
        ({"sample": "all"}, "sample='all'"),
        ({"sample": 1, "seed": "a"}, "seed='a'"),
        ({"zip": 5}, "zip=5"),
        ({"where": 5}, "where=5"),
        ({"until": 5}, "until=5"),
        ({"tags": 5}, "5 is no tag"),
    ],
)
def test_a_sweep_of_wrong_things_is_told_in_three_lines_and_makes_nothing(
    session: Session, given: Given, wrong: Given, told: str
) -> None:
    with pytest.raises(KlingError, match=told) as refused:
        session.sweep(**given, **wrong)
    assert len(refused.value.lines()) == 3
    assert session.sweeps().empty
    assert session.runs().empty
