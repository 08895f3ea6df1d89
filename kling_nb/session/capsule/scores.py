"""Scores in a capsule: those of its own clip, read with suspicion like everything else of a stranger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from kling_nb.domain.scores import BY_NAME, FLAGS, SCORE_VERSION, UNREADABLE, ObjectScores, Scores

MAX_POINTS: Final = 2000
MAX_OBJECTS: Final = 20
MAX_WORDS: Final = 100
MAX_TEXT: Final = 500

IMPORTED: Final = "These numbers came with the capsule; run.score(again=True) measures the clip here."


def scores_of(found: Any, clip_sha256: str) -> Scores | None:
    """Return the scores that a capsule tells of its clip.

    Parameters
    ----------
    found
        What its ``capsule.json`` says.
    clip_sha256
        Digest of its video.

    Returns
    -------
    Scores or None
        None where there are none, they are of another clip, or they are not what scores can be: a clip can
        be measured again.
    """
    if not isinstance(found, dict) or found.get("clip_sha256") != clip_sha256:
        return None
    try:
        return _read(found)
    except UNREADABLE:
        return None


def _read(row: Mapping[str, Any]) -> Scores:
    version, frames = int(row["version"]), int(row["frames"])
    width, height = row["size"]
    # One of a later version could never be replaced by what is measured here.
    if not (0 < version <= SCORE_VERSION and frames >= 0 and min(int(width), int(height)) >= 0):
        raise ValueError("no version, or no clip")
    flags = [flag for flag in FLAGS if flag in _some(row["flags"], len(FLAGS))]
    notes = [note for note in map(_text, _some(row["notes"], MAX_WORDS)) if note != IMPORTED]
    return Scores(
        version,
        str(row["clip_sha256"]),
        _text(row["asked_digest"]),
        _numbers(row["values"]),
        confidence={name: value for name, value in _numbers(row["confidence"]).items() if value is not None},
        why={_text(name): _text(why) for name, why in list(row["why"].items())[:MAX_WORDS]},
        flags=tuple(flags),
        objects=tuple(map(_object, _some(row["objects"], MAX_OBJECTS))),
        size=(int(width), int(height)),
        fps=float(row["fps"]),
        frames=frames,
        duration_s=float(row["duration_s"]),
        curves={_text(name): _row(each) for name, each in list(row["curves"].items())[:MAX_OBJECTS]},
        leak_map=tuple(map(_row, _some(row["leak_map"], MAX_WORDS))),
        notes=(*notes, IMPORTED),
    )


def _object(row: Mapping[str, Any]) -> ObjectScores:
    return ObjectScores(
        _text(row["label"]),
        _numbers(row["values"]),
        float(row["confidence"]),
        why=_text(row["why"]),
        method=_text(row["method"]),
        asked=_places(row["asked"]),
        measured=_places(row["measured"]),
        times=tuple(float(time) for time in _some(row["times"], MAX_POINTS)),
    )


def _numbers(row: Mapping[str, Any]) -> dict[str, float | None]:
    found = dict(row)
    return {name: None if found[name] is None else float(found[name]) for name in BY_NAME if name in found}


def _places(rows: Any) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in _some(rows, MAX_POINTS))


def _row(values: Any) -> tuple[float | None, ...]:
    return tuple(None if value is None else float(value) for value in _some(values, MAX_POINTS))


def _some(values: Any, most: int) -> list[Any]:
    if not isinstance(values, list) or len(values) > most:
        raise ValueError("no list, or one that is too long")
    return values


def _text(value: Any) -> str:
    return str(value)[:MAX_TEXT]
