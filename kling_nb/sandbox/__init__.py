"""A local Kling: an HTTP server on loopback that speaks every dialect and renders previews."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kling_nb.sandbox.home import SandboxInfo
    from kling_nb.sandbox.launch import find, start, stop

__all__ = ["SandboxInfo", "find", "start", "stop"]


def __getattr__(name: str) -> Any:
    # Whoever only starts a server must not pay for importing one.
    if name == "SandboxInfo":
        from kling_nb.sandbox.home import SandboxInfo  # noqa: PLC0415 - lazy by design

        return SandboxInfo
    if name in __all__:
        from kling_nb.sandbox import launch  # noqa: PLC0415 - lazy by design

        return getattr(launch, name)
    raise AttributeError(name)
