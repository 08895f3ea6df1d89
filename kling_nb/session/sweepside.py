"""What a session does with sweeps; everything behind it loads with the first of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakValueDictionary

from kling_nb.session.judging import tags_given
from kling_nb.session.looking import LookingSession
from kling_nb.session.records import Label

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.domain.sweep_plan import Groups
    from kling_nb.runlog.sweeps import SweepRecord
    from kling_nb.session.facade import Session
    from kling_nb.session.sweep import Sweep
    from kling_nb.session.sweep_driver import Until
    from kling_nb.session.sweep_price import Planned


class SweepingSession(LookingSession):
    """A session that makes many runs of one wish."""

    _sweeps: WeakValueDictionary[str, Sweep]

    def plan_sweep(
        self,
        image: Any = None,
        prompt: Any = None,
        *,
        repeat: int = 1,
        zip: Groups = (),  # noqa: A002 - the word everybody knows; nothing here needs the builtin
        sample: int | None = None,
        seed: int | None = None,
        where: Callable[[Mapping[str, Any]], object] | None = None,
        again: bool = False,
        force: bool = False,
        assume_units: str | float | None = None,
        variables: Mapping[str, Any] | None = None,
        **params: Any,
    ) -> Planned:
        """Say what a sweep would make and cost; nothing is sent and nothing written down.

        Parameters
        ----------
        image, prompt
            As for :meth:`submit`; a list varies.
        repeat
            Runs of each combination: Kling has no seed, so one clip alone proves little.
        zip
            Names that vary together: ``("model", "mode")``, or several such groups.
        sample, seed
            Only so many combinations, drawn at random; the seed is recorded.
        where
            Told the variables of a combination; false leaves it out.
        again, force, assume_units
            As for :meth:`submit`.
        variables
            Further values for ``{{name}}``.
        **params
            Any request field under any accepted name, ``provider``, ``brush``, ``way``, template variables.

        Raises
        ------
        UsageError
            Names or values that cannot be used.
        RequestRefused
            Not one combination can be made.
        """
        from kling_nb.session.sweep_build import Wish, draft  # noqa: PLC0415 - loads with the first sweep
        from kling_nb.session.sweep_price import Planned, total_of  # noqa: PLC0415 - as above

        self.ready()
        given = {"image": image, "prompt": prompt, **params}
        wish = Wish(
            {key: value for key, value in given.items() if value is not None},
            repeat=repeat,
            groups=zip,
            sample=sample,
            seed=seed,
            where=where,
            again=again,
            force=force,
            variables=variables or {},
        )
        drafted = draft(cast("Session", self), wish)
        return Planned(drafted, total_of(drafted, assume_units))

    def sweep(
        self,
        image: Any = None,
        prompt: Any = None,
        *,
        budget: str | float | None = None,
        until: Until | None = None,
        name: str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
        notebook: str | None = None,
        assume_units: str | float | None = None,
        yes: bool = False,
        ask: Callable[[str], Any] | None = None,
        told: Callable[[Planned], Any] = lambda _: None,
        **params: Any,
    ) -> Sweep:
        """Make a run of every combination of the values given as lists; returns at once.

        Scalars stay, lists vary; a field whose value is itself a list varies inside ``kn.vary([…])``.
        ``{{name}}`` in the prompt is filled from further keywords, which may vary as well. Combinations that
        the service would refuse are dropped, with the reason. Identical runs that the log has are used again,
        free of charge. The runs go out balanced: whenever the sweep ends early, each value has been used
        about equally often.

        Parameters
        ----------
        image, prompt, **params
            As for :meth:`plan_sweep`.
        budget
            Kling units, or dollars as ``"$5"``, that the sweep never exceeds, in whichever kernel.
        until
            Stop rule: ``"kept >= 3"``, ``"rating >= 4 or spent >= 20"``, or a function of the sweep's frame;
            what is under way by then is brought to its end. A score (``"gain >= 0.9"``, ``"path_error < 1
            and kept >= 1"``) is the best clip's; clips that stand still do not count, blurred ones not where
            blur is rewarded. The next run then waits until the clips that are there are measured, for two
            minutes at most; so it does for a function, which may look at any score (those that are missing
            are NaN), unless scores are switched off.
        name, tags, note, notebook
            Your own words.
        assume_units
            What a run counts in budgets where its price is unknown.
        yes
            Do not ask, however much it costs.
        ask
            Puts the question about the price; None refuses instead.
        told
            Told the plan, before anything is sent.

        Raises
        ------
        UsageError
            Names or values that cannot be used, or an expensive sweep that was not confirmed.
        RequestRefused
            Not one combination can be made.
        BudgetError
            A budget forbids it; nothing was sent.
        """
        from kling_nb.session import sweeping  # noqa: PLC0415 - loads with the first sweep

        label = Label(name, note, tags_given(tags), notebook, budget=budget, assume_units=assume_units)
        sweeping.check_words(label, until)
        planned = self.plan_sweep(image, prompt, assume_units=assume_units, **params)
        told(planned)
        return sweeping.start_sweep(cast("Session", self), planned, label, until=until, yes=yes, ask=ask)

    def sweep_of(self, word: str) -> Sweep:
        """Return a sweep by its id (``s-…``), its name, or the beginning of its id; nothing is sent.

        Raises
        ------
        RunNotFound
            There is no such sweep.
        """
        from kling_nb.session import sweeping  # noqa: PLC0415 - as above

        self.ready()
        return sweeping.find_sweep(cast("Session", self), word)

    def sweeps(self) -> pd.DataFrame:
        """Return the sweeps of the log, newest first: id, name, time, state, number of runs.

        One whose kernel ended before it did is ``interrupted``.
        """
        import pandas as pd  # noqa: PLC0415 - half a second that only tables cost

        left = {record.id for record in self.interrupted()}
        rows = [
            (
                each.id,
                each.name,
                each.created_at,
                "interrupted" if each.id in left else each.state,
                each.reason,
                len(each.plan["runs"]),
            )
            for each in self.log.sweeps.all()
        ]
        return pd.DataFrame(rows, columns=["id", "name", "created_at", "state", "reason", "runs"])

    def interrupted(self) -> list[SweepRecord]:
        """Return the sweeps that a kernel was making when it ended, newest first; nothing is sent."""
        from kling_nb.session.sweep_state import RUNNING, is_running  # noqa: PLC0415 - as above

        return [
            record
            for record in self.log.sweeps.all(RUNNING)
            if record.id not in self._sweeps and not is_running(record, self.owner)
        ]

    def known_sweep(self, sweep_id: str) -> Sweep | None:
        """Return the one handle of a sweep in this process, None before it has one."""
        return self._sweeps.get(sweep_id)

    def keep_sweep(self, sweep: Sweep) -> Sweep:
        """Remember the handle of a sweep."""
        return self._sweeps.setdefault(sweep.id, sweep)

    def _open(self) -> None:
        for sweep in list(getattr(self, "_sweeps", {}).values()):
            sweep.orphan()
        self._sweeps = WeakValueDictionary()
        super()._open()

    def close(self) -> None:
        """Stop following and close log and connections; every run and sweep stays where it is."""
        for sweep in list(self._sweeps.values()):
            sweep.abandon()
        super().close()
