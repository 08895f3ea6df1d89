"""``%kling pad IMAGE``: the motion pad on a picture."""

from __future__ import annotations

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.context import Context
from kling_nb.magics.pictures import find_picture

DEFAULT_NAME = "pad"


def run(context: Context, arguments: Arguments) -> None:
    """Show a pad and assign it to a variable, ``pad`` unless ``-o`` names another.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        The picture.

    Raises
    ------
    UsageError
        No picture, or more than one word.
    """
    if len(arguments.positional) != 1:
        raise UsageError(
            "%kling pad takes one picture.",
            f"{len(arguments.positional)} words were given.",
            "Write %kling pad boat.jpg, then %%kling boat.jpg --brush pad.",
        )
    from kling_nb.widgets.pad.pad import MotionPad  # noqa: PLC0415 - loads ipycanvas, for those who draw only

    found = find_picture(arguments.positional[0], context.variables)
    if type(found).__name__ == "MotionPad":
        pad = found
    else:
        # A brush carries its picture, and is what the pad begins with.
        brush = found if hasattr(found, "dynamic_masks") else None
        pad = MotionPad(found if brush is None else brush.image, session=context.session)
        if brush is not None:
            pad.load_brush(brush)
    name = arguments.values.get("out") or DEFAULT_NAME
    context.assign(name, pad)
    if context.has_page:
        context.display(pad.bundle())
    else:
        context.say(f"{pad!r} is in the variable {name}; a terminal cannot show it.")
