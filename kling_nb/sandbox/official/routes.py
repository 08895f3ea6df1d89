"""All paths of the official dialect, served or not."""

from __future__ import annotations

from starlette.routing import BaseRoute

from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.official import image2video
from kling_nb.sandbox.official.account import Account
from kling_nb.sandbox.official.siblings import sibling_routes, unknown_path
from kling_nb.sandbox.official.videos import DIALECT, VideoPath, callback_body


def routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return the routes of the dialect, the answer to unknown paths last."""
    sandbox.callback_bodies[DIALECT] = callback_body(sandbox)
    return [
        *VideoPath(sandbox, image2video.PATH, image2video.read_order).routes(),
        *Account(sandbox).routes(),
        *sibling_routes(sandbox),
        unknown_path(sandbox),
    ]
