"""Commands about the server: migrations, addresses that lead nowhere, and what serving refuses."""

import pytest

from dashboard.commands.serve import refuse_open_door
from dashboard.settings import Settings, settings
from db import audit
from db.engine import Database
from db.errors import RequestError
from tests.commands.conftest import Run


def test_migrations_are_listed_before_and_after(run_bare: Run, empty_database: Database) -> None:
    before = run_bare("showmigrations").out.splitlines()
    assert before
    assert all(line.startswith("[ ] ") for line in before)
    assert run_bare("migrate").code == 0
    assert [line[:4] for line in run_bare("showmigrations").out.splitlines()] == ["[X] "] * len(before)
    with empty_database.reading("test") as connection:
        assert [(row.subject, row.action) for row in audit.latest(connection)] == [("local", "migrate")]
    assert run_bare("showmigrations", "--json").document["revisions"][0]["applied"] is True


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("postgresql://nobody@127.0.0.1:1/none", "127.0.0.1"),
        ("postgresql://user:secret@127.0.0.1:abc/none", "port must be a number"),
        ("postgresql://user:se@cret@127.0.0.1/none", "more than one @"),
        ("mysql://user:secret@127.0.0.1/none", "not a postgresql:// address"),
        ("nonsense", "not a postgresql:// address"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_without_its_password(
    run: Run, monkeypatch: pytest.MonkeyPatch, url: str, sentence: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()
    for command in (("columns",), ("populate_db",), ("migrate",)):
        said = run(*command)
        assert said.code == 1
        assert sentence in said.err
        assert "secret" not in said.err
        assert len(said.err.strip().splitlines()) <= 2


def test_a_database_that_is_not_there_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, server_url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", server_url.replace("/vectorscope?", "/nowhere?"))
    settings.cache_clear()
    said = run("columns")
    assert said.code == 1
    assert '"nowhere" does not exist' in said.err


def test_the_embedded_servers_commands_want_no_other_server(run: Run) -> None:
    said = run("db", "status")
    assert said.code == 1
    assert "DATABASE_URL" in said.err


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "127.example.com", "myhost"])
def test_serving_beyond_this_machine_is_refused_without_a_login(host: str) -> None:
    with pytest.raises(RequestError, match="no login is configured"):
        refuse_open_door(Settings(host=host))
    refuse_open_door(Settings(host=host, allow_open=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_serving_to_this_machine_is_allowed(host: str) -> None:
    refuse_open_door(Settings(host=host))


def test_a_jobs_life_can_be_read(run: Run) -> None:
    assert "There are no jobs" in run("jobs", "list").err
    job = run("populate_db", "--source", "uniform", "--table", "t", "--rows", 20, "--json").document["job"]
    shown = run("jobs", "show", job, "--json").document
    assert shown["state"] == "succeeded"
    assert shown["log"]
    assert run("jobs", "list", "--json").document["jobs"][0]["id"] == job
    assert run("jobs", "cancel", job).code == 1
    assert run("jobs", "retry", job).code == 1
    assert "There is no job 999" in run("jobs", "show", 999).err


@pytest.mark.parametrize(
    "arguments",
    [
        ("populate_db", "--rows", "abc"),
        ("populate_db", "--param", "clusters=many"),
        ("populate_db", "--nosuch"),
        ("search",),
        ("benchmark", "public.t.e", "--ef-search", "a,b"),
        ("columns", "extra"),
        ("bogus",),
        ("jobs", "show", "abc"),
    ],
)
def test_a_command_that_is_mistyped_is_told_in_one_document(run: Run, arguments: tuple[str, ...]) -> None:
    said = run(*arguments, "--json")
    assert said.code == 2
    assert said.document["error"] in said.err
    assert "--help" in said.document["remedy"]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("LOG_LEVEL", "loud"),
        ("VECTORSCOPE_PORT", "99999"),
        ("VECTORSCOPE_PORT", "-1"),
        ("READ_TIMEOUT_S", "-1"),
        ("JOB_ATTEMPTS", "0"),
        ("JOB_LEASE_S", "9" * 5000),
        ("SCRATCH_BUDGET_MB", "much"),
        ("WORKER", "perhaps"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(
    run: Run, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    settings.cache_clear()
    said = run("columns", "--json")
    assert said.code == 1
    assert said.document["error"].startswith(f"{variable}=")
    assert variable in said.document["remedy"]


def test_bytes_that_are_no_text_are_told(run: Run) -> None:
    for arguments in (
        ("search", "public.t\udcff.e", "--id", "1"),
        ("search", "public.products.embedding", "--id", "\udcff"),
    ):
        said = run(*arguments, "--json")
        assert said.code == 1
        assert said.document["remedy"]
