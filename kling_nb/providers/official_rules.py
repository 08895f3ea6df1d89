"""What the legacy API does not know although its successor does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kling_nb.domain.capabilities import NEW_ONLY
from kling_nb.domain.problems import Problem, Severity

if TYPE_CHECKING:
    from kling_nb.domain.request import VideoRequest


def findings(request: VideoRequest) -> list[Problem]:
    """Return what the legacy API has to say beyond the tables of the linter.

    Parameters
    ----------
    request
        Any request.
    """
    model = request.model_name
    if model not in NEW_ONLY:
        return []
    fix = 'use provider="official-new" (needs an API key)'
    return [Problem("L01", Severity.ERROR, "model_name", f"{model} is served by the new API only", fix)]
