"""What the login that writes may not do is told before a row is read, with the grants that would help."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from dashboard.seeding.imports.validate import validate
from db.engine import Database
from db.errors import PermissionDenied
from tests.seeding.imports.conftest import Write, ask, asked, do, run

CLERK = "import_clerk"
FEW = "id,name\n1,a\n"


@pytest.fixture
def clerk(places: Database) -> Iterator[Database]:
    """The database, written by a login that owns nothing there, and read by the owner."""
    run(places, f"CREATE ROLE {CLERK} LOGIN; CREATE TABLE numbered (id serial PRIMARY KEY, name text)")
    run(places, f"GRANT ALL ON SCHEMA vectorscope TO {CLERK}; REVOKE CREATE ON SCHEMA public FROM public")
    run(places, f"GRANT ALL ON ALL TABLES IN SCHEMA vectorscope TO {CLERK}")
    run(places, f"GRANT ALL ON ALL SEQUENCES IN SCHEMA vectorscope TO {CLERK}")
    owner = places.url.render_as_string(hide_password=False)
    database = Database(places.url.set(username=CLERK).render_as_string(hide_password=False), owner)
    yield database
    database.dispose()
    run(places, f"DROP OWNED BY {CLERK}; DROP ROLE {CLERK}")


@dataclass(frozen=True)
class Lack:
    """An import into ``table`` after ``granted``, and the grant it lacks."""

    granted: str
    table: str
    grant: str
    more: Mapping[str, Any] = field(default_factory=dict)


LACKS = {
    "insert": Lack("", "places", "INSERT ON public.places"),
    "update": Lack("INSERT ON places", "places", "SELECT, UPDATE ON public.places", {"mode": "update"}),
    "skip": Lack("INSERT ON places", "places", "SELECT ON public.places", {"mode": "skip"}),
    "sequence": Lack(
        "INSERT ON numbered", "numbered", "USAGE ON SEQUENCE public.numbered_id_seq", {"columns": {"id": ""}}
    ),
    "create": Lack("", "new", "CREATE ON SCHEMA public", {"create": True}),
}


@pytest.mark.parametrize("lack", LACKS.values(), ids=LACKS)
def test_what_is_lacking_is_told_with_its_grant_and_that_grant_is_enough(
    clerk: Database, places: Database, write: Write, lack: Lack
) -> None:
    if lack.granted:
        run(places, f"GRANT {lack.granted} TO {CLERK}")
    request = asked(write(FEW), lack.table, **lack.more)
    with pytest.raises(PermissionDenied, match=f"The login {CLERK}, which writes, lacks") as told:
        validate(clerk, request)
    grant = f"GRANT {lack.grant} TO {CLERK};"
    assert told.value.remedy == f"Let the owner run: {grant}"
    run(places, grant)
    assert do(clerk, request).inserted == 1


def test_rights_on_the_columns_alone_are_enough_to_update(
    clerk: Database, places: Database, write: Write
) -> None:
    run(places, f"GRANT INSERT, UPDATE (name), SELECT (id, name) ON places TO {CLERK}")
    assert do(clerk, asked(write(FEW), mode="update")).inserted == 1


def test_what_the_login_that_reads_lacks_is_told_too(clerk: Database, places: Database, write: Write) -> None:
    owner, reader = (database.url.render_as_string(hide_password=False) for database in (places, clerk))
    read_by_clerk = Database(owner, reader)
    try:
        with pytest.raises(PermissionDenied, match=f"The login {CLERK}, which reads, is refused") as told:
            validate(read_by_clerk, asked(write(FEW)))
        grant = f"GRANT SELECT ON public.places TO {CLERK};"
        assert told.value.remedy == f"Let the owner run: {grant}"
        run(places, grant)
        assert validate(read_by_clerk, asked(write(FEW))).ok_rows == 1
    finally:
        read_by_clerk.dispose()


def test_text_is_embedded_into_somebody_elses_table_though_only_its_owner_can_note_by_what(
    clerk: Database, places: Database, write: Write
) -> None:
    run(places, "CREATE TABLE films (title text, v vector(384))")
    run(places, f"GRANT INSERT ON films TO {CLERK}")
    request = asked(write("title\nAlien\n"), "films", text=("title",))
    (told,) = validate(clerk, request).forewarnings
    assert told.startswith("Only its owner can note on public.films.v what embedded it")
    assert do(clerk, request).inserted == 1
    assert ask(places, "SELECT col_description('films'::regclass, 2)") == [(None,)]
