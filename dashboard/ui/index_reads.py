"""What the Indexes page reads: the inventory, what was measured of each index, and the ground to build on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.indexing.change import DROP_KIND, REINDEX_KIND
from dashboard.indexing.run import KIND as BUILD_KIND
from dashboard.indexing.trial import KIND as TRIAL_KIND
from dashboard.indexing.trial import Timed
from dashboard.inspection import findability
from dashboard.inspection.findability import Findability
from dashboard.recall import Recalled, recall_now
from dashboard.ui import state
from db import disk, index_builds, inspections
from db.canary import setting_in_force
from db.columns import VectorColumn
from db.forms import IndexSpec
from db.index_builds import IndexBuild
from db.index_forecast import BuildSettings, build_settings
from db.index_ground import Ground, ground
from db.index_inventory import Listed
from db.index_inventory import inventory as read_inventory
from db.jobs import Job
from db.runs import COPY, Run, Trial

KINDS = (BUILD_KIND, REINDEX_KIND, DROP_KIND)
"""Jobs that change an index of the table."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A figure of an index with where it comes from; None where nobody has measured it."""

    recall: float | None = None
    recall_from: str = ""
    found: float | None = None
    found_from: str = ""


@state.cached(ttl_s=10, max_entries=1)
def inventory() -> tuple[Listed, ...]:
    """Every vector index there is, at most ten seconds old."""
    columns = state.columns()
    with state.database().reading("indexes") as connection:
        return read_inventory(connection, columns)


@state.cached(ttl_s=30, max_entries=2)
def in_force(method: str) -> int:
    """The search setting that a new session has."""
    with state.database().reading("indexes") as connection:
        return setting_in_force(connection, method)


@state.cached(ttl_s=30, max_entries=1)
def settings() -> BuildSettings:
    """The server's settings that decide how an index is built."""
    with state.database().reading("indexes") as connection:
        return build_settings(connection)


@state.cached(ttl_s=10, max_entries=1)
def free_bytes() -> int | None:
    """What is free on the disk that would take an index; None where it is not of this machine."""
    with state.database().control("indexes") as connection:
        return disk.free_bytes(connection)


@state.cached(ttl_s=10, max_entries=16)
def ground_of(column: VectorColumn) -> Ground:
    """The column's table as the login sees it that would build there; another one may read."""
    with state.database().control("indexes") as connection:
        return ground(connection, column)


@state.cached(ttl_s=30, max_entries=64)
def findability_of(column: VectorColumn) -> tuple[Findability, datetime] | None:
    """The last look at which rows of a column its index finds."""
    with state.database().reading("indexes") as connection:
        kept = inspections.latest(connection, column, findability.KIND)
    return (Findability.from_document(kept.result), kept.created_at) if kept else None


def record_of(job: Job) -> IndexBuild | None:
    """The record of a job, as it is now."""
    with state.database().reading("index build") as connection:
        return index_builds.of_job(connection, job.id)


@state.cached(ttl_s=30, max_entries=64)
def trials(column: VectorColumn) -> list[tuple[str, Timed]]:
    """The last trial builds on a column, each with its index as the command line spells it."""
    with state.database().reading("indexes") as connection:
        kept = inspections.history(connection, column, TRIAL_KIND)
    return [
        (
            figures.summary["index"],
            Timed(
                figures.summary["rows"],
                figures.summary["build_s"],
                "a trial build",
                figures.summary.get("insert_ms"),
                figures.summary.get("plain_ms"),
                figures.summary.get("exponent"),
            ),
        )
        for figures in kept
    ]


def at_work() -> list[Job]:
    """The jobs on indexes that wait or run, oldest first; trials too."""
    kinds = (*KINDS, TRIAL_KIND)
    return [job for job in reversed(state.latest_jobs()) if job.kind in kinds and not job.is_finished]


def measured(listed: Listed, runs: Sequence[Run]) -> Measured:
    """Gather what benchmarks and findability have found of an index at the setting in force."""
    if listed.method is None:
        return Measured()
    recall, recall_from = _recall(listed, runs)
    if now := recalled(listed):
        recall = now.recall
        recall_from = f"asked here, n = {now.queries:,}, seed {now.seed}, k = {now.k}"
    looked = findability_of(_named(listed))
    if looked is None or looked[0].index != listed.index.name:
        return Measured(recall, recall_from)
    seen = looked[0]
    told = f"n = {seen.probes:,}, seed {seen.sample.seed}, {seen.parameter} = {seen.setting}"
    return Measured(recall, recall_from, seen.share, told)


def measure_recall(listed: Listed) -> None:
    """Ask the index for some rows of its table, and keep what it found for this browser session.

    Raises RequestError where it cannot be asked (see ``recall_now``), and what reading raises.
    """
    state.remember(_kept(listed), recall_now(state.database(), listed.column, listed.index))


def recalled(listed: Listed) -> Recalled | None:
    """What ``measure_recall`` has kept of an index, as it was last built."""
    found: Recalled | None = state.recall(_kept(listed))
    return found


def _kept(listed: Listed) -> str:
    # An index that is built anew has another oid.
    return f"recall {listed.column} {listed.index.name} {listed.facts and listed.facts.oid}"


def _named(listed: Listed) -> VectorColumn:
    column = listed.column
    return VectorColumn(
        column.schema, column.table, column.column, column.type, column.dimensions, column.key
    )


def _recall(listed: Listed, runs: Sequence[Run]) -> tuple[float | None, str]:
    setting = in_force(listed.index.method)
    for run in runs:
        if run.subject != str(listed.column):
            continue
        for trial in run.trials:
            if trial.is_measured and not trial.is_short and _is_like(trial, listed, setting):
                told = f"run {run.id}, n = {trial.queries:,}, seed {run.plan.get('seed', 0)}, k = {trial.k}"
                return trial.measures["recall"], told
    return None, ""


def _is_like(trial: Trial, listed: Listed, setting: int) -> bool:
    return (
        trial.method == listed.index.method
        and trial.subset is None
        and setting in trial.setting.values()
        and (trial.arm != COPY or trial.options == dict(listed.index.options))
        and not listed.index.is_expression
        and not listed.index.predicate
    )


def timed_builds(column: VectorColumn, spec: IndexSpec) -> list[Timed]:
    """List the timed builds of such an index on this column: by benchmarks, trials, and our own record."""
    found = [timed for index, timed in trials(column) if index == str(spec)]
    found += [
        Timed(
            trial.rows or run.rows or 0,
            trial.build_s,
            f"run {run.id}",
            trial.facts.get("inserted", {}).get("row_ms"),
        )
        for run in state.runs()
        if run.subject == str(column)
        for trial in run.trials
        if trial.build_s and trial.method == spec.method.name and trial.options == spec.options
    ]
    ours = [one for one in inventory() if str(one.column) == str(column)]
    found += [
        Timed(build.rows, build.build_s, one.index.name)
        for one in ours
        if (build := one.facts.build if one.facts else None) and build.build_s and build.rows
        if build.spec.get("index") == str(spec) and not build.spec.get("where")
    ]
    return [timed for timed in found if timed.rows > 1]
