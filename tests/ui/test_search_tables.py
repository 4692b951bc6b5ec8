"""The search page's tables: aligned rows, marks that do not hang on colour, plans as trees."""

from decimal import Decimal
from math import inf, nan
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from pandas.io.formats.style import Styler
from streamlit.dataframe_util import convert_pandas_df_to_arrow_bytes

from dashboard.ui import search_tables as tables
from db.catalog import PlainColumn
from db.comparison import Mark, compare
from db.explain import parse_plan
from db.search import Neighbour

TITLE = PlainColumn("Title", "text", "S")
SKU = PlainColumn("sku", "text", "S")
PRICE = PlainColumn("price", "numeric", "N")


def answer(*rows: tuple[Any, float]) -> Any:
    """An answer of (key, distance) pairs; all that a comparison and a table look at."""
    return SimpleNamespace(
        rows=tuple(Neighbour(key, away, {"Title": f"row {key}", "price": 5}) for key, away in rows)
    )


def frame(styled: Styler) -> pd.DataFrame:
    """What a table shows, without its colours."""
    shown: pd.DataFrame = styled.data  # type: ignore[attr-defined]
    return shown


EXACT = answer((1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4))
FOUND = answer((1, 0.1), (3, 0.3), (9, 0.5))
COMPARED = compare(EXACT, FOUND)


def test_both_sides_have_the_same_lines_and_leave_gaps() -> None:
    left, right = frame(tables.exact_side(COMPARED, ["Title"])), frame(tables.index_side(COMPARED, ["Title"]))
    assert list(left["Row"]) == ["row 1", "row 2", "row 3", "row 4", None]
    assert list(right["Row"]) == ["row 1", "not returned", "row 3", "not returned", "row 9"]
    assert list(right["#"]) == [1, None, 2, None, 3]
    assert list(right["Shift"]) == [None, None, "▲ 1", None, None]


def test_marks_have_a_sign_a_word_and_a_colour() -> None:
    chips = [chip[0] for chip in frame(tables.exact_side(COMPARED, ["Title"]))["Mark"] if chip]
    assert chips == ["✓ matched", "✕ missed", "✓ matched", "✕ missed"]
    assert set(tables.MARK_COLORS) == {
        *(f"{sign} {mark.value}" for sign, mark in zip("✓✕+", Mark, strict=True)),
        "= tied",
    }
    assert len(set(tables.MARK_COLORS.values())) == len(tables.MARK_COLORS)


def test_a_tie_is_marked_as_one() -> None:
    compared = compare(answer((1, 0.1), (2, 0.2)), answer((1, 0.1), (7, 0.2)))
    assert frame(tables.index_side(compared, ["Title"]))["Mark"][1] == ["= tied"]


def test_places_among_equal_distances_are_no_shift() -> None:
    compared = compare(answer((1, 0.1), (2, 0.1)), answer((2, 0.1), (1, 0.1)))
    assert list(frame(tables.index_side(compared, ["Title"]))["Shift"]) == [None, None]


def test_a_side_without_any_row_keeps_its_columns() -> None:
    right = frame(tables.index_side(compare(EXACT, answer()), ["Title"]))
    assert list(right.columns) == ["#", "Row", "Distance", "Mark", "Shift"]
    assert set(right["Row"]) == {"not returned"}


def test_the_other_columns_follow_and_whole_numbers_stay_whole() -> None:
    left = frame(tables.exact_side(COMPARED, ["Title"]))
    assert list(left.columns) == ["#", "Row", "Distance", "Mark", "price "]
    assert left["price "][0] == 5
    assert isinstance(left["price "][0], int)


@pytest.mark.parametrize(
    ("others", "key", "naming"),
    [
        ((SKU, TITLE, PRICE), ("id",), ("Title",)),
        ((SKU, PRICE), ("id",), ("sku",)),
        ((SKU, PRICE), ("sku",), ("sku",)),
        ((PRICE,), ("id",), ("id",)),
        ((PRICE,), (), ()),
    ],
)
def test_a_row_is_named_by_a_title_a_text_or_its_key(
    others: tuple[PlainColumn, ...], key: tuple[str, ...], naming: tuple[str, ...]
) -> None:
    assert tables.naming_columns(others, key) == naming


def test_a_row_without_a_title_is_named_by_its_key() -> None:
    untitled = Neighbour((7, "b"), 0.1, {"Title": None})
    assert tables.row_name(untitled, ["Title"]) == '["7", "b"]'


def test_a_plan_is_a_tree_with_its_conditions_and_no_vectors() -> None:
    scan = {
        "Node Type": "Index Scan",
        "Index Name": "items_hnsw",
        "Relation Name": "items",
        "Order By": "(embedding <=> '[0.123456789,0.123456789,0.5]'::vector)",
        "Filter": "(price <= 5)",
        "Rows Removed by Filter": 12,
        "Plan Rows": 100,
        "Actual Rows": 9.6,
        "Actual Loops": 1,
        "Actual Total Time": 2.0,
        "Total Cost": 5,
        "Shared Hit Blocks": 7,
    }
    top = {"Node Type": "Limit", "Plan Rows": 10, "Actual Rows": 10, "Actual Loops": 1, "Total Cost": 6}
    frame = tables.plan_tree(parse_plan([{"Plan": top | {"Actual Total Time": 2.5, "Plans": [scan]}}]))
    assert [step.strip() for step in frame["Step"]] == [
        "Limit",
        "└─ Index Scan  items_hnsw",
        "Order by  (embedding <=> '[...]'::vector)",
        "Filter  (price <= 5)  (-12 rows)",
    ]
    assert frame["Rows"][1] == 10


@pytest.mark.parametrize(
    ("number", "cell"),
    [
        ("0.5", 0.5),
        ("1e90", "1E+90"),
        ("Infinity", "Infinity"),
        ("NaN", "NaN"),
        ("12345678901234567890", "12345678901234567890"),
    ],
)
def test_a_number_that_no_frame_holds_is_shown_as_text(number: str, cell: object) -> None:
    result: Any = SimpleNamespace(rows=(Neighbour(1, 0.1, {"amount": Decimal(number)}),))
    table = frame(tables.one_side(result, ["Title"]))
    assert list(table["amount "]) == [cell]
    assert convert_pandas_df_to_arrow_bytes(table)


def test_one_infinity_makes_texts_of_its_column_with_the_thousands_set_apart() -> None:
    rows = tuple(Neighbour(key, 0.1, {"score": score}) for key, score in enumerate((1234.5, inf, nan, None)))
    result: Any = SimpleNamespace(rows=rows)
    table = frame(tables.one_side(result, ["Title"]))
    assert list(table["score "]) == ["1,234.5", "Infinity", "NaN", None]
    assert convert_pandas_df_to_arrow_bytes(table)
