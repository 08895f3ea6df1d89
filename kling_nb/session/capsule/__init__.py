"""Capsules: one finished run with its inputs as a zip file that others open, look at and re-run."""

from __future__ import annotations

from kling_nb.session.capsule.opening import Capsule, open_capsule
from kling_nb.session.capsule.writing import capsule

__all__ = ["Capsule", "capsule", "open_capsule"]
