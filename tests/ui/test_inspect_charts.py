"""The charts of an inspection: what is drawn, and what stands out besides by more than its colour."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.inspection.curves import Curve, Histogram, Ribbon
from dashboard.inspection.findability import Findability, Group, Lost, Rung
from dashboard.inspection.grade import UNGRADED
from dashboard.inspection.report import Drawn
from dashboard.inspection.statistics import wilson
from dashboard.ui import inspect_charts, inspect_find_charts
from dashboard.ui.inspect_find import remedy_in_words

FOUND = Findability(
    distance="cosine",
    index="things_hnsw",
    method="hnsw",
    parameter="ef_search",
    setting=40,
    k=10,
    sample=Drawn(100, 0, 1000, True, "BERNOULLI", 42),
    probes=100,
    found=90,
    shadowed=0,
    interval=wilson(90, 100),
    facet="kind",
    groups=(
        Group("<b>shoes</b>", 50, 10, wilson(10, 50)),
        Group(None, 30, 0, wilson(0, 30)),
        Group("2 others", 20, 0, wilson(0, 20)),
    ),
    rungs=(Rung(20, 80, 1.0), Rung(40, 90, 1.5), Rung(80, 99, 2.25), Rung(160, 99, 4.0)),
    reasons=(("low ef_search", 10, "raise ef_search"),),
    lost=(Lost("7", "low ef_search", 80),),
)


@pytest.mark.parametrize("letter", "ABCDE")
def test_one_letter_of_the_ladder_is_lit(letter: str) -> None:
    drawn = inspect_charts.ladder(letter)
    bold = [note.text for note in drawn.layout.annotations if "<b>" in note.text]
    assert bold == [f"<b>{letter}</b>"]


def test_without_a_grade_no_letter_is_lit() -> None:
    drawn = inspect_charts.ladder(UNGRADED)
    assert not [note.text for note in drawn.layout.annotations if "<b>" in note.text]


def test_lengths_other_than_one_are_hatched_and_counted() -> None:
    drawn = inspect_charts.norms(Histogram((0.0, 0.5, 0.9, 1.1), (3, 2, 95), zeros=3, odd=2, is_unit=True))
    [bars] = drawn.data
    assert bars.marker.pattern.shape == ("/", "/", "")
    assert drawn.layout.annotations[0].text == "3 zero · 2 not of length 1"


def test_where_nothing_is_normalised_no_length_stands_out() -> None:
    [bars] = inspect_charts.norms(Histogram((2.0, 3.0, 4.0), (1, 5), 0, 0, is_unit=False)).data
    assert bars.marker.pattern.shape == ("", "")


def test_hubs_are_diamonds_with_their_number() -> None:
    drawn = inspect_charts.hubs(Curve((1, 10, 100, 150), (90, 40, 4, 1), mark=10))
    assert drawn.data[1].marker.symbol == "diamond"
    assert tuple(drawn.data[1].x) == (100, 150)
    assert "◆ 4 hubs: in 100 lists or more" in [note.text for note in drawn.layout.annotations]


def test_without_hubs_there_are_no_diamonds() -> None:
    assert len(inspect_charts.hubs(Curve((1, 10, 20), (90, 40, 4), mark=10)).data) == 1


def test_axes_carry_their_units() -> None:
    near = inspect_charts.nearest(Curve((0.1, 0.2), (0.5, 1.0), mark=0.001), "cosine")
    assert near.layout.xaxis.title.text == "distance to the nearest other vector (cosine)"
    ribbon = inspect_charts.dimensions(Ribbon((0.1, 0.2), (1.0, 1.0), step=4))
    assert ribbon.layout.xaxis.title.text == "dimension, 4 at a time"
    assert list(ribbon.data[2].x) == [1, 5]


def test_bars_of_lost_rows_start_at_zero_and_name_every_group_as_text() -> None:
    drawn = inspect_find_charts.lost_by_group(FOUND)
    assert list(drawn.data[0].x) == [0, 0, 20]
    assert list(drawn.layout.yaxis.ticktext) == ["2 others", "no value", "&lt;b&gt;shoes&lt;/b&gt;"]
    assert drawn.data[0].marker.pattern.shape == ("", "", "/")
    assert "! 80.0 % found · n 50" in [note.text for note in drawn.layout.annotations]


def test_the_setting_in_force_is_a_diamond_and_every_point_says_what_it_took() -> None:
    [line] = inspect_find_charts.found_by_setting(FOUND).data
    assert line.marker.symbol == ("circle", "diamond", "circle", "circle")
    assert line.text == ("1.00 ms", "1.50 ms", "2.25 ms", "4.00 ms")
    assert inspect_find_charts.in_words(FOUND).startswith("Rows found by ef_search: 20: 80 of 100")


def test_the_remedy_is_told_with_what_it_costs() -> None:
    assert remedy_in_words(FOUND) == (
        "**Cheapest remedy tried:** ef_search 40 → 80 finds 99 %; a search takes 1.50 → 2.25 ms, "
        "as this machine is now."
    )
    assert remedy_in_words(replace(FOUND, setting=80, found=99)).startswith("No setting tried finds more")
    whole = replace(FOUND, setting=160, found=100, rungs=(Rung(160, 100, 4.0),))
    assert remedy_in_words(whole) == "Nothing to do: ef_search 160 finds every one."
