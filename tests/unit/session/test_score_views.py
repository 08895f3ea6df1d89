"""Scores in words, tables, plots and pictures, and what is said when there is nothing to show."""

from __future__ import annotations

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from clip_shelf import numbered_clip
from made_scores import FRAMES, SIZE, made_scores
from titles import Titles

from kling_nb.domain.scores import BY_NAME, MEASURES, Flag, Scores
from kling_nb.errors import InputError
from kling_nb.score.pictures import leak_picture, sheet, stills
from kling_nb.score.strokes import color_of, dashes
from kling_nb.session.scorepictures import Pictured
from kling_nb.session.scoreplots import curves_plot
from kling_nb.session.scorerows import FLAG_WORDS, GROUPS, MARKS, line_of, number, texts_of
from kling_nb.session.scoretable import ScoreTable
from kling_nb.session.scoreviews import ShownScores, text_of
from kling_nb.session.toldframe import ToldFrame

# --- words --------------------------------------------------------------------------------------------------


def test_every_flag_direction_and_group_has_words() -> None:
    assert set(FLAG_WORDS) == set(get_args(Flag))
    assert {measure.better for measure in MEASURES} == set(MARKS)
    assert {measure.about for measure in MEASURES} == {about for _, group in GROUPS for about in group}


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("path_error", 0.416, "0.42 %"),
        ("camera_roll", -0.001, "0.00 deg"),
        ("camera_roll", -0.01, "-0.01 deg"),
        ("sharpness_decay", 12.4, "12 %"),
        ("gain", None, "—"),
        ("gain", 0.0, "0.00"),
    ],
)
def test_numbers_have_their_digits_and_unit(name: str, value: float | None, text: str) -> None:
    assert number(value, BY_NAME[name]) == text


def test_flags_come_first_and_what_was_not_measured_says_why() -> None:
    shown = text_of(made_scores(), ["Lengthen the path."]).split("\n")
    assert shown[1].startswith("  ! too short: ")
    text = "\n".join(shown)
    assert "path error            ↓   0.42 % (1.5 px)       ●●●●● sure (0.93)" in text
    assert "  end frame PSNR, direction in words: it is too even" in shown
    assert "  boat (2)  not measurable: it is too even" in shown
    assert "end frame match" not in text, "nobody expects it: there is neither a number nor a reason"
    assert text.index("Advice") > text.index("Not measurable")


def test_pixels_stand_beside_the_percentage_and_not_in_a_row_of_their_own() -> None:
    rows = {row.name for _, group in texts_of(made_scores()).groups for row in group}
    assert "path_error" in rows
    assert "path_error_px" not in rows


@pytest.mark.parametrize(
    ("values", "flags", "line"),
    [
        ({"path_error": 0.4, "gain": 0.98, "leak": 1.0}, (), "path error 0.40 % · gain 0.98 · leak none"),
        ({"gain": 0.5, "leak": 20.0}, ("leak",), "gain 0.50 · static leak 20.0 levels"),
        ({"tracked": 0.0}, ("untracked",), "path not measurable"),
        ({"motion": 3.1, "sharpness_decay": 2.0}, (), "motion 3.10 %/s · sharpness lost 2 %"),
        ({"camera_direction": -0.9}, ("camera",), "camera direction -0.90"),
        ({}, (), "nothing could be measured"),
    ],
)
def test_one_line_says_what_matters(values: dict[str, float], flags: tuple[str, ...], line: str) -> None:
    assert line_of(values, flags) == line


def test_scores_of_another_version_say_so() -> None:
    assert "score(again=True)" in " ".join(texts_of(made_scores(version=0)).notes)


# --- as they are shown --------------------------------------------------------------------------------------


def test_shown_scores_are_the_same_scores() -> None:
    plain = made_scores()
    shown = ShownScores.of(plain)
    assert shown == plain
    assert plain == shown
    assert shown != made_scores(version=0)
    assert shown.gain == 0.81
    again = pickle.loads(pickle.dumps(shown))
    assert (again, again.advice) == (shown, shown.advice)
    assert any("leak" in line.lower() for line in shown.advice)


def test_heads_and_rows_tell_their_meaning() -> None:
    titles = Titles(ShownScores.of(made_scores())._repr_html_()).titles
    assert titles["path error"] == BY_NAME["path_error"].meaning
    assert titles["confidence"].startswith("How far the measurement agrees")
    frame = pd.DataFrame([{"id": "r-1", "flags": ("leak",), **made_scores().values}])
    told = Titles(ToldFrame(frame)._repr_html_()).titles
    table = Titles(ScoreTable(frame)._repr_html_()).titles
    for name in ("gain", "leak"):
        assert BY_NAME[name].meaning in told[name]
    assert BY_NAME["gain"].meaning in table["gain →1"]
    assert "id" not in told


def test_a_table_of_runs_names_them_however_they_are_found() -> None:
    values = {"flags": ("frozen",), **made_scores().values}
    by_id = pd.DataFrame([values], index=pd.Index(["r-1"], name="id"))
    assert repr(ScoreTable(by_id)).splitlines()[1].startswith("r-1  frozen ")
    bare = {"id": "r-2", "flags": None, "name": pd.NA, "why": "it has no clip"}
    unmeasured = pd.DataFrame([{**dict.fromkeys(BY_NAME), **bare}])
    assert repr(ScoreTable(unmeasured)).splitlines()[1].split("  ")[:2] == ["r-2", "it has no clip"]
    assert "… and 5 more" in repr(ScoreTable(pd.concat([by_id] * 65)))


def test_one_reason_for_everything_is_told_once() -> None:
    why = dict.fromkeys(BY_NAME, "the file is cut off")
    text = text_of(Scores(1, "c", "d", {}, why=why))
    assert "Not measurable\n  the whole clip: the file is cut off" in text


def test_runs_of_a_sweep_are_told_apart_by_what_varies() -> None:
    """Those that were made before know nothing of it: the sweep's table does."""
    made = {"pull": 0.5, "repeat": 1, "id": "r-1", "name": "coins", "variables": {"pull": 0.5}}
    rows = [{**made, **made_scores().values}, {**made, "pull": 1.0, "id": "r-0", "name": "", "variables": {}}]
    told = [line.split("  ")[0] for line in repr(ScoreTable(pd.DataFrame(rows))).splitlines()[1:]]
    assert told == ["coins, pull=0.5", "r-0, pull=1.0"]
    log = [{name: value for name, value in row.items() if name not in ("pull", "repeat")} for row in rows]
    told = [line.split("  ")[0] for line in repr(ScoreTable(pd.DataFrame(log))).splitlines()[1:]]
    assert told == ["coins, pull=0.5", "r-0"]


# --- plots and pictures -------------------------------------------------------------------------------------


def test_curves_have_gaps_where_nothing_was_measured() -> None:
    scores = made_scores()
    gapped = {**scores.curves, "leak": (1.0, 2.0, None, 3.0, *[4.0] * (FRAMES - 4))}
    svg = curves_plot(made_scores(curves=gapped)).svg
    assert svg.count("<polyline") == 3
    assert "static leak" in svg
    assert "flicker" not in svg
    with pytest.raises(InputError, match="no curves"):
        curves_plot(made_scores(curves={"times": scores.curves["times"]}))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return numbered_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=FRAMES)


def close_to(pixels: np.ndarray, color: Any) -> np.ndarray:
    return (np.abs(pixels.astype(int) - np.array(color)) < 12).all(axis=-1)


def test_stills_have_the_last_frame_even_when_the_file_is_shorter_than_said(clip: Path) -> None:
    assert [index for index, _, _ in stills(clip, [0, 10, 99])] == [0, 10, FRAMES - 1]
    assert [index for index, _, _ in stills(clip, [FRAMES - 1])] == [FRAMES - 1]


def test_the_sheet_shows_the_asked_path_where_it_was_asked(clip: Path) -> None:
    made = made_scores(objects=made_scores().objects[:1])
    image = np.asarray(sheet(clip, made, 1, 1))
    scale = image.shape[1] / SIZE[0]
    found = close_to(image[: round(SIZE[1] * scale)], color_of(0))
    rows, columns = np.nonzero(found)
    assert columns.min() / scale < 60
    assert columns.max() / scale > 220
    middle = rows[np.abs(columns / scale - 140) < 6] / scale
    assert 60 < middle.mean() < 80, "half way the asked path is at its highest"
    bare = np.asarray(sheet(clip, made_scores(objects=()), 1, 1))
    assert not close_to(bare[: round(SIZE[1] * scale)], color_of(0)).any()


def test_the_heat_map_colours_the_static_part_only(clip: Path) -> None:
    image = np.asarray(leak_picture(clip, made_scores())).astype(int)
    height, width = round(SIZE[1] * image.shape[1] / SIZE[0]), image.shape[1]
    colourful = np.ptp(image[:height], axis=2) > 40
    assert not colourful[: height // 2 - 5, : width // 2 - 5].any()
    assert colourful[height // 2 + 5 :, width // 2 + 5 :].mean() > 0.9


def test_dashes_are_even_and_follow_the_line() -> None:
    corner = np.array([[0.0, 0], [30, 0], [30, 30]])
    found = dashes(corner, 10, 5)
    lengths = [np.hypot(*np.diff(dash, axis=0).T).sum() for dash in found]
    assert np.allclose(lengths, 10)
    assert np.allclose(found[2][-1], [30, 10])
    assert dashes(np.zeros((1, 2)), 10, 5) == []


class Handle(Pictured):
    """A run as its pictures see it."""

    def __init__(self, scores: Any, video: Path | None) -> None:
        self._record = SimpleNamespace(id="r-1", form=None, status="processing")
        self._found, self._video = scores, video

    id = "r-1"
    scores = property(lambda self: self._found)
    video = property(lambda self: self._video)


def test_a_picture_that_cannot_be_made_says_what_to_do(clip: Path) -> None:
    with pytest.raises(InputError, match="no clip here") as caught:
        Handle(None, None).score_sheet()
    assert "kn.run('r-1').wait()" in caught.value.advice
    with pytest.raises(InputError, match="not been measured") as caught:
        Handle(None, clip).plot_scores()
    assert "run.score()" in caught.value.advice
    without = made_scores(leak_map=(), why={"leak": "no static mask was asked for"})
    with pytest.raises(InputError, match="no leak to show") as caught:
        Handle(without, clip).leak_picture()
    assert caught.value.why == "No static mask was asked for."


def test_pictures_are_saved_and_read_aloud(clip: Path, tmp_path: Path) -> None:
    picture = Handle(made_scores(), clip).score_sheet(columns=2, rows=1)
    assert picture.jpeg.startswith(b"\xff\xd8")
    assert picture.save(tmp_path / "sheet.png").read_bytes().startswith(b"\x89PNG")
    assert 'alt="Frames of run r-1 with asked paths solid' in picture._repr_html_()
