"""A field for a key that leaves no trace: not in the notebook, not in its widgets, not in the history.

What is typed is never part of the widget's state, which front ends save with the notebook. It comes as a
binary buffer, because the text of messages is logged by kernels that run in debug mode, and the form
disappears when it has served.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from getpass import GetPassWarning, getpass
from importlib.resources import files
from typing import Any

import anywidget
import traitlets
from pydantic import SecretStr

from kling_nb import keys
from kling_nb.domain.door import Door
from kling_nb.errors import KlingError, UsageError
from kling_nb.session import login as taking
from kling_nb.widgets.output import CellOutput, has_page, is_watched

WIDGET_TYPE = "application/vnd.jupyter.widget-view+json"
LEFT_BEHIND = "(The field for a key was here; it needs a running kernel.)"


def _read(name: str) -> str:
    return files("kling_nb.widgets").joinpath(name).read_text(encoding="utf-8")


class LoginForm(anywidget.AnyWidget):
    """One password field and what came of it.

    Parameters
    ----------
    title
        What is asked for.
    take
        Given the key; returns what a person is told, and raises when it cannot be one.
    """

    _esm = _read("login.js")
    _css = _read("login.css")

    title = traitlets.Unicode().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)

    def __init__(self, title: str, take: Callable[[SecretStr], str]) -> None:
        self._take = take
        self._output: CellOutput | None = None
        super().__init__(title=title)
        self.on_msg(self._on_message)

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        view = {"version_major": 2, "version_minor": 0, "model_id": self.model_id}
        return {"text/plain": LEFT_BEHIND, WIDGET_TYPE: view}, {}

    def show(self) -> LoginForm:
        """Display the form in the running cell."""
        self._output = CellOutput(self._repr_mimebundle_()[0])
        return self

    def _on_message(self, _widget: object, content: dict[str, Any], buffers: list[memoryview]) -> None:
        if content.get("kind") != "key" or not buffers:
            return
        typed = SecretStr(bytes(buffers.pop()).decode("utf-8", errors="replace").strip())
        try:
            said = self._take(typed)
        except KlingError as error:
            self.message = "\n".join(error.lines())
            return
        if self._output is not None:
            self._output.replace({"text/plain": said})
        self.close()


def login(provider: str | None = None, *, remember: bool = False, prompt: bool = False) -> None:
    """Ask for a key, in a field that leaves no trace of it in the notebook.

    Parameters
    ----------
    provider
        Whose key it is; default the chosen service, else the official API.
    remember
        Also keep it in the system's keyring (needs the optional package ``keyring``).
    prompt
        Ask below the cell and wait, as terminals do, instead of showing a field.

    Raises
    ------
    SettingsError
        There is no such provider, or no keyring to remember the key in.
    UsageError
        Nobody is there to type: the notebook is run by a program.
    """
    door = taking.login_door(provider)
    if remember:
        keys.require_keyring()
    if not is_watched():
        raise UsageError(
            "Nobody is there to type a key.",
            "This notebook is run by a program, which takes no input.",
            f"Set {door.key_variables[0]} in its environment, or write it into a .env file.",
        )
    if has_page() and not prompt:
        LoginForm(taking.asks_for(door), _taker(door, remember)).show()
    else:
        print(_taker(door, remember)(_typed(taking.asks_for(door))))  # noqa: T201 - a terminal


def logout(provider: str | None = None) -> None:
    """Forget the key that :func:`login` took, here and in the keyring.

    Parameters
    ----------
    provider
        Whose key; default the chosen service, else the official API.
    """
    print(taking.log_out(taking.login_door(provider)))  # noqa: T201 - what it says is its result


def _typed(title: str) -> SecretStr:
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)
        try:
            return SecretStr(getpass(f"{title}: ").strip())
        except (GetPassWarning, EOFError):
            pass
    raise UsageError(
        "The key is not asked for here: it would be seen.",
        "There is no terminal that can hide what is typed.",
        "Set the variable before Python starts, or write it into a .env file.",
    )


def _taker(door: Door, remember: bool) -> Callable[[SecretStr], str]:
    return lambda key: taking.log_in(door, key, remember=remember)
