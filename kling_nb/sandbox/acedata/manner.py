"""Who AceData lets in and how it answers (``spec/gateways.md`` §2.4)."""

from __future__ import annotations

import hmac
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from kling_nb.sandbox.answers import json_answer
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.official.messages import RefusedError

# What the gateway makes of the codes of the service behind it.
STATUS_AND_CODE = {
    1000: (401, "invalid_token"),
    1001: (400, "no_token"),
    1002: (401, "invalid_token"),
    1003: (401, "token_mismatched"),
    1004: (401, "token_expired"),
    1100: (403, "disabled"),
    1101: (403, "used_up"),
    1102: (403, "used_up"),
    1103: (403, "forbidden"),
    1200: (400, "bad_request"),
    1201: (400, "bad_request"),
    1202: (404, "no_api"),
    1203: (404, "no_api"),
    1300: (403, "forbidden"),
    1301: (403, "forbidden"),
    1302: (429, "too_many_requests"),
    1303: (429, "too_many_requests"),
    1304: (403, "forbidden"),
    5000: (500, "api_error"),
    5001: (500, "api_error"),
    5002: (504, "timeout"),
}


class UpstreamFailedError(RefusedError):
    """A task that failed while its caller waited: HTTP 500 ``api_error`` with the task's own text."""

    def __init__(self, text: str) -> None:
        super().__init__(5000, text)


class AceDataManner:
    """The AceData dialect: one static token, errors in an ``error`` object with a trace id."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def authorize(self, request: Request) -> None:
        """Take ``Authorization: Bearer <token>`` only."""
        header = request.headers.get("authorization", "")
        scheme, _, token = header.partition(" ")
        if not header.strip() or header.strip() == "Bearer":
            raise RefusedError(1001)
        wanted = self._sandbox.credentials.acedata_token.encode()
        if scheme != "Bearer" or not hmac.compare_digest(token.encode(), wanted):
            raise RefusedError(1002)

    def success(self, data: Any) -> Response:
        """Return the data bare."""
        return json_answer(data)

    def refusal(self, error: RefusedError, request: Request) -> Response:  # noqa: ARG002 - same for all paths
        """Return status and code of the gateway; the text of the service passes through."""
        status, code = STATUS_AND_CODE[error.code]
        payload = {"error": {"code": code, "message": error.text}, "trace_id": str(uuid.uuid4())}
        return json_answer(payload, status)

    def prompt(self, body: dict[str, Any]) -> Any:
        """Return the field ``prompt``."""
        return body.get("prompt")
