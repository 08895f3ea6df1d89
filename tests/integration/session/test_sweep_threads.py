"""Stopping and going on with a sweep from several threads at once: buttons on its wall beside cells."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from quick_sessions import until

from kling_nb.errors import RunLogError
from kling_nb.session import Session
from kling_nb.session.sweep import Sweep
from kling_nb.session.sweep_state import RUNNING, STOPPED


@pytest.fixture
def stopped(session: Session, picture: np.ndarray) -> Sweep:
    """A sweep that was stopped before its first clip."""
    given: dict[str, Any] = {"what": ["boat", "kite"], "model": "kling-v1", "mode": "std"}
    sweep = session.sweep(picture, "a {{what}}", **given, until="done >= 0").wait(60)
    assert (sweep.state, len(sweep.runs)) == (STOPPED, 0)
    return sweep


class Noticing:
    """Stands in for ``note`` of a sweep: tells when a state was written, and can be held there."""

    def __init__(self, sweep: Sweep, state: str) -> None:
        self.written, self.go_on = threading.Event(), threading.Event()
        self._note, self._state = sweep.note, state

    def __call__(self, state: str, *rest: Any) -> None:
        self._note(state, *rest)
        if state == self._state and not self.written.is_set():
            self.written.set()
            assert self.go_on.wait(60)


def aside(work: Callable[[], object]) -> Callable[[], list[BaseException]]:
    """Begin work on a thread; the function returned waits for it and returns what went wrong."""
    wrong: list[BaseException] = []

    def go() -> None:
        try:
            work()
        except BaseException as error:
            wrong.append(error)

    thread = threading.Thread(target=go)
    thread.start()

    def end() -> list[BaseException]:
        thread.join(60)
        assert not thread.is_alive()
        return wrong

    return end


def test_stopped_while_it_is_about_to_go_on(stopped: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    about = Noticing(stopped, RUNNING)
    monkeypatch.setattr(stopped, "note", about)
    resumed = aside(lambda: stopped.resume(until="done >= 9"))
    assert about.written.wait(60)
    stop = aside(stopped.stop)
    about.go_on.set()
    assert (resumed(), stop()) == ([], [])
    assert (stopped.wait(60).state, stopped.reason) == (STOPPED, "stopped by hand")


def test_going_on_while_it_comes_to_its_end(stopped: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says already that it has stopped: then going on must not be lost."""
    ending = Noticing(stopped, STOPPED)
    monkeypatch.setattr(stopped, "note", ending)
    stopped.resume(until="done >= 0")
    assert ending.written.wait(60)
    resumed = aside(lambda: stopped.resume(until="done >= 9"))
    threading.Timer(0.2, ending.go_on.set).start()
    assert resumed() == []
    stopped.wait(60)
    assert (stopped.state, stopped.progress.done) == ("done", 2)


def test_going_on_before_a_stop_is_heard(stopped: Sweep) -> None:
    """The last word counts, although what was to stop is busy with something else."""
    asked, answer = threading.Event(), threading.Event()

    def busy(_: object) -> bool:
        asked.set()
        return not answer.wait(60)

    stopped.resume(until=busy)
    assert asked.wait(60)
    driver = stopped._driver
    assert driver is not None
    stop = aside(stopped.stop)
    until(lambda: driver._halted)
    resumed = aside(lambda: stopped.resume(until="done >= 9"))
    threading.Timer(0.2, answer.set).start()
    assert (resumed(), stop()) == ([], [])
    stopped.wait(60)
    assert (stopped.state, stopped.progress.done) == ("done", 2)


def test_going_on_twice_at_once_is_once(stopped: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    about = Noticing(stopped, RUNNING)
    monkeypatch.setattr(stopped, "note", about)
    both = [aside(lambda: stopped.resume(until="done >= 9")) for _ in range(2)]
    assert about.written.wait(60)
    threading.Timer(0.2, about.go_on.set).start()
    assert [end() for end in both] == [[], []]
    assert sum(thread.name == f"kling-{stopped.id}" for thread in threading.enumerate()) <= 1
    assert stopped.wait(60).progress.done == 2


def test_what_cannot_be_written_down_does_not_go_on(stopped: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise RunLogError("The disk is full.", "No space.", "Free some space.")

    with monkeypatch.context() as patch:
        patch.setattr(stopped.session.log.sweeps, "set_state", full)
        with pytest.raises(RunLogError):
            stopped.resume(until="done >= 9")
    assert stopped.done
    assert stopped.state == STOPPED
    assert stopped.resume(until="done >= 9").wait(60).progress.done == 2
    until(lambda: stopped.state == "done")
