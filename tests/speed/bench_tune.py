"""Tune on 50,000 x 128, against the grid it replaces: the time of both, and whether they agree."""

from dataclasses import replace
from statistics import median
from time import perf_counter

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.run import benchmark
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant
from dashboard.benchmark.tune import candidates
from dashboard.benchmark.verdict import alike, judge
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db.distance import Distance
from db.engine import Database
from db.progress import Unrecorded
from db.runs import Run, load_run
from tests.speed.report import Ratio, show
from tests.speed.server import fresh_database

ROUNDS = 3
ROWS, DIMS = 50_000, 128
ITEMS = PopulateRequest(source="clusters", table="items", rows=ROWS, dims=DIMS, seed=7)
RECALL = 0.95

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
    answers = [(_answer_ms(tuned, target), _answer_ms(grid, target)) for (_, tuned), (_, grid) in rounds]
    return [
        Ratio(
            "the grid's time over that of Tune",
            median(grid / tuned for (tuned, _), (grid, _) in rounds),
            3,
            f"{tuned_s:.1f} s against {grid_s:.1f} s, for a p95 of {target.p95_ms:.1f} ms",
        ),
        Ratio(
            "p95 of the grid's cheapest in target over that of what Tune found",
            median(best / found for found, best in answers),
            2 / 3,
            ", ".join(f"{found:.3f} ms beside {best:.3f} ms" for found, best in answers),
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


def _answer_ms(run: Run, target: Target) -> float:
    """Tell the p95 of the cheapest trial that meets the target; endless where none does."""
    index = judge(alike(run.trials), target).index
    return index.measures["p95_ms"] if index else float("inf")


if __name__ == "__main__":
    with fresh_database() as fresh:
        show(measure(fresh))
