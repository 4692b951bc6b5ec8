"""Keys as text: how a row is called in an address, on the command line and in a sample."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from db.catalog import ColumnInfo
from db.errors import RequestError
from db.nearest import identity_names


def key_parts(column: ColumnInfo, key: str) -> tuple[str, ...]:
    """Read a key: the text itself, or a JSON list where several columns tell rows apart.

    Raises RequestError for a text that is no such list.
    """
    names = identity_names(column)
    if len(names) == 1:
        return (key,)
    try:
        parts = json.loads(key)
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, list) or len(parts) != len(names):
        raise RequestError(
            f"{key[:80]!r} is not a key of {column.schema}.{column.table}.",
            f"Its key is {', '.join(names)}: write a JSON list of {len(names)} values.",
        )
    return tuple(part if isinstance(part, str) else json.dumps(part) for part in parts)


def key_text(parts: Sequence[Any]) -> str:
    """Spell what ``key_parts`` reads."""
    return json.dumps([str(part) for part in parts]) if len(parts) > 1 else str(parts[0])
