"""Lay out the reference set of snapping to edges, to be looked at.

    python tests/visual/snap_sheet.py FOLDER [--side 1024]

Red is the rough stroke, white the exact mask, green what snapping made of the stroke; the numbers are the
intersection over union before and after, and the time taken.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "support"))

from snap_reference import Composite, composites, iou

from kling_nb.render.snap import snap_stroke

COLUMNS = 6
TILE = 320


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--side", type=int, default=1024)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    tiles, figures = [], []
    for each in composites(options.side):
        began = time.perf_counter()
        done = snap_stroke(each.picture, each.rough)
        seconds = time.perf_counter() - began
        before, after = iou(each.rough, each.truth), iou(done.mask, each.truth)
        figures.append((before, after, seconds))
        print(f"{each.name:32} {before:.3f} {after:.3f} {seconds * 1000:5.0f} ms {done.reason}")
        tiles.append(tile(each, done.mask, f"{before:.2f} > {after:.3f}  {seconds * 1000:.0f} ms"))
    before, after, seconds = np.mean(figures, axis=0)
    print(f"mean {before:.3f} -> {after:.3f}, {seconds * 1000:.0f} ms at {options.side} x {options.side}")
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    Image.fromarray(np.vstack(rows)).save(options.folder / "sheet-snap.png")


def tile(each: Composite, snapped: np.ndarray, words: str) -> np.ndarray:
    """Draw the three outlines and the figures over a small copy."""
    small = cv2.resize(each.picture, (TILE, TILE), interpolation=cv2.INTER_AREA)
    for mask, colour in (
        (each.rough, (255, 40, 40)),
        (each.truth, (255, 255, 255)),
        (snapped, (60, 255, 60)),
    ):
        reduced = cv2.resize(mask.astype(np.uint8), (TILE, TILE), interpolation=cv2.INTER_AREA)
        outlines, _ = cv2.findContours(reduced, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(small, outlines, -1, colour, 1)
    for text, y in ((each.name, 14), (words, TILE - 8)):
        cv2.putText(small, text, (4, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 3, cv2.LINE_AA)
        cv2.putText(small, text, (4, y), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 120), 1, cv2.LINE_AA)
    return small


if __name__ == "__main__":
    main()
