"""The benchmark command prints the document it promises."""

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
    ):
        said = run("benchmark", "public.items.embedding", *arguments)
        assert said.code == 1, arguments
        assert message.lower() in said.err.lower(), said.err
