"""What every command shares: --json, refusals, an open instance, and a progress line."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from dashboard.instance import Instance, open_instance
from dashboard.settings import settings
from db.errors import DashboardError, NotMigrated
from db.migrate import is_current

_WANTS_JSON = "wants_json"


class Refused(click.ClickException):
    """A DashboardError on its way to the terminal: its sentence, its remedy, exit code 1."""

    def __init__(self, error: DashboardError, *, as_json: bool) -> None:
        super().__init__(error.message)
        self.remedy = error.remedy
        self.as_json = as_json

    def show(self, file: Any = None) -> None:
        """Print to standard error; with --json also one document to standard output."""
        click.echo(f"Error: {self.message}", err=True)
        if self.remedy:
            click.echo(self.remedy, err=True)
        if self.as_json:
            emit({"error": self.message, "remedy": self.remedy})


class Commands(click.Group):
    """A group whose commands may raise DashboardError."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; tell a DashboardError in words."""
        try:
            return super().invoke(context)
        except DashboardError as error:
            raise Refused(error, as_json=_WANTS_JSON in context.find_root().meta) from error


def _note_json(context: click.Context, _: click.Parameter, value: bool) -> bool:
    if value:
        context.find_root().meta[_WANTS_JSON] = True
    return value


json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    callback=_note_json,
    help="Print one JSON document on standard output, and nothing else there.",
)


def emit(document: Mapping[str, Any] | list[Any]) -> None:
    """Print one JSON document; dates and decimals as text."""
    click.echo(json.dumps(document, default=str, ensure_ascii=False, indent=2))


def say(message: str) -> None:
    """Tell the person at the terminal something that is not the result."""
    click.echo(message, err=True)


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


Command = Callable[..., Any]
