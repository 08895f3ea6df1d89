"""The official API, legacy dialect (``spec/official-api.md`` §4, §7, §14); the sandbox speaks it too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from kling_nb.domain.wire import Call
from kling_nb.errors import InputError, ServiceError, TaskNotFound
from kling_nb.providers import official_body, official_decode
from kling_nb.providers.base import Pack, PollPolicy
from kling_nb.providers.official_errors import raise_for

if TYPE_CHECKING:
    from kling_nb.domain.request import ImageToVideo
    from kling_nb.domain.task import Task
    from kling_nb.domain.wire import Answer
    from kling_nb.errors import TaskFailed

IMAGE2VIDEO = "/v1/videos/image2video"
MAX_PAGE = 1000
MAX_PAGE_SIZE = 500


@dataclass(frozen=True, slots=True)
class Official:
    """Requests and answers of the official legacy API.

    Parameters
    ----------
    name
        ``official``, or ``sandbox`` for the local server: same code, other poll policy.
    poll
        How often tasks are asked for.
    """

    name: str = "official"
    poll: PollPolicy = field(default_factory=PollPolicy)
    has_external_id: bool = True

    def create(self, request: ImageToVideo, external_task_id: str) -> Call:
        """Return the call that creates an image-to-video task.

        Parameters
        ----------
        request
            A request that passed the linter.
        external_task_id
            Idempotency key, ``[A-Za-z0-9._-]{1,64}`` (``spec/official-api.md`` §11).

        Returns
        -------
        Call
            Not safe to repeat.
        """
        body = official_body.build(request, external_task_id)
        return Call("POST", IMAGE2VIDEO, body=body, safe=False)

    def query(self, task_id: str) -> Call:
        """Return the call that asks for one task.

        Parameters
        ----------
        task_id
            The service's id or our external id.
        """
        if not task_id:
            raise InputError("No task id was given.", "An empty id would ask for the list.", "Give an id.")
        # A dot survives quoting, and clients resolve "." and ".." in a path away.
        segment = (
            quote(task_id, safe="").replace(".", "%2E") if set(task_id) == {"."} else quote(task_id, safe="")
        )
        return Call("GET", f"{IMAGE2VIDEO}/{segment}")

    def list_tasks(self, page: int = 1, size: int = 30) -> Call:
        """Return the call that asks for a page of tasks; the order is undocumented.

        Parameters
        ----------
        page
            1 to 1000.
        size
            1 to 500 tasks.
        """
        if not (1 <= page <= MAX_PAGE and 1 <= size <= MAX_PAGE_SIZE):
            raise InputError(
                f"There is no page {page} of size {size}.",
                f"The service takes pages 1 to {MAX_PAGE} and sizes 1 to {MAX_PAGE_SIZE}.",
                "Ask for fewer tasks.",
            )
        return Call("GET", IMAGE2VIDEO, query={"pageNum": str(page), "pageSize": str(size)})

    def check(self, uuid: str) -> Call:
        """Return a call that proves the credential without cost (``spec/official-api.md`` §14).

        Parameters
        ----------
        uuid
            A fresh UUID: no task can have it.
        """
        return self.query(uuid)

    def account(self, start_ms: int, end_ms: int) -> Call:
        """Return the call that asks for resource packs; free, at most one a second.

        Parameters
        ----------
        start_ms, end_ms
            Unix milliseconds.
        """
        return Call("GET", "/account/costs", query={"start_time": str(start_ms), "end_time": str(end_ms)})

    def decode_task(self, answer: Answer) -> Task:
        """Read a create or query answer.

        Parameters
        ----------
        answer
            What the service sent.

        Raises
        ------
        ApiError
            If the answer reports an error or names no task.
        """
        envelope = raise_for(answer)
        return official_decode.task_from(envelope.get("data"))

    def decode_list(self, answer: Answer) -> list[Task]:
        """Read a list answer.

        Parameters
        ----------
        answer
            What the service sent.
        """
        return official_decode.tasks_from(raise_for(answer).get("data"))

    def decode_check(self, answer: Answer) -> None:
        """Return when the credential works, which shows as "Task not found".

        Parameters
        ----------
        answer
            Answer to `check`.

        Raises
        ------
        ApiError
            If the credential was refused or the service failed.
        """
        try:
            raise_for(answer)
        except TaskNotFound:
            return
        raise ServiceError(
            "The service knows a task that nobody made.",
            "A fresh UUID was answered with a task.",
            "Check KLING_API_BASE: is it the address of the Kling API?",
        )

    def decode_account(self, answer: Answer) -> list[Pack]:
        """Read the resource packs.

        Parameters
        ----------
        answer
            Answer to `account`.
        """
        return official_decode.packs_from(raise_for(answer).get("data"))

    def failure(self, task: Task) -> TaskFailed:
        """Return the error for a task that the service ended with a failure.

        Parameters
        ----------
        task
            A failed task.
        """
        return official_decode.failure_of(task)
