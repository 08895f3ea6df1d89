"""The notebooks run from top to bottom, as Run All does, with no key and nothing but loopback."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest
from clean_room import clean_environment, end_sandboxes
from nbclient import NotebookClient
from nbformat import NotebookNode

from kling_nb import providers

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(900)]
"""The first test of a notebook runs all of it; a busy machine may take minutes."""


def executed(name: str, place: Path, **variables: str) -> NotebookNode:
    """A notebook after Run All in a folder; its sandbox still runs."""
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    client = NotebookClient(
        notebook, timeout=600, startup_timeout=300, resources={"metadata": {"path": str(place)}}
    )
    done: NotebookNode = client.execute(env=clean_environment(place / "state") | variables)
    return done


@contextmanager
def run_all(name: str, place: Path, **variables: str) -> Iterator[NotebookNode]:
    """A notebook after Run All, while its sandbox still runs."""
    try:
        yield executed(name, place, **variables)
    finally:
        end_sandboxes(place)


WATCHER = """
import sys


def watch(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        note(arguments[1][0])
    elif event == "socket.getaddrinfo" and arguments[0]:
        note(arguments[0])


def note(host):
    with open({seen!r}, "a") as file:
        file.write(f"{{host}}\\n")


sys.addaudithook(watch)
"""
"""A ``sitecustomize`` that writes down whom a Python process talks to."""

DOORS = [providers.get(name).door for name in providers.door_names()]
REAL_KEYS = {
    variable: f"a-real-key-of-somebody-{number:02d}"
    for number, variable in enumerate(
        name for door in DOORS for name in (*door.key_variables, *sum(door.pair_variables, ()))
    )
}


class Money:
    """The notebook about money after Run All, twice, on a machine that holds real keys."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.seen = place / "hosts.txt"
        (place / "watcher").mkdir()
        (place / "watcher" / "sitecustomize.py").write_text(WATCHER.format(seen=str(self.seen)))
        (place / ".env").write_text("AIMLAPI_KEY=a-real-key-of-somebody-env\n")
        elsewhere = {
            "KLING_NB_LOG_URL": f"sqlite:///{place / 'real.sqlite'}",
            "KLING_NB_PROVIDER": "official",
            "KLING_NB_BUDGET_DAY": "1",
        }
        watched = {"PYTHONPATH": str(place / "watcher"), **REAL_KEYS, **elsewhere}
        self.first, self.second = (
            executed("03-real-keys-and-money.ipynb", place, **watched) for _ in range(2)
        )


TUNING = "04-prompt-tuning.ipynb"


@dataclass(frozen=True)
class Tuning:
    """The notebook of prompt tuning after Run All, and the folder it left behind."""

    place: Path
    notebook: NotebookNode


@pytest.fixture(scope="module")
def money(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Money]:
    """The notebook about real keys and money after Run All, twice."""
    place = tmp_path_factory.mktemp("money")
    try:
        yield Money(place)
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


@pytest.fixture(scope="module")
def prompt_tuning(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tuning]:
    """The notebook of prompt tuning after Run All."""
    place = tmp_path_factory.mktemp("prompt-tuning")
    try:
        yield Tuning(place, executed(TUNING, place))
    finally:
        end_sandboxes(place)


@pytest.fixture(scope="module")
def motion_scores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NotebookNode]:
    """The notebook of motion scores after Run All, on a machine that holds real keys."""
    place = tmp_path_factory.mktemp("motion-scores")
    elsewhere = {"KLING_NB_PROVIDER": "official", "KLING_NB_BUDGET_DAY": "1", "KLING_NB_SCORES": "off"}
    with run_all("05-motion-scores.ipynb", place, **REAL_KEYS, **elsewhere) as notebook:
        yield notebook
        assert not (place / "kling_runs" / "runs.sqlite").exists(), "the real log is left alone"


@pytest.fixture(params=["first_video", "motion_brush", "money", "prompt_tuning", "motion_scores"])
def each(request: pytest.FixtureRequest) -> NotebookNode:
    """Each of the notebooks after Run All."""
    found = request.getfixturevalue(request.param)
    if isinstance(found, Tuning):
        return found.notebook
    notebook: NotebookNode = found.first if isinstance(found, Money) else found
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


def test_the_provider_is_said_first(each: NotebookNode) -> None:
    said = text(each, "load")
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


def test_the_saved_notebook_stays_small_and_holds_no_key(each: NotebookNode) -> None:
    saved = nbformat.writes(each)
    assert len(saved) < 3_000_000
    assert "sk-sandbox" not in saved
    assert "api-key-kling-sandbox" not in saved
    assert not re.search(r"Bearer (?!\{)", saved), "nothing but the code that fills it in"


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


def test_no_real_key_is_used_and_nobody_outside_is_asked(money: Money) -> None:
    """Keys lie in the environment and in ``.env``, and the settings name a real door."""
    hosts = set(money.seen.read_text().split())
    assert "127.0.0.1" in hosts, "the watcher sees the sandbox"
    assert hosts <= {"127.0.0.1", "localhost", "::1"}
    runs = money.place / "kling_runs" / "rehearsal" / "runs.sqlite"
    assert runs.is_file()
    assert not (money.place / "real.sqlite").exists(), "the real log is left alone"
    kept = [path for path in (money.place / "kling_runs").rglob("*") if path.is_file()]
    said = [nbformat.writes(notebook).encode() for notebook in (money.first, money.second)]
    assert [data for data in (*(path.read_bytes() for path in kept), *said) if b"a-real-key" in data] == []


def test_every_door_has_a_column_a_doctor_and_a_body(money: Money) -> None:
    table = outputs(money.first, "doors")[0].data["text/html"]
    bodies = outputs(money.first, "bodies")[0].data["text/html"]
    for door in DOORS:
        assert door.title in table and door.title in bodies
        assert door.name in text(money.first, "doctors")
    assert text(money.first, "doctors").count("✓ access") == len(DOORS)
    assert all(word in bodies for word in ("model_name", "start_image_url", "image_url", "first_frame"))


def test_an_unknown_price_is_said_and_can_be_stated(money: Money) -> None:
    assert "price unknown" in text(money.first, "price-unknown")
    assert "$0.50" in text(money.first, "price-stated")


def test_a_budget_stops_force_and_again(money: Money) -> None:
    for notebook in (money.first, money.second):
        assert "The day budget of 2 units stops this run; nothing was sent." in text(notebook, "refused")
        assert "nothing was sent" in text(notebook, "unpriced")
        assert "succeeded" in text(notebook, "steam")
    assert "-0.0" not in text(money.second, "budget"), "what is overspent leaves nothing, not less"


@pytest.mark.parametrize("cell", ["first", "extend", "slide", "steam", "masks"])
def test_the_second_run_all_is_free(money: Money, cell: str) -> None:
    assert "no charge" not in text(money.first, cell)
    assert "no charge" in text(money.second, cell)


def test_one_charge_a_run_in_spite_of_lost_answers(money: Money) -> None:
    """And the loop of the tutorials pays more often: else the drill would show nothing."""
    assert "8 clips wanted, 14 paid for: 21 units" in text(money.first, "loop")
    assert "8 clips wanted, 8 paid for; this time: 12 units" in text(money.first, "drill")
    assert "8 clips wanted, 8 paid for; this time: 0 units" in text(money.second, "drill")
    for notebook in (money.first, money.second):
        assert "13 runs with a task, 13 of them in the service's books" in text(notebook, "agree")
        assert "other charges than the books say: 0" in text(notebook, "agree")


def test_an_uncertain_run_is_bound_to_its_task(money: Money) -> None:
    assert "uncertain" in text(money.first, "uncertain")
    assert "%kling attach <task id> --run r-" in text(money.first, "uncertain")
    assert "succeeded" in text(money.first, "attach")
    assert "succeeded" in text(money.second, "attach")


def test_only_the_published_delivery_verifies(money: Money) -> None:
    assert "1234567890" in text(money.first, "webhook")
    assert "no signature matches" in text(money.first, "forged")
    assert "its time is too far off" in text(money.first, "replayed")


def test_the_chart_has_a_square_a_charge(money: Money) -> None:
    for notebook in (money.first, money.second):
        assert outputs(notebook, "chart")[0].data["text/html"].count("<rect") == 22


def test_a_pilot_of_two_clips_a_prompt_is_told_to_be_too_small(prompt_tuning: Tuning) -> None:
    said = text(prompt_tuning.notebook, "first-answer")
    assert re.search(r"(Not told apart yet|is better than)", said)
    assert said.count("(2)") == 2
    assert 4 <= int(text(prompt_tuning.notebook, "more")) <= 5


def test_the_clips_of_the_pilot_are_used_again(prompt_tuning: Tuning) -> None:
    assert "4 of 4 done" in text(prompt_tuning.notebook, "pilot")
    said = text(prompt_tuning.notebook, "sweep")
    repeats = int(text(prompt_tuning.notebook, "more"))
    assert f"4 of {4 * repeats} cost nothing: the log has them" in said
    assert f"{4 * repeats} of {4 * repeats} done, 4 reused" in said


def test_the_named_move_comes_closer_and_the_answer_says_how_sure_that_is(prompt_tuning: Tuning) -> None:
    """An interval that reaches zero can happen by chance; that the other prompt leads cannot."""
    for cell in ("answer", "metric"):
        said = text(prompt_tuning.notebook, cell)
        assert re.match("A is better than B|Not told apart yet: A and B", said)
        assert "A: The camera pushes in slowly." in said
        assert re.search(r"\(95 %: [+-]\d+\.\d to \+\d+\.\d\)", said)


def test_votes_find_the_same_prompt_and_decide_by_the_same_letters(prompt_tuning: Tuning) -> None:
    said = text(prompt_tuning.notebook, "votes")
    assert re.search("By 24 votes: (not told apart yet. )?A ?[,i]", said)
    assert "A: The camera pushes in slowly." in said


def test_the_difference_is_shown_word_by_word(prompt_tuning: Tuning) -> None:
    assert "The camera pushes in slowly. " in text(prompt_tuning.notebook, "diff")


def test_what_is_passed_on_opens_alone(prompt_tuning: Tuning) -> None:
    home = prompt_tuning.place / "kling_runs" / "prompt-tuning"
    page = (home / "cats.html").read_text(encoding="utf-8")
    assert page.count("data:video/mp4;base64,") == 4 * int(text(prompt_tuning.notebook, "more"))
    assert str(prompt_tuning.place) not in page
    assert (home / "cats.csv").is_file() and (home / "best.zip").is_file()
    assert "%%kling" in text(prompt_tuning.notebook, "open-capsule")


@pytest.mark.drill
def test_the_second_run_all_pays_for_no_clip_again(prompt_tuning: Tuning) -> None:
    again = executed(TUNING, prompt_tuning.place)
    for cell in ("pilot", "sweep"):
        assert "nothing: the log has all of them" in text(again, cell)
        assert "nothing spent" in text(again, cell)
    for cell in ("answer", "votes", "metric"):
        assert text(again, cell) == text(prompt_tuning.notebook, cell)


def values(notebook: NotebookNode, cell_id: str) -> dict[str, float]:
    """The numbers of a cell that shows the scores of one clip, by their labels."""
    rows = re.findall(r"^  (\w[\w ]*?) +(?:[↓↑=]|→[01]) +(-?[\d.]+)", text(notebook, cell_id), re.MULTILINE)
    return {label: float(value) for label, value in rows}


def test_a_clip_that_does_what_was_asked_has_good_scores(motion_scores: NotebookNode) -> None:
    found = values(motion_scores, "read")
    assert found["path error"] <= 0.1 and found["end error"] <= 0.2
    assert found["gain"] == pytest.approx(1, abs=0.02) and found["direction"] == 1
    assert found["static leak"] < 4 and found["camera drift"] < 0.3
    assert "!" not in text(motion_scores, "read"), "no flag"


@pytest.mark.parametrize(
    ("knob", "flag"),
    [
        ("half the way", "too short"),
        ("backwards", "wrong way"),
        ("leak", "leak"),
        ("flicker", "flickers"),
        ("frozen", "frozen"),
        ("blurred", "blurred"),
        ("camera", "camera"),
    ],
)
def test_what_was_broken_on_purpose_is_flagged(motion_scores: NotebookNode, knob: str, flag: str) -> None:
    rows = text(motion_scores, "table").splitlines()
    (row,) = (row for row in rows if f"knob={knob} " in row)
    assert flag in row.split(f"knob={knob} ")[1]
    (clean,) = (row for row in rows if "knob=as asked " in row)
    assert re.fullmatch(r"[\d.\s—-]+", clean.split("knob=as asked ")[1]), "it has no flag"


def test_the_picture_of_the_sweep_shows_every_clip_and_which_are_hollow(motion_scores: NotebookNode) -> None:
    (shown,) = outputs(motion_scores, "panels")
    told = re.findall("<circle [^>]*><title>([^<]*)", shown.data["text/html"])
    knobs = {each.split(": ")[0] for each in told}
    assert knobs == {
        "as asked",
        "half the way",
        "backwards",
        "leak",
        "flicker",
        "frozen",
        "blurred",
        "camera",
    }
    assert "frozen: 0.00, stands still" in told and "half the way: 0.50" in told
    assert any(each.startswith("blurred: ") and each.endswith(", blurred") for each in told)


def test_the_truth_is_read_back(motion_scores: NotebookNode) -> None:
    said = text(motion_scores, "truth")
    rows = re.findall(r"(\w+) +(-?[\d.]+) +(-?[\d.]+)$", said, re.MULTILINE)
    assert len(rows) == 7
    for score, told, measured in rows:
        near = {"leak": 2.0, "camera_shift_px": 1.0, "camera_roll": 0.1}.get(score, 0.05)
        assert float(measured) == pytest.approx(float(told), abs=near), score


def test_the_camera_is_not_laid_to_the_coins(motion_scores: NotebookNode) -> None:
    clean, carried = re.findall(r"([\d.]+) %, without the camera ([\d.]+) %", text(motion_scores, "own"))
    assert float(carried[0]) > 0.5 > 0.1 > float(carried[1])
    assert clean[0] == clean[1]


def test_a_frozen_clip_leads_the_naive_table_and_loses_the_comparison(motion_scores: NotebookNode) -> None:
    assert "frozen" in text(motion_scores, "cheap").splitlines()[1]
    assert "“frozen” cannot be the best" in text(motion_scores, "frozen")
    assert "no merit of blurred clips" in text(motion_scores, "blurred")


def test_a_piece_of_sky_is_not_measurable_and_says_why(motion_scores: NotebookNode) -> None:
    said = text(motion_scores, "sky")
    assert re.search("sky  not measurable: .+", said)
    assert not {"path error", "gain", "direction"} & set(values(motion_scores, "sky"))


def test_the_asked_camera_move_is_found(motion_scores: NotebookNode) -> None:
    assert values(motion_scores, "camera-scores")["camera direction"] == 1


def test_a_rule_on_scores_ends_the_sweep_before_its_last_clip(motion_scores: NotebookNode) -> None:
    rows = text(motion_scores, "stop").split("gain")[-1].splitlines()[1:]
    assert [row.split()[1:3] for row in rows if row.strip()] == [["0.50", "succeeded"], ["0.98", "succeeded"]]


def test_old_clips_and_clips_from_elsewhere_are_measured(motion_scores: NotebookNode) -> None:
    said = text(motion_scores, "bulk")
    assert "11 of 11, 11 known before" in said and "2 of 2" in said
    assert float(text(motion_scores, "outside")) < 0.1
