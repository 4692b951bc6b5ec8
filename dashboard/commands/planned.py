"""The plan of a benchmark, made of a file and of flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dashboard.benchmark.plan import BenchmarkPlan
    from dashboard.benchmark.trials import Variant
    from dashboard.instance import Instance
    from db.catalog import ColumnInfo


def planned(
    instance: Instance,
    column: str | None,
    plan_file: str | None,
    indexes: Sequence[str],
    given: dict[str, Any],
    *,
    swept: Mapping[str, Any],
) -> tuple[BenchmarkPlan, ColumnInfo]:
    """Make the plan of a file, of flags, or of a file with what the flags replace.

    ``given`` are its fields; ``swept`` the settings to try: ef_search, probes, scans and tuples.
    """
    from dashboard.benchmark.plan import BenchmarkPlan
    from dashboard.benchmark.trials import Variant, read_index, sweep
    from db.catalog import default_distance, find_column
    from db.distance import distance_named

    base = _read_plan(plan_file) if plan_file else None
    if not (name := column or (base.column if base else None)):
        raise click.UsageError("Missing argument 'COLUMN': name it, or give a --plan that does.")
    with instance.database.reading("benchmark") as connection:
        found = find_column(connection, name)
    if "distance" in given:
        given["distance"] = distance_named(given["distance"])
    if indexes:
        specs = [read_index(index) for index in indexes]
        tuned = base and base.target
        given["variants"] = tuple(Variant(spec, ()) for spec in specs) if tuned else sweep(specs, {})
    if base:
        plan = replace(base, column=str(found), **given)
    else:
        usual = {"distance": default_distance(found), "variants": ()}
        plan = BenchmarkPlan(column=str(found), **{**usual, **given})
    return replace(plan, variants=_variants(plan.variants, **swept)), found


def _read_plan(file: str) -> BenchmarkPlan:
    from dashboard.benchmark.plan_file import from_toml
    from db.errors import RequestError

    try:
        return from_toml(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise RequestError(
            f"The plan {file} cannot be read: {error.strerror}.", "Check the name of the file."
        ) from error
    except UnicodeDecodeError as error:
        raise RequestError(
            f"The plan {file} is not UTF-8 from byte {error.start:,} on.", "Save it as UTF-8."
        ) from error


def _variants(
    variants: Sequence[Variant],
    *,
    ef_search: tuple[int, ...],
    probes: tuple[int, ...],
    scans: tuple[str, ...],
    tuples: tuple[int, ...],
) -> tuple[Variant, ...]:
    """Replace the settings to try by those given, on the indexes that know them."""
    from dashboard.benchmark.trials import Variant, sweep

    values = {"ef_search": ef_search, "probes": probes}
    made = zip(variants, sweep([v.index for v in variants], values, scans, tuples), strict=True)
    return tuple(
        Variant(
            old.index,
            new.values if values[old.index.method.search.name] else old.values,
            new.scans if scans else old.scans,
            new.tuples if tuples else old.tuples,
        )
        for old, new in made
    )


def sizes_of(found: ColumnInfo, steps: int) -> tuple[int, ...]:
    """Choose ``steps`` sizes that double up to all rows of the column.

    Raises RequestError for too few steps, and where nobody knows how many rows there are.
    """
    from dashboard.benchmark.growth import LEAST_SIZES, growth_sizes
    from db.errors import RequestError

    if steps < LEAST_SIZES:
        raise RequestError(f"From {steps} copies no growth shows.", f"Give --growth {LEAST_SIZES} or more.")
    if not found.rows:
        raise RequestError(f"Nobody knows how many rows {found} has.", "Give them: --sizes 1000,2000,4000")
    return growth_sizes(found.rows, steps)
