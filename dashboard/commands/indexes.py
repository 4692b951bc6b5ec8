"""Commands about indexes on people's own tables: list, build, reindex, drop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.common import emit, json_option, opened, say
from dashboard.commands.following import carry_out

if TYPE_CHECKING:
    from db.index_inventory import Listed


@click.group()
def index() -> None:
    """Vector indexes: list, build, rebuild and drop them while the tables are used."""


@index.command("list")
@json_option
def list_indexes(*, as_json: bool) -> None:
    """List every vector index, with its state, size, use and how it was built."""
    from db.catalog import vector_columns
    from db.index_inventory import inventory

    with opened(migrated=False) as instance, instance.database.reading("indexes") as connection:
        found = inventory(connection, vector_columns(connection))
    if as_json:
        emit({"indexes": [listed.to_document() for listed in found]})
        return
    if not found:
        say("There is no vector index; search is exact.")
    for listed in found:
        click.echo(_line(listed))


def _line(listed: Listed) -> str:
    options = ",".join(f"{name}={value}" for name, value in listed.index.options.items())
    size_mb = listed.index.size_bytes / 2**20
    method = f"{listed.index.method}:{options}"
    return (
        f"{listed.state:8} {listed.index.name:40} {method:32} {listed.index.operator_class:22} "
        f"{size_mb:>9,.1f} MB {listed.index.scans:>9,} scans  {listed.column}"
    )


@index.command()
@click.argument("column")
@click.option("--index", "spelled", default="hnsw", help="Such as hnsw:m=16,ef_construction=64[,as=halfvec].")
@click.option("--distance", help="cosine, l2, ip, l1, hamming, jaccard; left out: the index's, else cosine.")
@click.option("--where", "conditions", multiple=True, help="Index only rows such as price<=150.  Repeatable.")
@click.option("--name", help="Its name.  [default: vs_TABLE_COLUMN_METHOD_HASH]")
@click.option("--memory", "memory_mb", type=int, help="maintenance_work_mem of this build, MB.")
@click.option("--workers", type=int, help="Parallel workers of this build; 0: one process.")
@click.option("--patience", "patience_s", type=int, help="Seconds to wait for each older transaction.")
@click.option("--deadline", "deadline_s", type=int, help="Seconds after which it is given up.")
@click.option("--dry-run", is_flag=True, help="Print the statement and the forecast; build nothing.")
@json_option
def build(
    *, column: str, spelled: str, conditions: tuple[str, ...], dry_run: bool, as_json: bool, **given: Any
) -> None:
    """Build an index on COLUMN concurrently: reads and writes go on meanwhile."""
    from dashboard.indexing.request import BuildRequest
    from db.catalog import find_column
    from db.conditions import Group, to_text
    from db.filters import parse_filter

    fields = {name: value for name, value in given.items() if value is not None}
    where = to_text(Group("all", tuple(map(parse_filter, conditions))))
    with opened() as instance:
        with instance.database.reading("index") as connection:
            found = find_column(connection, column)
        request = BuildRequest(str(found), spelled, where=where, **fields)
        plan = request.plan(found)  # refused before there is a job
        if dry_run:
            _tell({"index": plan.name, "sql": plan.sql}, f"{plan.sql};", as_json=as_json)
            return
        job = carry_out(instance, "build_index", request.to_params())
    result = job.result or {}
    took = "by an earlier attempt" if result["build_s"] is None else f"in {result['build_s']:,.1f} s"
    _tell(
        {"job": job.id, **result},
        f"Built {result['index']} {took}, {result['size_bytes'] / 2**20:,.1f} MB.",
        as_json=as_json,
    )


@index.command()
@click.argument("name")
@click.option("--typed", required=True, help="The index's name once more, to say that you mean it.")
@json_option
def drop(*, name: str, typed: str, as_json: bool) -> None:
    """Drop the index NAME (SCHEMA.NAME) concurrently."""
    job = _change("drop_index", name, typed)
    _tell({"job": job.id, **(job.result or {})}, f"Dropped {name}.", as_json=as_json)


@index.command()
@click.argument("name")
@click.option("--typed", required=True, help="The index's name once more, to say that you mean it.")
@json_option
def reindex(*, name: str, typed: str, as_json: bool) -> None:
    """Rebuild the index NAME (SCHEMA.NAME) concurrently, in its place."""
    job = _change("reindex", name, typed)
    result = job.result or {}
    told = f"Rebuilt {name} in {result['build_s']:,.1f} s, {result['size_bytes'] / 2**20:,.1f} MB."
    _tell({"job": job.id, **result}, told, as_json=as_json)


def _change(kind: str, name: str, typed: str) -> Any:
    from dashboard.indexing.request import ChangeRequest
    from db.columns import split_name

    schema, index_name = split_name(name, 2)
    request = ChangeRequest(schema, index_name, typed)
    with opened() as instance:
        return carry_out(instance, kind, request.to_params())


def _tell(document: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        emit(document)
    else:
        click.echo(sentence)
