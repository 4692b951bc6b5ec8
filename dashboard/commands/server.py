"""Commands about the server itself: migrations and the embedded PostgreSQL."""

from __future__ import annotations

import click

from dashboard.commands.common import done, emit, json_option, opened, say
from dashboard.identity import current_principal
from dashboard.instance import embedded_server
from dashboard.settings import settings
from db.cluster import DATABASE
from db.errors import RequestError
from db.migrate import revisions


@click.command()
@json_option
def migrate(as_json: bool) -> None:
    """Bring Vectorscope's own tables up to date."""
    with opened(migrated=False) as instance:
        instance.migrate(current_principal())
        if as_json:
            emit({"revisions": [r.id for r in revisions(instance.database)]})
        else:
            say("The database is up to date.")


@click.command()
@json_option
def showmigrations(as_json: bool) -> None:
    """List every revision: [X] applied, [ ] not yet."""
    with opened(migrated=False) as instance:
        found = revisions(instance.database)
    if as_json:
        emit({"revisions": [{"id": r.id, "title": r.title, "applied": r.applied} for r in found]})
        return
    for revision in found:
        click.echo(f"[{'X' if revision.applied else ' '}] {revision.id} {revision.title}")


@click.group()
def db() -> None:
    """The embedded PostgreSQL of this VECTORSCOPE_HOME."""
    if settings().database_url:
        raise RequestError(
            "DATABASE_URL names a server of its own, so there is no embedded one here.",
            "Unset DATABASE_URL to use the embedded PostgreSQL.",
        )


@db.command()
@json_option
def start(as_json: bool) -> None:
    """Start it, and keep it up until ``db stop``."""
    _show_url(embedded_server().start(say, wait_s=settings().startup_wait_s), as_json=as_json)


@db.command()
@json_option
def stop(as_json: bool) -> None:
    """Stop it, whoever uses it."""
    stopped = embedded_server().stop()
    done({"stopped": stopped}, "Stopped." if stopped else "It was not running.", as_json=as_json)


@db.command()
@json_option
def url(as_json: bool) -> None:
    """Print its address, for psql and other programs."""
    status = embedded_server().status()
    if status.url is None:
        raise RequestError("The embedded PostgreSQL is not running.", "Run: python -m dashboard db start")
    _show_url(status.url, as_json=as_json)


def _show_url(found: str, *, as_json: bool) -> None:
    if as_json:
        emit({"url": found})
    else:
        click.echo(found)


@db.command("status")
@json_option
def show_status(as_json: bool) -> None:
    """Say whether it runs, where its data is, and who uses it."""
    found = embedded_server().status()
    document = {
        "running": found.running,
        "url": found.url,
        "pid": found.pid,
        "data_directory": str(found.data_directory),
        "size_bytes": found.size_bytes,
        "holders": list(found.holders),
        "kept": found.kept,
    }
    if as_json:
        emit(document)
        return
    for name, value in document.items():
        click.echo(f"{name:15} {value}")


@db.command()
@click.option("--yes", is_flag=True, help="Do not ask for the name.")
@json_option
def erase(yes: bool, as_json: bool) -> None:
    """Delete the embedded server's data, every table in it included."""
    server = embedded_server()
    if not yes:
        typed = click.prompt(
            f"This deletes {server.data}. Type the name of the database, {DATABASE}, to go on"
        )
        if typed != DATABASE:
            raise RequestError(
                f"{typed!r} is not {DATABASE!r}: nothing was deleted.", "Type the name exactly."
            )
    server.erase()
    done({"erased": str(server.data)}, f"Erased {server.data}.", as_json=as_json)
