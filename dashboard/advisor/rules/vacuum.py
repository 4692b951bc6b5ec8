"""Rows that were deleted and not cleared away yet: what they do to searches, and what clearing them takes."""

from __future__ import annotations

from dashboard.advisor.advice import Looked, Number, Rule, Said, Severity, Silence
from dashboard.advisor.facts import Facts
from dashboard.advisor.remedy import Remedy
from dashboard.advisor.words import share, size
from db.advice import proof
from db.index_catalog import IndexInfo
from db.indexes import Hnsw
from db.remedies import reindex, vacuum
from db.vacuuming import Vacuuming
from db.words import counted

DEAD = 0.1
"""Half of what autovacuum waits for.  Source: autovacuum_vacuum_scale_factor, 0.2."""

FEWEST_DEAD = 50
"""Source: autovacuum_vacuum_threshold."""

MUCH_REPAIR = 0.5
"""Share of a graph from which its repair takes as long as building it.

Measured on 10,000 rows of 64 dimensions, m = 16: with 2 % dead, and 48 % to be linked anew, VACUUM took
4.6 s, REINDEX and VACUUM 3.6 s; with 33 % dead it was 11 s, and 3 s.
"""

FEWEST_REPAIRED = 10_000
"""Rows that are linked anew within half a minute.  Measured: 1.7 ms a row of 64 dimensions, 3 of 128."""

LONG_S = 60
"""From here on a VACUUM's time at the indexes is worth telling of."""


def dead_tuples(facts: Facts) -> Looked:
    """Deleted rows still fill the candidates of an index scan."""
    if not any(index.valid for index in facts.column.indexes):
        return Silence("There is no valid index that dead rows could fill.")
    kept = facts.storage
    part = _dead_share(facts)
    if part <= DEAD or kept.dead_rows < FEWEST_DEAD:
        return Silence(_beside(facts))
    finding = (
        f"{share(part)} of the table's rows are dead, and an index scan meets them first: it returns fewer "
        "rows than there are until they are cleared away."
    )
    numbers = (
        Number(f"{kept.dead_rows:,}", "dead rows", kept.dead_rows),
        Number(f"{kept.live_rows:,}", "live rows"),
        _vacuumed(facts),
    )
    long = [index for index in _graphs(facts) if _is_long(facts, index)]
    return [Said(finding, numbers, proof("dead", facts.column), _clearing(facts, long))]


def slow_vacuum(facts: Facts) -> Looked:
    """VACUUM links anew each row of a graph that had a dead neighbour, one by one; a rebuild is quicker."""
    graphs = _graphs(facts)
    if not graphs:
        return Silence("There is no valid HNSW index, whose links a VACUUM would have to repair.")
    running = facts.vacuuming
    if running and running.is_at_indexes and running.running_s >= LONG_S:
        return [_runs_long(facts, graphs, running)]
    long = [index for index in graphs if _is_long(facts, index)]
    if not long:
        most = max(graphs, key=lambda index: _relinked(facts, index))
        now = f" A VACUUM has been {running.phase} for {running.running_s:,.0f} s." if running else ""
        return Silence(
            f"{_beside(facts)} A VACUUM would link {share(_relinked(facts, most))} of {most.name} anew.{now}"
        )
    return [_will_be_long(facts, index) for index in long]


def _runs_long(facts: Facts, graphs: list[IndexInfo], running: Vacuuming) -> Said:
    minutes = running.running_s / 60
    names = ", ".join(index.name for index in graphs)
    finding = (
        f"A VACUUM has been {running.phase} for {minutes:,.0f} min: it links anew every row of {names} that "
        "had a dead neighbour, one after another. A new index leaves the dead rows out, and may use workers."
    )
    numbers = (
        Number(f"{minutes:,.0f} min", running.phase, running.running_s),
        Number(size(sum(index.size_bytes for index in graphs)), "HNSW indexes"),
        Number(f"{facts.storage.dead_rows:,}", "dead rows"),
        _vacuumed(facts),
    )
    remark = f"waits for that VACUUM; SELECT pg_cancel_backend({running.pid}) ends it, and loses nothing"
    return Said(finding, numbers, proof("vacuum", facts.column), _clearing(facts, graphs, remark))


def _will_be_long(facts: Facts, index: IndexInfo) -> Said:
    kept, part = facts.storage, _relinked(facts, index)
    finding = (
        f"The next VACUUM has {counted(round(part * kept.live_rows))} of {index.name} to link anew, one "
        f"after another: {share(_dead_share(facts))} of all rows are dead, and {share(part)} of the others "
        "had such a neighbour. Building the index anew first leaves the dead rows out, and may use workers."
    )
    numbers = (
        Number(f"~{part * kept.live_rows:,.0f}", f"of {kept.live_rows:,} rows to link anew", part),
        Number(f"{kept.dead_rows:,}", "dead rows"),
        Number(size(index.size_bytes), "index"),
        _vacuumed(facts),
    )
    return Said(finding, numbers, proof("vacuum", facts.column), _clearing(facts, [index]), about=index.name)


def _clearing(facts: Facts, graphs: list[IndexInfo], remark: str = "") -> Remedy:
    """Clear the dead rows away, after the graphs that would hold that up have been built without them."""
    rebuilt = (reindex(facts.column, index.name) for index in graphs)
    return Remedy((*rebuilt, vacuum(facts.column)), () if graphs else None, outside=True, remark=remark)


def _graphs(facts: Facts) -> list[IndexInfo]:
    return [index for index in facts.column.indexes if index.valid and index.method == Hnsw.name]


def _is_long(facts: Facts, index: IndexInfo) -> bool:
    part = _relinked(facts, index)
    return part >= MUCH_REPAIR and part * facts.storage.live_rows >= FEWEST_REPAIRED


def _relinked(facts: Facts, index: IndexInfo) -> float:
    """The share of a graph's live rows that had a dead neighbour: a row has 2m, on the lowest layer.

    Source: hnswvacuum.c, NeedsUpdated and RepairGraphElement.
    """
    return 1 - (1 - _dead_share(facts)) ** (2 * int(index.options["m"]))


def _dead_share(facts: Facts) -> float:
    kept = facts.storage
    return kept.dead_rows / max(1, kept.live_rows + kept.dead_rows)


def _beside(facts: Facts) -> str:
    kept = facts.storage
    return f"{counted(kept.dead_rows, 'dead row')} beside {counted(kept.live_rows, 'live one')}."


def _vacuumed(facts: Facts) -> Number:
    at = facts.storage.vacuumed_at
    return Number(f"{at:%Y-%m-%d %H:%M}" if at else "never", "vacuumed, UTC")


VACUUM = (
    Rule(
        "dead_tuples",
        "Dead rows",
        "Data",
        Severity.WRONG,
        "plan doctor F4; measured: the 100 nearest deleted, 0 rows came back until VACUUM",
        dead_tuples,
    ),
    Rule(
        "slow_vacuum",
        "Vacuum that repairs a graph",
        "Data",
        Severity.SLOW,
        "plan doctor V1; pgvector issue 450, and its README, Vacuuming; hnswvacuum.c",
        slow_vacuum,
    ),
)
