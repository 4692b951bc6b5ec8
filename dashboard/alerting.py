"""Telling a webhook that a promise is broken, and that it is kept again."""

from __future__ import annotations

import logging
from typing import Any

from db import watches
from db.engine import Database
from db.watches import Alert, Watch

logger = logging.getLogger(__name__)

WEBHOOK_S = 10.0
"""How long a webhook may take to answer."""


def tell(database: Database, watch: Watch, webhook: str | None) -> None:
    """Send what has changed about a watch's alerts; what the webhook does not take is sent next time."""
    if webhook is None:
        return
    import httpx  # noqa: PLC0415 - takes a quarter of a command's start, and few processes tell anybody

    with database.reading("watch") as connection:
        known = watches.alerts(connection, watch_id=watch.id)
    for alert in reversed(known):
        state = "raised" if alert.resolved_at is None else "resolved"
        if alert.told == state or (alert.told == "nothing" and state == "resolved"):
            continue  # who never heard of an alert need not hear of its end
        try:
            httpx.post(webhook, json=_message(alert, watch, state), timeout=WEBHOOK_S).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            logger.warning("the webhook did not take alert %s: %s", alert.id, type(error).__name__)
            return
        with database.writing("watch") as connection, connection.begin():
            watches.mark_told(connection, alert)


def _message(alert: Alert, watch: Watch, state: str) -> dict[str, Any]:
    """Make what a webhook gets; ``text`` is what Slack, Mattermost and their like show."""
    return {
        "text": f"{alert.subject}: {alert.sentence if state == 'raised' else 'the promise is kept again.'}",
        "event": state,
        "alert": alert.id,
        "column": alert.subject,
        "sentence": alert.sentence,
        "p95_ms": watch.p95_ms,
        "recall": watch.recall,
        "raised_at": alert.raised_at.isoformat(),
        "resolved_at": alert.resolved_at.isoformat() if alert.resolved_at else None,
    }
