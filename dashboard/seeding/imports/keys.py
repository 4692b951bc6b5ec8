"""The keys of a file's rows: which are there twice, and which the table has already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.imports.texts import spelled_out
from db.binary import Values

Rows = NDArray[np.int64]
Spell = Callable[[Rows], Mapping[int, str]]
"""Reads the keys of rows, by their numbers, once more."""

SPELLED = 100_000
"""Rows of one hash that are looked at again; of more, the keys are not named."""


@dataclass(frozen=True, slots=True)
class Twice:
    """A key of two rows."""

    key: str
    first: int
    again: int


class Keys:
    """Every key seen so far, by the number of its row: 16 bytes a row, whatever the key.

    A whole number is kept as itself, and any other key as a hash, so that rows of one hash have to be
    looked at again.
    """

    def __init__(self) -> None:
        self._marks: list[NDArray[np.int64]] = []
        self._rows: list[Rows] = []
        self._hashed = False

    def add(self, columns: Sequence[Values], rows: Rows) -> None:
        """Take in the keys of ``rows``: one sequence of values for each column of the key, none missing."""
        marks = _whole_numbers(columns[0]) if len(columns) == 1 else None
        if marks is None:
            self._hashed = True
            marks = np.fromiter(map(hash, zip(*as_texts(columns), strict=True)), np.int64, len(rows))
        self._marks.append(marks)
        self._rows.append(rows)

    def twice(self, spell: Spell) -> Iterator[Twice]:
        """List the rows whose key an earlier one has."""
        if not self._marks:
            return
        marks, rows = np.concatenate(self._marks), np.concatenate(self._rows)
        order = np.argsort(marks, kind="stable")
        marks, rows = marks[order], rows[order]
        starts = np.flatnonzero(np.append(True, marks[1:] != marks[:-1]))  # of each run of equal marks
        firsts = np.repeat(rows[starts], np.diff(np.append(starts, len(rows))))
        places = np.flatnonzero(rows != firsts)
        if not self._hashed:
            yield from (Twice(str(marks[at]), int(firsts[at]), int(rows[at])) for at in places)
        elif len(places):
            yield from _compared(firsts[places], rows[places], spell)


def _compared(firsts: Rows, again: Rows, spell: Spell) -> Iterator[Twice]:
    """Tell rows of one key from those of two keys with one hash."""
    keys = spell(np.union1d(firsts[:SPELLED], again[:SPELLED]))
    seen: dict[str, int] = {}
    for first, row in zip(firsts[:SPELLED].tolist(), again[:SPELLED].tolist(), strict=True):
        seen.setdefault(keys[first], first)
        if (earlier := seen.setdefault(keys[row], row)) != row:
            yield Twice(keys[row], earlier, row)
    for first, row in zip(firsts[SPELLED:].tolist(), again[SPELLED:].tolist(), strict=True):
        yield Twice("…", first, row)


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
