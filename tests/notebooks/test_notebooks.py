"""The notebooks run from top to bottom, as Run All does, with no key and nothing but loopback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import nbformat
import pytest
from clean_room import clean_environment, end_sandboxes
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"

pytestmark = pytest.mark.kernel


@contextmanager
def run_all(name: str, place: Path) -> Iterator[NotebookNode]:
    """A notebook after Run All, while its sandbox still runs."""
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    client = NotebookClient(notebook, timeout=180, resources={"metadata": {"path": str(place)}})
    try:
        yield client.execute(env=clean_environment(place / "state"))
    finally:
        end_sandboxes(place)


@pytest.fixture(scope="module")
def first_video(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookNode]:
    """The first notebook after Run All."""
    with run_all("01-first-video.ipynb", tmp_path_factory.mktemp("first-video")) as notebook:
        yield notebook


@pytest.fixture(scope="module")
def motion_brush(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookNode]:
    """The notebook of the motion brush after Run All."""
    with run_all("02-motion-brush.ipynb", tmp_path_factory.mktemp("motion-brush")) as notebook:
        yield notebook


@pytest.fixture(params=["first_video", "motion_brush"])
def either(request: pytest.FixtureRequest) -> NotebookNode:
    """Each of the notebooks after Run All."""
    notebook: NotebookNode = request.getfixturevalue(request.param)
    return notebook


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


def test_the_provider_is_said_first(either: NotebookNode) -> None:
    said = text(either, "load")
    assert "sandbox" in said


def test_a_dry_run_shows_price_and_request(first_video: NotebookNode) -> None:
    said = text(first_video, "dry-run")
    assert "2.5 units" in said
    assert "kling-v2-6" in said


def test_the_video_is_there_after_await(first_video: NotebookNode) -> None:
    assert ".mp4" in text(first_video, "await")


def test_the_same_cell_again_says_that_it_is_free(first_video: NotebookNode) -> None:
    assert "no charge" in text(first_video, "again")


def test_the_table_has_one_row_a_run(first_video: NotebookNode) -> None:
    table = text(first_video, "runs")
    assert [table.count(model) for model in ("kling-v2-6", "kling-v1-5", "kling-v1 ")] == [1, 1, 1]
    assert table.count("succeeded") == 3


@pytest.mark.parametrize(
    ("name", "cell_id", "words"),
    [
        ("first_video", "impossible", "kling-v1-5"),
        ("first_video", "typo", "--duration"),
        ("motion_brush", "other-picture", "refit"),
        ("motion_brush", "one-point", "2 to 77 points"),
    ],
)
def test_mistakes_are_three_lines_with_a_way_out(
    request: pytest.FixtureRequest, name: str, cell_id: str, words: str
) -> None:
    said = text(request.getfixturevalue(name), cell_id).strip()
    lines = [line for line in said.splitlines() if not line.startswith("Cell In[")]
    assert words in said
    assert len(lines) <= 3
    assert "Traceback" not in said


def test_a_static_view_of_the_notebook_shows_posters(first_video: NotebookNode) -> None:
    """GitHub and nbviewer run no widgets: a picture stands in the saved file."""
    shown = outputs(first_video, "first")
    assert any(
        "image" in kind or "<img" in str(data) for o in shown for kind, data in o.get("data", {}).items()
    )


def test_the_saved_notebook_stays_small_and_holds_no_key(either: NotebookNode) -> None:
    saved = nbformat.writes(either)
    assert len(saved) < 3_000_000
    assert "sk-sandbox" not in saved
    assert "Bearer " not in saved


def test_a_static_view_shows_the_drawing(motion_brush: NotebookNode) -> None:
    """The pad is a widget; without a kernel its picture stands there."""
    assert any("<img" in output.data.get("text/html", "") for output in outputs(motion_brush, "pad"))


def test_the_pad_holds_the_drawing_made_in_code(motion_brush: NotebookNode) -> None:
    said = text(motion_brush, "draw")
    assert "upper coin" in said and "lower coin" in said and "still" in said


def test_the_video_does_what_was_drawn(motion_brush: NotebookNode) -> None:
    """Measured by the notebook itself: the ends are met, and the way is the one that was drawn."""
    said = text(motion_brush, "numbers")
    found = re.findall(r"([\d.]+) px from the asked end, at most ([\d.]+) px beside", said)
    assert len(found) == 2, said
    assert all(float(end) < 3 and float(beside) < 3 for end, beside in found), said


def test_a_served_model_takes_the_brush_as_an_end_frame(motion_brush: NotebookNode) -> None:
    """The mode was left open: the one that takes an end frame is chosen, said and priced."""
    said = text(motion_brush, "served-dry-run")
    assert "end frame" in said and "mode pro because std" in said and "2.5 units" in said
    assert "succeeded" in text(motion_brush, "served")


def test_the_end_frame_is_another_picture(motion_brush: NotebookNode) -> None:
    digests = re.findall(r"sha256:([0-9a-f]{64})", text(motion_brush, "served-dry-run"))
    assert len(set(digests)) == 2


def test_the_words_name_who_moves_where_and_what_stays(motion_brush: NotebookNode) -> None:
    said = text(motion_brush, "words")
    for part in ("upper coin moves", "downward", "lower coin moves", "upward", "stays perfectly still"):
        assert part in said


def test_a_kept_drawing_is_the_same_brush(motion_brush: NotebookNode) -> None:
    assert "the same brush: True" in text(motion_brush, "save")
