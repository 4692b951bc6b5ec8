"""A search's plan in a sentence, for who does not read plans."""

from __future__ import annotations

from dashboard.ui.messages import escaped
from db.explain import Node
from db.search import SearchResult

_WALKS = {"hnsw": "Walks the HNSW graph of", "ivfflat": "Reads the nearest lists of"}


def plan_sentence(result: SearchResult) -> str:
    """Say in Markdown what the server did for an answer."""
    scans = [node for node in result.plan.root.walk() if node.relation]
    walked = next((node for node in scans if node.order_by), None)
    removed = sum(node.rows_removed or 0 for node in scans)
    dropped = f", drops **{removed:,.0f} rows** that fail the filter" if removed else ""
    if walked:
        return f"{_walk(result, walked)}{dropped}, and stops at {_rows(result.returned)}."
    read = sum(node.rows_actual or 0 for node in scans) + removed
    kept = f"sorts the rest by distance and keeps {result.returned:,}"
    if not removed:
        kept = f"sorts them by distance and keeps {result.returned:,}"
    return f"Reads all **{read:,.0f} rows** of the table{dropped}, {kept}."


def _walk(result: SearchResult, node: Node) -> str:
    indexes = result.request.column.indexes
    method = next((index.method for index in indexes if index.name == node.index_name), "")
    return f"{_WALKS.get(method, 'Walks')} {escaped(node.index_name or 'an index')}"


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
