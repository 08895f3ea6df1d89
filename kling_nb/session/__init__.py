"""The session: submit, follow, resume, look at runs. No IPython, no widgets."""

from __future__ import annotations

from kling_nb.providers.messages import catalogue as explanations
from kling_nb.providers.messages import explain
from kling_nb.session.brushes import MotionBrush
from kling_nb.session.build import Prepared
from kling_nb.session.choice import provider_names
from kling_nb.session.default import default_session, set_default_session
from kling_nb.session.facade import Session
from kling_nb.session.masks import Masks
from kling_nb.session.preview import Preview
from kling_nb.session.records import Label
from kling_nb.session.run import Run

__all__ = [
    "Label",
    "Masks",
    "MotionBrush",
    "Prepared",
    "Preview",
    "Run",
    "Session",
    "default_session",
    "explain",
    "explanations",
    "provider_names",
    "set_default_session",
]
