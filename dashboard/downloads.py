"""What the server hands out besides pages: files that export jobs have written, sent piece by piece."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from dashboard.exporting.delivery import fetch
from dashboard.identity import principal_of
from dashboard.instance import serving
from dashboard.settings import settings
from db.errors import DashboardError, NotPermitted, RequestError

ADDRESS = "/exports/{folder}/{name}"


def exported(request: Request) -> Response:
    """Send a file or its sidecar to whoever asked for the export; its memory is one piece of the file."""
    folder, name = request.path_params["folder"], request.path_params["name"]
    try:
        path = fetch(serving().database, principal_of(request), settings().home, folder, name)
    except DashboardError as error:
        return PlainTextResponse(f"{error.message} {error.remedy}".strip(), _status(error))
    return FileResponse(path, filename=name, media_type="application/octet-stream")


def _status(error: DashboardError) -> int:
    match error:
        case NotPermitted():
            return 403
        case RequestError():
            return 404
    return 503
