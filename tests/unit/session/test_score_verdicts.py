"""Comparing by scores: each in its own direction, a frozen clip never wins, a blurred one never unnoticed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from kling_nb.domain.scoreorder import FLATTERS
from kling_nb.domain.scores import BY_NAME, MEASURES, Scores
from kling_nb.errors import InputError, UsageError
from kling_nb.runlog import RunRecord
from kling_nb.session import Session
from kling_nb.session.verdicts import Verdict

STILL = ("frozen",)
ORDERED = [measure.name for measure in MEASURES if measure.better != "as asked"]
GOOD_AND_BAD = {"lower": (1.0, 2.0), "higher": (0.9, 0.1), "near 0": (0.1, -0.5), "near 1": (1.1, 0.6)}
"""A good value and a bad one."""


def measured(
    session: Session, prompt: str, metric: str, values: Sequence[float | None], flags: tuple[str, ...] = (),
    **others: float,
) -> list[str]:  # fmt: skip
    """Finished runs of one prompt with these scores."""
    ids = []
    for number, value in enumerate(values):
        row = RunRecord(provider="sandbox", prompt=prompt, status="succeeded", repeat=number + 1)  # type: ignore[arg-type]
        session.log.insert(row)
        found = Scores(1, "c", "d", {**others, metric: value}, flags=flags)  # type: ignore[arg-type]
        session.log.put_scores(row.id, found)
        ids.append(row.id)
    return ids


def best_of(verdict: Verdict) -> str | None:
    return None if verdict.best is None else str(verdict.best.label[0])


def everything(which: int) -> dict[str, float]:
    """A value of every score: a good one (0) or a bad one (1)."""
    return {name: GOOD_AND_BAD[BY_NAME[name].better][which] for name in ORDERED}


def clips(session: Session, prompt: str, which: int, flags: tuple[str, ...] = (), number: int = 3) -> None:
    """Finished runs of one prompt with all scores."""
    measured(session, prompt, "motion", [2.0] * number, flags, **everything(which))


def test_the_catalogue_says_which_is_better(session: Session) -> None:
    clips(session, "bad", 1)
    clips(session, "good", 0)
    for metric in ORDERED:
        verdict = session.which_is_better(metric=metric)
        assert (metric, best_of(verdict)) == (metric, "good")
        assert verdict.told_apart
        assert verdict.notes[0].startswith(f"{BY_NAME[metric].label}: ")


def test_a_frozen_clip_never_wins(session: Session) -> None:
    """Whatever it scores: all its numbers are good here, those of the others bad."""
    clips(session, "frozen", 0, STILL)
    clips(session, "moves", 1)
    clips(session, "moves less well", 1)
    for metric in ORDERED:
        verdict = session.which_is_better(metric=metric)
        assert best_of(verdict) != "frozen", metric
        assert [str(group.label[0]) for group in verdict.groups][-1] == "frozen", "it is listed"
        assert "“frozen” cannot be the best: 3 of 3 clips stand still" in verdict.text
        assert verdict.frame.set_index("prompt")["cannot_win"]["frozen"]


def test_a_frozen_clip_lifts_no_mean_of_what_rewards_stillness(session: Session) -> None:
    clips(session, "mixed", 1, number=2)
    clips(session, "mixed", 0, STILL, number=1)
    clips(session, "moves", 1)
    for metric in sorted(FLATTERS["frozen"]):
        verdict = session.which_is_better(metric=metric)
        spreads = {str(group.label[0]): group.spread for group in verdict.groups}
        assert spreads["mixed"].mean == pytest.approx(spreads["moves"].mean), metric
        assert "because they stand still: 1 of “mixed”" in verdict.text


def test_a_frozen_clip_does_pull_down_what_punishes_it(session: Session) -> None:
    measured(session, "mixed", "gain", [1.0, 1.0])
    measured(session, "mixed", "gain", [0.0], STILL)
    measured(session, "moves", "gain", [0.9, 0.9, 0.9])
    assert best_of(session.which_is_better(metric="gain")) == "moves"


def test_alone_against_a_frozen_clip_the_other_is_in_front(session: Session) -> None:
    measured(session, "frozen", "flicker", [0.0], STILL)
    measured(session, "moves", "flicker", [0.4])
    verdict = session.which_is_better(metric="flicker")
    assert verdict.text.startswith("“moves” is the only one that can win: “frozen” cannot be the best.")
    assert not verdict.told_apart


def test_among_frozen_clips_nothing_wins(session: Session) -> None:
    measured(session, "a", "flicker", [0.0], STILL)
    measured(session, "b", "flicker", [0.1], STILL)
    verdict = session.which_is_better(metric="flicker")
    assert verdict.best is None
    assert verdict.text.startswith("Nothing wins: “a” and “b” cannot be the best.")


def test_hardly_any_of_the_asked_motion_counts_as_standing_still(session: Session) -> None:
    measured(session, "lazy", "leak", [0.5, 0.5], gain=0.1)
    measured(session, "reversed", "leak", [2.0, 2.0], gain=-1.0)
    verdict = session.which_is_better(metric="leak")
    assert best_of(verdict) == "reversed", "the wrong way is motion, too"
    assert "less than 20 % of what was asked" in verdict.text


@pytest.mark.parametrize("metric", ["flicker", "warp_error"])
def test_a_blurred_clip_never_wins_unnoticed(session: Session, metric: str) -> None:
    measured(session, "soft", metric, [0.1, 0.1], ("blurred",), motion=4.0, sharpness_decay=60.0)
    measured(session, "sharp", metric, [0.9, 0.9], motion=5.0, sharpness_decay=2.0)
    verdict = session.which_is_better(metric=metric)
    assert "is no merit of blurred clips: look at “soft” first" in verdict.text
    assert "“soft” 2 × blurred" in verdict.text
    assert (
        "“soft” motion 4.00 %/s, sharpness lost 60 %; “sharp” motion 5.00 %/s, sharpness lost 2 %"
        in verdict.text
    )


@pytest.mark.parametrize("metric", ["motion", "camera_shift", "camera_scale"])
def test_what_is_good_only_as_asked_is_refused_with_what_to_use(session: Session, metric: str) -> None:
    measured(session, "a", metric, [1.0])
    with pytest.raises(UsageError, match=metric) as caught:
        session.which_is_better(metric=metric)
    named = [
        name
        for name in ("gain", "path_error", "camera_direction", "camera_drift")
        if name in caught.value.advice
    ]
    assert len(named) == 2
    assert session.which_is_better(metric=metric, smaller=False).metric == metric


def test_distance_is_said_in_words_and_the_numbers_themselves_are_in_the_table(session: Session) -> None:
    measured(session, "far", "gain", [1.5, 1.7])
    measured(session, "near", "gain", [0.9, 0.96])
    verdict = session.which_is_better(metric="gain")
    assert "gain: 1 is best; compared is how far each clip is from it" in verdict.text
    assert "gain, distance from 1: “near” 0.07 ± 0.04 (2), “far” 0.60 ± 0.14 (2)" in verdict.text
    means = verdict.frame.set_index("prompt")["mean_gain"]
    assert means["near"] == pytest.approx(0.93)
    assert means["far"] == pytest.approx(1.6)


def test_digits_and_units_are_those_of_the_score(session: Session) -> None:
    measured(session, "a", "path_error", [0.31, 0.35])
    measured(session, "b", "path_error", [4.0])
    text = session.which_is_better(metric="path_error").text
    assert "path error: “a” 0.33 ± 0.03 % (2), “b” 4.00 % (one)" in text


def test_clips_without_a_number_are_open_with_the_reason(session: Session) -> None:
    (ours, *_) = measured(session, "a", "path_error", [0.3, 0.4])
    session.log.put_scores(ours, Scores(1, "c", "d", {}, why={"path_error": "the sky has no texture"}))
    measured(session, "b", "path_error", [None])
    session.log.insert(RunRecord(provider="sandbox", prompt="b", status="succeeded"))  # type: ignore[arg-type]
    verdict = session.which_is_better(metric="path_error")
    assert "Without path error: 1 of “a” (1 × the sky has no texture)." in verdict.notes
    (b,) = [note for note in verdict.notes if "2 of “b”" in note]
    assert "1 × not measured yet" in b
    assert "1 × nothing was asked that path error measures" in b


def test_intervals_keep_to_what_a_score_can_be(session: Session) -> None:
    measured(session, "a", "direction", [1.0])
    measured(session, "b", "direction", [-1.0])
    (rival,) = session.which_is_better(metric="direction").rivals
    assert rival.ahead.high <= 2.0
    assert not math.isnan(rival.ahead.low)


def test_a_variable_called_like_a_score_still_makes_the_groups(session: Session) -> None:
    for motion, rating in (("slow", 1), ("fast", 5)):
        row = RunRecord(provider="sandbox", status="succeeded", variables={"motion": motion}, rating=rating)  # type: ignore[arg-type]
        session.log.insert(row)
        session.log.put_scores(row.id, Scores(1, "c", "d", {"motion": 2.0}))
    assert best_of(session.which_is_better(by="motion")) == "fast"


def test_sharpness_that_was_gained_is_no_merit(session: Session) -> None:
    """Stripes of a leak add edges."""
    measured(session, "stripes", "sharpness_decay", [-15.0, -14.0, -16.0])
    measured(session, "calm", "sharpness_decay", [0.0, 0.5, 0.2])
    measured(session, "soft", "sharpness_decay", [30.0, 31.0, 29.0])
    found = session.which_is_better(metric="sharpness_decay")
    means = {group.label[0]: group.spread.mean for group in found.groups}
    assert means["stripes"] == 0
    assert means["soft"] == 30
    assert found.groups[-1].label == ("soft",)


def test_a_score_is_drawn_by_what_was_varied(session: Session) -> None:
    for cfg, values, flags in ((0.5, [0.9, 1.0], ()), (0.25, [0.1], STILL), (1.0, [None], ())):
        measured(session, f"<b>{cfg}", "gain", values, flags)  # type: ignore[arg-type]
    drawn = session.plot("gain", by="prompt").svg
    assert "<b>" not in drawn
    assert drawn.index("&lt;b&gt;0.25") < drawn.index("&lt;b&gt;0.5") < drawn.index("&lt;b&gt;1.0")
    assert drawn.count("<circle") == 3
    assert drawn.count("<title>stands still</title>") == 1, "a hollow dot that says why"
    assert drawn.count("stroke-dasharray") == 1, "where the best would be"
    assert "gain (near 1 is best)" in drawn
    assert "no number" in drawn
    with pytest.raises(InputError, match="No run has a path error"):
        session.plot("path_error")
    with pytest.raises(UsageError, match="no column"):
        session.plot("path_eror")


@pytest.mark.parametrize("metric", ["prompt", "flags", "created_at", "status", None, 3])
def test_what_is_no_number_is_neither_compared_nor_drawn(session: Session, metric: Any) -> None:
    measured(session, "a", "gain", [0.9], STILL)
    with pytest.raises(UsageError, match=r"no number|no metric"):
        session.which_is_better(metric=metric)
    if isinstance(metric, str):
        with pytest.raises(UsageError, match="no number"):
            session.plot(metric)


def test_groups_without_a_number_for_the_same_reason_share_a_sentence(session: Session) -> None:
    for prompt in ("a", "b"):
        measured(session, prompt, "end_match", [None, None])
    text = session.which_is_better(metric="end_match").text
    assert text.startswith("Nothing to compare: no clip has an end frame match yet.")
    assert text.count("Without end frame match") == 1
    assert "2 of “a”, 2 of “b” (" in text


def test_a_score_that_makes_no_clip_better_can_be_looked_at_all_the_same(session: Session) -> None:
    measured(session, "a", "motion", [2.0])
    assert "motion in %/s" in session.plot("motion").svg
    with pytest.raises(InputError, match="numbers by their name"):
        session.plot(session.runs())


def test_who_cannot_win_is_marked_in_the_picture(session: Session) -> None:
    measured(session, "frozen", "path_error", [0.1], STILL)
    measured(session, "moves", "path_error", [0.4])
    assert "(cannot win)" in session.which_is_better(metric="path_error").plot.svg


def test_ratings_are_compared_as_ever_whatever_the_scores_say(session: Session) -> None:
    ids: dict[str, Any] = {}
    for prompt, flags in (("frozen", STILL), ("moves", ())):
        ids[prompt] = measured(session, prompt, "flicker", [0.1, 0.2], flags)
    session.rate(ids["frozen"], 5)
    session.rate(ids["moves"], 1)
    verdict = session.which_is_better()
    assert best_of(verdict) == "frozen", "a person has looked at it"
    assert verdict.notes == ()
