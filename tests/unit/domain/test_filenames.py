"""Names of files out of texts of others."""

from __future__ import annotations

from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kling_nb.domain.filenames import plain_name

PARTS = st.lists(
    st.one_of(
        st.text(max_size=9), st.sampled_from(["..", "/", "\\", "\0", ".", "con", "NUL.png", "C:", " ", "\n"])
    )
)


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("boat.jpg", "boat.jpg"),
        ("Mein Boot (2).PNG", "Mein Boot (2).PNG"),
        ("../../etc/passwd", "passwd"),
        ("C:\\fakepath\\boat.jpg", "boat.jpg"),
        ("..", "picture"),
        ("", "picture"),
        (".bashrc", "bashrc"),
        ("nul.png", "_nul.png"),
        ("COM1", "_COM1"),
        ("a\0b.png", "ab.png"),
        ("<script>.png", "_script_.png"),
        ("ж" * 300 + ".jpeg", "ж" * 80 + ".jpeg"),
    ],
)
def test_examples(given_name, kept):
    assert plain_name(given_name, "picture") == kept


@given(PARTS.map("".join))
def test_one_file_in_one_folder_everywhere(text):
    name = plain_name(text, "picture")
    assert name == PurePosixPath(name).name == PureWindowsPath(name).name
    assert name.isprintable()
    assert 0 < len(name.encode()) <= 200
    assert not name.startswith(".")
    assert (Path("folder") / name).parent == Path("folder")
