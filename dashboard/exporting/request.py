"""What somebody wants exported, as a job's parameters keep it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from dashboard.exporting.formats import format_named
from db.browse import Sort
from db.catalog import ColumnInfo
from db.columns import split_name
from db.conditions import from_text
from db.errors import RequestError
from db.export import Selection


@dataclass(frozen=True, slots=True)
class Scope:
    """How much of a table: the rows ``by_key``, or those a condition describes."""

    key: str
    label: str
    by_key: bool


SCOPES: dict[str, Scope] = {
    scope.key: scope
    for scope in (
        Scope("page", "This page", by_key=True),
        Scope("selected", "Selected", by_key=True),
        Scope("filtered", "Filtered", by_key=False),
        Scope("all", "All rows", by_key=False),
    )
}


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """One export: ``column`` is ``schema.table.column``, ``where`` a condition as ``to_text`` writes it.

    ``keys`` names rows by the text of their key's parts; ``rows`` cuts the file off after so many.
    ``bom`` puts a byte order mark before CSV, which Excel needs to see UTF-8.

    Raises RequestError where it contradicts itself.
    """

    column: str
    format: str = "csv"
    scope: str = "all"
    where: str = ""
    keys: tuple[tuple[str, ...], ...] | None = None
    sort: str | None = None
    descending: bool = False
    rows: int | None = None
    bom: bool = False

    def __post_init__(self) -> None:
        if self.scope not in SCOPES:
            raise RequestError(f"There is no scope {self.scope!r}.", f"Choose one of {', '.join(SCOPES)}.")
        if SCOPES[self.scope].by_key != (self.keys is not None):
            raise RequestError(
                f"The scope {self.scope} and the rows named contradict each other.",
                "Name rows for page and selected, and for no other scope.",
            )
        if self.bom and not format_named(self.format).has_bom:
            raise RequestError(f"{self.format} takes no byte order mark.", "Leave it out.")

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> ExportRequest:
        """Read what ``to_params`` wrote, back from JSON."""
        keys = params.get("keys")
        return cls(**{**params, "keys": keys and tuple(map(tuple, keys))})

    def to_params(self) -> dict[str, Any]:
        """Make the JSON form."""
        return asdict(self)

    def selection(self, column: ColumnInfo) -> Selection:
        """Make the rows' description of the column found by name.

        Raises RequestError for a condition that cannot be read.
        """
        sort = Sort(self.sort, self.descending) if self.sort else None
        keys = None if self.keys is None else tuple(dict.fromkeys(self.keys))
        return Selection(column, from_text(self.where), keys, sort, self.rows)

    def stem(self, at: datetime) -> str:
        """Name the file as far as it is known beforehand: ``table_filter_YYYYMMDDThhmmZ``, ``at`` in UTC.

        >>> ExportRequest("public.items.embedding").stem(datetime(2026, 5, 4, 3, 2))
        'items_all_20260504T0302Z'
        """
        table = re.sub(r"\W+", "_", split_name(self.column, 3)[1]).strip("_")[:80] or "table"
        return f"{table}_{self._filter_hash()}_{at:%Y%m%dT%H%MZ}"

    def _filter_hash(self) -> str:
        if not self.where and self.keys is None:
            return "all"
        return hashlib.sha256(json.dumps([self.where, self.keys]).encode()).hexdigest()[:8]


def key_parts(given: str) -> tuple[str, ...]:
    """Read a key as the command line spells it: a text, or a JSON list of its parts.

    >>> key_parts("7"), key_parts('["north", 7]')
    (('7',), ('north', '7'))
    """
    try:
        parts = json.loads(given)
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, list):
        return (given,)
    return tuple(part if isinstance(part, str) else json.dumps(part) for part in parts)
