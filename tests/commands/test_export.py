"""Exporting from the command line: a file, a sidecar, and what the terminal is told."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from db.engine import Database
from tests.commands.conftest import Run
from tests.db.conftest import run as send

TABLE = """
CREATE TABLE shoes (region text, id int, name text, embedding vector(2), PRIMARY KEY (region, id));
INSERT INTO shoes SELECT 'north', i, 'shoe ' || i, ARRAY[i, 1]::vector FROM generate_series(1, 50) AS i;
INSERT INTO shoes VALUES ('south', 1, '=1+1', '[0,1]');
"""


@pytest.fixture(autouse=True)
def shoes(database: Database) -> None:
    with database.control("test") as connection:
        send(connection, TABLE)


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "CSV"])
def test_the_suffix_chooses_the_format(run: Run, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"shoes.{suffix}"
    said = run("export", "shoes.embedding", "--to", file)
    assert said.code == 0, said.err
    assert "51 rows written to" in said.err
    assert json.loads((tmp_path / f"shoes.{suffix}.meta.json").read_text())["rows"] == 51
    assert file.stat().st_size


def test_json_tells_the_outcome(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "shoes.csv"
    said = run("export", "shoes.embedding", "--to", file, "--json")
    told = said.document
    assert (told["file"], told["rows"], told["truncated"]) == ("shoes.csv", 51, False)
    assert told["neutralised_cells"] == 1


def test_rows_are_filtered_sorted_and_cut_and_it_is_said(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "few.csv"
    said = run(
        "export",
        "shoes.embedding",
        "--to",
        file,
        "--where",
        "region=north",
        "--where",
        "id>10",
        "--sort",
        "-id",
        "--rows",
        3,
    )
    assert "Cut off: there are 40 rows." in said.err
    assert [line.split(",")[1] for line in file.read_text().splitlines()[1:]] == ["50", "49", "48"]


def test_rows_are_named_by_their_key(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "named.parquet"
    said = run(
        "export",
        "shoes.embedding",
        "--to",
        file,
        "--key",
        '["north", 7]',
        "--key",
        '["south", 1]',
        "--key",
        '["west", 1]',
    )
    assert '1 row of those named not found: ["west", "1"]' in said.err
    assert pq.read_table(file)["name"].to_pylist() == ["shoe 7", "=1+1"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["shoes.embedding", "--to", "x.xlsx"], "There is no export format 'xlsx'."),
        (["shoes.embedding", "--to", "x"], "There is no export format ''."),
        (["nothing.embedding", "--to", "x.csv"], "There is no vector column nothing.embedding."),
        (["shoes.embedding", "--to", "x.csv", "--where", "size=9"], "There is no column 'size'"),
        (["shoes.embedding", "--to", "x.csv", "--rows", "0"], "A limit of 0 rows leaves none."),
        (["shoes.embedding", "--to", "x.jsonl", "--bom"], "jsonl takes no byte order mark."),
        (["shoes.embedding", "--to", "x.csv", "--key", "7"], "'7' is not a key"),
        (["shoes.embedding", "--to", "nope/x.csv"], "The folder nope does not exist."),
        (
            ["shoes.embedding", "--to", "x.csv", "--key", '["west", 1]', "--key", '["north", 99]'],
            'Not found in public.shoes: ["west", "1"], ["north", "99"].',
        ),
    ],
)
def test_what_cannot_be_done_is_said_and_nothing_is_written(
    run: Run, tmp_path: Path, arguments: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    said = run("export", *arguments)
    assert said.code == 1
    assert sentence in said.err
    assert list(tmp_path.iterdir()) == []


def test_one_row_is_not_called_rows(run: Run, tmp_path: Path) -> None:
    said = run("export", "shoes.embedding", "--to", tmp_path / "one.csv", "--key", '["south", 1]')
    assert "1 row written to" in said.err
    assert "1 cell began like a formula" in said.err


def test_a_file_that_is_there_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "shoes.csv"
    file.write_text("mine")
    said = run("export", "shoes.embedding", "--to", file)
    assert f"{file} exists already." in said.err
    assert file.read_text() == "mine"
