"""Copies for a team: whole or not at all, later when the store is away, and never in the way."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from kling_nb.errors import DownloadError
from kling_nb.runlog import InputStore, RunRecord
from kling_nb.session import shelf as shelving
from kling_nb.session.mediastore import MediaStore
from kling_nb.session.shelf import Shelf, input_names

CLIP = b"a video, as good as any " * 4000
NAME = "media/r-2mta00000000.mp4"
OTHERS = ["../runs.sqlite", "media/../../x.mp4", "/etc/passwd", "media/.waiting", "inputs/a b.png", ""]


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MediaStore]:
    if request.param == "file":
        yield MediaStore((tmp_path / "store of the team").as_uri())
        return
    yield MediaStore("memory://team/videos/")
    memory = fsspec.filesystem("memory")
    if memory.exists("/team"):
        memory.rm("/team", recursive=True)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "home" / NAME
    path.parent.mkdir(parents=True)
    path.write_bytes(CLIP)
    return path


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if ".part" in path.name]


# --- refusals ---


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_file_of_a_run_is_neither_sent_nor_written(
    store: MediaStore, clip: Path, tmp_path: Path, name: str
) -> None:
    """A row of a shared log may have been written by anybody."""
    with pytest.raises(DownloadError):
        store.put(clip, name)
    with pytest.raises(DownloadError):
        store.get(name, tmp_path / "target")
    assert not (tmp_path / "target").exists()
    shelf = Shelf(tmp_path / "home", store, lambda *_: None)
    assert shelf.fetch(name) is None
    shelf.keep("../../x", "clip", [NAME])
    assert shelf.waiting() == 0


def test_a_file_that_was_changed_in_the_store_is_not_taken(
    store: MediaStore, clip: Path, tmp_path: Path
) -> None:
    store.put(clip, NAME)
    target = tmp_path / "other" / "clip.mp4"
    with pytest.raises(DownloadError, match="changed in the store"):
        store.get(NAME, target, sha256=hashlib.sha256(b"what it was").hexdigest())
    assert list(target.parent.iterdir()) == []


def test_a_store_nobody_speaks_to_is_said_in_three_lines(clip: Path) -> None:
    with pytest.raises(DownloadError, match="no client") as caught:
        MediaStore("nosuchstore://team").put(clip, NAME)
    assert len(caught.value.lines()) == 3


# --- copies ---


def test_a_file_comes_back_as_it_was_sent(store: MediaStore, clip: Path, tmp_path: Path) -> None:
    target = tmp_path / "other" / NAME
    assert not store.get(NAME, target)
    store.put(clip, NAME)
    store.put(clip, NAME)
    assert store.get(NAME, target, sha256=hashlib.sha256(CLIP).hexdigest())
    assert target.read_bytes() == CLIP
    assert leftovers(tmp_path) == []


def test_a_copy_that_is_torn_off_is_never_seen(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsspec.implementations.local import LocalFileSystem

    def torn(self: Any, source: str, target: str, *_: Any, **__: Any) -> None:
        Path(target).write_bytes(Path(source).read_bytes()[:100])
        raise ConnectionResetError("the line went dead")

    place = tmp_path / "store"
    with monkeypatch.context() as patched:
        patched.setattr(LocalFileSystem, "put_file", torn)
        with pytest.raises(DownloadError, match="line went dead"):
            MediaStore(place.as_uri()).put(clip, NAME)
    assert not MediaStore(place.as_uri()).get(NAME, tmp_path / "target")
    assert leftovers(place) == []


class Away(MediaStore):
    """A store that is away until somebody repairs it."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.repaired = False
        self.asked = threading.Event()

    def put(self, path: Path, name: str) -> None:
        if not self.repaired:
            self.asked.set()
            raise DownloadError("The store does not answer.", "It is away.", "Wait.")
        super().put(path, name)


def test_what_a_store_that_is_away_could_not_take_is_sent_later(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelving, "PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(shelving, "RETRY_S", 0.05)
    store, told = Away((tmp_path / "store").as_uri()), threading.Event()
    words: list[tuple[str, str]] = []

    def tell(run_id: str, text: str) -> None:
        words.append((run_id, text))
        told.set()

    shelf = Shelf(tmp_path / "home", store, tell)
    shelf.keep("r-2mta00000000", "clip", [NAME])
    assert told.wait(60)
    assert words[0][0] == "r-2mta00000000"
    assert "stay here and are sent later" in words[0][1]
    assert clip.read_bytes() == CLIP
    assert shelf.waiting() == 1
    store.repaired = True
    shelf.close(30)
    with_next_kernel = Shelf(tmp_path / "home", store, tell)
    with_next_kernel.resume()
    with_next_kernel.close(30)
    assert with_next_kernel.waiting() == 0
    assert (tmp_path / "store" / NAME).read_bytes() == CLIP


def test_a_kernel_that_stays_tries_again_by_itself(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelving, "PAUSES_S", ())
    monkeypatch.setattr(shelving, "RETRY_S", 0.05)
    store = Away((tmp_path / "store").as_uri())
    sent = threading.Event()
    put = store.put
    monkeypatch.setattr(store, "put", lambda path, name: (put(path, name), sent.set()))
    shelf = Shelf(tmp_path / "home", store, lambda *_: None)
    shelf.keep("r-2mta00000000", "clip", [NAME])
    assert store.asked.wait(60)
    store.repaired = True
    assert sent.wait(60)
    shelf.close()


def test_a_wish_is_fulfilled_in_the_background_and_not_repeated_at_once(
    store: MediaStore, clip: Path, tmp_path: Path
) -> None:
    store.put(clip, NAME)
    record = RunRecord(id="r-2mta00000000", video_sha256=hashlib.sha256(CLIP).hexdigest())
    other = Shelf(tmp_path / "other home", store, lambda *_: None)
    here = threading.Event()
    other.want(record, here.set)
    assert here.wait(60)
    assert (tmp_path / "other home" / NAME).read_bytes() == CLIP
    other.close()


def test_inputs_are_brought_by_their_content(store: MediaStore, tmp_path: Path) -> None:
    mine = InputStore(tmp_path / "home")
    digest = mine.put(b"\x89PNG picture", "PNG")
    record = RunRecord(request={"image": {"sha256": digest, "bytes": 12}})
    assert f"inputs/{digest}.png" in input_names(record)
    shelf = Shelf(tmp_path / "home", store, lambda *_: None)
    shelf.keep_inputs(record)
    shelf.close(30)
    theirs = InputStore(tmp_path / "other", Shelf(tmp_path / "other", store, lambda *_: None).fetch)
    assert theirs.get(digest) == b"\x89PNG picture"
