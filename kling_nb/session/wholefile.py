"""Files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from kling_nb.errors import InputError


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a new file beside the target, which takes the target's place when the block ends well.

    Parameters
    ----------
    target
        What shall be there afterwards; its folder is made.

    Raises
    ------
    InputError
        The file cannot be written; an earlier one is still there.
    """
    part = target.with_name(f".{target.name[:100]}.{uuid4().hex[:8]}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(target)
    except OSError as error:
        raise InputError(
            f"{target} cannot be written.",
            f"{error.strerror or error}.",
            "Make room, or choose another place.",
        ) from error
    finally:
        part.unlink(missing_ok=True)
