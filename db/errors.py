"""Every error this application raises on purpose, as one tree.

DashboardError                a sentence for the reader, and what to do about it
├── DatabaseError             PostgreSQL refused, or could not be reached
│   ├── ConnectionFailed
│   ├── PermissionDenied
│   ├── StatementTimeout
│   ├── LockTimeout
│   ├── Cancelled             somebody asked for the work to stop
│   ├── OutOfSpace
│   └── ReadOnlyServer
├── SetupError                the server is there, but lacks something of ours
│   ├── ExtensionMissing
│   └── NotMigrated
├── RequestError              the request contradicts the data, or itself
│   ├── TableNotFound
│   ├── DimensionMismatch
│   └── NotPermitted
└── Handover                  this process must stop, and leave things as they are for the next
    ├── LeaseLost             another worker owns this job now
    └── Interrupted           this worker was told to end; the job goes back to the queue

Pages and commands catch DashboardError and nothing wider: any other exception is a bug and
must reach the log with its traceback.
"""

from typing import ClassVar


class DashboardError(Exception):
    """Base of the tree; ``remedy`` is shown under the message."""

    default_remedy: ClassVar[str] = ""

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = self.default_remedy if remedy is None else remedy


class DatabaseError(DashboardError):
    """PostgreSQL refused the statement, or could not be reached."""

    default_remedy = "Correct what PostgreSQL names here; the server's log tells more."


class ConnectionFailed(DatabaseError):
    """No connection: wrong address, wrong credentials, or no server."""

    default_remedy = "Check DATABASE_URL, and that the server is up."


class PermissionDenied(DatabaseError):
    """The connected role lacks a privilege."""

    default_remedy = "Ask the owner of the object for the missing GRANT, or connect as another role."


class StatementTimeout(DatabaseError):
    """The statement ran longer than this connection allows.

    ``sql`` is the statement with its values left out, "" where it is not known; ``limit_s`` what the
    connection allows, None where a limit of the statement's own ended it.
    """

    default_remedy = "Ask for less (a smaller k, a filter), or run it as a job."

    def __init__(
        self, message: str, remedy: str | None = None, *, sql: str = "", limit_s: float | None = None
    ) -> None:
        super().__init__(message, remedy)
        self.sql = sql
        self.limit_s = limit_s


class LockTimeout(DatabaseError):
    """Another session holds the lock this statement needs."""

    default_remedy = "Wait for the other session to finish, then try again."


class Cancelled(DatabaseError):
    """The work was cancelled by request."""


class OutOfSpace(DatabaseError):
    """The server ran out of disk or shared memory."""

    default_remedy = "Free space on the server's volume, then try again; nothing was kept of this statement."


class ReadOnlyServer(DatabaseError):
    """A standby, or a session that may only read, was asked to write."""

    default_remedy = "Connect to the primary: writing needs a server that is not in recovery."


class SetupError(DashboardError):
    """The server is there, but lacks something Vectorscope needs."""


class ExtensionMissing(SetupError):
    """The database has no pgvector."""

    default_remedy = "Install pgvector on the server, then run: python -m dashboard migrate"


class NotMigrated(SetupError):
    """Vectorscope's own tables are not in this database."""

    default_remedy = "Run: python -m dashboard migrate"


class RequestError(DashboardError):
    """The request contradicts the data, or itself."""


class TableNotFound(RequestError):
    """No table or column of that name can be read."""

    default_remedy = "List what there is with: python -m dashboard columns"


class DimensionMismatch(RequestError):
    """A query vector has another length than the column."""

    default_remedy = "Use a vector made by the same model as the column's."


class NotPermitted(RequestError):
    """The principal's role is too low for this action."""

    default_remedy = "Ask a lead or an administrator for the role."


class Handover(DashboardError):
    """The work must stop here, and leave things as they are: another process goes on."""


class LeaseLost(Handover):
    """Another worker owns this job now; this one must stop without writing."""


class Interrupted(Handover):
    """The worker was told to end: the job goes back to the queue, unharmed."""
