"""The job that works out a map and stores it, so that it is made once and shown often."""

from __future__ import annotations

from dataclasses import asdict

from dashboard.mapping.draw import lay_out, placed, to_params
from dashboard.mapping.methods import method_named
from dashboard.mapping.plan import MapPlan
from db.catalog import find_column
from db.conditions import from_text
from db.engine import Database
from db.progress import Ledger, Progress
from db.projections import store_projection
from db.sampling import take_sample
from db.savepoint import set_for_now
from db.words import counted

UNIT = "steps"

SAMPLE_TIMEOUT = "120s"
"""A job may wait longer for its sample than a page: it may be of a slow view."""


def make_map(
    database: Database, plan: MapPlan, ledger: Ledger, *, created_by: str, job_id: int | None
) -> int:
    """Carry out a plan and return the number of the stored map.

    A job whose worker died after storing finds its map in the checkpoint, and makes no second one.
    Raises RequestError where the column cannot be mapped, and Cancelled within some seconds of a cancel.
    """
    if (made_already := ledger.checkpoint.get("map")) is not None:
        return int(made_already)
    steps = method_named(plan.method).steps
    ledger.tell(Progress(0, steps, UNIT, "reading the rows"))
    with database.reading("map", vectors=True) as connection:
        column = find_column(connection, plan.column)
        with set_for_now(connection, {"statement_timeout": SAMPLE_TIMEOUT}):
            sample = take_sample(
                connection, column, rows=plan.rows, seed=plan.seed, where=from_text(plan.where)
            )
    ledger.log(f"{counted(sample.n, 'vector')} drawn ({sample.method}), {counted(sample.nulls)} had none")

    ledger.tell(Progress(0, steps, UNIT, "finding neighbours"))
    made = lay_out(column, plan, sample, lambda done: ledger.tell(Progress(done, steps, UNIT, "arranging")))
    kept = f"{made.quality.kept:.1f} of {made.quality.neighbours} neighbours kept"
    ledger.log(f"trustworthiness {made.quality.trustworthiness:.3f}, {kept}")

    with database.writing("map") as connection, connection.begin():
        stored = store_projection(
            connection,
            column,
            placed(made),
            method=plan.method,
            params=to_params(made, plan),
            quality=asdict(made.quality),
            created_by=created_by,
            job_id=job_id,
        )
        ledger.save(connection, Progress(steps, steps, UNIT, "stored"), {"map": stored})
    return stored
