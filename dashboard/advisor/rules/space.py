"""What an index takes: pages half empty, more than memory holds, and what its build will want."""

from __future__ import annotations

from dashboard.advisor.advice import Looked, Number, Rule, Said, Severity, Silence
from dashboard.advisor.facts import Facts
from dashboard.advisor.proposal import HALF, bytes_per_row, is_wasteful, replacing
from dashboard.advisor.remedy import Remedy
from dashboard.advisor.words import listed, share, size
from db.advice import proof
from db.catalog import ColumnInfo
from db.forms import IndexSpec
from db.index_catalog import IndexInfo
from db.indexes import PAGE_BYTES, Hnsw, stored_bytes
from db.remedies import set_session, share_as_usual, share_out
from db.words import counted

LEAST_PARALLEL_BYTES = 64 * 2**20
"""maintenance_work_mem below which pgvector builds a graph by one process.  Measured: 63 MB is serial."""

GRAPH_LINK_BYTES, GRAPH_ROW_BYTES = 32, 200
"""A row of a graph in memory takes its vector and these.  Measured: 4d + 32m + 208 bytes for vector."""

WORKERS = 2
"""Where the server allows builds none: PostgreSQL's own default."""

WORKER_LIMITS = ("max_parallel_maintenance_workers", "max_parallel_workers")
"""Settings of which the lower one bounds the workers of a build."""


def page_cliff(facts: Facts) -> Looked:
    """A row or two to a page, and most of it empty."""
    column = facts.column
    graphs = [i for i in column.indexes if i.valid and i.method == Hnsw.name and not i.is_expression]
    if not graphs:
        return Silence("There is no HNSW index over whole vectors.")
    if column.type != "vector" or column.dimensions is None:
        return Silence(f"The column is {column.type}; only vectors of one length can be halved.")
    wasteful = [index for index in graphs if is_wasteful(column, _method(index))]
    if not wasteful:
        method = _method(graphs[0])
        whole, half = (bytes_per_row(IndexSpec(method, form), column) for form in (None, HALF))
        filled = method.page_share(column.dimensions, column.type)
        return Silence(
            f"At {column.dimensions:,} dimensions a row takes {size(whole)}, its pages {share(filled)} "
            f"filled; as halfvec it would take {size(half)}."
        )
    return [_cliff(facts, index) for index in wasteful]


def _cliff(facts: Facts, index: IndexInfo) -> Said:
    column, method = facts.column, _method(index)
    whole, half = (bytes_per_row(IndexSpec(method, form), column) for form in (None, HALF))
    fits = _next_cliff(column, method)
    finding = (
        f"At {column.dimensions:,} dimensions a row of {index.name} takes {size(whole)}, as {_pages(whole)}; "
        f"as halfvec it takes {size(half)}, {whole / half:.1f} times less. {fits:,} dimensions would be the "
        "next to fit better. Searches must then order by the same cast."
    )
    numbers = (
        Number(size(whole), "a row now"),
        Number(size(half), "as halfvec"),
        Number(
            f"~{size(facts.rows * (whole - half))}",
            f"saved of {size(facts.rows * whole)}",
            facts.rows * (whole - half),
        ),
    )
    spec = IndexSpec(method, HALF)
    if index.distance is None or index.predicate:
        return Said(finding, numbers, proof("indexes", column), about=index.name)
    remedy = replacing(facts, index.name, spec, index.distance, "change the searches before the old one goes")
    return Said(finding, numbers, proof("indexes", column), remedy, about=index.name)


def _pages(per_row: float) -> str:
    pages = round(per_row / PAGE_BYTES)
    return f"it needs {pages} pages" if pages > 1 else f"{int(PAGE_BYTES / per_row)} to a page"


def _next_cliff(column: ColumnInfo, method: Hnsw) -> int:
    """Find the most dimensions that take fewer bytes a row than the column's."""
    dimensions = column.dimensions or 0
    taken = method.size_forecast_bytes(10_000, dimensions, column.type)
    below = range(dimensions - 1, 0, -1)
    return next((d for d in below if method.size_forecast_bytes(10_000, d, column.type) < taken), 1)


def over_memory(facts: Facts) -> Looked:
    """An index that shared memory cannot hold is read from disk, again and again."""
    valid = [index for index in facts.column.indexes if index.valid]
    if not valid:
        return Silence("There is no valid index.")
    memory_bytes = facts.server.shared_buffers_bytes
    large = [index for index in valid if index.size_bytes > memory_bytes]
    if not large:
        most = max(valid, key=lambda index: index.size_bytes)
        return Silence(f"The largest, {most.name}, takes {size(most.size_bytes)} of {size(memory_bytes)}.")
    return [_too_large(facts, index, memory_bytes) for index in large]


def _too_large(facts: Facts, index: IndexInfo, memory_bytes: int) -> Said:
    finding = (
        f"{index.name} takes {size(index.size_bytes)} and shared_buffers {size(memory_bytes)}: what a search "
        "visits must come from the system's cache, or from disk."
    )
    numbers = (
        Number(size(index.size_bytes), "index", index.size_bytes),
        Number(size(memory_bytes), "shared_buffers"),
    )
    column = facts.column
    can_halve = (
        column.type == "vector" and not index.is_expression and not index.predicate and column.dimensions
    )
    if index.method == Hnsw.name and can_halve and index.distance:
        remedy = replacing(facts, index.name, IndexSpec(_method(index), HALF), index.distance)
    else:
        remedy = Remedy((), remark=f"raise shared_buffers above {size(index.size_bytes)}, or drop the index")
    return Said(finding, numbers, proof("indexes", column), remedy, about=index.name)


def serial_build(facts: Facts) -> Looked:
    """A build by one process, for reasons nobody sees."""
    least_bytes = facts.setting("min_parallel_table_scan_size")
    if not facts.can_hold_index:
        return Silence(f"A {facts.column.kind} holds no index.")
    if not (facts.is_over or facts.column.indexes):
        return Silence("There is no index to build, and none is needed.")
    taken_bytes = facts.storage.heap_bytes + facts.storage.toast_bytes
    if taken_bytes < least_bytes:
        return Silence(
            f"The table takes {size(taken_bytes)}: one process builds an index over it soon enough."
        )
    causes = _serial_causes(facts, least_bytes)
    if not causes:
        workers = min(facts.setting(name) for name in WORKER_LIMITS)
        return Silence(f"A build may use {counted(workers, 'worker')} beside its own process.")
    session = [statement for _, statement, is_session in causes if is_session]
    table = [statement for _, statement, is_session in causes if not is_session]
    undo = None if session else (_shared_as_before(facts),)
    finding = f"A build would use one process: {listed(tuple(cause for cause, *_ in causes))}."
    numbers = (
        Number(size(facts.storage.heap_bytes), "heap"),
        Number(size(facts.storage.toast_bytes), "out of line, which does not count"),
        Number(size(facts.setting("maintenance_work_mem")), "maintenance_work_mem"),
    )
    remedy = Remedy((*table, *session), undo, remark="before the build, in its session")
    return [Said(finding, numbers, proof("settings", facts.column), remedy)]


def _serial_causes(facts: Facts, least_bytes: int) -> list[tuple[str, str, bool]]:
    """List each cause with the statement against it, and whether that is for a session alone."""
    kept = facts.storage
    causes = [
        (f"{name} is 0", set_session(name, str(WORKERS)), True)
        for name in WORKER_LIMITS
        if not facts.setting(name)
    ]
    if facts.setting("maintenance_work_mem") < LEAST_PARALLEL_BYTES:
        causes.append(
            ("maintenance_work_mem is below 64 MB", set_session("maintenance_work_mem", "64MB"), True)
        )
    small = kept.largest_heap_bytes < least_bytes and not kept.has_parallel_workers
    if kept.forbids_parallel_workers or small:
        cause = f"the heap, without what is out of line, is below {size(least_bytes)}"
        if kept.forbids_parallel_workers:
            cause = "the table's own parallel_workers is 0"
        workers = facts.setting("max_parallel_maintenance_workers") or WORKERS
        causes.append((cause, share_out(facts.column, workers), False))
    return causes


def _shared_as_before(facts: Facts) -> str:
    return (
        share_out(facts.column, 0) if facts.storage.forbids_parallel_workers else share_as_usual(facts.column)
    )


def build_spills(facts: Facts) -> Looked:
    """A graph that outgrows its memory is finished on disk, several times slower."""
    graphs = [i for i in facts.column.indexes if i.method == Hnsw.name and not i.is_expression]
    if not graphs and not facts.is_over:
        return Silence("There is no HNSW index to build, and none is needed.")
    if facts.column.dimensions is None or facts.column.type == "sparsevec":
        return Silence("The vectors have no common size.")
    method = _method(graphs[0]) if graphs else Hnsw()
    value_bytes = stored_bytes(facts.column.type, facts.column.dimensions)
    row_bytes = value_bytes + GRAPH_LINK_BYTES * method.m + GRAPH_ROW_BYTES
    needed, allowed = facts.rows * row_bytes, facts.setting("maintenance_work_mem")
    if needed <= allowed:
        return Silence(f"A graph of {size(needed)} fits maintenance_work_mem, {size(allowed)}.")
    finding = (
        f"A graph over {counted(facts.rows)} takes {size(needed)}; maintenance_work_mem holds "
        f"{size(allowed)}, some {counted(allowed // row_bytes)}. The others are linked on disk, three times "
        "slower or more."
    )
    numbers = (
        Number(f"~{size(needed)}", "graph", needed),
        Number(size(allowed), "maintenance_work_mem"),
    )
    wanted = f"{-(-needed * 11 // 10 // 2**20)}MB"
    remedy = Remedy(
        (set_session("maintenance_work_mem", wanted),),
        remark="before the build, in its session; a container needs as much /dev/shm",
    )
    return [Said(finding, numbers, proof("settings", facts.column), remedy)]


def _method(index: IndexInfo) -> Hnsw:
    return Hnsw(m=int(index.options["m"]), ef_construction=int(index.options["ef_construction"]))


SPACE = (
    Rule(
        "page_cliff",
        "Pages half empty",
        "Space",
        Severity.SAVE,
        "page layout of hnsw.h; at m = 16 rows per page fall at 1,968, 948 and 608 dimensions",
        page_cliff,
    ),
    Rule(
        "over_memory",
        "Index over memory",
        "Space",
        Severity.SLOW,
        "shared_buffers against pg_relation_size; plan doctor C2",
        over_memory,
    ),
    Rule(
        "serial_build",
        "Build by one process",
        "Space",
        Severity.PLAN,
        "plan doctor B2; hnswbuild.c and plan_create_index_workers",
        serial_build,
    ),
    Rule(
        "build_spills",
        "Build over memory",
        "Space",
        Severity.PLAN,
        "plan doctor B1; measured: 4d + 32m + 208 bytes a row",
        build_spills,
    ),
)
