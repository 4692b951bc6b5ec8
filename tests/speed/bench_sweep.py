"""A sweep of 50,000 x 128: the time of the whole run, against its builds and its timed queries alone."""

from math import fsum
from statistics import median
from time import perf_counter

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.run import benchmark
from dashboard.benchmark.trials import sweep
from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db.distance import Distance
from db.engine import Database
from db.forms import parse_spec
from db.progress import Unrecorded
from db.runs import Run, figures, load_run
from tests.speed.report import Ratio, show
from tests.speed.server import fresh_database

ROUNDS = 3
ITEMS = PopulateRequest(source="clusters", table="items", rows=50_000, dims=128, seed=7)
INDEXES = (
    "hnsw:m=16,ef_construction=64",
    "hnsw:m=8,ef_construction=64",
    "ivfflat:lists=50",
    "ivfflat:lists=200",
)
SETTINGS = {"ef_search": [10, 20, 40, 80, 160], "probes": [1, 4, 10, 20]}

PLAN = BenchmarkPlan(
    "public.items.embedding", Distance.COSINE, sweep([parse_spec(index) for index in INDEXES], SETTINGS)
)


def measure(database: Database) -> list[Ratio]:
    """Carry the plan out ROUNDS times."""
    populate(database, ITEMS, Unrecorded())
    rounds = [carried_out(database, PLAN) for _ in range(ROUNDS)]
    wall_s, built_s, asked_s = (median(seconds) for seconds in zip(*rounds, strict=True))
    return [
        Ratio(
            "builds and timed queries over the whole of a sweep",
            median((built + asked) / wall for wall, built, asked in rounds),
            1 / 1.5,
            f"{wall_s:.1f} s, {built_s:.1f} s to build and {asked_s:.1f} s to ask",
        )
    ]


def carried_out(database: Database, plan: BenchmarkPlan) -> tuple[float, float, float]:
    """Carry ``plan`` out; return the seconds of the whole, of its builds, and of its timed queries."""
    started = perf_counter()
    run_id = benchmark(database, plan, Unrecorded(), created_by="bench", job_id=None, budget_bytes=2**32)
    wall_s = perf_counter() - started
    with database.reading("bench") as connection:
        run = load_run(connection, run_id)
        observed = figures(connection, run_id, [trial.position for trial in run.trials])
    assert all(trial.is_measured for trial in run.trials), [trial.reason for trial in run.trials]
    return wall_s, _built_s(run), fsum(fsum(f.latencies_ms) for f in observed.values()) / 1000


def _built_s(run: Run) -> float:
    """Add up the builds: trials of one index tell of the same."""
    return fsum({(t.method, *t.options.items()): t.build_s for t in run.trials if t.build_s}.values())


if __name__ == "__main__":
    with fresh_database() as fresh:
        show(measure(fresh))
