"""The columns of a table as an export has them: all of them, each in the form a file wants it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import BigInteger, ColumnElement, Connection, Integer, Text, cast, extract, func, text

from db.columns import VECTOR_TYPES, VectorColumn

Form = Literal["text", "json", "native"]
"""How values leave: as PostgreSQL spells them, as JSON, or as what a file with types of its own takes."""

_COLUMNS = text("""
WITH RECURSIVE bottoms (type, base, modifier) AS (
  SELECT oid, oid, -1 FROM pg_type WHERE typtype <> 'd'
  UNION ALL
  SELECT d.oid, b.base, GREATEST(d.typtypmod, b.modifier)
  FROM bottoms b JOIN pg_type d ON d.typtype = 'd' AND d.typbasetype = b.type)
SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, base.typname AS base,
       base.typcategory::text AS category,
       NULLIF(GREATEST(a.atttypmod, bottoms.modifier), -1) AS modifier
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN bottoms ON bottoms.type = a.atttypid
JOIN pg_type base ON base.oid = bottoms.base
WHERE n.nspname = :schema AND c.relname = :table AND a.attnum > 0 AND NOT a.attisdropped
  AND has_column_privilege(c.oid, a.attnum, 'SELECT')
ORDER BY a.attnum
""")

_Express = Callable[[ColumnElement[Any]], ColumnElement[Any]]

_NATIVE: dict[str, _Express] = {
    **dict.fromkeys(("bool", "int2", "int4", "int8", "float4", "float8", "numeric"), lambda c: c),
    "date": lambda c: cast(extract("epoch", c) / 86_400, Integer),
    "timestamp": lambda c: cast(extract("epoch", c) * 1_000_000, BigInteger),
    "timestamptz": lambda c: cast(extract("epoch", c) * 1_000_000, BigInteger),
    # pgvector's binary form, which is exact and needs no reading of digits.
    "vector": func.vector_send,
    "halfvec": func.halfvec_send,
}
"""Types that a file can hold as they are, by pg_type.typname; all others leave as text.

Dates count days since 1970, timestamps microseconds: Python's own end at the year 9999.
"""

_HARMLESS = frozenset("NBDTV")
"""Categories of types whose values nobody can write a formula in: numbers, dates and the like."""


@dataclass(frozen=True, slots=True)
class ExportedColumn:
    """A column of the table, the vectors included.

    ``base`` is the type under a domain, by pg_type.typname; ``modifier`` what its atttypmod says.
    """

    name: str
    type: str
    base: str
    category: str
    modifier: int | None

    @property
    def decimals(self) -> tuple[int, int] | None:
        """Precision and scale of a numeric that has them and that 128 bits can hold."""
        if self.base != "numeric" or self.modifier is None:
            return None
        # Source: make_numeric_typmod in PostgreSQL's numeric.c; a scale below 0 looks like one over 1,000.
        precision, scale = (self.modifier - 4) >> 16, (self.modifier - 4) & 0x7FF
        return (precision, scale) if scale <= precision <= 38 else None

    @property
    def native(self) -> str:
        """The type a file with types of its own gets it in: ``base``, or text."""
        if self.base == "numeric" and not self.decimals:
            return "text"
        return self.base if self.base in _NATIVE else "text"

    @property
    def numbers(self) -> int:
        """How many numbers each value is written with; 0 where that differs from row to row."""
        return self.modifier or 0 if self.base in {"vector", "halfvec"} else 0

    @property
    def is_vector(self) -> bool:
        """Whether it holds vectors of any of pgvector's types, or bits."""
        return self.base in VECTOR_TYPES

    @property
    def is_free_text(self) -> bool:
        """Whether a value may begin with anything, such as what a spreadsheet takes for a formula."""
        return not self.is_vector and self.category not in _HARMLESS


def exported_columns(connection: Connection, column: VectorColumn) -> tuple[ExportedColumn, ...]:
    """List every column of the table that may be read, in their order."""
    named = {"schema": column.schema, "table": column.table}
    return tuple(ExportedColumn(**row._asdict()) for row in connection.execute(_COLUMNS, named))


def value_of(value: ColumnElement[Any], column: ExportedColumn, form: Form) -> ColumnElement[Any]:
    """Make the expression of a column's value in the form wanted."""
    match form:
        case "native" if column.native in _NATIVE:
            return _NATIVE[column.native](value)
        # The text of these is JSON already; to_json would put it in quotes.
        case "json" if column.base not in {"vector", "halfvec", "json", "jsonb"}:
            return cast(func.to_json(value), Text)
    return cast(value, Text)
