"""``%kling vary RUN --cfg-scale 0.7``: an earlier run with something changed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.call import call_of
from kling_nb.magics.choosing import one_run
from kling_nb.magics.context import Context
from kling_nb.magics.generate import common_request, make
from kling_nb.session.rerun import keywords_of, varied

if TYPE_CHECKING:
    from kling_nb.magics.waiting import Waiting


def run(context: Context, arguments: Arguments) -> Waiting | None:
    """Send the changed request and show its card; what is not named stays as it was.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        A run or its variable, options of ``%%kling``, and another prompt.

    Raises
    ------
    UsageError
        No run is named.
    RequestRefused
        The changed request has blocking findings; nothing was sent.
    """
    if not arguments.positional:
        raise UsageError(
            "Which run shall be varied?",
            "%kling vary needs a run.",
            "Write e.g. %kling vary r-… --cfg-scale 0.7, or with another prompt behind it.",
        )
    source = one_run(context, arguments.positional[0].text)
    # The first word is a run here, not a picture.
    call = replace(call_of(arguments), image=None, source=None)
    changes = common_request(context, call) | ({"prompt": call.prompts[0]} if call.prompts[0] else {})
    request = varied(keywords_of(source.record, context.session.inputs), changes)
    forced = bool(request.pop("force", False))
    return make(context, replace(call, force=call.force or forced), [request])
