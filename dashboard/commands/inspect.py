"""Inspect a column: its grade, what each check found, and on request whether its index finds every row."""

from __future__ import annotations

from typing import Any

import click

from dashboard.commands.common import emit, json_option, opened, say
from dashboard.commands.following import carry_out
from dashboard.instance import Instance
from db.words import counted


@click.command()
@click.argument("column")
@click.option("--rows", type=int, default=20_000, show_default=True, help="Rows to look at, at most.")
@click.option("--seed", type=int, default=42, show_default=True, help="Chooses the rows.")
@click.option("--distance", help="cosine, l2, ip ...; left out: that of the column's index, else cosine.")
@click.option("--findability", is_flag=True, help="Ask the index for rows by their own vectors, too.")
@click.option("--asks", type=int, default=2_000, show_default=True, help="Rows to ask the index for.")
@click.option("--facet", help="Column to tell findability by; '' for none; left out: one is chosen.")
@json_option
def inspect(
    *,
    column: str,
    rows: int,
    seed: int,
    distance: str | None,
    findability: bool,
    asks: int,
    facet: str | None,
    as_json: bool,
) -> None:
    """Grade COLUMN from A to E by a seeded sample of its vectors; it is only read."""
    from dashboard.inspection.findability import FindRequest
    from dashboard.inspection.run import InspectRequest
    from db.catalog import find_column

    with opened() as instance:
        with instance.database.reading("inspect") as connection:
            name = str(find_column(connection, column))
        document = _carry_out(instance, "inspect", InspectRequest(name, rows, seed, distance).to_params())
        found = None
        if findability:
            request = FindRequest(name, probes=asks, seed=seed, facet=facet, distance=distance)
            found = _carry_out(instance, "findability", request.to_params())
    if as_json:
        emit({"column": name, **document, "findability": found})
    else:
        _print(document, found)


def _carry_out(instance: Instance, kind: str, params: dict[str, Any]) -> dict[str, Any]:
    from db import inspections

    job = carry_out(instance, kind, params)
    with instance.database.reading("inspect") as connection:
        return inspections.load(connection, (job.result or {})["inspection"]).result


def _print(document: dict[str, Any], found: dict[str, Any] | None) -> None:
    from dashboard.inspection.checks import CHECKS
    from dashboard.inspection.findability import Findability
    from dashboard.inspection.report import Report

    report = Report.from_document(document)
    click.echo(f"{report.grade.letter}  {report.grade.sentence.replace('**', '')}")
    say(f"{report.sample.in_words()}; {report.sample.method_in_words}")
    for check in CHECKS:
        finding = report.findings[check.key]
        click.echo(f"{finding.verdict.value:13} {check.label:17} {finding.shown:>12}  {finding.sentence}")
    if found:
        asked = Findability.from_document(found)
        click.echo(
            f"Found by their own vectors through {asked.index}: {asked.found:,} of {counted(asked.probes)}, "
            f"{asked.parameter} {asked.setting}."
        )
        for group in asked.groups:
            value = "without one" if group.value is None else group.value
            click.echo(f"{group.lost:>13,} of {group.probes:,} lost: {asked.facet} {value}")
        for word, rows, remedy in asked.reasons:
            click.echo(f"{rows:>13,} {word:17} {remedy:>12}")
