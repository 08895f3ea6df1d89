"""``kn.report``: runs as one HTML file."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from kling_nb.errors import InputError
from kling_nb.session import default_session
from kling_nb.session.masks import RECOGNIZE
from kling_nb.session.tables import rows_of
from kling_nb.session.wholefile import replacing
from kling_nb.widgets.report.clips import Clips
from kling_nb.widgets.report.page import page
from kling_nb.widgets.report.rows import row_of
from kling_nb.widgets.report.sums import groups, totals
from kling_nb.widgets.scorestate import of_clip

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_nb.session import Session

Videos = Literal["embed", "link", "none"]
VIDEOS: Final[tuple[Videos, ...]] = get_args(Videos)
ENDINGS: Final = (".html", ".htm")


def report(
    path: str | os.PathLike[str],
    runs: Any = None,
    *,
    title: str = "Kling runs",
    by: str | Sequence[str] | None = None,
    videos: Videos = "embed",
    cap_mb: float = 64.0,
    metadata: bool = True,
    session: Session | None = None,
) -> Path:
    """Write runs as one HTML file that opens without kernel and server.

    It holds posters and players on one clock, parameters, costs, ratings, notes and the cell of each run,
    and a summary; it can be filtered, sorted, compared and printed. It loads nothing from anywhere and runs
    no script but its own.

    Parameters
    ----------
    path
        ``.html``; an existing file is replaced.
    runs
        As for :func:`kling_nb.table`; None is every run.
    title
        Stands above the report.
    by
        What the summary is grouped by: ``model``, ``prompt``, ``day``, a column or a variable of a sweep, or
        several; None is what was varied, else the model.
    videos
        ``embed`` puts the clips into the file, ``link`` names them by their place relative to it, ``none``
        shows posters only.
    cap_mb
        Megabytes of video that are embedded, in the order of the runs; clips beyond it show their poster,
        and the report says so.
    metadata
        False leaves out prompts, names, tags, notes, ids, cells, error texts and text variables. Title,
        posters and clips show what they show.
    session
        Whose runs; default the session of the module functions.

    Raises
    ------
    InputError
        Another ending, no runs are named, links without metadata, or the file cannot be written.
    """
    target = Path(path).expanduser()
    _check(target, videos, metadata, cap_mb)
    session = session or default_session()
    # The table of a sweep knows prompts by their templates, which is what they were compared as.
    frame = rows_of(getattr(runs, "frame", runs), session)
    frame = frame[frame["form"].fillna("") != RECOGNIZE]
    clips = Clips(videos, cap_mb * 1e6, target.absolute().parent)
    handles = [session.run(str(run_id)) for run_id in frame["id"]]
    scores = session.log.scores_of(run.id for run in handles)
    rows = [
        row_of(run, clips, number, metadata=metadata, scores=of_clip(scores.get(run.id), run.record))
        for number, run in enumerate(handles, 1)
    ]
    text = page(title, rows, totals(frame), groups(frame, by, metadata=metadata), clips.notices())
    with replacing(target) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace")
    return target


def _check(target: Path, videos: str, metadata: bool, cap_mb: float) -> None:
    if target.suffix.lower() not in ENDINGS:
        raise InputError(
            f"A report cannot be written to {target.name!r}.",
            "It is an HTML file.",
            f'Write {target.with_suffix(".html").name}; tables: kn.export("runs.csv").',
        )
    if videos not in VIDEOS:
        raise InputError(f"videos={videos!r} is not known.", "", f"Known: {', '.join(VIDEOS)}.")
    if videos == "link" and not metadata:
        raise InputError(
            "A report without metadata cannot link to the clips.",
            "The links name runs and folders.",
            'videos="embed" puts the clips into the file, "none" leaves them out.',
        )
    if not cap_mb >= 0:
        raise InputError(f"cap_mb={cap_mb} is no size.", "", "Give megabytes, for example cap_mb=64.")
