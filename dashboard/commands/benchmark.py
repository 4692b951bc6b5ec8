"""Measure exact search against candidate indexes, on a scratch copy of the column."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.common import emit, json_option, opened, say
from dashboard.commands.following import carry_out
from dashboard.commands.planned import planned, sizes_of
from dashboard.commands.run_files import (
    check_run,
    comparison,
    document_of,
    formats_of,
    judged_by,
    write,
)
from dashboard.commands.run_table import show

if TYPE_CHECKING:
    from dashboard.benchmark.plan import BenchmarkPlan
    from dashboard.benchmark.target import Target
    from dashboard.instance import Instance
    from db.catalog import ColumnInfo


def _words(_: click.Context, __: click.Parameter, given: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in (given or "").split(",") if part.strip())


def whole_numbers(_: click.Context, parameter: click.Parameter, given: str | None) -> tuple[int, ...]:
    """Read ``10,40,120``."""
    try:
        return tuple(int(part) for part in (given or "").split(",") if part.strip())
    except ValueError:
        raise click.BadParameter(f"{given!r} is not a list such as 10,40,120.", param=parameter) from None


def _number(flag: str, field: str, about: str) -> Callable[[Any], Any]:
    return click.option(flag, field, type=int, help=about)


def _numbers(flag: str, field: str, about: str) -> Callable[[Any], Any]:
    return click.option(flag, field, callback=whole_numbers, help=about)


@click.command()
@click.argument("column", required=False)
@click.option(
    "--plan", "plan_file", metavar="FILE.toml", help="Take the plan from a file; flags replace parts."
)
@click.option(
    "--index",
    "indexes",
    multiple=True,
    help="hnsw:m=16,ef_construction=64 or ivfflat:lists=100; as=halfvec|bit|subvector, only=FILTER.",
)
@_numbers("--ef-search", "ef_search", "Values to try on HNSW: 10,40,120.")
@_numbers("--probes", "probes", "Values to try on IVFFlat: 1,10.")
@click.option("--iterative-scan", "scans", callback=_words, help="off,relaxed_order,strict_order.")
@_numbers("--max-scan-tuples", "tuples", "Values of hnsw.max_scan_tuples to try.")
@_numbers("-k", "ks", "Neighbours to ask for: 10,100.  [default: 10]")
@click.option("--distance", help="cosine, l2, ip, l1, hamming, jaccard; left out: the index's, else cosine.")
@_number("--queries", "queries", "How many queries to ask.  [default: 200]")
@click.option(
    "--query-source", help="held-out (the default), perturbed:0.1, table:SCHEMA.TABLE.COLUMN or saved."
)
@click.option(
    "--filter", "subsets", multiple=True, help="none, a share such as '1 %', or 'price<=150 and a=b'."
)
@_number("--repeats", "repeats", "How often each query is timed.  [default: 1]")
@_number("--sample", "sample_rows", "Measure on this many rows instead of all.")
@_numbers("--sizes", "sizes", "Measure on copies of so many rows, ascending: how latency grows.")
@click.option("--growth", type=int, help="The same on so many copies that double up to all rows.")
@_numbers("--clients", "clients", "Also ask with so many connections at once: 1,2,4.")
@_number("--seconds", "seconds", "How long each number of clients asks.  [default: 3]")
@_number("--rate", "rate", "Also offer so many queries per second, by an open loop of the most clients.")
@_number("--rebuilds", "rebuilds", "Build each index so often: equal builds differ.  [default: 1]")
@_number("--inserts", "inserts", "Insert so many rows beside each index, and take them back.")
@click.option("--live/--no-live", default=None, help="Also ask the live table as it stands, read-only.")
@click.option(
    "--live-clients/--no-live-clients",
    default=None,
    help="Let the clients load the live table, too: whoever else uses the server will notice.",
)
@_number("--seed", "seed", "Chooses the queries.  [default: 0]")
@click.option(
    "--out", "files", multiple=True, help="Also write the run to a .csv, .json, .parquet, .html, .hdf5."
)
@judged_by
@click.option("--compare", "before", type=int, metavar="RUN", help="Also compare with an earlier run.")
@click.option("--dry-run", is_flag=True, help="Print the plan as TOML and what it would take; start nothing.")
@json_option
def benchmark(
    *,
    column: str | None,
    plan_file: str | None,
    indexes: tuple[str, ...],
    growth: int | None,
    files: tuple[str, ...],
    before: int | None,
    target: Target | None,
    dry_run: bool,
    as_json: bool,
    **given: Any,
) -> None:
    """Measure latency and recall of COLUMN with and without each INDEX; its own table is only read."""
    swept = {name: given.pop(name) for name in ("ef_search", "probes", "scans", "tuples")}
    fields = {name: value for name, value in given.items() if value not in {None, ()}}
    wanted = formats_of(files)
    with opened() as instance:
        check_run(instance, before)
        plan, found = planned(instance, column, plan_file, indexes, fields, swept=swept)
        if growth:
            plan = replace(plan, sizes=sizes_of(found, growth))
        plan = asking_all(instance, plan, found)
        told = announce(plan, found)
        if dry_run:
            _show_plan(plan, told, as_json=as_json)
            return
        document = measure(instance, plan, target)
        write(instance, document["run"], wanted)
        if before is not None:
            document["compared"] = {"run": before, **comparison(instance, before, document["run"])}
    if as_json:
        emit(document)
    else:
        show(document)


def announce(plan: BenchmarkPlan, found: ColumnInfo) -> dict[str, Any] | None:
    """Say what a plan will take, as far as the catalog knows the column; None where it does not.

    Raises RequestError where the column does not bear the plan.
    """
    from dashboard.benchmark.forecast import forecast
    from dashboard.benchmark.live_load import load_announced
    from db.survey import Survey

    plan.check_type(found)
    if announced := load_announced(plan):
        say(announced)
    if found.rows is None or found.dimensions is None:
        return None
    known = Survey(found.rows, 0, 0, found.dimensions)
    if found.rows_exact:
        plan.check(found, known)
    elif plan.searched_rows(found.rows) <= 0:
        return None  # an estimate of long ago, most likely; the run counts for itself
    expected = forecast(plan, found.type, known)
    say(expected.sentence())
    return expected.to_document()


def measure(instance: Instance, plan: BenchmarkPlan, target: Target | None = None) -> dict[str, Any]:
    """Carry out a plan as a job, and read its run, judged by ``target``; left out, by the plan's."""
    job = carry_out(instance, "benchmark", plan.to_params())
    return document_of(instance, (job.result or {})["run"], target)


def asking_all(instance: Instance, plan: BenchmarkPlan, found: ColumnInfo) -> BenchmarkPlan:
    """Let a plan over saved searches ask all there are.  Raises RequestError where there is none."""
    from dashboard.benchmark.saved import asking_all_saved

    if found.dimensions is None:
        return plan  # the run looks for itself
    with instance.database.reading("benchmark") as connection:
        return asking_all_saved(connection, plan, found, found.dimensions)


def _show_plan(plan: BenchmarkPlan, expected: dict[str, Any] | None, *, as_json: bool) -> None:
    from dashboard.benchmark.plan_file import to_toml

    if as_json:
        emit({"plan": plan.to_params(), "toml": to_toml(plan), "forecast": expected})
    else:
        click.echo(to_toml(plan), nl=False)
