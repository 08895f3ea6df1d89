"""Runs into MLflow, for teams that keep their experiments there."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.scores import MEASURES
from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError
from kling_nb.session.chosen import ids_of
from kling_nb.session.clips import records_of
from kling_nb.session.places import kept_at
from kling_nb.session.views import params_of

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from kling_nb.runlog import RunRecord
    from kling_nb.session.facade import Session

KEY: Final = "kling_nb.key"
"""Tag by which a run is found again: a digest, so that it can be there without the id."""

UPLOADED: Final = "kling_nb.uploaded"
"""Tag: digest of the files that are there."""

LONGEST: Final = 6000
"""Characters that MLflow keeps of a parameter."""

LONGEST_TAG: Final = 5000
PAGE: Final = 1000
FOLDER: Final = "kling_nb"

TAKEN_BACK: Final = (
    *("rating", "kept", "kling_nb.tags", "kling_nb.flags", "kling_nb.error", "mlflow.note.content"),
    *("score_confidence", *(measure.name for measure in MEASURES)),
)
"""What a run may have had at an earlier call and has no more."""

_ENDED: Final = {RunStatus.SUCCEEDED: "FINISHED", RunStatus.FAILED: "FAILED"}


def to_mlflow(
    runs: Any = None,
    *,
    experiment: str = "kling_nb",
    tracking_uri: str | None = None,
    files: bool = True,
    metadata: bool = True,
    session: Session | None = None,
) -> pd.DataFrame:
    """Write runs into an MLflow experiment: parameters, metrics, tags, and the video with its poster.

    Done again, it brings the same MLflow runs up to date (a rating given since, an end since reached) and
    adds none: each run of the log has one run there.

    Parameters
    ----------
    runs
        As for :func:`kling_nb.table`; None is every run.
    experiment
        Name of the experiment; made if need be.
    tracking_uri
        Where MLflow keeps its runs; None is MLflow's own setting (``MLFLOW_TRACKING_URI``).
    files
        Whether videos and posters are uploaded.
    metadata
        False leaves out prompts, paths, names, tags, notes, ids and error texts, as for
        :func:`kling_nb.table`. Videos show what was asked for: see ``files``.
    session
        Whose runs; default the session of the module functions.

    Returns
    -------
    DataFrame
        One row a run: ``id`` here, ``mlflow_run`` there, and ``what``: new, updated or unchanged.

    Raises
    ------
    InputError
        MLflow is not installed, cannot be reached, or the experiment was deleted there.
    """
    import pandas as pd  # noqa: PLC0415 - takes half a second to load

    from kling_nb.session.default import default_session  # noqa: PLC0415 - made on first use

    client_type, failure = _library()
    session = session or default_session()
    try:
        store = _Store(client_type(tracking_uri=tracking_uri), experiment)
        rows = [
            (one.record.id, *store.write(one, session.home if files else None))
            for one in _described(runs, session, metadata)
        ]
    except failure as error:
        raise InputError(
            "The runs could not be written into MLflow.",
            str(error).strip().splitlines()[0][:300],
            "What was written stays; once it works, the same call goes on.",
        ) from error
    return pd.DataFrame(rows, columns=["id", "mlflow_run", "what"])


def _library() -> tuple[Any, type[Exception]]:
    try:
        from mlflow import MlflowClient  # noqa: PLC0415 - an optional extra
        from mlflow.exceptions import MlflowException  # noqa: PLC0415
    except ImportError as error:
        raise InputError(
            "MLflow is not installed.",
            "It is large, so it is an extra.",
            "pip install 'kling-nb[mlflow]' (mlflow-skinny is enough).",
        ) from error
    return MlflowClient, MlflowException


@dataclass(frozen=True, slots=True)
class _Described:
    """One run in MLflow's terms."""

    record: RunRecord
    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    tags: Mapping[str, str]


def _described(runs: Any, session: Session, metadata: bool) -> Iterator[_Described]:
    from kling_nb.session.tables import metrics_of, table  # noqa: PLC0415 - pandas

    wide = table(runs, session=session)
    ids = [str(run_id) for run_id in wide["id"]] if runs is None else ids_of(runs, session)
    records = records_of(session.log, ids)
    numbers = metrics_of(wide).to_dict("records")
    for run_id, row, flags in zip(wide["id"], numbers, wide["flags"], strict=True):
        record = records[str(run_id)]
        found = {str(name): float(value) for name, value in row.items() if math.isfinite(value)}
        params = dict(_params(record, metadata))
        yield _Described(record, record.name or record.id if metadata else _key(record)[:12], params, found,
                         dict(_tags(record, flags, metadata)))  # fmt: skip


def _params(record: RunRecord, metadata: bool) -> Iterator[tuple[str, str]]:
    said: dict[str, Any] = {"provider": record.provider, "form": record.form, "repeat": record.repeat}
    said |= params_of(record)
    if metadata:
        said |= {"prompt": record.prompt, "image": record.image_source, "image_sha256": record.image_sha256}
    else:
        from kling_nb.session.tables import PLAIN  # noqa: PLC0415 - pandas

        said = {name: value for name, value in said.items() if name in PLAIN}
    for name, value in record.variables.items():
        if metadata or not isinstance(value, str | list | dict):
            said[f"var_{name}"] = value
    for name, value in said.items():
        if value is not None and value != "":
            yield _named(name), str(value)[:LONGEST]


def _tags(record: RunRecord, flags: Sequence[str], metadata: bool) -> Iterator[tuple[str, str]]:
    from kling_nb.session.records import versions  # noqa: PLC0415 - loads the media code

    yield KEY, _key(record)
    yield "kling_nb.status", record.status.value
    yield "kling_nb.version", versions().get("kling-nb", "")
    if record.error_code:
        yield "kling_nb.error_code", record.error_code
    if flags:
        yield "kling_nb.flags", ", ".join(flags)
    if not metadata:
        return
    said = {
        "kling_nb.run_id": record.id,
        "kling_nb.task_id": record.task_id,
        "kling_nb.sweep": record.sweep_id,
        "kling_nb.tags": ", ".join(record.tags),
        "kling_nb.error": record.error_message,
        "mlflow.note.content": record.note,
    }
    for name, value in said.items():
        if value:
            yield name, str(value)[:LONGEST_TAG]


def _key(record: RunRecord) -> str:
    return hashlib.sha256(f"kling_nb {record.id}".encode()).hexdigest()


def _named(name: str) -> str:
    """Return a name as MLflow takes it: letters, digits, underscores, dashes, dots, spaces."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_-. ") else "_" for c in name)
    return kept[:250] or "_"


class _Store:
    """One experiment of MLflow.

    Parameters
    ----------
    client
        MLflow's client.
    experiment
        Its name.
    """

    def __init__(self, client: Any, experiment: str) -> None:
        self._client = client
        found = client.get_experiment_by_name(experiment)
        if found is not None and found.lifecycle_stage == "deleted":
            raise InputError(
                f"The experiment {experiment!r} was deleted in MLflow.",
                "Its name is taken until it is restored or removed for good.",
                "Restore it there, or give another name: experiment=…",
            )
        self._experiment = client.create_experiment(experiment) if found is None else found.experiment_id
        self._known = {run.data.tags[KEY]: run for run in self._runs()}

    def _runs(self) -> Iterator[Any]:
        token = None
        while True:
            page = self._client.search_runs(
                [self._experiment], f"tags.`{KEY}` LIKE '%'", max_results=PAGE, page_token=token
            )
            yield from page
            token = page.token
            if not token:
                return

    def write(self, one: _Described, home: Path | None) -> tuple[str, str]:
        """Bring one run up to date; returns its id there and what was done."""
        run = self._known.get(one.tags[KEY])
        new = run is None
        if run is None:
            began = one.record.submitted_at or one.record.created_at
            # With the key from its first moment on, so that a call that was broken off finds it again.
            run = self._client.create_run(
                self._experiment, start_time=_ms(began), tags={KEY: one.tags[KEY]}, run_name=one.name
            )
            self._known[one.tags[KEY]] = run
        changed = self._values(run, one) | self._end(run, one.record)
        if home is not None:
            changed |= self._files(run, one.record, home)
        return run.info.run_id, "new" if new else "updated" if changed else "unchanged"

    def _values(self, run: Any, one: _Described) -> bool:
        from mlflow.entities import Metric, Param, RunTag  # noqa: PLC0415 - an optional extra

        now, had = int(time.time() * 1000), run.data
        wanted = {_named(name): value for name, value in one.metrics.items()}
        # What was taken back since: MLflow keeps the history and shows the last value.
        taken = [name for name in had.metrics if name in TAKEN_BACK and name not in wanted]
        wanted |= dict.fromkeys(taken, math.nan)
        metrics = [Metric(n, v, now, 0) for n, v in wanted.items() if not _same(had.metrics.get(n), v)]
        # A parameter never changes in MLflow, nor does what was asked for.
        params = [Param(n, v) for n, v in one.params.items() if n not in had.params]
        emptied = dict.fromkeys((name for name in had.tags if name in TAKEN_BACK), "")
        tags = [RunTag(n, v) for n, v in {**emptied, **one.tags}.items() if had.tags.get(n) != v]
        for part in _parts(params, 100):
            self._client.log_batch(run.info.run_id, params=part)
        if metrics or tags:
            self._client.log_batch(run.info.run_id, metrics=metrics, tags=tags)
        return bool(metrics or params or tags)

    def _end(self, run: Any, record: RunRecord) -> bool:
        status = _ENDED.get(record.status, "RUNNING")
        if run.info.status == status:
            return False
        ended = record.finished_at if record.status in _ENDED else None
        if ended is None:
            self._client.update_run(run.info.run_id, status=status)
        else:
            self._client.set_terminated(run.info.run_id, status, end_time=_ms(ended))
        return True

    def _files(self, run: Any, record: RunRecord, home: Path) -> bool:
        paths = [kept_at(home, name) for name in (record.video_path, record.poster_path)]
        there = [path for path in paths if path is not None and path.is_file()]
        digest = hashlib.sha256(repr([record.video_sha256, [p.suffix for p in there]]).encode()).hexdigest()
        if not there or run.data.tags.get(UPLOADED) == digest:
            return False
        for path in there:
            self._client.log_artifact(run.info.run_id, str(path), FOLDER)
        self._client.set_tag(run.info.run_id, UPLOADED, digest)
        return True


def _same(had: float | None, value: float) -> bool:
    return had == value or (had is not None and math.isnan(had) and math.isnan(value))


def _parts(items: list[Any], size: int) -> Iterable[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
