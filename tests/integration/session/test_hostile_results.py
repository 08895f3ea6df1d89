"""Results that lead into the own network: refused, kept, and fetched once a person trusts the host."""

from __future__ import annotations

from typing import Any

import pytest

from kling_nb import settings
from kling_nb.domain.task import RunStatus
from kling_nb.errors import DownloadError
from kling_nb.transport.reach import Reach

of_service = Reach.of_service


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the service stood elsewhere: then it does not vouch for this machine."""
    monkeypatch.setattr(
        Reach, "of_service", lambda _base, named="": of_service("https://service.example", named)
    )


def test_refused_kept_and_fetched_when_trusted(
    session: Any, sandbox: Any, picture: Any, far_away: None
) -> None:
    run = session.submit(picture, "a boat")
    with pytest.raises(DownloadError, match="inside this machine") as caught:
        run.wait(60)
    assert f"%kling resume {run.id}" in caught.value.advice
    assert "KLING_NB_RESULT_HOSTS=127.0.0.1" in caught.value.advice
    assert run.status is RunStatus.SUCCEEDED
    assert run.record.video_url.startswith(sandbox.url)
    assert list(session.home.rglob("*.mp4*")) == []
    settings.configure("result_hosts", "127.0.0.1")
    try:
        (again,) = session.resume(run.id, wait=True)
    finally:
        settings.configure("result_hosts", None)
    assert again.video.stat().st_size > 0
    assert len(sandbox.charges()) == 1
