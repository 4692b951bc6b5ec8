"""Whether the answer will be cut short: F1 to F10.  An index ends its walk early, and says nothing."""

from __future__ import annotations

from pglast import ast

from dashboard.advisor.doctor.case import Case, Scan, scans
from dashboard.advisor.doctor.rule import Symptom
from dashboard.advisor.doctor.syntax import is_null, name_of, walk
from db.distance import Distance
from db.explain import Node
from db.words import counted

TINY_MEMORY_BYTES = 256 * 2**10
"""work_mem x hnsw.scan_mem_multiplier below which an iterative scan stops in its first rounds.
Source: measured, 64 kB returned no row at all."""

MANY_DEAD = 0.05
"""Share of dead rows from which on they may fill a candidate list, where nothing was run to tell."""

_RANKS = frozenset({"row_number", "rank", "dense_rank", "ntile", "percent_rank", "cume_dist", "lag", "lead"})
"""Window functions that read no further than the row they are shown beside."""


def ef_search_below_limit(case: Case) -> Symptom | None:
    """F1: HNSW hands over about ef_search rows, and more are asked for."""
    found = _scans(case, "hnsw")
    unlimited = case.statement.cursor and not found[0].limit if found else True  # that is F8
    if unlimited or _iterates(case, "hnsw") or _filtered(case, found):
        return None
    most = int(case.settings["hnsw.ef_search"]) * len(found)
    asked = _asked(case, found[0])
    if case.analyzed and not found[0].repeats:
        most = min(most, _got(found)) if _got(found) < asked else most
    if asked <= most:
        return None
    return Symptom(
        f"The statement asks for {counted(asked)}{'' if found[0].limit else ' (there is no LIMIT)'}; "
        f"hnsw.ef_search is {case.settings['hnsw.ef_search']}{_times(found)}, "
        f"and the index hands over about {most:,}.",
        f"SET LOCAL hnsw.ef_search = {min(1000, max(2 * asked, 40))}"
        + (
            ", or SET LOCAL hnsw.iterative_scan = strict_order."
            if asked <= 1000
            else " at most; beyond, SET LOCAL hnsw.iterative_scan = strict_order, or search exactly."
        ),
    )


def filtered_after(case: Case) -> Symptom | None:
    """F2: the condition, or the join, is met by too few of the rows that the index hands over."""
    return _filtered_after(case, by_policy=False)


def policy_after(case: Case) -> Symptom | None:
    """F9: a row security policy is such a condition, one that the statement does not show."""
    return _filtered_after(case, by_policy=True)


def _filtered_after(case: Case, *, by_policy: bool) -> Symptom | None:
    for scan in case.scans:
        sieve, method = scan.sieve, scan.index.method
        if sieve is None or _iterates(case, method) or _has_policy(case) is not by_policy:
            continue
        asked, handed = _asked(case, scan), _candidates(case, scan)
        survive = round(handed * _share(case, scan))
        told = f"of about {counted(handed)} that the index hands over, some {survive:,} are expected to pass"
        if case.analyzed and not scan.repeats:
            handed, survive = _got([scan]) + round(scan.node.rows_removed or 0), _came(scan)
            told = f"{handed:,} were handed over and {handed - survive:,} did not pass"
        if survive >= (asked if sieve is scan.node else min(asked, handed)):
            continue
        before, instead = _what_drops(sieve, scan, by_policy=by_policy)
        return Symptom(
            f"The statement asks for {counted(asked)}, and {scan.index.name} is walked before {before}: "
            f"{told}.",
            f"SET LOCAL {method}.iterative_scan = relaxed_order; or {instead}.",
        )
    return None


def _what_drops(sieve: Node, scan: Scan, *, by_policy: bool) -> tuple[str, str]:
    """Say what rows have to pass after the index, and what would let them pass before it."""
    if sieve.filter:
        of = "row security policy" if by_policy and sieve is scan.node else "condition"
        instead = "an index on the condition's column, a partial index, or partitions by it"
        return f"the {of} {sieve.filter} is met", instead
    partner = next((node.relation for node in sieve.children[-1].walk() if node.relation), "other rows")
    instead = "keep what the join decides in a column of the searched table, and search by that"
    return f"the join with {partner} leaves rows out", instead


def scan_budget(case: Case) -> Symptom | None:
    """F3: the iterative scan ends by its own budget."""
    for scan in _scans(case, "hnsw"):
        if not _iterates(case, "hnsw"):
            continue
        memory = int(case.settings["work_mem_bytes"]) * float(case.settings["hnsw.scan_mem_multiplier"])
        most, asked = int(case.settings["hnsw.max_scan_tuples"]), _asked(case, scan)
        needed = round(asked / _share(case, scan))
        filled = case.analyzed and not scan.repeats and _came(scan) >= asked
        if filled or (needed <= most and memory >= TINY_MEMORY_BYTES):
            continue
        limit = f"hnsw.max_scan_tuples is {most:,}"
        if needed <= most:
            limit = f"work_mem x hnsw.scan_mem_multiplier is {memory / 1024:,.0f} kB"
        return Symptom(
            f"The statement asks for {counted(asked)}, "
            f"and some {needed:,} have to be looked at for them; {limit}"
            + (f", and {_came(scan):,} came back." if case.analyzed else "."),
            "Raise hnsw.max_scan_tuples, and hnsw.scan_mem_multiplier or work_mem with it.",
        )
    return None


def dead_rows(case: Case) -> Symptom | None:
    """F4: deleted rows, not yet vacuumed, take the places of live ones."""
    found = _scans(case, "hnsw")
    if not found or case.searched is None or _iterates(case, "hnsw") or _filtered(case, found):
        return None
    family = case.facts.family(case.searched.root)
    dead, live = sum(r.dead_rows for r in family), sum(r.live_rows for r in family)
    asked = min(_asked(case, found[0]), live or _asked(case, found[0]))
    short = case.analyzed and not found[0].repeats and _got(found) < min(asked, _candidates(case, found[0]))
    many = (
        not case.analyzed
        and dead >= int(case.settings["hnsw.ef_search"])
        and dead >= MANY_DEAD * (dead + live)
    )
    if not dead or not (short or many):
        return None
    return Symptom(
        f"The table of {case.searched.column} has {counted(dead, 'dead row')} beside "
        f"{counted(live, 'live one')}: near the query they fill the list of candidates"
        + (f", and {_got(found):,} of {counted(asked)} came back." if short else "."),
        "VACUUM the table; until then SET LOCAL hnsw.iterative_scan = strict_order.",
    )


def not_in_index(case: Case) -> Symptom | None:
    """F5: rows that no index holds are in no answer."""
    if not case.unindexed or not any(case.unindexed) or case.ordering is None:
        return None
    nulls, zeros = case.unindexed
    told = [f"{nulls:,} without a vector"] * bool(nulls) + [f"{zeros:,} with a zero vector"] * bool(zeros)
    return Symptom(
        f"{' and '.join(told)}: {case.scans[0].index.name} does not hold these rows, and the statement never "
        "returns them, whatever its LIMIT.",
        "Fill in their vectors, or leave them out on purpose: WHERE ... IS NOT NULL."
        + (" Euclidean distance has a place for zero vectors." if zeros else ""),
    )


def few_probes(case: Case) -> Symptom | None:
    """F6: the lists that IVFFlat reads hold fewer rows than are asked for."""
    found = _scans(case, "ivfflat")
    if not found or _iterates(case, "ivfflat") or _filtered(case, found):
        return None
    asked, most = _asked(case, found[0]), sum(_candidates(case, scan) for scan in found)
    if case.analyzed and not found[0].repeats:
        most = _got(found)
    if asked <= most:
        return None
    lists = found[0].index.options.get("lists", "?")
    return Symptom(
        f"The statement asks for {counted(asked)}; ivfflat.probes is "
        f"{case.settings['ivfflat.probes']} of {lists} lists, which hold about {most:,}.",
        "Raise ivfflat.probes, or SET LOCAL ivfflat.iterative_scan = relaxed_order; if lists are very "
        "uneven, REINDEX.",
    )


def window_count(case: Case) -> Symptom | None:
    """F7: a total is counted over the rows that the index handed over."""
    scan = next((s for s in case.scans if any(n.node_type == "WindowAgg" for n in s.above)), None)
    calls = [n for n in walk(case.statement.parsed()) if isinstance(n, ast.FuncCall) and n.over is not None]
    totals = [name_of(call) for call in calls if name_of(call) not in _RANKS]
    if scan is None or not totals:
        return None
    return Symptom(
        f"{totals[0]}(...) OVER is computed over what {scan.index.name} hands over, about "
        f"{counted(_candidates(case, scan))}, not over the table.",
        "Count in a statement of its own, without ORDER BY distance.",
    )


def cursor(case: Case) -> Symptom | None:
    """F8: a cursor favours the index, which then ends long before the rows do."""
    plan = case.plan if case.statement.cursor else case.cursor_plan
    if plan is None or case.ordering is None or case.ordering.is_limited:
        return None
    scan = next(iter(scans(plan, case.facts)), None)
    if scan is None or _iterates(case, scan.index.method):
        return None
    reads = "The cursor" if case.statement.cursor else "Read by a server-side cursor (stream_results), it"
    return Symptom(
        f"{reads} walks {scan.index.name}, since cursor_tuple_fraction is "
        f"{case.settings['cursor_tuple_fraction']}, and ends after about {_candidates(case, scan):,} of "
        f"{counted(case.rows)}.",
        "Give it a LIMIT, or SET LOCAL enable_indexscan = off before it is declared.",
    )


def no_distance(case: Case) -> Symptom | None:
    """F10: to such a query no row has a distance."""
    ordering, searched = case.ordering, case.searched
    if ordering is None or searched is None:
        return None
    if is_null(ordering.other):
        what, then = "NULL", "every distance is NULL, and the rows are any rows"
    elif searched.query and searched.query.is_zero and ordering.distance is Distance.COSINE:
        what, then = "zero", "every cosine distance is NaN, and the rows come in any order"
    else:
        return None
    return Symptom(f"The query vector is {what}: {then}.", "Check the query before it is sent.")


def _scans(case: Case, method: str) -> list[Scan]:
    return [scan for scan in case.scans if scan.index.method == method]


def _iterates(case: Case, method: str) -> bool:
    return case.settings.get(f"{method}.iterative_scan", "off") != "off"


def _filtered(case: Case, found: list[Scan]) -> bool:
    """Whether rows are dropped after an index has handed them over: that is F2, or F9."""
    return any(scan.sieve is scan.node or _share(case, scan) < 1 for scan in found)


def _has_policy(case: Case) -> bool:
    return any(relation.row_security for relation in case.facts.relations)


def _asked(case: Case, scan: Scan) -> int:
    """Rows that are wanted of a scan: by LIMIT (0 where that is computed), else all there are."""
    if scan.limit is None:
        return round(max(case.rows, scan.node.rows_estimated))
    ordering = case.ordering
    if ordering is None or ordering.key is None or not ordering.is_limited:
        return round(scan.limit.rows_estimated)
    return ordering.limit or 0


def _got(found: list[Scan]) -> int:
    return round(sum(scan.node.rows_actual or 0 for scan in found))


def _came(scan: Scan) -> int:
    """Rows that were left of a scan's once all conditions and joins were met."""
    return round((scan.sieve or scan.node).rows_actual or 0)


def _candidates(case: Case, scan: Scan) -> int:
    """Rows that one scan hands over before any condition is met."""
    if scan.index.method == "hnsw":
        return int(case.settings["hnsw.ef_search"])
    if scan.index.method == "ivfflat":
        lists = max(1, int(scan.index.options.get("lists", 1)))
        return round(case.rows * min(1.0, int(case.settings["ivfflat.probes"]) / lists))
    return round(scan.node.rows_estimated)


def _share(case: Case, scan: Scan) -> float:
    """Share of rows that are estimated to meet what follows the scan: its condition, others', joins."""
    if scan.sieve is None or not case.rows:
        return 1.0
    return min(1.0, max(scan.sieve.rows_estimated, 1) / case.rows)


def _times(found: list[Scan]) -> str:
    return f" for each of {len(found)} indexes" if len(found) > 1 else ""
