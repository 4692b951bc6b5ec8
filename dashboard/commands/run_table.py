"""A run as the command line prints it: its trials as a table, and the answer where there was a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from dashboard.commands.common import say
from dashboard.commands.run_files import pair_in_words
from db.words import counted

USUAL_K = 10

_FIGURES = ("recall", "p50_ms", "p95_ms", "qps", "build_s")
_SIZES = {"size_bytes": ("size_mb", ""), "wal_forecast_bytes": ("wal_mb", "~")}
"""How sizes are headed, in MB, and what an estimate begins with."""


def show(document: Mapping[str, Any]) -> None:
    """Print the trials of a run as a table, what several clients got, the verdict, and how each arm grows.

    Of a tuned run the answer takes the place of the last two.
    """
    from dashboard.benchmark.load import overload

    trials = [trial for trial in (document["exact"], *document["trials"]) if trial]
    grows = len({trial["rows"] for trial in trials if not trial["subset"] and trial["arm"] == "copy"}) > 1
    names = [_named(trial, with_rows=grows) for trial in trials]
    head = ("index", "setting", *_FIGURES, *(name for name, _ in _SIZES.values()))
    lines = [head, *((*name, *_figures(trial)) for name, trial in zip(names, trials, strict=True))]
    widths = [max(len(line[i]) for line in lines if len(line) == len(head)) for i in range(len(head))]
    for line in lines:
        named = (cell.ljust(width) for cell, width in zip(line[:2], widths, strict=False))
        figures = (cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=False))
        click.echo("  ".join((*named, *figures)).rstrip())
    for name, trial in zip(names, trials, strict=True):
        for point in trial["load"]:
            offered = f" at {point['rate']:,.0f}/s offered" if point["rate"] else ""
            click.echo(
                f"{' '.join(filter(None, name))}: {counted(point['clients'], 'client')}{offered}, "
                f"{point['qps']:,.0f} queries/s, p95 {point['p95_ms']:,.3f} ms, "
                f"{counted(point['errors'], 'error')}{f'; {said}' if (said := overload(point)) else ''}"
            )
    for verdict in document["verdicts"] if "target" not in document else ():
        _show_verdict(verdict, several=len(document["verdicts"]) > 1)
    for arm in document["growth"]:
        click.echo(arm["said"])
    beside = document.get("compared") or {"pairs": ()}
    for pair in beside["pairs"]:
        click.echo(f"beside run {beside['run']}, {pair_in_words(pair)}")
    if beside.get("other_cpu"):
        click.echo(f"beside run {beside['run']}: {beside['other_cpu']}")
    if document["wal_remark"]:
        say(document["wal_remark"])
    for remark in (document["environment"] or {}).get("remarks", ()):
        say(remark)
    if document.get("target"):
        _tell(document["answer"], document["target"])
    say(f"Run {document['run']}; the page Benchmarks charts it.")


def _show_verdict(verdict: Mapping[str, Any], *, several: bool) -> None:
    where = f", where {verdict['subset']}" if verdict["subset"] else ""
    place = f"k = {verdict['k']}{where}: " if several else ""
    click.echo(f"{place}{verdict['said']}")
    if verdict["doubt"]:
        click.echo(f"{place}{verdict['doubt']}")


def _tell(answer: Mapping[str, Any] | None, target: Mapping[str, float]) -> None:
    wanted = f"recall >= {target['recall']:g} and p95 <= {target['p95_ms']:g} ms"
    if answer is None:
        click.echo(f"\nNothing tried reaches {wanted}.")
        return
    click.echo(f"\nThe cheapest that reaches {wanted}: {answer['name']}.")
    if answer["sql"]:
        click.echo(f"\n{answer['sql']}")
    if answer["migration"]:
        click.echo(f"As an Alembic migration:\n\n{answer['migration']}")


def _figures(trial: Mapping[str, Any]) -> tuple[str, ...]:
    if trial["state"] == "void":
        return (f"void: {trial['reason']}",)
    figures = ("-" if trial[name] is None else f"{trial[name]:,.3f}" for name in _FIGURES)
    sizes = (
        "-" if not trial[key] else f"{sign}{trial[key] / 2**20:,.1f}" for key, (_, sign) in _SIZES.items()
    )
    return (*figures, *sizes)


def _named(trial: Mapping[str, Any], *, with_rows: bool) -> tuple[str, str]:
    """Name a trial's index, and what it was asked with where that is not the usual."""
    options = ",".join(f"{name}={value}" for name, value in trial["options"].items())
    asked = [f"{name}={value}" for name, value in trial["setting"].items()]
    asked += [f"k={trial['k']}"] if trial["k"] != USUAL_K else []
    asked += [f"where {trial['subset']}"] if trial["subset"] else []
    asked += [f"on {trial['rows']:,} rows"] if with_rows and trial["rows"] else []
    asked += [f"{trial['queries']} queries"] if "of_queries" in trial["facts"] else []
    asked += ["live"] if trial["arm"] == "live" else []
    return (f"{trial['index']}:{options}" if options else trial["index"]), ", ".join(asked)
