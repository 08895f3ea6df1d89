"""Settings: explicit argument, then ``%kling config``, then the environment, then the default.

Where a key comes from ``.env``, what keeps its money safe may stand beside it: a provider, budgets and limits
of clips are read there too, after the environment. Addresses are not: a folder that somebody else made must
not decide where a key goes.

The names of the environment variables are part of the product and listed in ``Settings``. Values
only: nothing here opens a file or a connection.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from kling_nb import keys
from kling_nb.errors import SettingsError

OFFICIAL_BASE = "https://api-singapore.klingai.com"
ACEDATA_BASE = "https://api.acedata.cloud"
AIMLAPI_BASE = "https://api.aimlapi.com"


def clean_base_url(value: str) -> str:
    """Return a base URL without trailing ``/`` or ``/v1`` (``spec/official-api.md`` §2).

    Parameters
    ----------
    value
        Absolute http(s) URL of a service.

    Returns
    -------
    str
        The URL as paths are appended to it.

    Raises
    ------
    ValueError
        If it is no http(s) URL or carries a user name, query or fragment.
    """
    text = value.strip().rstrip("/").removesuffix("/v1").rstrip("/")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must be an http(s) address like https://api-singapore.klingai.com")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("must hold neither a user name nor a query")
    return text


class Settings(BaseSettings):
    """All settings of one session; immutable.

    Parameters
    ----------
    provider
        Name of a provider, ``official``, ``acedata``, ``sandbox`` …; None lets the session choose.
    home
        Folder of the run log and the videos, absolute; relative values are resolved against the
        working directory at the moment the settings are loaded.
    log_url
        Address of a run log that a team shares, ``postgresql+psycopg://…``; None means a file in ``home``.
    media_url
        Where copies of videos and pictures go for a team, any address that fsspec understands; None keeps
        them in ``home`` only.
    sandbox_home
        Folder of the local sandbox; None lets the session choose.
    kling_api_base, acedata_api_base, aimlapi_base
        Addresses of the services.
    explicit_api_key, explicit_access_key, explicit_secret_key
        Credential given as an argument; wins over every variable.
    keys_mark
        Digest that changes when a key may have changed in one of the places of `kling_nb.keys`.
    quota
        Concurrent tasks per model (``spec/official-api.md`` §13).
    clip_warn_units, clip_limit_units
        Cost of one clip that warns or blocks (``spec/user-needs.md`` L32), in units.
    sweep_confirm_units
        Price of a sweep above which it is asked about before anything is sent, in units; real money only.
    budget_run, budget_sweep, budget_day
        Budgets of this kernel, in Kling units or dollars (``$5``); those of the run log hold beside them.
    negative_prompt
        Default negative prompt.
    aimlapi_images
        How the AI/ML API is given local pictures and masks: ``data-uri`` or ``base64``; which of them the
        service means is not documented.
    codec
        What previews and a newly started sandbox write: ``h264`` or ``av1``.
    scores
        Whether clips are measured in the background after their download: ``auto`` or ``off``.
    result_hosts
        Hosts that videos may be fetched from although they lie inside the own network, separated by commas.
    embed_cap_mb
        Largest video that is embedded into a notebook on request, in MB.
    """

    model_config = SettingsConfigDict(
        frozen=True, case_sensitive=True, extra="forbid", env_ignore_empty=True, hide_input_in_errors=True
    )

    provider: str | None = Field(default=None, validation_alias="KLING_NB_PROVIDER")
    home: Path = Field(default=Path("kling_runs"), validation_alias="KLING_NB_HOME", validate_default=True)
    log_url: str | None = Field(default=None, validation_alias="KLING_NB_LOG_URL", repr=False)
    media_url: str | None = Field(default=None, validation_alias="KLING_NB_MEDIA_URL")
    sandbox_home: Path | None = Field(default=None, validation_alias="KLING_NB_SANDBOX_HOME")

    kling_api_base: str = Field(default=OFFICIAL_BASE, validation_alias="KLING_API_BASE")
    acedata_api_base: str = Field(default=ACEDATA_BASE, validation_alias="ACEDATACLOUD_API_BASE_URL")
    aimlapi_base: str = Field(default=AIMLAPI_BASE, validation_alias="AIMLAPI_BASE_URL")

    # No environment variable can have these names: the values come from arguments only.
    explicit_api_key: SecretStr | None = Field(default=None, validation_alias="argument api_key")
    explicit_access_key: SecretStr | None = Field(default=None, validation_alias="argument access_key")
    explicit_secret_key: SecretStr | None = Field(default=None, validation_alias="argument secret_key")

    # Not a key: lets settings loaded before and after a change of keys differ.
    keys_mark: str = Field(default="", validation_alias="mark of the keys", repr=False)

    quota: int = Field(default=5, ge=1, validation_alias="KLING_NB_QUOTA")
    clip_warn_units: Decimal | None = Field(default=None, ge=0, validation_alias="KLING_NB_CLIP_WARN_UNITS")
    clip_limit_units: Decimal | None = Field(default=None, ge=0, validation_alias="KLING_NB_CLIP_LIMIT_UNITS")
    sweep_confirm_units: Decimal | None = Field(
        default=Decimal(20), ge=0, validation_alias="KLING_NB_SWEEP_CONFIRM_UNITS"
    )
    budget_run: str | None = Field(default=None, validation_alias="KLING_NB_BUDGET_RUN")
    budget_sweep: str | None = Field(default=None, validation_alias="KLING_NB_BUDGET_SWEEP")
    budget_day: str | None = Field(default=None, validation_alias="KLING_NB_BUDGET_DAY")
    negative_prompt: str = Field(default="", validation_alias="KLING_NB_NEGATIVE_PROMPT")
    aimlapi_images: Literal["data-uri", "base64"] = Field(
        default="data-uri", validation_alias="KLING_NB_AIMLAPI_IMAGES"
    )
    codec: Literal["h264", "av1"] = Field(default="h264", validation_alias="KLING_NB_CODEC")
    scores: Literal["auto", "off"] = Field(default="auto", validation_alias="KLING_NB_SCORES")
    result_hosts: str = Field(default="", validation_alias="KLING_NB_RESULT_HOSTS")
    embed_cap_mb: float = Field(default=8.0, ge=0, validation_alias="KLING_NB_EMBED_CAP_MB")

    def __reduce_ex__(self, protocol: object) -> str | tuple[object, ...]:
        """Refuse to be pickled: the credentials would stand in the file in clear."""
        raise TypeError("settings hold credentials and cannot be pickled")

    @field_validator("provider")
    @classmethod
    def _known_provider(cls, value: str | None) -> str | None:
        if value is None:
            return None
        name = value.strip().lower()
        # Whether there is such a provider is asked where it is opened: its registry is not for this layer.
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name):
            raise ValueError("must be the name of a provider, such as official or sandbox")
        return name

    @field_validator("media_url")
    @classmethod
    def _store(cls, value: str | None) -> str | None:
        if value is None:
            return None
        text = value.strip().rstrip("/")
        scheme, _, rest = text.partition("://")
        if not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme) or not rest or scheme in ("http", "https"):
            raise ValueError(
                "must be the address of a store, such as s3://bucket/videos or file:///mnt/videos"
            )
        if "@" in rest or "?" in rest:
            raise ValueError(
                "must hold no credentials: the store's own client finds them in its usual places"
            )
        return text

    @field_validator("budget_run", "budget_sweep", "budget_day", mode="before")
    @classmethod
    def _amount(cls, value: Any) -> str | None:
        # A budget that cannot be read must not become no budget.
        text = None if value is None else str(value).strip()
        if text is not None and not re.fullmatch(r"\$?[0-9]{1,12}(\.[0-9]{1,6})?", text):
            raise ValueError("must be an amount such as 20 (Kling units) or $5")
        return text

    @field_validator("home", "sandbox_home")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return None if value is None else value.expanduser().absolute()

    @field_validator("kling_api_base", "acedata_api_base", "aimlapi_base")
    @classmethod
    def _clean_base(cls, value: str) -> str:
        return clean_base_url(value)


_ARGUMENTS = {
    "api_key": "explicit_api_key",
    "access_key": "explicit_access_key",
    "secret_key": "explicit_secret_key",
    "api_base": "kling_api_base",
    "base_url": "kling_api_base",
    "negative": "negative_prompt",
    "media": "media_url",
    "log": "log_url",
}
"""Short names accepted beside the field names."""

_SECRET_FIELDS = frozenset(
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
)

_VARIABLES = tuple(str(field.validation_alias) for field in Settings.model_fields.values())

_BESIDE_KEYS = {
    str(field.validation_alias): name
    for name, field in Settings.model_fields.items()
    if name == "provider" or name.startswith(("budget_", "clip_"))
}
"""Variable -> field, of those that are read from ``.env``."""

_configured: dict[str, Any] = {}
_latest: list[tuple[bytes, Settings]] = []
"""The settings loaded last and a digest of all they came from; never the secrets themselves."""
_lock = threading.Lock()


def load(**explicit: Any) -> Settings:
    """Return the settings that hold now.

    Parameters
    ----------
    **explicit
        Values that win over everything else, by field name, or ``api_key``, ``access_key``,
        ``secret_key``, ``negative``. None means "not given".

    Returns
    -------
    Settings
        Immutable; ``home`` resolved against the present working directory.

    Raises
    ------
    SettingsError
        If a name is unknown or a value cannot be used; secrets are not shown.
    """
    given = {field_name(name): value for name, value in explicit.items() if value is not None}
    mark, beside = keys.mark().hex(), _beside_keys()
    with _lock:
        merged = {**beside, **_configured, **given, "keys_mark": mark}
        latest = list(_latest)
    # Every submit asks for the settings, and validating them takes a hundred times longer than this.
    origin = _digest(merged)
    if latest and latest[0][0] == origin:
        return latest[0][1]
    loaded = _build(merged)
    with _lock:
        _latest[:] = [(origin, loaded)]
    return loaded


def configure(name: str, value: Any) -> None:
    """Set a value for this process (``%kling config``); it wins over the environment.

    Parameters
    ----------
    name
        Field name of `Settings` or a short name.
    value
        New value; None goes back to the environment or the default.

    Raises
    ------
    SettingsError
        If the name is unknown or the value cannot be used; then nothing changes.
    """
    field = field_name(name)
    if value is None:
        with _lock:
            _configured.pop(field, None)
        return
    checked = getattr(_build({field: value}), field)
    with _lock:
        _configured[field] = checked


def configured() -> dict[str, Any]:
    """Return what `configure` has set, without secrets.

    Returns
    -------
    dict
        Field name to value.
    """
    with _lock:
        return {name: value for name, value in _configured.items() if name not in _SECRET_FIELDS}


def names() -> list[str]:
    """Return the names that `configure` accepts and that hold no secret, sorted."""
    return sorted(set(Settings.model_fields) - _SECRET_FIELDS - {"keys_mark"})


def displayed(settings: Settings, name: str) -> str:
    """Return a setting for people: secrets are stars, and so is the password in a URL.

    Parameters
    ----------
    settings
        Where it is read.
    name
        Field name.
    """
    value = getattr(settings, name)
    text = re.sub(r"(?<=://)([^/@:]*):.*@", r"\1:***@", str(value))
    return re.sub(r"(?i)([?&][^=&]*(?:pass|secret|key|token|options)[^=&]*=)[^&]*", r"\1***", text)


def is_secret(name: str) -> bool:
    """Whether a name, short ones included, stands for a credential."""
    return _ARGUMENTS.get(name, name) in _SECRET_FIELDS


def field_name(name: str) -> str:
    """Return the field a name means: itself or what a short name stands for.

    Raises
    ------
    SettingsError
        If there is no such setting; the nearest one is named.
    """
    key = name.strip().lower().replace("-", "_")
    field = _ARGUMENTS.get(key, key)
    if field in Settings.model_fields:
        return field
    known = names()
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"Did you mean {close[0]!r}? " if close else ""
    raise SettingsError(
        f"Unknown setting {name!r}.",
        "It is not one of kling_nb's settings.",
        f"{hint}Known: {', '.join(known)}.",
    )


def _beside_keys() -> dict[str, str]:
    found = keys.dotenv_values(_BESIDE_KEYS)
    return {_BESIDE_KEYS[name]: value for name, value in found.items() if not os.environ.get(name)}


def _digest(values: dict[str, Any]) -> bytes:
    """Return a digest of everything the settings depend on: values, variables, working directory."""
    # First, because a deleted working directory fails here, before any secret is in a local variable.
    places = (Path.cwd(), os.environ.get("HOME"), os.environ.get("USERPROFILE"))
    shown = [
        (name, value.get_secret_value() if isinstance(value, SecretStr) else value)
        for name, value in sorted(values.items())
    ]
    variables = [os.environ.get(name) for name in _VARIABLES]
    return hashlib.sha256(repr((shown, variables, places)).encode()).digest()


def _build(values: dict[str, Any]) -> Settings:
    # Keyed by alias: with field names, some versions of pydantic-settings let the environment win.
    by_alias = {str(Settings.model_fields[name].validation_alias): value for name, value in values.items()}
    problems: list[str] = []
    try:
        return Settings(**by_alias)
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, item['loc']))}: {item['msg'].removeprefix('Value error, ')}"
            for item in error.errors(include_input=False)
        ]
    raise SettingsError(
        "A setting cannot be used.",
        "; ".join(problems),
        "Correct the argument, `%kling config` or the variable.",
    )
