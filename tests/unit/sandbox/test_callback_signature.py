"""Webhook signatures against the published vectors (spec/official-api.md §9)."""

from __future__ import annotations

import pytest

from kling_nb.sandbox.callbacks import signature

SECRET = "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="
VECTORS = [
    (
        "9876543210",
        1781080794,
        b'{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,'
        b'"update_time":1781080794151}',
        "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4=",
    ),
    (
        "msg_0001",
        1765823368,
        b'{"task_id":"829611643369439283","task_status":"failed",'
        b'"task_status_msg":"Failure to pass the risk control system","task_info":{},"task_result":{},'
        b'"created_at":1765823347996,"updated_at":1765823368123}',
        "v1,D3xZDPr98bg7+k/AzMrGyri4oYWo9+XRZIG+TRJYFeY=",
    ),
]


@pytest.mark.parametrize(("message_id", "timestamp", "body", "expected"), VECTORS)
def test_vectors(message_id, timestamp, body, expected):
    assert signature(SECRET, message_id, timestamp, body) == expected
    assert signature(SECRET, message_id, timestamp + 1, body) != expected
    assert signature(SECRET, message_id, timestamp, body[:-1] + b" ") != expected
