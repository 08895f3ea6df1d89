"""``POST /v1/videos/text2video``: steps 4a-4e of ``spec/sandbox.md`` §2, then the job to render."""

from __future__ import annotations

from kling_nb.domain.capabilities import TEXT2VIDEO, units
from kling_nb.sandbox.config import Config
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.official.body import Body
from kling_nb.sandbox.official.combinations import check_text_combination
from kling_nb.sandbox.official.fields import read_text_fields
from kling_nb.sandbox.official.image2video import seed, words
from kling_nb.sandbox.official.messages import RefusedError
from kling_nb.sandbox.official.rules import check_references, check_words, read_camera
from kling_nb.sandbox.orders import Order
from kling_nb.sandbox.tasks import Job

PATH = "/v1/videos/text2video"


def read_order(call: Call, config: Config) -> Order:
    """Check a create call completely and return what it orders.

    Raises
    ------
    RefusedError
        The first failing check of steps 4a-4e.
    """
    body = Body(call.body, strict=config.strict)
    found = read_text_fields(body, config)
    check_words(found)
    camera = read_camera(found)
    check_text_combination(found, camera)
    check_references(found, config.elements, config.voices)
    price = units(found.model, found.mode, found.duration, found.sound, bool(found.voices))
    if price is None:
        raise RefusedError(5000)
    job = Job(
        model=found.model,
        mode=found.mode,
        duration=found.duration,
        prompt=words(found, call),
        camera=camera,
        aspect_ratio=found.aspect_ratio,
        sound=found.sound,
        watermark=found.watermark,
        seed=seed(call.body, call.directives.prompt),
        distort=call.directives.distort,
    )
    modeless = () if TEXT2VIDEO.has_modes(found.model) else ("mode is accepted and ignored by this model",)
    return Order(
        job=job,
        units=price.units,
        external_id=found.external_id,
        callback_url=found.callback_url,
        ignored=body.ignored,
        notes=(*body.notes, *modeless),
    )
