"""All paths of the official dialect, served or not."""

from __future__ import annotations

from starlette.routing import BaseRoute

from kling_nb.sandbox.core import Sandbox
from kling_nb.sandbox.official import extend, image2video, text2video
from kling_nb.sandbox.official.account import Account
from kling_nb.sandbox.official.new_videos import new_routes
from kling_nb.sandbox.official.recognize import Recognition
from kling_nb.sandbox.official.siblings import sibling_routes, unknown_path
from kling_nb.sandbox.official.task_queries import TaskQueries
from kling_nb.sandbox.official.videos import VideoPath
from kling_nb.sandbox.official.views import DIALECT, callback_body


def routes(sandbox: Sandbox) -> list[BaseRoute]:
    """Return the routes of the dialect, the answer to unknown paths last."""
    sandbox.callback_bodies[DIALECT] = callback_body(sandbox)
    return [
        *VideoPath(sandbox, image2video.PATH, image2video.read_order).routes(),
        *VideoPath(sandbox, text2video.PATH, text2video.read_order).routes(),
        *VideoPath(sandbox, extend.PATH, extend.order_reader(sandbox)).routes(),
        *Recognition(sandbox).routes(),
        *new_routes(sandbox),
        *TaskQueries(sandbox).routes(),
        *Account(sandbox).routes(),
        *sibling_routes(sandbox),
        unknown_path(sandbox),
    ]
