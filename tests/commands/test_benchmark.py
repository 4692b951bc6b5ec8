"""The benchmark command prints the document it promises."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashboard.benchmark import bisection
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.plan_file import from_toml
from dashboard.benchmark.trial import Outcome, carry_out
from dashboard.settings import settings
from db.distance import Distance
from tests.commands.conftest import Run

KEYS = {
    "index", "options", "setting", "plan_node", "recall", "p50_ms", "p95_ms", "p99_ms", "qps", "build_s",
    "size_bytes", "queries",
}  # fmt: skip


def test_each_index_is_measured_beside_exact(run: Run) -> None:
    run("populate_db", "--source", "clusters", "--table", "items", "--rows", 4000, "--dims", 16, "--seed", 7)
    arguments = (
        "--index",
        "hnsw:m=8,ef_construction=32",
        "--index",
        "ivfflat:lists=20",
        "--ef-search",
        "10,40",
    )
    said = run(
        "benchmark", "public.items.embedding", *arguments, "--probes", "1,20", "--queries", 40, "--json"
    )
    assert said.code == 0
    document = said.document
    assert set(document) >= {"run", "trials", "exact", "environment"}
    assert [(t["index"], t["setting"]) for t in document["trials"]] == [
        ("hnsw", {"ef_search": 10}),
        ("hnsw", {"ef_search": 40}),
        ("ivfflat", {"probes": 1}),
        ("ivfflat", {"probes": 20}),
    ]
    assert set(document["exact"]) >= KEYS
    assert document["exact"]["recall"] == 1.0
    assert document["exact"]["plan_node"] == "Seq Scan"
    for trial in document["trials"]:
        assert set(trial) >= KEYS
        assert trial["plan_node"] == "Index Scan"
        assert 0 < trial["recall"] <= 1
        assert 0 < trial["p50_ms"] <= trial["p95_ms"] <= trial["p99_ms"]
        assert trial["qps"] > 0
        assert trial["build_s"] > 0
        assert trial["size_bytes"] > 4000 * 16 * 4
        assert trial["queries"] == 40
    # Every list of IVFFlat read is every row read.
    assert document["trials"][3]["recall"] == 1.0


def test_a_plan_that_makes_no_sense_is_told(run: Run) -> None:
    run("populate_db", "--source", "uniform", "--table", "items", "--rows", 300, "--dims", 4)
    for arguments, message in (
        (("--index", "btree:m=1"), "btree"),
        (("--index", "hnsw:m=200"), "m = 200"),
        (("--index", "hnsw", "--ef-search", "0"), "ef_search = 0"),
        (("--index", "ivfflat:lists=10", "--distance", "l1"), "l1"),
        (("--index", "hnsw", "--queries", "400"), "too few"),
        (("--index", "hnsw", "-k", "5000"), "5000"),
        (("--index", "hnsw", "--rate", "50"), "a rate of 50/s needs clients"),
    ):
        said = run("benchmark", "public.items.embedding", *arguments)
        assert said.code == 1, arguments
        assert message.lower() in said.err.lower(), said.err


def test_a_plan_in_a_file_is_measured_and_flags_replace_parts_of_it(run: Run, tmp_path: Path) -> None:
    run("populate_db", "--source", "clusters", "--table", "items", "--rows", 2000, "--dims", 8, "--seed", 7)
    file = tmp_path / "plan.toml"
    file.write_text(
        'column = "public.items.embedding"\ndistance = "cosine"\nqueries = 500\nk = [3, 20]\n'
        'filters = ["none", "10 %"]\n[[index]]\nbuild = "hnsw:m=8"\nef_search = [20]\n'
    )
    flags = ("--plan", file, "--queries", 20, "--ef-search", "40,80", "--seed", 3)

    dry = run("benchmark", *flags, "--dry-run", "--json").document
    assert dry["forecast"]["total_s"] > 0
    assert from_toml(dry["toml"]) == BenchmarkPlan.from_params(dry["plan"])

    document = run("benchmark", *flags, "--json").document
    assert document["plan"] == dry["plan"]
    assert [(t["index"], t["setting"], t["k"], t["subset"]) for t in document["trials"] if t["setting"]] == [
        ("hnsw", {"ef_search": ef}, k, subset)
        for subset in (None, "10 %")
        for k in (3, 20)
        for ef in (40, 80)
    ]
    assert {t["queries"] for t in document["trials"]} == {20}
    environment = document["environment"]
    assert environment["took_over_forecast"] > 0
    assert environment["revision"]
    assert environment["started_at"] < environment["finished_at"]
    assert environment["noise"]["noisy"] == bool(environment["noise"]["remarks"])


def test_every_field_of_a_plan_has_a_flag(run: Run) -> None:
    run("populate_db", "--source", "clusters", "--table", "items", "--rows", 3000, "--dims", 8, "--seed", 7)
    said = run(
        "benchmark", "items.embedding", "--index", "hnsw:m=8,only=id<=500", "--index", "ivfflat:lists=5",
        "--ef-search", "10,20", "--probes", "2", "--iterative-scan", "off,relaxed_order",
        "--max-scan-tuples", "100,5000", "-k", "5,10", "--distance", "l2", "--queries", 30,
        "--query-source", "perturbed:0.1", "--filter", "none", "--filter", "id<=500", "--repeats", 2,
        "--growth", 3, "--clients", "1,2", "--seconds", 1, "--rate", 20, "--rebuilds", 2,
        "--inserts", 10, "--live", "--live-clients", "--seed", 9, "--dry-run", "--json",
    )  # fmt: skip

    plan = BenchmarkPlan.from_params(said.document["plan"])
    hnsw, ivfflat = plan.variants
    assert (hnsw.values, hnsw.scans, hnsw.tuples) == ((10, 20), ("off", "relaxed_order"), (100, 5000))
    assert (ivfflat.values, ivfflat.scans, ivfflat.tuples) == ((2,), ("off", "relaxed_order"), (None,))
    assert replace(plan, variants=()) == BenchmarkPlan(
        "public.items.embedding", Distance.L2, (), ks=(5, 10), queries=30, seed=9, repeats=2,
        subsets=("none", "id<=500"), clients=(1, 2), seconds=1, rate=20, rebuilds=2, inserts=10, live=True,
        live_clients=True, sizes=(750, 1500, 3000), query_source="perturbed:0.1",
    )  # fmt: skip


def test_a_plan_that_cannot_be_read_is_told(run: Run, tmp_path: Path) -> None:
    run("populate_db", "--source", "uniform", "--table", "items", "--rows", 300, "--dims", 4)
    broken = tmp_path / "broken.toml"
    broken.write_text('column = "items.embedding"\ndistance = "l2"\nqueries = "many"\n')
    (strange := tmp_path / "strange.toml").write_bytes(b"k = 10\xff")
    for arguments, message in (
        (("--plan", tmp_path / "none.toml"), "none.toml cannot be read"),
        (("--plan", strange), "strange.toml is not UTF-8 from byte 6 on"),
        (("--plan", broken), "queries must be a whole number"),
        ((), "missing argument"),
        (("items.embedding", "--growth", 2), "no growth shows"),
    ):
        said = run("benchmark", *arguments)
        assert said.code != 0
        assert message.lower() in said.err.lower(), said.err


def test_a_table_of_trials_is_printed_with_what_it_took(run: Run) -> None:
    run("populate_db", "--source", "clusters", "--table", "items", "--rows", 2000, "--dims", 8, "--seed", 7)
    said = run(
        "benchmark", "items.embedding", "--index", "hnsw:m=8", "-k", "5", "--queries", 20, "--clients", "2",
        "--seconds", 1,
    )  # fmt: skip

    head, exact, hnsw, *told = said.out.splitlines()
    assert head.split() == [
        "index",
        "setting",
        "recall",
        "p50_ms",
        "p95_ms",
        "qps",
        "build_s",
        "size_mb",
        "wal_mb",
    ]
    assert hnsw.split()[-1].startswith("~"), "an estimate"
    assert exact.split()[-3:] == ["-", "-", "-"]
    assert exact.split()[:2] == ["exact", "k=5"]
    assert "hnsw:m=8,ef_construction=64" in hnsw
    assert "ef_search=40, k=5  " in hnsw
    assert all("2 clients" in load for load in told[:2])
    assert "target" in told[2]
    assert "It took" in said.err
    assert "MB of scratch space" in said.err


def test_a_benchmark_forecast_over_its_time_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("populate_db", "--source", "clusters", "--table", "items", "--rows", 1000, "--dims", 8, "--seed", 7)
    monkeypatch.setenv("BENCHMARK_BUDGET_MINUTES", "1")
    settings.cache_clear()
    said = run("benchmark", "items.embedding", "--queries", 10, "--clients", "1,2,4", "--seconds", 60)

    assert said.code == 1
    assert "This benchmark would take about 3 min; 60 s may be spent on one." in said.err


def test_tune_finds_what_meets_a_target_and_says_how_to_have_it(run: Run) -> None:
    run("populate_db", "--source", "clusters", "--table", "items", "--rows", 2000, "--dims", 8, "--seed", 7)

    easy = run(
        "tune", "items.embedding", "--recall", 0.9, "--p95", 10_000, "--queries", 20, "--json"
    ).document
    assert easy["answer"]["index"] == "exact"
    assert easy["answer"]["sql"] is None

    hard = ("--recall", 0.9, "--p95", 0.0001, "--queries", 20, "--index", "hnsw:m=8")
    said = run("tune", "items.embedding", *hard, "--json").document
    assert said["answer"] is None
    assert {t["index"] for t in said["run"]["trials"]} == {"hnsw"}
    assert run("tune", "items.embedding", *hard).out.endswith(
        "Nothing tried reaches recall >= 0.9 and p95 <= 0.0001 ms.\n"
    )


PLAN_TO_TUNE = """
column = "public.items.embedding"
distance = "cosine"
queries = 20
[target]
recall = 0.9
p95_ms = 10
[[index]]
build = "ivfflat:lists=30"
"""


def as_slow_everywhere(*given: Any, **named: Any) -> list[Outcome]:
    """Ask as ``carry_out`` does; exact search takes 100 ms on every machine, an index 1 ms."""
    return [
        replace(
            outcome,
            trial=replace(
                trial, measures=trial.measures | {"p95_ms": 100.0 if trial.method == "exact" else 1.0}
            ),
        )
        for outcome in carry_out(*given, **named)
        for trial in [outcome.trial]
    ]


def test_the_answer_of_a_plan_with_a_target_is_in_its_document(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bisection, "carry_out", as_slow_everywhere)
    run("populate_db", "--source", "clusters", "--table", "items", "--rows", 2000, "--dims", 8, "--seed", 7)
    (file := tmp_path / "plan.toml").write_text(PLAN_TO_TUNE)

    said = run("benchmark", "--plan", file, "--json", "--out", tmp_path / "run.json").document

    answer = said["answer"]
    assert said["target"] == {"recall": 0.9, "p95_ms": 10}
    assert (answer["index"], answer["p95_ms"]) == ("ivfflat:lists=30", 1)
    assert "CREATE INDEX CONCURRENTLY items_embedding_ivfflat" in answer["sql"]
    assert "def upgrade" in answer["migration"]
    asked = {trial["position"] for trial in (said["exact"], *said["trials"])}
    assert {seen["position"] for seen in answer["evidence"]} == asked
    assert json.loads((tmp_path / "run.json").read_text())["answer"] == answer
    assert "answer" not in said["environment"]

    told = run("tune", "items.embedding", "--recall", 0.9, "--p95", 10, "--index", "ivfflat:lists=30").out
    assert "CREATE INDEX CONCURRENTLY items_embedding_ivfflat" in told
    assert "The cheapest that reaches recall >= 0.9 and p95 <= 10 ms: IVFFlat lists=30" in told


def test_a_run_is_written_to_files_and_compared_with_an_earlier_one(run: Run, tmp_path: Path) -> None:
    run("populate_db", "--source", "clusters", "--table", "items", "--rows", 2000, "--dims", 8)
    plan = ("benchmark", "public.items.embedding", "--index", "hnsw", "--queries", 30, "--json")
    first = run(*plan).document["run"]
    files = [tmp_path / f"run.{suffix}" for suffix in ("csv", "parquet", "html", "hdf5")]
    outs = [part for file in files for part in ("--out", file)]
    said = run(*plan, *outs, "--compare", first).document
    assert all(file.stat().st_size > 500 for file in files)
    assert said["compared"]["run"] == first
    for pair in said["compared"]["pairs"]:
        assert pair["paired"]
        assert set(pair["differences"]) == {"recall", "p50_ms", "p95_ms", "qps"}
        assert pair["differences"]["recall"]["verdict"] in {"better", "worse", "no real difference"}
    assert len(said["compared"]["pairs"]) == 2


def test_a_file_or_a_run_that_cannot_be_is_told_before_anything_starts(run: Run) -> None:
    run("populate_db", "--source", "uniform", "--table", "items", "--rows", 300, "--dims", 4)
    asked = ("benchmark", "public.items.embedding", "--queries", 10, "--json")
    assert "cannot be written to run.docx" in run(*asked, "--out", "run.docx").document["error"]
    assert "There is no run 404" in run(*asked, "--compare", 404).document["error"]


def test_saved_searches_are_asked_all(run: Run) -> None:
    run("populate_db", "--source", "uniform", "--table", "items", "--rows", 300, "--dims", 4)
    said = run("benchmark", "public.items.embedding", "--query-source", "saved", "--json")
    assert "has 0 saved searches" in said.document["error"]
