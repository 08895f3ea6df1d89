"""Rules about price and repetition."""

from __future__ import annotations

from typing import Final

from kling_nb.domain.cost import plain_decimal
from kling_nb.domain.lint.facts import Place, Problems, error, info, warning
from kling_nb.domain.request import VideoRequest

_USUAL_SECONDS: Final = 5


def limits(request: VideoRequest, at: Place) -> Problems:
    """L32: limits for one clip; the hard one is never forced."""
    cost = at.estimate(request)
    hard, soft = at.facts.clip_limit_units, at.facts.clip_warn_units
    if cost.units is None:
        if hard is not None:
            what = f"the price in units is unknown ({cost})" if cost.known else "the price is unknown"
            message = f"{what} and the limit is {plain_decimal(hard)} units a clip"
            yield error("L32", "duration", message, "state a price, or lift the limit", forceable=False)
        return
    price = f"the clip costs {cost}"
    if hard is not None and cost.units > hard:
        fix = "shorter, std, without sound; or raise the limit"
        message = f"{price}, above the limit of {plain_decimal(hard)} units"
        yield error("L32", "duration", message, fix, forceable=False)
    elif soft is not None and cost.units > soft:
        yield warning("L32", "duration", f"{price}, above {plain_decimal(soft)} units")


def doubling(request: VideoRequest, at: Place) -> Problems:
    """L33: sound or length that at least doubles the price, in whatever the door bills."""
    cost = at.estimate(request)
    if cost.amount is None:
        return
    silent = at.estimate(request.model_copy(update={"sound": "off", "voice_list": ()})).amount
    if request.sound == "on" and silent is not None and cost.amount >= 2 * silent:
        before, after = plain_decimal(silent), plain_decimal(cost.amount)
        message = f"sound raises the price from {before} to {after} {cost.currency}"
        yield warning("L33", "sound", message, 'sound="off" if it is not needed')
    usual = at.estimate(request.model_copy(update={"duration": _USUAL_SECONDS})).amount
    if usual is not None and cost.amount >= 2 * usual:
        before, after = plain_decimal(usual), plain_decimal(cost.amount)
        message = f"{request.duration} s cost {after} {cost.currency}, {_USUAL_SECONDS} s {before}"
        yield warning("L33", "duration", message, f"try the prompt with duration={_USUAL_SECONDS} first")


def identical(_request: VideoRequest, at: Place) -> Problems:
    """L34: the same request has been run before."""
    if at.facts.identical_run is not None:
        message = f"run {at.facts.identical_run} asked exactly this; it is shown again, nothing is charged"
        yield info("L34", "request", message, "again=True makes another")


RULES: Final = (limits, doubling, identical)
