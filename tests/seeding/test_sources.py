"""Every source, walked; and the requests that none can be opened with."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dashboard.seeding.request import PopulateRequest, demo_request
from dashboard.seeding.source import Rows, Source
from dashboard.seeding.sources import SOURCES, open_rows
from db.binary import encode, vector
from db.errors import RequestError


def asking(source: str, **more: Any) -> PopulateRequest:
    return PopulateRequest(source=source, table="t", **more)


def sent(rows: Rows, index: int = 0) -> bytes:
    """The rows of a block as PostgreSQL would get them: equal bytes, equal rows."""
    return encode([field.kind for field in rows.fields], rows.block(index))


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_source_says_what_it_is_and_its_defaults_are_allowed(source: Source) -> None:
    assert source.label
    assert source.about.endswith(".")
    for parameter in source.parameters:
        assert parameter.low <= parameter.default <= parameter.high
        assert parameter.help.endswith(".")


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_rows_have_a_key_first_and_a_vector_last(source: Source) -> None:
    rows = open_rows(asking(source.key, rows=100))
    assert (rows.fields[0].name, rows.fields[0].kind.name) == ("id", "bigint")
    assert (rows.fields[-1].name, rows.fields[-1].kind.name) == ("embedding", vector(source.dims).name)
    batch = rows.block(0)
    assert [len(values) for values in batch] == [100] * len(rows.fields)
    assert list(batch[0]) == list(range(1, 101))


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_a_block_is_the_same_whenever_it_is_made(source: Source) -> None:
    dims = None if source.fixed_dims else 1024
    one, other = (open_rows(asking(source.key, rows=9000, dims=dims, seed=3)) for _ in range(2))
    last = one.blocks()[-1]
    assert last > 0
    assert sent(one, last) == [sent(other, index) for index in other.blocks()][-1]


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_another_seed_makes_other_vectors(source: Source) -> None:
    one, other = (open_rows(asking(source.key, rows=40, seed=seed)) for seed in (1, 2))
    assert sent(one) != sent(other)


@pytest.mark.parametrize("source", ["demo", "clusters", "uniform"])
def test_more_rows_begin_with_the_same_rows(source: str) -> None:
    few, many = (open_rows(asking(source, rows=rows)) for rows in (10, 20))
    assert sent(many).startswith(sent(few))


def test_blocks_cover_every_row_once() -> None:
    rows = open_rows(asking("uniform", rows=20_001, dims=8))
    assert [len(batch[0]) for batch in rows] == [8192, 8192, 20_001 - 2 * 8192]


def test_clusters_are_flat_and_of_unequal_size() -> None:
    parameters = {"clusters": 5, "intrinsic": 3, "spread": 0.1, "skew": 1.5}
    _, cluster, vectors = open_rows(asking("clusters", rows=4000, dims=32, parameters=parameters)).block(0)
    sizes = np.bincount(cluster, minlength=5)
    assert sizes[0] > 3 * sizes[4] > 0
    largest = np.asarray(vectors)[np.asarray(cluster) == 0]
    spectrum = np.linalg.svd(largest - largest.mean(axis=0), compute_uv=False)
    assert (spectrum > 1e-3 * spectrum[0]).sum() == 3


def test_nasty_rows_are_what_their_kind_says() -> None:
    _, kinds, vectors = open_rows(asking("nasty", rows=5000, dims=16)).block(0)
    by_kind = {kind: [v for k, v in zip(kinds, vectors, strict=True) if k == kind] for kind in set(kinds)}
    assert {kind: len(found) for kind, found in by_kind.items()} == {
        "null": 100,
        "zero": 100,
        "duplicate": 400,
        "near duplicate": 400,
        "ordered": 2000,
        "huge": 2000,
    }
    assert by_kind["null"] == [None] * 100
    assert not np.any(by_kind["zero"])
    assert len(np.unique(by_kind["duplicate"], axis=0)) == 3
    assert len(np.unique(np.round(by_kind["near duplicate"], 2), axis=0)) < 40
    assert len(np.unique(by_kind["near duplicate"], axis=0)) == 400
    assert np.std(by_kind["huge"], axis=0).max() < 0.1
    ordered = np.array(by_kind["ordered"])
    neighbours = np.linalg.norm(ordered[1:] - ordered[:-1], axis=1)
    assert np.median(neighbours) < 2
    assert (neighbours > 3).sum() == pytest.approx(49, abs=3)


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (asking("clsuters"), "There is no source 'clsuters'"),
        (asking("demo", rows=0), "0 rows cannot be loaded"),
        (asking("uniform", rows=-5), "-5 rows cannot be loaded"),
        (asking("uniform", rows=10**9), "1,000,000,000 rows cannot be loaded"),
        (asking("uniform", dims=0), "cannot have 0 dimensions"),
        (asking("uniform", dims=16_001), "cannot have 16,001 dimensions"),
        (asking("demo", dims=128), "embedded in 384 dimensions, not 128"),
        (asking("file"), "files are imported"),
        (asking("uniform", seed=-1), "The seed cannot be -1"),
        (asking("uniform", seed=2**63), "The seed cannot be 9223372036854775808"),
        (asking("uniform", parameters={"clusters": 5}), "has no parameter 'clusters'"),
        (asking("clusters", parameters={"clusters": 0}), "Clusters cannot be 0"),
        (asking("clusters", parameters={"clusters": 2.5}), "Clusters cannot be 2.5"),
        (asking("clusters", parameters={"spread": float("nan")}), "Spread cannot be nan"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_made_is_refused_in_a_sentence(request_: PopulateRequest, sentence: str) -> None:
    with pytest.raises(RequestError, match=sentence) as refused:
        open_rows(request_)
    assert refused.value.remedy


@pytest.mark.parametrize(
    "request_", [demo_request(), asking("clusters", parameters={"skew": 1}, replace=True)]
)
def test_a_request_survives_being_kept_as_json(request_: PopulateRequest) -> None:
    assert PopulateRequest.from_params(request_.to_params()) == request_
    assert replace(request_, seed=5).to_params() != request_.to_params()


def test_a_request_kept_when_files_were_a_source_is_still_read() -> None:
    kept = demo_request().to_params() | {"path": None, "text": []}
    assert PopulateRequest.from_params(kept) == demo_request()
