"""An import into a table that is there: its columns decide the types, its keys which rows are new."""

from __future__ import annotations

from collections.abc import Sequence

from dashboard.seeding.formats import FileColumn, Wanted
from dashboard.seeding.imports.columns import KINDS, NEW_TYPES, READ_AS, TEXTS, Mapped, some, vector_kind
from dashboard.seeding.imports.request import ImportRequest
from db.columns import spelled
from db.errors import RequestError
from db.targets import Target, TargetColumn


def settle(
    pairs: Sequence[tuple[FileColumn, str]], target: Target, request: ImportRequest, dims: int | None
) -> tuple[tuple[Mapped, ...], tuple[str, ...]]:
    """Match the file's columns to the table's, and find the key that both have; () for none.

    Raises RequestError naming the column that does not fit.
    """
    columns = [_matched(file, _column(target, name)) for file, name in pairs]
    if dims is not None:
        columns.append(_embedding(columns, target, request, dims))
    names = [mapped.name for mapped in columns]
    if missing := next((c.name for c in target.columns if c.is_required and c.name not in names), None):
        found = some([mapped.source for mapped in columns if mapped.source])
        raise RequestError(
            f'Missing column "{missing}"; found {found or "none that the table has"}.',
            f'The table takes no row without "{missing}": map a column of the file to it (--map).',
        )
    if not names:
        raise RequestError(
            f"{_name(target)} has none of the file's columns.",
            "Map them to its own: --map FILE_COL=TABLE_COL",
        )
    return tuple(columns), _key(names, target, request)


def _column(target: Target, name: str) -> TargetColumn:
    if column := target.column(name):
        return column
    names = some([c.name for c in target.columns])
    raise RequestError(
        f'{_name(target)} has no column "{name}"; it has {names}.', "Correct the mapping (--map)."
    )


def _matched(file: FileColumn, column: TargetColumn) -> Mapped:
    if column.is_computed:
        raise RequestError(f'The table gives "{column.name}" its values itself.', f'Leave out "{file.name}".')
    read_as = READ_AS.get(column.base, "text")
    dimensions = column.dimensions if column.is_vector else None
    form = file.form if read_as in {"date", "timestamp"} else None
    kind = vector_kind(read_as, dimensions) if read_as in NEW_TYPES else KINDS[read_as]
    wanted = Wanted(read_as, dimensions, form, keeps_empty=column.base in TEXTS)
    return Mapped(file.name, column.name, wanted, kind, column.type, column.base, column.not_null)


def _embedding(columns: Sequence[Mapped], target: Target, request: ImportRequest, dims: int) -> Mapped:
    """Choose the column for the vectors to be made, and check that it takes them before any is made."""
    taken = {mapped.name for mapped in columns}
    free = [c for c in target.columns if c.base in NEW_TYPES and c.name not in taken]
    chosen = [c for c in free if request.vector in {None, c.name}]
    if len(chosen) != 1:
        raise RequestError(
            f"{_name(target)} has {'several columns' if chosen else 'no such column'} for new vectors.",
            f"Name one of {some([c.name for c in free])} (--vector)."
            if free
            else "Add one of type vector to it.",
        )
    (column,) = chosen
    if column.dimensions not in {None, dims}:
        raise RequestError(
            f'"{column.name}" takes {column.dimensions:,} dimensions; the embedder makes {dims:,}.',
            "Choose another embedder (--embedder), or another column (--vector).",
        )
    kind, wanted = vector_kind(column.base, column.dimensions), Wanted(column.base, dims)
    return Mapped(None, column.name, wanted, kind, column.type, column.base, column.not_null, embeds=True)


def _key(names: Sequence[str], target: Target, request: ImportRequest) -> tuple[str, ...]:
    """Settle what tells rows apart: what was asked for, else the first unique key that the file brings."""
    brought = [key for key in target.keys if set(key) <= set(names)]
    if missing := next((name for name in request.key if name not in names), None):
        raise RequestError(f'Missing column "{missing}"; found {some(names)}.', "Map one to it (--map).")
    if request.mode == "insert":
        return request.key or next(iter(brought), ())
    if request.key and set(request.key) not in map(set, brought):
        raise RequestError(
            f"{_name(target)} has no unique index on {some(request.key)}: to {request.mode} needs one.",
            f"Use {some(brought[0])} (--key)." if brought else "Import in the mode insert.",
        )
    if not brought:
        raise RequestError(
            f"To {request.mode} needs a unique key of {_name(target)}, and the file brings none.",
            f"Map columns to {some(target.keys[0])} (--map)."
            if target.keys
            else "Import in the mode insert.",
        )
    return request.key or brought[0]


def _name(target: Target) -> str:
    return spelled(target.schema, target.name)
