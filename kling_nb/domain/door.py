"""What is particular about one way to Kling, as plain data: names, limits, what it takes and bills in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from kling_nb.domain.capabilities import DefaultModel, Grid, has_modes

Form = Literal["image2video", "text2video", "extend"]
"""What a request makes: a clip from pictures, a clip from words, or a longer clip."""

FORMS: tuple[Form, ...] = ("image2video", "text2video", "extend")

FORM_WORDS: Final[Mapping[Form, str]] = {
    "image2video": "image-to-video",
    "text2video": "text-to-video",
    "extend": "video extension",
}
"""Forms for people."""

LOCAL_CONSOLE: Final = "/sandbox/tasks of the local sandbox"
"""Where the tasks of a rehearsal are listed."""

FIELDS: Final = frozenset(
    {
        "model_name",
        "image",
        "image_tail",
        "prompt",
        "negative_prompt",
        "multi_shot",
        "shot_type",
        "multi_prompt",
        "element_list",
        "voice_list",
        "sound",
        "cfg_scale",
        "mode",
        "camera_control",
        "duration",
        "watermark",
        "aspect_ratio",
        "video_id",
    }
)
"""Request fields most doors have a place for; masks, callback and external id have words of their own."""

EVERY_MODEL: Final = "*"

Currency = Literal["units", "credits", "tokens"]
"""What a door bills in: Kling units, AceData credits, AI/ML API tokens."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One way to Kling (``spec/gateways.md`` §1).

    Everything that linter, cost, settings, doctor and session must know about a provider without
    speaking its dialect stands here, so that a new provider is one module and one line in the registry.

    Parameters
    ----------
    name
        Name in settings, run log and messages.
    title
        Name for people.
    base_url
        Address when none is set.
    base_variables
        Environment variables that hold another address; the first that is set wins.
    key_variables
        Environment variables that hold a static key or token.
    pair_variables
        Pairs of environment variables that hold an access key and its secret.
    console_url
        Where a person sees tasks and balance: an https address, or words where there is none.
    forms
        What can be made here.
    grids
        Model x mode x duration -> features, by form; a form without one is checked by the service alone.
    defaults
        Model used when a request names none, by form, and by ``"brush"``.
    local_defaults
        Those that differ where the door is rehearsed on the local server, which retires nothing.
    fields
        Request fields this door has a place for somewhere; what a single model lacks its grid and its own
        findings say.
    ratio_forms
        Forms whose ``aspect_ratio`` is sent; elsewhere the clip follows its picture.
    external_ids
        Whether creates carry an id of ours that a task can be looked up by.
    callbacks
        Whether a callback address is taken.
    local_images
        Whether pictures may be sent inline; else only http(s) addresses are taken.
    brush
        Whether any model here has fields for masks.
    unproven_brush
        Models that take masks without anybody knowing whether they do anything.
    brush_note
        Why masks cannot be used, in words for people; empty leaves it to the linter.
    retires
        Whether the dated table of retired models (``spec/capabilities.md`` §5) holds here.
    prompt_limit, negative_prompt_limit
        Characters.
    prompt_limits
        Characters of the prompt for the models that differ, by legacy name.
    needs_prompt
        Models that refuse a picture without words, or :data:`EVERY_MODEL`.
    max_elements
        Most element references in one request.
    untimed_shots
        Models whose storyboard takes the words of a shot and no length.
    sounding
        Models whose service-side default is sound: ``off`` is said explicitly.
    storyboarding
        Models whose service-side default is multi-shot: ``False`` is said explicitly.
    image_bytes
        Largest picture in bytes.
    currency
        What the service bills in.
    key_only
        Why a key pair (AccessKey and SecretKey) is refused before anything is sent, in words for people;
        empty where one is taken.
    """

    name: str
    title: str
    base_url: str
    base_variables: tuple[str, ...]
    key_variables: tuple[str, ...]
    pair_variables: tuple[tuple[str, str], ...] = ()
    console_url: str
    forms: tuple[Form, ...] = FORMS
    grids: Mapping[Form, Grid] = field(default_factory=dict)
    defaults: Mapping[str, DefaultModel] = field(default_factory=dict)
    local_defaults: Mapping[str, DefaultModel] = field(default_factory=dict)
    fields: frozenset[str] = FIELDS
    ratio_forms: frozenset[Form] = frozenset({"text2video"})
    external_ids: bool = False
    callbacks: bool = True
    local_images: bool = True
    brush: bool = False
    unproven_brush: frozenset[str] = frozenset()
    brush_note: str = ""
    retires: bool = False
    prompt_limit: int = 2500
    negative_prompt_limit: int = 2500
    prompt_limits: Mapping[str, int] = field(default_factory=dict)
    needs_prompt: frozenset[str] = frozenset({"kling-v3"})
    max_elements: int = 3
    untimed_shots: frozenset[str] = frozenset()
    sounding: frozenset[str] = frozenset()
    storyboarding: frozenset[str] = frozenset()
    image_bytes: int = 10_000_000
    currency: Currency = "units"
    key_only: str = ""

    def default(self, form: Form, *, brush: bool = False) -> DefaultModel:
        """Return model, mode and seconds for a request that names no model.

        Where a brush has no model to go to, the ordinary default is taken, and the linter says why the
        masks are refused.
        """
        named = self.defaults.get("brush") if brush else None
        named = named or self.defaults.get(form) or self.defaults.get("image2video")
        return named or self._first(form)

    def _first(self, form: Form) -> DefaultModel:
        """Return the newest combination of a door that states no defaults."""
        grid = self.grids.get(form)
        if grid is None or not grid.cells:
            return DefaultModel("kling-v2-5-turbo", "std", 5)
        cell = next(cell for cell in grid.cells if cell.model == grid.models[-1])
        return DefaultModel(cell.model, cell.mode, cell.duration)

    def has_modes(self, model: str, form: Form) -> bool:
        """Whether a model has modes here; where this door has no such model, whether it has any elsewhere."""
        grid = self.grids.get(form)
        return has_modes(model) if grid is None or model not in grid.models else grid.has_modes(model)

    def needs_words(self, model: str) -> bool:
        """Whether a model refuses a picture without a prompt."""
        return bool(self.needs_prompt & {model, EVERY_MODEL})

    def prompt_characters(self, model: str) -> int:
        """Return how many characters a prompt may have."""
        return self.prompt_limits.get(model, self.prompt_limit)

    def rehearsed(self) -> Door:
        """Return the same door as the local server plays it: everything is still served there.

        The vendor's console knows nothing of a rehearsal.
        """
        told = {**self.defaults, **self.local_defaults}
        return replace(self, retires=False, defaults=told, console_url=LOCAL_CONSOLE)
