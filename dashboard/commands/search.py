"""List the vector columns, and search one: exactly, or through its index and compared with exact."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import click

from dashboard.commands.common import emit, json_option, opened, say
from db.errors import RequestError
from db.words import counted

if TYPE_CHECKING:
    from dashboard.question import Answer
    from db.search import SearchResult

_MOST_COLUMNS, _MOST_LETTERS = 4, 60
"""What a line of an answer shows of a row beside its key, and of each value."""

_BY = {"row": "Row id", "text": "Text", "vector": "Vector"}


@click.command()
@json_option
def columns(as_json: bool) -> None:
    """List every vector column this role may read, with its indexes."""
    from db.catalog import vector_columns

    with opened(migrated=False) as instance, instance.database.reading("columns") as connection:
        found = vector_columns(connection)
    if as_json:
        emit([column.to_document() for column in found])
        return
    if not found:
        say("There are no vector columns here. Load some rows: python -m dashboard populate_db")
    for column in found:
        about = f"{column.type}({column.dimensions})" if column.dimensions else column.type
        rows = "" if column.rows is None else f"{'' if column.rows_exact else '~'}{counted(column.rows)}"
        indexes = ", ".join(f"{i.name} ({i.method})" for i in column.indexes) or "no index"
        click.echo(f"{column!s:45} {about:16} {rows:>18}  {indexes}")


@click.command()
@click.argument("column")
@click.option("--id", "row", help="Search for what is near this row; a composite key as a JSON list.")
@click.option("--text", help="Search for words, where the column's embedder is known.")
@click.option("--vector", help="Search for this vector: a JSON list, or a file that holds one.")
@click.option("-k", "k", type=int, default=10, show_default=True, help="How many rows.")
@click.option("--distance", help="cosine, l2, ip, l1 ...; left out: that of the column's index, else cosine.")
@click.option("--exact", is_flag=True, help="Do not use an index.")
@click.option("--ef-search", type=int, help="hnsw.ef_search for this search.")
@click.option("--probes", type=int, help="ivfflat.probes for this search.")
@click.option("--iterative-scan", help="off, relaxed_order or strict_order.")
@click.option("--where", multiple=True, help="A filter, such as category=footwear; may be repeated.")
@json_option
def search(
    *,
    column: str,
    row: str | None,
    text: str | None,
    vector: str | None,
    k: int,
    distance: str | None,
    exact: bool,
    ef_search: int | None,
    probes: int | None,
    iterative_scan: str | None,
    where: tuple[str, ...],
    as_json: bool,
) -> None:
    """Find the rows of COLUMN (SCHEMA.TABLE.COLUMN) nearest to a row, a text or a vector."""
    from dashboard.question import Question, answer
    from db.catalog import default_distance, find_column
    from db.distance import distance_named
    from db.filters import parse_filter
    from db.nearest import SearchSettings
    from db.vectors import vector_or_file

    asked = {
        name: given for name, given in (("row", row), ("text", text), ("vector", vector)) if given is not None
    }
    if len(asked) != 1:
        raise RequestError("Say what to search for, once.", "Give exactly one of --id, --text and --vector.")
    [(by, given)] = asked.items()
    with opened(migrated=False) as instance:
        with instance.database.reading("search") as connection:
            found = find_column(connection, column)
        question = Question(
            by=_BY[by],
            given=vector_or_file(given) if by == "vector" else given,
            distance=distance_named(distance) if distance else default_distance(found),
            k=k,
            settings=SearchSettings(
                exact=exact, ef_search=ef_search, probes=probes, iterative_scan=iterative_scan
            ),
            filters=tuple(parse_filter(condition) for condition in where),
        )
        result = answer(instance.database, found, question)
    if as_json:
        emit(result.to_document())
    else:
        _print(result)
    if result.underfill:
        say(result.underfill.sentence)


def _print(found: Answer) -> None:
    for line in _lines(found.best):
        click.echo(line)
    recall = (
        f"recall {found.comparison.recall:.2f} on this query"
        if found.comparison and found.comparison.recall is not None
        else "nothing to find"
        if found.comparison
        else "recall 1.00 on this query"
    )
    best = found.best
    say(
        f"{best.returned} of {best.asked} returned | {best.index or 'no index'} used | "
        f"{best.server_ms:.1f} ms server + {best.client_ms:.1f} ms client | {recall}"
    )


def _lines(result: SearchResult) -> Iterator[str]:
    """Write the answer as a table: distance, the key as --id takes it, and the first other columns."""
    from db.keys import key_text
    from db.nearest import identity_names

    names = identity_names(result.request.column)
    others = [column.name for column in result.shown if column.name not in names][:_MOST_COLUMNS]
    table = [("distance", ", ".join(names), *others)]
    for row in result.rows:
        key = key_text(row.key if isinstance(row.key, tuple) else (row.key,))
        table.append((f"{row.distance:.4f}", key, *(_cell(row.values[name]) for name in others)))
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


def _cell(value: object) -> str:
    r"""Write a value on one line, a decimal with every digit it has.

    >>> _cell(Decimal("1234.0000")), _cell(Decimal("1E-8")), _cell("a\nb"), _cell(None)
    ('1234.0000', '0.00000001', 'a b', '')
    """
    if value is None:
        return ""
    text = f"{value:f}" if isinstance(value, Decimal) else " ".join(str(value).split())
    return text if len(text) <= _MOST_LETTERS else f"{text[: _MOST_LETTERS - 1]}…"
