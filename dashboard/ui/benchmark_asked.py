"""A plan as the form asks for it, both ways: the fields make the plan, and a plan fills the fields.

The form sweeps every combination of what is chosen.  An index that has settings of its own, as a file may
give it, stands among ``further``, spelled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.subset import parse_subset
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import Variant, sweep
from dashboard.ui.benchmark_fields import Basics
from dashboard.ui.benchmark_more import More, form_named
from db.errors import RequestError
from db.forms import CANDIDATES, SUBVECTOR, Form, IndexSpec
from db.indexes import METHODS, IndexMethod

LARGEST = 2**53 - 1
"""Whole numbers beyond are not exact in a browser."""

LEAST_P95_MS, MOST_P95_MS = 0.01, 1e9
"""Targets that the form takes."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The values to combine for one method: of each build option, and of its search setting."""

    method: type[IndexMethod]
    options: dict[str, tuple[int, ...]]
    values: tuple[int, ...]

    def indexes(self) -> list[IndexMethod]:
        """List every combination of the build options."""
        return [
            self.method(**dict(zip(self.options, combined, strict=True)))
            for combined in product(*self.options.values())
        ]


@dataclass(frozen=True, slots=True)
class SweepAsked:
    """The fields of a sweep; with ``sizes``, of one on growing copies."""

    basics: Basics
    more: More
    grids: tuple[Grid, ...]
    further: tuple[Variant, ...] = ()
    sizes: tuple[int, ...] = ()

    def plan(self, column: str) -> BenchmarkPlan:
        """Make the plan.  Raises RequestError where the fields make none."""
        more = self.more
        specs = {
            IndexSpec(method, form, only): grid.values
            for grid in self.grids
            for method, form, only in product(grid.indexes(), more.forms, more.partial)
        }
        variants = [variant for spec, values in specs.items() for variant in _swept(spec, values, more)]
        return BenchmarkPlan(
            column,
            self.basics.distance,
            (*variants, *self.further),
            ks=self.basics.ks,
            queries=self.basics.queries,
            seed=self.basics.seed,
            repeats=more.repeats,
            sample_rows=more.sample_rows,
            subsets=more.subsets,
            clients=more.clients,
            seconds=more.seconds,
            rate=more.rate,
            rebuilds=more.rebuilds,
            inserts=more.inserts,
            live=more.live,
            live_clients=more.live_clients,
            sizes=self.sizes,
            query_source=more.query_source,
        )


@dataclass(frozen=True, slots=True)
class TuneAsked:
    """The fields of a search for the cheapest configuration."""

    basics: Basics
    target: Target
    candidates: tuple[IndexSpec, ...]
    query_source: str
    sample_rows: int | None
    subset: str | None = None
    scan: str | None = None
    """The kind of iterative scan, for the candidates that have it."""

    def plan(self, column: str) -> BenchmarkPlan:
        """Make the plan.  Raises RequestError where the fields make none."""
        swept = sweep(self.candidates, {}, [self.scan] if self.scan else [])
        return BenchmarkPlan(
            column,
            self.basics.distance,
            tuple(replace(variant, values=()) for variant in swept),
            ks=self.basics.ks,
            queries=self.basics.queries,
            seed=self.basics.seed,
            sample_rows=self.sample_rows,
            subsets=(self.subset,),
            target=self.target,
            query_source=self.query_source,
        )


def asked_for(plan: BenchmarkPlan) -> SweepAsked | TuneAsked | None:
    """Find the fields that make ``plan``; None for one that only a file can say."""
    wanted = replace(plan, subsets=_unique(_spelled(each) for each in plan.subsets))
    basics = Basics(plan.distance, plan.ks, plan.queries, plan.seed)
    if max(plan.seed, plan.sample_rows or 0, *plan.sizes, 0) > LARGEST:
        return None
    if plan.target:
        specs = tuple(variant.index for variant in plan.variants)
        scan = next((scan for variant in plan.variants for scan in variant.scans if scan), None)
        tuned = TuneAsked(
            basics, plan.target, specs, plan.query_source, plan.sample_rows, wanted.subsets[0], scan
        )
        shows = specs and LEAST_P95_MS <= plan.target.p95_ms <= MOST_P95_MS
        return tuned if shows and _makes(tuned, wanted) else None
    listed = SweepAsked(basics, _more(wanted, ()), (), plan.variants, plan.sizes)
    combined = SweepAsked(basics, _more(wanted, plan.variants), _grids(plan.variants), (), plan.sizes)
    if any(list(some) != sorted(set(some)) for some in (plan.ks, plan.clients)):
        return None
    fitting = (asked for asked in (combined, listed) if _has_fields(asked.more.forms))
    return next((asked for asked in fitting if _makes(asked, wanted)), None)


def _makes(asked: SweepAsked | TuneAsked, plan: BenchmarkPlan) -> bool:
    try:
        return asked.plan(plan.column) == plan
    except RequestError:  # such as a combination that no index has
        return False


def _swept(spec: IndexSpec, values: tuple[int, ...], more: More) -> tuple[Variant, ...]:
    if not values:
        return (Variant(spec, ()),)  # which the plan refuses in words of its own
    return sweep([spec], {spec.method.search.name: values}, more.scans, more.tuples)


def _grids(variants: Sequence[Variant]) -> tuple[Grid, ...]:
    """Find the values whose combinations might be ``variants``."""
    grids = []
    for kind in METHODS.values():
        ours = [variant for variant in variants if isinstance(variant.index.method, kind)]
        if ours:
            names = [parameter.name for parameter in kind.parameters()]
            options = {name: _ascending(getattr(v.index.method, name) for v in ours) for name in names}
            grids.append(Grid(kind, options, _ascending(value for v in ours for value in v.values)))
    return tuple(grids)


def _more(plan: BenchmarkPlan, variants: Sequence[Variant]) -> More:
    return More(
        subsets=plan.subsets,
        scans=_unique(scan for v in variants for scan in v.scans if scan),
        tuples=_ascending(tuples for v in variants for tuples in v.tuples if tuples),
        forms=_unique(v.index.form for v in variants) or (None,),
        partial=_unique(v.index.only for v in variants) or (None,),
        clients=plan.clients,
        seconds=plan.seconds,
        rate=plan.rate,
        repeats=plan.repeats,
        rebuilds=plan.rebuilds,
        inserts=plan.inserts,
        live=plan.live,
        live_clients=plan.live_clients,
        sample_rows=plan.sample_rows,
        query_source=plan.query_source,
    )


def shared(forms: Sequence[Form | None]) -> tuple[int, int]:
    """Tell the leading elements and the candidates that the form has one field for: of all its forms."""
    dimensions = (form.dimensions for form in forms if form and form.dimensions)
    candidates = (form.candidates for form in forms if form and form.candidates)
    return next(dimensions, SUBVECTOR.default), next(candidates, CANDIDATES.default)


def _has_fields(forms: Sequence[Form | None]) -> bool:
    return all(form is None or form == form_named(form.kind.name, *shared(forms)) for form in forms)


def _spelled(subset: str | None) -> str | None:
    parsed = parse_subset(subset or "none")
    return str(parsed) if parsed else None


def _unique(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(dict.fromkeys(values))


def _ascending(values: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(values)))
