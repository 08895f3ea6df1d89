"""The question before an expensive clip."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from kling_nb.domain.problems import Problem, Severity
from kling_nb.errors import UsageError
from kling_nb.magics.confirm import confirm


def prepared(*problems: Problem) -> Any:
    return SimpleNamespace(problems=problems)


DEAR = prepared(Problem("L32", Severity.WARNING, "duration", "10 units, above 5 units"))
OTHER = prepared(Problem("L33", Severity.WARNING, "sound", "audio doubles the price"))


def never(_: str) -> str:
    raise AssertionError("nobody should be asked")


def test_cheap_clips_are_not_asked_about() -> None:
    confirm([OTHER, prepared()], never)


@pytest.mark.parametrize("answer", ["y", "Yes ", "YES"])
def test_yes_sends(answer: str) -> None:
    questions: list[str] = []
    confirm([OTHER, DEAR], lambda question: questions.append(question) or answer)
    assert questions == ["10 units, above 5 units. Send it? [y/N] "]


@pytest.mark.parametrize("answer", ["", "n", "no", "yess", "sure"])
def test_anything_else_does_not(answer: str) -> None:
    with pytest.raises(UsageError, match="Nothing was sent") as caught:
        confirm([DEAR], lambda _: answer)
    assert "--yes" in caught.value.advice


def test_where_nobody_can_be_asked_nothing_is_sent() -> None:
    def no_input(_: str) -> str:
        raise RuntimeError("StdinNotImplemented")

    with pytest.raises(UsageError, match="takes no input"):
        confirm([DEAR], no_input)
