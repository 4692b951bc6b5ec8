"""A page of rows as it is asked for: which rows, in what order, and from where on."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Literal

from db.catalog import ColumnInfo
from db.conditions import EVERY_ROW, Condition
from db.errors import RequestError

PAGE_ROWS = 100

Paging = Literal["keyset", "blocks", "offset"]
"""How a page is found: by the order itself, by where rows lie on disk, or by counting rows off."""

_DIRECTION = re.compile("[<>]=?")


@dataclass(frozen=True, slots=True)
class Sort:
    """The column that rows are ordered by; rows where it is NULL come last either way."""

    column: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in the order: the sort's value (if any), then the key, as text.

    Fewer values stand for the first row that has them; none, for the end.  The page lies after the
    place, or ``before`` it, and an ``inclusive`` one has the row itself.
    """

    values: tuple[str | None, ...]
    before: bool = False
    inclusive: bool = False

    def to_text(self) -> str:
        """Write the cursor as compact JSON for an address.

        >>> Cursor(("9.5", "17")).to_text()
        '[">","9.5","17"]'
        """
        direction = ("<" if self.before else ">") + ("=" if self.inclusive else "")
        return json.dumps([direction, *self.values], ensure_ascii=False, separators=(",", ":"))


def cursor_from_text(given: str) -> Cursor | None:
    """Read what ``Cursor.to_text`` wrote; nothing is the first page.

    Raises RequestError for what it did not write.
    """
    if not given.strip():
        return None
    try:
        document = json.loads(given)
        json.dumps(document, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        document = None
    match document:
        case [str() as direction, *values] if _DIRECTION.fullmatch(direction):
            if all(value is None or isinstance(value, str) for value in values):
                return Cursor(tuple(values), before=direction[0] == "<", inclusive=direction[1:] == "=")
    raise RequestError(f"{given[:80]!r} is not a place in a table.", "Start again at the first page.")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """One page: without ``sort`` the newest rows, those of the highest key, come first."""

    column: ColumnInfo
    where: Condition = EVERY_ROW
    sort: Sort | None = None
    cursor: Cursor | None = None
    rows: int = PAGE_ROWS

    @property
    def paging(self) -> Paging:
        """How the page is found; only a view's or a foreign table's own order has no place to begin at.

        The order of a foreign table is never its own: what tells its rows apart is not for comparing.
        """
        if self.column.key:
            return "keyset"
        if self.column.kind == "foreign table" or (self.column.kind == "view" and not self.sort):
            return "offset"
        return "keyset" if self.sort else "blocks"


def last_page(request: PageRequest) -> PageRequest:
    """Ask for the end of the same rows."""
    return replace(request, cursor=Cursor((), before=True))
