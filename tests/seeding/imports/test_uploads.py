"""How long a reader's files stay."""

import os
import time
from pathlib import Path

from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.seeding.imports.request import ImportRequest
from dashboard.seeding.imports.uploads import KEPT_S, sweep_uploads, uploads_in
from db import jobs
from db.engine import Database


def upload(home: Path, name: str, age_s: float) -> Path:
    folder = uploads_in(home) / name
    folder.mkdir(parents=True)
    file = folder / "upload.csv"
    file.write_text("id\n1\n")
    then = time.time() - age_s
    os.utime(folder, (then, then))
    return file


def test_an_upload_goes_after_a_day_unless_a_job_is_to_read_it(tmp_path: Path) -> None:
    new, old, busy = (
        upload(tmp_path, name, age_s)
        for name, age_s in (("new", KEPT_S - 60), ("old", KEPT_S + 60), ("busy", KEPT_S + 60))
    )
    sweep_uploads(tmp_path, {str(busy)})
    assert [path.exists() for path in (new, old, busy)] == [True, False, True]


def test_where_nothing_was_uploaded_nothing_is_swept(tmp_path: Path) -> None:
    sweep_uploads(tmp_path, set())
    assert not uploads_in(tmp_path).exists()


def test_the_files_of_jobs_that_wait_are_in_use(database: Database) -> None:
    request = ImportRequest(path="/somewhere/upload.csv", table="t", create=True)
    job_id = queue.submit(database, LOCAL, "import", request.to_params())
    with database.reading("tests") as connection:
        assert jobs.active_paths(connection) == {"/somewhere/upload.csv"}
    queue.cancel(database, LOCAL, job_id)
    with database.reading("tests") as connection:
        assert jobs.active_paths(connection) == set()
