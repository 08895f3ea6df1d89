"""The gallery without a page: what it sends, what it takes, and how it hears of changes made elsewhere."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest
from made_scores import made_scores

from kling_nb.domain.task import RunStatus
from kling_nb.session import Session
from kling_nb.widgets.gallery.functions import gallery
from kling_nb.widgets.gallery.sheet import PICTURES, TOTAL_BYTES
from kling_nb.widgets.gallery.watch import LogWatch
from kling_nb.widgets.gallery.widget import Gallery


def tell(made: Gallery, **content: Any) -> None:
    made._on_message(made, content, [])


WRONG = [
    {"rating": 6}, {"rating": -1}, {"rating": 2.5}, {"rating": True}, {"rating": "4"}, {"kept": 1},
    {"tags": "night"}, {"tags": [""]}, {"note": 3}, {"status": "succeeded"}, {},
    {"video_path": "../../etc/passwd"}, {"rating": 3, "provider": "official"},
]  # fmt: skip


@pytest.mark.parametrize("given", WRONG, ids=repr)
def test_what_is_no_judgement_changes_nothing(session, add, sent, given) -> None:
    run_id = add()
    before = session.log.get(run_id)
    tell(gallery(session=session), kind="judge", id=run_id, seq="a 1", given=given)
    assert session.log.get(run_id) == before
    judged, said = (next(m for m, _ in sent if m["kind"] == kind) for kind in ("judged", "said"))
    assert judged["item"]["rating"] is None
    assert said["level"] == "E" and said["text"]


def test_only_runs_that_are_shown_are_judged(session, add, sent) -> None:
    shown, other = add(), add()
    tell(gallery([shown], session=session), kind="judge", id=other, seq="a 1", given={"rating": 5})
    assert session.log.get(other).rating is None


@pytest.mark.parametrize(
    "given", [{"rating": 0}, {"rating": 5}, {"kept": False}, {"tags": ["a", "b"]}], ids=repr
)
def test_a_judgement_is_in_the_log_at_once_and_can_be_taken_back(session, add, sent, given) -> None:
    run_id = add()
    made = gallery(session=session)
    tell(made, kind="judge", id=run_id, seq="a 1", given=given)
    ((name, value),) = given.items()
    assert getattr(session.log.get(run_id), name) == value
    assert next(m for m, _ in sent if m["kind"] == "judged")["item"][name] == value
    tell(made, kind="judge", id=run_id, seq="a 2", given={name: None if name != "tags" else []})
    assert not getattr(session.log.get(run_id), name)


def test_tags_of_others_stay_when_a_page_edits_its_own(session, add, sent) -> None:
    run_id = add(tags=["old", "stays"])
    made = gallery(session=session)
    session.tag(run_id, "of somebody else")
    tell(made, kind="judge", id=run_id, seq="a 1", given={"tags": ["stays", "new", "of somebody else"]})
    assert session.log.get(run_id).tags == ["stays", "of somebody else", "new"]


def test_the_last_judgement_can_be_taken_back_from_the_page(session, add, sent) -> None:
    run_id = add()
    made = gallery(session=session)
    for rating in (2, 4):
        tell(made, kind="judge", id=run_id, seq="a 1", given={"rating": rating})
    tell(made, kind="undo")
    assert session.log.get(run_id).rating == 2
    assert [m["items"][0]["rating"] for m, _ in sent if m["kind"] == "items"] == [2, 4, 2]
    assert "Taken back: rating 4" in next(m["text"] for m, _ in sent if m["kind"] == "said")


def test_a_change_made_elsewhere_arrives_as_what_has_changed(session, add, sent) -> None:
    ids = [add(), add(status=RunStatus.PROCESSING, video_path=None, poster_path=None), add()]
    made = gallery(session=session)
    with Session("sandbox", session.home) as elsewhere:
        elsewhere.annotate(elsewhere.run(ids[0]), {"rating": 2})
        elsewhere.log.update(ids[1], status=RunStatus.SUCCEEDED, video_path="media/0.mp4")
    made._watch.look()
    patch = {item["id"]: item for m, _ in sent if m["kind"] == "items" for item in m["items"]}
    assert set(patch) == set(ids[:2])
    assert patch[ids[0]]["rating"] == 2
    assert patch[ids[1]]["clip"]["bytes"] == 4
    # A page that is opened later gets the same.
    assert {item["id"]: item["rating"] for item in made.get_state()["items"]}[ids[0]] == 2
    sent.clear()
    made._watch.look()
    assert sent == []


def test_the_log_is_looked_at_only_while_somebody_looks(session, add) -> None:
    run_id = add()
    heard = threading.Event()
    watch = LogWatch(session.log, lambda _: heard.set(), period=0.01)
    watch.opened("page")
    session.annotate(session.run(run_id), {"rating": 1})
    assert heard.wait(60)
    watch.closed("page")
    thread = watch._thread
    assert thread is not None
    thread.join(60)
    assert not thread.is_alive()
    watch.opened("page again")
    assert watch._thread is not None and watch._thread.is_alive()
    watch.stop()


def test_a_log_that_cannot_be_read_for_a_moment_does_not_end_the_looking(session, add, monkeypatch) -> None:
    heard = threading.Event()
    watch = LogWatch(session.log, lambda _: heard.set(), period=0.01)
    failed = threading.Event()

    def locked() -> int:
        failed.set()
        raise OSError("database is locked")

    monkeypatch.setattr(session.log, "change_counter", locked)
    watch.opened("page")
    assert failed.wait(60)
    monkeypatch.undo()
    add()
    assert heard.wait(60)
    watch.stop()


def test_files_are_sent_where_no_server_shows_them(session, add, sent) -> None:
    run_id = add()
    made = gallery(session=session)
    assert made.items[0]["clip"] == {"url": None, "bytes": 4, "embeds": True}
    tell(made, kind="media", id=run_id, what="clip")
    tell(made, kind="media", id=run_id, what="poster")
    tell(made, kind="media", id="r-of-somebody", what="clip")
    (_, [clip]), (_, [poster]), (_, [nothing]) = sent
    assert (clip, poster[:2], nothing) == (b"film", b"\xff\xd8", b"")


def test_large_clips_wait_to_be_asked_for(session, add, monkeypatch) -> None:
    monkeypatch.setenv("KLING_NB_EMBED_CAP_MB", "0.000001")
    add()
    assert gallery(session=session).items[0]["clip"]["embeds"] is False


def test_the_state_is_json_and_small_per_run(session, add) -> None:
    for _ in range(20):
        add(prompt="x" * 3000)
    state = gallery(session=session).items
    assert json.loads(json.dumps(state)) == state
    assert len(json.dumps(state)) / 20 < 1500


def test_the_saved_picture_stays_small_and_tells_the_rest(session, add) -> None:
    for _ in range(PICTURES + 3):
        add(prompt="<b>bold</b>")
    html = gallery(session=session)._repr_mimebundle_()[0]["text/html"]
    assert html.count("<img ") == PICTURES
    assert "… and 3 more" in html
    assert len(html) < TOTAL_BYTES * 4 / 3 + PICTURES * 1000
    assert f'href="kling_runs/media/{PICTURES + 2}.mp4"' in html
    assert "<b>bold" not in html


def test_a_run_without_files_is_shown_by_its_words(session, add) -> None:
    add(status=RunStatus.FAILED, video_path=None, poster_path=None, error_message="risk control")
    made = gallery(session=session)
    item = made.items[0]
    assert (item["clip"], item["poster"], item["error"]) == (None, None, "risk control")
    assert "<img" not in made._repr_mimebundle_()[0]["text/html"]
    assert made.details[item["id"]] == {"facts": None, "paths": None}


def test_requested_paths_come_from_the_row_not_from_mask_files(session, add) -> None:
    from clip_shelf import SIZE, rolling_brush

    made = gallery([add(brush=rolling_brush())], session=session)
    (details,) = made.details.values()
    assert details["paths"]["size"] == list(SIZE)
    (line,) = details["paths"]["lines"]
    assert line["points"][0] == [30.5, 60.5] and line["points"][-1] == [290.5, 60.5]


def test_scores_are_badges_orders_and_paths(session, add, sent) -> None:
    moved, frozen, stale = (add(video_sha256=letter * 64) for letter in "aac")
    still = {**made_scores().values, "gain": 0.0, "flicker": 0.0}
    session.log.put_scores(frozen, made_scores(values=still, flags=("frozen",), objects=()))
    session.log.put_scores(stale, made_scores())
    made = gallery([moved, frozen, stale], session=session)
    by_id = {item["id"]: item for item in made.items}
    assert by_id[moved]["scores"] is None
    assert by_id[stale]["scores"] is None, "measured of another clip"
    scores = by_id[frozen]["scores"]
    assert [word for word, _ in scores["flags"]] == ["frozen"]
    assert {"flicker", "leak", "warp_error"} <= set(scores["flattered"])
    assert "path_error" not in scores["flattered"]
    session.log.put_scores(moved, made_scores())
    made._watch.look()
    (items, _), (details, _) = sent[-2:]
    goodness = items["items"][0]["scores"]["goodness"]
    assert goodness["path_error"] == pytest.approx(-0.416)
    assert goodness["gain"] == pytest.approx(-0.19)
    assert [line["label"] for line in details["details"][moved]["paths"]["lines"]] == ["boat (1)", "boat (2)"]
    assert "⚠ too short" in made._repr_mimebundle_()[0]["text/html"]
