"""Advise on columns: what each rule found, its evidence and remedy, and why the others are silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dashboard.commands.common import emit, json_option, opened, say
from dashboard.commands.deciding import bring_back, dismiss, list_decisions
from dashboard.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.advisor.advice import Advised
    from db.decisions import Decision


@click.command()
@click.argument("column", required=False)
@click.option(
    "--budget-ms",
    type=click.FloatRange(min=0, min_open=True),
    help="What 95 % of searches may take; left out, what a watch promises, else 50.",
)
@click.option("--silent", is_flag=True, help="Also print why the other rules have nothing to say.")
@click.option("--dismiss", "dismissed", metavar="RULE", help="Leave what RULE finds on COLUMN as it is.")
@click.option("--reason", metavar="TEXT", help="Why it is dismissed; kept with the decision.")
@click.option("--bring-back", "lifted", metavar="RULE", help="End the dismissal of RULE on COLUMN.")
@click.option("--decisions", "listed", is_flag=True, help="List what was decided, and what came of it.")
@json_option
def advise(
    *,
    column: str | None,
    budget_ms: float | None,
    silent: bool,
    dismissed: str | None,
    reason: str | None,
    lifted: str | None,
    listed: bool,
    as_json: bool,
) -> None:
    """Say when COLUMN needs an index, which, and what is wrong; every column where none is named.

    It is only read: catalogs, counts, a few timed searches, and our own runs and inspections.
    """
    _check(column, dismissed, reason, lifted, listed=listed)
    if listed:
        list_decisions(column, budget_ms, as_json=as_json)
    elif dismissed is not None and column is not None:
        dismiss(column, dismissed, reason, budget_ms, as_json=as_json)
    elif lifted is not None and column is not None:
        bring_back(column, lifted, as_json=as_json)
    else:
        _advise(column, budget_ms, silent=silent, as_json=as_json)


def _check(
    column: str | None, dismissed: str | None, reason: str | None, lifted: str | None, *, listed: bool
) -> None:
    if (dismissed is not None) + (lifted is not None) + listed > 1:
        raise click.UsageError("Choose one of --dismiss, --bring-back and --decisions.")
    if column is None and (dismissed is not None or lifted is not None):
        raise click.UsageError("Name the COLUMN it is about.")
    if (dismissed is None) != (reason is None):
        raise click.UsageError("--dismiss and --reason belong together.")


def _advise(column: str | None, budget_ms: float | None, *, silent: bool, as_json: bool) -> None:
    from dashboard.decisions import standing, to_documents, why_not_kept

    with opened(migrated=False) as instance:
        instance.prepare()
        found = _advised(instance, column, budget_ms)
        if reason := why_not_kept(instance.database):
            say(f"Decisions are not kept here. {reason}")
        dismissals = standing(instance.database)
    if as_json:
        emit([document for advised in found for document in to_documents(advised, dismissals)])
        return
    if not found:
        say("There is no vector column to advise on. Load some rows: python -m dashboard populate_db")
    for advised in found:
        _print(advised, dismissals, silent=silent)


def _advised(instance: Instance, name: str | None, budget_ms: float | None) -> list[Advised]:
    from dashboard.advising import advise_on
    from db.catalog import find_column, vector_columns
    from db.errors import DashboardError

    with instance.database.reading("advise") as connection:
        columns = vector_columns(connection) if name is None else (find_column(connection, name),)
    if name is not None:
        return [advise_on(instance.database, columns[0], budget_ms=budget_ms)]
    found = []
    for column in columns:
        try:
            found.append(advise_on(instance.database, column, budget_ms=budget_ms))
        except DashboardError as error:
            # One table that is locked or may not be read keeps nobody from the others.
            say(f"{column}: {error.message}")
    return found


def _print(advised: Advised, dismissals: Sequence[Decision], *, silent: bool) -> None:
    from dashboard.decisions import weigh

    weighed = weigh(advised.spoken, dismissals)
    click.echo(f"{advised.facts.column}  ({advised.facts.budget})")
    for advice in weighed.shown:
        click.echo(f"\n  {advice.rule.severity.value}: {advice.said.finding}  [{advice.rule.key}]")
        click.echo(f"    {'; '.join(f'{number.value} {number.what}' for number in advice.said.numbers)}")
        if lapsed := weighed.lapsed.get((advice.column, advice.rule.key)):
            click.echo(f"    Dismissed by {lapsed.decision.created_by}, shown again: {lapsed.because}")
        for line in advice.said.remedy.sql.splitlines():
            click.echo(f"      {line}")
    for hidden in weighed.hidden:
        decision = hidden.decision
        click.echo(
            f"\n  dismissed: {decision.reason}  [{decision.rule}]\n"
            f"    by {decision.created_by}, {decision.created_at:%Y-%m-%d %H:%M}; "
            f"{hidden.advice[0].said.finding}"
        )
    if silent:
        click.echo("")
        for quiet in advised.silent:
            click.echo(f"  {quiet.rule.key:25} {quiet.reason}")
    else:
        say(f"  {len(advised.silent)} rules are silent; --silent prints why.")
    click.echo("")
