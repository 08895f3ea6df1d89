"""One service as the session sees it: a dialect, a client, its slots and its tracker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit, urlunsplit

from kling_nb.errors import AnswerLost, AuthError, KlingError, NotSent, SubmitUncertain
from kling_nb.session.gate import ModelGate
from kling_nb.session.tracker import FollowPolicy, Tracker
from kling_nb.session.uploading import upload
from kling_nb.transport.reach import Reach
from kling_nb.transport.retry import retry_after
from kling_nb.transport.skew import with_fresh_token

if TYPE_CHECKING:
    from kling_nb.domain.door import Form
    from kling_nb.domain.request import VideoRequest
    from kling_nb.domain.task import Task
    from kling_nb.domain.wire import Answer, Call
    from kling_nb.providers.base import PollPolicy, Provider, Segment
    from kling_nb.session.uploading import Uploader
    from kling_nb.transport.client import ServiceClient
    from kling_nb.transport.retry import RetryRule
    from kling_nb.transport.submit import SubmitPolicy

T = TypeVar("T")

Reconnect = Callable[[bool], "ServiceClient | None"]
"""Finds the service's present address; the argument says whether it may be started."""

SANDBOX_FILES = "/sandbox/files/"


class Service:
    """One provider at one address; used on the background loop only.

    Parameters
    ----------
    provider
        The dialect.
    client
        Host, credential and connections.
    quota
        Slots per model.
    policy, submit_policy, poll
        How tasks are watched and created, and how often they are asked for (None: the provider's own).
    download_retry
        Delays of broken downloads.
    result_hosts
        Hosts results may be fetched from whatever their address, separated by commas.
    uploader
        Returns what puts local pictures at an address, for a provider that takes addresses only.

    Attributes
    ----------
    asked_pause
        Seconds the service asked to wait with its last answer (``Retry-After``).
    reconnect
        For a service whose address can change (the sandbox): returns a client for the present address, or
        None when it is unchanged. Blocking; called on a thread.
    """

    def __init__(
        self,
        provider: Provider,
        client: ServiceClient,
        *,
        quota: int,
        policy: FollowPolicy,
        submit_policy: SubmitPolicy,
        poll: PollPolicy | None = None,
        download_retry: RetryRule | None = None,
        reconnect: Reconnect | None = None,
        result_hosts: str = "",
        uploader: Callable[[], Uploader | None] = lambda: None,
    ) -> None:
        self.provider = provider
        self.client = client
        self.policy = policy
        self.poll = poll or provider.poll
        self.asked_pause = 0.0
        self.download_retry = download_retry
        self.submit_policy = submit_policy
        self.tracker = Tracker(self, policy)
        self._quota = quota
        self._gates: dict[str, ModelGate] = {}
        self._reconnect = reconnect
        self._result_hosts = result_hosts
        self._uploader = uploader

    @property
    def base_url(self) -> str:
        """Address of the service."""
        return self.client.base_url

    @property
    def reach(self) -> Reach:
        """What results may be fetched from, besides the public web."""
        return Reach.of_service(self.base_url, self._result_hosts)

    async def recognize(self, image: str) -> list[Segment]:
        """Have a picture segmented; one attempt, because it costs.

        Parameters
        ----------
        image
            Raw Base64 or an address.
        """
        call = self.provider.recognize(image)
        assert call is not None
        return list(await self._ask(call, self.provider.decode_recognize))

    async def upload(self, request: VideoRequest) -> dict[str, str]:
        """Put local pictures at addresses where the provider takes nothing else; digest to address.

        Raises
        ------
        NotSent
            A picture could not be put anywhere.
        """
        if self.provider.door.local_images:
            return {}
        return await upload(self._uploader(), request, local=self.reach.loopback)

    def gate(self, model: str | None) -> ModelGate:
        """Return the slots of a model."""
        return self._gates.setdefault(model or "", ModelGate(self._quota))

    async def query(self, task_id: str, form: Form) -> Task:
        """Ask for one task by its id or ours; one attempt."""
        return await self._ask(self.provider.query(task_id, form), self.provider.decode_task)

    async def list_tasks(self, page: int, size: int, form: Form) -> list[Task]:
        """Ask for a page of tasks of one form; one attempt."""
        return await self._ask(self.provider.list_tasks(page, size, form), self.provider.decode_list)

    async def query_many(self, task_ids: Sequence[str], form: Form) -> list[Task]:
        """Ask for some tasks by their ids, those the service does not know missing; one attempt."""
        return await self._ask(self.provider.query_many(task_ids, form), self.provider.decode_list)

    async def _ask(self, call: Call, decode: Callable[[Answer], T]) -> T:
        return await with_fresh_token(self.client, lambda: self._ask_once(call, decode))

    async def _ask_once(self, call: Call, decode: Callable[[Answer], T]) -> T:
        self.asked_pause = 0.0
        answer = await self.client.send(call)
        try:
            return decode(answer)
        except KlingError:
            self.asked_pause = retry_after(answer)
            raise

    async def recover(self, error: KlingError, failures: int) -> bool:
        """Look for the service again after it could not be reached.

        Parameters
        ----------
        error
            What went wrong.
        failures
            How often in a row; a local service is started again from the second time on.

        Returns
        -------
        bool
            Whether another process of a local service runs now.
        """
        if self._reconnect is None or not isinstance(
            error, NotSent | AnswerLost | AuthError | SubmitUncertain
        ):
            return False
        try:
            client = await asyncio.to_thread(self._reconnect, failures >= 2)
        except KlingError:
            return False  # The next failure tries again; the listeners are told about the first error.
        if client is None:
            return False
        old, self.client = self.client, client
        await old.aclose()
        return True

    def resolve(self, url: str) -> str:
        """Return a result URL as it can be reached now: a sandbox may have moved to another port."""
        parts = urlsplit(url)
        if self._reconnect is None or not parts.path.startswith(SANDBOX_FILES):
            return url
        here = urlsplit(self.base_url)
        return urlunsplit((here.scheme, here.netloc, parts.path, parts.query, parts.fragment))
