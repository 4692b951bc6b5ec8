"""Indexes that no search uses: left invalid, or never asked for."""

from __future__ import annotations

from dashboard.advisor.advice import Looked, Number, Rule, Said, Severity, Silence
from dashboard.advisor.changing import dropping, rebuilding
from dashboard.advisor.facts import Facts
from dashboard.advisor.remedy import NOTHING_TO_DO
from dashboard.advisor.words import listed, size
from db.advice import proof
from db.index_catalog import IndexInfo
from db.words import counted

SETTLED = 1_000
"""Transactions since an index was built, from which on it had its chance to be used."""


def invalid(facts: Facts) -> Looked:
    """What a build that failed leaves behind."""
    broken = [index for index in facts.column.indexes if not index.valid]
    left = [index for index in broken if not facts.uses[index.name].is_being_built]
    if not broken:
        return Silence(f"{counted(len(facts.column.indexes), 'index')} on the column, none of them invalid.")
    if not left:
        return Silence(f"{broken[0].name} is being built right now.")
    return [_left_behind(facts, index) for index in left]


def _left_behind(facts: Facts, index: IndexInfo) -> Said:
    finding = (
        f"{index.name} is invalid: a build ended before its time, every search passes it by, and CREATE "
        "INDEX IF NOT EXISTS would keep it so."
    )
    numbers = (Number(size(index.size_bytes), "on disk"), Number(f"{index.scans:,}", "scans"))
    alike = (index.method, index.key, index.operator_class, index.predicate)
    replaced = any(
        other.valid and (other.method, other.key, other.operator_class, other.predicate) == alike
        for other in facts.column.indexes
    )
    if facts.column.kind == "partitioned table":
        finding += " A partition has no index of its own attached to it."
        remedy = NOTHING_TO_DO
    elif replaced:
        remedy = dropping(facts, index, remark="a valid index holds the same")
    else:
        remedy = rebuilding(facts, index)
    return Said(finding, numbers, proof("indexes", facts.column), remedy, about=index.name)


def unused(facts: Facts) -> Looked:
    """An index that no search has used, here or on any node that was named."""
    valid = [index for index in facts.column.indexes if index.valid]
    idle = [index for index in valid if not index.scans]
    if not valid:
        return Silence("There is no valid index.")
    if not idle:
        least = min(valid, key=lambda index: index.scans)
        return Silence(f"The least used is {least.name}, with {counted(least.scans, 'scan')}.")
    if unasked := _unasked(facts, idle[0]):
        return unasked
    everywhere = [index for index in idle if not _elsewhere(facts, index)]
    if not everywhere:
        return Silence(f"{idle[0].name} is used: {_elsewhere(facts, idle[0])}.")
    settled = [index for index in everywhere if (facts.uses[index.name].built_age or 0) >= SETTLED]
    if not settled:
        return Silence(
            f"{everywhere[0].name} was built fewer than {SETTLED:,} transactions ago, or nobody can tell."
        )
    return [_idle(facts, index) for index in settled]


def _unasked(facts: Facts, index: IndexInfo) -> Silence | None:
    """Say which node may have scanned the index without our knowing."""
    for node in facts.nodes:
        if node.trouble:
            return Silence(f"{index.name} has no scan here, and {node.label} was not heard: {node.trouble}")
    standbys = sum(node.is_standby for node in facts.nodes)
    if facts.server.in_recovery and standbys == len(facts.nodes):
        return Silence(
            "This is a standby: what the primary scans is counted there; "
            "DATABASE_REPLICA_URLS lets it be asked, too."
        )
    if facts.notes.standbys > standbys:
        return Silence(
            f"Connected standbys, {facts.notes.standbys}, count scans of their own, and {standbys} "
            f"can be asked: name each in DATABASE_REPLICA_URLS before {index.name} is dropped."
        )
    return None


def _elsewhere(facts: Facts, index: IndexInfo) -> str:
    """Say on which nodes the index is used, and how often; empty where on none."""
    counts = ((node.scans.get(index.name, 0), node.label) for node in facts.nodes)
    used = tuple(f"{counted(scans, 'scan')} on {label}" for scans, label in counts if scans)
    return listed(used) if used else ""


def _idle(facts: Facts, index: IndexInfo) -> Said:
    begun = [at for at in (facts.notes.stats_reset, *(node.stats_reset for node in facts.nodes)) if at]
    since = f"since {max(begun):%Y-%m-%d}" if begun else "ever"
    others = f", nor on the {counted(len(facts.nodes), 'other node')} asked," if facts.nodes else ""
    alone = "" if facts.nodes else ", and no standby is connected to it"
    finding = (
        f"No search on this server{others} has used {index.name} {since}{alone}: the "
        f"index costs {size(index.size_bytes)} and a share of every write. A replica fed in another way "
        "counts scans of its own: name it in DATABASE_REPLICA_URLS first."
    )
    numbers = (
        Number("0", f"scans on this server {since}"),
        *(Number("0", f"scans on {node.label}") for node in facts.nodes),
        Number(f"{facts.uses[index.name].built_age or 0:,}", "transactions since it was built"),
        Number(size(index.size_bytes), "on disk", index.size_bytes),
    )
    return Said(finding, numbers, proof("indexes", facts.column), dropping(facts, index), about=index.name)


INDEXES = (
    Rule(
        "invalid",
        "Invalid index",
        "Indexes",
        Severity.BROKEN,
        "plan doctor P8; PostgreSQL, CREATE INDEX, Building Indexes Concurrently",
        invalid,
    ),
    Rule(
        "unused",
        "Unused index",
        "Indexes",
        Severity.SAVE,
        "pg_stat_user_indexes, which counts one server's scans; other nodes: DATABASE_REPLICA_URLS",
        unused,
    ),
)
