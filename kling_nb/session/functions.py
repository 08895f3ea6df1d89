"""The functions of ``import kling_nb as kn``: methods of the default session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_nb.session.default import default_session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    import pandas as pd

    from kling_nb.domain.cost import Cost
    from kling_nb.domain.problems import Problem
    from kling_nb.session.blind import Blind
    from kling_nb.session.diffing import RunDiff
    from kling_nb.session.doctor import DoctorReport
    from kling_nb.session.facade import Session
    from kling_nb.session.masks import Masks
    from kling_nb.session.preview import Preview
    from kling_nb.session.rankings import VoteRanking
    from kling_nb.session.run import Run
    from kling_nb.session.svg import Plot
    from kling_nb.session.sweep import Sweep
    from kling_nb.session.sweep_price import Planned
    from kling_nb.session.verdicts import Verdict


def submit(image: Any = None, prompt: str | None = None, **params: Any) -> Run:
    """Make a run and return its handle at once; see :meth:`Session.submit`."""
    return default_session().submit(image, prompt, **params)


def extend(source: str | Run, prompt: str | None = None, **params: Any) -> Run:
    """Make an earlier clip longer; see :meth:`Session.extend`."""
    return default_session().extend(source, prompt, **params)


def masks(picture: Any, *, provider: str | None = None, again: bool = False) -> Masks:
    """Have the service propose masks for 0.1 unit, which is said first; see :meth:`Session.masks`."""
    return default_session().masks(picture, provider=provider, again=again, told=print)


def check(image: Any = None, prompt: str | None = None, **params: Any) -> list[Problem]:
    """Return all findings about a request, without network; see :meth:`Session.check`."""
    return default_session().check(image, prompt, **params)


def cost(image: Any = None, prompt: str | None = None, **params: Any) -> Cost:
    """Return the expected cost of a request; see :meth:`Session.cost`."""
    return default_session().cost(image, prompt, **params)


def preview(image: Any = None, prompt: str | None = None, **params: Any) -> Preview:
    """Render the motion locally, free of charge; see :meth:`Session.preview`."""
    return default_session().preview(image, prompt, **params)


def budget(scope: str | None = None, amount: Any = None, *, name: str | None = None) -> pd.DataFrame:
    """Show the budgets, or set one for every kernel of this log; see :meth:`Session.budget`."""
    return default_session().budget(scope, amount, name=name)


def spent(by: str = "day") -> pd.DataFrame:
    """Return what was spent by day, model, provider or sweep; see :meth:`Session.spent`."""
    return default_session().spent(by)


def runs(limit: int | None = None, **where: Any) -> pd.DataFrame:
    """Return the runs as a table, newest first; see :meth:`Session.runs`."""
    return default_session().runs(limit, **where)


def run(run_id: str) -> Run:
    """Return one run by its id or the beginning of it; see :meth:`Session.run`."""
    return default_session().run(run_id)


def attach(
    some_id: str, *, provider: str | None = None, run: str | Run | None = None, force: bool = False
) -> Run:
    """Follow a task by its task id or external id, or bind it to a run; see :meth:`Session.attach`."""
    return default_session().attach(some_id, provider=provider, run=run, force=force)


def resume(*ids: str | Run, wait: bool = False, send: bool = True) -> list[Run]:
    """Go on with unfinished runs; see :meth:`Session.resume`."""
    return default_session().resume(*ids, wait=wait, send=send)


def unfinished() -> list[Run]:
    """Return the runs that still need something; see :meth:`Session.unfinished`."""
    return default_session().unfinished()


def doctor(provider: str | None = None) -> DoctorReport:
    """Check that everything is in place, free of charge; see :meth:`Session.doctor`."""
    return default_session().doctor(provider)


def models(provider: str | None = None) -> pd.DataFrame:
    """Return what each model can do, costs, and whether it is served; see :meth:`Session.models`."""
    return default_session().models(provider)


def sweep(image: Any = None, prompt: Any = None, **params: Any) -> Sweep:
    """Make a run of every combination of the values given as lists; see :meth:`Session.sweep`."""
    return default_session().sweep(image, prompt, **{"ask": input, "told": print, **params})


def plan_sweep(image: Any = None, prompt: Any = None, **params: Any) -> Planned:
    """Say what a sweep would make and cost; see :meth:`Session.plan_sweep`."""
    return default_session().plan_sweep(image, prompt, **params)


def sweep_of(word: str) -> Sweep:
    """Return a sweep by its id or name; see :meth:`Session.sweep_of`."""
    return default_session().sweep_of(word)


def sweeps() -> pd.DataFrame:
    """Return the sweeps of the log, newest first; see :meth:`Session.sweeps`."""
    return default_session().sweeps()


def rate(runs: Any, rating: int | None) -> int:
    """Rate one or many runs from 0 to 5; see :meth:`Session.rate`."""
    return default_session().rate(runs, rating)


def keep(runs: Any) -> int:
    """Keep one or many runs; see :meth:`Session.keep`."""
    return default_session().keep(runs)


def discard(runs: Any) -> int:
    """Mark one or many runs as discarded; see :meth:`Session.discard`."""
    return default_session().discard(runs)


def undecide(runs: Any) -> int:
    """Forget whether runs are kept or discarded; see :meth:`Session.undecide`."""
    return default_session().undecide(runs)


def tag(runs: Any, *tags: str) -> int:
    """Add tags to one or many runs; see :meth:`Session.tag`."""
    return default_session().tag(runs, *tags)


def untag(runs: Any, *tags: str) -> int:
    """Take tags away, all of them when none is named; see :meth:`Session.untag`."""
    return default_session().untag(runs, *tags)


def note(runs: Any, text: str | None) -> int:
    """Write a note to one or many runs; see :meth:`Session.note`."""
    return default_session().note(runs, text)


def undo_judgement() -> str:
    """Take the latest rating, decision, tag or note of this kernel back, and say which."""
    return default_session().undo_judgement()


def diff(first: Any, second: Any) -> RunDiff:
    """Return what differs between two runs; see :meth:`Session.diff`."""
    return default_session().diff(first, second)


def summary(by: str | Sequence[str] = "day", frame: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return success, ratings, keepers and their cost by day, model …; see :meth:`Session.summary`."""
    return default_session().summary(by, frame)


def which_is_better(
    frame: Any = None, by: str | Sequence[str] = "prompt", metric: str = "rating", **options: Any
) -> Verdict:
    """Say which condition is better, and how sure that is; see :meth:`Session.which_is_better`."""
    return default_session().which_is_better(frame, by, metric, **options)


def blind(frame: Any = None, by: str | Sequence[str] = "prompt", **options: Any) -> Blind:
    """Compare clips two at a time without labels; see :meth:`Session.blind`."""
    return default_session().blind(frame, by, **options)


def ranking(
    frame: Any = None, by: str | Sequence[str] = "prompt", *, question: str | None = None
) -> VoteRanking:
    """Rank conditions by the votes of blind comparisons; see :meth:`Session.ranking`."""
    return default_session().ranking(frame, by, question=question)


def score(
    runs: Any = None,
    *,
    executor: Executor | None = None,
    again: bool = False,
    progress: bool | Callable[[str], None] = True,
    session: Session | None = None,
    **asked: Any,
) -> Any:
    """Measure the clips of many runs as a table, or one video outside the log; see :meth:`Session.score`."""
    using = session or default_session()
    return using.score(runs, executor=executor, again=again, progress=progress, **asked)


def plot(
    what: Verdict | VoteRanking | pd.DataFrame | str | None = None,
    frame: Any = None,
    by: str | Sequence[str] = "prompt",
) -> Plot:
    """Return a picture of an answer, a summary, or one number of many runs; see :meth:`Session.plot`."""
    return default_session().plot(what, frame, by)
