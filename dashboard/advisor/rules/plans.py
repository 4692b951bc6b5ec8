"""What keeps a search from its index, or an index from filling the answer."""

from __future__ import annotations

from dashboard.advisor.advice import Looked, Number, Rule, Said, Severity, Silence
from dashboard.advisor.changing import dropping
from dashboard.advisor.exact import K
from dashboard.advisor.facts import Asked, Facts
from dashboard.advisor.proposal import build
from dashboard.advisor.remedy import Remedy
from dashboard.advisor.words import listed
from db.advice import proof
from db.index_catalog import IndexInfo
from db.indexes import Hnsw, Ivfflat
from db.remedies import UPDATE_EXTENSION, set_local
from db.words import counted

ITERATIVE_SINCE = (0, 8)

NO_RUNS = "No run tells how the column is searched: measure one with python -m dashboard benchmark."


def wrong_operator(facts: Facts) -> Looked:
    """Searches by an operator that no index serves."""
    valid = [index for index in facts.column.indexes if index.valid and index.distance]
    if not valid:
        return Silence("There is no valid index that an operator could miss.")
    if not facts.asked:
        return Silence(NO_RUNS)
    served = {index.distance for index in valid}
    missed = {one.distance: one for one in reversed(facts.asked) if one.distance not in served}
    if not missed:
        return Silence(f"Runs ask by {_labels(facts.asked)}, and an index serves each.")
    return [_missed(facts, one, valid) for one in missed.values()]


def _missed(facts: Facts, asked: Asked, valid: list[IndexInfo]) -> Said:
    held = listed(
        tuple(f"{index.name} serves {index.distance.operator}" for index in valid if index.distance)
    )
    finding = (
        f"Run {asked.run} asks by {asked.distance.label}, {asked.distance.operator}, which no index serves: "
        f"{held}. Such searches read every row."
    )
    numbers = (
        Number(asked.distance.operator, f"asked by run {asked.run}"),
        Number(", ".join(dict.fromkeys(i.operator_class for i in valid)), "indexed"),
    )
    remark = "or search by the operator the index serves"
    remedy = build(facts, asked.distance, remark)
    return Said(finding, numbers, proof("indexes", facts.column), remedy, about=asked.distance.operator)


def both_methods(facts: Facts) -> Looked:
    """HNSW and IVFFlat side by side: the planner takes the one that looks cheaper."""
    graphs = [index for index in facts.serving if index.method == Hnsw.name]
    lists = [index for index in facts.serving if index.method == Ivfflat.name]
    if not (graphs and lists):
        held = f"{(graphs or lists)[0].method} alone" if graphs or lists else "no index"
        return Silence(f"For {facts.distance.label} there is {held}.")
    return [
        Said(
            f"{graphs[0].name} and {index.name} both serve {facts.distance.operator}: with few probes the "
            f"planner takes {index.name}, whatever its recall.",
            (
                Number(f"{graphs[0].scans:,}", f"scans of {graphs[0].name}"),
                Number(f"{index.scans:,}", "of the other"),
            ),
            proof("indexes", facts.column),
            dropping(facts, index),
            about=index.name,
        )
        for index in lists
    ]


def ef_search_below_k(facts: Facts) -> Looked:
    """An HNSW scan ends after ef_search rows, and says nothing."""
    graphs = [index for index in facts.serving if index.method == Hnsw.name]
    if not graphs:
        return Silence(f"No HNSW index answers by {facts.distance.label}.")
    ef_search, scan = facts.setting("hnsw.ef_search"), facts.settings.get("hnsw.iterative_scan", "off")
    k = max((one.k for one in facts.asked), default=K)
    if scan != "off":
        return Silence(f"hnsw.iterative_scan is {scan}: the index looks on until there are enough rows.")
    if ef_search >= k:
        return Silence(f"hnsw.ef_search is {ef_search}; the most rows asked for are {k:,}.")
    run = next(one.run for one in facts.asked if one.k == k)
    finding = (
        f"Searches ask for {counted(k)} and {graphs[0].name} stops after {ef_search}: fewer rows come back, "
        f"and no error. So it is for the role {facts.server.role}; an application may set its own."
    )
    numbers = (
        Number(str(ef_search), "hnsw.ef_search in force"),
        Number(f"{k:,}", f"rows asked for by run {run}", k),
    )
    wanted = min(Hnsw.search.high, max(2 * k, Hnsw.search.default))
    remedy = Remedy((set_local("hnsw.ef_search", wanted),), remark="in the transaction of the search")
    return [Said(finding, numbers, proof("settings", facts.column), remedy)]


def filter_without_iterative(facts: Facts) -> Looked:
    """A filter is applied after the index has stopped."""
    if not facts.serving:
        return Silence(f"No index answers by {facts.distance.label}.")
    filtered = [one for one in facts.asked if one.subset]
    if not filtered:
        return Silence("No run was limited by a filter." if facts.asked else NO_RUNS)
    if facts.server.pgvector < ITERATIVE_SINCE:
        finding = (
            f"pgvector {facts.server.pgvector_version} filters after the index has stopped, and cannot "
            "look on: filtered searches return fewer rows than there are. Iterative scans came with 0.8.0."
        )
        numbers: tuple[Number, ...] = (_filtered(filtered[0]),)
        remedy = Remedy((UPDATE_EXTENSION,), (), remark="once 0.8.0 or later is installed on the server")
        return [Said(finding, numbers, proof("extension", facts.column), remedy)]
    methods = dict.fromkeys(index.method for index in facts.serving)
    off = [method for method in methods if facts.settings.get(f"{method}.iterative_scan") == "off"]
    if not off:
        return Silence(
            f"The index looks on for filtered searches: {', '.join(methods)}.iterative_scan is set."
        )
    finding = (
        "Searches are filtered, and the filter is applied after the index has stopped: where it keeps few "
        "rows, few or none come back."
    )
    numbers = (_filtered(filtered[0]), *(Number("off", f"{method}.iterative_scan") for method in off))
    settings = tuple(set_local(f"{method}.iterative_scan", "relaxed_order") for method in off)
    remedy = Remedy(settings, remark="in the transaction of the search")
    return [Said(finding, numbers, proof("settings", facts.column), remedy)]


def twins(facts: Facts) -> Looked:
    """Two indexes that differ in nothing a search would notice."""
    groups: dict[tuple[object, ...], list[IndexInfo]] = {}
    for index in facts.column.indexes:
        if index.valid:
            alike = (index.method, index.operator_class, index.key, index.predicate)
            groups.setdefault(alike, []).append(index)
    doubled = [sorted(group, key=lambda i: -i.scans) for group in groups.values() if len(group) > 1]
    if not doubled:
        return Silence(f"{counted(len(groups), 'index')} on the column, each of its own kind.")
    return [
        Said(
            f"{index.name} holds what {used.name} holds: each write is paid for twice.",
            (
                Number(f"{used.scans:,}", f"scans of {used.name}"),
                Number(f"{index.scans:,}", f"of {index.name}"),
            ),
            proof("indexes", facts.column),
            dropping(facts, index, remark="keep the one a benchmark prefers, if their options differ"),
            about=index.name,
        )
        for used, *others in doubled
        for index in others
    ]


def _labels(asked: tuple[Asked, ...]) -> str:
    return listed(tuple(dict.fromkeys(one.distance.label for one in asked)))


def _filtered(asked: Asked) -> Number:
    return Number(str(asked.subset), f"is what run {asked.run} was limited to")


PLANS = (
    Rule(
        "wrong_operator",
        "Operator without an index",
        "Plans",
        Severity.SLOW,
        "plan doctor P1; pg_amop",
        wrong_operator,
    ),
    Rule(
        "both_methods",
        "Two methods on one column",
        "Plans",
        Severity.WRONG,
        "measured: with probes = 1 to 7 the planner took IVFFlat over HNSW",
        both_methods,
    ),
    Rule(
        "ef_search_below_k",
        "Fewer candidates than rows asked for",
        "Plans",
        Severity.WRONG,
        "plan doctor F1; pgvector #317, #480, #560",
        ef_search_below_k,
    ),
    Rule(
        "filter_without_iterative",
        "Filter without iterative scan",
        "Plans",
        Severity.WRONG,
        "plan doctor F2; pgvector README, Iterative Index Scans",
        filter_without_iterative,
    ),
    Rule("twins", "Same index twice", "Plans", Severity.SAVE, "pg_index", twins),
)
