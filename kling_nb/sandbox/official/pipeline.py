"""The manner of the official API: who is let in, what answers look like (``spec/official-api.md`` §2)."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kling_nb.sandbox.answers import json_answer
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Exchange, Handler
from kling_nb.sandbox.official.auth import Generation, authorize
from kling_nb.sandbox.official.messages import RefusedError

PromptOf = Callable[[dict[str, Any]], Any]


def top_level_prompt(body: dict[str, Any]) -> Any:
    """Return the field ``prompt`` of a body."""
    return body.get("prompt")


def envelope(data: Any) -> Response:
    """Return a success: HTTP 200, code 0 (``spec/official-api.md`` §2)."""
    return json_answer({"code": 0, "message": "SUCCEED", "request_id": str(uuid.uuid4()), "data": data})


def refusal(error: RefusedError) -> Response:
    """Return an error answer; it has no ``data``."""
    payload = {"code": error.code, "message": error.text, "request_id": str(uuid.uuid4())}
    return json_answer(payload, error.status)


class OfficialManner:
    """The official dialect of one API generation."""

    def __init__(self, sandbox: Sandbox, generation: Generation, prompt: PromptOf) -> None:
        self._sandbox = sandbox
        self._generation = generation
        self._prompt = prompt

    def authorize(self, request: Request) -> None:
        """Take tokens and API keys, or API keys only."""
        header = request.headers.get("authorization")
        authorize(header, self._sandbox.credentials, self._sandbox.clock.now(), self._generation)

    def success(self, data: Any) -> Response:
        """Put ``data`` into the envelope."""
        return envelope(data)

    def refusal(self, error: RefusedError, request: Request) -> Response:  # noqa: ARG002 - same for all paths
        """Return code, message and request id."""
        return refusal(error)

    def prompt(self, body: dict[str, Any]) -> Any:
        """Return the prompt from where it stands on this path."""
        return self._prompt(body)


class Endpoint(Exchange):
    """One official path.

    Parameters
    ----------
    sandbox, handlers
        As for every exchange.
    generation
        Which credentials the path takes.
    creates
        Whether a POST makes a task.
    prompt
        Finds the prompt in a body.
    """

    def __init__(
        self,
        sandbox: Sandbox,
        handlers: Mapping[str, Handler],
        generation: Generation = "legacy",
        *,
        creates: bool = True,
        prompt: PromptOf = top_level_prompt,
    ) -> None:
        super().__init__(sandbox, handlers, OfficialManner(sandbox, generation, prompt), creates=creates)
