"""Who the AI/ML API lets in and how it answers (``spec/gateways.md`` §3.4)."""

from __future__ import annotations

import hmac
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kling_nb.sandbox.answers import json_answer
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.official.messages import RefusedError

INVALID_BODY = "Body validation error"
NO_KEY = (
    "This request requires a valid API key. You can create a new API key on the Billing page: "
    "https://aimlapi.com/app/keys"
)
NO_CREDITS = (
    "You've run out of credits. Please top up your balance or update your payment method to continue: "
    "https://aimlapi.com/app/billing/"
)
# What the gateway makes of the codes of the service behind it.
STATUS_AND_TEXT = {
    **dict.fromkeys((1000, 1001, 1002, 1003, 1004), (401, NO_KEY)),
    **dict.fromkeys((1101, 1102), (403, NO_CREDITS)),
    **dict.fromkeys((1100, 1103, 1300, 1301, 1304), (403, "Forbidden")),
    **dict.fromkeys((1200, 1201), (400, INVALID_BODY)),
    **dict.fromkeys((1302, 1303), (429, "Too Many Requests")),
    5000: (500, "Internal server error"),
    5001: (503, "Service unavailable"),
    5002: (504, "Generation timeout"),
}


class InvalidFieldError(RefusedError):
    """A field that breaks its schema: the text of the gateway, then a hint on a line of its own."""

    def __init__(self, hint: str) -> None:
        super().__init__(1201, f"{INVALID_BODY}\n{hint}")


class NotFoundError(RefusedError):
    """An unknown generation."""

    def __init__(self) -> None:
        super().__init__(1203, "Generation not found")


@dataclass(frozen=True, slots=True)
class Generation:
    """An answer about a generation and the ledger reference that goes into its header."""

    view: dict[str, Any]
    inference_id: str


class AimlManner:
    """The AI/ML dialect: one static key, errors as its framework writes them."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def authorize(self, request: Request) -> None:
        """Take ``Authorization: Bearer <key>`` only."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        wanted = self._sandbox.credentials.aimlapi_key.encode()
        if scheme != "Bearer" or not hmac.compare_digest(key.encode(), wanted):
            raise RefusedError(1002)

    def success(self, data: Any) -> Response:
        """Return the data bare, a generation with its ledger reference."""
        if not isinstance(data, Generation):
            return json_answer(data)
        answer = json_answer(data.view)
        answer.headers["x-inference-id"] = data.inference_id
        return answer

    def refusal(self, error: RefusedError, request: Request) -> Response:
        """Return the error body of §3.4."""
        status, text = self._said(error, request)
        now = datetime.fromtimestamp(self._sandbox.clock.now(), UTC)
        payload = {
            "message": text,
            "path": request.url.path,
            "requestId": str(uuid.uuid4()),
            "statusCode": status,
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        }
        return json_answer(payload, status)

    def prompt(self, body: dict[str, Any]) -> Any:
        """Return the field ``prompt``."""
        return body.get("prompt")

    def _said(self, error: RefusedError, request: Request) -> tuple[int, str]:
        if isinstance(error, InvalidFieldError | NotFoundError):
            return error.status, error.text
        if error.status == 404:
            return 404, f"Cannot {request.method} {request.url.path}"
        status, text = STATUS_AND_TEXT[error.code]
        # What the sandbox itself has to say, such as a mistyped fault, comes after the gateway's own text.
        return status, f"{text}\n{error.text}" if error.code == 1201 else text
