"""Every rule of the plan doctor, in the order they are asked; an addition is one entry."""

from __future__ import annotations

from dashboard.advisor.doctor import plan_rules as plan
from dashboard.advisor.doctor import planner_rules as planner
from dashboard.advisor.doctor import truncation_rules as cut
from dashboard.advisor.doctor.rule import Asks, DoctorRule

_OPERATORS = "pg_amop: an index is walked in the order of its operator class's operator only"
_ORDER = "PostgreSQL documentation, amcanorderbyop: column operator constant, ascending"
_README = "pgvector README"

DOCTOR_RULES: tuple[DoctorRule, ...] = (
    DoctorRule("P8", "invalid index", Asks.WHY_NOT, "pg_index.indisvalid", plan.invalid_index),
    DoctorRule("P2", "hidden distance", Asks.WHY_NOT, _ORDER, plan.hidden_distance),
    DoctorRule(
        "P4", "another expression", Asks.WHY_NOT, f"{_README}, Half-Precision Indexing", plan.other_key
    ),
    DoctorRule("P1", "another operator", Asks.WHY_NOT, _OPERATORS, plan.other_operator),
    DoctorRule(
        "P7", "volatile query", Asks.WHY_NOT, "pg_proc.provolatile; pgvector issue 466", plan.volatile_query
    ),
    DoctorRule("P3", "no limit", Asks.WHY_NOT, f"{_README}, Performance", plan.no_limit),
    DoctorRule("P6", "joined query", Asks.WHY_NOT, _ORDER, plan.joined_query),
    DoctorRule(
        "P5", "partial index", Asks.WHY_NOT, "PostgreSQL documentation, Partial Indexes", plan.partial_index
    ),
    DoctorRule("P5", "generic plan", Asks.WHICH, "PostgreSQL documentation, PREPARE", plan.generic_plan),
    DoctorRule(
        "P11", "another index", Asks.WHICH, "hnswcostestimate, ivfflatcostestimate", planner.another_index
    ),
    DoctorRule(
        "P12",
        "small partitions",
        Asks.WHY_NOT_AFTER_ALL,
        "PostgreSQL documentation, Table Partitioning",
        planner.partitions,
    ),
    DoctorRule("P9", "cost", Asks.WHY_NOT_AFTER_ALL, "hnswcostestimate; pgvector issue 825", planner.cost),
    DoctorRule("P10", "no index could serve", Asks.WHY_NOT_AFTER_ALL, _ORDER, planner.unusable),
    DoctorRule("F1", "ef_search below limit", Asks.TRUNCATED, f"{_README}, HNSW", cut.ef_search_below_limit),
    DoctorRule("F2", "filtered after", Asks.TRUNCATED, f"{_README}, Filtering", cut.filtered_after),
    DoctorRule("F3", "scan budget", Asks.TRUNCATED, f"{_README}, Iterative Scan Options", cut.scan_budget),
    DoctorRule("F4", "dead rows", Asks.TRUNCATED, f"{_README}, Vacuuming", cut.dead_rows),
    DoctorRule(
        "F5", "not in the index", Asks.TRUNCATED, "hnswbuild.c, InsertTuple; issue 664", cut.not_in_index
    ),
    DoctorRule("F6", "few probes", Asks.TRUNCATED, f"{_README}, IVFFlat", cut.few_probes),
    DoctorRule("F7", "window count", Asks.TRUNCATED, "measured on PostgreSQL 16", cut.window_count),
    DoctorRule("F8", "cursor", Asks.TRUNCATED, "cursor_tuple_fraction; pgvector issue 846", cut.cursor),
    DoctorRule(
        "F9",
        "policy after",
        Asks.TRUNCATED,
        "PostgreSQL documentation, Row Security Policies",
        cut.policy_after,
    ),
    DoctorRule("F10", "no distance", Asks.TRUNCATED, "pgvector, cosine_distance", cut.no_distance),
)
