"""How a number or a date is spread: rows in bins of one width."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from math import floor, isfinite, log10
from time import perf_counter
from typing import Any

import numpy as np
from sqlalchemy import ColumnElement, Connection, Double, Row, TableClause, and_, cast, extract, func, select
from sqlalchemy.dialects.postgresql import array

from db.catalog import ColumnInfo
from db.column_statistics import Gathered, gathered
from db.conditions import EVERY_ROW, Condition
from db.errors import RequestError
from db.facet_look import TOO_LONG, Kind, Level, Look

BINS = 20

_DAY_S = 86_400
SPANS_S = (
    *(1, 5, 15, 60, 300, 900, 3_600, 3 * 3_600, 6 * 3_600, 12 * 3_600),
    *(
        days * _DAY_S
        for days in (1, 2, 7, 14, 30, 60, 90, 180, 365, 730, 1_825, 3_650, 18_250, 36_500, 365_000)
    ),
)
"""Widths of a bin of time, in seconds."""

FIRST_MOMENT, LAST_MOMENT = (datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (1, 9999))
"""Dates beyond have no ordinary name; "infinity" is among them."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How the values of a type lie on a line: their step (0: none), the line's ends, their names.

    ``read`` makes a number of a value as text; of a date, the seconds since 1970.
    """

    step: float
    low: float
    high: float
    is_time: bool
    name: Callable[[float], str]
    read: Callable[[str], float]


_Ends = Row[float, float, int, int]


def _moment(given: str) -> float:
    moment = datetime.fromisoformat(given)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _utc(value: float) -> datetime:
    return datetime.fromtimestamp(value, UTC)


_WHOLE = Scale(1, float("-inf"), float("inf"), is_time=False, name=lambda x: str(round(x)), read=float)
_REAL = Scale(0, float("-inf"), float("inf"), is_time=False, name=lambda x: f"{x:.15g}", read=float)
_DAY = Scale(
    _DAY_S, FIRST_MOMENT, LAST_MOMENT, is_time=True, name=lambda x: _utc(x).date().isoformat(), read=_moment
)
_LOCAL = Scale(
    0,
    FIRST_MOMENT,
    LAST_MOMENT,
    is_time=True,
    name=lambda x: _utc(x).replace(tzinfo=None).isoformat(" "),
    read=_moment,
)
_INSTANT = Scale(
    0, FIRST_MOMENT, LAST_MOMENT, is_time=True, name=lambda x: _utc(x).isoformat(" "), read=_moment
)

SCALES: Mapping[str, Scale] = {
    "smallint": _WHOLE,
    "integer": _WHOLE,
    "bigint": _WHOLE,
    "numeric": _REAL,
    "real": _REAL,
    "double precision": _REAL,
    "date": _DAY,
    "timestamp without time zone": _LOCAL,
    "timestamp with time zone": _INSTANT,
}
"""The types that a histogram is drawn of, as format_type() spells them without what is in brackets."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of ``low`` <= value < ``high``, as text that a filter reads; the last bin has its ``high`` too."""

    low: str
    high: str
    rows: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """A number's or a date's values in bins of one width; the other fields are a Facet's."""

    column: str
    bins: tuple[Bin, ...]
    nulls: int
    kind: Kind
    sampled_share: float | None
    sampled_rows: int | None
    elapsed_ms: float
    note: str = ""


def scale_of(type_name: str) -> Scale | None:
    """Find the scale of a type; None where its values lie on no line.

    >>> scale_of("numeric(10,2)") is SCALES["numeric"]
    True
    """
    bare, _, rest = type_name.partition("(")
    return SCALES.get(bare.strip() + rest.partition(")")[2])


def histogram(
    connection: Connection, column: ColumnInfo, where: Condition, name: str, *, level: Level = "statistics"
) -> Histogram:
    """Tell how a number or a date is spread, from ``level`` or, where that cannot tell, the next.

    NaN and what is infinite are in no bin.  Raises RequestError for a column that is neither, and for
    a condition that the table does not bear.
    """
    look = Look.at(connection, column, where)
    plain = look.named(name)
    if not (scale := scale_of(plain.type)):
        raise RequestError(
            f"The column {name!r} is {plain.type}, which lies on no line.", "Choose a number or a date."
        )
    if level == "statistics" and where == EVERY_ROW and column.rows is not None:
        known = gathered(connection, column).get(name)
        if known and (told := _told(known, scale, column.rows)):
            return told
    return _counted(look, name, scale, level)


def _told(known: Gathered, scale: Scale, rows: int) -> Histogram | None:
    """Draw what ANALYZE found: the common values at their places, all others evenly between the bounds."""
    try:
        common, bounds = [scale.read(v) for v in known.common], [scale.read(v) for v in known.bounds]
    except ValueError:  # a date before our era, or in another style than ISO's
        return None
    if not (ends := [*common, *bounds]) or not all(scale.low <= end <= scale.high for end in ends):
        return None
    if not all(map(isfinite, ends)):
        return None
    edges = _edges(min(ends), max(ends), scale)
    spread = np.zeros(len(edges) - 1)
    if bounds:
        below = np.interp(edges, bounds, np.linspace(0, 1, len(bounds)))
        spread += np.diff(below) * (1 - known.null_share - sum(known.shares))
    spread += np.histogram(common, edges, weights=known.shares)[0]
    bins = _bins(edges, (spread * rows).tolist(), scale)
    return Histogram(known.name, bins, round(known.null_share * rows), "statistics", None, None, 0.0)


def _counted(look: Look, name: str, scale: Scale, level: Level) -> Histogram:
    """Find the ends, then count between them, in a sample or in all rows."""
    started, share = perf_counter(), look.share(level)
    rows = look.rows(share)
    found = look.within(level, lambda: _spread(look, rows, _line(rows.c[name], scale), scale))
    elapsed_ms = (perf_counter() - started) * 1000
    if found is None:
        return Histogram(name, (), 0, "none", None, None, elapsed_ms, TOO_LONG)
    ends, edges, counts = found
    stands_for = look.scale(share, ends.rows)
    return Histogram(
        column=name,
        bins=_bins(edges, [count * stands_for for count in counts], scale),
        nulls=round(ends.nulls * stands_for),
        kind="exact" if share >= 1 else "sample",
        sampled_share=share,
        sampled_rows=ends.rows,
        elapsed_ms=elapsed_ms,
    )


def _spread(
    look: Look, rows: TableClause, line: ColumnElement[float], scale: Scale
) -> tuple[_Ends, list[float], list[int]]:
    met = look.met(rows)
    # NaN is above infinity.
    on_line = and_(line > _number(scale.low), line < _number(scale.high))
    ends = look.connection.execute(
        select(
            func.min(line).filter(on_line).label("low"),
            func.max(line).filter(on_line).label("high"),
            func.count().label("rows"),
            func.count().filter(line.is_(None)).label("nulls"),
        )
        .select_from(rows)
        .where(met)
    ).one()
    if ends.low is None or ends.high is None:
        return ends, [], []
    edges = _edges(ends.low, ends.high, scale)
    place = func.width_bucket(line, array([_number(edge) for edge in edges[:-1]]))
    counted = select(place, func.count()).select_from(rows).where(met, on_line).group_by(place)
    counts: dict[int, int] = dict(look.connection.execute(counted).all())
    return ends, edges, [counts.get(number, 0) for number in range(1, len(edges))]


def _line(value: ColumnElement[Any], scale: Scale) -> ColumnElement[float]:
    return cast(extract("epoch", value) if scale.is_time else value, Double)


def _number(value: float) -> ColumnElement[float]:
    return cast(repr(value), Double)


def _edges(low: float, high: float, scale: Scale) -> list[float]:
    """Part the line into about BINS bins, with ends that are easily read.

    >>> _edges(0.1, 0.8, _REAL)[:4]
    [0.1, 0.15, 0.2, 0.25]
    >>> _edges(1, 5, _WHOLE)
    [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    """
    width = _width(low, high, scale)
    unit = min(width, _DAY_S) if scale.is_time else width
    first = floor(low / unit) * unit
    # As many digits as a name shows, so that a filter by the name parts the rows alike.
    edges = [first + number * width for number in range(floor((high - first) / width) + 2)]
    # The last edge lies beyond the highest value, where there may be no date any more.
    return [float(f"{min(edge, scale.high):.15g}") for edge in edges]


def _width(low: float, high: float, scale: Scale) -> float:
    """Choose the width of a bin: one, two or five of a power of ten, or of what a calendar has."""
    least = max((high - low) / BINS, scale.step) or 1
    if scale.is_time:
        return next((width for width in SPANS_S if width >= least), SPANS_S[-1])
    # Ends closer than this would be one number.
    least = max(least, 1e-12 * max(abs(low), abs(high)))
    power = 10.0 ** floor(log10(least))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least)


def _bins(edges: Sequence[float], counts: Sequence[float], scale: Scale) -> tuple[Bin, ...]:
    names = [scale.name(edge) for edge in edges]
    return tuple(Bin(low, high, round(n)) for (low, high), n in zip(pairwise(names), counts, strict=True))
