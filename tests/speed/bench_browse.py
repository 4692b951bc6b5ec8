"""Browsing 10,000,000 x 8: each answer of the Data page against its budget, OFFSET and count(*)."""

import argparse
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from statistics import median
from time import perf_counter

from sqlalchemy import Connection, text

from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from db.browse import PageRequest, Sort, browse, jump_to_percentile, last_page, preflight
from db.catalog import ColumnInfo, find_column
from db.conditions import EVERY_ROW
from db.counts import count_exactly, estimate
from db.engine import Database
from db.facets import facets, histogram, vector_facet
from db.filters import Filter
from db.progress import Unrecorded
from tests.speed.report import Ratio, show
from tests.speed.server import fresh_database

ROWS = 10_000_000
DIMS = 8
ROUNDS = 3

BUDGET_MS = 300
"""An interaction at 10 million rows; a reader takes longer for a wait."""

DISK_BYTES_PER_ROW = 400
"""The table, its key, the staging that it is loaded through, and the log of all that."""

RARE = Filter("cluster", "=", "99")
"""The smallest of the clusters: one row in some 300."""

OFFSET = text("SELECT * FROM items ORDER BY id DESC LIMIT 100 OFFSET :passed")


@dataclass(frozen=True, slots=True)
class Case:
    """One answer: what the page asks, and what it stands against, with how many times that it must be."""

    name: str
    ask: Callable[[Connection, ColumnInfo], object]
    instead: Callable[[Connection, ColumnInfo], object] | None = None
    target: float = 10
    instead_name: str = ""


def _page(
    change: Callable[[Connection, PageRequest], PageRequest],
) -> Callable[[Connection, ColumnInfo], object]:
    """Ask as the page does: the planner first, then the rows."""

    def ask(connection: Connection, column: ColumnInfo) -> object:
        request = change(connection, PageRequest(column))
        preflight(connection, request)
        return browse(connection, request)

    return ask


def _offset(share: float) -> Callable[[Connection, ColumnInfo], object]:
    def ask(connection: Connection, column: ColumnInfo) -> object:
        passed = max(0, round((column.rows or 0) * share) - 100)
        return connection.execute(OFFSET, {"passed": passed}).all()

    return ask


CASES = (
    Case("first page", _page(lambda _, request: request)),
    Case(
        "page in the middle",
        _page(lambda c, request: jump_to_percentile(c, request, 50)),
        _offset(0.5),
        10,
        "OFFSET",
    ),
    Case("last page", _page(lambda _, request: last_page(request)), _offset(1), 10, "OFFSET"),
    Case("filtered page", _page(lambda _, request: replace(request, where=RARE))),
    Case(
        "filtered page in the middle",
        _page(lambda c, request: jump_to_percentile(c, replace(request, where=RARE), 50)),
    ),
    Case("page sorted the other way", _page(lambda _, request: replace(request, sort=Sort("id")))),
    Case(
        "rows, estimated",
        lambda connection, column: estimate(connection, replace(column, rows_exact=False), EVERY_ROW),
        lambda connection, column: count_exactly(connection, column, EVERY_ROW),
        10,
        "count(*)",
    ),
    Case(
        "rows that meet a filter, estimated",
        lambda connection, column: estimate(connection, column, RARE),
        lambda connection, column: count_exactly(connection, column, RARE),
        1,
        "count(*)",
    ),
    Case(
        "facet by statistics",
        lambda connection, column: facets(connection, column, EVERY_ROW, ["cluster"]),
        lambda connection, column: facets(connection, column, EVERY_ROW, ["cluster"], level="exact"),
        10,
        "the exact facet",
    ),
    Case(
        "facet by a sample",
        lambda connection, column: facets(connection, column, EVERY_ROW, ["cluster"], level="sample"),
        lambda connection, column: facets(connection, column, EVERY_ROW, ["cluster"], level="exact"),
        5,
        "the exact facet",
    ),
    Case(
        "filtered facet by a sample", lambda connection, column: facets(connection, column, RARE, ["cluster"])
    ),
    Case("vectors, by a sample", lambda connection, column: vector_facet(connection, column, EVERY_ROW)),
    Case(
        "histogram by a sample",
        lambda connection, column: histogram(connection, column, EVERY_ROW, "id", level="sample"),
    ),
)


def measure(database: Database, rows: int = ROWS) -> list[Ratio]:
    """Measure each case ROUNDS times, and between them what it stands against.

    Nothing is measured where the disk is too full for the rows.
    """
    if missing := _missing_bytes(database, rows):
        sys.stderr.write(
            f"Browsing {rows:,} rows is not measured: they need {missing / 2**30:.1f} GiB more than the disk "
            "has free. Try fewer: python -m tests.speed.bench_browse --rows 200000\n"
        )
        return []
    populate(
        database,
        PopulateRequest(source="clusters", table="items", rows=rows, dims=DIMS, seed=7),
        Unrecorded(),
    )
    with database.reading("bench") as connection:
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        column = find_column(connection, "items.embedding")
        return [ratio for case in CASES for ratio in _measured(connection, column, case)]


def _measured(connection: Connection, column: ColumnInfo, case: Case) -> list[Ratio]:
    rounds = [
        (_ms(connection, column, case.ask), _ms(connection, column, case.instead) if case.instead else 0.0)
        for _ in range(ROUNDS)
    ]
    ours, theirs = (median(times) for times in zip(*rounds, strict=True))
    found = [Ratio(f"{BUDGET_MS} ms over: {case.name}", BUDGET_MS / ours, 1, f"{ours:.1f} ms")]
    if case.instead:
        told = f"{ours:.1f} ms against {theirs:,.1f} ms"
        found.append(Ratio(f"{case.instead_name} over: {case.name}", theirs / ours, case.target, told))
    return found


def _ms(connection: Connection, column: ColumnInfo, ask: Callable[[Connection, ColumnInfo], object]) -> float:
    started = perf_counter()
    ask(connection, column)
    return (perf_counter() - started) * 1000


def _missing_bytes(database: Database, rows: int) -> int:
    with database.control("bench") as connection:
        folder = connection.scalar(text("SHOW data_directory")) or "."
    return max(0, rows * DISK_BYTES_PER_ROW - shutil.disk_usage(folder).free)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=ROWS, help="rows of the table; targets are for the default"
    )
    with fresh_database() as fresh:
        show(measure(fresh, parser.parse_args().rows))
