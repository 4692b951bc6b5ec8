"""Many clients at once: each a process and a connection of its own, asking as fast as it may, or on time.

A closed loop asks again as soon as it is answered, and shows what the server can bear.  An open loop asks
at a fixed rate whatever the server does; a latency then counts from the moment the query was due, so that
a slow answer also tells of the queries it kept waiting (coordinated omission: Gil Tene, "How NOT to Measure
Latency", and his wrk2).  Where the rate is beyond the server, a client gives up after twice the time: what
was due and never sent has waited at least until then, and counts with that.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from select import select
from time import perf_counter_ns
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.dialects import postgresql

from db.arms import Arm
from db.engine import Database
from db.errors import ConnectionFailed, DashboardError, DatabaseError
from db.explain import Plan, parse_plan
from db.timing import prepared

_ROOT = Path(__file__).resolve().parents[1]
_DIALECT = postgresql.psycopg2.dialect()  # type: ignore[no-untyped-call]

_ONLY_READ = text("""
SELECT set_config('default_transaction_read_only', 'on', false),
       set_config('statement_timeout', :timeout, false),
       set_config('lock_timeout', '2s', false)
""")
"""Of the session: its searches are transactions of their own, as those of an application are."""

WATCH_S = 0.3

LEAD_NS = 50_000_000
"""Between the word to start and the start: every client hears it in time."""


@dataclass(frozen=True, slots=True)
class Task:
    """What one client does; sent to its process, so it holds plain data alone."""

    url: str
    setup: tuple[str, ...]
    statements: tuple[bytes, ...]
    first: int
    """Number of the statement to begin with: clients that march in step would warm each other's way."""
    seconds: float
    every_ns: int
    """Nanoseconds between two queries of an open loop; 0 for a closed one."""
    after_ns: int
    """How long after the start the first query of an open loop is due."""
    look: bytes = b""
    """The EXPLAIN by which it tells its plan, before all else and again at the end; empty: it does not."""


@dataclass(frozen=True, slots=True)
class Load:
    """What ``clients`` got who asked together for ``seconds``."""

    clients: int
    seconds: float
    rate: float
    """Queries per second that were offered by an open loop; 0 for a closed one."""
    finished_s: NDArray[np.float64]
    """When each query was answered, from the start, ascending; shape (queries,)."""
    latencies_ms: NDArray[np.float64]
    """In the same order; from when it was due, in an open loop; shape (queries,)."""
    errors: int
    unsent_ms: NDArray[np.float64]
    """How long each query that was due and never sent had waited at the end; shape (unsent,)."""


def offer(
    database: Database,
    arm: Arm,
    queries: Sequence[bytes],
    *,
    clients: int,
    seconds: float,
    rate: float = 0,
    watch: Callable[[], None] = lambda: None,
    admit: Callable[[Plan], None] | None = None,
) -> Load:
    """Let ``clients`` ask ``queries`` an arm's way, as ``together`` does.

    With ``admit``, which hears the plan of every client, before it asks and afterwards, and raises what it
    will not have, they are of the login that reads: no transaction of theirs may write, or take longer than
    a page's.
    """
    limits = {"timeout": f"{database.read_timeout_s}s"} if admit else {}
    setup = [
        str(step.compile(dialect=_DIALECT, compile_kwargs={"literal_binds": True})) % ()
        for step in (*([_ONLY_READ.bindparams(**limits)] if admit else []), *prepared("nearest", arm))
    ]
    statements = [b"EXECUTE nearest('%s')" % query for query in queries]
    return together(
        database,
        setup,
        statements,
        clients=clients,
        seconds=seconds,
        rate=rate,
        watch=watch,
        admit=admit,
    )


def together(
    database: Database,
    setup: Sequence[str],
    statements: Sequence[bytes],
    *,
    clients: int,
    seconds: float,
    rate: float = 0,
    watch: Callable[[], None] = lambda: None,
    admit: Callable[[Plan], None] | None = None,
) -> Load:
    """Let ``clients`` send ``statements`` over and over for ``seconds``, each after its own ``setup``.

    ``rate`` is that of all together, 0 for as fast as they are answered.  ``watch`` is called a few times a
    second, and what it or ``admit`` raises ends the load.

    Raises DatabaseError where the server refuses a client's setup, ConnectionFailed where it is not there.
    """
    url = (database.read_url if admit else database.url).render_as_string(hide_password=False)
    every_ns = ceil(1e9 * clients / rate) if rate else 0
    tasks = [
        Task(
            url,
            tuple(setup),
            tuple(statements),
            first=number * len(statements) // clients,
            seconds=seconds,
            every_ns=every_ns,
            after_ns=number * every_ns // clients,
            look=b"EXPLAIN (FORMAT JSON) " + statements[0] if admit else b"",
        )
        for number in range(clients)
    ]
    with ExitStack() as stack:
        started = [stack.enter_context(_client(task)) for task in tasks]
        if admit:
            _admit(started, admit, watch)
        for client in started:
            _hear(client, watch)
        start_ns = perf_counter_ns() + LEAD_NS
        for client in started:
            _tell(client, start_ns)
        parts = [_hear(client, watch) for client in started]
    if admit:
        for part in parts:
            admit(parse_plan(part["plan"]))
    finished = np.concatenate([part["finished_ns"] for part in parts]) - start_ns
    taken = np.concatenate([part["taken_ns"] for part in parts])
    order = np.argsort(finished, kind="stable")
    return Load(
        clients=clients,
        seconds=seconds,
        rate=rate,
        finished_s=finished[order] / 1e9,
        latencies_ms=taken[order] / 1e6,
        errors=sum(part["errors"] for part in parts),
        unsent_ms=np.concatenate([part["waited_ns"] for part in parts]) / 1e6,
    )


def _admit(
    started: Sequence[subprocess.Popen[bytes]], admit: Callable[[Plan], None], watch: Callable[[], None]
) -> None:
    for client in started:
        admit(parse_plan(_hear(client, watch)["plan"]))
    for client in started:
        _tell(client, "admitted")


@contextmanager
def _client(task: Task) -> Iterator[subprocess.Popen[bytes]]:
    """Start a client; whatever happens, it does not outlive this."""
    process = subprocess.Popen(
        [sys.executable, "-m", "db.client"], cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        _tell(process, task)
        yield process
    finally:
        process.kill()
        process.communicate()


def _tell(client: subprocess.Popen[bytes], what: object) -> None:
    pickle.dump(what, _stream(client.stdin))
    _stream(client.stdin).flush()


def _hear(client: subprocess.Popen[bytes], watch: Callable[[], None]) -> Any:
    """Read what a client says next: one thing, as it then waits for an answer.

    Raises DatabaseError where it says what went wrong, or nothing; ConnectionFailed where the server is
    gone, for which another attempt may wait.
    """
    while not select([_stream(client.stdout)], [], [], WATCH_S)[0]:
        watch()
    try:
        said = pickle.load(_stream(client.stdout))
    except EOFError:
        said = DatabaseError("it ended without a word")
    if isinstance(said, DashboardError):
        kind = ConnectionFailed if isinstance(said, ConnectionFailed) else DatabaseError
        raise kind(f"A client of the load could not go on: {said.message}.")
    return said


def _stream(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
