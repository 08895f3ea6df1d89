"""The hostile service at length, with answers that are different every time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hostile_runs import DOORS, under_any_answers
from hostile_service import Hostile

pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]


@pytest.fixture
def service() -> Any:
    made = Hostile()
    yield made
    made.close()


@pytest.mark.parametrize("door", DOORS)
def test_hundreds_of_answers(
    door: str, service: Hostile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    under_any_answers(service, door, tmp_path / "folder", monkeypatch, caplog, max_examples=150)
