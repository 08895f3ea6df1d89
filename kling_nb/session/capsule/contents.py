"""What a stranger's ``capsule.json`` says, read with suspicion: values of the right kind or none at all."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.brush import MotionBrush, mask_bits
from kling_nb.domain.images import ImageRef
from kling_nb.domain.request import VideoRequest
from kling_nb.errors import KlingError
from kling_nb.media import decode_image, load_image
from kling_nb.session.capsule.archive import refused
from kling_nb.session.records import MASK_FILES
from kling_nb.session.ways import NAMES, OWN_PROMPT, WAY, WAY_ASKED, WAY_REASON, WAYS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kling_nb.session.capsule.archive import Archive

MAX_TEXT: Final = 20_000
MAX_ITEMS: Final = 100
MAX_SIDE: Final = 32_768
"""Pixels; far more than any picture a service takes."""

_DIGEST: Final = re.compile("[0-9a-f]{64}", re.ASCII)
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_.-]{0,60}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Contents:
    """A capsule that has been understood.

    Parameters
    ----------
    request
        The request, with its pictures and masks.
    brush
        The motion brush as it was drawn.
    options
        How it was used.
    pictures
        Bytes and format of every input, by digest.
    columns
        What else the row of the run takes over.
    made
        Id, time and cost of the run where it was made, for people.
    """

    request: VideoRequest
    brush: MotionBrush | None
    options: dict[str, Any]
    pictures: dict[str, tuple[bytes, str]]
    columns: dict[str, Any]
    made: dict[str, str]


def read(archive: Archive) -> Contents:
    """Read and check everything in a capsule but its video.

    Raises
    ------
    InputError
        Something in it is not what a capsule holds.
    """
    about = archive.about
    pictures = {digest: _picture(archive, digest, name) for digest, name in archive.inputs.items()}
    options = _options(_mapping(about.get("options")))
    reader = _Reader(pictures, options.get(MASK_FILES, {}))
    try:
        request = VideoRequest.from_json(_request(about), reader.image, reader.mask)
        brush = _brush(about.get("brush"), reader)
    except (
        KlingError,
        KeyError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise refused(
            archive.path, f"its request cannot be used: {str(error).splitlines()[0][:200]}"
        ) from error
    run = _mapping(about.get("run"))
    columns = _columns(run)
    if isinstance(versions := _mapping(about.get("versions")).get("made"), dict):
        columns["versions"] = {_text(k, 60): _text(v, 60) for k, v in list(versions.items())[:MAX_ITEMS]}
    kept = {digest: (ref.data or b"", ref.format or "PNG") for digest, ref in pictures.items()}
    return Contents(request, brush, options, kept, columns, _made(run))


class _Reader:
    """Gives pictures and masks of a capsule to whoever rebuilds its request."""

    def __init__(self, pictures: Mapping[str, ImageRef], masks: Mapping[str, str]) -> None:
        self._pictures = pictures
        self._masks = masks

    def image(self, row: Mapping[str, Any]) -> ImageRef:
        ref = self._pictures[row["sha256"]]
        # Size and kind are those of the bytes, whatever the row says.
        source = str(row.get("source", "")).replace("\\", "/").rpartition("/")[2]
        return ImageRef(
            data=ref.data, sha256=ref.sha256, width=ref.width, height=ref.height, format=ref.format,
            source=_text(source, 200),
        )  # fmt: skip

    def mask(self, sha256: str) -> NDArray[np.bool_]:
        return mask_bits(decode_image(self._pictures[self._masks.get(sha256, sha256)].data or b""))


def _picture(archive: Archive, digest: str, name: str) -> ImageRef:
    try:
        ref = load_image(archive.read(name))
    except KlingError as error:
        raise refused(archive.path, f"{name} is no picture: {error.what}") from error
    if ref.sha256 != digest:
        raise refused(archive.path, f"{name} is no picture as it is sent to a service")
    return ref


def _request(about: Mapping[str, Any]) -> dict[str, Any]:
    request = dict(_mapping(about.get("request")))
    # Neither may reach somebody's account by way of a file: where results are reported, and whose task it is.
    for name in ("callback_url", "external_task_id"):
        request.pop(name, None)
    for name in ("image", "image_tail"):
        row = request.get(name)
        if row is not None and not str(_mapping(row).get("url", "http://")).startswith(
            ("http://", "https://")
        ):
            raise ValueError(f"{name} is no address")
    return request


def _brush(drawn: Any, reader: _Reader) -> MotionBrush | None:
    if drawn is None:
        return None
    row = _mapping(drawn)
    width, height = row["size"]
    if not all(type(side) is int and 0 < side <= MAX_SIDE for side in (width, height)):
        raise ValueError("the size of its motion brush is none")
    return MotionBrush.from_json(row, reader.mask)


def _options(options: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        name: _text(options[name], MAX_TEXT)
        for name in (WAY_REASON, WAY_ASKED, OWN_PROMPT)
        if isinstance(options.get(name), str)
    }
    if options.get(WAY) in WAYS:
        found[WAY] = options[WAY]
    if options.get("y_origin") in ("top", "bottom"):
        found["y_origin"] = options["y_origin"]
    names = options.get(NAMES)
    if isinstance(names, list):
        found[NAMES] = [_text(name, 200) for name in names[:MAX_ITEMS]]
    elif isinstance(names, dict):
        found[NAMES] = {_text(k, 200): _text(v, 200) for k, v in list(names.items())[:MAX_ITEMS]}
    masks = list(_mapping(options.get(MASK_FILES)).items())[:MAX_ITEMS]
    found[MASK_FILES] = {k: v for k, v in masks if _is_digest(k) and _is_digest(v)}
    return found


def _columns(run: Mapping[str, Any]) -> dict[str, Any]:
    texts = {"name": 200, "note": MAX_TEXT}
    found: dict[str, Any] = {
        n: _text(run[n], most) for n, most in texts.items() if isinstance(run.get(n), str)
    }
    if isinstance(provider := run.get("provider"), str) and _NAME.fullmatch(provider):
        found["provider"] = provider
    for name in ("submitted_at", "started_at", "finished_at"):
        found |= {name: moment} if (moment := _moment(run.get(name))) is not None else {}
    if type(rating := run.get("rating")) is int and 0 <= rating <= 5:
        found["rating"] = rating
    if isinstance(run.get("kept"), bool):
        found["kept"] = run["kept"]
    length = run.get("video_duration")
    if isinstance(length, int | float) and math.isfinite(length) and 0 < length < 10_000:
        found["video_duration"] = float(length)
    tags = run.get("tags")
    found["tags"] = [_text(tag, 100) for tag in tags[:MAX_ITEMS]] if isinstance(tags, list) else []
    variables = list(_mapping(run.get("variables")).items())[:MAX_ITEMS]
    found["variables"] = {_text(k, 100): v for k, v in variables if isinstance(v, str | int | float | bool)}
    return found


def _made(run: Mapping[str, Any]) -> dict[str, str]:
    """Return where the run comes from, in words."""
    found = {}
    if isinstance(run.get("id"), str) and _NAME.fullmatch(run["id"]):
        found["run"] = run["id"]
    if (moment := _moment(run.get("created_at"))) is not None:
        found["at"] = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    cost = run.get("actual_units") or run.get("estimate_units")
    try:
        amount = Decimal(str(cost)) if cost is not None else None
    except InvalidOperation:
        amount = None
    if amount is not None and amount.is_finite() and 0 <= amount < 1_000_000:
        found["cost"] = f"{amount.normalize():f} units"
    return found


def _moment(value: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    # The far ends of the calendar do not survive a change of time zone.
    return moment if moment.tzinfo is not None and 1970 < moment.year < 9000 else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any, most: int) -> str:
    return str(value)[:most]


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None
