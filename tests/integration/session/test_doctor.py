"""The doctor: every line, free of charge, and no trouble keeps the other lines from being told."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from kling_nb.session import Session
from kling_nb.session.doctor import DoctorLine, DoctorReport

LINES = [
    "provider",
    "address",
    "credential",
    "clock",
    "access",
    "balance",
    "other doors",
    "models",
    "motion brush",
    "run log",
    "disk",
    "runs",
    "video",
    "widgets",
    "loop",
    "sandbox",
]


def line(report: DoctorReport, name: str) -> DoctorLine:
    return next(each for each in report.lines if each.name == name)


def test_a_healthy_installation(official: Session, sandbox: Any) -> None:
    report = official.doctor()
    assert [each.name for each in report.lines] == LINES
    assert report.ok, str(report)
    assert sandbox.url in line(report, "address").text
    assert line(report, "credential").text == "jwt from argument"
    assert "1000 of 1000 units, online" in line(report, "balance").text
    assert "no model currently served" in line(report, "motion brush").text
    assert sandbox.tasks() == []
    assert not official.log.records(), "looking leaves no trace"


def test_on_the_sandbox(session: Session) -> None:
    report = session.doctor()
    assert [each.name for each in report.lines] == LINES
    assert report.ok, str(report)


def test_a_wrong_key_is_found_and_the_rest_is_checked_all_the_same(make_session: Any, sandbox: Any) -> None:
    report = make_session(
        provider="official", api_base=sandbox.url, api_key="api-key-kling-of-nobody"
    ).doctor()
    assert not report.ok
    assert line(report, "access").ok is False
    assert line(report, "access").advice
    assert "balance" not in {each.name for each in report.lines}
    assert line(report, "video").ok
    assert "of-nobody" not in str(report) + repr(report) + report._repr_html_()


@pytest.mark.parametrize(("offset", "side"), [(600, "behind"), (-600, "ahead of")])
def test_a_wrong_clock_is_measured(make_session: Any, sandbox: Any, offset: float, side: str) -> None:
    sandbox.config(clock_offset=offset)
    session = make_session(provider="official", api_base=sandbox.url, api_key=sandbox.api_key)
    begin = time.monotonic()
    clock = line(session.doctor(), "clock")
    took = time.monotonic() - begin
    assert clock.ok is False
    told = re.search(rf"(\d+) s {side}", clock.text)
    # An answer ages on its way, and its date counts whole seconds.
    assert told and abs(int(told[1]) - 600) <= 1 + took


def test_a_service_that_cannot_be_reached(make_session: Any) -> None:
    session = make_session(provider="official", api_base="http://127.0.0.1:9", api_key="key")
    access = line(session.doctor(), "access")
    assert access.ok is False
    assert "cannot be reached" in access.text


def test_no_credential(make_session: Any) -> None:
    report = make_session(provider="official").doctor()
    assert not report.ok
    assert "KLING_API_KEY" in str(report)
    assert line(report, "widgets").ok is not False


def test_an_empty_pack_is_told(make_session: Any, sandbox: Any) -> None:
    sandbox.config(total_quantity=0)
    session = make_session(provider="official", api_base=sandbox.url, api_key=sandbox.api_key)
    assert line(session.doctor(), "balance").ok is False


async def test_inside_a_running_loop(session: Session) -> None:
    assert "await run works" in line(session.doctor(), "loop").text


@pytest.mark.parametrize(
    ("provider", "balance"),
    [
        ("sandbox-official-new", "1000 of 1000 units, online"),
        ("sandbox-acedata", "tells none; see /sandbox/tasks of the local sandbox"),
        ("sandbox-aimlapi", "140 USD"),
    ],
)
def test_every_door_is_examined_free_of_charge(
    make_session: Any, sandbox: Any, provider: str, balance: str
) -> None:
    session = make_session(provider=provider)
    report = session.doctor()
    assert [each.name for each in report.lines] == LINES
    assert report.ok, str(report)
    assert balance in line(report, "balance").text
    assert sandbox.tasks() == []
    assert session.log.records() == []


@pytest.mark.parametrize(
    ("provider", "variable", "base"),
    [
        ("acedata", "ACEDATACLOUD_API_TOKEN", "ACEDATACLOUD_API_BASE_URL"),
        ("aimlapi", "AIMLAPI_KEY", "AIMLAPI_BASE_URL"),
        ("official-new", "KLING_API_KEY", "KLING_API_BASE"),
    ],
)
def test_a_wrong_key_of_each_door_is_told_and_never_shown(
    make_session: Any,
    sandbox: Any,
    monkeypatch: pytest.MonkeyPatch,
    provider: str,
    variable: str,
    base: str,
) -> None:
    monkeypatch.setenv(variable, "a-key-of-nobody-0123456789")
    monkeypatch.setenv(base, sandbox.url)
    report = make_session(provider=provider).doctor()
    assert line(report, "access").ok is False
    assert line(report, "access").advice
    assert variable in line(report, "credential").text
    assert sandbox.url in line(report, "address").text
    assert "a-key-of-nobody" not in str(report)


def test_a_door_without_a_credential_says_what_to_set(make_session: Any) -> None:
    report = make_session(provider="acedata").doctor()
    missing = [each for each in report.lines if each.ok is False]
    assert len(missing) == 1
    assert "ACEDATACLOUD_API_TOKEN" in missing[0].advice
