"""The JSON examples of the specification as files, and what stands for the pictures in them."""

from __future__ import annotations

import base64
import functools
import hashlib
import io
import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
from PIL import Image

from kling_nb.domain.brush import DynamicMask, MotionBrush
from kling_nb.domain.camera import CameraControl
from kling_nb.domain.images import ImageRef
from kling_nb.domain.request import Shot, VideoRequest
from kling_nb.domain.trajectory import Trajectory

FOLDER = Path(__file__).resolve().parents[1] / "golden"
PICTURE = "<b64>"
SIZE = (600, 600)
_MEDIA = ("image", "image_tail", "static_mask", "mask", "url", "image_url")


def rows(name):
    """The examples of one file, e.g. ``official/creates``."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


@functools.cache
def picture():
    """A picture that every rule accepts."""
    buffer = io.BytesIO()
    Image.fromarray(np.full((*SIZE[::-1], 3), 90, dtype=np.uint8)).save(buffer, "PNG")
    data = buffer.getvalue()
    return ImageRef(data=data, sha256=hashlib.sha256(data).hexdigest(), width=600, height=600, format="PNG")


def request(fields):
    """The request an example's body is written from."""
    fields = dict(fields)
    for name in ("image", "image_tail"):
        if name in fields:
            given = fields[name]
            fields[name] = ImageRef(url=given) if given.startswith("http") else picture()
    mask = np.zeros(SIZE[::-1], dtype=bool)
    mask[200:320, 60:200] = True
    brush = MotionBrush(SIZE).dynamic(mask, [(1, 2), (30, 40)]).static(~mask)
    if "static_mask" in fields:
        fields["static_mask"] = brush.static_mask
    if "wire_paths" in fields:
        region = brush.dynamic_masks[0].mask
        paths = [Trajectory.from_points(path, size=SIZE, units="wire") for path in fields.pop("wire_paths")]
        fields["dynamic_masks"] = tuple(DynamicMask(region, path) for path in paths)
    if "camera_control" in fields:
        fields["camera_control"] = CameraControl.parse(fields["camera_control"])
    if "multi_prompt" in fields:
        fields["multi_prompt"] = tuple(Shot(**shot) for shot in fields["multi_prompt"])
    return VideoRequest(**fields)


def shown(body, key=""):
    """A body with every picture replaced by what the specification writes for it."""
    if isinstance(body, dict):
        return {name: shown(value, name) for name, value in body.items()}
    if isinstance(body, list):
        return [shown(item, key) for item in body]
    if key in _MEDIA and isinstance(body, str) and not body.startswith("http"):
        Image.open(io.BytesIO(base64.b64decode(body, validate=True))).verify()
        return PICTURE
    return body


def filled(body):
    """A body of the specification with a real picture in every place of one."""
    text = json.dumps(body).replace(PICTURE, base64.b64encode(picture().data).decode())
    return json.loads(text)


def without_empty(body):
    """A body without its empty texts: they equal absent fields."""
    return {key: value for key, value in body.items() if value != ""}


def expected(task):
    """The fields of a task as the file states them, as Python values."""
    kinds = {"created_at": datetime.fromisoformat, "updated_at": datetime.fromisoformat, "units": Decimal}
    return {name: kinds.get(name, str)(value) for name, value in task.items()}
