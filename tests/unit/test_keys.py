"""Where keys are looked for, in which order, and that nobody sees them on the way."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import traceback
import types
from pathlib import Path

import pytest
from pydantic import SecretStr

from kling_nb import keys, settings
from kling_nb.domain.door import Door
from kling_nb.errors import SettingsError
from kling_nb.providers.official import DOOR as OFFICIAL
from kling_nb.transport.finding import find_credential

ALPHA = Door(
    name="alpha",
    title="Alpha",
    base_url="https://alpha.example",
    base_variables=("ALPHA_BASE",),
    key_variables=("ALPHA_API_KEY", "ALPHA_KEY"),
    pair_variables=(("ALPHA_ID_KEY", "ALPHA_SECRET_KEY"),),
    console_url="https://alpha.example/console",
)
TOKENS_ONLY = Door(
    name="beta",
    title="Beta",
    base_url="https://beta.example",
    base_variables=("BETA_BASE",),
    key_variables=("BETA_TOKEN",),
    console_url="https://beta.example/console",
)
NEW = Door(
    name="official-new",
    title="New",
    base_url="https://new.example",
    base_variables=("KLING_API_BASE",),
    key_variables=("KLING_API_KEY", "KLINGAI_API_KEY"),
    console_url="https://new.example",
)


class FakeKeyring(types.ModuleType):
    """A keyring that works, refuses or never answers."""

    def __init__(self):
        super().__init__("keyring")
        self.kept: dict[tuple[str, str], str] = {}
        self.asked: list[str] = []
        self.broken: Exception | None = None
        self.released = threading.Event()
        self.released.set()

    def _act(self, name):
        self.asked.append(name)
        self.released.wait(120)
        if self.broken:
            raise self.broken

    def get_password(self, service, name):
        self._act(name)
        return self.kept.get((service, name))

    def set_password(self, service, name, value):
        self._act(name)
        self.kept[(service, name)] = value

    def delete_password(self, service, name):
        self._act(name)
        del self.kept[(service, name)]


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    """A home, a notebook folder in it, no keys anywhere, no keyring."""
    for name in [
        name for name in os.environ if name.startswith(("KLING", "ALPHA", "BETA", "ACEDATA", "AIML"))
    ]:
        monkeypatch.delenv(name)
    monkeypatch.delenv("PYTHON_DOTENV_DISABLED", raising=False)
    home = tmp_path / "home"
    folder = home / "project" / "notebooks"
    folder.mkdir(parents=True)
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(keys, "has_keyring", lambda: False)
    keys._logins.clear()
    keys.refresh()
    yield folder
    keys._logins.clear()
    keys.refresh()


@pytest.fixture
def keyring(monkeypatch):
    fake = FakeKeyring()
    monkeypatch.setitem(sys.modules, "keyring", fake)
    monkeypatch.setattr(keys, "has_keyring", lambda: True)
    monkeypatch.setattr(keys, "KEYRING_PATIENCE_S", 60.0)  # it answers, however busy the machine is
    return fake


def find(door=ALPHA, **explicit):
    return find_credential(settings.load(**explicit), door)


def token(credential):
    return credential.authorization(0.0).removeprefix("Bearer ")


class TestRefused:
    @pytest.mark.parametrize(
        "value",
        [
            "two words",
            "tab\there",
            "'quoted'",
            '"quoted"',
            "“quoted”",
            "half'",
            "line\nbreak",
            "Bearer abc",
            "\u200bx",
            "ключ",
        ],
    )
    @pytest.mark.parametrize("place", ["environment", "login", ".env"])
    def test_what_is_no_key_is_not_quoted(self, monkeypatch, alone, value, place):
        if place == "environment":
            monkeypatch.setenv("BETA_TOKEN", value)
        elif place == "login":
            keys.log_in("BETA_TOKEN", SecretStr(value))
        else:
            escaped = (
                value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
            )
            (alone / ".env").write_text(f'BETA_TOKEN="{escaped}"\n', encoding="utf-8")
        with pytest.raises(SettingsError) as caught:
            find(TOKENS_ONLY)
        assert len(caught.value.lines()) == 3
        told = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
        told.stack[:] = [frame for frame in told.stack if frame.filename != __file__]
        assert value.strip("'\"“”") not in "".join(told.format()).replace("the word Bearer", "")
        assert value.strip("'\"“”") not in str(caught.value).replace("begins with the word Bearer", "")

    @pytest.mark.parametrize("half", [0, 1])
    def test_half_a_pair_in_a_file_names_file_and_missing_half(self, alone, half):
        names = ALPHA.pair_variables[0]
        (alone / ".env").write_text(f"{names[half]}=some-value\n")
        with pytest.raises(SettingsError, match=rf"{names[1 - half]} is not") as caught:
            find()
        assert ".env" in str(caught.value)
        assert "some-value" not in str(caught.value)

    def test_halves_of_two_places_make_no_pair(self, monkeypatch, alone):
        monkeypatch.setenv("ALPHA_ID_KEY", "of-the-environment")
        (alone / ".env").write_text("ALPHA_SECRET_KEY=of-the-file\n")
        with pytest.raises(SettingsError, match="ALPHA_SECRET_KEY is not"):
            find()

    def test_a_pair_does_not_open_a_door_that_takes_keys_only(self, monkeypatch):
        monkeypatch.setenv("KLING_API_KEY", "some-access:some-secret")
        assert find(NEW) is None
        assert find(OFFICIAL).kind == "jwt"

    def test_the_explicit_key_of_one_service_is_never_offered_to_another(self):
        assert find(TOKENS_ONLY, api_key="for-kling") is None
        assert find(TOKENS_ONLY, api_key="for-kling", provider="official") is None
        assert find(OFFICIAL, api_key="for-beta", provider="beta") is None
        assert token(find(NEW, api_key="for-kling")) == "for-kling"


def test_order_of_the_places(monkeypatch, alone, keyring):
    keyring.kept[("kling_nb", "ALPHA_KEY")] = "of-the-keyring"
    assert (find().source, token(find())) == ("ALPHA_KEY in the keyring", "of-the-keyring")
    (alone / ".env").write_text("ALPHA_KEY=of-the-file\n")
    assert (find().source, token(find())) == ("ALPHA_KEY in ~/project/notebooks/.env", "of-the-file")
    monkeypatch.setenv("ALPHA_ID_KEY", "an-id")
    monkeypatch.setenv("ALPHA_SECRET_KEY", "a" * 32)
    assert find().source == "ALPHA_ID_KEY + ALPHA_SECRET_KEY"
    monkeypatch.setenv("ALPHA_KEY", "second")
    monkeypatch.setenv("ALPHA_API_KEY", "first")
    assert (find().source, token(find())) == ("ALPHA_API_KEY", "first")
    keys.log_in("ALPHA_API_KEY", SecretStr("of-the-login"))
    assert (find().source, token(find())) == ("%kling login", "of-the-login")
    named = find(api_key="of-the-argument", provider="alpha")
    assert (named.source, token(named)) == ("argument", "of-the-argument")


class TestDotenv:
    def test_the_nearest_one_up_to_home(self, alone):
        (alone.parents[1] / ".env").write_text("BETA_TOKEN=of-home\n")
        assert token(find(TOKENS_ONLY)) == "of-home"
        (alone.parent / ".env").write_text("BETA_TOKEN=of-the-project\n")
        assert token(find(TOKENS_ONLY)) == "of-the-project"
        (alone / ".env").write_text("BETA_TOKEN=of-the-folder\n")
        assert token(find(TOKENS_ONLY)) == "of-the-folder"

    def test_not_beyond_the_repository(self, alone):
        (alone.parents[1] / ".env").write_text("BETA_TOKEN=of-home\n")
        (alone.parent / ".git").mkdir()
        keys._above.cache_clear()
        assert find(TOKENS_ONLY) is None

    def test_outside_home_and_repository_only_the_folder_itself(self, monkeypatch, tmp_path):
        outside = tmp_path / "elsewhere" / "deep"
        outside.mkdir(parents=True)
        (tmp_path / "elsewhere" / ".env").write_text("BETA_TOKEN=of-somebody\n")
        monkeypatch.chdir(outside)
        assert find(TOKENS_ONLY) is None
        (outside / ".env").write_text("BETA_TOKEN=ours\n")
        assert token(find(TOKENS_ONLY)) == "ours"

    @pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs users")
    def test_a_file_of_another_user_is_left_alone_and_told(self, monkeypatch, alone):
        (alone / ".env").write_text("BETA_TOKEN=planted\n")
        monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
        if (alone / ".env").stat().st_uid == 0:
            real = os.stat

            def stat(path, **options):
                found = list(real(path, **options))
                found[4] = 4_000_000_001
                return os.stat_result(found)

            monkeypatch.setattr(keys.os, "stat", stat)
        assert find(TOKENS_ONLY) is None
        assert "another user" in keys.troubles()[0]

    @pytest.mark.parametrize(
        "content", [b"\xff\xfe\x00B", b"BETA_TOKEN", b"BETA_TOKEN=", b"= =\n'\n", b"\0\0\0", b"x" * 1_000_001]
    )
    def test_broken_files_hold_nothing(self, alone, content):
        (alone / ".env").write_bytes(content)
        assert find(TOKENS_ONLY) is None

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs pipes")
    def test_a_pipe_is_not_waited_for(self, alone):
        os.mkfifo(alone / ".env")
        assert find(TOKENS_ONLY) is None

    def test_nothing_is_expanded_or_exported(self, alone):
        (alone / ".env").write_text("export BETA_TOKEN=a$HOME${HOME}\nOTHER_SECRET=1\n")
        assert token(find(TOKENS_ONLY)) == "a$HOME${HOME}"
        assert "BETA_TOKEN" not in os.environ
        assert "OTHER_SECRET" not in os.environ

    def test_a_deleted_folder(self, monkeypatch, tmp_path):
        gone = tmp_path / "gone"
        gone.mkdir()
        monkeypatch.chdir(gone)
        gone.rmdir()
        assert keys.dotenv_path() is None

    def test_its_switch(self, monkeypatch, alone):
        (alone / ".env").write_text("BETA_TOKEN=x\n")
        monkeypatch.setenv("PYTHON_DOTENV_DISABLED", "1")
        assert find(TOKENS_ONLY) is None


class TestKeyring:
    def test_it_is_optional(self):
        assert find() is None
        with pytest.raises(SettingsError, match="no keyring") as caught:
            keys.log_in("BETA_TOKEN", SecretStr("sesame"), remember=True)
        assert "pip install keyring" in str(caught.value)
        assert token(find(TOKENS_ONLY)) == "sesame"

    def test_remembered_and_forgotten(self, keyring):
        keys.log_in("BETA_TOKEN", SecretStr("sesame"), remember=True)
        assert keyring.kept == {("kling_nb", "BETA_TOKEN"): "sesame"}
        keys._logins.clear()
        assert find(TOKENS_ONLY).source == "BETA_TOKEN in the keyring"
        assert keys.log_out(TOKENS_ONLY.key_variables) == ["the keyring"]
        assert keyring.kept == {}
        assert find(TOKENS_ONLY) is None

    def test_it_is_asked_once(self, keyring):
        for _ in range(3):
            assert find(TOKENS_ONLY) is None
        assert keyring.asked == ["BETA_TOKEN"]
        keys.refresh()
        find(TOKENS_ONLY)
        assert keyring.asked == ["BETA_TOKEN"] * 2

    def test_a_broken_one_is_told_without_its_words_and_left_alone(self, keyring):
        keyring.broken = RuntimeError("locked; password was sesame")
        assert find() is None
        assert find() is None
        assert len(keyring.asked) == 1
        assert keys.troubles() == ["The system's keyring failed (RuntimeError) and is left alone for now."]
        with pytest.raises(SettingsError) as caught:
            keys.log_in("BETA_TOKEN", SecretStr("sesame"), remember=True)
        assert "sesame" not in str(caught.value)

    def test_one_that_waits_for_a_person_does_not_hold_us_up(self, monkeypatch, keyring):
        monkeypatch.setattr(keys, "KEYRING_PATIENCE_S", 0.02)
        keyring.released.clear()
        begin = time.monotonic()
        assert find() is None
        assert time.monotonic() - begin < 60
        assert "does not answer" in keys.troubles()[0]
        keyring.released.set()


class TestChangesAreNoticed:
    def test_each_place(self, monkeypatch, alone, keyring):
        seen = [settings.load()]

        def changed():
            seen.append(settings.load())
            return seen[-1] != seen[-2]

        assert not changed()
        keys.log_in("BETA_TOKEN", SecretStr("one"))
        assert changed()
        assert not changed()
        keys.log_in("BETA_TOKEN", SecretStr("two"))
        assert changed()
        monkeypatch.setenv("ALPHA_API_KEY", "three")
        assert changed()
        (alone / ".env").write_text("BETA_TOKEN=four\n")
        assert changed()
        keys.log_out(("BETA_TOKEN",))
        assert changed()
        assert not changed()

    def test_the_mark_tells_nothing(self, monkeypatch):
        monkeypatch.setenv("BETA_TOKEN", "sesame")
        loaded = settings.load()
        assert "keys_mark" not in repr(loaded)
        assert "keys_mark" not in settings.names()


def test_secrets_show_nowhere(alone, keyring, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    (alone / ".env").write_text("ALPHA_API_KEY=sesame-of-the-file\nnot a line\n")
    keys.log_in("BETA_TOKEN", SecretStr("sesame-of-the-login"), remember=True)
    shown = [repr(place) for place in keys.places()]
    shown += [repr(vars(keys)), repr(find()), repr(find(TOKENS_ONLY)), caplog.text, *capsys.readouterr()]
    keyring.kept.clear()
    assert not any("sesame" in text for text in shown)
