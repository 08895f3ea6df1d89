"""The doctor: every line, free of charge, and no trouble keeps the other lines from being told."""

from __future__ import annotations

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
    clock = line(session.doctor(), "clock")
    assert clock.ok is False
    assert f"600 s {side}" in clock.text or f"599 s {side}" in clock.text or f"601 s {side}" in clock.text


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
