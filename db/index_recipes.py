"""A measured setting as something to paste: SQL and Python that build the index and search with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Index, ScalarSelect, Select, and_, column, select, table
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.schema import CreateIndex, DropIndex

from db.columns import VectorColumn
from db.distance import Distance
from db.filters import Filter
from db.forms import Form, IndexSpec

NAME_BYTES = 63
"""Longer names are cut by PostgreSQL.  Source: NAMEDATALEN."""

_DIALECT = postgresql.psycopg2.dialect()  # type: ignore[no-untyped-call]

_LIBRARY = "SELECT '[1]'::vector;  -- loads pgvector, whose settings are unknown before\n"

_SCRIPT = """\
import os

from sqlalchemy import create_engine, func, make_url, select, text

url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg2")
engine = create_engine(url)

with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
    connection.execute(text({index}))

with engine.connect() as connection:
    connection.execute(text("SELECT '[1]'::vector"))  # loads pgvector, whose settings are unknown before
    for name, value in {settings!r}.items():
        connection.execute(select(func.set_config(name, value, True)))  # until the transaction ends
    for row in connection.execute(text({search})):
        print(row)
"""


def index_sql(
    searched: VectorColumn, index: IndexSpec, distance: Distance, filters: tuple[Filter, ...] = ()
) -> str:
    """Write the statement that builds ``index`` without blocking writes; it refuses a transaction.

    A partial index is limited to the rows that meet every one of ``filters``.
    """
    made = _index(searched, index, distance, filters)
    return _plain(CreateIndex(made).compile(dialect=_DIALECT))


_MIGRATION = """\
\"\"\"Build an index for vector search.\"\"\"

from alembic import op

revision = "..."
down_revision = "..."


def upgrade() -> None:
    with op.get_context().autocommit_block():  # CONCURRENTLY refuses a transaction
        op.execute({build})


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute({drop})
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """A search through an index to build: ``k`` rows by ``distance``, of those that meet ``filters``."""

    index: IndexSpec
    settings: Mapping[str, str]
    distance: Distance
    k: int
    filters: tuple[Filter, ...] = ()


def as_sql(searched: VectorColumn, recipe: Recipe) -> str:
    """Write the index, and a search with its settings, for psql; the query is a row's own vector."""
    local = "".join(f"SET LOCAL {name} = {value};\n" for name, value in recipe.settings.items())
    search = f"{_LIBRARY}{local}{_search_sql(searched, recipe)};\n"
    return f"{_build_sql(searched, recipe)};\n\nBEGIN READ ONLY;\n{search}COMMIT;\n"


def as_python(searched: VectorColumn, recipe: Recipe) -> str:
    """Write the same as a script that reads DATABASE_URL."""
    return _SCRIPT.format(
        index=_literal(_build_sql(searched, recipe)),
        settings=dict(recipe.settings),
        search=_literal(_search_sql(searched, recipe)),
    )


def as_migration(searched: VectorColumn, recipe: Recipe) -> str:
    """Write an Alembic revision that builds the index, and drops it on the way back."""
    filters = recipe.filters if recipe.index.only else ()
    made = _index(searched, recipe.index, recipe.distance, filters)
    return _MIGRATION.format(
        build=_literal(_build_sql(searched, recipe)),
        drop=_literal(_plain(DropIndex(made).compile(dialect=_DIALECT))),
    )


def _build_sql(searched: VectorColumn, recipe: Recipe) -> str:
    only = recipe.filters if recipe.index.only else ()
    return index_sql(searched, recipe.index, recipe.distance, only)


def _index(
    searched: VectorColumn, index: IndexSpec, distance: Distance, filters: tuple[Filter, ...]
) -> Index:
    indexed = searched.as_table(*(f.column for f in filters))
    method = index.method.name
    whole = "_".join(
        [searched.table, searched.column, *([index.form.kind.name] if index.form else []), method]
    )
    name = whole.encode()[:NAME_BYTES].decode("utf-8", "ignore")
    made = replace(index, only=None).on(
        indexed, searched.column, searched.type, searched.dimensions or 0, distance, name=name
    )
    made.dialect_options["postgresql"]["concurrently"] = True
    if filters:
        made.dialect_options["postgresql"]["where"] = _where(filters)
    return made


def _search_sql(searched: VectorColumn, recipe: Recipe) -> str:
    rows = table(searched.table, schema=searched.schema)
    vector: ColumnElement[Any] = column(searched.column, searched.sql_type)
    example = select(vector).select_from(rows).where(vector.is_not(None)).limit(1).scalar_subquery()
    keys: list[ColumnElement[Any]] = [column(name) for name in searched.key]
    form, operator = recipe.index.form, recipe.distance.operator
    away = vector.op(operator)(example).label("distance")
    if form is None or form.candidates is None:
        if form:
            dimensions = searched.dimensions or 0
            away = form.of(vector, dimensions).op(operator)(form.of(example, dimensions)).label("distance")
        statement = select(*keys, away).select_from(rows).order_by("distance").limit(recipe.k)
        return _plain_query(statement.where(*_conditions(recipe.filters)))
    return _plain_query(_reordered(searched, recipe, form, example))


def _reordered(searched: VectorColumn, recipe: Recipe, form: Form, example: ScalarSelect[Any]) -> Select[Any]:
    """Let the index hand over candidates, and order these by the true distance."""
    vector: ColumnElement[Any] = column(searched.column, searched.sql_type)
    dimensions = searched.dimensions or 0
    operator = (form.kind.distance or recipe.distance).operator
    held = form.of(vector, dimensions).op(operator)(form.of(example, dimensions))
    keys: list[ColumnElement[Any]] = [column(name) for name in searched.key]
    chosen = select(*keys, vector).select_from(table(searched.table, schema=searched.schema))
    chosen = chosen.where(*_conditions(recipe.filters)).order_by(held).limit(form.candidates)
    candidates = chosen.subquery("candidates")
    away = candidates.c[searched.column].op(recipe.distance.operator)(example).label("distance")
    columns = [candidates.c[name] for name in searched.key]
    return select(*columns, away).order_by("distance").limit(recipe.k)


def _conditions(filters: tuple[Filter, ...]) -> list[ColumnElement[bool]]:
    named: dict[str, ColumnElement[Any]] = {f.column: column(f.column) for f in filters}
    return [f.clause(named) for f in filters]


def _where(filters: tuple[Filter, ...]) -> ColumnElement[bool]:
    return and_(*_conditions(filters))


def _plain_query(statement: Select[Any]) -> str:
    return _plain(statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def _plain(compiled: Compiled) -> str:
    """Write what was compiled for psycopg2, where a percent sign stands twice, as one types it."""
    return re.sub(r" *\n *", "\n", str(compiled) % ()).strip()


def _literal(sql: str) -> str:
    """Write SQL as a Python string for ``text()``, where a colon before a name would be a parameter."""
    escaped = re.sub(r"(?<![:\w]):(?=\w)", r"\\:", sql)
    return repr(escaped) if '"""' in escaped else f'r"""\n{escaped}\n"""'
