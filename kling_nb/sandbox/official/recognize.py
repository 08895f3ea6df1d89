"""``POST /v1/videos/image-recognize``: regions of a still, answered at once (``spec/sandbox.md`` §10)."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

from starlette.routing import BaseRoute, Route

from kling_nb import media
from kling_nb.errors import MediaError
from kling_nb.render import foreground_mask
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.failures import FORCED, IMAGE_INVALID
from kling_nb.sandbox.inputs import JobFailedError, read_picture
from kling_nb.sandbox.official.body import Body
from kling_nb.sandbox.official.messages import RefusedError, invalid, parameter
from kling_nb.sandbox.official.pipeline import Endpoint
from kling_nb.sandbox.official.siblings import unknown_path
from kling_nb.sandbox.official.views import DIALECT
from kling_nb.sandbox.tasks import Charge, State, Task

PATH = "/v1/videos/image-recognize"
UNITS = Decimal("0.1")
IMAGE_LIMIT = 10_000_000
MODEL = "image-recognize"
NOT_FOUND = ("head_seg", "face_seg", "cloth_seg")


class Recognition:
    """The one call of the path. What it charges is kept as a task that no query shows."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def routes(self) -> list[BaseRoute]:
        """Return the route, and the one reached with the switch ``strict`` only."""
        endpoint = Endpoint(self._sandbox, {"POST": self._recognize})
        return [Route(PATH, endpoint), unknown_path(self._sandbox, PATH + "/")]

    async def _recognize(self, call: Call) -> dict[str, Any]:
        box = self._sandbox
        body = Body(call.body, strict=box.config.strict)
        image = body.media("image")
        if image is None:
            raise invalid("image", "")
        if not box.ledger.covers(UNITS):
            raise RefusedError(1102)
        task = self._task(call, body)
        forced = task.fault("async")
        if forced:
            raise parameter(FORCED.get(forced, forced))
        mask_id = box.store.new_id(task.created)
        path = box.files.path(task.id, mask_id, ".png")
        try:
            mask = await asyncio.to_thread(self._mask, image)
        except JobFailedError as failure:
            raise parameter(failure.message) from None
        if not box.ledger.covers(UNITS):  # other calls may have used it up meanwhile
            raise RefusedError(1102)
        # No reset comes between these lines.
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(mask)
        box.store.record(task)
        box.ledger.reserve(task)
        found = {"type": "object_seg", "is_contain": True, "url": box.files.url(task, mask_id, ".png")}
        others = [{"type": name, "is_contain": False, "url": ""} for name in NOT_FOUND]
        return {"task_result": {"images": [found, *others]}}

    def _task(self, call: Call, body: Body) -> Task:
        now = self._sandbox.clock.now_ms()
        return Task(
            id=self._sandbox.store.new_id(now),
            dialect=DIALECT,
            endpoint=PATH,
            external_id=None,
            model=MODEL,
            mode="",
            duration=0,
            state=State.SUCCEEDED,
            created=now,
            updated=now,
            units=UNITS,
            charge=Charge.BOOKED,
            listed=False,
            faults=tuple(fault.spec for fault in call.faults if fault.on_task),
            ignored=body.ignored,
        )

    def _mask(self, image: str) -> bytes:
        picture = read_picture(image, self._sandbox.load, IMAGE_LIMIT)
        try:
            pixels = media.decode_image(picture.data)
        except MediaError as error:
            raise JobFailedError(IMAGE_INVALID, error.what) from error
        return media.mask_to_png(foreground_mask(pixels))
