"""The composer: picture, drawing, prompt, parameters, cost, preview, submit and card in one form."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from ipywidgets import widget_serialization

from kling_nb.domain.filenames import plain_name
from kling_nb.domain.problems import Problem, Severity
from kling_nb.errors import KlingError
from kling_nb.session import default_session
from kling_nb.session.brushes import PATHLESS
from kling_nb.session.doortable import obstacles as door_obstacles
from kling_nb.session.ways import WAYS, obstacle
from kling_nb.widgets.card import RunCard
from kling_nb.widgets.output import in_cell, remember_cell
from kling_nb.widgets.pad.pad import PAGES, MotionPad
from kling_nb.widgets.pad.words import failure_lines, problem_rows
from kling_nb.widgets.pad.worker import LatestOnly
from kling_nb.widgets.parameters import (
    AUTO,
    Choices,
    Field,
    defaults,
    door_field,
    fields,
    repaired,
    way_field,
)
from kling_nb.widgets.static import static_form

if TYPE_CHECKING:
    from kling_nb.domain.door import Form
    from kling_nb.session import Prepared, Run, Session

logger = logging.getLogger("kling_nb")

LABELS = {"prompt": "Prompt", "negative_prompt": "Negative prompt"}
TEXTS = tuple(LABELS)


def _read(*names: str) -> str:
    folder = files("kling_nb.widgets")
    return "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)


@dataclass(frozen=True, slots=True)
class _Checked:
    """What is known about the request as it stands."""

    prepared: Prepared | None = None
    failure: str = ""


class Composer(anywidget.AnyWidget):
    """A run put together by hand, for people who do not want magics.

    Parameters
    ----------
    image
        Picture to begin with: anything a motion pad takes, or a motion pad. None begins empty: without a
        picture the clip is made from words alone.
    prompt
        Prompt to begin with.
    session
        Default the session of the module functions.
    **params
        Request fields to begin with: ``model_name``, ``mode``, ``duration``, ``provider`` …
    """

    _esm = _read("composer.js")
    _css = _read("pad/controls.css", "composer.css")

    state = traitlets.Dict().tag(sync=True)
    pad = traitlets.Any(allow_none=True).tag(sync=True, **widget_serialization)
    cards: traitlets.List[Any] = traitlets.List().tag(sync=True, **widget_serialization)

    def __init__(
        self, image: Any = None, prompt: str = "", *, session: Session | None = None, **params: Any
    ) -> None:
        self._session = session or default_session()
        self._lock = threading.RLock()
        self._provider = self._session.choose_provider(params.pop("provider", None)).provider
        self._texts = {"prompt": prompt, "negative_prompt": str(params.pop("negative_prompt", ""))}
        self._way = str(params.pop("way", "auto"))
        first = defaults(self._provider, "text2video" if image is None else "image2video")
        self._values = first | {name: str(value) for name, value in params.items()}
        self._message = ("", "")
        self._submits = 0
        self._heard: dict[str, int] = {}
        self._image_text = ""
        self._closed_doors = door_obstacles(self._session, "text2video")
        self._known = _Checked()
        self._stop_watching: Callable[[], None] | None = None
        self._checker: LatestOnly[_Checked] = LatestOnly(self._checked)
        remember_cell()
        super().__init__(state=self._state())
        self.on_msg(self._on_message)
        if image is not None:
            self._open(image)
        self._changed()

    # --- for Python -------------------------------------------------------------------------------------

    @property
    def runs(self) -> list[Run]:
        """The runs made here, newest first."""
        return [card.run for card in self.cards]

    def request(self) -> dict[str, Any]:
        """Return the keywords of ``kn.submit`` for what the form says now."""
        said = {**self._values, **self._texts}
        given: dict[str, Any] = {name: value for name, value in said.items() if value != AUTO}
        for name, read in (("duration", int), ("cfg_scale", float)):
            if name in given:
                given[name] = read(given[name])
        # Taken once: a check runs beside the page, which may take the picture away meanwhile.
        if (pad := self.pad) is not None:
            given["image"] = pad.image
            if not pad.is_empty:
                given |= {"brush": pad.brush, "way": self._way}
        return {**given, "provider": self._provider}

    def __repr__(self) -> str:
        clip = " ".join(filter(None, (self._values.get("model_name"), self._values.get("mode"))))
        count = len(self.cards)
        made = f" · {count} run{'s' if count > 1 else ''}" if count else ""
        picture = self._image_text or ("no picture" if self.pad is None else self._image_hint().split(",")[0])
        return f"<Composer {picture} · {clip} {self._values.get('duration')} s · {self._provider}{made}>"

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.bundle(), {}

    def bundle(self) -> dict[str, Any]:
        """Return the MIME bundle that shows the form; without a kernel it is what was filled in."""
        remember_cell()
        picture = "" if self.pad is None else self.pad.bundle()["text/html"]
        rows = [(field.label, field.shown) for field in self._fields() if field.shown]
        rows += [(label, self._texts[name]) for name, label in LABELS.items() if self._texts[name]]
        return {
            "text/plain": repr(self),
            "text/html": static_form(picture, rows),
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.model_id,
            },
        }

    def settle(self, timeout: float = 60) -> None:
        """Wait until what was ordered is checked and rendered."""
        self._checker.join(timeout)
        if self.pad is not None:
            self.pad.settle(timeout)

    def close(self) -> None:
        """Forget pad and cards."""
        if self._stop_watching is not None:
            self._stop_watching()
        for child in (self.pad, *self.cards):
            if child is not None:
                child.close()
        super().close()

    # --- page to kernel ---------------------------------------------------------------------------------

    def _on_message(self, _widget: object, content: dict[str, Any], buffers: list[memoryview]) -> None:
        try:
            self._do(content, buffers)
        except Exception as error:
            # Whatever goes wrong in a handler would be lost in the log of the server.
            if not isinstance(error, KlingError):
                logger.exception("the composer could not do %s", content.get("kind"))
            self._say(failure_lines(error), "E")
        if client := str(content.get("client", "")):
            self._answered(client, int(content.get("seq", 0)))

    def _answered(self, client: str, seq: int) -> None:
        """Tell a page up to where it has been heard: until then, what it shows is newer than the state."""
        with self._lock:
            others = {page: number for page, number in self._heard.items() if page != client}
            self._heard = dict([*others.items(), (client, seq)][-PAGES:])
        self._show()

    def _do(self, content: dict[str, Any], buffers: list[memoryview]) -> None:
        match content.get("kind"):
            case "set":
                self._set(str(content["name"]), str(content["value"]))
            case "upload":
                self._open(self._keep_upload(str(content["name"]), bytes(buffers[0])))
                self._repair()
                self._changed()
            case "preview" if self.pad is not None:
                self.pad.preview()
            case "submit":
                # The page has greyed its button: whatever comes of it, the answer is a new state.
                self._submits += 1
                self._submit()

    def _set(self, name: str, value: str) -> None:
        self._message = ("", "")
        if name in TEXTS:
            self._texts[name] = value
        elif name == "way":
            self._way = value
        elif name == "image":
            self._open(value)
            self._repair()
        elif name == "provider":
            self._provider = self._session.choose_provider(value).provider
            self._repair()
        else:
            self._values[name] = value
            self._repair()
        self._changed()

    def _repair(self) -> None:
        """Replace what has become impossible, and say what."""
        self._values, said = repaired(self._choices())
        self._message = (" ".join(said), "I" if said else "")

    def _keep_upload(self, name: str, data: bytes) -> Path:
        # Kept as a file, so that the run can name its picture.
        target = self._session.home / "uploads" / plain_name(name, "picture")
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f"{target.name}.{uuid.uuid4().hex[:8]}.part")
        part.write_bytes(data)
        part.replace(target)
        return target

    def _open(self, image: Any) -> None:
        if isinstance(image, str) and not image.strip():
            self._take_pad(None, "")
            return
        pad = image if isinstance(image, MotionPad) else MotionPad(image, session=self._session)
        # Only what can be opened again stands in the field: a picture in memory has no path.
        source = "" if pad.image.source in PATHLESS else pad.image.source
        self._take_pad(pad, str(image) if isinstance(image, str | Path) else source)

    def _take_pad(self, pad: MotionPad | None, text: str) -> None:
        if self._stop_watching is not None:
            self._stop_watching()
            self._stop_watching = None
        self._image_text = text
        self.pad = pad
        if pad is not None:
            pad.set_request(self._for_pad)
            self._stop_watching = pad.on_change(self._changed)

    def _for_pad(self) -> dict[str, Any]:
        """Return what the pad's own preview and checks shall assume."""
        given = self.request()
        return {name: value for name, value in given.items() if name not in ("image", "brush")}

    # --- checks -----------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self._closed_doors = door_obstacles(self._session, self._form)
        self._show()
        self._checker.order(self._check)

    def _check(self) -> _Checked:
        try:
            return _Checked(self._session.build(**self.request()))
        except KlingError as error:
            return _Checked(failure="\n".join(error.lines()))

    def _checked(self, result: _Checked | Exception) -> None:
        if isinstance(result, Exception):
            logger.error("the composer could not check the request", exc_info=result)
            result = _Checked(failure=failure_lines(result))
        self._known = result
        in_cell(self._show)

    def _choices(self) -> Choices:
        prepared = self._known.prepared
        native = prepared is not None and prepared.request.has_brush
        return Choices(self._provider, self._values, native, self._form)

    @property
    def _form(self) -> Form:
        return "text2video" if self.pad is None else "image2video"

    def _fields(self) -> list[Field]:
        door = door_field(self._provider, self._closed_doors)
        return [door, *fields(self._choices()), way_field(self._way, self._obstacles())]

    def _limits(self) -> dict[str, int]:
        """Return how many characters the texts may have; 0 where the door has no place for one."""
        door = self._choices().door
        place = "negative_prompt" in door.fields
        return {
            "prompt": door.prompt_characters(self._values.get("model_name", "")),
            "negative_prompt": door.negative_prompt_limit if place else 0,
        }

    def _obstacles(self) -> dict[str, str] | None:
        """Return what stands in each way of sending the brush; None without one."""
        prepared = self._known.prepared
        if prepared is None or not prepared.drawn.has_brush:
            return None
        found = {way: obstacle(way, prepared.drawn, prepared.dialect.door) for way in WAYS}
        return {way: hurdle.text for way, hurdle in found.items() if hurdle is not None}

    # --- submit -----------------------------------------------------------------------------------------

    def _submit(self) -> None:
        run = self._session.submit(**self.request())
        known = next((card for card in self.cards if card.run.id == run.id), None)
        self.cards = [
            known or RunCard(run),
            *(card for card in self.cards if card is not known),
        ]
        self._message = ("", "")
        # An identical run exists now: the form says so.
        self._changed()

    # --- kernel to page ---------------------------------------------------------------------------------

    def _say(self, text: str, level: str) -> None:
        self._message = (text, level)
        self._show()

    def _show(self) -> None:
        with self._lock:
            self.state = self._state()

    def _image_hint(self) -> str:
        """Return what an empty field means."""
        if (pad := self.pad) is None:
            return "path of a picture; empty: a clip from words alone"
        width, height = pad.image.size
        return f"{pad.image.source} of {width} × {height} pixels, from the kernel"

    @staticmethod
    def _worth_saying(prepared: Prepared) -> list[Problem]:
        # The way of the brush has a line of its own.
        return [p for p in prepared.problems if p.blocks or p.field != "way" or p.severity != Severity.INFO]

    def _state(self) -> dict[str, Any]:
        prepared = self._known.prepared
        blocked = prepared is None or bool(prepared.blocking)
        cost = "" if prepared is None else str(prepared.cost)
        reason = "" if prepared is None or prepared.way is None else prepared.way.reason
        return {
            "image": self._image_text,
            "image_hint": self._image_hint(),
            "has_image": self.pad is not None,
            **self._texts,
            "limits": self._limits(),
            "fields": [field.to_json() for field in self._fields()],
            "way": reason[:1].upper() + reason[1:],
            "problems": [] if prepared is None else problem_rows(self._worth_saying(prepared)),
            "cost": f"{self._provider}: {cost}" if cost else "",
            "submit": "Submit",
            "submits": self._submits,
            "heard": self._heard,
            "can_submit": not blocked,
            "can_preview": self.pad is not None,
            "message": self._message[0] or self._known.failure,
            "message_level": self._message[1] if self._message[0] else "E",
        }


def compose(image: Any = None, prompt: str = "", **params: Any) -> Composer:
    """Return the composer form; see :class:`Composer`."""
    return Composer(image, prompt, **params)
