"""Which kind a column of text or JSON values has, found a batch at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Any

from dashboard.seeding.formats.cells import Unreadable, list_cell, vector_cell
from dashboard.seeding.formats.table import FileColumn
from dashboard.seeding.spelling import (
    DATE_FORMATS,
    INTEGER,
    TRUTH,
    as_text,
    date_reader,
    in_utc,
    is_double,
    read_all,
    survives_float,
)

LOOKED_AT, LOOKED_AT_LENGTH = 1000, 1 << 20
"""Values by which a column is taken for vectors, and their characters or elements in all."""
SAMPLED = 3
SAMPLE_CHARACTERS = 60

Test = Callable[[Sequence[Any]], bool]


def _whole(values: Sequence[Any]) -> bool:
    return all(type(v) is int and -(2**63) <= v < 2**63 for v in values)


def _spelled_whole(values: Sequence[str]) -> bool:
    return all(map(INTEGER.fullmatch, values)) and _whole([int(v) for v in values])


def _double(values: Sequence[Any]) -> bool:
    return all(type(v) in {int, float} and survives_float(v) for v in values)


TYPED: dict[str, Test] = {
    "integer": _whole,
    "number": _double,
    "boolean": lambda values: all(type(v) is bool for v in values),
}
"""Kinds by the types of JSON's values, the narrowest first."""

SPELLED: dict[str, Test] = {
    "integer": _spelled_whole,
    "number": lambda values: all(map(is_double, values)),
    "boolean": lambda values: all(v.lower() in TRUTH for v in values),
}
"""Kinds by the spelling of CSV's texts."""


class Narrowing:
    """One column, told its values in order: NULLs are counted, and kinds they do not fit ruled out.

    The kind is the narrowest that holds every value without changing one, but for vectors: a column is of
    vectors where more than half of its first values are, so that the others can be named.
    """

    def __init__(self, name: str, tests: dict[str, Test]) -> None:
        self._name = name
        self._tests = tests
        self._alive = list(tests)
        self._forms = list(DATE_FORMATS)
        self._differ: set[tuple[str, str]] = set()
        self._moments = True
        self._nested = False
        self._first: list[Any] = []
        self._room = LOOKED_AT_LENGTH
        self._nulls = 0

    def add(self, values: Sequence[Any]) -> None:
        """Tell the next values of the column; None is NULL."""
        present = [v for v in values if v is not None]
        self._nulls += len(values) - len(present)
        self._look_at(present[: LOOKED_AT - len(self._first)])
        self._alive = [kind for kind in self._alive if self._tests[kind](present)]
        self._nested = self._nested or any(isinstance(v, dict | list) for v in present)
        self._date(present)

    def _look_at(self, values: list[Any]) -> None:
        for value in values:
            if self._room <= 0:
                break
            self._first.append(value)
            self._room -= len(value) if isinstance(value, str | list) else 1

    def _date(self, present: list[Any]) -> None:
        if not all(type(v) is str for v in present):
            self._forms, self._moments = [], False
        read = {
            form: dates for form in self._forms if (dates := read_all(present, date_reader(form))) is not None
        }
        self._forms = list(read)
        self._differ |= {(a, b) for a, b in combinations(read, 2) if read[a] != read[b]}
        self._moments = self._moments and read_all(present, in_utc) is not None

    def column(self) -> FileColumn:
        """Say what the column is."""
        lengths = Counter(filter(None, map(_length, self._first))).most_common()
        dimensions = self._dimensions(lengths)
        kind = "vector" if dimensions else self._kind()
        sample = tuple(shortened(as_text(v)) for v in self._first[:SAMPLED])
        form = self._forms[0] if kind == "date" else None
        found = tuple(length for length, _ in lengths)
        return FileColumn(self._name, kind, dimensions, self._nulls, sample, form, found)

    def _kind(self) -> str:
        if not self._first:
            return "text"
        if self._alive:
            return self._alive[0]
        if self._forms and not any(a in self._forms and b in self._forms for a, b in self._differ):
            return "date"
        if self._moments:
            return "timestamp"
        return "json" if self._nested else "text"

    def _dimensions(self, lengths: Sequence[tuple[int, int]]) -> int | None:
        """Give the length that more than half of the first values have, of ``lengths`` with their counts."""
        if not lengths:
            return None
        length, times = lengths[0]
        return length if times * 2 > len(self._first) else None


def _length(value: Any) -> int | None:
    try:
        if isinstance(value, list):
            return len(list_cell(value))
        return len(vector_cell(value)) if isinstance(value, str) and value.lstrip()[:1] == "[" else None
    except Unreadable:
        return None


def shortened(text: str) -> str:
    """Cut a text to what a preview shows."""
    return text if len(text) <= SAMPLE_CHARACTERS else text[: SAMPLE_CHARACTERS - 1] + "…"
