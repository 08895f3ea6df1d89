"""Rows of the log from requests, and requests from rows."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import metadata
from typing import TYPE_CHECKING, Any, Protocol
from uuid import uuid4

from kling_nb.domain.brush import MotionBrush, mask_bits
from kling_nb.domain.images import ImageRef
from kling_nb.domain.request import VideoRequest
from kling_nb.errors import MediaError
from kling_nb.media import decode_image, mask_to_png
from kling_nb.providers.base import redacted_body
from kling_nb.runlog import RunRecord
from kling_nb.session.brushes import brush_of
from kling_nb.session.budget import BUDGET
from kling_nb.session.money import estimate_columns
from kling_nb.session.run import REASON

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kling_nb.runlog import InputStore
    from kling_nb.session.build import Prepared

MASK_FILES = "mask_files"
"""Key in ``options``: digest of a mask's bits -> digest of its PNG in the input store."""

OWN_ID = "own_external_id"
"""Key in ``options``: whether the external id was made here."""

_PACKAGES = ("kling-nb", "httpx", "ipykernel", "numpy", "pydantic", "sqlalchemy")


@dataclass(frozen=True, slots=True)
class Label:
    """A person's own words about a run, and how it was asked for."""

    name: str | None = None
    note: str | None = None
    tags: tuple[str, ...] = ()
    notebook: str | None = None
    repeat: int = 1
    again: bool = False
    force: bool = False
    sweep: str | None = None
    budget: str | float | None = None
    assume_units: str | float | None = None


@cache
def versions() -> dict[str, str]:
    """Return the versions that made a run."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def keep_inputs(request: VideoRequest, store: InputStore) -> dict[str, str]:
    """Put pictures and masks into the input store, so that a killed run can still be sent.

    Returns
    -------
    dict
        Digest of each mask's bits to the digest of its file.
    """
    for image in (request.image, request.image_tail):
        if image is not None and image.data is not None:
            store.put(image.data, image.format or "PNG")
    masks = [group.mask for group in request.dynamic_masks]
    if request.static_mask is not None:
        masks.append(request.static_mask)
    return {mask.sha256: store.put(mask_to_png(mask.runs), "PNG") for mask in masks if mask.runs is not None}


def record_of(
    prepared: Prepared,
    label: Label,
    *,
    base_url: str,
    owner: str,
    lease_s: float,
    mask_files: Mapping[str, str],
    parent: str | None = None,
) -> RunRecord:
    """Return the row of a run that is about to be sent."""
    request, cost, way = prepared.request, prepared.cost, prepared.way
    now = datetime.now(UTC)
    # An id of ours that the service does not know could not be looked up; a person's own word is kept.
    own_id = str(uuid4()) if prepared.dialect.has_external_id else None
    external_id = request.external_task_id or own_id
    call = prepared.dialect.create(prepared.sendable, external_id or "")
    return RunRecord(
        external_task_id=external_id,
        provider=prepared.provider,
        base_url=base_url,
        endpoint=call.path,
        form=request.form,
        parent_run=parent,
        identity=prepared.identity,
        repeat=label.repeat,
        **estimate_columns(cost, label.assume_units),
        sweep_id=label.sweep,
        created_at=now,
        owner=owner,
        lease_until=now + timedelta(seconds=lease_s),
        forced=label.force,
        again=label.again,
        name=label.name,
        note=label.note,
        tags=list(label.tags),
        notebook=label.notebook,
        notices=[
            *([way.reason] if way is not None and way.reason else []),
            *(problem.message for problem in prepared.problems if problem.severity.value == "W"),
        ],
        versions=versions(),
        options={
            **_plain(prepared.options),
            **({} if way is None else way.options()),
            **({} if label.budget is None else {BUDGET: str(label.budget)}),
            REASON: prepared.reason,
            "y_origin": request.y_origin,
            MASK_FILES: dict(mask_files),
            OWN_ID: request.external_task_id is None,
        },
        request=request.to_json(),
        wire=redacted_body(call),
        **request_columns(request),
        brush=brush_column(prepared.drawn),
        brush_way=_way(prepared),
    )


def _way(prepared: Prepared) -> str | None:
    """Name how the brush is used; masks given as plain request fields go as they are."""
    if prepared.way is not None:
        return str(prepared.way.way)
    return "native" if prepared.request.has_brush else None


def _plain(options: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if isinstance(value, str | int | float | bool)}


def request_columns(request: VideoRequest) -> dict[str, Any]:
    """Return the columns of a row that repeat its request."""
    mask = request.static_mask
    return {
        "model_name": request.model_name,
        "mode": request.sent_mode,
        "duration": request.duration,
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt or None,
        "cfg_scale": request.cfg_scale,
        "sound": request.sound,
        "aspect_ratio": request.aspect_ratio,
        "camera_control": None if request.camera_control is None else request.camera_control.to_wire(),
        "static_mask_sha256": None if mask is None else mask.sha256,
        "static_mask_bytes": None if mask is None or mask.runs is None else len(mask_to_png(mask.runs)),
        "dynamic_mask_count": len(request.dynamic_masks) or None,
        "multi_shot": request.multi_shot or None,
        "shot_type": request.shot_type,
        "multi_prompt": [shot.model_dump() for shot in request.multi_prompt] or None,
        "element_list": list(request.element_list) or None,
        "voice_list": list(request.voice_list) or None,
        "watermark": request.watermark,
        "callback_url": request.callback_url,
        **_picture("image", request.image),
        **_picture("image_tail", request.image_tail),
    }


def _picture(name: str, image: ImageRef | None) -> dict[str, Any]:
    if image is None:
        return {}
    return {
        f"{name}_source": image.source or image.url,
        f"{name}_sha256": image.sha256,
        f"{name}_bytes": image.nbytes or None,
        f"{name}_width": image.width,
        f"{name}_height": image.height,
    }


def brush_column(request: VideoRequest) -> dict[str, Any] | None:
    """Return the masks and paths of a request; None without any."""
    if not request.has_brush:
        return None
    return brush_of(request).to_json()


class Inputs(Protocol):
    """Where the bytes of inputs are: the input store, or a capsule."""

    def get(self, sha256: str) -> bytes:
        """Return the bytes with this digest."""


def rebuild(record: RunRecord, store: Inputs) -> VideoRequest:
    """Return the request of a row, with pictures and masks from the input store.

    Raises
    ------
    MediaError
        An input is gone or was changed, or the row holds no request.
    """
    if record.request is None:
        raise MediaError(
            f"Run {record.id} holds no request.",
            "It was attached by its task id, so what was sent is not known here.",
            "Its task can be followed, but not sent again.",
            run_id=record.id,
        )

    def image(row: Mapping[str, Any]) -> ImageRef:
        data = store.get(row["sha256"])
        return ImageRef(
            data=data,
            sha256=row["sha256"],
            width=row["width"],
            height=row["height"],
            format=row["format"],
            source=row.get("source", ""),
        )

    return VideoRequest.from_json(record.request, image, _mask_reader(record, store))


def rebuild_brush(record: RunRecord, store: Inputs) -> MotionBrush | None:
    """Return the motion brush of a row; None without one."""
    if not isinstance(record.brush, dict):
        return None
    return MotionBrush.from_json(record.brush, _mask_reader(record, store))


def _mask_reader(record: RunRecord, store: Inputs) -> Any:
    files = record.options.get(MASK_FILES, {})

    def read(sha256: str) -> NDArray[np.bool_]:
        return mask_bits(decode_image(store.get(files.get(sha256, sha256))))

    return read
