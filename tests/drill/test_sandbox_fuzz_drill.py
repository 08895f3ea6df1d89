"""The fuzz of the sandbox at length: thousands of requests of any kind on one server."""

from __future__ import annotations

import pytest
from any_request import leaks, log_of, requests, send, troubles
from hypothesis import HealthCheck, given, settings

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]


@pytest.mark.parametrize("switches", [{}, {"strict": True, "tricky_errors": True, "tricky_snapshots": True}])
def test_thousands_of_requests(sandbox, switches):
    sandbox.config(
        quota=100_000,
        total_quantity=10_000_000,
        workers=8,
        queued=0,
        min_processing=0,
        blocking_cap=0.2,
        **switches,
    )

    @settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
    @given(asked=requests())
    def any_request(asked):
        status, answer = send(sandbox, asked)
        assert leaks(sandbox, answer) == []
        waits = asked["path"].startswith("/kling/videos") and status in (500, 504)
        assert 200 <= status < 500 or waits, answer[:400]
        assert b"internal error" not in answer

    before = log_of(sandbox)
    any_request()
    assert troubles(sandbox, before) == []
