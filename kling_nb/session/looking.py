"""What a session can be asked without making a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kling_nb.session.budget import budget_frame, set_budget
from kling_nb.session.doctor import examine
from kling_nb.session.judgingside import JudgingSession
from kling_nb.session.masks import RECOGNIZE, find_masks
from kling_nb.session.models import models_frame
from kling_nb.session.retention import removal_notice
from kling_nb.session.run import Run
from kling_nb.session.spending import spent_frame

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.session.doctor import DoctorReport
    from kling_nb.session.masks import Masks


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

        Parameters
        ----------
        limit
            At most so many rows.
        **where
            Column values, for example ``status="succeeded"``; a list means any of them.
        """
        return self.log.frame(where or None, limit)

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
