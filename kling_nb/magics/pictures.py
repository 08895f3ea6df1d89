"""What IMAGE, ``--tail``, ``--freeze`` and ``--brush`` name: a file, a URL or a variable."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kling_nb.domain.nearest import closest
from kling_nb.errors import UsageError
from kling_nb.magics.tokens import Token

_URL = ("http://", "https://", "data:")
_IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"})
# By name, so that none of these libraries has to be imported to ask.
_PICTURE_TYPES = frozenset(
    {"ndarray", "Image", "ImageRef", "MotionPad", "MotionBrush", "Mask", "bytes", "bytearray", "str", "Path"}
)


def is_picture(value: object) -> bool:
    """Whether a variable can be meant as a picture: path, bytes, array, PIL image, pad or brush."""
    names = {cls.__name__ for cls in type(value).__mro__}
    return bool(names & _PICTURE_TYPES)


def is_brush(value: object) -> bool:
    """Whether a variable holds a motion brush: a ``MotionBrush`` or a widget that has one."""
    names = {cls.__name__ for cls in type(value).__mro__}
    return bool(names & {"MotionBrush", "MotionPad"})


def find_picture(token: Token, variables: Mapping[str, Any], what: str = "IMAGE") -> Any:
    """Return what a word of the line means as a picture.

    Parameters
    ----------
    token
        The word. In quotes it is a path or URL, never a variable.
    variables
        The notebook's variables.
    what
        How the place is called, for messages.

    Returns
    -------
    object
        A URL or path as text, or the variable's value.

    Raises
    ------
    UsageError
        Neither file nor variable; a variable that cannot be a picture.
    """
    text = token.text
    if text.startswith(_URL):
        return text
    if not token.quoted and text in variables:
        value = variables[text]
        if is_picture(value):
            if isinstance(value, str | bytes | bytearray) and not value.strip():
                raise _empty(f"The variable {text} is empty.", what)
            return value
        raise UsageError(
            f"The variable {text} cannot be used as {what}.",
            f"Its type is {type(value).__name__}.",
            "Give a path, a URL, or a variable with a path, bytes, an array, a PIL image or a MotionBrush.",
        )
    if not text.strip():
        raise _empty(f"{what} is empty.", what)
    path = Path(text).expanduser()
    if path.exists():
        return str(path)
    raise _nothing_there(text, path, variables, what, quoted=token.quoted)


def _empty(message: str, what: str) -> UsageError:
    without = " For a clip from words alone leave it out." if what == "IMAGE" else ""
    return UsageError(
        message, "Nothing was sent.", f"Give a path, a URL or a variable with a picture.{without}"
    )


def looks_like_picture(text: str, variables: Mapping[str, Any]) -> bool:
    """Whether a line of a prompt is nothing but a picture: a file's name, or a variable that holds one.

    A variable with a text does not count: a word of a prompt may well be the name of one.
    """
    if text.isidentifier() and text in variables:
        return is_picture(variables[text]) and not isinstance(variables[text], str)
    if text.startswith("data:image/"):
        return True
    return " " not in text and Path(text).suffix.lower() in _IMAGE_SUFFIXES


def names_picture(token: Token, variables: Mapping[str, Any]) -> bool:
    """Whether a word is a URL, a picture file that exists, or a variable that can be meant as a picture."""
    text = token.text
    if not token.quoted and text in variables:
        return is_picture(variables[text])
    return text.startswith(_URL) or Path(text).expanduser().is_file()


def _nothing_there(
    text: str, path: Path, variables: Mapping[str, Any], what: str, *, quoted: bool
) -> UsageError:
    named = (
        [] if quoted else [name for name, value in variables.items() if name[0] != "_" and is_picture(value)]
    )
    near = closest(text, [*_files_beside(path), *named])
    why = f"There is no such file in {Path.cwd()}" + ("." if quoted else " and no variable of that name.")
    return UsageError(
        f"{what} {text!r} was not found.",
        why,
        f"Did you mean {near}?"
        if near
        else "Give a path, a URL, or the name of a variable that holds a picture.",
    )


def _files_beside(path: Path) -> Iterable[str]:
    folder = path.parent
    if not folder.is_dir():
        return []
    return [str(entry) for entry in picture_files(folder)]


def picture_files(folder: Path, limit: int = 200) -> list[Path]:
    """List the pictures of a folder, for suggestions and completion; at most ``limit`` entries."""
    try:
        entries = sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in _IMAGE_SUFFIXES)
    except OSError:
        return []
    return entries[:limit]


def find_brush(name: str, variables: Mapping[str, Any]) -> Any:
    """Return the motion brush a variable holds, that of a run, or a saved one.

    Raises
    ------
    UsageError
        No such variable, or it holds something else; the run has none.
    """
    if name not in variables and (kept := _kept_brush(name)) is not None:
        return kept
    if name not in variables:
        brushes = [known for known, value in variables.items() if known[0] != "_" and is_brush(value)]
        near = closest(name, brushes) or (brushes[0] if brushes else None)
        raise UsageError(
            f"--brush {name}: there is no variable called {name}.",
            "A motion brush is drawn or built in Python and passed by the name of its variable.",
            f"Did you mean {near}?" if near else f'Build one first: {name} = kn.MotionBrush("boat.jpg")…',
        )
    value = variables[name]
    if not is_brush(value):
        raise UsageError(
            f"--brush {name}: the variable does not hold a motion brush.",
            f"Its type is {type(value).__name__}.",
            "A brush is a kn.MotionBrush (or a pad that was drawn on).",
        )
    return value


def _kept_brush(name: str) -> Any:
    """Return the brush of a run or of a file; None when the word is neither."""
    from kling_nb.session import MotionBrush, default_session  # noqa: PLC0415 - most cells have no brush

    if name.lower().startswith("r-"):
        brush = default_session().run(name).brush
        if brush is None:
            raise UsageError(
                f"--brush {name}: the run has no motion brush.",
                "It was made without one.",
                "Leave the option out, or name a run that has one.",
            )
        return brush
    return MotionBrush.load(name) if Path(name).suffix in (".zip", ".json") else None
