"""A plan carried out: the copy, the exact answers, then one index at a time, each trial kept when done.

Whatever stops a run - a killed worker, a restarted server - the next attempt goes on from the last
trial kept.  Nothing is written outside our own schemas.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Index

from dashboard.benchmark.live import measure_live
from dashboard.benchmark.load import measure_load
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.sample import Sample, take_sample
from dashboard.benchmark.start import start
from dashboard.benchmark.trial import PINNED_SETTINGS, Candidate, Outcome, Question, carry_out, void
from dashboard.benchmark.trials import PlannedTrial
from dashboard.benchmark.truth import Truth, ground_truth
from db.build import Built, build, drop_index
from db.catalog import find_column
from db.engine import Database
from db.errors import Cancelled, ConnectionFailed, Handover, RequestError
from db.forms import IndexSpec
from db.progress import Ledger, Progress
from db.runs import LIVE, close_abandoned, finish_run, load_run, store_trial, stored_positions
from db.scratch import Scratch, drop, drop_left_behind, has_index
from db.stamp import fingerprint
from db.timing import Arm, Search


def benchmark(
    database: Database,
    plan: BenchmarkPlan,
    ledger: Ledger,
    *,
    created_by: str,
    job_id: int | None,
    budget_bytes: int,
    build_memory_mb: int = 0,
) -> int:
    """Carry out ``plan``, going on where ``ledger`` says an earlier attempt stopped; return the run's id.

    ``budget_bytes`` bounds the scratch copy with its largest index.  ``build_memory_mb`` is the
    maintenance_work_mem of builds; 0 leaves the server's.

    Raises RequestError, before anything is written, where plan, table and budget do not fit.
    """
    if "run" not in ledger.checkpoint:
        with database.writing("benchmark") as connection, connection.begin():
            start(connection, plan, ledger, created_by=created_by, job_id=job_id, budget_bytes=budget_bytes)
    run_id = int(ledger.checkpoint["run"])
    try:
        with database.writing("benchmark") as connection:
            attempt = _attempt(database, connection, plan, ledger, build_memory_mb)
            _go_through(attempt)
            _finish(attempt)
    except (Handover, ConnectionFailed):
        raise  # another attempt goes on from what is kept
    except Exception as error:
        _give_up(database, ledger, run_id, "cancelled" if isinstance(error, Cancelled) else "failed")
        raise
    return run_id


def sweep_scratch(connection: Connection, active_jobs: Collection[int]) -> tuple[int, ...]:
    """Close the runs of jobs that are over, drop what runs left behind, and name those runs."""
    close_abandoned(connection, active_jobs)
    return drop_left_behind(connection)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """What the steps of one attempt at a run share."""

    database: Database
    connection: Connection
    plan: BenchmarkPlan
    ledger: Ledger
    run_id: int
    scratch: Scratch
    sample: Sample
    truths: dict[str | None, Truth]
    build_settings: dict[str, str]

    def tell(self, trial: PlannedTrial, done: int, total: int, unit: str, doing: str) -> None:
        """Show how far ``trial`` is."""
        place = f"trial {trial.position + 1} of {len(self.plan.trials)}"
        self.ledger.tell(Progress(done, total, unit, f"{place}, {trial}: {doing}"))

    def teller(self, trials: Sequence[PlannedTrial]) -> Callable[[int], None]:
        """Make what shows how many queries of ``trials`` are done."""
        total = sum(self.plan.asked(trial) for trial in trials) * self.plan.repeats
        return lambda done: self.tell(trials[0], done, total, "queries", "asking")

    def question(self, trial: PlannedTrial) -> Question:
        """Say how the server is asked a trial's queries."""
        only = self.mark(trial.subset) if trial.subset else None
        form = trial.index.form if trial.index else None
        return Question(trial, Search(self.scratch.rows, self.plan.distance, trial.k, form, only))

    def mark(self, subset: str) -> str:
        """Name the column of the copy that marks a subset's rows."""
        return f"subset_{list(self.plan.filters).index(subset)}"

    def save(self, trials: int, phase: str, checkpoint: dict[str, Any]) -> None:
        """Make ``checkpoint`` durable with what this transaction wrote; ``trials`` are done."""
        progress = Progress(trials, len(self.plan.trials), "trials", phase)
        self.ledger.save(self.connection, progress, {**self.ledger.checkpoint, **checkpoint})


def _attempt(
    database: Database,
    connection: Connection,
    plan: BenchmarkPlan,
    ledger: Ledger,
    build_memory_mb: int,
) -> _Attempt:
    with connection.begin():
        column = find_column(connection, plan.column)
    known = ledger.checkpoint
    scratch = Scratch(known["run"], column.type, known["dimensions"], len(plan.filters))
    sample = take_sample(database, connection, plan, scratch, ledger)
    return _Attempt(
        database=database,
        connection=connection,
        plan=plan,
        ledger=ledger,
        run_id=scratch.run_id,
        scratch=scratch,
        sample=sample,
        truths=dict(_truths(plan, sample, ledger)),
        build_settings={"maintenance_work_mem": f"{build_memory_mb}MB"} if build_memory_mb else {},
    )


def _truths(plan: BenchmarkPlan, sample: Sample, ledger: Ledger) -> Iterator[tuple[str | None, Truth]]:
    """Find the exact answers among all rows, and among those of each subset that is searched."""

    def tell(done: int) -> None:
        ledger.tell(Progress(done, plan.queries, "queries", "finding the exact answers"))

    for name in dict.fromkeys(trial.subset for trial in plan.trials):
        rows = sample.rows if name is None else sample.rows[sample.members[name]]
        if not len(rows):
            raise RequestError(f"No row meets {name}.", "Choose another filter.")
        yield name, ground_truth(rows, sample.queries, plan.distance, min(max(plan.ks), len(rows)), tell)


def _go_through(attempt: _Attempt) -> None:
    """Carry out the trials that are not kept yet, with one index on the copy at a time."""
    with attempt.connection.begin():
        kept = stored_positions(attempt.connection, attempt.run_id)
    for (arm, spec, _), group in groupby(attempt.plan.trials, key=lambda t: (t.arm, t.index, t.build)):
        trials = list(group)
        left = [trial for trial in trials if trial.position not in kept]
        if arm == LIVE:
            for trial, outcome in _live(attempt, trials) if left else ():
                if trial in left:
                    _keep(attempt, trial, outcome)
            continue
        if spec is None:
            for trial in left:  # each reads every row: kept one by one, so that the least is lost
                _carry_out_all(attempt, [trial], None)
            continue
        index = _index(attempt, spec, trials[0])
        if left:
            _measure_index(attempt, index, left)
        # Also when nothing was left: an attempt killed in between leaves an index that would compete.
        with attempt.connection.begin():
            drop_index(attempt.connection, index)


def _live(attempt: _Attempt, trials: Sequence[PlannedTrial]) -> Iterator[tuple[PlannedTrial, Outcome]]:
    with attempt.connection.begin():
        column = find_column(attempt.connection, attempt.plan.column)
    outcomes = measure_live(
        attempt.database, attempt.plan, column, trials, attempt.sample, tell=attempt.teller(trials)
    )
    return zip(trials, outcomes, strict=True)


def _index(attempt: _Attempt, spec: IndexSpec, first: PlannedTrial) -> Index:
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


def _measure_index(attempt: _Attempt, index: Index, trials: Sequence[PlannedTrial]) -> None:
    try:
        candidate = _candidate(attempt, index, trials[0])
    except RequestError as refused:
        for trial in trials:
            _keep(attempt, trial, void(attempt.plan, trial, refused.message))
    else:
        _carry_out_all(attempt, trials, candidate)


def _candidate(attempt: _Attempt, index: Index, trial: PlannedTrial) -> Candidate:
    """Build ``index``, or adopt it where an earlier attempt had finished it."""
    connection, checkpoint, name = attempt.connection, attempt.ledger.checkpoint, str(index.name)
    with connection.begin():
        if checkpoint.get("index") == name and has_index(connection, name):
            known = checkpoint["built"]
            return Candidate(name, Built(**{**known, "notices": tuple(known["notices"])}))
        drop_index(connection, index)
        built = build(
            attempt.database,
            connection,
            index,
            rows=len(attempt.sample.rows),
            settings=attempt.build_settings,
            watch=lambda p: attempt.tell(trial, p.done, p.total, p.unit, p.phase),
        )
        attempt.save(trial.position, f"built {trial.index}", {"index": name, "built": asdict(built)})
    for notice in built.notices:
        attempt.ledger.log(f"{trial.index}: {notice}")
    return Candidate(name, built)


def _carry_out_all(attempt: _Attempt, trials: Sequence[PlannedTrial], candidate: Candidate | None) -> None:
    outcomes = carry_out(
        attempt.connection,
        attempt.plan,
        [attempt.question(trial) for trial in trials],
        candidate,
        sample=attempt.sample,
        truths=attempt.truths,
        tell=attempt.teller(trials),
    )
    for trial, outcome in zip(trials, outcomes, strict=True):
        _keep(attempt, trial, _with_load(attempt, trial, outcome))


def _with_load(attempt: _Attempt, trial: PlannedTrial, outcome: Outcome) -> Outcome:
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


def _keep(attempt: _Attempt, trial: PlannedTrial, outcome: Outcome) -> None:
    with attempt.connection.begin():
        store_trial(
            attempt.connection,
            attempt.run_id,
            outcome.trial,
            latencies_ms=outcome.latencies_ms,
            recalls=outcome.recalls,
        )
        attempt.save(trial.position + 1, f"measured {trial}", {})


def _finish(attempt: _Attempt) -> None:
    connection = attempt.connection
    with connection.begin():
        column = find_column(connection, attempt.plan.column)
        now = fingerprint(connection, column)
        drop(connection, attempt.run_id)
        finish_run(connection, attempt.run_id, "succeeded", now)
        attempt.save(len(attempt.plan.trials), "finished", {})
        before = load_run(connection, attempt.run_id).fingerprint_before
    if now != before:
        attempt.ledger.log(
            f"{column} or an index on it was changed by somebody else while this run was measuring its copy."
        )


def _give_up(database: Database, ledger: Ledger, run_id: int, state: str) -> None:
    """Drop the copy and close the run, unless the job is another worker's by now."""
    with database.writing("benchmark") as connection:
        try:
            with connection.begin():
                ledger.save(connection, Progress(0, 0, "trials", "cleaning up"), ledger.checkpoint)
        except Cancelled:
            state = "cancelled"
        with connection.begin():
            drop(connection, run_id)
            finish_run(connection, run_id, state)
