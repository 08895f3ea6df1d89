"""Two homes of a team around one S3-compatible store; run by a drill in which s3fs and moto can be imported.

``python s3_team.py FOLDER`` starts the store on this machine, and prints what it saw as one line of JSON.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

SECRET = "secret-access-key-of-the-team"
CLIP = bytes(range(256)) * 40_000
"""Ten megabytes, so that it is sent in parts."""


def start_store(folder: Path) -> tuple[subprocess.Popen[bytes], str]:
    """Start the store on a free port of this machine; returns it and its address."""
    with socket.socket() as kept:
        # Nobody else gets the port before the store has it; the two share it, for nobody listens here.
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        kept.bind(("127.0.0.1", 0))
        port = kept.getsockname()[1]
        return _started(folder, port), f"http://127.0.0.1:{port}"


def _started(folder: Path, port: int) -> subprocess.Popen[bytes]:
    with (folder / "store.log").open("wb") as log:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        time.sleep(0.1)
    raise RuntimeError((folder / "store.log").read_text())


def watch(folder: Path) -> dict[str, Any]:
    """Send, fetch, lose and find again; return what was seen."""
    from s3fs import S3FileSystem

    from kling_nb.errors import DownloadError
    from kling_nb.runlog import RunRecord
    from kling_nb.session import shelf as shelving
    from kling_nb.session.mediastore import MediaStore
    from kling_nb.session.shelf import Shelf

    shelving.PAUSES_S, shelving.RETRY_S = (0.1,), 0.5
    store, address = start_store(folder)
    os.environ |= {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "team",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    seen: dict[str, Any] = {}
    record = RunRecord(id="r-2mta00000000", video_sha256=hashlib.sha256(CLIP).hexdigest())
    ann, bob = folder / "ann", folder / "bob"
    (ann / "media").mkdir(parents=True)
    (ann / "media" / "r-2mta00000000.mp4").write_bytes(CLIP)
    (ann / "media" / "r-2mta00000000.json").write_text("{}")
    words: list[str] = []
    told = threading.Event()

    def tell(_: str, text: str) -> None:
        words.append(text)
        told.set()

    try:
        files = S3FileSystem(skip_instance_cache=True)
        url = "s3://team/videos"
        # The bucket is not there yet: a store that fails.
        sending = Shelf(ann, MediaStore(url), tell)
        sending.keep_clip(record)
        seen["told"] = told.wait(120) and words[0]
        files.mkdir("team")
        deadline = time.monotonic() + 120
        while sending.waiting() and time.monotonic() < deadline:
            time.sleep(0.1)
        seen["waiting"] = sending.waiting()
        sending.close(30)
        seen["held"] = sorted(files.find("team", refresh=True))
        seen["fetched"] = Shelf(bob, MediaStore(url), tell).fetch_clip(record)
        seen["same"] = (bob / "media" / "r-2mta00000000.mp4").read_bytes() == CLIP
        (bob / "media" / "r-2mta00000000.mp4").unlink()
        files.pipe_file("team/videos/media/r-2mta00000000.mp4", CLIP[:-1] + b"x")
        try:
            Shelf(bob, MediaStore(url), tell).fetch_clip(record)
        except DownloadError as error:
            seen["changed"] = str(error)
        store.kill()
        store.wait()
        try:
            MediaStore(url).get("media/r-2mta00000000.mp4", bob / "x.mp4")
        except DownloadError as error:
            seen["away"] = str(error)
        seen["left"] = sorted(path.name for path in bob.rglob("*") if path.is_file())
    finally:
        store.kill()
        store.wait()
    return seen


if __name__ == "__main__":
    print(json.dumps(watch(Path(sys.argv[1]))))
