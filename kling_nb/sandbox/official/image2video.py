"""``POST /v1/videos/image2video``: steps 4a-4e of ``spec/sandbox.md`` §2, then the job to render."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from kling_nb.domain.capabilities import units
from kling_nb.sandbox.config import Config
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.official.body import Body
from kling_nb.sandbox.official.combinations import check_combination, mode_is_ignored
from kling_nb.sandbox.official.fields import Fields, read_fields
from kling_nb.sandbox.official.messages import RefusedError
from kling_nb.sandbox.official.rules import check_presence, check_references, read_brush, read_camera
from kling_nb.sandbox.orders import Order
from kling_nb.sandbox.tasks import Camera, Job, MaskPath

PATH = "/v1/videos/image2video"
UNSEEDED = ("external_task_id", "callback_url")


def read_order(call: Call, config: Config) -> Order:
    """Check a create call completely and return what it orders.

    Raises
    ------
    RefusedError
        The first failing check of steps 4a-4e.
    """
    body = Body(call.body, strict=config.strict)
    found = read_fields(body, config)
    check_presence(found)
    groups = read_brush(found)
    camera = read_camera(found)
    check_combination(found, camera)
    check_references(found, config.elements, config.voices)
    price = units(found.model, found.mode, found.duration, found.sound, bool(found.voices))
    if price is None:
        raise RefusedError(5000)
    return Order(
        job=_job(found, groups, camera, call),
        units=price.units,
        external_id=found.external_id,
        callback_url=found.callback_url,
        voice=bool(found.voices),
        ignored=body.ignored,
        notes=(*body.notes, *_notes(found)),
    )


def _job(found: Fields, groups: tuple[MaskPath, ...], camera: Camera | None, call: Call) -> Job:
    return Job(
        model=found.model,
        mode=found.mode,
        duration=found.duration,
        prompt=words(found, call),
        image=found.image,
        image_tail=found.image_tail,
        static_mask=found.static_mask,
        dynamic_masks=groups,
        camera=camera,
        sound=found.sound,
        watermark=found.watermark,
        seed=seed(call.body, call.directives.prompt),
        distort=call.directives.distort,
    )


def words(found: Fields, call: Call) -> str:
    """Return what is said about the clip: the prompt, or the shots that replace it (R7)."""
    if found.shot_type != "customize":
        return call.directives.prompt
    return "; ".join(shot["prompt"] for shot in found.multi_prompt)


def seed(body: dict[str, Any], prompt: str) -> int:
    """Return the render seed: the same request gives the same clip (``spec/sandbox.md`` §1).

    Parameters
    ----------
    body
        The request; the external id and the callback address do not count.
    prompt
        The prompt without sandbox directives, which do not count either.
    """
    counted = {key: value for key, value in body.items() if key not in UNSEEDED}
    if "prompt" in counted:
        counted["prompt"] = prompt
    canonical = json.dumps(counted, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(canonical.encode()).digest()[:8])


def _notes(found: Fields) -> list[str]:
    notes = []
    if mode_is_ignored(found):
        notes.append("mode is accepted and ignored by this model")
    if found.elements or found.voices:
        notes.append("elements and voices have no effect on the preview")
    return notes
