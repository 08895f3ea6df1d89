"""``asyncio.run()`` inside notebook cells, on request only.

The package itself needs no nesting: it has a loop thread of its own. ``apply()`` of either library
patches Task, Future and the loop class of the whole process; `nest_asyncio` 1.6 on ipykernel 7.1 and
later loses queued widget events and cells, `nest_asyncio2` from 1.7.3 does not.
"""

from __future__ import annotations

import asyncio
from importlib import metadata

from kling_nb.errors import SettingsError

SAFE_NEST_ASYNCIO2 = (1, 7, 3)
UNSAFE_IPYKERNEL = (7, 1)


def enable_nested_asyncio() -> str:
    """Let this notebook's own cells call ``asyncio.run()`` and ``run_until_complete()``.

    Returns
    -------
    str
        Name and version of the library that was applied.

    Raises
    ------
    SettingsError
        If no library is installed, or only one that loses events on this kernel.
    """
    ipykernel = _version("ipykernel")
    unsafe_kernel = ipykernel is not None and ipykernel >= UNSAFE_IPYKERNEL
    if unsafe_kernel and _patched_by_first():
        raise _refusal(
            "nest_asyncio has been applied in this kernel already", "Restart the kernel without it."
        )
    second = _version("nest_asyncio2")
    if second is not None and second >= SAFE_NEST_ASYNCIO2:
        return _apply_second(second)
    first = _version("nest_asyncio")
    if first is None:
        raise SettingsError(
            "asyncio cannot be nested.",
            "nest_asyncio2 is not installed.",
            "Run `%pip install 'nest-asyncio2>=1.7.3'`.",
        )
    if unsafe_kernel:
        raise _refusal(
            f"only nest_asyncio {_dotted(first)} is installed", "Run `%pip install 'nest-asyncio2>=1.7.3'`."
        )
    return _apply_first(first)


def _apply_second(version: tuple[int, ...]) -> str:
    import nest_asyncio2  # noqa: PLC0415 - only when asked for: it patches the process

    nest_asyncio2.apply()
    return f"nest_asyncio2 {_dotted(version)}"


def _apply_first(version: tuple[int, ...]) -> str:
    import nest_asyncio  # noqa: PLC0415 - as above

    nest_asyncio.apply()
    return f"nest_asyncio {_dotted(version)}"


def _patched_by_first() -> bool:
    return hasattr(asyncio, "_nest_patched") and not hasattr(asyncio, "_nest_asyncio2")


def _refusal(reason: str, advice: str) -> SettingsError:
    return SettingsError(
        "asyncio is not nested: this kernel would lose widget events and queued cells.",
        f"On ipykernel 7.1 and later that happens with nest_asyncio 1.6, and {reason}.",
        advice,
    )


def _version(name: str) -> tuple[int, ...] | None:
    try:
        text = metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
    numbers = []
    for part in text.split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        numbers.append(int(digits))
    return tuple(numbers)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
