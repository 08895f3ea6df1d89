"""``POST /v1/videos/video-extend`` (``spec/official-api.md`` §15, ``spec/sandbox.md`` §10)."""

from __future__ import annotations

from kling_nb.sandbox.config import Config
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.extension import find_source
from kling_nb.sandbox.official.body import Body
from kling_nb.sandbox.official.fields import (
    PROMPT_LENGTH,
    check_served,
    read_callback,
    read_cfg_scale,
    read_watermark,
)
from kling_nb.sandbox.official.image2video import seed
from kling_nb.sandbox.official.messages import invalid, unsupported_by_model
from kling_nb.sandbox.official.videos import ReadOrder
from kling_nb.sandbox.official.views import DIALECT
from kling_nb.sandbox.orders import Order
from kling_nb.sandbox.tasks import Job

PATH = "/v1/videos/video-extend"
REQUESTED_S = 5
"""Billed by the price of a 5 s clip, though 4.5 s are added."""
NOT_ON_V1 = ("negative_prompt", "cfg_scale")


def order_reader(box: Sandbox) -> ReadOrder:
    """Return the checks of a create call, which need the videos there are."""

    def read_order(call: Call, config: Config) -> Order:
        body = Body(call.body, strict=config.strict)
        video_id = body.text("video_id")
        if video_id is None:
            raise invalid("video_id", "")
        body.text("prompt", PROMPT_LENGTH)
        negative = body.text("negative_prompt", PROMPT_LENGTH, "negativePrompt")
        read_cfg_scale(body)
        callback, external = read_callback(body), body.text("external_task_id")
        watermark = read_watermark(body)
        source = find_source(box, video_id, DIALECT)
        model = source.task.model
        check_served(model, config)
        for name, given in zip(NOT_ON_V1, (negative, body.value("cfg_scale")), strict=True):
            if given is not None and model == "kling-v1":
                raise unsupported_by_model(name)
        job = Job(
            model=model,
            mode=source.task.mode,
            duration=REQUESTED_S,
            prompt=call.directives.prompt,
            source=source.parent,
            watermark=watermark,
            seed=seed(call.body, call.directives.prompt),
            distort=call.directives.distort,
        )
        return Order(
            job=job,
            units=source.units,
            external_id=external,
            callback_url=callback,
            parent=source.parent,
            ignored=body.ignored,
            notes=tuple(body.notes),
        )

    return read_order
