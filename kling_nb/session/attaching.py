"""Tasks that were made elsewhere, or whose answer was lost: finding them and giving them a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kling_nb.domain.task import RunStatus
from kling_nb.errors import InputError, ServiceError, TaskNotFound
from kling_nb.runlog import RunRecord
from kling_nb.session.records import versions
from kling_nb.session.troubles import no_error_columns
from kling_nb.transport.skew import with_fresh_token

if TYPE_CHECKING:
    from kling_nb.domain.door import Form
    from kling_nb.domain.task import Task
    from kling_nb.domain.wire import Call
    from kling_nb.providers.base import Provider
    from kling_nb.session.service import Service

AROUND = timedelta(minutes=15)
"""A task made further from the time of its run's submit than this is probably another one."""


_TELLING = ("prompt", "model", "mode", "duration")
"""Fields of a request that tell the lost runs of one evening apart."""


@dataclass(frozen=True, slots=True)
class Found:
    """A task as a service reported it.

    Parameters
    ----------
    task
        The task.
    form
        What it makes; None where the service asks for all forms at one place.
    base_url, endpoint
        Where it was found.
    """

    task: Task
    form: Form | None
    base_url: str
    endpoint: str


def id_of_task(given: object) -> str:
    """Return an id as text; a number is what a cell says without quotes.

    Raises
    ------
    InputError
        There is none.
    """
    text = str(given).strip() if isinstance(given, str | int) and not isinstance(given, bool) else ""
    if not text:
        raise InputError(
            "No task id was given.",
            f"{given!r:.60} is no id.",
            'Write e.g. kn.attach("829611643369439283"): the service\'s id, or the external id of a run.',
        )
    return text


async def search_forms(service: Service, some_id: str, form: Form | None) -> Found:
    """Ask for a task at the place of its form, or of each form in turn; on the background loop.

    Raises
    ------
    TaskNotFound
        It is at none of them; what was said first is told.
    """
    provider = service.provider
    forms = provider.door.forms if form is None else (form,)
    places: dict[tuple[str, str], tuple[Form | None, Call]] = {}
    for each in forms:
        calls = [provider.query(some_id, each)]
        if provider.has_external_id:
            # Some services take either id at one place, some ask for ours in words of their own.
            calls.append(provider.lookup(some_id, each))
        for place, call in {(call.path, repr(call.query)): call for call in calls}.items():
            places[place] = (None if place in places else each, call)
    first: TaskNotFound | None = None
    for where, call in places.values():

        async def look(call: Call = call) -> Task:
            return _checked(provider.decode_task(await service.client.fetch(call)), some_id, provider)

        try:
            task = await with_fresh_token(service.client, look)
        except TaskNotFound as error:
            first = first or error
        else:
            return Found(task, where, service.base_url, call.path.removesuffix(f"/{quote(some_id, safe='')}"))
    raise first or TaskNotFound(f"There is no task {some_id}.")


def _checked(task: Task, some_id: str, provider: Provider) -> Task:
    """Return the task that was asked for; an answer may leave our own id out, but not name another task."""
    unnamed = provider.has_external_id and task.external_task_id is None
    if some_id in (task.task_id, task.external_task_id) or unnamed:
        return task
    raise ServiceError(
        "The service answered for another task.",
        f"Asked for {some_id}, answered for {task.task_id}.",
        "Try again; if it stays so, look at the service's console.",
    )


def adopted(found: Found, provider: str, owner: str) -> RunRecord:
    """Return the row for a task that the log does not know."""
    task, now = found.task, datetime.now(UTC)
    return RunRecord(
        task_id=task.task_id,
        external_task_id=task.external_task_id,
        provider=provider,
        base_url=found.base_url,
        endpoint=found.endpoint,
        form=found.form,
        status=RunStatus.PROCESSING if task.status.is_final else task.status,
        service_status=task.service_status,
        identity=f"attached:{provider}:{task.task_id}",
        created_at=now,
        sending_at=task.created_at or now,
        submitted_at=task.created_at or now,
        notices=["attached: what was asked for is not known here"],
        versions=versions(),
        owner=owner,
    )


def check_bindable(record: RunRecord, task_id: str, others: list[RunRecord]) -> None:
    """Refuse to bind a task to a run that cannot be waiting for it.

    Parameters
    ----------
    record
        The run.
    task_id
        The service's id of the task.
    others
        Runs of the log that have this task id.

    Raises
    ------
    InputError
        The run has a task, was refused or never sent, or the task belongs to another run.
    """
    if record.task_id is not None:
        raise InputError(
            f"Run {record.id} has its task already: {record.task_id}.",
            "Only a run whose answer was lost can be given a task.",
            f'kn.attach("{task_id}") makes a run of its own for that task.',
        )
    if record.status is RunStatus.FAILED:
        raise InputError(
            f"Run {record.id} was refused.",
            "The service made no task of it.",
            f'kn.attach("{task_id}") makes a run of its own for that task.',
        )
    if record.sending_at is None:
        raise InputError(
            f"Run {record.id} was never sent.",
            "No task at the service can belong to it.",
            f"%kling resume {record.id} sends it.",
        )
    for other in others:
        if other.provider == record.provider and other.id != record.id:
            raise InputError(
                f"Task {task_id} belongs to run {other.id}.",
                "One task is one run, or it would count twice.",
                "Look for another task of that time in the service's console.",
            )


def bound_columns(record: RunRecord, task: Task, *, force: bool) -> dict[str, Any]:
    """Return what a run learns when its task was found by hand.

    Raises
    ------
    InputError
        The service says that the task was asked for with another prompt, model, mode or length; ``force``
        binds it all the same.
    """
    for name, there, here in () if force else _differences(record, task):
        raise InputError(
            f"Task {task.task_id} was asked for with another {name} than run {record.id}.",
            f"There: {there!r}. Here: {here!r}.",
            "Look for another task of that time; force=True binds this one all the same.",
        )
    cleared = no_error_columns(record.answers)
    return {
        **cleared,
        "task_id": task.task_id,
        "status": RunStatus.PROCESSING if task.status.is_final else task.status,
        "service_status": task.service_status,
        "submitted_at": task.created_at or record.sending_at,
        "notices": [*record.notices, *_told(record, task)],
        "answers": {**cleared["answers"], "create": task.raw},
    }


def _differences(record: RunRecord, task: Task) -> Iterator[tuple[str, object, object]]:
    """Yield what the service says was asked for, and what was sent, where they are not the same."""
    asked, sent = _asked(task), {**(record.wire or {}), "prompt": record.prompt or ""}
    for name in _TELLING:
        there, here = asked.get(name), sent.get(name)
        if None not in (there, here) and there != here and str(there).strip() != str(here).strip():
            yield name, there, here


def _asked(task: Task) -> Mapping[str, Any]:
    """Return what the task was asked for, where the service repeats it."""
    request = task.raw.get("request")
    return request if isinstance(request, Mapping) else {}


def _told(record: RunRecord, task: Task) -> Iterator[str]:
    asked = _asked(task)
    words = [f"the service says {task.service_status or task.status.value}"]
    if task.created_at is not None:
        words.append(f"made {task.created_at:%Y-%m-%d %H:%M:%S} UTC")
    words += [f"{name} {asked[name]}" for name in ("action", "model", "mode", "duration") if name in asked]
    yield f"bound to task {task.task_id} by hand: {', '.join(words)}"
    sent = record.sending_at
    if sent is not None and task.created_at is not None and abs(task.created_at - sent) > AROUND:
        yield f"the task was made at another time than the run was sent ({sent:%Y-%m-%d %H:%M:%S} UTC)"
