"""The command ``advise``: every rule's advice or its reason, on the terminal and as JSON."""

import json
from typing import Any

import pytest

from dashboard.advisor.rules import RULE, RULES
from db.engine import Database
from tests.commands.conftest import Run, Said

KEYS = {"rule", "column", "severity", "finding", "evidence", "sql", "migration", "source"}

AMPLE = ("--budget-ms", 10_000)

INDEX = "CREATE INDEX items_hnsw ON items USING hnsw (embedding vector_l2_ops)"


def entries(said: Said) -> list[dict[str, Any]]:
    """Standard output as the one JSON list it must be."""
    assert said.code == 0, said.err
    document = json.loads(said.out)
    assert isinstance(document, list)
    return document


@pytest.fixture
def items(run: Run) -> None:
    made = run("populate_db", "--source", "clusters", "--table", "items", "--rows", 1_500, "--dims", 8)
    assert made.code == 0, made.err


@pytest.mark.usefixtures("items")
def test_every_rule_answers_once_and_says_why_it_is_silent(run: Run) -> None:
    found = entries(run("advise", "items.embedding", "--json"))
    assert {entry["rule"] for entry in found} == set(RULE)
    assert all(set(entry) >= KEYS for entry in found)
    assert {entry["column"] for entry in found} == {"public.items.embedding"}
    silent = [entry for entry in found if entry["severity"] == "silent"]
    assert silent
    assert all(entry["reason"] and entry["finding"] is None for entry in silent)


@pytest.mark.usefixtures("items")
def test_a_small_table_is_to_be_searched_exactly(run: Run) -> None:
    spoken = [
        e for e in entries(run("advise", "items.embedding", *AMPLE, "--json")) if e["severity"] != "silent"
    ]
    assert [entry["rule"] for entry in spoken] == ["keep_exact"]
    assert "keep it" in spoken[0]["finding"]
    assert "1,500 rows" in spoken[0]["evidence"]


@pytest.mark.usefixtures("items")
def test_over_its_budget_it_is_told_what_to_build(run: Run) -> None:
    found = entries(run("advise", "items.embedding", "--budget-ms", 0.001, "--json"))
    advice = next(entry for entry in found if entry["rule"] == "exact_over_budget")
    assert "CREATE INDEX CONCURRENTLY items_embedding_cosine_hnsw" in advice["sql"]
    assert "autocommit_block" in advice["migration"]


@pytest.mark.usefixtures("items")
def test_the_promise_of_a_watch_is_the_budget_and_said_to_be(run: Run) -> None:
    assert "(budget 50 ms, as no watch promises another)" in run("advise", "items.embedding").out
    assert run("watch", "add", "items.embedding", "--p95-ms", 12_345).code == 0
    assert "(budget 12345 ms, promised by its watch)" in run("advise", "items.embedding").out
    found = entries(run("advise", "items.embedding", "--json"))
    [kept] = [entry for entry in found if entry["rule"] == "keep_exact"]
    assert "12,345 ms budget, promised by its watch" in kept["evidence"]


@pytest.mark.usefixtures("items")
def test_without_a_name_every_column_is_looked_at(run: Run, database: Database) -> None:
    with database.control("tests") as connection:
        connection.exec_driver_sql("CREATE TABLE other AS SELECT id, embedding FROM items LIMIT 20")
    found = entries(run("advise", "--json"))
    columns = {entry["column"] for entry in found}
    assert columns >= {"public.items.embedding", "public.other.embedding"}
    assert len(found) >= len(columns) * len(RULES)


@pytest.mark.usefixtures("items")
def test_a_table_that_cannot_be_read_keeps_nobody_from_the_others(run: Run, database: Database) -> None:
    with database.control("tests") as connection:
        connection.exec_driver_sql("CREATE VIEW broken AS SELECT (1 / (id - id))::text, embedding FROM items")
    said = run("advise", "--json")
    columns = {entry["column"] for entry in entries(said)}
    assert "public.items.embedding" in columns
    assert "public.broken.embedding" not in columns
    assert "public.broken.embedding: division by zero" in said.err


@pytest.mark.usefixtures("items")
def test_the_terminal_shows_findings_and_on_request_the_reasons(run: Run, database: Database) -> None:
    with database.control("tests") as connection:
        connection.exec_driver_sql(INDEX)
    said = run("advise", "items.embedding", *AMPLE)
    assert said.code == 0
    assert "needless_index" in said.out
    assert "DROP INDEX CONCURRENTLY public.items_hnsw;" in said.out
    assert "There is no valid IVFFlat index" not in said.out
    assert "There is no valid IVFFlat index" in run("advise", "items.embedding", "--silent").out


def test_a_server_without_our_tables_is_advised_on_all_the_same(
    run_bare: Run, empty_database: Database
) -> None:
    with empty_database.control("tests") as connection:
        connection.exec_driver_sql("CREATE EXTENSION vector")
        connection.exec_driver_sql("CREATE TABLE items (id int, embedding vector(3))")
        connection.exec_driver_sql(
            "INSERT INTO items SELECT i, ARRAY[i, 1, 1] FROM generate_series(1, 50) AS i"
        )
    found = entries(run_bare("advise", "--budget-ms", 0.001, "--json"))
    rules = {entry["rule"]: entry for entry in found}
    assert rules["exact_over_budget"]["sql"]
    assert "Vectorscope's own tables" in rules["filter_index"]["reason"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("nowhere.embedding",), "There is no vector column nowhere.embedding."),
        (("a.b.c.d",), "is not a name of the form schema.table.column"),
    ],
)
def test_what_cannot_be_advised_on_is_told_in_a_sentence(
    run: Run, arguments: tuple[object, ...], sentence: str
) -> None:
    said = run("advise", *arguments)
    assert said.code == 1
    assert sentence in said.err
