"""Many clients on the live table itself, where a plan asks for that outright: SELECT alone, and time-boxed.

Whoever else uses the server will notice.  So each client may only read, and no longer than a page may; each
says its plan before and after, and ends at once where that is not the one measured; and the clients leave
others at least as many connections as they take.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from dashboard.benchmark.live import Used, arm_of, used_by
from dashboard.benchmark.load import summarise
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.trial import Outcome
from dashboard.benchmark.trials import PlannedTrial
from db.activity import connections_left
from db.catalog import ColumnInfo
from db.engine import Database
from db.errors import Cancelled, ConnectionFailed, DatabaseError, RequestError
from db.explain import parse_plan
from db.load import offer
from db.runs import LIVE
from db.words import counted

SAID = "load_said"
"""The fact of a trial under which stands why some clients did not ask."""


def load_announced(plan: BenchmarkPlan) -> str | None:
    """Say what a plan will do to the server that others use; None where it loads the copy alone."""
    if not plan.live_clients:
        return None
    trials = sum(trial.arm == LIVE for trial in plan.trials)
    together_s = trials * len(plan.clients) * plan.seconds
    return (
        f"Loads the live table: up to {counted(max(plan.clients), 'client')} at once search {plan.column}, "
        f"exactly and as it is today, for {counted(together_s, 'second')} in all, beside warm-ups that take "
        "no longer. They only read, and whoever else uses this server will notice."
    )


@dataclass(frozen=True, slots=True)
class Loaded:
    """What several clients ask: the ``column`` itself, for ``queries`` written as they are sent."""

    database: Database
    plan: BenchmarkPlan
    column: ColumnInfo
    queries: Sequence[bytes]


def with_live_load(
    loaded: Loaded, trial: PlannedTrial, outcome: Outcome, *, tell: Callable[[str], None]
) -> Outcome:
    """Add to a live trial what several clients at once get by a closed loop, and why some did not ask.

    ``tell`` hears what is going on, a few times a second; what it raises ends the clients.
    """
    if not loaded.plan.live_clients or not outcome.trial.is_measured:
        return outcome
    said: list[str] = []
    points = list(_points(loaded, trial, outcome, tell=tell, say=said.append))
    facts = {**outcome.trial.facts, **({SAID: said} if said else {})}
    return replace(outcome, trial=replace(outcome.trial, load=points, facts=facts))


def _points(
    loaded: Loaded,
    trial: PlannedTrial,
    outcome: Outcome,
    *,
    tell: Callable[[str], None],
    say: Callable[[str], None],
) -> Iterator[dict[str, object]]:
    database, plan, column = loaded.database, loaded.plan, loaded.column
    measured = used_by(parse_plan([outcome.trial.plan]), column)
    for number in plan.clients:
        how = counted(number, "client")
        with database.reading("benchmark live") as connection:
            left = connections_left(connection)
        if 2 * number > left:
            say(f"{how} did not ask: {counted(left, 'connection')} were left, and others want theirs.")
            continue
        try:
            load = offer(
                database,
                arm_of(plan, column, trial, trial.k, {}),
                loaded.queries,
                clients=number,
                seconds=plan.seconds,
                admit=lambda chosen: _admit(measured, used_by(chosen, column)),
                watch=lambda how=how: tell(how),  # type: ignore[misc]
            )
        except Cancelled:
            raise
        except (DatabaseError, RequestError) as refused:
            if isinstance(refused, ConnectionFailed):
                with database.reading("benchmark live"):
                    pass  # where the server is gone, another attempt may wait for it
            say(f"{how} did not go on: {refused.message}")
            return
        if not len(load.latencies_ms):
            say(f"{how} got no answer at all: every search ran into its time limit.")
            return
        yield asdict(summarise(load, seed=plan.seed))


def _admit(measured: Used, used: Used) -> None:
    """Raise RequestError where a client's plan is not that of the trial it stands beside."""
    if used.walked != measured.walked:
        raise RequestError(
            f"A client's plan was {used} instead of {measured}.", "Look at the settings of its login."
        )
