"""The official API, new dialect (``spec/official-api.md`` §8): model in the path, API key only."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from kling_nb.domain.capabilities import DefaultModel, Grid, new_api_name
from kling_nb.domain.cost import estimate
from kling_nb.domain.door import FIELDS, Door
from kling_nb.domain.wire import Call
from kling_nb.errors import AuthError, InputError, ServiceError
from kling_nb.providers import official_account, official_body, official_decode, official_new_body
from kling_nb.providers import official_new_decode as decode
from kling_nb.providers import official_new_rules as rules
from kling_nb.providers.base import Deductions, Pack, PollPolicy, Segment, Watch
from kling_nb.providers.messages import explain
from kling_nb.providers.official_errors import raise_for

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_nb.domain.cost import Cost
    from kling_nb.domain.door import Form
    from kling_nb.domain.problems import Problem
    from kling_nb.domain.request import VideoRequest
    from kling_nb.domain.task import Task
    from kling_nb.domain.wire import Answer
    from kling_nb.errors import TaskFailed

TASKS: Final = "/tasks"
IDS_PER_CALL: Final = 20
MAX_PAGE_SIZE: Final = 500
_PATHS: Final[dict[Form, str]] = {"image2video": "/image-to-video", "text2video": "/text-to-video"}


def _grids() -> dict[Form, Grid]:
    table = json.loads(Path(__file__).with_name("official_new.json").read_text(encoding="utf-8"))
    return {
        "image2video": Grid.from_json(table["image2video"]),
        "text2video": Grid.from_json(table["text2video"]),
    }


_DEFAULT = DefaultModel("kling-v2-5-turbo", "std", 5)
DOOR = Door(
    name="official-new",
    title="official Kling API (new)",
    base_url="https://api-singapore.klingai.com",
    base_variables=("KLING_API_BASE",),
    key_variables=("KLING_API_KEY", "KLINGAI_API_KEY"),
    console_url="https://kling.ai/dev",
    forms=("image2video", "text2video"),
    grids=_grids(),
    defaults={"image2video": _DEFAULT, "brush": _DEFAULT, "text2video": _DEFAULT},
    external_ids=True,
    fields=FIELDS - {"negative_prompt", "cfg_scale", "camera_control", "video_id"},
    prompt_limits={official_new_body.MULTI_SHOT_MODEL: rules.LONGEST_PROMPT},
    storyboarding=frozenset({official_new_body.MULTI_SHOT_MODEL}),
    brush_note="the new API has no fields for masks and paths",
    image_bytes=50_000_000,
    key_only=(
        "The new API needs an API key; AccessKey and SecretKey open provider='official' only. "
        "Make one at https://kling.ai/dev/api-key."
    ),
)


@dataclass(frozen=True, slots=True)
class OfficialNew:
    """Requests and answers of the official API's second generation.

    Parameters
    ----------
    name
        ``official-new``, or ``sandbox-official-new`` for the local server.
    poll
        How often tasks are asked for.
    """

    name: str = "official-new"
    poll: PollPolicy = field(default_factory=PollPolicy)
    door: Door = DOOR
    has_external_id: bool = True
    watch: Watch = "ids"
    ids_per_call: int = IDS_PER_CALL

    def create(self, request: VideoRequest, external_task_id: str) -> Call:
        """Return the call that creates a task.

        Parameters
        ----------
        request
            A request that passed the linter.
        external_task_id
            Idempotency key, proven on this API (``spec/official-api.md`` §11).

        Raises
        ------
        InputError
            If the request makes a clip longer: there is no path for it.
        """
        if request.form not in _PATHS:
            raise InputError(
                "The new API cannot make a clip longer.", "It has no path for it.", 'Use provider="official".'
            )
        model = new_api_name(request.model_name) or request.model_name
        body = official_new_body.build(request, external_task_id)
        return Call("POST", f"{_PATHS[request.form]}/{quote(model, safe='')}", body=body, safe=False)

    def query(self, task_id: str, form: Form = "image2video") -> Call:
        """Return the call that asks for one task by the service's id; every form has the same path."""
        return self.query_many([task_id], form)

    def lookup(self, external_task_id: str, form: Form = "image2video") -> Call:  # noqa: ARG002 - one path
        """Return the call that asks for a task by our id."""
        return Call("GET", TASKS, query={"external_task_ids": _joined([external_task_id])})

    def query_many(self, task_ids: Sequence[str], form: Form = "image2video") -> Call:  # noqa: ARG002 - one path
        """Return the call that asks for up to 20 tasks; unknown ones are missing from the answer.

        Raises
        ------
        InputError
            If there is no id, or more than the service takes (M33, M34).
        """
        return Call("GET", TASKS, query={"task_ids": _joined(task_ids)})

    def list_tasks(self, page: int = 1, size: int = 30, form: Form = "image2video") -> Call:  # noqa: ARG002
        """Return the call that asks for the newest tasks of the last 30 days.

        Parameters
        ----------
        page
            1: further pages are asked for by the cursor of the answer, not by number.
        size
            1 to 500 tasks.
        """
        if page != 1 or not 1 <= size <= MAX_PAGE_SIZE:
            raise InputError(
                f"There is no page {page} of size {size}.",
                f"The service takes sizes 1 to {MAX_PAGE_SIZE} and has no page numbers.",
                "Ask for tasks by their ids.",
            )
        return Call("POST", TASKS, body={"limit": size}, safe=True)

    def check(self, uuid: str) -> Call:  # noqa: ARG002 - 0 is an id nobody has (§14)
        """Return a call that proves the credential without cost."""
        return self.query("0")

    def account(self, start_ms: int, end_ms: int) -> Call:
        """Return the call that asks for resource packs; both generations share them."""
        return official_account.packs_call(start_ms, end_ms)

    def deductions(self, start_ms: int, end_ms: int, cursor: str = "") -> Call:
        """Return the call that asks what tasks took from the packs."""
        return official_account.deductions_call(start_ms, end_ms, cursor)

    def recognize(self, image: str) -> Call | None:
        """Return the call that segments a picture: the legacy path, which takes API keys too."""
        return official_body.recognize(image)

    def findings(self, request: VideoRequest) -> Sequence[Problem]:
        """Return what keeps a request from this API, and what happens differently here."""
        return rules.findings(request)

    def estimate(self, request: VideoRequest) -> Cost:
        """Return the price list's answer: that of the legacy model and tier (``spec/capabilities.md`` §6)."""
        return estimate(request, self.door, self.name)

    def decode_task(self, answer: Answer) -> Task:
        """Read a create, query or look-up answer.

        Raises
        ------
        TaskNotFound
            If the answer is empty: unknown, or not yet visible.
        ApiError
            If the answer reports an error or names no task.
        """
        return decode.one_task_from(_envelope(answer).get("data"))

    def decode_list(self, answer: Answer) -> list[Task]:
        """Read the answer to `query_many` or `list_tasks`."""
        return decode.tasks_from(_envelope(answer).get("data"))

    def decode_check(self, answer: Answer) -> None:
        """Return when the credential works, which shows as an empty list.

        Raises
        ------
        ApiError
            If the credential was refused or the service failed.
        """
        if _envelope(answer).get("data"):
            raise ServiceError(
                "The service knows a task that nobody made.",
                "The id 0 was answered with a task.",
                "Check KLING_API_BASE: is it the address of the Kling API?",
            )

    def decode_account(self, answer: Answer) -> list[Pack]:
        """Read the resource packs."""
        return official_account.packs_from(_envelope(answer).get("data"))

    def decode_deductions(self, answer: Answer) -> Deductions:
        """Read a page of deductions."""
        return official_account.deductions_from(_envelope(answer).get("data"))

    def decode_recognize(self, answer: Answer) -> list[Segment]:
        """Read the segments of a picture."""
        return official_decode.segments_from(_envelope(answer).get("data"))

    def failure(self, task: Task) -> TaskFailed:
        """Return the error for a task that the service ended with a failure."""
        return official_decode.failure_of(task)


def _joined(ids: Sequence[str]) -> str:
    if not 1 <= len(ids) <= IDS_PER_CALL or not all(ids) or any("," in item for item in ids):
        raise InputError(
            f"Tasks cannot be asked for by {len(ids)} ids.",
            f"The service takes 1 to {IDS_PER_CALL} ids a call, none of them empty or with a comma.",
            "Give the ids as the service wrote them.",
        )
    return ",".join(ids)


def _envelope(answer: Answer) -> Mapping[str, Any]:
    try:
        return raise_for(answer)
    except AuthError as error:
        needed = explain("M03")
        if error.code == 1002 and needed is not None:
            # Every wrong credential is answered alike here (§3.3): the key is what is missing.
            error.advice = f"{needed.cause} {needed.fix}"
        raise
