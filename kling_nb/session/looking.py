"""What a session can be asked without making a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

from kling_nb.errors import InputError
from kling_nb.session.budget import budget_frame, set_budget
from kling_nb.session.chosen import ids_of
from kling_nb.session.doctor import examine
from kling_nb.session.judgingside import JudgingSession
from kling_nb.session.masks import RECOGNIZE, find_masks
from kling_nb.session.models import models_frame
from kling_nb.session.retention import removal_notice
from kling_nb.session.run import Run
from kling_nb.session.spending import spent_frame

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.session.blind import Blind
    from kling_nb.session.doctor import DoctorReport
    from kling_nb.session.masks import Masks
    from kling_nb.session.rankings import VoteRanking
    from kling_nb.session.svg import Plot
    from kling_nb.session.verdicts import Verdict


class LookingSession(JudgingSession):
    """A session that looks: at runs, money, services and pictures."""

    def run(self, run_id: str) -> Run:
        """Return one run by its id or the beginning of it.

        Raises
        ------
        RunNotFound
            With close ids to choose from.
        """
        return self._run_of(self.log.get(run_id))

    def runs(self, limit: int | None = None, **where: Any) -> pd.DataFrame:
        """Return the runs as a table, newest first.

        Where it, or a part of it, is shown in a notebook, resting the pointer on the header of a score tells
        what it means, its unit and which values are good.

        Parameters
        ----------
        limit
            At most so many rows.
        **where
            Column values, for example ``status="succeeded"``; a list means any of them.
        """
        from kling_nb.session.toldframe import ToldFrame  # noqa: PLC0415 - pandas loads with the first table

        return ToldFrame(self.log.frame(where or None, limit))

    def unfinished(self) -> list[Run]:
        """Return the runs that still need something; nothing is sent or asked.

        Videos that the service will soon remove carry a notice (L35).
        """
        rows = [record for record in self.log.unfinished() if record.form != RECOGNIZE]
        runs = [self._run_of(record) for record in rows]
        for run in runs:
            if notice := removal_notice(run.record):
                run.add_notice(notice)
        return runs

    def budget(
        self, scope: str | None = None, amount: Any = None, *, name: str | None = None
    ) -> pd.DataFrame:
        """Show the budgets that hold, or set one for every kernel that shares this log.

        Parameters
        ----------
        scope
            ``run``, ``sweep`` or ``day`` (the local day of this machine); None only shows.
        amount
            Kling units, ``"$5"`` for dollars, ``"off"``; None only shows.
        name
            One sweep; None sets the budget of each sweep.

        Returns
        -------
        DataFrame
            Limit, spent, reserved and left of each budget in each purse: rehearsals on the sandbox do not
            eat what real runs may spend.
        """
        settings = self.ready()
        if scope is not None and amount is not None:
            with self._engine.turn:
                set_budget(self.log, scope, amount, name)
        return budget_frame(self.log, settings)

    def spent(self, by: str = "day") -> pd.DataFrame:
        """Return what runs have cost, and what is held for those on their way.

        Parameters
        ----------
        by
            ``day`` (local), ``model``, ``provider`` or ``sweep``.
        """
        return spent_frame(self.log, by)

    def summary(self, by: str | Sequence[str] = "day", frame: pd.DataFrame | None = None) -> pd.DataFrame:
        """Return success rate, ratings, what was kept and what that cost, by day, model or anything else.

        Parameters
        ----------
        by
            ``day`` (local), ``model``, ``provider``, ``sweep``, ``prompt``, another column, or several.
        frame
            The runs; None takes all.
        """
        from kling_nb.session.summaries import summary_frame  # noqa: PLC0415 - loads with the first summary

        return summary_frame(self.runs() if frame is None else frame, by)

    def plot(
        self,
        what: Verdict | VoteRanking | pd.DataFrame | str | None = None,
        frame: Any = None,
        by: str | Sequence[str] = "prompt",
    ) -> Plot:
        """Return a picture of an answer, a summary, or one number of many runs.

        Parameters
        ----------
        what
            What :meth:`which_is_better`, :meth:`ranking` or :meth:`summary` returned; None is the summary
            by day. Or the name of a number: a score such as ``path_error``, ``rating``, ``seconds`` …
        frame, by
            For the name of a number: the runs (a table, a sweep, runs or ids; None takes all), and the
            column, or several, whose values make the rows. Clips that stand still or are blurred are hollow
            dots.

        Raises
        ------
        InputError
            It is none of these, or no run has the number.
        UsageError
            No such column.
        """
        if isinstance(what, str):
            from kling_nb.session.metricplots import metric_plot  # noqa: PLC0415 - only for those who look

            return metric_plot(self.table(frame), what, by)
        from kling_nb.session.summaries import summary_plot  # noqa: PLC0415 - only for those who look

        answer = self.summary() if what is None else what
        # A table of runs has purses, too.
        if {"purse", "per_kept"} <= set(getattr(answer, "columns", ())):
            return summary_plot(cast("pd.DataFrame", answer))
        found = getattr(answer, "plot", None)
        if not hasattr(found, "_repr_html_"):
            raise InputError(
                f"{type(answer).__name__} cannot be drawn.",
                "Answers and summaries can (which_is_better, ranking, summary), and numbers by their name.",
                'Write e.g. kn.plot(kn.summary("model")) or kn.plot("path_error", by="prompt").',
            )
        return cast("Plot", found)

    def which_is_better(
        self,
        frame: Any = None,
        by: str | Sequence[str] = "prompt",
        metric: str = "rating",
        *,
        smaller: bool | None = None,
    ) -> Verdict:
        """Say which of several conditions is better, how sure that is, and how many repeats would tell.

        Parameters
        ----------
        frame
            The runs: a table, a sweep, runs or ids; None takes all.
        by
            Column, or several, whose values are compared.
        metric
            ``rating``, ``kept``, ``succeeded``, ``seconds``, a score such as ``path_error``, ``gain`` or
            ``leak``, or another column of numbers. By a score, a group of clips that stand still cannot be
            the best; what is blurred or flagged otherwise is told in the notes.
        smaller
            Whether less is better; None knows it of scores, seconds and costs.

        Returns
        -------
        Verdict
            Reads as text; ``.frame`` is a table, ``.plot`` a picture.

        Raises
        ------
        UsageError
            No such column, or a score of which neither much nor little is good (``motion``, ``camera_…``).
        """
        from kling_nb.domain.scoreorder import why_none  # noqa: PLC0415 - loads with the first question
        from kling_nb.session.verdicts import verdict_of  # noqa: PLC0415 - as above

        def reasons(ids: Sequence[str]) -> dict[str, str]:
            return {run_id: why_none(scores, metric) for run_id, scores in self.log.scores_of(ids).items()}

        return verdict_of(self.table(frame), by, metric, smaller=smaller, reasons=reasons)

    def blind(
        self,
        frame: Any = None,
        by: str | Sequence[str] = "prompt",
        *,
        question: str | None = None,
        match: Sequence[str] | None = None,
        seed: int | None = None,
    ) -> Blind:
        """Compare clips two at a time without knowing which is which (:class:`Blind`).

        Parameters
        ----------
        frame
            The runs: a table, a sweep, runs or ids; None takes all.
        by
            Column, or several, whose values are compared.
        question
            What is asked.
        match
            Columns in which the two clips of a pair agree; None takes the picture.
        seed
            Fixes order and sides.

        Raises
        ------
        InputError
            There are no two clips to compare.
        """
        from kling_nb.session.blind import QUESTION, Blind  # noqa: PLC0415 - loads with the first comparison

        return Blind(self, self.table(frame), by, question=question or QUESTION, match=match, seed=seed)

    def ranking(
        self, frame: Any = None, by: str | Sequence[str] = "prompt", *, question: str | None = None
    ) -> VoteRanking:
        """Rank conditions by the votes of blind comparisons; parameters as for :meth:`blind`."""
        from kling_nb.session.blind import QUESTION  # noqa: PLC0415 - as above
        from kling_nb.session.rankings import ranking_of  # noqa: PLC0415 - as above

        return ranking_of(self.log, self.table(frame), by, question or QUESTION)

    def table(self, what: Any = None) -> pd.DataFrame:
        """Return runs as a table: a table as it is, a sweep's own, otherwise that of the runs named.

        Parameters
        ----------
        what
            A table, something with a ``frame`` (a sweep), runs, ids; None is all runs.

        Raises
        ------
        InputError
            It names no runs.
        """
        if what is None:
            return self.runs()
        own = getattr(what, "frame", what)
        if hasattr(own, "columns"):
            return own if "id" in own.columns else self.log.frame({"id": ids_of(own, self)})
        ids = ids_of(what, self)
        return self.log.frame({"id": ids}).sort_values(
            "id", key=lambda column: column.map(ids.index), ignore_index=True
        )

    def doctor(self, provider: str | None = None) -> DoctorReport:
        """Check credential, host, clock, balance, log, disk, codec, widgets and sandbox; free of charge."""
        return examine(self, provider)

    def models(self, provider: str | None = None) -> pd.DataFrame:
        """Return what each model can do and costs, and whether the provider still serves it."""
        return models_frame(self.choose_provider(provider).provider)

    def masks(
        self,
        picture: Any,
        *,
        provider: str | None = None,
        again: bool = False,
        told: Callable[[str], None] = lambda _: None,
    ) -> Masks:
        """Have the service propose masks for a picture, for a tenth of a unit (free on the sandbox).

        Parameters
        ----------
        picture
            Path, URL, bytes, PIL image or array.
        provider
            Whom to ask; only some services can.
        again
            Ask although the masks of this picture are known already.
        told
            Called with one sentence about the price before anything is sent.

        Returns
        -------
        Masks
            Name to (H, W) booleans, usable as ``MotionBrush.dynamic(found["object"], path)``.

        Raises
        ------
        InputError
            The provider has no such call; the error names those that have, and the free local tool.
        SubmitUncertain
            The answer was lost: it may have been charged, and is not asked for again by itself.
        """
        self.ready()
        return find_masks(self, picture, provider, again=again, told=told)
