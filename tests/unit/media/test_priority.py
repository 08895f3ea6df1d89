import contextlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from kling_nb.media.encoder import VideoWriter
from kling_nb.media.priority import kept_priority

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the scheduler's classes are those of Linux")


def policies() -> set[int]:
    found = set()
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # threads of others come and go
            found.add(os.sched_getscheduler(int(thread.name)))
    return found


def allowed_to_raise() -> bool:
    return os.geteuid() == 0 and subprocess.run(["chrt", "-f", "1", "true"], check=False).returncode == 0


@pytest.mark.parametrize("codec", ["h264", "av1"])
def test_writing_a_video_leaves_every_thread_its_ordinary_priority(tmp_path, codec):
    """As root, SVT-AV1 makes the thread that starts it a real-time one."""
    assert policies() == {os.SCHED_OTHER}
    with VideoWriter(tmp_path / "clip.mp4", 64, 64, 24, codec=codec) as writer:
        for level in (40, 90):
            writer.write(np.full((96, 64), level, np.uint8))
            assert policies() == {os.SCHED_OTHER}
    assert policies() == {os.SCHED_OTHER}


@pytest.mark.skipif(not allowed_to_raise(), reason="only root may raise a priority")
def test_a_raised_thread_is_put_back_after_an_error_too():
    with pytest.raises(RuntimeError, match="broken"), kept_priority():
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        raise RuntimeError("broken")
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
