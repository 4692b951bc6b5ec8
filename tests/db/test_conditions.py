"""Trees of filters mean what they say, whether read from an address, in SQL or in words."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, func, select

from db.catalog import ColumnInfo, PlainColumn, other_columns
from db.conditions import (
    EVERY_ROW,
    MAX_DEPTH,
    Condition,
    Group,
    check,
    clause,
    columns_of,
    filters_of,
    from_text,
    in_words,
    to_text,
)
from db.errors import RequestError
from db.filters import OPERATORS, Filter
from db.nearest import source

Find = Callable[[str], ColumnInfo]


def filters() -> st.SearchStrategy[Filter]:
    values = {"one": st.text(), "many": st.lists(st.text(), min_size=1).map(tuple), "none": st.none()}
    paths = st.lists(st.text(), max_size=2).map(tuple)
    return st.sampled_from(list(OPERATORS.values())).flatmap(
        lambda operator: st.builds(
            Filter, st.text(min_size=1), st.just(operator.symbol), values[operator.takes], paths
        )
    )


CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    filters(),
    lambda inner: st.builds(Group, st.sampled_from(["all", "any"]), st.lists(inner, max_size=3).map(tuple)),
    max_leaves=6,
)


def depth(condition: Condition) -> int:
    return 1 + max(map(depth, condition.members), default=0) if isinstance(condition, Group) else 0


@given(CONDITIONS.filter(lambda condition: depth(condition) <= MAX_DEPTH))
def test_a_condition_survives_an_address(condition: Condition) -> None:
    assert from_text(to_text(condition)) == condition
    assert in_words(condition)


def test_every_row_is_no_text_at_all() -> None:
    assert to_text(EVERY_ROW) == ""
    assert from_text(" ") == EVERY_ROW
    assert in_words(EVERY_ROW) == "every row"
    assert in_words(Group("any")) == "no row"


@pytest.mark.parametrize(
    "text",
    ['["all","is null"]', '["any","=","all"]', '["all"]', '["any",["all"]]', '[["all"],"is null"]'],
)
def test_a_column_called_as_a_joiner_is_a_column(text: str) -> None:
    condition = from_text(text)
    assert from_text(to_text(condition)) == condition
    assert isinstance(condition, Group) == (text in {'["all"]', '["any",["all"]]'})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 9000, "is not JSON"),
        ("9" * 5000, "is not JSON"),
        ("{}", "{} is neither a filter nor a group"),
        ("[]", "neither a filter nor a group"),
        ('["all","=",1]', "1 is not a value"),
        ('["price","<","1","2"]', "neither a filter nor a group"),
        ('["price","~","1"]', "no operator '~'"),
        ('["price","in",[1]]', r"\[1\] is not a value"),
        ('["price","in","1"]', "has no fitting value"),
        ('["price","is null","1"]', "has no fitting value"),
        ('["neither",["a","=","1"]]', "neither a filter nor a group"),
        ('[["a",1],"=","1"]', "neither a filter nor a group"),
        ('["all",' * 6 + "[]" + "]" * 6, "nests groups over 5 deep"),
        ('["a","=","' + "x" * 20_000 + '"]', "over 20,000"),
    ],
)
def test_what_is_no_condition_is_refused(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as refused:
        from_text(text)
    assert refused.value.remedy


WORDS = [
    ('["price","<=","150"]', "price is at most 150"),
    ('["all",["price","<=","150"],["brand","is null"]]', "price is at most 150 and brand is empty"),
    ('["any",["a","=","1"],["all",["b","=","2"],["c","=","3"]]]', "a is 1 or (b is 2 and c is 3)"),
    ('["all",["any",["a","in",["1","2"]]]]', "a is one of 1, 2"),
    ('[["attributes","unit"],"contains","k"]', "attributes->unit contains k"),
]


@pytest.mark.parametrize(("text", "words"), WORDS)
def test_a_condition_is_said_in_words(text: str, words: str) -> None:
    assert in_words(from_text(text)) == words


COUNTS = [
    ("", 4000),
    ('["any"]', 0),
    ('["all",["category","=","red"],["price","<","1"]]', 3),
    ('["any",["category","=","red"],["price","<","1"]]', 1006),
    ('["all",["in_stock","=","true"],["any",["id","=","2"],["id","=","3"]]]', 1),
    ('[["embedding","norm"],"=","0"]', 6),
    ('["any",["embedding","is null"],[["embedding","norm"],"=","0"]]', 14),
    ('[["attributes","n"],">","3990"]', 10),
]


@pytest.mark.parametrize(("text", "rows"), COUNTS)
def test_a_condition_keeps_the_rows_it_says(
    reading: Connection, items: ColumnInfo, text: str, rows: int
) -> None:
    named = source(items, (column.name for column in other_columns(reading, items)))
    condition = clause(from_text(text), columns_of(items, named))
    assert reading.scalar(select(func.count()).select_from(named).where(condition)) == rows


def test_rows_without_a_key_are_named_by_where_they_lie(reading: Connection, column: Find) -> None:
    for name, where, rows in (
        ("keyless.embedding", '["ctid","in",["(0,1)","(0,2)"]]', 2),
        ("parted.embedding", '["ctid","=","(0,1)"]', 2),
    ):
        rowset = source(column(name))
        met = clause(from_text(where), columns_of(column(name), rowset))
        assert reading.scalar(select(func.count()).select_from(rowset).where(met)) == rows


def test_the_filters_of_a_condition_come_in_order() -> None:
    condition = from_text('["any",["a","is null"],["all",["b","is null"]],["c","=",""]]')
    assert [each.column for each in filters_of(condition)] == ["a", "b", "c"]


PLAIN = (
    PlainColumn("about", "json", "json"),
    PlainColumn("price", "numeric", "N"),
    PlainColumn("spot", "point", "G"),
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('["about","=","{}"]', "'about' is json, which has no ="),
        ('["all",["any",["spot","<","(1,2)"]]]', "'spot' is point, which has no <"),
        ('[["price","cents"],"=","1"]', "'price' is numeric: no path leads into it"),
    ],
)
def test_what_a_column_does_not_bear_is_refused_before_it_is_sent(text: str, message: str) -> None:
    with pytest.raises(RequestError, match=message) as refused:
        check(from_text(text), PLAIN)
    assert refused.value.remedy


def test_what_a_column_bears_is_let_through() -> None:
    check(from_text('["all",["about","contains","x"],[["about","a"],"=","1"],["spot","is null"]]'), PLAIN)
