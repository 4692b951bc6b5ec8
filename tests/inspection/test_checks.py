"""Every check, on vectors small enough to see what it must say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dashboard.inspection.checks import CHECK, CHECKS
from dashboard.inspection.evidence import Evidence
from dashboard.inspection.finding import Check, Finding, Limits, Verdict
from db.columns import VECTOR_TYPES
from db.distance import Distance
from db.quality import Counted, Duplicates
from tests.inspection.cases import cloud, evidence, units

ROOT = Path(__file__).resolve().parents[2]


def find(key: str, looked_at: Evidence) -> Finding:
    return CHECK[key].find(looked_at)


def healthy(rows: int = 600, dimensions: int = 16) -> Evidence:
    return evidence(units(cloud(rows, dimensions)))


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
def test_a_healthy_column_passes_every_check(check: Check) -> None:
    finding = check.find(healthy())
    assert finding.verdict is Verdict.GOOD, finding.sentence
    assert finding.interval is None
    assert finding.exact


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_no_check_stumbles_over_too_little(check: Check, rows: int) -> None:
    finding = check.find(evidence(cloud(rows, 4)))
    assert finding.sentence
    assert finding.verdict in {Verdict.GOOD, Verdict.SILENT}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
@pytest.mark.parametrize("vector_type", VECTOR_TYPES)
def test_a_check_says_so_where_it_does_not_apply(check: Check, vector_type: str) -> None:
    bits = (cloud(100, 24) > 0).astype(np.float32)
    distance = Distance.HAMMING if vector_type == "bit" else Distance.COSINE
    finding = check.find(evidence(bits, distance=distance, vector_type=vector_type))
    if vector_type not in check.types:
        assert finding.sentence == f"Does not apply to {vector_type}."
        assert finding.verdict is Verdict.SILENT
    else:
        assert finding.verdict is not Verdict.SILENT


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.key)
def test_every_check_is_in_the_glossary(check: Check) -> None:
    assert f"**{check.label}**" in (ROOT / "docs" / "glossary.md").read_text()


def test_keys_are_unique_and_every_check_is_explained() -> None:
    assert len(CHECK) == len(CHECKS)
    assert all(check.meaning and check.limits.reason for check in CHECKS)


def test_missing_vectors_are_counted_exactly_where_sql_did() -> None:
    finding = find("coverage", evidence(cloud(50, 4), counted=Counted(rows=1000, nulls=30), whole=False))
    assert (finding.value, finding.exact, finding.interval, finding.problem) == (0.97, True, None, "null")
    assert finding.verdict is Verdict.WATCH
    assert finding.sentence == "Without a vector: 30 rows of 1,000; no search by it returns them."


def test_otherwise_the_sample_tells_within_an_interval() -> None:
    finding = find("coverage", evidence(cloud(90, 4), nulls=10, whole=False))
    assert (finding.value, finding.exact, finding.verdict) == (0.9, False, Verdict.ACT)
    assert finding.interval is not None
    assert finding.interval.low < 0.9 < finding.interval.high


def test_zero_vectors_are_named() -> None:
    vectors = cloud(100, 4)
    vectors[[3, 70]] = 0
    finding = find("zero", evidence(vectors))
    assert (finding.value, finding.rows, finding.verdict) == (0.02, ("3", "70"), Verdict.ACT)
    assert "no cosine index holds them" in finding.sentence
    assert "copy" in find("zero", evidence(vectors, distance=Distance.L2)).sentence


def test_vectors_of_another_length_stand_out_among_unit_vectors() -> None:
    vectors = units(cloud(100, 4))
    vectors[7] *= 0.9
    finding = find("norm", evidence(vectors))
    assert (finding.value, finding.rows, finding.verdict) == (0.01, ("7",), Verdict.WATCH)
    vectors[8:10] *= 3
    assert find("norm", evidence(vectors)).verdict is Verdict.WATCH  # cosine does not look at length
    assert find("norm", evidence(vectors, distance=Distance.INNER_PRODUCT)).verdict is Verdict.ACT


@pytest.mark.parametrize(
    ("distance", "verdict", "said"),
    [
        (Distance.COSINE, Verdict.GOOD, "cosine distance does not look at them"),
        (Distance.L2, Verdict.GOOD, "distances look at them as they are"),
        (Distance.INNER_PRODUCT, Verdict.WATCH, "inner product favours the long ones"),
    ],
)
def test_where_nothing_is_normalised_lengths_are_only_told(
    distance: Distance, verdict: Verdict, said: str
) -> None:
    finding = find("norm", evidence(cloud(200, 8), distance=distance))
    assert finding.verdict is verdict
    assert said in finding.sentence


def test_copies_are_counted_by_group() -> None:
    vectors = cloud(1000, 4)
    vectors[1] = vectors[0]
    vectors[[10, 20]] = vectors[5]
    finding = find("duplicates", evidence(vectors))
    assert (finding.value, finding.rows, finding.verdict) == (
        0.005,
        ("5", "10", "20", "0", "1"),
        Verdict.WATCH,
    )
    assert finding.sentence == "5 rows share their vector with another, in 2 groups; the largest has 3 rows."


def test_a_group_that_fills_an_index_search_is_to_be_acted_on() -> None:
    vectors = cloud(50_000, 2)
    vectors[:41] = vectors[0]
    counted = Counted(rows=50_000, nulls=0, zeros=0, duplicates=Duplicates(1, 41, 41, ("0",)))
    finding = find("duplicates", evidence(vectors[:200], counted=counted, whole=False))
    assert (finding.verdict, finding.exact, finding.rows) == (Verdict.ACT, True, ("0",))
    assert "more than an HNSW search looks at by itself (ef_search 40)" in finding.sentence


def test_what_a_sample_saw_of_copies_is_said_to_be_the_least() -> None:
    vectors = cloud(100, 4)
    vectors[1] = vectors[0]
    finding = find("duplicates", evidence(vectors, whole=False))
    assert finding.sentence.endswith("copies are seen only where both were drawn.")
    assert finding.interval is not None


def test_near_duplicates_are_not_copies() -> None:
    vectors = units(cloud(300, 32))
    vectors[1] = vectors[0]
    vectors[11] = vectors[10] + 1e-4
    finding = find("near", evidence(vectors))
    assert set(finding.rows) == {"10", "11"}
    assert finding.value == pytest.approx(2 / 299)


def test_dead_dimensions_are_named_from_one() -> None:
    vectors = cloud(100, 20)
    vectors[:, 4], vectors[:, 19] = 0.25, 0
    finding = find("dead", evidence(vectors))
    assert (finding.value, finding.shown, finding.note) == (2, "2 of 20", "5, 20")
    assert finding.verdict is Verdict.WATCH


def test_a_dimension_larger_than_all_others_dominates() -> None:
    vectors = cloud(100, 50)
    vectors[:, 7] += 30
    finding = find("dominated", evidence(vectors))
    assert (finding.value, finding.verdict) == (1, Verdict.ACT)
    assert "(8)" in finding.sentence


def test_a_flat_cloud_has_few_directions() -> None:
    flat = cloud(500, 2) @ cloud(2, 300, seed=2)
    finding = find("effective", evidence(flat, distance=Distance.L2))
    assert finding.value is not None
    assert 1 <= finding.value <= 2
    assert finding.verdict is Verdict.ACT


def test_vectors_that_all_point_one_way_are_anisotropic() -> None:
    finding = find("anisotropy", evidence(cloud(200, 16) + 4))
    assert finding.verdict is Verdict.ACT
    assert finding.value is not None
    assert finding.value > 0.9


def test_a_row_in_the_middle_of_everything_is_a_hub() -> None:
    shell = units(cloud(800, 200))
    middle = 0.02 * units(cloud(3, 200, seed=9))
    finding = find("hubness", evidence(np.concatenate([shell, middle]), distance=Distance.L2))
    assert finding.verdict is Verdict.ACT
    assert set(finding.rows[:3]) == {"800", "801", "802"}
    assert finding.sentence.startswith("3 hubs: ")


def test_rows_in_nobodys_list_are_named_beside_the_hubs() -> None:
    looked_at = evidence(np.concatenate([cloud(400, 6), [[90.0] * 6]]), distance=Distance.L2)
    (named,) = find("hubness", looked_at).beside
    assert named.label == "anti-hubs"
    assert "400" in named.rows
    assert named.total == int((looked_at.occurrences == 0).sum())
    assert f"{named.total} anti-hubs (" in find("hubness", looked_at).sentence


def test_how_many_rows_there_are_beyond_those_named_is_told() -> None:
    vectors = units(cloud(1_000, 8))
    vectors[:150] *= 2
    finding = find("norm", evidence(vectors))
    assert (len(finding.rows), finding.total) == (100, 150)


def test_rows_far_from_all_others_are_outliers() -> None:
    vectors = cloud(400, 6)
    vectors[5] = 100
    finding = find("outliers", evidence(vectors, distance=Distance.L2))
    assert finding.rows == ("5",)


def test_an_untyped_column_of_several_lengths_is_to_be_acted_on() -> None:
    mixed = evidence(cloud(20, 3), untyped=True, mix={3: 20, 2: 5})
    finding = find("mixed", mixed)
    assert (finding.value, finding.verdict, finding.problem) == (0.2, Verdict.ACT, "dimensions")
    assert finding.usual == 3
    assert finding.sentence.startswith("The vectors differ in length: 20 rows of 3, 5 rows of 2.")


def test_an_untyped_column_of_one_length_could_say_so() -> None:
    finding = find("mixed", evidence(cloud(20, 3), untyped=True))
    assert finding.verdict is Verdict.GOOD
    assert "declared as vector(3) it could be indexed" in finding.sentence


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (0.0, Verdict.GOOD),
        (0.1, Verdict.GOOD),
        (0.11, Verdict.WATCH),
        (0.5, Verdict.WATCH),
        (0.6, Verdict.ACT),
    ],
)
def test_a_limit_itself_is_still_on_the_better_side(value: float, verdict: Verdict) -> None:
    assert Limits(0.1, 0.5, "").judge(value) is verdict
    assert Limits(-0.1, -0.5, "", falling=True).judge(-value) is verdict
