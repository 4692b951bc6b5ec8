"""Advise on columns: what each rule found, its evidence and remedy, and why the others are silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dashboard.commands.common import emit, json_option, opened, say
from dashboard.instance import Instance

if TYPE_CHECKING:
    from dashboard.advisor.advice import Advised


@click.command()
@click.argument("column", required=False)
@click.option(
    "--budget-ms", type=click.FloatRange(min=0, min_open=True), help="What 95 % of searches may take."
)
@click.option("--silent", is_flag=True, help="Also print why the other rules have nothing to say.")
@json_option
def advise(*, column: str | None, budget_ms: float | None, silent: bool, as_json: bool) -> None:
    """Say when COLUMN needs an index, which, and what is wrong; every column where none is named.

    It is only read: catalogs, counts, a few timed searches, and our own runs and inspections.
    """
    with opened(migrated=False) as instance:
        instance.prepare()
        found = _advised(instance, column, budget_ms)
    if as_json:
        emit([document for advised in found for document in advised.to_documents()])
        return
    if not found:
        say("There is no vector column to advise on. Load some rows: python -m dashboard populate_db")
    for advised in found:
        _print(advised, silent=silent)


def _advised(instance: Instance, name: str | None, budget_ms: float | None) -> list[Advised]:
    from dashboard.advising import advise_on
    from dashboard.advisor.facts import BUDGET_MS
    from db.catalog import find_column, vector_columns
    from db.errors import DashboardError

    budget = BUDGET_MS if budget_ms is None else budget_ms
    with instance.database.reading("advise") as connection:
        columns = vector_columns(connection) if name is None else (find_column(connection, name),)
    if name is not None:
        return [advise_on(instance.database, columns[0], budget_ms=budget)]
    found = []
    for column in columns:
        try:
            found.append(advise_on(instance.database, column, budget_ms=budget))
        except DashboardError as error:
            # One table that is locked or may not be read keeps nobody from the others.
            say(f"{column}: {error.message}")
    return found


def _print(advised: Advised, *, silent: bool) -> None:
    click.echo(f"{advised.facts.column}")
    for advice in advised.spoken:
        click.echo(f"\n  {advice.rule.severity.value}: {advice.said.finding}  [{advice.rule.key}]")
        click.echo(f"    {'; '.join(f'{number.value} {number.what}' for number in advice.said.numbers)}")
        for line in advice.said.remedy.sql.splitlines():
            click.echo(f"      {line}")
    if silent:
        click.echo("")
        for quiet in advised.silent:
            click.echo(f"  {quiet.rule.key:25} {quiet.reason}")
    else:
        say(f"  {len(advised.silent)} rules are silent; --silent prints why.")
    click.echo("")
