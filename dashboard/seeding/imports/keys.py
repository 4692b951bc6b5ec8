"""The keys of a file's rows: which are there twice, and which the table has already."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.imports.texts import spelled_out
from db.binary import Values

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Twice:
    """A key of two rows."""

    key: str
    first: int
    again: int


class Keys:
    """Every key seen so far, by the number of its row.

    Whole numbers are kept as arrays, 16 bytes a row; any other key as itself.
    """

    def __init__(self) -> None:
        self._numbers: list[NDArray[np.int64]] = []
        self._rows: list[Rows] = []
        self._others: dict[tuple[str, ...], int] = {}
        self._twice: list[Twice] = []

    def add(self, columns: Sequence[Values], rows: Rows) -> None:
        """Take in the keys of ``rows``: one sequence of values for each column of the key, none missing."""
        if len(columns) == 1 and (numbers := _whole_numbers(columns[0])) is not None:
            self._numbers.append(numbers)
            self._rows.append(rows)
            return
        for row, *values in zip(rows.tolist(), *columns, strict=True):
            key = tuple(map(spelled_out, values))
            if (first := self._others.setdefault(key, row)) != row:
                self._twice.append(Twice(", ".join(key), first, row))

    def twice(self) -> Iterator[Twice]:
        """List the rows whose key an earlier one has."""
        yield from self._twice
        if not self._numbers:
            return
        numbers, rows = np.concatenate(self._numbers), np.concatenate(self._rows)
        order = np.argsort(numbers, kind="stable")
        numbers, rows = numbers[order], rows[order]
        starts = np.flatnonzero(np.append(True, numbers[1:] != numbers[:-1]))  # of each run of equal keys
        firsts = np.repeat(rows[starts], np.diff(np.append(starts, len(rows))))
        for place in np.flatnonzero(rows != firsts):
            yield Twice(str(numbers[place]), int(firsts[place]), int(rows[place]))


def _whole_numbers(values: Values) -> NDArray[np.int64] | None:
    """Make an array of whole numbers, also of a list of them: a batch with a gap brings one; None else."""
    if isinstance(values, np.ndarray):
        return values if values.dtype.kind == "i" else None
    return np.array(values, np.int64) if all(type(value) is int for value in values) else None


def as_texts(columns: Sequence[Values]) -> list[list[str]]:
    """Spell keys as PostgreSQL reads them, column by column."""
    return [[spelled_out(value) for value in _plain(values)] for values in columns]


def _plain(values: Values) -> Sequence[Any]:
    return values.tolist() if isinstance(values, np.ndarray) else values
