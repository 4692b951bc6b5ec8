"""What runs asked for, as rules compare it with the indexes."""

from __future__ import annotations

import re

from db.errors import RequestError
from db.filters import Filter, parse_filter


def conditions(subset: str | None) -> tuple[Filter, ...]:
    """Read the conditions a run was limited by; none for all rows, or a share of them drawn at random.

    >>> [one.column for one in conditions("price <= 150 and brand = Fell")], conditions("1 %")
    (['price', 'brand'], ())
    """
    if subset is None or subset.rstrip().endswith("%"):
        return ()
    try:
        return tuple(parse_filter(part) for part in re.split(r"\s+and\s+", subset))
    except RequestError:
        return ()
