"""What differs between two runs is told, and nothing else; other people's words only show."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.domain.scores import Flag, Scores
from kling_nb.runlog import RunRecord
from kling_nb.runlog.records import utc_now
from kling_nb.session import Session
from kling_nb.session.diffing import RunDiff
from kling_nb.session.worddiff import word_diff

WORDS = st.lists(st.sampled_from(["the", "boat", "drifts", " ", "\n", "left", ",", "往", "前"])).map("".join)


@given(WORDS, WORDS)
def test_pieces_give_both_texts_back_and_alternate(before: str, after: str) -> None:
    pieces = word_diff(before, after)
    assert "".join(piece.before for piece in pieces) == before
    assert "".join(piece.after for piece in pieces) == after
    assert all(a.same != b.same for a, b in pairwise(pieces))


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ("the boat drifts left", "the boat drifts right", "the boat drifts [-left-]{+right+}"),
        ("a red boat", "a boat", "a [-red -]boat"),
        ("slow pan left now", "fast tilt up now", "[-slow pan left-]{+fast tilt up+} now"),
        ("小船向左漂", "小船向右漂", "小船向[-左-]{+右+}漂"),
        ("boat", "boats", "[-boat-]{+boats+}"),
        ("", "new", "{+new+}"),
    ],
)
def test_words_that_changed_are_marked(before: str, after: str, shown: str) -> None:
    assert "".join(map(str, word_diff(before, after))) == shown


def compared(session: Session, first: dict[str, Any], second: dict[str, Any]) -> RunDiff:
    rows = [session.log.insert(RunRecord(provider="sandbox", **columns)) for columns in (first, second)]
    return session.diff(rows[0].id, rows[1].id)


def test_repeats_are_called_repeats(session: Session) -> None:
    diff = compared(session, {"prompt": "x", "rating": 3}, {"prompt": "x", "repeat": 2, "rating": 5})
    assert diff.same
    assert "repeats of one request" in str(diff)
    assert [(each.name, each.before, each.after) for each in diff.outcome] == [("rating", "3", "5")]


def test_changed_fields_are_told_from_and_to(session: Session) -> None:
    now = utc_now()
    diff = compared(
        session,
        {"model_name": "kling-v1", "cfg_scale": 0.0, "sound": "off", "actual_units": Decimal(1)},
        {"model_name": "kling-v2-6", "sound": "off", "submitted_at": now,
         "finished_at": now + timedelta(seconds=61), "kept": False},
    )  # fmt: skip
    assert {each.name: str(each) for each in diff.asked} == {
        "model_name": "kling-v1 → kling-v2-6",
        "cfg_scale": "0.0 → (not set)",
    }
    outcome = {each.name: str(each) for each in diff.outcome}
    assert outcome["seconds"] == "(not set) → 61"
    assert outcome["kept"] == "(not set) → discarded"
    assert outcome["cost"].startswith("1 unit deducted")


def test_pictures_differ_by_content_not_by_name(session: Session) -> None:
    one = {"image_source": "a.jpg", "image_sha256": "a" * 64, "image_width": 640, "image_height": 480}
    assert compared(session, one, {**one, "image_source": "copy.jpg"}).same
    (change,) = compared(session, one, {**one, "image_sha256": "b" * 64}).asked
    assert (change.name, str(change)) == (
        "picture",
        "a.jpg · 640×480 · sha256 aaaaaaaa… → a.jpg · 640×480 · sha256 bbbbbbbb…",
    )


def test_another_path_of_the_brush_is_a_difference(session: Session) -> None:
    one, other = ({"dynamic_masks": [{"trajectory": [[0, at]]}]} for at in (1, 2))
    (change,) = compared(session, {"brush": one}, {"brush": other}).asked
    assert str(change) == "1 moving mask → 1 moving mask, other masks or paths"


def test_other_peoples_words_do_nothing_on_the_page_or_in_a_terminal(session: Session) -> None:
    evil = "<script>alert(1)</script> $x$ \x1b[31m"
    diff = compared(session, {"prompt": "a", "note": evil}, {"prompt": evil, "image_source": evil})
    page = diff._repr_html_()
    assert "<script>" not in page
    assert "&lt;" in page
    assert "mathjax_ignore" in page
    assert "\x1b" not in page + str(diff)


def test_only_the_beginning_of_an_id_is_needed(session: Session) -> None:
    a, b = (session.log.insert(RunRecord(prompt=text)) for text in "ab")
    assert session.diff(session.run(a.id), b.id).first == a.id


def test_a_run_beside_itself_is_no_repeat_and_long_notes_are_cut(session: Session) -> None:
    a = session.log.insert(RunRecord(provider="sandbox", note="x" * 5000))
    b = session.log.insert(RunRecord(provider="sandbox"))
    assert "one and the same run" in str(session.diff(a.id, a.id))
    assert "repeats of one request" in str(session.diff(a.id, b.id))
    assert len(str(session.diff(a.id, b.id))) < 1000


CLIP = {"prompt": "x", "status": "succeeded", "video_path": "media/a.mp4", "video_sha256": "c"}


def scored(
    session: Session, first: dict[str, float], second: dict[str, float], *flags: tuple[Flag, ...]
) -> RunDiff:
    rows = [session.log.insert(RunRecord(provider="sandbox", **CLIP)) for _ in range(2)]  # type: ignore[arg-type]
    for row, values, own in zip(rows, (first, second), flags or ((), ()), strict=True):
        session.log.put_scores(row.id, Scores(1, "c", "d", values, flags=own))
    return session.diff(rows[0].id, rows[1].id)


def test_scores_stand_beside_each_other_with_what_is_better(session: Session) -> None:
    diff = scored(
        session,
        {"path_error": 0.31, "gain": 1.2, "lag": -0.4, "direction": 0.9, "motion": 2.0, "leak": 1.0},
        {"path_error": 0.75, "gain": 0.9, "lag": 0.2, "direction": 0.95, "motion": 4.0, "leak": 1.001},
    )
    assert [(each.name, each.before, each.after, each.mark) for each in diff.scores] == [
        ("path error", "0.31 %", "0.75 %", "worse"),
        ("direction", "0.90", "0.95", "better"),
        ("gain", "1.20", "0.90", "better"),
        ("lag", "-0.40 s", "0.20 s", "better"),
        ("motion", "2.00 %/s", "4.00 %/s", ""),
    ]
    assert "what was measured" in str(diff)
    assert "0.31 % → 0.75 %  (worse)" in str(diff)
    assert "0.75 % (▼ worse)" in diff._repr_html_()


def test_what_coding_alone_makes_is_neither_better_nor_worse(session: Session) -> None:
    diff = scored(
        session,
        {"leak": 0.7, "sharpness_decay": -1.0, "path_error": 0.01, "warp_error": 0.37, "gain": 1.0},
        {"leak": 0.8, "sharpness_decay": -2.0, "path_error": 0.05, "warp_error": 0.33, "gain": 0.99},
    )
    assert len(diff.scores) == 5, "told, but not judged"
    assert {each.mark for each in diff.scores} == {""}


@pytest.mark.parametrize(("flag", "word"), [("frozen", "stands still"), ("blurred", "is blurred")])
def test_what_a_fault_makes_better_is_not_called_better(session: Session, flag: Flag, word: str) -> None:
    diff = scored(session, {"flicker": 0.5}, {"flicker": 0.1}, (), (flag,))
    flags, flicker = diff.scores
    assert (flags.name, flags.before, flags.after) == ("flags", "none", flag)
    assert flicker.mark == f"no merit: the second {word}"
    back = scored(session, {"flicker": 0.1}, {"flicker": 0.5}, (flag,), ())
    assert back.scores[1].mark == f"no merit: the first {word}"


def test_a_smaller_change_is_not_called_better_where_less_moves(session: Session) -> None:
    whole = {"warp_error": 2.0, "motion": 4.0, "gain": 1.0}
    half = {"warp_error": 1.2, "motion": 2.0, "gain": 0.5}
    marks = {each.name: each.mark for each in scored(session, whole, half).scores}
    assert marks == {"gain": "worse", "motion": "", "warp error": "no merit: less motion in the second"}
    back = {each.name: each.mark for each in scored(session, half, whole).scores}
    assert back["warp error"] == "no merit: less motion in the first"
    alike = {each.name: each.mark for each in scored(session, whole, half | {"motion": 3.5}).scores}
    assert alike["warp error"] == "better"


def test_a_clip_that_was_not_measured_is_called_so(session: Session) -> None:
    rows = [session.log.insert(RunRecord(provider="sandbox", **CLIP)) for _ in range(2)]  # type: ignore[arg-type]
    assert session.diff(rows[0].id, rows[1].id).scores == ()
    session.log.put_scores(rows[0].id, Scores(1, "c", "d", {"gain": 1.0}))
    fresh = Session("sandbox", session.home)
    told = [
        (each.name, each.before, each.after, each.mark) for each in fresh.diff(rows[0].id, rows[1].id).scores
    ]
    fresh.close()
    assert told == [("flags", "none", "not measured", ""), ("gain", "1.00", "—", "")]
