"""Checks of single rows: vectors that are missing, zero, of odd length, copied, or far from all others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from dashboard.inspection.evidence import Evidence
from dashboard.inspection.finding import Finding, Limits, Verdict, percent, silent
from dashboard.inspection.statistics import wilson
from db.indexes import Hnsw
from db.quality import MOST_ROWS, Duplicates
from db.words import counted

UNIT_SLACK = 0.01
"""How far a length may be from 1 and still count as 1; halfvec rounds lengths by less."""

NEAR = 0.001
"""Cosine distance below which two vectors are near duplicates: some 2.6 degrees apart.  Of vectors
compared by length too: as far apart as two unit vectors at that angle, at the typical length."""

NEAR_BITS = 0.01
"""For bit: near duplicates differ in at most this share of their bits."""

FENCE = 3.0
"""Outliers lie this many interquartile ranges beyond the upper quartile.
Source: Tukey, Exploratory Data Analysis (1977), "far out"."""


def coverage(evidence: Evidence, limits: Limits) -> Finding:
    """Rows that have a vector, of all rows."""
    rows, nulls = evidence.counted.rows, evidence.counted.nulls
    exact = rows is not None or evidence.sample.is_whole
    if rows is None or nulls is None:
        rows, nulls = evidence.sample.drawn, evidence.sample.nulls
    if not rows:
        return silent("There are no rows.")
    finding = _share(rows - nulls, rows, limits, exact=exact)
    sentence = f"Without a vector: {counted(nulls)} of {rows:,}; no search by it returns them."
    return replace(
        finding,
        note=f"{nulls:,} null",
        sentence=sentence if nulls else "Every row has a vector.",
        problem="null" if nulls else "",
    )


def zeros(evidence: Evidence, limits: Limits) -> Finding:
    """Vectors whose every element is 0."""
    empty = evidence.norms == 0
    exact = evidence.counted.zeros is not None or evidence.sample.is_whole
    found, rows = int(empty.sum()), evidence.sample.n
    if (whole := evidence.counted).zeros is not None and whole.rows is not None and whole.nulls is not None:
        found, rows = whole.zeros or 0, whole.rows - whole.nulls
    if not rows:
        return silent("There are no vectors.")
    finding = _share(found, rows, limits, exact=exact)
    effect = (
        "cosine distance to them is undefined, and no cosine index holds them"
        if evidence.is_angular
        else "every one is a copy of the others"
    )
    return replace(
        finding,
        note=_note(finding, f"{found:,} of {rows:,}"),
        sentence=f"Zero: {counted(found, 'vector')} of {rows:,}; {effect}."
        if found
        else "No vector is zero.",
        rows=_keys(evidence, np.flatnonzero(empty)),
        problem="zero" if found else "",
        total=found,
    )


def norms(evidence: Evidence, limits: Limits) -> Finding:
    """Vectors that are not of length 1 in a column whose vectors are; otherwise how lengths spread."""
    lengths = evidence.norms[evidence.norms > 0]
    if not len(lengths):
        return silent("No vector has a length.")
    low, high = np.quantile(lengths, [0.05, 0.95])
    if abs(evidence.typical_length - 1) > UNIT_SLACK:
        return _not_normalised(evidence, float(low), float(high))
    odd = np.flatnonzero((np.abs(evidence.norms - 1) > UNIT_SLACK) & (evidence.norms > 0))
    finding = _share(len(odd), len(lengths), limits, exact=evidence.sample.is_whole)
    verdict = finding.verdict
    if evidence.is_angular and verdict is Verdict.ACT and evidence.distance.stem == "cosine":
        verdict = Verdict.WATCH  # cosine does not look at length
    return replace(
        finding,
        verdict=verdict,
        note=_note(finding, "length 1"),
        sentence=f"Not of length 1, as the others are: {counted(len(odd), 'vector')} of {len(lengths):,}; "
        "made by another model, or cut?"
        if len(odd)
        else "Every vector has length 1.",
        rows=_keys(evidence, odd),
        problem="keys" if len(odd) else "",
        total=len(odd),
    )


def _not_normalised(evidence: Evidence, low: float, high: float) -> Finding:
    """Say what lengths there are where they are not 1: that matters to inner product alone."""
    matters = evidence.distance.stem == "ip" and high > (1 + UNIT_SLACK) * low
    spread = f"nine in ten have lengths from {low:.3g} to {high:.3g}"
    effect = {
        "cosine": "cosine distance does not look at them",
        "ip": "inner product favours the long ones",
    }.get(evidence.distance.stem, "distances look at them as they are")
    return Finding(
        f"length {evidence.typical_length:.3g}",
        Verdict.WATCH if matters else Verdict.GOOD,
        f"The vectors are not normalised: {spread}; {effect}.",
        note="not length 1",
        n=evidence.sample.n,
        exact=evidence.sample.is_whole,
    )


def duplicates(evidence: Evidence, limits: Limits) -> Finding:
    """Rows whose vector equals another row's."""
    filled = int((evidence.norms > 0).sum())
    found = evidence.counted.duplicates
    exact = found is not None or evidence.sample.is_whole
    if found is None:
        found = _copies(evidence)
    elif evidence.counted.rows is not None:
        whole = evidence.counted
        filled = (whole.rows or 0) - (whole.nulls or 0) - (whole.zeros or 0)
    if not filled:
        return silent("No vector has a length.")
    finding = _share(min(found.rows, filled), filled, limits, exact=exact)
    if not found.rows:
        return replace(finding, note=_note(finding, "none"), sentence="No two vectors are equal.")
    hidden = found.largest > Hnsw.search.default
    told = f"{counted(found.rows)} share their vector with another, in {counted(found.groups, 'group')}"
    told += f"; the largest has {counted(found.largest)}"
    told += (
        f", more than an HNSW search looks at by itself (ef_search {Hnsw.search.default}): it hides the rest."
        if hidden
        else "."
    )
    if not exact:
        told += " At least: copies are seen only where both were drawn."
    return replace(
        finding,
        verdict=Verdict.ACT if hidden else finding.verdict,
        note=_note(finding, counted(found.groups, "group")),
        sentence=told,
        rows=found.keys,
        problem="duplicates",
        total=found.rows,
    )


def _copies(evidence: Evidence) -> Duplicates:
    sizes = evidence.group_sizes
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] > 1]
    vectors = evidence.sample.vectors
    alike = (np.flatnonzero((vectors == vectors[place]).all(axis=1)) for place in evidence.distinct[order])
    keys = _keys(evidence, list(islice(chain.from_iterable(alike), MOST_ROWS)))
    return Duplicates(len(order), int(sizes[order].sum()), int(sizes.max(initial=0)), keys)


def near_duplicates(evidence: Evidence, limits: Limits) -> Finding:
    """Rows whose nearest other vector is all but the same."""
    if not evidence.neighbours.places.shape[1]:
        return silent("There are fewer than two distinct vectors.")
    nearest = evidence.neighbours.distances[:, 0]
    close = np.flatnonzero(nearest**2 < near_square(evidence))
    finding = _share(len(close), len(nearest), limits, exact=evidence.sample.is_whole)
    limit = f"{NEAR_BITS:.0%} of the bits" if evidence.column.type == "bit" else f"{NEAR:g}"
    at_least = "" if evidence.sample.is_whole else " At least: both of a pair must have been drawn."
    return replace(
        finding,
        note=_note(finding, f"under {limit}"),
        sentence=f"{counted(len(close), 'distinct vector')} of {len(nearest):,} have another one nearer than "
        f"{limit}: the same thing stored twice, or two versions of it.{at_least}"
        if len(close)
        else f"No two distinct vectors are nearer than {limit}.",
        rows=evidence.keys(close[np.argsort(nearest[close], kind="stable")][:MOST_ROWS]),
        problem="keys" if len(close) else "",
        total=len(close),
    )


def near_square(evidence: Evidence) -> float:
    """Square of the Euclidean distance between ``points`` below which two are near duplicates."""
    return NEAR_BITS * evidence.dimensions if evidence.column.type == "bit" else 2 * NEAR


def outliers(evidence: Evidence, limits: Limits) -> Finding:
    """Rows whose tenth neighbour is far away for this column."""
    if not evidence.has_neighbours:
        return silent("There are too few distinct vectors.")
    tenth = evidence.neighbours.distances[:, -1]
    low, high = np.quantile(tenth, [0.25, 0.75])
    far = np.flatnonzero(tenth > high + FENCE * (high - low))
    finding = _share(len(far), len(tenth), limits, exact=evidence.sample.is_whole)
    return replace(
        finding,
        note=_note(finding, f"{len(far):,} of {len(tenth):,}"),
        sentence=f"{counted(len(far))} of {len(tenth):,} looked at lie far from everything: their tenth "
        f"neighbour is over {FENCE:g} interquartile ranges farther than usual."
        if len(far)
        else "No row lies far from all others.",
        rows=evidence.keys(far[np.argsort(-tenth[far], kind="stable")][:MOST_ROWS]),
        problem="keys" if len(far) else "",
        total=len(far),
    )


def mixed_dimensions(evidence: Evidence, limits: Limits) -> Finding:
    """Vectors of another length than most, in a column that takes any."""
    if evidence.column.dimensions is not None:
        length = evidence.column.dimensions
        return Finding(
            "one length",
            Verdict.GOOD,
            f"The column takes only {evidence.column.type}({length:,}).",
            value=0.0,
            note=f"{length:,} declared",
            exact=True,
        )
    mix = evidence.counted.mix if evidence.counted.mix is not None else evidence.sample.mix
    rows = sum(mix.values())
    if not rows:
        return silent("There are no vectors.")
    exact = evidence.counted.mix is not None or evidence.sample.is_whole
    usual, most = max(mix.items(), key=lambda entry: entry[1])
    finding = _share(rows - most, rows, limits, exact=exact)
    lengths = ", ".join(f"{counted(count)} of {length:,}" for length, count in list(mix.items())[:5])
    return replace(
        finding,
        shown=counted(len(mix), "length"),
        note=f"{usual:,} usual",
        sentence=f"The vectors differ in length: {lengths}. A search meets only those as long as its query."
        if len(mix) > 1
        else f"Every vector has {usual:,} dimensions, though the column does not say so: declared as "
        f"{evidence.column.type}({usual}) it could be indexed, and would refuse others.",
        problem="dimensions" if len(mix) > 1 else "",
        usual=usual,
    )


def _share(hits: int, n: int, limits: Limits, *, exact: bool) -> Finding:
    share = hits / n
    return Finding(
        percent(share),
        limits.judge(share),
        "",
        value=share,
        n=n,
        exact=exact,
        interval=None if exact else wilson(hits, n),
    )


def _note(finding: Finding, otherwise: str) -> str:
    """Write half the interval's width, where there is one."""
    if finding.interval is None:
        return otherwise
    return f"± {percent((finding.interval.high - finding.interval.low) / 2)}"


def _keys(evidence: Evidence, places: NDArray[np.int64] | Sequence[int]) -> tuple[str, ...]:
    return tuple(evidence.sample.keys[place] for place in places[:MOST_ROWS])
