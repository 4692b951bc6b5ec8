"""Files that can be read: what is said of them, and every row as it stands."""

import json
import math
import tracemalloc
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.seeding import sandbox
from dashboard.seeding.formats import Batch, Wanted, contents, delimited, inside, jsonfile, read_batches
from dashboard.seeding.formats.recognise import FORMATS, recognised
from dashboard.seeding.formats.table import FAULTS, KINDS, FileColumn
from db.errors import DimensionMismatch, RequestError
from tests.seeding.formats.makers import EXPECTED, FLAT, WANTED, WRITTEN, hdf5, npy, parquet
from tests.seeding.hostile import broken_records, vecs
from tests.seeding.movies import MOVIES, needs_movies

Make = Callable[..., Path]


@pytest.fixture(autouse=True)
def without_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run what the sandbox runs in this process: starting one for every file would take minutes.

    Requests still travel as JSON, and rows as Arrow.  A test with ``processes`` in its name starts them.
    """
    if "processes" not in request.node.name:
        monkeypatch.setattr(sandbox, "reader", lambda *_: nullcontext(_Here()))


class _Here:
    """What a sandbox.Reader does, in this process."""

    def answer(self, task: str, asked: Any) -> Any:
        assert task == "contents"
        return json.loads(json.dumps(inside._contents(json.loads(json.dumps(asked)))))

    def stream(self, task: str, asked: Any) -> Any:
        assert task == "batches"
        return inside._batches(json.loads(json.dumps(asked)))


@pytest.fixture
def written(tmp_path: Path) -> Make:
    """Write a file: one of WRITTEN, or of this content."""

    def _write(name: str, content: str | bytes | Callable[[Path], Any] | None = None) -> Path:
        path = tmp_path / name
        if content is None:
            WRITTEN[name](path)
        elif callable(content):
            content(path)
        else:
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return _write


def plain(values: Any) -> list[Any]:
    return [v.tolist() if isinstance(v, np.ndarray | np.generic) else v for v in values]


def rows_of(batches: list[Batch], name: str) -> list[Any]:
    return [value for batch in batches for value in plain(batch.values[name])]


def faults_of(path: Path, wanted: Mapping[str, Wanted]) -> list[str]:
    return [str(fault) for batch in read_batches(path, wanted) for fault in batch.faults]


@pytest.mark.parametrize("name", WRITTEN)
def test_every_format_gives_the_same_rows(written: Make, name: str) -> None:
    path = written(name)
    found = contents(path)
    names = [column.name for column in found.columns]
    wanted = {name: WANTED[name] for name in names}
    assert "vector" in names
    assert FORMATS[found.format].label
    assert (found.rows, len(found.first)) == (3, 3)

    for start in range(4):
        batches = list(read_batches(path, wanted, start_row=start))
        assert [number for b in batches for number in range(b.start, b.start + b.rows)] == [
            *range(start + 1, 4)
        ]
        for column in wanted:
            assert rows_of(batches, column) == EXPECTED[column][start:]


@pytest.mark.parametrize("name", ["comma.csv", "list.json", "fixed.parquet", "arrays.npz", "ann.hdf5"])
def test_rows_come_through_processes_of_their_own_as_they_are(written: Make, name: str) -> None:
    path = written(name)
    wanted = {column.name: WANTED[column.name] for column in contents(path).columns}
    batches = list(read_batches(path, wanted, start_row=1))
    assert {column: rows_of(batches, column) for column in wanted} == {
        column: EXPECTED[column][1:] for column in wanted
    }


def headed(header: bytes) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(12)


ODD = headed(b"{'shape': (3, 1), 'descr': '<f4', 'fortran_order': False}\n")
LONGER = headed(b"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 1), }\n# and so on\n")


@pytest.mark.parametrize(
    "content", [None, ODD, LONGER], ids=["what is to the letter", "what is not", "what goes on after it"]
)
@pytest.mark.parametrize("name", ["array.npy", "big.npy"])
def test_a_header_is_parsed_in_the_sandbox_unless_it_is_as_numpy_writes_it(
    written: Make, name: str, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def reader(module: str, _: object) -> AbstractContextManager[_Here]:
        started.append(module)
        return nullcontext(_Here())

    monkeypatch.setattr(sandbox, "reader", reader)
    assert contents(written(name, content)).rows == 3
    assert len(started) == (content is not None)


@pytest.mark.parametrize("name", WRITTEN)
def test_every_format_says_what_its_columns_are(written: Make, name: str) -> None:
    kinds = {column.name: (column.kind, column.dimensions) for column in contents(written(name)).columns}
    known = {"id": ("integer", None), "title": ("text", None), "vector": ("vector", 2)}
    assert kinds == {name: known[name] for name in kinds}
    assert {kind for kind, _ in kinds.values()} <= set(KINDS)


def test_every_format_has_a_file_here(written: Make) -> None:
    assert {recognised(written(name)).key for name in WRITTEN} == set(FORMATS)


@pytest.mark.parametrize("name", [name for name in WRITTEN if Path(name).suffix != ".fvecs"])
def test_a_name_without_an_ending_is_recognised_by_its_content(written: Make, name: str) -> None:
    path = written(name)
    assert recognised(path.rename(path.with_suffix(""))).key in FORMATS


def test_vectors_of_one_length_are_one_array_and_the_rest_a_list(written: Make) -> None:
    lines = '{"v": [1, 2]}\n{"v": [3, 4]}\n'
    whole, mixed = (
        next(read_batches(written("v.jsonl", text), {"v": Wanted("vector")}))
        for text in (lines, lines + '{"v": [5]}\n{"w": 1}\n')
    )
    assert isinstance(whole.values["v"], np.ndarray)
    assert whole.values["v"].dtype == np.float32
    assert plain(mixed.values["v"]) == [[1, 2], [3, 4], [5], None]


def test_a_bad_value_is_a_fault_of_its_row_and_column_and_null(written: Make) -> None:
    path = written("broken.jsonl", broken_records())
    wanted = {"id": Wanted("integer"), "embedding": Wanted("vector", 3)}
    batch = next(read_batches(path, wanted))
    assert [(f.row, f.column, f.code) for f in batch.faults] == [
        (2, "id", "type"),
        (2, "embedding", "dimensions"),
        (3, None, "row"),
        (4, None, "row"),
    ]
    assert {f.code for f in batch.faults} <= set(FAULTS)
    assert str(batch.faults[1]) == 'Row 2, "embedding": expected 3 numbers, found 2.'
    assert str(batch.faults[3]) == "Row 4: is not an object with named values."
    assert plain(batch.values["id"]) == [1, None, None, None]
    assert batch.rows == 4


def test_ragged_rows_of_csv_are_faults(written: Make) -> None:
    path = written("r.csv", 'id,a\n1,x\n2\n\n3,y,z\n"4","a\nb"\n')
    assert faults_of(path, {"id": Wanted("integer")}) == [
        "Row 2: has 1 fields, the header has 2.",
        "Row 3: has 3 fields, the header has 2.",
    ]
    found = contents(path)
    assert found.notes == ("Row 2 has 1 fields, the header has 2.", "2 of 4 rows cannot be read.")
    assert [column.kind for column in found.columns] == ["integer", "text"]


def test_a_quoted_empty_field_of_csv_is_a_text_and_a_bare_one_null(written: Make) -> None:
    path = written("q.csv", 'a,n,b\r\n"",1,\r\n,"","x ""y"", z\n"\r\n"a,"""",b",2,""\r\n"","",""\r\n')
    assert [(c.kind, c.nulls) for c in contents(path).columns] == [("text", 3), ("integer", 2), ("text", 3)]
    batches = list(read_batches(path, {"a": Wanted(), "n": Wanted("integer"), "b": Wanted()}))
    assert rows_of(batches, "a") == ["", None, 'a,"",b', ""]
    assert rows_of(batches, "n") == [1, None, 2, None]
    assert rows_of(batches, "b") == [None, 'x "y", z\n', "", ""]
    assert rows_of(list(read_batches(path, {"a": Wanted(keeps_empty=False)})), "a") == [None] * 2 + [
        'a,"",b',
        None,
    ]


def test_a_long_field_beside_an_empty_one_takes_little_memory(written: Make) -> None:
    text = 'long ""word"" ' * 100_000
    path = written("long.csv", f'a,b\n"{text}",""\n')
    tracemalloc.start()
    try:
        [(_, record)] = delimited.records(path)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert record == {"a": text.replace('""', '"'), "b": ""}
    assert peak_bytes < 25 * len(text)


@given(
    st.lists(
        st.lists(st.none() | st.text(st.sampled_from('a"|,\n '), max_size=4), min_size=2, max_size=2),
        min_size=1,
    ),
    st.sampled_from(",|"),
)
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_csv_keeps_null_and_nothing_apart_wherever_they_stand(
    tmp_path: Path, rows: list[list[str | None]], delimiter: str
) -> None:
    path = tmp_path / "any.csv"
    lines = [
        delimiter.join("" if v is None else '"' + v.replace('"', '""') + '"' for v in row) for row in rows
    ]
    path.write_text("\n".join([f"left{delimiter}right", *lines]) + "\n", newline="")
    read = [record for _, record in delimited.records(path)]
    assert read == [dict(zip(("left", "right"), row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    "text",
    [
        '[{"a": 1}, {"b": 1, "a": 2, "b": 3}, {"a": 4}]',
        '{"a": 1}\n{"b": 1, "a": 2, "b": 3}\n{"a": 4}\n',
        '[{"a": 1}, {"a": 2, "c": [{"b": 1, "b": 2}]}, {"a": 4}]',
    ],
    ids=["a list", "lines", "inside"],
)
def test_an_object_of_json_that_names_one_value_twice_is_a_fault(written: Make, text: str) -> None:
    path = written("twice.json", text)
    assert faults_of(path, {"a": Wanted("integer")}) == ['Row 2: has the name "b" twice in one object.']
    assert rows_of(list(read_batches(path, {"a": Wanted("integer")})), "a") == [1, None, 4]


def test_text_that_looks_like_nothing_stays_text(written: Make) -> None:
    path = written("n.csv", "a,b\nNA,007\nnull,8\n")
    assert [column.kind for column in contents(path).columns] == ["text", "text"]
    assert rows_of(list(read_batches(path, {"a": Wanted()})), "a") == ["NA", "null"]


@pytest.mark.parametrize("name", ["t.csv", "t.json", "t.parquet"])
def test_text_with_a_nul_byte_or_over_five_megabytes_is_a_fault(written: Make, name: str) -> None:
    texts = ["a\0b", "x" * (6 << 20), "fine"]
    makers: dict[str, str | Callable[[Path], Any]] = {
        "t.csv": "a,b\n" + "".join(f'"{text}",\n' for text in texts),
        "t.json": json.dumps([{"a": text} for text in texts]),
        "t.parquet": lambda path: pq.write_table(pa.table({"a": texts}), path),
    }
    assert faults_of(written(name, makers[name]), {"a": Wanted()}) == [
        'Row 1, "a": the text contains a NUL byte.',
        'Row 2, "a": the text has 6,291,456 bytes, over the limit of 5,242,880.',
    ]


@pytest.mark.parametrize("dtype", ["f2", "<f4", "f8", ">f4", "i1", "u1", "i8", "u8", ">i4"])
def test_every_type_of_number_becomes_a_four_byte_float(written: Make, dtype: str) -> None:
    array = np.arange(6).reshape(3, 2).astype(dtype)
    batch = next(read_batches(written("a.npy", lambda p: np.save(p, array)), {"vector": Wanted("vector")}))
    assert batch.values["vector"].dtype == np.float32  # type: ignore[union-attr]
    assert plain(batch.values["vector"]) == [[0, 1], [2, 3], [4, 5]]


@pytest.mark.parametrize("name", ["a.npy", "a.fvecs", "a.parquet", "a.hdf5", "a.npz"])
def test_a_bad_element_of_an_array_is_named_by_row_and_place(written: Make, name: str) -> None:
    array = np.array([[1, 2], [math.nan, 2], [1, math.inf], [70_000, 1]], np.float32)
    makers: dict[str, Any] = {
        "a.npy": lambda path: np.save(path, array),
        "a.fvecs": vecs(*array.tolist()),
        "a.parquet": lambda path: pq.write_table(pa.table({"vector": list(array)}), path),
        "a.hdf5": lambda path: h5py.File(path, "w").update(train=array),
        "a.npz": lambda path: np.savez(path, vector=array),
    }
    path = written(name, makers[name])
    said = [
        'Row 2, "vector": element 1 is NaN.',
        'Row 3, "vector": element 2 is infinite.',
    ]
    assert faults_of(path, {"vector": Wanted("vector")}) == said
    too_much = 'Row 4, "vector": element 1, 70000.0, exceeds halfvec\'s range, 65504.'
    assert faults_of(path, {"vector": Wanted("halfvec")}) == [*said, too_much]
    assert plain(next(read_batches(path, {"vector": Wanted("vector")})).values["vector"])[1:3] == [None] * 2


def test_a_double_over_a_float_is_named(written: Make) -> None:
    path = written("a.npy", lambda p: np.save(p, np.array([[1.0, 1e39]])))
    assert faults_of(path, {"vector": Wanted("vector")}) == [
        'Row 1, "vector": element 2, 1e+39, exceeds the range of a 4-byte float, 3.4e38.'
    ]


@pytest.mark.parametrize("name", ["array.npy", "texmex.fvecs", "ann.hdf5", "arrays.npz"])
def test_an_array_of_another_length_is_refused_once(written: Make, name: str) -> None:
    with pytest.raises(RequestError, match='The vectors of "vector" have 2 numbers each; 3 are expected'):
        list(read_batches(written(name), {"vector": Wanted("vector", 3)}))


def test_the_refusal_keeps_its_type_where_no_sandbox_is_between(written: Make) -> None:
    with pytest.raises(DimensionMismatch):
        list(read_batches(written("array.npy", npy), {"vector": Wanted("vector", 3)}))


def test_lists_of_parquet_may_be_null_or_of_another_length(written: Make) -> None:
    lists = pa.array([[1, 2], None, [3]], pa.list_(pa.float32()))
    path = written("l.parquet", parquet(lists))
    assert plain(rows_of(list(read_batches(path, {"vector": Wanted("vector")})), "vector")) == [
        [1, 2],
        None,
        [3],
    ]
    assert faults_of(path, {"vector": Wanted("vector", 2)}) == [
        'Row 3, "vector": expected 2 numbers, found 1.'
    ]


def test_parquet_keeps_its_types(written: Make) -> None:
    table = pa.table(
        {
            "day": pa.array([10, None], pa.date32()),
            "at": pa.array([1_500_000, None], pa.timestamp("us", "Europe/Berlin")),
            "local": pa.array([1_500_000, None], pa.timestamp("us")),
            "price": pa.array(["1.50", None]).cast(pa.decimal128(10, 2)),
            "exact": pa.array(["1.50", None]).cast(pa.decimal128(30, 2)),
            "tags": [["a", "b"], None],
            "nested": [{"k": 1}, None],
            "yes": [True, None],
            "genre": pa.array(["Drama", None]).dictionary_encode(),
            "big": pa.array([2**63, None], pa.uint64()),
        }
    )
    path = written("t.parquet", lambda p: pq.write_table(table, p))
    found = contents(path)
    kinds = {column.name: column.kind for column in found.columns}
    assert kinds == {
        "day": "date",
        "at": "timestamp",
        "local": "timestamp",
        "price": "number",
        "exact": "text",
        "tags": "json",
        "nested": "json",
        "yes": "boolean",
        "genre": "text",
        "big": "integer",
    }
    assert found.notes == ('The times in "local" have no time zone; they are read as UTC.',)
    assert {column.nulls for column in found.columns} <= {1, None}
    batch = next(read_batches(path, {name: Wanted(kind) for name, kind in kinds.items()}))
    assert [f.reason for f in batch.faults] == [f"'{2**63}' is not a 64-bit integer"]
    first = {name: values[0] for name, values in batch.values.items()}
    assert first["tags"] == ["a", "b"]
    assert first["nested"] == {"k": 1}
    assert (first["price"], first["exact"], first["genre"]) == (1.5, "1.50", "Drama")
    assert first["at"] == first["local"]
    assert first["day"].isoformat() == "1970-01-11"


def test_tensors_and_uuids_of_parquet_are_vectors_and_their_text(written: Make) -> None:
    tensors = pa.ExtensionArray.from_storage(
        pa.fixed_shape_tensor(pa.float32(), (2,)), pa.FixedSizeListArray.from_arrays(FLAT, 2)
    )
    keys = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([bytes(16)] * 3, pa.binary(16)))
    raw = pa.array([b"\x00\xff", None, b""])
    path = written("x.parquet", lambda p: pq.write_table(pa.table({"k": keys, "v": tensors, "b": raw}), p))
    assert [(c.kind, c.dimensions) for c in contents(path).columns] == [
        ("text", None),
        ("vector", 2),
        ("text", None),
    ]
    batch = next(read_batches(path, {"k": Wanted(), "v": Wanted("vector", 2), "b": Wanted()}))
    assert plain(batch.values["v"]) == EXPECTED["vector"]
    assert batch.values["k"][0] == "00000000-0000-0000-0000-000000000000"
    assert batch.values["b"] == ["\\x00ff", None, "\\x"]


def test_times_of_any_resolution_are_read_to_the_microsecond(written: Make) -> None:
    times = {unit: pa.array([1], pa.int64()).cast(pa.timestamp(unit, "UTC")) for unit in ("s", "ms", "ns")}
    path = written("t.parquet", lambda p: pq.write_table(pa.table(times), p))
    kinds = {column.name: Wanted(column.kind) for column in contents(path).columns}
    assert {wanted.kind for wanted in kinds.values()} == {"timestamp"}
    batch = next(read_batches(path, kinds))
    assert [values[0].isoformat()[17:] for values in batch.values.values()] == ["01", "00.001000", "00"]


def test_the_queries_of_an_ann_benchmarks_file_come_with_their_neighbours(written: Make) -> None:
    path = written("ann.hdf5", hdf5)
    found = contents(path)
    assert (found.dataset, found.distance) == ("train", "angular")
    assert [(d.name, d.shape) for d in found.datasets] == [
        ("distances", (2, 2)),
        ("neighbors", (2, 2)),
        ("test", (2, 2)),
        ("train", (3, 2)),
    ]
    queries = contents(path, dataset="test")
    kinds = {column.name: column.kind for column in queries.columns}
    assert kinds == {"vector": "vector", "neighbors": "integers", "distances": "numbers"}
    batch = next(read_batches(path, {n: Wanted(k) for n, k in kinds.items()}, dataset="test"))
    assert plain(batch.values["neighbors"]) == [[0, 2], [1, 0]]
    assert plain(batch.values["distances"]) == [[0, 0.5], [0, 0.25]]
    with pytest.raises(RequestError, match='Missing column "gone"; found "distances"'):
        contents(path, dataset="gone")


@pytest.mark.parametrize("name", WRITTEN)
def test_a_column_that_is_not_there_is_named_with_those_that_are(written: Make, name: str) -> None:
    path = written(name)
    if recognised(path).key == "json":  # an object may leave out any name
        assert rows_of(list(read_batches(path, {"gone": Wanted()})), "gone") == [None] * 3
        return
    with pytest.raises(RequestError, match=r'Missing column "gone"; found ".*vector"'):
        list(read_batches(path, {"gone": Wanted()}))


def test_odd_names_travel_as_they_are(written: Make) -> None:
    names = ['Odd "name" 100%', "a:b", "späť", "\U0001f600", "a\nb", ""]
    path = written("o.json", json.dumps([dict.fromkeys(names, 1)]))
    assert [column.name for column in contents(path).columns] == names
    batch = next(read_batches(path, dict.fromkeys(names, Wanted("integer"))))
    assert [plain(batch.values[name]) for name in names] == [[1]] * 6


def test_a_name_that_first_comes_late_has_nulls_before(written: Make) -> None:
    path = written("late.jsonl", '{"a": 1}\n' * 1500 + '{"b": 2}\n')
    columns = contents(path).columns
    assert columns == (
        FileColumn("a", "integer", nulls=1, sample=("1", "1", "1")),
        FileColumn("b", "integer", nulls=1500, sample=("2",)),
    )


def test_many_batches_join_up(written: Make) -> None:
    path = written("many.csv", "id\n" + "".join(f"{n}\n" for n in range(5000)))
    batches = list(read_batches(path, {"id": Wanted("integer")}, start_row=1500))
    assert len(batches) > 1
    assert [b.start for b in batches] == [
        1501 + sum(b.rows for b in batches[:n]) for n in range(len(batches))
    ]
    assert rows_of(batches, "id") == list(range(1500, 5000))


@pytest.mark.parametrize("chunk", [1, 5, 1 << 20])
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=5)), min_size=1))
def test_a_list_of_json_is_read_the_same_in_any_pieces(
    tmp_path: Path,
    values: list[Any],
    chunk: int,
) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([*values, 12, -3.5]), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonfile, "CHUNK_BYTES", chunk)
        records = [record for _, record in jsonfile.records(path)]
    assert records == [*values, *["is not an object with named values"] * 2]


@needs_movies
def test_the_movies_are_read_whole() -> None:
    found = contents(MOVIES)
    columns = {column.name: column for column in found.columns}
    assert (found.rows, len(found.first)) == (3201, 50)
    assert (columns["Title"].kind, columns["Release Date"].kind) == ("text", "date")
    assert columns["Release Date"].form == "%b %d %Y"
    assert columns["Major Genre"].nulls
    wanted = {name: Wanted(c.kind, form=c.form) for name, c in columns.items()}
    batches = list(read_batches(MOVIES, wanted))
    assert not [fault for batch in batches for fault in batch.faults]
    assert {"1941", "9", None} < set(rows_of(batches, "Title"))
