"""Words of a magic line: quotes, apostrophes, Windows paths, JSON."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.magics.tokens import Token, split_line


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        ("boat.jpg -d 5", ["boat.jpg", "-d", "5"]),
        ('"my boat.jpg" --wait', ["my boat.jpg", "--wait"]),
        ("--note it's", ["--note", "it's"]),
        ("--note 'tis late", ["--note", "'tis", "late"]),
        ('--note "don\'t blur"', ["--note", "don't blur"]),
        ('--note "she said \\"go\\""', ["--note", 'she said "go"']),
        ('--note="a b"', ["--note=a b"]),
        ('"C:\\new\\boat.jpg"', ["C:\\new\\boat.jpg"]),
        ("C:\\new\\boat.jpg", ["C:\\new\\boat.jpg"]),
        ('--camera {"zoom": 3} -d 5', ["--camera", '{"zoom": 3}', "-d", "5"]),
        ('--param element_list=[{"element_id": 1}, {"element_id": 2}]',
         ["--param", 'element_list=[{"element_id": 1}, {"element_id": 2}]']),
        ("--name {{ title }} --wait", ["--name", "{{ title }}", "--wait"]),
        ("boat{1}.jpg {open", ["boat{1}.jpg", "{open"]),
        ('5" screen', ['5"', "screen"]),
    ],
)  # fmt: skip
def test_words(line: str, words: list[str]) -> None:
    assert [token.text for token in split_line(line)] == words


def test_only_whole_words_in_quotes_count_as_quoted() -> None:
    assert split_line('"--wait" --note="x"') == [Token("--wait", quoted=True), Token("--note=x")]


@given(st.text())
def test_nothing_is_refused_and_nothing_is_lost(line: str) -> None:
    """Whatever people type: no error, and nothing but blanks, quotes and backslashes vanishes."""
    kept = "".join(token.text for token in split_line(line))
    dropped = set("\"'\\")
    assert [c for c in kept if not c.isspace() and c not in dropped] == [
        c for c in line if not c.isspace() and c not in dropped
    ]
