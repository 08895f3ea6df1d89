"""Two machines of a team: one log on a server, one store for the videos, a home folder each."""

from __future__ import annotations

import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from postgres_server import PostgresServer
from quick_sessions import finish, until

from kling_nb.domain.task import RunStatus
from kling_nb.session import Session
from kling_nb.session.mediastore import MediaStore


@pytest.fixture
def team(make_session: Any, postgres: PostgresServer, tmp_path: Path) -> Any:
    """Return a maker of sessions on machines of their own."""
    log_url, media_url = postgres.new_log(), (tmp_path / "store").as_uri()

    def member(name: str, **changes: Any) -> Session:
        given = {"home": tmp_path / name, "log_url": log_url, "media_url": media_url}
        return make_session(**{**given, **changes})

    return member


def test_a_clip_of_one_machine_is_looked_at_and_judged_on_another(
    team: Any, sandbox: Any, picture: np.ndarray, tmp_path: Path
) -> None:
    ann, bob = team("ann"), team("bob")
    run = finish(ann.submit(image=picture, prompt="a boat"))
    assert run.status is RunStatus.SUCCEEDED
    ann.shelf.close(30)
    sandbox.reset()  # The service has forgotten it; the team has not.
    assert list(bob.runs()["id"]) == [run.id]
    theirs = bob.run(run.id)
    assert finish(theirs).video.read_bytes() == run.video.read_bytes()
    assert theirs.video.is_relative_to(tmp_path / "bob")
    assert theirs.poster.is_file()
    assert theirs.sidecar.read_bytes() == run.sidecar.read_bytes()
    assert bob.submit(image=picture, prompt="a boat").id == run.id, "what one has paid for, all have"
    theirs.rate(4)
    assert ann.run(run.id).record.rating == 4
    run.rate(2)
    assert bob.run(run.id).record.rating == 2


def test_looking_at_a_run_of_another_machine_brings_its_clip_without_waiting(
    team: Any, picture: np.ndarray
) -> None:
    ann, bob = team("ann"), team("bob")
    run = finish(ann.submit(image=picture, prompt="a boat"))
    ann.shelf.close(30)
    theirs, here = bob.run(run.id), threading.Event()
    theirs.on_change(lambda told: told.video is not None and here.set())
    assert theirs.video is None
    assert here.wait(60)


def test_a_store_that_fails_costs_neither_run_nor_clip(
    team: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(self: MediaStore, *_: Any, **__: Any) -> None:
        raise self._explained(ConnectionError("no route to the store"))

    with monkeypatch.context() as patched:
        patched.setattr(MediaStore, "put", away)
        patched.setattr("kling_nb.session.shelf.PAUSES_S", ())
        ann = team("ann")
        run = ann.submit(image=picture, prompt="a boat")
        assert finish(run).video.is_file()
        assert run.error is None
        until(lambda: any("sent later" in text for text in run.notices))
        ann.close()
    again = team("ann")
    again.shelf.close(30)
    assert again.shelf.waiting() == 0
    assert finish(team("bob").run(run.id)).video.is_file()


def test_nothing_of_log_or_store_shows_a_credential(
    team: Any, postgres: PostgresServer, picture: np.ndarray, tmp_path: Path
) -> None:
    ann = team("ann")
    run = finish(ann.submit(image=picture, prompt="a boat"))
    ann.shelf.close(30)
    said = [
        repr(ann),
        repr(ann.log),
        ann.log.location,
        repr(run),
        str(ann.settings),
        ann.log.frame().to_csv(),
    ]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(postgres.password in text for text in said)
    assert not any(postgres.password.encode() in data for data in files)
    (row,) = ann.log.records()
    assert "file:///" not in str(asdict(row)), "the log says nothing about the place of the store"


def test_the_doctor_tries_the_store(team: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    ann = team("ann")
    found = {line.name: line for line in ann.doctor().lines}
    assert found["media"].ok
    assert "***" in found["run log"].text
    monkeypatch.setattr(
        MediaStore, "put", lambda self, *_: (_ for _ in ()).throw(self._explained(OSError("full")))
    )
    found = {line.name: line for line in ann.doctor().lines}
    assert not found["media"].ok
    assert "full" in found["media"].text
