"""Render every feature over real photographs and lay the frames out to be looked at.

    python tests/visual/contact_sheets.py FOLDER [--long-side 960] [--only brush] [--docs notebooks/images]

One sheet per feature: a row per photograph, evenly spaced frames from the first to the last.  The first
frame of a brush row shows the masks and paths that were asked for.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from photographs import BRUSH, CAMERA, DEFAULT, STATIC, Shape, picture
from PIL import Image

from kling_nb.render import CameraMove, MaskMotion, RenderPlan, preview_size, render_frames
from kling_nb.render.endframe import end_frame

FRAMES = 25
COLUMNS = 5
SHEET_WIDTH = 1500
MAX_BYTES = 200_000
COLOURS = ((255, 80, 40), (40, 200, 255), (120, 255, 80))

Row = tuple[str, RenderPlan, np.ndarray]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--long-side", type=int, default=960)
    parser.add_argument("--only", choices=sorted(FEATURES))
    parser.add_argument("--full", action="store_true", help="also write single frames at full size")
    parser.add_argument("--docs", type=Path, help="folder for four small sheets of the documentation")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for name, rows in FEATURES.items():
        if options.only in (None, name):
            write_feature(name, rows(options.long_side), options)


def write_feature(name: str, rows: Iterator[Row], options: argparse.Namespace) -> None:
    strips = []
    for title, plan, overlay in rows:
        shown = list(render_frames(plan))
        chosen = [shown[round(i)] for i in np.linspace(0, len(shown) - 1, COLUMNS)]
        if options.full:
            for index in (1, len(shown) // 2, len(shown) - 1):
                Image.fromarray(shown[index]).save(
                    options.folder / f"{name}-{Path(title).stem}-{index:02d}.png"
                )
        strips.append(strip([drawn(chosen[0], overlay), *chosen[1:]]))
        print(f"{name:12} {title}")
    whole = np.vstack(strips)
    Image.fromarray(whole).save(options.folder / f"sheet-{name}.png")
    if options.docs and name in DOCUMENTED:
        options.docs.mkdir(parents=True, exist_ok=True)
        chosen_strips = [strips[i] for i in DOCUMENTED[name]]
        write_small(np.vstack(chosen_strips), options.docs / f"sheet-{name}.jpg")


def strip(pictures: list[np.ndarray]) -> np.ndarray:
    """Scale frames to one row of the sheet."""
    width = SHEET_WIDTH // len(pictures)
    height = round(width * pictures[0].shape[0] / pictures[0].shape[1])
    small = [cv2.resize(p, (width - 4, height - 4), interpolation=cv2.INTER_AREA) for p in pictures]
    framed = [cv2.copyMakeBorder(p, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(255, 255, 255)) for p in small]
    return np.hstack(framed)


def drawn(frame: np.ndarray, overlay: np.ndarray) -> np.ndarray:
    """Put outlines and paths (alpha in the fourth channel) over a frame."""
    if not overlay.size:
        return frame
    alpha = overlay[:, :, 3:] / 255
    return (frame * (1 - alpha) + overlay[:, :, :3] * alpha).astype(np.uint8)


def write_small(sheet: np.ndarray, target: Path) -> None:
    """Write a JPEG of at most 200 KB."""
    image = Image.fromarray(sheet)
    for quality in range(88, 40, -6):
        image.save(target, "JPEG", quality=quality, optimize=True, progressive=True)
        if target.stat().st_size <= MAX_BYTES:
            return


def base(name: str, long_side: int, **values: object) -> tuple[np.ndarray, RenderPlan]:
    photo = picture(name)
    width, height = preview_size(photo.shape[1], photo.shape[0], long_side)
    plan = RenderPlan(photo, width, height, fps=24, frames=FRAMES, seed=7, **values)  # type: ignore[arg-type]
    return photo, plan


def asked(photo: np.ndarray, plan: RenderPlan, shapes: list[Shape], frozen: np.ndarray | None) -> np.ndarray:
    """Draw what was asked for: regions, paths with an arrow, the static mask in blue."""
    overlay = np.zeros((plan.height, plan.width, 4), np.uint8)
    scale = plan.width / photo.shape[1]
    thick = max(2, plan.width // 300)
    if frozen is not None:
        big = cv2.resize(frozen.astype(np.uint8), (plan.width, plan.height))
        overlay[big > 0] = (60, 110, 255, 90)
    for index, shape in enumerate(shapes):
        colour = (*COLOURS[index % len(COLOURS)], 255)
        mask = cv2.resize(shape.mask(*photo.shape[:2]).astype(np.uint8), (plan.width, plan.height))
        outlines, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(overlay, outlines, -1, colour, thick)
        points = (np.array(shape.path) * scale).round().astype(int)
        for start, end in pairwise(points):
            cv2.line(overlay, start.tolist(), end.tolist(), colour, thick)
        cv2.arrowedLine(overlay, points[-2].tolist(), points[-1].tolist(), colour, thick, tipLength=0.3)
    return overlay


def motions(photo: np.ndarray, shapes: list[Shape]) -> tuple[MaskMotion, ...]:
    size = photo.shape[:2]
    return tuple(MaskMotion(s.mask(*size), np.array(s.path, float)) for s in shapes)


def brush_rows(long_side: int) -> Iterator[Row]:
    for name, shapes in BRUSH.items():
        photo, plan = base(name, long_side, motions=motions(picture(name), shapes))
        yield name, plan, asked(photo, plan, shapes, None)


def static_rows(long_side: int) -> Iterator[Row]:
    for name, (outline, shapes) in STATIC.items():
        frozen = Shape(outline, []).mask(*picture(name).shape[:2])
        photo, plan = base(name, long_side, motions=motions(picture(name), shapes), static_mask=frozen)
        yield name, plan, asked(photo, plan, shapes, frozen)


def camera_rows(long_side: int) -> Iterator[Row]:
    for name, values in CAMERA.items():
        move = CameraMove(values) if isinstance(values, str) else CameraMove(**values)
        _, plan = base(name, long_side, camera=move)
        yield name, plan, np.zeros(0)


def end_rows(long_side: int) -> Iterator[Row]:
    """Pairs: three in which objects alone have moved, four of one scene, two that do not belong together."""
    for name in ("rocket", "coins", "coffee"):
        moved = end_frame(picture(name), motions(picture(name), BRUSH[name]))
        photo, plan = base(name, long_side, tail=moved)
        yield f"{name}-moved", plan, asked(photo, plan, BRUSH[name], None)
    for name, change in RELATED.items():
        _, plan = base(name, long_side, tail=change(picture(name)))
        yield f"{name}-related", plan, np.zeros(0)
    for name, other in (("astronaut", "chelsea"), ("rocket", "coffee")):
        _, plan = base(name, long_side, tail=picture(other))
        yield f"{name}-{other}", plan, np.zeros(0)


def default_rows(long_side: int) -> Iterator[Row]:
    for name, prompt in DEFAULT.items():
        _, plan = base(name, long_side, prompt=prompt)
        yield name, plan, np.zeros(0)


def _zoomed(photo: np.ndarray) -> np.ndarray:
    height, width = photo.shape[:2]
    matrix = cv2.getRotationMatrix2D((width * 0.45, height * 0.4), 4, 1.22)
    return cv2.warpAffine(
        photo, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )


def _shifted(photo: np.ndarray) -> np.ndarray:
    height, width = photo.shape[:2]
    return cv2.resize(photo[height // 12 :, : -width // 12], (width, height), interpolation=cv2.INTER_CUBIC)


def _evening(photo: np.ndarray) -> np.ndarray:
    return (_zoomed(photo) * np.array([0.75, 0.62, 0.8])).astype(np.uint8)


def _other_eye(photo: np.ndarray) -> np.ndarray:
    """The right picture of the stereo pair: a really different view of the same scene."""
    return picture("motorcycle_right.png")


RELATED: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "coffee": _zoomed,
    "chelsea": _shifted,
    "rocket": _evening,
    "motorcycle_left.png": _other_eye,
}
FEATURES: dict[str, Callable[[int], Iterator[Row]]] = {
    "brush": brush_rows,
    "static": static_rows,
    "camera": camera_rows,
    "end-frame": end_rows,
    "default": default_rows,
}
DOCUMENTED = {
    "brush": [0, 1, 2, 4],
    "camera": [0, 2, 3, 4],
    "end-frame": [0, 1, 2, 5, 7],
    "static": [1, 2, 3, 4],
}

if __name__ == "__main__":
    main()
