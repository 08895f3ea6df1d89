"""Watching many tasks of one service with as few calls as possible.

One task is asked for by its id at an adaptive interval with jitter (``spec/official-api.md`` §12). As soon as
several are in flight a page of the history or a list of ids answers for all of them at once, where the
service has such a call; each form has its own. There is no time limit: a task is watched until the service
says that it ended, or that it does not know it.
"""

from __future__ import annotations

import asyncio
import copy
import logging
import random
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kling_nb.errors import AuthError, KlingError, TaskGone, TaskNotFound

if TYPE_CHECKING:
    from kling_nb.domain.door import Form
    from kling_nb.domain.task import Task
    from kling_nb.session.service import Service

logger = logging.getLogger("kling_nb")


@dataclass(frozen=True, slots=True)
class FollowPolicy:
    """How tasks are watched, apart from the provider's own intervals.

    Parameters
    ----------
    list_from
        Number of tasks in flight from which one list call replaces single queries.
    list_floor_s
        Shortest time between two list calls, in seconds.
    page_size
        Tasks per list page; the service allows up to 500 (``spec/official-api.md`` §7.3).
    visible_s
        How long after its create a task may be invisible to queries, in seconds.
    missing_times, missing_s
        A task counts as gone when this many queries over at least this many seconds do not find it.
    pause_max_s
        Longest pause between attempts while the service cannot be reached, in seconds.
    """

    list_from: int = 3
    list_floor_s: float = 1.0
    page_size: int = 500
    visible_s: float = 60.0
    missing_times: int = 3
    missing_s: float = 10.0
    pause_max_s: float = 30.0


@dataclass(slots=True, eq=False)
class Watched:
    """One task in flight."""

    task_id: str
    form: Form
    born: float
    report: Callable[[Task], None]
    note: Callable[[str], None]
    future: asyncio.Future[Task]
    due: float = 0.0
    seen: tuple[str, str] | None = None
    missing: list[float] = field(default_factory=list)
    mistaken: bool = False
    """Whether the last answer was about another task."""


class Tracker:
    """Watches the tasks of one service; used on the background loop only.

    Parameters
    ----------
    service
        Whom to ask.
    policy
        How; see :class:`FollowPolicy`.
    """

    def __init__(self, service: Service, policy: FollowPolicy) -> None:
        self._service = service
        self._policy = policy
        self._watched: dict[str, Watched] = {}
        self._groups: dict[Form, dict[str, Watched]] = {}
        self._wake = asyncio.Event()
        self._loop_task: asyncio.Task[None] | None = None
        self._failures = 0
        self._list_due: dict[Form, float] = {}
        self._asked_at = float("-inf")
        self._sleeping_until = 0.0
        self._quiet_until = 0.0

    def watch(
        self,
        task_id: str,
        form: Form = "image2video",
        *,
        age: float,
        report: Callable[[Task], None],
        note: Callable[[str], None],
    ) -> asyncio.Future[Task]:
        """Watch a task.

        Parameters
        ----------
        task_id
            The service's id.
        form
            What the task makes: each form is asked for at its own place.
        age
            Seconds since the task was created.
        report
            Called with each new state before the last one.
        note
            Called with a sentence about the connection, empty when it works again.

        Returns
        -------
        asyncio.Future
            The task in its final state; :class:`TaskGone` when the service does not know it, an
            ``AuthError`` when the credential is refused.
        """
        poll = self._service.poll
        now = time.monotonic()
        future: asyncio.Future[Task] = asyncio.get_running_loop().create_future()
        watched = Watched(task_id, form, now - age, report, note, future, due=now + poll.delay(age))
        self._forget(task_id)
        group = self._groups.setdefault(form, {})
        self._watched[task_id] = group[task_id] = watched
        due = self._list_due.get(form, 0.0) if self._pages(group) else watched.due
        if due < self._sleeping_until:
            self._wake.set()
        if self._loop_task is None or self._loop_task.done():
            self._loop_task = asyncio.create_task(self._run(), name="kling-tracker")
        return future

    def drop(self, task_id: str) -> None:
        """Stop watching a task; the task itself goes on."""
        watched = self._forget(task_id)
        if watched is not None and not watched.future.done():
            watched.future.cancel()
        if not self._watched:
            self._wake.set()

    def _forget(self, task_id: str) -> Watched | None:
        watched = self._watched.pop(task_id, None)
        if watched is not None:
            group = self._groups[watched.form]
            del group[task_id]
            if not group:
                del self._groups[watched.form]
        return watched

    async def _run(self) -> None:
        while self._watched:
            self._sleeping_until = self._next_due()
            delay = self._sleeping_until - time.monotonic()
            if delay > 0:
                self._wake.clear()
                try:
                    await asyncio.wait_for(self._wake.wait(), delay)
                except TimeoutError:
                    pass
                else:
                    continue
            try:
                await self._round()
            except Exception as error:
                # Nobody awaits this loop: whatever escaped it would leave every run waiting for ever.
                logger.exception("asking for tasks failed")
                self._quiet_until = time.monotonic() + self._policy.pause_max_s
                self._note_all(f"Asking for tasks failed ({type(error).__name__}); asking again soon.")
                self._failures += 1

    def _pages(self, group: Collection[object]) -> bool:
        return self._service.provider.watch == "pages" and len(group) >= self._policy.list_from

    def _due(self, form: Form, group: Mapping[str, Watched]) -> float:
        if self._pages(group):
            return self._list_due.get(form, 0.0)
        return min(watched.due for watched in group.values())

    def _next_due(self) -> float:
        due = min(self._due(form, group) for form, group in self._groups.items())
        # A pause holds for tasks that joined meanwhile too: the service asked for it, or is away.
        return max(due, self._quiet_until)

    async def _round(self) -> None:
        try:
            for form, group in list(self._groups.items()):
                if group and self._due(form, group) <= time.monotonic():
                    await self._ask_for(form, list(group.values()))
        except AuthError as error:
            self._give_up(error)
        except KlingError as error:
            await self._pause(error)
        else:
            if self._failures:
                self._failures = 0
                self._note_all("")

    async def _ask_for(self, form: Form, group: list[Watched]) -> None:
        """Ask once for the tasks of one form, in the way that needs the fewest calls."""
        if self._pages(group):
            await self._ask_pages(form, {watched.task_id for watched in group})
            return
        size = self._service.provider.ids_per_call if self._service.provider.watch == "ids" else 1
        waiting = sorted(group, key=lambda watched: watched.due)
        while waiting and waiting[0].due <= time.monotonic():
            # A call with room left takes those along that are due next.
            chunk, waiting = waiting[:size], waiting[size:]
            chunk = [watched for watched in chunk if watched.task_id in self._watched]
            if len(chunk) > 1:
                await self._ask_many(form, chunk)
            elif chunk:
                await self._ask_one(chunk[0])

    async def _spaced(self) -> None:
        """Wait until the service may be asked again."""
        wait = self._asked_at + self._service.poll.gap_s - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        self._asked_at = time.monotonic()

    async def _ask_one(self, watched: Watched) -> None:
        self._put_off(watched)
        await self._spaced()
        try:
            task = await self._service.query(watched.task_id, watched.form)
        except TaskNotFound as error:
            self._not_found(watched, error)
            return
        if task.task_id != watched.task_id:
            # Its result would be kept and paid for as that of this run. Only this task is told: the others
            # are answered well.
            watched.mistaken = True
            watched.note(f"The service answered for another task ({task.task_id[:64]}); asking again.")
            return
        self._seen(watched, task)

    async def _ask_many(self, form: Form, chunk: list[Watched]) -> None:
        """Ask for tasks by their ids; those missing in the answer are not known there."""
        due = time.monotonic() + self._shared_interval(form)
        for watched in chunk:
            watched.due = due
        await self._spaced()
        tasks = await self._service.query_many([watched.task_id for watched in chunk], form)
        found = {task.task_id: task for task in tasks}
        for watched in chunk:
            if (task := found.get(watched.task_id)) is not None:
                self._seen(watched, task)
            else:
                self._not_found(watched, TaskNotFound("nothing of it, asked for it among others"))

    async def _ask_pages(self, form: Form, wanted: set[str]) -> None:
        policy = self._policy
        size = min(policy.page_size, max(30, 2 * len(wanted)))
        for page in range(1, len(wanted) // size + 4):
            await self._spaced()
            tasks = await self._service.list_tasks(page, size, form)
            for task in tasks:
                if task.task_id in wanted:
                    wanted.discard(task.task_id)
                    if (watched := self._watched.get(task.task_id)) is not None:
                        self._seen(watched, task)
            if not wanted or len(tasks) < size:
                break
        # Absence from a list proves nothing (its order is undocumented): the few left are asked for by id.
        now = time.monotonic()
        for task_id in wanted:
            watched = self._watched.get(task_id)
            if watched is not None and watched.due <= now:
                await self._ask_one(watched)
        self._list_due[form] = time.monotonic() + self._list_interval(form)

    def _shared_interval(self, form: Form) -> float:
        """Return the interval between two calls that ask for the same tasks by their ids."""
        poll = self._service.poll
        group = self._groups.get(form, {}).values()
        youngest = max((watched.born for watched in group), default=time.monotonic())
        interval = poll.interval(time.monotonic() - youngest)
        if not poll.gap_s:
            # Many tasks in one call: no more calls a second than single queries would make, nor than one per
            # floor, and every end is noticed sooner. Where calls are rationed the advised pace is kept.
            calls = -(-len(group) // self._service.provider.ids_per_call)
            floor = min(self._policy.list_floor_s, poll.first_s)
            interval = min(interval, max(floor * calls, interval / max(1, len(group))))
        return _jittered(interval, poll.jitter)

    def _list_interval(self, form: Form) -> float:
        poll = self._service.poll
        group = self._groups.get(form, {}).values()
        floor = min(self._policy.list_floor_s, poll.first_s)
        count = max(1, len(group))
        youngest = max((watched.born for watched in group), default=time.monotonic())
        single = poll.interval(time.monotonic() - youngest)
        # As many calls a second as single queries would make, but never more than one per floor; a list of
        # many tasks is long, so it is asked for less often.
        interval = max(floor, single / count, min(self._policy.list_floor_s, 0.005 * count))
        return _jittered(interval, poll.jitter)

    def _put_off(self, watched: Watched) -> None:
        now = time.monotonic()
        watched.due = now + self._service.poll.delay(now - watched.born)

    def _seen(self, watched: Watched, task: Task) -> None:
        watched.missing.clear()
        if watched.mistaken:
            watched.mistaken = False
            watched.note("")
        if watched.due <= time.monotonic():
            self._put_off(watched)
        if task.status.is_final:
            self._forget(watched.task_id)
            if not watched.future.done():
                watched.future.set_result(task)
            return
        state = (task.status.value, task.service_status)
        if state != watched.seen:
            watched.seen = state
            watched.report(task)

    def _not_found(self, watched: Watched, error: TaskNotFound) -> None:
        now = time.monotonic()
        if now - watched.born < self._policy.visible_s:
            return
        watched.missing.append(now)
        policy = self._policy
        if len(watched.missing) >= policy.missing_times and now - watched.missing[0] >= policy.missing_s:
            self._forget(watched.task_id)
            gone = TaskGone(
                f"The service no longer knows task {watched.task_id}.",
                f"It says: {error.service_message or error.what}",
                "Results are kept for 30 days and tasks are visible on the host that made them; "
                "check the address with %kling doctor.",
                code=error.code,
                http_status=error.http_status,
                request_id=error.request_id,
                service_message=error.service_message,
            )
            if not watched.future.done():
                watched.future.set_exception(gone)

    def _give_up(self, error: AuthError) -> None:
        for watched in list(self._watched.values()):
            self._forget(watched.task_id)
            if not watched.future.done():
                # One each: every run writes its own id into its error.
                watched.future.set_exception(copy.copy(error))

    async def _pause(self, error: KlingError) -> None:
        self._failures += 1
        poll = self._service.poll
        pause = min(self._policy.pause_max_s, max(poll.first_s, 0.2) * 2 ** min(self._failures, 12))
        pause = max(_jittered(pause, poll.jitter), self._service.asked_pause)
        if self._failures > 1:
            self._note_all(f"{error.what} Asking again in {pause:.0f} s; the task goes on.")
        self._quiet_until = time.monotonic() + pause
        await self._service.recover(error, self._failures)

    def _note_all(self, text: str) -> None:
        for watched in self._watched.values():
            watched.note(text)


def _jittered(seconds: float, jitter: float) -> float:
    """Spread an interval so that many kernels do not ask in step."""
    return seconds * random.uniform(1 - jitter, 1 + jitter)  # noqa: S311 - no secret depends on it
