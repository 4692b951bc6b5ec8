"""The command line: ``python -m dashboard`` serves, everything else is a subcommand."""

import click

from dashboard import __version__
from dashboard.commands import (
    advise,
    benchmark,
    doctor,
    exporting,
    forecast,
    importing,
    indexes,
    inspect,
    populate,
    queue,
    runs,
    search,
    serve,
    server,
    tune,
    watch,
)
from dashboard.commands.common import Commands


@click.group(cls=Commands, invoke_without_command=True)
@click.version_option(__version__, prog_name="vectorscope")
@click.pass_context
def cli(context: click.Context) -> None:
    """An instrument panel for PostgreSQL + pgvector.  Without a command: serve the dashboard."""
    if context.invoked_subcommand is None:
        serve.serve()


for command in (
    server.migrate,
    server.showmigrations,
    populate.populate_db,
    importing.import_file,
    search.columns,
    search.search,
    inspect.inspect,
    exporting.export,
    benchmark.benchmark,
    runs.runs,
    advise.advise,
    tune.tune,
    doctor.doctor,
    forecast.forecast,
    indexes.index,
    watch.watch,
    queue.jobs,
    server.db,
    serve.worker,
):
    cli.add_command(command)

if __name__ == "__main__":
    cli(prog_name="python -m dashboard")
