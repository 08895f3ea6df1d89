"""Result files: signed URLs, Range, retention (spec/sandbox.md §4)."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from legacy_wire import created, delivered, finished, get, picture

from kling_nb.sandbox.fetch import fetch

MONTH_S = 30 * 24 * 3600


@pytest.fixture
def url(sandbox):
    return delivered(sandbox)["task_result"]["videos"][0]["url"]


def test_whole(url):
    answer = get(url)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "video/mp4"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.content[4:8] == b"ftyp"


def test_ranges(url):
    whole = get(url).content
    part = get(url, headers={"Range": "bytes=10-19"})
    assert part.status_code == 206
    assert part.content == whole[10:20]
    assert part.headers["content-range"] == f"bytes 10-19/{len(whole)}"
    assert get(url, headers={"Range": "bytes=-5"}).content == whole[-5:]
    assert get(url, headers={"Range": f"bytes={len(whole)}-"}).status_code == 416


def test_the_url_names_task_video_and_expiry(sandbox):
    task = delivered(sandbox)
    video = task["task_result"]["videos"][0]
    parsed = httpx.URL(video["url"])
    assert parsed.path == f"/sandbox/files/{task['task_id']}/{video['id']}.mp4"
    assert int(parsed.params["Expires"]) == task["updated_at"] // 1000 + MONTH_S
    int(parsed.params["Signature"], 16)


def test_poster(url):
    answer = get(url.replace(".mp4?", ".jpg?"))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.content[:3] == b"\xff\xd8\xff"


def test_altered_urls_are_denied(url):
    parsed = httpx.URL(url)
    expires = parsed.params["Expires"]
    for wrong in (
        parsed.copy_set_param("Expires", str(int(expires) + 1)),
        parsed.copy_set_param("Signature", "0" * 64),
        parsed.copy_set_param("Signature", "ü"),
        parsed.copy_set_param("Expires", "9" * 5000),
        parsed.copy_remove_param("Signature"),
        parsed.copy_with(query=None),
        parsed.copy_with(path=parsed.path.replace(".mp4", "0.mp4")),
    ):
        answer = get(wrong)
        assert (answer.status_code, answer.text) == (403, "AccessDenied")


def test_urls_expire_after_30_days(sandbox, url):
    sandbox.config(clock_offset=MONTH_S + 5)
    answer = get(url)
    assert (answer.status_code, answer.text) == (403, "AccessDenied")


def test_files_go_but_tasks_stay(sandbox):
    task = created(sandbox)
    url = finished(sandbox, task)["task_result"]["videos"][0]["url"]
    sandbox.config(retention=0.5)
    time.sleep(0.6)
    assert get(url).status_code == 404
    assert finished(sandbox, task)["task_result"]["videos"][0]["url"] == url


def test_a_watermarked_twin(sandbox):
    video = delivered(sandbox, watermark_info={"enabled": True})["task_result"]["videos"][0]
    assert list(video) == ["id", "url", "watermark_url", "duration"]
    assert get(video["watermark_url"]).status_code == 200
    assert video["watermark_url"] != video["url"]


def test_uploads(sandbox):
    data = picture()
    url = sandbox.upload(data)
    assert url.startswith(sandbox.url)
    assert get(url).content == data
    assert get(url.replace("/uploads/", "/uploads/x")).status_code == 404
    assert not get(f"{sandbox.url}/sandbox/uploads/..%2Fsandbox.json").is_success


def test_a_picture_uploaded_again_meanwhile_still_loads_whole(sandbox):
    """As a sweep does it: every run uploads the same picture while the tasks of others fetch it."""
    data = b"\x89PNG" + bytes(300_000)
    url = sandbox.upload(data)
    ended = threading.Event()

    def again():
        with httpx.Client(headers=sandbox.http.headers, trust_env=False, timeout=60) as client:
            while not ended.is_set():
                assert client.post(f"{sandbox.url}/sandbox/uploads", content=data).json()["url"] == url

    with ThreadPoolExecutor(2) as others:
        uploads = [others.submit(again) for _ in range(2)]
        try:
            assert all(fetch(url, allow_network=False) == data for _ in range(80))
        finally:
            ended.set()
        for upload in uploads:
            upload.result()
