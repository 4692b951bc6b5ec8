"""The server: Streamlit as an ASGI application, with health routes, headers and a worker beside it."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dashboard import __version__, downloads
from dashboard.instance import serving
from dashboard.jobs.supervisor import Supervisor
from dashboard.seeding.embedders import EMBEDDERS
from dashboard.settings import settings
from db.errors import DashboardError

logger = logging.getLogger(__name__)

HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"SAMEORIGIN",
    b"referrer-policy": b"same-origin",
}


class SecurityHeaders:
    """Add the headers Streamlit does not send; websockets pass through untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Wrap ``send`` for HTTP requests."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *HEADERS.items()]
            await send(message)

        await self.app(scope, receive, send_with_headers)


def live(_: Request) -> Response:
    """The process answers."""
    return JSONResponse({"status": "ok", "version": __version__})


def ready(_: Request) -> Response:
    """The database answers too; 503 when it does not."""
    try:
        with serving().database.reading("ready"):
            return JSONResponse({"status": "ok", "database": "ok"})
    except DashboardError as error:
        body = {"status": "unavailable", "database": error.message, "remedy": error.remedy}
        return Response(json.dumps(body), status_code=503, media_type="application/json")


def _warm_up() -> None:
    """Import what the embedders need, so that the first search by words need not."""
    for embedder in EMBEDDERS:
        embedder.embed(["warm"])


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[dict[str, object]]:
    """Hold the instance open, and keep a worker running, for as long as the server serves."""
    instance = serving()
    Thread(target=_warm_up, name="warm-up", daemon=True).start()
    supervisor = Supervisor()
    if settings().worker:
        supervisor.start()
    try:
        yield {}
    finally:
        if settings().worker:
            supervisor.stop()
        instance.close()


app = st.App(
    Path(__file__).with_name("app.py"),
    routes=[
        Route("/healthz", live),
        Route("/readyz", ready),
        Route(downloads.ADDRESS, downloads.exported),
    ],
    middleware=[Middleware(SecurityHeaders)],
    lifespan=lifespan,
)
