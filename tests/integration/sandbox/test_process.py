"""The server as a process: ready line, one per home, restart, end (spec/sandbox.md §1)."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest
from legacy_wire import PATH, get, request

from kling_nb.errors import SandboxError
from kling_nb.sandbox import launch
from kling_nb.sandbox.config import Credentials

QUICK = {"queued": 0.02, "min_processing": 0.05, "render": "off"}
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    yield home
    launch.stop(home)


def client(info):
    headers = {"Authorization": f"Bearer {info.api_key}"}
    return httpx.Client(base_url=info.url, headers=headers, trust_env=False, timeout=30)


def end_state(http, task, seconds=60):
    deadline = time.monotonic() + seconds
    while True:
        data = http.get(f"{PATH}/{task}").json()["data"]
        if data["task_status"] in ("succeed", "failed"):
            return data
        assert time.monotonic() < deadline, data
        time.sleep(0.02)


def gone(pid, seconds=60):
    deadline = time.monotonic() + seconds
    while psutil.pid_exists(pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def kill(pid):
    os.kill(pid, signal.SIGKILL)
    gone(pid)


def quiet_port():
    """Return a free port that the system gives to nobody who asks for any: it stays free meanwhile."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(first - 12_000, first)
        with socket.socket() as trial:
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def test_the_ready_line_and_a_clean_end(tmp_path):
    command = [
        sys.executable,
        "-m",
        "kling_nb.sandbox",
        "--port",
        "0",
        "--home",
        str(tmp_path),
        "--render",
        "off",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True
    ) as process:
        try:
            ready = json.loads(process.stdout.readline())
            assert set(ready) == {
                "url",
                "access_key",
                "secret_key",
                "api_key",
                "acedata_token",
                "aimlapi_key",
                "home",
                "pid",
            }
            assert ready["pid"] == process.pid
            assert ready["access_key"] == "ak-sandbox"
            assert ready["secret_key"] == "sk-sandbox-0123456789abcdef012345"
            assert ready["api_key"] == "api-key-kling-sandbox"
            assert ready["url"].startswith("http://127.0.0.1:")
            headers = {"Authorization": f"Bearer {ready['api_key']}"}
            assert get(f"{ready['url']}/sandbox/health", headers=headers).status_code == 200
        finally:
            process.terminate()
        assert process.wait(60) == -signal.SIGTERM
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""


def test_one_server_a_home_however_many_start_it(home):
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: launch.start(home, **QUICK), range(4)))
    assert len({info.pid for info in found}) == 1
    assert launch.find(home) == found[0]


def test_two_processes_race_for_one_home(home):
    home.mkdir()
    command = [sys.executable, "-m", "kling_nb.sandbox", "--home", str(home), "--render", "off"]
    racers = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True)
        for _ in range(3)
    ]
    try:
        deadline = time.monotonic() + 60
        while sum(racer.poll() is None for racer in racers) > 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        losers = [racer for racer in racers if racer.poll() is not None]
        assert [loser.returncode for loser in losers] == [3, 3]
        assert all("already serves" in loser.stderr.read() for loser in losers)
        assert launch.find(home).pid in {racer.pid for racer in racers}
    finally:
        for racer in racers:
            racer.terminate()
            racer.communicate()


def test_the_state_file_is_private_and_complete(home):
    info = launch.start(home, **QUICK)
    for name in ("sandbox.json", "sandbox.log"):
        assert stat.S_IMODE((home / name).stat().st_mode) == 0o600
    state = json.loads((home / "sandbox.json").read_text())
    secrets = {"access_key", "secret_key", "api_key", "acedata_token", "aimlapi_key"}
    assert set(state) == {"url", "pid", "port", "home", "started_at", "tls_cert"} | secrets
    assert (state["pid"], state["home"]) == (info.pid, str(home.resolve()))
    assert not any(state[name] in repr(info) for name in secrets)


def test_nothing_is_found_where_nothing_runs(tmp_path, home):
    assert launch.find(tmp_path / "none") is None
    assert launch.stop(tmp_path / "none") is False
    info = launch.start(home, **QUICK)
    kill(info.pid)
    assert launch.find(home) is None
    # Another process behind the old address does not count either.
    (home / "sandbox.json").write_text(json.dumps({"url": "http://127.0.0.1:9"}))
    assert launch.find(home) is None


def test_stopping_one_that_has_just_ended_by_itself_is_no_error(home, monkeypatch):
    find = launch.find

    def find_and_lose(folder):
        info = find(folder)
        kill(info.pid)
        return info

    launch.start(home, **QUICK)
    monkeypatch.setattr(launch, "find", find_and_lose)
    assert launch.stop(home)
    monkeypatch.undo()
    assert launch.find(home) is None


def test_it_ends_when_its_folder_is_deleted(home):
    info = launch.start(home, **QUICK)
    shutil.rmtree(home)
    gone(info.pid)
    assert launch.start(home, **QUICK).pid != info.pid


def test_it_outlives_the_process_that_started_it(home):
    script = textwrap.dedent(f"""
        import os
        from kling_nb.sandbox import launch
        print(launch.start({str(home)!r}, render="off").pid, flush=True)
        os.kill(os.getpid(), 9)
    """)
    # communicate() would wait for ever on a pipe that the server had inherited.
    starter = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert starter.returncode == -signal.SIGKILL
    pid = int(starter.stdout)
    assert launch.find(home).pid == pid
    assert os.getsid(pid) == pid


def test_kill_and_restart_keep_tasks_files_ids_port_and_credentials(home):
    info = launch.start(home, **QUICK, access_key="ak-own", port=quiet_port())
    with client(info) as http:
        done = http.post(PATH, json=request(external_task_id="done")).json()["data"]["task_id"]
        before = end_state(http, done)
        slow = request(external_task_id="slow", prompt="[[sandbox:slow:600]]")
        running = http.post(PATH, json=slow).json()["data"]["task_id"]
        waiting = http.post(PATH, json=request(external_task_id="waiting")).json()["data"]["task_id"]
        while http.get(f"{PATH}/{running}").json()["data"]["task_status"] != "processing":
            time.sleep(0.02)
    kill(info.pid)
    again = launch.start(home, **QUICK, time_scale=0.001)
    assert again.pid != info.pid
    assert again.url == info.url
    with client(again) as http:
        assert http.get(f"{PATH}/{done}").json()["data"] == before
        assert get(before["task_result"]["videos"][0]["url"]).status_code == 200
        assert end_state(http, running)["task_status"] == "succeed"
        assert end_state(http, waiting)["task_status"] == "succeed"
        assert http.get(f"{PATH}/slow").json()["data"]["task_id"] == running
        assert len(http.get(PATH).json()["data"]) == 3
        refused = http.post(PATH, json=request(external_task_id="done")).json()
        assert refused["message"] == "External_task_id done already exists"
        newer = http.post(PATH, json=request()).json()["data"]["task_id"]
        assert int(newer) > max(map(int, (done, running, waiting)))
        pack = http.get("/account/costs?start_time=1&end_time=2").json()["data"]
        assert pack["resource_pack_subscribe_infos"][0]["remaining_quantity"] == 1000 - 4 * 1.5


def test_another_port_when_the_old_one_is_taken(home):
    info = launch.start(home, **QUICK, port=quiet_port())
    with client(info) as http:
        task = http.post(PATH, json=request()).json()["data"]["task_id"]
        end_state(http, task)
    launch.stop(home)
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", info.port))
        squatter.listen()
        again = launch.start(home, **QUICK)
    assert again.port != info.port
    with client(again) as http:
        url = end_state(http, task)["task_result"]["videos"][0]["url"]
        assert url.startswith(again.url)
        assert get(url).status_code == 200


def test_it_ends_when_idle_but_not_while_working(home):
    info = launch.start(home, **QUICK)
    with client(info) as http:
        work = request(prompt="[[sandbox:slow:600]]")
        task = http.post(PATH, json=work).json()["data"]["task_id"]
    kill(info.pid)
    # It has work to do from its first moment on.
    info = launch.start(home, **QUICK, idle=0.5)
    with client(info) as http:
        time.sleep(1.5)
        assert http.get(f"{PATH}/{task}").json()["data"]["task_status"] == "processing"
        http.patch("/sandbox/config", json={"time_scale": 0})
    gone(info.pid)  # looking for it would be a call that keeps it up
    assert launch.find(home) is None


def test_a_wrong_start_option_is_explained(home):
    with pytest.raises(SandboxError, match="quota") as caught:
        launch.start(home, quota=0)
    assert len(caught.value.lines()) <= 3
    assert launch.find(home) is None


def test_a_folder_that_cannot_be_made_is_explained(home):
    home.parent.mkdir(parents=True, exist_ok=True)
    home.write_text("a file where the folder should be")
    with pytest.raises(SandboxError, match="cannot be started") as caught:
        launch.start(home / "sandbox")
    assert "KLING_NB_SANDBOX_HOME" in caught.value.advice


def test_another_address_needs_an_explicit_flag(home):
    with pytest.raises(SandboxError, match="--allow-remote"):
        launch.start(home, host="0.0.0.0")


def test_the_first_published_token_over_http_with_a_frozen_clock(home):
    vector = (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhay10ZXN0IiwiZXhwIjoxNzAwMDAxODAwLCJuYmYiOjE2OTk5OTk5OTV9"
        ".tMljlG8Xy1G8AKj5WkEZRcRIADvbH0FP6wgzpwHAfs4"
    )
    info = launch.start(home, **QUICK, access_key="ak-test", secret_key="sk-test", frozen_clock=1700000000)
    headers = {"Authorization": f"Bearer {vector}"}
    answer = get(info.url + PATH, headers=headers)
    assert answer.status_code == 200
    assert answer.headers["date"] == "Tue, 14 Nov 2023 22:13:20 GMT"
    with client(info) as http:
        http.patch("/sandbox/config", json={"frozen_clock": 1700001800})
    assert get(info.url + PATH, headers=headers).json()["code"] == 1004


def test_no_connection_leaves_the_machine(home, tmp_path, monkeypatch):
    log = tmp_path / "connections.log"
    (tmp_path / "sitecustomize.py").write_text(
        textwrap.dedent(f"""
            import os, sys

            def hook(event, args):
                if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
                    with open({str(log)!r}, "a") as file:
                        file.write(f"{{event}} {{args[1] if event != 'socket.getaddrinfo' else args[0]}}\\n")

            if "kling_nb.sandbox" in " ".join(sys.orig_argv):
                sys.addaudithook(hook)
        """)
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), str(ROOT)]))
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.9:3128")
    info = launch.start(home, **QUICK)
    with client(info) as http:
        for image in (
            "https://example.com/a.png",
            "http://93.184.215.14/a.png",
            f"{info.url}/sandbox/uploads/x",
        ):
            body = request(image=image, callback_url="https://example.com/done")
            task = http.post(PATH, json=body).json()["data"]["task_id"]
            assert end_state(http, task)["task_status_msg"] == "couldn't get the contents of the file"
        body = request(callback_url="http://127.0.0.1:9/")
        end_state(http, http.post(PATH, json=body).json()["data"]["task_id"])
    lines = log.read_text().splitlines()
    assert lines  # the upload and the callback really were attempted
    assert [line for line in lines if "127.0.0.1" not in line] == []


def test_secrets_are_not_on_the_command_line(home):
    """``ps`` shows the command line of a process to every user of the machine."""
    given = {name: f"sesame-{name}" for name in sorted(launch.SECRETS)}
    info = launch.start(home, **QUICK, **given)
    try:
        assert (info.access_key, info.api_key) == ("sesame-access_key", "sesame-api_key")
        assert not any("sesame" in word for word in psutil.Process(info.pid).cmdline())
        for path in home.iterdir():
            if path.is_file() and b"sesame" in path.read_bytes():
                assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    finally:
        launch.stop(home)


def test_every_credential_is_a_secret_option():
    assert {field.name for field in dataclasses.fields(Credentials)} | {"callback_secret"} == launch.SECRETS
