"""Sessions that never leave the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from quick_sessions import textured_picture

from kling_nb.session import Session


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("API_KEY", "ACCESS_KEY", "SECRET_KEY"):
        for prefix in ("KLING_", "KLINGAI_"):
            monkeypatch.delenv(prefix + name, raising=False)
    for name in (
        "ACEDATACLOUD_API_TOKEN",
        "AIMLAPI_API_KEY",
        "AIMLAPI_KEY",
        "KLING_NB_PROVIDER",
        "KLING_NB_HOME",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    """A session with a credential that nobody will ever see."""
    session = Session(provider="official", home=tmp_path / "runs", api_key="api-key-kling-of-a-test")
    yield session
    session.close()


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """A textured picture of 400 x 320."""
    return textured_picture()
