"""AceData, a gateway: one path for every form, pictures by address only (``spec/gateways.md`` §2)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kling_nb.domain.capabilities import DefaultModel, Feature, Grid
from kling_nb.domain.door import EVERY_MODEL, FIELDS, FORMS, Door
from kling_nb.domain.wire import Call
from kling_nb.errors import InputError, ServiceError, TaskNotFound
from kling_nb.providers import acedata_body, acedata_decode, gateway
from kling_nb.providers import acedata_rules as rules
from kling_nb.providers.acedata_errors import object_of
from kling_nb.providers.base import Pack, PollPolicy, Segment, Watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_nb.domain.cost import Cost
    from kling_nb.domain.door import Form
    from kling_nb.domain.problems import Problem
    from kling_nb.domain.request import VideoRequest
    from kling_nb.domain.task import Task
    from kling_nb.domain.wire import Answer
    from kling_nb.errors import TaskFailed

VIDEOS: Final = "/kling/videos"
TASKS: Final = "/kling/tasks"
IDS_PER_CALL: Final = 50


@cache
def table() -> Mapping[str, Any]:
    """Return the packaged table: combinations, names, prices and advice by code."""
    found: dict[str, Any] = json.loads(Path(__file__).with_name("acedata.json").read_text(encoding="utf-8"))
    return found


DOOR = Door(
    name="acedata",
    title="AceData",
    base_url="https://api.acedata.cloud",
    base_variables=("ACEDATACLOUD_API_BASE_URL",),
    key_variables=("ACEDATACLOUD_API_TOKEN",),
    console_url="https://platform.acedata.cloud",
    grids={form: Grid.from_json(table()[form]) for form in FORMS},
    defaults={
        "image2video": DefaultModel("kling-v2-6", "std", 5),
        "text2video": DefaultModel("kling-v2-6", "std", 5),
        "extend": DefaultModel("kling-v1-6", "std", 5),
    },
    fields=FIELDS - {"watermark"} | {"image_list", "video_list"},
    ratio_forms=frozenset({"image2video", "text2video"}),
    local_images=False,
    brush_note=(
        "AceData has no fields for masks and paths. Its /kling/motion is motion control, which puts the "
        "movement of a reference video onto a character: another thing than the motion brush"
    ),
    needs_prompt=frozenset({EVERY_MODEL}),
    negative_prompt_limit=200,
    currency="credits",
)


@dataclass(frozen=True, slots=True)
class AceData:
    """Requests and answers of AceData.

    Parameters
    ----------
    name
        ``acedata``, or ``sandbox-acedata`` for the local server.
    poll
        How often tasks are asked for; the vendor advises 10 to 30 s and at most one call a second.
    """

    name: str = "acedata"
    poll: PollPolicy = field(default_factory=lambda: PollPolicy(first_s=10.0, max_s=15.0, gap_s=1.0))
    door: Door = DOOR
    has_external_id: bool = False
    watch: Watch = "ids"
    ids_per_call: int = IDS_PER_CALL

    def create(self, request: VideoRequest, external_task_id: str) -> Call:  # noqa: ARG002 - has no such field
        """Return the call that creates a task.

        Parameters
        ----------
        request
            A request that passed the linter.
        external_task_id
            Not sent: nothing of ours can be looked up here, so a lost create is never repeated.
        """
        audible = Feature.AUDIO in self._features(request)
        body = acedata_body.build(request, table()["names"], audible=audible)
        return Call("POST", VIDEOS, body=body, safe=False)

    def query(self, task_id: str, form: Form = "image2video") -> Call:  # noqa: ARG002 - one path for all
        """Return the call that asks for one task; a POST without side effect."""
        return Call("POST", TASKS, body={"id": gateway.needs_id(task_id), "action": "retrieve"})

    def query_many(self, task_ids: Sequence[str], form: Form = "image2video") -> Call:  # noqa: ARG002
        """Return the call that asks for up to 50 tasks; unknown ones are missing from the answer."""
        if not 1 <= len(task_ids) <= IDS_PER_CALL:
            raise InputError(
                f"{len(task_ids)} tasks cannot be asked for at once.",
                f"AceData recommends 1 to {IDS_PER_CALL} ids a call.",
                "Ask in portions.",
            )
        return Call("POST", TASKS, body={"ids": list(task_ids), "action": "retrieve_batch"})

    def lookup(self, external_task_id: str, form: Form = "image2video") -> Call:  # noqa: ARG002
        """Refuse: there is no id of ours."""
        raise gateway.no_lookup(self.door)

    def list_tasks(self, page: int = 1, size: int = 30, form: Form = "image2video") -> Call:  # noqa: ARG002
        """Refuse: there is no list."""
        raise gateway.no_history(self.door)

    def check(self, uuid: str) -> Call:
        """Return a call that proves the token without cost: asking for a task nobody made.

        Parameters
        ----------
        uuid
            A fresh UUID.
        """
        return self.query(uuid)

    def account(self, start_ms: int, end_ms: int) -> Call | None:  # noqa: ARG002 - a Provider's signature
        """Return None: the balance is shown in the console only."""
        return None

    def recognize(self, image: str) -> Call | None:  # noqa: ARG002 - a Provider's signature
        """Return None: AceData does not segment pictures."""
        return None

    def decode_task(self, answer: Answer) -> Task:
        """Read a submit answer (three forms, §2.2), a record or a callback.

        Raises
        ------
        TaskNotFound
            The record is ``{}``: the id is unknown.
        ServiceError
            There is no id, or the service failed: a task may exist.
        ApiError
            The service refused the call.
        """
        found = object_of(answer, self.door, table()["codes"])
        if not found:
            raise TaskNotFound(
                "The service knows no such task.",
                "It answered with an empty record.",
                f"Check the id at {self.door.console_url}.",
                http_status=answer.status,
            )
        if not acedata_decode.task_id_of(found):
            raise gateway.without_id(answer, self.door)
        return acedata_decode.task_from(found)

    def decode_list(self, answer: Answer) -> list[Task]:
        """Read the answer to `query_many`."""
        return acedata_decode.tasks_from(object_of(answer, self.door, table()["codes"]))

    def decode_check(self, answer: Answer) -> None:
        """Return when the token works, which shows as an empty record.

        Raises
        ------
        ApiError
            If the token was refused or the service failed.
        """
        if object_of(answer, self.door, table()["codes"]):
            raise ServiceError(
                "The service knows a task that nobody made.",
                "A fresh UUID was answered with a record.",
                f"Check {self.door.base_variables[0]}: is it the address of AceData?",
            )

    def decode_account(self, answer: Answer) -> list[Pack]:  # noqa: ARG002 - a Provider's signature
        """Return nothing: see `account`."""
        return []

    def decode_recognize(self, answer: Answer) -> list[Segment]:  # noqa: ARG002 - a Provider's signature
        """Return nothing: see `recognize`."""
        return []

    def findings(self, request: VideoRequest) -> Sequence[Problem]:
        """Return what AceData has to say beyond its table of combinations."""
        return rules.findings(request, table())

    def estimate(self, request: VideoRequest) -> Cost:
        """Return the known price (§2.7), or that it is unknown."""
        return rules.price(request, table(), self.door, self.name)

    def failure(self, task: Task) -> TaskFailed:
        """Return the error for a failed task."""
        return gateway.failure_of(task, self.door)

    def _features(self, request: VideoRequest) -> frozenset[Feature]:
        grid = self.door.grids[request.form]
        return grid.features(request.model_name, request.mode, request.duration)
