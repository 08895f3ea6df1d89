"""Real renders ordered through the gateways: what was asked for is what was rendered."""

from __future__ import annotations

import io

import av
import numpy as np
from gateway_wire import AceData, Aiml
from legacy_wire import encoded, get, group

SIDE = 320


def test_text_pictures_and_brush_reach_the_renderer(sandbox_render):
    sandbox_render.config(workers=2, min_processing=0)
    acedata, aiml = AceData(sandbox_render), Aiml(sandbox_render)
    picture = np.random.default_rng(3).integers(60, 200, (SIDE, SIDE, 3), dtype=np.uint8)
    selected = np.zeros((SIDE, SIDE, 3), np.uint8)
    selected[140:180, 140:180] = 255
    brush = group(mask=encoded(selected), trajectories=[{"x": 160, "y": 160}, {"x": 160, "y": 220}])
    text = {"action": "text2video", "start_image_url": ..., "model": "kling-v3", "duration": 3}
    ordered = (
        (acedata, {**text, "aspect_ratio": "9:16", "generate_audio": True}),
        (
            acedata,
            {
                **text,
                "model": "kling-v3-omni",
                "image_list": [{"image_url": acedata.image, "type": "first_frame"}],
            },
        ),
        (aiml, {"image_url": encoded(picture), "dynamic_masks": [brush]}),
    )
    tasks = [(gateway, gateway.created(**fields)) for gateway, fields in ordered]
    card, framed, brushed = (seen(gateway, task) for gateway, task in tasks)
    assert (card["frames"], card["audio"], card["ratio"]) == (73, True, 9 / 16)
    assert (framed["frames"], framed["audio"], framed["ratio"]) == (73, False, 1)
    dx, dy = brushed["truth"]["displacements"][0][-1]
    # The wire counts y from the bottom: a path that grows in y goes up, which is less in video pixels.
    assert abs(dx) < 1
    assert dy < -30


def seen(gateway, task):
    done = gateway.finished(task)
    with av.open(io.BytesIO(get(gateway.url(done)).content)) as container:
        video = container.streams.video[0]
        frames = sum(1 for _ in container.decode(video=0))
        return {
            "frames": frames,
            "audio": bool(container.streams.audio),
            "ratio": round(video.width / video.height, 4),
            "truth": gateway.debug(task)["truth"],
        }


def test_retired_models_are_retired_on_official_paths_only(sandbox):
    sandbox.config(retired="2026-09", min_processing=0)
    assert AceData(sandbox).delivered(model="kling-v1")["response"]["success"] is True
    assert Aiml(sandbox).delivered()["status"] == "completed"
