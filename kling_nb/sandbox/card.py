"""The picture of a clip made from text alone: the prompt on a gradient (``spec/sandbox.md`` §10)."""

from __future__ import annotations

import colorsys
import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
Size = tuple[int, int]

TEXT_WIDTH = 0.78
TEXT_HEIGHT = 0.62
LARGEST_TEXT = 0.11
SMALLEST_TEXT = 0.035
LINE_HEIGHT = 1.32
LONGEST_LINE = 400
"""Letters that fit into no line."""
GLOWS = 3
NO_WORDS = "(no prompt)"
MISSING = "\uffff"
PROBE = 24
FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "PingFang.ttc",
    "msyh.ttc",
)
"""Tried in this order for words the built-in font has no letters for."""


def text_card(prompt: str, size: Size, seed: int) -> NDArray[np.uint8]:
    """Draw the prompt on a gradient whose colours follow the seed.

    Parameters
    ----------
    prompt
        What to write; too long a text ends in an ellipsis.
    size
        (width, height) pixels.
    seed
        Chooses the colours: the same request looks the same.

    Returns
    -------
    ndarray
        (height, width, 3) uint8 RGB.
    """
    card = Image.fromarray(_background(size, random.Random(seed)))  # noqa: S311 - colours, no secret
    font, lines, step = _layout(" ".join(prompt.split()) or NO_WORDS, size)
    draw = ImageDraw.Draw(card, "RGBA")
    shift = max(1, round(step * 0.04))
    top = (size[1] - step * len(lines)) / 2 + step * 0.1
    for row, line in enumerate(lines):
        place = (size[0] / 2, top + row * step)
        shadow = (place[0] + shift, place[1] + shift)
        draw.text(shadow, line, fill=(0, 0, 0, 110), font=font, anchor="ma")
        draw.text(place, line, fill=(255, 255, 255, 240), font=font, anchor="ma")
    return np.asarray(card, dtype=np.uint8)


def _background(size: Size, chance: random.Random) -> NDArray[np.uint8]:
    width, height = size
    xs, ys = np.meshgrid(np.linspace(0, 1, width), np.linspace(0, 1, height))
    hue = chance.random()
    first, last = _color(hue, 0.62, 0.42), _color(hue + chance.uniform(0.1, 0.2), 0.7, 0.16)
    across = (0.35 * xs + 0.65 * ys)[..., None]
    pixels = first * (1 - across) + last * across
    # Soft lights give camera moves something to show besides the words.
    for _ in range(GLOWS):
        x, y, reach = chance.random(), chance.random(), chance.uniform(0.12, 0.3)
        distance = (((xs - x) * width) ** 2 + ((ys - y) * height) ** 2) / (reach * max(size)) ** 2
        glow = np.exp(-2 * distance)[..., None] * chance.uniform(0.25, 0.5)
        pixels += glow * _color(hue + chance.uniform(-0.12, 0.12), 0.5, 0.75)
    grain = np.random.default_rng(chance.getrandbits(32)).normal(0, 1.2, (height, width, 1))
    rounded: NDArray[np.uint8] = np.clip(np.rint(pixels + grain), 0, 255).astype(np.uint8)
    return rounded


def _color(hue: float, saturation: float, value: float) -> NDArray[np.float64]:
    return np.array(colorsys.hsv_to_rgb(hue % 1, saturation, value)) * 255


def _layout(text: str, size: Size) -> tuple[Font, list[str], float]:
    """Return the largest font in which the text fits, its lines and the distance between them."""
    width, height = size
    face, pixels = _face(text), LARGEST_TEXT * min(size)
    while True:
        font = ImageFont.truetype(face, pixels) if face else ImageFont.load_default(pixels)
        step = pixels * LINE_HEIGHT
        room = max(1, int(TEXT_HEIGHT * height / step))
        lines = _lines(text, font, TEXT_WIDTH * width, room + 1)
        if len(lines) <= room:
            return font, lines, step
        if pixels <= SMALLEST_TEXT * min(size):
            return font, [*lines[: room - 1], f"{lines[room - 1][:-3]}..."], step
        pixels *= 0.9


def _face(text: str) -> str:
    """Return the file of the first font with all letters of the text, empty for the built-in one."""
    if text.isascii() or _covers(ImageFont.load_default(PROBE), text):
        return ""
    for name in FONTS:
        try:
            if _covers(ImageFont.truetype(name, PROBE), text):
                return name
        except OSError:
            continue
    return ""


def _covers(font: Font, text: str) -> bool:
    """Whether the font draws every letter as something else than its sign for a missing one."""
    missing = bytes(font.getmask(MISSING))
    return all(bytes(font.getmask(letter)) != missing for letter in set(text) if letter.isalnum())


def _lines(text: str, font: Font, width: float, most: int) -> list[str]:
    """Break a text into at most so many lines; the rest is left out."""
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}".strip()
        if font.getlength(joined[:LONGEST_LINE]) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        # A word wider than the card is broken anywhere; some scripts have no spaces at all.
        for letter in word:
            if lines[-1] and font.getlength(lines[-1] + letter) > width:
                lines.append("")
            if len(lines) > most:
                return lines[:most]
            lines[-1] += letter
    return lines
