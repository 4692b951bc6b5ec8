"""The steps of a run: exact search, one index at a time, the live table; each trial is kept when done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import Index

from dashboard.benchmark.attempt import Attempt
from dashboard.benchmark.live import measure_live
from dashboard.benchmark.live_load import Loaded, with_live_load
from dashboard.benchmark.load import measure_load
from dashboard.benchmark.trial import PINNED_SETTINGS, Candidate, Outcome, carry_out, void
from dashboard.benchmark.trials import PlannedTrial
from db.arms import Arm
from db.build import Built, build, drop_index
from db.catalog import find_column
from db.errors import RequestError
from db.forms import IndexSpec
from db.insert_cost import insert_cost
from db.runs import LIVE, store_trial, stored_positions
from db.scratch import has_index


def go_through(attempt: Attempt) -> None:
    """Carry out the trials that are not kept yet, with one index on the copy at a time."""
    with attempt.connection.begin():
        kept = stored_positions(attempt.connection, attempt.run_id)
    for (arm, spec, _), group in groupby(attempt.trials, key=lambda t: (t.arm, t.index, t.build)):
        trials = list(group)
        left = [trial for trial in trials if trial.position not in kept]
        if arm == LIVE:
            if left:
                _measure_live(attempt, trials, left)
            continue
        if spec is None:
            for trial in left:  # each reads every row: kept one by one, so that the least is lost
                _carry_out_all(attempt, [trial], None)
            continue
        index = index_of(attempt, spec, trials[0])
        if left:
            _measure_index(attempt, index, left)
        # Also when nothing was left: an attempt killed in between leaves an index that would compete.
        with attempt.connection.begin():
            drop_index(attempt.connection, index)


def _measure_live(attempt: Attempt, trials: Sequence[PlannedTrial], left: Sequence[PlannedTrial]) -> None:
    """Ask all of ``trials`` in turns, and keep those ``left`` one by one, each with its load."""
    with attempt.connection.begin():
        column = find_column(attempt.connection, attempt.plan.column)
    outcomes = measure_live(
        attempt.database, attempt.plan, column, trials, attempt.sample, tell=attempt.teller(trials)
    )
    loaded = Loaded(attempt.database, attempt.plan, column, attempt.sample.texts)
    for trial, outcome in zip(trials, outcomes, strict=True):
        if trial in left:
            tell = partial(attempt.tell, trial, 0, 0, "queries")
            keep(attempt, trial, with_live_load(loaded, trial, outcome, tell=tell))


def index_of(attempt: Attempt, spec: IndexSpec, first: PlannedTrial) -> Index:
    """Make the Index of a candidate on the copy, named after the first trial that is asked through it."""
    scratch = attempt.scratch
    only = attempt.mark(spec.only) if spec.only else None
    return replace(spec, only=only).on(
        scratch.rows,
        "embedding",
        scratch.type,
        scratch.dimensions,
        attempt.plan.distance,
        name=f"run_{attempt.run_id}_index_{first.position}",
    )


def _measure_index(attempt: Attempt, index: Index, trials: Sequence[PlannedTrial]) -> None:
    try:
        candidate = built(attempt, index, trials[0])
    except RequestError as refused:
        for trial in trials:
            keep(attempt, trial, void(attempt.plan, trial, refused.message))
    else:
        _carry_out_all(attempt, trials, candidate)


def built(attempt: Attempt, index: Index, trial: PlannedTrial) -> Candidate:
    """Build ``index``, or adopt it where an earlier attempt had finished it.

    Raises RequestError where the server refuses it.
    """
    connection, checkpoint, name = attempt.connection, attempt.ledger.checkpoint, str(index.name)
    with connection.begin():
        if checkpoint.get("index") == name and has_index(connection, name):
            known = checkpoint["built"]
            adopted = Built(**{**known, "notices": tuple(known["notices"])})
            return Candidate(name, adopted, _wal_forecast(attempt, trial, adopted))
        drop_index(connection, index)
        made = build(
            attempt.database,
            connection,
            index,
            rows=len(attempt.sample.rows),
            settings=attempt.build_settings,
            watch=lambda p: attempt.tell(trial, p.done, p.total, p.unit, p.phase),
        )
        attempt.save(trial.position, f"built {trial.index}", {"index": name, "built": asdict(made)})
    for notice in made.notices:
        attempt.ledger.log(f"{trial.index}: {notice}")
    return Candidate(name, made, _wal_forecast(attempt, trial, made))


def drop_unfinished(attempt: Attempt) -> None:
    """Drop the index that an attempt killed on this copy left there: it would compete with the next."""
    if name := attempt.ledger.checkpoint.get("index"):
        left = Index(name, attempt.scratch.rows.c.embedding)
        with attempt.connection.begin():
            drop_index(attempt.connection, left)


def _carry_out_all(attempt: Attempt, trials: Sequence[PlannedTrial], candidate: Candidate | None) -> None:
    outcomes = carry_out(
        attempt.connection,
        attempt.plan,
        [attempt.question(trial) for trial in trials],
        candidate,
        sample=attempt.sample,
        truths=attempt.truths,
        tell=attempt.teller(trials),
    )
    loaded = [_with_load(attempt, trial, outcome) for trial, outcome in zip(trials, outcomes, strict=True)]
    beside = _size_forecast(attempt, trials[0]) | _insert_cost(attempt, trials[0])
    for trial, outcome in zip(trials, loaded, strict=True):
        facts = {**outcome.trial.facts, **beside}
        keep(attempt, trial, replace(outcome, trial=replace(outcome.trial, facts=facts)))


def _size_forecast(attempt: Attempt, trial: PlannedTrial) -> dict[str, Any]:
    """Say how large the index had been forecast, beside how large it is."""
    if not trial.index:
        return {}
    scratch, rows = attempt.scratch, _indexed_rows(attempt, trial.index)
    return {"size_forecast_bytes": trial.index.size_forecast_bytes(rows, scratch.type, scratch.dimensions)}


def _wal_forecast(attempt: Attempt, trial: PlannedTrial, made: Built) -> int:
    """Forecast what the copy, which is UNLOGGED, does not write."""
    assert trial.index
    scratch, rows = attempt.scratch, _indexed_rows(attempt, trial.index)
    return trial.index.wal_forecast_bytes(made.size_bytes, rows, scratch.type, scratch.dimensions)


def _indexed_rows(attempt: Attempt, spec: IndexSpec) -> int:
    return len(attempt.sample.members[spec.only] if spec.only else attempt.sample.rows)


def _insert_cost(attempt: Attempt, trial: PlannedTrial) -> dict[str, Any]:
    """Insert rows last of all: what is taken back still lies about in heap and index."""
    plan = attempt.plan
    if not plan.inserts:
        return {}
    attempt.tell(trial, 0, plan.inserts, "rows", "inserting")
    only = attempt.mark(trial.index.only) if trial.index and trial.index.only else None
    spec = replace(trial.index, only=only) if trial.index else None
    cost = insert_cost(attempt.connection, attempt.scratch, spec, plan.distance, plan.inserts)
    return {"inserted": asdict(cost)}


def _with_load(attempt: Attempt, trial: PlannedTrial, outcome: Outcome) -> Outcome:
    """Add what several clients at once get, where the plan asks for it."""
    plan = attempt.plan
    if not plan.clients or not outcome.trial.is_measured:
        return outcome
    arm = attempt.question(trial).arm
    settings = {**arm.settings, **(PINNED_SETTINGS if outcome.trial.pinned else {})}
    load = measure_load(
        attempt.database,
        Arm(arm.search, settings),
        attempt.sample.texts,
        clients=plan.clients,
        seconds=plan.seconds,
        rate=plan.rate,
        seed=plan.seed,
        tell=lambda how: attempt.tell(trial, 0, 0, "queries", how),
    )
    return replace(outcome, trial=replace(outcome.trial, load=load))


def keep(attempt: Attempt, trial: PlannedTrial, outcome: Outcome) -> None:
    """Store a trial, and count it as done."""
    with attempt.connection.begin():
        store_trial(
            attempt.connection,
            attempt.run_id,
            outcome.trial,
            latencies_ms=outcome.latencies_ms,
            recalls=outcome.recalls,
            found=outcome.found,
            truth=outcome.truth,
        )
        attempt.save(trial.position + 1, f"measured {trial}", {})
