"""What the clip of a run is measured against, from its row and the input store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.heading import heading_of, moves_camera
from kling_nb.errors import KlingError, MediaError
from kling_nb.media import mask_to_png
from kling_nb.score.question import Question
from kling_nb.score.workers import Job
from kling_nb.session.brushes import brush_of
from kling_nb.session.forms import form_of
from kling_nb.session.records import MASK_FILES

if TYPE_CHECKING:
    from pathlib import Path

    from kling_nb.domain.request import VideoRequest
    from kling_nb.runlog import InputStore, RunRecord
    from kling_nb.score.asked import Asked

NO_PICTURE: Final = ("text2video", "extend")
"""Forms whose clip begins with nothing that was sent."""


def asked_of(record: RunRecord, inputs: InputStore) -> Asked:
    """Return what the clip of a run is measured against, with its pixels.

    For the way ``endframe`` the end picture is the rendered one that was sent, and the paths are still asked;
    for ``words`` masks and paths are what was wanted. What is not there any more is left out, with a note.

    Parameters
    ----------
    record
        The row.
    inputs
        Where its pictures and masks are.
    """
    question, paths = question_of(record, inputs)

    def read(sha256: str) -> bytes:
        try:
            return paths[sha256].read_bytes()
        except (KeyError, OSError) as error:
            raise MediaError("it is gone", "", "") from error

    return question.asked(read)


def job_of(record: RunRecord, inputs: InputStore, clip: Path, sha256: str, *, fetch: bool = False) -> Job:
    """Return the work of measuring the clip of a run; parameters as for :func:`question_of`."""
    question, paths = question_of(record, inputs, fetch=fetch)
    return Job(record.id, str(clip), sha256, question, {name: str(path) for name, path in paths.items()})


def question_of(
    record: RunRecord, inputs: InputStore, *, fetch: bool = False
) -> tuple[Question, dict[str, Path]]:
    """Return the question of a run and where its files are; nothing is decoded.

    Parameters
    ----------
    record
        The row.
    inputs
        Where its pictures and masks are.
    fetch
        Whether those that are not here may be fetched from a team's store, which takes as long as the
        network does.
    """
    files = _Files(inputs, fetch)
    start = tail = None
    if form_of(record) not in NO_PICTURE:
        start = files.picture(record.image_sha256, "start picture")
        tail = files.picture(record.image_tail_sha256, "end picture")
    found = record.options.get(MASK_FILES)
    masks = {str(bits): str(name) for bits, name in found.items()} if isinstance(found, dict) else {}
    brush = files.brush(record.brush, masks) if isinstance(record.brush, dict) else None
    size, camera = (record.image_width, record.image_height), record.camera_control
    question = Question(
        size=None if brush is not None or None in size else size,  # type: ignore[arg-type] # None is in none
        start=start,
        tail=tail,
        brush=brush,
        masks=masks,
        way=record.brush_way,
        timing="index" if record.options.get("timing") == "density" else "arc",
        camera=camera if isinstance(camera, dict) else None,
        heading=heading_of(record.prompt or ""),
        camera_in_words=moves_camera(record.prompt or ""),
        notes=tuple(files.notes),
    )
    return question, {sha256: path for sha256, path in files.paths.items() if sha256 in question.files}


class _Files:
    """Looks for the files of a run and notes those that are gone."""

    def __init__(self, inputs: InputStore, fetch: bool) -> None:
        self._inputs = inputs
        self._fetch = fetch
        self.paths: dict[str, Path] = {}
        self.notes: list[str] = []

    def picture(self, sha256: str | None, what: str) -> str | None:
        """Return the digest of a picture that is there; a picture that was an address has none."""
        return sha256 if sha256 is not None and self._has(sha256, what) else None

    def brush(self, row: Mapping[str, Any], masks: Mapping[str, str]) -> dict[str, Any] | None:
        """Return a brush without masks whose pixels cannot be had; None when nothing of it is left."""
        try:
            return self._left_of(row, masks)
        except (KeyError, TypeError, ValueError, AttributeError):
            # A log that others can write to may hold anything.
            self.notes.append("The motion brush cannot be read: its objects are not measured.")
            return None

    def _left_of(self, row: Mapping[str, Any], masks: Mapping[str, str]) -> dict[str, Any] | None:
        def there(mask: Mapping[str, Any], what: str) -> bool:
            if mask.get("url"):
                self.notes.append(f"The {what} is an address: it cannot be measured.")
                return False
            return self._has(masks.get(mask["sha256"], mask["sha256"]), what)

        groups = []
        for number, group in enumerate(row.get("dynamic_masks", ()), 1):
            label = group.get("label") or group["mask"].get("label") or f"mask {number}"
            if there(group["mask"], f"mask of {label}"):
                groups.append({**group, "label": label})
        static = row.get("static_mask")
        if static is not None and not there(static, "static mask"):
            static = None
        if not groups and static is None:
            return None
        return {"size": list(row["size"]), "dynamic_masks": groups, "static_mask": static}

    def _has(self, sha256: str, what: str) -> bool:
        path = self._inputs.path(sha256)
        if path is None and self._fetch:
            try:
                self._inputs.get(sha256)
            except KlingError:
                path = None
            else:
                path = self._inputs.path(sha256)
        if path is None:
            self.notes.append(f"The {what} is gone from the inputs: what needs it is not measured.")
            return False
        self.paths[sha256] = path
        return True


def job_of_request(request: VideoRequest, clip: Path, sha256: str, *, way: str | None = None) -> Job:
    """Return the work of measuring a clip that no row of the log speaks of.

    Parameters
    ----------
    request
        What was asked of it, as far as the person knows.
    clip, sha256
        The file.
    way
        How a brush reached the model.
    """
    sent: dict[str, bytes] = {}
    for picture in (request.image, request.image_tail):
        if picture is not None and picture.data is not None and picture.sha256 is not None:
            sent[picture.sha256] = picture.data
    brush = brush_of(request) if request.has_brush else None
    question = Question(
        size=None if request.image is None else request.image.size,
        start=_known(request.image, sent),
        tail=_known(request.image_tail, sent),
        way=way or (None if brush is None else "native"),
        camera=None if request.camera_control is None else request.camera_control.to_wire(),
        heading=heading_of(request.prompt or ""),
        camera_in_words=moves_camera(request.prompt or ""),
    )
    if brush is not None:
        masks = [group.mask for group in brush.dynamic_masks]
        masks += [] if brush.static_mask is None else [brush.static_mask]
        for mask in masks:
            if mask.runs is not None:
                sent[mask.sha256] = mask_to_png(mask.runs)
        question = replace(question, brush=_drawn(brush.to_json(), sent), size=brush.size)
    return Job(str(clip), str(clip), sha256, question, sent=sent)


def _known(picture: Any, sent: Mapping[str, bytes]) -> str | None:
    return picture.sha256 if picture is not None and picture.sha256 in sent else None


def _drawn(row: dict[str, Any], sent: Mapping[str, bytes]) -> dict[str, Any]:
    """Return a brush with a name for each region, without masks that are addresses."""
    groups = [
        {**group, "label": group["label"] or group["mask"].get("label") or f"mask {number}"}
        for number, group in enumerate(row["dynamic_masks"], 1)
        if group["mask"]["sha256"] in sent
    ]
    static = row["static_mask"]
    kept = None if static is None or static["sha256"] not in sent else static
    return {**row, "dynamic_masks": groups, "static_mask": kept}
