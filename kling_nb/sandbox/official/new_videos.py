"""``POST /image-to-video/{model}`` and ``/text-to-video/{model}`` (``spec/official-api.md`` §8.1, §8.2)."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from typing import Any

from starlette.routing import BaseRoute, Route

from kling_nb.domain.capabilities import units
from kling_nb.sandbox.config import Config
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.exchange import Call
from kling_nb.sandbox.official.messages import (
    RefusedError,
    malformed,
    parameter,
    unsupported_by_model,
    unsupported_combination,
)
from kling_nb.sandbox.official.new_fields import CONTENT_TYPES, NewFields, read_image_body, read_text_body
from kling_nb.sandbox.official.new_models import FULL_HD, MODES, NEW_MODELS, NewModel
from kling_nb.sandbox.official.pipeline import Endpoint, top_level_prompt
from kling_nb.sandbox.official.siblings import unknown_path
from kling_nb.sandbox.official.views import DIALECT, new_created_view
from kling_nb.sandbox.orders import Order, accept_order
from kling_nb.sandbox.tasks import Job

IMAGE_LIMIT = 50_000_000
UNSEEDED = ("external_task_id", "callback_url")
STORYBOARD = re.compile(r"\s*shot\s+\d+\s*,\s*\d+\s*,", re.IGNORECASE)
SHOT = re.compile(r"\s*shot\s+([1-6])\s*,\s*(\d{1,2})\s*,(.*)", re.IGNORECASE | re.DOTALL)
SHOT_LENGTH = 512


class NewPath:
    """The create call of one model.

    Parameters
    ----------
    sandbox
        The shared state.
    path
        ``/image-to-video/kling-3.0`` for example.
    model
        What it offers.
    """

    def __init__(self, sandbox: Sandbox, path: str, model: NewModel, *, from_text: bool) -> None:
        self._sandbox = sandbox
        self._path = path
        self._model = model
        self._from_text = from_text

    def routes(self) -> list[BaseRoute]:
        """Return the route, and the one reached with the switch ``strict`` only."""
        where = top_level_prompt if self._from_text else prompt_item
        create = Endpoint(self._sandbox, {"POST": self._create}, "new", prompt=where)
        return [Route(self._path, create), unknown_path(self._sandbox, self._path + "/", "new")]

    async def _create(self, call: Call) -> dict[str, Any]:
        config = self._sandbox.config
        order = (
            await asyncio.to_thread(self._order, call, config) if call.large else self._order(call, config)
        )
        # Here the duplicate id is observed, so the switch of the legacy paths has no say.
        task = accept_order(self._sandbox, order, call.faults, dialect=DIALECT, endpoint=self._path)
        return new_created_view(task)

    def _order(self, call: Call, config: Config) -> Order:
        model = self._model
        read = read_text_body if self._from_text else read_image_body
        found = read(call.body, model, strict=config.strict)
        _check_presence(found, model, call.directives.prompt, from_text=self._from_text)
        _check_combination(found, model)
        _check_owned(found, config)
        mode = MODES[found.resolution]
        price = units(model.legacy, mode, found.duration, found.audio, bool(found.voices))
        if price is None:
            raise RefusedError(5000)
        job = Job(
            model=model.legacy,
            mode=mode,
            duration=found.duration,
            prompt=call.directives.prompt,
            image=found.frames.get("first_frame"),
            image_tail=found.frames.get("last_frame"),
            aspect_ratio=found.aspect_ratio,
            sound=found.audio,
            watermark=found.watermark,
            media_limit=IMAGE_LIMIT,
            tail_ratio=True,
            seed=_seed(call, [] if self._from_text else call.body["contents"]),
            distort=call.directives.distort,
        )
        return Order(
            job=job,
            units=price.units,
            external_id=found.external_id,
            callback_url=found.callback_url,
            voice=bool(found.voices),
            ignored=tuple(found.ignored),
            notes=tuple(found.notes),
        )


def new_routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return the create routes of every model."""
    forms = (("/image-to-video", False), ("/text-to-video", True))
    paths = [
        NewPath(sandbox, f"{form}/{model.name}", model, from_text=from_text)
        for form, from_text in forms
        for model in NEW_MODELS
    ]
    return [route for path in paths for route in path.routes()]


def prompt_item(body: dict[str, Any]) -> Any:
    """Return the text of the first prompt among ``contents``."""
    items = body.get("contents")
    texts = (
        item.get("text")
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, dict) and item.get("type") == "prompt"
    )
    return next(texts, None)


def _check_presence(found: NewFields, model: NewModel, prompt: str, *, from_text: bool) -> None:
    if not from_text and "first_frame" not in found.frames:
        raise parameter("first_frame cannot be empty")
    if found.voices and not found.audio:
        raise parameter("sound must be on with voice_list")
    if (from_text or model.multi_shot) and not found.prompt.strip():
        raise parameter("prompt: must not be blank")
    if (found.multi_shot or model.audio == "always") and STORYBOARD.match(prompt):
        _check_storyboard(prompt, found.duration)


def _check_storyboard(prompt: str, total: int) -> None:
    """Check ``shot n, m, words; …``: numbers 1 to 6, seconds that add up, at most 512 characters a shot."""
    shots = [SHOT.fullmatch(part) for part in prompt.split(";") if part.strip()]
    readable = [shot for shot in shots if shot and len(shot[3].strip()) <= SHOT_LENGTH and int(shot[2]) >= 1]
    if len(readable) < len(shots) or sum(int(shot[2]) for shot in readable) != total:
        raise malformed("prompt")


def _check_combination(found: NewFields, model: NewModel) -> None:
    for kind in CONTENT_TYPES:
        if kind in found.kinds and kind not in model.contents:
            raise unsupported_by_model("Image tail" if kind == "last_frame" else kind)
    below = found.resolution != FULL_HD
    if "last_frame" in found.frames and "last_frame" in model.hd_only:
        silent_only = "audio" in model.hd_only
        if below or (silent_only and found.audio):
            raise unsupported_combination(model.name, found.resolution, found.duration, "image_tail")
    if found.audio and below and "audio" in model.hd_only:
        raise parameter(f"model/mode({model.name}/{found.resolution}) is not supported with sound on")


def _check_owned(found: NewFields, config: Config) -> None:
    for element in found.elements:
        if config.elements is not None and element not in config.elements:
            raise parameter(f"Element id not found: {element}")
    if config.voices is not None and any(voice not in config.voices for voice in found.voices):
        raise parameter("Voice id not found")


def _seed(call: Call, contents: list[dict[str, Any]]) -> int:
    """Return the render seed: the same request gives the same clip (``spec/sandbox.md`` §1)."""
    options = call.body.get("options") or {}
    counted = {
        "path": call.request.url.path,
        "prompt": call.directives.prompt,
        "contents": [item for item in contents if item.get("type") != "prompt"],
        "settings": call.body.get("settings") or {},
        "options": {key: value for key, value in options.items() if key not in UNSEEDED},
    }
    canonical = json.dumps(counted, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(canonical.encode()).digest()[:8])
