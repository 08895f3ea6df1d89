"""The run log against bare sqlite3 and pandas, measured in the same run and interleaved.

``python tests/benchmarks/runlog.py [--rows N] [--large] [--peers]``

Ratios are the result; absolute times belong to the machine. ``--peers`` installs MLflow and trackio into a
scratch environment and measures them beside ours.
"""

from __future__ import annotations

import argparse
import os
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from kling_nb.domain.scores import ObjectScores, Scores
from kling_nb.runlog import RunLog, RunRecord
from kling_nb.runlog.frames import FRAME_COLUMNS
from kling_nb.runlog.schema import COLUMNS, MEASURED, SCORE_COLUMNS

HERE = Path(__file__).parent


def record(number: int) -> RunRecord:
    """Return a row as a real run has it."""
    digest = f"{number:064x}"
    return RunRecord(
        external_task_id=f"{number:032x}",
        provider="official",
        base_url="https://api.example.com",
        endpoint="/v1/videos/image2video",
        model_name="kling-v1",
        mode="pro",
        duration=5,
        prompt=f"The boat drifts left over calm water, take {number}",
        negative_prompt="blur, distortion",
        cfg_scale=0.5,
        camera_control={"type": "simple", "config": {"zoom": number % 10}},
        image_source="boat.jpg",
        image_sha256=digest,
        image_bytes=1_234_567,
        image_width=1280,
        image_height=720,
        identity=digest,
        estimate_units=Decimal("3.5"),
        estimate_usd=Decimal("0.49"),
        estimate_mark="unverified",
        price_as_of="2026-09",
        tags=["boat"],
        versions={"kling_nb": "0.1.0", "python": "3.11.7"},
        options={"y_origin": "bottom"},
        request={"model_name": "kling-v1", "image": {"sha256": digest, "bytes": 1_234_567}},
        wire={"model_name": "kling-v1", "image": f"<base64 1234567 bytes sha256:{digest}>"},
        answers={"create": {"code": 0, "message": "SUCCEED"}},
    )


def measured() -> Scores:
    """Return scores as a real clip with two painted objects has them."""
    places = tuple((10.25 * step, 300.5) for step in range(60))
    times = tuple(step / 12 for step in range(60))
    boats = tuple(
        ObjectScores(name, {"gain": 0.9}, 0.9, asked=places, measured=places, times=times) for name in "ab"
    )
    curves = dict.fromkeys(("times", "path_error", "flicker", "motion", "sharpness"), times)
    numbers = {name: 0.125 * place for place, name in enumerate(MEASURED)}
    return Scores(1, "c" * 64, "d" * 64, numbers, flags=("leak",), objects=boats, curves=curves)


class Clock:
    """Wall and CPU seconds of named actions."""

    def __init__(self) -> None:
        self.wall: dict[str, list[float]] = {}
        self.cpu: dict[str, list[float]] = {}

    def time(self, name: str, action: Callable[[], Any], times: int = 1) -> Any:
        """Run ``action`` and note its seconds, divided by ``times``."""
        wall, cpu = time.perf_counter(), time.process_time()
        result = action()
        self.cpu.setdefault(name, []).append((time.process_time() - cpu) / times)
        self.wall.setdefault(name, []).append((time.perf_counter() - wall) / times)
        return result

    def median(self, name: str) -> tuple[float, float]:
        """Return the median wall and CPU seconds."""
        return statistics.median(self.wall[name]), statistics.median(self.cpu[name])

    def compare(self, name: str, reference: str, goal: str, *, faster: bool = False) -> None:
        """Print an action's ratio to the reference: how many times slower, or how many times faster."""
        (wall, cpu), (base_wall, base_cpu) = self.median(name), self.median(reference)
        ratios = (base_wall / wall, base_cpu / cpu) if faster else (wall / base_wall, cpu / base_cpu)
        word = "faster" if faster else "x"
        print(
            f"{name:34} {wall * 1e6:12.0f} us  {reference:24} {base_wall * 1e6:12.0f} us   "
            f"{ratios[0]:7.2f} {word} (CPU {ratios[1]:.2f})   goal {goal}"
        )


def bare(path: Path, synchronous: str) -> sqlite3.Connection:
    """Return a bare sqlite3 table of the same columns, without an index."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    connection.execute(f"CREATE TABLE runs ({', '.join(COLUMNS)})")
    return connection


def rows_of(path: Path) -> list[tuple[Any, ...]]:
    """Return the log's rows as the driver has them."""
    with closing(sqlite3.connect(path)) as plain:
        return plain.execute(f"SELECT {', '.join(COLUMNS)} FROM runs").fetchall()


def writes(folder: Path, rounds: int, batch: int = 50) -> None:
    """Single committed writes."""
    clock = Clock()
    insert = f"INSERT INTO runs VALUES ({', '.join('?' * len(COLUMNS))})"
    with (
        RunLog(folder / "writes.sqlite") as log,
        closing(bare(folder / "full.sqlite", "FULL")) as full,
        closing(bare(folder / "normal.sqlite", "NORMAL")) as normal,
    ):
        log.insert(record(0))
        row = rows_of(folder / "writes.sqlite")[0]
        for number in range(rounds):
            records = [record(number * batch + i) for i in range(batch)]
            clock.time("insert (on the platter)", lambda r=records: [log.insert(x) for x in r], batch)
            clock.time("sqlite3 FULL", lambda: [full.execute(insert, row) for _ in range(batch)], batch)
            clock.time(
                "update of task_id (on the platter)",
                lambda r=records: [log.update(x.id, task_id="1") for x in r],
                batch,
            )
            clock.time(
                "update of status",
                lambda r=records: [log.update(x.id, status="processing") for x in r],
                batch,
            )
            clock.time("sqlite3 NORMAL", lambda: [normal.execute(insert, row) for _ in range(batch)], batch)
            claims = [record(10**9 + number * batch + i) for i in range(batch)]
            clock.time("claim (on the platter)", lambda c=claims: [log.claim(x) for x in c], batch)
            clock.time("get", lambda r=records: [log.get(x.id) for x in r], batch)
    for name in ("insert (on the platter)", "claim (on the platter)", "update of task_id (on the platter)"):
        clock.compare(name, "sqlite3 FULL", "<= 12, better 4")
    clock.compare("update of status", "sqlite3 NORMAL", "<= 12, better 4")
    clock.compare("get", "sqlite3 NORMAL", "-")


def fill(log: RunLog, count: int) -> None:
    """Write many rows in one transaction: how they came there is not measured here."""
    statements = log._statements
    with log._database.writing(durable=False) as cursor:
        for number in range(count):
            statements.insert.run(cursor, statements.values(record(number)))


def frames(folder: Path, count: int, rounds: int) -> None:
    """The table as a DataFrame."""
    clock = Clock()
    path = folder / "frames.sqlite"
    columns = ", ".join(f"{'scores' if name in SCORE_COLUMNS else 'runs'}.{name}" for name in FRAME_COLUMNS)
    query = f"SELECT {columns} FROM runs LEFT JOIN scores ON run_id = id ORDER BY id DESC"
    with RunLog(path) as log, closing(sqlite3.connect(path)) as plain:
        fill(log, count)
        log.scores.put(dict.fromkeys(log.frame()["id"], measured()))
        ids = [row[0] for row in plain.execute("SELECT id FROM runs LIMIT 5")]
        log.frame()
        for number in range(rounds):
            log._frames._cached = None
            frame = clock.time("runs() cold", log.frame)
            clock.time("read_sql_query", lambda: pd.read_sql_query(query, plain))
            clock.time("runs() unchanged", log.frame)
            for run_id in ids:
                log.update(run_id, rating=number % 5)
                log.insert(record(number))
            clock.time("runs() after 10 changes", log.frame)
    print(f"{count} rows, {frame.shape[1]} columns")
    clock.compare("runs() cold", "read_sql_query", "<= 2.5")
    clock.compare("runs() after 10 changes", "runs() cold", ">= 10", faster=True)
    clock.compare("runs() unchanged", "runs() cold", ">= 50", faster=True)


def large(folder: Path, count: int, rounds: int = 3) -> None:
    """Filters and the first page of a very long log."""
    clock = Clock()
    with RunLog(folder / "large.sqlite") as log:
        fill(log, count)
        log.update(log.records(limit=1)[0].id, rating=5)
        for _ in range(rounds):
            with RunLog(folder / "large.sqlite") as fresh:
                fresh.change_counter()
                clock.time("filter in SQL", lambda log=fresh: log.frame({"rating": 5}))
                clock.time("first page", lambda log=fresh: log.frame(limit=100))
                clock.time("page of a filter", lambda log=fresh: log.frame({"model_name": "kling-v1"}, 100))
                clock.time("load all", fresh.frame)
    print(f"{count} rows")
    for name in ("filter in SQL", "first page", "page of a filter"):
        clock.compare(name, "load all", ">= 5", faster=True)
    print(f"at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB of memory")


def acknowledged(process: subprocess.Popen[str]) -> Iterator[str]:
    """Yield the ids a writing process has acknowledged."""
    assert process.stdout is not None
    for line in process.stdout:
        yield line.strip()


def writer(path: Path, count: int) -> subprocess.Popen[str]:
    """Start a process that writes rows and prints each id when it is written."""
    command = [sys.executable, __file__, "--write", str(path), "--rows", str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def processes(folder: Path, count: int, number: int = 4) -> float:
    """Several processes write at once; nothing is lost. Returns rows a second."""
    path = folder / "processes.sqlite"
    with RunLog(path) as log:
        log.insert(RunRecord())
        begin = time.perf_counter()
        running = [writer(path, count) for _ in range(number)]
        told = {run_id for process in running for run_id in acknowledged(process)}
        failed = sum(process.wait() != 0 for process in running)
        rate = number * count / (time.perf_counter() - begin)
        lost = len(told - {run.id for run in log.records()})
    print(
        f"{number} processes x {count}: {rate:.0f} rows/s with start-up, "
        f"{number * count - len(told)} refused, {lost} lost, {failed} failed   goal 0, 0, 0"
    )
    return rate


def killed(folder: Path, rows: int) -> None:
    """A process is killed in the middle of writing."""
    path = folder / "killed.sqlite"
    process = writer(path, 10**6)
    told = [run_id for run_id, _ in zip(acknowledged(process), range(rows), strict=False)]
    process.kill()
    assert process.stdout is not None
    told += process.stdout.read().split("\n")[:-1]
    process.wait()
    with RunLog(path) as log:
        present = {run.id for run in log.records()}
    print(f"SIGKILL after {len(told)} acknowledged rows: {len(set(told) - present)} lost   goal 0")


def peers(folder: Path, count: int) -> None:
    """MLflow and trackio as they are used, one run a generation, in turns with ours."""
    scratch = folder / "peers"
    venv.create(scratch, with_pip=True)
    packages = ["mlflow-skinny", "sqlalchemy", "alembic", "pandas", "trackio"]
    subprocess.run([scratch / "bin" / "python", "-m", "pip", "install", "-q", *packages], check=True)
    for name, goal in (("mlflow", 50), ("trackio", 25)):
        _beside(name, goal, scratch / "bin" / "python", folder, count)


def _beside(name: str, goal: int, python: Path, folder: Path, count: int) -> None:
    environment = {**os.environ, "PYTHONPATH": ""}
    command = [str(python), str(HERE / "runlog_peers.py"), name, str(folder)]
    clock, theirs = Clock(), []
    with (
        RunLog(folder / f"beside-{name}.sqlite") as log,
        subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as peer,
    ):

        def ask(what: str) -> tuple[float, ...]:
            assert peer.stdin is not None
            assert peer.stdout is not None
            print(what, file=peer.stdin, flush=True)
            return tuple(map(float, peer.stdout.readline().split()))

        ask("run")
        log.insert(record(0))
        # In turns of ten: after every single answer of another process, caches would be measured.
        for begin in range(1, count, 10):
            theirs += [ask("run") for _ in range(10)]
            runs = [record(begin + number) for number in range(10)]
            for run in runs:
                clock.time("row", lambda r=run: log.insert(r))
            for run in runs:
                clock.time("rest", lambda r=run: _rest_of_run(log, r))
        reading = ask("read")
        log.frame()
        log._frames._cached = None
        clock.time("read", log.frame)
    row, life = clock.median("row"), clock.median("rest")
    life = (row[0] + life[0], row[1] + life[1])
    peer_run = tuple(statistics.median(values) for values in zip(*theirs, strict=True))
    _against(f"{name}: a run / our row", peer_run, row, goal)
    _against(f"{name}: a run / row and four updates", peer_run, life, goal)
    if name == "mlflow":
        _against(f"{name}: {count} runs as a frame", reading, clock.median("read"), 60)


def _against(what: str, theirs: tuple[float, ...], ours: tuple[float, ...], goal: int) -> None:
    wall, cpu = (their / our for their, our in zip(theirs, ours, strict=True))
    print(
        f"{what:40} {theirs[0] * 1e3:9.2f} ms / {ours[0] * 1e3:7.2f} ms   "
        f"{wall:6.0f} faster (CPU {cpu:.0f})   goal >= {goal}"
    )


def _rest_of_run(log: RunLog, run: RunRecord) -> None:
    now = datetime.now(UTC)
    log.update(run.id, sending_at=now)
    log.update(run.id, task_id=run.external_task_id, status="submitted", submitted_at=now)
    log.update(run.id, status="succeeded", finished_at=now)
    log.update(run.id, video_path="media/x.mp4", downloaded_at=now)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000, help="rows of the DataFrame")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--each", type=int, default=1000, help="rows each of four processes writes")
    parser.add_argument("--large", action="store_true", help="also 100 000 rows")
    parser.add_argument(
        "--peers", action="store_true", help="also MLflow and trackio, in a scratch environment"
    )
    parser.add_argument("--peer-runs", type=int, default=200, help="runs each peer writes")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        with RunLog(options.write, busy_timeout=60) as log:
            for number in range(options.rows):
                print(log.insert(record(number)).id, flush=True)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        writes(folder, options.rounds)
        frames(folder, options.rows, options.rounds)
        if options.large:
            large(folder, 100_000)
        processes(folder, options.each)
        killed(folder, options.each // 2)
        if options.peers:
            peers(folder, options.peer_runs)


if __name__ == "__main__":
    main()
