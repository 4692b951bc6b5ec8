"""The extension's own defects, where they touch the indexes there are."""

from __future__ import annotations

from dataclasses import dataclass

from dashboard.advisor.advice import Looked, Number, Rule, Said, Severity, Silence
from dashboard.advisor.facts import Facts
from dashboard.advisor.remedy import Remedy
from dashboard.advisor.words import listed
from db.advice import proof
from db.index_catalog import IndexInfo
from db.indexes import Hnsw, Ivfflat
from db.remedies import UPDATE_EXTENSION, reindex


@dataclass(frozen=True, slots=True)
class Defect:
    """A defect, the version without it, and the index method it touches.

    With ``damages`` an index may hold it still after the upgrade.
    """

    what: str
    fixed: tuple[int, ...]
    method: str
    damages: bool = False


DEFECTS = (
    Defect("a parallel HNSW build may overflow a buffer (CVE-2026-3172)", (0, 8, 2), Hnsw.name),
    Defect("VACUUM may corrupt an HNSW index", (0, 8, 3), Hnsw.name, damages=True),
    Defect("VACUUM of an HNSW index may end in 'hnsw graph not repaired'", (0, 8, 4), Hnsw.name),
    Defect("an IVFFlat build may overflow a buffer (#1036)", (0, 8, 7), Ivfflat.name),
)
"""Source: pgvector's CHANGELOG up to 0.8.7; that indexes are to be rebuilt after 0.8.3 is our reading."""


def known_defects(facts: Facts) -> Looked:
    """An extension with defects that were put right since."""
    version = facts.server.pgvector_version
    indexes = [index for index in facts.column.indexes if index.valid]
    methods = {index.method for index in indexes}
    met = [one for one in DEFECTS if facts.server.pgvector < one.fixed and one.method in methods]
    if not met:
        return Silence(f"pgvector {version} has no known defect that touches this column's indexes.")
    wanted = ".".join(map(str, max(one.fixed for one in met)))
    offered = facts.notes.pgvector_offered
    finding = f"pgvector {version}: {listed(tuple(one.what for one in met))}. {wanted} does not."
    numbers = (
        Number(str(version), "in this database", len(met)),
        Number(str(offered), "on the server's disk"),
    )
    damaged = {one.method for one in met if one.damages}
    return [
        Said(finding, numbers, proof("extension", facts.column), _upgrade(facts, wanted, indexes, damaged))
    ]


def _upgrade(facts: Facts, wanted: str, indexes: list[IndexInfo], damaged: set[str]) -> Remedy:
    again = tuple(reindex(facts.column, index.name) for index in indexes if index.method in damaged)
    remark = f"once pgvector {wanted} or later is installed on the server"
    return Remedy((UPDATE_EXTENSION, *again), (), outside=True, remark=remark)


SERVER = (
    Rule(
        "known_defects",
        "pgvector with known defects",
        "Server",
        Severity.BROKEN,
        "pgvector CHANGELOG",
        known_defects,
    ),
)
