"""Rules about price and repetition."""

from __future__ import annotations

from typing import Final

from kling_nb.domain.capabilities import units
from kling_nb.domain.cost import estimate, plain_decimal
from kling_nb.domain.lint.facts import LintFacts, Problems, error, info, warning
from kling_nb.domain.request import VideoRequest

_USUAL_SECONDS: Final = 5


def limits(request: VideoRequest, provider: str, facts: LintFacts) -> Problems:
    """L32: limits for one clip; the hard one is never forced."""
    cost = estimate(request, provider)
    hard, soft = facts.clip_limit_units, facts.clip_warn_units
    if cost.units is None:
        if hard is not None:
            message = f"the price is unknown and the limit is {plain_decimal(hard)} units a clip"
            yield error("L32", "duration", message, "state a price, or lift the limit", forceable=False)
        return
    price = f"the clip costs {cost}"
    if hard is not None and cost.units > hard:
        fix = "shorter, std, without sound; or raise the limit"
        message = f"{price}, above the limit of {plain_decimal(hard)} units"
        yield error("L32", "duration", message, fix, forceable=False)
    elif soft is not None and cost.units > soft:
        yield warning("L32", "duration", f"{price}, above {plain_decimal(soft)} units")


def doubling(request: VideoRequest, provider: str, _facts: LintFacts) -> Problems:
    """L33: sound or length that at least doubles the price."""
    cost = estimate(request, provider)
    if cost.units is None:
        return
    silent = units(request.model_name, request.mode, request.duration)
    if request.sound == "on" and silent is not None and cost.units >= 2 * silent.units:
        message = (
            f"sound raises the price from {plain_decimal(silent.units)} to {plain_decimal(cost.units)} units"
        )
        yield warning("L33", "sound", message, 'sound="off" if it is not needed')
    usual = units(
        request.model_name, request.mode, _USUAL_SECONDS, request.sound == "on", bool(request.voice_list)
    )
    if usual is not None and cost.units >= 2 * usual.units:
        before, after = plain_decimal(usual.units), plain_decimal(cost.units)
        message = f"{request.duration} s cost {after} units, {_USUAL_SECONDS} s {before}"
        yield warning("L33", "duration", message, f"try the prompt with duration={_USUAL_SECONDS} first")


def identical(_request: VideoRequest, _provider: str, facts: LintFacts) -> Problems:
    """L34: the same request has been run before."""
    if facts.identical_run is not None:
        message = f"run {facts.identical_run} asked exactly this; it is shown again, nothing is charged"
        yield info("L34", "request", message, "again=True makes another")


RULES: Final = (limits, doubling, identical)
