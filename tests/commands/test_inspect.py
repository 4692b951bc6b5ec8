"""The command ``inspect``: a grade and its reasons on the terminal, or as JSON."""

import pytest

from dashboard.inspection.checks import CHECKS
from db.engine import Database
from tests.commands.conftest import Run

NASTY = ("populate_db", "--source", "nasty", "--table", "nasty", "--rows", 800, "--dims", 16)
INDEX = "CREATE INDEX nasty_hnsw ON nasty USING hnsw (embedding vector_cosine_ops)"


@pytest.fixture
def nasty(run: Run, database: Database) -> None:
    assert run(*NASTY).code == 0
    with database.control("tests") as connection:
        connection.exec_driver_sql(INDEX)


@pytest.mark.usefixtures("nasty")
def test_it_prints_the_grade_and_every_check(run: Run) -> None:
    said = run("inspect", "nasty.embedding")
    assert said.code == 0, said.err
    assert said.out.splitlines()[0][0] in "CDE"
    assert all(check.label in said.out for check in CHECKS)
    assert "all 800 rows" in said.err


@pytest.mark.usefixtures("nasty")
def test_json_holds_the_report_and_on_request_findability(run: Run) -> None:
    document = run(
        "inspect", "nasty.embedding", "--rows", 300, "--findability", "--asks", 60, "--json"
    ).document
    assert document["column"] == "public.nasty.embedding"
    assert document["grade"]["letter"] in "BCDE"
    assert (document["sample"]["n"] + document["sample"]["nulls"], document["sample"]["seed"]) == (300, 42)
    assert 0 < document["findability"]["found"] <= document["findability"]["probes"] <= 60
    assert "findability" in run("inspect", "nasty.embedding", "--json").document


@pytest.mark.usefixtures("nasty")
def test_findability_is_printed_with_its_reasons(run: Run) -> None:
    said = run("inspect", "nasty.embedding", "--findability", "--asks", 60, "--facet", "kind")
    assert "Found by their own vectors through nasty_hnsw: " in said.out
    assert " lost: kind duplicate" in said.out
    refused = run("inspect", "nasty.embedding", "--findability", "--facet", "sort")
    assert "There is no column 'sort' to tell findability by." in refused.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("public.nowhere.embedding",), "There is no vector column public.nowhere.embedding."),
        (("products.embedding", "--rows", 0), "A sample of 0 rows cannot be inspected."),
        (("products.embedding", "--distance", "near"), "There is no distance 'near'."),
        (("products.embedding", "--findability"), "No index on public.products.embedding serves Cosine"),
    ],
)
def test_what_cannot_be_inspected_is_told_in_a_sentence(
    run: Run, arguments: tuple[object, ...], sentence: str
) -> None:
    said = run("inspect", *arguments)
    assert said.code == 1
    assert sentence in said.err
