"""Writing down who changed what, in the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from dashboard.identity import Principal
from db import audit


def record(
    connection: Connection,
    principal: Principal,
    action: str,
    what: str,
    *,
    detail: Mapping[str, Any] | None = None,
    job_id: int | None = None,
) -> None:
    """Write that ``principal`` did ``action`` to ``what``, in the caller's transaction."""
    audit.record(
        connection,
        subject=principal.name,
        role=principal.role.name.lower(),
        action=action,
        object=what,
        detail=detail,
        job_id=job_id,
    )
