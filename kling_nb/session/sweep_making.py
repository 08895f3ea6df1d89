"""One planned run becomes a row of the log and is sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from kling_nb.errors import RunLogError
from kling_nb.providers.base import redacted_body
from kling_nb.runlog.sweeps import unpack
from kling_nb.session.leases import LEASE_S
from kling_nb.session.records import rebuild
from kling_nb.session.uploading import pending

if TYPE_CHECKING:
    from kling_nb.domain.request import VideoRequest
    from kling_nb.runlog import RunRecord
    from kling_nb.session.facade import Session
    from kling_nb.session.run import Run
    from kling_nb.session.sweep_notes import Entry, Plan


def make_planned(session: Session, plan: Plan, entry: Entry, sweep_id: str) -> Run:
    """Make a planned run, or go on with the one that was made of it, by whichever kernel.

    Raises
    ------
    MediaError
        An input is gone.
    BudgetError
        A budget forbids the run; nothing was sent.
    """
    again = bool(plan.notes["again"])
    if found := session.log.records({"id": entry.id}):
        return session.resume(found[0].id)[0]
    record, request = _row_of(session, plan, entry, sweep_id)
    try:
        return session.claim(record, again=again, rebuilt=lambda: request)
    except RunLogError:
        # Another kernel goes on with the same sweep and was quicker.
        if not session.log.records({"id": entry.id}):
            raise
        return session.resume(entry.id)[0]


def _row_of(session: Session, plan: Plan, entry: Entry, sweep_id: str) -> tuple[RunRecord, VideoRequest]:
    packed = plan.rows[entry.cell]
    provider = str(packed["provider"])
    dialect = session.dialect(provider)
    now = datetime.now(UTC)
    columns: dict[str, Any] = {
        "id": entry.id,
        "repeat": entry.repeat,
        "sweep_id": sweep_id,
        "variables": dict(plan.variables[entry.cell]),
        "base_url": session.address(provider),
        "created_at": now,
        "owner": session.owner,
        "lease_until": now + timedelta(seconds=LEASE_S),
    }
    if dialect.has_external_id:
        columns["external_task_id"] = str(uuid4())
    record = unpack(packed, **columns)
    request = rebuild(record, session.inputs)
    sendable = request if dialect.door.local_images else pending(request)
    body = redacted_body(dialect.create(sendable, record.external_task_id or ""))
    return replace(record, wire=body), request
