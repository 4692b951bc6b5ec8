"""An index somebody wishes for on their own table: its name, its statement, and what stands in the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Index, MetaData, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex

from db.catalog import ColumnInfo
from db.conditions import EVERY_ROW, Condition, clause, filters_of, to_text
from db.distance import Distance
from db.errors import RequestError
from db.forms import IndexSpec
from db.index_ground import Partition
from db.remedies import NAME_BYTES, quoted

_DIALECT = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class IndexPlan:
    """One index to build: of rows that meet ``where``, called ``name``.

    Raises RequestError where pgvector has no such index, or PostgreSQL no such name.
    """

    column: ColumnInfo
    spec: IndexSpec
    distance: Distance
    where: Condition = EVERY_ROW
    given_name: str | None = None

    def __post_init__(self) -> None:
        if self.spec.only:
            raise RequestError(
                "only=... names a subset of a benchmark's plan.", "Say by a condition which rows to index."
            )
        if self.column.dimensions is None:
            raise RequestError(
                f"{self.column} takes vectors of any length, and an index needs one.",
                "Give the column its length first: ALTER TABLE ... ALTER COLUMN ... TYPE vector(n).",
            )
        self.spec.check(self.column.type, self.column.dimensions, self.distance)
        if self.given_name is not None:
            check_name(self.given_name)

    @property
    def name(self) -> str:
        """The name given, else one that says what it is, and by its end that it is ours.

        Equal plans have equal names, so that the same index is not built twice.
        """
        if self.given_name:
            return self.given_name
        asked = (str(self.column), str(self.spec), self.distance.stem, to_text(self.where))
        ending = f"_{self.spec.method.name}_{hashlib.sha256(repr(asked).encode()).hexdigest()[:6]}"
        return _cut(f"vs_{self.column.table}_{self.column.column}", NAME_BYTES - len(ending)) + ending

    @property
    def index(self) -> Index:
        """Make the Index, which is built without blocking writes."""
        return self._on(self.column, self.name)

    @property
    def sql(self) -> str:
        """The statement, as one pastes it."""
        return written(self.index)

    @property
    def operator_class(self) -> str:
        """The operator class of what the index holds."""
        held_type, _, searched = self.spec.holds(self.column.type, self.column.dimensions or 0, self.distance)
        return searched.operator_class(held_type)

    def for_partitions(self, partitions: Sequence[Partition]) -> tuple[str, ...]:
        """Write what builds the index on a partitioned table without blocking writes, part by part.

        The parent's is invalid until every part's is attached.  Source: PostgreSQL documentation, 5.12.2.2.
        """
        return tuple(self._parts(partitions))

    def _parts(self, partitions: Sequence[Partition]) -> Iterator[str]:
        names = {(self.column.schema, self.column.table): self.name}
        yield _on_only(self._on(self.column, self.name))
        for number, part in enumerate(partitions, 1):
            name = f"{_cut(self.name, NAME_BYTES - 6)}_p{number}"
            names[part.schema, part.table] = name
            made = self._on(replace(self.column, schema=part.schema, table=part.table), name)
            yield written(made) if part.is_leaf else _on_only(made)
        for part in reversed(partitions):
            parent = quoted(part.parent_schema, names[part.parent_schema, part.parent])
            child = quoted(part.schema, names[part.schema, part.table])
            yield f"ALTER INDEX {parent} ATTACH PARTITION {child}"

    def _on(self, column: ColumnInfo, name: str) -> Index:
        rows = column.as_table(*(f.column for f in filters_of(self.where)))
        made = self.spec.on(
            rows, column.column, column.type, column.dimensions or 0, self.distance, name=name
        )
        options = made.dialect_options["postgresql"]
        options["concurrently"] = True
        if self.where != EVERY_ROW:
            options["where"] = clause(self.where, dict(rows.c.items()))
        return made


def written(index: Index) -> str:
    """Write the statement that builds an index."""
    return str(CreateIndex(index).compile(dialect=_DIALECT)).strip()


def named(schema: str, table: str, name: str) -> Index:
    """Make an Index that stands for the one of this name, to be dropped or rebuilt concurrently."""
    return Index(name, _table=Table(table, MetaData(), schema=schema), postgresql_concurrently=True)


def check_name(name: str) -> None:
    """Raise RequestError for what PostgreSQL would cut or refuse as a name."""
    if not name.strip() or "\0" in name:
        raise RequestError(f"{name!r} is no name for an index.", "Choose one with a letter in it.")
    if (size := len(name.encode())) > NAME_BYTES:
        raise RequestError(
            f"The name {name[:40]}… has {size} bytes, over {NAME_BYTES}.",
            "PostgreSQL would cut it; choose a shorter one.",
        )


def _on_only(index: Index) -> str:
    index.dialect_options["postgresql"]["concurrently"] = False
    begins = f"CREATE INDEX {quoted(str(index.name))} ON "
    return f"{begins}ONLY {written(index).removeprefix(begins)}"


def _cut(name: str, size: int) -> str:
    return name.encode()[:size].decode("utf-8", "ignore")
