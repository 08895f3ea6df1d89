"""One linter for widget, magic, sweep and submit: all problems at once (``spec/user-needs.md`` §6)."""

from __future__ import annotations

from kling_nb.domain.lint.facts import LintFacts
from kling_nb.domain.lint.run import lint

__all__ = ["LintFacts", "lint"]
