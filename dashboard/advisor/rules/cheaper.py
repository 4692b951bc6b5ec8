"""What makes exact search quicker without an approximate index: tried first, as nothing is lost by it."""

from __future__ import annotations

from dashboard.advisor.advice import Looked, Number, Rule, Said, Severity, Silence
from dashboard.advisor.facts import Facts
from dashboard.advisor.remedy import Remedy
from dashboard.advisor.rules.asked import conditions
from dashboard.advisor.words import ms, size
from db.advice import proof
from db.exact_probe import PARALLEL, Timed
from db.indexes import PAGE_ROOM_BYTES, stored_bytes
from db.remedies import change_type, create_btree, drop_index, rewrite, set_local, set_storage
from db.words import counted

QUICKER = 0.9
"""Shared out, a search must take this much of its time or less to be worth the workers."""

ROOM_FOR_OTHERS_BYTES = 500
"""Left in a page beside a plain vector, which no longer moves out for the other columns."""

LARGEST_HALF = 65_504
"""What half precision can hold.  Source: IEEE 754 binary16."""


def parallel_scan(facts: Facts) -> Looked:
    """The scan uses one process where several would be quicker."""
    if quiet := _not_now(facts):
        return quiet
    alone, shared = facts.alone, facts.shared
    if alone is None or shared is None or alone.stopped or shared.stopped:
        return Silence("No exact search ended in time to be compared.")
    if alone.workers:
        return Silence(f"The scan is shared out among {counted(alone.workers, 'worker')} already.")
    if not shared.workers:
        return Silence("The server would not share the scan out, even where it costs nothing.")
    if shared.p95_ms > QUICKER * alone.p95_ms:
        return Silence(f"Shared out it takes {ms(shared.p95_ms)}, alone {ms(alone.p95_ms)}: no gain.")
    finding = (
        f"With {counted(shared.workers, 'worker')} an exact search takes {ms(shared.p95_ms)} in place of "
        f"{ms(alone.p95_ms)}: {_why_alone(facts)}."
    )
    settings = tuple(set_local(name, value) for name, value in PARALLEL.items())
    remedy = Remedy(settings, remark="in the transaction of the search")
    return [Said(finding, _timings(alone, shared), proof("storage", facts.column), remedy)]


def _why_alone(facts: Facts) -> str:
    """Say why the planner gives a scan to one process.  Source: allpaths.c, compute_parallel_worker."""
    kept, least_bytes = facts.storage, facts.setting("min_parallel_table_scan_size")
    if not facts.setting("max_parallel_workers_per_gather"):
        return "max_parallel_workers_per_gather is 0"
    if facts.can_hold_index and kept.heap_bytes < least_bytes:
        if kept.toast_bytes > kept.heap_bytes:
            return "the planner does not count what lies in TOAST, and thinks the table small"
        return f"the planner shares out no table below {size(least_bytes)}"
    return "the planner expects workers to cost more than they spare"


def plain_storage(facts: Facts) -> Looked:
    """Vectors lie out of line, where each costs a look-up of its own."""
    column, kept = facts.column, facts.storage
    if quiet := _not_now(facts) or _stays_out(facts):
        return quiet
    finding = (
        f"{size(kept.toast_bytes)} of vectors lie out of line, in chunks that every search puts together; "
        "inside their rows they are read as they are. Rewriting blocks the table meanwhile."
    )
    numbers = (
        Number(size(kept.toast_bytes), "out of line", kept.toast_bytes),
        Number(size(kept.heap_bytes), "in the rows"),
    )
    remedy = Remedy(
        (set_storage(column, "PLAIN"), rewrite(column)),
        (set_storage(column, "EXTERNAL"), rewrite(column)),
        outside=True,
        remark="rewrites the table, which is locked meanwhile",
    )
    return [Said(finding, numbers, proof("storage", column), remedy)]


def _stays_out(facts: Facts) -> Silence | None:
    column, kept = facts.column, facts.storage
    if column.kind not in {"table", "partitioned table"}:
        return Silence(f"How vectors are stored is not decided by a {column.kind}.")
    if kept.kept == "p":
        return Silence("Vectors are stored inside their rows: STORAGE PLAIN.")
    if kept.toast_bytes <= kept.heap_bytes:
        return Silence(
            f"Of the table {size(kept.toast_bytes)} lie out of line, {size(kept.heap_bytes)} within."
        )
    if not column.dimensions or column.type in {"sparsevec", "bit"}:
        return Silence("The vectors have no common size.")
    value_bytes = stored_bytes(column.type, column.dimensions)
    if value_bytes + ROOM_FOR_OTHERS_BYTES > PAGE_ROOM_BYTES:
        return Silence(f"A vector of {size(value_bytes)} fits no page beside the other columns.")
    return None


def halfvec_column(facts: Facts) -> Looked:
    """Half precision reads half the bytes."""
    column = facts.column
    if quiet := _not_now(facts) or _cannot_be_halved(facts):
        return quiet
    whole, half = (stored_bytes(kind, column.dimensions or 0) for kind in ("vector", "halfvec"))
    finding = (
        f"As halfvec a vector takes {size(half)} in place of {size(whole)}: exact search reads half as much. "
        f"No element may exceed {LARGEST_HALF:,}."
    )
    numbers = (Number(size(whole), "a vector"), Number(size(half), "as halfvec"))
    remedy = Remedy(
        (change_type(column, "halfvec"),),
        (change_type(column, "vector"),),
        remark="rewrites the table, which is locked meanwhile; recall is worth a benchmark first",
    )
    return [Said(finding, numbers, proof("storage", column), remedy)]


def _cannot_be_halved(facts: Facts) -> Silence | None:
    column = facts.column
    if column.type != "vector":
        return Silence(f"The column is {column.type}; only vector has a half.")
    if column.kind != "table":
        return Silence(f"The type of a {column.kind}'s column is decided elsewhere.")
    if column.dimensions is None:
        return Silence("The column takes vectors of any length.")
    if column.indexes:
        return Silence(f"{column.indexes[0].name} would have to be dropped first.")
    if facts.server.pgvector < (0, 7):
        return Silence(f"pgvector {facts.server.pgvector_version} has no halfvec; 0.7.0 has.")
    return None


def filter_index(facts: Facts) -> Looked:
    """Filtered searches read every row to find the few that match."""
    if not facts.has_own_tables:
        return Silence("Vectorscope's own tables are not in this database: no run tells what is filtered by.")
    if not facts.can_hold_index:
        return Silence(f"A {facts.column.kind} holds no index.")
    if not facts.is_over:
        return Silence("Exact search is within its budget.")
    plain = {column.name for column in facts.others if column.category not in {"json", "U"}}
    filtered = [one for asked in facts.asked for one in conditions(asked.subset) if not one.path]
    if not filtered:
        return Silence("No run was limited by a condition on a column.")
    wanted = dict.fromkeys(one.column for one in filtered if one.column in plain)
    missing = [name for name in wanted if name not in facts.leading]
    if not missing:
        return Silence(f"An index begins with each column that runs filter by: {', '.join(wanted)}.")
    return [_without_index(facts, name) for name in missing]


def _without_index(facts: Facts, name: str) -> Said:
    made = create_btree(facts.column, name)
    finding = f"Searches are filtered by {name}, which no index begins with: every row is read for the few."
    run = next(a.run for a in facts.asked if any(one.column == name for one in conditions(a.subset)))
    numbers = (
        Number(f"run {run}", f"filters by {name}"),
        Number(f"{facts.rows:,}", "rows", facts.rows),
    )
    remedy = Remedy((made.sql,), (drop_index(facts.column, made.name),), outside=True)
    return Said(finding, numbers, proof("runs", facts.column), remedy, about=name)


def _not_now(facts: Facts) -> Silence | None:
    if facts.serving:
        return Silence(f"{facts.serving[0].name} answers by {facts.distance.label}.")
    if facts.exact is None:
        return Silence("The column holds no vector to search for.")
    if not facts.is_over:
        return Silence(f"Exact search takes {ms(facts.exact.p95_ms)}, within {ms(facts.budget_ms)}.")
    return None


def _timings(alone: Timed, shared: Timed) -> tuple[Number, ...]:
    return (
        Number(ms(alone.p95_ms), f"p95 of {alone.queries} exact searches"),
        Number(ms(shared.p95_ms), f"shared out among {counted(shared.workers, 'worker')}"),
    )


CHEAPER = (
    Rule(
        "parallel_scan",
        "Parallel scan unused",
        "Cheaper moves",
        Severity.SLOW,
        "pgvector #186; measured",
        parallel_scan,
    ),
    Rule(
        "plain_storage",
        "Vectors out of line",
        "Cheaper moves",
        Severity.SLOW,
        "pgvector #240: 2.6 s became 0.6 s with STORAGE PLAIN",
        plain_storage,
    ),
    Rule(
        "halfvec_column",
        "Half precision would do",
        "Cheaper moves",
        Severity.SLOW,
        "pgvector README, Half-Precision Vectors",
        halfvec_column,
    ),
    Rule(
        "filter_index",
        "Filter without an index",
        "Cheaper moves",
        Severity.SLOW,
        "pgvector README, Filtering",
        filter_index,
    ),
)
