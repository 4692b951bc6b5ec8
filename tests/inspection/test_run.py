"""Inspections of real tables: the demo is healthy, and the nasty one has something for every check to say."""

from __future__ import annotations

import json

import pytest

from dashboard.inspection.checks import CHECKS
from dashboard.inspection.finding import Verdict
from dashboard.inspection.grade import UNGRADED
from dashboard.inspection.report import Report
from dashboard.inspection.run import KIND, InspectRequest, inspect
from db import inspections
from db.catalog import find_column
from db.engine import Database
from db.errors import Cancelled, RequestError, TableNotFound
from db.progress import Progress, Unrecorded

WEIRD = '"We ""ird"."T %:x; --"'


def look(database: Database, column: str, rows: int = 2_000, distance: str | None = None) -> Report:
    """Inspect a column, and read the report back as it is kept."""
    request = InspectRequest(column, rows=rows, distance=distance)
    number = inspect(database, request, Unrecorded(), created_by="ada", job_id=None)
    with database.reading("tests") as connection:
        stored = inspections.latest(connection, find_column(connection, column), KIND)
    assert stored is not None
    assert stored.id == number
    assert InspectRequest.from_params(stored.params) == request
    return Report.from_document(stored.result)


@pytest.fixture(scope="module")
def nasty(shop: Database) -> Report:
    return look(shop, "public.nasty.embedding")


def test_the_demo_is_healthy(shop: Database) -> None:
    report = look(shop, "public.healthy.embedding")
    assert report.grade.letter == "A", report.grade
    assert report.sample.in_words() == "all 1,500 rows"


def test_every_check_speaks_of_the_nasty_table(nasty: Report) -> None:
    assert list(nasty.findings) == [check.key for check in CHECKS]
    assert all(finding.sentence for finding in nasty.findings.values())
    assert Verdict.SILENT not in {finding.verdict for finding in nasty.findings.values()}


@pytest.mark.parametrize(
    ("check", "verdict"),
    [
        ("coverage", Verdict.WATCH),
        ("zero", Verdict.ACT),
        ("duplicates", Verdict.ACT),
        ("near", Verdict.WATCH),
    ],
)
def test_what_is_planted_in_the_nasty_table_is_found(nasty: Report, check: str, verdict: Verdict) -> None:
    assert nasty.findings[check].verdict is verdict, nasty.findings[check].sentence
    assert nasty.sql[check]


def test_its_grade_names_what_is_wrong(nasty: Report) -> None:
    assert nasty.grade.letter in "CDE"
    assert {"zero", "duplicates"} <= set(nasty.grade.worst)
    assert "**Zero vectors**" in nasty.grade.sentence


def test_the_rows_named_are_those_that_were_planted(shop: Database, nasty: Report) -> None:
    with shop.reading("tests") as connection:
        kinds: dict[str, str] = dict(connection.exec_driver_sql("SELECT id::text, kind FROM nasty").all())
    assert {kinds[key] for key in nasty.findings["zero"].rows} == {"zero"}
    assert {kinds[key] for key in nasty.findings["duplicates"].rows} == {"duplicate"}
    assert {kinds[key] for key in nasty.findings["near"].rows} <= {"near duplicate", "duplicate"}


def test_a_sample_says_how_it_was_drawn_and_how_sure_it_is(shop: Database) -> None:
    report = look(shop, "public.nasty.embedding", rows=600)
    assert report.sample.in_words() == "sample of 600 of 1,500 rows, seed 42"
    assert report.findings["near"].interval is not None
    assert report.findings["effective"].interval is not None
    # SQL counts these on the whole table, whatever the sample.
    assert report.findings["zero"].exact


def test_the_report_is_plain_json_and_comes_back_the_same(nasty: Report) -> None:
    document = json.loads(json.dumps(nasty.to_document(), allow_nan=False))
    assert Report.from_document(document) == nasty
    assert document["summary"]["grade"] == nasty.grade.letter
    assert set(document["summary"]["values"]) == set(nasty.findings)


def test_the_charts_have_their_figures(nasty: Report) -> None:
    curves = nasty.curves
    assert curves.norms is not None
    assert sum(curves.norms.rows) == nasty.sample.n
    assert curves.norms.zeros == 30
    assert curves.occurrences is not None
    assert (curves.occurrences.mark, curves.occurrences.x[0]) == (10, 1)
    assert list(curves.occurrences.y) == sorted(curves.occurrences.y, reverse=True)
    assert curves.nearest is not None
    assert curves.nearest.y[-1] == 1
    assert curves.nearest.mark == pytest.approx(0.001)
    assert curves.dimensions is not None
    assert (len(curves.dimensions.mean), curves.dimensions.step) == (64, 1)


@pytest.mark.parametrize("distance", ["l2", "ip"])
def test_another_distance_looks_with_other_eyes(shop: Database, distance: str) -> None:
    assert look(shop, "public.nasty.embedding", distance=distance).distance == distance


@pytest.mark.parametrize(
    ("column", "n"),
    [
        ("public.lists.embedding", 1_500),
        ("public.seen.embedding", 1_470),
        ("public.parted.embedding", 50),
        (f'{WEIRD}."Em ""bed%"', 40),
        (f"{WEIRD}.half", 40),
        (f"{WEIRD}.sparse", 40),
        (f"{WEIRD}.bits", 40),
        (f"{WEIRD}.free", 20),
    ],
)
def test_whatever_holds_vectors_is_inspected(shop: Database, column: str, n: int) -> None:
    report = look(shop, column)
    assert report.sample.n == n
    assert all(finding.sentence for finding in report.findings.values())
    with shop.reading("tests") as connection:
        for sql in report.sql.values():
            assert connection.exec_driver_sql(sql.replace("%", "%%")).all()


def test_vectors_of_several_lengths_are_told_from_sql(shop: Database) -> None:
    finding = look(shop, f"{WEIRD}.free").findings["mixed"]
    assert (finding.verdict, finding.exact, finding.value) == (Verdict.ACT, True, 0.5)


def test_a_column_that_is_not_there_is_named(shop: Database) -> None:
    with pytest.raises(TableNotFound, match="nowhere"):
        look(shop, "public.nowhere.embedding")


@pytest.mark.parametrize("rows", [0, 50_001])
def test_a_sample_of_no_rows_or_too_many_is_refused(rows: int) -> None:
    with pytest.raises(RequestError, match="cannot be inspected"):
        InspectRequest("public.things.embedding", rows=rows)


def test_a_distance_the_type_does_not_know_is_refused(shop: Database) -> None:
    with pytest.raises(RequestError, match="Hamming distance is not defined for vector"):
        look(shop, "public.healthy.embedding", distance="hamming")


def test_an_inspection_stops_when_asked_to(shop: Database) -> None:
    class Stopping(Unrecorded):
        def tell(self, progress: Progress) -> None:
            if progress.unit == "checks":
                raise Cancelled("stop")

    with pytest.raises(Cancelled):
        inspect(shop, InspectRequest("public.nasty.embedding"), Stopping(), created_by="ada", job_id=None)


def test_progress_goes_by_check_and_a_second_attempt_does_not_look_again(shop: Database) -> None:
    told: list[Progress] = []

    class Telling(Unrecorded):
        def tell(self, progress: Progress) -> None:
            told.append(progress)

    ledger, request = Telling(), InspectRequest("public.healthy.embedding", rows=300)
    number = inspect(shop, request, ledger, created_by="ada", job_id=None)
    assert [p.phase for p in told if p.unit == "checks"] == [check.label for check in CHECKS]
    assert inspect(shop, request, ledger, created_by="ada", job_id=None) == number


def test_an_empty_table_is_graded_e(database: Database) -> None:
    with database.control("tests") as connection:
        connection.exec_driver_sql("CREATE TABLE nothing (id int PRIMARY KEY, embedding vector(3))")
    report = look(database, "public.nothing.embedding")
    assert (report.grade.letter, report.grade.sentence) == ("E", "There is no vector to search.")


@pytest.mark.parametrize("distance", ["cosine", "l2"])
def test_a_table_of_zero_vectors_is_graded_e(database: Database, distance: str) -> None:
    with database.control("tests") as connection:
        connection.exec_driver_sql(
            "CREATE TABLE blank AS SELECT i AS id, '[0,0,0]'::vector(3) AS embedding "
            "FROM generate_series(1, 40) AS i"
        )
    assert look(database, "public.blank.embedding", distance=distance).grade.letter == "E"


def test_a_table_of_one_row_is_not_graded(database: Database) -> None:
    with database.control("tests") as connection:
        connection.exec_driver_sql("CREATE TABLE lone AS SELECT 1 AS id, '[1,2,3]'::vector(3) AS embedding")
    report = look(database, "public.lone.embedding")
    assert report.grade.letter == UNGRADED
    assert report.sample.in_words() == "the only row"
    assert report.grade.sentence.startswith("Too few rows to grade")
