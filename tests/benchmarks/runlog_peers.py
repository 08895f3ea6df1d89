"""What other experiment logs need for one run; started by ``runlog.py --peers`` in a scratch environment.

Every line on standard input asks for one run, and ``read`` for all runs as a DataFrame; the answer is the
wall and CPU seconds it took.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PARAMETERS = {f"parameter_{number}": f"value {number}" for number in range(40)}


def mlflow_runs(folder: Path) -> tuple[Callable[[int], None], Callable[[], Any]]:
    """One run a generation on MLflow's SQLite store."""
    import mlflow

    for name in ("alembic", "mlflow"):
        logging.getLogger(name).setLevel(logging.ERROR)
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.sqlite")
    mlflow.set_experiment("benchmark")

    def write(_: int) -> None:
        with mlflow.start_run():
            mlflow.log_params(PARAMETERS)

    return write, lambda: mlflow.search_runs(max_results=50_000)


def trackio_runs(folder: Path) -> tuple[Callable[[int], None], Callable[[], Any]]:
    """One run a generation on trackio, finished so that it is on disk."""
    os.environ["TRACKIO_DIR"] = str(folder)
    import trackio

    def write(number: int) -> None:
        trackio.init(project="benchmark", name=f"run {number}", config=PARAMETERS)
        trackio.log({"units": 3.5})
        trackio.finish()

    return write, lambda: None


def main() -> None:
    """Measure the peer named on the command line, step by step as asked."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        write, read = {"mlflow": mlflow_runs, "trackio": trackio_runs}[name](folder)
        for number, line in enumerate(sys.stdin):
            begin, cpu = time.perf_counter(), time.process_time()
            if line.strip() == "read":
                read()
            else:
                write(number)
            print(time.perf_counter() - begin, time.process_time() - cpu, file=answers, flush=True)


if __name__ == "__main__":
    main()
