"""Ask why a SELECT does not use a vector index, and whether its answer will be cut short."""

from __future__ import annotations

from typing import IO, Any

import click

from dashboard.commands.common import emit, json_option, opened, say
from db.errors import RequestError


@click.command()
@click.argument("file", type=click.File("rb"))
@click.option("--analyze", is_flag=True, help="Run the statement, too, and count what its plan did.")
@json_option
def doctor(*, file: IO[bytes], analyze: bool, as_json: bool) -> None:
    """Explain the one SELECT in FILE ("-": standard input); without --analyze it is not run."""
    from dashboard.advisor.doctor.diagnose import diagnose

    try:
        pasted = file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise RequestError(f"{file.name} is not UTF-8 text.", "Save the statement as UTF-8.") from None
    with (
        opened(migrated=False) as instance,
        instance.database.reading("doctor", vectors=True) as connection,
    ):
        document = diagnose(connection, pasted, analyze=analyze).to_document()
    if as_json:
        emit(document)
    else:
        _print(document)


def _print(document: dict[str, Any]) -> None:
    through = f"through {document['index']}" if document["index"] else "without an index"
    used = "uses a vector index" if document["uses_index"] else "uses no vector index"
    click.echo(f"This statement {used}: {document['plan_node']} {through}.")
    for finding in [*document["findings"], *document["truncation"]]:
        click.echo(f"\n{finding['rule']:4} {finding['evidence']}\n     {finding['remedy']}")
        if finding["rewritten_sql"]:
            click.echo(f"     {finding['rewritten_sql']};")
    for note in document["notes"]:
        say(note)
