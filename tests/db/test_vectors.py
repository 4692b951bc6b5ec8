"""A query is read element by element; what is wrong is named by its place."""

from pathlib import Path

import numpy as np
import pytest

from db.errors import RequestError
from db.vectors import read_query, vector_or_file


@pytest.mark.parametrize(
    ("given", "vector_type", "vector", "is_zero"),
    [
        ("[1, -2.5, 3e-4]", "vector", "[1.0,-2.5,0.0003]", False),
        (" [ .5,+2.,0 ] ", "halfvec", "[0.5,2.0,0.0]", False),
        ("[0, 0.0, -0]", "vector", "[0.0,0.0,-0.0]", True),
        ("[1e-60, 0]", "vector", "[0.0,0.0]", True),
        ("{1:0.5, 3:2}/5", "sparsevec", "{1:0.5,3:2.0}/5", False),
        ("{3:2,1:0}/3", "sparsevec", "{3:2.0}/3", False),
        ("{}/4", "sparsevec", "{}/4", True),
        ("[0, 1, 0]", "sparsevec", "{2:1.0}/3", False),
        ("0110", "bit", "0110", False),
        ("[0, 1, 1]", "bit", "011", False),
        ("000", "bit", "000", True),
    ],
)
def test_a_query_is_read_as_pgvector_writes_it(
    given: str, vector_type: str, vector: str, is_zero: bool
) -> None:
    query = read_query(given, vector_type)
    assert (query.vector, query.is_zero, query.row) == (vector, is_zero, None)


@pytest.mark.parametrize(
    ("given", "vector_type", "dimensions"),
    [("[1,2,3]", "vector", 3), ("{9:1}/1000000", "sparsevec", 1_000_000), ("01" * 32, "bit", 64)],
)
def test_its_dimensions_are_counted(given: str, vector_type: str, dimensions: int) -> None:
    assert read_query(given, vector_type).dimensions == dimensions


@pytest.mark.parametrize(
    ("given", "vector_type", "message"),
    [
        pytest.param("[1, NaN]", "vector", "Element 2, 'NaN', is not a number", id="2"),
        pytest.param("[1, 2, -Infinity]", "vector", "Element 3 is infinite", id="3"),
        pytest.param("[1e39]", "vector", r"Element 1, 1e39, exceeds .* 4-byte float", id="4"),
        pytest.param("[1, 70000]", "halfvec", "Element 2, 70000, exceeds halfvec's range, 65504", id="5"),
        pytest.param("[ ]", "vector", "Empty vector", id="6"),
        pytest.param("abc", "vector", r'must start with "\["', id="7"),
        pytest.param("[1,2,3],", "vector", 'text after the closing "]"', id="8"),
        pytest.param("[[1,2,3]]", "vector", "Nested lists", id="9"),
        pytest.param("[1,null,3]", "vector", "Element 2 is missing", id="10"),
        pytest.param("[1,,3]", "vector", "Element 2 is missing", id="10, empty"),
        pytest.param("[\u22121]", "vector", "Element 1, '\u22121', is not a number in ASCII", id="11"),
        pytest.param("[1;5]", "vector", "Element 1, '1;5', is not a number", id="11, semicolon"),
        pytest.param("[\u0661]", "vector", "Element 1", id="11, other digits"),
        pytest.param("[1_000]", "vector", "Element 1, '1_000', is not a number", id="11, underscore"),
        pytest.param("{1:0.5}/3", "vector", "The column is vector; this is a sparsevec", id="13"),
        ("[1, 2", "vector", 'must end with "]"'),
        ("", "vector", r'must start with "\["'),
        ("['1']", "vector", "Element 1"),
        ("[0, 1, 2]", "bit", "Bit 3 is '2'"),
        ("01x", "bit", "Bit 3 is 'x'"),
        ("", "bit", "Empty vector"),
        ("0110/4", "sparsevec", "Not a sparsevec"),
        ("{1:0.5}", "sparsevec", "Not a sparsevec"),
        ("{4:1}/3", "sparsevec", "Index 4 is outside 1 to 3"),
        ("{0:1}/3", "sparsevec", "Index 0 is outside 1 to 3"),
        ("{1:1,1:2}/3", "sparsevec", "Index 1 stands twice"),
        ("{1}/3", "sparsevec", "'1' is not index:value"),
        ("{2:x}/3", "sparsevec", "Element 2, 'x', is not a number"),
    ],
)
def test_what_is_no_vector_is_refused_by_its_place(given: str, vector_type: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as refused:
        read_query(given, vector_type)
    assert refused.value.remedy


def test_random_vectors_are_read_back_bit_for_bit() -> None:
    numbers = np.random.default_rng(1).normal(size=500).astype(np.float32)
    read = read_query(str(numbers.tolist()), "vector").vector
    assert np.array_equal(np.array(read[1:-1].split(","), dtype=np.float32), numbers)


def test_a_file_is_read_and_anything_else_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "query.json"
    path.write_text("[1, 2]\n")
    assert vector_or_file(str(path)) == "[1, 2]\n"
    assert vector_or_file("[1]") == "[1]"
    assert vector_or_file("0110") == "0110"
    assert vector_or_file("01" * 2000) == "01" * 2000
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RequestError, match="cannot be read as text"):
        vector_or_file(str(path))
