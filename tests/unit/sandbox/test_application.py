"""The ASGI application without a server."""

from __future__ import annotations

import pytest
from without_server import client

from kling_nb.sandbox.config import Config
from kling_nb.sandbox.core import Sandbox

PATH = "/v1/videos/image2video"


@pytest.fixture
async def box(tmp_path):
    box = Sandbox(tmp_path, Config(render="off"), source=lambda: 1_700_000_000.0)
    yield box
    await box.stop()


async def test_time_comes_from_the_given_clock(box):
    async with client(box) as http:
        answer = await http.post(PATH, json={"image": "AAAA"})
        assert answer.headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
        data = answer.json()["data"]
        assert data["created_at"] == 1_700_000_000_000
        assert len(data["task_id"]) == 18
        later = (await http.post(PATH, json={"image": "AAAA"})).json()["data"]["task_id"]
        assert int(later) > int(data["task_id"])


async def test_an_error_of_its_own_is_told_as_the_service_would(box, monkeypatch):
    def broken(*args):
        raise OSError("disk full")

    monkeypatch.setattr(box.store, "add", broken)
    async with client(box) as http:
        answer = await http.post(PATH, json={"image": "AAAA"})
    assert (answer.status_code, answer.json()["code"]) == (500, 5000)
    assert "disk" not in answer.text


async def test_a_pack_is_renewed_after_30_days(tmp_path):
    now = [1_700_000_000.0]
    box = Sandbox(tmp_path, Config(render="off", total_quantity=2), source=lambda: now[0])
    async with client(box) as http:
        assert (await http.post(PATH, json={"image": "AAAA"})).status_code == 200
        body = {"image": "AAAA", "model_name": "kling-v2-5-turbo"}
        assert (await http.post(PATH, json=body)).json()["code"] == 1102
        now[0] += 30 * 24 * 3600
        assert (await http.post(PATH, json=body)).status_code == 200
    await box.stop()
