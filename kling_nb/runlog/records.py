"""One row of the run log as a value."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from decimal import Decimal
from operator import attrgetter
from typing import Any

from kling_nb.domain.budget import purse_of
from kling_nb.domain.task import RunStatus
from kling_nb.runlog.ids import new_id

Json = dict[str, Any] | list[Any]
"""What a JSON column holds."""


def utc_now() -> datetime:
    """Return the present moment, timezone-aware."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One run: what was asked, what happened, what it cost, where the video is.

    The fields are the columns of the table, in its order; the large JSON columns come last so that
    SQLite can read the others without following overflow pages. All times are timezone-aware UTC, all
    sizes are bytes or pixels, money is in units or USD with full ``Decimal`` precision (up to 15
    significant digits on SQLite). Ids are strings: the service's exceed 2**53.

    Parameters
    ----------
    id
        Run id (``new_id``).
    external_task_id, task_id
        Our idempotency key (``spec/official-api.md`` §11) and the service's id.
    form, parent_run
        What was made (``image2video``, ``text2video``, ``extend``) and the run whose clip was made longer.
    status, service_status
        Neutral status and the service's own word.
    duration
        Requested seconds.
    camera_control, brush
        Camera as sent; masks by SHA-256 and area, trajectories.
    brush_way
        How a motion brush was used: ``native``, ``endframe`` or ``words``; None without a brush.
    image_source, image_sha256, image_bytes, image_width, image_height
        First frame; the same for ``image_tail_*``. The bytes are in the input store.
    identity, repeat
        Digest of everything that decides the result, and the repeat number: together they say whether a
        request is already in the log (U19).
    estimate_units, estimate_usd, estimate_mark, price_as_of
        Expected cost with its source and date; what budgets hold against the run until it ends.
    currency, estimate_amount, actual_amount
        The same in what the service bills in: ``units``, ``credits`` or ``tokens``.
    actual_units, actual_usd, balance_deduction
        What the service says it took; the dollars are those of the price list, or of the user's own rate.
    purse, sweep_id
        Which budgets the run counts in (``real`` or ``sandbox``), and the group of runs it belongs to.
    created_at, sending_at, submitted_at, started_at, finished_at, downloaded_at
        On disk; just before the first byte of the create leaves; accepted; rendering; ended; fetched.
    video_duration
        Seconds of the finished clip.
    video_path, poster_path
        Relative to the home folder.
    rating, kept
        A person's judgement: 0 to 5; True to keep, False to discard, None while undecided.
    variables
        What this cell of a sweep set, by name.
    owner, lease_until
        Which kernel follows the run, and until when nobody else may.
    options
        Client-side choices: ``y_origin``, ``timing``, ``force`` and so on.
    request
        The canonical request, media as ``{"sha256", "bytes"}``: enough to rebuild it.
    wire
        Body as sent, Base64 replaced by its size and digest.
    answers
        Raw answers: ``{"create": …, "final": …}``.
    """

    id: str = field(default_factory=new_id)
    external_task_id: str | None = None
    task_id: str | None = None
    provider: str | None = None
    base_url: str | None = None
    endpoint: str | None = None
    form: str | None = None
    parent_run: str | None = None
    status: RunStatus = RunStatus.CREATED
    service_status: str | None = None
    model_name: str | None = None
    mode: str | None = None
    duration: int | None = None
    prompt: str | None = None
    negative_prompt: str | None = None
    cfg_scale: float | None = None
    sound: str | None = None
    aspect_ratio: str | None = None
    camera_control: Json | None = None
    image_source: str | None = None
    image_sha256: str | None = None
    image_bytes: int | None = None
    image_width: int | None = None
    image_height: int | None = None
    image_tail_source: str | None = None
    image_tail_sha256: str | None = None
    image_tail_bytes: int | None = None
    image_tail_width: int | None = None
    image_tail_height: int | None = None
    static_mask_sha256: str | None = None
    static_mask_bytes: int | None = None
    dynamic_mask_count: int | None = None
    brush_way: str | None = None
    multi_shot: bool | None = None
    shot_type: str | None = None
    multi_prompt: Json | None = None
    element_list: Json | None = None
    voice_list: Json | None = None
    watermark: bool | None = None
    callback_url: str | None = None
    identity: str | None = None
    repeat: int = 1
    estimate_units: Decimal | None = None
    estimate_usd: Decimal | None = None
    currency: str | None = None
    estimate_amount: Decimal | None = None
    estimate_mark: str | None = None
    price_as_of: str | None = None
    actual_units: Decimal | None = None
    actual_usd: Decimal | None = None
    actual_amount: Decimal | None = None
    purse: str | None = None
    sweep_id: str | None = None
    balance_deduction: Json | None = None
    created_at: datetime = field(default_factory=utc_now)
    sending_at: datetime | None = None
    submitted_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    downloaded_at: datetime | None = None
    video_id: str | None = None
    video_url: str | None = None
    video_duration: float | None = None
    video_path: str | None = None
    poster_path: str | None = None
    video_sha256: str | None = None
    video_bytes: int | None = None
    error_kind: str | None = None
    error_code: str | None = None
    error_http: int | None = None
    error_message: str | None = None
    request_id: str | None = None
    name: str | None = None
    note: str | None = None
    rating: int | None = None
    kept: bool | None = None
    notebook: str | None = None
    owner: str | None = None
    lease_until: datetime | None = None
    forced: bool = False
    again: bool = False
    tags: list[str] = field(default_factory=list)
    variables: dict[str, Any] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    versions: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    brush: Json | None = None
    request: dict[str, Any] | None = field(default=None, repr=False)
    wire: dict[str, Any] | None = field(default=None, repr=False)
    answers: dict[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Let no run stand outside the budgets."""
        if self.purse is None:
            object.__setattr__(self, "purse", purse_of(self.provider))

    def changed(self, **columns: Any) -> RunRecord:
        """Return the row with other values; what ``dataclasses.replace`` does, in a third of its time.

        Every step of every run makes a row, of ninety values, to change three of them.

        Parameters
        ----------
        **columns
            New values by field.
        """
        new = object.__new__(RunRecord)
        for keep, value in zip(_SET.values(), _values_of(self), strict=True):
            keep(new, value)
        for name, value in columns.items():
            _SET[name](new, value)
        return new


_values_of = attrgetter(*(item.name for item in fields(RunRecord)))
_SET = {item.name: getattr(RunRecord, item.name).__set__ for item in fields(RunRecord)}
"""What puts a value into its slot."""
