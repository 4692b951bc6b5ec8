"""Serve the dashboard: the embedded server, the demo when there is nothing to see, a worker, the pages."""

from __future__ import annotations

import os
import socket

import click

from dashboard.commands.common import say, setup_logging
from dashboard.commands.following import carry_out
from dashboard.instance import Instance, open_instance, serving
from dashboard.settings import Settings, settings
from db.catalog import vector_columns
from db.errors import DashboardError, RequestError


def serve() -> None:
    """Start everything and serve until told to stop."""
    chosen = settings()
    setup_logging()
    refuse_open_door(chosen)
    _require_free_port(chosen)
    instance = serving()
    instance.prepare()
    if instance.embedded:
        fill_when_empty(instance)
    say(f"Vectorscope is at http://{chosen.host}:{chosen.port}")

    from dashboard.asgi import app

    app.run(
        config={
            "server.port": chosen.port,
            "server.address": chosen.host,
            "server.headless": True,
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": False,
        }
    )


def refuse_open_door(chosen: Settings) -> None:
    """Refuse to serve beyond this machine without a login, unless that is what was asked for.

    Raises RequestError naming the address.
    """
    if not chosen.is_loopback and not chosen.allow_open:
        raise RequestError(
            f"Serving on {chosen.host} would make everyone who can reach it an administrator: "
            "no login is configured.",
            "Serve on 127.0.0.1 behind a proxy that asks for a login, or set ALLOW_OPEN=1.",
        )


def fill_when_empty(instance: Instance) -> None:
    """Load the demo into a database that has no vector rows yet."""
    from dashboard.seeding.request import demo_request

    with instance.database.reading("first start") as connection:
        if any(column.rows for column in vector_columns(connection)):
            return
    say("Loading 10,000 demo rows")
    try:
        carry_out(instance, "populate", demo_request().to_params())
    except DashboardError as error:
        # A dashboard without the demo is still a dashboard.
        say(f"The demo was not loaded: {error.message} {error.remedy}")


def _require_free_port(chosen: Settings) -> None:
    with socket.socket(socket.AF_INET6 if ":" in chosen.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((chosen.host, chosen.port))
        except OSError as error:
            raise RequestError(
                f"Port {chosen.port} on {chosen.host} cannot be used: {os.strerror(error.errno or 0)}.",
                "Stop the other program, or set VECTORSCOPE_PORT to another number.",
            ) from error


@click.command()
@click.option("--parent", type=int, hidden=True, help="End when this process, which started it, is gone.")
def worker(parent: int | None) -> None:
    """Carry out jobs until told to stop; ``python -m dashboard`` starts one by itself."""
    from dashboard.jobs.worker import Worker, stop_on_signals

    setup_logging()
    instance = open_instance()
    instance.prepare()
    own = Worker(
        instance.database,
        lease_s=instance.settings.job_lease_s,
        revive=lambda: instance.revive(say),
        parent=parent,
    )
    stop_on_signals(own)
    try:
        own.run_forever()
    finally:
        instance.close()
