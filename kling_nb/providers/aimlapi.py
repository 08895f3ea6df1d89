"""AI/ML API, a gateway: model ids that carry version and tier (``spec/gateways.md`` §3)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

from kling_nb.domain.capabilities import DefaultModel
from kling_nb.domain.door import FIELDS, Door
from kling_nb.domain.wire import Call
from kling_nb.errors import InputError
from kling_nb.providers import aimlapi_body, aimlapi_decode, aimlapi_ids, gateway
from kling_nb.providers import aimlapi_rules as rules
from kling_nb.providers.aimlapi_body import ImageForm
from kling_nb.providers.aimlapi_errors import object_of
from kling_nb.providers.base import Pack, PollPolicy, Segment, Watch
from kling_nb.providers.jsonvalues import text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kling_nb.domain.cost import Cost
    from kling_nb.domain.door import Form
    from kling_nb.domain.problems import Problem
    from kling_nb.domain.request import VideoRequest
    from kling_nb.domain.task import Task
    from kling_nb.domain.wire import Answer
    from kling_nb.errors import TaskFailed

GENERATIONS: Final = "/v2/video/generations"
BILLING: Final = "/v2/billing"


def _taking(word: str) -> frozenset[str]:
    return frozenset(row.model for row in aimlapi_ids.ids() if word in row.takes)


DOOR = Door(
    name="aimlapi",
    title="AI/ML API",
    base_url="https://api.aimlapi.com",
    base_variables=("AIMLAPI_BASE_URL",),
    key_variables=("AIMLAPI_API_KEY", "AIMLAPI_KEY"),
    console_url="https://aimlapi.com/app",
    forms=("image2video", "text2video"),
    grids={"image2video": aimlapi_ids.grid("image2video"), "text2video": aimlapi_ids.grid("text2video")},
    defaults={
        "image2video": DefaultModel("kling-v2-5-turbo", "pro", 5),
        "brush": DefaultModel("kling-v1", "std", 5),
        "text2video": DefaultModel("kling-v2-5-turbo", "pro", 5),
    },
    fields=FIELDS - {"watermark", "voice_list", "video_id"} | {"elements", "upstream"},
    callbacks=False,
    brush=True,
    unproven_brush=_taking("masks") - set(rules.PROVEN_BRUSH),
    prompt_limits={"kling-3.0-turbo": 3072},
    needs_prompt=frozenset(row.model for row in aimlapi_ids.ids() if row.prompt == "or shots"),
    max_elements=4,
    untimed_shots=_taking("shot words"),
    sounding=_taking("audio"),
    currency="tokens",
)


@dataclass(frozen=True, slots=True)
class AimlApi:
    """Requests and answers of the AI/ML API.

    Parameters
    ----------
    name
        ``aimlapi``, or ``sandbox-aimlapi`` for the local server.
    poll
        How often tasks are asked for; the vendor advises 15 s.
    images
        How local pictures and masks are written: ``data-uri`` or ``base64``.
    """

    name: str = "aimlapi"
    poll: PollPolicy = field(default_factory=lambda: PollPolicy(first_s=15.0, max_s=15.0, gap_s=1.0))
    door: Door = DOOR
    has_external_id: bool = False
    watch: Watch = "singly"
    ids_per_call: int = 1
    images: ImageForm = "data-uri"
    own_settings: ClassVar[Mapping[str, str]] = {"images": "aimlapi_images"}

    def create(self, request: VideoRequest, external_task_id: str) -> Call:  # noqa: ARG002 - has no such field
        """Return the call that creates a task.

        Parameters
        ----------
        request
            A request that passed the linter.
        external_task_id
            Not sent: nothing of ours can be looked up here, so a lost create is never repeated.

        Raises
        ------
        InputError
            If no id fits model and tier; the nearest are named.
        """
        body = aimlapi_body.build(request, aimlapi_ids.need(request), self.images)
        return Call("POST", GENERATIONS, body=body, safe=False)

    def query(self, task_id: str, form: Form = "image2video") -> Call:  # noqa: ARG002 - one path for all
        """Return the call that asks for one task.

        Ids may hold ``:`` and ``/``; a query value is encoded by the transport.
        """
        return Call("GET", GENERATIONS, query={"generation_id": gateway.needs_id(task_id)})

    def query_many(self, task_ids: Sequence[str], form: Form = "image2video") -> Call:
        """Return the call for one task: there is none for several."""
        if len(task_ids) != 1:
            raise InputError(
                "Tasks are asked for one by one here.", "The AI/ML API has no batch.", "Give one id."
            )
        return self.query(task_ids[0], form)

    def lookup(self, external_task_id: str, form: Form = "image2video") -> Call:  # noqa: ARG002
        """Refuse: there is no id of ours."""
        raise gateway.no_lookup(self.door)

    def list_tasks(self, page: int = 1, size: int = 30, form: Form = "image2video") -> Call:  # noqa: ARG002
        """Refuse: there is no list."""
        raise gateway.no_history(self.door)

    def check(self, uuid: str) -> Call:  # noqa: ARG002 - a Provider's signature
        """Return a call that proves the key without cost: the balance."""
        return Call("GET", BILLING)

    def account(self, start_ms: int, end_ms: int) -> Call | None:  # noqa: ARG002 - a Provider's signature
        """Return the call that asks for the balance; it has no period."""
        return Call("GET", BILLING)

    def recognize(self, image: str) -> Call | None:  # noqa: ARG002 - a Provider's signature
        """Return None: the AI/ML API does not segment pictures."""
        return None

    def decode_task(self, answer: Answer) -> Task:
        """Read a create or poll answer, which share one form.

        Raises
        ------
        TaskNotFound
            The generation is unknown.
        ServiceError
            There is no id, or the service failed: a task may exist.
        ApiError
            The service refused the call.
        """
        found = object_of(answer, self.door)
        if not text(found.get("id")):
            raise gateway.without_id(answer, self.door)
        return aimlapi_decode.task_from(found, answer.headers.get(aimlapi_decode.LEDGER_HEADER, ""))

    def decode_list(self, answer: Answer) -> list[Task]:
        """Read the answer to `query_many`: one task."""
        return [self.decode_task(answer)]

    def decode_check(self, answer: Answer) -> None:
        """Return when the key works.

        Raises
        ------
        ApiError
            If the key was refused or the service failed.
        """
        object_of(answer, self.door)

    def decode_account(self, answer: Answer) -> list[Pack]:
        """Read the balance."""
        return aimlapi_decode.packs_from(object_of(answer, self.door))

    def decode_recognize(self, answer: Answer) -> list[Segment]:  # noqa: ARG002 - a Provider's signature
        """Return nothing: see `recognize`."""
        return []

    def findings(self, request: VideoRequest) -> Sequence[Problem]:
        """Return what the AI/ML API has to say beyond its table of ids."""
        return rules.findings(request)

    def estimate(self, request: VideoRequest) -> Cost:
        """Return that the price is unknown, and what is known about it (§3.6)."""
        return rules.price(request, self.door, self.name)

    def failure(self, task: Task) -> TaskFailed:
        """Return the error for a failed task."""
        return gateway.failure_of(task, self.door)
