"""Every door, rehearsed on the local server: the same code as with a key, other dialects on the wire."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from quick_sessions import finish

from kling_nb.domain.task import RunStatus
from kling_nb.session import Session

DOORS = ("sandbox", "sandbox-official-new", "sandbox-acedata", "sandbox-aimlapi")


@pytest.fixture(params=DOORS)
def door(request: Any, make_session: Any) -> Session:
    """A session at each door."""
    return make_session(provider=request.param)


def test_a_picture_becomes_a_video(door: Session, picture: np.ndarray) -> None:
    run = finish(door.submit(picture, "a boat drifts left"))
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert run.video is not None
    assert run.record.form == "image2video"


def test_words_become_a_video(door: Session) -> None:
    run = finish(door.submit(prompt="a boat drifts left"))
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert run.video is not None
    assert run.record.form == "text2video"
