"""A search's plan in a sentence, for who does not read plans."""

from __future__ import annotations

from dashboard.ui.messages import escaped
from db.explain import Node
from db.search import SearchResult
from db.words import counted

_WALKS = {"hnsw": "Walks the HNSW graph of", "ivfflat": "Reads the nearest lists of"}


def plan_sentence(result: SearchResult) -> str:
    """Say in Markdown what the server did for an answer."""
    scans = [node for node in result.plan.root.walk() if node.relation]
    walked = next((node for node in scans if node.order_by), None)
    removed = sum(node.rows_removed or 0 for node in scans)
    dropped = f", drops **{counted(removed)}** that fail the filter" if removed else ""
    if walked:
        return f"{_walk(result, walked)}{dropped}, and stops at {counted(result.returned)}."
    kept = sum(node.rows_actual or 0 for node in scans)
    chosen = next((node.index_name for node in scans if node.index_name), None)
    if chosen:
        read = f"Finds **{counted(round(kept))}** that meet the filter through {escaped(chosen)}"
    else:
        read = f"Reads all **{counted(round(kept + removed))}** of the table"
    which = "the rest" if removed else "them"
    return f"{read}{dropped}, sorts {which} by distance and keeps {result.returned:,}."


def _walk(result: SearchResult, node: Node) -> str:
    indexes = result.request.column.indexes
    method = next((index.method for index in indexes if index.name == node.index_name), "")
    return f"{_WALKS.get(method, 'Walks')} {escaped(node.index_name or 'an index')}"
