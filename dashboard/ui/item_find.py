"""Whether the index can find a row, in words: what was asked, what came back, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from dashboard.ui import item_reads as reads
from dashboard.ui.messages import escaped
from dashboard.ui.search_bar import EF_SEARCH, PROBES
from dashboard.ui.search_view import card_title
from dashboard.ui.shell import go
from dashboard.ui.units import counted
from db.catalog import ColumnInfo, default_distance
from db.indexes import METHODS
from db.items import Item
from db.nearest import UNDEFINED_FOR_ZERO
from db.selffind import Reason, SelfFind


@dataclass(frozen=True, slots=True)
class Words:
    """A reason as the page says it; ``told`` and ``remedy`` are filled in with what was found."""

    sign: str
    colour: str
    chip: str
    told: str
    remedy: str = ""


REASONS = {
    Reason.FOUND: Words(
        "check_circle",
        "green",
        "found",
        "Asked for this row's own vector, {index} returns it as number {rank}.",
    ),
    Reason.DUPLICATES: Words(
        "content_copy",
        "orange",
        "behind its copies",
        "Asked for this row's own vector, {index} returns {ties} instead that are just as near. "
        "Which of them an answer holds is chance.",
        "Remove the copies, or ask for more rows than there are.",
    ),
    Reason.OUTRANKED: Words(
        "straighten",
        "blue",
        "behind longer vectors",
        "By inner product every row returned is nearer to this vector than the row is to itself: "
        "longer vectors come first.",
        "Normalise the vectors, or search by cosine distance.",
    ),
    Reason.NULL: Words(
        "block",
        "orange",
        "no vector",
        "The vector is NULL: no index holds the row, and no search by distance returns it.",
        "Embed the row.",
    ),
    Reason.ZERO: Words(
        "block",
        "orange",
        "zero vector",
        "The vector is zero: {distance} distance is undefined for it, and no such index holds it.",
        "Embed the row again, or search by Euclidean distance.",
    ),
    Reason.UNDEFINED: Words(
        "block",
        "orange",
        "no distance",
        "The vector is too large to compute with: it has no distance even to itself.",
        "Scale the vectors down.",
    ),
    Reason.NO_INDEX: Words(
        "straighten",
        "blue",
        "no index",
        "No index serves {distance} distance here. Searches read every row, and find all that have a vector.",
    ),
    Reason.NOT_IN_INDEX: Words(
        "filter_alt_off",
        "orange",
        "not in the index",
        "{index} is partial, and this row does not meet its condition `{predicate}`.",
        "Search it exactly, or index the rows it leaves out.",
    ),
    Reason.EF_SEARCH: Words(
        "search_off",
        "orange",
        "not found",
        "At ef_search {setting} {index} does not return this row for its own vector; at {enough} it does.",
        "Raise ef_search, or rebuild the index with more links.",
    ),
    Reason.PROBES: Words(
        "search_off",
        "orange",
        "not found",
        "At probes {setting} {index} does not return this row for its own vector; at {enough} it does.",
        "Raise probes, or rebuild the index on today's rows.",
    ),
    Reason.UNREACHABLE: Words(
        "search_off",
        "red",
        "not found",
        "{index} does not return this row for its own vector, whatever was tried.",
        "Rebuild the index: REINDEX INDEX CONCURRENTLY.",
    ),
}
"""Every reason db.selffind gives, as the page says it."""


def card(item: Item) -> None:
    """Draw whether the index can find the row, and which indexes hold it."""
    column, distance = item.column, default_distance(item.column)
    with st.container(border=True):
        card_title("Can the index find it?", f"{distance.label.lower()}, k = {reads.NEAREST}")
        found = reads.found(column, distance, item.key)
        words = REASONS[found.reason]
        st.markdown(
            f":{words.colour}-badge[:material/{words.sign}: {words.chip}] &nbsp; {told(found, column)}"
        )
        if words.remedy:
            st.markdown(f"**What to do:** {words.remedy}")
        _try_wider(column, item.key, found)
        _indexes(item)
        if found.setting is not None:
            st.caption("A canary, not recall: a row that finds itself may be missing from other answers.")


def told(found: SelfFind, column: ColumnInfo) -> str:
    """Say in Markdown what was found."""
    index = found.index
    return REASONS[found.reason].told.format(
        index=f"**{escaped(index.name)}**" if index else "the index",
        predicate=(index and index.predicate) or "",
        distance=default_distance(column).label.lower(),
        rank=found.rank,
        ties=counted(found.ties, "row"),
        setting=found.setting,
        enough=found.enough,
    )


def _try_wider(column: ColumnInfo, key: str, found: SelfFind) -> None:
    if found.found or found.enough is None or not found.index:
        return
    parameter = METHODS[found.index.method].search.name
    address = {"hnsw": EF_SEARCH, "ivfflat": PROBES}[found.index.method]
    if st.button(f"Search with {parameter} {found.enough}", icon=":material/tune:", key="wider"):
        go("search.py", {"c": str(column), "by": "Row id", "q": key, address: str(found.enough)})


def _indexes(item: Item) -> None:
    if item.vector_text is None:
        return
    for index, meets in reads.holding(item.column, item.key):
        holds = meets and (item.norm != 0 or index.distance not in UNDEFINED_FOR_ZERO)
        sign = ":material/check:" if holds and index.valid else ":material/close:"
        state = "" if index.valid else " · invalid: no search uses it"
        where = f" · only where `{index.predicate}`" if index.predicate else ""
        st.caption(f"{sign} {escaped(index.name)} · {index.method} {index.operator_class}{where}{state}")
