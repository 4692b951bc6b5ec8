"""The overview in the states a database can be in."""

import pytest
from sqlalchemy import text

from db.engine import Database
from tests.pages.conftest import open_app

TWO_COLUMNS = """
CREATE TABLE items (id bigint PRIMARY KEY, embedding vector(3));
INSERT INTO items SELECT i, ARRAY[i, 1, 1]::vector FROM generate_series(1, 300) AS i;
CREATE INDEX items_hnsw ON items USING hnsw (embedding vector_l2_ops);
CREATE TABLE "Odd Name" (id int PRIMARY KEY, v halfvec(2));
INSERT INTO "Odd Name" VALUES (1, '[1,2]');
"""


@pytest.fixture
def filled(served: Database) -> Database:
    """Two columns: one with an HNSW index, one with an odd name and none."""
    with served.writing("test") as connection, connection.begin():
        connection.execute(text(TWO_COLUMNS))
    return served


def test_an_empty_database_offers_sample_data(served: Database) -> None:
    app = open_app()
    assert "Load sample data" in [button.label for button in app.button]
    assert app.metric[0].value == "0"


def test_the_tiles_count_rows_columns_and_valid_indexes(filled: Database) -> None:
    values = {metric.label: metric.value for metric in open_app().metric}
    assert values == {
        "Vectors": "301",
        "Vector columns": "3",
        "Valid indexes": "1 / 1",
        "Gain of an index": "none yet",
    }


def test_the_table_names_every_column_with_its_state_and_indexes(filled: Database) -> None:
    frame = open_app().dataframe[0].value
    by_name = frame.set_index("column")
    assert by_name.loc["public.items.embedding", "state"] == ["✓ indexed"]
    assert by_name.loc["public.items.embedding", "indexes"] == ["items_hnsw · hnsw l2"]
    assert by_name.loc['public."Odd Name".v', "state"] == ["○ exact only"]
    assert by_name.loc["public.products.embedding", "state"] == ["∅ empty"]


def test_a_selected_column_can_be_searched_and_measured(filled: Database) -> None:
    app = open_app()
    app.session_state["vector columns"] = {"selection": {"rows": [1], "columns": [], "cells": []}}
    labels = [button.label for button in app.run().button]
    assert {"Search it", "Measure it"} <= set(labels)


def test_an_invalid_index_is_the_next_thing_to_repair(filled: Database) -> None:
    with filled.writing("test") as connection, connection.begin():
        connection.execute(
            text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'items_hnsw'::regclass")
        )
    app = open_app()
    assert any("`items_hnsw` is invalid" in element.value for element in app.markdown)
    assert {metric.label: metric.value for metric in app.metric}["Valid indexes"] == "0 / 1"
