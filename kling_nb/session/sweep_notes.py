"""A sweep as it stands in the log: plain JSON from which any later kernel goes on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from kling_nb.runlog.ids import new_id
from kling_nb.runlog.sweeps import pack
from kling_nb.session.extending import parent_of
from kling_nb.session.records import OWN_ID, Label, keep_inputs, record_of

if TYPE_CHECKING:
    from kling_nb.session.build import Prepared
    from kling_nb.session.facade import Session
    from kling_nb.session.sweep_build import Draft

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One run of a sweep.

    Parameters
    ----------
    id
        The id it gets when it is made.
    cell, repeat
        Which combination, for which time (from 1).
    """

    id: str
    cell: int
    repeat: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep makes, read from the log.

    Parameters
    ----------
    entries
        Its runs in order.
    variables, rows
        Labels and packed row of each combination.
    axes
        Labels of what varies, by name.
    dropped
        Combinations that are not made: variables, rule, reason.
    notes
        Everything else that was asked for.
    """

    entries: tuple[Entry, ...]
    variables: tuple[Mapping[str, Any], ...]
    rows: tuple[dict[str, Any], ...]
    axes: Mapping[str, list[Any]]
    dropped: tuple[Mapping[str, Any], ...]
    notes: Mapping[str, Any]

    @property
    def varying(self) -> list[str]:
        """Names of what differs between the combinations that are made."""
        return [
            name
            for name in self.axes
            if any(found.get(name) != self.variables[0].get(name) for found in self.variables)
        ]

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Plan:
        """Read the JSON of the log."""
        return cls(
            tuple(Entry(**entry) for entry in stored["runs"]),
            tuple(cell["variables"] for cell in stored["cells"]),
            tuple(cell["row"] for cell in stored["cells"]),
            stored["axes"],
            tuple(stored["dropped"]),
            stored["notes"],
        )


def plan_of(session: Session, draft: Draft, label: Label, notes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON of a sweep; its pictures and masks are put into the input store.

    Parameters
    ----------
    session
        Log and input store.
    draft
        The checked requests.
    label
        A person's words about the runs.
    notes
        What else was asked for.
    """
    wish = draft.wish
    cells = [
        {"variables": dict(variables), "row": _row(session, prepared, label)}
        for variables, prepared in draft.cells
    ]
    return {
        "version": VERSION,
        "notes": {
            "repeat": wish.repeat,
            "sample": wish.sample,
            "seed": wish.seed,
            "zip": [wish.groups] if isinstance(wish.groups, str) else [list(_words(g)) for g in wish.groups],
            "again": wish.again,
            "excluded": draft.excluded,
            **notes,
        },
        "axes": {axis.name: list(axis.labels) for axis in draft.axes},
        "dropped": [
            {"variables": dict(each.variables), "rule": each.rule, "reason": each.reason}
            for each in draft.dropped
        ],
        "cells": cells,
        # Ids are given out now, so that a run that was made is known again whatever happened since.
        "runs": [{"id": new_id(), "cell": cell, "repeat": repeat} for cell, repeat in draft.runs],
    }


def _words(group: Any) -> list[str]:
    return [group] if isinstance(group, str) else list(group)


def _row(session: Session, prepared: Prepared, label: Label) -> dict[str, Any]:
    files = keep_inputs(prepared.request, session.inputs)
    if prepared.way is not None:
        files |= keep_inputs(prepared.drawn, session.inputs)
    parent = parent_of(session.log, prepared.request.video_id)
    record = record_of(prepared, label, base_url="", owner="", lease_s=0.0, mask_files=files, parent=parent)
    packed = pack(record)
    if record.options.get(OWN_ID):
        packed.pop("external_task_id", None)
    return packed
