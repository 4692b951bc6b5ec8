"""A search as somebody puts it, by words, a row or a vector, and its answer: exact and through the index."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any
from zlib import crc32

from sqlalchemy import Connection

from dashboard.seeding.embedders import embedder_of
from db.catalog import ColumnInfo
from db.comparison import Comparison, compare
from db.distance import Distance
from db.engine import Database
from db.errors import RequestError
from db.filters import Filter
from db.index_catalog import IndexInfo
from db.ladder import Rung, ladder
from db.nearest import SearchRequest, SearchSettings
from db.search import SearchResult, query_of_row, search
from db.underfill import Remedy, Underfill, diagnose_underfill
from db.vectors import Query, read_query

BY = ("Text", "Row id", "Vector")
"""The ways to say what to search for."""


@dataclass(frozen=True, slots=True)
class Question:
    """What to search for and how: ``given`` is words, a row's key, or a vector, as ``by`` tells."""

    by: str
    given: str
    distance: Distance
    k: int
    settings: SearchSettings
    filters: tuple[Filter, ...]


@dataclass(frozen=True, slots=True)
class Tried:
    """A remedy for missing rows, and what the same question got with it."""

    remedy: Remedy
    result: SearchResult


@dataclass(frozen=True, slots=True)
class Answer:
    """Both answers and what lies between them.

    ``index`` is None where no index serves the distance, or none was wanted.
    """

    exact: SearchResult
    index: SearchResult | None
    comparison: Comparison | None
    underfill: Underfill | None
    tried: tuple[Tried, ...]

    @property
    def best(self) -> SearchResult:
        """What an application would get."""
        return self.index or self.exact

    @property
    def token(self) -> str:
        """A short name of the question, the same for the same question."""
        return f"{crc32(repr((self.exact.sql, self.best.request.settings)).encode()):08x}"

    def to_document(self) -> dict[str, Any]:
        """Make the JSON form, as ``search --json`` prints it; exact search has perfect recall."""
        return self.best.to_document() | {"recall": self.comparison.recall if self.comparison else 1.0}


def serving_methods(column: ColumnInfo, distance: Distance) -> tuple[str, ...]:
    """Name the methods of the valid indexes that can answer by ``distance``, each once."""
    return tuple(dict.fromkeys(i.method for i in column.indexes if _can_serve(i) and i.distance is distance))


def _can_serve(index: IndexInfo) -> bool:
    """Whether a search may find it: one over an expression is no index of the column itself."""
    return index.valid and not index.is_expression


def answer(database: Database, column: ColumnInfo, question: Question) -> Answer:
    """Ask the question both ways, from one transaction.

    Raises RequestError or DimensionMismatch where the question does not fit the column.
    """
    with database.reading("search") as connection:
        query = _query(connection, column, question)
        wanted = SearchRequest(
            column, query, question.distance, question.k, question.settings, question.filters
        )
        exact = search(connection, replace(wanted, settings=SearchSettings(exact=True)))
        if question.settings.exact or not serving_methods(column, question.distance):
            return Answer(exact, None, None, diagnose_underfill(connection, exact), ())
        index = search(connection, wanted)
        underfill = diagnose_underfill(connection, index)
        return Answer(exact, index, compare(exact, index), underfill, _try(connection, wanted, underfill))


def rungs(database: Database, found: Answer) -> tuple[Rung, ...]:
    """Try other settings on a question that was answered through an index."""
    if not found.index:
        return ()
    with database.reading("ladder") as connection:
        # Asked once more: the first time may have waited for the index's pages.
        return ladder(connection, found.exact, search(connection, found.index.request))


def _query(connection: Connection, column: ColumnInfo, question: Question) -> Query:
    match question.by:
        case "Row id":
            return query_of_row(connection, column, question.given)
        case "Vector":
            return read_query(question.given, column.type)
        case _:
            return text_query(column, question.given)


def text_query(column: ColumnInfo, words: str) -> Query:
    """Make a query of words, by the embedder that made the column's vectors.

    Raises RequestError where no embedder is known, or there is no word for it.
    """
    if not (embedder := embedder_of(column.comment)):
        raise RequestError(
            f"Nothing says which model made the vectors of {column}.",
            "Search by row id, or give a vector made by the same model.",
        )
    if (vector := embedder.embed([words])[0]) is None:
        raise RequestError(f"There is no word to search for in {words!r}.", "Use letters or digits.")
    return read_query(f"[{','.join(map(str, vector))}]", column.type)


def _try(connection: Connection, wanted: SearchRequest, underfill: Underfill | None) -> tuple[Tried, ...]:
    """Carry out each remedy that changes a setting; the exact answer is there already."""
    remedies = underfill.remedies if underfill else ()
    return tuple(
        Tried(remedy, search(connection, replace(wanted, settings=remedy.settings)))
        for remedy in remedies
        if not remedy.settings.exact
    )
