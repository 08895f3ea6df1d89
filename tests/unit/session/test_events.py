"""Listeners: never on the caller's thread, never in its way, always told the last state."""

from __future__ import annotations

import threading
import time

import pytest

from kling_nb.session.events import Emitter


class Subject:
    value = 0


def test_a_failing_listener_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    emitter, heard = Emitter("run"), threading.Event()
    emitter.subscribe(lambda _: 1 / 0)
    emitter.subscribe(lambda _: heard.set())
    emitter.emit()
    assert heard.wait(5)
    assert "ZeroDivisionError" in caplog.text


def test_a_slow_listener_neither_blocks_nor_misses_the_last_state() -> None:
    subject, seen, last = Subject(), [], threading.Event()
    emitter = Emitter(subject)

    def slow(changed: Subject) -> None:
        time.sleep(0.05)
        seen.append(changed.value)
        if changed.value == 100:
            last.set()

    emitter.subscribe(slow)
    begin = time.perf_counter()
    for value in range(1, 101):
        subject.value = value
        emitter.emit()
    assert time.perf_counter() - begin < 1.0
    assert last.wait(5)
    assert len(seen) < 20, "changes that pile up are told together"


def test_listeners_run_on_a_thread_of_their_own() -> None:
    names: list[str] = []
    heard = threading.Event()
    emitter = Emitter(None)
    emitter.subscribe(lambda _: (names.append(threading.current_thread().name), heard.set()))
    emitter.emit()
    assert heard.wait(5)
    assert names == ["kling-events"]


def test_an_ended_subscription_is_silent() -> None:
    calls: list[object] = []
    heard = threading.Event()
    emitter = Emitter(None)
    emitter.subscribe(calls.append)()
    emitter.subscribe(lambda _: heard.set())
    emitter.emit()
    assert heard.wait(5)
    assert calls == []
