"""One thread for OpenCV while something is measured, so that numbers are the same every time.

DIS optical flow splits the picture into as many stripes as there are threads and looks for a patch's motion
beside it in its own stripe only: with another number of threads the last digits differ.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import cv2

_lock = threading.Lock()
_inside = 0
_usual = 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep OpenCV to one thread; the usual number returns when the last of those inside has left."""
    global _inside, _usual  # noqa: PLW0603  # OpenCV's setting is one for the whole process, too
    with _lock:
        if _inside == 0:
            _usual = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                cv2.setNumThreads(_usual)
