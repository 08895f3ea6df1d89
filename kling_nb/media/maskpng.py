"""PNG files of masks, written from runs of pixels without ever making the picture.

A mask's rows mostly repeat the row above. With the PNG filter "Up" such rows are zeros, and the whole
picture is a short list of runs of equal bytes. Those are put down as a deflate stream directly: the code
for 258 more equal bytes is two zero bits, so a long run costs an addition and not a pass over its bytes.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kling_nb.domain.runs import Runs
from kling_nb.media.header import PNG_SIGNATURE

Ints = NDArray[np.int64]

UP: Final = 2
"""PNG filter: difference to the row above."""

LONGEST: Final = 258
"""Bytes of the longest match of deflate."""

ADLER: Final = 65521

MANY_RUNS: Final = 24
"""Pixels a run below which a mask counts as noise, where bytes are quicker than runs."""


def runs_to_png(runs: Runs) -> bytes:
    """Return a mask as 8-bit RGB PNG, white on black (``spec/official-api.md`` §5.5)."""
    width, height = runs.size
    noisy = len(runs.edges) * MANY_RUNS > width * height
    body = _deflate_bytes(runs) if noisy else _deflate_runs(runs)
    ihdr = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", ihdr), (b"IDAT", body), (b"IEND", b""))
    return PNG_SIGNATURE + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _deflate_bytes(runs: Runs) -> bytes:
    width, height = runs.size
    rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)
    rows[:, 1:] = np.repeat(runs.bits().view(np.uint8) * np.uint8(255), 3, axis=1)
    return zlib.compress(rows.data, 1)


def _deflate_runs(runs: Runs) -> bytes:
    starts, values = _filtered(runs)
    total = (3 * runs.size[0] + 1) * runs.size[1]
    lengths = np.diff(starts, append=total)
    check = struct.pack(">I", _adler(values, lengths))
    return b"\x78\x01" + _stream(values, lengths) + check


def _filtered(runs: Runs) -> tuple[Ints, Ints]:
    """Return start and value of each run of equal bytes in the filtered picture."""
    width, height = runs.size
    stride = 3 * width + 1
    at, level = _against_row_above(runs)
    first = np.arange(height, dtype=np.int64) * width
    known = np.concatenate([[0], level])
    values = np.concatenate([level, np.full(height, UP), known[np.searchsorted(at, first, side="right")]])
    places = np.concatenate([at // width * stride + 1 + at % width * 3, first * 3 + first // width])
    places = np.concatenate([places, places[len(at) :] + 1])
    # A change at the start of a row is there twice, with the same value.
    places, index = np.unique(places, return_index=True)
    return places, values[index] & 0xFF


def _against_row_above(runs: Runs) -> tuple[Ints, Ints]:
    """Return where the difference to the row above changes, and to what: 255 - 0, 0, or 0 - 255."""
    width, height = runs.size
    sign = np.tile(np.array([255, -255], dtype=np.int64), len(runs.edges) // 2)
    at = np.concatenate([runs.edges, runs.edges + width])
    change = np.concatenate([sign, -sign])
    inside = at < width * height
    order = np.argsort(at[inside], kind="stable")
    at, level = at[inside][order], np.cumsum(change[inside][order])
    last = np.concatenate([at[1:] != at[:-1], [True]])[: len(at)]
    return at[last], level[last]


def _adler(values: Ints, lengths: Ints) -> int:
    """Return the Adler-32 of runs of equal bytes in closed form."""
    before = np.concatenate([[0], np.cumsum(values * lengths)[:-1]]) + 1
    low = (1 + int((values * lengths).sum())) % ADLER
    half = np.where(lengths % 2, (lengths + 1) // 2 % ADLER * lengths, lengths // 2 % ADLER * (lengths + 1))
    high = int(((before % ADLER) * (lengths % ADLER) % ADLER + values * (half % ADLER) % ADLER).sum())
    return (high % ADLER) << 16 | low


def _stream(values: Ints, lengths: Ints) -> bytes:
    """Return the runs as one deflate block with a fixed set of codes.

    Each run is a literal, the rest of its length up to 258, and two zero bits for each further 258 bytes.
    """
    codes = _codes()
    more, rest = np.divmod(lengths - 1, LONGEST)
    first, first_bits = codes.word[values], codes.bits[values]
    # Rests of one and two bytes are too short for a match: the literal again.
    again, again_bits = np.where(rest == 1, first, first | first << first_bits), first_bits * rest
    tail = np.where(rest < 3, np.where(rest == 0, 0, again), codes.match[rest])
    tail_bits = np.where(rest < 3, again_bits, codes.match_bits[rest])
    words = np.concatenate([codes.header, first | tail << first_bits, codes.word[END, None]])
    widths = np.concatenate([codes.header_bits, first_bits + tail_bits, codes.bits[END, None]])
    gaps = np.concatenate([np.zeros_like(codes.header), 2 * more, [0]])
    places = np.concatenate([[0], np.cumsum(widths + gaps)])
    return _packed(words, places[:-1], int(places[-1]))


def _packed(words: Ints, places: Ints, total: int) -> bytes:
    """Put words of at most 32 bits at their places in a stream of bits, lowest bit first."""
    out = np.zeros(total // 32 + 2, dtype=np.uint64)
    slot, shift = places >> 5, (places & 31).astype(np.uint64)
    wide = words.astype(np.uint64) << shift
    heads = np.flatnonzero(np.diff(slot, prepend=-1))
    out[slot[heads]] = np.bitwise_or.reduceat(wide & np.uint64(0xFFFFFFFF), heads)
    out[slot[heads] + 1] |= np.bitwise_or.reduceat(wide >> np.uint64(32), heads)
    return out.astype("<u4").tobytes()[: (total + 7) // 8]


END: Final = 256

_LENGTHS: Final = {0: 3, 1: 5, UP: 5, 255: 5, END: 4, 285: 1} | dict.fromkeys(range(257, 285), 7)
"""Bits of each code. They fill the tree exactly, and the shortest belongs to the commonest: 285, a match of
258 bytes, whose single bit is 0, as is the bit of the only distance."""

_SIZES: Final = (0, 1, 3, 4, 5, 7, 17, 18)
"""Words the table of code lengths itself is written with, three bits each: lengths, and runs of zeros."""

_ORDER: Final = (16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15)
"""Order in which deflate lists those (RFC 1951 §3.2.7)."""


@dataclass(frozen=True)
class _Codes:
    """The codes as numbers to be written lowest bit first, with their widths."""

    word: Ints
    bits: Ints
    match: Ints
    match_bits: Ints
    header: Ints
    header_bits: Ints


@cache
def _codes() -> _Codes:
    canonical = _canonical(_LENGTHS)
    word, bits = np.zeros(286, dtype=np.int64), np.zeros(286, dtype=np.int64)
    for symbol, code in canonical.items():
        word[symbol], bits[symbol] = code, _LENGTHS[symbol]
    match, match_bits = np.zeros(LONGEST, dtype=np.int64), np.zeros(LONGEST, dtype=np.int64)
    for length in range(3, LONGEST):
        symbol, extra, extra_bits = _length_symbol(length)
        # The bit of the distance, 0, stands above the extra bits.
        match[length] = word[symbol] | extra << bits[symbol]
        match_bits[length] = bits[symbol] + extra_bits + 1
    header = _header()
    return _Codes(
        word,
        bits,
        match,
        match_bits,
        np.array([item[0] for item in header], dtype=np.int64),
        np.array([item[1] for item in header], dtype=np.int64),
    )


def _canonical(lengths: Mapping[int, int]) -> dict[int, int]:
    """Return the canonical code of each symbol with its bits reversed (RFC 1951 §3.2.2)."""
    code, before, codes = 0, 0, {}
    for symbol, width in sorted(lengths.items(), key=lambda item: (item[1], item[0])):
        code <<= width - before
        codes[symbol] = int(f"{code:0{width}b}"[::-1], 2)
        code, before = code + 1, width
    return codes


def _length_symbol(length: int) -> tuple[int, int, int]:
    """Return symbol, extra value and number of extra bits of a match length below 258 (RFC 1951 §3.2.5)."""
    if length < 11:
        return 254 + length, 0, 0
    extra_bits = (length - 3).bit_length() - 3
    step = (length - 3) >> extra_bits
    return 257 + 4 * extra_bits + step, (length - 3) & ((1 << extra_bits) - 1), extra_bits


def _header() -> list[tuple[int, int]]:
    """Return the head of the block: last block, own codes, and the table of code lengths."""
    sizes = _canonical(dict.fromkeys(_SIZES, 3))
    fields = [(1, 1), (2, 2), (286 - 257, 5), (0, 5), (len(_ORDER) - 4, 4)]
    fields += [(3 if symbol in _SIZES else 0, 3) for symbol in _ORDER]
    widths = [_LENGTHS.get(symbol, 0) for symbol in range(286)] + [1]
    at = 0
    while at < len(widths):
        zeros = next((n for n, width in enumerate(widths[at:]) if width), len(widths) - at)
        if zeros >= 11:
            taken = min(zeros, 138)
            fields += [(sizes[18], 3), (taken - 11, 7)]
        else:
            taken = 1
            fields.append((sizes[widths[at]], 3))
        at += taken
    return fields
