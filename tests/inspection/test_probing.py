"""Findability of real indexes: what comes back, what does not, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import text

from dashboard.inspection import probing
from dashboard.inspection.findability import KIND, Findability, FindRequest, Rung
from dashboard.inspection.probing import BATCH, UNEXAMINED, find_rows
from db import inspections
from db.catalog import find_column
from db.engine import Database
from db.errors import Cancelled, RequestError
from db.progress import Progress, Unrecorded
from db.selffind import Reason

_TRANSACTION = text(
    "SELECT xact_start FROM pg_stat_activity WHERE application_name = 'vectorscope:findability'"
)


def ask(database: Database, column: str, **wanted: object) -> Findability:
    """Ask for a column's rows, and read the result back as it is kept."""
    request = FindRequest(column, **{"probes": 300, **wanted})  # type: ignore[arg-type]
    find_rows(database, request, Unrecorded(), created_by="ada", job_id=None)
    with database.reading("tests") as connection:
        stored = inspections.latest(connection, find_column(connection, column), KIND)
    assert stored is not None
    assert FindRequest.from_params(stored.params) == request
    return Findability.from_document(stored.result)


@contextmanager
def weak_searches(database: Database) -> Iterator[None]:
    """Let the server keep one candidate only, so that rows are lost."""
    with database.control("tests") as connection:
        connection.exec_driver_sql("ALTER ROLE CURRENT_USER IN DATABASE shop SET hnsw.ef_search = 1")
    database.dispose()
    try:
        yield
    finally:
        with database.control("tests") as connection:
            connection.exec_driver_sql("ALTER ROLE CURRENT_USER IN DATABASE shop RESET hnsw.ef_search")
        database.dispose()


@pytest.fixture(scope="module")
def nasty(shop: Database) -> Findability:
    return ask(shop, "public.nasty.embedding")


def test_as_good_as_every_row_of_a_healthy_column_is_found(shop: Database) -> None:
    found = ask(shop, "public.healthy.embedding")
    assert (found.index, found.parameter, found.setting) == ("healthy_hnsw", "ef_search", 40)
    assert found.probes == 300
    assert found.found >= 297
    assert found.interval.low <= found.share <= found.interval.high


def test_every_setting_is_asked_the_same_probes(shop: Database) -> None:
    found = ask(shop, "public.healthy.embedding", probes=60)
    assert [rung.setting for rung in found.rungs] == [20, 40, 80, 160, 320]
    assert all(0 <= rung.found <= 60 and rung.search_ms > 0 for rung in found.rungs)
    assert found.current.found == found.found


def test_zero_vectors_are_lost_to_cosine_and_copies_stand_before_each_other(nasty: Findability) -> None:
    reasons = {word: rows for word, rows, _ in nasty.reasons}
    assert reasons[Reason.ZERO.value] == sum(row.reason == Reason.ZERO.value for row in nasty.lost) > 0
    assert reasons[Reason.DUPLICATES.value] == nasty.shadowed > 0
    assert {remedy for word, _, remedy in nasty.reasons if word != UNEXAMINED}.isdisjoint({""})
    lost = sum(rows for word, rows in reasons.items() if word != Reason.DUPLICATES.value)
    assert lost == nasty.probes - nasty.found


def test_probes_are_grouped_by_a_column_of_few_values_that_was_chosen(nasty: Findability) -> None:
    assert nasty.facet == "kind"
    groups = {group.value: group for group in nasty.groups}
    assert groups["zero"].lost == groups["zero"].probes
    assert sum(group.probes for group in nasty.groups) == nasty.probes
    assert sum(group.lost for group in nasty.groups) == nasty.probes - nasty.found
    shares = [group.lost / group.probes for group in nasty.groups]
    assert shares == sorted(shares, reverse=True)


def test_the_facet_may_be_named_or_done_without(shop: Database) -> None:
    found = ask(shop, "public.healthy.embedding", probes=100, facet="brand")
    assert found.facet == "brand"
    assert len(found.groups) == probing.GROUPS + 1
    assert found.groups[-1].value.endswith(" others")  # type: ignore[union-attr]
    assert ask(shop, "public.healthy.embedding", probes=20, facet="").groups == ()


def test_an_ivfflat_index_is_asked_by_probes_up_to_its_lists(shop: Database) -> None:
    found = ask(shop, "public.lists.embedding", probes=50)
    assert (found.method, found.parameter, found.setting) == ("ivfflat", "probes", 1)
    assert [rung.setting for rung in found.rungs] == [1, 2, 4]
    assert found.found == 50


@pytest.mark.parametrize(
    ("rungs", "setting", "best"),
    [
        ([(20, 90), (40, 95), (80, 99), (160, 99)], 40, 80),
        ([(40, 99), (80, 99)], 40, None),
        ([(20, 99), (40, 98)], 40, 20),
    ],
)
def test_the_remedy_is_the_cheapest_setting_that_finds_most(
    nasty: Findability, rungs: list[tuple[int, int]], setting: int, best: int | None
) -> None:
    document = nasty.to_document() | {
        "setting": setting,
        "found": dict(rungs)[setting],
        "rungs": [{"setting": s, "found": f, "search_ms": 1.0} for s, f in rungs],
    }
    remedy = Findability.from_document(document).remedy
    assert remedy == (None if best is None else Rung(best, dict(rungs)[best], 1.0))


def test_reasons_are_looked_for_as_long_as_there_is_time(
    shop: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "EXAMINE_S", 0)
    # Of 200 rows a graph may happen to find every one; of all of them none did.
    with weak_searches(shop):
        found = ask(shop, "public.healthy.embedding", probes=1_500)
    assert found.setting == 1
    assert found.found < 1_500
    assert {row.reason for row in found.lost} == {UNEXAMINED}
    assert found.remedy is not None


@pytest.mark.parametrize(
    ("column", "distance"),
    [("public.healthy.embedding", "l2"), ("public.bare.embedding", "cosine")],
)
def test_without_an_index_that_holds_every_row_there_is_nothing_to_ask(
    shop: Database, column: str, distance: str
) -> None:
    with pytest.raises(RequestError, match=r"No index on .* for every row"):
        ask(shop, column, distance=distance)


@pytest.mark.parametrize("probes", [0, 20_001])
def test_no_probes_or_too_many_are_refused(probes: int) -> None:
    with pytest.raises(RequestError, match="cannot be asked"):
        FindRequest("public.things.embedding", probes=probes)


def test_it_stops_when_asked_to_and_tells_how_far_it_is(shop: Database) -> None:
    told: list[Progress] = []

    class Stopping(Unrecorded):
        def tell(self, progress: Progress) -> None:
            told.append(progress)
            if progress.done >= 100:
                raise Cancelled("stop")

    request = FindRequest("public.healthy.embedding", probes=60)
    with pytest.raises(Cancelled):
        find_rows(shop, request, Stopping(), created_by="ada", job_id=None)
    assert (told[-1].done, told[-1].total) == (100, 300)


def test_no_transaction_stays_open_from_one_row_to_the_next(shop: Database) -> None:
    """A snapshot that is held keeps the server from cleaning up, and an idle one is ended by it."""
    begun: dict[str, list[object]] = {"asking the index": [], "looking for reasons": []}
    with weak_searches(shop), shop.control("tests") as connection:

        class Watching(Unrecorded):
            def tell(self, progress: Progress) -> None:
                begun.setdefault(progress.phase, []).append(connection.scalar(_TRANSACTION))

        request = FindRequest("public.healthy.embedding", probes=8 * BATCH)
        find_rows(shop, request, Watching(), created_by="ada", job_id=None)
    assert len(set(begun["asking the index"])) == 8
    assert begun["looking for reasons"]
    assert set(begun["looking for reasons"]) == {None}


def test_the_result_is_plain_json(nasty: Findability) -> None:
    document = json.loads(json.dumps(nasty.to_document(), allow_nan=False))
    assert Findability.from_document(document) == nasty
    assert document["summary"] == {"share": nasty.share}
