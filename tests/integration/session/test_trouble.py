"""Bad luck of every kind: nothing lost, nothing charged twice, three lines that say what to do."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from quick_sessions import QUICK, finish, until

from kling_nb import errors
from kling_nb.domain.task import RunStatus
from kling_nb.runlog import RunLog
from kling_nb.sandbox import launch
from kling_nb.sandbox.home import start_lock
from kling_nb.session import Session
from kling_nb.session.gate import ModelGate
from kling_nb.transport.client import ServiceClient
from kling_nb.transport.retry import RetryRule


def official_at(make_session: Any, sandbox: Any, **changes: Any) -> Session:
    given = {"access_key": sandbox.access_key, "secret_key": sandbox.secret_key, "api_base": sandbox.url}
    return make_session(provider="official", **{**given, **changes})


def test_wrong_key(make_session: Any, sandbox: Any, picture: np.ndarray) -> None:
    session = official_at(make_session, sandbox, secret_key="wrong-wrong-wrong-wrong-wrong-wrong")
    run = finish(session.submit(picture, "a boat"))
    assert isinstance(run.error, errors.AuthError)
    assert len(run.error.lines()) == 3
    assert run.status is RunStatus.FAILED
    assert sandbox.tasks() == []


def test_wrong_key_and_then_the_right_one_in_the_same_kernel(
    make_session: Any, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KLING_API_KEY", "api-key-kling-wrong")
    session = make_session(provider="official", api_base=sandbox.url)
    assert isinstance(finish(session.submit(picture, "a boat")).error, errors.AuthError)
    monkeypatch.setenv("KLING_API_KEY", sandbox.api_key)
    assert finish(session.submit(picture, "a boat")).status is RunStatus.SUCCEEDED


def test_clock_skew_is_measured_and_told(make_session: Any, sandbox: Any, picture: np.ndarray) -> None:
    sandbox.config(clock_offset=7200)
    begin = time.monotonic()
    run = finish(official_at(make_session, sandbox).submit(picture, "a boat"))
    took = time.monotonic() - begin
    assert isinstance(run.error, errors.ClockSkewError)
    told = re.search(r"(\d+) s behind", run.error.why)
    # An answer ages on its way, and its date counts whole seconds.
    assert told and 7199 - took <= int(told[1]) <= 7200
    assert sandbox.tasks() == []


def test_no_money(make_session: Any, sandbox: Any, picture: np.ndarray) -> None:
    sandbox.config(total_quantity=1)
    run = finish(official_at(make_session, sandbox).submit(picture, "a boat"))
    assert isinstance(run.error, errors.MoneyError)
    assert "Account balance not enough" in run.error.why
    assert sandbox.tasks() == []


def test_more_runs_than_slots_wait_and_say_so(make_session: Any, sandbox: Any, picture: np.ndarray) -> None:
    sandbox.config(quota=2, workers=4, min_processing=600)
    session = make_session(quota=2)
    runs = [session.submit(picture, f"boat {n}") for n in range(6)]
    until(lambda: any("waiting for a free slot (2 of 2 in use)" in run.message for run in runs))
    sandbox.finish_all()
    assert {finish(run).status for run in runs} == {RunStatus.SUCCEEDED}
    assert len(sandbox.charges()) == 6


def test_slots_taken_by_others_are_waited_for(make_session: Any, sandbox: Any, picture: np.ndarray) -> None:
    """This kernel believes in five slots, the account has one: 1303 makes it wait, not fail."""
    sandbox.config(quota=1, workers=4, min_processing=600)
    session = make_session(quota=5)
    runs = [session.submit(picture, f"boat {n}") for n in range(4)]
    until(lambda: any("slot" in run.message for run in runs))
    sandbox.finish_all()
    assert {finish(run).status for run in runs} == {RunStatus.SUCCEEDED}
    assert len(sandbox.charges()) == 4


def test_the_brush_is_refused_on_the_official_hosts_unless_forced(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    from kling_nb.session import MotionBrush

    session = official_at(make_session, sandbox)
    mask = np.zeros(picture.shape[:2], dtype=bool)
    mask[40:90, 40:90] = True
    brush = MotionBrush(picture).dynamic(mask, [(65, 65), (200, 65)])
    wanted = {"brush": brush, "prompt": "right", "model": "kling-v1", "mode": "pro"}
    with pytest.raises(errors.RequestRefused, match="no model currently served by the official hosts"):
        session.submit(**wanted)
    run = finish(session.submit(**wanted, force=True))
    assert run.status is RunStatus.SUCCEEDED
    assert run.record.forced


def test_a_retired_model_is_learned(make_session: Any, sandbox: Any, picture: np.ndarray) -> None:
    from kling_nb.domain import capabilities

    sandbox.config(retired="2026-09")
    session = make_session()
    try:
        run = finish(session.submit(picture, "a boat", model="kling-v1"))
        assert isinstance(run.error, errors.ModelRetired)
        with pytest.raises(errors.RequestRefused, match="retired"):
            session.submit(picture, "a boat", model="kling-v1")
    finally:
        capabilities.forget_status()


def test_nothing_listens_there(make_session: Any, sandbox: Any, picture: np.ndarray) -> None:
    """The run stays ``created``: nothing left this machine, and the same cell sends it later."""
    session = official_at(make_session, sandbox, api_base="http://127.0.0.1:9")
    run = finish(session.submit(picture, "a boat"))
    assert run.status is RunStatus.CREATED
    assert isinstance(run.error, errors.NotSent)
    assert run.record.sending_at is None
    assert [r.id for r in session.unfinished()] == [run.id]


class FlakyServer:
    """A sandbox of its own that can be killed and brought back on its port."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.options = {"render": "off", "queued": 0.02, "min_processing": 0.05, "idle": 600}
        self.info = launch.start(home, **self.options)

    def kill(self) -> None:
        os.kill(self.info.pid, signal.SIGKILL)
        # A session that notices may have started another one by now.
        until(lambda: (found := launch.find(self.home)) is None or found.pid != self.info.pid)

    def back(self, **options: Any) -> None:
        self.info = launch.start(self.home, **{**self.options, **options})

    def finish_all(self) -> None:
        """End every task, whoever has brought the server back: a session may have been faster."""
        key = {"Authorization": f"Bearer {self.info.api_key}"}
        url = f"{self.info.url}/sandbox/config"
        httpx.patch(url, json={"time_scale": 0}, headers=key, trust_env=False).raise_for_status()


@pytest.fixture
def flaky(tmp_path: Path) -> Any:
    server = FlakyServer(tmp_path / "flaky")
    yield server
    launch.stop(server.home)


def test_server_gone_in_the_middle_and_back(
    make_session: Any, flaky: FlakyServer, picture: np.ndarray
) -> None:
    session = make_session(
        provider="official", api_base=flaky.info.url, api_key=flaky.info.api_key, sandbox_home=flaky.home
    )
    run = session.submit(picture, "[[sandbox:slow:600]] a boat")
    until(lambda: run.task_id)
    flaky.kill()
    until(lambda: "cannot be reached" in run.message)
    assert "the task goes on" in run.message
    assert run.following
    flaky.back()
    flaky.finish_all()
    assert finish(run).status is RunStatus.SUCCEEDED
    assert run.message == ""


def test_the_sandbox_is_found_again_at_another_address(
    make_session: Any, flaky: FlakyServer, picture: np.ndarray
) -> None:
    session = make_session(sandbox_home=flaky.home)
    run = session.submit(picture, "[[sandbox:slow:600]] a boat")
    until(lambda: run.task_id)
    old = flaky.info.url
    with socket.socket() as other:
        with start_lock(flaky.home, 60):  # The session is not to start one first.
            flaky.kill()
            # Another program has taken its port: then a server takes any that is free.
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", flaky.info.port))
            other.listen()
        flaky.back()
    assert flaky.info.url != old
    flaky.finish_all()
    assert finish(run).status is RunStatus.SUCCEEDED
    assert run.video is not None


def test_a_sandbox_that_died_before_a_submit_is_started_again(
    make_session: Any, flaky: FlakyServer, picture: np.ndarray
) -> None:
    session = make_session(sandbox_home=flaky.home)
    assert finish(session.submit(picture, "a boat drifts")).status is RunStatus.SUCCEEDED
    old = flaky.info.pid
    flaky.kill()
    assert finish(session.submit(picture, "a boat drifts away")).status is RunStatus.SUCCEEDED
    assert launch.find(flaky.home).pid != old


def test_a_sandbox_that_dies_with_an_open_connection_is_started_again_and_asked_first(
    make_session: Any, flaky: FlakyServer, picture: np.ndarray
) -> None:
    session = make_session(sandbox_home=flaky.home)
    assert finish(session.submit(picture, "a boat drifts")).status is RunStatus.SUCCEEDED
    # At once: the connection of the first run is still open, so the request may seem to have arrived.
    os.kill(flaky.info.pid, signal.SIGKILL)
    run = finish(session.submit(picture, "a boat drifts away"))
    assert run.status is RunStatus.SUCCEEDED, run.error
    assert launch.find(flaky.home).pid != flaky.info.pid


def test_an_uncertain_run_names_the_command_that_goes_on(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    session = official_at(make_session, sandbox)
    sandbox.fault("drop-after", method="POST")
    sandbox.fault("code:1103", method="GET", times=20)
    run = finish(session.submit(picture, "a boat"))
    assert run.status is RunStatus.UNCERTAIN
    assert run.error is not None
    assert run.error.lines()[0].startswith(f"Run {run.id} was sent")
    assert f"%kling resume {run.id}" in run.error.advice


def test_a_dead_sandbox_is_started_again(make_session: Any, flaky: FlakyServer, picture: np.ndarray) -> None:
    session = make_session(sandbox_home=flaky.home)
    run = session.submit(picture, "[[sandbox:slow:600]] a boat")
    until(lambda: run.task_id)
    flaky.kill()
    until(lambda: any("sandbox started at" in line for line in session.messages))
    flaky.back()
    flaky.finish_all()
    assert finish(run).status is RunStatus.SUCCEEDED


def test_html_instead_of_json_while_following(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    sandbox.fault("http:502", "GET", "/v1/videos/image2video*", times=4)
    sandbox.fault("truncate", "GET", "/v1/videos/image2video*", times=2)
    assert finish(session.submit(picture, "a boat")).status is RunStatus.SUCCEEDED


def test_key_revoked_while_following(make_session: Any, sandbox: Any, picture: np.ndarray) -> None:
    session = official_at(make_session, sandbox)
    sandbox.config(min_processing=600)
    run = session.submit(picture, "a boat")
    until(lambda: run.task_id)
    sandbox.fault("code:1002", "GET", "/v1/videos/image2video*", times=1)
    finish(run)
    sandbox.finish_all()
    assert isinstance(run.error, errors.AuthError)
    assert not run.status.is_final, "the task itself is well"
    assert run.follow() is run
    assert finish(run).status is RunStatus.SUCCEEDED


def test_read_only_log_refuses_before_anything_is_sent(
    make_session: Any, sandbox: Any, picture: np.ndarray, tmp_path: Path
) -> None:
    session = make_session()
    finish(session.submit(picture, "a boat"))
    session.log = RunLog(tmp_path / "runs" / "runs.sqlite", read_only=True)
    before = len(sandbox.tasks())
    with pytest.raises(errors.LogReadOnly) as error:
        session.submit(picture, "another boat")
    assert len(error.value.lines()) == 3
    assert len(sandbox.tasks()) == before


def test_newer_log_refuses_before_anything_is_sent(
    make_session: Any, sandbox: Any, picture: np.ndarray, tmp_path: Path
) -> None:
    session = make_session()
    finish(session.submit(picture, "a boat"))
    session.close()
    with sqlite3.connect(tmp_path / "runs" / "runs.sqlite") as connection:
        table = connection.execute("SELECT name FROM sqlite_master WHERE name LIKE '%version%'").fetchone()[0]
        connection.execute(f"UPDATE {table} SET version_num = '9999_future'")
    connection.close()
    before = len(sandbox.tasks())
    with pytest.raises(errors.LogTooNew):
        make_session().submit(picture, "another boat")
    assert len(sandbox.tasks()) == before


def test_disk_full_before_sending(
    session: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise errors.RunLogError("The disk is full.", "No space.", "Free some space.")

    monkeypatch.setattr(session.log, "claim", full)
    with pytest.raises(errors.RunLogError, match="full"):
        session.submit(picture, "a boat")
    assert sandbox.tasks() == []


def test_disk_full_just_before_the_request_leaves(
    session: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without ``sending_at`` on disk nothing is sent; the run can be sent later."""
    real = session.log.apply

    def full(changes: Any) -> Any:
        if any(change.columns.get("sending_at") is not None for change in changes):
            raise errors.RunLogError("The disk is full.", "No space.", "Free some space.")
        return real(changes)

    with monkeypatch.context() as patch:
        patch.setattr(session.log, "apply", full)
        run = finish(session.submit(picture, "a boat"))
        assert run.status is RunStatus.CREATED
        assert isinstance(run.error, errors.RunLogError)
        assert sandbox.tasks() == []
    assert finish(session.submit(picture, "a boat")).status is RunStatus.SUCCEEDED
    assert len(sandbox.charges()) == 1


def test_disk_full_after_the_request_left(
    session: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task id is kept in memory and written as soon as the disk takes it."""
    monkeypatch.setattr("kling_nb.session.journal.RETRY_S", 0.1)
    real = session.log.apply
    full = threading.Event()
    full.set()

    def apply(changes: Any) -> Any:
        if full.is_set() and any(c.columns and "sending_at" not in c.columns for c in changes):
            raise errors.RunLogError("The disk is full.", "No space.", "Free some space.")
        return real(changes)

    monkeypatch.setattr(session.log, "apply", apply)
    run = session.submit(picture, "[[sandbox:slow:600]] a boat")
    until(lambda: "run log cannot be written" in run.message)
    assert run.task_id is not None
    assert session.log.get(run.id).task_id is None
    full.clear()
    sandbox.finish_all()
    finish(run)
    until(lambda: session.log.get(run.id).downloaded_at is not None)
    record = session.log.get(run.id)
    assert record.task_id == run.task_id
    assert record.status is RunStatus.SUCCEEDED
    assert len(sandbox.charges()) == 1


def test_disk_full_while_the_video_arrives(
    session: Session, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from kling_nb.transport import partfile

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(partfile.PartWriter, "write", full)
        run = finish(session.submit(picture, "a boat"))
    assert run.status is RunStatus.SUCCEEDED
    assert isinstance(run.error, errors.DownloadError)
    assert "full" in run.error.what
    (resumed,) = session.resume(wait=True)
    assert resumed is run
    assert run.video is not None
    assert run.error is None
    assert len(sandbox.charges()) == 1


CHILD = """
import sys, json
sys.path[:0] = [{support!r}]
from quick_sessions import QUICK, textured_picture, finish
from kling_nb.session import Session
session = Session(provider="sandbox", home={home!r}, sandbox_home={sandbox!r}, pace=QUICK)
"""


def child(make: str, home: Path, sandbox: Any) -> subprocess.Popen[str]:
    support = str(Path(__file__).parents[2] / "support")
    code = CHILD.format(support=support, home=str(home), sandbox=str(sandbox.home)) + textwrap.dedent(make)
    return subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_two_processes_with_one_request_make_one_charge(sandbox: Any, tmp_path: Path) -> None:
    sandbox.config(min_processing=1.0)
    make = """
    run = session.submit(textured_picture(), "a boat")
    finish(run)
    print(json.dumps([run.id, run.status, run.video is not None, run.reused]))
    session.close()
    """
    children = [child(make, tmp_path / "runs", sandbox) for _ in range(2)]
    answers = [each.communicate(timeout=200) for each in children]
    told = [json.loads(out) for out, _ in answers]
    assert [each.returncode for each in children] == [0, 0], answers
    assert told[0][0] == told[1][0]
    assert {(status, video) for _, status, video, _ in told} == {("succeeded", True)}
    assert sorted(reused for *_, reused in told) == [False, True]
    assert len(sandbox.tasks()) == 1


def test_leaving_the_interpreter_in_the_middle_loses_nothing(
    make_session: Any, sandbox: Any, tmp_path: Path
) -> None:
    sandbox.config(min_processing=600)
    make = """
    import time
    run = session.submit(textured_picture(), "a boat")
    while run.task_id is None: time.sleep(.005)
    print(run.id)
    """
    leaver = child(make, tmp_path / "runs", sandbox)
    out, err = leaver.communicate(timeout=200)
    assert (leaver.returncode, err) == (0, "")
    sandbox.finish_all()
    (run,) = make_session().resume(send=False, wait=True)
    assert run.id == out.strip()
    assert run.status is RunStatus.SUCCEEDED
    assert len(sandbox.charges()) == 1


def test_a_forked_child_has_a_session_of_its_own(sandbox: Any, tmp_path: Path) -> None:
    make = """
    import os
    run = session.submit(textured_picture(), "[[sandbox:slow:1]] a boat")
    while run.task_id is None: pass
    child = os.fork()
    if child == 0:
        mine = finish(session.submit(textured_picture(), "another boat"))
        # The parent's run is watched, and the parent goes on with it.
        finish(run)
        os._exit(0 if mine.video is not None and run.video is not None else 1)
    print(os.waitpid(child, 0)[1], finish(session.submit(textured_picture(), "a third boat")).status)
    session.close()
    """
    out, err = child(make, tmp_path / "runs", sandbox).communicate(timeout=200)
    assert out.split() == ["0", "succeeded"], err


def test_a_run_followed_by_another_kernel_is_watched_without_asking(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    sandbox.config(min_processing=600)
    first, second = make_session(), make_session()
    run = first.submit(picture, "a boat")
    until(lambda: run.task_id)
    (watched,) = second.resume(send=False)
    until(lambda: "followed by another kernel" in watched.message)
    sandbox.finish_all()
    assert finish(watched).status is RunStatus.SUCCEEDED
    assert watched.video == run.video
    assert second._engine.pool._services == {}, "the second kernel never opened the service"


def traceback_of(session: Session, unknown: str) -> str:
    """What a notebook that shows local variables would show of a failure."""
    import traceback

    try:
        session.attach(unknown)
    except errors.KlingError as error:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join(shown.format())
    raise AssertionError("the task must be unknown")


def test_no_secret_anywhere(
    make_session: Any, sandbox: Any, picture: np.ndarray, tmp_path: Path, capsys: Any, caplog: Any
) -> None:
    """Home folder, log, sidecars, reprs, messages, tracebacks: no key, no token."""
    secrets = [
        sandbox.access_key,
        sandbox.secret_key,
        sandbox.api_key,
        "wrong-secret-key-wrong-secret-key-wrong",
    ]
    said: list[str] = []
    for changes in (
        {},
        {"secret_key": secrets[3]},
        {"access_key": None, "secret_key": None, "api_key": sandbox.api_key},
    ):
        session = official_at(make_session, sandbox, **changes)
        run = finish(session.submit(picture, f"a boat {len(said)}"))
        said += [
            repr(session),
            repr(run),
            run._repr_html_(),
            repr(run.record),
            run.to_python(),
            *session.messages,
        ]
        said += [repr(run.error), str(session.doctor()), repr(session.settings), repr(session.__dict__)]
        service = session.service("official")
        said += [repr(service.client.__dict__), repr(service.client.credential)]
        said += [traceback_of(session, "829611643369439283")]
    said += [caplog.text, *capsys.readouterr()]
    files = [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]
    assert files
    for secret in secrets:
        assert not [text for text in said if secret in text]
        assert not [path for path in files if secret.encode() in path.read_bytes()]
    tokens = [text for text in said if "eyJhbGciOi" in text]
    assert tokens == []
    assert not [path for path in files if b"eyJhbGciOi" in path.read_bytes()]


def test_a_credential_is_not_sent_to_an_address_that_only_the_log_names(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    session = official_at(make_session, sandbox)
    sandbox.config(min_processing=600)
    run = session.submit(picture, "a boat")
    until(lambda: run.task_id)
    run.stop_following()
    assert run._settled.wait(60)
    session.log.update(run.id, base_url="https://collector.example")
    other = official_at(make_session, sandbox)
    (found,) = other.resume(send=False, wait=True)
    assert isinstance(found.error, errors.SettingsError)
    assert "collector.example" in found.error.what


def test_an_interrupted_submit_can_be_sent_by_the_same_cell(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    """A row of a kernel that died before sending: reported, not sent by itself, sent by the same cell."""
    session = make_session()
    prepared = session.build(picture, "a boat")
    from kling_nb.session.records import Label, keep_inputs, record_of

    files = keep_inputs(prepared.request, session.inputs)
    row = record_of(
        prepared, Label(), base_url=sandbox.url, owner="gone|0|1|1|x", lease_s=0.0, mask_files=files
    )
    session.log.claim(row)
    (waiting,) = session.resume(send=False)
    assert waiting.done
    assert sandbox.tasks() == []
    run = finish(session.submit(picture, "a boat"))
    assert run.id == row.id
    assert run.external_task_id == row.external_task_id
    assert run.status is RunStatus.SUCCEEDED
    assert len(sandbox.charges()) == 1


def test_a_lost_create_is_not_forgotten_when_the_network_fails_next(
    make_session: Any, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked up, not found, sent again, not reached: an earlier create may still have arrived."""
    session = official_at(make_session, sandbox)
    monkeypatch.setattr(ServiceClient, "send", _posts_fail(errors.AnswerLost("the answer was lost"), 1))
    sandbox.fault("code:1201", "GET", "/v1/videos/image2video/*", times=1)
    run = finish(session.submit(picture, "a boat", external_task_id="boat-1"))
    assert run.status is RunStatus.UNCERTAIN
    sent_at = session.log.get(run.id).sending_at
    assert sent_at is not None
    monkeypatch.setattr(ServiceClient, "send", _posts_fail(errors.NotSent("not reached"), 99))
    session.resume(run)
    finish(run)
    assert isinstance(run.error, errors.SubmitUncertain)
    again_at = session.log.get(run.id).sending_at
    assert again_at is not None, "still looked up before anything is sent"
    assert again_at > sent_at, "the day of the last attempt is the one that may be charged"
    assert session.log.get(run.id).status is RunStatus.UNCERTAIN


_SEND = ServiceClient.send


def _posts_fail(error: errors.KlingError, times: int) -> Any:
    left = [times]

    async def send(self: ServiceClient, call: Any, *, before: Any = None) -> Any:
        if call.method == "POST" and left[0] > 0:
            left[0] -= 1
            await before()
            raise error
        return await _SEND(self, call, before=before)

    return send


def test_an_unreachable_service_is_not_a_full_account(
    session: Session, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs wait for each other when the service has no slot, not when the network fails."""
    congested: list[bool] = []
    real = ModelGate.refused

    def refused(self: ModelGate) -> None:
        congested.append(True)
        real(self)

    monkeypatch.setattr(ModelGate, "refused", refused)
    monkeypatch.setattr(ServiceClient, "send", _posts_fail(errors.NotSent("not reached"), 2))
    assert finish(session.submit(picture, "a boat")).status is RunStatus.SUCCEEDED
    assert congested == []


def test_a_run_taken_over_while_it_waited_for_a_slot_is_not_sent(
    make_session: Any, sandbox: Any, picture: np.ndarray
) -> None:
    """The machine slept in the queue; another kernel holds the run now."""
    patient = replace(QUICK.submit, backoff=RetryRule(delays=(0.1,), jitter=0.0))
    session = make_session(pace=replace(QUICK, submit=patient))
    sandbox.fault("code:1303", "POST", "/v1/videos/image2video", times=10_000)
    run = session.submit(picture, "a boat")
    until(lambda: "slot" in run.message)
    session.log.update(run.id, owner="elsewhere|0|1|1|x")
    # From here on this kernel may believe no more that the run is its own.
    session._engine._follower._leases._held[run.id] = 0.0
    finish(run)
    assert run.error is not None
    assert "taken over" in run.error.what
    assert sandbox.tasks() == []


def test_a_duplicate_id_of_ones_own_is_not_adopted_by_accident(
    session: Session, sandbox: Any, picture: np.ndarray
) -> None:
    first = finish(session.submit(picture, "a boat", external_task_id="boat-1"))
    second = finish(session.submit(picture, "a ship", external_task_id="boat-1"))
    assert first.status is RunStatus.SUCCEEDED
    assert isinstance(second.error, errors.DuplicateTask)
    assert second.task_id is None
    assert len(sandbox.charges()) == 1


def test_cost_drift_is_told(session: Session, sandbox: Any, picture: np.ndarray) -> None:
    from decimal import Decimal

    from kling_nb.domain import capabilities

    capabilities.override_price("kling-v2-5-turbo", "std", Decimal("0.2"))
    try:
        run = finish(session.submit(picture, "a boat"))
        assert run.cost.drifted
        assert any("1.5 units" in notice for notice in run.notices)
    finally:
        capabilities.forget_prices()


def test_one_list_call_answers_for_many_tasks(
    make_session: Any, sandbox: Any, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.config(quota=50, workers=50)
    sandbox.work()
    session = make_session(quota=50)
    calls: list[str] = []
    original = httpx.AsyncClient.send

    async def counted(self: Any, request: httpx.Request, **kwargs: Any) -> httpx.Response:
        if request.method == "GET" and "image2video" in request.url.path:
            calls.append(request.url.path)
        return await original(self, request, **kwargs)

    monkeypatch.setattr(httpx.AsyncClient, "send", counted)
    runs = [session.submit(picture, f"boat {n}") for n in range(20)]
    until(lambda: all(run.status is RunStatus.PROCESSING for run in runs))
    begin = time.monotonic()
    calls.clear()  # as long as there were a few only, each was asked for by itself
    until(lambda: sum(path.endswith("image2video") for path in calls) >= 3)
    sandbox.deliver()
    assert {finish(run).status for run in runs} == {RunStatus.SUCCEEDED}
    singles = [path for path in calls if not path.endswith("image2video")]
    assert len(singles) <= 10, "the list answers for all of them"
    pause = QUICK.follow.list_floor_s * (1 - QUICK.poll.jitter)
    assert len(calls) - len(singles) <= 2 + (time.monotonic() - begin) / pause
