"""``/account/costs`` and ``/account/billing/package`` (``spec/official-api.md`` §14)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from starlette.routing import BaseRoute, Route

from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.ledger import PACK_NAME, plain
from kling_nb.sandbox.official.body import Body
from kling_nb.sandbox.official.messages import RefusedError, invalid
from kling_nb.sandbox.official.pipeline import Endpoint
from kling_nb.sandbox.official.siblings import unknown_path
from kling_nb.sandbox.official.views import DIALECT, LEGACY
from kling_nb.sandbox.official.windows import passes, read_filters, read_window
from kling_nb.sandbox.tasks import Task

SHORTEST_INTERVAL_S = 1.0
COSTS, PACKAGE = "/account/costs", "/account/billing/package"
FILTERS = ("api_key_name", "product_type", "package_name", "package_id")
KEY_NAME = "sandbox"
RESOLUTIONS = {"std": "720p", "pro": "1080p", "4k": "4k"}
FUNCTIONS = {
    "image2video": "image_to_video",
    "image-to-video": "image_to_video",
    "text2video": "text_to_video",
    "text-to-video": "text_to_video",
    "video-extend": "video_extend",
    "image-recognize": "image_recognize",
}


class Account:
    """The resource packs of the account."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._last = float("-inf")

    def routes(self) -> list[BaseRoute]:
        """Return the two routes, and those reached with the switch ``strict`` only."""
        box = self._sandbox
        costs = Endpoint(box, {"GET": self._costs})
        deductions = Endpoint(box, {"POST": self._deductions}, creates=False)
        return [
            *(Route(COSTS, costs), unknown_path(box, COSTS + "/")),
            *(Route(PACKAGE, deductions), unknown_path(box, PACKAGE + "/")),
        ]

    async def _costs(self, call: Call) -> dict[str, Any]:
        query = call.request.query_params
        for name in ("start_time", "end_time"):
            text = query.get(name, "")
            if not text.isascii() or not text.isdigit():
                raise invalid(name, text)
        self._limit_rate()
        pack = self._sandbox.ledger.pack()
        wanted = query.get("resource_pack_name", "")
        packs = [pack] if wanted in ("", pack["resource_pack_name"]) else []
        return {"code": 0, "msg": "SUCCEED", "resource_pack_subscribe_infos": packs}

    async def _deductions(self, call: Call) -> dict[str, Any]:
        body = Body(call.body, strict=self._sandbox.config.strict)
        window = read_window(body, None)
        asked = read_filters(body, dict.fromkeys(FILTERS))
        details = [entry for entry in self._details() if passes(asked, _facts(entry))]
        page, cursor, more = window.page(details, _place)
        result = {"detail": page, "count": len(page)}
        return {"result": result, "next_cursor": cursor, "has_more": more}

    def _details(self) -> list[dict[str, Any]]:
        """Return what was booked, newest first; gateways' shares count but are not told."""
        pack = self._sandbox.ledger.pack()
        told = []
        for task, before in self._sandbox.ledger.deductions():
            if task.dialect == DIALECT:
                told.append(_detail(task, before, pack))
        return told[::-1]

    def _limit_rate(self) -> None:
        if not self._sandbox.config.strict_qps:
            return
        now = self._sandbox.clock.now()
        if 0 <= now - self._last < SHORTEST_INTERVAL_S:
            raise RefusedError(1302)
        self._last = now


def _detail(task: Task, before: Decimal, pack: dict[str, object]) -> dict[str, Any]:
    return {
        "task_id": task.id,
        "api_key_name": KEY_NAME,
        "product_function": next((name for part, name in FUNCTIONS.items() if part in task.endpoint), ""),
        "model_name": task.model if task.endpoint.startswith(LEGACY) else task.endpoint.rpartition("/")[2],
        "resolution": RESOLUTIONS.get(task.mode, ""),
        "duration": str(task.duration),
        "refer_video_input": task.parent is not None,
        "video_sound": "native" if task.sound else "off",
        "voice_control": task.voice,
        "deduction_time": str(task.updated),
        "package_id": pack["resource_pack_id"],
        "product_type": "video",
        "unit_before_deduction": plain(before),
        "deduction_amount": plain(task.units),
        "unit_after_deduction": plain(before - task.units),
    }


def _facts(entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {"package_name": PACK_NAME}


def _place(entry: dict[str, Any]) -> tuple[int, int]:
    return int(entry["deduction_time"]), int(entry["task_id"])
