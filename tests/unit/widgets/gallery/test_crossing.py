"""The gallery while things cross: two look at once, a page comes as another goes, the log is locked."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from made_scores import made_scores

from kling_nb.session.clips import changed_records
from kling_nb.widgets.gallery import widget
from kling_nb.widgets.gallery.functions import gallery
from kling_nb.widgets.gallery.watch import LogWatch
from kling_nb.widgets.gallery.widget import Gallery

PATIENCE_S = 60


def tell(made: Gallery, **content: Any) -> None:
    made._on_message(made, content, [])


def test_a_page_that_comes_as_another_goes_hears_of_changes(session, add) -> None:
    busy, go_on, heard = threading.Event(), threading.Event(), threading.Event()

    def changed(_: int) -> None:
        if busy.is_set():
            heard.set()
        busy.set()
        assert go_on.wait(PATIENCE_S)

    watch = LogWatch(session.log, changed, period=0.01)
    watch.opened("page")
    add()
    assert busy.wait(PATIENCE_S)
    # The thread has not heard yet that it shall end.
    watch.closed("page")
    watch.opened("the page, loaded again")
    go_on.set()
    add()
    assert heard.wait(PATIENCE_S)
    watch.stop()


def test_what_could_not_be_told_is_told_by_the_next_look(session, add) -> None:
    told: list[int] = []

    def changed(since: int) -> None:
        told.append(since)
        if len(told) == 1:
            raise OSError("database is locked")

    watch = LogWatch(session.log, changed)
    add()
    with pytest.raises(OSError, match="locked"):
        watch.look()
    watch.look()
    watch.look()
    assert told == [told[0]] * 2


def test_of_two_looks_at_once_the_one_that_read_first_does_not_tell_last(
    session, add, sent, monkeypatch
) -> None:
    run_id = add()
    made = gallery(session=session)
    read, go_on = threading.Event(), threading.Event()

    def slow(*given: Any) -> Any:
        found = changed_records(*given)
        if threading.current_thread() is first:
            read.set()
            go_on.wait(PATIENCE_S)
        return found

    monkeypatch.setattr(widget, "changed_records", slow)
    first = threading.Thread(target=made._watch.look)
    session.rate(run_id, 2)
    first.start()
    assert read.wait(PATIENCE_S)
    second = threading.Thread(
        target=tell,
        args=(made,),
        kwargs={"kind": "judge", "id": run_id, "seq": "a 1", "given": {"rating": 4}},
    )
    second.start()
    while session.log.get(run_id).rating != 4:
        assert second.is_alive()
        time.sleep(0.01)
    time.sleep(0.1)  # as far as it gets while the first one reads
    go_on.set()
    first.join(PATIENCE_S)
    second.join(PATIENCE_S)
    assert made.items[0]["rating"] == 4
    assert next(message for message, _ in sent if message["kind"] == "judged")["item"]["rating"] == 4


def test_a_judgement_is_answered_when_the_log_cannot_be_read(session, add, sent, monkeypatch) -> None:
    run_id = add()
    made = gallery(session=session)

    def locked(*_: Any) -> int:
        raise OSError("database is locked")

    monkeypatch.setattr(session.log, "change_counter", locked)
    tell(made, kind="judge", id=run_id, seq="a 1", given={"rating": 4})
    assert [message["kind"] for message, _ in sent] == ["judged", "said"]
    assert sent[0][0]["seq"] == "a 1"


def test_a_view_opened_later_begins_with_what_has_changed(session, add, sent) -> None:
    judged, measured, _ = (add(video_sha256="a" * 64) for _ in range(3))
    made = gallery(session=session)
    tell(made, kind="hello", view="first")
    assert sent == []
    session.rate(judged, 3)
    session.log.put_scores(measured, made_scores())
    made._watch.look()
    sent.clear()
    # The page has one model for all its views: it still holds what was sent when the gallery was made.
    tell(made, kind="hello", view="second")
    (items, _), (details, _) = sent
    assert {item["id"]: item["rating"] for item in items["items"]} == {judged: 3, measured: None}
    assert list(details["details"]) == [measured]
    made.close()


def test_a_file_that_vanishes_while_it_is_read_is_answered_as_gone(session, add, sent, monkeypatch) -> None:
    run_id = add()
    made = gallery(session=session)

    def gone(_: Path) -> bytes:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_bytes", gone)
    tell(made, kind="media", id=run_id, what="clip")
    assert sent == [({"kind": "media", "id": run_id, "what": "clip"}, [b""])]
