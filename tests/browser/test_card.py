"""The card in each of its states in the browser: running, stopped, failed, refused, beside a busy kernel."""

from __future__ import annotations

import nbformat
import pytest

pytestmark = pytest.mark.browser

HEAD = "%load_ext kling_nb\nfrom skimage import data\ncat = data.chelsea()"
CELL = "%%kling cat --model kling-v2-6 --mode std --duration 5\n"


WRITE_DOWN = """(node) => {
  window.said = [];
  new MutationObserver(() => said.push(node.textContent)).observe(node, {childList: true});
}"""


@pytest.fixture
def notebook(lab, open_notebook):
    """A notebook with these code cells after the usual first one, which has been run."""

    def write(name: str, *cells: str):
        sources = [HEAD, *cells]
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])
        made.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
        # A folder each: a run log and a sandbox of their own.
        (lab.folder / name).mkdir()
        nbformat.write(made, lab.folder / name / f"{name}.ipynb")
        page = open_notebook(f"{name}/{name}.ipynb")
        page.run(0)
        return page

    return write


def test_running_card_shows_time_and_poster_and_can_be_left_alone(notebook) -> None:
    page = notebook("running", CELL + "The cat turns its head [[sandbox:slow:600]]")
    page.run(1)
    card = page.wait_status(1, "processing")
    shown = card.wait_for_selector(".kn-poster")
    assert shown is not None and shown.evaluate("(img) => img.decode().then(() => img.naturalWidth)") > 0
    assert ":" in card.query_selector(".kn-time").inner_text()
    page.picture("card-processing", 1)
    card.query_selector(".kn-stop").click()
    card.wait_for_selector(".kn-follow", state="visible")
    page.picture("card-not-followed", 1)
    card.query_selector(".kn-follow").click()
    card.wait_for_selector(".kn-stop", state="visible")


def test_failed_card_gives_the_reason_of_the_service(notebook) -> None:
    page = notebook("failed", CELL + "The cat turns its head [[sandbox:async:risk]]")
    page.run(1)
    card = page.wait_status(1, "failed")
    assert "risk control" in card.inner_text()
    page.picture("card-failed", 1)


def test_refused_request_is_three_lines_and_no_card(notebook) -> None:
    page = notebook("refused", CELL.replace("duration 5", "duration 7") + "The cat turns its head")
    text = page.run(1)
    assert "duration" in text
    assert len(page.wait_seen(1, "duration").strip().splitlines()) <= 3
    page.picture("card-refused", 1)


BUSY = """import pathlib, time
while not pathlib.Path("go-on").exists():
    time.sleep(0.05)
print("went on")"""


def test_the_card_goes_on_while_other_cells_run(notebook, lab) -> None:
    """The kernel is busy in a long cell and the card still comes to its end."""
    page = notebook("busy", CELL + "The cat blinks slowly", BUSY)
    page.run(1)
    page.start(2)
    page.wait_status(1, "succeeded")
    assert page.text(2) == ""
    (lab.folder / "busy" / "go-on").touch()
    page.wait_seen(2, "went on")


def test_parameters_and_python_can_be_opened(notebook) -> None:
    page = notebook("details", CELL + "The cat blinks slowly")
    page.run(1)
    card = page.wait_measured(1)
    for part in (".kn-params summary", ".kn-code summary", ".kn-cell summary"):
        card.query_selector(part).click()
    text = card.inner_text()
    assert "%%kling" in text
    assert "model: kling-v2-6" in text
    assert "kling-v2-6" in text
    assert "kn.submit(" in text
    page.picture("card-details", 1)


def test_prompts_are_shown_as_text_never_as_markup(notebook) -> None:
    page = notebook("markup", CELL + '<img src=x onerror="window.owned=true"><b>bold</b> cat')
    page.run(1)
    card = page.wait_status(1, "succeeded")
    assert "<b>bold</b>" in card.inner_text()
    assert page.page.evaluate("() => window.owned === undefined")


def test_a_lost_answer_says_where_to_look_and_gives_the_line(notebook) -> None:
    cell = "%%kling https://me.example/cat.png -m kling-v2-6 -p sandbox-acedata\n"
    page = notebook("lost", cell + "The cat jumps [[sandbox:drop-after]]")
    page.run(1)
    card = page.wait_status(1, "uncertain")
    check = card.wait_for_selector(".kn-check")
    assert check is not None
    # A rehearsal is not to be found in the vendor's console.
    place = check.query_selector("a")
    assert place.inner_text() == "Look for the task at /sandbox/tasks of the local sandbox"
    assert place.get_attribute("href") is None
    line = check.query_selector("code").inner_text()
    assert line.startswith("%kling attach <task id> --run r-")
    # Where the page may not write to the clipboard the line is selected instead. What the button says lasts a
    # moment: it is written down, however late this test looks.
    button = check.query_selector("button")
    button.evaluate(WRITE_DOWN)
    button.click()
    came = "(line) => said.includes('Copied') || String(getSelection()) === line"
    page.page.wait_for_function(came, arg=line)
    assert not card.query_selector(".kn-follow").is_visible(), "nothing can be asked for"
    page.picture("card-lost", 1)
