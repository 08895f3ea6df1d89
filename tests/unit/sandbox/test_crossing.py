"""What calls, tasks, a reset and the end of the server do to each other."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from types import SimpleNamespace

import numpy as np
import pytest
from awaiting import until
from legacy_wire import IMAGE
from without_server import client

from kling_nb.render import RenderStopped
from kling_nb.sandbox.config import Config
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.files import HeldFile
from kling_nb.sandbox.official import recognize
from kling_nb.sandbox.server import _announce, _stop_when_idle

PATH = "/v1/videos/text2video"
AT_ONCE = Config(render="off", queued=0, min_processing=0, quota=1)


@pytest.fixture
async def box(tmp_path):
    box = Sandbox(tmp_path, AT_ONCE)
    yield box
    await box.stop()


async def created(http, prompt="a kite"):
    return (await http.post(PATH, json={"prompt": prompt})).json()


async def ended(box, count):
    await until(lambda: sum(task.state.final for task in box.store.newest_first()) == count)


async def at_rest(box):
    await until(lambda: not box.engine.busy)


async def test_a_task_made_while_a_reset_waits_goes_with_it(box, caplog):
    """Nothing of it goes on in a store that has forgotten it, and its slot is free once, not twice."""
    async with client(box) as http:
        await created(http, "[[sandbox:slow:600]]")
        box.reconfigure(Config(render="off", queued=0, min_processing=0, quota=9))
        late = []
        inner = box.callbacks.abandon

        async def abandon():
            if not late:
                late.append(await created(http))
            await inner()

        box.callbacks.abandon = abandon
        await box.reset()
        assert late[0]["code"] == 0
        assert not box.engine.busy
        assert list(box.store.newest_first()) == []
        await created(http)
        await ended(box, 1)
        assert (await created(http, "[[sandbox:slow:600]]"))["code"] == 0
        assert (await created(http))["code"] == 1303
    assert not caplog.records


async def test_a_render_told_to_stop_has_not_failed(box, monkeypatch):
    """The server ends while the first frame is drawn: the next one renders the task again."""

    def stopped(*_args):
        raise RenderStopped("The render was stopped.")

    monkeypatch.setattr(box.engine._producer, "produce", stopped)
    async with client(box) as http:
        task = (await created(http))["data"]["task_id"]
        await at_rest(box)
        assert (await http.get(f"{PATH}/{task}")).json()["data"]["task_status"] == "processing"


class FullDisk:
    """A connection on whose disk no transaction finds room for its end."""

    def __init__(self, db):
        self._db = db

    def __getattr__(self, name):
        return getattr(self._db, name)

    def execute(self, sql, *values):
        if sql == "COMMIT":
            raise sqlite3.OperationalError("database or disk is full")
        return self._db.execute(sql, *values)


async def test_a_full_disk_is_no_longer_full_once_there_is_room(box, monkeypatch):
    async with client(box) as http:
        with monkeypatch.context() as full:
            full.setattr(box.store, "_db", FullDisk(box.store._db))
            assert (await created(http))["code"] == 5000
        assert list(box.store.newest_first()) == []
        assert box.ledger.remaining() == box.config.total_quantity
        assert (await created(http))["code"] == 0
        await ended(box, 1)


async def test_a_task_whose_end_finds_no_room_gives_its_slot_back_and_is_told_about(box, monkeypatch, caplog):
    async with client(box) as http:
        await created(http, "[[sandbox:slow:600]]")
        with monkeypatch.context() as full:
            full.setattr(box.store, "_db", FullDisk(box.store._db))
            box.reconfigure(box.config.patched({"time_scale": 0}))
            await ended(box, 1)
            await at_rest(box)
        assert (await created(http))["code"] == 0
        await ended(box, 2)
    assert [(record.levelno, record.exc_info[0]) for record in caplog.records] == [
        (logging.ERROR, sqlite3.OperationalError)
    ]


async def test_whoever_is_being_answered_keeps_the_server_up(box):
    """A download may take longer than the idle time; it is not cut off."""
    server = SimpleNamespace(should_exit=False)
    _announce(box, 9)
    with box.call():
        watch = asyncio.create_task(_stop_when_idle(server, box, 0.02))
        await asyncio.sleep(0.1)
        assert not server.should_exit
    await until(lambda: server.should_exit)
    await watch


async def test_who_finds_a_server_can_use_it(box):
    """One that is about to end answers nobody who looks for a server."""
    async with client(box) as http:
        assert (await http.get("/sandbox/health")).status_code == 200
        box.ending = lambda: True
        assert (await http.get("/sandbox/health")).status_code == 503


async def test_a_file_may_go_while_it_is_being_answered(box, tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"a clip")
    sent = []

    async def send(message):
        path.unlink(missing_ok=True)
        sent.append(message)

    for status, body in ((200, b"a clip"), (404, b"NoSuchKey")):
        scope = {"type": "http", "method": "GET", "headers": []}
        await HeldFile(path, "video/mp4")(scope, asyncio.Event().wait, send)
        assert (sent[0]["status"], b"".join(part["body"] for part in sent[1:])) == (status, body)
        sent.clear()


@pytest.fixture
def regions(monkeypatch):
    """The number of calls that look for regions; they find them when they are allowed to."""
    entered, go_on = [], threading.Event()

    def found(pixels):
        entered.append(pixels)
        assert go_on.wait(60)
        return np.zeros(pixels.shape[:2], np.bool_)

    monkeypatch.setattr(recognize, "foreground_mask", found)
    yield SimpleNamespace(entered=entered, go_on=go_on)
    go_on.set()


async def test_a_reset_while_regions_are_looked_for_leaves_them_to_be_fetched(box, regions):
    box.base_url = "http://127.0.0.1"
    async with client(box) as http:
        looking = asyncio.create_task(http.post(recognize.PATH, json={"image": IMAGE}))
        await until(lambda: regions.entered)
        await box.reset()
        regions.go_on.set()
        found = (await looking).json()["data"]["task_result"]["images"][0]
        assert (await http.get(found["url"])).status_code == 200


async def test_units_left_for_one_are_not_spent_by_two(box, regions):
    box.reconfigure(box.config.patched({"total_quantity": "0.1"}))
    async with client(box) as http:
        both = [asyncio.create_task(http.post(recognize.PATH, json={"image": IMAGE})) for _ in range(2)]
        await until(lambda: len(regions.entered) == 2)
        regions.go_on.set()
        assert sorted([(await one).json()["code"] for one in both]) == [0, 1102]
    assert box.ledger.remaining() == 0
