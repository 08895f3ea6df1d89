"""The table of spec/official-api.md §11: what happened → creates sent, look-ups made, result."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass

import pytest
from awaiting import until

from kling_nb.domain.task import RunStatus, Task
from kling_nb.domain.wire import Call
from kling_nb.errors import (
    AccountError,
    AuthError,
    ClockSkewError,
    ContentError,
    DuplicateTask,
    MoneyError,
    NotSent,
    ParameterError,
    ServiceError,
    SubmitUncertain,
    TaskNotFound,
)
from kling_nb.transport import submit
from kling_nb.transport.auth import Credential
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.connection import Timeouts
from kling_nb.transport.lookup import look_up
from kling_nb.transport.retry import RetryRule
from kling_nb.transport.submit import Step, SubmitPolicy, create_task

FAST = SubmitPolicy(backoff=RetryRule(delays=(0.002,) * 5, jitter=0.0), lookup_span_s=0.02)
PATIENT = Timeouts(connect=60.0, get=60.0, post=60.0)
IMPATIENT = Timeouts(connect=60.0, get=0.2, post=0.2, post_per_mb=0.0)
"""For a create that is never answered, and for nothing else."""
FOUND = "829611643369439283"


@dataclass
class Words:
    """The smallest dialect that shows the error tree; the real one has its own tests."""

    def create(self, request, external_task_id):
        return Call(
            "POST", "/tasks", body={"request": request, "external_task_id": external_task_id}, safe=False
        )

    has_external_id: bool = True

    def lookup(self, external_task_id, form="image2video"):
        return Call("GET", f"/tasks/{external_task_id}")

    def decode_task(self, answer):
        try:
            body = json.loads(answer.body)
        except ValueError:
            raise ServiceError("no JSON", http_status=answer.status) from None
        code, message = body["code"], body["message"]
        if code == 0:
            return Task(body["data"]["task_id"], RunStatus.SUBMITTED, "submitted")
        kinds = {
            1002: AuthError, 1003: ClockSkewError, 1004: ClockSkewError, 1102: MoneyError, 1304: AccountError,
            1301: ContentError, 5000: ServiceError, 5001: ServiceError, 5002: ServiceError,
            1302: submit.RateError, 1303: submit.ConcurrencyError,
        }  # fmt: skip
        kind = kinds.get(code, ParameterError)
        if message.startswith("Task not found"):
            kind = TaskNotFound
        if "already exists" in message:
            kind = DuplicateTask
        raise kind(message, code=code, http_status=answer.status)


@pytest.fixture
async def world(server):
    """A client with a key pair and everything it tells."""
    credential = Credential.access_key("AKLTsandbox", "0123456789abcdef0123456789abcdef", "test")
    client = ServiceClient(
        server.url,
        credential,
        timeouts=PATIENT,
        retry=RetryRule(delays=(0.001,) * 5, jitter=0.0),
    )
    events = []

    def told(event):
        events.append(event)
        if event.step is Step.LOOKING_UP and client.timeouts is IMPATIENT:
            client.timeouts = PATIENT  # the look-up is answered, however busy the machine is,
            server.wait_asked(1)  # and comes after the create

    async def run(dialect=None, **options):
        options.setdefault("policy", FAST)
        dialect = dialect or Words()
        return await create_task(client, dialect, "waves", "job-1", on_event=told, **options)

    run.client, run.events = client, events
    yield run
    await client.aclose()


def losing(act, how, world):
    """Return the action that loses an answer; only one that never comes is not waited for."""
    if how == "silence":
        world.client.timeouts = IMPATIENT
    return getattr(act, how)


def steps(world):
    return [event.step for event in world.events]


class TestTable:
    async def test_success(self, world, server, act):
        server.default = act.task(FOUND)
        assert (await world()).task_id == FOUND
        assert (server.count("POST"), server.count("GET")) == (1, 0)
        assert steps(world) == [Step.SENDING]

    @pytest.mark.parametrize("how", ["hang_up", "reset", "half_answer", "silence"])
    async def test_lost_answer_of_an_accepted_create_is_adopted(self, world, server, act, how):
        server.script = [losing(act, how, world), act.task(FOUND)]
        assert (await world()).task_id == FOUND
        assert (server.count("POST"), server.count("GET")) == (1, 1)
        assert steps(world) == [Step.SENDING, Step.LOOKING_UP, Step.ADOPTED]
        assert server.requests[1].path == "/tasks/job-1"

    @pytest.mark.parametrize("code", [5000, 5001, 5002])
    async def test_service_errors_are_looked_up(self, world, server, act, code):
        server.script = [act.envelope(code, "internal", 500), act.task(FOUND)]
        assert (await world()).task_id == FOUND
        assert (server.count("POST"), server.count("GET")) == (1, 1)

    @pytest.mark.parametrize(
        ("status", "body"),
        [(502, b"<html>"), (503, b""), (504, b"<html>"), (200, b"<html>"), (200, b'{"code":0,"da')],
    )
    async def test_answers_that_are_no_json_are_looked_up(self, world, server, act, status, body):
        server.script = [act.reply(status, body), act.task(FOUND)]
        assert (await world()).task_id == FOUND
        assert (server.count("POST"), server.count("GET")) == (1, 1)

    @pytest.mark.parametrize("code", [1302, 1303])
    async def test_busy_waits_as_long_as_it_takes_with_the_same_id(self, world, server, act, code):
        server.script = [act.envelope(code, "wait", 429)] * 12
        server.default = act.task(FOUND)
        assert (await world()).task_id == FOUND
        assert (server.count("POST"), server.count("GET")) == (13, 0)
        assert {request.json["external_task_id"] for request in server.requests} == {"job-1"}
        waiting = [event for event in world.events if event.step is Step.WAITING]
        assert len(waiting) == 12
        assert all(event.not_created for event in waiting)
        assert ("slot" in waiting[0].message) == (code == 1303)
        assert waiting[0].error.code == code

    @pytest.mark.parametrize(
        ("code", "kind"),
        [
            (1002, AuthError),
            (1102, MoneyError),
            (1201, ParameterError),
            (1301, ContentError),
            (1304, AccountError),
        ],
    )
    async def test_refusals_are_raised_at_once(self, world, server, act, code, kind):
        server.default = act.envelope(code, "no", 429)
        with pytest.raises(kind):
            await world()
        assert (server.count("POST"), server.count("GET")) == (1, 0)

    async def test_unreachable_is_tried_again_and_nothing_was_created(self, world, server):
        server.stop()
        with pytest.raises(NotSent):
            await world()
        assert steps(world) == [Step.SENDING, Step.WAITING] * 5 + [Step.SENDING]
        assert all(event.not_created for event in world.events if event.step is Step.WAITING)

    async def test_not_found_three_times_sends_the_same_id_again(self, world, server, act):
        server.script = [act.hang_up, *[act.not_found()] * 3, act.task(FOUND)]
        assert (await world()).task_id == FOUND
        assert [request.method for request in server.requests] == ["POST", "GET", "GET", "GET", "POST"]
        assert server.requests[0].json == server.requests[4].json

    async def test_at_most_two_resends(self, world, server, act):
        server.script = [act.hang_up, *[act.not_found()] * 3] * 3
        server.default = act.task(FOUND)
        with pytest.raises(SubmitUncertain) as caught:
            await world()
        assert caught.value.external_task_id == "job-1"
        assert (server.count("POST"), server.count("GET")) == (3, 9)

    async def test_never_resubmit(self, world, server, act):
        server.script = [act.hang_up]
        server.default = act.not_found()
        with pytest.raises(SubmitUncertain):
            await world(resubmit="never")
        assert (server.count("POST"), server.count("GET")) == (1, 3)

    async def test_found_at_the_third_look_up(self, world, server, act):
        server.script = [act.hang_up, act.not_found(), act.not_found(), act.task(FOUND)]
        assert (await world()).task_id == FOUND
        assert (server.count("POST"), server.count("GET")) == (1, 3)

    @pytest.mark.parametrize("code", [1002, 1201, 5000])
    async def test_failing_look_up_is_uncertain(self, world, server, act, code):
        server.script = [act.hang_up]
        server.default = act.envelope(code, "no", 500)
        with pytest.raises(SubmitUncertain) as caught:
            await world()
        assert "job-1" in str(caught.value)
        assert server.count("POST") == 1

    async def test_duplicate_after_a_lost_answer_is_adopted(self, world, server, act):
        # The first create arrived but was invisible for a while; the second says so.
        duplicate = act.envelope(1201, "External_task_id job-1 already exists", 400)
        server.script = [act.hang_up, *[act.not_found()] * 3, duplicate, act.task(FOUND)]
        assert (await world(adopt_duplicate=False)).task_id == FOUND
        assert server.count("POST") == 2

    async def test_duplicate_of_our_own_id_is_adopted_on_the_first_try(self, world, server, act):
        server.script = [act.envelope(1201, "External_task_id job-1 already exists", 400), act.task(FOUND)]
        assert (await world()).task_id == FOUND

    async def test_duplicate_of_a_chosen_id_is_refused(self, world, server, act):
        server.default = act.envelope(1201, "External_task_id job-1 already exists", 400)
        with pytest.raises(DuplicateTask):
            await world(adopt_duplicate=False)
        assert (server.count("POST"), server.count("GET")) == (1, 0)

    async def test_duplicate_that_cannot_be_found_is_uncertain(self, world, server, act):
        server.script = [act.envelope(1201, "External_task_id job-1 already exists", 400)]
        server.default = act.not_found()
        with pytest.raises(SubmitUncertain):
            await world()
        assert server.count("POST") == 1

    async def test_unreachable_after_a_lost_answer_is_uncertain(self, world, server, act):
        def last(connection, request):
            server.stop()
            return act.not_found()(connection, request) and False

        server.script = [act.hang_up, act.not_found(), act.not_found(), last]
        with pytest.raises(SubmitUncertain):
            await world()

    async def test_waiting_after_a_lost_answer_is_not_called_uncreated(self, world, server, act):
        server.script = [
            act.hang_up,
            *[act.not_found()] * 3,
            act.envelope(1303, "busy", 429),
            act.task(FOUND),
        ]
        await world()
        waiting = [event for event in world.events if event.step is Step.WAITING]
        assert [event.not_created for event in waiting] == [False]

    @pytest.mark.parametrize(("code", "message"), [(1102, "no money"), (1201, "prompt: must not be blank")])
    async def test_a_refusal_after_a_lost_answer_is_not_the_whole_truth(
        self, world, server, act, code, message
    ):
        """The first create arrived late and spent the money that the second one lacks."""
        refusal = act.envelope(code, message, 400)
        server.script = [act.hang_up, *[act.not_found()] * 3, refusal, act.not_found(), act.task(FOUND)]
        assert (await world()).task_id == FOUND
        assert server.count("POST") == 2

    async def test_a_refusal_after_a_lost_answer_holds_when_nothing_is_found(self, world, server, act):
        server.script = [act.hang_up, *[act.not_found()] * 3, act.envelope(1102, "no money", 429)]
        server.default = act.not_found()
        with pytest.raises(MoneyError):
            await world()
        assert (server.count("POST"), server.count("GET")) == (2, 6)

    async def test_a_refused_token_after_a_lost_answer_is_uncertain(self, world, server, act):
        server.script = [act.hang_up, *[act.not_found()] * 3]
        server.default = act.envelope(1004, "Authorization has expired", 401)
        with pytest.raises(SubmitUncertain):
            await world()

    async def test_an_attempt_before_this_call_counts_as_a_lost_answer(self, world, server, act):
        server.script = [act.envelope(1102, "no money", 429), act.task(FOUND)]
        assert (await world(may_exist=True, adopt_duplicate=False)).task_id == FOUND
        assert not any(event.not_created for event in world.events)

    async def test_failed_connections_are_counted_anew_after_an_answer(self, world, server, act):
        real, script = world.client.send, ["unreached", "busy"] * 8

        async def send(call, *, before=None):
            if script and script.pop(0) == "unreached":
                raise NotSent("not reached")
            return await real(call, before=before)

        world.client.send = send
        server.script = [act.envelope(1303, "busy", 429)] * 8
        server.default = act.task(FOUND)
        assert (await world()).task_id == FOUND


class TestClock:
    async def test_look_up_signs_anew_once_too(self, world, server, act):
        server.script = [act.envelope(1004, "Authorization has expired", 401), act.task(FOUND)]
        assert (await look_up(world.client, Words(), "job-1")).task_id == FOUND

    @pytest.mark.parametrize("code", [1003, 1004])
    async def test_token_is_signed_anew_once(self, world, server, act, code):
        now = [1_800_000_000.0]

        def later():
            now[0] += 10
            return now[0]

        world.client.clock = later
        world.client._auth._clock = later
        server.script = [act.envelope(code, "time", 401), act.task(FOUND)]
        assert (await world()).task_id == FOUND
        tokens = [request.headers["authorization"] for request in server.requests]
        assert len(set(tokens)) == 2

    async def test_second_refusal_tells_the_measured_skew(self, world, server, act):
        body = {"code": 1004, "message": "Authorization has expired"}
        server.default = act.reply(401, body, date="Tue, 14 Nov 2023 22:13:20 GMT")
        world.client.clock = lambda: 1_700_000_000.0 - 3600
        with pytest.raises(ClockSkewError, match="3600 s behind"):
            await world()
        assert server.count("POST") == 2

    async def test_clocks_that_agree_are_not_told_to_be_set(self, world, server, act):
        body = {"code": 1004, "message": "Authorization has expired"}
        server.default = act.reply(401, body, date="Tue, 14 Nov 2023 22:13:20 GMT")
        world.client.clock = lambda: 1_700_000_001.0
        with pytest.raises(ClockSkewError, match="clock agrees with the service's") as caught:
            await world()
        assert "Set the clock" not in caught.value.advice
        assert "check the key" in caught.value.advice

    async def test_api_key_has_nothing_to_sign(self, world, server, act):
        world.client.credential = Credential.api_key("api-key", "test")
        server.default = act.envelope(1004, "Authorization has expired", 401)
        with pytest.raises(ClockSkewError):
            await world()
        assert server.count("POST") == 1


class TestCancelling:
    async def test_while_waiting_for_a_slot(self, world, server, act):
        server.default = act.envelope(1303, "busy", 429)
        slow = SubmitPolicy(backoff=RetryRule(delays=(60.0,)))
        job = asyncio.ensure_future(world(policy=slow))
        await until(lambda: Step.WAITING in steps(world))
        job.cancel()
        with pytest.raises(asyncio.CancelledError):
            await job
        assert server.count("POST") == 1

    async def test_from_the_event_before_anything_is_sent(self, world, server, act):
        class StopError(Exception):
            pass

        async def stop(event):
            raise StopError

        server.default = act.task(FOUND)
        with pytest.raises(StopError):
            await create_task(world.client, Words(), "waves", "job-1", on_event=stop)
        assert server.requests == []


async def test_retry_after_is_a_lower_bound_of_the_wait(world, server, act):
    server.script = [act.reply(429, {"code": 1303, "message": "busy"}, retry_after="1")]
    server.default = act.task(FOUND)
    await world()
    assert [event.delay_s for event in world.events if event.step is Step.WAITING] == [1.0]


async def test_default_policy_spreads_three_look_ups_over_ten_seconds(world, server, act, monkeypatch):
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    monkeypatch.setattr(submit.asyncio, "sleep", sleep)
    server.script = [act.hang_up]
    server.default = act.not_found()
    with pytest.raises(SubmitUncertain):
        await world(policy=SubmitPolicy(), resubmit="never")
    assert sum(slept) >= 10.0
    assert server.count("GET") == 3


async def test_look_up_once(world, server, act):
    server.script = [act.not_found(), act.task(FOUND)]
    assert await look_up(world.client, Words(), "job-1") is None
    assert (await look_up(world.client, Words(), "job-1")).task_id == FOUND


class TestWithoutExternalIds:
    """A service that knows no id of ours (spec/gateways.md §2.4): a lost answer is told, never repeated."""

    @pytest.mark.parametrize("how", ["hang_up", "reset", "half_answer", "silence"])
    async def test_a_lost_answer_is_never_sent_again_nor_looked_up(self, world, server, act, how):
        server.script = [losing(act, how, world)]
        server.default = act.task(FOUND)
        with pytest.raises(SubmitUncertain) as caught:
            await world(Words(has_external_id=False))
        await until(lambda: server.count("POST") == 1)
        assert (server.count("POST"), server.count("GET")) == (1, 0)
        assert caught.value.external_task_id == ""

    @pytest.mark.parametrize(
        ("status", "body"),
        [(500, b"{}"), (502, b"<html>"), (504, b""), (200, b"<html>"), (200, b'{"code":0,"da')],
    )
    async def test_an_answer_that_says_nothing_counts_as_lost(self, world, server, act, status, body):
        server.script = [act.envelope(5000, "internal", status) if body == b"{}" else act.reply(status, body)]
        server.default = act.task(FOUND)
        with pytest.raises(SubmitUncertain):
            await world(Words(has_external_id=False))
        assert (server.count("POST"), server.count("GET")) == (1, 0)

    async def test_an_accepted_create_that_names_no_task_counts_as_lost(self, world, server, act):
        server.script = [act.envelope(1201, "Task not found", 200)]
        server.default = act.task(FOUND)
        with pytest.raises(SubmitUncertain):
            await world(Words(has_external_id=False))
        assert (server.count("POST"), server.count("GET")) == (1, 0)

    async def test_no_connection_is_used_that_the_service_may_be_closing(self, world, server, act):
        server.default = act.task(FOUND)
        await look_up(world.client, Words(), "job-1")
        await world(Words(has_external_id=False))
        assert server.connections == 2

    async def test_too_fast_is_waited_out_and_no_money_is_raised(self, world, server, act):
        server.script = [act.envelope(1302, "wait", 429)] * 2
        server.default = act.envelope(1102, "no money", 429)
        with pytest.raises(MoneyError):
            await world(Words(has_external_id=False))
        assert (server.count("POST"), server.count("GET")) == (3, 0)

    async def test_what_never_left_is_sent_again(self, world, server):
        server.stop()
        with pytest.raises(NotSent):
            await world(Words(has_external_id=False))
        assert steps(world).count(Step.SENDING) > 1
