"""Write rows of a table to a file, with a sidecar that tells how it came about."""

from __future__ import annotations

from pathlib import Path

import click

from dashboard.commands.common import ProgressLine, emit, json_option, opened, say
from db.errors import RequestError
from db.progress import Progress, Unrecorded
from db.words import counted


class _Shown(Unrecorded):
    """Progress, as a line at the terminal."""

    def __init__(self, line: ProgressLine) -> None:
        super().__init__()
        self._line = line

    def tell(self, progress: Progress) -> None:
        """Replace the line."""
        share = progress.done / progress.total if progress.total else 1
        self._line.show(f"{progress.done:,} of {progress.total:,} rows ({share:.0%})")


@click.command("export")
@click.argument("column")
@click.option("--to", required=True, type=click.Path(path_type=Path), help="FILE.csv, .jsonl or .parquet")
@click.option("--where", multiple=True, help="A filter, such as category=footwear; may be repeated.")
@click.option("--key", "keys", multiple=True, help="A row by its key, a composite one as a JSON list.")
@click.option("--sort", help="The column to sort by, with a - before it downwards; left out: the key.")
@click.option("--rows", type=int, help="At most so many rows; the sidecar says when some were cut off.")
@click.option("--bom", is_flag=True, help="Begin CSV with a byte order mark, for Excel.")
@json_option
def export(
    *,
    column: str,
    to: Path,
    where: tuple[str, ...],
    keys: tuple[str, ...],
    sort: str | None,
    rows: int | None,
    bom: bool,
    as_json: bool,
) -> None:
    """Write the rows of COLUMN's table (SCHEMA.TABLE.COLUMN) to a file: every column, whole values."""
    from dashboard.exporting.request import ExportRequest, key_parts
    from dashboard.exporting.run import export as carry_out
    from db.conditions import Group, to_text
    from db.filters import parse_filter

    if not to.parent.is_dir():
        raise RequestError(f"The folder {to.parent} does not exist.", "Create it, or choose another one.")
    if to.exists():
        raise RequestError(f"{to} exists already.", "Choose another name, or remove it.")
    condition = Group("all", tuple(parse_filter(given) for given in where))
    request = ExportRequest(
        column,
        to.suffix.removeprefix(".").lower(),
        "selected" if keys else "filtered" if where else "all",
        where=to_text(condition),
        keys=tuple(map(key_parts, keys)) or None,
        sort=sort.removeprefix("-") if sort else None,
        descending=bool(sort and sort.startswith("-")),
        rows=rows,
        bom=bom,
    )
    line = ProgressLine()
    with opened(migrated=False) as instance:
        try:
            done = carry_out(instance.database, request, to.parent, _Shown(line), name=to.name)
        finally:
            line.end()
    if as_json:
        emit(done.to_document())
        return
    say(
        f"{counted(done.rows)} written to {done.path} in {done.elapsed_s:.1f} s; "
        f"{done.sidecar.name} says how."
    )
    if done.truncated:
        say(f"Cut off: there are {counted(done.of_rows)}.")
    if done.missing:
        more = ", …" if done.missing > len(done.not_found) else ""
        say(f"{counted(done.missing)} of those named not found: {', '.join(done.not_found)}{more}")
    if done.neutralised:
        say(f"{counted(done.neutralised, 'cell')} began like a formula and got an apostrophe in front.")
