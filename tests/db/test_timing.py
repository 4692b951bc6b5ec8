from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import Boolean, Column, Connection, Integer, MetaData, Table, func, select, text
from sqlalchemy.exc import DBAPIError

from db.arms import MISSING, Arm, Search
from db.columns import VECTOR_TYPES
from db.distance import Distance
from db.engine import Database
from db.forms import parse_spec
from db.timing import Answers, as_text, ask, asking

ROWS = 300


def rows_of(vector_type: str) -> Table:
    kind = VECTOR_TYPES[vector_type](2)  # type: ignore[call-arg]
    return Table(f"line_{vector_type}", MetaData(), Column("position", Integer), Column("embedding", kind))


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """A job's connection to tables of points on a line, indexed by HNSW."""
    with database.writing("tests") as connection:
        with connection.begin():
            for vector_type in ("vector", "halfvec"):
                rows_of(vector_type).create(connection)
                connection.execute(
                    text(
                        f"INSERT INTO line_{vector_type} SELECT i, ARRAY[i, 0]::{vector_type} "
                        f"FROM generate_series(0, {ROWS - 1}) AS i;"
                        f"CREATE INDEX line_{vector_type}_hnsw ON line_{vector_type} "
                        f"USING hnsw (embedding {vector_type}_l2_ops); ANALYZE"
                    )
                )
        yield connection


def texts(*points: float) -> list[bytes]:
    return [as_text(np.array([point, 0], np.float32)) for point in points]


@pytest.mark.parametrize("vector_type", ["vector", "halfvec"])
def test_positions_come_nearest_first_and_every_query_is_timed(
    connection: Connection, vector_type: str
) -> None:
    search = Search(rows_of(vector_type), Distance.L2, 3)
    with asking(connection, [Arm(search, {})], texts(10.2, 200.9)) as asker:
        answers = asker.ask(0, [1, 0])

    assert answers.found.tolist() == [[201, 200, 202], [10, 11, 9]]
    assert answers.latencies_ms.shape == (2,)
    assert (answers.latencies_ms > 0).all()


def test_rows_that_do_not_come_back_are_missing(connection: Connection) -> None:
    settings = {"hnsw.ef_search": "2", "enable_seqscan": "off"}
    with asking(connection, [Arm(Search(rows_of("vector"), Distance.L2, 5), settings)], texts(10)) as asker:
        assert asker.ask(0, [0]).found[0, 2:].tolist() == [MISSING] * 3
        assert asker.ask_exactly(0, [0]).found[0, 0] == 10
        assert MISSING not in asker.ask_exactly(0, [0]).found


def test_new_settings_reach_a_search_that_is_prepared_already(connection: Connection) -> None:
    search = Search(rows_of("vector"), Distance.L2, 3)
    with asking(connection, [Arm(search, {"enable_indexscan": "off"})], texts(10)) as asker:
        for _ in range(7):  # from the sixth on, a prepared statement may keep one plan for good
            asker.ask(0, [0])
        assert asker.plan(0).scan.node_type == "Seq Scan"

        asker.require(0, {"enable_indexscan": "on", "enable_seqscan": "off"})

        assert asker.plan(0).uses_index("line_vector_hnsw")


def test_arms_asked_in_turns_keep_their_own_settings(connection: Connection) -> None:
    search = Search(rows_of("vector"), Distance.L2, 5)
    narrow, wide = ({"hnsw.ef_search": value, "enable_seqscan": "off"} for value in ("2", "80"))
    with asking(connection, [Arm(search, narrow), Arm(search, wide), Arm(search, {})], texts(10)) as asker:
        for _ in range(8):
            found = [(asker.ask(arm, [0]).found != MISSING).sum() for arm in (0, 1)]
            assert found == [2, 5]
        asker.plan(2)
        assert connection.execute(select(func.current_setting("hnsw.ef_search"))).scalar_one() == "40"
        assert connection.execute(select(func.current_setting("enable_seqscan"))).scalar_one() == "on"


@pytest.mark.parametrize(
    ("form", "held"), [("halfvec", "halfvec(2)"), ("bit", "bit(2)"), ("subvector,subvector=1", "vector(1)")]
)
def test_a_search_goes_through_an_index_over_a_form_and_orders_by_the_true_distance(
    connection: Connection, form: str, held: str
) -> None:
    spec, rows = parse_spec(f"hnsw:as={form}"), rows_of("vector")
    index = spec.on(rows, "embedding", "vector", 2, Distance.L2, name="over_a_form")
    search = Search(rows, Distance.L2, 3, spec.form)
    with connection.begin():
        index.create(connection)
        assert held in str(
            connection.execute(text("SELECT pg_get_indexdef('over_a_form'::regclass)")).scalar()
        )
    settings = {"enable_seqscan": "off", "hnsw.ef_search": "400"}
    with asking(connection, [Arm(search, settings)], texts(10.2)) as asker:
        assert asker.plan(0).uses_index("over_a_form")
        found, exact = asker.ask(0, [0]).found, asker.ask_exactly(0, [0]).found
    assert exact.tolist() == [[10, 11, 9]]
    if "bit" not in form:  # every point on a line has the same signs: candidates are drawn blindly
        assert found.tolist() == exact.tolist()


def test_a_search_may_be_limited_to_marked_rows(connection: Connection) -> None:
    marked = rows_of("vector").to_metadata(MetaData(), name="marked")
    marked.append_column(Column("even", Boolean))
    with connection.begin():
        connection.execute(text("CREATE TABLE marked AS SELECT *, position % 2 = 0 AS even FROM line_vector"))
    search = Search(marked, Distance.L2, 3, only="even")
    with asking(connection, [Arm(search, {})], texts(10.2)) as asker:
        assert asker.ask(0, [0]).found.tolist() == [[10, 12, 8]]
        assert asker.ask_exactly(0, [0]).found.tolist() == [[10, 12, 8]]


def test_exact_search_reads_every_row_whatever_the_settings(connection: Connection) -> None:
    search = Search(rows_of("vector"), Distance.L2, 3)
    before = text("SELECT idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'line_vector'")
    with asking(connection, [Arm(search, {"enable_seqscan": "off"})], texts(10)) as asker:
        asker.ask_exactly(0, [0] * 5)
        assert connection.execute(before).scalar_one() == 0
        asker.ask(0, [0] * 5)
        assert connection.execute(before).scalar_one() == 5


def test_settings_end_with_the_search(connection: Connection) -> None:
    search = Search(rows_of("vector"), Distance.L2, 3)
    with asking(connection, [Arm(search, {"hnsw.ef_search": "77"})], texts(1)):
        assert connection.execute(select(func.current_setting("hnsw.ef_search"))).scalar_one() == "77"
    with connection.begin():
        assert connection.execute(select(func.current_setting("hnsw.ef_search"))).scalar_one() == "40"


def test_what_the_server_refuses_is_raised_as_by_sqlalchemy(connection: Connection) -> None:
    with pytest.raises(DBAPIError) as refusal, connection.begin():
        ask(connection, [b"SELECT 1 / 0"], k=1)
    assert refusal.value.orig is not None
    assert not refusal.value.connection_invalidated


def test_a_vector_is_written_so_that_it_is_read_back_the_same(connection: Connection) -> None:
    random = np.random.default_rng(0)
    vector = np.concatenate([random.standard_normal(200), [0.1, 1 / 3, 1e-38, 3.4e38, -1e-7]]).astype(
        np.float32
    )
    with connection.begin():
        cast = text("SELECT CAST(:written AS vector)::real[]")
        back = connection.execute(cast, {"written": as_text(vector).decode()}).scalar_one()

    assert np.array(back, np.float32).tolist() == vector.tolist()


def test_answers_are_joined_in_order() -> None:
    first = Answers(np.array([1.0]), np.array([[1, 2]]))
    second = Answers(np.array([2.0, 3.0]), np.array([[3, 4], [5, 6]]))

    joined = Answers.joined([first, second])

    assert joined.latencies_ms.tolist() == [1, 2, 3]
    assert joined.found.tolist() == [[1, 2], [3, 4], [5, 6]]
