"""The closed request model, explicit defaults, the log form and identity."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from kling_nb import providers
from kling_nb.domain.aliases import REQUEST_FIELDS
from kling_nb.domain.brush import Mask, MotionBrush
from kling_nb.domain.camera import CameraControl
from kling_nb.domain.images import ImageRef
from kling_nb.domain.request import VideoRequest, with_defaults
from kling_nb.domain.values import Shot

SIZE = (640, 480)

DOORS = {name: providers.get(name).door for name in ("official", "sandbox")}


def picture(digest: str = "aa", size: tuple[int, int] = SIZE) -> ImageRef:
    return ImageRef(
        data=b"....", sha256=digest, width=size[0], height=size[1], format="PNG", source="boat.png"
    )


def brush() -> MotionBrush:
    bits = np.zeros((480, 640), dtype=bool)
    bits[100:200, 100:200] = True
    return MotionBrush(SIZE).dynamic(bits, [(150, 150), (300, 150)], label="boat").static(np.flipud(bits))


def request(**fields: Any) -> VideoRequest:
    return VideoRequest(
        **with_defaults({"image": picture(), "prompt": "the boat drifts"} | fields, DOORS["sandbox"])
    )


def full() -> VideoRequest:
    drawn = brush()
    return request(
        model_name="kling-v3",
        mode="pro",
        duration=8,
        image_tail=picture("bb"),
        static_mask=drawn.static_mask,
        dynamic_masks=drawn.dynamic_masks,
        camera_control=CameraControl.parse("zoom=3"),
        multi_shot=True,
        shot_type="customize",
        multi_prompt=(Shot(index=1, prompt="a", duration=8),),
        element_list=(12345678901234567,),
        voice_list=("891495440020668439",),
        sound="on",
        cfg_scale=0.25,
        watermark=True,
        negative_prompt="blur",
        callback_url="https://example.com/cb",
        external_task_id="job-1",
        aspect_ratio="4:3",
        y_origin="top",
    )


@pytest.mark.parametrize("name", ["model", "image_url", "seed", "durration", "resolution"])
def test_the_model_is_closed_even_for_aliases(name: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        request(**{name: "x"})


@pytest.mark.parametrize(
    ("name", "value"),
    [("image", "boat.jpg"), ("duration", "five"), ("sound", "loud"), ("static_mask", "m.png"), ("mode", 7)],
)
def test_wrong_types_do_not_become_a_request(name: str, value: Any) -> None:
    with pytest.raises(ValidationError):
        request(**{name: value})


def test_a_request_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        request().prompt = "other"


def test_the_fields_are_those_of_the_alias_layer() -> None:
    assert set(VideoRequest.model_fields) == set(REQUEST_FIELDS)


@pytest.mark.parametrize(
    ("given", "provider", "expected"),
    [
        ({}, "official", ("kling-v2-5-turbo", "std", 5)),
        ({}, "sandbox", ("kling-v2-5-turbo", "std", 5)),
        ({"static_mask": Mask(url="https://x/m.png")}, "sandbox", ("kling-v1", "pro", 5)),
        ({"mode": "pro", "duration": 10}, "official", ("kling-v2-5-turbo", "pro", 10)),
        ({"model_name": "kling-v1-6"}, "official", ("kling-v1-6", "std", 5)),
        ({"model_name": "kling-v2-master"}, "official", ("kling-v2-master", None, 5)),
        ({"model_name": "kling-v2-1-master", "mode": "pro"}, "official", ("kling-v2-1-master", "pro", 5)),
    ],
)
def test_defaults_are_written_out(given: dict[str, Any], provider: str, expected: tuple[Any, ...]) -> None:
    filled = with_defaults({"image": picture()} | given, DOORS[provider])
    assert (filled["model_name"], filled["mode"], filled["duration"]) == expected


@pytest.mark.parametrize(
    ("model", "mode", "sent"),
    [
        ("kling-v1", "pro", "pro"),
        ("kling-v1", None, "std"),
        ("kling-v2-master", None, None),
        ("kling-v2-1-master", "std", None),
        ("kling-v2-1-master", "4k", "4k"),
    ],
)
def test_the_masters_send_no_mode(model: str, mode: str | None, sent: str | None) -> None:
    assert VideoRequest(model_name=model, mode=mode, image=picture()).sent_mode == sent


def test_features_follow_the_fields() -> None:
    assert request().features == {"start"}
    assert request(image=None, image_tail=picture()).features == {"end_only"}
    assert request(image=None).features == {"text"}
    assert full().features == {
        "start_end",
        "brush",
        "camera_simple",
        "audio",
        "voice",
        "multi_shot",
        "elements",
    }
    assert request(camera_control=CameraControl(type="forward_up")).features == {"start", "camera"}


def test_a_request_survives_the_log() -> None:
    asked = full()
    masks = {g.mask.sha256: g.mask.array for g in asked.dynamic_masks}
    assert asked.static_mask is not None
    masks[asked.static_mask.sha256] = asked.static_mask.array
    back = VideoRequest.from_json(
        asked.to_json(),
        lambda row: picture(row["sha256"]),
        masks.__getitem__,  # type: ignore[arg-type]  # arrays, never None
    )
    assert back == asked
    assert back.identity("official") == asked.identity("official")


def test_a_picture_at_an_address_survives_the_log() -> None:
    asked = request(image=ImageRef(url="https://example.com/a.jpg", source="https://example.com/a.jpg"))
    back = VideoRequest.from_json(asked.to_json(), lambda _row: picture(), lambda _sha: np.zeros((1, 1)))
    assert back == asked


def test_the_log_form_holds_no_bytes_and_no_unset_fields() -> None:
    plain = request().to_json()
    assert plain["image"] == {
        "sha256": "aa",
        "bytes": 4,
        "width": 640,
        "height": 480,
        "format": "PNG",
        "source": "boat.png",
    }
    assert not {"cfg_scale", "image_tail", "negative_prompt", "dynamic_masks"} & set(plain)
    assert request(cfg_scale=0).to_json()["cfg_scale"] == 0
    assert request(watermark=False).to_json()["watermark"] is False


def test_pictures_stay_out_of_repr() -> None:
    secret = ImageRef(data=b"SECRETBYTES", sha256="cc", width=1, height=1)
    assert "SECRETBYTES" not in repr(request(image=secret))


@pytest.mark.parametrize(
    "change",
    [
        {"prompt": "the boat sinks"},
        {"image": picture("zz")},
        {"image_tail": picture("bb")},
        {"duration": 10},
        {"mode": "pro"},
        {"model_name": "kling-v2-6"},
        {"cfg_scale": 0.0},
        {"negative_prompt": "blur"},
        {"sound": "off"},
        {"watermark": True},
        {"camera_control": CameraControl.parse("zoom=3")},
        {"static_mask": brush().static_mask},
        {"dynamic_masks": brush().dynamic_masks},
    ],
)
def test_whatever_changes_the_clip_changes_the_identity(change: dict[str, Any]) -> None:
    assert request(model_name="kling-v2-5-turbo").identity("sandbox") != request(
        **({"model_name": "kling-v2-5-turbo"} | change)
    ).identity("sandbox")


@pytest.mark.parametrize(
    "change",
    [
        {"external_task_id": "job-2"},
        {"callback_url": "https://example.com/cb"},
        {
            "image": ImageRef(
                data=b"....", sha256="aa", width=640, height=480, format="PNG", source="copy.png"
            )
        },
    ],
)
def test_delivery_and_file_names_do_not_change_the_identity(change: dict[str, Any]) -> None:
    assert request().identity("sandbox") == request(**change).identity("sandbox")


def test_the_provider_is_part_of_the_identity() -> None:
    assert request().identity("sandbox") != request().identity("official")


def test_labels_are_not_part_of_the_identity() -> None:
    drawn = brush()
    renamed = tuple(type(g)(g.mask, g.trajectory, "ship") for g in drawn.dynamic_masks)
    assert request(dynamic_masks=drawn.dynamic_masks).identity("sandbox") == request(
        dynamic_masks=renamed
    ).identity("sandbox")
