"""A row finds itself through the index, or there is a reason that can be shown."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Connection, event, text

from db.catalog import ColumnInfo, find_column
from db.distance import Distance
from db.engine import Database
from db.errors import RequestError
from db.nearest import SearchSettings
from db.selffind import Reason, probe_many, self_find, serving_indexes
from tests.db.conftest import run

Find = Callable[[str], ColumnInfo]

WIDE = SearchSettings(ef_search=400)
MADE = """
CREATE TABLE alike (id uuid PRIMARY KEY, kind text, embedding vector(4));
-- Sixty copies of one row, far from a hundred others.
INSERT INTO alike
SELECT ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid,
       CASE WHEN i % 2 = 0 THEN 'a%b' ELSE 'odd' END,
       CASE WHEN i <= 60 THEN '[1,2,3,4]' ELSE ARRAY[-i, i % 7, i % 11, 1]::vector END
FROM generate_series(1, 160) AS i;
CREATE INDEX alike_l2 ON alike USING hnsw (embedding vector_l2_ops);
CREATE INDEX alike_ip ON alike USING hnsw (embedding vector_ip_ops);
CREATE INDEX alike_part ON alike USING hnsw (embedding vector_cosine_ops) WHERE kind LIKE 'a%b';
CREATE TABLE lists (id int PRIMARY KEY, embedding vector(2));
INSERT INTO lists SELECT i, ARRAY[i % 40, i / 40]::vector FROM generate_series(0, 799) AS i;
CREATE INDEX lists_ivf ON lists USING ivfflat (embedding vector_l2_ops) WITH (lists = 20);
"""


def uuid(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


@pytest.fixture
def made(database: Database) -> Iterator[Connection]:
    with database.control("tests") as connection:
        run(connection, MADE)
    with database.reading("tests") as connection:
        yield connection


def test_a_row_comes_back_first(reading: Connection, items: ColumnInfo) -> None:
    found = self_find(reading, items, Distance.COSINE, "7", settings=WIDE)
    assert (found.found, found.reason, found.rank, found.ties) == (True, Reason.FOUND, 1, 0)
    assert found.nearest_distance == pytest.approx(0, abs=1e-6)
    assert found.index is not None
    assert (found.index.name, found.setting, found.enough) == ("items_embedding_hnsw", 400, 400)


@pytest.mark.parametrize(
    ("distance", "key", "reason"),
    [
        (Distance.COSINE, "501", Reason.NULL),
        (Distance.COSINE, "502", Reason.ZERO),
        (Distance.L2, "7", Reason.NO_INDEX),
    ],
)
def test_some_rows_are_in_no_index(
    reading: Connection, items: ColumnInfo, distance: Distance, key: str, reason: Reason
) -> None:
    found = self_find(reading, items, distance, key)
    assert (found.found, found.reason, found.index) == (False, reason, None)


def test_a_row_that_is_not_there_is_refused(reading: Connection, items: ColumnInfo) -> None:
    with pytest.raises(RequestError, match="no row 4001"):
        self_find(reading, items, Distance.COSINE, "4001")


def test_a_low_setting_is_named_with_the_one_that_is_enough(reading: Connection, items: ColumnInfo) -> None:
    narrow = SearchSettings(ef_search=1)
    rows = reading.execute(
        text("SELECT id::text, embedding::text FROM items WHERE id % 500 > 2 LIMIT 400")
    ).all()
    probes = probe_many(reading, items, Distance.COSINE, [(r[0], r[1]) for r in rows], narrow, k=1)
    lost = next(probe.key for probe in probes if not probe.found)
    found = self_find(reading, items, Distance.COSINE, lost, settings=narrow, k=1)
    assert (found.found, found.reason) == (False, Reason.EF_SEARCH)
    assert found.setting == 1
    assert found.enough is not None
    enough = SearchSettings(ef_search=found.enough)
    again = self_find(reading, items, Distance.COSINE, lost, settings=enough, k=1)
    assert again.found


def test_copies_in_a_rows_place_are_as_good_as_the_row(made: Connection) -> None:
    column = find_column(made, "alike.embedding")
    found = [self_find(made, column, Distance.L2, uuid(number)) for number in range(1, 61)]
    assert all(each.found for each in found)
    crowded = [each for each in found if each.reason is Reason.DUPLICATES]
    assert len(crowded) == 50
    assert {(each.rank, each.ties, each.nearest_distance) for each in crowded} == {(None, 10, 0.0)}


def test_by_inner_product_longer_rows_may_come_first(made: Connection) -> None:
    column = find_column(made, "alike.embedding")
    found = self_find(made, column, Distance.INNER_PRODUCT, uuid(61), settings=WIDE)
    assert (found.found, found.reason, found.rank) == (True, Reason.OUTRANKED, None)


def test_a_partial_index_holds_some_rows_only(made: Connection) -> None:
    column = find_column(made, "alike.embedding")
    held = self_find(made, column, Distance.COSINE, uuid(100).upper())
    assert (held.found, held.reason) == (True, Reason.FOUND)
    assert held.index is not None
    assert held.index.name == "alike_part"
    left_out = self_find(made, column, Distance.COSINE, uuid(101))
    assert (left_out.found, left_out.reason) == (False, Reason.NOT_IN_INDEX)
    with pytest.raises(RequestError, match="for every row"):
        list(probe_many(made, column, Distance.COSINE, [(uuid(100), "[1,2,3,4]")]))


def test_an_ivfflat_index_looks_in_the_rows_own_list(made: Connection) -> None:
    column = find_column(made, "lists.embedding")
    found = self_find(made, column, Distance.L2, "333")
    assert (found.reason, found.rank, found.setting) == (Reason.FOUND, 1, 1)


def test_many_rows_are_asked_for_in_their_order(reading: Connection, items: ColumnInfo) -> None:
    rows = reading.execute(
        text("SELECT id::text, embedding::text FROM items WHERE vector_norm(embedding) > 0 LIMIT 120")
    ).all()
    probes = list(probe_many(reading, items, Distance.COSINE, [(r[0], r[1]) for r in rows], WIDE))
    assert [probe.key for probe in probes] == [row[0] for row in rows]
    assert sum(probe.found for probe in probes) >= 115
    assert reading.scalar(text("SHOW enable_seqscan")) == "on"


def test_a_statement_is_made_once_for_all_rows(reading: Connection, items: ColumnInfo) -> None:
    made: list[object] = []
    event.listen(reading, "before_execute", lambda _connection, clause, *_: made.append(clause))
    rows = [(str(number), "[1,2,3,4,5,6,7,8]") for number in range(40)]
    assert len(list(probe_many(reading, items, Distance.COSINE, rows, WIDE))) == 40
    assert len(made) < 5  # the settings, and the plan that is looked at


def test_a_row_asked_for_by_a_foreign_vector_is_not_found(reading: Connection, items: ColumnInfo) -> None:
    probe, nothing = probe_many(
        reading, items, Distance.COSINE, [("7", "[-9,9,-9,9,-9,9,-9,9]"), ("8", "[0,0,0,0,0,0,0,0]")], WIDE
    )
    assert not probe.found
    assert probe.nearest_distance is not None
    assert probe.nearest_distance > 0.01
    assert not nothing.found


def test_every_kind_of_column_is_asked(column: Find, reading: Connection) -> None:
    parted = column("parted.embedding")
    assert [index.name for index in serving_indexes(parted, Distance.L2)] == ["parted_hnsw"]
    key = reading.scalar(
        text("SELECT json_build_array(tableoid::text, ctid::text)::text FROM parted LIMIT 1")
    )
    assert self_find(reading, parted, Distance.L2, str(key)).reason is Reason.FOUND
    assert self_find(
        reading, column('"We ""ird"."T %:x; --"."Em ""bed%"'), Distance.L2, '["k%1\\\\\'", 1]'
    ).reason in {Reason.NO_INDEX}
