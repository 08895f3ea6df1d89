"""Creating a task exactly once: the table of ``spec/official-api.md`` §11 as a state machine.

What is known after each step decides, never hope: a create is sent again only when the service is
known not to hold the task, and always under the same external id. Where a service knows no external ids, a
create whose answer was lost is neither sent again nor looked up: a person has to look (``spec/gateways.md``
§2.4).
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from kling_nb.domain.task import Task
from kling_nb.domain.wire import Answer, Call
from kling_nb.errors import (
    AnswerLost,
    ApiError,
    ClockSkewError,
    ConcurrencyError,
    DuplicateTask,
    KlingError,
    NotSent,
    RateError,
    ServiceError,
    SubmitUncertain,
    TaskNotFound,
    TransportError,
)
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.lookup import Dialect, named_as, search
from kling_nb.transport.retry import RetryRule, retry_after
from kling_nb.transport.skew import with_measured_skew

if TYPE_CHECKING:
    from kling_nb.domain.door import Form

Resubmit = Literal["auto", "never"]
R = TypeVar("R")


class Step(StrEnum):
    """What is happening to a submit."""

    SENDING = "sending"
    """The first byte of a create is about to leave."""
    WAITING = "waiting"
    """The create was refused for now and will be sent again."""
    LOOKING_UP = "looking up"
    """The answer was lost; the task is asked for by its external id."""
    ADOPTED = "adopted"
    """The task existed already and is followed."""


@dataclass(frozen=True, slots=True)
class SubmitEvent:
    """Told to the caller while a task is being created.

    Parameters
    ----------
    step
        What is happening.
    message
        For people.
    attempt
        Number of creates sent so far, the one about to leave included.
    delay_s
        Seconds until the next step, for `Step.WAITING` and `Step.LOOKING_UP`.
    not_created
        True when it is certain that no task exists at this moment.
    error
        What led to this step, when something went wrong.
    """

    step: Step
    message: str
    attempt: int
    delay_s: float = 0.0
    not_created: bool = False
    error: KlingError | None = None


OnEvent = Callable[[SubmitEvent], "Awaitable[None] | None"]


@dataclass(frozen=True, slots=True)
class SubmitPolicy:
    """Numbers of §11; tests and the sandbox use shorter ones.

    Parameters
    ----------
    backoff
        Delays after 1302 and 1303, which repeat at the last one, and after a failed connection,
        which ends with the last one.
    lookups
        Look-ups that must find nothing before a create is sent again.
    lookup_span_s
        Time they are spread over, in seconds.
    resends
        Creates sent again after "not found", at most.
    """

    backoff: RetryRule = field(default_factory=lambda: RetryRule(delays=(1.0, 2.0, 4.0, 8.0, 16.0)))
    lookups: int = 3
    lookup_span_s: float = 10.0
    resends: int = 2


async def create_task(
    client: ServiceClient,
    provider: Dialect[R],
    request: R,
    external_task_id: str,
    *,
    form: Form = "image2video",
    on_event: OnEvent | None = None,
    resubmit: Resubmit = "auto",
    policy: SubmitPolicy | None = None,
    adopt_duplicate: bool = True,
    may_exist: bool = False,
) -> Task:
    """Create a task, or adopt it when an earlier attempt had arrived.

    Waits for a slot or for the rate limit as long as it takes; cancel the coroutine to give up.

    Parameters
    ----------
    client
        Client of the service.
    provider
        Dialect that writes the call and reads the answer.
    request
        What to create.
    external_task_id
        Idempotency key; it must be on disk already. Not used where the service knows none.
    form
        What is made: look-ups ask where such tasks are kept.
    on_event
        Told every step before it is taken; may return an awaitable. ``sending`` comes before the
        first byte of each create.
    resubmit
        ``"never"`` raises `SubmitUncertain` where ``"auto"`` sends the create again under the same id.
    policy
        Delays and counts.
    adopt_duplicate
        Whether "already exists" on the very first create means our own task. False when a person
        chose the id and it was never sent: another task may have it.
    may_exist
        Whether an attempt before this call may have arrived although it was not found: then no refusal is
        taken for the whole truth.

    Returns
    -------
    Task
        As created or as found.

    Raises
    ------
    NotSent
        The service could not be reached; nothing was created.
    ApiError
        The service refused the request; nothing was created.
    SubmitUncertain
        The task may exist and could not be looked up, or the service has no way to look it up.
    """
    rules = policy or SubmitPolicy()
    call = provider.create(request, external_task_id)
    if not provider.has_external_id:  # What is lost here cannot be looked up.
        call = replace(call, fresh=True)
    submit = _Submit(client, provider, call, external_task_id, form=form, on_event=on_event, policy=rules)
    submit.may_exist = may_exist
    return await submit.run(resubmit, adopt_duplicate)


class _Submit:
    """The state of one submit."""

    def __init__(
        self,
        client: ServiceClient,
        provider: Dialect[Any],
        call: Call,
        external_task_id: str,
        *,
        form: Form,
        on_event: OnEvent | None,
        policy: SubmitPolicy,
    ) -> None:
        self.client = client
        self.provider = provider
        self.call = call
        self.external_task_id = external_task_id
        self.form = form
        self.on_event = on_event
        self.policy = policy
        self.sent = 0
        self.refusals = 0
        self.unreached = 0
        self.resends = 0
        self.resigned = False
        self.may_exist = False

    async def run(self, resubmit: Resubmit, adopt_duplicate: bool) -> Task:
        while True:
            answer: Answer | None = None
            try:
                answer = await self.client.send(self.call, before=self._before)
                return named_as(self.provider.decode_task(answer), self._key)
            except NotSent as error:
                await self._wait_for_network(error)
            except RateError as error:
                await self._wait_for_slot(error, answer)
            except ClockSkewError as error:
                await self._resign(error)
            except DuplicateTask as error:
                if not self.provider.has_external_id or not (adopt_duplicate or self.may_exist):
                    raise
                return await self._adopt(error)
            except (AnswerLost, ServiceError, TaskNotFound) as error:
                if isinstance(error, TaskNotFound) and not _was_accepted(answer):
                    raise
                self.may_exist = True
                found = await self._find(error)
                if found is not None:
                    return found
                self._allow_resend(error, resubmit)
            except ApiError as error:
                # A create that arrived late may be the very reason: its cost, its id.
                found = await self._find(error) if self.may_exist else None
                if found is None:
                    raise
                return found

    @property
    def _key(self) -> str:
        return self.external_task_id if self.provider.has_external_id else ""

    async def _before(self) -> None:
        self.sent += 1
        await self._tell(Step.SENDING, "Sending the request.")

    async def _wait_for_network(self, error: NotSent) -> None:
        if self.unreached >= len(self.policy.backoff.delays):
            # An earlier create may have arrived although this one certainly did not.
            raise (
                self._uncertain("The service cannot be reached any more.", error) if self.may_exist else error
            )
        delay = self.policy.backoff.delay(self.unreached)
        self.unreached += 1
        await self._wait(delay, f"{error.what} Trying again.", error)

    async def _wait_for_slot(self, error: RateError, answer: Answer | None) -> None:
        delay = max(self.policy.backoff.delay(self.refusals), retry_after(answer) if answer else 0.0)
        self.refusals += 1
        self.unreached = 0  # The service was reached.
        busy = isinstance(error, ConcurrencyError)
        words = (
            "Waiting for a slot: all slots of the account are busy."
            if busy
            else "Waiting: calls came too fast."
        )
        await self._wait(delay, words, error)

    async def _resign(self, error: ClockSkewError) -> None:
        credential = self.client.credential
        if self.resigned or credential is None or not credential.resign():
            told = with_measured_skew(error, self.client.clock_skew)
            raise self._uncertain("The token was refused.", told) if self.may_exist else told
        self.resigned = True

    async def _adopt(self, error: DuplicateTask) -> Task:
        self.may_exist = True
        found = await self._find(error)
        if found is None:
            raise self._uncertain("The service says that the task exists, and does not find it.", error)
        return found

    async def _find(self, cause: KlingError) -> Task | None:
        """Look the task up; None only after every look-up has said "not found"."""
        if not self.provider.has_external_id:
            raise self._uncertain("The answer was lost, and there is no id to look the task up by.", cause)

        async def before(delay: float) -> None:
            await self._tell(Step.LOOKING_UP, "The answer was lost; looking the task up.", delay, cause)

        trouble: KlingError | None = None
        try:
            found = await search(
                self.client,
                self.provider,
                self.external_task_id,
                self.form,
                times=self.policy.lookups,
                span_s=self.policy.lookup_span_s,
                before=before,
            )
        except (ApiError, TransportError) as error:
            found, trouble = None, error
        if trouble is not None:
            raise self._uncertain("The task could not be looked up.", trouble)
        if found is not None:
            await self._tell(Step.ADOPTED, f"Found as task {found.task_id}.", error=cause)
        return found

    def _allow_resend(self, error: KlingError, resubmit: Resubmit) -> None:
        if resubmit == "never":
            raise self._uncertain("The task was not found after its answer was lost.", error)
        if self.resends >= self.policy.resends:
            raise self._uncertain("The answer was lost each time the request was sent.", error)
        self.resends += 1

    def _uncertain(self, what: str, error: KlingError) -> SubmitUncertain:
        known = self._key
        advice = (
            f'`kn.attach("{known}")` follows it if it exists; nothing is sent on its own.'
            if known
            else "Look for it in the service's console; nothing is sent on its own."
        )
        return SubmitUncertain(what, f"{error.what} {error.why}".strip(), advice, external_task_id=known)

    async def _wait(self, delay: float, message: str, error: KlingError) -> None:
        await self._tell(Step.WAITING, message, delay, error)
        await asyncio.sleep(delay)

    async def _tell(
        self, step: Step, message: str, delay: float = 0.0, error: KlingError | None = None
    ) -> None:
        if self.on_event is None:
            return
        safe = not self.may_exist and step is not Step.SENDING
        told = self.on_event(SubmitEvent(step, message, self.sent, delay, not_created=safe, error=error))
        if inspect.isawaitable(told):
            await told


def _was_accepted(answer: Answer | None) -> bool:
    """Whether an answer without a task in it says all the same that the request was taken."""
    return answer is not None and answer.status < 300
