"""Calls to the sandbox's application in this process, without a server and its socket."""

from __future__ import annotations

import httpx

from kling_nb.sandbox.app import create_app
from kling_nb.sandbox.core import Sandbox


def client(box: Sandbox) -> httpx.AsyncClient:
    """Return a client whose calls a sandbox answers directly; it has the API key."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app(box)),
        base_url="http://127.0.0.1",
        headers={"Authorization": f"Bearer {box.credentials.api_key}"},
    )
