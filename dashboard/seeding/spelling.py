"""How numbers, dates and times are spelled, and when reading them changes nothing.

It stands apart from what they become in PostgreSQL, as the process that parses files does without that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from math import isfinite
from typing import Any

Column = list[Any]

DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y/%m/%d",
    "%b %d %Y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%d %b %Y",
    "%d %B %Y",
    "%d.%m.%Y",
    "%d/%m/%Y",
    "%m/%d/%Y",
)

INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,18})")
"""No longer than a bigint: int() refuses over 4,300 digits."""
NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
TRUTH = {"true": True, "false": False}


def as_text(value: Any) -> str:
    """Spell a value as JSON does, and a string as it is."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_double(cell: str) -> bool:
    """Say whether a cell is a number that a double holds: not 1e400, nor digits that it would round off."""
    if not NUMBER.fullmatch(cell):
        return False
    number = float(cell)
    return isfinite(number) and (abs(number) < 2**53 or not cell.lstrip("-").isdigit())


def survives_float(value: float | None) -> bool:
    """Say whether a number stays what it is as a double."""
    return not isinstance(value, int) or abs(value) <= 2**53


def date_reader(form: str) -> Callable[[str], date]:
    """Make the function that reads a date written in one of DATE_FORMATS."""
    return lambda text: datetime.strptime(text, form).date()  # noqa: DTZ007 - a date has no zone


def in_utc(text: str) -> datetime:
    """Read ISO 8601 with an offset.  Raises ValueError or OverflowError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(text)
    return moment.astimezone(UTC).replace(tzinfo=None)


def read_all(values: Column, read: Callable[[str], Any]) -> Column | None:
    """Read every value that is not NULL; None where one cannot be read."""
    try:
        return [None if v is None else read(v) for v in values]
    except (ValueError, OverflowError):
        return None
