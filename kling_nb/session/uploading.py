"""Local pictures for services that take addresses only: a function of the user's puts them somewhere public.

Nothing is ever uploaded to a third party by itself (``spec/gateways.md`` §2.6). The function is called right
before the request leaves, and the address it returns is written into the run log first.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from kling_nb.errors import NotSent, UsageError
from kling_nb.transport.connection import no_trust_context
from kling_nb.transport.reach import is_loopback

if TYPE_CHECKING:
    from kling_nb.domain.images import ImageRef
    from kling_nb.domain.request import VideoRequest
    from kling_nb.session.doors import SandboxAddress

Uploader = Callable[[bytes, str], str]
"""Takes the bytes of a picture and a file name, returns a public http(s) address."""

UPLOADS: Final = "uploads"
"""Key in ``options``: digest of a picture -> the address it was sent under."""

_FIELDS: Final = ("image", "image_tail")
_PENDING: Final = "https://address-of-the-upload.invalid"
_UPLOAD_S: Final = 60.0

_lock = threading.Lock()
_registered: list[Uploader] = []


def set_uploader(uploader: Uploader | None) -> None:
    """Register the function that puts local pictures at a public address, for all sessions of this process.

    Parameters
    ----------
    uploader
        Called as ``uploader(data, name)`` with the bytes of a JPEG or PNG and a file name such as
        ``3f2a….png``; returns an http(s) address the service can load. None takes it back.

    Examples
    --------
    >>> import kling_nb as kn
    >>> def to_my_bucket(data: bytes, name: str) -> str:
    ...     return f"https://pictures.example/{name}"  # after storing it there
    >>> kn.set_uploader(to_my_bucket)
    >>> kn.set_uploader(None)
    """
    if uploader is not None and not callable(uploader):
        raise UsageError(
            f"{uploader!r:.60} is no uploader.",
            "It is called with the bytes and the name of a picture, and returns an address.",
            "Give a function, or None to take it back.",
        )
    with _lock:
        _registered[:] = [] if uploader is None else [uploader]


def registered_uploader() -> Uploader | None:
    """Return the function of :func:`set_uploader`, None without one."""
    with _lock:
        return _registered[0] if _registered else None


def pending(request: VideoRequest) -> VideoRequest:
    """Return a request whose local pictures stand at made-up addresses, for looking at what would be sent."""
    return addressed(request, {digest: f"{_PENDING}/{name}" for digest, name, _ in local_pictures(request)})


def local_pictures(request: VideoRequest) -> list[tuple[str, str, bytes]]:
    """Return digest, file name and bytes of each picture that has no address, each once."""
    found: dict[str, tuple[str, str, bytes]] = {}
    for field in _FIELDS:
        image: ImageRef | None = getattr(request, field)
        if image is not None and image.url is None and image.data is not None and image.sha256:
            extension = "jpg" if image.format == "JPEG" else "png"
            found[image.sha256] = (image.sha256, f"{image.sha256[:32]}.{extension}", image.data)
    return list(found.values())


def addressed(request: VideoRequest, addresses: Mapping[str, str]) -> VideoRequest:
    """Return a request with addresses in place of the pictures they stand for; sizes are kept."""
    changes = {}
    for field in _FIELDS:
        image: ImageRef | None = getattr(request, field)
        if image is not None and image.url is None and (url := addresses.get(image.sha256 or "")):
            changes[field] = replace(image, url=url, data=None)
    return request.model_copy(update=changes) if changes else request


async def upload(uploader: Uploader | None, request: VideoRequest, *, local: bool) -> dict[str, str]:
    """Put the local pictures of a request at addresses; on the background loop.

    Parameters
    ----------
    uploader
        Called on a thread of its own, once a picture.
    request
        What is about to be sent.
    local
        Whether the service runs on this machine, and so can load from it.

    Returns
    -------
    dict
        Digest of each picture to its address.

    Raises
    ------
    NotSent
        There is no uploader, or it failed; nothing was sent to the service.
    """
    addresses = {}
    for digest, name, data in local_pictures(request):
        if uploader is None:
            raise _failed("no uploader is registered", "Register one with kn.set_uploader(…)")
        try:
            url = await asyncio.to_thread(uploader, data, name)
        except Exception as error:
            raise _failed(f"the uploader raised {type(error).__name__}: {error}") from error
        if problem := _unusable(url, local=local):
            raise _failed(f"the uploader returned {problem}")
        addresses[digest] = url
    return addresses


def sandbox_uploader(info: Callable[[], SandboxAddress]) -> Uploader:
    """Return the uploader of the local server: it keeps the pictures itself.

    Parameters
    ----------
    info
        Returns where the server is now.
    """

    def put(data: bytes, name: str) -> str:
        where = info()
        answer = httpx.post(
            f"{where.url}/sandbox/uploads",
            content=data,
            headers={
                "Authorization": f"Bearer {where.api_key}",
                "Content-Type": "image/jpeg" if name.endswith(".jpg") else "image/png",
            },
            timeout=_UPLOAD_S,
            trust_env=False,
            # Reading the machine's certificates takes longer than the upload.
            verify=no_trust_context() if where.url.startswith("http:") else True,
        )
        answer.raise_for_status()
        return str(answer.json()["url"])

    return put


def _unusable(url: object, *, local: bool) -> str:
    """Return why an address cannot be used, empty when it can."""
    if not isinstance(url, str):
        return f"a {type(url).__name__} instead of an address"
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isprintable() or " " in url:
        return "something that is no http(s) address"
    if not local and is_loopback(parts.hostname):
        return "an address of this machine, which the service cannot load"
    return ""


def _failed(why: str, advice: str = "Correct the uploader") -> NotSent:
    return NotSent(
        "The picture could not be put at an address.",
        f"This service takes no local pictures, and {why}. Nothing was sent, nothing was charged.",
        f"{advice}, then resume the run: %kling resume.",
    )
