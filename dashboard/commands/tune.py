"""Find the cheapest configuration that meets a target, and say how to have it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.benchmark import announce, asking_all, measure
from dashboard.commands.common import emit, json_option, opened
from dashboard.commands.run_table import show

if TYPE_CHECKING:
    from dashboard.benchmark.plan import BenchmarkPlan
    from dashboard.benchmark.target import Target
    from dashboard.instance import Instance
    from db.catalog import ColumnInfo


@click.command()
@click.argument("column")
@click.option("--recall", type=float, default=0.95, show_default=True, help="Mean recall to reach.")
@click.option("--p95", "p95_ms", type=float, default=20.0, show_default=True, help="Latency to keep, ms.")
@click.option("--index", "indexes", multiple=True, help="A candidate: hnsw:m=16.  [default: a few]")
@click.option("-k", "k", type=int, help="Neighbours to ask for.  [default: 10]")
@click.option("--distance", help="cosine, l2, ip, l1, hamming, jaccard; left out: the index's, else cosine.")
@click.option("--queries", type=int, help="How many queries to ask.  [default: 200]")
@click.option(
    "--query-source", help="held-out (the default), perturbed:0.1, table:SCHEMA.TABLE.COLUMN or saved."
)
@click.option("--filter", "subset", help="A share such as '1 %', or 'price<=150 and a=b'.")
@click.option(
    "--iterative-scan",
    "scan",
    type=click.Choice(["off", "relaxed_order", "strict_order"]),
    help="How indexes that know it go on where a filter leaves too few rows.",
)
@click.option("--sample", "sample_rows", type=int, help="Tune on this many rows instead of all.")
@click.option("--seed", type=int, help="Chooses the queries.  [default: 0]")
@json_option
def tune(
    *,
    column: str,
    recall: float,
    p95_ms: float,
    indexes: tuple[str, ...],
    as_json: bool,
    **given: Any,
) -> None:
    """Find the cheapest index and setting for COLUMN that reach a recall within a latency.

    Exact search comes first: where it is quick enough, no index is needed.
    """
    from dashboard.benchmark.target import Target

    with opened() as instance:
        target = Target(recall, p95_ms)
        fields = {name: value for name, value in given.items() if value is not None}
        plan, found = _plan(instance, column, target, indexes, fields)
        plan = asking_all(instance, plan, found)
        announce(plan, found)
        document = measure(instance, plan)
    if as_json:
        emit({"target": document.pop("target"), "answer": document.pop("answer"), "run": document})
    else:
        show(document)


def _plan(
    instance: Instance, column: str, target: Target, indexes: tuple[str, ...], given: dict[str, Any]
) -> tuple[BenchmarkPlan, ColumnInfo]:
    from dashboard.benchmark.plan import BenchmarkPlan
    from dashboard.benchmark.trials import read_index, sweep
    from dashboard.benchmark.tune import candidates
    from db.catalog import default_distance, find_column
    from db.distance import distance_named

    with instance.database.reading("tune") as connection:
        found = find_column(connection, column)
    named = given.pop("distance", None)
    distance = distance_named(named) if named else default_distance(found)
    given["subsets"] = (given.pop("subset", None),)
    given["ks"] = (given.pop("k"),) if "k" in given else (10,)
    rows = given.get("sample_rows") or found.rows or 0
    usual = candidates(rows, found.type, found.dimensions or 1, distance)
    scan = given.pop("scan", None)
    swept = sweep([*map(read_index, indexes)] or usual, {}, [scan] if scan else [])
    variants = tuple(replace(variant, values=()) for variant in swept)
    return BenchmarkPlan(str(found), distance, variants, target=target, **given), found
