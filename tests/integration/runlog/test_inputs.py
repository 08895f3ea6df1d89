"""Input pictures by content."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from kling_nb.errors import LogReadOnly, MediaError, RunLogError
from kling_nb.runlog import InputStore, RunRecord, open_log

Protect = Callable[..., AbstractContextManager[None]]

DATA = b"\x89PNG and so on"


def test_bytes_come_back_by_their_digest(tmp_path: Path) -> None:
    store = InputStore(tmp_path / "home")
    digest = store.put(DATA, "PNG")
    assert digest == hashlib.sha256(DATA).hexdigest()
    assert InputStore(tmp_path / "home").get(digest) == DATA
    assert store.path(digest) == tmp_path / "home" / "inputs" / f"{digest}.png"
    assert store.put(b"jpeg", "JPEG") + ".jpg" in {p.name for p in (tmp_path / "home" / "inputs").iterdir()}


def test_the_same_picture_is_written_once(tmp_path: Path) -> None:
    store = InputStore(tmp_path)
    path = store.path(store.put(DATA, "PNG"))
    assert path is not None
    before = path.stat().st_ino
    store.put(DATA, "PNG")
    assert path.stat().st_ino == before
    assert len(list(path.parent.iterdir())) == 1


def test_a_file_cut_short_by_a_crash_is_written_anew(tmp_path: Path) -> None:
    store = InputStore(tmp_path)
    path = store.path(store.put(DATA, "PNG"))
    assert path is not None
    path.write_bytes(DATA[:3])
    digest = store.put(DATA, "PNG")
    assert store.get(digest) == DATA


def test_a_changed_or_missing_picture_is_never_given_out(tmp_path: Path) -> None:
    store = InputStore(tmp_path)
    digest = store.put(DATA, "PNG")
    path = store.path(digest)
    assert path is not None
    path.write_bytes(b"something else")
    with pytest.raises(MediaError, match="changed"):
        store.get(digest)
    path.unlink()
    with pytest.raises(MediaError, match="gone") as caught:
        store.get(digest)
    assert len(caught.value.lines()) == 3


def test_a_full_disk_is_said_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    store = InputStore(tmp_path)
    with pytest.raises(RunLogError, match="disk is full"):
        store.put(DATA, "PNG")
    assert list((tmp_path / "inputs").iterdir()) == []
    assert store.path(hashlib.sha256(DATA).hexdigest()) is None


def test_a_closed_folder_is_said(open_folder: Path, write_protected: Protect) -> None:
    with write_protected(open_folder), pytest.raises(LogReadOnly):
        InputStore(open_folder / "home").put(DATA, "PNG")


def test_a_home_of_our_own_is_hidden_from_git_whoever_made_it(tmp_path: Path) -> None:
    with open_log(tmp_path / "home" / "runs.sqlite") as log:
        log.insert(RunRecord())
    InputStore(tmp_path / "home").put(DATA, "PNG")
    assert (tmp_path / "home" / ".gitignore").read_text() == "*\n"


@pytest.mark.parametrize("name", ["notebook.ipynb", ".gitignore"])
def test_other_things_in_the_folder_are_not_hidden_from_git(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    InputStore(tmp_path).put(DATA, "PNG")
    assert {p.name for p in tmp_path.iterdir()} == {name, "inputs"}
    assert (tmp_path / name).read_text() == "mine"
