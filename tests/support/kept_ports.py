"""Ports that Jupyter has chosen for its kernels stay theirs until the kernels are gone.

``jupyter_client`` looks for free ports, lets go of them, and starts a kernel that takes them seconds later:
whatever asks for any free port meanwhile may be given one of them, and the kernel dies. Here they are kept.
Bound and not listened on, they are given to nobody by chance; the kernel may take them nevertheless, because
both sides share addresses (``SO_REUSEADDR``, which ZeroMQ sets).
"""

from __future__ import annotations

import socket
import sys

from jupyter_client.connect import LocalPortCache

_kept: dict[int, socket.socket] = {}


def keep() -> None:
    """Keep the ports of all kernels that this process starts from now on."""
    # Elsewhere two sockets do not share an address that easily.
    if sys.platform == "linux":
        LocalPortCache.find_available_port = _find  # type: ignore[method-assign]
        LocalPortCache.return_port = _give_back  # type: ignore[method-assign]


def _find(_cache: LocalPortCache, ip: str) -> int:
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind((ip, 0))
    port = int(kept.getsockname()[1])
    _kept[port] = kept
    return port


def _give_back(_cache: LocalPortCache, port: int) -> None:
    if (kept := _kept.pop(port, None)) is not None:
        kept.close()
