"""``GET /account/costs`` (``spec/official-api.md`` §14, ``spec/sandbox.md`` §6)."""

from __future__ import annotations

import time
from typing import Any

from starlette.routing import BaseRoute, Route

from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.official.messages import RefusedError, invalid
from kling_nb.sandbox.official.pipeline import Endpoint

SHORTEST_INTERVAL_S = 1.0


class Account:
    """The resource packs of the account."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._last = float("-inf")

    def routes(self) -> list[BaseRoute]:
        """Return the route."""
        return [Route("/account/costs", Endpoint(self._sandbox, {"GET": self._costs}))]

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

    def _limit_rate(self) -> None:
        if not self._sandbox.config.strict_qps:
            return
        now = time.monotonic()
        if now - self._last < SHORTEST_INTERVAL_S:
            raise RefusedError(1302)
        self._last = now
