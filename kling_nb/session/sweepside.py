"""What a session does with sweeps; everything behind it loads with the first of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast
from weakref import WeakValueDictionary

from kling_nb.session.looking import LookingSession

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.domain.sweep_plan import Groups
    from kling_nb.session.facade import Session
    from kling_nb.session.sweep import Sweep
    from kling_nb.session.sweep_build import Draft
    from kling_nb.session.sweep_driver import Until
    from kling_nb.session.sweep_price import Total


class SweepingSession(LookingSession):
    """A session that makes many runs of one wish."""

    _sweeps: WeakValueDictionary[str, Sweep]

    def sweep(
        self,
        image: Any = None,
        prompt: Any = None,
        *,
        repeat: int = 1,
        budget: str | float | None = None,
        zip: Groups = (),  # noqa: A002 - the word everybody knows; nothing here needs the builtin
        sample: int | None = None,
        seed: int | None = None,
        where: Callable[[Mapping[str, Any]], object] | None = None,
        until: Until | None = None,
        name: str | None = None,
        tags: Iterable[str] = (),
        note: str | None = None,
        notebook: str | None = None,
        again: bool = False,
        force: bool = False,
        assume_units: str | float | None = None,
        yes: bool = False,
        variables: Mapping[str, Any] | None = None,
        ask: Callable[[str], Any] | None = None,
        told: Callable[[str], None] = lambda _: None,
        shown: Callable[[Draft, Total], None] | None = None,
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
        image, prompt
            As for :meth:`submit`; a list varies.
        repeat
            Runs of each combination: Kling has no seed, so one clip alone proves little.
        budget
            Kling units, or dollars as ``"$5"``, that the sweep never exceeds, in whichever kernel.
        zip
            Names that vary together: ``("model", "mode")``, or several such groups.
        sample, seed
            Only so many combinations, drawn at random; the seed is recorded.
        where
            Told the variables of a combination; false leaves it out.
        until
            Stop rule: ``"kept >= 3"``, ``"rating >= 4 or spent >= 20"``, or a function of the sweep's frame.
        name, tags, note, notebook
            Your own words.
        again, force, assume_units
            As for :meth:`submit`.
        yes
            Do not ask, however much it costs.
        variables
            Further values for ``{{name}}``.
        ask
            Puts the question about the price; None refuses instead.
        told, shown
            Told the plan before anything is sent, as text or as values.
        **params
            Any request field under any accepted name, ``provider``, ``brush``, ``way``, template variables.

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
        from kling_nb.session.sweep_build import Wish  # noqa: PLC0415 - as above

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
        label = sweeping.label_of(name, note, tags, notebook, budget=budget, assume_units=assume_units)
        this = cast("Session", self)
        return sweeping.start_sweep(
            this, wish, label=label, until=until, yes=yes, ask=ask, told=told, shown=shown
        )

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
        """Return the sweeps of the log, newest first: id, name, time, state, number of runs."""
        import pandas as pd  # noqa: PLC0415 - half a second that only tables cost

        rows = [
            (each.id, each.name, each.created_at, each.state, each.reason, len(each.plan["runs"]))
            for each in self.log.sweeps.all()
        ]
        return pd.DataFrame(rows, columns=["id", "name", "created_at", "state", "reason", "runs"])

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
