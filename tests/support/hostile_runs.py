"""Runs through a door behind which sits a hostile service, and what must hold for them afterwards."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from hostile_service import KEY, Hostile, Plan, plans
from hypothesis import HealthCheck, Phase, given, settings
from quick_sessions import QUICK

from kling_nb.domain.task import RunStatus
from kling_nb.session import Run, Session
from kling_nb.transport.loop import background

DOORS = {
    "official": "kling_api_base",
    "official-new": "kling_api_base",
    "acedata": "acedata_api_base",
    "aimlapi": "aimlapi_base",
}
VARIABLES = {"acedata": "ACEDATACLOUD_API_TOKEN", "aimlapi": "AIMLAPI_API_KEY"}
PACE = replace(
    QUICK,
    follow=replace(QUICK.follow, visible_s=0.1, missing_s=0.05, pause_max_s=0.1),
    submit=replace(QUICK.submit, lookup_span_s=0.04),
)
ENDS = {RunStatus.SUCCEEDED, RunStatus.FAILED, RunStatus.UNCERTAIN}
NUMBERS = itertools.count()


@contextmanager
def session_at(service: Hostile, door: str, home: Path, monkeypatch: Any) -> Iterator[Session]:
    """A session that believes in the hostile service and gives it its key."""
    monkeypatch.setenv(VARIABLES.get(door, "KLING_API_KEY"), KEY)
    at = {"api_base" if field == "kling_api_base" else field: service.url for field in [DOORS[door]]}
    session = Session(provider=door, home=home, pace=PACE, posters=False, quota=1000, **at)
    yield session
    session.close()


def survive(session: Session, service: Hostile, plan: Plan, log: Any) -> None:
    """Make two runs under a plan and hold them against what must never happen."""
    service.plan = {kind: list(moves) for kind, moves in plan.items()}
    runs = [session.submit(prompt=f"boat {next(NUMBERS)}", force=True) for _ in range(2)]
    deadline = time.monotonic() + 8
    while not all(run.done for run in runs) and time.monotonic() < deadline:
        time.sleep(0.005)
    assert background().alive
    for run in runs:
        check(run, service, session)
    assert service.stolen == []
    wrong = [
        record.getMessage() for record in log.records if record.name.startswith("kling") and record.exc_info
    ]
    assert wrong == [], log.text
    assert KEY not in log.text


def check(run: Run, service: Hostile, session: Session) -> None:
    """One run: a definite end or a notice, its own video or none, the key nowhere."""
    seen = f"{run.status} {run.error!r} {run.message} {run.notices}"
    assert run.status in ENDS or (not run.done and (run.message or run.notices)) or run.error, seen
    assert "Please report this" not in str(run.error), seen
    prompt = run.record.prompt or ""
    if run.video is not None:
        content = run.video.read_bytes()
        assert f"video of {prompt}".encode() in content or b"video of" not in content, "another run's video"
        assert run.video.resolve().is_relative_to(session.home.resolve())
    if run.record.external_task_id is None:
        assert service.creates.count(prompt) <= 1, "sent twice"
    shown = [
        str(run),
        repr(run),
        repr(run.record),
        str(run.error),
        run.message,
        *run.notices,
        run.to_python(),
    ]
    assert not any(KEY in text for text in shown), [text for text in shown if KEY in text]
    if run.error is not None:
        assert 1 <= len(run.error.lines()) <= 3, run.error.lines()


def check_home(home: Path, before: set[Path]) -> None:
    """Nothing outside the home, nothing in it under a strange name, the key in no file."""
    around = {path for path in home.parent.rglob("*") if not path.is_relative_to(home)}
    assert around <= before, around - before
    for path in home.rglob("*"):
        assert "evil" not in path.name and "\x00" not in path.name
        if path.is_file():
            assert KEY.encode() not in path.read_bytes(), f"the key is in {path.relative_to(home)}"


def under_any_answers(
    service: Hostile, door: str, folder: Path, monkeypatch: Any, log: Any, **how: Any
) -> None:
    """Submit under many plans in turn; afterwards the session still works and the folder is clean.

    Parameters
    ----------
    service, door, folder, monkeypatch, log
        What the session goes to, a folder of its own, and pytest's helpers.
    **how
        Settings of hypothesis: ``max_examples``, ``derandomize``.
    """
    home = folder / "runs"
    home.mkdir(parents=True)
    before = set(folder.rglob("*"))
    with session_at(service, door, home, monkeypatch) as session:

        @settings(deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate], **how)
        @given(plan=plans)
        def under_a_plan(plan: Any) -> None:
            survive(session, service, plan, log)

        under_a_plan()
        survive(session, service, {}, log)
        run = session.submit(prompt="after all that")
        assert run.wait(20, raise_on_failure=False).status is RunStatus.SUCCEEDED, run.error
    check_home(home, before)
