"""What is said when a finished video cannot be brought home."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from kling_nb.errors import DownloadError
from kling_nb.runlog import RunRecord
from kling_nb.session import filing
from kling_nb.transport.reach import Reach
from kling_nb.transport.retry import RetryRule

SERVICE = cast("Any", SimpleNamespace(resolve=lambda url: url, download_retry=RetryRule(), reach=Reach()))


async def told(monkeypatch: pytest.MonkeyPatch, home: Path, trouble: DownloadError) -> DownloadError:
    """What a person reads when the download ends with this error."""

    async def broken(*_: object, **__: object) -> None:
        raise trouble

    monkeypatch.setattr(filing, "download", broken)
    record = RunRecord(id="r-1", task_id="7", video_url="https://files.example/7.mp4")
    with pytest.raises(DownloadError) as caught:
        await filing.Filer(home).file(record, SERVICE, lambda _: None)
    return caught.value


async def test_a_full_disk_needs_room_before_the_video_is_fetched_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    trouble = DownloadError(
        "The disk is full.", "No space left.", "Make room, then `%kling resume` continues where it stopped."
    )
    error = await told(monkeypatch, tmp_path, trouble)
    assert error.lines() == [
        "The disk is full.",
        "No space left. The task succeeded and its id is kept.",
        "Make room, then %kling resume r-1 continues where it stopped. Nothing is charged again.",
    ]


async def test_an_address_that_is_gone_is_asked_for_again_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    error = await told(
        monkeypatch, tmp_path, DownloadError("Server trouble.", "HTTP 500.", "", http_status=500)
    )
    assert error.advice == "%kling resume r-1 fetches it again, free of charge; results are kept for 30 days."
