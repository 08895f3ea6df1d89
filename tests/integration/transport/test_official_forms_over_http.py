"""Text-to-video, extension, recognition and the new API over the real transport against the local server."""

from __future__ import annotations

import asyncio
import time
import uuid
from decimal import Decimal

import golden
import pytest
from callback_receiver import Receiver

import kling_nb as kn
from kling_nb import errors, providers
from kling_nb.domain.request import Shot, VideoRequest
from kling_nb.domain.task import RunStatus
from kling_nb.transport.auth import Credential
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.connection import Timeouts
from kling_nb.transport.download import download
from kling_nb.transport.lookup import look_up
from kling_nb.transport.reach import Reach
from kling_nb.transport.retry import RetryRule
from kling_nb.transport.submit import SubmitPolicy, create_task

LEGACY = providers.get("sandbox")
NEW = providers.get("sandbox-official-new")
QUICK = RetryRule(delays=(0.02,) * 5, jitter=0.0)
FAST = SubmitPolicy(backoff=QUICK, lookup_span_s=0.1)
WORDS = {"model_name": "kling-v2-5-turbo", "mode": "std", "prompt": "a boat drifts"}


@pytest.fixture
async def client(sandbox):
    made = ServiceClient(
        sandbox.url,
        Credential.api_key(sandbox.api_key, "sandbox"),
        timeouts=Timeouts(60.0, 60.0, 60.0),
        retry=QUICK,
    )
    yield made
    await made.aclose()


async def submit(client, provider, **fields):
    external = str(uuid.uuid4())
    what = VideoRequest(**{**WORDS, **fields})
    return external, await create_task(client, provider, what, external, form=what.form, policy=FAST)


async def follow(client, provider, task, form="image2video"):
    for _ in range(3000):
        if task.status.is_final:
            return task
        await asyncio.sleep(0.02)
        task = provider.decode_task(await client.fetch(provider.query(task.task_id, form)))
    raise AssertionError("the task does not end")


async def is_a_video(task, folder, sandbox):
    reach = Reach.of_service(sandbox.url)
    got = await download(task.video_url, folder / f"{task.task_id}.mp4", reach=reach)
    assert got.path.read_bytes()[4:8] == b"ftyp"


async def test_words_become_a_video_on_their_own_path(client, sandbox, tmp_path):
    external, task = await submit(client, LEGACY, aspect_ratio="9:16")
    done = await follow(client, LEGACY, task, "text2video")
    assert (done.status, done.units, done.external_task_id) == (RunStatus.SUCCEEDED, Decimal("1.5"), external)
    assert sandbox.task(task.task_id)["ignored"] == []
    await is_a_video(done, tmp_path, sandbox)
    # The path of another form knows nothing of it.
    assert (await look_up(client, LEGACY, external, "text2video")).task_id == task.task_id
    assert await look_up(client, LEGACY, external, "image2video") is None


async def test_a_video_becomes_longer_and_names_its_source(client, sandbox, tmp_path):
    first = {"model_name": "kling-v1-6", "mode": "std", "image": golden.picture()}
    _, source = await submit(client, LEGACY, **first)
    source = await follow(client, LEGACY, source)
    longer = {
        "model_name": "kling-v1-6",
        "video_id": source.video_id,
        "negative_prompt": "blur",
        "cfg_scale": 0.5,
    }
    _, task = await submit(client, LEGACY, **longer)
    done = await follow(client, LEGACY, task, "extend")
    assert (done.status, done.parent_video_id) == (RunStatus.SUCCEEDED, source.video_id)
    assert float(done.duration) > float(source.duration)
    assert sandbox.task(task.task_id)["ignored"] == []
    await is_a_video(done, tmp_path, sandbox)


async def test_new_api_from_a_picture_with_everything(client, sandbox, tmp_path):
    asked = {
        "model_name": "kling-v3", "mode": "pro", "image": golden.picture(), "image_tail": golden.picture(),
        "sound": "on", "watermark": True, "element_list": (5,), "prompt": "<<<element_1>>> walks in",
    }  # fmt: skip
    external, task = await submit(client, NEW, **asked)
    assert (task.status, task.external_task_id) == (RunStatus.SUBMITTED, external)
    done = await follow(client, NEW, task)
    assert (done.status, done.units) == (RunStatus.SUCCEEDED, NEW.estimate(VideoRequest(**asked)).units)
    assert done.watermark_url
    assert sandbox.task(task.task_id)["ignored"] == []
    await is_a_video(done, tmp_path, sandbox)


@pytest.mark.parametrize(
    "asked",
    [
        {"model_name": "kling-3.0-turbo", "duration": 3},
        {"model_name": "kling-v2-6", "mode": "pro", "sound": "on", "aspect_ratio": "1:1"},
        {"model_name": "kling-v3", "multi_shot": True, "shot_type": "intelligence"},
        {
            "model_name": "kling-v3",
            "duration": 6,
            "multi_shot": True,
            "shot_type": "customize",
            "multi_prompt": (
                Shot(index=1, prompt="a door", duration=2),
                Shot(index=2, prompt="sea", duration=4),
            ),
        },
    ],
    ids=lambda asked: " ".join(str(value) for value in asked.values() if isinstance(value, str)),
)
async def test_new_api_from_words(client, sandbox, asked):
    _, task = await submit(client, NEW, **asked)
    done = await follow(client, NEW, task)
    what = VideoRequest(**{**WORDS, **asked})
    assert (done.status, done.units) == (RunStatus.SUCCEEDED, NEW.estimate(what).units)
    assert sandbox.task(task.task_id)["ignored"] == []


async def test_many_at_once_and_by_our_id(client):
    made = [await submit(client, NEW) for _ in range(3)]
    _, legacy = await submit(client, LEGACY)
    ids = [task.task_id for _, task in made]
    found = NEW.decode_list(await client.fetch(NEW.query_many([*ids, legacy.task_id, "404"])))
    assert {task.task_id for task in found} == {*ids, legacy.task_id}
    external, task = made[1]
    assert (await look_up(client, NEW, external)).task_id == task.task_id
    assert await look_up(client, NEW, str(uuid.uuid4())) is None
    with pytest.raises(errors.TaskNotFound):
        NEW.decode_task(await client.fetch(NEW.query("404")))
    newest = NEW.decode_list(await client.fetch(NEW.list_tasks(1, 100)))
    assert {task.task_id for task in newest} >= set(ids)


@pytest.mark.parametrize("fault", ["drop-after", "code-after:5002", "truncate", "drop-before", "http:503"])
async def test_new_create_whose_answer_was_lost_is_one_task_and_one_charge(client, sandbox, fault):
    sandbox.fault(fault, "POST", "/text-to-video/*")
    external, task = await submit(client, NEW)
    assert [item["external_id"] for item in sandbox.tasks()] == [external]
    assert task.external_task_id == external
    assert len(sandbox.charges()) == 1


async def test_key_pair_is_refused_by_the_new_api_with_the_hint(sandbox):
    pair = Credential.access_key(sandbox.access_key, sandbox.secret_key, "sandbox")
    client = ServiceClient(sandbox.url, pair, retry=QUICK)
    try:
        with pytest.raises(errors.AuthError) as caught:
            NEW.decode_check(await client.fetch(NEW.check("")))
    finally:
        await client.aclose()
    assert "API key" in caught.value.advice


async def test_check_and_balance_cost_nothing(client, sandbox):
    NEW.decode_check(await client.fetch(NEW.check("")))
    now = int(time.time() * 1000)
    assert [pack.status for pack in NEW.decode_account(await client.fetch(NEW.account(0, now)))] == ["online"]
    assert sandbox.charges() == []


async def test_deductions_tell_what_each_task_cost(client):
    _, task = await submit(client, NEW)
    done = await follow(client, NEW, task)
    now = int(time.time() * 1000) + 60_000
    page = NEW.decode_deductions(await client.fetch(NEW.deductions(now - 86_400_000, now)))
    assert [(entry.task_id, entry.units) for entry in page.entries] == [(task.task_id, done.units)]


async def test_a_picture_is_segmented(client, sandbox):
    call = LEGACY.recognize(golden.filled({"image": golden.PICTURE})["image"])
    found = LEGACY.decode_recognize(await client.send(call))
    assert {segment.type for segment in found} == {"object_seg", "head_seg", "face_seg", "cloth_seg"}
    assert all(segment.url.startswith("http") for segment in found if segment.found)


@pytest.mark.parametrize(
    "row",
    [*golden.rows("official/creates"), *golden.rows("official_new/creates")],
    ids=lambda row: row["source"],
)
def test_examples_of_the_specification_are_taken_by_the_sandbox(sandbox, row):
    answer = sandbox.http.post(row["path"], json=golden.filled(row["body"]))
    assert answer.json()["code"] == 0, answer.text


SECRET = golden.rows("official/callbacks")[0]["secret"]


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.mark.parametrize("provider", [LEGACY, NEW], ids=lambda provider: provider.name)
async def test_a_signed_callback_is_the_task_that_polling_finds(client, sandbox, receiver, provider):
    sandbox.config(callback_secret=SECRET)
    external, task = await submit(client, provider, callback_url=receiver.url)
    done = await follow(client, provider, task, "text2video")
    told = [kn.verify_webhook(*await asyncio.to_thread(receiver.next), SECRET) for _ in range(2)]
    (last,) = [state for state in told if state.status.is_final]
    assert (last.task_id, last.external_task_id, last.video_url, last.units) == (
        task.task_id, external, done.video_url, done.units,
    )  # fmt: skip


async def test_a_callback_with_a_bad_or_no_signature_is_refused(client, sandbox, receiver):
    sandbox.config(callback_secret=SECRET)
    await submit(client, LEGACY, callback_url=receiver.url, prompt="[[sandbox:callback-bad-sign]]")
    with pytest.raises(errors.WebhookError, match="no signature matches"):
        kn.verify_webhook(*await asyncio.to_thread(receiver.next), SECRET)
    sandbox.config(callback_secret="")
    await submit(client, LEGACY, callback_url=receiver.url)
    deliveries = [await asyncio.to_thread(receiver.next) for _ in range(3)]
    with pytest.raises(errors.WebhookError, match="not signed"):
        for headers, body in deliveries:
            if "webhook-signature" not in headers:
                kn.verify_webhook(headers, body, SECRET)
