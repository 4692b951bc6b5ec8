"""One attempt at a run: the copy, the exact answers, and all that its steps share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.sample import Sample, take_sample
from dashboard.benchmark.trial import Question
from dashboard.benchmark.trials import PlannedTrial
from dashboard.benchmark.truth import Truth, ground_truth
from db.arms import Search
from db.catalog import find_column
from db.engine import Database
from db.errors import RequestError
from db.progress import Ledger, Progress
from db.scratch import Scratch


@dataclass(frozen=True, slots=True)
class Attempt:
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
    size: int | None

    @property
    def trials(self) -> list[PlannedTrial]:
        """The trials to be measured on this copy, and beside it."""
        return [trial for trial in self.plan.trials if trial.size == self.size]

    def tell(self, trial: PlannedTrial, done: int, total: int, unit: str, doing: str) -> None:
        """Show how far ``trial`` is."""
        place = f"trial {trial.position + 1}"
        if self.plan.target is None:
            place += f" of {len(self.plan.trials)}"
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
        total = len(self.plan.trials) if self.plan.target is None else 0
        progress = Progress(trials, total, "trials", phase)
        self.ledger.save(self.connection, progress, {**self.ledger.checkpoint, **checkpoint})


def begin_attempt(
    database: Database,
    connection: Connection,
    plan: BenchmarkPlan,
    ledger: Ledger,
    build_memory_mb: int,
    *,
    size: int | None,
) -> Attempt:
    """Copy and read the rows unless an earlier attempt has, and find the exact answers.

    Raises RequestError where the table has changed since, or no row meets a filter.
    """
    with connection.begin():
        column = find_column(connection, plan.column)
    known = ledger.checkpoint
    scratch = Scratch(known["run"], column.type, known["dimensions"], len(plan.filters))
    sample = take_sample(database, connection, plan, scratch, ledger, size=size)
    return Attempt(
        database=database,
        connection=connection,
        plan=plan,
        ledger=ledger,
        run_id=scratch.run_id,
        scratch=scratch,
        sample=sample,
        truths=dict(_truths(plan, sample, ledger)),
        size=size,
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
