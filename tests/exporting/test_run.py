"""An export is whole and says so, or it is not there."""

import hashlib
import json
import re
import time
import tracemalloc
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import text, update

from dashboard.exporting import delivery
from dashboard.exporting.delivery import Kept, fetch, keep, kept, pack, pack_kept, sweep_exports
from dashboard.exporting.formats import FORMATS
from dashboard.exporting.request import SCOPES, ExportRequest, Scope
from dashboard.exporting.run import export
from dashboard.identity import LOCAL, Principal, Role
from dashboard.jobs import queue
from dashboard.jobs.kinds import kind_named
from dashboard.jobs.worker import Worker
from dashboard.settings import settings
from db import audit, jobs, schema
from db.engine import Database
from db.errors import Cancelled, DashboardError, NotPermitted, RequestError, TableNotFound
from db.jobs import Job
from db.progress import Progress, Unrecorded
from tests.db.conftest import run
from tests.exporting.conftest import Write

MANY = """
CREATE TABLE many (id int PRIMARY KEY, title text, embedding vector(2));
INSERT INTO many SELECT i, 'title ' || i, ARRAY[i, 1]::vector FROM generate_series(1, 25000) AS i;
"""


@pytest.fixture
def many(database: Database) -> Database:
    with database.control("test") as connection:
        run(connection, MANY)
    return database


@pytest.mark.parametrize("scope", SCOPES.values(), ids=lambda scope: scope.key)
def test_every_scope_goes_with_its_way_to_name_rows(scope: Scope) -> None:
    keys = (("1",),)
    fitting = ExportRequest("t.v", scope=scope.key, keys=keys if scope.by_key else None)
    assert ExportRequest.from_params(json.loads(json.dumps(fitting.to_params()))) == fitting
    with pytest.raises(RequestError, match="contradict each other"):
        ExportRequest("t.v", scope=scope.key, keys=None if scope.by_key else keys)


def test_the_sidecar_tells_how_the_file_came_about(write: Write, goods: Database) -> None:
    exported = write(scope="filtered", where='["all",["id","<=","2"]]', rows=1, sort="id", descending=True)
    told = json.loads(exported.sidecar.read_text(encoding="utf-8"))
    assert exported.sidecar.name == exported.path.name + ".meta.json"
    assert told["file"] == exported.path.name
    assert told["sha256"] == hashlib.sha256(exported.path.read_bytes()).hexdigest()
    assert (told["rows"], told["of_rows"], told["truncated"], told["limit"]) == (1, 2, True, 1)
    assert told["parameters"]["where_in_words"] == "id is at most 2"
    assert told["parameters"]["order"] == ["id DESC"]
    assert set(told["versions"]) == {"vectorscope", "postgresql", "pgvector", "pyarrow"}
    with goods.reading("test") as connection:
        again = connection.exec_driver_sql(told["sql"].replace("%", "%%")).all()
    assert [row.id for row in again] == [2]


def test_a_whole_export_says_that_nothing_was_cut_off(write: Write) -> None:
    exported = write()
    told = json.loads(exported.sidecar.read_text(encoding="utf-8"))
    assert not exported.truncated
    assert (told["truncated"], told["limit"], told["rows"], told["of_rows"]) == (False, None, 3, 3)


def test_the_name_tells_table_filter_moment_and_rows(write: Write) -> None:
    assert re.fullmatch(r"goods_all_\d{8}T\d{4}Z_3rows\.csv", write().path.name)
    filtered = write(scope="filtered", where='["all",["id","=","1"]]')
    assert re.fullmatch(r"goods_[0-9a-f]{8}_\d{8}T\d{4}Z_1rows\.csv", filtered.path.name)


def test_a_name_from_elsewhere_is_no_path() -> None:
    at = datetime(2026, 5, 4, 3, 2, tzinfo=UTC)
    assert ExportRequest('public."../../etc/passwd".v').stem(at) == "etc_passwd_all_20260504T0302Z"
    assert ExportRequest('public."/".v').stem(at).startswith("table_all_")


def test_rows_that_were_named_and_are_gone_are_counted(write: Write) -> None:
    exported = write(scope="selected", keys=(("1",), ("2",), ("99",)))
    assert (exported.rows, exported.missing, exported.truncated) == (2, 1, False)
    assert json.loads(exported.sidecar.read_text())["missing_rows"] == 1


def test_no_rows_make_a_file_with_a_header(write: Write) -> None:
    for kind in ("csv", "jsonl", "parquet"):
        exported = write(format=kind, scope="filtered", where='["all",["id","<","0"]]')
        assert (exported.rows, exported.of_rows) == (0, 0)
        assert exported.path.exists()


@pytest.mark.parametrize(
    ("change", "error", "sentence"),
    [
        ({"column": "goods.nothing"}, TableNotFound, "no vector column goods.nothing"),
        ({"sort": "nothing"}, RequestError, "no column 'nothing' to sort by"),
        ({"scope": "filtered", "where": '["all",["nothing","=","1"]]'}, RequestError, "'nothing'"),
        ({"scope": "filtered", "where": '["all",["raw","=","1"]]'}, RequestError, "json, which has no ="),
        ({"scope": "filtered", "where": "["}, RequestError, "is not JSON"),
        ({"scope": "selected", "keys": (("x",),)}, RequestError, "bigint"),
        ({"rows": 0}, RequestError, "leaves none"),
    ],
)
def test_what_cannot_be_exported_leaves_nothing_behind(
    change: dict[str, object], error: type[DashboardError], sentence: str, write: Write, tmp_path: Path
) -> None:
    with pytest.raises(error, match=re.escape(sentence)):
        write(**change)
    assert list(tmp_path.iterdir()) == []


def test_a_view_that_changes_while_it_is_read_is_found_out(goods: Database, tmp_path: Path) -> None:
    with goods.control("test") as connection:
        connection.execute(
            text(
                "CREATE VIEW dice AS SELECT id, embedding FROM goods, generate_series(1, 999) "
                "WHERE random() < 0.5"
            )
        )
    with pytest.raises(DashboardError, match=r"counted [\d,]+ rows and returned [\d,]+"):
        export(goods, ExportRequest("dice.embedding"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_rows_written_meanwhile_are_in_neither_the_file_nor_the_count(many: Database, tmp_path: Path) -> None:
    class Busy(Unrecorded):
        def tell(self, progress: Progress) -> None:
            with many.control("test") as connection:
                connection.execute(text("DELETE FROM many WHERE id > 100"))

    exported = export(many, ExportRequest("many.embedding"), tmp_path, Busy())
    assert exported.rows == exported.of_rows == 25_000


def test_progress_counts_up_to_the_rows_there_are(many: Database, tmp_path: Path) -> None:
    seen: list[Progress] = []

    class Watched(Unrecorded):
        def tell(self, progress: Progress) -> None:
            seen.append(progress)

    export(many, ExportRequest("many.embedding", rows=20_000), tmp_path, Watched())
    assert [p.done for p in seen][-2:] == [19_000, 20_000]
    assert {p.total for p in seen} == {20_000}


@pytest.mark.parametrize("entry", FORMATS)
def test_memory_does_not_grow_with_the_rows(many: Database, tmp_path: Path, entry: str) -> None:
    with many.control("test") as connection:
        run(connection, "UPDATE many SET title = repeat(md5(id::text), 50)")
        run(connection, "VACUUM FULL many")
    peaks = []
    for rows in (1_000, 2_000, 20_000):
        tracemalloc.start()
        export(many, ExportRequest("many.embedding", entry, rows=rows), tmp_path, name=f"{rows}.{entry}")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 8 << 20  # the first export imports what it needs
    assert peaks[2] < 1.5 * peaks[1]


def test_a_folder_that_cannot_be_written_is_named(goods: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="Nothing can be written to"):
        export(goods, ExportRequest("goods.embedding"), tmp_path / "file")


def test_a_click_gets_the_file_and_its_sidecar_in_one_archive(goods: Database) -> None:
    with zipfile.ZipFile(BytesIO(pack(goods, LOCAL, ExportRequest("goods.embedding")))) as archive:
        file, sidecar = archive.namelist()
        assert sidecar == f"{file}.meta.json"
        assert archive.read(file).startswith(b"id,small")
        assert json.loads(archive.read(sidecar))["rows"] == 3


def test_what_a_click_takes_away_is_in_the_audit_log(goods: Database) -> None:
    pack(goods, Principal("ada", Role.ANALYST), ExportRequest("goods.embedding"))
    (row,) = fetched(goods)
    assert (row.subject, row.role, row.object) == ("ada", "analyst", "goods.embedding")
    assert (row.detail["rows"], row.detail["scope"]) == (3, "all")


def test_a_viewer_takes_no_rows_away(goods: Database) -> None:
    with pytest.raises(NotPermitted, match="may not export rows: it needs the role analyst"):
        pack(goods, Principal("eve", Role.VIEWER), ExportRequest("goods.embedding"))
    assert kind_named("export").role == delivery.ROLE
    assert not fetched(goods)


def test_a_database_without_an_audit_log_can_still_be_exported(
    goods: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with goods.control("tests") as connection:
        connection.exec_driver_sql("DROP SCHEMA vectorscope CASCADE")
    assert pack(goods, LOCAL, ExportRequest("goods.embedding"))
    assert "local fetched rows of goods.embedding" in caplog.text


def test_a_file_that_cannot_get_its_name_leaves_no_sidecar(goods: Database, tmp_path: Path) -> None:
    (tmp_path / "taken.csv" / "full").mkdir(parents=True)
    with pytest.raises(RequestError, match="Nothing can be written"):
        export(goods, ExportRequest("goods.embedding"), tmp_path, name="taken.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["taken.csv"]


def test_the_sidecar_tells_which_rows_a_limit_keeps(write: Write) -> None:
    kept_rows = [
        json.loads(write(column, rows=rows).sidecar.read_text())["kept"]
        for column, rows in (("goods.embedding", 2), ("goods.embedding", 3), ("formulas.embedding", 2))
    ]
    assert kept_rows == ["the first by id", "every row", "any rows: nothing orders this table"]


def test_a_click_is_not_kept_waiting_for_a_huge_file(many: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "PAGE_BYTES", 100_000)
    with pytest.raises(RequestError, match="has grown over 0 MB") as refused:
        pack(many, LOCAL, ExportRequest("many.embedding"))
    assert "as a job" in refused.value.remedy


REQUEST = ExportRequest("public.many.embedding", "parquet")


def test_a_job_writes_a_file_that_can_be_fetched(
    many: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VECTORSCOPE_HOME", str(tmp_path))
    settings.cache_clear()
    job_id = queue.submit(many, LOCAL, "export", REQUEST.to_params())
    assert Worker(many, lease_s=10).run_one()
    settings.cache_clear()
    job = read_job(many, job_id)
    assert job.state == "succeeded", job.error
    assert job.result
    file = kept(tmp_path, job.result)
    assert file
    assert job.result["rows"] == 25_000
    with zipfile.ZipFile(BytesIO(pack_kept(many, LOCAL, job, file))) as archive:
        assert len(archive.namelist()) == 2
    names = [file.path.name, f"{file.path.name}.meta.json"]
    for address, name in zip(file.addresses, names, strict=True):
        assert unquote(address) == f"/exports/{job.result['folder']}/{name}"
        assert fetch(many, LOCAL, tmp_path, job.result["folder"], name).name == name
    assert [row.detail["file"] for row in fetched(many)] == [names[1], names[0], names[0]]


def test_only_who_asked_for_an_export_or_an_administrator_fetches_it(many: Database, tmp_path: Path) -> None:
    bob = Principal("bob", Role.LEAD)
    job_id, told = finished(many, tmp_path, "ada")
    with pytest.raises(NotPermitted, match="is ada's: only they or an administrator may fetch it"):
        fetch(many, bob, tmp_path, told["folder"], told["file"])
    with pytest.raises(NotPermitted):
        pack_kept(many, bob, read_job(many, job_id), Kept(tmp_path / told["file"], 1))
    assert not fetched(many)
    for principal in (Principal("ada", Role.ANALYST), LOCAL):
        assert fetch(many, principal, tmp_path, told["folder"], told["file"]).is_file()


def test_nothing_but_the_file_and_its_sidecar_is_handed_out(many: Database, tmp_path: Path) -> None:
    _, told = finished(many, tmp_path, "local")
    folder = told["folder"]
    (tmp_path / "exports" / "secret").write_text("key")
    for where, name in (
        (folder, "../secret"),
        (folder, ""),
        ("..", told["file"]),
        (f"{folder[:-16]}{'0' * 16}", told["file"]),
    ):
        with pytest.raises(RequestError, match="no such export"):
            fetch(many, LOCAL, tmp_path, where, name)
    (tmp_path / "exports" / folder / told["file"]).unlink()
    with pytest.raises(RequestError, match="was removed"):
        fetch(many, LOCAL, tmp_path, folder, told["file"])


def finished(database: Database, home: Path, owner: str) -> tuple[int, dict[str, Any]]:
    """Write the file of somebody's job, as its worker would."""
    job_id = queue.submit(database, Principal(owner, Role.ANALYST), "export", REQUEST.to_params())
    told = keep(database, replace(REQUEST, rows=1), home, Unrecorded(), job_id=job_id)
    ended = update(schema.job).where(schema.job.c.id == job_id).values(state="succeeded", result=told)
    with database.control("tests") as connection:
        connection.execute(ended)
    return job_id, told


def fetched(database: Database) -> list[audit.AuditRow]:
    with database.reading("tests") as connection:
        return [row for row in audit.latest(connection) if row.action == "fetch export"]


def read_job(database: Database, job_id: int) -> Job:
    with database.reading("test") as connection:
        return jobs.get(connection, job_id)


def test_a_job_that_is_stopped_leaves_no_file(many: Database, tmp_path: Path) -> None:
    class Stopped(Unrecorded):
        def tell(self, progress: Progress) -> None:
            raise Cancelled("Job 7 was cancelled.")

    with pytest.raises(Cancelled):
        keep(many, REQUEST, tmp_path, Stopped(), job_id=7)
    assert list((tmp_path / "exports").iterdir()) == []


def test_the_next_attempt_clears_away_what_a_killed_one_left(many: Database, tmp_path: Path) -> None:
    first = keep(many, REQUEST, tmp_path, Unrecorded(), job_id=7)
    (tmp_path / "exports" / first["folder"] / "left.part").write_text("half")
    other = keep(many, REQUEST, tmp_path, Unrecorded(), job_id=77)
    again = keep(many, REQUEST, tmp_path, Unrecorded(), job_id=7)
    assert {folder.name for folder in (tmp_path / "exports").iterdir()} == {again["folder"], other["folder"]}
    assert kept(tmp_path, first) is None


def test_old_exports_are_swept_away(many: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = keep(many, replace(REQUEST, rows=1), tmp_path, Unrecorded(), job_id=7)
    sweep_exports(tmp_path, 1)
    assert kept(tmp_path, result)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 2 * 86_400)
    sweep_exports(tmp_path, 1)
    assert kept(tmp_path, result) is None
