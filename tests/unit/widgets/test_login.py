"""The field for a key: nothing of the key is left in what front ends save."""

from __future__ import annotations

import json
import warnings
from getpass import GetPassWarning

import pytest

from kling_nb import keys, settings
from kling_nb.errors import SettingsError, UsageError
from kling_nb.widgets import login as module
from kling_nb.widgets.login import LoginForm, login, logout

KEY = "api-key-kling-sesame-0123456789"


@pytest.fixture(autouse=True)
def alone(monkeypatch, tmp_path):
    for name in ("KLING_API_KEY", "KLINGAI_API_KEY", "KLING_ACCESS_KEY", "KLING_NB_PROVIDER", "AIMLAPI_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KLING_NB_HOME", str(tmp_path))
    monkeypatch.setattr(keys, "has_keyring", lambda: False)
    keys._logins.clear()
    keys.refresh()
    yield
    keys._logins.clear()


@pytest.fixture
def form(monkeypatch):
    """The form that ``login()`` would show on a page, and what replaced it."""
    shown = []
    monkeypatch.setattr(module, "has_page", lambda: True)
    monkeypatch.setattr(LoginForm, "show", lambda self: shown.append(self))  # noqa: PLW0108 - binds self

    def make(*arguments, **options):
        login(*arguments, **options)
        return shown[-1]

    return make


def hand(form, text, kind="key"):
    content, buffers = {"kind": kind}, [memoryview(text.encode())]
    form._on_message(form, content, buffers)
    return content, buffers


class TestRefused:
    @pytest.mark.parametrize("word", [KEY, "klng", "AK:SK"])
    def test_a_key_in_place_of_a_provider_is_not_repeated(self, word):
        with pytest.raises(SettingsError, match="never part of the line") as caught:
            login(word)
        assert word not in str(caught.value)

    @pytest.mark.parametrize("name", ["sandbox"])
    def test_the_sandbox_takes_none(self, name):
        with pytest.raises(SettingsError, match="takes no key"):
            login(name)

    def test_remembering_without_a_keyring_is_told_before_anybody_types(self, form):
        with pytest.raises(SettingsError, match="pip install keyring"):
            form(remember=True)

    def test_a_notebook_run_by_a_program(self, monkeypatch):
        monkeypatch.setattr(module, "is_watched", lambda: False)
        with pytest.raises(UsageError, match=r"\.env"):
            login()

    def test_there_is_no_argument_for_the_key_itself(self):
        with pytest.raises(TypeError):
            login(key=KEY)

    @pytest.mark.parametrize("typed", ["two words", f"'{KEY}'", "ключ", "", "a:", f"Bearer {KEY}", "\udcff"])
    def test_what_cannot_be_a_key(self, form, typed):
        shown = form()
        shown._on_message(shown, {"kind": "key"}, [memoryview(typed.encode(errors="surrogateescape"))])
        assert len(shown.message.splitlines()) == 3
        assert KEY not in shown.message
        assert keys._logins == {}
        assert shown.comm is not None

    def test_other_messages_do_nothing(self, form):
        shown = form()
        hand(shown, KEY, kind="else")
        shown._on_message(shown, {"kind": "key", "key": KEY}, [])
        assert keys._logins == {}


def test_nothing_of_the_key_stays_in_the_widget(form):
    shown = form()
    content, buffers = hand(shown, f"{KEY}\n")
    assert keys._logins["KLING_API_KEY"].get_secret_value() == KEY
    state = json.dumps(shown.get_state(), default=str) + repr(vars(shown)) + repr(content) + repr(buffers)
    assert KEY not in state
    assert buffers == []
    assert shown.comm is None


def test_the_script_never_puts_the_key_into_the_state():
    script = LoginForm._esm
    assert "model.set(" not in str(script)
    assert "save_changes" not in str(script)


def test_the_key_is_used_at_once_and_forgotten_again(form, capsys):
    hand(form(), KEY)
    from kling_nb.session.choice import choose_provider

    assert choose_provider(settings.load()) == ("official", "credential from %kling login")
    logout()
    assert "forgotten (%kling login)" in capsys.readouterr().out
    assert choose_provider(settings.load()).provider == "sandbox"


def test_logging_out_tells_of_a_key_that_remains(monkeypatch, form, capsys):
    monkeypatch.setenv("KLING_API_KEY", "api-key-kling-of-the-environment")
    hand(form(), KEY)
    logout()
    said = capsys.readouterr().out
    assert "still one from KLING_API_KEY" in said
    assert "of-the-environment" not in said


def test_a_terminal_that_would_show_the_key_is_not_asked(monkeypatch):
    monkeypatch.setattr(module, "getpass", lambda _text: warnings.warn("echo", GetPassWarning, stacklevel=2))
    with pytest.raises(UsageError, match="would be seen"):
        login()
    assert keys._logins == {}


def test_a_terminal_is_asked_without_echo(monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(module, "getpass", lambda text: asked.append(text) or f" {KEY} ")
    login()
    assert keys._logins["KLING_API_KEY"].get_secret_value() == KEY
    assert "AccessKey:SecretKey" in asked[0]
    assert KEY not in capsys.readouterr().out
