"""A session with finished runs whose files hold no film: nothing here plays them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from kling_nb.domain.task import RunStatus
from kling_nb.runlog import RunRecord
from kling_nb.session import Session
from kling_nb.widgets.gallery.widget import Gallery

BEGIN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A session on ``notebooks/kling_runs`` of a folder that no server shows."""
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with Session("sandbox", folder / "kling_runs") as made:
        yield made


@pytest.fixture
def add(session: Session) -> Callable[..., str]:
    """Adds a finished run and returns its id; the columns given are those of its row."""
    count = iter(range(10_000))
    media = session.home / "media"
    media.mkdir(parents=True)

    def one(**columns: Any) -> str:
        number = next(count)
        (media / f"{number}.mp4").write_bytes(b"film")
        Image.new("RGB", (640, 360), (number * 9 % 255, 90, 160)).save(media / f"{number}.jpg")
        values: dict[str, Any] = {
            "status": RunStatus.SUCCEEDED,
            "provider": "sandbox",
            "model_name": "kling-v2-6",
            "mode": "std",
            "duration": 5,
            "prompt": f"take {number}",
            "created_at": BEGIN + timedelta(minutes=number),
            "downloaded_at": BEGIN,
            "video_path": f"media/{number}.mp4",
            "poster_path": f"media/{number}.jpg",
        }
        return session.log.insert(RunRecord(**{**values, **columns})).id

    return one


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, Any], Any]]:
    """Messages of galleries to their pages."""
    messages: list[tuple[dict[str, Any], Any]] = []
    monkeypatch.setattr(
        Gallery, "send", lambda self, content, buffers=None: messages.append((content, buffers))
    )
    return messages
