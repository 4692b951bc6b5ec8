"""The fields that every kind of run has, and the widget for several numbers at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from dashboard.benchmark.plan import QUERIES, SEED
from dashboard.benchmark.trials import NEIGHBOURS
from dashboard.ui.pickers import whole_number
from db.catalog import ColumnInfo, default_distance
from db.distance import Distance, distance_named, distances_for
from db.errors import RequestError
from db.indexes import Parameter


@dataclass(frozen=True, slots=True)
class Basics:
    """What is asked: by which distance, for how many neighbours, with how many queries."""

    distance: Distance
    ks: tuple[int, ...]
    queries: int
    seed: int


def ask_basics(column: ColumnInfo, *, single: bool = False) -> Basics:
    """Draw distance, k, queries and seed; ``single``: one k alone."""
    a, b, c, d = st.columns(4)
    stems = [distance.stem for distance in distances_for(column.type)]
    stem = a.selectbox(
        "Distance", stems, index=stems.index(default_distance(column).stem), key="bench distance"
    )
    with b:
        ks = _ask_ks(column, single=single)
    most = max(1, min(QUERIES.high, (column.rows or QUERIES.high) // 10))
    queries = c.number_input(
        "Queries",
        QUERIES.low,
        QUERIES.high,
        min(QUERIES.default, most),
        help=QUERIES.about,
        key=f"bench queries {column}",
    )
    seed = d.number_input("Seed", SEED.low, None, SEED.default, help=SEED.about, key="bench seed")
    return Basics(distance_named(stem), ks, queries, seed)


def _ask_ks(column: ColumnInfo, *, single: bool) -> tuple[int, ...]:
    if single:
        return (
            st.number_input(
                "k", NEIGHBOURS.low, NEIGHBOURS.high, NEIGHBOURS.default, help=NEIGHBOURS.about, key="bench k"
            ),
        )
    about = f"{NEIGHBOURS.about} The verdict is about the smallest; type more to measure them too."
    return numbers(
        NEIGHBOURS, "k", (NEIGHBOURS.default,), about, f"bench ks {column}", offered=(1, 10, 50, 100)
    )


def ask_values(
    parameter: Parameter, usual: Sequence[int], column: ColumnInfo, mode: str = ""
) -> tuple[int, ...]:
    """Let the reader name several values of a build or search parameter; each is tried."""
    about = f"{parameter.about} Type more values to try them too."
    return numbers(parameter, parameter.name, usual, about, f"bench {mode}{parameter.name} {column}")


def numbers(
    parameter: Parameter,
    label: str,
    usual: Sequence[int],
    about: str,
    key: str,
    *,
    offered: Sequence[int] = (),
) -> tuple[int, ...]:
    """Draw a choice of several whole numbers, others may be typed.  Raises RequestError for what is none."""
    chosen = st.multiselect(
        label,
        [str(value) for value in offered or usual],
        default=[str(value) for value in usual],
        accept_new_options=True,
        help=about,
        key=key,
    )
    return tuple(sorted({number_of(parameter, given) for given in chosen}))


def number_of(parameter: Parameter, given: str) -> int:
    """Read a whole number.  Raises RequestError for what is none."""
    if (number := whole_number(given.strip().replace(",", ""))) is None:
        raise RequestError(
            f"{parameter.name} = {given[:20]!r} is not a whole number.",
            "Remove it, or correct it.",
        )
    return number
