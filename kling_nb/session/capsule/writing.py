"""Writing a capsule: a finished run, its inputs, its video and the cell that makes it, in one zip file."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError
from kling_nb.session.brushfiles import JSON_NAME, ZIP_TIME, files_of
from kling_nb.session.capsule.archive import ABOUT, BRUSH, CELL, INPUTS, POSTER, SCHEMA, VIDEO, opened
from kling_nb.session.cell import cell_of
from kling_nb.session.filing import plain
from kling_nb.session.records import MASK_FILES, rebuild, rebuild_brush, versions
from kling_nb.session.ways import NAMES, OWN_PROMPT, WAY, WAY_ASKED, WAY_REASON
from kling_nb.session.wholefile import replacing

if TYPE_CHECKING:
    from kling_nb.domain.request import VideoRequest
    from kling_nb.runlog import RunRecord
    from kling_nb.session.facade import Session
    from kling_nb.session.run import Run

COLUMNS: Final = (
    *("id", "provider", "form", "brush_way", "repeat"),
    *("created_at", "submitted_at", "started_at", "finished_at", "video_duration"),
    *("estimate_units", "actual_units", "actual_usd", "currency", "price_as_of"),
    *("name", "note", "tags", "rating", "kept", "variables"),
)
"""Columns of the row that go along. Tasks and videos at the service, addresses, places on this machine and
whatever a later version adds stay here."""

OPTIONS: Final = (WAY, WAY_REASON, WAY_ASKED, OWN_PROMPT, NAMES, MASK_FILES, "y_origin")


def capsule(
    run: str | Run, path: str | os.PathLike[str] | None = None, *, session: Session | None = None
) -> Path:
    """Write a finished run into a zip file that another person can open and re-run.

    It holds the start and end frame and masks as they were sent, the request, the video and its poster, what
    was measured of it, your name, note, tags and rating, the ``%%kling`` cell, and versions. It holds no
    credential, no id of the service, no address of the video and no path of this machine; prompt and
    pictures are what they are.

    Parameters
    ----------
    run
        The run or its id.
    path
        The zip file; None is the run's name or id in the working folder. An existing file is replaced.
    session
        Whose run; default the session of the module functions.

    Returns
    -------
    Path
        The file; :func:`kling_nb.open_capsule` reads it.

    Raises
    ------
    InputError
        The run has no video here, or the file cannot be written.
    MediaError
        An input of the run is gone, or what was asked for is not known.
    """
    from kling_nb.session.default import default_session  # noqa: PLC0415 - the default is made on first use

    session = session or default_session()
    chosen = session.run(run) if isinstance(run, str) else run
    video = chosen.video
    if chosen.status is not RunStatus.SUCCEEDED or video is None:
        failed = chosen.status is RunStatus.FAILED
        raise InputError(
            f"Run {chosen.id} has no video here: it is {chosen.status.value}.",
            "A capsule holds a finished clip.",
            "Its cell with --again makes another run; run.error says why this one failed."
            if failed
            else f"%kling wait {chosen.id} waits for it, %kling resume {chosen.id} fetches it again.",
        )
    target = Path(f"{chosen.id}.zip") if path is None else Path(path).expanduser()
    record = chosen.record
    with replacing(target) as part:
        _write(part, record, session, video, chosen.poster)
        # What cannot be opened again is no capsule; told now, while the run is still at hand.
        with opened(part) as made:
            made.check()
    return target


def _write(part: Path, record: RunRecord, session: Session, video: Path, poster: Path | None) -> None:
    request = rebuild(record, session.inputs)
    small: dict[str, bytes] = {}
    for digest in _digests(record):
        # Read first: a colleague's input is brought home by it.
        data = session.inputs.get(digest)
        kept = session.inputs.path(digest)
        small[f"{INPUTS}{digest}{'.png' if kept is None else kept.suffix}"] = data
    names = {name.removeprefix(INPUTS).partition(".")[0]: name for name in small}
    if (brush := rebuild_brush(record, session.inputs)) is not None:
        small |= {f"{BRUSH}{name}": data for name, data in files_of(brush).items()}
    shown = _shareable(record)
    small[CELL] = cell_of(shown, lambda sha256: names[sha256], brush=f"{BRUSH}{JSON_NAME}").encode()
    small |= {POSTER: poster.read_bytes()} if poster is not None else {}
    files = {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in small.items()
    }
    files[VIDEO] = _digest_of(video)
    about = _about(shown, request, files)
    scores = session.log.scores_of([record.id]).get(record.id)
    if scores is not None and scores.clip_sha256 == files[VIDEO]["sha256"]:
        about["scores"] = scores.to_json()
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as archive:
        text = json.dumps(about, indent=1, ensure_ascii=False, default=plain)
        archive.writestr(_member(ABOUT), text.encode("utf-8", errors="backslashreplace"))
        for name, data in small.items():
            archive.writestr(_member(name), data)
        with video.open("rb") as source, archive.open(_member(VIDEO), "w", force_zip64=False) as member:
            while chunk := source.read(1 << 20):
                member.write(chunk)


def _about(record: RunRecord, request: VideoRequest, files: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "run": {name: getattr(record, name) for name in COLUMNS},
        "request": _without_places(request.to_json()),
        "brush": record.brush,
        "options": {name: record.options[name] for name in OPTIONS if name in record.options},
        "versions": {"made": record.versions, "packed": versions()},
        "files": files,
    }


def _shareable(record: RunRecord) -> RunRecord:
    """Return the row with pictures named by their copies in the capsule instead of by their places here."""
    return replace(
        record,
        image_source=_address(record.image_source) if record.image_sha256 is None else None,
        image_tail_source=_address(record.image_tail_source) if record.image_tail_sha256 is None else None,
        parent_run=None,
        request=_without_places(record.request or {}),
    )


def _address(source: str | None) -> str | None:
    return source if source and urlsplit(source).scheme in ("http", "https") else None


def _without_places(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request without what belongs to this machine and account: folders, callbacks, own task ids."""
    kept = {
        name: value for name, value in request.items() if name not in ("callback_url", "external_task_id")
    }
    for name in ("image", "image_tail"):
        if isinstance(row := kept.get(name), dict) and "source" in row:
            # Only the last part, whichever way folders are written.
            kept[name] = row | {"source": str(row["source"]).replace("\\", "/").rpartition("/")[2]}
    return kept


def _digests(record: RunRecord) -> list[str]:
    masks = record.options.get(MASK_FILES, {}).values()
    return [
        digest for digest in dict.fromkeys((record.image_sha256, record.image_tail_sha256, *masks)) if digest
    ]


def _digest_of(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "bytes": path.stat().st_size}


def _member(name: str) -> zipfile.ZipInfo:
    """Return a member with the same time everywhere: equal runs make equal files."""
    info = zipfile.ZipInfo(name, ZIP_TIME)
    info.external_attr = 0o644 << 16
    return info
