"""``%kling login`` in a real kernel: the key is in nothing that anybody keeps."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest
from kernels import Kernel

pytestmark = pytest.mark.kernel

KEY = "api-key-kling-sesame-0123456789"
WIDGET = "application/vnd.jupyter.widget-view+json"


def test_a_key_that_was_typed_is_nowhere(kernel: Kernel) -> None:
    kernel.ok("import logging; logging.basicConfig(filename='debug.log', level=logging.DEBUG, force=True)")
    shown = kernel.ok("%kling login official").of_type("display_data")[0]
    model = shown["data"][WIDGET]["model_id"]
    data = {"method": "custom", "content": {"kind": "key"}}
    message = kernel.client.session.msg("comm_msg", {"comm_id": model, "data": data})
    kernel.client.session.send(
        kernel.client.shell_channel.socket, message, buffers=[memoryview(KEY.encode())]
    )
    kernel.until(lambda: kernel.updates_of(shown["transient"]["display_id"]))
    told = kernel.updates_of(shown["transient"]["display_id"])[-1]["content"]["data"]
    assert "is kept until the kernel ends" in told["text/plain"]
    assert WIDGET not in told

    assert "%kling login" in kernel.ok("%kling provider").text
    failed = kernel.run("%xmode Verbose\nkn.submit('no-such-file.png', 'x', provider='official')")
    assert failed.error
    kernel.run("%tb")
    history = kernel.value("chr(10).join(In)")
    kernel.ok("get_ipython().history_manager.writeout_cache()")
    kept = [json.dumps(kernel.published, default=str), history]
    for path in kernel.folder.rglob("*"):
        if path.is_file() and path.suffix in (".log", ".sqlite", ".json", ".sqlite-wal"):
            kept.append(path.read_bytes().decode("latin-1"))
    assert (kernel.folder / "debug.log").stat().st_size
    with closing(sqlite3.connect(next(kernel.folder.rglob("history.sqlite")))) as database:
        kept.append(repr(database.execute("select source from history").fetchall()))
    assert not any(KEY in text for text in kept)
    kernel.ok("%kling logout official")
    assert "sandbox" in kernel.ok("%kling provider").text
