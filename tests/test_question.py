"""A question is answered exactly, and through an index where there is one that a search can use."""

from dashboard.question import Question, answer, serving_methods
from db.catalog import find_column
from db.distance import Distance
from db.engine import Database
from db.nearest import SearchSettings

TABLE = """
CREATE TABLE t (id int PRIMARY KEY, e vector(2));
INSERT INTO t SELECT i, ARRAY[i, 1]::vector FROM generate_series(1, 20) AS i;
CREATE INDEX ON t USING hnsw ((e::halfvec(2)) halfvec_l2_ops);
"""


def test_an_index_over_an_expression_serves_no_search(database: Database) -> None:
    with database.control("tests") as connection:
        connection.exec_driver_sql(TABLE)
    with database.reading("tests") as connection:
        column = find_column(connection, "t.e")

    assert column.indexes
    assert serving_methods(column, Distance.L2) == ()
    found = answer(database, column, Question("Vector", "[1,1]", Distance.L2, 5, SearchSettings(), ()))
    assert found.index is None
