"""Whether an approximate index is needed at all: exact search misses nothing, so the answer starts at no."""

from __future__ import annotations

from dashboard.advisor.advice import Looked, Number, Rule, Said, Severity, Silence
from dashboard.advisor.changing import dropping
from dashboard.advisor.crossing import due
from dashboard.advisor.exact import Exact
from dashboard.advisor.facts import Facts
from dashboard.advisor.proposal import build
from dashboard.advisor.remedy import NOTHING_TO_DO
from dashboard.advisor.words import listed, ms
from db.advice import proof
from db.words import counted

HORIZON_DAYS = 180
"""A crossing farther off than half a year is told by nobody's budget."""

HORIZON_TIMES = 2.0
"""Where nobody knows how fast the table grows: a crossing before it has doubled."""

EASE = 0.5
"""An index is needless while exact search takes half its budget or less: it may double before it matters."""


def keep_exact(facts: Facts) -> Looked:
    """No index, and none needed."""
    if facts.serving:
        return Silence(f"{_names(facts)} answers by {facts.distance.label}; searches need not be exact.")
    if facts.exact is None:
        return Silence("The column holds no vector to search for.")
    if facts.is_over:
        return Silence(f"Exact search takes {_measured(facts.exact)}, over {ms(facts.budget_ms)}.")
    finding = (
        f"Exact search takes {ms(facts.exact.p95_ms)} of {ms(facts.budget_ms)}: keep it. It misses nothing."
    )
    return [Said(finding, _numbers(facts, facts.exact), proof("rows", facts.column))]


def exact_over_budget(facts: Facts) -> Looked:
    """No index, and exact search takes longer than it may."""
    if facts.serving:
        return Silence(f"{_names(facts)} answers by {facts.distance.label}.")
    if facts.exact is None:
        return Silence("The column holds no vector to search for.")
    if not facts.is_over:
        return Silence(f"Exact search takes {_measured(facts.exact)}, within {ms(facts.budget_ms)}.")
    finding = (
        f"Exact search takes {_measured(facts.exact)}, over the budget of {ms(facts.budget_ms)}, and no "
        f"index answers by {facts.distance.label}."
    )
    remedy = build(facts, facts.distance, "measure it first: python -m dashboard benchmark")
    if remedy is NOTHING_TO_DO:
        finding += f" {_no_index_here(facts)}"
    numbers = _numbers(facts, facts.exact, is_due=True)
    return [Said(finding, numbers, proof("rows", facts.column), remedy)]


def will_cross(facts: Facts) -> Looked:
    """Exact search is within its budget, but not for long."""
    if facts.serving:
        return Silence(f"{_names(facts)} answers by {facts.distance.label}.")
    if facts.exact is None or facts.crossing is None:
        return Silence("Nothing tells how exact search grows: the column holds no vector, or it is stopped.")
    if facts.is_over:
        return Silence(f"Exact search is over its budget already: {_measured(facts.exact)}.")
    crossing, growing = facts.crossing, facts.pace
    at = f"{counted(crossing.rows)} ({_band(crossing.low)} to {_band(crossing.high)})"
    if growing is None:
        if crossing.low > HORIZON_TIMES * facts.rows:
            return Silence(f"The budget is reached at ~{at}, from {facts.rows:,} today.")
        finding = (
            f"Exact search reaches {ms(facts.budget_ms)} at ~{at}; a run or look a day later will tell when."
        )
        reached = Number("unknown", "day")
    else:
        expected = due(crossing, facts.rows, growing, facts.at.date())
        days = None if expected.early is None else (expected.early - facts.at.date()).days
        if days is None or days > HORIZON_DAYS:
            return Silence(
                f"The budget is reached at ~{at}; at {growing.rows_a_day:+,.0f} rows a day that is not "
                f"before {expected.early or 'ten years'}."
            )
        finding = f"Exact search crosses {ms(facts.budget_ms)} around {expected}, at ~{at}."
        reached = Number(
            f"{growing.rows_a_day:+,.0f}", f"rows a day since {growing.since:%Y-%m-%d}, by {growing.basis}"
        )
    basis = Number(f"~{counted(crossing.rows)}", f"at the budget, by {crossing.basis}")
    numbers = (*_numbers(facts, facts.exact, is_due=True), basis, reached)
    remedy = build(facts, facts.distance, "after a benchmark confirms it")
    return [Said(finding, numbers, _query(facts), remedy)]


def needless_index(facts: Facts) -> Looked:
    """An index where exact search would do."""
    if not facts.serving:
        return Silence(f"No index answers by {facts.distance.label}.")
    if facts.exact is None:
        return Silence("The column holds no vector to search for.")
    if facts.exact.p95_ms > EASE * facts.budget_ms:
        return Silence(
            f"Exact search takes {_measured(facts.exact)}, over half the budget of {ms(facts.budget_ms)}."
        )
    finding = (
        f"Exact search takes {ms(facts.exact.p95_ms)} of {ms(facts.budget_ms)} over {counted(facts.rows)}: "
        f"{_names(facts)} makes answers approximate and writes slower, and need not be."
    )
    remedy = dropping(facts, *facts.serving, remark="once a benchmark confirms it")
    return [Said(finding, _numbers(facts, facts.exact), proof("indexes", facts.column), remedy)]


def _numbers(facts: Facts, exact: Exact, *, is_due: bool = False) -> tuple[Number, ...]:
    return (
        Number(
            ("over " if exact.stopped else "") + ms(exact.p95_ms),
            f"exact p95, k = {exact.k}, of {exact.queries}, {exact.origin}",
        ),
        Number(ms(facts.budget_ms), f"budget, {facts.budget.origin}"),
        Number(f"{facts.rows:,}", "rows", facts.rows if is_due else None),
    )


def _measured(exact: Exact) -> str:
    return f"over {ms(exact.p95_ms)}" if exact.stopped else f"{ms(exact.p95_ms)} at p95"


def _query(facts: Facts) -> str:
    return proof("runs" if facts.asked else "rows", facts.column)


def _names(facts: Facts) -> str:
    return listed(tuple(index.name for index in facts.serving))


def _band(rows: float) -> str:
    return "never" if rows == float("inf") else f"{rows:,.0f}"


def _no_index_here(facts: Facts) -> str:
    if not facts.can_hold_index:
        return f"A {facts.column.kind} holds no index: index the table its rows come from."
    if facts.column.dimensions is None:
        return "An index needs vectors of one length: declare the column's dimensions."
    return f"No index of pgvector's holds a {facts.column.type} of {facts.column.dimensions:,} dimensions."


NEED = (
    Rule(
        "keep_exact",
        "Exact search suffices",
        "Need",
        Severity.FINE,
        "exact search has perfect recall; an index is for when latency degrades",
        keep_exact,
    ),
    Rule(
        "exact_over_budget",
        "Exact search over budget",
        "Need",
        Severity.SLOW,
        "the latency budget against a measured p95",
        exact_over_budget,
    ),
    Rule(
        "will_cross",
        "Exact search will cross its budget",
        "Need",
        Severity.PLAN,
        "a power law through measured sizes; Efron & Tibshirani, 6.5, for its band",
        will_cross,
    ),
    Rule(
        "needless_index",
        "Index not needed",
        "Need",
        Severity.SAVE,
        "exact search has perfect recall; an index is for when latency degrades",
        needless_index,
    ),
)
