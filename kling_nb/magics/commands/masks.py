"""``%kling masks PICTURE``: masks that the service proposes, shown over the picture."""

from __future__ import annotations

from kling_nb.errors import UsageError
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.choosing import refuse_words
from kling_nb.magics.context import Context
from kling_nb.magics.pictures import find_picture

DEFAULT_NAME = "masks"


def run(context: Context, arguments: Arguments) -> None:
    """Say the price, ask for the masks, show them and assign them to a variable.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        The picture; ``-o`` names the variable, ``--again`` pays once more for masks that are known.

    Raises
    ------
    UsageError
        No picture is named.
    """
    if not arguments.positional:
        raise UsageError(
            "%kling masks takes one picture.",
            "None was given.",
            "Write %kling masks boat.jpg; then %kling pad boat.jpg, or brush.dynamic(masks['object'], path).",
        )
    refuse_words(arguments, "%kling masks PICTURE [-o NAME]", allowed=1)
    picture = find_picture(arguments.positional[0], context.variables, "PICTURE")
    picture = getattr(picture, "image", picture) if hasattr(picture, "brush") else picture
    found = context.session.masks(
        picture,
        provider=arguments.values.get("provider"),
        again=arguments.flag("again"),
        told=context.say,
    )
    name = arguments.values.get("out") or DEFAULT_NAME
    context.assign(name, found)
    first = next(iter(found), None)
    use = f"{name}[{first!r}] is a mask: brush.dynamic({name}[{first!r}], path)" if first else ""
    if not context.has_page:
        context.say(f"{found!r}\n{use}".strip())
        return
    from kling_nb.widgets.masks import masks_bundle  # noqa: PLC0415 - drawing is for pages only

    context.display(masks_bundle(picture, found, use))
