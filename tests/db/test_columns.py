"""Names are read back as they were spelled, and a column knows its type."""

import pytest
from sqlalchemy import cast, create_engine, select

from db.columns import VECTOR_TYPES, VectorColumn, spelled, split_name
from db.errors import RequestError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("items.embedding", ("public", "items", "embedding")),
        ("shop.items.embedding", ("shop", "items", "embedding")),
        ('"My Shop"."a.b"."say ""hi"""', ("My Shop", "a.b", 'say "hi"')),
        ('items."Em bed"', ("public", "items", "Em bed")),
        ("Größe.имя", ("public", "Größe", "имя")),
    ],
)
def test_a_name_is_read(given: str, expected: tuple[str, ...]) -> None:
    assert split_name(given, 3) == expected


@pytest.mark.parametrize(
    "names", [("public", "items", "e"), ("A b", 'x"; drop table y; --', "%s:z"), ("1", "é.", "select")]
)
def test_a_spelled_name_is_read_back(names: tuple[str, ...]) -> None:
    assert split_name(spelled(*names), 3) == names


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "not a name of the form schema.table.column"),
        ("embedding", "not a name of the form"),
        ("a.b.c.d", "not a name of the form"),
        ("a..b", "not a name of the form"),
        ('a."b', "not a name of the form"),
        ('" ".b', "not a name of the form"),
        (f"{'x' * 64}.e", "over 63 bytes"),
        (f"{'é' * 32}.e", "over 63 bytes"),
        ("items.\udce9", "is not UTF-8"),
    ],
)
def test_what_is_no_name_is_refused(given: str, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        split_name(given, 3)


@pytest.mark.parametrize("name", VECTOR_TYPES)
def test_a_type_is_spelled_with_its_dimensions(name: str) -> None:
    column = VectorColumn("shop", "Odd items", "Em bed", name, 8, ("id", "no"))
    selected = str(
        select(cast("x", column.sql_type)).compile(dialect=create_engine("postgresql+psycopg2://").dialect)
    )
    assert f"AS {name.upper()}(8)" in selected
    assert list(column.as_table("title").c.keys()) == ["id", "no", "title", "Em bed"]
