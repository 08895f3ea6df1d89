"""Uploads: a task reads its picture where it lies, whatever the server is busy with."""

from __future__ import annotations

import pytest
from legacy_wire import picture

from kling_nb.sandbox import uploads
from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.fetch import FetchError
from kling_nb.sandbox.inputs import read_picture
from kling_nb.sandbox.uploads import Uploads

BASE = "http://127.0.0.1:9"  # where nobody listens
PNG = b"\x89PNG and more"


@pytest.fixture
def shelf(tmp_path):
    return Uploads(tmp_path / "uploads", lambda: BASE)


async def test_a_task_needs_no_server_for_an_upload(tmp_path):
    box = Sandbox(tmp_path)
    box.base_url = BASE
    data = picture()
    url = box.uploads.add(data)
    assert read_picture(url, box.load, 10_000_000).data == data
    with pytest.raises(FetchError):
        box.load(url.replace(".png", ".jpg"))
    await box.stop()


@pytest.mark.parametrize("host", ["127.0.0.1:8", "localhost:8", "[::1]:8", "127.0.0.1:9"])
def test_an_upload_is_found_at_any_port_since_tasks_outlive_an_address(shelf, host):
    url = shelf.add(PNG)
    assert url.startswith(f"{BASE}/sandbox/uploads/")
    assert shelf.read(url.replace("127.0.0.1:9", host)) == PNG


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("127.0.0.1:9", "example.com"),
        ("127.0.0.1:9", "10.0.0.1"),
        ("/sandbox/uploads/", "/other/"),
        ("/sandbox/uploads/", "/sandbox/uploads/x/"),
        ("/sandbox/uploads/", "/sandbox/uploads/../"),
        (".png", ".txt"),
        ("http://", "http://["),
        ("127.0.0.1:9", "xn--a"),
    ],
)
def test_nothing_else_is_read_from_the_disk(shelf, old, new):
    assert shelf.read(shelf.add(PNG).replace(old, new, 1)) is None


def test_names_outside_the_folder_are_none(tmp_path, shelf):
    (tmp_path / "sandbox.json").write_text("{}")
    shelf.add(PNG)
    for name in ("../sandbox.json", "..%2Fsandbox.json", "sandbox.json", ""):
        assert shelf.path(name) is None
        assert shelf.read(f"{BASE}/sandbox/uploads/{name}") is None


def test_an_upload_cut_short_by_a_crash_is_made_whole(tmp_path, shelf):
    url = shelf.add(PNG)
    (tmp_path / "uploads" / url.rpartition("/")[2]).write_bytes(PNG[:4])
    assert shelf.read(shelf.add(PNG)) == PNG


def test_an_upload_that_is_whole_is_never_written_again(tmp_path, shelf):
    path = tmp_path / "uploads" / shelf.add(PNG).rpartition("/")[2]
    before = path.stat()
    shelf.add(PNG)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_the_limit_of_fetching_holds_for_uploads(shelf, monkeypatch):
    url = shelf.add(PNG)
    monkeypatch.setattr(uploads, "FETCH_BYTES", len(PNG) - 1)
    with pytest.raises(FetchError, match="50 MB"):
        shelf.read(url)
