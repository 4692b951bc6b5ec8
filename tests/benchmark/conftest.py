"""A small table with an index of its own, and runs on it that must leave both as they were."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import Connection, inspect, text

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.run import benchmark
from dashboard.benchmark.trials import sweep
from db.distance import Distance
from db.engine import Database
from db.forms import parse_spec
from db.progress import Progress
from db.runs import Run, load_run
from db.schema import SCRATCH_SCHEMA

ITEMS = """
CREATE TABLE items (id int PRIMARY KEY, embedding vector(8));
SELECT setseed(0.5);
INSERT INTO items
SELECT i, CASE WHEN i % 50 = 1 THEN NULL WHEN i % 50 = 2 THEN array_fill(0, ARRAY[8])::vector
          ELSE (SELECT array_agg(random() - 0.5 + 0 * (g + i)) FROM generate_series(1, 8) AS g)::vector END
FROM generate_series(1, 1000) AS i;
CREATE INDEX items_hnsw ON items USING hnsw (embedding vector_cosine_ops);
CREATE INDEX items_ivfflat ON items USING ivfflat (embedding vector_l2_ops) WITH (lists = 5);
"""

PLAN = BenchmarkPlan(
    "public.items.embedding",
    Distance.COSINE,
    sweep(
        [parse_spec("hnsw:m=8"), parse_spec("ivfflat:lists=10")], {"ef_search": [10, 80], "probes": [1, 10]}
    ),
    ks=(10,),
    queries=30,
    seed=7,
)


OF_THE_USER = text("""
SELECT c.oid, c.relfilenode, pg_get_indexdef(c.oid), x.indisvalid
FROM pg_class c LEFT JOIN pg_index x ON x.indexrelid = c.oid
WHERE c.relnamespace IN
  (SELECT oid FROM pg_namespace WHERE nspname !~ '^(pg_|vectorscope|information_schema)')
ORDER BY c.oid
""")


class Killed(Exception):
    """Stands for a SIGKILL: nothing cleans up after it."""


@dataclass
class Journal:
    """A Ledger that remembers what became durable, and stops the work where a test wants it to."""

    checkpoint: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    told: list[Progress] = field(default_factory=list)
    saved: list[Progress] = field(default_factory=list)
    before_save: Callable[[int], None] = lambda saves: None
    before_tell: Callable[[Progress], None] = lambda progress: None

    def tell(self, progress: Progress) -> None:
        self.before_tell(progress)
        self.told.append(progress)

    def log(self, message: str) -> None:
        self.lines.append(message)

    def save(self, connection: Connection, progress: Progress, checkpoint: dict[str, Any]) -> None:
        self.before_save(len(self.saved))
        self.saved.append(progress)
        self.checkpoint = dict(checkpoint)


@dataclass
class Bench:
    """Runs plans on a database, and looks at what they leave.

    What a test itself executes may change tables and indexes; a run never may, whatever becomes of it.
    """

    database: Database
    of_the_user: list[Any] = field(init=False)
    """The oid, file, definition and validity of each relation that is no run's, as the test last left it."""

    def __post_init__(self) -> None:
        self.of_the_user = self.look_at_relations()

    def run(self, plan: BenchmarkPlan, journal: Journal | None = None, **facts: Any) -> Run:
        known: dict[str, Any] = {"created_by": "tests", "job_id": None, "budget_bytes": 2**30}
        run_id = benchmark(self.database, plan, journal or Journal(), **{**known, **facts})
        return self.look(run_id)

    def look(self, run_id: int) -> Run:
        with self.database.reading("tests") as connection:
            return load_run(connection, run_id)

    def scratch_tables(self) -> list[str]:
        with self.database.reading("tests") as connection:
            return sorted(inspect(connection).get_table_names(SCRATCH_SCHEMA))

    def execute(self, script: str) -> Any:
        self.assert_untouched()
        with self.database.control("tests") as connection:
            result = connection.execute(text(script))
            told = result.all() if result.returns_rows else None
        self.of_the_user = self.look_at_relations()
        return told

    def assert_untouched(self) -> None:
        assert self.look_at_relations() == self.of_the_user

    def look_at_relations(self) -> list[Any]:
        with self.database.control("tests") as connection:
            return list(connection.execute(OF_THE_USER))


@pytest.fixture
def bench(database: Database) -> Iterator[Bench]:
    """A database with ``items``: 1,000 rows, 20 without a vector, 20 without direction, two indexes."""
    made = Bench(database)
    made.execute(ITEMS)
    yield made
    made.assert_untouched()
