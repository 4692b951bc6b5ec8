"""An import that makes its table: every column as the file has it, and a key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dashboard.seeding.formats import FileColumn, Wanted
from dashboard.seeding.imports.columns import KINDS, NEW_TYPES, Mapped, some, vector_kind
from dashboard.seeding.imports.request import ImportRequest
from db.binary import BIGINT
from db.errors import RequestError

ROW_ID = "id"
EMBEDDING = "embedding"
KEY_KINDS = frozenset({"integer", "text", "date", "timestamp", "number"})
"""What a B-tree can hold and people use to tell rows apart."""
SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


def with_vectors(
    pairs: Sequence[tuple[FileColumn, str]], request: ImportRequest
) -> list[tuple[FileColumn, str]]:
    """Take the column that is asked for as vectors, of the length that most of them have.

    Raises RequestError where there is no such column, or it has no vector among its first values.
    """
    asked = request.vector
    if asked is None or request.text:
        return list(pairs)
    names = [name for _, name in pairs]
    if asked not in names:
        raise RequestError(
            f'Missing column "{asked}" for the vectors; found {some(names)}.',
            "Name one of these (--vector); for another name, map it (--map).",
        )
    return [(_as_vectors(file) if name == asked else file, name) for file, name in pairs]


def _as_vectors(file: FileColumn) -> FileColumn:
    if file.kind == "vector":
        return file
    if not file.lengths:
        raise RequestError(
            f'"{file.name}" holds {file.kind}: none of its first values is a vector, such as [1, 2.5].',
            "Name another (--vector).",
        )
    return replace(file, kind="vector", dimensions=file.lengths[0])


def settle(
    pairs: Sequence[tuple[FileColumn, str]], request: ImportRequest, dims: int | None
) -> tuple[tuple[Mapped, ...], tuple[str, ...]]:
    """Choose the columns of the new table and its key: one asked for, the file's ``id``, or the row's number.

    Raises RequestError naming what no table can have.
    """
    if request.type not in NEW_TYPES:
        raise RequestError(
            f"A new table cannot keep its vectors as {request.type!r}.",
            f"Use {' or '.join(NEW_TYPES)} (--type).",
        )
    columns = [_new(file, name, request.type) for file, name in pairs]
    if dims is not None:
        columns.append(_embedding(columns, request, dims))
    if key := _key(columns, request):
        columns.sort(key=lambda mapped: mapped.name != key)
        columns[0] = replace(columns[0], not_null=True)
    else:
        columns.insert(0, Mapped(None, ROW_ID, Wanted("integer"), BIGINT, "bigint", "int8"))
    return tuple(columns), (columns[0].name,)


def _new(file: FileColumn, name: str, vector_type: str) -> Mapped:
    if problem := _problem(name):
        raise RequestError(f"The column {name[:80]!r} {problem}.", "Map it to another name (--map).")
    if file.kind == "vector":
        kind = vector_kind(vector_type, file.dimensions)
        return Mapped(file.name, name, Wanted(vector_type, file.dimensions), kind, kind.name, vector_type)
    kind = KINDS[file.kind]
    return Mapped(file.name, name, Wanted(file.kind, None, file.form), kind, kind.name, file.kind)


def _embedding(columns: Sequence[Mapped], request: ImportRequest, dims: int) -> Mapped:
    name = request.vector or EMBEDDING
    if any(mapped.name == name for mapped in columns):
        raise RequestError(
            f'"{name}" is taken by a column of the file.', "Name the vectors otherwise (--vector)."
        )
    kind = vector_kind(request.type, dims)
    return Mapped(None, name, Wanted(request.type, dims), kind, kind.name, request.type, embeds=True)


def _key(columns: Sequence[Mapped], request: ImportRequest) -> str | None:
    kinds = {mapped.name: mapped.wanted.kind for mapped in columns}
    if len(request.key) > 1:
        raise RequestError("A new table gets a key of one column.", "Name one (--key).")
    if not request.key:
        if ROW_ID in kinds and kinds[ROW_ID] not in KEY_KINDS:
            raise RequestError(
                f'"{ROW_ID}" holds {kinds[ROW_ID]}, which cannot be a key.',
                f"Map it: --map {ROW_ID}=other_name",
            )
        return ROW_ID if ROW_ID in kinds else None
    (key,) = request.key
    if key not in kinds:
        raise RequestError(
            f'Missing column "{key}"; found {some(list(kinds))}.', "Name one of these (--key)."
        )
    if kinds[key] not in KEY_KINDS:
        raise RequestError(f'"{key}" holds {kinds[key]}, which cannot be a key.', "Name another (--key).")
    return key


def _problem(name: str) -> str | None:
    if not name.strip():
        return "has no name"
    if not name.isprintable():
        return "has a character in its name that no name can hold"
    if len(name.encode()) > 63:
        return "has a name over 63 bytes"
    return "has a name PostgreSQL keeps for itself" if name in SYSTEM_COLUMNS else None
