"""Parts of the Data page: what takes too long, or may not be read, does not stand in the way of the rest."""

from __future__ import annotations

import pytest

from dashboard.ui import data_reads
from db.engine import Database
from tests.pages.conftest import forget_the_installation, open_app
from tests.pages.filled import widget


def test_counting_exactly_that_takes_too_long_is_given_up_and_the_page_goes_on(
    served: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served.control("tests") as connection:
        for statement in (
            "CREATE TABLE few (id int PRIMARY KEY, kind text, e vector(2))",
            "INSERT INTO few SELECT i, 'kind ' || i % 2, ARRAY[i, 1]::vector FROM generate_series(1, 6) AS i",
            "CREATE VIEW sleepy AS SELECT * FROM few WHERE pg_sleep(0.25) IS NOT NULL",
        ):
            connection.exec_driver_sql(statement.replace("%", "%%"))
    monkeypatch.setattr(data_reads, "PATIENCE_S", 1)
    app = open_app("data", c="public.sleepy.e")
    pressed = widget(app, "exact kind").click().run()
    told = " ".join(caption.value for caption in pressed.caption)
    assert "was given up: filter first" in told
    assert not pressed.error
    assert widget(pressed, "exact e")  # the facet after it is there


def test_a_column_that_takes_too_long_to_read_whole_is_given_up_and_can_be_asked_again(
    served: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served.control("tests") as connection:
        for statement in (
            "CREATE TABLE few (id int PRIMARY KEY, kind text, e vector(2))",
            "INSERT INTO few VALUES (1, 'kind', '[1,1]'), (2, 'kind', '[2,1]'), (3, 'kind', '[3,1]')",
            "CREATE VIEW sleepy AS SELECT * FROM few WHERE pg_sleep(0.4) IS NOT NULL",
        ):
            connection.exec_driver_sql(statement)
    monkeypatch.setattr(data_reads, "PATIENCE_S", 1)
    app = open_app("data", c="public.sleepy.e")
    app.session_state["statistics public.sleepy.e"] = {
        "selection": {"rows": [], "columns": [], "cells": [[1, "Column"]]}
    }
    pressed = widget(app.run(), "exact statistics").click().run()
    assert [toast.value for toast in pressed.toast] == ["Counting took over 1 s and was given up."]
    assert not pressed.error
    assert widget(pressed, "exact statistics").label == "Count kind exactly"
    assert not pressed.run().toast  # it is not asked again by itself


def test_columns_that_may_not_be_read_are_named_with_the_grant(
    served: Database, installation: pytest.MonkeyPatch
) -> None:
    with served.control("tests") as connection:
        for statement in (
            'CREATE TABLE staff (id int PRIMARY KEY, name text, "pay %" int, e vector(2))',
            "INSERT INTO staff VALUES (1, 'Ada', 7, '[1,2]')",
            "CREATE ROLE clerk LOGIN",
            "GRANT SELECT (id, name, e) ON staff TO clerk",
        ):
            connection.exec_driver_sql(statement.replace("%", "%%"))
    installation.setenv(
        "DATABASE_READ_URL", served.url.set(username="clerk").render_as_string(hide_password=False)
    )
    forget_the_installation()
    try:
        app = open_app("data", c="public.staff.e")
        assert list(app.dataframe[0].value["name"]) == ["Ada"]
        assert 'GRANT SELECT ("pay %") ON public.staff TO clerk;' in [code.value for code in app.code]
        assert not app.error
    finally:
        with served.control("tests") as connection:
            connection.exec_driver_sql("DROP OWNED BY clerk; DROP ROLE clerk")
