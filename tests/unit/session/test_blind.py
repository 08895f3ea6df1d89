"""Blind comparison: labels stay hidden, pairs are balanced, votes land in the log, the ranking reads them."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest

from kling_nb.errors import InputError
from kling_nb.runlog import RunRecord, Vote
from kling_nb.session import Session

CAMERAS = ("pan", "still", "tilt")


@pytest.fixture
def filmed(session: Session) -> Session:
    """Three conditions with three clips each, all of one picture."""
    for camera in CAMERAS:
        for n in range(3):
            session.log.insert(
                RunRecord(provider="sandbox", prompt=f"boat, {camera}", image_sha256="a" * 64, repeat=n + 1,
                          status="succeeded", video_path="media/x.mp4", variables={"camera": camera})
            )  # fmt: skip
    return session


def camera_of(session: Session, run_id: str) -> str:
    return str(session.log.get(run_id).variables["camera"])


def test_what_cannot_be_compared_is_refused(filmed: Session) -> None:
    with pytest.raises(InputError, match="no two clips"):
        filmed.blind(by="provider")
    with pytest.raises(InputError, match="no two clips"):
        filmed.blind(filmed.runs(status="failed"))
    blind = filmed.blind()
    with pytest.raises(InputError, match="no pair to vote on"):
        blind.vote("left")
    blind.next()
    with pytest.raises(InputError, match="'better' is no vote"):
        blind.vote("better")
    assert filmed.log.judgements.votes() == []


def test_labels_stay_hidden_in_what_is_printed(filmed: Session) -> None:
    blind = filmed.blind(by="camera")
    printed = repr(blind) + repr(blind.next())
    assert not any(camera in printed for camera in CAMERAS)


def test_pairs_are_of_different_conditions_balanced_and_never_twice(filmed: Session) -> None:
    blind = filmed.blind(by="camera", seed=3)
    meetings: Counter[frozenset[str]] = Counter()
    looks: Counter[str] = Counter()
    sides: Counter[str] = Counter()
    for number, pair in enumerate(blind, 1):
        ids = (pair.left.id, pair.right.id)
        meetings[frozenset(camera_of(filmed, each) for each in ids)] += 1
        looks.update(ids)
        sides[camera_of(filmed, pair.left.id)] += 1
        sides[camera_of(filmed, pair.right.id)] -= 1
        assert pair.number == number
        blind.vote("tie")
        counts = [meetings[frozenset(each)] for each in combinations(CAMERAS, 2)]
        assert max(counts) - min(counts) <= 1
    assert len(blind) == 0
    assert set(meetings.values()) == {9}
    assert set(looks.values()) == {6}
    assert all(abs(more) <= 3 for more in sides.values()), "everybody stands on both sides"
    with pytest.raises(InputError, match="Every pair has been voted on"):
        blind.next()


def test_with_many_conditions_the_one_in_front_meets_its_rivals(session: Session) -> None:
    cameras = ("good", "as good", "poor", "worse", "worst")
    for camera in cameras:
        for n in range(4):
            session.log.insert(
                RunRecord(provider="sandbox", repeat=n + 1, status="succeeded", video_path="media/x.mp4",
                          variables={"camera": camera})
            )  # fmt: skip
    blind = session.blind(by="camera", seed=5)
    later: Counter[str] = Counter()
    for _ in range(30):
        pair = blind.next()
        here, there = (camera_of(session, run.id) for run in (pair.left, pair.right))
        if pair.number > 20:
            later.update((here, there))
        better = "left" if cameras.index(here) < cameras.index(there) else "right"
        blind.vote("tie" if {here, there} == {"good", "as good"} else better)
    assert later["good"] + later["as good"] >= 14, "of twenty clips shown; eight if all met as often"


def test_a_pair_waits_until_it_is_voted_on_and_comes_back_after_undo(filmed: Session) -> None:
    blind = filmed.blind(by="camera")
    first = blind.next()
    assert blind.next() is first
    blind.vote("left")
    assert blind.next() != first
    assert blind.undo()
    again = blind.next()
    assert (again.left.id, again.right.id) == (first.left.id, first.right.id)
    assert filmed.log.judgements.votes() == []
    assert not filmed.blind(by="camera").undo()


def test_only_clips_of_the_same_picture_meet(filmed: Session) -> None:
    for camera in CAMERAS:
        filmed.log.insert(
            RunRecord(provider="sandbox", image_sha256="b" * 64, status="succeeded", video_path="media/y.mp4",
                      variables={"camera": camera})
        )  # fmt: skip
    blind = filmed.blind(by="camera")
    pictures = []
    for pair in blind:
        pictures.append(pair.left.record.image_sha256 == pair.right.record.image_sha256)
        blind.vote("skip")
    assert all(pictures)
    assert len(pictures) == 27 + 3


def test_it_goes_on_where_it_stopped_and_questions_do_not_mix(filmed: Session) -> None:
    blind = filmed.blind(by="camera", question="steadier?")
    seen = set()
    for _ in range(10):
        pair = blind.next()
        seen.add(frozenset((pair.left.id, pair.right.id)))
        blind.vote("right")
    later = filmed.blind(by="camera", question="steadier?")
    assert len(later) == 17
    assert not any(frozenset((pair.left.id, pair.right.id)) in seen for pair in [later.next()])
    assert len(filmed.blind(by="camera", question="sharper?")) == 27


def test_votes_become_a_ranking_in_words(filmed: Session) -> None:
    blind = filmed.blind(by="camera", seed=1)
    assert blind.ranking.text == "Which is better? No votes yet."
    worth = {"pan": 2, "tilt": 1, "still": 0}
    for pair in blind:
        better = worth[camera_of(filmed, pair.left.id)] > worth[camera_of(filmed, pair.right.id)]
        blind.vote("left" if better else "right")
    ranking = filmed.ranking(by="camera")
    assert ranking.told_apart
    assert ranking.text.startswith("Which is better? By 27 votes: “pan”, which would win ")
    frame = ranking.frame
    assert frame["group"].tolist() == ["“pan”", "“tilt”", "“still”"]
    assert frame[["wins", "losses"]].to_numpy().tolist() == [[18, 0], [9, 9], [0, 18]]
    assert (frame["low"] < frame["share"]).all()
    assert (frame["share"] < frame["high"]).all()
    assert "<svg" in ranking._repr_html_()


def test_few_votes_claim_nothing_skips_count_nothing_and_gaps_are_named(filmed: Session) -> None:
    ids = {
        camera: filmed.runs()[filmed.runs()["prompt"] == f"boat, {camera}"]["id"].tolist()
        for camera in CAMERAS
    }
    for outcome in ("left", "skip", "left"):
        filmed.log.judgements.vote(
            Vote(left=ids["pan"][0], right=ids["still"][0], outcome=outcome, question="?", voter="ann")
        )
    filmed.log.judgements.vote(
        Vote(left=ids["pan"][1], right=ids["still"][0], outcome="left", question="?", voter="bob")
    )
    ranking = filmed.ranking(by="camera", question="?")
    assert (ranking.votes, ranking.voters, ranking.told_apart) == (3, 2, False)
    assert "By 3 votes of 2 people: not told apart yet" in ranking.text
    assert "Never compared with each other" in ranking.text
