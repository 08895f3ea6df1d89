"""Brushes in folders and zip files."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import kling_nb as kn
from kling_nb.errors import InputError, MediaError, RequestRefused

SIZE = (400, 300)


def drawn() -> kn.MotionBrush:
    return (
        kn.MotionBrush(size=SIZE)
        .dynamic(kn.shapes.circle((50, 50), 20), [(50, 50), (300.25, 60), (390, 299)], label="Boot ✓")
        .dynamic(np.eye(300, 400) > 0, [(5, 5), (100, 50)], units="wire")
        .dynamic("https://example.com/m.png", [(n * 3, -5) for n in range(120)], ease="in")
        .static(kn.shapes.stroke([(1, 1), (300, 5)], 9), label="shore")
    )


def test_what_is_no_brush_is_refused_in_three_lines(tmp_path: Path) -> None:
    (tmp_path / "picture.zip").write_bytes(b"not a zip")
    for path in (tmp_path, tmp_path / "nothing.zip", tmp_path / "picture.zip", tmp_path / "x" / "brush.json"):
        with pytest.raises(InputError) as refused:
            kn.MotionBrush.load(path)
        assert len(refused.value.lines()) == 3


def description(**values: object) -> str:
    row = {"format": "kling_nb motion brush", "version": 1, "size": [4, 3]}
    return json.dumps(row | {"dynamic_masks": [], "static_mask": None} | values)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        "{}",
        '{"format": "kling_nb motion brush", "version": 1}',
        description(version=99),
        description(size=["a", 2]),
        description(dynamic_masks=[7]),
        description(static_mask={"file": "../../secret.png"}),
        description(static_mask={"file": "missing.png"}),
        "[" * 100_000,
    ],
    ids=range(11),
)
def test_broken_descriptions_are_refused_in_three_lines(tmp_path: Path, text: str) -> None:
    (tmp_path / "brush.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as refused:
        kn.MotionBrush.load(tmp_path)
    assert len(refused.value.lines()) == 3
    assert str(tmp_path) in refused.value.what


def test_a_mask_that_is_no_picture_is_refused(tmp_path: Path) -> None:
    drawn().save(tmp_path)
    (tmp_path / "mask-1.png").write_bytes(b"\x89PNG broken")
    with pytest.raises(MediaError):
        kn.MotionBrush.load(tmp_path)


def test_a_mask_of_another_ratio_is_refused(tmp_path: Path) -> None:
    drawn().save(tmp_path)
    Image.new("L", (300, 300)).save(tmp_path / "mask-1.png")
    with pytest.raises(RequestRefused, match="ratios differ"):
        kn.MotionBrush.load(tmp_path)


@pytest.mark.parametrize("name", ["folder", "brush.zip", "new/deep/brush.zip"])
def test_a_saved_brush_comes_back(tmp_path: Path, name: str) -> None:
    brush = drawn()
    assert brush.save(tmp_path / name) == tmp_path / name
    back = kn.MotionBrush.load(tmp_path / name)
    assert back == brush
    assert back.to_python() == brush.to_python()
    for one, other in zip(brush.dynamic_masks, back.dynamic_masks, strict=True):
        assert one.trajectory.notes == other.trajectory.notes


def test_equal_brushes_are_equal_files(tmp_path: Path) -> None:
    drawn().save(tmp_path / "a.zip")
    kn.MotionBrush.load(tmp_path / "a.zip").save(tmp_path / "b.zip")
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    drawn().save(tmp_path / "folder")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        for name in archive.namelist():
            assert archive.read(name) == (tmp_path / "folder" / name).read_bytes()
    assert not list(tmp_path.rglob("*.part"))


def test_masks_are_pictures_that_other_programs_may_edit(tmp_path: Path) -> None:
    drawn().save(tmp_path)
    picture = Image.open(tmp_path / "mask-1.png").convert("RGB")
    picture.paste((255, 255, 255), (200, 200, 220, 220))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    (tmp_path / "mask-1.png").write_bytes(buffer.getvalue())
    mask = kn.MotionBrush.load(tmp_path).dynamic_masks[0].mask
    assert mask.array is not None and mask.array[210, 210] and mask.array[50, 50]
    assert mask.shape is None, "the drawing no longer tells what the picture shows"


def test_a_brush_takes_up_its_picture_again(tmp_path: Path) -> None:
    Image.new("RGB", (800, 600), (9, 9, 9)).save(tmp_path / "large.png")
    Image.new("RGB", (500, 500)).save(tmp_path / "square.png")
    drawn().save(tmp_path / "b.zip")
    brush = kn.MotionBrush.load(tmp_path / "b.zip", tmp_path / "large.png")
    assert brush.size == (800, 600)
    assert brush.image is not None and brush.image.size == (800, 600)
    assert f"kn.MotionBrush('{tmp_path / 'large.png'}')" in brush.to_python()
    with pytest.raises(RequestRefused, match="ratios differ"):
        kn.MotionBrush.load(tmp_path / "b.zip", tmp_path / "square.png")
    stretched = kn.MotionBrush.load(tmp_path / "b.zip").refit(tmp_path / "square.png", fit="stretch")
    assert stretched.size == (500, 500)


def test_the_code_of_a_brush_on_a_picture_runs(tmp_path: Path) -> None:
    Image.new("RGB", SIZE, (9, 9, 9)).save(tmp_path / "boat.png")
    brush = kn.MotionBrush(tmp_path / "boat.png").dynamic(kn.shapes.circle((50, 50), 20), [(50, 50), (99, 9)])
    names: dict[str, kn.MotionBrush] = {}
    exec(brush.to_python(), names)
    assert names["brush"] == brush
    assert names["brush"].image == brush.image


def test_the_description_is_readable(tmp_path: Path) -> None:
    drawn().save(tmp_path)
    row = json.loads((tmp_path / "brush.json").read_text(encoding="utf-8"))
    assert row["size"] == [400, 300]
    assert row["dynamic_masks"][0]["label"] == "Boot ✓"
    assert row["dynamic_masks"][0]["mask"]["file"] == "mask-1.png"
