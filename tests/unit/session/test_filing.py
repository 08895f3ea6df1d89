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


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


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


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/iam",
        "http://127.0.0.1:8888/api/contents",
        "file:///etc/passwd",
        "https://me:pw@files.example/7.mp4",
        "http://[::1/",
    ],
)
async def test_a_hostile_address_is_refused_and_kept(tmp_path: Path, url: str) -> None:
    record = RunRecord(id="r-1", task_id="7", video_url=url)
    with pytest.raises(DownloadError) as caught:
        await filing.Filer(tmp_path).file(record, SERVICE, lambda _: None)
    error = caught.value
    assert len(error.lines()) == 3
    assert "%kling resume r-1" in error.advice
    assert "Nothing is charged again" in error.advice
    assert "pw" not in str(error)
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    "name",
    ["../../x", "/etc/x", "a/b", "a\\b", "..", "", "x\0y", "con.", "x" * 65, "r-1\n", ".hidden", "-rf"],
)
async def test_a_name_of_a_foreign_log_never_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    record = RunRecord(id=name, task_id="7", video_url="https://files.example/7.mp4")
    with pytest.raises(DownloadError, match="no name of a file"):
        await filing.Filer(tmp_path / "home").file(record, SERVICE, lambda _: None)
    assert files_in(tmp_path) == []


def test_what_stands_beside_a_video_is_not_written_through_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("precious")
    media = tmp_path / "media"
    media.mkdir()
    for name in ("r-1.json", "r-1.json.part"):
        (media / name).symlink_to(outside)
    record = RunRecord(id="r-1", task_id="7", note="half a pair \ud800")
    target = filing.write_sidecar(tmp_path, record, {"video_path": "media/r-1.mp4"}, {})
    assert outside.read_text() == "precious"
    assert not target.is_symlink()
    assert "half a pair" in target.read_text(encoding="utf-8")
