"""A column of a file on its way into one of a table: as what it is read, and how it travels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.seeding.formats import Wanted
from db.binary import (
    BIGINT,
    BIGINTS,
    BOOLEAN,
    DATE,
    DOUBLE,
    DOUBLES,
    JSON,
    TEXT,
    TIMESTAMP,
    UNTYPED,
    Field,
    Kind,
    halfvec,
    vector,
)

KINDS: Mapping[str, Kind] = {
    "text": TEXT,
    "integer": BIGINT,
    "number": DOUBLE,
    "boolean": BOOLEAN,
    "date": DATE,
    "timestamp": TIMESTAMP,
    "json": JSON,
    "integers": BIGINTS,
    "numbers": DOUBLES,
    "sparsevec": TEXT,
    "bit": TEXT,
}
"""How a value of each kind travels; also the type a new column of it gets."""

READ_AS: Mapping[str, str] = {
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "float4": "number",
    "float8": "number",
    "bool": "boolean",
    "date": "date",
    "timestamptz": "timestamp",
    "json": "json",
    "jsonb": "json",
    "vector": "vector",
    "halfvec": "halfvec",
    "sparsevec": "sparsevec",
    "bit": "bit",
    "_int8": "integers",
    "_float8": "numbers",
}
"""As what a value for a column of each base type is read; everything else travels as text."""

TEXTS = frozenset({"text", "varchar", "bpchar", "citext", "name"})
"""Base types that have a value without characters."""

NEW_TYPES = ("vector", "halfvec")
"""What the vectors of a new table can be kept as."""

SEARCHED = (*NEW_TYPES, "sparsevec", "bit")


@dataclass(frozen=True, slots=True)
class Mapped:
    """One column on its way into the table's column ``name``.

    ``source`` is the file's column; None where the value is made here: the number of the row, or a vector.
    """

    source: str | None
    name: str
    wanted: Wanted
    kind: Kind
    type: str
    base: str
    not_null: bool = False
    embeds: bool = False

    @property
    def field(self) -> Field:
        """The column as COPY sends it."""
        return Field(self.name, self.kind)

    @property
    def is_direct(self) -> bool:
        """Whether the table takes what COPY sends as it is."""
        return self.kind.name == self.type

    @property
    def server_checks(self) -> bool:
        """Whether only PostgreSQL can tell if a value fits: it travels as the text of another type."""
        return self.wanted.kind == "text" and self.type != "text"


@dataclass(frozen=True, slots=True)
class Route:
    """Every column on its way; ``key`` and ``vector`` name columns of the table.

    ``vector`` is "" where the table has none.  ``left_out`` are the file's columns that stay behind, and
    ``text`` those that are embedded.
    """

    columns: tuple[Mapped, ...]
    key: tuple[str, ...]
    vector: str
    left_out: tuple[str, ...]
    text: tuple[str, ...]

    @property
    def wanted(self) -> dict[str, Wanted]:
        """What to ask of the file: its columns that are taken, and those that are only embedded."""
        taken = {mapped.source: mapped.wanted for mapped in self.columns if mapped.source is not None}
        return {name: Wanted("text") for name in self.text} | taken

    @property
    def embedding(self) -> Mapped | None:
        """The column whose vectors are made of text; None where none is."""
        return next((mapped for mapped in self.columns if mapped.embeds), None)

    @property
    def is_bare(self) -> bool:
        """Whether a table of these columns has nothing but its key and vectors."""
        return all(mapped.name in self.key or mapped.base in NEW_TYPES for mapped in self.columns)

    @property
    def by_key(self) -> tuple[Mapped, ...]:
        """The columns of the key that the file brings, in the key's order."""
        found = {mapped.name: mapped for mapped in self.columns if mapped.source is not None}
        return tuple(found[name] for name in self.key if name in found)


def vector_kind(type_name: str, dimensions: int | None) -> Kind:
    """Choose how vectors travel; those of no fixed length in a column of any type."""
    if dimensions is None:
        return UNTYPED
    return halfvec(dimensions) if type_name == "halfvec" else vector(dimensions)


def some(names: Sequence[str]) -> str:
    """List names for a sentence; not all where there are very many."""
    return ", ".join(f'"{name}"' for name in names[:20])
