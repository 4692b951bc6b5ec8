"""The rows of a selection as a condition: what a lasso becomes, for other pages to filter by."""

from __future__ import annotations

import json
from collections.abc import Sequence

from db.catalog import ColumnInfo
from db.conditions import Condition, Group, to_text
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


def that_fit_an_address(column: ColumnInfo, keys: Sequence[str]) -> int:
    """Count how many of ``keys``, from the first, an address can carry."""
    fitting, beyond = 0, len(keys) + 1
    while beyond - fitting > 1:
        middle = (fitting + beyond) // 2
        if len(to_text(among(column, keys[:middle]))) <= ADDRESS_LENGTH:
            fitting = middle
        else:
            beyond = middle
    return fitting
