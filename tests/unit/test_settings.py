"""Precedence, names and refusals of the settings."""

from __future__ import annotations

import pickle
import traceback
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from kling_nb import settings
from kling_nb.errors import SettingsError


@pytest.fixture(autouse=True)
def clean(monkeypatch, tmp_path):
    for name in ("PROVIDER", "HOME", "LOG_URL", "MEDIA_URL", "QUOTA", "NEGATIVE_PROMPT"):
        monkeypatch.delenv(f"KLING_NB_{name}", raising=False)
    monkeypatch.delenv("KLING_API_BASE", raising=False)
    monkeypatch.chdir(tmp_path)
    before = dict(settings._configured)
    yield
    settings._configured.clear()
    settings._configured.update(before)


def test_argument_then_config_then_environment_then_default(monkeypatch):
    assert settings.load().provider is None
    monkeypatch.setenv("KLING_NB_PROVIDER", "aimlapi")
    assert settings.load().provider == "aimlapi"
    settings.configure("provider", "acedata")
    assert settings.load().provider == "acedata"
    assert settings.load(provider="sandbox").provider == "sandbox"
    settings.configure("provider", None)
    assert settings.load().provider == "aimlapi"


def test_home_is_resolved_when_loaded(monkeypatch, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    assert settings.load().home == tmp_path / "kling_runs"
    monkeypatch.chdir(other)
    assert settings.load().home == other / "kling_runs"
    monkeypatch.setenv("KLING_NB_HOME", "~/runs")
    assert settings.load().home == Path.home() / "runs"


@pytest.mark.parametrize(
    ("given", "clean"),
    [
        ("https://api.example.com/", "https://api.example.com"),
        ("https://api.example.com/v1", "https://api.example.com"),
        ("https://api.example.com/v1/", "https://api.example.com"),
        ("http://127.0.0.1:8000/proxy/v1/", "http://127.0.0.1:8000/proxy"),
    ],
)
def test_base_url_loses_slash_and_version(monkeypatch, given, clean):
    monkeypatch.setenv("KLING_API_BASE", given)
    assert settings.load().kling_api_base == clean


@pytest.mark.parametrize(
    "bad", ["api.example.com", "ftp://x", "https://", "https://user:pw@host", "https://host/?a=1", "/v1"]
)
def test_no_base_url(monkeypatch, bad):
    monkeypatch.setenv("KLING_API_BASE", bad)
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert "KLING_API_BASE" in str(caught.value)
    assert "pw" not in str(caught.value)


def test_default_base_is_the_host_outside_china():
    assert settings.load().kling_api_base == "https://api-singapore.klingai.com"


def test_unknown_names_are_refused_with_the_closest():
    with pytest.raises(SettingsError, match="negative_prompt"):
        settings.configure("negative_promt", "x")
    with pytest.raises(SettingsError, match="provider"):
        settings.load(provder="sandbox")


@pytest.mark.parametrize(
    ("name", "value"), [("provider", "kl ng"), ("quota", 0), ("clip_limit_units", -1), ("quota", "many")]
)
def test_bad_values_change_nothing(name, value):
    with pytest.raises(SettingsError):
        settings.configure(name, value)
    assert settings.configured() == {}


def test_secret_values_are_not_in_errors_and_not_listed():
    settings.configure("api_key", "api-key-kling-secret")
    assert settings.configured() == {}
    assert not any("key" in name or "token" in name for name in settings.names())
    with pytest.raises(SettingsError) as caught:
        settings.load(api_key=["api-key-kling-secret"])
    assert "api-key-kling-secret" not in str(caught.value)


def test_the_password_of_a_log_url_is_not_displayed():
    loaded = settings.load(log_url="postgresql+psycopg://me:hunter2@db.example/runs")
    assert loaded.log_url.count("hunter2") == 1
    assert "hunter2" not in repr(loaded)
    assert settings.displayed(loaded, "log_url") == "postgresql+psycopg://me:***@db.example/runs"
    assert settings.displayed(loaded, "kling_api_base") == settings.OFFICIAL_BASE


def test_a_deleted_working_directory_shows_no_secret(monkeypatch, tmp_path):
    monkeypatch.setenv("KLING_API_KEY", "api-key-kling-of-the-environment")
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(FileNotFoundError) as caught:
        settings.load(api_key=SecretStr("api-key-kling-of-the-argument"))
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    del shown.stack[0]  # this test
    assert "_digest" in "".join(shown.format())
    assert "api-key-kling" not in "".join(shown.format())


@pytest.mark.parametrize(
    "url",
    [
        "videos",
        "https://bucket.example/x",
        "s3://key:secret-of-the-store@bucket/x",
        "s3://b/x?secret=y",
        "s3://",
    ],
)
def test_a_store_that_cannot_be_used_or_holds_a_credential_is_refused_unseen(monkeypatch, url):
    monkeypatch.setenv("KLING_NB_MEDIA_URL", url)
    with pytest.raises(SettingsError, match="KLING_NB_MEDIA_URL") as caught:
        settings.load()
    assert len(caught.value.lines()) == 3
    assert "secret-of-the-store" not in str(caught.value)
    monkeypatch.delenv("KLING_NB_MEDIA_URL")
    with pytest.raises(SettingsError):
        settings.configure("media_url", url)
    assert settings.load().media_url is None


@pytest.mark.parametrize(
    "url",
    [
        "postgresql+psycopg://me:hunter2@server/runs",
        "postgresql+psycopg://me:hun/ter2@x@server/runs",
        "postgresql+psycopg:///runs?user=me&password=hunter2",
        "postgresql+psycopg:///runs?host=server&sslpassword=hunter2",
    ],
)
def test_the_password_of_the_log_is_never_shown(monkeypatch, url):
    monkeypatch.setenv("KLING_NB_LOG_URL", url)
    loaded = settings.load()
    shown = settings.displayed(loaded, "log_url")
    assert "ter2" not in shown + repr(loaded) + str(loaded)
    assert "server" in shown or "/runs" in shown


def test_empty_variables_count_as_absent(monkeypatch):
    monkeypatch.setenv("KLING_NB_QUOTA", "")
    monkeypatch.setenv("KLING_NB_PROVIDER", "")
    loaded = settings.load()
    assert (loaded.quota, loaded.provider) == (5, None)


def test_numbers_and_short_names():
    settings.configure("negative", "blur")
    settings.configure("clip-limit-units", "7.5")
    loaded = settings.load()
    assert loaded.negative_prompt == "blur"
    assert loaded.clip_limit_units == Decimal("7.5")


def test_changes_are_seen_and_unchanged_settings_are_not_read_again(monkeypatch, tmp_path):
    first = settings.load(api_key="one")
    assert settings.load(api_key="one") is first
    assert settings.load(api_key="two").explicit_api_key.get_secret_value() == "two"
    monkeypatch.setenv("KLING_NB_QUOTA", "7")
    assert settings.load(api_key="one").quota == 7
    settings.configure("quota", 8)
    assert settings.load(api_key="one").quota == 8
    other = tmp_path / "elsewhere"
    other.mkdir()
    monkeypatch.chdir(other)
    assert settings.load(api_key="one").home == other / "kling_runs"


def test_what_is_kept_between_loads_holds_no_secret():
    settings.load(api_key="api-key-kling-kept")
    assert "api-key-kling-kept" not in repr(settings._latest)


def test_settings_with_credentials_do_not_go_into_pickles(monkeypatch):
    monkeypatch.setenv("KLING_API_KEY", "api-key-kling-secret")
    loaded = settings.load()
    with pytest.raises(TypeError, match="credentials"):
        pickle.dumps(loaded)
    assert loaded.model_copy() == loaded


def test_a_wrong_address_is_told_without_the_words_of_a_library(monkeypatch):
    monkeypatch.setenv("KLING_API_BASE", "not an address")
    with pytest.raises(SettingsError) as caught:
        settings.load()
    assert caught.value.why.startswith("KLING_API_BASE: must be an http(s) address like https://")
