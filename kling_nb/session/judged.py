"""The part of a run's handle that a person writes: rating, keeping, tags and note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, Self

from kling_nb.session import judging

if TYPE_CHECKING:
    from kling_nb.runlog import RunRecord


class Judge(Protocol):
    """What writes judgements: the session."""

    def annotate(self, run: Any, columns: dict[str, Any]) -> None:
        """Write a person's own words about a run: name, tags, note, rating, kept."""

    def retag(self, run: Any, add: tuple[str, ...], remove: tuple[str, ...]) -> None:
        """Add and remove tags of a run, beside those that others give it."""


class Judged:
    """A run that can be judged; every word is in the log when a call returns, and other kernels see it."""

    _record: RunRecord

    @property
    def _judge(self) -> Judge:
        raise NotImplementedError

    @property
    def rating(self) -> int | None:
        """0 (useless) to 5 (perfect); None while unrated."""
        return self._record.rating

    @property
    def kept(self) -> bool | None:
        """Whether the clip is kept (True) or discarded (False); None while undecided."""
        return self._record.kept

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags."""
        return tuple(self._record.tags)

    def rate(self, rating: int | None) -> Self:
        """Rate the run from 0 (useless) to 5 (perfect); None takes the rating away.

        Raises
        ------
        InputError
            Something else was given.
        """
        return self.annotate(rating=rating)

    def keep(self) -> Self:
        """Keep the clip."""
        return self.annotate(kept=True)

    def discard(self) -> Self:
        """Mark the clip as discarded; no file is deleted."""
        return self.annotate(kept=False)

    def undecide(self) -> Self:
        """Forget whether the clip is kept or discarded."""
        return self.annotate(kept=None)

    def note(self, text: str | None) -> Self:
        """Write a note in place of an earlier one; None takes it away."""
        return self.annotate(note=text)

    def tag(self, *tags: str) -> Self:
        """Add tags; those it has, also from other kernels, stay.

        Raises
        ------
        InputError
            An empty or overlong tag.
        """
        self._judge.retag(self, tuple(judging.tag_of(tag) for tag in tags), ())
        return self

    def untag(self, *tags: str) -> Self:
        """Take tags away, or all of them when none is named."""
        if not tags:
            return self.annotate(tags=[])
        self._judge.retag(self, (), tuple(judging.tag_of(tag) for tag in tags))
        return self

    def annotate(self, **columns: Any) -> Self:
        """Write your own words into the log.

        Parameters
        ----------
        **columns
            Any of ``name`` (str), ``note`` (str), ``rating`` (0 to 5), ``kept`` (bool), ``tags`` (list of
            str, in place of all it has).

        Raises
        ------
        InputError
            A value that cannot be meant.
        TypeError
            Another column.
        """
        self._judge.annotate(self, columns)
        return self
