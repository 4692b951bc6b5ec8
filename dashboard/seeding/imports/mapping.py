"""Which column of the file goes into which of the table, and how its values travel there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dashboard.seeding.formats import Contents, FileColumn
from dashboard.seeding.formats.arrays import VECTOR
from dashboard.seeding.imports import existing_table, new_table
from dashboard.seeding.imports.columns import SEARCHED, Mapped, Route, some
from dashboard.seeding.imports.new_table import EMBEDDING
from dashboard.seeding.imports.request import ImportRequest
from db.errors import RequestError
from db.targets import Target


def route(contents: Contents, target: Target | None, request: ImportRequest, dims: int | None) -> Route:
    """Settle where each column goes; ``dims`` is the length of the embeddings to be made, if any.

    Raises RequestError naming the column that cannot go where it should.
    """
    _check_sources(contents, request)
    into = suggested(contents, target, request)
    names = list(into.values())
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise RequestError(
            f'Two columns of the file go into "{twice}".', "Map one of them elsewhere (--map)."
        )
    files = {column.name: column for column in contents.columns}
    pairs = [(files[source], name) for source, name in into.items()]
    if target is None:
        pairs = new_table.with_vectors(pairs, request)
        columns, key = new_table.settle(pairs, request, dims)
    else:
        columns, key = existing_table.settle(pairs, target, request, dims)
    left_out = tuple(name for name in files if name not in into)
    return Route(columns, key, _vector_of(columns, request.vector), left_out, request.text)


def suggested(contents: Contents, target: Target | None, request: ImportRequest) -> dict[str, str]:
    """Pair the file's columns with the table's names, as asked and else by name."""
    return dict(_named(contents, target, request))


def _check_sources(contents: Contents, request: ImportRequest) -> None:
    known = [column.name for column in contents.columns]
    for name in (*request.columns, *request.text):
        if name not in known:
            raise RequestError(
                f'Missing column "{name}"; found {some(known)}.', "Name one that the file has."
            )


def _named(contents: Contents, target: Target | None, request: ImportRequest) -> Iterator[tuple[str, str]]:
    """Pair the file's columns with the table's names; what nobody can place is left out."""
    chosen = request.columns
    placed = set(chosen.values())
    for column in contents.columns:
        if column.name in chosen:
            if name := chosen[column.name]:
                yield column.name, name
        elif target is None:
            yield column.name, _new_name(contents, column, request)
        elif (there := target.column(column.name)) and column.name not in placed and not there.is_computed:
            yield column.name, column.name
        elif there and any(column.name in key for key in target.keys):
            raise RequestError(
                f'The table makes its key "{column.name}" itself, so that the file\'s would be lost, and the '
                "same file could be imported again and again.",
                f"To leave it out all the same: --map {column.name}=",
            )
        elif place := _only_vector(contents, column, target, request):
            yield column.name, place


def _new_name(contents: Contents, column: FileColumn, request: ImportRequest) -> str:
    """The file's name for a column, but for the vectors of a file that names none: those get another."""
    if column.name != VECTOR or not _is_only_vector(contents, column) or request.text:
        return column.name
    is_taken = request.vector in {*(c.name for c in contents.columns), *request.columns.values()}
    return column.name if is_taken else request.vector or EMBEDDING


def _only_vector(
    contents: Contents, column: FileColumn, target: Target, request: ImportRequest
) -> str | None:
    """Where the file's one vector column goes under another name: as asked for, or the only place."""
    if not _is_only_vector(contents, column) or request.text:
        return None
    names = [c.name for c in target.columns if c.is_vector]
    name = request.vector or (names[0] if len(names) == 1 else None)
    return name if name not in request.columns.values() else None


def _is_only_vector(contents: Contents, column: FileColumn) -> bool:
    return column.kind == "vector" and sum(c.kind == "vector" for c in contents.columns) == 1


def _vector_of(columns: Sequence[Mapped], asked: str | None) -> str:
    """Choose the vectors that are made here, those asked for, or the first."""
    found = [c for c in columns if c.base in SEARCHED]
    found.sort(key=lambda mapped: (not mapped.embeds, mapped.name != asked))
    return found[0].name if found else ""
