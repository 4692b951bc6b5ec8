"""What the server hands out besides pages."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.authentication import AuthenticationBackend
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.routing import Route

from dashboard import downloads, identity
from dashboard.exporting.request import ExportRequest
from dashboard.identity import LOCAL, Principal, Role
from dashboard.jobs import queue
from dashboard.jobs.worker import Worker
from db import jobs
from db.engine import Database
from tests.pages.filled import COLUMN, fill_products


class Login(AuthenticationBackend):
    """Knows nobody."""

    async def authenticate(self, conn: HTTPConnection) -> None:
        """Leave who asks unknown."""


def get(address: str, *, login: bool = False, **headers: str) -> httpx.Response:
    """Ask the server's route; with ``login``, behind what tells who somebody is."""
    middleware = [Middleware(AuthenticationMiddleware, backend=Login())] if login else []
    routes = [Route(downloads.ADDRESS, downloads.exported)]
    transport = httpx.ASGITransport(Starlette(routes=routes, middleware=middleware))

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.get(address, headers=headers)

    with ThreadPoolExecutor(1) as own_loop:  # this thread's may be the browser's
        return own_loop.submit(asyncio.run, ask()).result()


@pytest.fixture
def address(served: Database) -> str:
    """Where the file of an export that has been written lies."""
    fill_products(served)
    job_id = queue.submit(served, LOCAL, "export", ExportRequest(COLUMN).to_params())
    assert Worker(served, lease_s=10).run_one()
    with served.reading("tests") as connection:
        told = jobs.get(connection, job_id).result
    assert told
    return f"/exports/{told['folder']}/{told['file']}"


def test_an_export_is_sent_as_a_file_whole_or_in_part(address: str) -> None:
    answer = get(address)
    assert answer.status_code == 200
    assert answer.headers["content-disposition"] == f'attachment; filename="{Path(address).name}"'
    assert answer.text.startswith("id,")
    part = get(address, range="bytes=3-9")
    assert (part.status_code, part.content) == (206, answer.content[3:10])
    assert get(f"{address}.meta.json").json()["file"] == Path(address).name


def test_what_is_not_there_or_not_yours_is_refused_in_words(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = get(f"{address}.txt")
    assert (lost.status_code, lost.text) == (404, "There is no such export.")
    monkeypatch.setattr(downloads, "principal_of", lambda _: Principal("bob", Role.LEAD))
    denied = get(address)
    assert denied.status_code == 403
    assert "is local's: only they or an administrator" in denied.text


def test_where_a_login_is_configured_nothing_is_sent_to_whom_the_request_does_not_name(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    behind = get(address, login=True)
    assert behind.status_code == 403
    assert "does not know who you are" in behind.text
    monkeypatch.setattr(identity, "current_principal", lambda: Principal("ann", Role.ADMIN))
    assert get(address).status_code == 403
