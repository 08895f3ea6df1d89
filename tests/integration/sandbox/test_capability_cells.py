"""Every cell of the capability table, asked of the server: supported accepted, all else refused."""

from __future__ import annotations

import json

import pytest
from legacy_wire import IMAGE, create, group, refusal

# Transcribed from spec/capabilities.md §2, apart from the data the server uses.
TABLE = json.loads("""
{"kling-v1":{"std":{"5":["start","start_end","brush"],"10":["start"]},"pro":{"5":["start","start_end","brush"],"10":["start"]}},
 "kling-v1-5":{"std":{"5":["start"],"10":["start"]},"pro":{"5":["start","start_end","end_only","brush","camera_simple"],"10":["start","start_end","end_only"]}},
 "kling-v1-6":{"std":{"5":["start"],"10":["start"]},"pro":{"5":["start","start_end","end_only"],"10":["start","start_end","end_only"]}},
 "kling-v2-master":{"*":{"5":["start"],"10":["start"]}},
 "kling-v2-1":{"std":{"5":["start"],"10":["start"]},"pro":{"5":["start","start_end"],"10":["start","start_end"]}},
 "kling-v2-1-master":{"*":{"5":["start"],"10":["start"]}},
 "kling-v2-5-turbo":{"std":{"5":["start"],"10":["start"]},"pro":{"5":["start","start_end"],"10":["start","start_end"]}},
 "kling-v2-6":{"std":{"5":["start"],"10":["start"]},"pro":{"5":["start","start_end_silent","audio","voice"],"10":["start","start_end_silent","audio","voice"]}},
 "kling-v3":{"std":{"3-15":["start","start_end","audio","multi_shot","elements"]},"pro":{"3-15":["start","start_end","audio","multi_shot","elements"]},"4k":{"3-15":["start","start_end","audio","multi_shot","elements"]}}}
""")
ASK = {
    "start": {},
    "start_end": {"image_tail": IMAGE},
    "start_end_audio": {"image_tail": IMAGE, "sound": "on"},
    "end_only": {"image": ..., "image_tail": IMAGE},
    "brush": {"dynamic_masks": [group()]},
    "camera_simple": {"camera_control": {"type": "simple", "config": {"zoom": 5}}},
    "audio": {"sound": "on"},
    "voice": {"sound": "on", "voice_list": [{"voice_id": "1"}]},
    "multi_shot": {"multi_shot": True, "shot_type": "intelligence"},
    "elements": {"element_list": [{"element_id": 1}]},
}
FIRST_FAMILY = ("kling-v1", "kling-v1-5", "kling-v1-6")
MASTERS = ("kling-v2-master", "kling-v2-1-master")
MODES = ("std", "pro", "4k")
SECONDS = range(1, 17)


def offered(model, mode, seconds):
    """What the table lists for a combination; None where the duration itself is unknown."""
    known = TABLE[model].get("*") or TABLE[model].get(mode, {})
    if mode == "4k" and "*" in TABLE[model]:
        known = {}
    for key, features in known.items():
        first, _, last = key.partition("-")
        if int(first) <= seconds <= int(last or first):
            return set(features)
    return set()


def supported(feature, can):
    if feature == "start_end":
        return "start_end" in can or "start_end_silent" in can
    if feature == "start_end_audio":
        return {"start_end", "audio"} <= can
    return feature in can


def expected_text(model, mode, seconds, feature):
    """The refusal of spec/official-api.md §10.2, None when the combination is supported."""
    lengths = {"5", "10"} if model != "kling-v3" else {str(s) for s in range(3, 16)}
    if str(seconds) not in lengths:
        return f"duration value '{seconds}' is invalid"
    if mode == "4k" and model != "kling-v3":
        return f"4k mode is not supported by the current model: {model}"
    can = offered(model, mode, seconds)
    if supported(feature, can):
        return None
    combination = f"model/mode/duration({model}/{mode}/{seconds}) is not supported with "
    no_sound = f"model/mode({model}/{mode}) is not supported with sound on"
    if feature in ("start_end", "start_end_audio", "end_only"):
        if model in MASTERS:
            return "Image tail is not supported by the current model"
        if feature == "start_end_audio" and supported("start_end", can) and model != "kling-v2-6":
            return no_sound
        return combination + "image_tail"
    if feature == "brush":
        if model == "kling-v1-6":
            return f"{model} is not supported with motion brush"
        later = "Motion brush is not supported by the current model"
        return combination + "motion brush" if model in FIRST_FAMILY else later
    if feature == "camera_simple":
        later = "Camera control is not supported by the current model"
        return combination + "camera_control" if model in FIRST_FAMILY else later
    if feature == "audio" or (feature == "voice" and "audio" not in can):
        return no_sound
    field = {"voice": "voice_list", "multi_shot": "multi_shot", "elements": "element_list"}[feature]
    return f"{field} is not supported by the current model"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("model", TABLE)
def test_every_cell(sandbox, model, mode):
    sandbox.config(quota=1000, total_quantity=1_000_000, workers=50)
    accepted = 0
    for seconds in SECONDS:
        for feature, fields in ASK.items():
            answer = create(sandbox, model_name=model, mode=mode, duration=str(seconds), **fields)
            wanted = expected_text(model, mode, seconds, feature)
            if wanted is None:
                assert answer.status_code == 200, (seconds, feature, answer.text)
                accepted += 1
            else:
                assert refusal(answer) == (400, 1201, wanted), (seconds, feature)
    assert len(sandbox.tasks()) == accepted
    assert accepted > 0 or (mode == "4k" and model != "kling-v3")
