"""Runs that are kept, from the command line: listed, shown, compared, written to files."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashboard.benchmark.export import FORMATS
from dashboard.benchmark.plan import BenchmarkPlan
from db.columns import VectorColumn
from db.engine import Database
from db.runs import Trial
from tests.benchmark.test_compare import PLAN
from tests.commands.conftest import Run
from tests.kept import keep_run
from tests.trials import exact, trial

ITEMS = VectorColumn("public", "items", "embedding", "vector", 4, ("id",))

Keep = Callable[..., int]


@pytest.fixture
def keep(database: Database) -> Keep:
    """Keep a run of trials made by hand."""

    def kept(*trials: Trial, plan: BenchmarkPlan = PLAN, **facts: Any) -> int:
        return keep_run(database, ITEMS, plan, *trials, **facts)

    return kept


def test_runs_are_listed_newest_first_with_what_they_found(run: Run, keep: Keep) -> None:
    assert "There are no runs." in run("runs", "list").err
    first, second = keep(exact(), trial(), trial(value=50)), keep(exact(p95_ms=9))

    listed = run("runs", "list", "--json").document["runs"]
    assert [(each["run"], each["trials"], each["state"]) for each in listed] == [
        (second, 1, "succeeded"),
        (first, 3, "succeeded"),
    ]
    assert "is among the cheapest in target" in listed[1]["said"]
    lines = run("runs", "list", "--limit", 1).out.splitlines()
    assert len(lines) == 2
    assert "public.items.embedding  1 trial" in lines[0]
    assert "no index is needed" in lines[1]


def test_runs_of_one_column_are_listed(run: Run, keep: Keep) -> None:
    run("populate_db", "--source", "uniform", "--table", "items", "--rows", 10, "--dims", 4)
    run("populate_db", "--source", "uniform", "--table", "films", "--rows", 10, "--dims", 4)
    keep(exact())
    assert len(run("runs", "list", "items.embedding", "--json").document["runs"]) == 1
    assert run("runs", "list", "films.embedding", "--json").document["runs"] == []


def test_a_run_is_shown_with_its_verdict_and_what_ties_with_it(run: Run, keep: Keep) -> None:
    run_id = keep(exact(), trial(value=40), trial(value=50))
    shown = run("runs", "show", run_id).out
    assert "ef_search=40 is among the cheapest in target" in shown
    assert "No real difference at p95 between HNSW m=16, ef_construction=64, ef_search=40 and ef_s" in shown

    document = run("runs", "show", run_id, "--p95", 0.5, "--recall", 0.9, "--json").document
    [verdict] = document["verdicts"]
    assert (verdict["target"], verdict["cheapest"]) == ({"recall": 0.9, "p95_ms": 0.5}, None)
    assert document["run"] == run_id
    [tie] = run("runs", "show", run_id, "--json").document["verdicts"][0]["no_real_difference"]
    assert (tie["position"], tie["p95_ms"]["verdict"]) == (2, "no real difference")


def test_a_growth_run_tells_the_exponent_and_the_crossing_of_each_arm(run: Run, keep: Keep) -> None:
    sizes = (1_000, 2_000, 4_000)
    trials = [
        replace(made, rows=rows)
        for rows in sizes
        for made in (exact(rows / 100), trial(p95_ms=0.1 * rows**0.25))
    ]
    run_id = keep(*trials, plan=replace(PLAN, queries=20, sizes=sizes))

    lines = run("runs", "show", run_id, "--p95", 80).out.splitlines()
    assert lines[-2].startswith("Exact search reaches 80 ms at ~8,000 rows [")
    assert "p95 ~ rows ** 1.00 [" in lines[-2]
    assert lines[-1].startswith("HNSW m=16, ef_construction=64, ef_search=40 stays below 80 ms")
    first, index = run("runs", "show", run_id, "--p95", 80, "--json").document["growth"]
    assert first["crossing_rows"]["value"] == pytest.approx(8_000)
    assert index["exponent"]["value"] == pytest.approx(0.25)


def test_runs_are_compared_with_the_first(run: Run, keep: Keep) -> None:
    before, same, slower = (keep(exact(), trial(p95_ms=p95_ms)) for p95_ms in (2.0, 2.0, 3.0))
    said = run("runs", "compare", before, same, slower, "--json").document["compared"]
    assert [(each["before"], each["after"]) for each in said] == [(before, same), (before, slower)]
    verdicts = [each["pairs"][1]["differences"]["p95_ms"]["verdict"] for each in said]
    assert verdicts == ["no real difference", "worse"]
    assert said[0]["same_queries"]

    told = run("runs", "compare", before, slower).out
    assert f"Run {slower} beside run {before}: the same queries" in told
    assert "ef_search=40: recall no real difference (+0 [+0, +0]), p95 worse (+1 ms [" in told


def test_runs_of_two_machines_are_compared_and_it_is_said(run: Run, keep: Keep) -> None:
    made: list[dict[str, Any]] = [
        {"pgvector": version, "client": {"cpu": cpu}} for version, cpu in (("0.8.4", "Old"), ("0.8.5", "New"))
    ]
    before, after = (keep(exact(), trial(), environment=known) for known in made)
    told = run("runs", "compare", before, after).out
    assert "  The client's processor is another: Old → New; the server's is not known." in told
    assert "  Changed in between: pgvector 0.8.4 → 0.8.5." in told
    [said] = run("runs", "compare", before, before + 1, "--json").document["compared"]
    assert said["changed"] == ["pgvector 0.8.4 → 0.8.5"]
    assert "Old → New" in said["other_cpu"]


def test_a_run_is_written_to_a_file_of_every_format(run: Run, keep: Keep, tmp_path: Path) -> None:
    run_id = keep(exact(), trial())
    for name in (each.name for each in FORMATS):
        file = tmp_path / f"taken as {name}"
        said = run("runs", "export", run_id, "--format", name, "--to", file, "--json").document
        assert said == {"run": run_id, "format": name, "file": str(file), "size_bytes": file.stat().st_size}
        assert "exists already" in run("runs", "export", run_id, "--format", name, "--to", file).err


def test_an_export_is_named_after_its_run(
    run: Run, keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_id = keep(exact(), trial())
    run("runs", "export", run_id, "--format", "json")
    document = json.loads((tmp_path / f"run-{run_id}.json").read_text())
    assert document["verdicts"][0]["said"].startswith("HNSW")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("show", "404"), "There is no run 404"),
        (("show", "9" * 30), "There is no run 9"),
        (("show", "-1"), "No such option"),
        (("show", "last"), "'last' is not a valid integer"),
        (("compare", "404", "405"), "There is no run 404"),
        (("compare", "404"), "has nothing to be compared with"),
        (("compare", "404", "404"), "has nothing to be compared with"),
        (("export", "404"), "There is no run 404"),
        (("export", "404", "--format", "docx"), "cannot be written as 'docx'"),
        (("show", "404", "--p95", "0"), "A latency of 0 ms cannot be reached"),
        (("list", "public.none.embedding"), "none"),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(run: Run, arguments: tuple[str, ...], told: str) -> None:
    said = run("runs", *arguments, "--json")
    assert said.code != 0
    assert told in said.document["error"]
