"""Tune on 50,000 x 128, against the grid it replaces: the time of both, and whether the grid confirms it.

An answer is confirmed when it is asked again in a run of its own, on an index built anew, beside the cheapest
configuration in target that the grid found: the interval of its recall reaches the target, and its gain over
exact search in the same minutes is at least ``AS_QUICK`` of that configuration's.
"""

from dataclasses import replace
from statistics import median
from time import perf_counter

from dashboard.benchmark.advice import spec_of
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.run import benchmark
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant
from dashboard.benchmark.tune import candidates
from dashboard.benchmark.verdict import alike, full_name, judge
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db.distance import Distance
from db.engine import Database
from db.forms import IndexSpec
from db.progress import Unrecorded
from db.runs import Run, Trial, load_run
from tests.speed.report import Ratio, show
from tests.speed.server import fresh_database

ROUNDS = 3
ROWS, DIMS = 50_000, 128
ITEMS = PopulateRequest(source="clusters", table="items", rows=ROWS, dims=DIMS, seed=7)
RECALL = 0.95

AS_QUICK = 0.8
"""What Tune found may cost a quarter more than the grid's best, whose own steps are twice as much each."""

SETTINGS = {"hnsw": (10, 20, 40, 80, 160, 320), "ivfflat": (1, 2, 5, 10, 20, 40)}
"""What the grid asks of every candidate: each about twice the one before."""

SPECS = candidates(ROWS, "vector", DIMS, Distance.COSINE)
GRID = BenchmarkPlan(
    "public.items.embedding",
    Distance.COSINE,
    tuple(Variant(spec, SETTINGS[spec.method.name]) for spec in SPECS),
)
CANDIDATES = tuple(Variant(spec, ()) for spec in SPECS)


def measure(database: Database) -> list[Ratio]:
    """Carry out both in turns; the grid's cheapest in target is the answer to be found."""
    populate(database, ITEMS, Unrecorded())
    target = _target(database)
    tune = replace(GRID, target=target, variants=CANDIDATES)
    rounds = [(_timed(database, tune), _timed(database, GRID)) for _ in range(ROUNDS)]
    tuned_s, grid_s = (
        median(seconds) for seconds in zip(*((a, b) for (a, _), (b, _) in rounds), strict=True)
    )
    answers = [(_answer(tuned, target), _answer(grid, target)) for (_, tuned), (_, grid) in rounds]
    again = [_again(database, found, best) for found, best in answers]
    return [
        Ratio(
            "the grid's time over that of Tune",
            median(grid / tuned for (tuned, _), (grid, _) in rounds),
            3,
            f"{tuned_s:.1f} s against {grid_s:.1f} s, for a p95 of {target.p95_ms:.1f} ms",
        ),
        Ratio(
            "recall of what Tune found, upper end, over the target's",
            median(found.measures["recall_high"] / RECALL for found, _ in again),
            1,
            ", ".join(f"{found.measures['recall']:.3f}" for found, _ in again),
        ),
        Ratio(
            "gain over exact search of what Tune found over that of the grid's cheapest in target",
            median(found.measures["speedup"] / best.measures["speedup"] for found, best in again),
            AS_QUICK,
            ", ".join(f"{full_name(found)} beside {full_name(best)}" for found, best in again),
        ),
    ]


def _target(database: Database) -> Target:
    """Ask for half of what exact search takes here: a latency that only an index can keep."""
    _, exact = _timed(database, replace(GRID, variants=()))
    return Target(RECALL, exact.trials[0].measures["p50_ms"] / 2)


def _timed(database: Database, plan: BenchmarkPlan) -> tuple[float, Run]:
    started = perf_counter()
    run_id = benchmark(database, plan, Unrecorded(), created_by="bench", job_id=None, budget_bytes=2**32)
    taken_s = perf_counter() - started
    with database.reading("bench") as connection:
        return taken_s, load_run(connection, run_id)


def _answer(run: Run, target: Target) -> Trial:
    index = judge(alike(run.trials), target).index
    assert index, f"run {run.id} found nothing in target"
    return index


def _again(database: Database, *answers: Trial) -> list[Trial]:
    """Ask answers once more, in one run and side by side where they are of one index."""
    values: dict[IndexSpec, list[int]] = {}
    for trial in answers:
        values.setdefault(spec_of(trial), []).extend(int(value) for value in trial.setting.values())
    variants = tuple(Variant(spec, tuple(dict.fromkeys(some))) for spec, some in values.items())
    _, run = _timed(database, replace(GRID, variants=variants, repeats=3))
    known = {full_name(trial): trial for trial in run.trials}
    return [known[full_name(trial)] for trial in answers]


if __name__ == "__main__":
    with fresh_database() as fresh:
        show(measure(fresh))
