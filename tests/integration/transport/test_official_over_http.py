"""The official dialect over the real transport against the local server, in either way to authenticate."""

from __future__ import annotations

import asyncio
import hashlib
import io
import time
import uuid
from decimal import Decimal

import numpy as np
import pytest
from awaiting import an_hour_passes, until
from PIL import Image

from kling_nb import errors, providers
from kling_nb.domain.brush import MotionBrush
from kling_nb.domain.images import ImageRef
from kling_nb.domain.request import VideoRequest
from kling_nb.domain.task import RunStatus
from kling_nb.transport.auth import Credential
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.connection import Timeouts
from kling_nb.transport.download import download
from kling_nb.transport.reach import Reach
from kling_nb.transport.retry import RetryRule
from kling_nb.transport.submit import Step, SubmitPolicy, create_task

CREATE = "/v1/videos/image2video"
DIALECT = providers.get("sandbox")
QUICK = RetryRule(delays=(0.02,) * 5, jitter=0.0)
FAST = SubmitPolicy(backoff=QUICK, lookup_span_s=0.1)


def picture():
    buffer = io.BytesIO()
    Image.fromarray(np.full((320, 400, 3), 90, dtype=np.uint8)).save(buffer, "PNG")
    data = buffer.getvalue()
    return ImageRef(data=data, sha256=hashlib.sha256(data).hexdigest(), width=400, height=320, format="PNG")


def request(**fields):
    return VideoRequest(**{"model_name": "kling-v2-5-turbo", "mode": "pro", "image": picture(), **fields})


@pytest.fixture(params=["jwt", "api-key"])
async def client(sandbox, request):
    if request.param == "jwt":
        credential = Credential.access_key(sandbox.access_key, sandbox.secret_key, "sandbox")
    else:
        credential = Credential.api_key(sandbox.api_key, "sandbox")
    made = ServiceClient(sandbox.url, credential, timeouts=Timeouts(60.0, 60.0, 60.0), retry=QUICK)
    yield made
    await made.aclose()


async def submit(client, what=None, **options):
    external = options.pop("external", None) or str(uuid.uuid4())
    options.setdefault("policy", FAST)
    return external, await create_task(client, DIALECT, what or request(), external, **options)


async def fetch(client, url, path, **options):
    """Download from the local server, whose loopback address is trusted for being the service's own."""
    return await download(url, path, reach=Reach.of_service(client.base_url), **options)


async def follow(client, task):
    for _ in range(3000):
        if task.status.is_final:
            return task
        await asyncio.sleep(0.02)
        task = DIALECT.decode_task(await client.fetch(DIALECT.query(task.task_id)))
    raise AssertionError("the task does not end")


async def test_from_request_to_file(client, sandbox, tmp_path):
    external, task = await submit(client)
    assert task.external_task_id == external
    done = await follow(client, task)
    assert (done.status, done.units) == (RunStatus.SUCCEEDED, Decimal("2.5"))
    got = await fetch(client, done.video_url, tmp_path / "v.mp4")
    assert got.path.read_bytes()[4:8] == b"ftyp"
    assert got.sha256 == hashlib.sha256(got.path.read_bytes()).hexdigest()


async def test_brush_is_accepted_and_understood(client, sandbox):
    mask = np.zeros((320, 400), dtype=bool)
    mask[100:160, 50:120] = True
    brush = MotionBrush((400, 320)).dynamic(mask, [(80, 130), (200, 130)]).static(~mask)
    what = request(
        model_name="kling-v1",
        static_mask=brush.static_mask,
        dynamic_masks=brush.dynamic_masks,
        prompt="drift",
    )
    _, task = await submit(client, what)
    assert (await follow(client, task)).status is RunStatus.SUCCEEDED
    assert sandbox.task(task.task_id)["ignored"] == []


async def test_query_by_external_id_and_list(client):
    external, task = await submit(client)
    same = DIALECT.decode_task(await client.fetch(DIALECT.query(external)))
    assert same.task_id == task.task_id
    listed = DIALECT.decode_list(await client.fetch(DIALECT.list_tasks(1, 500)))
    assert [item.task_id for item in listed] == [task.task_id]
    assert DIALECT.decode_list(await client.fetch(DIALECT.list_tasks(2, 500))) == []


async def test_credential_check_and_balance_cost_nothing(client, sandbox):
    DIALECT.decode_check(await client.fetch(DIALECT.check(str(uuid.uuid4()))))
    now = int(time.time() * 1000)
    (pack,) = DIALECT.decode_account(await client.fetch(DIALECT.account(now - 86_400_000, now)))
    assert (pack.status, pack.total, pack.remaining) == ("online", 1000.0, 1000.0)
    assert sandbox.charges() == []


@pytest.mark.parametrize("fault", ["drop-after", "code-after:5002"])
async def test_accepted_but_unanswered_is_one_task_and_one_charge(client, sandbox, fault):
    sandbox.fault(fault, "POST", CREATE)
    events = []
    external, task = await submit(client, on_event=events.append)
    assert [event.step for event in events] == [Step.SENDING, Step.LOOKING_UP, Step.ADOPTED]
    assert [item["id"] for item in sandbox.tasks()] == [task.task_id]
    assert len(sandbox.charges()) == 1
    assert task.external_task_id == external


@pytest.mark.parametrize("fault", ["drop-before", "http:502", "http:503", "http:504", "code:5000"])
async def test_unanswered_and_never_stored_is_sent_again_under_the_same_id(client, sandbox, fault):
    sandbox.fault(fault, "POST", CREATE)
    external, _ = await submit(client)
    assert [item["external_id"] for item in sandbox.tasks()] == [external]
    assert len(sandbox.charges()) == 1


async def test_half_an_answer(client, sandbox):
    sandbox.fault("truncate", "POST", CREATE)
    await submit(client)
    assert len(sandbox.charges()) == 1


async def test_late_answer_counts_as_lost(client, sandbox, monkeypatch):
    sandbox.fault("delay:9", "POST", CREATE)
    events = []
    asking = asyncio.create_task(submit(client, on_event=events.append))
    await until(sandbox.tasks)
    an_hour_passes(monkeypatch)
    await asking
    assert [event.step for event in events] == [Step.SENDING, Step.LOOKING_UP, Step.ADOPTED]
    assert len(sandbox.charges()) == 1


async def test_id_sent_twice_is_adopted_and_charged_once(client, sandbox):
    external, first = await submit(client)
    _, second = await submit(client, external=external)
    assert second.task_id == first.task_id
    assert len(sandbox.charges()) == 1


async def test_refused_duplicates_are_refused_for_chosen_ids(client, sandbox):
    await submit(client, external="mine")
    with pytest.raises(errors.DuplicateTask):
        await submit(client, external="mine", adopt_duplicate=False)


@pytest.mark.parametrize("code", [1302, 1303])
async def test_busy_service_is_waited_for(client, sandbox, code):
    sandbox.fault(f"code:{code}", "POST", CREATE, times=3)
    events = []
    await submit(client, on_event=events.append)
    assert [event.step for event in events].count(Step.WAITING) == 3
    assert len(sandbox.charges()) == 1


async def test_full_quota_opens_when_a_task_ends(client, sandbox):
    sandbox.config(quota=1)
    await asyncio.gather(*(submit(client) for _ in range(3)))
    assert len(sandbox.tasks()) == 3


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1000, errors.AuthError),
        (1001, errors.AuthError),
        (1002, errors.AuthError),
        (1100, errors.AccountError),
        (1101, errors.MoneyError),
        (1102, errors.MoneyError),
        (1103, errors.AuthError),
        (1200, errors.ParameterError),
        (1201, errors.ParameterError),
        (1202, errors.ParameterError),
        (1203, errors.ParameterError),
        (1300, errors.ContentError),
        (1301, errors.ContentError),
        (1304, errors.AccountError),
    ],
)
async def test_refusals_are_raised_and_nothing_is_charged(client, sandbox, code, kind):
    sandbox.fault(f"code:{code}", "POST", CREATE, times=9)
    with pytest.raises(kind) as caught:
        await submit(client)
    assert caught.value.code == code
    assert caught.value.request_id
    assert sandbox.tasks() == []


@pytest.mark.parametrize("code", [1003, 1004])
async def test_token_time_is_forgiven_once(client, sandbox, code):
    sandbox.fault(f"code:{code}", "POST", CREATE, times=1)
    if client.credential.kind == "jwt":
        await submit(client)
        assert len(sandbox.charges()) == 1
    else:
        with pytest.raises(errors.ClockSkewError):
            await submit(client)


async def test_wrong_clock_is_measured(sandbox):
    credential = Credential.access_key(sandbox.access_key, sandbox.secret_key, "sandbox")
    now = int(time.time())
    sandbox.config(frozen_clock=now)
    client = ServiceClient(sandbox.url, credential, clock=lambda: now - 7200.0, retry=QUICK)
    try:
        with pytest.raises(errors.ClockSkewError, match=r" 7200 s behind") as caught:
            await submit(client)
        assert caught.value.code == 1004
    finally:
        await client.aclose()


async def test_wrong_key(sandbox):
    client = ServiceClient(sandbox.url, Credential.api_key("api-key-kling-wrong", "argument"), retry=QUICK)
    try:
        with pytest.raises(errors.AuthError) as caught:
            await submit(client)
        assert caught.value.code == 1002
        assert "api-key-kling-wrong" not in str(caught.value)
    finally:
        await client.aclose()


async def test_flapping_polls_are_ridden_out(client, sandbox):
    _, task = await submit(client)
    sandbox.fault("code:5000", "GET", f"{CREATE}/*", times=3)
    assert (await follow(client, task)).status is RunStatus.SUCCEEDED


async def test_failed_task_has_its_reason(client, sandbox):
    _, task = await submit(client, request(prompt="[[sandbox:async:risk]]"))
    failed = await follow(client, task)
    assert failed.status is RunStatus.FAILED
    assert "risk control" in DIALECT.failure(failed).why
    assert failed.units == 0


async def test_unknown_status_word_is_waited_for(client, sandbox):
    _, task = await submit(client, request(prompt="[[sandbox:status:pondering]]"))
    seen = DIALECT.decode_task(await client.fetch(DIALECT.query(task.task_id)))
    assert seen.status in (RunStatus.PROCESSING, RunStatus.SUBMITTED, RunStatus.SUCCEEDED)


class TestDownloads:
    async def finished(self, client, spec=""):
        _, task = await submit(client, request(prompt=f"waves [[sandbox:{spec}]]" if spec else "waves"))
        return await follow(client, task)

    @pytest.mark.parametrize(("spec", "status"), [("url-expired", 403), ("url-404", 404)])
    async def test_dead_addresses_are_told(self, client, sandbox, tmp_path, spec, status):
        done = await self.finished(client, spec)
        with pytest.raises(errors.DownloadError) as caught:
            await fetch(client, done.video_url, tmp_path / "v.mp4", retry=QUICK)
        assert caught.value.http_status == status
        assert list(tmp_path.iterdir()) == []

    async def test_short_answer_is_continued_to_the_whole_file(self, client, sandbox, tmp_path):
        whole = await fetch(client, (await self.finished(client)).video_url, tmp_path / "whole.mp4")
        short = (await self.finished(client, "url-short")).video_url
        assert (await fetch(client, short, tmp_path / "v.mp4", retry=QUICK)).sha256 == whole.sha256

    async def test_credential_stays_away_from_files(self, client, sandbox, tmp_path):
        done = await self.finished(client)
        tampered = done.video_url.replace("Signature=", "Signature=0")
        with pytest.raises(errors.DownloadError) as caught:
            await fetch(client, tampered, tmp_path / "v.mp4", retry=QUICK)
        assert caught.value.http_status == 403
        assert "Signature" not in str(caught.value)
