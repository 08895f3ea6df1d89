"""Runs without a session: a real handle over a row, and a keeper that only remembers."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kling_nb.domain.task import RunStatus
from kling_nb.runlog import RunRecord
from kling_nb.session.run import Run

BEGIN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Keeper:
    """What a run needs from its session."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.calls: list[str] = []
        self.scores: dict[str, Any] = {}
        self.measuring: set[str] = set()

    def follow(self, run: Run) -> None:
        self.calls.append("follow")
        run.begin()

    def stop(self, run: Run) -> None:
        self.calls.append("stop")
        run.settle()

    def fetch_missing(self, run: Any) -> None:
        """Nothing lies elsewhere."""

    def expected_seconds(self, record: RunRecord) -> float | None:
        return 90.0

    def code_of(self, record: RunRecord) -> str:
        return f"kn.submit({record.image_source!r}, {record.prompt!r})"

    def cell_of(self, record: RunRecord) -> str:
        return f"%%kling {record.image_source}\n\n{record.prompt}\n"

    def brush_of(self, record: RunRecord) -> None:
        return None

    def scores_of(self, record: RunRecord) -> Any:
        return self.scores.get(record.id)

    def is_measuring(self, run_id: str) -> bool:
        return run_id in self.measuring

    def annotate(self, run: Run, columns: dict[str, Any]) -> None:
        raise AssertionError


class Studio:
    """Makes runs in any state."""

    def __init__(self, home: Path) -> None:
        self.keeper = Keeper(home)

    def run(self, status: RunStatus = RunStatus.PROCESSING, **columns: Any) -> Run:
        values: dict[str, Any] = {
            "id": "r-2mta0000test",
            "status": status,
            "provider": "sandbox",
            "model_name": "kling-v2-6",
            "mode": "std",
            "duration": 5,
            "prompt": "the boat drifts",
            "image_source": "boat.jpg",
            "estimate_units": Decimal("1.5"),
            "submitted_at": BEGIN,
        }
        run = Run(RunRecord(**{**values, **columns}), self.keeper)
        if not status.is_final:
            run.begin()
        return run

    def finished(self, video: bytes = b"video", **columns: Any) -> Run:
        media = self.keeper.home / "media"
        media.mkdir(parents=True, exist_ok=True)
        (media / "clip.mp4").write_bytes(video)
        (media / "clip.jpg").write_bytes(b"\xff\xd8\xff poster")
        return self.run(
            RunStatus.SUCCEEDED,
            finished_at=BEGIN.replace(minute=1, second=5),
            actual_units=Decimal("1.5"),
            video_path="media/clip.mp4",
            poster_path="media/clip.jpg",
            **columns,
        )


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """Runs kept below ``notebooks/kling_runs`` of a folder that no server shows."""
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    folder = tmp_path / "notebooks"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return Studio(folder / "kling_runs")
