"""A search as something to paste: SQL for psql, or a Python script; both give the rows of the search."""

import re
from textwrap import indent

from sqlalchemy.dialects import postgresql

from db.catalog import ColumnInfo
from db.conditions import columns_of
from db.distance import Distance
from db.filters import OPERATORS, Filter
from db.nearest import distance_label, identity_names, source
from db.search import SearchResult

_METHODS = {
    Distance.COSINE: "cosine_distance",
    Distance.L2: "l2_distance",
    Distance.INNER_PRODUCT: "max_inner_product",
    Distance.L1: "l1_distance",
    Distance.HAMMING: "hamming_distance",
    Distance.JACCARD: "jaccard_distance",
}
"""What pgvector's SQLAlchemy types call each distance."""

_IMPORTS = {
    "pgvector": ("SparseVector",),
    "pgvector.sqlalchemy": ("BIT", "HALFVEC", "SPARSEVEC", "VECTOR"),
    "sqlalchemy": (
        *("Column", "MetaData", "Table", "Text", "and_", "cast", "create_engine", "func", "literal"),
        *("literal_column", "make_url", "not_", "select", "text"),
    ),
}

_SCRIPT = """\
url = make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+psycopg2")
engine = create_engine(url).execution_options(postgresql_readonly=True)
settings = {settings}
query = {query}

with engine.connect() as connection:
    connection.execute(text("SELECT '[1]'::vector"))  # pgvector's settings are unknown until it is loaded
    for name, value in settings.items():
        connection.execute(select(func.set_config(name, value, True)))

    vector = Column({column!r}, {type})
    table = Table(
        {table!r}, MetaData(), vector, schema={schema!r}, autoload_with=connection, resolve_fks=False
    )
    distance = vector.{method}(query).label({distance!r})
    nearest = (
        select(
{selected}
            distance,
        )
{conditions}        .order_by(distance)
        .limit({limit})
        .subquery()
    )
    away = nearest.c[{distance!r}]
    rows = (
        select(nearest)
        .where(away < float("nan"))  # leaves out rows whose distance is undefined
{others}        .order_by(away + 0)  # an iterative scan may hand rows over out of order
        .limit({k})
    )
    for row in connection.execute(rows):
        print(row)
"""


def as_sql(result: SearchResult) -> str:
    """Write the search as a read-only transaction for psql."""
    settings = "".join(
        f"SET LOCAL {name} = {value};\n" for name, value in result.request.settings.parameters().items()
    )
    return f"BEGIN READ ONLY;\nSELECT '[1]'::vector;\n{settings}{result.sql};\nCOMMIT;\n"


def as_python(result: SearchResult) -> str:
    """Write the search as a script that reads DATABASE_URL and prints the rows."""
    request = result.request
    marks = _identity(result)
    shown = [_column(column.name) for column in result.shown if column.name not in marks]
    body = _SCRIPT.format(
        settings=request.settings.parameters(),
        query=_query(result),
        column=request.column.column,
        type=repr(request.column.sql_type),
        table=request.column.table,
        schema=request.column.schema,
        method=_METHODS[request.distance],
        distance=distance_label(request.column, result.shown),
        selected=indent(",\n".join((*marks.values(), *shown)) + ",", " " * 12),
        conditions=_where(_conditions(result)),
        limit=request.limit,
        others=_where(_others(result)),
        k=request.k,
    )
    return f"import os\n\n{_imports(body)}\n{body}"


def _imports(body: str) -> str:
    used = {
        module: [name for name in names if re.search(rf"\b{name}\b", body)]
        for module, names in _IMPORTS.items()
    }
    return "".join(f"from {module} import {', '.join(names)}\n" for module, names in used.items() if names)


def _identity(result: SearchResult) -> dict[str, str]:
    column = result.request.column
    if column.kind == "view":
        return {"row_md5": 'func.md5(cast(table.table_valued(), Text)).label("row_md5")'}
    return {
        name: _column(name) if column.key else f'cast(literal_column("{name}"), Text).label("{name}")'
        for name in identity_names(column)
    }


def _query(result: SearchResult) -> str:
    vector = result.request.query.vector
    match result.request.column.type:
        case "sparsevec":
            return f"SparseVector.from_text({vector!r})"
        case "bit":
            return repr(vector)
        case _:
            return vector


def _conditions(result: SearchResult) -> list[str]:
    request = result.request
    conditions = [_condition(f, request.column) for f in request.filters]
    if request.column.dimensions is None and request.column.type in {"vector", "halfvec"}:
        conditions.append(f"func.vector_dims(vector) == {request.query.dimensions}")
    return conditions


def _condition(given: Filter, column: ColumnInfo) -> str:
    if given.path:
        return f"text({_spelled(given, column)!r})"
    return OPERATORS[given.operator].python.format(column=_column(given.column), value=repr(given.value))


def _spelled(given: Filter, column: ColumnInfo) -> str:
    """Write a condition on a part of a column as SQL: what leads there differs with the type."""
    clause = given.clause(columns_of(column, source(column, (given.column,))))
    sql = str(clause.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))  # type: ignore[no-untyped-call]
    # Compiled for psycopg2 it holds each percent sign twice; text() takes a colon for a parameter.
    return (sql % ()).replace(":", r"\:")


def _others(result: SearchResult) -> list[str]:
    """Leave the query's own row out."""
    key = result.request.query.row
    if key is None:
        return []
    names = identity_names(result.request.column)
    same = [f"nearest.c[{n!r}] == literal({part!r})" for n, part in zip(names, key, strict=True)]
    return [f"not_(and_({', '.join(same)}))"]


def _column(name: str) -> str:
    return f"table.c[{name!r}]"


def _where(conditions: list[str]) -> str:
    return "".join(f"        .where({condition})\n" for condition in conditions)
