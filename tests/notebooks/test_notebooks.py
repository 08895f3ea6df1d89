"""The notebooks run from top to bottom, as Run All does, with no key and nothing but loopback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from clean_room import clean_environment, end_sandboxes
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookNode]:
    """The first notebook after Run All."""
    place = tmp_path_factory.mktemp("first-video")
    notebook = nbformat.read(NOTEBOOKS / "01-first-video.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=180, resources={"metadata": {"path": str(place)}})
    try:
        yield client.execute(env=clean_environment(place / "state"))
    finally:
        end_sandboxes(place)


def outputs(notebook: NotebookNode, cell_id: str) -> list[NotebookNode]:
    """The outputs of one cell."""
    return list(next(cell for cell in notebook.cells if cell.id == cell_id).outputs)


def text(notebook: NotebookNode, cell_id: str) -> str:
    """What one cell says in plain text, colours removed."""
    parts = []
    for output in outputs(notebook, cell_id):
        match output.output_type:
            case "stream":
                parts.append(output.text)
            case "error":
                parts.append("\n".join(output.traceback))
            case _:
                parts.append(output.data.get("text/plain", ""))
    return re.sub(r"\x1b\[[\d;]*m", "", "\n".join(parts))


def test_the_provider_is_said_first(executed: NotebookNode) -> None:
    said = text(executed, "load")
    assert "sandbox" in said


def test_a_dry_run_shows_price_and_request(executed: NotebookNode) -> None:
    said = text(executed, "dry-run")
    assert "2.5 units" in said
    assert "kling-v2-6" in said


def test_the_video_is_there_after_await(executed: NotebookNode) -> None:
    assert ".mp4" in text(executed, "await")


def test_the_same_cell_again_says_that_it_is_free(executed: NotebookNode) -> None:
    assert "no charge" in text(executed, "again")


def test_the_table_has_one_row_a_run(executed: NotebookNode) -> None:
    table = text(executed, "runs")
    assert [table.count(model) for model in ("kling-v2-6", "kling-v1-5", "kling-v1 ")] == [1, 1, 1]
    assert table.count("succeeded") == 3


@pytest.mark.parametrize(("cell_id", "words"), [("impossible", "kling-v1-5"), ("typo", "--duration")])
def test_mistakes_are_three_lines_with_a_way_out(executed: NotebookNode, cell_id: str, words: str) -> None:
    said = text(executed, cell_id).strip()
    assert words in said
    assert len(said.splitlines()) <= 3
    assert "Traceback" not in said


def test_a_static_view_of_the_notebook_shows_posters(executed: NotebookNode) -> None:
    """GitHub and nbviewer run no widgets: a picture stands in the saved file."""
    shown = outputs(executed, "first")
    assert any(
        "image" in kind or "<img" in str(data) for o in shown for kind, data in o.get("data", {}).items()
    )


def test_the_saved_notebook_stays_small_and_holds_no_key(executed: NotebookNode) -> None:
    saved = nbformat.writes(executed)
    assert len(saved) < 3_000_000
    assert "sk-sandbox" not in saved
    assert "Bearer " not in saved
