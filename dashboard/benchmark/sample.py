"""The rows a run measures: copied once, some held out as queries, and read back to be compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, select

from dashboard.benchmark.environment import digest
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.queries import parse_source, perturbed
from dashboard.benchmark.truth import Indexes, Vectors
from db.arms import MISSING
from db.catalog import find_column
from db.copy import copy_out_vectors
from db.engine import Database
from db.errors import RequestError
from db.progress import Ledger, Progress
from db.query_sets import fill_queries, fill_saved
from db.scratch import OF_ROW, Scratch, fill, hold_out, is_filled, positions_in, vacuum
from db.timing import as_text


@dataclass(frozen=True, slots=True)
class Sample:
    """What is searched, and what is searched for."""

    rows: Vectors
    """Shape (rows, dimensions)."""
    queries: Vectors
    """Shape (queries, dimensions), in random order."""
    texts: tuple[bytes, ...]
    """The same, as they are sent."""
    numbers: Indexes
    """Positions of the queries in their scratch table, in the order they are asked."""
    places: Indexes
    """Index in ``rows`` of each position in the scratch table; its last element stands for MISSING."""
    are_rows: NDArray[np.bool_]
    """Which queries are rows of the column, and would find themselves there; in the order they are asked."""
    members: Mapping[str, Indexes]
    """Indexes of the rows that each subset has, ascending, by how the plan spells it."""

    def indexes(self, positions: NDArray[np.int64]) -> Indexes:
        """Turn positions, as the server answers, into indexes of ``rows``; MISSING stays."""
        return self.places[positions]

    def positions(self, indexes: Indexes) -> Indexes:
        """Turn indexes of ``rows`` into positions."""
        numbers = np.empty(len(self.rows), np.int64)
        there = np.flatnonzero(self.places != MISSING)
        numbers[self.places[there]] = there
        return numbers[indexes]


def take_sample(
    database: Database,
    connection: Connection,
    plan: BenchmarkPlan,
    scratch: Scratch,
    ledger: Ledger,
    *,
    size: int | None = None,
) -> Sample:
    """Copy the rows unless an earlier attempt has, and read them; ``size`` of them where it is given.

    Raises RequestError where the table changed between two attempts, so that their trials would not compare.
    """
    with connection.begin():
        if ledger.checkpoint.get("size") != size or not is_filled(connection, scratch):
            ledger.tell(Progress(0, 0, "rows", "copying the rows"))
            _copy(connection, plan, scratch, size or plan.sample_rows)
            if ledger.checkpoint.get("size") != size:
                _save(connection, ledger, {"size": size})
    with database.writing("benchmark") as other:
        vacuum(other.execution_options(isolation_level="AUTOCOMMIT"), scratch)
    ledger.tell(Progress(0, 0, "rows", "reading the copy"))
    with connection.begin():
        rows = copy_out_vectors(connection, select(scratch.rows.c.position, scratch.rows.c.embedding))
        asked_for = scratch.queries.c
        queries = copy_out_vectors(connection, select(asked_for.position, asked_for.embedding))
        own = set(connection.execute(select(asked_for.position).where(asked_for[OF_ROW])).scalars())
        held = [positions_in(connection, scratch, number) for number in range(scratch.subsets)]
    content = digest(rows.ids, rows.vectors, queries.ids, queries.vectors)
    _check_unchanged(connection, ledger, "digest" if size is None else f"digest of {size}", content)
    places = np.full(max(rows.ids.max(), queries.ids.max()) + 2, MISSING)
    places[rows.ids] = np.arange(len(rows.ids))
    mixed = np.random.default_rng(plan.seed).permutation(len(queries.ids))
    asked, noise = queries.vectors[mixed], parse_source(plan.query_source).noise
    if noise:
        asked = perturbed(asked, noise, scratch.type, seed=plan.seed)
    members = {
        name: places[np.array(positions, np.int64)]
        for name, positions in zip(plan.filters, held, strict=True)
    }
    texts = tuple(as_text(query, scratch.type) for query in asked)
    numbers = queries.ids[mixed]
    are_rows = np.array([not noise and number in own for number in numbers.tolist()], bool)
    return Sample(rows.vectors, asked, texts, numbers, places, are_rows, members)


def _copy(connection: Connection, plan: BenchmarkPlan, scratch: Scratch, rows: int | None) -> None:
    column = find_column(connection, plan.column)
    copied = fill(
        connection,
        column,
        scratch,
        plan.distance,
        sample_rows=rows,
        seed=plan.seed,
        subsets=tuple(plan.filters.values()),
    )
    if copied <= plan.held_out:
        raise RequestError(f"{column} has lost rows: {copied:,} are left.", "Start the benchmark again.")
    source = parse_source(plan.query_source)
    if source.saved:
        fill_saved(connection, column, scratch, plan.distance)
        return
    if source.table:
        queries = find_column(connection, source.table)
        fill_queries(connection, queries, scratch, plan.distance, wanted=plan.queries, seed=plan.seed)
        return
    chosen = np.random.default_rng(plan.seed).choice(copied, plan.queries, replace=False)
    hold_out(connection, scratch, chosen.tolist())


def _check_unchanged(connection: Connection, ledger: Ledger, name: str, content: str) -> None:
    known = ledger.checkpoint.get(name, content)
    if known != content:
        raise RequestError(
            "The table changed since this run was started, and its first copy is lost.",
            "Start the benchmark again.",
        )
    with connection.begin():
        _save(connection, ledger, {name: content})


def _save(connection: Connection, ledger: Ledger, known: dict[str, Any]) -> None:
    ledger.save(connection, Progress(0, 0, "rows", "reading the copy"), {**ledger.checkpoint, **known})
