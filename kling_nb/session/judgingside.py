"""What a session does with a person's judgement; ids, handles, tables and sweeps all name runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_nb.errors import InputError
from kling_nb.session import judging
from kling_nb.session.chosen import ids_of
from kling_nb.session.core import SessionCore

if TYPE_CHECKING:
    from kling_nb.session.diffing import RunDiff
    from kling_nb.session.run import Run


class JudgingSession(SessionCore):
    """A session whose runs can be judged; every word is in the log when a call returns."""

    def rate(self, runs: Any, rating: int | None) -> int:
        """Rate runs.

        Parameters
        ----------
        runs
            A run, a run id or the beginning of one, a table of runs, a sweep, or several of these.
        rating
            0 (useless) to 5 (perfect); None takes the rating away.

        Returns
        -------
        int
            How many runs it changed.

        Raises
        ------
        InputError
            No rating, or nothing that names runs.
        RunNotFound
            An id that is not in the log; nothing was changed.
        """
        value = judging.rating_of(rating)
        return judging.judge(self, ids_of(runs, self), f"rating {value}", {"rating": value})

    def keep(self, runs: Any) -> int:
        """Keep runs. Parameters, result and errors as for :meth:`rate`."""
        return judging.judge(self, ids_of(runs, self), "kept", {"kept": True})

    def discard(self, runs: Any) -> int:
        """Discard runs: marked, nothing is deleted. Parameters, result and errors as for :meth:`rate`."""
        return judging.judge(self, ids_of(runs, self), "discarded", {"kept": False})

    def undecide(self, runs: Any) -> int:
        """Forget whether runs are kept or discarded. Parameters, result and errors as for :meth:`rate`."""
        return judging.judge(self, ids_of(runs, self), "undecided", {"kept": None})

    def tag(self, runs: Any, *tags: str) -> int:
        """Add tags to runs; those they have stay. Further parameters, result and errors as for :meth:`rate`.

        Parameters
        ----------
        runs
            As for :meth:`rate`.
        *tags
            One line of text each.
        """
        words = [judging.tag_of(tag) for tag in tags]
        return judging.judge(self, ids_of(runs, self), f"tagged {', '.join(words)}", add=words)

    def untag(self, runs: Any, *tags: str) -> int:
        """Take tags away, or all of them when none is named. Otherwise as :meth:`tag`."""
        ids = ids_of(runs, self)
        if not tags:
            return judging.judge(self, ids, "all tags removed", {"tags": []})
        words = [judging.tag_of(tag) for tag in tags]
        return judging.judge(self, ids, f"untagged {', '.join(words)}", remove=words)

    def note(self, runs: Any, text: str | None) -> int:
        """Write a note to runs, in place of an earlier one; None takes it away. As :meth:`rate` otherwise."""
        return judging.judge(self, ids_of(runs, self), "note", {"note": judging.note_of(text)})

    def diff(self, first: Any, second: Any) -> RunDiff:
        """Return what differs between two runs: request, pictures, words of the prompts, outcome.

        Parameters
        ----------
        first, second
            Runs, or their ids.

        Raises
        ------
        InputError
            One of them names no run, or several.
        """
        from kling_nb.session.diffing import diff_of  # noqa: PLC0415 - loads with the first comparison

        return diff_of(self._one(first), self._one(second))

    def _one(self, what: Any) -> Run:
        ids = ids_of(what, self)
        if len(ids) != 1:
            raise InputError(f"{len(ids)} runs are meant.", "One is needed.", 'Write e.g. "r-…".')
        return self._run_of(self.log.get(ids[0]))

    def undo_judgement(self) -> str:
        """Take back the latest judgement of this kernel, and say which; up to a hundred times.

        What somebody has changed since stays as it is.
        """
        return judging.take_back(self)
