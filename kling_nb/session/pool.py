"""The services of one session: which provider, at which address, with which credential."""

from __future__ import annotations

import asyncio
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kling_nb import providers
from kling_nb.errors import SettingsError
from kling_nb.sandbox import launch
from kling_nb.session.doors import (
    base_of,
    check_host,
    credential_of,
    door_of,
    no_credential,
    sandbox_credential,
)
from kling_nb.session.service import Service
from kling_nb.session.tracker import FollowPolicy
from kling_nb.session.uploading import sandbox_uploader
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.retry import RetryRule
from kling_nb.transport.submit import SubmitPolicy

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kling_nb.providers.base import PollPolicy, Provider
    from kling_nb.runlog import RunRecord
    from kling_nb.session.doors import SandboxAddress
    from kling_nb.session.uploading import Uploader
    from kling_nb.settings import Settings


@dataclass(frozen=True, slots=True)
class Pace:
    """How patient the session is with one provider.

    Parameters
    ----------
    follow, submit
        How tasks are watched and created.
    fetch
        Delays of queries that are repeated.
    download
        Delays of broken downloads.
    poll
        Intervals of queries; None leaves them to the provider.
    """

    follow: FollowPolicy = field(default_factory=FollowPolicy)
    submit: SubmitPolicy = field(default_factory=SubmitPolicy)
    fetch: RetryRule = field(default_factory=RetryRule)
    download: RetryRule = field(default_factory=RetryRule)
    poll: PollPolicy | None = None


_SHORT = RetryRule(delays=(0.2, 0.4, 0.8, 1.6, 3.2))

SANDBOX_PACE = Pace(
    FollowPolicy(list_floor_s=0.2, visible_s=10.0, missing_s=2.0, pause_max_s=2.0),
    SubmitPolicy(backoff=_SHORT, lookup_span_s=6.0),
    _SHORT,
    _SHORT,
)
"""A server on this machine is asked more often and waited for less long; the rules are the same. The look-ups
span more than the five seconds for which its ``lost-create`` hides a task."""


TRUSTED_S = 5.0
"""How long an address of the sandbox is used for new runs without looking again."""


class ServicePool:
    """Opens services when they are first needed and keeps them.

    Parameters
    ----------
    settings
        Addresses and credentials.
    sandbox_home
        Folder of the sandbox.
    told
        Called with a sentence when the sandbox was started.
    pace
        Overrides how patient the session is, for all providers.
    uploader
        Returns what puts local pictures at a public address now.
    """

    def __init__(
        self,
        settings: Settings,
        sandbox_home: Path,
        told: Callable[[str], None],
        pace: Pace | None = None,
        uploader: Callable[[], Uploader | None] = lambda: None,
    ) -> None:
        self._settings = settings
        self._sandbox_home = sandbox_home
        self._told = told
        self._pace = pace
        self._uploader = uploader
        self._services: dict[tuple[str, str], Service] = {}
        self._former: list[Service] = []
        self._lock = threading.Lock()
        self._seen: tuple[float, SandboxAddress] | None = None

    @property
    def settings(self) -> Settings:
        """The settings that hold now."""
        return self._settings

    def use(self, settings: Settings) -> None:
        """Take over settings that have changed since: a new key is used from the next run on. Any thread."""
        with self._lock:
            if settings != self._settings:
                self._settings = settings
                # Runs in flight keep the service they have, so it is closed with the pool only.
                self._former += self._services.values()
                self._services = {}

    def provider(self, name: str) -> Provider:
        """Return a dialect by name."""
        return providers.get(name, self._settings)

    def address(self, name: str) -> str:
        """Return where new runs of a provider go; starts the sandbox if need be. Any thread."""
        door = door_of(name)
        if providers.is_local(name):
            info = self._sandbox(may_start=True, fresh=False)
            sandbox_credential(info, door.name)
            return info.url
        if credential_of(self._settings, door) is None:
            raise no_credential(door)
        return base_of(self._settings, door)

    def sandbox(self, *, start: bool) -> SandboxAddress | None:
        """Return where the sandbox runs, None when it does not and must not be started. Any thread."""
        return self._sandbox(may_start=True) if start else launch.find(self._sandbox_home)

    def stop_sandbox(self) -> bool:
        """End the sandbox; returns whether it was running. Any thread."""
        with self._lock:
            self._seen = None
            return launch.stop(self._sandbox_home)

    async def of(self, record: RunRecord) -> Service:
        """Return the service a run belongs to; on the background loop."""
        return await self.get(record.provider or "official", record.base_url)

    async def get(self, name: str, base_url: str | None = None) -> Service:
        """Return a service by provider and address; on the background loop."""
        local = providers.is_local(name)
        base = "" if local else (base_url or base_of(self._settings, door_of(name)))
        services = self._services
        service = services.get((name, base))
        if service is None:
            client = await asyncio.to_thread(self._client, name, base)
            # Settings that changed meanwhile began a new collection: this service belongs to the old one.
            service = services.setdefault((name, base), self._service(name, client))
            if services is not self._services:
                self._former.append(service)
        return service

    async def close(self) -> None:
        """Close all connections."""
        for service in [*self._services.values(), *self._former]:
            await service.client.aclose()
        self._services, self._former = {}, []

    def _service(self, name: str, client: ServiceClient) -> Service:
        pace = self._pace_of(name)
        return Service(
            providers.get(name, self._settings),
            client,
            quota=self._settings.quota,
            policy=pace.follow,
            submit_policy=pace.submit,
            poll=pace.poll,
            download_retry=pace.download,
            result_hosts=self._settings.result_hosts,
            uploader=self._uploader_of(name),
            reconnect=self._reconnector(name, client) if providers.is_local(name) else None,
        )

    def _uploader_of(self, name: str) -> Callable[[], Uploader | None]:
        if not providers.is_local(name):
            return self._uploader
        here = sandbox_uploader(lambda: self._sandbox(may_start=True))
        return lambda: here

    def _pace_of(self, name: str) -> Pace:
        return self._pace or (SANDBOX_PACE if providers.is_local(name) else Pace())

    def _client(self, name: str, base_url: str) -> ServiceClient:
        retry = self._pace_of(name).fetch
        door = door_of(name)
        if providers.is_local(name):
            info = self._sandbox(may_start=True)
            return ServiceClient(info.url, sandbox_credential(info, door.name), retry=retry)
        check_host(self._settings, door, base_url)
        credential = credential_of(self._settings, door)
        if credential is None:
            raise no_credential(door)
        return ServiceClient(base_url, credential, retry=retry)

    def _reconnector(self, name: str, client: ServiceClient) -> Callable[[bool], ServiceClient | None]:
        # Another process may have taken the old port: address and process tell whether it is the same server.
        current = (client.base_url, self._seen[1].pid if self._seen else 0)

        def reconnect(may_start: bool) -> ServiceClient | None:
            nonlocal current
            info = self._sandbox(may_start)
            if (info.url, info.pid) == current:
                return None
            current = (info.url, info.pid)
            return self._client(name, "")

        return reconnect

    def _sandbox(self, may_start: bool, fresh: bool = True) -> SandboxAddress:
        with self._lock:
            if not fresh and self._seen is not None and time.monotonic() - self._seen[0] < TRUSTED_S:
                return self._seen[1]
            info = launch.find(self._sandbox_home)
            if info is None:
                if not may_start:
                    raise SettingsError(
                        "The sandbox is not running.", "", "It is started with the next submit."
                    )
                info = launch.start(self._sandbox_home, codec=self._settings.codec)
                self._told(f"sandbox started at {info.url} (process {info.pid}, {self._sandbox_home})")
            self._seen = (time.monotonic(), info)
            return info
