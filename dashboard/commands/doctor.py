"""Ask why a SELECT does not use a vector index, and whether its answer will be cut short.

With --workload the statements are those that the server has counted.
"""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any

import click

from dashboard.commands.common import emit, json_option, opened, say
from db.errors import RequestError
from db.words import counted

if TYPE_CHECKING:
    from dashboard.advisor.doctor.workload import Entry, WorkloadDiagnosis


@click.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option("--workload", is_flag=True, help="Look at what the server was asked, by pg_stat_statements.")
@click.option("--analyze", is_flag=True, help="Run the statement, too, and count what its plan did.")
@json_option
def doctor(*, file: IO[bytes] | None, workload: bool, analyze: bool, as_json: bool) -> None:
    """Explain the one SELECT in FILE ("-": standard input); without --analyze it is not run.

    With --workload, explain the server's own vector searches instead, those first that took the most time.
    """
    if workload == (file is not None):
        raise click.UsageError("Name one FILE with a SELECT, or ask for the --workload.")
    if workload and analyze:
        raise click.UsageError("The --workload is explained and never run; leave out --analyze.")
    if file is None:
        _workload(as_json=as_json)
    else:
        _statement(file, analyze=analyze, as_json=as_json)


def _statement(file: IO[bytes], *, analyze: bool, as_json: bool) -> None:
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


def _workload(*, as_json: bool) -> None:
    from dashboard.advisor.doctor.workload import diagnose_workload

    with (
        opened(migrated=False) as instance,
        instance.database.reading("doctor", vectors=True) as connection,
    ):
        found = diagnose_workload(connection)
    if as_json:
        emit(found.to_document())
    else:
        _print_workload(found)


def _print_workload(found: WorkloadDiagnosis) -> None:
    click.echo(
        f"{len(found.entries):,} of {counted(found.workload.counted, 'statement')} search vectors; "
        f"all took {found.workload.total_ms / 1000:,.1f} s."
    )
    for entry in found.entries:
        called = entry.called
        click.echo(f"\n{entry.share:6.1%}  {counted(called.calls, 'call')}, {called.mean_ms:,.2f} ms each: "
                   f"{_in_short(entry)}\n        {' '.join(called.sql.split())}")  # fmt: skip
    for note in found.notes:
        say(note)


def _in_short(entry: Entry) -> str:
    if entry.diagnosis is None:
        return f"not diagnosed: {entry.reason}"
    used = f"uses {entry.diagnosis.index}" if entry.diagnosis.uses_index else "uses no vector index"
    return f"{used}; {', '.join(entry.rules)}" if entry.rules else used


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
