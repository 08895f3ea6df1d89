"""From what a person wrote to a checked request; nothing leaves this machine here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from kling_nb import providers
from kling_nb.domain.aliases import REQUEST_FIELDS, Normalized, normalize
from kling_nb.domain.brush import MotionBrush as PlainBrush
from kling_nb.domain.cost import Cost
from kling_nb.domain.lint import LintFacts, lint
from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.request import VideoRequest, with_defaults
from kling_nb.errors import MediaError, RequestRefused
from kling_nb.media import load_image
from kling_nb.providers.base import redacted_body
from kling_nb.session.brushes import POINT_OPTIONS, fit, groups_of, mask_of
from kling_nb.session.doors import scope_of
from kling_nb.session.uploading import pending
from kling_nb.session.ways import BrushWay, choose_way

if TYPE_CHECKING:
    from kling_nb.domain.door import Door
    from kling_nb.domain.trajectory import Size
    from kling_nb.providers.base import Provider
    from kling_nb.session.choice import Choice
    from kling_nb.settings import Settings

DRY_RUN_ID = "written-when-sent"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request as it would be sent, and everything there is to say about it beforehand.

    Parameters
    ----------
    request
        The request in canonical form.
    problems
        All findings of the linter, blocking ones first.
    cost
        Expected cost with its source and date.
    provider, reason
        Where it would go and why there.
    identity
        Digest two requests share when they ask the same of the same provider.
    options
        Client-side choices that are no request fields: ``units``, ``origin``, ``timing``, ``timeout`` …
    dialect
        Writes the body.
    way
        How the brush reaches the model; None without a brush.
    """

    request: VideoRequest
    problems: tuple[Problem, ...]
    cost: Cost
    provider: str
    reason: str
    identity: str
    dialect: Provider = field(repr=False)
    options: dict[str, Any] = field(default_factory=dict)
    way: BrushWay | None = None

    @property
    def drawn(self) -> VideoRequest:
        """The request with the brush as it was drawn, whatever way it is sent."""
        return self.request if self.way is None else self.way.drawn

    @property
    def sendable(self) -> VideoRequest:
        """The request as the service can take it: an address stands where an uploader will have put one."""
        return self.request if self.dialect.door.local_images else pending(self.request)

    @property
    def clip(self) -> str:
        """What is paid for, in words: model, mode and length."""
        parts = (self.request.model_name, self.request.sent_mode, f"{self.request.duration} s")
        return " ".join(part for part in parts if part)

    @property
    def blocking(self) -> tuple[Problem, ...]:
        """Findings that keep the request from being sent."""
        return tuple(problem for problem in self.problems if problem.blocks)

    def check_values(self) -> None:
        """Raise when a value was not understood: without it the request is another one.

        Raises
        ------
        RequestRefused
            With these findings.
        """
        # A camera that is none (L15) would be left out; other findings on cameras are about the model.
        unread = [p for p in self.blocking if p.id == "L24" or (p.id == "L15" and not p.forceable)]
        if unread:
            raise RequestRefused(unread)

    def check(self, *, force: bool = False) -> None:
        """Raise when something blocks sending.

        Parameters
        ----------
        force
            Let findings pass that can be forced; limits and unusable values never pass.

        Raises
        ------
        RequestRefused
            With all findings, blocking ones first.
        """
        blocking = [p for p in self.blocking if not (force and p.forceable)]
        if blocking:
            raise RequestRefused(
                [*blocking, *(p for p in self.problems if p not in blocking and not p.blocks)]
            )

    def body(self) -> dict[str, Any]:
        """Return the JSON body that would be sent, pictures replaced by size and digest."""
        return redacted_body(self.dialect.create(self.sendable, self.request.external_task_id or DRY_RUN_ID))


def build(
    choice: Choice,
    dialect: Provider,
    settings: Settings,
    params: Mapping[str, Any],
    facts: Facts,
    *,
    draft: bool = False,
    uploader: bool = False,
    extra: Sequence[Problem] = (),
) -> Prepared:
    """Build and check a request.

    Parameters
    ----------
    choice
        Provider and reason.
    dialect
        The provider's dialect.
    settings
        Defaults and limits.
    params
        Everything the person gave, under any accepted name; ``brush`` is a motion brush or a drawing pad,
        ``way`` how it reaches the model, ``brush_names`` what its objects are called in words.
    facts
        Tells the id of an identical run by identity.
    draft
        For looking only, not for sending: the start frame stands for the end frame of a brush.
    uploader
        Whether something puts local pictures at an address where only addresses are taken.
    extra
        What is known to be wrong already.

    Raises
    ------
    MediaError
        A picture cannot be read.
    """
    given = unpack(params)
    brush, asked, names = (given.pop(name, None) for name in ("brush", "way", "brush_names"))
    normalized = normalize(given)
    problems = [*extra, *normalized.problems]
    fields = dict(normalized.params)
    if settings.negative_prompt and "negative_prompt" in dialect.door.fields and not fields.get("video_id"):
        fields.setdefault("negative_prompt", settings.negative_prompt)
    _load(fields, problems, brush, normalized)
    request = _request(with_defaults(fields, dialect.door), problems)
    # Masks given as plain request fields are sent as such, unless a way is named.
    way = None
    if brush is not None or asked is not None:
        free = [name for name in ("model_name", "mode") if not normalized.params.get(name)]
        way = choose_way(
            request, dialect, asked=asked, free=free, names=names, draft=draft, uploader=uploader
        )
        if way is None and asked is not None:
            problems.append(
                Problem("L26", Severity.WARNING, "way", f"way={asked!r} has no effect without a brush")
            )
    request = request if way is None else way.request
    identity = (request if way is None else way).identity(scope_of(choice.provider, settings))
    known = LintFacts(
        identical_run=facts(identity),
        clip_warn_units=settings.clip_warn_units,
        clip_limit_units=settings.clip_limit_units,
        allow_unknown_model=bool(normalized.options.get("allow_unknown_model", False)),
        uploader=uploader,
        doors=_doors,
    )
    if way is not None:
        problems += way.findings()
    problems += dialect.findings(request)
    found = lint(
        request,
        door=dialect.door,
        provider=choice.provider,
        extra=problems,
        facts=known,
        estimate=dialect.estimate,
    )
    found = found if way is None else [problem for problem in found if not way.overrules(problem)]
    return Prepared(
        request,
        tuple(found),
        dialect.estimate(request),
        choice.provider,
        choice.reason,
        identity,
        dialect,
        normalized.options | ({} if way is None else way.options()),
        way,
    )


def _doors() -> list[Door]:
    """Return all doors; called only when something is lacking at one."""
    return [providers.get(name).door for name in providers.door_names()]


Facts = Callable[[str], str | None]
"""Returns the id of a finished run with an identity, None without one."""


def unpack(params: Mapping[str, Any]) -> dict[str, Any]:
    """Take drawings apart: a pad or a brush brings its own picture.

    Parameters
    ----------
    params
        Keywords; ``image`` or ``brush`` may be a motion pad or a motion brush.
    """
    given = {name: value for name, value in params.items() if value is not None}
    image = given.get("image")
    if isinstance(image, str) and not image.strip():
        # An empty variable where a picture was meant must not buy a clip from words alone.
        raise MediaError(
            "No picture is named.",
            "image is empty text.",
            "Give a path or a URL; leave it out for a clip from words alone.",
        )
    if _is_drawing(image):
        given.setdefault("brush", image)
        given["image"] = getattr(image, "image", None)
    brush = given.get("brush")
    if (
        brush is not None
        and given.get("image") is None
        and (own := getattr(brush, "image", None)) is not None
    ):
        given["image"] = own
    if brush is not None and not isinstance(brush, PlainBrush) and hasattr(brush, "brush"):
        given["brush"] = brush.brush
    return {name: value for name, value in given.items() if value is not None}


def _is_drawing(value: Any) -> bool:
    return isinstance(value, PlainBrush) or (hasattr(value, "brush") and hasattr(value, "image"))


def _load(fields: dict[str, Any], problems: list[Problem], brush: Any, normalized: Normalized) -> None:
    """Read pictures, then masks, which need the size of the picture."""
    for name in ("image", "image_tail"):
        if name in fields:
            fields[name] = load_image(fields[name])
    size = fields["image"].size if "image" in fields else None
    given = normalized.params | normalized.options
    points = {name: given[name] for name in POINT_OPTIONS if name in given}
    read: dict[str, Callable[[Any], Any]] = {
        "static_mask": lambda value: mask_of(value, size),
        "dynamic_masks": lambda value: groups_of(value, size, points),
    }
    for name in [name for name in read if name in fields]:
        value = fields.pop(name)
        with _collected(problems):
            fields[name] = read[name](value)
    if brush is not None:
        with _collected(problems):
            _join(fields, brush, size, taken=normalized.params)


@contextmanager
def _collected(problems: list[Problem]) -> Iterator[None]:
    """Note what is refused and go on: everything wrong is told at once."""
    try:
        yield
    except RequestRefused as refused:
        problems.extend(refused.problems)


def _join(fields: dict[str, Any], brush: Any, size: Size | None, taken: Mapping[str, Any]) -> None:
    """Take over the masks and paths of a brush."""
    if not isinstance(brush, PlainBrush):
        raise _refused(
            "brush", f"{type(brush).__name__} is no motion brush", "give a MotionBrush or a motion pad"
        )
    fitted = brush if size is None else fit(brush, size)
    drawn = {"dynamic_masks": fitted.dynamic_masks or None, "static_mask": fitted.static_mask}
    for name, value in drawn.items():
        if value is not None and name in taken:
            raise _refused(name, f"both the brush and {name} are given", f"keep the brush or {name}")
        if value is not None:
            fields[name] = value


def _request(fields: dict[str, Any], problems: list[Problem]) -> VideoRequest:
    try:
        return VideoRequest(**fields)
    except ValidationError as error:
        # Reported like every other finding; the rest of the request is still checked without the bad fields.
        for item in error.errors(include_input=False, include_url=False):
            name = str(item["loc"][0]) if item["loc"] else "request"
            fix = "give another value, or leave it out"
            problems.append(
                Problem("L24", Severity.ERROR, name, f"{name}: {item['msg']}", fix, forceable=False)
            )
        bad = {problem.field for problem in problems}
        kept = {name: value for name, value in fields.items() if name in REQUEST_FIELDS and name not in bad}
        return VideoRequest(**{"model_name": str(fields.get("model_name", "")), **kept})


def _refused(name: str, message: str, fix: str) -> RequestRefused:
    return RequestRefused([Problem("L24", Severity.ERROR, name, message, fix, forceable=False)])
