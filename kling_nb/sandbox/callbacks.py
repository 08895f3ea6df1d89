"""Delivery of callbacks, signed by the Standard Webhooks scheme when a secret is set.

Sources: ``spec/official-api.md`` §9 and ``spec/sandbox.md`` §5.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable

import httpx

from kling_nb.sandbox.clock import Clock
from kling_nb.sandbox.config import Config
from kling_nb.sandbox.fetch import FetchError, target, tls
from kling_nb.sandbox.tasks import Task

TIMEOUT_S = 5.0
RETRY_AFTER_S = (1.0, 5.0, 25.0)


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the ``webhook-signature`` of a delivery.

    Parameters
    ----------
    secret
        ``whsec_`` followed by the key in Base64.
    message_id, timestamp
        Values of ``webhook-id`` and ``webhook-timestamp`` (unix seconds).
    body
        The raw body.
    """
    key = base64.b64decode(secret.removeprefix("whsec_"))
    text = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


class Callbacks:
    """Posts task states to the callback addresses of their tasks."""

    def __init__(self, config: Callable[[], Config], clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._running: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether anything is being delivered."""
        return bool(self._running)

    def send(self, task: Task, body: bytes, *, signed: bool = True) -> None:
        """Start delivering ``body`` to the address of ``task``, unless a fault forbids it.

        ``signed`` false leaves the signature away whatever the switches say: not every dialect signs.
        """
        if not task.callback_url or task.fault("callback-lost") is not None:
            return
        for _ in range(1 if task.fault("callback-twice") is None else 2):
            delivery = asyncio.get_running_loop().create_task(
                self._deliver(task, task.callback_url, body, signed=signed)
            )
            self._running.add(delivery)
            delivery.add_done_callback(self._running.discard)

    async def abandon(self) -> None:
        """Stop all deliveries."""
        for delivery in self._running:
            delivery.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _deliver(self, task: Task, url: str, body: bytes, *, signed: bool) -> None:
        try:
            to = await asyncio.to_thread(target, url, allow_network=self._config().allow_network)
        except FetchError as error:
            task.note(f"callback not delivered: {error}")
            return
        message_id = f"msg_{secrets.token_hex(12)}"
        spoil = task.fault("callback-bad-sign") is not None
        trusted = tls(self._config().tls_cert)
        async with httpx.AsyncClient(trust_env=False, timeout=TIMEOUT_S, verify=trusted) as client:
            for pause in (*RETRY_AFTER_S, None):
                headers = to.headers | self._headers(message_id, body, signed=signed, spoil=spoil)
                try:
                    answer = await client.post(
                        to.url, content=body, headers=headers, extensions=to.extensions
                    )
                    if answer.is_success:
                        return
                except httpx.HTTPError as error:
                    task.note(f"callback: {type(error).__name__}")
                if pause is not None:
                    await asyncio.sleep(pause * self._config().time_scale)

    def _headers(self, message_id: str, body: bytes, *, signed: bool, spoil: bool) -> dict[str, str]:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        secret = self._config().callback_secret
        if not secret or not signed:
            return headers
        timestamp = int(self._clock.now())
        covered = body + b" " if spoil else body
        return headers | {
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(secret, message_id, timestamp, covered),
        }
