"""What the legacy API does not know although its successor or another form does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from kling_nb.domain.capabilities import NEW_ONLY
from kling_nb.domain.problems import Problem, Severity
from kling_nb.providers.official_body import WORDS_ONLY

if TYPE_CHECKING:
    from kling_nb.domain.request import VideoRequest


def findings(request: VideoRequest) -> list[Problem]:
    """Return what keeps a request from the legacy API beyond the tables of the linter.

    Parameters
    ----------
    request
        Any request.
    """
    return [*_generation(request), *_extension(request)]


def _generation(request: VideoRequest) -> Iterator[Problem]:
    model = request.model_name
    if model in NEW_ONLY:
        fix = 'use provider="official-new" (needs an API key)'
        yield Problem("L01", Severity.ERROR, "model_name", f"{model} is served by the new API only", fix)


def _extension(request: VideoRequest) -> Iterator[Problem]:
    if request.form != "extend" or request.model_name not in WORDS_ONLY:
        return
    for name, given in (
        ("negative_prompt", bool(request.negative_prompt)),
        ("cfg_scale", request.cfg_scale is not None),
    ):
        if given:
            message = f"clips of {request.model_name} are made longer by a prompt alone; {name} is never sent"
            yield Problem("L01", Severity.ERROR, name, message, f"drop {name}", forceable=False)
