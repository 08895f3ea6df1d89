"""kling_nb: the prompt lab for Kling image-to-video in Jupyter.

Importing this package loads nothing else; each name below is loaded when it is first used.

>>> import kling_nb as kn
>>> run = kn.submit("boat.jpg", "the boat drifts left")  # doctest: +SKIP
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kling_nb.domain import paths, shapes
    from kling_nb.domain.brush import Mask
    from kling_nb.domain.camera import CameraControl
    from kling_nb.domain.request import VideoRequest
    from kling_nb.domain.sweep_plan import vary
    from kling_nb.domain.task import RunStatus
    from kling_nb.domain.trajectory import Trajectory
    from kling_nb.errors import KlingError
    from kling_nb.magics import load_ipython_extension
    from kling_nb.session import MotionBrush, Run, Session, default_session
    from kling_nb.session.capsule.opening import open_capsule
    from kling_nb.session.capsule.writing import capsule
    from kling_nb.session.export import export
    from kling_nb.session.functions import (
        attach,
        blind,
        budget,
        check,
        cost,
        diff,
        discard,
        doctor,
        extend,
        keep,
        masks,
        models,
        note,
        plan_sweep,
        plot,
        preview,
        ranking,
        rate,
        resume,
        run,
        runs,
        score,
        spent,
        submit,
        summary,
        sweep,
        sweep_of,
        sweeps,
        tag,
        undecide,
        undo_judgement,
        unfinished,
        untag,
        which_is_better,
    )
    from kling_nb.session.prices import prices
    from kling_nb.session.scoretable import score_table
    from kling_nb.session.tables import table
    from kling_nb.session.tracking import to_mlflow
    from kling_nb.session.uploading import set_uploader
    from kling_nb.session.webhook import verify_webhook
    from kling_nb.settings import configure
    from kling_nb.transport.nested import enable_nested_asyncio
    from kling_nb.widgets.composer import Composer, compose
    from kling_nb.widgets.gallery.functions import compare, gallery, grid
    from kling_nb.widgets.login import login, logout
    from kling_nb.widgets.pad.pad import MotionPad
    from kling_nb.widgets.report.functions import report

__version__ = "0.1.0"

__all__ = [
    "CameraControl",
    "Composer",
    "KlingError",
    "Mask",
    "MotionBrush",
    "MotionPad",
    "Run",
    "RunStatus",
    "Session",
    "Trajectory",
    "VideoRequest",
    "attach",
    "blind",
    "budget",
    "capsule",
    "check",
    "compare",
    "compose",
    "configure",
    "cost",
    "default_session",
    "diff",
    "discard",
    "doctor",
    "enable_nested_asyncio",
    "export",
    "extend",
    "gallery",
    "grid",
    "keep",
    "load_ipython_extension",
    "login",
    "logout",
    "masks",
    "models",
    "note",
    "open_capsule",
    "paths",
    "plan_sweep",
    "plot",
    "preview",
    "prices",
    "ranking",
    "rate",
    "report",
    "resume",
    "run",
    "runs",
    "score",
    "score_table",
    "set_uploader",
    "shapes",
    "spent",
    "submit",
    "summary",
    "sweep",
    "sweep_of",
    "sweeps",
    "table",
    "tag",
    "to_mlflow",
    "undecide",
    "undo_judgement",
    "unfinished",
    "untag",
    "vary",
    "verify_webhook",
    "which_is_better",
]

_FUNCTIONS = "kling_nb.session.functions"

_HOMES = {
    "CameraControl": "kling_nb.domain.camera",
    "Composer": "kling_nb.widgets.composer",
    "VideoRequest": "kling_nb.domain.request",
    "KlingError": "kling_nb.errors",
    "Mask": "kling_nb.domain.brush",
    "MotionBrush": "kling_nb.session",
    "MotionPad": "kling_nb.widgets.pad.pad",
    "Run": "kling_nb.session",
    "RunStatus": "kling_nb.domain.task",
    "Session": "kling_nb.session",
    "Trajectory": "kling_nb.domain.trajectory",
    "compare": "kling_nb.widgets.gallery.functions",
    "compose": "kling_nb.widgets.composer",
    "configure": "kling_nb.settings",
    "default_session": "kling_nb.session",
    "enable_nested_asyncio": "kling_nb.transport.nested",
    "gallery": "kling_nb.widgets.gallery.functions",
    "grid": "kling_nb.widgets.gallery.functions",
    "load_ipython_extension": "kling_nb.magics",
    "login": "kling_nb.widgets.login",
    "logout": "kling_nb.widgets.login",
    "unload_ipython_extension": "kling_nb.magics",
    "prices": "kling_nb.session.prices",
    "set_uploader": "kling_nb.session.uploading",
    "vary": "kling_nb.domain.sweep_plan",
    "verify_webhook": "kling_nb.session.webhook",
    "capsule": "kling_nb.session.capsule.writing",
    "export": "kling_nb.session.export",
    "open_capsule": "kling_nb.session.capsule.opening",
    "report": "kling_nb.widgets.report.functions",
    "score_table": "kling_nb.session.scoretable",
    "table": "kling_nb.session.tables",
    "to_mlflow": "kling_nb.session.tracking",
    **dict.fromkeys(
        (
            "attach",
            "blind",
            "budget",
            "check",
            "cost",
            "diff",
            "discard",
            "doctor",
            "extend",
            "keep",
            "masks",
            "models",
            "note",
            "plan_sweep",
            "plot",
            "preview",
            "ranking",
            "rate",
            "resume",
            "run",
            "runs",
            "spent",
            "submit",
            "summary",
            "sweep",
            "sweep_of",
            "sweeps",
            "tag",
            "undecide",
            "undo_judgement",
            "unfinished",
            "untag",
            "which_is_better",
        ),
        _FUNCTIONS,
    ),
}

_MODULES = {
    "paths": "kling_nb.domain.paths",
    "score": "kling_nb.score",
    "shapes": "kling_nb.domain.shapes",
}


def __getattr__(name: str) -> Any:
    """Load the module that holds a public name on first use (PEP 562)."""
    home = _HOMES.get(name) or _MODULES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if (warmup := sys.modules.get("kling_nb.magics.warmup")) is not None:
        # Two threads that import the same package at once can see halves of it.
        warmup.finish_begun()
    module = import_module(home)
    value = module if name in _MODULES else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Score(ModuleType):
    """The package that measures; called, it measures."""

    def __call__(self, runs: Any = None, **options: Any) -> Any:
        """Measure the clips of many runs as a table, or one video outside the log.

        Parameters
        ----------
        runs, **options
            As for :meth:`Session.score`, and ``session``.
        """
        return import_module(_FUNCTIONS).score(runs, **options)


class _Package(ModuleType):
    """The package itself: its function ``score`` and its subpackage ``score`` are one thing.

    Whoever imports a subpackage makes it an attribute here; a function of that name would be gone after the
    first measurement.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name == "score" and isinstance(value, ModuleType):
            value.__class__ = _Score
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
