"""Rows named by their keys: as a condition that other pages filter by, and as part of an address."""

from __future__ import annotations

import json
from collections.abc import Sequence

from db.catalog import ColumnInfo
from db.conditions import Condition, Group, to_text
from db.errors import RequestError
from db.filters import Filter
from db.nearest import identity_names

ADDRESS_LENGTH = 4_000
"""Characters a condition may take in an address: escaped they triple, and servers refuse some 16,000."""


def among(column: ColumnInfo, keys: Sequence[str]) -> Condition:
    """Make the condition that holds for the rows called ``keys``, which are not none."""
    names = identity_names(column)
    if len(names) == 1:
        return Filter(names[0], "in", tuple(keys))
    return Group("any", tuple(_one(names, json.loads(key)) for key in keys))


def _one(names: Sequence[str], parts: Sequence[str]) -> Condition:
    return Group("all", tuple(Filter(name, "=", part) for name, part in zip(names, parts, strict=True)))


def keys_to_text(keys: Sequence[str]) -> str:
    """Write keys for an address: those that fit, from the first.

    >>> keys_to_text(["7", "8"])
    '["7","8"]'
    """
    fitting = list(keys[:ADDRESS_LENGTH])
    while len(text := json.dumps(fitting, ensure_ascii=False, separators=(",", ":"))) > ADDRESS_LENGTH:
        # At least one fewer, else as many as the room holds of the usual length.
        fitting = fitting[: min(len(fitting) - 1, len(fitting) * ADDRESS_LENGTH // len(text))]
    return text


def keys_from_text(column: ColumnInfo, given: str) -> tuple[str, ...]:
    """Read what ``keys_to_text`` wrote.  Raises RequestError for what are no keys of the column's table."""
    names = identity_names(column)
    keys = _texts(given)
    if keys is None or not all(len(names) == 1 or len(_texts(key) or ()) == len(names) for key in keys):
        raise RequestError(
            f"{given[:80]!r} is not a list of keys by {', '.join(names)}.",
            "Choose rows on the page Data, and take them to the map from there.",
        )
    return tuple(dict.fromkeys(keys))


def _texts(given: str) -> list[str] | None:
    """Read a JSON list of texts; None where it is something else."""
    try:
        texts = json.loads(given)
        json.dumps(texts, ensure_ascii=False).encode()  # half a surrogate pair is no text
    except (ValueError, RecursionError):
        return None
    is_list = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
    return texts if is_list else None


def that_fit_an_address(column: ColumnInfo, keys: Sequence[str]) -> int:
    """Count how many of ``keys``, from the first, a condition in an address can carry."""
    fitting, beyond = 0, len(keys) + 1
    while beyond - fitting > 1:
        middle = (fitting + beyond) // 2
        if len(to_text(among(column, keys[:middle]))) <= ADDRESS_LENGTH:
            fitting = middle
        else:
            beyond = middle
    return fitting
