"""A measured setting as something to paste: SQL and Python that build the index and search with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Column, ColumnElement, Index, MetaData, Table, column, select, table
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine.interfaces import Compiled
from sqlalchemy.schema import CreateIndex

from db.columns import VectorColumn
from db.distance import Distance
from db.indexes import IndexMethod

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


def index_sql(searched: VectorColumn, index: IndexMethod, distance: Distance) -> str:
    """Write the statement that builds ``index`` without blocking writes; it refuses a transaction."""
    made = _index(searched, index, distance)
    return _plain(CreateIndex(made).compile(dialect=_DIALECT))


def as_sql(
    searched: VectorColumn, index: IndexMethod, settings: Mapping[str, str], distance: Distance, k: int
) -> str:
    """Write the index, and a search with ``settings``, for psql; the query is a row's own vector."""
    local = "".join(f"SET LOCAL {name} = {value};\n" for name, value in settings.items())
    search = f"{_LIBRARY}{local}{_search_sql(searched, distance, k)};\n"
    return f"{index_sql(searched, index, distance)};\n\nBEGIN READ ONLY;\n{search}COMMIT;\n"


def as_python(
    searched: VectorColumn, index: IndexMethod, settings: Mapping[str, str], distance: Distance, k: int
) -> str:
    """Write the same as a script that reads DATABASE_URL."""
    return _SCRIPT.format(
        index=_literal(index_sql(searched, index, distance)),
        settings=dict(settings),
        search=_literal(_search_sql(searched, distance, k)),
    )


def _index(searched: VectorColumn, index: IndexMethod, distance: Distance) -> Index:
    indexed = Table(
        searched.table, MetaData(), Column(searched.column, searched.sql_type), schema=searched.schema
    )
    whole = f"{searched.table}_{searched.column}_{index.name}"
    name = whole.encode()[:NAME_BYTES].decode("utf-8", "ignore")
    made = index.on(indexed, searched.column, searched.type, distance, name=name)
    made.dialect_options["postgresql"]["concurrently"] = True
    return made


def _search_sql(searched: VectorColumn, distance: Distance, k: int) -> str:
    rows = table(searched.table, schema=searched.schema)
    vector = column(searched.column, searched.sql_type)
    example = select(vector).select_from(rows).where(vector.is_not(None)).limit(1).scalar_subquery()
    away = vector.op(distance.operator)(example).label("distance")
    keys: list[ColumnElement[Any]] = [column(name) for name in searched.key]
    statement = select(*keys, away).select_from(rows).order_by("distance").limit(k)
    return _plain(statement.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True}))


def _plain(compiled: Compiled) -> str:
    """Write what was compiled for psycopg2, where a percent sign stands twice, as one types it."""
    return re.sub(r" *\n *", "\n", str(compiled) % ()).strip()


def _literal(sql: str) -> str:
    """Write SQL as a Python string for ``text()``, where a colon before a name would be a parameter."""
    escaped = re.sub(r"(?<![:\w]):(?=\w)", r"\\:", sql)
    return repr(escaped) if '"""' in escaped else f'r"""\n{escaped}\n"""'
