"""The runs of a sweep as a table, and what a stop rule counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from kling_nb.domain.scoreorder import goodness, is_flattered, is_still

if TYPE_CHECKING:
    import pandas as pd

    from kling_nb.runlog import RunLog
    from kling_nb.session.run import Run
    from kling_nb.session.sweep_notes import Entry, Plan
    from kling_nb.session.sweep_progress import Progress


def frame_of(log: RunLog, plan: Plan, pairs: Sequence[tuple[Entry, Run | None]]) -> pd.DataFrame:
    """Return one row a run that exists, in the order of the plan.

    What varies stands in front. Where the log has a column of the same name with other values — a prompt with
    its template filled — the sweep's own label stands beside it as ``…_variant``; a brush and other values of
    many parts go by their label.

    Parameters
    ----------
    log
        The run log.
    plan
        What the sweep makes.
    pairs
        Its runs.
    """
    from kling_nb.runlog.schema import field_kinds  # noqa: PLC0415 - SQLAlchemy is loaded by the log itself
    from kling_nb.session.toldframe import ToldFrame  # noqa: PLC0415 - pandas

    held = [(entry, run) for entry, run in pairs if run is not None]
    frame = log.frame({"id": [run.id for _, run in held]}).set_index("id", drop=False)
    frame = frame.loc[[run.id for _, run in held]].reset_index(drop=True)
    front: list[str] = []
    for name in plan.axes:
        labels: list[Any] = [plan.variables[entry.cell].get(name) for entry, _ in held]
        taken = name in frame.columns
        if taken and frame[name].astype(object).where(frame[name].notna(), None).tolist() == labels:
            front.append(name)
            continue
        column = f"{name}_variant" if taken and field_kinds().get(name) is not dict else name
        frame[column] = labels
        front.append(column)
    front.append("repeat")
    return ToldFrame(frame[[*front, *(name for name in frame.columns if name not in front)]])


def dropped_frame(names: Sequence[str], rows: Sequence[tuple[Mapping[str, Any], str, str]]) -> pd.DataFrame:
    """Return combinations that are not made as a table: what varies, the rule, the reason.

    Parameters
    ----------
    names
        What varies.
    rows
        Variables, rule of the linter (empty for a repetition of another one) and reason of each.
    """
    import pandas as pd  # noqa: PLC0415 - half a second that only tables cost

    found = [{**variables, "rule": rule, "reason": reason} for variables, rule, reason in rows]
    return pd.DataFrame(found, columns=[*names, "rule", "reason"])


def facts_of(
    log: RunLog, runs: Sequence[Run], progress: Progress, scores: Collection[str] = ()
) -> dict[str, float | None]:
    """Return what a stop rule may look at (:data:`kling_nb.domain.sweep_until.COUNTED` and ``SCORED``).

    Ratings and scores come from the log: another kernel may have given or measured them.

    Parameters
    ----------
    log
        The run log.
    runs
        Of the sweep.
    progress
        How far it is.
    scores
        Names of those that the rule looks at.
    """
    rows = log.records({"id": [run.id for run in runs]}) if runs else []
    ratings = [row.rating for row in rows if row.rating is not None]
    return {
        "kept": sum(row.kept is True for row in rows),
        "discarded": sum(row.kept is False for row in rows),
        "rated": len(ratings),
        "rating": max(ratings, default=0),
        "done": progress.done,
        "failed": progress.failed,
        "spent": float(progress.units),
        **_best_scores(log, runs, scores),
    }


def _best_scores(log: RunLog, runs: Sequence[Run], names: Collection[str]) -> dict[str, float | None]:
    """Return the best clip's value of each score; clips that stand still, or that it flatters, count not."""
    clips = log.scores.measured(run.id for run in runs).values() if names else ()
    found: dict[str, float | None] = {}
    for name in names:
        values = [
            value
            for clip in clips
            if (value := clip.values[name]) is not None
            and not is_still(clip.flags, gain := clip.values["gain"])
            and not is_flattered(name, clip.flags, gain)
        ]
        found[name] = max(values, key=partial(goodness, name), default=None)
    return found
