"""Which is better, how sure, and what would make it surer; summaries and pictures of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from kling_nb.domain.scores import Scores
from kling_nb.errors import InputError, UsageError
from kling_nb.runlog import RunRecord
from kling_nb.runlog.records import utc_now
from kling_nb.session import Session
from kling_nb.session.functions import plot
from kling_nb.session.groups import letter
from kling_nb.session.plots import dots
from kling_nb.session.svg import Plot

LONG = "a wooden boat drifts to the left over a calm lake, the camera"


def rated(session: Session, prompt: str, ratings: Sequence[int | None], **columns: Any) -> list[str]:
    """Finished runs of one prompt with these ratings."""
    given = {"provider": "sandbox", "prompt": prompt, "status": "succeeded", **columns}
    rows = [session.log.insert(RunRecord(**given, repeat=n + 1)) for n in range(len(ratings))]
    for row, rating in zip(rows, ratings, strict=True):
        session.log.update(row.id, rating=rating)
    return [row.id for row in rows]


# --- which is better ----------------------------------------------------------------------------------


def test_a_clear_difference_is_said_with_its_size(session: Session) -> None:
    rated(session, "still", [1, 2, 1, 2, 1])
    rated(session, "pan", [4, 5, 4, 5, 4])
    verdict = session.which_is_better()
    assert verdict.told_apart
    assert verdict.more is None
    assert verdict.text.startswith("“pan” is better than “still”: 3.0 (95 %: +")
    assert "“pan” 4.4 ± 0.5 (5)" in str(verdict)


def test_a_small_difference_is_not_called_one_and_says_how_many_more(session: Session) -> None:
    rated(session, "still", [3, 2, 4, 3])
    rated(session, "pan", [4, 3, 4, 5])
    verdict = session.which_is_better(by="prompt")
    assert not verdict.told_apart
    assert verdict.text.startswith("Not told apart yet: “pan” and “still”.")
    assert f"{verdict.more} more repeats of each would tell" in verdict.text
    assert verdict.rivals[0].needed == (verdict.more or 0) + 4


def test_each_group_is_told_its_own_lack(session: Session) -> None:
    rated(session, "still", [3, 2, 4, 3])
    rated(session, "pan", [4, 3, 5])
    verdict = session.which_is_better()
    needed = verdict.rivals[0].needed
    assert needed is not None
    assert f"{needed - 3} more of “pan” and {needed - 4} more of “still” would tell" in verdict.text


def test_one_clip_of_each_is_too_little_to_call_them_equal(session: Session) -> None:
    rated(session, "still", [3])
    rated(session, "pan", [3])
    text = session.which_is_better().text
    assert "one clip says little: make some repeats" in text
    assert "unlikely" not in text


def test_equals_are_called_equals_and_nobody_is_sent_for_more(session: Session) -> None:
    rated(session, "still", [3, 2, 4, 3])
    rated(session, "pan", [3, 2, 4, 3])
    verdict = session.which_is_better()
    assert verdict.more is None
    assert "as good as equal" in verdict.text


def test_without_ratings_or_rivals_nothing_is_claimed(session: Session) -> None:
    assert "Nothing to compare" in session.which_is_better().text
    rated(session, "still", [None, None])
    rated(session, "pan", [4, 4, 5])
    verdict = session.which_is_better()
    assert verdict.text.startswith("Only “pan” has a rating yet")
    assert "Still to be judged: 2 of “still”." in verdict.notes
    assert not verdict.told_apart


def test_what_failed_is_not_waited_for(session: Session) -> None:
    rated(session, "still", [1, 2])
    rated(session, "still", [None], status="failed")
    rated(session, "pan", [4, 5])
    assert session.which_is_better().notes == ()


def test_another_difference_between_the_groups_is_named(session: Session) -> None:
    rated(session, "still", [1, 2, 1], model_name="kling-v1", cfg_scale=0.5)
    rated(session, "pan", [4, 5, 4], model_name="kling-v2-6", cfg_scale=0.5)
    assert "The groups also differ in model_name" in session.which_is_better().text
    both = session.which_is_better(by=["prompt", "model_name"])
    assert both.notes == ()
    assert both.best is not None
    assert both.best.label == ("pan", "kling-v2-6")


def test_the_best_of_three_is_the_best_only_if_it_beats_both(session: Session) -> None:
    rated(session, "still", [0, 1, 0, 1, 0])
    rated(session, "pan", [4, 3, 5, 4, 3])
    rated(session, "tilt", [4, 3, 4, 4, 3])
    verdict = session.which_is_better()
    assert not verdict.told_apart
    assert verdict.text.startswith("Not told apart yet: “pan” and “tilt”.")
    alone = session.which_is_better(session.runs(prompt=["still", "tilt"]))
    assert alone.told_apart


def test_long_prompts_are_called_by_letters_with_a_legend(session: Session) -> None:
    rated(session, f"{LONG} stays", [1, 2, 1])
    rated(session, f"{LONG} pans", [4, 5, 4])
    verdict = session.which_is_better()
    assert verdict.text.startswith("A is better than B")
    assert f"A: {LONG} pans" in str(verdict)
    assert [letter(n) for n in (0, 25, 26, 27, 702)] == ["A", "Z", "AA", "AB", "AAA"]


def test_variables_of_a_sweep_can_be_grouped_by(session: Session) -> None:
    for camera, ratings in (("pan", [4, 5, 4]), ("still", [1, 2, 1])):
        rated(session, "x", ratings, variables={"camera": camera})
    assert session.which_is_better(by="camera").text.startswith("“pan” is better than “still”")


def test_yes_and_no_are_compared_as_shares(session: Session) -> None:
    session.keep(rated(session, "pan", [None] * 12))
    session.discard(rated(session, "still", [None] * 12))
    verdict = session.which_is_better(metric="kept")
    assert verdict.told_apart
    assert "100 points" in verdict.text
    assert "“still” 0% (12)" in verdict.text


def test_less_time_is_better(session: Session) -> None:
    now = utc_now()
    for prompt, seconds in (("slow", 100), ("fast", 50)):
        for n in range(4):
            rated(session, prompt, [None], submitted_at=now, finished_at=now + timedelta(seconds=seconds + n))
    verdict = session.which_is_better(metric="seconds")
    assert verdict.text.startswith("“fast” is better than “slow”: 50.0")
    assert session.which_is_better(metric="seconds", smaller=False).text.startswith("“slow” is better")


@pytest.mark.parametrize(
    ("by", "metric", "meant"), [("promt", "rating", "prompt"), ("prompt", "ratings", "rating")]
)
def test_unknown_columns_are_refused_with_close_ones(
    session: Session, by: str, metric: str, meant: str
) -> None:
    rated(session, "x", [1])
    with pytest.raises(UsageError, match="no column") as caught:
        session.which_is_better(by=by, metric=metric)
    assert meant in caught.value.why


def test_the_table_has_a_row_a_group(session: Session) -> None:
    rated(session, "still", [1, 2, None])
    rated(session, "pan", [4, 5])
    frame = session.which_is_better().frame
    assert frame[["group", "n", "mean", "open"]].to_numpy().tolist() == [
        ["“pan”", 2, 4.5, 0],
        ["“still”", 2, 1.5, 1],
    ]
    assert math.isnan(frame["behind"].iloc[0])
    assert frame["behind"].iloc[1] == 3.0


def test_a_sweep_or_runs_or_ids_name_the_runs(session: Session) -> None:
    ids = rated(session, "still", [1, 2]) + rated(session, "pan", [4, 5])
    rated(session, "noise", [3, 3])

    class Sweep:
        frame = session.runs(id=ids)

    for what in (Sweep(), ids, [session.run(each) for each in ids]):
        assert {group.label for group in session.which_is_better(what).groups} == {("still",), ("pan",)}
    with pytest.raises(InputError, match="names no runs"):
        session.which_is_better(7)


# --- summary --------------------------------------------------------------------------------------------


def test_a_summary_counts_and_prices_what_was_kept(session: Session) -> None:
    paid = {"provider": "official", "model_name": "kling-v1", "actual_units": Decimal("3.5")}
    ids = rated(session, "x", [4, 2, None, None], **paid)
    session.keep(ids[0])
    session.discard(ids[1:3])
    rated(
        session, "x", [None], **{**paid, "actual_units": None}, status="failed", estimate_units=Decimal("3.5")
    )
    (row,) = session.summary("model").to_dict("records")
    assert (row["model"], row["purse"], row["runs"]) == ("kling-v1", "real", 5)
    assert (row["succeeded"], row["failed"], row["success"]) == (4, 1, 0.8)
    assert (row["kept"], row["discarded"], row["undecided"]) == (1, 2, 1)
    assert (row["rated"], row["rating"]) == (2, 3.0)
    assert row["units"] == 14.0
    # The undecided clip may still be kept: it does not count yet.
    assert (row["per_kept"], row["per_kept_in"]) == (10.5, "units")
    assert row["per_kept_low"] < 10.5 < row["per_kept_high"]


def test_a_summary_tells_what_was_measured_and_what_to_look_at(session: Session) -> None:
    ids = rated(session, "x", [None, None, None, None])
    for run_id, gain, flags in zip(
        ids, (0.5, 0.9, None), (("short",), (), ("untracked", "blurred")), strict=False
    ):
        session.log.put_scores(run_id, Scores(1, "c", "d", {"gain": gain}, flags=flags))
    (row,) = session.summary("prompt").to_dict("records")
    assert (row["runs"], row["measured"], row["flagged"], row["gain"]) == (4, 3, 2, 0.7)
    assert math.isnan(row["path_error"])


def test_rehearsals_stand_apart_and_days_are_local(session: Session) -> None:
    rated(session, "x", [3], provider="official")
    rated(session, "x", [5])
    table = session.summary()
    assert set(table["purse"]) == {"real", "sandbox"}
    assert set(table["day"]) == {utc_now().astimezone().date()}


def test_what_was_never_judged_has_no_price_of_a_kept_clip(session: Session) -> None:
    rated(session, "x", [None], provider="official", actual_units=Decimal(1))
    assert math.isnan(session.summary()["per_kept"].iloc[0])
    session.discard(session.runs())
    assert session.summary()["per_kept"].iloc[0] == math.inf


def test_an_empty_log_has_an_empty_summary(session: Session) -> None:
    assert session.summary().empty
    assert "runs" in session.summary().columns


# --- pictures -------------------------------------------------------------------------------------------


def texts(picture: Plot) -> list[str]:
    root = ElementTree.fromstring(picture.svg)
    return ["".join(each.itertext()) for each in root.iter("{http://www.w3.org/2000/svg}text")]


def test_pictures_are_well_formed_and_show_every_value(session: Session) -> None:
    rated(session, '<script>alert("x")</script>', [1, 2, 1])
    rated(session, "pan", [4, 5, 4, 4])
    rated(session, "new", [None])
    verdict = session.which_is_better()
    assert verdict.plot.svg.count("<circle") == 7
    assert "nothing judged yet" in texts(verdict.plot)
    assert "4.2 (4)" in texts(verdict.plot)
    page = verdict._repr_html_()
    assert "<script" not in page
    assert page.count("<svg") == 1
    assert plot(session.summary("model")).svg.count("<rect") >= 3
    assert plot(verdict).svg == verdict.plot.svg


@pytest.mark.parametrize("values", [[7.0], [0.0, 0.0], [1e9, -1e9], [1e-9, 2e-9]])
def test_any_numbers_can_be_drawn(values: list[float]) -> None:
    spread = (min(values), max(values))
    drawn = dots([("x", values, float(np.mean(values)), spread)], "numbers")
    ElementTree.fromstring(drawn.svg)
    assert "nan" not in drawn.svg
    assert 1 < drawn.svg.count('opacity=".18"') < 14, "axis lines"


def test_a_picture_can_be_saved(session: Session, tmp_path: Any) -> None:
    frame = session.summary()
    assert isinstance(frame, pd.DataFrame)
    assert plot(frame).save(tmp_path / "week.svg").read_text("utf-8").startswith("<svg")


def test_a_prompt_with_the_compared_variable_filled_in_is_no_other_difference(session: Session) -> None:
    for light, ratings in (("morning", [1, 2]), ("evening", [4, 5])):
        rated(session, f"a cat, {light} light", ratings, variables={"light": light})
        rated(session, f"a dog, {light} light", ratings, variables={"light": light, "prompt": "a dog"})
    assert session.which_is_better(by="light").notes == ()
    rated(session, "a cow, evening light", [4], variables={"light": "evening", "prompt": "a cow"})
    assert "also differ in prompt" in session.which_is_better(by="light").text


def test_votes_and_ratings_call_a_prompt_by_the_same_letter(session: Session) -> None:
    for prompt in (f"{LONG} pushes in", f"{LONG} pulls out"):
        rated(session, prompt, [3], video_path="v.mp4")
    ranking = session.ranking(session.runs())
    called = {group.label: group.name for group in session.which_is_better().groups}
    assert ranking.names == called
    newest_last = session.runs().iloc[::-1]
    assert session.ranking(newest_last).names == called
