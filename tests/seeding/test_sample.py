"""The preview of a load: it must be what the load then makes."""

import pytest

from dashboard.seeding.load import populate
from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.sample import take_sample
from db.catalog import find_column
from db.engine import Database
from db.errors import RequestError
from db.progress import Unrecorded


def test_a_sample_shows_the_first_rows_without_their_vectors() -> None:
    sample = take_sample(PopulateRequest(source="demo", table="t", rows=20))
    assert [name for name, _ in sample.columns][:3] == ["id", "title", "description"]
    assert "embedding" not in dict(sample.columns)
    assert [row[0] for row in sample.first] == list(range(1, 9))
    assert (sample.rows, sample.dims) == (20, 384)


def test_a_source_of_few_rows_shows_them_all() -> None:
    assert len(take_sample(PopulateRequest(source="uniform", table="t", rows=3, dims=4)).first) == 3


def test_a_value_out_of_bounds_is_refused_as_the_load_would() -> None:
    with pytest.raises(RequestError, match="0 rows"):
        take_sample(PopulateRequest(source="uniform", table="t", rows=0))


@pytest.mark.parametrize(
    "request_",
    [
        PopulateRequest(source="demo", table="forecast", rows=3_000),
        PopulateRequest(source="clusters", table="forecast", rows=20_000, dims=64),
    ],
    ids=["demo", "clusters"],
)
def test_the_forecast_is_within_a_quarter_of_what_the_table_takes(
    database: Database, request_: PopulateRequest
) -> None:
    forecast = take_sample(request_).size_bytes
    populate(database, request_, Unrecorded())
    with database.reading("test") as connection:
        actual = find_column(connection, "public.forecast.embedding").total_bytes
    assert forecast == pytest.approx(actual, rel=0.25)
