"""Where doors lead: addresses, credentials and what may stand for what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kling_nb import providers, settings
from kling_nb.errors import SettingsError
from kling_nb.session.choice import choose_provider, provider_names
from kling_nb.session.doors import base_of, check_host, credential_of, door_of, no_credential, scope_of

ALL = ("official", "official-new", "acedata", "aimlapi")


@pytest.fixture(autouse=True)
def _no_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ALL:
        for variable in door_of(name).base_variables:
            monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(
    ("variables", "provider", "source"),
    [
        (
            {"KLING_API_KEY": "k1", "ACEDATACLOUD_API_TOKEN": "t", "AIMLAPI_KEY": "a"},
            "official",
            "KLING_API_KEY",
        ),
        ({"ACEDATACLOUD_API_TOKEN": "t", "AIMLAPI_KEY": "a"}, "acedata", "ACEDATACLOUD_API_TOKEN"),
        ({"AIMLAPI_KEY": "a"}, "aimlapi", "AIMLAPI_KEY"),
    ],
)
def test_the_first_door_with_a_credential_is_taken(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], provider: str, source: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    choice = choose_provider(settings.load())
    assert choice.provider == provider
    assert source in choice.reason


def test_every_provider_has_a_rehearsal() -> None:
    assert provider_names() == (
        *ALL,
        "sandbox",
        "sandbox-official-new",
        "sandbox-acedata",
        "sandbox-aimlapi",
    )
    for name in provider_names():
        assert providers.get(name).name == name


def test_a_key_pair_does_not_open_the_new_api(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KLING_ACCESS_KEY", "ak")
    monkeypatch.setenv("KLING_SECRET_KEY", "sk")
    door = door_of("official-new")
    assert credential_of(settings.load(), door) is None
    assert "KLING_API_KEY" in no_credential(door).advice
    monkeypatch.setenv("KLING_API_KEY", "ak:sk")
    assert credential_of(settings.load(), door) is None
    monkeypatch.setenv("KLING_API_KEY", "a-static-key")
    found = credential_of(settings.load(), door)
    assert found is not None and found.kind == "api-key"


@pytest.mark.parametrize("name", ALL)
def test_an_address_is_the_variable_else_the_door_s_own(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    door = door_of(name)
    assert base_of(settings.load(), door) == door.base_url
    monkeypatch.setenv(door.base_variables[0], "https://proxy.example/v1/")
    assert base_of(settings.load(), door) == "https://proxy.example"


def test_a_variable_the_settings_do_not_know_is_read_and_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    door = replace(door_of("acedata"), name="fifth", base_variables=("FIFTH_BASE",))
    assert base_of(settings.load(), door) == door.base_url
    monkeypatch.setenv("FIFTH_BASE", "https://fifth.example/")
    assert base_of(settings.load(), door) == "https://fifth.example"
    monkeypatch.setenv("FIFTH_BASE", "fifth.example")
    with pytest.raises(SettingsError, match=r"FIFTH_BASE|cannot be used") as caught:
        base_of(settings.load(), door)
    assert "FIFTH_BASE" in caught.value.why


@pytest.mark.parametrize("name", ALL)
def test_a_credential_goes_to_its_own_service_only(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    door, loaded = door_of(name), settings.load()
    check_host(loaded, door, door.base_url)
    for other in (
        "https://evil.example",
        door.base_url.replace("https", "http"),
        door.base_url + ".evil.example",
    ):
        with pytest.raises(SettingsError) as caught:
            check_host(loaded, door, other)
        assert f"{door.base_variables[0]}={other}" in caught.value.advice
    for stranger in ALL:
        if door_of(stranger).base_url != door.base_url:
            with pytest.raises(SettingsError):
                check_host(loaded, door, door_of(stranger).base_url)
    monkeypatch.setenv(door.base_variables[0], "https://proxy.example")
    check_host(settings.load(), door, "https://proxy.example")


def test_what_may_stand_for_what(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    plain = [scope_of(name, settings.load()) for name in provider_names()]
    assert plain == list(provider_names()), "each door and each rehearsal for itself"
    for name in ALL:
        monkeypatch.setenv(door_of(name).base_variables[0], "http://127.0.0.1:8000")
    elsewhere = [scope_of(name, settings.load()) for name in provider_names()]
    assert elsewhere[:4] == [f"{name} http://127.0.0.1:8000" for name in ALL]
    assert elsewhere[4:] == plain[4:], "the sandbox is one place wherever it listens"
    monkeypatch.setenv("KLING_API_BASE", "https://api-beijing.klingai.com")
    assert scope_of("official", settings.load()) == "official", "the vendor's hosts replace one another"
