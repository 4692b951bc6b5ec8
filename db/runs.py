"""Benchmark runs and their trials, as they are kept: a trial is stored whole, once, and never changed.

Triggers hold that for everybody (revision 0010): no trial that is kept, and no run that is finished, is
changed; a run that is finished gets no more trials, and its trials go only with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, cast, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import JSONB

from db import schema
from db.columns import VectorColumn, spelled
from db.errors import RequestError
from db.neighbours import Kept, Neighbours, keep_truth, kept_neighbours

EXACT = "exact"
"""The method of a trial without an index."""

COPY, LIVE = "copy", "live"
"""Where a trial searched: a scratch copy, or the table as it stands."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One index with one search setting, asked every query.

    ``measures`` holds the keys of dashboard.benchmark.measures, each with ``_low`` and ``_high``; it is
    empty when the trial is void, and ``reason`` then says why.  ``build_s`` and ``size_bytes`` are those
    of the index, None without one.  ``pinned``: the planner chose it only with sequential scans disabled.

    ``arm`` is COPY, or LIVE for the user's own table.  ``rows`` were searched for ``k`` neighbours each,
    limited to those of ``subset`` where it is one.  ``load`` holds what several clients at once got
    (dashboard.benchmark.load), ``facts`` what else was seen: the build's notices and workers, buffers.
    A trial that fewer queries had decided names there how many the run has: ``of_queries``.
    """

    position: int
    method: str
    options: dict[str, int | str]
    setting: dict[str, int | str]
    state: str
    reason: str | None
    plan_node: str
    plan: dict[str, Any]
    pinned: bool
    queries: int
    measures: dict[str, float]
    build_s: float | None = None
    size_bytes: int | None = None
    arm: str = COPY
    rows: int | None = None
    k: int | None = None
    subset: str | None = None
    load: list[dict[str, Any]] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_measured(self) -> bool:
        """Whether there are figures: the plan was the one to be measured."""
        return self.state == "measured"

    @property
    def is_short(self) -> bool:
        """Whether it was ended once its recall was decided: its figures do not compare with whole trials'."""
        return "of_queries" in self.facts


@dataclass(frozen=True, slots=True)
class Figures:
    """What one trial observed: the latencies of each query, repeat by repeat, and the recall of each.

    ``kept`` is what each query found, where it is kept and asked for.
    """

    latencies_ms: list[float]
    recalls: list[float]
    kept: Kept | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A plan carried out, or being carried out: see ``state``.  ``rows`` were searched."""

    id: int
    job_id: int | None
    schema: str
    table: str
    column: str
    state: str
    plan: dict[str, Any]
    rows: int | None
    queries: int | None
    environment: dict[str, Any] | None
    fingerprint_before: str | None
    fingerprint_after: str | None
    created_by: str
    started_at: datetime
    finished_at: datetime | None
    trials: tuple[Trial, ...]

    @property
    def subject(self) -> str:
        """The column measured, as ``schema.table.column``."""
        return spelled(self.schema, self.table, self.column)

    @property
    def exact(self) -> Trial | None:
        """The first trial without an index, once it is there."""
        return next((trial for trial in self.trials if trial.method == EXACT), None)


_TRIAL = [schema.trial.c[name] for name in Trial.__slots__]
_RUN = [schema.run.c[name] for name in Run.__slots__ if name != "trials"]


def start_run(
    connection: Connection,
    column: VectorColumn,
    plan: Mapping[str, Any],
    *,
    rows: int,
    queries: int,
    environment: Mapping[str, Any],
    fingerprint: str,
    created_by: str,
    job_id: int | None,
) -> int:
    """Record what will be measured, on what, and how the user's table stood before; number the run.

    A job that is tried again from the start leaves its earlier run behind without a job, and closed.
    """
    if job_id is not None:
        earlier = update(schema.run).where(schema.run.c.job_id == job_id)
        unfinished = {"state": "failed", "finished_at": func.clock_timestamp()}
        connection.execute(earlier.where(schema.run.c.state == "running").values(unfinished))
        connection.execute(earlier.values(job_id=None))
    values = {
        "job_id": job_id,
        "schema": column.schema,
        "table": column.table,
        "column": column.column,
        "plan": plan,
        "rows": rows,
        "queries": queries,
        "environment": environment,
        "fingerprint_before": fingerprint,
        "created_by": created_by,
    }
    started = insert(schema.run).values(values).returning(schema.run.c.id)
    return int(connection.execute(started).scalar_one())


def store_trial(
    connection: Connection,
    run_id: int,
    trial: Trial,
    *,
    latencies_ms: Sequence[float],
    recalls: Sequence[float],
    found: Neighbours | None = None,
    truth: Neighbours | None = None,
) -> None:
    """Keep a finished trial with its figures per query; a second one at the same position is refused.

    ``found`` is what each query found, beside the exact answers in ``truth``.
    """
    values = {name: getattr(trial, name) for name in Trial.__slots__}
    values |= {"run_id": run_id, "latencies_ms": list(latencies_ms), "recalls": list(recalls)}
    if found and truth and found.is_kept:
        exact = truth if truth.is_kept else truth.cut(*found.distances.shape)
        values |= {"found": found.packed(), "truth": keep_truth(connection, run_id, exact)}
    connection.execute(insert(schema.trial).values(values))


def finish_run(connection: Connection, run_id: int, state: str, fingerprint: str | None = None) -> None:
    """Close a run as ``succeeded``, ``failed`` or ``cancelled``, with how the user's table stands now.

    One that is closed already stays as it is.
    """
    values = {"state": state, "finished_at": func.clock_timestamp(), "fingerprint_after": fingerprint}
    running = (schema.run.c.id == run_id) & (schema.run.c.state == "running")
    connection.execute(update(schema.run).where(running).values(values))


def add_to_environment(connection: Connection, run_id: int, facts: Mapping[str, Any]) -> None:
    """Put what was learnt on the way beside a run's circumstances."""
    known = func.coalesce(schema.run.c.environment, cast({}, JSONB))
    added = known.op("||")(cast(facts, JSONB))
    connection.execute(update(schema.run).where(schema.run.c.id == run_id).values(environment=added))


_ABANDON = text("""
UPDATE vectorscope.run SET state = 'failed', finished_at = clock_timestamp()
WHERE state = 'running' AND job_id IS NOT NULL AND job_id <> ALL (:active)
""")


def close_abandoned(connection: Connection, active_jobs: Collection[int]) -> None:
    """Mark as failed the runs whose job is over although they are not."""
    connection.execute(_ABANDON, {"active": list(active_jobs)})


def stored_positions(connection: Connection, run_id: int) -> frozenset[int]:
    """Positions of the trials that are stored."""
    stored = select(schema.trial.c.position).where(schema.trial.c.run_id == run_id)
    return frozenset(connection.execute(stored).scalars())


def load_run(connection: Connection, run_id: int) -> Run:
    """Read a run with its trials in order.  Raises RequestError when there is none of that id."""
    runs = _read(connection, schema.run.c.id == run_id, limit=1)
    if not runs:
        raise RequestError(
            f"There is no run {run_id}.",
            "List them on the page Benchmarks, or by: python -m dashboard runs list",
        )
    return runs[0]


def figures(
    connection: Connection, run_id: int, positions: Collection[int], *, neighbours: bool = False
) -> dict[int, Figures]:
    """Read what the trials at ``positions`` observed, by position; void trials observed nothing.

    With ``neighbours`` also what each query found, megabytes where there are many.
    """
    trial = schema.trial.c
    chosen = select(trial.position, trial.latencies_ms, trial.recalls).where(
        trial.run_id == run_id, trial.position.in_(positions), trial.state == "measured"
    )
    observed = {position: Figures(*arrays) for position, *arrays in connection.execute(chosen)}
    kept = kept_neighbours(connection, run_id, positions) if neighbours else {}
    return {position: replace(seen, kept=kept.get(position)) for position, seen in observed.items()}


_UNDER = text("""
SELECT position, (SELECT avg((recall < CAST(:recall AS real))::int) FROM unnest(recalls) AS recall)
FROM vectorscope.trial WHERE run_id = :run AND state = 'measured'
""")


def shares_under(connection: Connection, run_id: int, recall: float) -> dict[int, float]:
    """Tell what share of its queries each trial answered with less than ``recall``, by position."""
    found = connection.execute(_UNDER, {"run": run_id, "recall": recall})
    return {position: float(share or 0) for position, share in found}


def load_run_of_job(connection: Connection, job_id: int) -> Run | None:
    """Read the run a job has begun; None before that."""
    return next(iter(_read(connection, schema.run.c.job_id == job_id, limit=1)), None)


def list_runs(
    connection: Connection, column: VectorColumn | None = None, *, limit: int = 50
) -> tuple[Run, ...]:
    """Read the last runs, newest first; of one column, when given."""
    of_column = schema.run.c.id > 0
    if column is not None:
        of_column = (
            (schema.run.c.schema == column.schema)
            & (schema.run.c.table == column.table)
            & (schema.run.c.column == column.column)
        )
    return _read(connection, of_column, limit)


def _read(connection: Connection, condition: ColumnElement[bool], limit: int) -> tuple[Run, ...]:
    chosen = select(*_RUN).where(condition).order_by(schema.run.c.id.desc()).limit(limit)
    runs = connection.execute(chosen).mappings().all()
    wanted = select(schema.trial.c.run_id, *_TRIAL).order_by(schema.trial.c.position)
    wanted = wanted.where(schema.trial.c.run_id.in_([run["id"] for run in runs]))
    trials: dict[int, list[Trial]] = defaultdict(list)
    for run_id, *values in connection.execute(wanted):
        trials[run_id].append(Trial(*values))
    return tuple(Run(**run, trials=tuple(trials[run["id"]])) for run in runs)
