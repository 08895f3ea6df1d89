"""``{{name}}`` in prompts and options: filled from variables, single braces left alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kling_nb.domain.nearest import closest
from kling_nb.errors import UsageError

if TYPE_CHECKING:
    from jinja2.sandbox import SandboxedEnvironment

# Statements and comments of Jinja ({% %}, {# #}) must stay text: these marks cannot be typed.
_UNTYPABLE = {
    "block_start_string": "\x00<",
    "block_end_string": "\x00>",
    "comment_start_string": "\x00(",
    "comment_end_string": "\x00)",
}


def fill(text: str, variables: Mapping[str, Any]) -> str:
    """Replace every ``{{name}}`` by the value of the variable.

    Parameters
    ----------
    text
        Prompt or option value as typed.
    variables
        The notebook's variables.

    Returns
    -------
    str
        The text; anything else than double braces is as typed.

    Raises
    ------
    UsageError
        A variable is missing (all missing ones are named), or what stands inside the braces cannot be read.
    """
    if "{{" not in text:
        return text
    from jinja2 import meta  # noqa: PLC0415 - cells without {{ }} do not load Jinja

    environment = _environment()
    try:
        needed = meta.find_undeclared_variables(environment.parse(text))
        missing = sorted(needed - set(variables) - set(environment.globals))
        if missing:
            raise _missing(missing, variables)
        return environment.from_string(text).render(
            {name: variables[name] for name in needed if name in variables}
        )
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(
            "A {{ }} in the text cannot be filled.",
            f"{type(error).__name__}: {error}".splitlines()[0],
            "Write {{name}}; for two literal braces write {{ '{{' }}.",
        ) from error


def _missing(names: list[str], variables: Mapping[str, Any]) -> UsageError:
    listed = ", ".join("{{" + name + "}}" for name in names)
    near = closest(names[0], [name for name in variables if not name.startswith("_")])
    return UsageError(
        f"The text uses {listed}, which {'has' if len(names) == 1 else 'have'} no value.",
        f"The notebook has no variable called {' or '.join(names)}.",
        f"Did you mean {near}?" if near else f"Assign it first: {names[0]} = …",
    )


def _environment() -> SandboxedEnvironment:
    from jinja2 import StrictUndefined  # noqa: PLC0415 - see fill
    from jinja2.sandbox import SandboxedEnvironment  # noqa: PLC0415

    environment = SandboxedEnvironment(
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        **_UNTYPABLE,
    )
    environment.globals.clear()
    return environment


def names_in(text: str) -> frozenset[str]:
    """Return the names that stand in double braces; text that cannot be read has none, and is told later."""
    if "{{" not in text:
        return frozenset()
    from jinja2 import TemplateSyntaxError, meta  # noqa: PLC0415 - see fill

    try:
        return frozenset(meta.find_undeclared_variables(_environment().parse(text)))
    except TemplateSyntaxError:
        return frozenset()
