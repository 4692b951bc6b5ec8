"""The commands that list, build, rebuild and drop indexes."""

import pytest

from tests.commands.conftest import Run

HNSW = ("--index", "hnsw:m=4,ef_construction=8")


@pytest.fixture
def items(run: Run) -> str:
    """A table of 3,000 rows."""
    run("populate_db", "--source", "clusters", "--table", "items", "--rows", 3000, "--dims", 8, "--seed", 7)
    return "items.embedding"


def test_an_index_is_built_listed_rebuilt_and_dropped(run: Run, items: str) -> None:
    built = run("index", "build", items, *HNSW, "--json")
    assert built.code == 0, built.err
    name = built.document["index"]
    assert set(built.document) == {"job", "build", "schema", "index", "size_bytes", "build_s", "notices"}

    (listed,) = run("index", "list", "--json").document["indexes"]
    assert (listed["name"], listed["state"], listed["operator"]) == (name, "valid", "<=>")
    assert (listed["built_by"], listed["built_with"]) == ("local", {"m": 4, "ef_construction": 8})
    assert listed["forecast_bytes"] == pytest.approx(listed["size_bytes"], rel=0.1)
    assert name in run("index", "list").out

    again = run("index", "reindex", name, "--typed", name, "--json")
    assert again.code == 0, again.err
    assert again.document["index"] == name
    dropped = run("index", "drop", f"public.{name}", "--typed", name)
    assert dropped.code == 0, dropped.err
    assert run("index", "list", "--json").document == {"indexes": []}
    assert "search is exact" in run("index", "list").err


def test_a_dry_run_prints_the_statement_alone(run: Run, items: str) -> None:
    said = run("index", "build", items, *HNSW, "--where", "id<=100", "--dry-run")
    assert said.out.startswith("CREATE INDEX CONCURRENTLY vs_items_embedding_hnsw_")
    assert "WHERE id <= '100'" in said.out
    assert run("index", "list", "--json").document == {"indexes": []}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("build", "items.embedding", "--index", "hnsw:m=200"), "m = 200"),
        (("build", "items.nothing"), "no vector column"),
        (("build", "items.embedding", "--where", "price"), "is not a filter"),
        (("drop", "nothing", "--typed", "nothing"), "There is no index"),
        (("drop", "items_pkey", "--typed", "items_pkey"), "backs the constraint"),
        (("drop", "items_pkey", "--typed", "other"), "is not the name"),
        (("reindex", "items_pkey", "--typed", "items_pkey"), "backs the constraint"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_what_cannot_be_done_is_refused_in_words(
    run: Run, items: str, arguments: tuple[str, ...], told: str
) -> None:
    said = run("index", *arguments)
    assert said.code == 1
    assert told in said.err


def test_a_database_without_our_tables_is_listed_too(run_bare: Run) -> None:
    assert run_bare("index", "list", "--json").document == {"indexes": []}
