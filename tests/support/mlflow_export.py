"""Writes runs into MLflow with the real library; started by a drill in a scratch environment.

The one argument is a folder. What MLflow holds after each call is printed as JSON.
"""

from __future__ import annotations

import json
import math
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from kling_nb.domain.scores import Scores
from kling_nb.domain.task import RunStatus
from kling_nb.runlog import RunRecord
from kling_nb.session import Session
from kling_nb.session.tracking import to_mlflow

BEGIN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def record(**columns: Any) -> RunRecord:
    values = {"provider": "sandbox", "model_name": "kling-v1", "duration": 5, "submitted_at": BEGIN}
    return RunRecord(**{**values, **columns})


def held(uri: str, experiment: str) -> list[dict[str, Any]]:
    """Everything MLflow says about the runs of an experiment, by its own client."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=uri)
    place = client.get_experiment_by_name(experiment).experiment_id
    return [
        {
            "name": run.info.run_name,
            "status": run.info.status,
            "seconds": None
            if run.info.end_time is None
            else (run.info.end_time - run.info.start_time) / 1000,
            "params": run.data.params,
            "metrics": {name: None if math.isnan(v) else v for name, v in run.data.metrics.items()},
            "tags": {name: v for name, v in run.data.tags.items() if not name.startswith("mlflow.log")},
            "files": sorted(file.path for file in client.list_artifacts(run.info.run_id, "kling_nb")),
        }
        for run in client.search_runs([place], order_by=["attributes.start_time"])
    ]


def main() -> None:
    """Two runs, written again and again while one of them goes on."""
    folder = Path(sys.argv[1])
    uri = f"sqlite:///{folder}/mlflow.sqlite"
    media = folder / "runs" / "media"
    media.mkdir(parents=True)
    (media / "a.mp4").write_bytes(b"film")
    steps: dict[str, Any] = {}
    with Session(provider="sandbox", home=folder / "runs") as session:
        done = session.log.insert(
            record(
                status=RunStatus.SUCCEEDED,
                prompt="the boat " + "x" * 8000,
                finished_at=BEGIN.replace(minute=1),
                actual_units=Decimal("1.5"),
                video_path="media/a.mp4",
                video_sha256="1",
                tags=["a"],
                variables={"how much?": 0.5},
                task_id="8123456789012345678",
                cfg_scale=0.5,
            )
        )
        going = session.log.insert(record(status=RunStatus.PROCESSING, submitted_at=BEGIN.replace(hour=13)))

        session.log.put_scores(done.id, Scores(1, "c", "d", {"gain": 0.75}, flags=("short",)))

        def step(name: str, **changes: Any) -> None:
            frame = to_mlflow(tracking_uri=uri, session=session, **changes)
            steps[name] = {"said": dict(zip(frame["id"], frame["what"], strict=True))}
            steps[name]["held"] = held(uri, changes.get("experiment", "kling_nb"))

        step("first")
        step("again")
        session.run(done.id).annotate(rating=4, note="look")
        session.log.update(
            going.id, status=RunStatus.FAILED, finished_at=BEGIN.replace(hour=14), error_code="7"
        )
        step("later")
        session.run(done.id).annotate(rating=None, note=None, tags=[])
        step("taken back")
        step("bare", experiment="bare", metadata=False, files=False)
    print(json.dumps({"ids": [done.id, going.id], **steps}))


if __name__ == "__main__":
    main()
