"""Decisions by the command ``advise``: a finding dismissed, marked, brought back and listed."""

import json
from typing import Any

import pytest

from db.engine import Database
from tests.commands.conftest import Run, Said
from tests.commands.test_advise import AMPLE, KEYS, entries

COLUMN = "public.items.embedding"
RULE = "keep_exact"


@pytest.fixture
def items(run: Run) -> None:
    made = run("populate_db", "--source", "clusters", "--table", "items", "--rows", 300, "--dims", 8)
    assert made.code == 0, made.err


def advised(run: Run, rule: str = RULE) -> dict[str, Any]:
    return next(e for e in entries(run("advise", COLUMN, *AMPLE, "--json")) if e["rule"] == rule)


def dismissed(run: Run, *more: object) -> Said:
    return run("advise", COLUMN, *AMPLE, "--dismiss", RULE, "--reason", "searched once a night", *more)


@pytest.mark.usefixtures("items")
def test_a_dismissed_finding_is_marked_and_not_left_out(run: Run) -> None:
    assert "dismissed" not in advised(run)
    document = dismissed(run, "--json").document
    assert (document["rule"], document["decided"]) == (RULE, "dismissed")
    marked = advised(run)
    assert set(marked) >= KEYS
    assert marked["finding"]
    assert marked["dismissed"]["reason"] == "searched once a night"
    assert marked["dismissed"]["by"] == "local"
    said = run("advise", COLUMN, *AMPLE)
    assert "dismissed: searched once a night  [keep_exact]" in said.out
    assert "fine: " not in said.out
    assert run("advise", COLUMN, "--bring-back", RULE, "--json").document["decided"] == "brought back"
    assert "dismissed" not in advised(run)


@pytest.mark.usefixtures("items")
def test_what_was_decided_is_listed_with_what_came_of_it(run: Run, database: Database) -> None:
    assert "Nothing is decided yet" in run("advise", "--decisions").err
    assert entries(run("advise", "--decisions", "--json")) == []
    dismissed(run)
    [line] = entries(run("advise", COLUMN, *AMPLE, "--decisions", "--json"))
    assert (line["decided"], line["state"], line["by"]) == ("dismissed", "hidden", "local")
    assert "keep it" in line["finding"]
    assert line["evidence"]["said"][0]["query"]
    assert "The rule still speaks" in run("advise", *AMPLE, "--decisions").out
    with database.control("tests") as connection:
        connection.exec_driver_sql("DROP TABLE items")
    [line] = json.loads(run("advise", "--decisions", "--json").out)
    assert line["state"] == "unknown"
    assert run("advise", COLUMN, "--bring-back", RULE).code == 0


@pytest.mark.usefixtures("items")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((COLUMN, "--dismiss", "wishful"), "--dismiss and --reason belong together."),
        ((COLUMN, "--dismiss", "wishful", "--reason", "x"), "There is no rule 'wishful'."),
        ((COLUMN, "--dismiss", "twins", "--reason", "x"), "has nothing to say of public.items.embedding"),
        ((COLUMN, *AMPLE, "--dismiss", RULE, "--reason", " "), "A dismissal needs a reason."),
        ((COLUMN, "--bring-back", RULE), "keep_exact is not dismissed on public.items.embedding."),
        (("--bring-back", RULE), "Name the COLUMN it is about."),
        ((COLUMN, "--bring-back", RULE, "--decisions"), "Choose one of"),
        (("nowhere.embedding", "--decisions"), "There is no vector column nowhere.embedding."),
    ],
)
def test_what_cannot_be_decided_is_told_in_a_sentence(
    run: Run, arguments: tuple[object, ...], sentence: str
) -> None:
    said = run("advise", *arguments)
    assert said.code != 0
    assert sentence in said.err


def test_without_our_tables_it_advises_and_says_that_nothing_is_kept(
    run_bare: Run, empty_database: Database
) -> None:
    with empty_database.control("tests") as connection:
        connection.exec_driver_sql("CREATE EXTENSION vector")
        connection.exec_driver_sql("CREATE TABLE items AS SELECT 1 AS id, '[1,2]'::vector(2) AS embedding")
    said = run_bare("advise", COLUMN, *AMPLE, "--json")
    assert RULE in {entry["rule"] for entry in entries(said) if entry["severity"] != "silent"}
    assert "Decisions are not kept here." in said.err
    refused = run_bare("advise", COLUMN, *AMPLE, "--dismiss", RULE, "--reason", "x")
    assert refused.code == 1
    assert "python -m dashboard migrate" in refused.err


@pytest.mark.usefixtures("items")
def test_where_nothing_may_be_written_what_was_decided_still_counts(run: Run, database: Database) -> None:
    dismissed(run)
    with database.control("tests") as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    assert advised(run)["dismissed"]["reason"] == "searched once a night"
    assert "may only read" in run("advise", COLUMN, *AMPLE).err
    refused = dismissed(run)
    assert refused.code == 1
    assert "read-only" in refused.err
