"""Indexes that no search uses: left invalid, or never asked for."""

from __future__ import annotations

from dashboard.advisor.advice import Looked, Number, Rule, Said, Severity, Silence
from dashboard.advisor.facts import Facts
from dashboard.advisor.remedy import NOTHING_TO_DO, Remedy
from dashboard.advisor.rules.plans import dropping
from dashboard.advisor.words import size
from db.advice import proof
from db.index_catalog import IndexInfo
from db.remedies import reindex
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
        remedy = dropping(facts, index, "a valid index holds the same")
    else:
        remedy = Remedy((reindex(facts.column, index.name),), (), outside=True)
    return Said(finding, numbers, proof("indexes", facts.column), remedy, about=index.name)


def unused(facts: Facts) -> Looked:
    """An index nobody has asked, on any server that could."""
    valid = [index for index in facts.column.indexes if index.valid]
    idle = [index for index in valid if not index.scans]
    if not valid:
        return Silence("There is no valid index.")
    if not idle:
        least = min(valid, key=lambda index: index.scans)
        return Silence(f"The least used is {least.name}, with {counted(least.scans, 'scan')}.")
    if facts.server.in_recovery:
        return Silence("This is a standby: what the primary scans is counted there.")
    if facts.notes.standbys:
        return Silence(
            f"Connected standbys, {facts.notes.standbys}, count scans of their own: "
            f"ask each for idx_scan of {idle[0].name} before it is dropped."
        )
    settled = [index for index in idle if (facts.uses[index.name].built_age or 0) >= SETTLED]
    if not settled:
        return Silence(
            f"{idle[0].name} was built fewer than {SETTLED:,} transactions ago, or nobody can tell."
        )
    return [_idle(facts, index) for index in settled]


def _idle(facts: Facts, index: IndexInfo) -> Said:
    reset = facts.notes.stats_reset
    since = f"since {reset:%Y-%m-%d}" if reset else "ever"
    finding = (
        f"No search has used {index.name} {since}, and no standby is connected that might: it costs "
        f"{size(index.size_bytes)} and a share of every write."
    )
    numbers = (
        Number("0", f"scans {since}"),
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
        "Index nobody uses",
        "Indexes",
        Severity.SAVE,
        "pg_stat_user_indexes, which counts per server",
        unused,
    ),
)
