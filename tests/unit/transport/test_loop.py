"""The background loop: one thread, not ours to nest, safe across forks."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading

import pytest

from kling_nb.transport import loop as module
from kling_nb.transport.loop import LoopThread, background


@pytest.fixture
def thread():
    started = LoopThread()
    yield started
    started.stop(60)


async def where():
    return threading.current_thread().name


def test_work_runs_on_one_daemon_thread(thread):
    assert thread.call(where()) == thread.call(where()) == "kling_nb-transport"
    assert thread._thread.daemon


def test_background_is_one_object_until_it_is_stopped(monkeypatch):
    # Not the one of this process: connections that other tests have left there would not be closed.
    monkeypatch.setattr(module, "_current", [])
    first = background()
    assert background() is first
    first.stop(60)
    second = background()
    assert second is not first
    assert second.call(where()) == "kling_nb-transport"
    second.stop(60)


class Long:
    """Work without an end that tells when it has begun and when it was cancelled."""

    def __init__(self):
        self.begun, self.cancelled = threading.Event(), threading.Event()

    async def work(self):
        try:
            self.begun.set()
            await asyncio.sleep(600)
        finally:
            self.cancelled.set()


def test_call_returns_exceptions_and_times_out(thread, monkeypatch):
    async def broken():
        raise KeyError("x")

    with pytest.raises(KeyError):
        thread.call(broken())
    long, submit = Long(), thread.submit

    def begun(coro):
        future = submit(coro)
        assert long.begun.wait(60)
        return future

    monkeypatch.setattr(thread, "submit", begun)
    with pytest.raises(TimeoutError):
        thread.call(long.work(), timeout=0.05)
    assert long.cancelled.wait(60)


def test_a_timeout_of_the_coroutine_itself_is_its_result(thread):
    async def own():
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        thread.call(own(), timeout=30)


def test_waiting_for_itself_is_refused(thread):
    async def inner():
        with pytest.raises(RuntimeError):
            thread.call(where())

    thread.call(inner())


def test_works_while_the_caller_runs_a_loop_of_its_own(thread):
    async def cell():
        return thread.call(where())

    assert asyncio.run(cell()) == "kling_nb-transport"


def test_stopping_cancels_what_runs_and_refuses_more():
    started = LoopThread()
    future = started.submit(asyncio.sleep(60))
    started.stop(60)
    assert future.cancelled()
    with pytest.raises(RuntimeError):
        started.submit(asyncio.sleep(0))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_gets_a_loop_of_its_own():
    program = (
        "import os, sys, asyncio\n"
        "from kling_nb.transport.loop import background\n"
        "first = background(); first.call(asyncio.sleep(0, 1))\n"
        "pid = os.fork()\n"
        "if pid == 0:\n"
        "    ok = not first.alive and background() is not first\n"
        "    ok = ok and background().call(asyncio.sleep(0, 7), 30) == 7\n"
        "    os._exit(0 if ok else 1)\n"
        "sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))\n"
    )
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], timeout=60, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("library", ["nest_asyncio", "nest_asyncio2"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_loop_stays_unpatched_whatever_is_applied(library, when):
    """``apply()`` patches the loop class of the whole process; ours pins asyncio's own methods."""
    apply = f"import asyncio, {library}\nloop = asyncio.new_event_loop(); {library}.apply(loop)\n"
    use = "from kling_nb.transport.loop import background, TransportLoop\nthread = background()\n"
    program = (apply + use if when == "before" else use + apply) + (
        "async def check():\n"
        "    try:\n"
        "        asyncio.get_running_loop().run_until_complete(asyncio.sleep(0))\n"
        "    except RuntimeError as error:\n"
        "        return str(error)\n"
        "    return 'nested'\n"
        "import warnings; warnings.simplefilter('ignore')\n"
        "assert asyncio.BaseEventLoop.run_forever is TransportLoop.run_forever\n"
        "assert 'already running' in thread.call(check(), 60), 'our loop was nested'\n"
        "async def many(): return sum(await asyncio.gather(*(asyncio.sleep(0.001, i) for i in range(50))))\n"
        "assert thread.call(many(), 60) == 1225\n"
        "thread.stop(60); loop.close()\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program], timeout=60, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_interrupt_while_waiting_cancels_the_work(thread, monkeypatch):
    long, submit = Long(), thread.submit

    def interrupted(coro):
        future = submit(coro)
        result = future.result

        def raise_on_second(step):
            assert long.begun.wait(60)
            monkeypatch.setattr(future, "result", lambda step: (_ for _ in ()).throw(KeyboardInterrupt))
            return result(step)

        monkeypatch.setattr(future, "result", raise_on_second)
        return future

    monkeypatch.setattr(thread, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        thread.call(long.work())
    assert long.cancelled.wait(60)


def test_callers_wait_in_slices_of_a_tenth_of_a_second():
    assert module._SLICE_S <= 0.1
