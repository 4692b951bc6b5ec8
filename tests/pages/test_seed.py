"""Asking for rows, and what becomes of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.jobs.worker import Worker
from dashboard.seeding import local_models
from dashboard.seeding.imports.request import ImportRequest
from dashboard.seeding.request import PopulateRequest
from dashboard.seeding.sources import SOURCES
from db import jobs
from db.engine import Database
from tests.pages.conftest import forget_the_installation, open_app

LABELS = [source.label for source in SOURCES.values()]


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click()
    return app.run()


def chosen(source: str) -> AppTest:
    return open_app("seed", source=source)


@pytest.mark.parametrize("key", SOURCES)
def test_every_source_is_drawn_from_the_registry(served: Database, key: str) -> None:
    entry = SOURCES[key]
    app = chosen(entry.label)
    assert not app.exception
    assert not app.error
    numbers = {number.label for number in app.number_input}
    assert {parameter.label for parameter in entry.parameters} <= numbers
    assert app.metric[0].value == f"{entry.rows:,}"


def test_load_queues_a_job_with_what_was_chosen(served: Database) -> None:
    app = chosen("Uniform")
    app.text_input[0].set_value("mine").run()
    press(app, "Load")
    with served.reading("test") as connection:
        (job,) = jobs.latest(connection)
    request = PopulateRequest.from_params(job.params)
    assert (request.source, request.table, request.rows) == ("uniform", "mine", 10_000)
    assert job.created_by == "local"


def test_a_table_in_the_way_is_told_and_nothing_is_queued(served: Database) -> None:
    app = chosen("Uniform")
    app.text_input[0].set_value("products").run()
    press(app, "Load")
    assert any("exists with other columns" in error.value for error in app.error)
    with served.reading("test") as connection:
        assert jobs.latest(connection) == ()


def test_a_finished_load_says_how_many_rows_and_where_to_go(served: Database) -> None:
    request = PopulateRequest(source="uniform", table="mine", rows=300, dims=4)
    job_id = queue.submit(served, LOCAL, "populate", request.to_params())
    assert Worker(served, lease_s=10).run_one(only=job_id)
    app = open_app("seed", job=str(job_id))
    assert not app.exception
    assert any("**300 rows** loaded into `public.mine`" in element.value for element in app.markdown)
    assert {"Search it", "Measure it", "Load something else"} <= {button.label for button in app.button}


def test_a_job_that_is_no_number_is_told(served: Database) -> None:
    assert any("is not the number of a job" in error.value for error in open_app("seed", job="x").error)


FILMS = 'id,title,embedding\n1,Alien,"[1,2]"\n2,Heat,"[3,4]"\n'


def uploaded(path: Path, content: str = FILMS, **query: str) -> AppTest:
    """Open the page as after an upload: AppTest cannot upload."""
    path.write_text(content)
    app = open_app("seed", source="File", **query)
    app.session_state["kept import file"] = (path, "films.csv")
    return app.run()


def worked_off(database: Database) -> int:
    """Carry out the job that was queued last, and give its number."""
    with database.reading("test") as connection:
        job_id = jobs.latest(connection)[0].id
    assert Worker(database, lease_s=10).run_one(only=job_id)
    return job_id


def test_without_a_file_there_is_nothing_to_check(served: Database) -> None:
    app = open_app("seed", source="File")
    assert not app.exception
    assert next(button for button in app.button if button.label == "Check it").disabled


def test_a_file_is_checked_then_imported(served: Database, tmp_path: Path) -> None:
    app = uploaded(tmp_path / "films.csv")
    assert not app.exception
    assert [metric.value for metric in app.metric] == ["2", "3", "CSV"]
    press(app, "Check it")
    app = open_app("seed", job=str(worked_off(served)))
    assert not app.exception
    assert any("Nothing stands in the way" in element.value for element in app.success)
    press(app, "Import 2 rows")
    app = open_app("seed", job=str(worked_off(served)))
    assert any("**2 rows** imported into `public.films`" in element.value for element in app.markdown)
    assert {"Browse it", "Search it", "Measure it"} <= {button.label for button in app.button}


def test_a_plan_with_errors_lists_them_and_offers_the_other_rows(served: Database, tmp_path: Path) -> None:
    app = uploaded(tmp_path / "films.csv", FILMS + '3,Ran,"[1,2,3]"\n')
    press(app, "Check it")
    app = open_app("seed", job=str(worked_off(served)))
    assert any("1 of 3 rows cannot be imported" in error.value for error in app.error)
    assert any("expected 2 numbers, found 3" in str(frame.value) for frame in app.dataframe)
    press(app, "Import 2 rows without the 1 bad")
    app = open_app("seed", job=str(worked_off(served)))
    assert any("imported into `public.films`, 1 left out." in element.value for element in app.markdown)


def test_keys_that_exist_offer_an_update_or_a_skip(served: Database, tmp_path: Path) -> None:
    path = tmp_path / "films.csv"
    path.write_text(FILMS)
    made = ImportRequest(path=str(path), name="films.csv", table="films", create=True)
    for request in (made, replace(made, create=False, dry_run=True)):
        queue.submit(served, LOCAL, "import", request.to_params())
        job_id = worked_off(served)
    app = open_app("seed", job=str(job_id))
    assert any("2 keys already exist" in error.value for error in app.error)
    press(app, "Skip the 2 that exist")
    app = open_app("seed", job=str(worked_off(served)))
    assert any(
        "**0 rows** imported into `public.films`, 2 skipped." in element.value for element in app.markdown
    )


def test_a_table_that_changed_since_the_plan_is_left_alone(served: Database, tmp_path: Path) -> None:
    app = uploaded(tmp_path / "films.csv")
    press(app, "Check it")
    app = open_app("seed", job=str(worked_off(served)))
    with served.control("test") as connection:
        connection.execute(text("CREATE TABLE films (id int)"))
    press(app, "Import 2 rows")
    app = open_app("seed", job=str(worked_off(served)))
    assert any("public.films exists already" in error.value for error in app.error)


def test_a_file_that_cannot_be_read_is_told_in_its_place(served: Database, tmp_path: Path) -> None:
    app = uploaded(tmp_path / "films.csv", "id,id\n1,2\n")
    assert any('Column "id" appears twice' in error.value for error in app.error)
    assert not any("Choose a file to see" in element.value for element in app.caption)


def test_a_file_that_cannot_be_read_is_named_as_the_reader_names_it(served: Database, tmp_path: Path) -> None:
    app = uploaded(tmp_path / "upload.csv", "id\n")
    assert [error.value.partition(".")[0] for error in app.error] == ["**The file films"]


def test_vectors_of_several_lengths_are_proposed_as_the_vector_and_never_as_text(
    served: Database, tmp_path: Path
) -> None:
    app = uploaded(tmp_path / "films.csv", 'id,embedding\n1,"[1,2,3]"\n2,"[1,2]"\n')
    assert [box.value for box in app.multiselect if box.label.startswith("Text to embed")] == [[]]
    assert [box.value for box in app.selectbox if box.label == "Column of vectors"] == ["embedding"]
    press(app, "Check it")
    app = open_app("seed", job=str(worked_off(served)), source="File")
    assert any("expected 3 numbers, found 2" in str(frame.value) for frame in app.dataframe)
    press(app, "Change something")
    next(box for box in app.selectbox if box.label == "Column of vectors").select("").run()
    press(app, "Check it")
    app = open_app("seed", job=str(worked_off(served)))
    assert any("No column is a vector" in element.value for element in app.caption)
    press(app, "Import 2 rows")
    app = open_app("seed", job=str(worked_off(served)))
    assert any("No column is a vector" in element.value for element in app.caption)


def test_a_table_that_is_there_is_chosen_with_a_mode(served: Database, tmp_path: Path) -> None:
    with served.control("test") as connection:
        connection.execute(text("CREATE TABLE films (id int PRIMARY KEY, title text, v vector(2))"))
    app = uploaded(tmp_path / "films.csv", into="A table that is there")
    next(box for box in app.selectbox if box.label == "Table").select("public.films").run()
    assert not app.exception
    press(app, "Check it")
    with served.reading("test") as connection:
        request = ImportRequest.from_params(jobs.latest(connection)[0].params)
    assert (request.create, request.mode, request.dry_run) == (False, "insert", True)
    assert request.columns == {"id": "id", "title": "title", "embedding": "v"}


def test_a_plan_that_is_to_be_changed_fills_the_form_again(served: Database, tmp_path: Path) -> None:
    path = tmp_path / "films.csv"
    path.write_text(FILMS)
    request = ImportRequest(
        path=str(path),
        name="films.csv",
        table="cinema",
        create=True,
        columns={"id": "id", "title": ""},
        dry_run=True,
    )
    queue.submit(served, LOCAL, "import", request.to_params())
    app = open_app("seed", job=str(worked_off(served)), source="File")
    press(app, "Change something")
    assert not app.exception
    assert [box.value for box in app.text_input] == ["cinema"]
    press(app, "Check it")
    with served.reading("test") as connection:
        again = ImportRequest.from_params(jobs.latest(connection)[0].params)
    assert (again.table, again.columns["title"]) == ("cinema", "")


@pytest.fixture
def films(served: Database, installation: pytest.MonkeyPatch) -> Iterator[Database]:
    """A table of somebody's, and a login that may read it and Vectorscope's own tables."""
    with served.control("test") as connection:
        connection.exec_driver_sql(
            "CREATE TABLE films (id int PRIMARY KEY, title text, embedding vector(2)); "
            "CREATE ROLE usher LOGIN; GRANT SELECT ON films TO usher; "
            "GRANT ALL ON SCHEMA vectorscope TO usher; "
            "GRANT ALL ON ALL TABLES IN SCHEMA vectorscope TO usher; "
            "GRANT ALL ON ALL SEQUENCES IN SCHEMA vectorscope TO usher"
        )
    yield served
    forget_the_installation()
    with served.control("test") as connection:
        connection.exec_driver_sql("DROP OWNED BY usher; DROP ROLE usher")


def as_usher(database: Database) -> str:
    return database.url.set(username="usher").render_as_string(hide_password=False)


def test_the_tables_that_are_there_are_those_the_login_that_writes_may_fill(
    films: Database, installation: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    installation.setenv("DATABASE_READ_URL", as_usher(films))
    forget_the_installation()
    app = uploaded(tmp_path / "films.csv", into="A table that is there")
    assert not app.exception
    assert "public.films" in next(box for box in app.selectbox if box.label == "Table").options


def test_rights_that_are_lacking_are_told_with_the_grant_before_a_row_is_read(
    films: Database, installation: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "films.csv"
    path.write_text(FILMS)
    request = ImportRequest(path=str(path), name="films.csv", table="films", dry_run=True)
    job_id = queue.submit(films, LOCAL, "import", request.to_params())
    usher = Database(as_usher(films))
    Worker(usher, lease_s=10).run_one(only=job_id)
    usher.dispose()
    app = open_app("seed", job=str(job_id), source="File")
    (told,) = [error.value.replace("\\", "") for error in app.error]
    assert "The login usher, which writes, lacks INSERT on public.films." in told
    assert "`GRANT INSERT ON public.films TO usher;`" in told
    assert not any("Nothing stands in the way" in element.value for element in app.success)


def test_rows_that_searches_will_not_return_are_named_in_the_plan(served: Database, tmp_path: Path) -> None:
    app = uploaded(tmp_path / "films.csv", FILMS + '3,Ran,"[0,0]"\n')
    press(app, "Check it")
    app = open_app("seed", job=str(worked_off(served)))
    assert any("Row 3 has zero length; cosine distance to it is undefined" in c.value for c in app.caption)


@pytest.mark.parametrize("package", ["numpy", "no_such_package"], ids=["installed", "not installed"])
def test_any_model_can_be_named_as_the_embedder_where_the_package_is_installed(
    served: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str
) -> None:
    monkeypatch.setattr(local_models, "_PACKAGE", package)  # only looked for: it is the worker that embeds
    path = tmp_path / "films.csv"
    path.write_text("id,title\n1,Alien\n")
    app = open_app("seed", source="File")
    app.session_state["kept import file"] = (path, "films.csv")
    app.session_state["embedder"] = "/models/tiny"  # typed: AppTest can only choose
    app.run()
    told = [error.value.replace("\\", "") for error in app.error]
    lacks = "The embedder sentence-transformers:/models/tiny needs a package that is not installed here"
    assert [lacks in sentence for sentence in told] == ([] if package == "numpy" else [True])
    assert next(b for b in app.button if b.label == "Check it").disabled == (package != "numpy")
