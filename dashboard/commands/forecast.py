"""Forecast an index before there is a table: its size, the memory and workers of its build."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dashboard.commands.common import emit, json_option, opened, say
from db.errors import ConnectionFailed, SetupError

if TYPE_CHECKING:
    from db.index_forecast import BuildSettings


@click.command()
@click.option("--rows", type=int, required=True, help="Rows to index.")
@click.option("--dims", type=int, required=True, help="Dimensions; of sparsevec the elements not zero.")
@click.option("--type", "vector_type", default="vector", show_default=True, help="The column's type.")
@click.option("--index", "spelled", required=True, help="Such as hnsw:m=16,ef_construction=64[,as=halfvec].")
@json_option
def forecast(*, rows: int, dims: int, vector_type: str, spelled: str, as_json: bool) -> None:
    """Tell what an index would take; no table is read, and the server is asked for its settings only."""
    from dataclasses import replace

    from dashboard.advisor.forecast import Shape
    from dashboard.advisor.forecast import forecast as forecast_index
    from db.forms import parse_spec

    shape, index = Shape(rows, dims, vector_type), parse_spec(spelled)
    forecast_index(shape, index)  # refused before a server is started for it
    settings, unknown = _settings()
    found = forecast_index(shape, index, settings)
    found = replace(found, notes=(*found.notes, *unknown))
    if as_json:
        emit(found.to_document())
        return
    click.echo(f"size          {found.size_bytes / 2**20:,.1f} MB")
    click.echo(f"build memory  {found.build_memory_bytes / 2**20:,.1f} MB")
    click.echo(f"workers       {'unknown' if found.workers is None else found.workers}")
    for note in found.notes:
        say(note)


def _settings() -> tuple[BuildSettings | None, tuple[str, ...]]:
    from db.index_forecast import build_settings

    try:
        with opened(migrated=False) as instance, instance.database.reading("forecast") as connection:
            return build_settings(connection), ()
    except (ConnectionFailed, SetupError) as error:
        return None, (f"No server was asked, so workers and memory settings are unknown: {error.message}",)
