"""Sessions on a local sandbox: once as the sandbox, once as the official API at another address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from quick_sessions import QUICK, textured_picture

from kling_nb.session import Session

MakeSession = Callable[..., Session]


@pytest.fixture(autouse=True)
def _no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Variables of the person who runs the tests have no say here."""
    for name in ("API_KEY", "ACCESS_KEY", "SECRET_KEY"):
        for prefix in ("KLING_", "KLINGAI_"):
            monkeypatch.delenv(prefix + name, raising=False)
    monkeypatch.delenv("KLING_API_BASE", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def make_session(sandbox: Any, tmp_path: Path) -> Iterator[MakeSession]:
    """Return a maker of sessions that all share one home; they are closed at the end."""
    made: list[Session] = []

    def make(**changes: Any) -> Session:
        given = {
            "provider": "sandbox",
            "sandbox_home": sandbox.home,
            "home": tmp_path / "runs",
            "pace": QUICK,
        }
        session = Session(**{**given, **changes})
        made.append(session)
        return session

    yield make
    for session in made:
        session.close()


@pytest.fixture
def session(make_session: MakeSession) -> Session:
    """A session on the sandbox."""
    return make_session()


@pytest.fixture
def official(sandbox: Any, make_session: MakeSession) -> Session:
    """A session that believes to talk to the official API, with AccessKey and SecretKey."""
    return make_session(
        provider="official",
        api_base=sandbox.url,
        access_key=sandbox.access_key,
        secret_key=sandbox.secret_key,
    )


@pytest.fixture(scope="session")
def picture() -> np.ndarray:
    """A textured picture of 400 x 320."""
    return textured_picture()
