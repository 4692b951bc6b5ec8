"""A run taken away: every format can be read again, and says what is not in it."""

import csv
import io
import json
import re
from dataclasses import replace

import h5py
import numpy as np
import pytest
from pyarrow import parquet

from dashboard.benchmark.document import to_document
from dashboard.benchmark.export import FORMATS, Format, flat_row, format_named
from dashboard.benchmark.target import Target
from db.errors import RequestError
from db.runs import LIVE, Figures, Run, Trial
from tests.benchmark.test_compare import PLAN, run_of
from tests.trials import exact, trial

POINT = {"clients": 2, "rate": 50.0, "qps": 50.0, "qps_low": 49.0, "qps_high": 51.0, "errors": 0} | {
    "p50_ms": 1.0,
    "p95_ms": 2.0,
    "p99_ms": 3.0,
}
TRIALS = (
    replace(exact(), k=10),
    replace(
        trial(value=40, position=1),
        k=10,
        facts={"server_ms": 0.4, "inserted": {"rows": 50, "row_ms": 0.2, "wal_bytes": 900.0}}
        | {"size_forecast_bytes": 40 * 2**20, "wal_forecast_bytes": 49 * 2**20},
        load=[POINT],
    ),
    replace(trial("ivfflat", 4, position=2, void=True), k=10, subset="1 %"),
)
RUN = run_of(*TRIALS, plan=replace(PLAN, repeats=2, subsets=(None, "1 %")), run_id=7)
OBSERVED = {
    0: Figures([8.0, 9.0, 10.0, 11.0], [1.0, 1.0]),
    1: Figures([1.0, 3.0, 2.0, 4.0], [0.9, 1.0]),
}


def written(name: str, run: Run = RUN) -> bytes:
    return format_named(name).write(run, OBSERVED)


@pytest.mark.parametrize("each", FORMATS, ids=lambda each: each.name)
def test_every_format_writes_a_run_and_one_that_has_nothing_yet(each: Format) -> None:
    assert each.write(RUN, OBSERVED)
    assert each.write(replace(RUN, trials=()), {})


def test_csv_has_a_line_a_trial_and_a_column_for_every_bound() -> None:
    rows = list(csv.DictReader(io.StringIO(written("csv").decode())))
    assert [row["setting"] for row in rows] == ["", "ef_search=40", "probes=4"]
    assert [row["recall"] for row in rows] == ["1.0", "0.99", ""]
    assert rows[1]["recall_low"] == "0.98"
    assert rows[1]["insert_row_ms"] == "0.2"
    assert (rows[1]["size_forecast_bytes"], rows[1]["size_over_forecast"]) == (str(40 * 2**20), "1.25")
    assert (rows[0]["wal_forecast_bytes"], rows[1]["wal_forecast_bytes"]) == ("", str(49 * 2**20))
    assert rows[2]["subset"] == "1 %"


def test_csv_holds_no_formula() -> None:
    run = replace(RUN, trials=(replace(TRIALS[1], subset="=cmd()"),))
    assert next(csv.DictReader(io.StringIO(written("csv", run).decode())))["subset"] == "'=cmd()"


def test_json_is_the_whole_run() -> None:
    document = json.loads(written("json"))
    assert (document["run"], document["plan"]["repeats"]) == (7, 2)
    assert document["exact"]["recall"] == 1
    assert [t["position"] for t in document["trials"]] == [1, 2]


def test_json_has_the_verdicts_and_the_growth() -> None:
    grown = [
        replace(made, position=2 * place + i, k=10, rows=rows)
        for place, rows in enumerate((1_000, 2_000, 4_000))
        for i, made in enumerate((bounded(exact(rows / 100)), bounded(trial(p95_ms=1 + place / 100))))
    ]
    run = run_of(*grown, plan=replace(PLAN, queries=20, sizes=(1_000, 2_000, 4_000)))
    document = to_document(run, {}, Target(0.95, 80))
    assert [(v["k"], v["cheapest"], v["target"]["p95_ms"]) for v in document["verdicts"]] == [(10, 4, 80)]
    arm, index = document["growth"]
    assert arm["exponent"]["value"] == pytest.approx(1)
    assert arm["crossing_rows"]["value"] == pytest.approx(8_000)
    assert arm["crossing_rows"]["low"] < 8_000 < arm["crossing_rows"]["high"]
    assert (arm["budget_ms"], arm["forecast"]["rows"]) == (80, 8_000)
    assert [size["rows"] for size in arm["sizes"]] == [1_000, 2_000, 4_000]
    assert "reaches 80 ms at ~8,000 rows" in arm["said"]
    assert "would be a guess" in index["said"]
    json.dumps(document, default=str, allow_nan=False)


def test_parquet_has_the_figures_of_every_query_and_the_plan_beside() -> None:
    table = parquet.read_table(io.BytesIO(written("parquet")))
    assert table.column("latencies_ms").to_pylist() == [*(OBSERVED[i].latencies_ms for i in (0, 1)), []]
    assert table.column("recalls").to_pylist()[1] == pytest.approx([0.9, 1.0])
    assert json.loads(table.schema.metadata[b"plan"])["repeats"] == 2
    assert str(table.schema.field("under_fill").type) == "double"


def test_hdf5_is_laid_out_as_ann_benchmarks_keeps_a_result() -> None:
    with h5py.File(io.BytesIO(written("hdf5"))) as file:
        assert list(file) == ["0000", "0001"]
        group = file["0001"]
        assert group["times"][:] == pytest.approx(np.array([2.0, 3.0]) / 1000)
        assert (group.attrs["count"], group.attrs["run_count"], group.attrs["distance"]) == (10, 2, "cosine")
        assert group.attrs["best_search_time"] == pytest.approx(0.0015)
        assert group["metrics/knn/recalls"][:] == pytest.approx([9, 10])
        assert group["metrics/knn"].attrs["mean"] == pytest.approx(0.95)
        assert "neighbors and distances" in group.attrs["absent"], "as of a run before they were kept"


def test_the_report_loads_nothing_and_says_the_verdict_for_each_filter() -> None:
    page = written("html").decode()
    assert not re.findall(r"(?:src|href|url\(|@import|<script)", page)
    assert "Recall@10, where 1 %" in page
    assert "HNSW m=16, ef_construction=64, ef_search=40 is the cheapest in target" in page
    assert page.count("<svg") == 1
    assert "<td>2.00<small>1.80 to 2.20</small></td>" in page, "p95 with its interval"
    assert "<th>Worst tenth</th>" in page
    assert "<td>50.0<small>1.25 of forecast</small></td><td>~49.0</td>" in page
    assert "[[index]]" in page


def test_the_report_draws_growth_and_clients_where_they_were_measured() -> None:
    loads = [
        POINT | {"clients": n, "rate": rate, "qps": 90.0 * n, "qps_low": 80.0 * n, "qps_high": 95.0 * n}
        for n, rate in ((1, 0.0), (2, 0.0), (2, 50.0))
    ]
    grown = [
        replace(made, position=3 * place + i, k=10, rows=rows, load=loads if rows == 4_000 else [])
        for place, rows in enumerate((1_000, 2_000, 4_000))
        for i, made in enumerate((bounded(exact(rows / 100)), bounded(trial()), bounded(trial("ivfflat", 4))))
    ]
    page = written(
        "html", run_of(*grown, plan=replace(PLAN, queries=20, sizes=(1_000, 2_000, 4_000)))
    ).decode()
    assert page.count("<svg") == 3
    assert "Exact search reaches 20 ms at ~2,000 rows" in page
    assert "p95 ~ rows ** 1.00 [" in page
    assert page.count("<polygon") == 3, "a band for each arm"
    assert page.count("all it can") == 6
    assert page.count("50/s") == 3, "the open loop is in the table"
    assert not re.findall(r"(?:src|href|url\(|@import|<script)", page)


def bounded(made: Trial) -> Trial:
    bounds = {
        f"{key}_{end}": made.measures[key] * times
        for key in ("p50_ms", "p95_ms", "p99_ms")
        for end, times in (("low", 0.9), ("high", 1.1))
    }
    return replace(made, measures={**made.measures, **bounds})


def test_a_rate_beyond_the_server_is_told_in_every_file_that_has_loads() -> None:
    beyond = POINT | {"due": 1_500, "unsent": 900}
    loaded = replace(TRIALS[1], load=[POINT | {"rate": 0.0}, beyond])
    live = replace(TRIALS[0], arm=LIVE, position=3)
    run = run_of(TRIALS[0], loaded, live, plan=replace(PLAN, queries=2))

    row = list(csv.DictReader(io.StringIO(written("csv", run).decode())))[1]
    assert json.loads(row["load"])[1] == beyond
    assert json.loads(written("json", run))["trials"][0]["load"][1] == beyond
    page = written("html", run).decode()
    assert "<td>600 of 1,500</td>" in page
    assert "overloaded at 50/s: 600 of 1,500 queries due were sent" in page
    assert "the live table, which others are using, is asked by one client" in page


def test_clients_on_the_live_table_stand_beside_those_on_the_copy() -> None:
    loaded = replace(TRIALS[1], load=[POINT | {"rate": 0.0}])
    live = replace(loaded, arm=LIVE, position=3, facts={"load_said": ["8 clients did not ask."]})
    page = written("html", run_of(TRIALS[0], loaded, live, plan=replace(PLAN, queries=2))).decode()

    assert "B live table: HNSW" in page
    assert "8 clients did not ask." in page
    assert "is asked by one client" not in page


def test_the_report_escapes_what_others_have_named() -> None:
    page = written("html", replace(RUN, table="<b>&", created_by='"x"')).decode()
    assert "public.&quot;&lt;b&gt;&amp;&quot;.embedding" in page
    assert "<b>&" not in page


def test_every_row_has_the_same_columns() -> None:
    assert len({tuple(flat_row(RUN, each)) for each in TRIALS}) == 1


def test_an_unknown_format_is_refused_by_name() -> None:
    with pytest.raises(RequestError, match="'docx'"):
        format_named("docx")


@pytest.mark.parametrize(
    ("settings", "remark"),
    [
        ({}, None),
        ({"wal_level": "replica", "wal_compression": "off"}, None),
        ({"wal_level": "replica", "wal_compression": "lz4"}, "wal_compression = lz4 a build writes less"),
        ({"wal_level": "minimal", "wal_compression": "lz4"}, "wal_level = minimal a plain CREATE INDEX"),
    ],
)
def test_what_the_servers_settings_make_of_the_wal_forecast_is_said(
    settings: dict[str, str], remark: str | None
) -> None:
    run = replace(RUN, environment={"settings": settings})
    told = to_document(run)["wal_remark"]
    assert (told is None) if remark is None else (remark in told)
    assert (remark or "</html>") in written("html", run).decode()
    assert to_document(replace(run, trials=TRIALS[:1]))["wal_remark"] is None, "nothing is forecast"
