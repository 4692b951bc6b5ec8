"""The inventory of vector indexes: four figures, one table, and a sentence for each that is not valid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.ui import index_given, index_reads, state
from dashboard.ui.index_reads import Measured
from dashboard.ui.messages import escaped
from dashboard.ui.search_view import card_title
from dashboard.ui.tables import MB, chips, number, text
from dashboard.ui.units import ago, counted, size
from db.index_inventory import Listed


@dataclass(frozen=True, slots=True)
class Look:
    """How a state looks: a sign and a colour."""

    sign: str
    colour: str


STATES = {
    "valid": Look("✓", "green"),
    "building": Look("▶", "primary"),
    "invalid": Look("✕", "red"),
}

MOST_NAME_PX = 270
"""Some 40 letters; a longer name is read whole where its row is selected."""
MOST_OF_FORECAST = 160
"""Where the bar of the size against the forecast ends, in per cent."""


def tiles(listed: Sequence[Listed], known: Sequence[Measured]) -> None:
    """Draw the figures that tell the state of all indexes at a glance."""
    count, disk, found, scans = st.columns(4)
    wrong = sum(one.state == "invalid" for one in listed)
    count.metric(
        "Indexes",
        f"{len(listed)}",
        f"{wrong} invalid" if wrong else "all valid" if listed else "search is exact",
        delta_color="red" if wrong else "green" if listed else "blue",
        delta_arrow="off",
        border=True,
        icon=":material/account_tree:",
    )
    total, buffers = sum(one.index.size_bytes for one in listed), state.server().shared_buffers_bytes
    disk.metric(
        "Size on disk",
        size(total),
        f"{total / buffers:.0%} of cache",
        delta_color="orange" if total > buffers else "gray",
        delta_arrow="off",
        border=True,
        icon=":material/hard_drive:",
        delta_description=size(buffers),
        help="Beside shared_buffers: indexes that do not fit are read from outside again and again",
    )
    _findable(found, known)
    unused = sum(one.index.scans == 0 and one.state == "valid" for one in listed)
    scans.metric(
        "Scans",
        f"{sum(one.index.scans for one in listed):,}",
        f"{unused} unused" if unused else "all used" if listed else "none to scan",
        delta_color="orange" if unused else "gray",
        delta_arrow="off",
        border=True,
        icon=":material/query_stats:",
        help="Since this server's statistics were reset; replicas count their own",
    )


def _findable(place: st.delta_generator.DeltaGenerator, known: Sequence[Measured]) -> None:
    lowest = min((m for m in known if m.found is not None), key=lambda m: m.found or 0, default=None)
    place.metric(
        "Findable rows",
        "not asked" if lowest is None else f"{lowest.found:.1%}",
        "select an index" if lowest is None else lowest.found_from.split(",")[0],
        delta_color="gray",
        delta_arrow="off",
        border=True,
        icon=":material/my_location:",
        help="Share of sampled rows that the index returns when asked for their own vector; the lowest of "
        "all indexes. A canary, not recall." + (f" Here: {lowest.found_from}." if lowest else ""),
    )


def table(listed: Sequence[Listed], known: Sequence[Measured]) -> Listed | None:
    """Draw the inventory in a card; hand back the selected index."""
    with st.container(border=True):
        card_title(
            "Inventory",
            "size against what the formula forecasts for these rows · recall at the setting in force, as "
            "last measured · select a row to see its SQL, rebuild, drop or clone it",
        )
        named = index_given.selected(listed)
        names = [f"{one.column.schema}.{one.index.name}" for one in listed]
        event = st.dataframe(
            _frame(listed, known),
            hide_index=True,
            # The order is part of the key: a selection is a row's position, and must not pass to another.
            key=f"inventory {names}",
            on_select="rerun",
            selection_mode="single-row",
            selection_default=None if named is None else {"selection": {"rows": [named]}},
            placeholder="—",
            alt="Vector indexes with their state, method, operator class, options, size, use and recall",
            column_config=_columns(listed),
        )
        for one in listed:
            if one.state == "invalid":
                st.caption(_why_invalid(one))
    chosen = event["selection"]["rows"]
    return listed[chosen[0]] if chosen else None


def _frame(listed: Sequence[Listed], known: Sequence[Measured]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "state": [[chip(one)] for one in listed],
            "index": [one.index.name for one in listed],
            "column": [str(one.column).removeprefix("public.") for one in listed],
            "method": [one.index.method for one in listed],
            "distance": [_distance(one) for one in listed],
            "options": [options(one) for one in listed],
            "size": [one.index.size_bytes / MB for one in listed],
            "of_forecast": [_of_forecast(one) for one in listed],
            "scans": [one.index.scans for one in listed],
            "recall": [m.recall for m in known],
            "found": [m.found for m in known],
            "dead": [one.dead_share for one in listed],
            "hits": [one.hit_share for one in listed],
            "holds": [holds(one) for one in listed],
            "built": [built(one) for one in listed],
        }
    )


def _columns(listed: Sequence[Listed]) -> dict[str, Any]:
    whole = all(not one.index.is_expression and not one.index.predicate for one in listed)
    return {
        "state": chips(
            "State",
            options=[f"{look.sign} {name}" for name, look in STATES.items()],
            color=[look.colour for look in STATES.values()],
            width=72,
        ),
        "index": text("Index", width=_name_width(listed)),
        "column": text("Column", width=126) if len({str(one.column) for one in listed}) > 1 else None,
        "method": text("Method", width=52),
        "distance": text("Distance", width=84, help="With the operator that a query must order by"),
        "options": text("Options", width=86, help="efc: ef_construction"),
        "size": number("MB", format="%.1f", width=46, help="On disk"),
        "of_forecast": st.column_config.ProgressColumn(
            "Of forecast",
            format="%.0f%%",
            min_value=0,
            max_value=MOST_OF_FORECAST,
            width=76,
            help="Far above 100 %: bloat, or a build with other options",
        ),
        "scans": number("Scans", format="localized", width=46),
        "recall": number("Recall", format="%.3f", width=50, help="Select the row to see n, k and seed"),
        "found": number("Findable", format="percent", width=62, help="Select the row to see n and seed"),
        "dead": number("Dead", format="percent", width=44, help="Share of the table's rows; VACUUM clears"),
        "hits": number("Cached", format="percent", width=54, help="Pages found in shared_buffers"),
        "holds": None if whole else text("Holds", width=180, help="An expression, or a part of the rows"),
        "built": text("Built", width=112, help="By whom, where we have built it"),
    }


def _name_width(listed: Sequence[Listed]) -> int:
    """Choose the pixels in which every name is read whole: one of ours has 30 letters and more."""
    longest = max((len(one.index.name) for one in listed), default=0)
    return min(max(120, 18 + round(6.6 * longest)), MOST_NAME_PX)


def chip(one: Listed) -> str:
    """Write an index's state with its sign."""
    return f"{STATES[one.state].sign} {one.state}"


def serves(one: Listed) -> str:
    """Name the operator class and the operator."""
    operator = one.index.distance.operator if one.index.distance else "?"
    return f"{one.index.operator_class} {operator}"


def _distance(one: Listed) -> str:
    """Name the distance and its operator, before them the type where it is not the column's."""
    if one.index.distance is None:
        return serves(one)
    kind = one.index.operator_class.partition("_")[0]
    of_another = f"{kind} " if kind != one.column.type else ""
    return f"{of_another}{one.index.distance.stem} {one.index.distance.operator}"


def options(one: Listed) -> str:
    """Write the options in short, with ours beside them where the catalog says otherwise."""
    now, then = _short(dict(one.index.options)), one.built_with
    if then is None or dict(then) == dict(one.index.options):
        return now
    return f"{_short(dict(then))} (now set: {now})"


def _short(given: dict[str, int | str]) -> str:
    return ", ".join(f"{name.replace('ef_construction', 'efc')}={value}" for name, value in given.items())


def holds(one: Listed) -> str | None:
    """Say what of the column an index holds; None where it is all of it."""
    parts = [one.index.key] if one.index.is_expression else []
    parts += [f"WHERE {one.index.predicate}"] if one.index.predicate else []
    return " ".join(parts) or None


def built(one: Listed) -> str:
    """Say who built an index, and when."""
    build = one.facts.build if one.facts else None
    if build is None or build.finished_at is None:
        return "unknown"
    return f"{build.created_by}, {ago(build.finished_at)}"


def _of_forecast(one: Listed) -> float | None:
    return 100 * one.index.size_bytes / one.forecast_bytes if one.forecast_bytes else None


def _why_invalid(one: Listed) -> str:
    name = f":material/error: **{escaped(one.index.name)} is invalid:**"
    if one.facts and one.facts.is_leftover:
        return f"{name} a build of ours broke off; it is dropped within a minute or so."
    return (
        f"{name} a build that broke off has left it. No search uses it, while writes may still pay "
        "for it. `IF NOT EXISTS` would keep it: rebuild it, or drop it."
    )


def nothing() -> None:
    """Say that there is no index, and why that may be right."""
    rows = sum(column.rows or 0 for column in state.columns())
    with st.container(border=True):
        card_title("Inventory", "every vector index of this database")
        st.info(
            f"**There is no vector index: search is exact**, over {counted(rows, 'row')}. That is perfect "
            "recall; add an index when latency begins to suffer. A benchmark measures both on a copy first.",
            icon=":material/straighten:",
        )


def known_of(listed: Sequence[Listed]) -> list[Measured]:
    """Gather what was measured of each index, in their order."""
    runs = state.runs()
    return [index_reads.measured(one, runs) for one in listed]
