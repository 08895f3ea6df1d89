"""HTTP answers shared by all dialects."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import HTMLResponse, PlainTextResponse, Response

JSON_TYPE = "application/json;charset=utf-8"
GATEWAY_PHRASES = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


def dump(payload: Any) -> bytes:
    """Serialise ``payload`` as compact UTF-8 JSON, keys in the given order."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()


def json_answer(payload: Any, status: int = 200) -> Response:
    """Return ``payload`` as a JSON answer with the content type of ``spec/sandbox.md`` §4."""
    return Response(dump(payload), status, media_type=JSON_TYPE)


def html_failure(status: int) -> Response:
    """Return what a proxy in front of the service would: HTML, no JSON."""
    phrase = GATEWAY_PHRASES.get(status, "Error")
    page = f"<html>\r\n<head><title>{status} {phrase}</title></head>\r\n"
    page += f"<body>\r\n<center><h1>{status} {phrase}</h1></center>\r\n</body>\r\n</html>\r\n"
    return HTMLResponse(page, status)


def too_large() -> Response:
    """Return the plain-text 413 of ``spec/sandbox.md`` §2, step 3."""
    return PlainTextResponse("Request Entity Too Large", 413)


def access_denied() -> Response:
    """Return what the file host says to an expired or altered signature."""
    return PlainTextResponse("AccessDenied", 403)


def no_such_key() -> Response:
    """Return what the file host says when there is no such file (any more)."""
    return PlainTextResponse("NoSuchKey", 404)
