"""One home, several processes: who serves it, who only looks, and what a slow machine does to both."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from filelock import FileLock

from kling_nb.errors import SandboxError
from kling_nb.sandbox import home as homes
from kling_nb.sandbox import launch
from kling_nb.sandbox.home import SERVER_LOCK, SandboxInfo, is_served, names_another, serving, write_state

INFO = SandboxInfo(
    url="http://127.0.0.1:9",
    pid=os.getpid(),
    port=9,
    access_key="",
    secret_key="",
    api_key="",
    acedata_token="",
    aimlapi_key="",
    home="",
    started_at="",
)


def test_a_server_is_seen_and_its_end_too(tmp_path):
    assert not is_served(tmp_path)
    with serving(tmp_path) as mine:
        assert mine
        assert is_served(tmp_path)
    assert not is_served(tmp_path)


def test_looking_is_not_taken_for_serving(tmp_path):
    """Threads look as fast as they can; one of them in the middle of it is no server for the others."""
    with serving(tmp_path):
        pass
    ended = threading.Event()

    def look():
        while not ended.is_set():
            is_served(tmp_path)

    others = [threading.Thread(target=look) for _ in range(3)]
    for other in others:
        other.start()
    try:
        assert not any(is_served(tmp_path) for _ in range(3000))
        assert launch.stop(tmp_path) is False
    finally:
        ended.set()
        for other in others:
            other.join()


def test_a_look_that_takes_long_keeps_no_server_from_its_home(tmp_path, monkeypatch):
    monkeypatch.setattr(homes, "LOCK_PATIENCE_S", 0.01)
    looks = FileLock(tmp_path / SERVER_LOCK, thread_local=False)
    looks.acquire()
    threading.Timer(0.3, looks.release).start()
    with serving(tmp_path) as mine:
        assert mine


def test_a_process_forked_during_a_look_keeps_no_server_from_its_home(tmp_path, monkeypatch):
    """It has a copy of the descriptor that is looked with, for as long as it lives."""
    monkeypatch.setattr(homes, "LOCK_PATIENCE_S", 0.01)
    monkeypatch.setattr(homes, "NAME_PATIENCE_S", 0.1)
    with serving(tmp_path):
        pass
    copies = []

    def forked(file, operation):
        fcntl.flock(file, operation)
        copies.append(os.dup(file.fileno()))

    with monkeypatch.context() as patch:
        patch.setattr(homes, "fcntl", SimpleNamespace(**{**vars(fcntl), "flock": forked}))
        assert not is_served(tmp_path)
    try:
        with serving(tmp_path) as mine:
            assert mine
    finally:
        for copy in copies:
            os.close(copy)
    assert copies


def test_a_home_whose_server_lives_is_given_up_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(homes, "LOCK_PATIENCE_S", 0.01)
    monkeypatch.setattr(homes, "NAME_PATIENCE_S", 3600)
    write_state(tmp_path, INFO)
    with serving(tmp_path) as first, serving(tmp_path) as second:
        assert (first, second) == (True, False)


@pytest.mark.parametrize("state", [None, "", "{}", "[]", json.dumps({"pid": 1})])
def test_a_home_that_names_nobody_is_lost(tmp_path, state):
    if state is not None:
        (tmp_path / "sandbox.json").write_text(state)
    assert names_another(tmp_path, os.getpid())
    assert names_another(tmp_path / "gone", os.getpid())


def test_a_home_that_names_another_process_is_lost(tmp_path):
    write_state(tmp_path, INFO)
    assert not names_another(tmp_path, os.getpid())
    assert names_another(tmp_path, os.getpid() + 1)


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EIO, errno.EINTR])
def test_a_state_file_that_just_cannot_be_read_ends_no_server(tmp_path, monkeypatch, number):
    """With many connections there may be no descriptor left to look with."""
    write_state(tmp_path, INFO)

    def refused(*args, **kwargs):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "read_text", refused)
    assert not names_another(tmp_path, os.getpid())


class Standstill:
    """A clock on a machine that stands still for a minute at every other look."""

    def __init__(self):
        self.now = 0.0
        self.looks = 0

    def monotonic(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds

    def look(self, _info):
        self.looks += 1
        self.now += 60 * (self.looks % 2)
        return False


@pytest.fixture
def standstill(tmp_path, monkeypatch):
    clock = Standstill()
    monkeypatch.setattr(launch, "time", clock)
    monkeypatch.setattr(launch, "is_served", lambda _folder: True)
    monkeypatch.setattr(launch, "_answers", clock.look)
    write_state(tmp_path, INFO)
    return clock


def test_a_machine_that_stood_still_is_no_reason_to_give_up(tmp_path, standstill, monkeypatch):
    monkeypatch.setattr(launch, "_answers", lambda info: standstill.look(info) or standstill.looks == 5)
    assert launch.find(tmp_path) == INFO


def test_a_server_that_never_answers_is_given_up(tmp_path, standstill):
    assert launch.find(tmp_path) is None
    assert standstill.looks < 20
    with pytest.raises(SandboxError, match="does not answer"):
        launch.stop(tmp_path)


def test_waiting_without_standstill_ends_when_it_should(tmp_path, standstill, monkeypatch):
    monkeypatch.setattr(launch, "_answers", lambda _info: False)
    assert launch.find(tmp_path) is None
    assert launch.PATIENCE_S <= standstill.now < launch.PATIENCE_S + 1


def test_a_server_that_ends_by_itself_while_it_is_stopped_was_running(tmp_path, standstill, monkeypatch):
    served = iter([True, True, False, False])
    monkeypatch.setattr(launch, "is_served", lambda _folder: next(served))
    assert launch.stop(tmp_path) is True
