"""The search page's bar: what to search for, how, and among which rows; all of it in the address."""

from __future__ import annotations

import streamlit as st

from dashboard.question import BY, Question, serving_methods
from dashboard.seeding.embedders import embedder_of
from dashboard.ui import pickers, state
from dashboard.ui import search_tables as tables
from dashboard.ui.messages import check_choices, escaped, unescaped
from db.catalog import ColumnInfo, PlainColumn, default_distance
from db.columns import spelled
from db.distance import Distance, distance_named, distances_for
from db.errors import RequestError
from db.examples import Example
from db.filters import OPERATORS, Filter, parse_filter
from db.indexes import METHODS
from db.nearest import ITERATIVE_SCANS, MAX_ROWS, SearchSettings

_PLACEHOLDERS = {
    "Text": "Words to look for",
    "Row id": "Key of a row: 42, or a JSON list for a key of several columns",
    "Vector": "[0.1, -2, 3e-4, ...]",
}
SEARCH_BY, GIVEN, FILTERS = "by", "q", "f"
EF_SEARCH, PROBES, SCAN = "ef", "probes", "scan"
"""Where each part of the question stands in the address, and the key of its widget."""
_OTHERS = (pickers.COLUMN, GIVEN, FILTERS, "k", EF_SEARCH, PROBES)


def describe(column: ColumnInfo) -> str:
    """Say what is searched: ``public.products.embedding · vector(384) · 10,000 rows``."""
    dimensions = f"({column.dimensions:,})" if column.dimensions else ", any length"
    return f"{escaped(str(column))} · {column.type}{dimensions} · {pickers.rows(column)}"


def pick_question(column: ColumnInfo, others: tuple[PlainColumn, ...]) -> Question | None:
    """Draw the bar; None while there is nothing to search for."""
    stems = [distance.stem for distance in distances_for(column.type)]
    check_choices({SEARCH_BY: BY, "d": stems, SCAN: ITERATIVE_SCANS}, others=_OTHERS)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            by, given = _pick_query(column)
            st.button(
                "Search",
                type="primary",
                icon=":material/play_arrow:",
                shortcut="Mod+Enter",
                on_click=state.ask_again,
            )
        if by == "Text" and not embedder_of(column.comment):
            _explain_missing_embedder()
        distance, k, settings = _pick_settings(column)
        filters = _pick_filters(others)
    return Question(by, given.strip(), distance, k, settings, filters) if given.strip() else None


def _pick_query(column: ColumnInfo) -> tuple[str, str]:
    has_embedder = embedder_of(column.comment) is not None
    by = st.segmented_control(
        "Search by",
        BY,
        default=BY[0] if has_embedder else BY[1],
        required=True,
        label_visibility="collapsed",
        key=SEARCH_BY,
        bind="query-params",
        on_change=state.put,
        args=(GIVEN, ""),
    )
    given = st.text_input(
        "Query",
        placeholder=_PLACEHOLDERS[by],
        label_visibility="collapsed",
        type="search",
        icon=":material/search:",
        key=GIVEN,
        bind="query-params",
        disabled=by == "Text" and not has_embedder,
    )
    return by, given


def _explain_missing_embedder() -> None:
    st.caption(
        ":material/info: Words cannot be searched for here: nothing says which model made these vectors. "
        "Search by row id, or paste a vector made by the same model."
    )


def _pick_settings(column: ColumnInfo) -> tuple[Distance, int, SearchSettings]:
    a, b, c, d = st.columns([3, 1.6, 1.6, 2.6])
    with a:
        distance = _pick_distance(column)
    state.drop_beyond("k", 1, MAX_ROWS)
    k = b.number_input("k, rows wanted", 1, MAX_ROWS, 10, key="k", bind="query-params")
    methods = serving_methods(column, distance)
    with c:
        ef_search = _pick_setting("hnsw", EF_SEARCH) if "hnsw" in methods else None
        probes = _pick_setting("ivfflat", PROBES) if "ivfflat" in methods else None
    with d:
        scan = _pick_iterative_scan(methods)
    return distance, k, SearchSettings(ef_search=ef_search, probes=probes, iterative_scan=scan)


def _pick_setting(method: str, address: str) -> int:
    setting = METHODS[method].search
    state.drop_beyond(address, setting.low, setting.high)
    return st.number_input(
        setting.name,
        setting.low,
        setting.high,
        setting.default,
        help=setting.about,
        key=address,
        bind="query-params",
    )


def _pick_distance(column: ColumnInfo) -> Distance:
    stems = [distance.stem for distance in distances_for(column.type)]
    preset = default_distance(column)
    stem = st.selectbox(
        "Distance",
        stems,
        index=stems.index(preset.stem),
        key="d",
        bind="query-params",
        help=_about_distances(column),
    )
    return distance_named(stem)


def _about_distances(column: ColumnInfo) -> str:
    how = {True: "served by an index", False: "exact search only"}
    return "\n".join(
        f"- **{d.stem}** `{d.operator}` {d.label}: {how[bool(serving_methods(column, d))]}"
        for d in distances_for(column.type)
    )


def _pick_iterative_scan(methods: tuple[str, ...]) -> str | None:
    known = [
        scan
        for scan, settings in ITERATIVE_SCANS.items()
        if any(setting.startswith(methods) for setting in settings)
    ]
    if not known or state.server().pgvector < (0, 8):
        return None
    return st.selectbox(
        "Iterative scan",
        known,
        key=SCAN,
        bind="query-params",
        help="Whether the index goes on looking when filters have left too few rows. Needs pgvector 0.8.",
    )


def _pick_filters(others: tuple[PlainColumn, ...]) -> tuple[Filter, ...]:
    names = {column.name for column in others}
    # The address holds labels, which are escaped; a link may also spell the filters as they are.
    linked = [unescaped(chip) for chip in st.query_params.get_all(FILTERS)]
    known = [chip for chip in state.chips(FILTERS, linked) if _column_of(chip) in names]
    dropped = [chip for chip in linked if chip not in known]
    if linked and state.value(FILTERS) is None:
        state.put(FILTERS, [chip for chip in known if chip in linked])
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if others:
            with st.popover("Add filter", icon=":material/add:", type="tertiary"):
                _pick_new_filter(others)
        # Pills keep a chip in place when it is switched off: a filter can be tried and untried.  Drawn
        # also without any: Streamlit 1.67 writes a value into the address only for a widget that is there.
        chosen = st.pills(
            "Filters",
            known,
            selection_mode="multi",
            label_visibility="collapsed",
            format_func=escaped,
            key=FILTERS,
            bind="query-params",
        )
    if dropped:
        st.caption(f":material/filter_alt_off: Left out, as no column fits: {escaped('; '.join(dropped))}")
    return tuple(parse_filter(chip) for chip in chosen)


def _column_of(chip: str) -> str | None:
    """Name the column a filter is about; None for one an address brought that cannot be read."""
    try:
        return parse_filter(chip).column
    except RequestError:
        return None


def _pick_new_filter(others: tuple[PlainColumn, ...]) -> None:
    name = st.selectbox("Column", [column.name for column in others], key="filter column")
    symbol = st.selectbox(
        "Condition", list(OPERATORS), format_func=lambda key: OPERATORS[key].label, key="filter condition"
    )
    takes = OPERATORS[symbol].takes
    value = ""
    if takes != "none":
        hint = "one, another" if takes == "many" else None
        value = st.text_input("Value", placeholder=hint, key="filter value")
    st.button(
        "Add",
        type="primary",
        disabled=takes != "none" and not value,
        key="filter add",
        on_click=state.add_chip,
        args=(FILTERS, f"{spelled(name)} {symbol} {value}".strip()),
    )


def examples(column: ColumnInfo, found: list[Example]) -> None:
    """Offer rows to start from: their texts where words can be searched for, else the rows themselves."""
    by_text = embedder_of(column.comment) is not None
    st.caption(
        "Nothing asked yet. Try one of these:" if by_text else "Nothing asked yet. Try the neighbours of:"
    )
    with st.container(horizontal=True, gap="small"):
        for place, example in enumerate(found):
            st.button(
                escaped(example.text),
                icon=":material/search:" if by_text else ":material/near_me:",
                key=f"example {place}",
                on_click=ask,
                args=("Text", example.text) if by_text else ("Row id", tables.key_text(example.key)),
            )


def ask(by: str, given: str) -> None:
    """Put a question into the bar, as a button's ``on_click``."""
    state.put(SEARCH_BY, by)
    state.put(GIVEN, given)


def put(question: Question) -> None:
    """Put a whole question into the bar's widgets, as a button's ``on_click``."""
    ask(question.by, question.given)
    state.put("d", question.distance.stem)
    state.put("k", question.k)
    chips = [str(each) for each in question.filters]
    state.chips(FILTERS, chips)
    state.put(FILTERS, chips)
    use_settings(question.settings)


def use_settings(settings: SearchSettings) -> None:
    """Put ``settings`` into the bar's widgets, as a button's ``on_click``."""
    values = {EF_SEARCH: settings.ef_search, PROBES: settings.probes, SCAN: settings.iterative_scan}
    for address, value in values.items():
        if value is not None:
            state.put(address, value)
