from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import Connection, text

from dashboard.benchmark.document import to_document
from dashboard.benchmark.judged import sampled
from dashboard.benchmark.machine import SERVER_HERE
from dashboard.benchmark.measures import MEASURES
from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.run import sweep_scratch
from dashboard.benchmark.trials import sweep
from db.distance import Distance
from db.errors import Cancelled, DashboardError, LeaseLost, RequestError, TableNotFound
from db.forms import parse_spec
from db.progress import Progress
from tests.benchmark.conftest import PLAN, Bench, Journal

NO_INDEX = replace(PLAN, variants=())


def test_a_run_measures_exact_search_and_every_setting_of_every_index(bench: Bench) -> None:
    run = bench.run(PLAN)

    assert run.state == "succeeded"
    assert [(trial.method, trial.setting) for trial in run.trials] == [
        ("exact", {}),
        ("hnsw", {"ef_search": 10}),
        ("hnsw", {"ef_search": 80}),
        ("ivfflat", {"probes": 1}),
        ("ivfflat", {"probes": 10}),
    ]
    assert [trial.plan_node for trial in run.trials] == ["Seq Scan"] + ["Index Scan"] * 4
    assert all(trial.is_measured and trial.queries == 30 for trial in run.trials)
    assert run.exact is not None
    assert run.exact.measures["recall"] == 1
    assert run.exact.measures["speedup"] == 1
    assert run.trials[4].measures["recall"] == 1, "every list was read"
    assert 0 < run.trials[3].measures["recall"] < 1
    assert run.trials[1].measures["recall"] <= run.trials[2].measures["recall"]


def test_an_index_is_built_once_for_all_its_settings(bench: Bench) -> None:
    run = bench.run(PLAN)

    assert run.exact is not None
    assert (run.exact.build_s, run.exact.size_bytes) == (None, None)
    hnsw, ivfflat = run.trials[1:3], run.trials[3:5]
    assert all(0.5 < t.facts["wal_forecast_bytes"] / (t.size_bytes or 0) <= 1.02 for t in (*hnsw, *ivfflat))
    assert len({trial.build_s for trial in hnsw}) == len({trial.build_s for trial in ivfflat}) == 1
    assert (hnsw[0].size_bytes or 0) > (ivfflat[0].size_bytes or 0) > 0


def test_the_users_table_and_indexes_are_as_they_were(bench: Bench) -> None:
    state = (
        "SELECT c.oid, c.relfilenode, pg_get_indexdef(c.oid), x.indisvalid FROM pg_class c "
        "LEFT JOIN pg_index x ON x.indexrelid = c.oid WHERE c.relname LIKE 'items%' ORDER BY 1"
    )
    before = bench.execute(state), bench.execute("SELECT md5(items::text) FROM items")

    run = bench.run(PLAN)

    assert (bench.execute(state), bench.execute("SELECT md5(items::text) FROM items")) == before
    assert run.fingerprint_before == run.fingerprint_after
    assert bench.scratch_tables() == []


def test_a_change_by_somebody_else_meanwhile_is_told(bench: Bench) -> None:
    changed: list[str] = []

    def change(progress: Progress) -> None:
        if progress.phase.startswith("trial") and not changed:
            changed.append("DROP INDEX items_hnsw")
            bench.execute(changed[0])

    journal = Journal(before_tell=change)
    run = bench.run(PLAN, journal)

    assert run.state == "succeeded"
    assert to_document(run)["environment"]["table_unchanged"] is False
    assert "public.items.embedding or an index on it was changed by somebody else" in journal.lines[-1]


def test_rows_that_no_cosine_can_find_are_left_out_and_counted(bench: Bench) -> None:
    run = bench.run(NO_INDEX)

    assert (run.rows, run.queries) == (930, 30)
    assert run.environment is not None
    assert run.environment["rows_without_vector"] == 20
    assert run.environment["rows_without_direction"] == 20
    assert bench.run(replace(NO_INDEX, distance=Distance.L2)).rows == 950


def test_the_document_holds_every_figure_under_its_name(bench: Bench) -> None:
    document = to_document(bench.run(PLAN))

    assert set(document) >= {"run", "trials", "exact", "environment"}
    assert len(document["trials"]) == 4
    for trial in (document["exact"], *document["trials"]):
        assert set(trial) >= {"index", "options", "setting", "plan_node", "build_s", "size_bytes", "queries"}
        for key in (measure.key for measure in MEASURES):
            assert trial[f"{key}_low"] <= trial[key] <= trial[f"{key}_high"]
    assert document["exact"]["index"] == "exact"
    assert document["trials"][0]["options"] == {"m": 8, "ef_construction": 64}
    known = document["environment"]
    assert known["pgvector"]
    assert known["build"].startswith(f"PostgreSQL {known['postgresql']} on ")
    assert known["server"] == SERVER_HERE
    assert {"cpu", "cpus", "memory_bytes", "system", "kernel"} <= set(known["client"])
    assert document["environment"]["table_unchanged"] is True


def test_the_same_plan_asks_the_same_queries(bench: Bench) -> None:
    journals = Journal(), Journal(), Journal()
    for journal, seed in zip(journals, (1, 1, 2), strict=True):
        bench.run(replace(NO_INDEX, seed=seed), journal)

    first, second, other = (journal.checkpoint["digest"] for journal in journals)
    assert first == second != other


@pytest.mark.parametrize("distance", [Distance.L2, Distance.INNER_PRODUCT, Distance.L1])
def test_every_distance_is_measured_and_exact_search_is_exact(bench: Bench, distance: Distance) -> None:
    variants = sweep([parse_spec("hnsw:m=8")], {"ef_search": [40]})

    run = bench.run(replace(PLAN, distance=distance, variants=variants))

    assert [trial.state for trial in run.trials] == ["measured"] * 2
    assert run.exact is not None
    assert run.exact.measures["recall"] == 1


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (
            'CREATE SCHEMA "Odd"; CREATE TABLE "Odd"."T %:x" AS SELECT embedding AS "E m" FROM items',
            '"Odd"."T %:x"."E m"',
        ),
        ("CREATE TABLE half AS SELECT embedding::halfvec(8) AS e FROM items", "half.e"),
        ("CREATE TABLE free (e vector); INSERT INTO free SELECT embedding FROM items", "free.e"),
        ("CREATE VIEW seen AS SELECT embedding AS e FROM items WHERE id > 500", "seen.e"),
    ],
)
def test_columns_of_every_kind_are_measured(bench: Bench, made: str, name: str) -> None:
    bench.execute(made.replace(":", "\\:"))

    run = bench.run(replace(PLAN, column=name))

    assert [trial.state for trial in run.trials] == ["measured"] * 5
    assert run.exact is not None
    assert run.exact.measures["recall"] == 1


@pytest.mark.parametrize("distance", [Distance.HAMMING, Distance.JACCARD])
def test_a_column_of_bits_is_measured(bench: Bench, distance: Distance) -> None:
    bench.execute(
        "CREATE TABLE codes AS SELECT id, (floor(random() * 2^24)::int + 0 * id)::bit(24) AS bits "
        "FROM generate_series(1, 900) AS id"
    )
    variants = sweep([parse_spec("hnsw:m=8")], {"ef_search": [10, 200]})
    plan = replace(PLAN, column="codes.bits", distance=distance, variants=variants, live=True)
    run = bench.run(plan)

    exact, narrow, wide, live, today = run.trials
    assert [t.state for t in (exact, narrow, wide, live)] == ["measured"] * 4, [t.reason for t in run.trials]
    assert today.reason == "The table has no index for this distance: searches are exact today."
    assert exact.measures["recall"] == live.measures["recall"] == 1
    assert narrow.measures["recall"] <= wide.measures["recall"]
    assert wide.measures["recall"] > 0.9


def test_a_sample_is_measured_instead_of_the_whole(bench: Bench) -> None:
    run = bench.run(replace(NO_INDEX, sample_rows=200))

    assert run.rows == 170
    assert sampled(run) == "Measured on a sample of 200 rows: on more rows exact search takes longer."
    assert not sampled(bench.run(replace(NO_INDEX, sample_rows=1_000_000)))


def test_queries_are_asked_as_often_as_wanted_and_recall_is_taken_once(bench: Bench) -> None:
    once, thrice = bench.run(NO_INDEX), bench.run(replace(NO_INDEX, repeats=3))
    lengths = bench.execute(
        "SELECT cardinality(latencies_ms), cardinality(recalls) FROM vectorscope.trial ORDER BY run_id"
    )

    assert lengths == [(30, 30), (90, 30)]
    assert once.exact is not None
    assert thrice.exact is not None
    assert once.exact.measures["recall"] == thrice.exact.measures["recall"] == 1


def test_an_ef_search_below_k_is_measured_with_its_under_fill(bench: Bench) -> None:
    variants = sweep([parse_spec("hnsw:m=8")], {"ef_search": [5]})

    trial = bench.run(replace(PLAN, variants=variants)).trials[1]

    assert trial.measures["under_fill"] == 0.5
    assert trial.measures["recall"] <= 0.5
    assert trial.reason == "ef_search = 5 is below k = 10: no more than 5 rows can come back."


def test_an_index_the_planner_would_not_choose_is_pinned_and_said_to_be(bench: Bench) -> None:
    bench.execute("CREATE TABLE few AS SELECT * FROM items WHERE id <= 60")

    run = bench.run(replace(PLAN, column="few.embedding", queries=5))

    assert all(trial.pinned and trial.plan_node == "Index Scan" for trial in run.trials[1:])
    assert run.exact is not None
    assert not run.exact.pinned


def test_an_index_that_no_setting_brings_into_use_makes_a_void_trial(bench: Bench) -> None:
    name = bench.database.url.database
    bench.execute(
        f"ALTER DATABASE {name} SET enable_indexscan = off; CREATE TABLE few AS SELECT * FROM items LIMIT 60"
    )
    bench.database.dispose()

    run = bench.run(replace(PLAN, column="few.embedding", queries=5))

    assert run.state == "succeeded"
    assert [trial.state for trial in run.trials] == ["measured"] + ["void"] * 4
    assert run.trials[1].reason == "The planner chose Seq Scan although the index was to be measured."
    assert run.trials[1].measures == {}
    assert to_document(run)["trials"][0]["recall"] is None


def test_a_plan_that_changes_amid_the_trials_of_an_index_makes_them_void(bench: Bench) -> None:
    @dataclass
    class Meddling(Journal):
        lent: Connection | None = None

        def save(self, connection: Connection, progress: Progress, checkpoint: dict[str, Any]) -> None:
            super().save(connection, progress, checkpoint)
            self.lent = connection

        def tell(self, progress: Progress) -> None:
            super().tell(progress)
            if self.lent is not None and "hnsw" in progress.phase and progress.phase.endswith(": asking"):
                for setting in ("enable_indexscan = off", "plan_cache_mode = force_custom_plan"):
                    self.lent.execute(text(f"SET LOCAL {setting}"))

    run = bench.run(PLAN, Meddling())

    assert [trial.state for trial in run.trials] == ["measured", "void", "void", "measured", "measured"]
    for trial in run.trials[1:3]:
        assert trial.reason == (
            "The planner went over from the index to Seq Scan while the queries were asked: "
            "their figures are not of one plan."
        )
        assert trial.measures == {}
        assert trial.build_s


def test_an_index_the_server_cannot_build_is_void_and_the_others_are_measured(bench: Bench) -> None:
    variants = sweep([parse_spec("ivfflat:lists=1000"), parse_spec("hnsw:m=4,ef_construction=8")], {})

    run = bench.run(replace(PLAN, variants=variants), build_memory_mb=1)

    assert [trial.state for trial in run.trials] == ["measured", "void", "measured"]
    assert (run.trials[1].reason or "").startswith("The server cannot build this index: memory required is")
    assert run.trials[1].build_s is None


def test_what_the_server_says_of_a_build_stands_with_the_trial(bench: Bench) -> None:
    bench.execute("INSERT INTO items SELECT id + 1000, embedding FROM items WHERE embedding IS NOT NULL")
    journal = Journal()

    run = bench.run(replace(PLAN, variants=sweep([parse_spec("hnsw")], {})), journal, build_memory_mb=1)

    assert "hnsw graph no longer fits into maintenance_work_mem" in (run.trials[1].reason or "")
    assert "hnsw graph no longer fits into maintenance_work_mem" in journal.lines[1]


def test_progress_names_the_trial_and_ends_with_all_of_them(bench: Bench) -> None:
    journal = Journal()
    bench.run(PLAN, journal)

    phases = [progress.phase for progress in journal.told]
    assert phases[0] == "copying the rows"
    assert "finding the exact answers" in phases
    assert "trial 1 of 5, exact: asking" in phases
    assert "trial 4 of 5, ivfflat:lists=10 probes=1: asking" in phases
    assert (journal.saved[-1].done, journal.saved[-1].total) == (5, 5)


@pytest.mark.parametrize(
    ("plan", "error", "sentence"),
    [
        (replace(PLAN, column="items.nothing"), TableNotFound, "There is no vector column items.nothing"),
        (replace(PLAN, queries=1000), RequestError, "has 960 rows to measure: too few for 1,000 queries"),
        (
            BenchmarkPlan("items.embedding", Distance.L1, sweep([parse_spec("ivfflat")], {})),
            RequestError,
            "ivfflat has no operator class",
        ),
    ],
)
def test_a_plan_that_cannot_be_carried_out_leaves_nothing(
    bench: Bench, plan: BenchmarkPlan, error: type[DashboardError], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        bench.run(plan)

    assert bench.scratch_tables() == []
    assert bench.execute("SELECT FROM vectorscope.run") == []


def test_a_plan_beyond_the_budget_is_refused_before_anything_is_written(bench: Bench) -> None:
    with pytest.raises(
        RequestError, match=r"needs about \d+ MB of scratch space; 0 MB may be used"
    ) as refusal:
        bench.run(PLAN, budget_bytes=1000)

    assert "SCRATCH_BUDGET_MB" in refusal.value.remedy
    assert bench.execute("SELECT FROM vectorscope.run") == []


def test_a_cancelled_run_keeps_what_is_finished_and_drops_the_copy(bench: Bench) -> None:
    def stop(progress: Progress) -> None:
        if progress.phase.startswith("trial 4"):
            raise Cancelled("Job 1 was cancelled.")

    journal = Journal(before_tell=stop)
    with pytest.raises(Cancelled):
        bench.run(PLAN, journal)

    run = bench.look(journal.checkpoint["run"])
    assert run.state == "cancelled"
    assert [trial.position for trial in run.trials] == [0, 1, 2]
    assert bench.scratch_tables() == []


def test_a_failed_run_is_closed_and_drops_the_copy(bench: Bench) -> None:
    def fail(progress: Progress) -> None:
        if progress.phase.startswith("trial 2"):
            bench.execute("DROP TABLE items")

    journal = Journal(before_tell=fail)
    with pytest.raises(TableNotFound):
        bench.run(PLAN, journal)

    assert bench.look(journal.checkpoint["run"]).state == "failed"
    assert bench.scratch_tables() == []


def test_a_run_that_another_worker_has_taken_over_is_left_alone(bench: Bench) -> None:
    def lose(progress: Progress) -> None:
        if progress.phase.startswith("trial 4"):
            raise LeaseLost("Job 1 belongs to another worker now.")

    journal = Journal(before_tell=lose)
    with pytest.raises(LeaseLost):
        bench.run(PLAN, journal)

    run = bench.look(journal.checkpoint["run"])
    assert run.state == "running"
    assert len(bench.scratch_tables()) == 2


def test_the_janitor_takes_away_what_is_left_of_runs_that_are_over(bench: Bench) -> None:
    def lose(progress: Progress) -> None:
        raise LeaseLost("Job 1 belongs to another worker now.")

    job = bench.execute(
        "INSERT INTO vectorscope.job (kind, params, dedupe_key, created_by) "
        "VALUES ('benchmark', '{}', 'x', 'local') RETURNING id"
    )
    job_id = int(job[0].id)
    journal = Journal()
    journal.before_tell = lambda progress: lose(progress) if progress.phase.startswith("trial") else None
    with pytest.raises(LeaseLost):
        bench.run(PLAN, journal, job_id=job_id)
    run_id = journal.checkpoint["run"]

    with bench.database.control("janitor") as connection:
        assert sweep_scratch(connection, {job_id}) == ()
        assert len(bench.scratch_tables()) == 2
        assert sweep_scratch(connection, set()) == (run_id,)

    assert bench.scratch_tables() == []
    assert bench.look(run_id).state == "failed"
