"""What every command shares: --json, refusals, an open instance, and a progress line."""

from __future__ import annotations

import csv
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from dashboard.instance import Instance, open_instance
from dashboard.settings import settings
from db.errors import DashboardError, NotMigrated
from db.migrate import is_current


class Commands(click.Group):
    """The commands; whatever one refuses is told by a sentence, a remedy and an exit code."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **more: Any) -> NoReturn:
        """Run a command and exit; with --json a refusal, too, is one document on standard output."""
        arguments = list(sys.argv[1:] if args is None else args)
        as_json = "--json" in arguments
        try:
            code = super().main(arguments, prog_name=more.get("prog_name"), standalone_mode=False)
        except DashboardError as error:
            sys.exit(_refuse(error.message, error.remedy, as_json=as_json))
        except click.UsageError as error:
            where = error.ctx.command_path if error.ctx else "python -m dashboard"
            sys.exit(_refuse(error.format_message(), f"Try: {where} --help", as_json=as_json, code=2))
        except click.Abort:
            sys.exit(_refuse("Stopped; nothing was done.", "", as_json=as_json))
        sys.exit(code if isinstance(code, int) else 0)


def _refuse(message: str, remedy: str, *, as_json: bool, code: int = 1) -> int:
    click.echo(f"Error: {message}", err=True)
    if remedy:
        click.echo(remedy, err=True)
    if as_json:
        emit({"error": message, "remedy": remedy})
    return code


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON document on standard output, and nothing else there.",
)


def column_names(_: click.Context, __: click.Parameter, given: str | None) -> tuple[str, ...]:
    """Split ``Title,"Major Genre"`` as a line of CSV: a quoted name may hold a comma."""
    if not given:
        return ()
    try:
        return tuple(name.strip() for name in next(csv.reader([given], skipinitialspace=True)))
    except csv.Error:
        raise click.BadParameter(f"{given[:80]!r} is not a line of CSV.") from None


def emit(document: Mapping[str, Any] | list[Any]) -> None:
    """Print one JSON document; dates and decimals as text."""
    click.echo(json.dumps(document, default=str, ensure_ascii=False, allow_nan=False, indent=2))


def say(message: str) -> None:
    """Tell the person at the terminal something that is not the result."""
    click.echo(message, err=True)


def done(document: Mapping[str, Any], sentence: str, *, as_json: bool) -> None:
    """Tell the outcome of a command that has no more to show: a document, or a sentence."""
    if as_json:
        emit(document)
    else:
        say(sentence)


@contextmanager
def opened(*, migrated: bool = True) -> Iterator[Instance]:
    """Open the configured installation for one command.

    ``migrated`` asks for Vectorscope's own tables: the embedded server gets them, any other server must
    have them.  Raises NotMigrated when it does not.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(message)s")
    instance = open_instance(say)
    try:
        if migrated:
            instance.prepare()
            if not is_current(instance.database):
                raise NotMigrated("Vectorscope's own tables are missing or out of date in this database.")
        yield instance
    finally:
        instance.close()


def setup_logging() -> None:
    """Log to standard error at the configured level: for the processes that stay."""
    logging.basicConfig(
        stream=sys.stderr,
        level=settings().log_level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # It announces itself whenever the revisions are read.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # They write whole addresses, and that of a webhook is a secret.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)


class ProgressLine:
    """One line on standard error that is written over; silent where that is not a terminal."""

    def __init__(self) -> None:
        self._shows = sys.stderr.isatty()

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._shows:
            click.echo(f"\r\033[K{text}", nl=False, err=True)

    def end(self) -> None:
        """Clear the line."""
        self.show("")
