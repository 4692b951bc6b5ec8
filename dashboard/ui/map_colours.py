"""What colours the points of a map: a column's commonest values, or the range of its numbers and dates."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from db.catalog import PlainColumn

MOST_VALUES = 10
"""Values with a colour of their own: as many as the theme's palette has, and an eye can tell apart."""

OTHERS, EMPTY = "other values", "empty"

COLOURABLE = frozenset({"S", "E", "B", "N", "D"})
"""Categories of pg_type that mean something as a colour: text, enum, boolean, number, date or time."""


@dataclass(frozen=True, slots=True)
class Group:
    """The points that share a value, by their places on the map; ``rank`` is None for a remainder."""

    name: str
    rank: int | None
    places: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Scale:
    """A number for each point, NaN where it has none; a date as days since 1970 with its ticks in words."""

    name: str
    values: tuple[float, ...]
    is_date: bool


Colouring = tuple[Group, ...] | Scale
"""How points are coloured; no group at all: all alike."""


def colour(values: Sequence[str | None], column: PlainColumn) -> Colouring:
    """Choose colours for a column's values, given as PostgreSQL spells them.

    Numbers and dates make a scale, unless they are at most MOST_VALUES whole numbers: those are names.
    """
    distinct = {value for value in values if value is not None}
    if column.category == "N" and not (len(distinct) <= MOST_VALUES and all(map(_is_whole, distinct))):
        return Scale(column.name, tuple(map(_number, values)), is_date=False)
    if column.category == "D" and (days := [_day(value) for value in values]) and _some(days):
        return Scale(column.name, tuple(days), is_date=True)
    return groups(values)


def groups(values: Sequence[str | None]) -> tuple[Group, ...]:
    """Gather points by value, the commonest first; the rest, and those without one, come last."""
    places: dict[str | None, list[int]] = defaultdict(list)
    for place, value in enumerate(values):
        places[value].append(place)
    empty = places.pop(None, [])
    # By name where the counts are equal, so that the same rows have the same colours.
    ordered = sorted(places.items(), key=lambda item: (-len(item[1]), str(item[0])))
    common, rest = ordered[:MOST_VALUES], ordered[MOST_VALUES:]
    found = [Group(str(value), rank, tuple(where)) for rank, (value, where) in enumerate(common)]
    if rest:
        others = tuple(place for _, where in rest for place in where)
        found.append(Group(f"{len(rest):,} {OTHERS}", None, others))
    if empty:
        found.append(Group(EMPTY, None, tuple(empty)))
    return tuple(found)


def _is_whole(text: str) -> bool:
    return text.lstrip("-").isdigit()


def _number(text: str | None) -> float:
    """Read a number; NaN where there is none, or one that no scale reaches.

    >>> _number("12.5"), _number(None), _number("Infinity")
    (12.5, nan, nan)
    """
    try:
        value = float((text or "nan").replace("$", "").replace(",", ""))
    except ValueError:  # such as an interval
        return math.nan
    return value if math.isfinite(value) else math.nan


def _day(text: str | None) -> float:
    """Read a date or timestamp as days since 1970; NaN for one that Python's calendar does not reach.

    >>> _day("1970-01-02"), _day("1970-01-02 12:00:00+00"), _day("infinity")
    (1.0, 1.5, nan)
    """
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return math.nan
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.timestamp() / 86_400


def day_in_words(days: float) -> str:
    """Write days since 1970 as a date.

    >>> day_in_words(1.5)
    '1970-01-02'
    """
    return date.fromordinal(date(1970, 1, 1).toordinal() + math.floor(days)).isoformat()


def _some(values: Sequence[float]) -> bool:
    return any(not math.isnan(value) for value in values)
