"""Undo and redo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kling_nb.widgets.pad.commands import Command
from kling_nb.widgets.pad.state import PadState

LONGEST: Final = 1000
"""Steps that are kept. States share what did not change, so a step costs what it added."""


@dataclass(frozen=True)
class Step:
    """A command that was done, with the drawing before and after it."""

    command: Command
    before: PadState
    after: PadState


class History:
    """What was done to a drawing, and where in it we are.

    Parameters
    ----------
    state
        The drawing to begin with.
    """

    def __init__(self, state: PadState) -> None:
        self._state = state
        self._done: list[Step] = []
        self._undone: list[Step] = []

    @property
    def state(self) -> PadState:
        """The drawing as it is."""
        return self._state

    @property
    def undo_title(self) -> str:
        """What undo would take back; empty when there is nothing."""
        return self._done[-1].command.title if self._done else ""

    @property
    def redo_title(self) -> str:
        """What redo would do again; empty when there is nothing."""
        return self._undone[-1].command.title if self._undone else ""

    def do(self, command: Command) -> bool:
        """Do a command; return whether anything changed. What could be redone before is forgotten."""
        after = command.apply(self._state)
        if after is self._state or after == self._state:
            return False
        self._done.append(Step(command, self._state, after))
        del self._done[:-LONGEST]
        self._undone.clear()
        self._state = after
        return True

    def undo(self) -> bool:
        """Take the last command back; return whether there was one."""
        if not self._done:
            return False
        step = self._done.pop()
        self._undone.append(step)
        self._state = step.before
        return True

    def redo(self) -> bool:
        """Do again what was taken back last; return whether there was anything."""
        if not self._undone:
            return False
        step = self._undone.pop()
        self._done.append(step)
        self._state = step.after
        return True

    def restart(self, state: PadState) -> bool:
        """Begin anew with a drawing; there is nothing to undo."""
        self._state = state
        self._done.clear()
        self._undone.clear()
        return True
