from typing import Any

import pytest
from sqlalchemy import Connection, column, select, table, text

from db.explain import explain, parse_plan


def step(node_type: str, *below: dict[str, Any], **facts: Any) -> dict[str, Any]:
    known = {"Node Type": node_type, "Plan Rows": 1, "Total Cost": 1.0, **facts}
    return known | ({"Plans": list(below)} if below else {})


def test_an_index_scan_is_the_scan_and_names_its_index(reading: Connection) -> None:
    nearest_ten = text("SELECT id FROM items ORDER BY embedding <=> CAST(:query AS vector) LIMIT 10")

    plan = explain(reading, nearest_ten, {"query": "[1,2,3,4,5,6,7,8]"})

    assert plan.scan.node_type == "Index Scan"
    assert plan.scan.relation == "items"
    assert plan.uses_index("items_embedding_hnsw")
    assert not plan.uses_index("items_pkey")
    assert "<=>" in (plan.scan.order_by or "")
    assert plan.execution_ms is None
    assert plan.scan.rows_actual is None


def test_a_plan_that_was_run_counts_rows_pages_and_time(reading: Connection) -> None:
    items = table("items", column("id"), column("category"))

    plan = explain(reading, select(items.c.id).where(items.c.category == "far"), analyze=True)

    assert plan.scan.node_type == "Seq Scan"
    assert plan.scan.rows_actual == 1000
    assert plan.scan.rows_removed == 3000
    assert "far" in (plan.scan.filter or "")
    assert (plan.scan.hit_blocks or 0) + (plan.scan.read_blocks or 0) > 0
    assert plan.execution_ms is not None
    assert plan.planning_ms is not None
    assert sum(node.own_ms or 0 for node in plan.root.walk()) <= plan.execution_ms


def test_without_timing_there_is_an_execution_time_and_none_per_node(reading: Connection) -> None:
    plan = explain(reading, text("SELECT count(*) FROM items"), analyze=True, timing=False)

    assert plan.execution_ms is not None
    assert [node.own_ms for node in plan.root.walk()] == [None, None]


def test_a_subquery_that_fetches_the_query_vector_is_not_the_scan(reading: Connection) -> None:
    by_id = "SELECT id FROM items ORDER BY embedding <=> (SELECT embedding FROM lists WHERE id = 7) LIMIT 5"

    plan = explain(reading, text(by_id))

    assert plan.scan.relation == "items"
    assert [node.relation for node in plan.root.walk() if node.beside] == ["lists"]


def test_a_sort_shows_its_key(reading: Connection) -> None:
    plan = explain(reading, text("SELECT id FROM items ORDER BY price LIMIT 5"))

    assert [node.sort_key for node in plan.root.walk() if node.node_type == "Sort"] == [("price",)]


def test_a_scan_that_settings_disabled_says_so(reading: Connection) -> None:
    reading.execute(text("SET LOCAL enable_seqscan = off"))

    assert explain(reading, text("SELECT title FROM items")).scan.disabled
    assert not explain(reading, text("SELECT title FROM items WHERE id = 1")).scan.disabled


def test_before_postgresql_18_a_disabled_scan_is_told_by_its_cost() -> None:
    scan = step("Seq Scan", **{"Relation Name": "items", "Total Cost": 1e10 + 99})
    limit = step("Limit", scan, **{"Total Cost": 1e10 + 99})

    plan = parse_plan([{"Plan": limit}])

    assert [node.disabled for node in plan.root.walk()] == [False, True]


def test_a_parallel_step_takes_the_time_of_one_process_and_counts_the_rows_of_all() -> None:
    scan = step("Seq Scan", **{"Actual Total Time": 8.0, "Actual Rows": 100.5, "Actual Loops": 3})
    gather = step(
        "Gather",
        scan,
        **{"Actual Total Time": 10.0, "Actual Rows": 301, "Actual Loops": 1, "Workers Launched": 2},
    )

    plan = parse_plan([{"Plan": gather, "Planning Time": 0.1, "Execution Time": 11.0}])

    assert [node.own_ms for node in plan.root.walk()] == [2.0, 8.0]
    assert [node.rows_actual for node in plan.root.walk()] == [301, 301.5]


def test_a_step_in_a_loop_takes_the_time_of_every_round() -> None:
    inner = step("Index Scan", **{"Actual Total Time": 0.5, "Actual Rows": 1, "Actual Loops": 10})
    outer = step("Nested Loop", inner, **{"Actual Total Time": 6.0, "Actual Rows": 10, "Actual Loops": 1})

    plan = parse_plan([{"Plan": outer}])

    assert [node.own_ms for node in plan.root.walk()] == [1.0, 5.0]


@pytest.mark.parametrize("statement", ["SELECT 1", "SELECT 1 WHERE false"])
def test_a_plan_that_reads_no_table_ends_at_its_last_node(reading: Connection, statement: str) -> None:
    assert explain(reading, text(statement)).scan.node_type == "Result"
