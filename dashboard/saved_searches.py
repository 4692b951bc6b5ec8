"""Saving a search, coming back to it, and forgetting it: what a page may do to the searches of a column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dashboard import auditing
from dashboard.identity import Principal, Role, require
from dashboard.question import Question
from db import saved_searches
from db.columns import VectorColumn
from db.distance import distance_named
from db.engine import Database
from db.errors import NotPermitted
from db.filters import parse_filter
from db.nearest import SearchSettings
from db.saved_searches import SavedSearch
from db.vectors import Query

_SETTINGS = ("exact", "ef_search", "probes", "iterative_scan")


def save(
    database: Database,
    principal: Principal,
    column: VectorColumn,
    name: str,
    *,
    question: Question,
    query: Query,
) -> int:
    """Save ``question`` about ``column``, which searched for ``query``; return its id.

    A search of the same owner and name is replaced.  Raises NotPermitted below an analyst, RequestError for
    a name that is none.
    """
    require(principal, Role.ANALYST, "save a search")
    with database.writing("saved search") as connection, connection.begin():
        saved = saved_searches.save_search(
            connection, column, name, to_document(question), query, created_by=principal.name
        )
        auditing.record(connection, principal, "save search", f"{column}: {name}")
    return saved


def forget(database: Database, principal: Principal, search: SavedSearch) -> None:
    """Delete a saved search.  Raises NotPermitted where it is somebody else's."""
    if principal.name != search.created_by and principal.role < Role.ADMIN:
        raise NotPermitted(
            f"The search {search.name!r} is {search.created_by}'s: "
            "only they or an administrator may delete it."
        )
    with database.writing("saved search") as connection, connection.begin():
        saved_searches.forget_search(connection, search.id)
        auditing.record(connection, principal, "delete search", search.name)


def to_document(question: Question) -> dict[str, Any]:
    """Make the JSON form of a question."""
    return {
        "by": question.by,
        "given": question.given,
        "distance": question.distance.stem,
        "k": question.k,
        "settings": {name: getattr(question.settings, name) for name in _SETTINGS},
        "filters": [str(each) for each in question.filters],
    }


def from_document(document: Mapping[str, Any]) -> Question:
    """Read what ``to_document`` made."""
    return Question(
        document["by"],
        document["given"],
        distance_named(document["distance"]),
        document["k"],
        SearchSettings(**document["settings"]),
        tuple(parse_filter(given) for given in document["filters"]),
    )
