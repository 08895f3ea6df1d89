"""The card of a clip made from text (spec/sandbox.md §10)."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kling_nb.sandbox.card import text_card

WIDE = (640, 360)


def ink(card):
    """Where the white letters are."""
    return (card.min(axis=2) > 215) & (np.ptp(card.astype(int), axis=2) < 40)


def test_the_same_request_gives_the_same_card_and_another_seed_another():
    card = text_card("a red fox", WIDE, 7)
    assert np.array_equal(card, text_card("a red fox", WIDE, 7))
    assert np.abs(card.astype(int) - text_card("a red fox", WIDE, 8)).mean() > 5


@pytest.mark.parametrize("size", [WIDE, (360, 640), (640, 640)])
@pytest.mark.parametrize("words", [1, 12, 400])
def test_letters_are_there_and_inside(size, words):
    rows, columns = np.nonzero(ink(text_card("running foxes " * words, size, 1)))
    assert rows.size > 200
    assert 0.08 * size[0] < columns.min() <= columns.max() < 0.92 * size[0]
    assert 0.15 * size[1] < rows.min() <= rows.max() < 0.85 * size[1]


def test_few_words_are_larger_than_many():
    short, long = (ink(text_card("tree " * count, WIDE, 1)) for count in (1, 60))
    heights = [
        np.diff(np.flatnonzero(np.diff(np.r_[0, lines.any(axis=1), 0]))).max() for lines in (short, long)
    ]
    assert heights[0] > 1.5 * heights[1]


@given(st.text(max_size=60), st.integers(0, 2**64 - 1))
@settings(max_examples=25, deadline=None)
def test_any_text_makes_a_card(prompt, seed):
    assert text_card(prompt, (160, 90), seed).shape == (90, 160, 3)
