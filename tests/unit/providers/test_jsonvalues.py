"""Values of answers: what they are, or nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.domain.cost import plain_decimal
from kling_nb.providers import jsonvalues
from kling_nb.providers.messages import explain


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("2.5", "2.5"),
        (" 3.50 ", "3.50"),
        (2, "2"),
        (0.1, "0.1"),
        ("0", "0"),
        ("-1", "-1"),
        ("0E-999999", "0"),
    ],
)
def test_numbers(value, number):
    assert jsonvalues.decimal(value) == Decimal(number)


@pytest.mark.parametrize(
    "value",
    [
        None, True, False, "", "free", [], {}, "NaN", "sNaN", "Infinity", float("inf"), float("nan"),
        "1e16", "1e999999", "1e-999999", "9" * 41, "0." + "0" * 40 + "1", 10**400,
    ],
)  # fmt: skip
def test_what_is_no_number_or_beyond_belief(value):
    assert jsonvalues.decimal(value) is None
    assert jsonvalues.milliseconds(value) is None


@given(st.decimals(min_value=0, max_value=10_000, places=4))
def test_every_amount_of_money_survives(amount):
    assert jsonvalues.decimal(str(amount)) == amount
    assert jsonvalues.decimal(plain_decimal(amount)) == amount


@given(st.integers(0, 4_102_444_800_000))
def test_every_time_of_this_century_survives(stamp):
    seen = jsonvalues.milliseconds(stamp)
    assert seen == jsonvalues.milliseconds(str(stamp))
    assert abs((seen - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1000 - stamp) < 0.01


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a ", "a"),
        (829611643369439283, "829611643369439283"),
        (True, ""),
        (1.5, ""),
        (None, ""),
        (["a"], ""),
    ],
)
def test_texts(value, text):
    assert jsonvalues.text(value) == text


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("829611643369439283", "829611643369439283"),
        (5, "5"),
        ("job-1_a.b", "job-1_a.b"),
        ("x" * 128, "x" * 128),
    ],
)
def test_ids(value, name):
    assert jsonvalues.identifier(value) == name


@pytest.mark.parametrize("value", ["", "x" * 129, "a\nb", "\x1b[2J", "a\u202eb", None, 1.5, True, ["a"]])
def test_what_cannot_be_an_id(value):
    assert jsonvalues.identifier(value) == ""


@given(st.text())
def test_every_text_can_be_stored(value):
    jsonvalues.text(value).encode()
    jsonvalues.text(value + "\ud800").encode()


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("  two\n\tlines\r\n", "two lines"),
        ("\x1b[31mred\x1b[0m\x07", "[31mred[0m"),
        ("file\u202egpj.exe", "filegpj.exe"),
        ("не найдено 見つかりません 🙂", "не найдено 見つかりません 🙂"),
        (5, ""),
        (None, ""),
    ],
)
def test_words_for_people_are_one_plain_line(value, words):
    assert jsonvalues.words(value) == words


@given(st.text())
def test_words_are_bounded_and_fit_everywhere(value):
    said = jsonvalues.words(value * 3000)
    assert len(said) <= jsonvalues.MAX_WORDS
    assert len(said.splitlines()) <= 1
    said.encode()


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff{}"])
def test_bodies_that_are_no_object(body):
    assert jsonvalues.json_object(body) is None


def test_numbers_that_are_no_json_become_nothing():
    body = b'{"a":NaN,"b":-Infinity,"c":1e999,"d":1.5}'
    assert jsonvalues.json_object(body) == {"a": None, "b": None, "c": None, "d": 1.5}


@pytest.mark.parametrize("words", ["²", "٣٣٣٣", "9" * 5000, "12345", ""])
def test_digits_that_are_no_code(words):
    assert explain(words) is None
