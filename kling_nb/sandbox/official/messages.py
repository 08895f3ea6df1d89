"""The message catalogue of the official API (``spec/official-api.md`` §10), as refusals ready to raise.

Names follow the ids of the catalogue; the texts are wire facts and compared byte by byte by clients.
"""

from __future__ import annotations

import json
from typing import Any

SHOWN_LENGTH = 1000

HTTP_STATUS = {
    **dict.fromkeys((1000, 1001, 1002, 1003, 1004), 401),
    **dict.fromkeys((1100, 1101, 1102, 1302, 1303, 1304), 429),
    **dict.fromkeys((1200, 1201, 1300, 1301), 400),
    **dict.fromkeys((1202, 1203), 404),
    1103: 403,
    5000: 500,
    5001: 503,
    5002: 504,
}

TEXT = {
    1000: "authentication failed",
    1001: "Authorization is empty",
    1002: "Authorization is invalid",
    1003: "Authorization is not yet valid",
    1004: "Authorization has expired",
    1100: "account exception",
    1101: "account in arrears (postpaid)",
    1102: "Account balance not enough",
    1103: "no permission for API or model",
    1200: "Failed to resolve the request body",
    1201: "invalid key or value",
    1202: "The requested method is invalid",
    1203: "The requested resource does not exist",
    1300: "platform policy",
    1301: "content safety",
    1302: "The API request is too fast, exceeding the platform's rate limit",
    1303: "parallel task over resource pack limit",
    1304: "IP whitelist",
    5000: "internal error",
    5001: "maintenance",
    5002: "internal timeout, backlog",
}

NOT_A_TOKEN = "The token was expected to have 3 parts, but got 0"  # noqa: S105 - a message, M02
KEY_NEEDED = (
    "Authentication error. The current API does not support AK/SK; "
    "please go to the console (https://kling.ai/dev/api-key) to create API key."
)


class RefusedError(Exception):
    """A refused call: code and text of the catalogue, HTTP status by code.

    Parameters
    ----------
    code
        One of ``spec/official-api.md`` §10.1.
    text
        The exact words; by default those of the code.
    """

    def __init__(self, code: int, text: str = "") -> None:
        self.code = code
        self.text = text or TEXT[code]
        self.status = HTTP_STATUS[code]
        super().__init__(self.text)


def shown(value: Any) -> str:
    """Return ``value`` as the service echoes it: strings bare, everything else as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text[:SHOWN_LENGTH]


def parameter(text: str) -> RefusedError:
    """Return a 400 / 1201 with ``text``."""
    return RefusedError(1201, text)


def invalid(field: str, value: Any) -> RefusedError:
    """M05: a value outside the allowed ones."""
    return parameter(f"{field} value '{shown(value)}' is invalid")


def malformed(field: str) -> RefusedError:
    """M24, M28: a structure that cannot be read as the field it should be."""
    return parameter(f"{field} value is invalid")


def size_between(field: str, low: int, high: int) -> RefusedError:
    """M06, M27: a text or list of the wrong size; ``field`` in the service's camel case."""
    return parameter(f"{field}: size must be between {low} and {high}")


def bad_base64() -> RefusedError:
    """M08: a ``data:`` prefix or broken Base64."""
    return parameter("File is not in a valid base64 format")


def unsupported_combination(model: str, mode: str, duration: int, feature: str) -> RefusedError:
    """M11, M13, M14: the model can, but not in this mode and duration."""
    return parameter(f"model/mode/duration({model}/{mode}/{duration}) is not supported with {feature}")


def unsupported_by_model(feature: str) -> RefusedError:
    """M10, M13, M14, M39: the model never can."""
    return parameter(f"{feature} is not supported by the current model")
