"""IVFFlat indexes whose lists no longer fit their rows, or never did."""

from __future__ import annotations

import math

from dashboard.advisor.advice import Looked, Number, Rule, Said, Severity, Silence
from dashboard.advisor.changing import dropping, rebuilding
from dashboard.advisor.facts import Facts
from dashboard.advisor.proposal import replacing
from dashboard.advisor.remedy import Remedy
from dashboard.advisor.words import share
from db.advice import proof
from db.forms import IndexSpec
from db.index_catalog import IndexInfo
from db.indexes import Ivfflat
from db.words import counted

FAR_OFF = 4
"""A number of lists is told of when it is so many times too large or small: recall and speed move slowly."""

FEWEST_LISTS, FEWEST_ROWS = 10, 1_000

TRAINED_ROWS = 50
"""Rows for each list, from which centres are chosen.  Source: ivfbuild.c samples 50 rows a list."""

WRITTEN = 0.5
"""Share of rows newer than the index, from which on the centres were chosen without most of them."""


def usual_lists(rows: int) -> int:
    """Tell how many lists to begin with.  Source: pgvector README, IVFFlat; ours is the floor.

    >>> usual_lists(4_000), usual_lists(500_000), usual_lists(4_000_000)
    (10, 500, 2000)
    """
    return max(FEWEST_LISTS, round(rows / 1000) if rows <= 1_000_000 else round(math.sqrt(rows)))


def wrong_lists(facts: Facts) -> Looked:
    """Far more or fewer lists than the rows call for."""
    indexes = _indexes(facts)
    if not indexes:
        return Silence("There is no valid IVFFlat index.")
    if facts.rows < FEWEST_ROWS:
        return Silence(f"{counted(facts.rows)} are too few for a number of lists to matter.")
    usual = usual_lists(facts.rows)
    off = [
        index for index in indexes if not usual / FAR_OFF <= int(index.options["lists"]) <= usual * FAR_OFF
    ]
    if not off:
        return Silence(f"{indexes[0].options['lists']} lists for {counted(facts.rows)}; {usual:,} are usual.")
    return [_off(facts, index, usual) for index in off]


def _off(facts: Facts, index: IndexInfo, usual: int) -> Said:
    lists = int(index.options["lists"])
    effect = (
        "each holds few rows, so that a probe finds little"
        if lists > usual
        else "each holds many rows, so that a probe reads much"
    )
    numbers = (
        Number(f"{lists:,}", "lists"),
        Number(f"{usual:,}", "usual", max(usual / lists, lists / usual)),
        Number(f"{facts.rows:,}", "rows"),
    )
    finding = f"{index.name} has {counted(lists, 'list')} for {counted(facts.rows)}: {effect}."
    remedy = _again(facts, index, usual)
    return Said(finding, numbers, proof("indexes", facts.column), remedy, about=index.name)


def trained_on_little(facts: Facts) -> Looked:
    """Centres chosen before there were rows to choose them from."""
    known = _ages(facts)
    if isinstance(known, Silence):
        return known
    little = [(index, old) for index, old, _ in known if old < TRAINED_ROWS * int(index.options["lists"])]
    if not little:
        index, old, _ = known[0]
        return Silence(
            f"{index.name} was built over {counted(old)} or more, for {index.options['lists']} lists."
        )
    return [_untrained(facts, index, old) for index, old in little]


def _untrained(facts: Facts, index: IndexInfo, old: int) -> Said:
    lists = int(index.options["lists"])
    finding = (
        f"{index.name} chose {counted(lists, 'list')} from {counted(old)}: they do not tell where rows lie, "
        "and searches miss what is in lists they do not read."
    )
    numbers = (
        Number(f"{old:,}", "rows left from when it was built"),
        Number(f"{TRAINED_ROWS * lists:,}", f"would tell {counted(lists, 'list')} apart"),
        Number(f"{facts.rows:,}", "rows today", facts.rows),
    )
    if facts.rows >= TRAINED_ROWS * lists:
        remedy = rebuilding(facts, index)
    elif facts.rows >= TRAINED_ROWS * FEWEST_LISTS:
        remedy = _again(facts, index, min(usual_lists(facts.rows), facts.rows // TRAINED_ROWS))
    else:
        remedy = dropping(facts, index, remark="exact search is quick over so few rows")
    return Said(finding, numbers, proof("indexes", facts.column), remedy, about=index.name)


def rows_since_build(facts: Facts) -> Looked:
    """Most rows came after the centres were chosen."""
    known = _ages(facts)
    if isinstance(known, Silence):
        return known
    drifted = [(index, old, rows) for index, old, rows in known if rows and 1 - old / rows > WRITTEN]
    if not drifted:
        index, old, rows = known[0]
        return Silence(
            f"{share(1 - old / max(1, rows))} of the rows were written since {index.name} was built."
        )
    return [
        Said(
            f"{share(1 - old / rows)} of the rows were written after {index.name} chose its lists: the lists "
            "describe a table that is no more.",
            (
                Number(f"{rows - old:,}", "rows written since it was built", rows - old),
                Number(f"{rows:,}", "rows"),
            ),
            proof("indexes", facts.column),
            rebuilding(facts, index),
            about=index.name,
        )
        for index, old, rows in drifted
    ]


def _ages(facts: Facts) -> list[tuple[IndexInfo, int, int]] | Silence:
    """Give each IVFFlat index with the rows older than it, of how many."""
    indexes = _indexes(facts)
    if not indexes:
        return Silence("There is no valid IVFFlat index; HNSW links rows as they come.")
    counts = [(index, facts.written.get(index.name)) for index in indexes]
    known = [(index, counted_[1] - counted_[0], counted_[1]) for index, counted_ in counts if counted_]
    if not known:
        return Silence(f"Nothing tells which rows {indexes[0].name} was built over.")
    return known


def _again(facts: Facts, index: IndexInfo, lists: int) -> Remedy:
    if index.is_expression or index.predicate or index.distance is None:
        return Remedy((), remark=f"build it anew WITH (lists = {lists})")
    return replacing(facts, index.name, IndexSpec(Ivfflat(lists)), index.distance)


def _indexes(facts: Facts) -> list[IndexInfo]:
    return [index for index in facts.column.indexes if index.valid and index.method == Ivfflat.name]


IVFFLAT = (
    Rule(
        "ivfflat_lists",
        "Number of lists",
        "Indexes",
        Severity.SLOW,
        "pgvector README: rows / 1,000 up to a million rows, then their square root",
        wrong_lists,
    ),
    Rule(
        "ivfflat_little_data",
        "IVFFlat built on too little",
        "Indexes",
        Severity.WRONG,
        "pgvector's notice at build; measured: recall 0.79 became 1.00 after REINDEX",
        trained_on_little,
    ),
    Rule(
        "rows_since_build",
        "Rows since build",
        "Indexes",
        Severity.WRONG,
        "plan doctor R3 and R7; the limit of one half is ours",
        rows_since_build,
    ),
)
