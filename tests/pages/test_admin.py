"""The admin page: the same facts as the command line, and no secret."""

import pytest

from dashboard.identity import LOCAL
from dashboard.jobs import queue
from dashboard.seeding.request import PopulateRequest
from dashboard.settings import Settings
from db.engine import Database
from db.migrate import downgrade, revisions
from tests.pages.conftest import open_app


def test_the_migrations_are_listed_as_showmigrations_prints_them(served: Database) -> None:
    listed = open_app("admin").code[0].value.splitlines()
    assert listed == [f"[X] {revision.id} {revision.title}" for revision in revisions(served)]


def test_a_missing_migration_shows_an_empty_box_and_the_command(served: Database) -> None:
    last = revisions(served)[-1]
    downgrade(served, "-1")
    app = open_app("admin")
    assert f"[ ] {last.id} {last.title}" in app.code[0].value
    assert any("python -m dashboard migrate" in caption.value for caption in app.caption)


def test_every_setting_of_the_installation_is_listed_without_its_password(
    installation: pytest.MonkeyPatch, served: Database
) -> None:
    url = served.url.set(password="s3cret")
    installation.setenv("DATABASE_URL", url.render_as_string(hide_password=False))
    app = open_app("admin")
    frames = [element.value for element in app.dataframe]
    settings = next(frame for frame in frames if "variable" in frame)
    assert len(settings) == len(Settings.__slots__)
    assert not any("s3cret" in frame.to_csv() for frame in frames)
    assert not any("s3cret" in caption.value for caption in app.caption)


def test_every_change_is_in_the_audit_log(served: Database) -> None:
    request = PopulateRequest(source="uniform", table="mine", rows=10)
    queue.submit(served, LOCAL, "populate", request.to_params())
    log = open_app("admin").dataframe[-1].value
    assert log.iloc[0][["who", "role", "action", "object"]].tolist() == [
        "local",
        "admin",
        "submit populate",
        "public.mine",
    ]
