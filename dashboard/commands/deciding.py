"""Decisions on the advisor's findings: a dismissal, its end, and what was decided with what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dashboard.commands.common import done, emit, opened, say
from dashboard.identity import current_principal
from dashboard.instance import Instance
from db.errors import DashboardError, RequestError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dashboard.advisor.advice import Advised


def dismiss(name: str, rule: str, reason: str | None, budget_ms: float | None, *, as_json: bool) -> None:
    """Leave what a rule finds on a column as it is, for a reason."""
    from dashboard import decisions

    _check_rule(rule)
    with opened() as instance:
        advised = _ask(instance, name, budget_ms)
        number = decisions.dismiss(instance.database, current_principal(), advised, rule, reason=reason)
    column = str(advised.facts.column)
    document = {"decision": number, "column": column, "rule": rule, "decided": "dismissed", "reason": reason}
    done(document, f"{rule} is dismissed on {column}, until it is essentially worse.", as_json=as_json)


def bring_back(name: str, rule: str, *, as_json: bool) -> None:
    """End a dismissal."""
    from dashboard import decisions
    from db.columns import spelled, split_name

    _check_rule(rule)
    column = spelled(*split_name(name, 3))  # it may be gone
    with opened() as instance:
        standing = decisions.standing(instance.database)
        found = next((one for one in standing if (one.subject, one.rule) == (column, rule)), None)
        if found is None:
            raise RequestError(
                f"{rule} is not dismissed on {column}.",
                f"List what is: python -m dashboard advise {column} --decisions",
            )
        decisions.bring_back(instance.database, current_principal(), found)
    document = {"decision": found.id, "column": column, "rule": rule, "decided": "brought back"}
    done(document, f"{rule} is shown again on {column}.", as_json=as_json)


def list_decisions(name: str | None, budget_ms: float | None, *, as_json: bool) -> None:
    """List what was decided, on one column or on any, and what came of it."""
    from dashboard.outcomes import Now, outcome_of, to_document
    from db.catalog import find_column
    from db.decisions import DISMISSED, decisions

    with opened() as instance:
        with instance.database.reading("decisions") as connection:
            column = find_column(connection, name) if name is not None else None
            made = decisions(connection, column)
        open_ones = {one.subject for one in made if one.decided == DISMISSED and one.lifted_at is None}
        said = dict(_all_said(instance, open_ones, budget_ms))
        with instance.database.reading("decisions") as connection:
            now = Now(connection, said)
            lines = [to_document(one, outcome_of(one, now)) for one in made]
    if as_json:
        emit(lines)
        return
    if not lines:
        say("Nothing is decided yet. What is verified, applied or dismissed of the findings is kept.")
    for line in lines:
        click.echo(f"{line['at'][:16]}  {line['by']}  {line['decided']}  {line['rule']}  {line['column']}")
        click.echo(f"    {line['finding']}")
        if line["reason"]:
            click.echo(f"    Why: {line['reason']}")
        click.echo(f"    {line['outcome']}")


def _all_said(
    instance: Instance, names: Iterable[str], budget_ms: float | None
) -> Iterable[tuple[str, Advised]]:
    for name in names:
        try:
            yield name, _ask(instance, name, budget_ms)
        except DashboardError as error:
            say(f"{name}: {error.message}")


def _ask(instance: Instance, name: str, budget_ms: float | None) -> Advised:
    from dashboard.advising import advise_on
    from db.catalog import find_column

    with instance.database.reading("advise") as connection:
        column = find_column(connection, name)
    return advise_on(instance.database, column, budget_ms=budget_ms)


def _check_rule(rule: str) -> None:
    from dashboard.advisor.rules import RULE

    if rule not in RULE:
        raise RequestError(f"There is no rule {rule!r}.", f"Choose one of {', '.join(RULE)}.")
