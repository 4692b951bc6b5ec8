"""Single values: what each kind takes, and the sentence for what it does not."""

import math
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from dashboard.seeding.formats.cells import READERS, Unreadable, json_text, vector_cell
from dashboard.seeding.formats.table import ARRAY_KINDS, FAULTS, KINDS, MAX_CELL_BYTES, Wanted
from db.engine import Database
from tests.seeding.hostile import BAD_VECTORS


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_reader(kind: str) -> None:
    with pytest.raises(Unreadable) as why:
        READERS[kind]("\0" if kind in {"text", "json"} else "!", Wanted(kind))
    assert why.value.code in FAULTS
    assert set(READERS) == set(KINDS) >= set(ARRAY_KINDS)


@pytest.mark.parametrize(("cell", "sentence"), BAD_VECTORS, ids=[ascii(cell) for cell, _ in BAD_VECTORS])
def test_a_cell_that_is_no_vector_gets_its_sentence(cell: str, sentence: str) -> None:
    with pytest.raises(Unreadable) as why:
        vector_cell(cell, "vector", 3)
    assert sentence in why.value.reason
    assert not why.value.reason.endswith(".")


@pytest.mark.parametrize(
    "cell", ["[1,2,3]", " [ 1 , 2.0,3e0 ]\n", "[1., +2, .3e1]", "[1,2,3.0000000000000000001]"]
)
def test_what_pgvector_reads_is_read(cell: str) -> None:
    assert vector_cell(cell, "vector", 3).tolist() == [1, 2, 3]


def test_a_halfvec_ends_earlier_than_a_vector() -> None:
    assert vector_cell("[65504, 65519]", "halfvec").tolist() == [65504, 65519]
    assert vector_cell("[70000]").tolist() == [70000]
    for cell in ("[1, 70000]", "[1, 65520]", "[1, 65519.9999]"):
        with pytest.raises(Unreadable, match=r"element 2, .* exceeds (halfvec's range|the range of halfvec)"):
            vector_cell(cell, "halfvec")


def test_a_vector_ends_at_sixteen_thousand_dimensions() -> None:
    assert len(vector_cell(f"[{','.join(['0'] * 16_000)}]")) == 16_000
    with pytest.raises(Unreadable, match="16,001 numbers are over the 16,000 of a vector"):
        vector_cell(f"[{','.join(['0'] * 16_001)}]")


@pytest.mark.parametrize(
    ("kind", "value", "read"),
    [
        ("integer", 7, 7),
        ("integer", "-7", -7),
        ("integer", 7.0, 7),
        ("integer", str(2**63 - 1), 2**63 - 1),
        ("number", "1e3", 1000.0),
        ("number", 3, 3.0),
        ("boolean", "Yes", True),
        ("boolean", False, False),
        ("boolean", 0, False),
        ("text", 1941, "1941"),
        ("text", "NA", "NA"),
        ("text", "null", "null"),
        ("text", {"a": None}, '{"a": null}'),
        ("date", "Jun 12 1998", date(1998, 6, 12)),
        ("date", "02/02/2000", date(2000, 2, 2)),
        ("timestamp", "2024-01-01T01:30:00+02:00", datetime(2023, 12, 31, 23, 30)),  # noqa: DTZ001
        ("timestamp", datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 1)),  # noqa: DTZ001
        ("json", {"a": [1]}, {"a": [1]}),
        ("json", "\\u0000", "\\u0000"),
        ("sparsevec", "{2:0.5,1:1}/3", "{1:1.0,2:0.5}/3"),
        ("bit", "0110", "0110"),
    ],
)
def test_a_value_is_read_as_what_it_is(kind: str, value: Any, read: Any) -> None:
    assert READERS[kind](value, Wanted(kind)) == read


@pytest.mark.parametrize(
    ("kind", "value", "sentence"),
    [
        ("integer", 2**70, f"'{2**70}' is not a 64-bit integer"),
        ("integer", "1.5", "'1.5' is not a 64-bit integer"),
        ("integer", 1.5, "'1.5' is not a 64-bit integer"),
        ("integer", "", "'' is not a 64-bit integer"),
        ("integer", True, "'true' is not a 64-bit integer"),
        ("integer", "9" * 5000, "9…' is not a 64-bit integer"),
        ("integer", "\u0663", "is not a 64-bit integer"),
        ("number", "1,5", "'1,5' is not a number"),
        ("number", "NaN", "'NaN' is not a number"),
        ("number", "1e400", "'1e400' is not a finite number"),
        ("number", math.inf, "is not a finite number"),
        ("number", 10**400, "is not a finite number"),
        ("boolean", "maybe", "'maybe' is neither true nor false"),
        ("text", "a\0b", "contains a NUL byte"),
        ("text", {"a": "\0"}, None),
        ("text", "\ud800", "half a surrogate pair"),
        ("text", "x" * (MAX_CELL_BYTES + 1), "has 5,242,881 bytes, over the limit of 5,242,880"),
        ("json", {"a": "\0"}, "contains a NUL byte"),
        ("json", [math.nan], "holds NaN"),
        ("date", "2023-02-29", "'2023-02-29' is not a date"),
        ("date", "01/02/2000", "'01/02/2000' could be 2000-01-02 or 2000-02-01"),
        ("timestamp", "2024-01-01T01:30:00", "has no offset from UTC"),
        ("timestamp", "soon", "'soon' is not a date and time"),
        ("sparsevec", "{4:1}/3", "index 4 is outside 1 to 3"),
        ("bit", "012", "bit 3 is '2'"),
    ],
)
def test_a_value_that_is_something_else_gets_its_sentence(
    kind: str, value: Any, sentence: str | None
) -> None:
    if sentence is None:  # escaped: JSON's text has no NUL in it
        assert READERS[kind](value, Wanted(kind)) == '{"a": "\\u0000"}'
        return
    with pytest.raises(Unreadable) as why:
        READERS[kind](value, Wanted(kind))
    assert sentence in why.value.reason


def test_a_date_that_could_be_two_is_read_in_the_columns_own_form() -> None:
    assert READERS["date"]("01/02/2000", Wanted("date", form="%d/%m/%Y")) == date(2000, 2, 1)


def test_text_is_read_as_json_where_json_is_wanted() -> None:
    assert json_text('{"a": 1}', Wanted("json")) == {"a": 1}
    with pytest.raises(Unreadable, match=r"'\{a\}' is not JSON"):
        json_text("{a}", Wanted("json"))


@pytest.mark.parametrize(("kind", "written", "found"), [("sparsevec", "{1:1}/4", 4), ("bit", "01", 2)])
def test_a_sparsevec_or_bit_of_another_length_is_named(kind: str, written: str, found: int) -> None:
    with pytest.raises(Unreadable, match=f"expected 3 dimensions, found {found}"):
        READERS[kind](written, Wanted(kind, 3))


SPELLINGS = st.one_of(
    st.floats(width=32).map(str),
    st.floats().map(str),
    st.integers(-(10**40), 10**40).map(str),
    st.sampled_from(
        [
            *(
                "",
                " ",
                "NaN",
                "inf",
                "-Infinity",
                "null",
                "1e",
                "1.",
                ".5",
                ".",
                "+-1",
                "--1",
                "1_0",
                "\uff11",
            ),
            *(
                "3.4028235e38",
                "3.4028236e38",
                "65504",
                "65519.99",
                "65520",
                "1e-50",
                "1 2",
                "\u22121",
                "true",
            ),
            *(
                "\u22121",
                "\uff11",
                "1\u00a0",
                "\x1f1",
                "1\v",
                "\f1",
                "[",
                "]",
                "{1:1}/2",
                '"1"',
                "1;2",
                "[1]",
            ),
        ]
    ),
)
CELLS = st.one_of(
    st.lists(SPELLINGS, max_size=4).map(lambda elements: f"[{','.join(elements)}]"),
    st.tuples(
        st.sampled_from(["", " ", "\n", "\u00a0", "x"]),
        st.lists(SPELLINGS, max_size=3).map(",".join),
        st.sampled_from(["]", "] ", "],", "", "]]", "] x"]),
    ).map(lambda parts: f"{parts[0]}[{parts[1]}{parts[2]}"),
    st.text("[]{}0123456789.,eE+-: /\t", max_size=12),
)


def _verdict(connection: Connection, cell: str, kind: str) -> list[float] | None:
    try:
        found = connection.execute(text(f"SELECT CAST(CAST(:cell AS {kind}) AS real[])"), {"cell": cell})
        return [float(np.float32(v)) for v in found.scalar_one()]
    except DBAPIError:
        return None


@pytest.mark.parametrize("kind", ["vector", "halfvec"])
def test_a_cell_is_accepted_where_the_server_accepts_it(database: Database, kind: str) -> None:
    with database.control("tests") as connection:

        @settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
        @example("[65519.9999]")
        @example("[1e-46, 1e-7]")
        @given(CELLS)
        def agree(cell: str) -> None:
            assert _read(cell, kind) == _verdict(connection, cell, kind)

        agree()


def _read(cell: str, kind: str) -> list[float] | None:
    try:
        read = vector_cell(cell, kind)
    except Unreadable:
        return None
    stored = read.astype(np.float16 if kind == "halfvec" else np.float32)
    return [float(v) for v in stored.astype(np.float32)]
