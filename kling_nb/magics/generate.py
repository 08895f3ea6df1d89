"""``%%kling IMAGE``: from the parsed call to runs, a preview, or a dry run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kling_nb.magics import dryrun, sweeps
from kling_nb.magics.call import RunCall
from kling_nb.magics.choosing import clip_to_extend
from kling_nb.magics.confirm import confirm
from kling_nb.magics.context import Context
from kling_nb.magics.pictures import find_brush, find_picture
from kling_nb.session import Label
from kling_nb.session.preview import FREE

if TYPE_CHECKING:
    from kling_nb.magics.waiting import Waiting
    from kling_nb.session import Run


def generate(context: Context, call: RunCall) -> Waiting | None:
    """Do what a call asks for.

    Parameters
    ----------
    context
        Shell, variables, session.
    call
        The parsed call.

    Returns
    -------
    Waiting or None
        Runs to wait for, when ``--wait`` was given.

    Raises
    ------
    KlingError
        Before the first request leaves when any of the prompts is refused.
    """
    if call.is_sweep:
        return sweeps.make(context, call, common_request(context, call))
    return make(context, call, [{**common_request(context, call), "prompt": p} for p in call.prompts])


def make(context: Context, call: RunCall, requests: list[dict[str, Any]]) -> Waiting | None:
    """Show, preview or send the requests of a call.

    Parameters
    ----------
    context
        Shell, variables, session.
    call
        Says which of it, and how.
    requests
        Keywords of ``kn.submit``, one run each.
    """
    if call.dry_run:
        for request in requests:
            dryrun.show(context, request)
        return None
    if call.preview:
        preview(context, call, requests)
        return None
    runs = _submit_all(context, call, requests)
    return context.waiting(runs, call.timeout) if call.wait else None


def common_request(context: Context, call: RunCall) -> dict[str, Any]:
    """Return the keywords of ``kn.submit`` that all prompts of a call share, pictures and brush looked up."""
    variables = context.variables
    request: dict[str, Any] = dict(call.fields)
    for name, token in call.pictures.items():
        what = "--tail" if name == "image_tail" else "--freeze"
        request[name] = find_picture(token, variables, what)
    if call.source is not None:
        request["video_id"] = clip_to_extend(context, call.source)
    if call.image is not None:
        request["image"] = find_picture(call.image, variables)
    if call.brush is not None:
        request["brush"] = find_brush(call.brush, variables)
    if call.way is not None:
        request["way"] = call.way
    if call.provider is not None:
        request["provider"] = call.provider
    if call.timeout is not None:
        # Also the limit of a later `await run`.
        request["timeout"] = call.timeout
    return request


def preview(context: Context, call: RunCall, requests: list[dict[str, Any]]) -> None:
    """Render the motion locally and show it; spends nothing."""
    made = [context.session.preview(**request) for request in requests]
    for each in made:
        context.show_clip(each.path, f"{FREE} {each.price}")
    context.assign(call.out, made[0] if len(made) == 1 else made)


def _submit_all(context: Context, call: RunCall, requests: list[dict[str, Any]]) -> list[Run]:
    session = context.session
    prepared = [session.build(**request) for request in requests]
    # All prompts are checked before the first is sent: half of a cell's runs is nobody's wish.
    for each in prepared:
        each.check(force=call.force)
    label = Label(
        name=call.name,
        note=call.note,
        tags=call.tags,
        notebook=None if context.notebook is None else str(context.notebook),
        again=call.again,
        force=call.force,
        sweep=call.sweep,
        budget=call.budget,
        assume_units=call.assume_units,
    )
    # Prompts of a cell share its budget, and are paid together or not at all.
    session.afford(prepared, label)
    if not call.yes:
        confirm(prepared, context.ask)
    runs: list[Run] = []
    for each in prepared:
        run = session.send(each, label)
        # Shown and assigned one by one: an error in a later prompt must not hide a run that was sent.
        context.show_runs([run])
        runs.append(run)
        context.assign(call.out, run if len(prepared) == 1 else list(runs))
    return runs
