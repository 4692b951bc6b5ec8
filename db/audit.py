"""The audit log: who changed what.  A row is written in the transaction of the change itself."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

_RECORD = text("""
INSERT INTO vectorscope.audit_log (subject, role, action, object, detail, job_id)
VALUES (:subject, :role, :action, :object, CAST(:detail AS jsonb), :job_id)
""")
_LATEST = text("""
SELECT at, subject, role, action, object, detail, job_id
FROM vectorscope.audit_log ORDER BY id DESC LIMIT :limit
""")


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One change: who, in which role, did what to which object."""

    at: datetime
    subject: str
    role: str
    action: str
    object: str
    detail: dict[str, Any]
    job_id: int | None


def record(
    connection: Connection,
    *,
    subject: str,
    role: str,
    action: str,
    object: str,  # noqa: A002 - the field's word
    detail: Mapping[str, Any] | None = None,
    job_id: int | None = None,
) -> None:
    """Write one row, in the caller's transaction."""
    values = {
        "subject": subject,
        "role": role,
        "action": action,
        "object": object,
        "detail": json.dumps(dict(detail or {})),
        "job_id": job_id,
    }
    connection.execute(_RECORD, values)


def latest(connection: Connection, limit: int = 100) -> tuple[AuditRow, ...]:
    """Read the newest rows."""
    return tuple(AuditRow(**row._mapping) for row in connection.execute(_LATEST, {"limit": limit}))
