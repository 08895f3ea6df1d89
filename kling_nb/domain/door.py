"""What is particular about one way to Kling, as plain data: names, limits, what it takes and bills in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from kling_nb.domain.capabilities import DefaultModel, Grid

Form = Literal["image2video", "text2video", "extend"]
"""What a request makes: a clip from pictures, a clip from words, or a longer clip."""

FORMS: tuple[Form, ...] = ("image2video", "text2video", "extend")

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
        Where a person sees tasks and balance.
    forms
        What can be made here.
    grids
        Model x mode x duration -> features, by form; a form without one is checked by the service alone.
    defaults
        Model used when a request names none, by ``"image2video"``, ``"brush"`` and ``"text2video"``.
    external_ids
        Whether creates carry an id of ours that a task can be looked up by.
    callbacks
        Whether a callback address is taken.
    local_images
        Whether pictures may be sent inline; else only http(s) addresses are taken.
    brush
        Whether any model here has fields for masks.
    retires
        Whether the dated table of retired models (``spec/capabilities.md`` §5) holds here.
    prompt_limit, negative_prompt_limit
        Characters.
    image_bytes
        Largest picture in bytes.
    currency
        What the service bills in.
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
    external_ids: bool = False
    callbacks: bool = True
    local_images: bool = True
    brush: bool = False
    retires: bool = False
    prompt_limit: int = 2500
    negative_prompt_limit: int = 2500
    image_bytes: int = 10_000_000
    currency: Currency = "units"
