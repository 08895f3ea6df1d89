"""Clients nobody here wrote, run by the Python of a scratch environment; prints what they saw as JSON.

Usage: ``python foreign_clients.py mcp|official|aiml URL CREDENTIAL [...]``. The loops follow the public
documentation of each service: create, poll, download.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

POLL_S = 0.2
PATIENCE_S = 60


def mcp(url: str, token: str, image: str) -> dict[str, Any]:
    """Drive AceData's own MCP server over stdio with nothing but its address and token set."""
    env = {"PATH": os.environ["PATH"], "ACEDATACLOUD_API_BASE_URL": url, "ACEDATACLOUD_API_TOKEN": token}
    with Path(os.devnull).open("w") as silent:
        return asyncio.run(_mcp_session(env, silent, image))


async def _mcp_session(env: dict[str, str], silent: Any, image: str) -> dict[str, Any]:
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    server = StdioServerParameters(command=str(Path(sys.executable).with_name("mcp-kling")), env=env)
    async with stdio_client(server, errlog=silent) as streams, ClientSession(*streams) as session:
        await session.initialize()
        return await _mcp_tour(session, image)


async def _mcp_tour(session: Any, image: str) -> dict[str, Any]:
    async def call(name: str, **arguments: Any) -> Any:
        text = (await session.call_tool(name, arguments)).content[0].text
        try:
            return json.loads(text)
        except ValueError:
            return text

    async def ended(task: str) -> Any:
        record: Any = {}
        while not record.get("mcp_task_polling", {}).get("terminal_state_reached"):
            record = await call("kling_get_task", task_id=task)
        return record

    shots = [{"index": 1, "prompt": "dawn", "duration": 2}, {"index": 2, "prompt": "noon", "duration": 3}]
    camera = {"type": "simple", "config": {"zoom": 0.5}}
    orders: dict[str, tuple[str, dict[str, Any]]] = {
        "text": ("kling_generate_video", {}),
        "camera": ("kling_generate_video", {"model": "kling-v1", "camera_control": camera}),
        "reference": (
            "kling_generate_video",
            {"model": "kling-v3-omni", "image_list": [{"image_url": image}]},
        ),
        "image": ("kling_generate_video_from_image", {"start_image_url": image, "model": "kling-v1-6"}),
        "frames": (
            "kling_generate_video_from_image",
            {"start_image_url": image, "end_image_url": image, "model": "kling-v3", "duration": 3},
        ),
        "refused": (
            "kling_generate_video_from_image",
            {"start_image_url": image, "end_image_url": image, "model": "kling-v2-master"},
        ),
    }
    tasks = {
        name: (await call(tool, prompt="slow waves", **more))["task_id"]
        for name, (tool, more) in orders.items()
    }
    turbo = await call("kling_generate_turbo_video", request={"prompt": "slow waves"})
    story = {"shot_type": "customize", "duration": 5, "multi_prompt": shots}
    storyboard = await call("kling_generate_storyboard", request=story)
    tasks |= {"turbo": turbo["task_id"], "storyboard": storyboard["task_id"]}
    seen = {name: await ended(task) for name, task in tasks.items()}
    video = seen["image"]["response"]["video_id"]
    longer = await call("kling_extend_video", video_id=video, prompt="on", model="kling-v1-6")
    seen["extend"] = await ended(longer["task_id"])
    batch = await call("kling_get_tasks_batch", task_ids=[tasks["text"], "unknown", tasks["image"]])
    return {
        "ended": seen,
        "batch": [item["id"] for item in batch["items"]] == [tasks["text"], tasks["image"]],
        "unknown": await call("kling_get_task", task_id="unknown"),
        "local file": await call(
            "kling_generate_video_from_image", prompt="x", start_image_url="pictures/a.png"
        ),
        "not served": await call(
            "kling_generate_motion",
            image_url=image,
            video_url=image,
            character_orientation="image",
            mode="std",
        ),
    }


def official(url: str, access_key: str, secret_key: str, image: str) -> dict[str, Any]:
    """Follow the documentation of the official API: a JWT, create, query one, download."""
    import jwt
    import requests

    now = int(time.time())
    payload = {"iss": access_key, "exp": now + 1800, "nbf": now - 5}
    token = jwt.encode(payload, secret_key, headers={"alg": "HS256", "typ": "JWT"})
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    path = f"{url}/v1/videos/image2video"
    body = {
        "model_name": "kling-v2-6",
        "mode": "std",
        "duration": "5",
        "image": image,
        "prompt": "slow waves",
    }
    task = requests.post(path, headers=headers, json=body, timeout=30).json()["data"]["task_id"]
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        data = requests.get(f"{path}/{task}", headers=headers, timeout=30).json()["data"]
        if data["task_status"] in ("succeed", "failed"):
            break
        time.sleep(POLL_S)
    video = requests.get(data["task_result"]["videos"][0]["url"], timeout=30)
    return {"status": data["task_status"], "type": video.headers["Content-Type"], "bytes": len(video.content)}


def aiml(url: str, key: str, image: str) -> dict[str, Any]:
    """Follow the documentation of the AI/ML API: create, poll by query parameter, download."""
    import requests

    base_url = f"{url}/v2"
    headers = {"Authorization": f"Bearer {key}"}
    data = {
        "model": "kling-video/v1/standard/image-to-video",
        "prompt": "slow waves",
        "image_url": image,
        "duration": "5",
    }
    response = requests.post(f"{base_url}/video/generations", json=data, headers=headers, timeout=30)
    assert response.status_code < 400, response.text
    params = {"generation_id": response.json().get("id")}
    polling = headers | {"Content-Type": "application/json"}
    found: dict[str, Any] = {"status": "queued"}
    start = time.monotonic()
    while found.get("status") in ["queued", "generating"] and time.monotonic() - start < PATIENCE_S:
        time.sleep(POLL_S)
        found = requests.get(
            f"{base_url}/video/generations", params=params, headers=polling, timeout=30
        ).json()
    video = requests.get(found["video"]["url"], timeout=30)
    return {"status": found["status"], "type": video.headers["Content-Type"], "bytes": len(video.content)}


def main() -> None:
    """Run one client and print what it saw."""
    name, *arguments = sys.argv[1:]
    print(json.dumps({"mcp": mcp, "official": official, "aiml": aiml}[name](*arguments)))


if __name__ == "__main__":
    main()
