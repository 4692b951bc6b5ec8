"""Rows that searches do not find, or find in the way of others."""

from __future__ import annotations

from dashboard.advisor.advice import Looked, Number, Rule, Said, Severity, Silence
from dashboard.advisor.changing import rebuilding
from dashboard.advisor.facts import COUNT_BUDGET_MS, Facts
from dashboard.advisor.remedy import Remedy
from dashboard.advisor.words import share
from db.advice import proof
from db.indexes import METHODS, Hnsw
from db.nearest import UNDEFINED_FOR_ZERO
from db.remedies import set_local
from db.words import counted

ROWS_PER_ELEMENT = 10
"""Rows with one and the same vector that one element of a graph holds.  Source: hnsw.h, HNSW_HEAPTIDS."""

FOUND = 0.95
"""Share of sampled rows that an index should find by their own vectors."""

TOO_SLOW = (
    f"Counting took over {COUNT_BUDGET_MS / 1000:g} s; inspect the column: python -m dashboard inspect."
)


def invisible_rows(facts: Facts) -> Looked:
    """NULL and zero vectors: in no answer through an index."""
    nulls, zeros = facts.counted.nulls, facts.counted.zeros
    if nulls is None:
        nulls = round((facts.column.null_share or 0) * facts.rows)
        about = "~"
    else:
        about = ""
    matters = facts.distance in UNDEFINED_FOR_ZERO and facts.column.type != "bit"
    lost = zeros or 0 if matters else 0
    if not nulls + lost:
        return Silence(
            f"All {counted(facts.rows)} have a vector{' with a length' if matters else ''}."
            if facts.counted.rows is not None
            else TOO_SLOW
        )
    cause = " or ".join(
        ["NULL"] * bool(nulls) + [f"zero, for which {facts.distance.label.lower()} is undefined"] * bool(lost)
    )
    part = (nulls + lost) / max(1, facts.rows)
    finding = f"{about}{counted(nulls + lost)} can never be found: their vector is {cause}."
    numbers = (
        Number(f"{about}{nulls:,}", f"NULL vector{'s' * (nulls != 1)}"),
        Number("uncounted" if zeros is None else f"{zeros:,}", f"zero vector{'s' * (zeros != 1)}"),
        Number(share(part), f"of {facts.rows:,}", part),
    )
    queries = tuple(facts.shown[name] for name, some in (("null", nulls), ("zero", lost)) if some)
    remedy = Remedy(queries, remark="lists them, to be embedded again")
    return [Said(finding, numbers, queries[0], remedy)]


def duplicates(facts: Facts) -> Looked:
    """Groups of equal vectors larger than an element of the graph."""
    if not any(index.valid and index.method == Hnsw.name for index in facts.column.indexes):
        return Silence("There is no HNSW index whose elements they could overflow.")
    found = facts.counted.duplicates
    if found is None:
        return Silence(_inspected(facts) or TOO_SLOW)
    if found.largest <= ROWS_PER_ELEMENT:
        return Silence(
            f"The largest group of equal vectors has {counted(found.largest)}; an element holds "
            f"{ROWS_PER_ELEMENT}."
            if found.groups
            else "No two rows share a vector."
        )
    finding = (
        f"{counted(found.largest)} share one vector, and an element of the graph holds {ROWS_PER_ELEMENT}: "
        "such a group fills the candidates of a search, and hides its neighbours."
    )
    numbers = (
        Number(f"{found.largest:,}", "rows in the largest group", found.largest),
        Number(f"{found.groups:,}", "groups"),
        Number(f"{found.rows:,}", "rows in groups"),
    )
    query = facts.shown["duplicates"]
    remedy = Remedy((query,), remark="lists them; keep one of each, or group the answers")
    return [Said(finding, numbers, query, remedy)]


def lost_rows(facts: Facts) -> Looked:
    """Rows that do not come back when the index is asked for their own vector."""
    looked = facts.findability
    if looked is None:
        return Silence("Nobody has asked the index for its rows: python -m dashboard inspect --findability.")
    found = looked.result
    part = found["found"] / found["probes"]
    at = f"{found['found']:,} of {found['probes']:,} rows on {looked.created_at:%Y-%m-%d}"
    index = next((i for i in facts.column.indexes if i.name == found["index"] and i.valid), None)
    if index is None:
        return Silence(f"The index that was asked, {found['index']}, is no more.")
    if part >= FOUND:
        return Silence(f"{index.name} found {at}.")
    finding = (
        f"{index.name} finds {share(part)} of a sample of rows by their own vectors, at "
        f"{found['parameter']} = {found['setting']}."
    )
    numbers = (
        Number(f"{found['found']:,} of {found['probes']:,}", "rows that find themselves", 1 - part),
        Number(f"{looked.created_at:%Y-%m-%d}", "asked"),
    )
    most = max(rung["found"] for rung in found["rungs"])
    best = next(rung["setting"] for rung in found["rungs"] if rung["found"] == most)
    remedy = rebuilding(facts, index)
    if most > found["found"]:
        setting = set_local(f"{index.method}.{found['parameter']}", best)
        remedy = Remedy(
            (setting,), remark=f"finds {most:,} of {found['probes']:,}; in the transaction of the search"
        )
    return [Said(finding, numbers, proof("findability", facts.column), remedy)]


def low_recall(facts: Facts) -> Looked:
    """Searches through the index find fewer of the true neighbours than is promised."""
    if facts.seen is None:
        return Silence("Nobody has promised a recall of this column: python -m dashboard watch.")
    watch, look = facts.seen.watch, next(reversed(facts.seen.looks), None)
    if look is None or "index_recall" not in look.figures:
        return Silence("No look of the watch has searched through an index.")
    found, most = (look.figures.get(name) for name in ("index_recall", "index_recall_high"))
    at = f"on {look.at:%Y-%m-%d}"
    if not facts.serving:
        return Silence(f"The index that was asked {at} is no more.")
    if most is None or most >= watch.recall:
        return Silence(f"A recall of {found:.3f} was measured {at}, and {watch.recall:g} is promised.")
    index = facts.serving[0]
    search = METHODS[index.method].search
    setting = facts.setting(f"{index.method}.{search.name}")
    finding = (
        f"Searches through {index.name} find {found:.3f} of the true neighbours, {most:.3f} at most, and "
        f"{watch.recall:g} is promised. More {search.name} finds more at once; a better built index, too."
    )
    numbers = (
        Number(f"{found:.3f}", f"recall@10 {at}", 1 - (found or 0)),
        Number(f"{watch.recall:g}", "promised"),
        Number(f"{setting}", f"{index.method}.{search.name}"),
    )
    remedy = Remedy(
        (set_local(f"{index.method}.{search.name}", min(search.high, 2 * setting)),),
        remark="in the transaction of the search; python -m dashboard tune finds how much is enough",
    )
    return [Said(finding, numbers, proof("looks", facts.column), remedy, about=index.name)]


def _inspected(facts: Facts) -> str:
    """Say what the last inspection saw of copies."""
    found = facts.inspected.result["findings"].get("duplicates") if facts.inspected else None
    return f"In the last inspection: {found['sentence']}" if found else ""


DATA = (
    Rule(
        "invisible_rows",
        "Rows without a distance",
        "Data",
        Severity.WRONG,
        "plan doctor F5; pgvector README: NULL vectors are not indexed, nor zero vectors for cosine",
        invisible_rows,
    ),
    Rule(
        "duplicates",
        "Groups of equal vectors",
        "Data",
        Severity.WRONG,
        "plan doctor R5; hnsw.h holds 10 rows an element",
        duplicates,
    ),
    Rule(
        "lost_rows",
        "Rows the index loses",
        "Data",
        Severity.WRONG,
        "findability, a canary: confirm it with a benchmark",
        lost_rows,
    ),
    Rule(
        "low_recall",
        "Recall under the promise",
        "Data",
        Severity.WRONG,
        "plan doctor R1; the watch's own promise, and the 95 % interval of its last look",
        low_recall,
    ),
)
