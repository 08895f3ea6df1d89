"""What clients nobody here wrote send and rely on, as raw exchanges.

Recorded from AceData's own MCP server (``mcp-kling`` 2026.10) and from the loops in the public documentation
of the official API and of the AI/ML API; ``tests/drill/test_foreign_clients.py`` runs the clients themselves.
"""

from __future__ import annotations

import time

import httpx
import jwt
import pytest
from gateway_wire import GENERATIONS, TASKS, VIDEOS, AceData, Aiml
from legacy_wire import PATH, picture

MCP_HEADERS = {"accept": "application/json", "content-type": "application/json"}
USUAL = {"prompt": "slow waves", "mode": "std", "aspect_ratio": "16:9", "duration": 5, "async": True}
SHOTS = [{"index": 1, "prompt": "dawn", "duration": 2}, {"index": 2, "prompt": "noon", "duration": 3}]
MCP_BODIES = [
    USUAL | {"action": "text2video", "model": "kling-v1"},
    USUAL
    | {
        "action": "text2video",
        "model": "kling-v1",
        "camera_control": {"type": "simple", "config": {"zoom": 0.5}},
    },
    USUAL | {"action": "text2video", "model": "kling-v3-omni", "image_list": [{"image_url": "+"}]},
    USUAL | {"action": "image2video", "model": "kling-v1-6", "start_image_url": "+"},
    USUAL | {"action": "image2video", "model": "kling-v3", "start_image_url": "+", "end_image_url": "+"},
    USUAL | {"action": "text2video", "model": "kling-v3-turbo", "generate_audio": True},
    {
        "async": True,
        "model": "kling-v3",
        "action": "text2video",
        "mode": "std",
        "duration": 5,
        "aspect_ratio": "16:9",
        "generate_audio": False,
        "multi_shot": True,
        "shot_type": "customize",
        "multi_prompt": SHOTS,
    },
]


def filled(value, image):
    """Put the address of a picture where a recorded body has ``+``."""
    if isinstance(value, dict):
        return {key: filled(inner, image) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, image) for inner in value]
    return image if value == "+" else value


def mcp_reads(record):
    """Decide as ``mcp-kling`` does: done, failed or to be polled again."""
    success = record.get("response", {}).get("success")  # fails on a null response
    return {True: "done", False: "failed", None: "poll"}[success]


def test_what_the_mcp_server_of_acedata_sends_and_reads(sandbox):
    sandbox.config(quota=50, workers=4, min_processing=0.1)
    gateway = AceData(sandbox)
    tasks = []
    for body in MCP_BODIES:
        answer = gateway.request("POST", VIDEOS, json=filled(body, gateway.image), headers=MCP_HEADERS)
        assert answer.status_code == 200, (body, answer.text)
        assert answer.json().get("success") is True
        tasks.append(answer.json()["task_id"])
    for task in tasks:
        told = []
        while not told or told[-1] == "poll":
            record = gateway.request("POST", TASKS, json={"id": task, "action": "retrieve"}).json()
            told.append(mcp_reads(record))
        assert told[-1] == "done", record
        assert record["id"] == task
    assert mcp_reads(gateway.delivered(mode="4k")) == "failed"
    batch = {"ids": [tasks[0], "unknown"], "action": "retrieve_batch"}
    assert gateway.request("POST", TASKS, json=batch).json()["count"] == 1


def test_errors_as_the_mcp_server_reads_them(sandbox):
    gateway = AceData(sandbox)
    for answer in (
        gateway.create(start_image_url="/a.png"),
        gateway.request("POST", "/kling/motion", json={}),
    ):
        error = answer.json().get("error", {})
        assert error.get("code")
        assert error.get("message")


def requests_like(sandbox):
    headers = {"User-Agent": "python-requests/2.34.2", "Accept-Encoding": "gzip, deflate", "Accept": "*/*"}
    return httpx.Client(base_url=sandbox.url, headers=headers, timeout=30, trust_env=False)


def test_the_loop_of_the_aiml_documentation(sandbox):
    with requests_like(sandbox) as http:
        bearer = {"Authorization": f"Bearer {sandbox.aimlapi_key}"}
        body = Aiml(sandbox).body(image_url=sandbox.upload(picture()), duration="5")
        answer = http.post(GENERATIONS, json=body, headers=bearer)
        assert answer.status_code < 400
        polling = bearer | {"Content-Type": "application/json"}
        status = "queued"
        while status in ["queued", "generating"]:
            found = http.get(GENERATIONS, params={"generation_id": answer.json().get("id")}, headers=polling)
            status = found.json().get("status")
        assert status == "completed"
        assert http.get(found.json()["video"]["url"]).content


@pytest.mark.parametrize("host_path", [PATH, f"{PATH}/"])
def test_the_loop_of_the_official_documentation(sandbox, host_path):
    now = int(time.time())
    claims = {"iss": sandbox.access_key, "exp": now + 1800, "nbf": now - 5}
    token = jwt.encode(claims, sandbox.secret_key, headers={"alg": "HS256", "typ": "JWT"})
    with requests_like(sandbox) as http:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        body = {"model_name": "kling-v2-6", "image": sandbox.upload(picture()), "duration": "5"}
        task = http.post(host_path, json=body, headers=headers).json()["data"]["task_id"]
        status = "submitted"
        while status in ("submitted", "processing"):
            data = http.get(f"{PATH}/{task}", headers=headers).json()["data"]
            status = data["task_status"]
        assert status == "succeed"
        assert http.get(data["task_result"]["videos"][0]["url"]).content
