"""What linter and encoders of every door must agree on: what passes can be written, and nothing is lost."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_nb import providers
from kling_nb.domain.brush import DynamicMask, Mask
from kling_nb.domain.camera import CameraControl
from kling_nb.domain.capabilities import Feature, known_model_names
from kling_nb.domain.door import FORMS, Door, Form
from kling_nb.domain.images import ImageRef
from kling_nb.domain.lint import lint
from kling_nb.domain.references import ReferenceImage, ReferenceVideo
from kling_nb.domain.request import VideoRequest, with_defaults
from kling_nb.domain.trajectory import Trajectory
from kling_nb.domain.values import Shot
from kling_nb.errors import KlingError

SIZE = (640, 480)
PICTURE = ImageRef(url="https://example.com/a.jpg", source="https://example.com/a.jpg")
LOCAL = ImageRef(data=b"\xff\xd8jpeg", sha256="aa", width=SIZE[0], height=SIZE[1], format="JPEG")
SPOT = np.zeros(SIZE[::-1], bool)
SPOT[200:260, 200:260] = True
MASK = Mask(url="https://example.com/m.png")
MOVING = DynamicMask(Mask(SPOT), Trajectory.from_points([(230, 230), (400, 230)], size=SIZE))
OTHER = ImageRef(url="https://example.com/end.jpg", source="https://example.com/end.jpg")
PROMPT = "the boat <<<voice_1>>> drifts past <<<element_1>>>, @voice_1 @element_1 moving"

USING: dict[Feature, dict[str, Any]] = {
    Feature.START: {"image": PICTURE},
    Feature.START_END: {"image": PICTURE, "image_tail": OTHER},
    Feature.START_END_SILENT: {"image": PICTURE, "image_tail": OTHER, "sound": "off"},
    Feature.END_ONLY: {"image_tail": OTHER},
    Feature.BRUSH: {"image": PICTURE, "static_mask": MASK},
    Feature.CAMERA_SIMPLE: {"camera_control": CameraControl.parse("zoom=3")},
    Feature.CAMERA: {"camera_control": CameraControl(type="forward_up")},
    Feature.AUDIO: {"sound": "on"},
    Feature.VOICE: {"sound": "on", "voice_list": ("1",)},
    Feature.MULTI_SHOT: {"multi_shot": True, "shot_type": "intelligence"},
    Feature.ELEMENTS: {"element_list": (7,)},
    Feature.TEXT: {},
    Feature.EXTEND: {"video_id": "9"},
    Feature.VIDEO: {"video_list": (ReferenceVideo(video_url="https://x/v.mp4", refer_type="feature"),)},
    Feature.IMAGES: {"image_list": (ReferenceImage(image_url="https://x/a.png"),)},
}
"""How a request uses each feature."""


def offers() -> Iterator[Any]:
    """Every combination of every door, with each of its features."""
    for name in providers.door_names():
        for form, grid in providers.get(name).door.grids.items():
            for cell in grid.cells:
                for feature in sorted(cell.features):
                    yield pytest.param(name, form, cell, feature, id=f"{name}-{form}-{cell}-{feature}")


def fields_for(form: Form, feature: Feature) -> dict[str, Any]:
    base: dict[str, Any] = {"image2video": {"image": PICTURE}, "text2video": {}, "extend": {"video_id": "9"}}[
        form
    ]
    if feature is Feature.END_ONLY:
        base = {}
    return {"prompt": PROMPT} | base | USING[feature]


def test_everything_a_table_offers_passes_the_linter_and_can_be_written() -> None:
    for case in offers():
        name, form, cell, feature = case.values
        dialect = providers.get(name)
        door = dialect.door.rehearsed()
        fields = fields_for(form, feature) | {
            "model_name": cell.model,
            "mode": cell.mode,
            "duration": cell.duration,
        }
        asked = VideoRequest(**with_defaults(fields, door))
        found = lint(asked, door=door, provider=f"sandbox-{name}", extra=dialect.findings(asked))
        blocking = {problem.id for problem in found if problem.blocks}
        unproven = {"L37"} if asked.has_brush and cell.model in door.unproven_brush else set()
        assert blocking == unproven, (case.id, [str(p) for p in found if p.blocks])
        assert json.dumps(dialect.create(asked, "job-1").body), case.id


PICTURES = st.sampled_from([None, PICTURE, LOCAL])
SHOTS = st.lists(
    st.builds(
        Shot,
        index=st.integers(1, 7),
        prompt=st.sampled_from(["", "a door opens"]),
        duration=st.integers(0, 6),
    ),
    max_size=3,
)
CAMERAS = st.sampled_from([None, CameraControl.parse("zoom=3.5"), CameraControl(type="down_back")])
EXTRAS: dict[str, st.SearchStrategy[Any]] = {
    "image": PICTURES,
    "image_tail": st.sampled_from([None, OTHER]),
    "prompt": st.sampled_from(["", PROMPT, "boat " * 520]),
    "model_name": st.sampled_from(known_model_names()),
    "mode": st.sampled_from([None, "std", "pro", "4k"]),
    "duration": st.integers(2, 16),
    "negative_prompt": st.sampled_from(["blur", "blur " * 50]),
    "cfg_scale": st.sampled_from([0.0, 0.5, 1.5]),
    "sound": st.sampled_from([None, "on", "off"]),
    "static_mask": st.sampled_from([None, MASK]),
    "dynamic_masks": st.sampled_from([(), (MOVING,)]),
    "camera_control": CAMERAS,
    "video_id": st.sampled_from([None, "9"]),
    "multi_shot": st.booleans(),
    "shot_type": st.sampled_from([None, "customize", "intelligence", "odd"]),
    "multi_prompt": SHOTS.map(tuple),
    "element_list": st.sampled_from([(), (7,), (1, 2, 3, 4)]),
    "elements": st.sampled_from([(), ({"frontal_image_url": "https://x/a.png"},)]),
    "voice_list": st.sampled_from([(), ("1",)]),
    "image_list": st.sampled_from([(), *(USING[Feature.IMAGES].values())]),
    "video_list": st.sampled_from([(), *(USING[Feature.VIDEO].values())]),
    "aspect_ratio": st.sampled_from([None, "16:9", "3:2"]),
    "upstream": st.sampled_from([None, "kling"]),
    "watermark": st.sampled_from([None, True, False]),
    "callback_url": st.sampled_from([None, "https://me.example"]),
    "external_task_id": st.sampled_from([None, "job-1"]),
}


@st.composite
def requests(draw: st.DrawFn, door: Door) -> dict[str, Any]:
    """Draw something the door's table offers, with up to three other wishes."""
    form = draw(st.sampled_from([form for form in door.forms if form in door.grids]))
    cell = draw(st.sampled_from(door.grids[form].cells))
    fields = fields_for(form, draw(st.sampled_from(sorted(cell.features))))
    fields |= {"model_name": cell.model, "mode": cell.mode, "duration": cell.duration}
    for name in draw(st.lists(st.sampled_from(sorted(EXTRAS)), max_size=3, unique=True)):
        fields[name] = draw(EXTRAS[name])
    return fields


@pytest.mark.parametrize("name", providers.names())
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_asked_is_judged_priced_and_written_or_refused(name: str, data: st.DataObject) -> None:
    dialect = providers.get(name)
    fields = data.draw(requests(dialect.door))
    asked = VideoRequest(**with_defaults(fields, dialect.door))
    cost = dialect.estimate(asked)
    found = lint(
        asked, door=dialect.door, provider=name, extra=dialect.findings(asked), estimate=dialect.estimate
    )
    assert str(cost)
    assert cost.units is None or cost.currency == "units"
    assert all(p.message and (p.fix or not p.blocks) for p in found), found
    if any(p.blocks and not p.forceable for p in found):
        return
    try:
        body = dialect.create(asked, "job-1").body
    except KlingError:
        # A forced request may still be one for which there are no words; a clean one may not.
        assert any(p.blocks for p in found)
        return
    text = json.dumps(body)
    assert "null" not in text
    assert asked.form in dialect.door.forms
    if not any(p.blocks for p in found):
        told = {problem.field for problem in found}
        if "multi_shot" in told:  # shots without multi_shot
            told.add("multi_prompt")
        lost = [
            field
            for field, marks in MARKS.items()
            if getattr(asked, field) not in (None, "", (), False, "off")
            and field not in told
            and not any(mark in text for mark in marks.split(" or "))
        ]
        assert not lost, (fields, body)


MARKS = {
    "image_tail": "end.jpg",
    "prompt": "boat",
    "negative_prompt": "blur",
    "cfg_scale": "cfg_scale",
    "static_mask": "m.png",
    "dynamic_masks": "trajectories",
    "camera_control": "camera_control",
    "video_id": "video_id",
    "element_list": "element",
    "elements": "frontal_image_url",
    "voice_list": "voice",
    "image_list": "image_list",
    "video_list": "v.mp4",
    "aspect_ratio": "aspect_ratio",
    "upstream": "provider",
    "watermark": "watermark",
    "callback_url": "me.example",
    "external_task_id": "job-1",
    "multi_shot": "shot or multi_prompt",  # where shots have lengths, they alone say that there are some
    "multi_prompt": "multi_prompt",
}
"""Field -> what is seen in a body that carries it, one or the other."""


@pytest.mark.parametrize("name", providers.names())
def test_defaults_of_a_door_are_offered_by_it(name: str) -> None:
    door = providers.get(name).door
    for form in FORMS:
        if form in door.grids:
            assert door.grids[form].features(*door.default(form)), (name, form)
    brush = door.default("image2video", brush=True)
    if door.brush and not door.retires:
        assert door.grids["image2video"].supports(*brush, Feature.BRUSH)
