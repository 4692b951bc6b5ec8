"""What the Data page shows, as frames: the rows of a page, a facet's values, what is known of each column."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from math import isfinite
from typing import Any

import pandas as pd

from dashboard.ui.units import counted
from db.browse import BrowsedRow, Page
from db.catalog import PlainColumn
from db.counts import Count
from db.nearest import identity_names

VECTOR, NORM, STRIP = "Vector\u2003", "Norm\u2003", "Strip\u2003"
"""Columns of ours beside the table's own, which may have any name: an em space ends hardly any."""

VECTOR_CHIPS = {"ok": "✓ ok", "null": "∅ null", "zero": "0 zero"}
CHIP_COLOURS = ("green", "gray", "orange")
"""Sign, word and colour of a vector's state, in the order of ``VECTOR_CHIPS``."""

EXACT_INTEGER = 2**53
"""Above it a float, and so the browser, skips whole numbers."""

LEAST_NORM, MOST_NORM = 1e-3, 1e7
"""Norms that three decimals tell."""

_LEAST_NUMBER_PX, _PADDING_PX, _DIGIT_PX = 64, 18, 7
"""How wide a column of numbers is at least, and what of it a value takes, in the grid's font."""

_BESIDE_VECTOR = 4
"""Columns that stand before the vector's own, beside those that name a row: as many as show unscrolled."""


def row_table(page: Page, first: Sequence[str], short: Collection[str] = ()) -> pd.DataFrame:
    """Make the table of a page: ``first`` the columns that name a row, and last prose and documents.

    ``short`` are the texts that are words rather than prose.  As objects: a column of whole numbers with
    a gap would turn into fractions.
    """
    marks = identity_names(page.request.column)
    rows = [_identity(row, marks) | dict(row.values) for row in page.rows]
    names = dict.fromkeys((*first, *(column.name for column in page.columns)))
    frame = pd.DataFrame({name: cells([row.get(name) for row in rows]) for name in names}, dtype=object)
    frame[VECTOR] = [[VECTOR_CHIPS[row.vector_state]] for row in page.rows]
    frame[NORM] = norms(page)
    frame[STRIP] = pd.Series([list(row.strip) or None for row in page.rows], dtype=object)
    return frame[arranged(page.columns, first, short)]


def _identity(row: BrowsedRow, marks: Sequence[str]) -> dict[str, Any]:
    """Name the parts of a row's key: where a table has none of its own, no column holds them."""
    return dict(zip(marks, row.key if isinstance(row.key, tuple) else (row.key,), strict=True))


def arranged(columns: Sequence[PlainColumn], first: Sequence[str], short: Collection[str]) -> list[str]:
    """Order the columns: what names a row, some short ones, the vector's, the rest, and long texts last."""
    others = [column for column in columns if column.name not in first]
    long = [c.name for c in others if c.category == "json" or (c.category == "S" and c.name not in short)]
    brief = [c.name for c in others if c.name not in long]
    brief.sort(key=lambda name: name not in short)
    beside = _BESIDE_VECTOR - (len(dict.fromkeys(first)) > 1)
    return [*dict.fromkeys(first), *brief[:beside], VECTOR, NORM, STRIP, *brief[beside:], *long]


def cells(values: Sequence[object]) -> list[object]:
    """Make a column of ``cell``: all texts where one is no number to a browser, as Arrow holds one kind.

    >>> cells([1, None, 2**60]), cells([0.5, float("nan")])
    (['1', None, '1152921504606846976'], ['0.5', 'NaN'])
    """
    made = [cell(value) for value in values]
    if not any(isinstance(value, str) for value in made):
        return made
    return [None if value is None else _text(value) for value in values]


def _text(value: object) -> str:
    """Spell a number as PostgreSQL does, its thousands set apart; whole ones may be keys, and stay."""
    if isinstance(value, Decimal) and value.is_finite() and abs(value) <= EXACT_INTEGER:
        return f"{value:,}"
    if not isinstance(value, float):
        return str(value)
    return f"{value:,}".removesuffix(".0") if isfinite(value) else str(Decimal(value))


def cell(value: object) -> object:
    """Make a value that a frame can hold and a browser shows as it is.

    >>> cell(Decimal("1.50")), cell(2**60), cell(Decimal("NaN"))
    (1.5, '1152921504606846976', 'NaN')
    """
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if abs(value) <= EXACT_INTEGER else str(value)
        case Decimal():
            return float(value) if value.is_finite() and abs(value) <= EXACT_INTEGER else str(value)
        case float():
            return value if isfinite(value) else _text(value)  # a frame holds NaN for NULL
    return str(value)


def number_width(values: Iterable[object], form: str) -> int:
    """Choose a column's width, in pixels, for the longest of some numbers in a NumberColumn's format.

    >>> number_width([7, None], "localized"), number_width([225_990_976], "localized")
    (64, 95)
    """
    longest = max((len(_written(cell(value), form)) for value in values if value is not None), default=0)
    return max(_LEAST_NUMBER_PX, _PADDING_PX + _DIGIT_PX * longest)


def _written(value: object, form: str) -> str:
    """Write a number as the browser will; the grid writes no more than three decimals unless it is told to.

    >>> _written(225_990_976, "localized"), _written(1234.5, "localized"), _written(1234.5, "%,.2f")
    ('225,990,976', '1,234.500', '1,234.50')
    """
    if not isinstance(value, int | float):
        return str(value)
    if form.startswith("%,"):
        return format(value, form[1:])
    return form % value if form.startswith("%") else f"{value:,.{0 if isinstance(value, int) else 3}f}"


def norms(page: Page) -> list[float | None] | list[str | None]:
    """Make the column of norms: all texts where one would look like 0 as a number, or fill the screen.

    A browser, too, shows no number over 2**53 as one.
    """
    found = [row.norm for row in page.rows]
    if all(not length or LEAST_NORM <= length < MOST_NORM for length in found):
        return found
    return [None if length is None else f"{length:,.4g}" for length in found]


def written(value: object) -> str:
    """Write a number of a row for a reader; infinities, and what is no number, as PostgreSQL does.

    >>> written(1234567), written(Decimal("1234.50")), written(float("nan"))
    ('1,234,567', '1,234.50', 'NaN')
    """
    return f"{value:,}" if isinstance(value, int) else _text(value)


def count_text(count: Count) -> str:
    """Write a count: an estimate after ``~``, a bound before ``+``.

    >>> count_text(Count(10_000, "at_least", 5.0)), count_text(Count(1, "exact", 1.0))
    ('10,000+ rows', '1 row')
    """
    sign, more = {"estimate": ("~", ""), "at_least": ("", "+"), "exact": ("", "")}[count.kind]
    return f"{count.rows:,}+ rows" if more else f"{sign}{counted(count.rows, 'row')}"
