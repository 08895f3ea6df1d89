"""Opening a capsule: its inputs and its clip come into this log, and it can be run again."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kling_nb.domain.budget import IMPORTED_PURSE
from kling_nb.domain.task import RunStatus
from kling_nb.runlog import RunRecord
from kling_nb.session.capsule.archive import POSTER, VIDEO, opened
from kling_nb.session.capsule.contents import read
from kling_nb.session.capsule.scores import scores_of
from kling_nb.session.filing import MEDIA, write_sidecar
from kling_nb.session.records import request_columns
from kling_nb.session.run import IMPORTED, Run
from kling_nb.session.ways import WAY
from kling_nb.session.wholefile import replacing

if TYPE_CHECKING:
    from kling_nb.session.capsule.archive import Archive
    from kling_nb.session.capsule.contents import Contents
    from kling_nb.session.facade import Session


@dataclass(frozen=True, slots=True)
class Capsule:
    """A clip that somebody else has made, in this log.

    Parameters
    ----------
    run
        Its row: succeeded, marked as imported, in no budget. It can be looked at, judged and compared.
    path
        The file it came from.
    """

    run: Run
    path: Path

    @property
    def cell(self) -> str:
        """The ``%%kling`` cell that makes the clip, with the pictures as they are kept here."""
        return self.run.to_cell()

    def submit(self, **changes: Any) -> Run:
        """Make the clip again on your own account; returns at once.

        Parameters
        ----------
        **changes
            As for :meth:`Run.vary`, for example ``provider="sandbox"``. Without changes the request is the
            same, and a run of yours that asked the same is shown again instead of a second charge.

        Raises
        ------
        RequestRefused
            Blocking findings; nothing was sent.
        """
        return self.run.vary(**changes)

    def __repr__(self) -> str:
        return f"<Capsule {self.path.name} as {self.run.id}>"


def open_capsule(path: str | os.PathLike[str], *, session: Session | None = None) -> Capsule:
    """Take a capsule into this log; nothing is sent, and nothing is paid.

    Parameters
    ----------
    path
        The zip file that :func:`kling_nb.capsule` wrote. Opened twice, it is one run.
    session
        Where it goes; default the session of the module functions.

    Raises
    ------
    InputError
        The file is missing, damaged, or not what a capsule can be; nothing was taken over.
    RunLogError
        The log cannot be written.
    """
    from kling_nb.session.default import default_session  # noqa: PLC0415 - the default is made on first use

    session = session or default_session()
    source = Path(path).expanduser()
    with opened(source) as archive:
        archive.check()
        contents = read(archive)
        identity = f"{IMPORTED}:{_digest(archive)}"
        known = session.log.find(identity=identity)
        record = known[0] if known else _record(contents, identity, source.name)
        # The files come first: a row without its clip would be a promise.
        columns = _take_files(archive, session.home, record.id)
        scores = scores_of(archive.about.get("scores"), archive.digest(VIDEO))
    for data, kind in contents.pictures.values():
        session.inputs.put(data, kind)
    if not known:
        with session.turn:
            session.log.insert(replace(record, **columns))
        write_sidecar(session.home, record, columns, {})
    if scores is not None and not session.log.scores.measured([record.id]):
        with session.turn:
            session.log.put_scores(record.id, scores)
    return Capsule(session.run(record.id), source)


def _digest(archive: Archive) -> str:
    """Return what tells one capsule from another: what it holds, not how it was zipped."""
    members = sorted((name, row["sha256"]) for name, row in archive.about["files"].items())
    return hashlib.sha256(
        repr([members, archive.about.get("request")]).encode("utf-8", "replace")
    ).hexdigest()


def _record(contents: Contents, identity: str, name: str) -> RunRecord:
    made, now = contents.made, datetime.now(UTC)
    where = " ".join(
        part
        for part in (
            f"as run {made['run']}" if "run" in made else "",
            f"on {made['at']}" if "at" in made else "",
            f"for {made['cost']}" if "cost" in made else "",
        )
        if part
    )
    notice = f"imported from {name[:100]}" + (f"; it was made {where}" if where else "")
    columns = dict(contents.columns)
    columns["tags"] = list(dict.fromkeys([*columns["tags"], IMPORTED]))
    request = contents.request
    return RunRecord(
        **columns,
        **request_columns(request),
        status=RunStatus.SUCCEEDED,
        form=request.form,
        identity=identity,
        purse=IMPORTED_PURSE,
        created_at=now,
        downloaded_at=now,
        notices=[notice],
        request=request.to_json(),
        brush=None if contents.brush is None else contents.brush.to_json(),
        brush_way=None if contents.brush is None else contents.options.get(WAY, "native"),
        options={**contents.options, IMPORTED: {"from": name[:100], **made}},
    )


def _take_files(archive: Archive, home: Path, run_id: str) -> dict[str, Any]:
    """Bring video and poster into the folder of media; they were checked before."""
    video = home / MEDIA / f"{run_id}.mp4"
    with replacing(video) as part:
        _copy(archive, VIDEO, part)
    columns: dict[str, Any] = {
        "video_path": f"{MEDIA}/{video.name}",
        "video_sha256": archive.digest(VIDEO),
        "video_bytes": archive.size(VIDEO),
    }
    if POSTER in archive:
        poster = video.with_suffix(".jpg")
        with replacing(poster) as part:
            _copy(archive, POSTER, part)
        columns["poster_path"] = f"{MEDIA}/{poster.name}"
    return columns


def _copy(archive: Archive, name: str, part: Path) -> None:
    with part.open("wb") as file:
        for chunk in archive.chunks(name):
            file.write(chunk)
