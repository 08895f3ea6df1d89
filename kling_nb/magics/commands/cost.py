"""``%kling cost``: the price of a request before it is sent, or of runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_nb.domain.door import FORM_WORDS
from kling_nb.magics.arguments import Arguments
from kling_nb.magics.call import call_of
from kling_nb.magics.choosing import chosen_runs
from kling_nb.magics.context import Context
from kling_nb.magics.pictures import names_picture
from kling_nb.session import Run

if TYPE_CHECKING:
    from kling_nb.session import Prepared

ANY_PICTURE = "https://example.com/picture.jpg"
"""Stands for the picture of a clip whose price is asked; it is never fetched."""


def run(context: Context, arguments: Arguments) -> None:
    """Show what runs cost, or what a clip with these options would cost.

    Parameters
    ----------
    context
        Session and shell.
    arguments
        Run ids or variables; or request options, for which no picture is needed.
    """
    # A picture may be named out of habit: it does not change the price.
    named = [token for token in arguments.positional if not names_picture(token, context.variables)]
    if named:
        runs = chosen_runs(context, Arguments(named))
        context.say("\n".join(_line(each) for each in runs))
        return
    context.say("\n".join(_prices(context, request_of(arguments), has_picture=bool(arguments.positional))))


def request_of(arguments: Arguments) -> dict[str, Any]:
    """Return the keywords that the price of a clip depends on; pictures are none of them."""
    call = call_of(Arguments(values=arguments.values, pictures=arguments.pictures))
    request = {**call.fields, "provider": call.provider}
    return request if call.source is None else {**request, "video_id": call.source.text}


def _prices(context: Context, request: dict[str, Any], *, has_picture: bool) -> list[str]:
    """Return the price of each form the clip may have: without a picture it is not said which."""
    with_picture = {**request, "image": ANY_PICTURE}
    asked = [request] if "video_id" in request else [with_picture] if has_picture else [with_picture, request]
    prepared = [context.session.build(**each) for each in asked]
    prepared[0].check_values()
    served = [each for each in prepared if _offered(each)] or prepared[:1]
    lines = [f"{_form(each)} at {each.provider}, {each.clip}: {each.cost}" for each in served]
    missing = [problem for problem in served[0].blocking if problem.id == "L01"]
    if missing:
        return [*lines, *(f"But {problem.message} → {problem.fix}" for problem in missing)]
    unknown = [each for each in served if not each.cost.known]
    return [*lines, *(_how_to_state(each) for each in unknown[:1])]


def _form(prepared: Prepared) -> str:
    return FORM_WORDS[prepared.request.form]


def _offered(prepared: Prepared) -> bool:
    """Whether the door makes this form with this model; a door without a table is believed."""
    request, door = prepared.request, prepared.dialect.door
    grid = door.grids.get(request.form)
    return request.form in door.forms and (grid is None or request.model_name in grid.models)


def _how_to_state(prepared: Prepared) -> str:
    """Return what a person can do about a price that nobody publishes (``spec/gateways.md`` §2.7)."""
    request = prepared.request
    door = prepared.dialect.door.name
    price = f'{{"{request.model_name}": {{"{request.sent_mode or "*"}": 0.06}}}}'
    return (
        f'State it: kn.prices({{"{door}": {{"currency": "USD", "per_second": {price}}}}}), '
        "dollars a second; or let one run count: --assume-units 2. A budget refuses what it cannot count."
    )


def _line(run: Run) -> str:
    return f"{run.id}: {run.cost}"
