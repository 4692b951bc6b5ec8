"""The queries an ann-benchmarks HDF5 file brings along, kept in a table beside its vectors.

Where a new table is made of such a file's train vectors, its test vectors go into ``<table>_queries``:
``id``, ``embedding``, and for each query ``neighbors``, the ids of its true nearest rows in the table,
nearest first, with their ``distances``.  A benchmark of the table can ask these queries, and need not
search for the truth.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from dashboard.seeding.formats import Contents, Wanted, read_batches
from dashboard.seeding.imports.columns import vector_kind
from dashboard.seeding.imports.new_table import EMBEDDING, ROW_ID
from dashboard.seeding.imports.plan import ImportPlan
from dashboard.seeding.imports.request import ImportRequest
from db import staging
from db.binary import BIGINT, BIGINTS, DOUBLES, Batch, Field
from db.columns import spelled
from db.copy import copy_in
from db.errors import RequestError
from db.imports import create_keyed
from db.targets import find_target

TRAIN, TEST, NEIGHBORS, DISTANCES = "train", "test", "neighbors", "distances"


def check_queries(connection: Connection, request: ImportRequest, found: Contents) -> None:
    """Raise RequestError where there are queries to keep, and their table's name is taken or too long."""
    if not (request.create and has_queries(found)):
        return
    name = queries_name(request)
    if len(name.encode()) > 63:
        raise RequestError(
            f"{name!r}, for the file's queries, is over 63 bytes.", "Choose a shorter table name."
        )
    if find_target(connection, request.schema, name):
        raise RequestError(
            f"{spelled(request.schema, name)}, for the file's queries, exists already.",
            "Choose another table name.",
        )


def has_queries(found: Contents) -> bool:
    """Whether a file brings queries with their true neighbours."""
    return found.dataset == TRAIN and {TEST, NEIGHBORS} <= {dataset.name for dataset in found.datasets}


def unkept(found: Contents) -> Iterator[str]:
    """Tell that queries are not kept: they know the file's rows alone, and other tables have others."""
    if has_queries(found):
        yield (
            f"The file's queries ({TEST}) and their true neighbours ({NEIGHBORS}) are left out: they are "
            "kept only beside a table that the import makes."
        )


def queries_name(request: ImportRequest) -> str:
    """Name the table for the queries."""
    return f"{request.table}_queries"


def keep_queries(connection: Connection, plan: ImportPlan) -> str | None:
    """Make the table of queries in the caller's transaction, and name it; None where there are none."""
    request, names = plan.request, [dataset.name for dataset in plan.contents.datasets]
    if plan.target or not has_queries(plan.contents):
        return None
    name = queries_name(request)
    beside = {NEIGHBORS: BIGINTS} | ({DISTANCES: DOUBLES} if DISTANCES in names else {})
    (train,) = (mapped for mapped in plan.route.columns if mapped.name == plan.route.vector)
    kind = vector_kind(train.base, train.wanted.dimensions)
    fields = [Field(ROW_ID, BIGINT), Field(EMBEDDING, kind), *(Field(n, k) for n, k in beside.items())]
    create_keyed(connection, request.schema, name, fields)
    read_as = {NEIGHBORS: Wanted("integers"), DISTANCES: Wanted("numbers")}
    wanted = {train.source or "": train.wanted} | {column: read_as[column] for column in beside}
    copy_in(connection, request.schema, name, fields, _batches(plan, wanted))
    note = {"source": "import", "file": plan.file_name, "queries_of": request.table}
    staging.annotate(connection, request.schema, name, note, {})
    return spelled(request.schema, name)


def _batches(plan: ImportPlan, wanted: dict[str, Wanted]) -> Iterator[Batch]:
    with closing(read_batches(plan.request.path, wanted, dataset=TEST)) as batches:
        for batch in batches:
            if batch.faults:
                raise RequestError(f"Of the file's queries: {batch.faults[0]}", "Correct the file.")
            vectors, neighbors, *distances = batch.values.values()
            ids = np.arange(batch.start, batch.start + batch.rows)
            # The file counts rows from 0, the table's ids count from 1.
            yield (
                ids,
                vectors,
                [_ids(plan, row, np.asarray(found)) for row, found in enumerate(neighbors, batch.start)],
                *distances,
            )


def _ids(plan: ImportPlan, query: int, neighbors: NDArray[np.int64]) -> NDArray[np.int64]:
    """Turn a query's neighbours into ids of the table.

    Raises RequestError where they are no rows of the file, or one that was left out: no truth, then.
    """
    outside = (neighbors < 0) | (neighbors >= plan.rows)
    if outside.any():
        raise RequestError(
            f"Query {query:,} names the neighbour {int(neighbors[outside.argmax()]):,}, which is no row of "
            f"the file: it has {plan.rows:,}, counted from 0.",
            "Correct the file's neighbors.",
        )
    lost = np.isin(neighbors + 1, plan.bad)
    if lost.any():
        raise RequestError(
            f"Query {query:,} has row {int(neighbors[lost.argmax()]) + 1:,} among its true neighbours, which "
            "is left out: the file's truth would not hold.",
            "Correct that row instead of leaving it out.",
        )
    return neighbors + 1
