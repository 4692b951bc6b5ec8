"""Values as text: to be embedded, to be compared, to be read by PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np

from dashboard.seeding.spelling import as_text
from db.binary import Values


def spelled_out(value: Any) -> str:
    """Spell one value as people and PostgreSQL write it.

    >>> spelled_out("x"), spelled_out(5), spelled_out(date(2026, 1, 2)), spelled_out(np.array([1.5]))
    ('x', '5', '2026-01-02', '[1.5]')
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    return value.isoformat() if isinstance(value, date) else as_text(value)


def joined(values: Mapping[str, Values], names: Sequence[str], rows: int) -> list[str]:
    """Join the values of the columns ``names``, row by row, in that order; what is missing is left out."""
    columns = [values.get(name, [None] * rows) for name in names]
    return [" ".join(spelled_out(v) for v in row if v is not None) for row in zip(*columns, strict=True)]
