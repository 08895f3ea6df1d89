"""Listeners: never on the caller's thread, never in its way, always told the last state."""

from __future__ import annotations

import threading

import pytest

from kling_nb.session.events import Emitter


class Subject:
    value = 0


def test_a_failing_listener_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    emitter, heard = Emitter("run"), threading.Event()
    emitter.subscribe(lambda _: 1 / 0)
    emitter.subscribe(lambda _: heard.set())
    emitter.emit()
    assert heard.wait(60)
    assert "ZeroDivisionError" in caplog.text


def test_a_slow_listener_neither_blocks_nor_misses_the_last_state() -> None:
    subject, seen = Subject(), []
    last, all_told = threading.Event(), threading.Event()
    emitter = Emitter(subject)

    def slow(changed: Subject) -> None:
        seen.append(changed.value if all_told.wait(60) else None)
        if changed.value == 100:
            last.set()

    emitter.subscribe(slow)
    for value in range(1, 101):
        subject.value = value
        emitter.emit()
    assert seen == [], "none of the hundred has waited for the listener"
    all_told.set()
    assert last.wait(60)
    assert len(seen) <= 2, "changes that pile up are told together"


def test_listeners_run_on_a_thread_of_their_own() -> None:
    names: list[str] = []
    heard = threading.Event()
    emitter = Emitter(None)
    emitter.subscribe(lambda _: (names.append(threading.current_thread().name), heard.set()))
    emitter.emit()
    assert heard.wait(60)
    assert names == ["kling-events"]


def test_an_ended_subscription_is_silent() -> None:
    calls: list[object] = []
    heard = threading.Event()
    emitter = Emitter(None)
    emitter.subscribe(calls.append)()
    emitter.subscribe(lambda _: heard.set())
    emitter.emit()
    assert heard.wait(60)
    assert calls == []
