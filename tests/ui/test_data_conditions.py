"""Chips and facets on conditions: what a click makes of what was asked before."""

import pytest

from dashboard.ui.data_conditions import (
    and_also,
    apart_from,
    chosen,
    joined,
    ranged,
    toggled,
    without,
)
from db.conditions import EVERY_ROW, Condition, Group, to_text
from db.filters import Filter

CHEAP = Filter("price", "<", "10")
RED = Filter("color", "=", "red")
RED_OR_CHEAP = Group("any", (RED, CHEAP))


def test_a_clicked_value_becomes_a_filter_and_a_second_click_takes_it_back() -> None:
    once = toggled(EVERY_ROW, "color", "red")
    assert once == Group("all", (RED,))
    assert chosen(once, "color") == ("red",)
    assert toggled(once, "color", "red") == EVERY_ROW


def test_values_of_one_column_join_and_other_conditions_stay() -> None:
    two = toggled(Group("all", (CHEAP, RED)), "color", "blue")
    assert to_text(two) == '["all",["price","<","10"],["color","in",["red","blue"]]]'
    assert toggled(two, "color", "red") == Group("all", (CHEAP, Filter("color", "=", "blue")))


def test_the_empty_value_is_chosen_instead_of_the_others() -> None:
    empty = toggled(Group("all", (RED,)), "color", None)
    assert empty == Group("all", (Filter("color", "is null"),))
    assert toggled(empty, "color", None) == EVERY_ROW
    assert toggled(empty, "color", "red") == Group("all", (RED,))


def test_a_clicked_value_narrows_a_condition_of_which_any_part_may_hold() -> None:
    assert toggled(RED_OR_CHEAP, "color", "red") == Group("all", (RED_OR_CHEAP, RED))


def test_a_path_into_a_column_is_no_choice_of_its_values() -> None:
    inside = Filter("info", "=", "kg", ("unit",))
    assert toggled(Group("all", (inside,)), "info", "kg") == Group("all", (inside, Filter("info", "=", "kg")))


@pytest.mark.parametrize(
    ("where", "left"),
    [
        (Group("all", (CHEAP, RED)), Group("all", (CHEAP,))),
        (Group("all", (RED,)), EVERY_ROW),
        (RED_OR_CHEAP, RED_OR_CHEAP),
        (Group("all", (RED_OR_CHEAP, RED)), Group("all", (RED_OR_CHEAP,))),
    ],
)
def test_a_facet_counts_apart_from_what_is_asked_of_its_own_column(where: Condition, left: Condition) -> None:
    assert apart_from(where, "color") == left


def test_a_range_replaces_the_earlier_one() -> None:
    first = ranged(Group("all", (RED,)), "price", "1", "5", closed=False)
    assert to_text(first) == '["all",["color","=","red"],["price",">=","1"],["price","<","5"]]'
    assert ranged(first, "price", "2", "3", closed=True) == Group(
        "all", (RED, Filter("price", ">=", "2"), Filter("price", "<=", "3"))
    )
    assert ranged(RED_OR_CHEAP, "price", "2", "3", closed=True).members[0] == RED_OR_CHEAP  # type: ignore[union-attr]


def test_a_part_left_out_leaves_the_others_joined_as_they_were() -> None:
    three = Group("any", (RED, CHEAP, Filter("color", "is null")))
    assert without(three, CHEAP) == Group("any", (RED, Filter("color", "is null")))
    assert without(RED_OR_CHEAP, CHEAP) == Group("all", (RED,))
    assert without(RED, RED) == EVERY_ROW


def test_no_parts_hold_for_every_row_and_a_lone_one_needs_no_any() -> None:
    assert joined("any", []) == EVERY_ROW
    assert joined("any", [RED]) == Group("all", (RED,))
    assert and_also(RED, CHEAP) == Group("all", (RED, CHEAP))
