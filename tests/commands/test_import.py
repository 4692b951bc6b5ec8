"""import, as somebody types it."""

from pathlib import Path

import pytest

from dashboard.seeding.imports import rejects
from db.engine import Database
from tests.commands.conftest import Run
from tests.seeding.imports.conftest import ask
from tests.seeding.imports.conftest import run as run_sql
from tests.seeding.movies import MOVIES, needs_movies


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "animals.csv"
    path.write_text('id,name,embedding\n1,fox,"[1,2]"\n2,owl,"[3,4]"\n')
    return path


@needs_movies
def test_movies_are_imported_embedded_searched_by_text_and_filtered_by_genre(run: Run) -> None:
    imported = run(
        "import", MOVIES, "--table", "movies", "--create", "--embed", 'Title,"Major Genre",Director', "--json"
    )
    assert imported.code == 0, imported.err
    document = imported.document
    assert (document["inserted"], document["left_out"], document["without_text"]) == (3201, 0, 0)
    column = document["column"]
    found = run("search", column, "--text", "Alien Ridley Scott", "-k", 3, "--json")
    assert found.code == 0, found.err
    assert '"Alien"' in found.out
    comedies = run(
        "search", column, "--text", "Alien Ridley Scott", "-k", 5, "--where", "Major Genre=Comedy", "--json"
    )
    assert comedies.code == 0, comedies.err
    genres = [row["Major Genre"] for row in comedies.document["rows"]]
    assert genres == ["Comedy"] * 5


def test_a_file_becomes_a_table_and_is_told(run: Run, database: Database, file: Path) -> None:
    said = run("import", file, "--table", "animals", "--create")
    assert said.code == 0
    assert "public.animals: 2 rows inserted in" in said.err
    assert said.out == ""
    assert ask(database, "SELECT id, name, embedding::text FROM animals") == [
        (1, "fox", "[1,2]"),
        (2, "owl", "[3,4]"),
    ]


def test_a_dry_run_writes_nothing_and_says_what_would_be(run: Run, database: Database, file: Path) -> None:
    said = run("import", file, "--table", "animals", "--create", "--dry-run")
    assert said.code == 0
    assert "animals.csv: 2 rows (csv), into public.animals (new)" in said.err
    assert "embedding -> embedding vector(2)" in said.err
    assert "Would be: 2 inserted." in said.err
    assert ask(database, "SELECT to_regclass('animals') IS NULL") == [(True,)]


def test_a_dry_run_forewarns_of_what_no_row_shows(run: Run, file: Path) -> None:
    run("import", file, "--table", "animals", "--create")
    said = run("import", file, "--table", "animals", "--mode", "skip", "--dry-run")
    assert "Would be: 2 skipped.\n  This file was imported into public.animals before: 2 rows" in said.err


def test_a_dry_run_that_finds_errors_lists_them_and_ends_with_one(
    run: Run, database: Database, file: Path, tmp_path: Path
) -> None:
    run_sql(database, "CREATE TABLE animals (id int PRIMARY KEY, name text, embedding vector(3))")
    kept = tmp_path / "rejects.csv"
    said = run("import", file, "--table", "animals", "--dry-run", "--rejects", kept, "--json")
    assert said.code == 1
    assert said.document["error_count"] == 2
    assert [error["row"] for error in said.document["errors"]] == [1, 2]
    assert "2 of 2 rows cannot be imported" in said.document["refusal"]
    assert len(kept.read_text().splitlines()) == 3


def test_a_dry_run_says_how_many_errors_the_reject_file_would_list(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "many.csv"
    path.write_text("id,v\n" + "".join(f'{row},"[1,2]"\n' for row in range(60)) + '60,"[1]"\n' * 30)
    command = ("import", path, "--table", "many", "--create", "--dry-run")
    assert "more; --rejects FILE.csv lists them all" in run(*command).err
    monkeypatch.setattr(rejects, "WRITTEN", 25)
    assert "more; --rejects FILE.csv lists the first 25" in run(*command).err


def test_keys_that_exist_are_refused_updated_or_skipped(run: Run, database: Database, file: Path) -> None:
    run("import", file, "--table", "animals", "--create")
    refused = run("import", file, "--table", "animals")
    assert refused.code == 1
    assert "2 keys already exist in public.animals: 1, 2." in refused.err
    updated = run("import", file, "--table", "animals", "--mode", "update", "--json").document
    assert (updated["inserted"], updated["updated"]) == (0, 2)
    skipped = run("import", file, "--table", "animals", "--mode", "skip", "--json").document
    assert (skipped["inserted"], skipped["skipped"]) == (0, 2)


def test_columns_are_mapped_and_left_out(run: Run, database: Database, file: Path) -> None:
    run_sql(database, 'CREATE TABLE "Zoo" ("the key" int PRIMARY KEY, v vector(2))')
    said = run("import", file, "--table", '"Zoo"', "--map", "id=the key", "--map", "name=", "--json")
    assert said.code == 0, said.err
    assert said.document["column"] == 'public."Zoo".v'
    assert ask(database, 'SELECT "the key", v::text FROM "Zoo"') == [(1, "[1,2]"), (2, "[3,4]")]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--table", "nosuch"), "There is no table public.nosuch."),
        (("--table", "t", "--create", "--type", "bit"), "cannot keep its vectors as 'bit'"),
        (("--table", "t", "--create", "--mode", "update"), "A new table has no rows to update."),
        (("--table", "t", "--create", "--key", "nosuch"), 'Missing column "nosuch"'),
        (("--table", "t", "--create", "--map", "id"), "'id' is not FILE_COLUMN=TABLE_COLUMN."),
        (("--table", "t", "--create", "--map", "name=ctid"), "a name PostgreSQL keeps for itself"),
        (("--table", "t", "--create", "--embed", "name,town"), 'Missing column "town"'),
        (("--table", "t", "--create", "--embed", "caf\udce9"), r"'caf\udce9' is not UTF-8"),
        (("--table", "t", "--create", "--rejects", "caf\udce9.csv"), r"'caf\udce9.csv' is not UTF-8"),
        (("--table", "t", "--create", "--embed", "a\rb"), "is not a line of CSV"),
        (("--table", "t", "--create", "--embed", "a\nb"), "is not a line of CSV"),
        (("--table", "t", "--create", "--embed", "name"), '"embedding" is taken by a column of the file'),
        (
            ("--table", "t", "--create", "--vector", "nosuch"),
            'Missing column "nosuch" for the vectors; found "id", "name", "embedding".',
        ),
        (("--table", "t", "--create", "--vector", "name"), '"name" holds text: none of its first values is'),
        (("--table", "a.b.c"), "not a name of the form"),
    ],
)
def test_what_cannot_be_imported_is_told(
    run: Run, file: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    said = run("import", file, *arguments, "--dry-run")
    assert said.code != 0
    assert sentence in said.err


RAGGED = 'id,embedding\n1,"[1,2,3]"\n2,"[1,2]"\n'
NO_VECTOR = "No column is a vector: Vectorscope will not list this table; name one with --vector, or embed"


def test_the_column_named_as_the_vector_is_one_and_other_values_are_bad_rows(
    run: Run, database: Database, file: Path
) -> None:
    file.write_text(RAGGED)
    import_it = ("import", file, "--table", "animals", "--create", "--vector", "embedding")
    refused = run(*import_it)
    assert refused.code == 1
    assert "1 of 2 rows cannot be imported" in refused.err
    told = run(*import_it, "--dry-run")
    assert "row 2, embedding: expected 3 numbers, found 2" in told.err
    assert run(*import_it, "--leave-out-bad-rows").code == 0
    assert ask(database, "SELECT id, embedding::text FROM animals") == [(1, "[1,2,3]")]


def test_a_table_without_a_vector_is_made_and_told_not_to_be_listed(run: Run, file: Path) -> None:
    file.write_text(RAGGED)
    for option in ("--dry-run", "--json"):
        said = run("import", file, "--table", "animals", "--create", option)
        assert said.code == 0
        told = said.err if option == "--dry-run" else " ".join(said.document["notes"])
        assert NO_VECTOR in told
        assert '"embedding" looks like vectors of 3 and 2 numbers.' in told


def test_an_import_that_makes_no_vector_says_so_when_it_is_done(run: Run, file: Path) -> None:
    file.write_text("id,name\n1,fox\n")
    said = run("import", file, "--table", "animals", "--create")
    assert NO_VECTOR in said.err
    assert "looks like" not in said.err


def test_a_file_that_is_not_there_is_told(run: Run, tmp_path: Path) -> None:
    said = run("import", tmp_path / "nosuch.csv", "--table", "t", "--create")
    assert said.code == 1
    assert "cannot be read" in said.err
