"""What a run may measure beyond the simple case: filters, scans, forms, clients, builds, the live table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.benchmark.plan import CLIENTS, INSERTS, RATE, REBUILDS, REPEATS, SECONDS
from dashboard.benchmark.queries import HELD_OUT, SAVED
from dashboard.benchmark.subset import parse_subset
from dashboard.benchmark.trials import DEFAULT, MAX_SCAN_TUPLES
from dashboard.ui.benchmark_fields import numbers
from db.catalog import ColumnInfo
from db.forms import CANDIDATES, FORMS, SUBVECTOR, Form
from db.indexes import Parameter
from db.nearest import ITERATIVE_SCANS

NONE = "none"
COLUMN_ITSELF = "column"
"""The form of an index that holds the vectors as they are."""

_SHARES = (NONE, "10 %", "1 %", "0.1 %")


@dataclass(frozen=True, slots=True)
class More:
    """The further fields of a plan, by its names.

    ``forms`` are what indexes hold, None the column itself; ``partial`` which filters indexes are limited
    to, None for no limit.
    """

    subsets: tuple[str | None, ...]
    scans: tuple[str, ...]
    tuples: tuple[int, ...]
    forms: tuple[Form | None, ...]
    partial: tuple[str | None, ...]
    clients: tuple[int, ...]
    seconds: int
    rate: int
    repeats: int
    rebuilds: int
    inserts: int
    live: bool
    live_clients: bool
    sample_rows: int | None
    query_source: str


def ask_more(column: ColumnInfo, *, sized: bool = False) -> More:
    """Draw the further fields, folded away; ``sized``: the plan has sizes of its own, and so no sample.

    Raises RequestError for what cannot be read.
    """
    with st.expander(
        "More: filters, forms of index, clients, builds, the live table", icon=":material/tune:"
    ):
        a, b, c = st.columns(3, gap="large")
        with a:
            st.markdown("**What is asked**")
            subsets = _ask_subsets(column)
            scans, tuples = _ask_scans(column)
            source = ask_source(column)
            repeats = _whole(REPEATS, "Repeats")
        with b:
            st.markdown("**What is built**")
            forms = _ask_forms(column)
            partial = _ask_partial(subsets)
            rebuilds = _whole(REBUILDS, "Rebuilds")
            inserts = _whole(INSERTS, "Inserts")
            sample = None if sized else ask_sample(column)
        with c:
            st.markdown("**Under load, and live**")
            clients = numbers(
                CLIENTS, "Clients", (), CLIENTS.about, f"bench clients {column}", offered=(1, 2, 4, 8, 16)
            )
            seconds = _whole(SECONDS, "Seconds a point")
            rate = _whole(RATE, "Open-loop rate, queries per second")
            live = st.toggle(
                "The live table too",
                key="bench live",
                help="Asks the table as it stands, read-only: exactly, and by whatever index it has today.",
            )
            live_clients = _ask_live_clients(possible=live and bool(clients))
    return More(
        subsets,
        scans,
        tuples,
        forms,
        partial,
        clients,
        seconds,
        rate,
        repeats,
        rebuilds,
        inserts,
        live,
        live_clients,
        sample,
        source,
    )


def _ask_live_clients(*, possible: bool) -> bool:
    chosen = st.toggle(
        "Clients load the live table",
        key="bench live clients",
        disabled=not possible,
        help="Lets the same clients search the live table, read-only and by closed loops. Whoever else uses "
        "the server will notice. It needs clients, and the live table.",
    )
    return chosen and possible


_SOURCE_HELP = (
    f"`{HELD_OUT}`: rows taken out of the copy. `perturbed:0.1`: the same, moved by noise of a tenth of "
    "their length. `table:schema.table.column`: a table of queries, with its own ground truth if it has one; "
    f"type its name. `{SAVED}`: all the searches saved of this column on the page Search."
)
_SOURCES = (HELD_OUT, "perturbed:0.1", SAVED)


def _ask_subsets(column: ColumnInfo) -> tuple[str | None, ...]:
    chosen = st.multiselect(
        "Filters",
        list(_SHARES),
        default=[NONE],
        accept_new_options=True,
        help="Each search is also asked limited to a share of the rows chosen at random, or to those that "
        "meet a condition: type price<=150, or price<=150 and brand=Fell.",
        key=f"bench filters {column}",
    )
    parsed = [parse_subset(given) for given in chosen or [NONE]]
    return tuple(dict.fromkeys(str(subset) if subset else None for subset in parsed))


def ask_subset(column: ColumnInfo) -> str | None:
    """Ask for the one filter that all searches are limited to; None for no filter."""
    given = st.selectbox(
        "Filter",
        _SHARES,
        accept_new_options=True,
        help="Each search is limited to a share of the rows chosen at random, or to those that meet a "
        "condition: type price<=150, or price<=150 and brand=Fell.",
        key=f"bench filter {column}",
    )
    parsed = parse_subset(given or NONE)
    return str(parsed) if parsed else None


def ask_scan() -> str | None:
    """Ask for one kind of iterative scan; None for the server's default."""
    scan = st.selectbox(
        "Iterative scan",
        (DEFAULT, *ITERATIVE_SCANS),
        help="With a filter, an index that goes on searching until enough rows have met it.",
        key="bench scan",
    )
    return None if scan == DEFAULT else scan


def _ask_scans(column: ColumnInfo) -> tuple[tuple[str, ...], tuple[int, ...]]:
    scans = st.multiselect(
        "Iterative scans",
        list(ITERATIVE_SCANS),
        help="With a filter, an index that goes on searching until enough rows have met it. Empty: the "
        "server's default.",
        key="bench scans",
    )
    tuples = numbers(
        MAX_SCAN_TUPLES,
        "max_scan_tuples",
        (),
        MAX_SCAN_TUPLES.about,
        f"bench tuples {column}",
        offered=(5_000, 20_000, 100_000),
    )
    return tuple(scans), tuples


def _ask_forms(column: ColumnInfo) -> tuple[Form | None, ...]:
    chosen = st.multiselect(
        "Forms of index",
        [COLUMN_ITSELF, *FORMS],
        default=[COLUMN_ITSELF],
        help="What the index holds. " + " ".join(f"`{kind.name}`: {kind.about}" for kind in FORMS.values()),
        key=f"bench forms {column}",
    )
    candidates = CANDIDATES.default
    if any(FORMS[name].reordered for name in chosen if name in FORMS):
        candidates = _whole(CANDIDATES, "Candidates ordered again")
    dimensions = SUBVECTOR.default
    if "subvector" in chosen:
        dimensions = _whole(SUBVECTOR, "Leading elements")
    return tuple(form_named(name, dimensions, candidates) for name in chosen or [COLUMN_ITSELF])


def form_named(name: str, dimensions: int, candidates: int) -> Form | None:
    """Make a form with so many leading elements and candidates, where it has any; None: the column."""
    if name == COLUMN_ITSELF:
        return None
    kind = FORMS[name]
    return Form(
        kind,
        dimensions if name == "subvector" else None,
        candidates if kind.reordered else None,
    )


def _ask_partial(subsets: Sequence[str | None]) -> tuple[str | None, ...]:
    filters = [subset for subset in subsets if subset]
    partial = st.toggle(
        "Partial indexes too",
        key="bench partial",
        disabled=not filters,
        help="Also builds each index over the rows of each filter alone.",
    )
    return (None, *filters) if partial and filters else (None,)


def ask_sample(column: ColumnInfo) -> int | None:
    """Ask for how many rows are measured; None for all."""
    rows = st.number_input(
        "Sample of rows",
        0,
        None,
        0,
        help="Measures so many rows chosen at random; 0 for the whole table.",
        key=f"bench sample {column}",
    )
    return rows or None


def ask_source(column: ColumnInfo) -> str:
    """Ask for where the queries come from."""
    source = st.selectbox(
        "Query source", _SOURCES, accept_new_options=True, help=_SOURCE_HELP, key=f"bench source {column}"
    )
    return (source or "").strip() or HELD_OUT


def _whole(parameter: Parameter, label: str) -> int:
    return st.number_input(
        label,
        parameter.low,
        parameter.high,
        parameter.default,
        help=parameter.about,
        key=f"bench {parameter.name}",
    )
