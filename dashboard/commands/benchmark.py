"""Measure exact search against candidate indexes, on a scratch copy of the column."""

from __future__ import annotations

from typing import Any

import click

from dashboard.commands.common import emit, json_option, opened, say
from dashboard.commands.following import carry_out


def _whole_numbers(_: click.Context, parameter: click.Parameter, given: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in (given or "").split(",") if part.strip())
    except ValueError:
        raise click.BadParameter(f"{given!r} is not a list such as 10,40,120.", param=parameter) from None


@click.command()
@click.argument("column")
@click.option("--index", "indexes", multiple=True, help="hnsw:m=16,ef_construction=64 or ivfflat:lists=100.")
@click.option("--ef-search", callback=_whole_numbers, help="Values to try on HNSW, such as 10,40,120.")
@click.option("--probes", callback=_whole_numbers, help="Values to try on IVFFlat, such as 1,10.")
@click.option(
    "-k", "k", callback=_whole_numbers, default="10", show_default=True, help="Neighbours to ask for: 10,100."
)
@click.option("--distance", help="cosine, l2, ip or l1; left out: that of the column's index, else cosine.")
@click.option("--queries", type=int, default=200, show_default=True, help="Rows held out and searched for.")
@click.option("--repeats", type=int, default=1, show_default=True, help="How often each query is timed.")
@click.option("--sample", type=int, help="Measure on this many rows instead of all.")
@click.option("--seed", type=int, default=0, show_default=True, help="Chooses the queries.")
@json_option
def benchmark(
    *,
    column: str,
    indexes: tuple[str, ...],
    ef_search: tuple[int, ...],
    probes: tuple[int, ...],
    k: tuple[int, ...],
    distance: str | None,
    queries: int,
    repeats: int,
    sample: int | None,
    seed: int,
    as_json: bool,
) -> None:
    """Measure latency and recall of COLUMN with and without each INDEX; its own table is only read."""
    from dashboard.benchmark.document import to_document
    from dashboard.benchmark.plan import BenchmarkPlan
    from dashboard.benchmark.trials import sweep
    from db import runs
    from db.catalog import default_distance, find_column
    from db.distance import distance_named
    from db.forms import parse_spec

    with opened() as instance:
        with instance.database.reading("benchmark") as connection:
            found = find_column(connection, column)
        plan = BenchmarkPlan(
            column=str(found),
            distance=distance_named(distance) if distance else default_distance(found),
            variants=sweep([parse_spec(i) for i in indexes], {"ef_search": ef_search, "probes": probes}),
            ks=k,
            queries=queries,
            seed=seed,
            repeats=repeats,
            sample_rows=sample,
        )
        job = carry_out(instance, "benchmark", plan.to_params())
        with instance.database.reading("benchmark") as connection:
            document = to_document(runs.load_run(connection, (job.result or {})["run"]))
    if as_json:
        emit(document)
    else:
        _print(document)


_COLUMNS = ("recall", "p50_ms", "p95_ms", "qps", "build_s")


def _print(document: dict[str, Any]) -> None:
    head = "".join(f"{name:>10}" for name in _COLUMNS)
    click.echo(f"{'index':32} {'setting':16}{head}")
    for trial in (document["exact"], *document["trials"]):
        options = ",".join(f"{name}={value}" for name, value in trial["options"].items())
        index = f"{trial['index']}:{options}" if options else trial["index"]
        setting = ",".join(f"{name}={value}" for name, value in trial["setting"].items())
        if trial["state"] == "void":
            click.echo(f"{index:32} {setting:16}      void: {trial['reason']}")
            continue
        figures = ("-" if trial[name] is None else f"{trial[name]:,.3f}" for name in _COLUMNS)
        click.echo(f"{index:32} {setting:16}" + "".join(f"{figure:>10}" for figure in figures))
    say(f"Run {document['run']}; the page Benchmarks charts it.")
