"""Whatever a prompt, a message, an id or a name says: in every view it is text, never part of the page."""

from __future__ import annotations

import ast
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from made_scores import made_scores
from PIL import Image

from kling_nb.domain.problems import Problem, Severity
from kling_nb.domain.task import RunStatus
from kling_nb.errors import KlingError, TaskFailed
from kling_nb.magics import dryrun
from kling_nb.magics.commands import provider
from kling_nb.runlog import frames
from kling_nb.session import Session
from kling_nb.session.diffing import diff_of
from kling_nb.session.doctor import DoctorLine, DoctorReport
from kling_nb.session.doortable import DoorRow
from kling_nb.session.plots import bars, dots, spans
from kling_nb.session.preview import Preview
from kling_nb.session.rankings import VoteRanking
from kling_nb.session.scorepanels import scores_plot
from kling_nb.session.scorepictures import ScorePicture
from kling_nb.session.scoreplots import curves_plot
from kling_nb.session.scoretable import ScoreTable
from kling_nb.session.sweep_views import html_of as sweep_html
from kling_nb.session.sweep_views import text_of as sweep_text
from kling_nb.session.toldframe import ToldFrame
from kling_nb.session.verdicts import Group, Verdict
from kling_nb.stats import rank
from kling_nb.widgets.card import RunCard
from kling_nb.widgets.clip import clip_bundle
from kling_nb.widgets.composer import Composer
from kling_nb.widgets.gallery.items import Surroundings
from kling_nb.widgets.gallery.sheet import sheet_html
from kling_nb.widgets.masks import masks_bundle
from kling_nb.widgets.pad.pad import MotionPad
from kling_nb.widgets.report.clips import Clips
from kling_nb.widgets.report.page import page
from kling_nb.widgets.report.rows import row_of
from kling_nb.widgets.report.sums import Groups
from kling_nb.widgets.wall.static import static_wall

PACKAGE = Path(__file__).resolve().parents[3] / "kling_nb"

PAYLOADS = [
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    '"><svg onload=window.hit=1>',
    "' onmouseover='window.hit=1",
    '" autofocus onfocus="window.hit=1',
    "</pre></td></table><iframe srcdoc='<script>parent.hit=1</script>'>",
    "</style><style>*{display:none}",
    "--><!--<script>window.hit=1</script>",
    "<a href=javascript:window.hit=1>click</a>",
    "[click](javascript:window.hit=1) ![x](x)",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
    "$\\href{javascript:window.hit=1}{click}$",
    "{{constructor.constructor('window.hit=1')()}}",
    "\u202e<script>\u2028window.hit=1",
    "<scr\0ipt>window.hit=1</scr\0ipt>",
    "\x1b]8;;javascript:window.hit=1\x07click\x1b]8;;\x07",
]
HARMLESS = "harmless"


class Structure(HTMLParser):
    """Tags and names of attributes as a page would build them; values of attributes that matter."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple[str, ...]]] = []
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.comments: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(sorted(name for name, _ in attrs))))
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "poster")]

    def handle_data(self, data):
        self.text.append(data)

    def handle_comment(self, data):
        self.comments.append(data)


def record_of(text):
    """Every column that somebody else can write to."""
    return {
        "prompt": text,
        "negative_prompt": text,
        "model_name": text,
        "mode": text,
        "provider": text,
        "service_status": text,
        "task_id": text,
        "video_id": text,
        "external_task_id": text,
        "name": text,
        "tags": (text, text),
        "note": text,
        "notices": (text,),
        "image_source": text,
        "error_code": text,
        "error_message": text,
        "callback_url": text,
        "camera_control": {"type": text, "config": {}},
    }


def failed_run(studio, text):
    run = studio.run(RunStatus.FAILED, **record_of(text))
    run.settle(TaskFailed(text, text, text, service_message=text))
    return run


def running_run(studio, text):
    run = studio.run(**record_of(text))
    run.set_message(text)
    run.add_notice(text)
    return run


def finished_run(studio, text):
    return studio.finished(**record_of(text))


def card(run):
    return RunCard(run)._bundle()["text/html"]


def dry_run(text):
    prepared = SimpleNamespace(
        blocking=[],
        provider=text,
        reason=text,
        cost=text,
        problems=[Problem("X1", Severity.WARNING, "prompt", text, text)],
        body=lambda: {text: text},
        request=SimpleNamespace(form="text2video"),
    )
    return dryrun._as_html(prepared)


def clip(tmp_path, text):
    folder = tmp_path / (text.replace("/", "_").replace("\0", "_")[:60] or "x")
    folder.mkdir(exist_ok=True)
    (folder / "clip.mp4").write_bytes(b"film")
    return clip_bundle(folder / "clip.mp4", notebook_folder=tmp_path, caption=text)["text/html"]


def preview(tmp_path, text):
    (tmp_path / "p.mp4").write_bytes(b"film")
    made = Preview(tmp_path / "p.mp4", text, clip=text, reason=text)
    return made._repr_mimebundle_()["text/html"]


def pad(tmp_path, text):
    path = tmp_path / (text.replace("/", "_").replace("\0", "_")[:60] + ".png")
    Image.fromarray(np.zeros((320, 400, 3), np.uint8)).save(path)
    made = MotionPad(path)
    try:
        return made.bundle()["text/html"]
    finally:
        made.close()


def sheet(tmp_path, text):
    (tmp_path / "clip.mp4").write_bytes(b"film")
    record = SimpleNamespace(poster_path=None, video_path="clip.mp4")
    scores = {"flags": [(text, text)], "line": text}
    item = {"id": text, "status": text, "model": text, "rating": 3, "prompt": text, "scores": scores}
    pivot = {"cells": {text: [0, 0]}, "rows": text, "cols": text, "row_labels": [text], "col_labels": [text]}
    around = Surroundings(tmp_path, None, 0)
    return sheet_html([item], {text: record}, around, tmp_path, {"pivot": pivot})


def masks(text):
    bits = np.zeros((320, 400), bool)
    picture = Image.fromarray(np.zeros((320, 400, 3), np.uint8))
    return masks_bundle(picture, {text: bits}, text.replace("\u2028", " "))["text/html"]


def doors(text):
    row = DoorRow(text, text, chosen=True, key=text, makes=text, brush=text, price=text, advice=text)
    return provider.as_html([row])


def form(tmp_path, text):
    with Session(provider="sandbox", home=tmp_path / "home") as session:
        made = Composer(None, text, session=session, negative_prompt=text)
        made.settle()
        try:
            return made.bundle()["text/html"]
        finally:
            made.close()


def runs_table(text):
    row = record_of(text) | {"id": text, "status": "failed", "tags": [text], "notices": [text]}
    values = [[row.get(name) for name in frames.FRAME_COLUMNS]]
    return ToldFrame(frames.build(values))._repr_html_()


def report(studio, tmp_path, text):
    rows = [
        row_of(run, Clips("link", 0, tmp_path), 1, metadata=True, scores=made_scores(text, text))
        for run in (failed_run(studio, text), finished_run(studio, text))
    ]
    return page(text, rows, [(text, text)], Groups(text, [[text] * 8]), [text])


def difference(studio, text):
    return diff_of(failed_run(studio, "other"), finished_run(studio, text))._repr_html_()


def verdict(text):
    groups = (Group(text, (text,), (1.0, 2.0), 0), Group("A", (text,), (4.0,), 1))
    return Verdict("rating", (text,), groups, (), (text,))._repr_html_()


def vote_ranking(text):
    conditions = {"left": (text,), "right": ("other",)}
    counted = rank([("left", "right", "left")] * 3, conditions)
    names = {(text,): "A", ("other",): text}
    return VoteRanking(text, (text,), names, counted, 3, 1)._repr_html_()


def plots(text):
    made = [
        bars([(text, 1, 1, 1, text)], text),
        dots([(text, (1.0,), 1.0, (0.0, 2.0)), (text, (), 0.0, (0.0, 0.0))], text),
        spans([(text, 0.5, (0.0, 1.0), text)], text, (0.0, 1.0)),
    ]
    return "".join(plot._repr_html_() for plot in made)


class Swept(SimpleNamespace):
    """A sweep of two runs, one of them still waiting."""

    def __repr__(self):
        return sweep_text(self)


def swept(studio, text):
    plan = SimpleNamespace(axes={text: [text]}, variables=[{text: text}], dropped=[])
    entries = [SimpleNamespace(id=text, cell=0, repeat=1), SimpleNamespace(id=text, cell=0, repeat=2)]
    pairs = list(zip(entries, (finished_run(studio, text), None), strict=True))
    return Swept(id=text, name=text, state="stopped", reason=text, progress=text, plan=plan, pairs=pairs)


def wall(studio, tmp_path, text):
    scores = {"flags": [(text, text)], "line": text}
    cards = [{"id": text, "label": text, "kind": text, "status": text, "repeat": 2, "scores": scores}] * 2
    return static_wall(swept(studio, text), cards, tmp_path, None)


def measured_run(studio, text):
    run = studio.finished(**record_of(text))
    run.set_scores(made_scores(text, text))
    return run


def score_picture(text):
    return ScorePicture(Image.new("RGB", (8, 8)), text)._repr_html_()


def score_table(text):
    row = {"id": text, "name": text, "prompt": text, "why": text, "flags": (text,), "gain": 0.5}
    return ScoreTable(pd.DataFrame([row, row | {"flags": ()}]))._repr_html_()


def score_panels(text):
    # Long enough to get a legend, whatever the text is.
    long = f"{text}, said at some length so that no column has room for it"
    frame = pd.DataFrame({"knob": [long, f"{long} again"], "gain": [0.5, 1.0]})
    return scores_plot(frame, "knob", text)._repr_html_()


VIEWS = {
    "scores": lambda studio, tmp, text: measured_run(studio, text).scores._repr_html_(),
    "scores over time": lambda studio, tmp, text: curves_plot(made_scores(text), text)._repr_html_(),
    "scores of a sweep": lambda studio, tmp, text: score_panels(text),
    "score picture": lambda studio, tmp, text: score_picture(text),
    "score table": lambda studio, tmp, text: score_table(text),
    "static card, measured": lambda studio, tmp, text: card(measured_run(studio, text)),
    "diff": lambda studio, tmp, text: difference(studio, text),
    "which is better": lambda studio, tmp, text: verdict(text),
    "ranking": lambda studio, tmp, text: vote_ranking(text),
    "plots": lambda studio, tmp, text: plots(text),
    "sweep": lambda studio, tmp, text: sweep_html(swept(studio, text)),
    "wall": wall,
    "static card, failed": lambda studio, tmp, text: card(failed_run(studio, text)),
    "static card, running": lambda studio, tmp, text: card(running_run(studio, text)),
    "static card, finished": lambda studio, tmp, text: card(finished_run(studio, text)),
    "run": lambda studio, tmp, text: failed_run(studio, text)._repr_html_(),
    "run, running": lambda studio, tmp, text: running_run(studio, text)._repr_html_(),
    "doctor": lambda studio, tmp, text: DoctorReport((DoctorLine(text, None, text, text),))._repr_html_(),
    "dry run": lambda studio, tmp, text: dry_run(text),
    "clip": lambda studio, tmp, text: clip(tmp, text),
    "gallery": lambda studio, tmp, text: sheet(tmp, text),
    "masks": lambda studio, tmp, text: masks(text),
    "doors": lambda studio, tmp, text: doors(text),
    "composer": lambda studio, tmp, text: form(tmp, text),
    "preview": lambda studio, tmp, text: preview(tmp, text),
    "pad": lambda studio, tmp, text: pad(tmp, text),
    "runs()": lambda studio, tmp, text: runs_table(text),
    "report": report,
    "models()": lambda studio, tmp, text: pd.DataFrame({text: [text]})._repr_html_(),
}


WITHOUT_PRICES = {
    *("pad", "runs()", "models()", "doctor", "report", "plots", "diff", "scores over time"),
    # The words are those of the picture, not of the page.
    "score picture",
}


@pytest.fixture(autouse=True)
def wide(monkeypatch, tmp_path):
    monkeypatch.setenv("KLING_NB_HOME", str(tmp_path / "home"))
    with pd.option_context("display.max_columns", None, "display.max_colwidth", None):
        yield


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("view", VIEWS)
def test_a_page_is_built_alike_whatever_the_texts_say(studio, tmp_path, view, payload):
    harmless = Structure(VIEWS[view](studio, tmp_path, HARMLESS))
    hostile = Structure(VIEWS[view](studio, tmp_path, payload))
    assert hostile.tags == harmless.tags
    assert hostile.comments == []
    assert not any(address.strip().lower().startswith("javascript") for address in hostile.addresses)
    shown = "".join(hostile.text)
    assert "\x1b" not in shown or view in ("runs()", "models()")


@pytest.mark.parametrize("view", sorted(set(VIEWS) - WITHOUT_PRICES))
def test_no_formulas_are_looked_for(studio, tmp_path, view):
    """Notebook pages turn text between dollar signs into formulas, prices in prompts too."""
    html = VIEWS[view](studio, tmp_path, "from $5 to $6")
    assert html[: html.index(">")].count("mathjax_ignore") == 1
    assert "from $5 to $6" in "".join(Structure(html).text)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_lines_of_errors_do_nothing_to_a_terminal(payload):
    lines = KlingError(payload, f"a\r\x08{payload}", f"\x9b31m{payload}").lines()
    assert len(lines) == 3
    assert all(character.isprintable() or character in "\t\n\u2028" for character in "".join(lines))


def test_scripts_write_texts_as_texts():
    """No part of the front end builds a page out of a text."""
    for path in PACKAGE.rglob("*.js"):
        script = path.read_text(encoding="utf-8")
        for way in (
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
        ):
            assert way not in script, f"{path.name}: {way}"
        assert "srcdoc" not in script


KINDS = {"text/html", "text/markdown", "text/latex", "image/svg+xml", "application/javascript"}
METHODS = {f"_repr_{kind}_" for kind in ("html", "markdown", "svg", "javascript", "latex")}


def test_every_place_that_makes_html_is_in_the_table():
    """A new view has to be added here."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            kind = isinstance(node, ast.Constant) and node.value in KINDS
            method = isinstance(node, ast.FunctionDef) and node.name in METHODS
            if kind or method:
                found.add(path.relative_to(PACKAGE).as_posix())
    assert found == {
        "session/preview.py",
        "session/doctor.py",
        "session/run.py",
        "magics/commands/provider.py",
        "magics/dryrun.py",
        "widgets/pad/pad.py",
        "widgets/clip.py",
        "widgets/masks.py",
        "widgets/card.py",
        "widgets/gallery/widget.py",
        "widgets/composer.py",
        "widgets/wall/widget.py",
        "session/diffing.py",
        "session/svg.py",
        "session/rankings.py",
        "session/sweep.py",
        "session/verdicts.py",
        "session/scoreviews.py",
        "session/scoretable.py",
        "session/toldframe.py",
        "session/scorepictures.py",
        # What the plots make.
        "magics/commands/summary.py",
        # What the tables of scores make.
        "magics/commands/score.py",
    }
