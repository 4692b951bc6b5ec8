"""populate_db, columns and search, as somebody types them."""

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from db.engine import Database
from tests.commands.conftest import Run

MOVIES = Path(__file__).resolve().parents[3] / "shared" / "data" / "movies.json"

TABLES = text("""
SELECT array_agg(c.relname ORDER BY 1) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND (n.nspname = 'public' OR c.relname LIKE 'load\\_%')
""")


def tables(database: Database) -> list[str]:
    with database.reading("test") as connection:
        return list(connection.execute(TABLES).scalar_one() or [])


def test_rows_are_loaded_and_listed(run: Run) -> None:
    said = run(
        "populate_db", "--source", "clusters", "--table", "items", "--rows", 500, "--dims", 8, "--json"
    )
    assert said.code == 0
    assert said.document["rows"] == 500

    [products, items] = sorted(json.loads(run("columns", "--json").out), key=lambda c: c["rows"])
    assert products["table"] == "products"
    expected = {"schema": "public", "table": "items", "column": "embedding", "type": "vector"}
    assert expected | {"dimensions": 8, "rows": 500, "key": ["id"], "indexes": []} == {
        name: items[name] for name in (*expected, "dimensions", "rows", "key", "indexes")
    }
    assert items["size_bytes"] > 500 * 8 * 4


def test_the_same_rows_twice_is_success_and_says_so(run: Run) -> None:
    arguments = ("populate_db", "--source", "uniform", "--table", "t", "--rows", 50, "--dims", 4)
    assert run(*arguments).code == 0
    again = run(*arguments)
    assert again.code == 0
    assert "was loaded with these rows before" in again.err


def test_a_table_outside_public_keeps_its_name(run: Run, database: Database) -> None:
    with database.control("test") as connection:
        connection.execute(text('CREATE SCHEMA "My Data"'))
    arguments = ("populate_db", "--source", "uniform", "--table", '"My Data"."Odd ""Name"', "--rows", 20)
    assert run(*arguments, "--dims", 3).code == 0
    found = run("search", '"My Data"."Odd ""Name".embedding', "--id", 1, "-k", 3, "--json")
    assert found.document["returned"] == 3


@pytest.mark.parametrize(
    ("arguments", "sentence", "remedy"),
    [
        (("--source", "nowhere"), "There is no source 'nowhere'.", "clusters"),
        (("--source", "clusters", "--rows", 0), "0 rows cannot be loaded.", "Ask for 1"),
        (("--source", "clusters", "--rows", -5), "-5 rows cannot be loaded.", "Ask for 1"),
        (("--source", "clusters", "--dims", 20000), "20,000 dimensions", "16,000"),
        (("--source", "file"), "files are imported.", "import FILE --table T --create"),
        (("--path", "films.csv"), "files are imported.", "import FILE --table T --create"),
        (("--source", "clusters", "--text", "Title"), "files are imported.", "--embed"),
        (("--source", "clusters", "--table", ""), "not a name of the form", "Quote"),
        (("--source", "clusters", "--table", "taken"), "exists with other columns", "--replace"),
        (("--source", "clusters", "--table", "a.b.c"), "not a name of the form", "Quote"),
        (("--source", "clusters", "--table", "nosuch.t"), "There is no schema 'nosuch'.", "Create it"),
        (("--source", "clusters", "--param", "spin=2"), "no parameter 'spin'", "spread"),
    ],
)
def test_what_cannot_be_loaded_is_told_and_leaves_nothing(
    run: Run, database: Database, arguments: tuple[object, ...], sentence: str, remedy: str
) -> None:
    with database.control("test") as connection:
        connection.execute(text("CREATE TABLE taken (id int, name text)"))
    before = tables(database)
    said = run("populate_db", *arguments, "--json")
    assert said.code != 0
    assert sentence in said.err
    assert remedy in said.err
    assert said.document["error"] in said.err
    assert "Traceback" not in said.err
    assert tables(database) == before


def test_a_server_without_the_extension_is_told(run_bare: Run) -> None:
    for command in (
        ("populate_db",),
        ("benchmark", "public.t.e"),
        ("search", "public.t.e", "--id", 1),
    ):
        said = run_bare(*command)
        assert said.code == 1
        assert "python -m dashboard" in said.err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (("--vector", "[1,2,3]"), "has 8 dimensions, the query has 3"),
        (("--vector", "[1,2,x]"), "Element 3"),
        (("--vector", "[0,0,0,0,0,0,0,0]"), "zero length"),
        (("--id", "4711"), "There is no row 4711"),
        (("--text", "shoes"), "Nothing says which model"),
        (("--id", "1", "-k", "0"), "k = 0 is outside 1 to 1,000"),
        (("--id", "1", "--distance", "euclid"), "There is no distance 'euclid'"),
        (("--id", "1", "--ef-search", "5000"), "5000"),
        (("--id", "1", "--where", "nosuch=1"), "nosuch"),
        (("--id", "1", "--where", "id=many"), "\nCorrect the value.\n"),
        (("--id", "one"), "\nCorrect the value.\n"),
        (("--id", "1", "--where", "id<>1"), "There is no operator '<>'.\nUse != instead"),
        ((), "Say what to search for"),
    ],
)
def test_a_search_that_cannot_be_asked_is_told(run: Run, given: tuple[str, ...], message: str) -> None:
    run("populate_db", "--source", "uniform", "--table", "t", "--rows", 20, "--dims", 8)
    said = run("search", "public.t.embedding", *given, "--json")
    assert said.code == 1
    assert message in said.err


def test_an_unknown_column_names_the_nearest(run: Run) -> None:
    said = run("search", "public.product.embedding", "--id", 1)
    assert said.code == 1
    assert "Did you mean public.products.embedding?" in said.err


def test_an_index_is_used_and_compared_with_exact(run: Run, database: Database) -> None:
    run("populate_db", "--source", "clusters", "--table", "t", "--rows", 3000, "--dims", 16)
    with database.control("test") as connection:
        connection.execute(text("CREATE INDEX t_hnsw ON t USING hnsw (embedding vector_l2_ops)"))
    found = run("search", "public.t.embedding", "--id", 7, "--ef-search", 200, "--json").document
    assert found["index"] == "t_hnsw"
    assert found["plan_node"] == "Index Scan"
    assert found["recall"] >= 0.9

    exact = run("search", "public.t.embedding", "--id", 7, "--exact", "--json").document
    assert exact["index"] is None
    assert exact["recall"] == 1.0
    assert "<->" in exact["sql"]


def test_movies_are_loaded_whole_and_found_by_words(run: Run) -> None:
    if not MOVIES.exists():
        pytest.skip("the shared file movies.json is not beside this clone")
    arguments = ("--create", "--embed", 'Title,"Major Genre",Director', "--table", "movies", "--json")
    assert run("import", MOVIES, *arguments).document["inserted"] == 3201

    query = ("public.movies.embedding", "--text", "steven spielberg adventure", "-k", 10, "--json")
    found = run("search", *query).document
    assert set(found) >= {
        "returned",
        "asked",
        "plan_node",
        "index",
        "server_ms",
        "client_ms",
        "recall",
        "rows",
        "sql",
    }
    assert found["returned"] == found["asked"] == 10
    assert [row["Director"] for row in found["rows"]] == ["Steven Spielberg"] * 10
    assert {"key", "distance"} <= set(found["rows"][0])
    exact = run("search", *query, "--exact").document
    assert [row["key"] for row in exact["rows"]] == [row["key"] for row in found["rows"]]


def test_an_answer_is_a_table_of_exact_values_and_of_keys_that_can_be_given_back(
    run: Run, database: Database
) -> None:
    with database.control("test") as connection:
        connection.execute(
            text(
                "CREATE TABLE parts (region text, id int, amount numeric(30,4), e vector(2), "
                "PRIMARY KEY (region, id))"
            )
        )
        connection.execute(
            text(
                "INSERT INTO parts VALUES ('north', 7, 12345678901234567890.1234, '[1,1]'), "
                "('north', 8, 9.5, '[1,2]')"
            )
        )
    said = run("search", "parts.e", "--vector", "[1,1]")
    header, first, second = said.out.splitlines()
    assert header.split() == ["distance", "region,", "id", "amount"]
    assert first.split() == ["0.0000", '["north",', '"7"]', "12345678901234567890.1234"]
    assert second.endswith("9.5000")
    assert said.out.count("north") == 2
    given_back = run("search", "parts.e", "--id", '["north", "7"]', "--json").document
    assert [row["amount"] for row in given_back["rows"]] == [9.5]
    told = run("search", "parts.e", "--vector", "[1,1]", "--json").document
    assert told["rows"][0]["amount"] == "12345678901234567890.1234"
