import re

import pytest
from sqlalchemy import Column, Connection, Index, Integer, MetaData, Table, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.schema import CreateIndex

from db.columns import VECTOR_TYPES
from db.distance import Distance, distances_for
from db.engine import Database
from db.errors import RequestError
from db.indexes import METHODS, Hnsw, IndexMethod, Ivfflat, Parameter, parse_index

BUILD = [(name, parameter) for name, method in METHODS.items() for parameter in method.parameters()]
SEARCH = [(name, method.search) for name, method in METHODS.items()]
LIMITS = [
    (name, vector_type, limit)
    for name, method in METHODS.items()
    for vector_type, limit in method.max_dimensions.items()
    if vector_type != "sparsevec"  # no value of a billion dimensions can be written
]


def of_dimensions(name: str, vector_type: str, dimensions: int) -> Table:
    kind = VECTOR_TYPES[vector_type](dimensions)  # type: ignore[call-arg]
    return Table(name, MetaData(), Column("id", Integer), Column("embedding", kind))


@pytest.mark.parametrize(("method", "parameter"), BUILD, ids=lambda given: getattr(given, "name", given))
def test_the_bounds_of_build_options_are_the_servers(
    database: Database, method: str, parameter: Parameter
) -> None:
    table = of_dimensions("points", "vector", 2)
    with database.control("tests") as connection:
        table.create(connection)
        for value in (parameter.low - 1, parameter.high + 1):
            index = Index(
                "points_index",
                table.c.embedding,
                postgresql_using=method,
                postgresql_with={parameter.name: value},
                postgresql_ops={"embedding": "vector_l2_ops"},
            )
            bounds = f'between "{parameter.low}" and "{parameter.high}"'
            with pytest.raises(DBAPIError, match=re.escape(bounds)):
                connection.execute(CreateIndex(index))
            with pytest.raises(RequestError, match=f"{parameter.name} = {value} is outside"):
                METHODS[method](**{parameter.name: value})


@pytest.mark.parametrize(("method", "parameter"), SEARCH, ids=lambda given: getattr(given, "name", given))
def test_the_bounds_and_default_of_search_settings_are_the_servers(
    reading: Connection, method: str, parameter: Parameter
) -> None:
    facts = text("SELECT min_val::int, max_val::int, boot_val::int FROM pg_settings WHERE name = :name")
    known = reading.execute(facts, {"name": f"{method}.{parameter.name}"}).one()

    assert tuple(known) == (parameter.low, parameter.high, parameter.default)


@pytest.mark.parametrize(("method", "vector_type", "limit"), LIMITS)
def test_the_most_dimensions_are_the_servers(
    database: Database, method: str, vector_type: str, limit: int
) -> None:
    distance = distances_for(vector_type)[0]
    index = METHODS[method]()
    with database.control("tests") as connection:
        fits, exceeds = (of_dimensions(f"points_{n}", vector_type, n) for n in (limit, limit + 1))
        fits.create(connection)
        exceeds.create(connection)
        connection.execute(CreateIndex(index.on(fits, "embedding", vector_type, distance, name="fits")))
        with pytest.raises(DBAPIError, match=f"more than {limit} dimensions"):
            connection.execute(
                CreateIndex(index.on(exceeds, "embedding", vector_type, distance, name="exceeds"))
            )
    index.check_column(vector_type, limit, distance)
    with pytest.raises(RequestError, match=f"at most {limit:,} dimensions"):
        index.check_column(vector_type, limit + 1, distance)


def test_a_distance_without_an_operator_class_is_refused() -> None:
    with pytest.raises(RequestError, match=r"ivfflat has no operator class for Taxicab \(L1\) on vector"):
        Ivfflat().check_column("vector", 3, Distance.L1)
    with pytest.raises(RequestError, match="ivfflat has no operator class"):
        Ivfflat().check_column("sparsevec", 3, Distance.L2)


@pytest.mark.parametrize("index", [Hnsw(m=8, ef_construction=20), Ivfflat(lists=10)], ids=str)
@pytest.mark.parametrize("dimensions", [64, 700])
def test_the_size_forecast_is_near_what_is_built(
    database: Database, index: IndexMethod, dimensions: int
) -> None:
    table = of_dimensions("points", "halfvec", dimensions)
    with database.control("tests") as connection:
        table.create(connection)
        made = text(
            "INSERT INTO points SELECT i, (SELECT array_agg(random() + 0 * (i + g)) "
            "FROM generate_series(1, :dimensions) AS g)::halfvec FROM generate_series(1, 1500) AS i"
        )
        connection.execute(made, {"dimensions": dimensions})
        connection.execute(
            CreateIndex(index.on(table, "embedding", "halfvec", Distance.L2, name="points_index"))
        )
        size_bytes = connection.execute(select(func.pg_relation_size("points_index"))).scalar_one()

    assert index.size_forecast_bytes(1500, dimensions, "halfvec") == pytest.approx(size_bytes, rel=0.1)


def test_a_forecast_of_a_row_larger_than_a_page_takes_two() -> None:
    assert Hnsw().size_forecast_bytes(1000, 2000, "vector") == 1000 * 2 * 8192


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_an_index_is_read_back_from_how_it_is_written(method: type[Hnsw] | type[Ivfflat]) -> None:
    index = method()

    assert parse_index(str(index)) == index
    assert parse_index(method.name) == index
    assert all(parameter.about for parameter in (*method.parameters(), method.search))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("btree", "There is no index method 'btree'."),
        ("", "There is no index method ''."),
        ("hnsw:ef_search=40", "hnsw has no build option 'ef_search'."),
        ("hnsw:m", "m='' is not a whole number."),
        ("hnsw:m=sixteen", "m='sixteen' is not a whole number."),
        ("hnsw:m=\u0661\u0666", "m='\u0661\u0666' is not a whole number."),
        (f"hnsw:m={'9' * 5000}", f"m='{'9' * 40}' is not a whole number."),
        ("hnsw:m=1", "m = 1 is outside 2 to 100."),
        ("hnsw:m=40,ef_construction=64", "ef_construction = 64 is below twice m = 40."),
        ("ivfflat:lists=0", "lists = 0 is outside 1 to 32,768."),
    ],
)
def test_an_index_that_cannot_be_read_is_refused_in_one_sentence(given: str, sentence: str) -> None:
    with pytest.raises(RequestError) as refusal:
        parse_index(given)

    assert refusal.value.message == sentence
    assert refusal.value.remedy


@pytest.mark.parametrize(
    ("vector_type", "dimensions", "helps"),
    [("vector", 4000, True), ("vector", 16_000, False), ("halfvec", 4001, False), ("bit", 64_001, False)],
)
def test_halfvec_is_advised_only_where_it_helps(vector_type: str, dimensions: int, helps: bool) -> None:
    with pytest.raises(RequestError) as refusal:
        Hnsw().check_column(vector_type, dimensions, distances_for(vector_type)[0])
    assert ("halfvec" in refusal.value.remedy) is helps
    assert "horten the vectors" in refusal.value.remedy
