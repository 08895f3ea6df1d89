"""What can be made from a run: the code and the cell that make it, a variation, a longer clip."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord
    from kling_nb.session.run import Run


class Maker(Protocol):
    """What makes runs from runs: the session."""

    def code_of(self, record: RunRecord) -> str:
        """Write the Python call that makes this run."""

    def cell_of(self, record: RunRecord) -> str:
        """Write the ``%%kling`` cell that makes this run."""

    def vary(self, source: str | Run, **changes: Any) -> Run:
        """Make a run again with changes."""

    def extend(self, source: str | Run, prompt: str | None = None, **params: Any) -> Run:
        """Make an earlier clip longer."""


class Derived:
    """A run that others are made from."""

    _record: RunRecord

    @property
    def _maker(self) -> Maker:
        raise NotImplementedError

    def to_python(self) -> str:
        """Return the Python call that makes this run."""
        return self._maker.code_of(self._record)

    def to_cell(self) -> str:
        """Return the text of the ``%%kling`` cell that makes this run, ready to be pasted into a notebook."""
        return self._maker.cell_of(self._record)

    def vary(self, **changes: Any) -> Run:
        """Make this run again with changes; returns at once.

        Parameters
        ----------
        **changes
            What :meth:`Session.submit` takes: ``cfg_scale=0.7``, ``prompt=…``, ``provider=…``. None takes a
            field away. What is not named stays as it was, the motion brush and how it was used included;
            name, tags, note and repeat number are not taken over. Without changes the request is the same
            one, and this run is shown again instead of a second charge (``again=True`` makes another).

        Raises
        ------
        MediaError
            An input of this run is gone, or what was asked for is not known.
        RequestRefused
            The changed request has blocking findings; nothing was sent.
        """
        return self._maker.vary(self._record.id, **changes)

    def extend(self, prompt: str | None = None, **params: Any) -> Run:
        """Make this clip longer; see :meth:`Session.extend`.

        Parameters
        ----------
        prompt
            What shall happen next.
        **params
            As for :meth:`Session.extend`.
        """
        return self._maker.extend(self._record.id, prompt, **params)
