"""The scores of a sweep as small plots: what a person sees in them."""

from __future__ import annotations

import math
import re
from xml.etree import ElementTree

import pandas as pd
import pytest

from kling_nb.errors import InputError, UsageError
from kling_nb.session.scorepanels import LEAST, MOST, PANELS, scores_plot

SVG = "{http://www.w3.org/2000/svg}"


def table(labels: list[object], gains: list[float], flags: list[tuple[str, ...]] | None = None, **more):
    count = len(labels)
    return pd.DataFrame(
        {"pull": labels, "gain": gains, "flags": flags or [()] * count, **more},
        index=[f"r-{n}" for n in range(count)],
    )


def read(frame: pd.DataFrame, by: str = "pull") -> ElementTree.Element:
    return ElementTree.fromstring(scores_plot(frame, by, "Scores of sweep x").svg)


def texts(svg: ElementTree.Element) -> list[str]:
    # Not what is told when the pointer rests.
    return [
        (each.text or "") + "".join(child.tail or "" for child in each) for each in svg.iter(f"{SVG}text")
    ]


def dots(svg: ElementTree.Element) -> dict[str, tuple[float, float]]:
    """Place of every dot by what it tells."""
    return {_told(dot): (float(dot.get("cx")), float(dot.get("cy"))) for dot in svg.iter(f"{SVG}circle")}


def _told(dot: ElementTree.Element) -> str:
    return dot.findtext(f"{SVG}title") or ""


def test_every_run_is_a_dot_that_tells_its_number_and_higher_is_more() -> None:
    found = dots(read(table([0.5, 1.0, 1.3], [0.5, 1.0, 1.3])))
    assert list(found) == ["0.5: 0.50", "1: 1.00", "1.3: 1.30"]
    places = list(found.values())
    assert places == sorted(places, key=lambda at: (at[0], -at[1])), "to the right and upwards"
    assert [at[1] for at in places] == sorted((at[1] for at in places), reverse=True)


def test_groups_are_in_the_order_of_their_numbers_not_of_their_runs() -> None:
    found = dots(read(table([10.0, 9.0, 100.0], [1.0, 1.0, 1.0])))
    assert [told.split(":")[0] for told in sorted(found, key=lambda told: found[told])] == ["9", "10", "100"]


def test_texts_stay_in_the_order_of_the_plan() -> None:
    found = dots(read(table(["slowly", "calm", "at once"], [1.0, 0.5, 0.7])))
    assert [told.split(":")[0] for told in sorted(found, key=lambda told: found[told])] == [
        "slowly", "calm", "at once"
    ]  # fmt: skip


def test_the_best_value_is_a_dashed_line_and_stands_where_such_a_dot_stands() -> None:
    svg = read(table(["a", "b"], [1.0, 0.4]))
    (line,) = [each for each in svg.iter(f"{SVG}line") if each.get("stroke-dasharray")]
    assert float(line.get("y1")) == dots(svg)["a: 1.00"][1]
    assert not re.search("dasharray", scores_plot(table(["a"], [math.nan], motion=[1.0]), "pull", "x").svg)


def test_still_and_blurred_clips_are_hollow_and_say_why() -> None:
    frame = table(["a", "b", "c"], [0.0, 1.0, 1.0], [("frozen",), ("blurred",), ()])
    hollow = {_told(dot): dot.get("fill") == "none" for dot in read(frame).iter(f"{SVG}circle")}
    assert hollow == {"a: 0.00, stands still": True, "b: 1.00, blurred": True, "c: 1.00": False}


def test_repeats_share_a_column_with_a_bar_at_their_mean() -> None:
    svg = read(table(["a", "a", "b"], [0.4, 0.8, 0.6]))
    found = dots(svg)
    assert found["a: 0.40"][0] == found["a: 0.80"][0] != found["b: 0.60"][0]
    (bar,) = [each for each in svg.iter(f"{SVG}line") if each.get("stroke-width") == "2"]
    assert float(bar.get("y1")) == pytest.approx(found["b: 0.60"][1], abs=0.1), "the mean of 0.4 and 0.8"


def test_missing_numbers_are_no_zeros_and_scores_that_nobody_has_no_panels() -> None:
    svg = read(table(["a", "b"], [1.0, math.nan], leak=[math.nan, math.nan], motion=[2.0, 0.01]))
    assert set(dots(svg)) == {"a: 1.00", "a: 2.00 %/s", "b: 0.01 %/s"}
    assert "gain →1" in texts(svg) and "motion =" in texts(svg)
    assert not any("leak" in text for text in texts(svg))


def test_long_names_get_letters_and_a_legend() -> None:
    long = ["the boat drifts slowly to the left", "the boat rushes to the left, quickly", "still"]
    said = texts(read(table([*long], [1.0, 1.0, 1.0])))
    legend = [f"{name}: {text}" for name, text in zip("ABC", long, strict=True)]
    assert {"A", "B", "C", *legend} <= set(said)


def test_more_groups_than_can_be_read_are_told() -> None:
    many = MOST + 6
    svg = read(table(list(range(many)), [1.0] * many))
    assert len(dots(svg)) == MOST
    assert "… and 6 more, not drawn" in texts(svg)


def test_a_score_of_groups_that_are_not_drawn_has_no_panel() -> None:
    many = MOST + 1
    svg = read(table(list(range(many)), [1.0] * many, leak=[*[math.nan] * MOST, 9.0]))
    assert len(dots(svg)) == MOST
    assert not any("leak" in text for text in texts(svg))


def test_hostile_names_stay_text() -> None:
    evil = "<img src=x onerror=alert(1)>"
    plot = scores_plot(table([evil, "b"], [1.0, 1.0]), "pull", evil)
    assert "<img" not in plot.svg
    assert evil in "".join(ElementTree.fromstring(plot.svg).itertext())


def test_without_scores_it_says_what_to_do() -> None:
    with pytest.raises(InputError, match="No run has a score yet") as refused:
        scores_plot(table(["a"], [math.nan]), "pull", "x")
    assert "kn.score" in "".join(refused.value.lines())
    with pytest.raises(UsageError, match="no column 'pulll'"):
        scores_plot(table(["a"], [1.0]).assign(id=["r-1"], variables=None), "pulll", "x")


def test_every_panel_has_a_least_height() -> None:
    assert set(PANELS) == set(LEAST)
