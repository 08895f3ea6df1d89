"""Bodies, templates and the notebook's name: what must hold for any text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.errors import UsageError
from kling_nb.magics.body import read_body
from kling_nb.magics.notebook import notebook_path
from kling_nb.magics.suggest import did_you_mean
from kling_nb.session.template import fill

LINES = st.lists(
    st.sampled_from(["a boat", "", "mode: pro", "Scene: sea", "---", "--- negative", "x" * 9, "{x}"])
)


@given(LINES.map("\n".join))
def test_any_body_is_read_or_refused_in_three_lines(text: str) -> None:
    try:
        body = read_body(text, {"mode"})
    except UsageError as error:
        assert len(error.lines()) == 3
    else:
        assert len(body.prompts) >= 1
        said = "\n".join([*body.prompts, body.negative or "", *(key for key, _ in body.headers)])
        assert said.count("a boat") == text.count("a boat")


@given(st.text())
def test_a_body_behind_a_blank_line_is_all_prompt(text: str) -> None:
    separators = any(line.strip().startswith("---") for line in text.splitlines())
    if not separators:
        (prompt,) = read_body("\n" + text, {"mode"}).prompts
        assert prompt.split() == text.split()


@given(st.text().filter(lambda text: "{{" not in text))
def test_text_without_double_braces_is_left_alone(text: str) -> None:
    assert fill(text, {}) == text


@given(st.text(max_size=30), st.text(max_size=30))
def test_a_value_arrives_as_it_is(before: str, value: str) -> None:
    prefix = before.replace("{", "(").replace("\r", " ")  # line ends are unified
    assert fill(prefix + "{{name}} {single}", {"name": value}) == f"{prefix}{value} {{single}}"


def test_values_that_are_not_text_are_written_out() -> None:
    assert fill("{{n}} boats, {{share}}", {"n": 3, "share": 0.5}) == "3 boats, 0.5"


def test_an_error_inside_the_braces_is_named() -> None:
    with pytest.raises(UsageError, match="division by zero"):
        fill("{{ 1 / zero }}", {"zero": 0})


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("--modle", "--model"),
        ("--durration", "--duration"),
        ("stauts", "status"),
        ("zzzz", None),
        ("RUNS", "runs"),
    ],
)
def test_the_nearest_word(word: str, found: str | None) -> None:
    known = ["--model", "--mode", "--duration", "status", "runs"]
    assert did_you_mean(word, known, "otherwise") == (f"Did you mean {found}?" if found else "otherwise")


def test_the_notebooks_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    assert notebook_path({}) is None
    monkeypatch.setenv("JPY_SESSION_NAME", str(tmp_path / "first.ipynb"))
    assert notebook_path({}) == tmp_path / "first.ipynb"
    for told in ("sub/first.ipynb", "/no/such/folder/first.ipynb"):
        monkeypatch.setenv("JPY_SESSION_NAME", told)
        assert notebook_path({}) == tmp_path / "first.ipynb"
    monkeypatch.setenv("JPY_SESSION_NAME", "console-1")
    assert notebook_path({}) is None
    assert notebook_path({"__vsc_ipynb_file__": str(tmp_path / "code.ipynb")}) == tmp_path / "code.ipynb"


def test_an_empty_body_is_an_empty_prompt() -> None:
    assert read_body("", set()).prompts == ("",)
