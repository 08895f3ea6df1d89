"""The JSON examples of the specification against the sandbox: bodies are taken, answers have their shape."""

from __future__ import annotations

import golden
import pytest
from gateway_wire import AceData, Aiml
from legacy_wire import IMAGE, group


def filled(value, gateway, video_id):
    """Put pictures and a video the sandbox has where an example names others."""
    if isinstance(value, dict):
        return {
            key: video_id if key == "video_id" else filled(v, gateway, video_id) for key, v in value.items()
        }
    if isinstance(value, list):
        return [filled(inner, gateway, video_id) for inner in value]
    if value == golden.PICTURE or (isinstance(value, str) and value.startswith("data:")):
        return IMAGE
    if isinstance(value, str) and value.startswith("https://example.com/"):
        return "http://127.0.0.1:9/callback" if value.endswith("/cb") else gateway.image
    return value


def shape(value):
    """Reduce an answer to its keys and types; what a task was asked for does not count."""
    if isinstance(value, dict):
        return {key: "echo" if key == "request" else shape(inner) for key, inner in value.items()}
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.parametrize("door", ["acedata", "aimlapi"])
def test_every_example_of_a_body_is_taken(sandbox, door):
    sandbox.config(quota=100, workers=8, min_processing=0)
    gateway = AceData(sandbox) if door == "acedata" else Aiml(sandbox)
    gateway.image = sandbox.upload(golden.picture().data)
    source = AceData(sandbox).delivered(model="kling-v1-6")["response"]["video_id"]
    tasks = {}
    for row in golden.rows(f"{door}/creates"):
        answer = gateway.request("POST", gateway.create_path, json=filled(row["body"], gateway, source))
        assert answer.status_code == 200, (row["source"], answer.text)
        tasks[row["source"]] = gateway.task_id(answer.json())
        assert gateway.debug(tasks[row["source"]])["ignored"] == [], row["source"]
    for name, task in tasks.items():
        assert "Video not found" not in str(gateway.finished(task)), name


def stages(gateway, **fields):
    """Return the create answer of a task and all its polls."""
    gateway.sandbox.hold()
    seen = [gateway.create(**fields).json()]

    def poll():
        seen.append(gateway.poll(gateway.task_id(seen[0])).json())
        return seen[-1]

    waiting = poll()
    gateway.sandbox.work()
    while poll() == waiting:
        pass
    poll()
    gateway.sandbox.deliver()
    while not gateway.is_ended(poll()):
        pass
    return seen


@pytest.mark.parametrize("door", ["acedata", "aimlapi"])
def test_every_example_of_an_answer_is_given(sandbox, door):
    sandbox.config(quota=100, tricky_errors=True)
    if door == "acedata":
        gateway = AceData(sandbox)
        refused = {"model": "kling-v2-master", "end_image_url": gateway.image}
        given = [gateway.create(**{"async": ...}).json()]
    else:
        gateway, given = Aiml(sandbox), []
        refused = {"model": "kling-video/v2.1/pro/image-to-video", "dynamic_masks": [group()]}
    given += stages(gateway) + stages(gateway, **refused) + stages(gateway, **refused)
    shapes = [shape(answer) for answer in given]
    for row in golden.rows(f"{door}/answers"):
        if "motion-control" not in row["source"]:  # not served
            assert expected(row["answer"]) in shapes, row["source"]


def expected(answer):
    """The shape of an example; the sandbox gives the platform-wide form of the shortest one."""
    return shape(answer | {"success": True, "trace_id": ""} if set(answer) == {"task_id"} else answer)
