"""Tables of runs that tell, where the pointer rests on the header of a score, what it means."""

from __future__ import annotations

import re
from functools import cache
from typing import Any, Final

import pandas as pd

from kling_nb.domain.scores import MEASURES
from kling_nb.session.scorerows import header
from kling_nb.session.views import html_text

FLAGS: Final = "flags"
CONFIDENCE: Final = "score_confidence"
WHY: Final = "why"

HEADS: Final = {
    FLAGS: "What to look at first; the table of one run tells the reason.",
    CONFIDENCE: "Of the least sure of the scores, 0 to 1.",
    WHY: "Why nothing, or not everything, could be measured.",
}
"""Columns about scores that are no scores, with their meaning."""


_PLAIN: Final = pd.DataFrame()


class _AnyFrame(type):
    """Lets every frame pass for a :class:`ToldFrame`, as every one of those is a frame.

    What compares frames asks for that in one direction or in both, and may not find a difference:
    ``pandas.testing.assert_frame_equal(plain, told)``.
    """

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, pd.DataFrame)


class ToldFrame(pd.DataFrame, metaclass=_AnyFrame):
    """A frame that is shown with the meaning of its scores at their headers; otherwise the same.

    So are the parts of it and whatever pandas makes from it. Pickled, it is a plain frame, which can be read
    where this package is not installed.
    """

    @property
    def _constructor(self) -> type[ToldFrame]:
        return ToldFrame

    # As pandas does for frames of its own kind: by their constructors, small parts would take twice as long.

    def _constructor_from_mgr(self, mgr: Any, axes: Any) -> ToldFrame:
        return ToldFrame._from_mgr(mgr, axes)  # type: ignore[attr-defined, no-any-return]  # of pandas' own

    def _constructor_sliced_from_mgr(self, mgr: Any, axes: Any) -> pd.Series[Any]:
        return _PLAIN._constructor_sliced_from_mgr(mgr, axes)  # type: ignore[operator, no-any-return]  # as above

    def _repr_html_(self) -> str | None:
        html: str | None = super()._repr_html_()  # type: ignore[misc]  # the types of pandas leave it out
        return None if html is None else with_meanings(html)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return pd.DataFrame, (), self.__getstate__()


def with_meanings(html: str) -> str:
    """Put the meaning of each score into the headers that name it.

    Parameters
    ----------
    html
        A frame as pandas writes it.
    """
    head, end, body = html.partition("</thead>")
    return re.sub(r"<th( [^>]*)?>(\w+)</th>", _titled, head) + end + body


def _titled(cell: re.Match[str]) -> str:
    told = _meanings().get(cell[2])
    return cell[0] if told is None else f'<th{cell[1] or ""} title="{html_text(told)}">{cell[2]}</th>'


@cache
def _meanings() -> dict[str, str]:
    return {measure.name: header(measure) for measure in MEASURES} | HEADS
