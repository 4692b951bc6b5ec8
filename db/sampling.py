"""Seeded samples of a vector column: keys, vectors and a few plain columns, however large the table.

The same seed on the same table draws the same rows.  How they were drawn is part of the sample: pages
come whole under SYSTEM, so that rows stored together are drawn together.
"""

from __future__ import annotations

import json
import math
import struct
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, TableClause, Text, func, literal, select, tablesample
from sqlalchemy import cast as sql_cast

from db.catalog import ColumnInfo, other_columns
from db.conditions import EVERY_ROW, Condition, clause, columns_of
from db.copy_rows import RawRow, copy_out_rows
from db.errors import RequestError
from db.explain import explain
from db.nearest import SHOWN_LENGTH, identity, identity_names, source

Vectors = NDArray[np.float32]

ALL, BERNOULLI, SYSTEM, HASHED = "all rows", "BERNOULLI", "SYSTEM", "hash order"

METHODS = {
    ALL: "every row was read",
    BERNOULLI: "each row drawn on its own (TABLESAMPLE BERNOULLI)",
    SYSTEM: "whole pages drawn (TABLESAMPLE SYSTEM): rows stored together come together",
    HASHED: "the first rows in the order of a hash of their key",
}
"""How a sample can be drawn, and what that means."""

WHOLE_SCAN_BYTES = 2**30
"""Up to this size of table BERNOULLI reads every page: a second or two from memory, and no bias."""

SAMPLE_BYTES = 128 * 2**20
"""What the vectors of a sample may take: 20,000 of 1,536 dimensions; fewer of longer ones."""

MAX_DENSE_DIMENSIONS = 16_000
"""Longest sparsevec that is written out in full: as long as the type vector goes."""

USUAL_DIMENSIONS = 1536
"""Assumed of an untyped column that was never analyzed."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows drawn from a column, those without a vector left out of all but ``nulls``.

    ``keys`` are spelled as a search by row takes them.  ``labels`` holds the plain columns asked for, as
    PostgreSQL spells their values, cut at 200 characters.  ``of_rows`` is how many rows there were to draw
    from: an estimate unless ``of_rows_exact``, None where nobody could tell.  ``mix`` counts the drawn
    vectors by their dimensions; of an untyped column only the commonest are in ``vectors``.
    """

    keys: tuple[str, ...]
    vectors: Vectors
    """Shape (n, dimensions); of sparsevec dense, of bit 0 and 1."""
    labels: Mapping[str, tuple[str | None, ...]]
    nulls: int
    mix: Mapping[int, int]
    of_rows: int | None
    of_rows_exact: bool
    method: str
    seed: int

    @property
    def n(self) -> int:
        """How many vectors there are."""
        return len(self.keys)

    @property
    def drawn(self) -> int:
        """How many rows were drawn: also those without a vector, or with one of other dimensions."""
        return self.nulls + sum(self.mix.values())

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out by chance."""
        return self.method == ALL

    @property
    def share(self) -> float | None:
        """Share of the rows that was drawn, in [0, 1]."""
        return min(1.0, self.drawn / self.of_rows) if self.of_rows else None


def take_sample(
    connection: Connection,
    column: ColumnInfo,
    *,
    rows: int = 20_000,
    seed: int = 42,
    where: Condition = EVERY_ROW,
    columns: Sequence[str] = (),
) -> Sample:
    """Draw about ``rows`` rows of those that meet ``where``: all where there are fewer, never more.

    Fewer come where their vectors would take over SAMPLE_BYTES.  Raises RequestError for a condition
    that the columns do not bear, and for a sparsevec too long to be written out.
    """
    wanted = max(1, min(rows, SAMPLE_BYTES // (4 * _dimensions(column))))
    expected = _expected(connection, column, where)
    draw = partial(
        _draw, connection, column, wanted=wanted, expected=expected, seed=seed, where=where, columns=columns
    )
    found = draw(method=(method := _method(column, expected, wanted)))
    too_few = method in {BERNOULLI, SYSTEM} and len(found) < wanted // 2
    if too_few or (method != HASHED and len(found) >= _most(wanted, method)):
        # The estimate was far off, or the rows that meet the condition lie together.
        found = draw(method=(method := HASHED))
    if len(found) > wanted:
        kept = np.random.default_rng(seed).choice(len(found), wanted, replace=False)
        found = [found[place] for place in np.sort(kept)]
    exact = method == ALL or (where == EVERY_ROW and column.rows_exact)
    return _sample(
        column,
        columns,
        found,
        of_rows=len(found) if method == ALL else expected,
        of_rows_exact=exact,
        method=method,
        seed=seed,
    )


def _dimensions(column: ColumnInfo) -> int:
    if column.dimensions:
        return column.dimensions
    if column.rows and column.column_bytes:
        return max(1, column.column_bytes // column.rows // 4)
    return USUAL_DIMENSIONS


def _expected(connection: Connection, column: ColumnInfo, where: Condition) -> int | None:
    """Tell how many rows there are to draw from, without reading them."""
    if where == EVERY_ROW:
        return column.rows
    rows = _source(connection, column)
    plan = explain(connection, select(rows.c[column.column]).where(clause(where, columns_of(column, rows))))
    return round(plan.root.rows_estimated)


def _method(column: ColumnInfo, expected: int | None, wanted: int) -> str:
    if expected is not None and expected <= wanted:
        return ALL
    if expected is None or column.kind in {"view", "foreign table"}:
        return HASHED
    return BERNOULLI if column.size_bytes <= WHOLE_SCAN_BYTES else SYSTEM


def _draw(
    connection: Connection,
    column: ColumnInfo,
    *,
    method: str,
    wanted: int,
    expected: int | None,
    seed: int,
    where: Condition,
    columns: Sequence[str],
) -> list[RawRow]:
    rows = _source(connection, column)
    if method in {BERNOULLI, SYSTEM}:
        percent = min(100.0, 100 * _enough(wanted, method) / max(1, expected or 1))
        drawn = tablesample(rows, getattr(func, method.lower())(percent), name="drawn", seed=literal(seed))
        rows = cast(TableClause, drawn)  # a view cannot be drawn from, and only its identity needs a table
    marks = [sql_cast(mark, Text) for mark in identity(column, rows).values()]
    labels = (func.left(sql_cast(rows.c[name], Text), SHOWN_LENGTH) for name in columns)
    read: list[ColumnElement[Any]] = [*marks, rows.c[column.column], *labels]
    statement = select(*read).where(clause(where, columns_of(column, rows)))
    if method == HASHED:
        hashed = func.hashtextextended(func.concat_ws("/", *marks), seed)
        statement = statement.order_by(hashed)
    # An estimate may be wrong a hundred times over: what comes must fit into memory all the same.
    statement = statement.limit(_most(wanted, method))
    return list(copy_out_rows(connection, statement))


def _most(wanted: int, method: str) -> int:
    """Rows that a draw returns at most; that many mean that the estimate it went by was too low."""
    return {ALL: wanted + 1, HASHED: wanted}.get(method, 2 * wanted + 1)


def _source(connection: Connection, column: ColumnInfo) -> TableClause:
    return source(column, (other.name for other in other_columns(connection, column)))


def _enough(wanted: int, method: str) -> float:
    """Rows to ask a method for, so that as good as never fewer than ``wanted`` come.

    BERNOULLI's number is binomial: four deviations more.  Under SYSTEM pages differ in how full they are.
    """
    return wanted + 4 * math.sqrt(wanted) if method == BERNOULLI else 1.25 * wanted


def _sample(column: ColumnInfo, columns: Sequence[str], found: Sequence[RawRow], **how: Any) -> Sample:
    parts = len(identity_names(column))
    decode = _DECODERS[column.type]
    filled = [(row, decode(sent)) for row in found if (sent := row[parts]) is not None]
    mix = Counter(len(vector) for _, vector in filled)
    usual = max(mix, key=lambda length: (mix[length], length), default=None)
    dimensions = usual or column.dimensions or 0
    kept = [(row, vector) for row, vector in filled if len(vector) == dimensions]
    vectors = np.empty((len(kept), dimensions), np.float32)
    for place, (_, vector) in enumerate(kept):
        vectors[place] = vector
    return Sample(
        keys=tuple(_key(row[:parts]) for row, _ in kept),
        vectors=vectors,
        labels={
            name: tuple(_text(row[parts + 1 + place]) for row, _ in kept)
            for place, name in enumerate(columns)
        },
        nulls=len(found) - len(filled),
        mix=dict(mix.most_common()),
        **how,
    )


def _text(field: memoryview | None) -> str | None:
    return None if field is None else str(field, "utf-8")


def _key(parts: Sequence[memoryview | None]) -> str:
    texts = [_text(part) or "" for part in parts]
    return texts[0] if len(texts) == 1 else json.dumps(texts)


# What each type's send function writes.  Source: vector.c, halfvec.c, sparsevec.c of pgvector 0.8.5, and
# varbit.c of PostgreSQL.


def _vector(field: memoryview) -> NDArray[Any]:
    return np.frombuffer(field, ">f4", offset=4)


def _halfvec(field: memoryview) -> NDArray[Any]:
    return np.frombuffer(field, ">f2", offset=4)


def _sparsevec(field: memoryview) -> NDArray[Any]:
    dimensions, stored, _ = struct.unpack_from(">iii", field)
    if dimensions > MAX_DENSE_DIMENSIONS:
        raise RequestError(
            f"A sparsevec of {dimensions:,} dimensions is too long to be looked at whole.",
            f"Up to {MAX_DENSE_DIMENSIONS:,} dimensions can be sampled.",
        )
    dense = np.zeros(dimensions, np.float32)
    places = np.frombuffer(field, ">i4", stored, 12)
    dense[places] = np.frombuffer(field, ">f4", stored, 12 + 4 * stored)
    return dense


def _bit(field: memoryview) -> NDArray[Any]:
    (length,) = struct.unpack_from(">i", field)
    return np.unpackbits(np.frombuffer(field, np.uint8, offset=4))[:length]


_DECODERS: Mapping[str, Callable[[memoryview], NDArray[Any]]] = {
    "vector": _vector,
    "halfvec": _halfvec,
    "sparsevec": _sparsevec,
    "bit": _bit,
}
