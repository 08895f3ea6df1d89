"""Switches and credentials of the sandbox (``spec/sandbox.md`` §1, §5-§7)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
MONTH_S = 30 * 24 * 3600


class Distortion(BaseModel):
    """Deliberate errors of the rendered motion, to calibrate measuring tools (``spec/sandbox.md`` §7)."""

    model_config = ConfigDict(extra="forbid")

    gain: float = Field(default=1.0, allow_inf_nan=False)
    reverse: bool = False
    leak: Seconds = 0.0
    flicker: Seconds = 0.0
    freeze: bool = False
    blur: Seconds = 0.0
    camera: dict[Literal["dx", "dy", "scale", "roll"], float] | None = None


class Config(BaseModel):
    """Everything that can be switched; ``dialects`` and ``tls_*`` act at the start of the server only.

    Durations are seconds. ``elements`` and ``voices`` are the ids the account owns; ``None`` accepts any,
    because the sandbox serves no endpoint that creates them. ``frozen_clock`` (unix seconds) stops the clock
    that tokens, timestamps and signed URLs see; ``clock_offset`` shifts it. ``tls_cert`` and ``tls_key`` are
    paths of PEM files: with a certificate the server speaks https.
    """

    model_config = ConfigDict(extra="forbid")

    dialects: tuple[Literal["official", "acedata", "aiml"], ...] = ("official", "acedata", "aiml")
    quota: int = Field(default=5, ge=1)
    workers: int = Field(default=1, ge=1)
    render: Literal["on", "off"] = "on"
    render_size: Literal["preview", "class"] = "preview"
    codec: Literal["h264", "av1"] = "h264"
    profile: Literal["fast", "realistic"] = "fast"
    queued: Seconds = 0.3
    min_processing: Seconds = 1.0
    time_scale: Seconds = 1.0
    variability: Seconds = 0.0
    distort: Distortion = Distortion()
    retired: Literal["off", "2026-09"] = "off"
    brush_y_origin: Literal["bottom", "top"] = "bottom"
    motion_timing: Literal["arc", "index"] = "arc"
    strict: bool = False
    strict_qps: bool = False
    legacy_idempotency: Literal["reject", "ignore"] = "reject"
    tls_cert: str = ""
    tls_key: str = ""
    blocking_cap: Seconds = 600.0
    tricky_snapshots: bool = False
    tricky_errors: bool = False
    awkward_ids: bool = False
    content_words: tuple[str, ...] = ()
    elements: tuple[str, ...] | None = None
    voices: tuple[str, ...] | None = None
    total_quantity: Decimal = Field(default=Decimal(1000), ge=0)
    balance_lag_s: Seconds = 0.0
    retention: Seconds = float(MONTH_S)
    allow_network: bool = False
    callback_secret: str = ""
    callback_all: bool = False
    frozen_clock: Seconds | None = None
    clock_offset: float = Field(default=0.0, allow_inf_nan=False)

    @field_validator("render", mode="before")
    @classmethod
    def _render_word(cls, value: Any) -> Any:
        return ("off", "on")[value] if isinstance(value, bool) else value

    def patched(self, changes: dict[str, Any]) -> Config:
        """Return a copy with ``changes`` applied and everything validated again."""
        return Config.model_validate({**self.model_dump(), **changes})


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """The credentials the server accepts; the defaults are public knowledge (``spec/sandbox.md`` §1)."""

    access_key: str = "ak-sandbox"
    secret_key: str = "sk-sandbox-0123456789abcdef012345"  # noqa: S105 - published default of a local test server
    api_key: str = "api-key-kling-sandbox"
    acedata_token: str = "acedata-sandbox"  # noqa: S105 - published default of a local test server
    aimlapi_key: str = "aiml-sandbox"
