"""Indexes: none yet, several with what is known of them, one selected, one being built, and one refused."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import recall
from dashboard.identity import LOCAL
from dashboard.indexing.request import BuildRequest
from dashboard.inspection.findability import FindRequest
from dashboard.inspection.probing import find_rows
from dashboard.jobs import queue
from dashboard.jobs.worker import Worker
from db import disk, jobs
from db.engine import Database
from db.progress import Unrecorded
from tests.indexing.conftest import old_snapshot, vector_indexes
from tests.pages.conftest import forget_the_installation, open_app
from tests.pages.filled import COLUMN, fill_products, measure_products, widget
from tests.pages.test_inspection import shown

BROKEN = "CREATE INDEX CONCURRENTLY broken ON products USING hnsw (embedding vector_l2_ops)"


PART = (
    "CREATE INDEX part ON products USING hnsw ((embedding::halfvec(384)) halfvec_cosine_ops) WHERE id > 700"
)


@pytest.fixture
def products(served: Database) -> Database:
    """1,500 rows of products, with an index we have not made."""
    fill_products(served)
    return served


def inventory(app: AppTest) -> list[dict[str, object]]:
    return [dict(row) for _, row in app.dataframe[0].value.iterrows()]


def latest(database: Database) -> jobs.Job:
    with database.reading("test") as connection:
        return jobs.latest(connection)[0]


def test_without_vectors_the_page_offers_some(served: Database) -> None:
    with served.control("test") as connection:
        connection.exec_driver_sql("DROP TABLE products")
    app = open_app("indexes")
    assert not app.exception
    assert [button.label for button in app.button] == ["Load sample data"]


def test_without_an_index_search_is_said_to_be_exact(served: Database) -> None:
    fill_products(served, indexed=False)
    app = open_app("indexes")
    assert not app.exception
    assert "search is exact" in shown(app)
    assert widget(app, "build index").disabled is False
    assert "CREATE INDEX CONCURRENTLY vs_products_embedding_hnsw_" in app.code[0].value


def test_the_inventory_tells_what_is_known_of_each_index(products: Database) -> None:
    measure_products(products)
    app = open_app("indexes", c=COLUMN)
    assert not app.exception
    (row,) = inventory(app)
    assert row["state"] == ["✓ valid"]
    assert (row["index"], row["method"], row["distance"]) == ("products_hnsw", "hnsw", "cosine <=>")
    assert row["options"] == "m=16, efc=64"
    assert row["built"] == "unknown"
    assert 90 < float(str(row["of_forecast"])) < 110


def test_the_inventory_tells_of_parts_changed_options_dead_rows_caches_and_lost_rows(
    products: Database,
) -> None:
    with products.control("test") as connection:
        connection.exec_driver_sql(
            "DROP INDEX products_hnsw; ALTER TABLE products SET (autovacuum_enabled=off)"
        )
    whole = BuildRequest(COLUMN, "hnsw:m=4,ef_construction=8", distance="cosine", name="whole")
    queue.submit(products, LOCAL, "build_index", whole.to_params())
    assert Worker(products, lease_s=10).run_one()
    with products.control("test") as connection:
        connection.exec_driver_sql("ALTER INDEX whole SET (m = 32, ef_construction = 64)")
    asked = FindRequest(COLUMN, probes=40)
    find_rows(products, asked, Unrecorded(), created_by="local", job_id=None)
    with products.control("test") as connection:
        connection.exec_driver_sql(PART)
        connection.exec_driver_sql("ANALYZE products")
        connection.exec_driver_sql("DELETE FROM products WHERE id <= 500")
        connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
        connection.exec_driver_sql("SELECT 1")
    app = open_app("indexes", c=COLUMN)
    assert not app.exception
    frame = app.dataframe[0].value.set_index("index", drop=False)
    rows = {name: frame.loc[name] for name in ("whole", "part")}
    assert rows["whole"]["options"] == "m=4, efc=8 (now set: m=32, efc=64)"
    assert pd.isna(rows["whole"]["holds"])
    assert 0.5 < float(str(rows["whole"]["found"])) <= 1
    assert 0 < float(str(rows["whole"]["hits"])) <= 1
    assert rows["part"]["holds"] == "(embedding::halfvec(384)) WHERE id > 700"
    assert pd.isna(rows["part"]["of_forecast"])
    assert [row["dead"] for row in rows.values()] == [pytest.approx(1 / 3, abs=0.01)] * 2
    app = selected(app, "whole", list(frame.index))
    told = app.table[0].value.to_string()
    assert "33.3% of the table's" in told
    assert "n = 40, seed 42" in told


def test_an_invalid_index_is_told_with_its_remedy(products: Database) -> None:
    with old_snapshot(products), products.control("test") as connection:
        connection.exec_driver_sql("SET lock_timeout = '300ms'")
        with pytest.raises(Exception, match="lock timeout"):
            connection.exec_driver_sql(BROKEN)
        connection.exec_driver_sql("RESET lock_timeout")
    app = open_app("indexes", c=COLUMN)
    assert "broken is invalid" in shown(app)
    assert ["✕ invalid"] in [row["state"] for row in inventory(app)]
    assert "1 invalid" in [metric.delta for metric in app.metric]


def test_a_build_is_asked_for_carried_out_and_shown_as_ours(products: Database) -> None:
    app = open_app("indexes", c=COLUMN)
    widget(app, "index preset").set_value("Fast build").run()
    assert widget(app, "index option m").value == 8
    widget(app, "build index").click().run()
    assert not app.exception
    assert app.query_params["job"] == str(latest(products).id)
    assert Worker(products, lease_s=10).run_one()
    assert latest(products).state == "succeeded", latest(products).error
    app = open_app("indexes", c=COLUMN)
    widget(app, "refresh indexes").click().run()
    ours = inventory(app)[1]
    assert ours["state"] == ["✓ valid"]
    assert str(ours["built"]).startswith("local, ")


def test_an_option_changed_by_hand_is_no_preset_any_more(products: Database) -> None:
    app = open_app("indexes", c=COLUMN)
    widget(app, "index option m").set_value(20).run()
    assert widget(app, "index preset").value == "Custom"
    assert "m = 20" in app.code[0].value


def test_a_link_fills_the_form_in(products: Database) -> None:
    app = open_app("indexes", c=COLUMN, build="hnsw:m=10,ef_construction=30,as=halfvec", by="l2")
    assert not app.exception
    assert "halfvec_l2_ops" in app.code[0].value
    assert "m = 10, ef_construction = 30" in app.code[0].value


def test_a_link_that_cannot_be_read_is_told(products: Database) -> None:
    app = open_app("indexes", c=COLUMN, build="btree:m=10")
    assert "no index method 'btree'" in shown(app)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("index option ef_construction", 8, "below twice m"),
        ("index where", "price", "is not a filter"),
        ("index name", "x" * 64, "64 bytes"),
    ],
)
def test_what_cannot_be_built_is_told_beside_the_field(
    products: Database, field: str, value: object, told: str
) -> None:
    app = open_app("indexes", c=COLUMN)
    widget(app, field).set_value(value).run()
    assert not app.exception
    assert told in shown(app)
    assert all(button.key != "build index" for button in app.button)


def test_memory_that_does_not_suffice_is_red_and_can_be_raised(products: Database) -> None:
    app = open_app("indexes", c=COLUMN)
    widget(app, "index memory").set_value(1).run()
    assert "will not fit into maintenance_work_mem" in shown(app)
    widget(app, "use memory").click().run()
    assert "will not fit" not in shown(app)
    assert "SET maintenance_work_mem = '" in app.code[0].value
    widget(app, "index memory").set_value(1).run()
    widget(app, "try halfvec").click().run()
    assert "halfvec_cosine_ops" in app.code[0].value


def test_an_index_that_is_there_already_is_not_built_again(products: Database) -> None:
    request = BuildRequest(COLUMN, "hnsw:m=4,ef_construction=8", distance="cosine")
    queue.submit(products, LOCAL, "build_index", request.to_params())
    Worker(products, lease_s=10).run_one()
    app = open_app("indexes", c=COLUMN, build="hnsw:m=4,ef_construction=8", by="cosine")
    assert "is there already" in shown(app)
    assert widget(app, "build index").disabled


def test_a_partitioned_table_gets_the_statements_for_its_parts(served: Database) -> None:
    with served.control("test") as connection:
        connection.exec_driver_sql(
            "CREATE TABLE parted (region text, embedding vector(2)) PARTITION BY LIST (region)"
        )
        connection.exec_driver_sql("CREATE TABLE north PARTITION OF parted FOR VALUES IN ('north')")
        connection.exec_driver_sql("INSERT INTO parted VALUES ('north', '[1,2]'), ('north', '[2,1]')")
    app = open_app("indexes", c="public.parted.embedding")
    assert not app.exception
    assert "is partitioned" in shown(app)
    assert "ON ONLY public.parted" in app.code[0].value
    assert "ATTACH PARTITION" in app.code[0].value
    assert widget(app, "build index").disabled


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        ("CREATE VIEW odd AS SELECT id, embedding FROM products", "is a view"),
        ("CREATE TABLE odd (embedding vector)", "vectors of any length"),
        ("CREATE TABLE odd (embedding vector(3))", "0 rows cannot be indexed"),
        ("CREATE TABLE odd (embedding sparsevec(30))", "Forecast"),
        ("CREATE TABLE odd (embedding bit(30))", "Forecast"),
    ],
    ids=["view", "untyped", "empty", "sparse", "bit"],
)
def test_every_kind_of_table_has_a_page(products: Database, definition: str, told: str) -> None:
    with products.control("test") as connection:
        connection.exec_driver_sql(definition)
    app = open_app("indexes", c="public.odd.embedding")
    assert not app.exception
    assert told in shown(app)


def test_a_finished_job_is_shown_where_the_address_names_it(products: Database) -> None:
    request = BuildRequest(COLUMN, "hnsw:m=4,ef_construction=8", name="products_pkey")
    job_id = queue.submit(products, LOCAL, "build_index", request.to_params())
    Worker(products, lease_s=10).run_one()
    app = open_app("indexes", c=COLUMN, job=str(job_id))
    assert "is taken" in shown(app)
    assert list(vector_indexes(products)) == ["products_hnsw"]


def test_what_the_server_remarked_is_shown_of_a_build_that_failed(products: Database) -> None:
    request = BuildRequest(COLUMN, "hnsw:m=8,ef_construction=16", memory_mb=1, patience_s=1)
    job_id = queue.submit(products, LOCAL, "build_index", request.to_params())
    with old_snapshot(products):
        Worker(products, lease_s=10).run_one()
    app = open_app("indexes", c=COLUMN, job=str(job_id))
    assert "lock timeout" in shown(app)
    assert "The server remarked: hnsw graph no longer fits" in shown(app)


def test_recall_and_time_come_from_what_was_measured(products: Database) -> None:
    from dashboard.benchmark.plan import BenchmarkPlan
    from dashboard.benchmark.run import benchmark
    from dashboard.benchmark.trials import sweep
    from db.distance import Distance
    from db.forms import parse_spec
    from db.progress import Unrecorded

    plan = BenchmarkPlan(
        COLUMN, Distance.COSINE, sweep([parse_spec("hnsw")], {"ef_search": [40]}), queries=20
    )
    benchmark(products, plan, Unrecorded(), created_by="local", job_id=None, budget_bytes=2**30)
    app = open_app("indexes", c=COLUMN)
    (row,) = inventory(app)
    assert float(str(row["recall"])) > 0.5
    assert {metric.label: metric.value for metric in app.metric}["Time"] != "not timed"


def selected(app: AppTest, name: str, among: list[str]) -> AppTest:
    """Select the row of an index; ``among`` are all of the inventory, in its order."""
    rows = [among.index(name)]
    app.session_state[f"inventory {[f'public.{each}' for each in among]}"] = {
        "selection": {"rows": rows, "columns": [], "cells": []}
    }
    return app.run()


@pytest.fixture
def ample_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a slow machine ask as many queries as a fast one."""
    monkeypatch.setattr(recall, "BUDGET_S", 600)


@pytest.mark.usefixtures("ample_time")
def test_recall_is_measured_on_request_with_its_interval(products: Database) -> None:
    app = selected(open_app("indexes", c=COLUMN), "products_hnsw", ["products_hnsw"])
    assert "not measured" in app.table[0].value.to_string()
    app = widget(app, "recall now").click().run()
    assert not app.exception
    assert not app.error
    told = next(c.value for c in app.caption if "Recall@10" in c.value)
    assert re.search(
        r"0\.\d+ to \d\.\d+ with 95 % confidence\) over 100 rows of the table, seed 42, "
        r"at hnsw.ef_search = 40, in \d+\.\d s",
        told.replace("\\", ""),
    )
    assert float(str(inventory(app)[0]["recall"])) > 0.5


def test_a_recall_that_takes_too_long_is_handed_to_a_benchmark(
    products: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recall, "BUDGET_S", 0.001)
    app = selected(open_app("indexes", c=COLUMN), "products_hnsw", ["products_hnsw"])
    [error] = widget(app, "recall now").click().run().error
    assert "fewer than 10 fit into 0.001 s" in error.value
    assert "Measure it by a benchmark" in error.value


@pytest.mark.usefixtures("ample_time")
def test_an_index_the_planner_passes_by_is_not_measured_as_if_it_were_used(products: Database) -> None:
    with products.control("test") as connection:
        connection.exec_driver_sql(
            "CREATE INDEX products_lists ON products USING ivfflat (embedding vector_cosine_ops) "
            "WITH (lists = 20)"
        )
    app = open_app("indexes", c=COLUMN)
    names = [str(row["index"]) for row in inventory(app)]
    app = selected(app, "products_hnsw", names)
    app = widget(app, "recall now").click().run()
    [error] = app.error
    assert "The planner walks products\\_lists and not products\\_hnsw" in error.value


def test_the_index_of_a_partitioned_table_is_not_measured_as_one(served: Database) -> None:
    with served.control("test") as connection:
        connection.exec_driver_sql(
            "CREATE TABLE parted (region text, embedding vector(2)) PARTITION BY LIST (region)"
        )
        connection.exec_driver_sql("CREATE TABLE north PARTITION OF parted FOR VALUES IN ('north')")
        connection.exec_driver_sql("CREATE INDEX whole ON parted USING hnsw (embedding vector_l2_ops)")
    app = open_app("indexes", c="public.parted.embedding")
    names = [str(row["index"]) for row in inventory(app)]
    app = selected(app, "whole", names)
    assert not app.exception
    assert widget(app, "recall now").disabled


def test_somebody_elses_table_names_its_owner_and_what_to_hand_over(
    products: Database, installation: pytest.MonkeyPatch
) -> None:
    with products.control("test") as connection:
        connection.exec_driver_sql(
            "CREATE ROLE products_owner; CREATE ROLE products_guest LOGIN; "
            "ALTER TABLE products OWNER TO products_owner; GRANT SELECT ON products TO products_guest; "
            "GRANT USAGE ON SCHEMA vectorscope TO products_guest; "
            "GRANT SELECT ON ALL TABLES IN SCHEMA vectorscope TO products_guest"
        )
    guest = products.url.set(username="products_guest").render_as_string(hide_password=False)
    installation.setenv("DATABASE_URL", guest)
    forget_the_installation()
    try:
        app = open_app("indexes", c=COLUMN, build="hnsw:m=8,ef_construction=16")
        assert not app.exception
        told = shown(app).replace("\\", "")
        assert "public.products belongs to products_owner, and only its owner can index it" in told
        assert "this login is products_guest" in told
        assert "Hand this to products_owner" in told
        assert any("CREATE INDEX CONCURRENTLY" in code.value for code in app.code)
        assert widget(app, "build index").disabled
    finally:
        forget_the_installation()
        with products.control("test") as connection:
            connection.exec_driver_sql("DROP OWNED BY products_owner, products_guest CASCADE")
            connection.exec_driver_sql("DROP ROLE products_owner, products_guest")


def test_a_trial_build_tells_how_long_the_whole_takes(products: Database) -> None:
    app = open_app("indexes", c=COLUMN)
    assert "not timed" in [metric.value for metric in app.metric]
    widget(app, "trial build").click().run()
    assert Worker(products, lease_s=10).run_one()
    assert latest(products).state == "succeeded", latest(products).error
    app = open_app("indexes", c=COLUMN)
    widget(app, "refresh indexes").click().run()
    assert not app.exception
    shown_of = {metric.label: metric.value for metric in app.metric}
    assert re.fullmatch(r"~[\d.]+ ms", shown_of["A row inserted"])
    assert re.fullmatch(r"~.* s", shown_of["Time"])


def test_a_disk_too_small_for_the_index_is_red(products: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    app = open_app("indexes", c=COLUMN)
    assert re.fullmatch(r"[\d.]+ [MGT]B", {metric.label: metric.value for metric in app.metric}["Free disk"])
    assert "no room" not in shown(app)
    monkeypatch.setattr(disk, "free_bytes", lambda _: 4 * 2**20)
    app = open_app("indexes", c=COLUMN)
    widget(app, "refresh indexes").click().run()
    assert not app.exception
    assert "The disk has no room for this index." in " ".join(error.value for error in app.error)


def test_a_database_that_went_away_is_told(products: Database, installation: pytest.MonkeyPatch) -> None:
    from tests.pages.conftest import forget_the_installation

    installation.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    forget_the_installation()
    app = open_app("indexes")
    assert not app.exception
    assert "does not answer" in shown(app)
