"""The catalogue of bad inputs: what each is, the sentence it gets, and the test that proves it.

An entry names the tests that prove it, which must exist and hold the sentence; those that no part of the
application has for itself are proved below, and in tests/browser/test_states.py.
"""

from __future__ import annotations

import ast
import socket
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.seeding.request import PopulateRequest
from db.engine import Database
from db.errors import ConnectionFailed, ReadOnlyServer
from tests.commands.conftest import Run, run
from tests.pages.conftest import installation, open_app, served
from tests.pages.filled import COLUMN, fill_products
from tests.pages.test_states import words

__all__ = ["installation", "run", "served"]
"""Fixtures of other folders."""

ROOT = Path(__file__).resolve().parents[1]
HERE = "tests/test_bad_inputs.py::"
CELLS = "tests/seeding/formats/test_cells.py::test_a_cell_that_is_no_vector_gets_its_sentence"
VALUES = "tests/seeding/formats/test_cells.py::test_a_value_that_is_something_else_gets_its_sentence"
IMPORTS = "tests/seeding/imports/test_validate.py::"
REFUSED = f"{IMPORTS}test_what_cannot_be_imported_at_all_is_told_before_a_row_is_read"
FILES = "tests/seeding/formats/test_hostile.py::test_a_hostile_file_gets_its_sentence"
SPECS = "tests/db/test_indexes.py::test_an_index_that_cannot_be_read_is_refused_in_one_sentence"
PLANS = "tests/benchmark/test_plan.py::"
BOUNDS = f"{PLANS}test_a_value_out_of_bounds_is_refused_in_a_sentence"
NAMES = "tests/db/test_columns.py::test_what_is_no_name_is_refused"
URLS = "tests/db/test_engine.py::test_what_is_no_url_is_refused_without_repeating_it"
SERVERS = "tests/db/test_engine.py::test_a_server_that_cannot_be_reached_is_named_without_the_password"
SHOWN = "tests/browser/test_states.py::test_markup_in_data_is_shown_letter_by_letter"


@dataclass(frozen=True)
class Bad:
    """An input nobody may send: each of ``says`` stands in one of the files of the tests that prove it."""

    given: str
    says: tuple[str, ...] = ()
    proved_by: tuple[str, ...] = ()
    later: str = ""


BAD: dict[int, Bad] = {
    1: Bad(
        "a vector of the wrong length in row k",
        ("expected 3 numbers, found 2",),
        (f"{IMPORTS}test_a_bad_vector_is_told_by_row_column_and_element", CELLS),
    ),
    2: Bad("NaN", ("element 2, 'NaN', is not a number",), (CELLS,)),
    3: Bad("infinity", ("element 3 is infinite",), (CELLS,)),
    4: Bad("1e39", ("element 1, 1e39, exceeds the range of a 4-byte float",), (CELLS,)),
    5: Bad(
        "70000 into halfvec",
        ("Element 2, 70000, exceeds halfvec's range, 65504",),
        ("tests/db/test_vectors.py::test_what_is_no_vector_is_refused_by_its_place",),
    ),
    6: Bad("[]", ("empty vector",), (CELLS,)),
    7: Bad("abc", ('not a vector: it must start with "["',), (CELLS,)),
    8: Bad("[1,2,3],", ('there is text after the closing "]"',), (CELLS,)),
    9: Bad("[[1,2,3]]", ("nested lists are not allowed",), (CELLS,)),
    10: Bad("[1,null,3]", ("element 2 is missing",), (CELLS,)),
    11: Bad("a minus of Unicode, a decimal comma", ("is not a number in ASCII digits",), (CELLS,)),
    12: Bad(
        "a zero vector under cosine distance",
        (
            "zero length: cosine distance is undefined",
            "Row 3 has zero length; cosine distance to it is undefined.",
        ),
        (
            "tests/db/test_search.py::test_a_zero_query_is_refused_under_cosine_alone",
            f"{IMPORTS}test_zero_vectors_are_told_by_row",
        ),
    ),
    13: Bad("a sparsevec into a vector", ("this is a sparsevec",), (CELLS,)),
    14: Bad(
        "16,001 dimensions",
        ("16,001 numbers are over the 16,000 of a vector",),
        ("tests/seeding/formats/test_cells.py::test_a_vector_ends_at_sixteen_thousand_dimensions",),
    ),
    15: Bad(
        "hnsw on vector(2001)",
        ("hnsw indexes a vector of at most 2,000 dimensions", "halfvec"),
        (
            f"{PLANS}test_a_plan_that_the_column_does_not_bear_is_refused",
            "tests/db/test_indexes.py::test_halfvec_is_advised_only_where_it_helps",
        ),
    ),
    16: Bad(
        "hnsw on a vector of no fixed length",
        ("declare the column's dimensions.",),
        ("tests/advisor/test_rules_details.py::test_where_no_index_can_be_built_it_says_so_and_offers_none",),
    ),
    17: Bad("m = 1, m = 200", ("m = 1 is outside 2 to 100.",), (SPECS,)),
    18: Bad("ef_construction below 2 m", ("ef_construction = 64 is below twice m = 40.",), (SPECS,)),
    19: Bad("ef_search = 0, 1001", ("ef_search = 0 is outside 1 to 1,000.",), (BOUNDS,)),
    20: Bad(
        "lists = 0, probes = 40000",
        ("lists = 0 is outside 1 to 32,768.", "probes = 40000 is outside 1 to 32,768."),
        (SPECS, BOUNDS),
    ),
    21: Bad(
        "k = 0, -1, 1e9",
        ("is outside 1 to 1,000", "Ask for 1 to 1,000 rows."),
        ("tests/db/test_search.py::test_k_is_bounded",),
    ),
    22: Bad(
        "a query of another length",
        ("has 8 dimensions, the query has 3",),
        ("tests/db/test_search.py::test_a_query_of_another_length_is_refused_before_it_is_sent",),
    ),
    23: Bad(
        "a search by another distance than the index serves",
        ("No index serves `l2` distance here",),
        (f"{HERE}test_a_search_that_the_index_does_not_serve_says_that_it_was_exact",),
    ),
    24: Bad(
        't"; drop table bad;--',
        ("is not a name of the form schema.table", "There is no table"),
        (f"{HERE}test_a_name_with_a_statement_in_it_is_looked_up_and_never_run",),
    ),
    25: Bad("an empty name, a blank one", ("not a name of the form",), (NAMES,)),
    26: Bad(
        "a name of 64 bytes and more",
        ("over 63 bytes", "is not a name PostgreSQL keeps whole"),
        (NAMES, REFUSED),
    ),
    27: Bad(
        "names with quotes, %, : and emoji work",
        ('"Odd ""name"" a%b a:b',),
        (
            "tests/pages/test_data.py::test_every_kind_of_table_is_paged_through",
            f"{IMPORTS}test_a_names_percent_signs_colons_and_quotes_are_only_characters",
        ),
    ),
    28: Bad(
        "text with a NUL byte",
        ("a NUL byte", "The text contains a NUL byte."),
        (
            f"{IMPORTS}test_a_value_the_table_would_refuse_is_told",
            f"{HERE}test_a_nul_byte_in_a_condition_is_named",
        ),
    ),
    29: Bad("an empty file, a header alone", ("empty.csv is empty", "header.csv has no rows"), (FILES,)),
    30: Bad("bytes that are not UTF-8", ("Byte 0xe9 at position 10 is not UTF-8",), (FILES,)),
    31: Bad(
        "a ragged row",
        ("row 2: has 1 fields, the header has 2",),
        (f"{IMPORTS}test_a_ragged_row_is_told_whole",),
    ),
    32: Bad("a column twice", ('Column "id" appears twice',), (FILES, REFUSED)),
    33: Bad("a column that is missing", ('Missing column "name"; found "id".',), (REFUSED,)),
    34: Bad(
        "a key twice in the file",
        ("key 7 in rows 1 and 4",),
        (f"{IMPORTS}test_a_value_the_table_would_refuse_is_told",),
    ),
    35: Bad(
        "keys that are in the table already",
        ("12 keys already exist in public.places", "update or skip"),
        (f"{IMPORTS}test_keys_that_exist_are_counted_and_named_and_the_ways_out",),
    ),
    36: Bad("2**70, 1.5 and nothing for a whole number", ("'1.5' is not a 64-bit integer",), (VALUES,)),
    37: Bad("NA and null in text", ("NA", "null"), (f"{IMPORTS}test_na_and_null_in_text_are_text",)),
    38: Bad(
        "a cell of 5 MB, 100,000 columns",
        ("has 5,242,881 bytes, over the limit of 5,242,880", "has 100,000 columns"),
        (VALUES, FILES),
    ),
    39: Bad("an .npy of objects", ("object arrays are refused",), (FILES,)),
    40: Bad(
        "an .npy that claims 23 TiB",
        ("says 100,000,000,000 rows of 256 bytes; the file holds 0 bytes",),
        (FILES,),
    ),
    41: Bad(
        "an .npy of complex numbers, in Fortran order, of three dimensions",
        ("complex128, which cannot be read as numbers", "is in Fortran order"),
        (FILES,),
    ),
    42: Bad(
        "a ZIP that expands to 300 MB, or leads out of its folder",
        ("expands to 300 MB, over the limit of 64 MB", "unsafe name"),
        (FILES,),
    ),
    43: Bad("Parquet of 50 million rows", ("has 50,000,000 rows, over the limit of 20,000,000",), (FILES,)),
    44: Bad("Parquet encrypted, cut off, or none", ("is not a readable Parquet file",), (FILES,)),
    45: Bad("HDF5, pickle, PyTorch called .npy", ("is not .npy: its content is HDF5",), (FILES,)),
    46: Bad(
        "an upload over the limit",
        ("Up to 200 MB. A larger one is read where it is", "File must be 200.0MB or smaller."),
        (
            f"{HERE}test_the_limit_of_an_upload_is_said_beside_it",
            "tests/browser/test_states.py::test_an_upload_over_the_limit_is_refused_before_it_is_read",
        ),
    ),
    47: Bad("ten ids for nine vectors", ("10 ids, 9 vectors",), (FILES,)),
    48: Bad("a port that is no number", ("the port must be a number",), (URLS,)),
    49: Bad("an @ in the password", ("more than one @",), (URLS,)),
    50: Bad("mysql://, a path", ("not a postgresql:// address",), (URLS,)),
    51: Bad("sslmode=bogus", ('invalid sslmode value: "bogus"',), (SERVERS,)),
    52: Bad(
        "no such host, port, database, password",
        ("127.0.0.1", 'database "nothing here" does not exist'),
        (SERVERS, "tests/db/test_engine.py::test_a_database_that_is_not_there_is_named"),
    ),
    53: Bad(
        "a database without pgvector",
        ("no pgvector", "python -m dashboard migrate"),
        (
            "tests/db/test_migrations.py::test_a_server_without_pgvector_is_named",
            "tests/pages/test_shell.py::"
            "test_a_database_without_the_extension_is_told_with_the_command_that_makes_it",
        ),
    ),
    54: Bad(
        "a server that cannot be written to",
        ("read-only transaction", "Connect to the primary"),
        (f"{HERE}test_a_server_that_only_reads_takes_no_job_and_says_why",),
    ),
    55: Bad(
        "a connection pooler for jobs",
        ("is a connection pooler, which jobs cannot run through", "the server's own address"),
        (f"{HERE}test_a_connection_pooler_is_named_where_jobs_would_need_the_server",),
    ),
    56: Bad(
        "the same job twice",
        ("Already queued as job",),
        (
            f"{HERE}test_a_second_submission_is_told_which_job_is_the_first",
            f"{HERE}test_a_command_says_that_its_job_is_queued_already",
        ),
    ),
    57: Bad(
        "a table changed, or dropped, between plan and import",
        ("changed since", "Validate it again.", '("DROP TABLE places", "table")'),
        (f"{IMPORTS}test_an_approved_plan_ends_with_what_it_was_made_for",),
    ),
    58: Bad(
        "=HYPERLINK(...), <img onerror>, [x](javascript:)",
        ("=HYPERLINK", "<img src=x onerror=", "javascript:"),
        (SHOWN, "tests/exporting/test_formats.py::test_no_spreadsheet_runs_a_cell"),
    ),
    59: Bad("a forged role in the address", later="there are no roles yet: every reader is the local user"),
    60: Bad("to approve one's own request", later="there are no approvals yet"),
    61: Bad(
        "CREATE INDEX CONCURRENTLY on a partitioned table, an index on a view",
        ('"CONCURRENTLY" not in found.remedy.sql', "A view holds no index"),
        (
            "tests/advisor/test_rules_details.py::"
            "test_a_partitioned_table_is_indexed_without_concurrently_which_it_refuses",
            "tests/advisor/test_rules_details.py::"
            "test_where_no_index_can_be_built_it_says_so_and_offers_none",
        ),
    ),
    62: Bad(
        "a sample of no rows, no repetition",
        ("A sample of 0 rows cannot be inspected.", "repeats = 0 is outside 1 to 100."),
        ("tests/commands/test_inspect.py::test_what_cannot_be_inspected_is_told_in_a_sentence", BOUNDS),
    ),
}


def test_every_bad_input_has_its_entry() -> None:
    assert list(BAD) == list(range(1, 63))
    assert all(bool(bad.later) != bool(bad.proved_by and bad.says) for bad in BAD.values())


@cache
def source_of(file: str) -> tuple[frozenset[str], str]:
    """The tests a file defines, and its text with that of the tables its tests are made of."""
    text = (ROOT / file).read_text()
    tree = ast.parse(text, file)
    tests = frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))
    tables = [
        ROOT / f"{node.module.replace('.', '/')}.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tests.")
    ]
    return tests, "\n".join([text, *(path.read_text() for path in tables)])


@pytest.mark.parametrize("number", [number for number, bad in BAD.items() if not bad.later])
def test_what_proves_it_exists_and_holds_its_sentence(number: int) -> None:
    bad = BAD[number]
    texts = []
    for proof in bad.proved_by:
        file, _, name = proof.partition("::")
        tests, text = source_of(file)
        assert name in tests, proof
        # The table itself holds every sentence: it proves nothing.
        texts.append(text.partition("def test_every_bad_input_has_its_entry")[2] if file in HERE else text)
    for sentence in bad.says:
        assert any(sentence in text for text in texts), f"{sentence!r} is in none of {bad.proved_by}"


NOT_FOUND = (
    "is not a name of the form schema.table",
    "There is no vector column",
    "There is no table",
    "There is no schema",
)


def test_a_search_that_the_index_does_not_serve_says_that_it_was_exact(served: Database) -> None:
    fill_products(served)
    told = words(open_app("search", c=COLUMN, by="Row id", q="7", d="l2"))
    assert "No index serves `l2` distance here, so this answer is exact" in told
    assert "measure first" in told


@pytest.mark.parametrize(
    "given", ['t"; drop table bad;--', "t; drop table bad;--", 'x."t""; drop table bad"']
)
def test_a_name_with_a_statement_in_it_is_looked_up_and_never_run(
    run: Run, database: Database, tmp_path: Path, given: str
) -> None:
    with database.control("tests") as connection:
        connection.exec_driver_sql("CREATE TABLE bad (id int)")
    file = tmp_path / "a.csv"
    file.write_text("id\n1\n")
    searched = run("search", given, "--id", 1)
    imported = run("import", file, "--table", given)
    assert (searched.code, imported.code) == (1, 1)
    assert any(told in searched.err for told in NOT_FOUND), searched.err
    assert any(told in imported.err for told in NOT_FOUND), imported.err
    with database.reading("tests") as connection:
        assert connection.exec_driver_sql("SELECT to_regclass('bad') IS NOT NULL").scalar_one()


def test_a_nul_byte_in_a_condition_is_named(served: Database) -> None:
    fill_products(served, indexed=False)
    app = open_app("data", c=COLUMN, f='["all",["title","=","a\\u0000b"]]')
    assert not app.exception
    told = words(app)
    assert "The text contains a NUL byte." in told
    assert "remove it" in told
    assert "Without the filter" in told


def test_the_limit_of_an_upload_is_said_beside_it(served: Database) -> None:
    told = words(open_app("seed", source="File"))
    assert "Up to 200 MB. A larger one is read where it is: `python -m dashboard import FILE" in told


def test_a_server_that_only_reads_takes_no_job_and_says_why(database: Database) -> None:
    with database.control("tests") as connection:
        name = connection.exec_driver_sql("SELECT current_database()").scalar_one()
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    standby = Database(database.url.render_as_string(hide_password=False))
    with pytest.raises(ReadOnlyServer, match="read-only transaction") as refused:
        queue.submit(standby, LOCAL, "populate", PopulateRequest(source="uniform", table="t").to_params())
    standby.dispose()
    assert "Connect to the primary" in refused.value.remedy


@pytest.fixture
def pooler() -> Iterator[str]:
    """What PgBouncer answers to a session that brings settings of its own, which jobs do."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_refuse, args=(listener,), daemon=True).start()
        yield f"postgresql://u:s3cret@127.0.0.1:{listener.getsockname()[1]}/db?sslmode=disable&gssencmode=disable"


def _refuse(listener: socket.socket) -> None:
    session, _ = listener.accept()
    with session:
        session.recv(4096)
        fields = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0"
        session.sendall(b"E" + struct.pack("!i", len(fields) + 4) + fields)


def test_a_connection_pooler_is_named_where_jobs_would_need_the_server(pooler: str) -> None:
    database = Database(pooler)
    with (
        pytest.raises(
            ConnectionFailed, match="is a connection pooler, which jobs cannot run through"
        ) as refused,
        database.writing("tests"),
    ):
        pass
    assert "the server's own address" in refused.value.remedy
    assert "s3cret" not in refused.value.message


UNIFORM = PopulateRequest(source="uniform", table="mine", rows=300, dims=4)


def test_a_second_submission_is_told_which_job_is_the_first(served: Database) -> None:
    app = open_app("seed", source="Uniform")
    app.text_input[0].set_value("mine").run()
    load = next(button for button in app.button if button.label == "Load")
    load.click().run()
    number = app.query_params["job"]
    again = open_app("seed", source="Uniform")
    again.text_input[0].set_value("mine").run()
    next(button for button in again.button if button.label == "Load").click().run()
    assert again.query_params["job"] == number
    assert f"Already queued as job {number}" in words(again)
    assert "nothing was queued twice" in words(again)
    assert [link.proto.label for link in again.get("page_link")] == [f"Job {number}"]


def test_a_command_says_that_its_job_is_queued_already(run: Run, database: Database) -> None:
    first = queue.submit(database, LOCAL, "populate", UNIFORM.to_params())
    said = run(
        *("populate_db", "--source", "uniform", "--table", "mine", "--rows", 300, "--dims", 4, "--json")
    )
    assert said.code == 0, said.err
    assert f"Already queued as job {first}." in said.err
    assert said.document["job"] == first
