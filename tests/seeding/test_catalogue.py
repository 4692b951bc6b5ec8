"""The demo reads like a shop, and answers like one."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from dashboard.seeding.embedders import HASHING
from dashboard.seeding.grammar import AISLES
from dashboard.seeding.request import demo_request
from dashboard.seeding.sources import open_rows


@pytest.fixture(scope="module")
def products() -> dict[str, list[Any]]:
    rows = open_rows(demo_request())
    columns = zip(*rows, strict=True)
    return {
        f.name: [v for values in parts for v in values] for f, parts in zip(rows.fields, columns, strict=True)
    }


def test_the_shop_is_large_and_varied(products: dict[str, list[Any]]) -> None:
    assert len(products["id"]) == 10_000
    assert len(set(products["title"])) > 9_950
    assert len(set(products["brand"])) >= 60
    assert set(products["category"]) == {aisle.category for aisle in AISLES}


def test_the_words_are_read_as_utf_8_whatever_the_locale() -> None:
    bare = os.environ | {"LC_ALL": "C", "PYTHONUTF8": "0"}
    subprocess.run([sys.executable, "-c", "import dashboard.seeding.grammar"], env=bare, check=True)


def test_no_brand_is_sold_in_two_aisles() -> None:
    brands = [brand for aisle in AISLES for brand in aisle.brands]
    assert len(brands) == len(set(brands))


def test_text_reads_like_sentences(products: dict[str, list[Any]]) -> None:
    for title, description in zip(products["title"], products["description"], strict=True):
        assert title[0].isupper()
        assert description.endswith(".")
        assert not set("{}\n") & set(title + description)
        assert all(part[0].isupper() for part in description.split(". "))


def test_facts_are_plausible(products: dict[str, list[Any]]) -> None:
    prices, ratings = np.array(products["price"]), [r for r in products["rating"] if r is not None]
    assert 5 < prices.min() < 20
    assert 500 < prices.max() < 1000
    assert 1 <= min(ratings) < max(ratings) == 5
    assert 0.02 < products["rating"].count(None) / 10_000 < 0.06
    days = np.array(products["created_at"])
    assert np.datetime64("2023-01-01") <= days.min() < days.max() < np.datetime64("2026-01-01")


@pytest.mark.parametrize(
    "query",
    [
        "desk lamp",
        "cast iron skillet",
        "merino wool base layer",
        "wireless headphones",
        "chess set",
        "linen duvet cover",
        "watering can",
        "standing desk",
    ],
)
def test_a_query_finds_products_with_its_words(products: dict[str, list[Any]], query: str) -> None:
    vector = HASHING.embed([query])[0]
    assert vector is not None
    nearest = np.argsort(-(np.array(products["embedding"]) @ vector))[:10]
    words = set(query.split())
    hits = sum(
        words <= set(f"{products['title'][i]} {products['description'][i]}".lower().split()) for i in nearest
    )
    assert hits >= 8, [products["title"][i] for i in nearest]
