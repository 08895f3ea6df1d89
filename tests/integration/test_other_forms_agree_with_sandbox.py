"""Text to video and the new API: what the linter lets through, the sandbox takes, and ignores nothing of it.

The other way round, what the linter blocks is refused or ignored, if it is in the body at all: for the rest
only the linter can tell.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Any
from uuid import uuid4

import pytest
from PIL import Image

from kling_nb import providers
from kling_nb.domain.camera import CameraConfig, CameraControl
from kling_nb.domain.capabilities import MODELS, MODES
from kling_nb.domain.images import ImageRef
from kling_nb.domain.lint import lint
from kling_nb.domain.request import Shot, VideoRequest


@cache
def picture() -> ImageRef:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 300), (120, 130, 140)).save(buffer, "PNG")
    return ImageRef(data=buffer.getvalue(), sha256="0" * 64, width=300, height=300, format="PNG")


SHOTS = (Shot(index=1, prompt="a door", duration=2), Shot(index=2, prompt="a hall", duration=3))
STORY = {"multi_shot": True, "shot_type": "customize"}
FEATURES: dict[str, dict[str, Any]] = {
    "plain": {},
    "tail": {"image_tail": picture()},
    "tail, sound": {"image_tail": picture(), "sound": "on"},
    "sound": {"sound": "on"},
    "voice": {"sound": "on", "voice_list": ("1",)},
    "mute voice": {"voice_list": ("1",)},
    "elements": {"element_list": (1,)},
    "shots": {"multi_shot": True, "shot_type": "intelligence"},
    "story": {**STORY, "multi_prompt": SHOTS},
    "camera": {"camera_control": CameraControl(type="simple", config=CameraConfig(zoom=5))},
    "preset": {"camera_control": CameraControl(type="forward_up")},
    "ratio": {"aspect_ratio": "9:16"},
    "cfg_scale": {"cfg_scale": 0.3},
    "negative": {"negative_prompt": "rain"},
    "wordless": {"prompt": ""},
}
NO_PLACE = {
    ("sandbox", "text2video"): {"elements", "wordless"},
    ("sandbox-official-new", "text2video"): {
        "camera", "preset", "elements", "voice", "mute voice", "cfg_scale", "negative",
    },
    ("sandbox-official-new", "image2video"): {"camera", "preset", "cfg_scale", "negative", "wordless"},
}  # fmt: skip
"""What the body of an API cannot say, or says without harm."""
PREVIEW_NOTES = {
    "elements and voices have no effect on the preview",
    "mode is accepted and ignored by this model",
}


@pytest.mark.parametrize("model", [*MODELS, "kling-3.0-turbo"])
@pytest.mark.parametrize(("name", "form"), NO_PLACE)
def test_what_is_let_through_is_taken(sandbox: Any, name: str, form: str, model: str) -> None:
    sandbox.config(quota=100_000, total_quantity=10_000_000, workers=50)
    provider = providers.get(name)
    for mode in MODES:
        for seconds in (3, 5):
            for feature, fields in FEATURES.items():
                start = {"image": picture()} if form == "image2video" else {}
                if form == "text2video" and "image_tail" in fields:
                    continue
                settings = {"model_name": model, "mode": mode, "duration": seconds, "prompt": "a boat"}
                request = VideoRequest(**settings | start | fields)
                assert request.form == form
                problems = lint(request, door=provider.door, provider=name)
                blocked = [p for p in (*problems, *provider.findings(request)) if p.blocks]
                case = (mode, seconds, feature, [p.message for p in blocked])
                if blocked and feature in NO_PLACE[name, form]:
                    continue
                check(sandbox, provider, request, bool(blocked), case)


def check(sandbox: Any, provider: Any, request: VideoRequest, blocked: bool, case: tuple[Any, ...]) -> None:
    try:
        call = provider.create(request, str(uuid4()))
    except ValueError:
        assert blocked, case
        return
    answer = sandbox.http.request(call.method, call.path, json=call.body)
    if answer.status_code != 200:
        assert blocked, (case, answer.text)
        return
    data = answer.json()["data"]
    record = sandbox.task(data.get("id") or data["task_id"])
    assert bool(record["ignored"]) is blocked, (case, record["ignored"])
    assert set(record["notes"]) <= PREVIEW_NOTES, case
