"""AceData and the AI/ML API over the real transport against the local server: from request to file."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import golden
import numpy as np
import pytest
from awaiting import an_hour_passes, until

from kling_nb import errors, providers
from kling_nb.domain.brush import MotionBrush
from kling_nb.domain.camera import CameraControl
from kling_nb.domain.images import ImageRef
from kling_nb.domain.request import Shot, VideoRequest
from kling_nb.domain.task import RunStatus
from kling_nb.transport.auth import Credential
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.connection import Timeouts
from kling_nb.transport.download import download
from kling_nb.transport.reach import Reach
from kling_nb.transport.retry import RetryRule
from kling_nb.transport.submit import SubmitPolicy, create_task

ACE, AIML = providers.get("sandbox-acedata"), providers.get("sandbox-aimlapi")
QUICK = RetryRule(delays=(0.02,) * 5, jitter=0.0)
FAST = SubmitPolicy(backoff=QUICK, lookup_span_s=0.1)
CREATES = {"acedata": "/kling/videos", "aimlapi": "/v2/video/generations"}


class Way:
    """One door of the sandbox and the client that goes through it."""

    def __init__(self, sandbox, provider, key):
        self.sandbox = sandbox
        self.provider = provider
        self.client = ServiceClient(
            sandbox.url, Credential.api_key(key, "sandbox"), timeouts=Timeouts(60.0, 60.0, 60.0), retry=QUICK
        )

    @property
    def picture(self):
        """A picture in the form this door takes."""
        if self.provider.door.local_images:
            return golden.picture()
        width, height = golden.SIZE
        return ImageRef(url=self.sandbox.upload(golden.picture().data), width=width, height=height)

    def request(self, **fields):
        usual = {"model_name": "kling-v2-6", "mode": "pro", "prompt": "slow waves"}
        if "video_id" not in fields:
            usual["image"] = self.picture
        return VideoRequest(**{**usual, **fields})

    async def submit(self, **fields):
        what = self.request(**fields)
        return await create_task(self.client, self.provider, what, "unused", form=what.form, policy=FAST)

    async def follow(self, task):
        for _ in range(3000):
            if task.status.is_final:
                return task
            await asyncio.sleep(0.02)
            task = self.provider.decode_task(await self.client.fetch(self.provider.query(task.task_id)))
        raise AssertionError("the task does not end")

    def fault(self, spec, times=1):
        self.sandbox.fault(spec, "POST", CREATES[self.provider.door.name], times)


@pytest.fixture(params=["acedata", "aimlapi"])
async def way(sandbox, request):
    keys = {"acedata": (ACE, sandbox.acedata_token), "aimlapi": (AIML, sandbox.aimlapi_key)}
    made = Way(sandbox, *keys[request.param])
    yield made
    await made.client.aclose()


def painted():
    mask = np.zeros(golden.SIZE[::-1], dtype=bool)
    mask[200:320, 60:200] = True
    return MotionBrush(golden.SIZE).dynamic(mask, [(130, 260), (400, 300)]).static(~mask)


async def test_from_request_to_file(way, tmp_path):
    task = await way.submit()
    assert task.status is RunStatus.SUBMITTED and not task.unknown_word
    done = await way.follow(task)
    assert done.status is RunStatus.SUCCEEDED and done.task_id == task.task_id
    got = await download(done.video_url, tmp_path / "clip.mp4", reach=Reach.of_service(way.client.base_url))
    assert got.path.read_bytes()[4:8] == b"ftyp"
    record = way.sandbox.task(task.task_id)
    assert record["ignored"] == [] and record["model"] == "kling-v2-6" and record["mode"] == "pro"
    # Nothing was said about sound, and the gateway whose default is sound was told.
    assert way.sandbox.charges() == [Decimal("2.5")]


@pytest.mark.parametrize(
    "fields",
    [
        {"model_name": "kling-v1-6", "image_tail": "picture", "duration": 10},
        {"model_name": "kling-v2-5-turbo"},
        {"model_name": "kling-v1-6", "negative_prompt": "blur", "cfg_scale": 0.0},
        {"model_name": "kling-v1", "mode": "std", "image": None, "camera_control": "forward_up"},
        {"model_name": "kling-v1", "mode": "std", "image": None, "camera_control": {"zoom": 4}},
        {"image": None, "aspect_ratio": "9:16", "sound": "on"},
        {"model_name": "kling-v3", "duration": 3, "sound": "on"},
        {"model_name": "kling-3.0-turbo", "mode": "std", "duration": 3},
        {"model_name": "kling-v3-omni", "duration": 3, "image_tail": "picture"},
        {"model_name": "kling-video-o1", "image_tail": "picture"},
        {"model_name": "kling-v2-master", "mode": None},
    ],
    ids=lambda fields: " ".join(map(str, fields.values())),
)
async def test_every_kind_of_request_is_understood(way, fields):
    fields = {k: way.picture if v == "picture" else v for k, v in fields.items()}
    if "camera_control" in fields:
        fields["camera_control"] = CameraControl.parse(fields["camera_control"])
    done = await way.follow(await way.submit(**fields))
    assert (done.status, done.message) == (RunStatus.SUCCEEDED, "")
    record = way.sandbox.task(done.task_id)
    assert record["ignored"] == [] and record["model"] == fields.get("model_name", "kling-v2-6")
    assert record["sound"] is (fields.get("sound") == "on" or fields.get("model_name") == "kling-3.0-turbo")


@pytest.mark.parametrize("model", ["kling-v3", "kling-v3-omni"])
async def test_storyboard(way, model):
    shots = tuple(Shot(index=n, prompt=w, duration=4) for n, w in ((1, "a door opens"), (2, "a hallway")))
    story = {"multi_shot": True, "shot_type": "customize", "multi_prompt": shots, "prompt": "", "duration": 8}
    done = await way.follow(await way.submit(model_name=model, **story))
    assert (done.status, done.message) == (RunStatus.SUCCEEDED, "")
    assert way.sandbox.task(done.task_id)["ignored"] == []


@pytest.mark.parametrize("way", ["aimlapi"], indirect=True)
@pytest.mark.parametrize("images", ["data-uri", "base64"])
async def test_brush_reaches_the_renderer_in_both_forms(way, images):
    brush = painted()
    way.provider = type(way.provider)(name="sandbox-aimlapi", images=images)
    masks = {"static_mask": brush.static_mask, "dynamic_masks": brush.dynamic_masks}
    done = await way.follow(await way.submit(model_name="kling-v1", **masks))
    assert (done.status, done.message) == (RunStatus.SUCCEEDED, "")
    assert [cash.currency for cash in done.cash] == ["tokens"]


@pytest.mark.parametrize("way", ["aimlapi"], indirect=True)
async def test_ids_that_need_encoding(way):
    way.sandbox.config(awkward_ids=True)
    tasks = [await way.submit(prompt=f"slow waves {number}") for number in range(3)]
    assert any(":" in task.task_id and "/" in task.task_id for task in tasks)
    for task in tasks:
        assert (await way.follow(task)).task_id == task.task_id


@pytest.mark.parametrize("way", ["acedata"], indirect=True)
async def test_many_are_asked_for_at_once_and_a_clip_grows(way):
    tasks = [await way.submit(model_name="kling-v1-6", prompt=f"waves {n}") for n in range(3)]
    ends = [await way.follow(task) for task in tasks]
    call = way.provider.query_many([*(task.task_id for task in tasks), "unknown"])
    found = way.provider.decode_list(await way.client.fetch(call))
    assert {task.task_id: task.video_url for task in found} == {t.task_id: t.video_url for t in ends}
    longer = await way.follow(await way.submit(model_name="kling-v1-6", video_id=ends[0].video_id))
    assert (longer.status, longer.message) == (RunStatus.SUCCEEDED, "")


async def test_what_the_service_behind_it_refuses_ends_the_task_without_a_charge(way):
    way.sandbox.config(tricky_errors=True, tricky_snapshots=True)
    refused = {
        "acedata": {"model_name": "kling-v2-master"},
        "aimlapi": {"model_name": "kling-v1", "duration": 10},
    }
    fields = {"mode": "std", "image_tail": way.picture, **refused[way.provider.door.name]}
    for _ in range(2):
        done = await way.follow(await way.submit(**fields))
        assert done.status is RunStatus.FAILED and "image_tail" in done.message.replace(
            "Image tail", "image_tail"
        )
        assert done.message in way.provider.failure(done).why
    assert way.sandbox.charges() == []


@pytest.mark.parametrize("fault", ["drop-after", "code-after:5002", "truncate", "code:5000", "http:502"])
async def test_a_lost_answer_is_never_sent_again(way, fault):
    way.fault(fault)
    with pytest.raises(errors.SubmitUncertain):
        await way.submit()
    stored = 0 if fault in ("code:5000", "http:502") else 1
    assert len(way.sandbox.tasks()) == len(way.sandbox.charges()) == stored


async def test_an_answer_that_comes_too_late_is_never_sent_again(way, monkeypatch):
    way.fault("delay:9")
    asking = asyncio.create_task(way.submit())
    await until(way.sandbox.tasks)
    an_hour_passes(monkeypatch)
    with pytest.raises(errors.SubmitUncertain):
        await asking
    assert len(way.sandbox.tasks()) == len(way.sandbox.charges()) == 1


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1001, errors.AuthError),
        (1002, errors.AuthError),
        (1102, errors.MoneyError),
        (1201, errors.ParameterError),
    ],
)
async def test_a_refusal_is_certain(way, code, kind):
    way.fault(f"code:{code}")
    with pytest.raises(kind):
        await way.submit()
    assert way.sandbox.tasks() == []


async def test_too_fast_is_waited_for(way):
    way.fault("code:1303", times=2)
    await way.follow(await way.submit())
    assert len(way.sandbox.tasks()) == 1


async def test_check_costs_nothing_and_tells_a_wrong_key(way):
    way.provider.decode_check(
        await way.client.fetch(way.provider.check("6d4e3b0a-0000-4000-8000-000000000000"))
    )
    wrong = Way(way.sandbox, way.provider, "wrong-key")
    with pytest.raises(errors.AuthError):
        way.provider.decode_check(await wrong.client.fetch(way.provider.check("any")))
    await wrong.client.aclose()
    assert way.sandbox.tasks() == []


@pytest.mark.parametrize("code", [5000, 5002])
async def test_a_poll_that_fails_is_repeated(way, code):
    task = await way.submit()
    call = way.provider.query(task.task_id)
    way.sandbox.fault(f"code:{code}", call.method, call.path, times=2)
    assert way.provider.decode_task(await way.client.fetch(call)).task_id == task.task_id


async def test_unknown_task(way):
    with pytest.raises(errors.TaskNotFound):
        call = way.provider.query("6d4e3b0a-0000-4000-8000-000000000000")
        way.provider.decode_task(await way.client.fetch(call))


@pytest.mark.parametrize("way", ["aimlapi"], indirect=True)
async def test_balance(way):
    before = way.provider.decode_account(await way.client.fetch(way.provider.account(0, 0)))
    await way.follow(await way.submit())
    after = way.provider.decode_account(await way.client.fetch(way.provider.account(0, 0)))
    assert before[0].currency == "USD" and before[0].remaining - after[0].remaining == pytest.approx(0.35)
