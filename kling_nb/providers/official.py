"""The official API, legacy dialect (``spec/official-api.md`` §4, §7, §14); the sandbox speaks it too."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from kling_nb.domain.capabilities import BRUSH_ON_OFFICIAL, DefaultModel
from kling_nb.domain.capabilities import EXTEND as EXTEND_GRID
from kling_nb.domain.capabilities import IMAGE2VIDEO as IMAGE_GRID
from kling_nb.domain.capabilities import TEXT2VIDEO as TEXT_GRID
from kling_nb.domain.cost import estimate
from kling_nb.domain.door import Door
from kling_nb.domain.wire import Call
from kling_nb.errors import InputError, ServiceError, TaskNotFound
from kling_nb.providers import official_account, official_body, official_decode, official_rules
from kling_nb.providers.base import Deductions, Pack, PollPolicy, Segment, Watch
from kling_nb.providers.official_errors import raise_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kling_nb.domain.cost import Cost
    from kling_nb.domain.door import Form
    from kling_nb.domain.problems import Problem
    from kling_nb.domain.request import VideoRequest
    from kling_nb.domain.task import Task
    from kling_nb.domain.wire import Answer
    from kling_nb.errors import TaskFailed

IMAGE2VIDEO = "/v1/videos/image2video"
PATHS: dict[Form, str] = {
    "image2video": IMAGE2VIDEO,
    "text2video": "/v1/videos/text2video",
    "extend": "/v1/videos/video-extend",
}
DOOR = Door(
    name="official",
    title="official Kling API",
    base_url="https://api-singapore.klingai.com",
    base_variables=("KLING_API_BASE",),
    key_variables=("KLING_API_KEY", "KLINGAI_API_KEY"),
    pair_variables=(
        ("KLING_ACCESS_KEY", "KLING_SECRET_KEY"),
        ("KLINGAI_ACCESS_KEY", "KLINGAI_SECRET_KEY"),
    ),
    console_url="https://kling.ai/dev",
    grids={"image2video": IMAGE_GRID, "text2video": TEXT_GRID, "extend": EXTEND_GRID},
    defaults={
        "image2video": DefaultModel("kling-v2-5-turbo", "std", 5),
        "brush": DefaultModel("kling-v2-5-turbo", "std", 5),
        "text2video": DefaultModel("kling-v2-5-turbo", "std", 5),
        "extend": DefaultModel("kling-v1-6", "std", 5),
    },
    local_defaults={"brush": DefaultModel("kling-v1", "pro", 5)},
    external_ids=True,
    brush=True,
    brush_note=BRUSH_ON_OFFICIAL,
    retires=True,
)
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
    door: Door = DOOR
    has_external_id: bool = True
    watch: Watch = "pages"
    ids_per_call: int = 1

    def create(self, request: VideoRequest, external_task_id: str) -> Call:
        """Return the call that creates a task, on the path of the request's form.

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
        return Call("POST", PATHS[request.form], body=body, safe=False)

    def query(self, task_id: str, form: Form = "image2video") -> Call:
        """Return the call that asks for one task.

        Parameters
        ----------
        task_id
            The service's id or our external id.
        form
            What the task makes: every form has a path of its own.
        """
        if not task_id:
            raise InputError("No task id was given.", "An empty id would ask for the list.", "Give an id.")
        # A dot survives quoting, and clients resolve "." and ".." in a path away.
        segment = (
            quote(task_id, safe="").replace(".", "%2E") if set(task_id) == {"."} else quote(task_id, safe="")
        )
        return Call("GET", f"{PATHS[form]}/{segment}")

    def lookup(self, external_task_id: str, form: Form = "image2video") -> Call:
        """Return the call that asks for a task by our id: the same path takes both (§7.2)."""
        return self.query(external_task_id, form)

    def query_many(self, task_ids: Sequence[str], form: Form = "image2video") -> Call:
        """Return the call for one task: this API has pages instead of lists of ids."""
        return self.query(task_ids[0], form)

    def recognize(self, image: str) -> Call | None:
        """Return the call that segments a picture (``spec/official-api.md`` §15); 0.1 unit."""
        return official_body.recognize(image)

    def findings(self, request: VideoRequest) -> Sequence[Problem]:
        """Return what this API does not know although another generation or form does."""
        return official_rules.findings(request)

    def estimate(self, request: VideoRequest) -> Cost:
        """Return the price list's answer."""
        return estimate(request, self.door, self.name)

    def list_tasks(self, page: int = 1, size: int = 30, form: Form = "image2video") -> Call:
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
        return Call("GET", PATHS[form], query={"pageNum": str(page), "pageSize": str(size)})

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
        return official_account.packs_call(start_ms, end_ms)

    def deductions(self, start_ms: int, end_ms: int, cursor: str = "") -> Call:
        """Return the call that asks what tasks took from the packs.

        Parameters
        ----------
        start_ms, end_ms
            Unix milliseconds.
        cursor
            ``next_cursor`` of the page before.
        """
        return official_account.deductions_call(start_ms, end_ms, cursor)

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
        return official_account.packs_from(raise_for(answer).get("data"))

    def decode_deductions(self, answer: Answer) -> Deductions:
        """Read a page of deductions.

        Parameters
        ----------
        answer
            Answer to `deductions`.
        """
        return official_account.deductions_from(raise_for(answer).get("data"))

    def decode_recognize(self, answer: Answer) -> list[Segment]:
        """Read the segments of a picture.

        Parameters
        ----------
        answer
            Answer to `recognize`.
        """
        return official_decode.segments_from(raise_for(answer).get("data"))

    def failure(self, task: Task) -> TaskFailed:
        """Return the error for a task that the service ended with a failure.

        Parameters
        ----------
        task
            A failed task.
        """
        return official_decode.failure_of(task)
