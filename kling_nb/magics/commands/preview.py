"""``%kling preview IMAGE``: a local video of the motion, the same as ``%kling IMAGE --preview``."""

from __future__ import annotations

from dataclasses import replace

from kling_nb.magics.arguments import Arguments
from kling_nb.magics.call import call_of
from kling_nb.magics.context import Context
from kling_nb.magics.generate import generate


def run(context: Context, arguments: Arguments) -> None:
    """Render and show the motion; spends nothing.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        What ``%kling IMAGE`` takes.
    """
    generate(context, replace(call_of(arguments), preview=True, wait=False, dry_run=False))
