"""The command ``doctor``: a file with a SELECT in, why it does or does not use the index out."""

from pathlib import Path

import pytest

from db.engine import Database
from tests.advisor import counted
from tests.commands.conftest import Run
from tests.db.conftest import run as send

TABLE = """
CREATE TABLE items (id int PRIMARY KEY, e vector(4));
INSERT INTO items SELECT i, ARRAY[i % 7, i % 11, i % 13, 1]::vector FROM generate_series(1, 3000) AS i;
CREATE INDEX items_e ON items USING hnsw (e vector_cosine_ops) WITH (m = 4, ef_construction = 16);
ANALYZE items;
"""


@pytest.fixture
def items(database: Database) -> None:
    with database.control("tests") as connection:
        send(connection, TABLE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "search.sql"


@pytest.mark.usefixtures("items")
def test_json_names_the_rule_and_rewrites_the_statement(run: Run, file: Path) -> None:
    file.write_text("-- similar items\nSELECT id FROM items ORDER BY 1 - (e <=> '[1,2,3,4]') DESC LIMIT 5;\n")
    said = run("doctor", file, "--json")
    assert said.code == 0, said.err
    document = said.document
    assert (document["uses_index"], document["index"], document["plan_node"]) == (False, None, "Seq Scan")
    [finding] = document["findings"]
    assert finding["rule"] == "P2"
    assert finding["rewritten_sql"] == "SELECT id FROM items ORDER BY e <=> '[1,2,3,4]' LIMIT 5"
    assert document["truncation"] == []


@pytest.mark.usefixtures("items")
def test_analyze_counts_what_came_back(run: Run, file: Path) -> None:
    file.write_text("SELECT id FROM items WHERE id % 10 = 3 ORDER BY e <=> '[1,2,3,4]' LIMIT 200")
    document = run("doctor", file, "--analyze", "--json").document
    assert document["plan"]["Execution Time"] > 0


@pytest.mark.usefixtures("items")
def test_it_is_printed_with_the_remedy(run: Run, file: Path) -> None:
    file.write_text("SELECT id FROM items ORDER BY e <-> '[1,2,3,4]' LIMIT 5")
    said = run("doctor", file)
    assert said.out.startswith("This statement uses no vector index: Seq Scan without an index.")
    assert "P1   The statement compares by <-> (Euclidean (L2)); items_e serves <=> (Cosine)" in said.out
    assert "SELECT id FROM items ORDER BY e <=> '[1,2,3,4]' LIMIT 5;" in said.out


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"SELECT 1; DROP TABLE items", "There are 2 statements here; the doctor looks at one."),
        (b"UPDATE items SET id = 1", "This is no SELECT but UPDATE."),
        (b"SELECT '\xff'", "is not UTF-8 text."),
        (b"SELECT '\x00'", "contains a NUL byte."),
        (b"SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
    ],
)
def test_what_is_no_question_is_told_in_a_sentence(
    run: Run, file: Path, content: bytes, sentence: str
) -> None:
    file.write_bytes(content)
    said = run("doctor", file, "--json")
    assert said.code == 1
    assert sentence in said.document["error"]


def test_a_database_without_pgvector_is_told(run_bare: Run, file: Path) -> None:
    file.write_text("SELECT 1")
    said = run_bare("doctor", file)
    assert said.code == 1
    assert "This database has no pgvector" in said.err


@pytest.fixture
def counting(items: None, database: Database) -> None:
    with database.control("tests") as connection:
        send(connection, counted.TABLE)
        counted.count(connection, "SELECT id FROM items ORDER BY $1 - (e <=> $2) DESC LIMIT $3", 750)
        counted.count(connection, "INSERT INTO items SELECT id FROM items ORDER BY e <=> $1", 250)


@pytest.mark.usefixtures("counting")
def test_the_workload_comes_as_one_document(run: Run) -> None:
    document = run("doctor", "--workload", "--json").document
    assert (document["counted"], document["total_ms"]) == (2, 1000)
    first, second = document["statements"]
    assert (first["share"], first["calls"], first["mean_ms"]) == (0.75, 10, 75)
    assert [finding["rule"] for finding in first["diagnosis"]["findings"]] == ["P2"]
    assert (second["diagnosis"], second["reason"]) == (None, "This is no SELECT but INSERT.")


@pytest.mark.usefixtures("counting")
def test_the_workload_is_printed_by_its_time(run: Run) -> None:
    said = run("doctor", "--workload").out
    assert said.startswith("2 of 2 statements search vectors; all took 1.0 s.")
    assert " 75.0%  10 calls, 75.00 ms each: uses no vector index; P2\n        SELECT id FROM items" in said
    assert "not diagnosed: This is no SELECT but INSERT." in said


@pytest.mark.usefixtures("items")
def test_a_server_that_counts_nothing_is_told_with_the_remedy(run: Run) -> None:
    said = run("doctor", "--workload", "--json")
    assert said.code == 1
    assert "has no pg_stat_statements" in said.document["error"]
    assert "shared_preload_libraries" in said.document["remedy"]


@pytest.mark.parametrize("arguments", [(), ("--workload", "-"), ("--workload", "--analyze")])
def test_one_file_or_the_workload_is_asked_for(run: Run, arguments: tuple[str, ...]) -> None:
    assert run("doctor", *arguments).code == 2


def test_a_file_that_is_not_there_is_told(run: Run) -> None:
    said = run("doctor", "nowhere.sql")
    assert said.code == 2
    assert "nowhere.sql" in said.err
