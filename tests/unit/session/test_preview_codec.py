"""The setting that avoids the x264 encoder: previews in AV1."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kling_nb.media import probe
from kling_nb.session import Session


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_preview_is_written_with_the_chosen_codec(tmp_path: Path, codec: str) -> None:
    picture = np.full((300, 300, 3), 90, dtype=np.uint8)
    session = Session("sandbox", home=tmp_path, codec=codec)
    video = session.preview(picture, "a grey wall", model="kling-v2-6", mode="std", duration=5)
    assert probe(video).codec == codec
