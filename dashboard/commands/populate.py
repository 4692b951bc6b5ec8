"""Fill a table with seed rows."""

from __future__ import annotations

import click

from dashboard.commands.common import emit, json_option, opened, say
from dashboard.commands.following import carry_out
from db.columns import spelled, split_name
from db.words import counted


def _parameters(_: click.Context, __: click.Parameter, given: tuple[str, ...]) -> dict[str, float]:
    pairs = {}
    for pair in given:
        key, _sign, value = pair.partition("=")
        try:
            pairs[key] = float(value) if "." in value else int(value)
        except ValueError:
            raise click.BadParameter(f"{pair!r} is not NAME=NUMBER.") from None
    return pairs


@click.command("populate_db")
@click.option("--source", default="demo", show_default=True, help="demo, clusters, uniform or nasty.")
@click.option("--table", help="[SCHEMA.]TABLE to make or fill; left out: the source's own.")
@click.option("--rows", type=int, help="How many; left out: the source's own number.")
@click.option("--dims", type=int, help="Length of the vectors; left out: the source's own.")
@click.option("--seed", type=int, default=0, show_default=True, help="The same seed makes the same rows.")
@click.option(
    "--param", "parameters", multiple=True, callback=_parameters, help="NAME=NUMBER; may be repeated."
)
@click.option("--path", hidden=True, help="Told that files are imported.")
@click.option("--text", hidden=True, help="Told that files are imported.")
@click.option("--replace", is_flag=True, help="Drop the table first, if Vectorscope made it.")
@json_option
def populate_db(
    *,
    source: str,
    table: str | None,
    rows: int | None,
    dims: int | None,
    seed: int,
    parameters: dict[str, float],
    path: str | None,
    text: str | None,
    replace: bool,
    as_json: bool,
) -> None:
    """Load rows into a table: all of them, or none."""
    from dashboard.seeding.plan import check
    from dashboard.seeding.request import PopulateRequest
    from dashboard.seeding.sources import FILE, source_named

    entry = source_named(source if path is None and text is None else FILE)
    schema, name = split_name(entry.table if table is None else table, 2)
    request = PopulateRequest(
        source=source,
        schema=schema,
        table=name,
        rows=rows,
        dims=dims,
        seed=seed,
        parameters=parameters,
        replace=replace,
    )
    with opened() as instance:
        check(instance.database, request)
        job = carry_out(instance, "populate", request.to_params())
    result = job.result or {}
    document = {"job": job.id, **result}
    if as_json:
        emit(document)
        return
    if result["already"]:
        say(f"{spelled(schema, name)} was loaded with these rows before; nothing to do.")
    else:
        say(f"{spelled(schema, name)}: {counted(result['rows'])} loaded in {result['elapsed_s']:.1f} s.")
