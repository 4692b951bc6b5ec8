"""Watch columns: what their searches may take, how they did, and whether a promise is broken."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from dashboard.commands.common import done, emit, json_option, opened, say
from dashboard.commands.following import carry_out
from dashboard.identity import current_principal
from dashboard.instance import Instance
from db.errors import RequestError

if TYPE_CHECKING:
    from db.watches import Watch


@click.group()
def watch() -> None:
    """What is promised of columns, looked at now and then."""


@watch.command()
@click.argument("column")
@click.option("--p95-ms", type=float, default=50.0, show_default=True, help="What 95 % of searches may take.")
@click.option("--recall", type=float, default=0.95, show_default=True, help="What an index must find.")
@click.option("--every", type=float, default=60.0, show_default=True, help="Minutes between two looks.")
@json_option
def add(*, column: str, p95_ms: float, recall: float, every: float, as_json: bool) -> None:
    """Watch COLUMN from now on; what was promised of it before gives way."""
    from dashboard.promises import promise
    from db.catalog import find_column

    with opened() as instance:
        with instance.database.reading("watch") as connection:
            found = find_column(connection, column)
        number = promise(
            instance.database,
            current_principal(),
            found,
            p95_ms=p95_ms,
            recall=recall,
            every_s=_seconds(every),
        )
    document = {"watch": number, "column": str(found), "p95_ms": p95_ms, "recall": recall}
    done(document, f"{found} is watched: p95 up to {p95_ms:g} ms, recall {recall:g}.", as_json=as_json)


def _seconds(minutes: float) -> int:
    if not 0 < minutes < 1e6:
        raise RequestError(f"{minutes:g} minutes between two looks are no time.", "Choose 1 to 43,200.")
    return round(60 * minutes)


@watch.command("list")
@json_option
def list_watches(*, as_json: bool) -> None:
    """List the watched columns with their last look."""
    from db.watches import watches

    with opened() as instance, instance.database.reading("watch") as connection:
        lines = [_line(connection, known) for known in watches(connection)]
    if as_json:
        emit(lines)
        return
    if not lines:
        say("No column is watched. Begin with: python -m dashboard watch add SCHEMA.TABLE.COLUMN")
    for line in lines:
        last = line["last"]
        state = "not looked at yet" if last is None else last["breach"] or "keeps its promise"
        click.echo(f"{line['column']}: {state}")


def _line(connection: Any, known: Watch) -> dict[str, Any]:
    from db.watches import looks

    seen = looks(connection, known.id, limit=1)
    last = asdict(seen[0]) if seen else None
    return {**asdict(known), "column": known.subject, "last": last}


@watch.command()
@click.argument("column")
@json_option
def look(*, column: str, as_json: bool) -> None:
    """Look at a watched COLUMN now; exits with 3 where a promise is broken."""
    from dashboard.watching import KIND

    with opened() as instance:
        known = _watch_on(instance, column)
        job = carry_out(instance, KIND, {"watch": known.id, "column": known.subject})
    seen = job.result or {}
    if as_json:
        emit({"column": known.subject, **seen})
    else:
        click.echo(seen["breach"] or f"{known.subject} keeps its promise.")
    if seen["breach"]:
        raise SystemExit(3)


@watch.command()
@click.argument("column")
@json_option
def remove(*, column: str, as_json: bool) -> None:
    """Stop watching COLUMN; what was seen of it is forgotten."""
    from dashboard.promises import give_up

    with opened() as instance:
        known = _watch_on(instance, column)
        give_up(instance.database, current_principal(), known)
    done({"removed": known.subject}, f"{known.subject} is no longer watched.", as_json=as_json)


def _watch_on(instance: Instance, name: str) -> Watch:
    from db.columns import spelled, split_name
    from db.watches import watches

    wanted = spelled(*split_name(name, 3))
    with instance.database.reading("watch") as connection:
        for known in watches(connection):
            if known.subject == wanted:
                return known
    raise RequestError(f"{wanted} is not watched.", f"Begin with: python -m dashboard watch add {wanted}")
