"""What of a column an index may hold - the vectors, or something smaller - and how a search goes through it.

An index over less than the vectors hands over candidates, which are ordered again by the true distance.

Source: pgvector README, "Half-Precision Indexing", "Binary Quantization", "Indexing Subvectors".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pgvector.sqlalchemy import BIT, HALFVEC, VECTOR
from sqlalchemy import ColumnElement, Index, Table, cast, func

from db.distance import Distance
from db.errors import RequestError
from db.indexes import IndexMethod, Parameter, parse_index

CANDIDATES = Parameter("candidates", 100, 1, 10_000, "Rows the index hands over to be ordered again.")
SUBVECTOR = Parameter("subvector", 64, 1, 2000, "Leading elements that the index holds.")

Expression = ColumnElement[Any]


@dataclass(frozen=True, slots=True)
class FormKind:
    """A kind of form: the type it makes of a vector, and the distance it is searched by (None: the same).

    ``make`` turns a vector expression of so many dimensions into what the index holds.
    """

    name: str
    label: str
    about: str
    vector_type: str
    distance: Distance | None
    reordered: bool
    make: Callable[[Expression, int], Expression]


FORMS: Mapping[str, FormKind] = {
    kind.name: kind
    for kind in (
        FormKind(
            "halfvec",
            "half precision",
            "Two bytes an element: half the size, and no loss that recall would show.",
            "halfvec",
            None,
            False,
            lambda vector, dims: cast(vector, HALFVEC(dims)),
        ),
        FormKind(
            "bit",
            "binary quantised",
            "One bit an element, its sign: the smallest and quickest, candidates ordered again.",
            "bit",
            Distance.HAMMING,
            True,
            lambda vector, dims: cast(func.binary_quantize(vector), BIT(dims)),
        ),
        FormKind(
            "subvector",
            "leading elements",
            "The first elements only, for models trained so that these tell most; ordered again.",
            "vector",
            None,
            True,
            lambda vector, dims: cast(func.subvector(vector, 1, dims), VECTOR(dims)),
        ),
    )
}
"""Every form but the column itself, by its name in an index's spelling (``as=bit``)."""


@dataclass(frozen=True, slots=True)
class Form:
    """One form: its ``dimensions`` where not the column's, its ``candidates`` where these are reordered."""

    kind: FormKind
    dimensions: int | None = None
    candidates: int | None = None

    @property
    def options(self) -> dict[str, int | str]:
        """What makes this form, as an index's spelling has it."""
        given = {"subvector": self.dimensions, "candidates": self.candidates}
        return {"as": self.kind.name, **{name: value for name, value in given.items() if value is not None}}

    def of(self, vector: Expression, dimensions: int) -> Expression:
        """Make this form of ``vector``, which has so many ``dimensions``."""
        return self.kind.make(vector, self.dimensions or dimensions)


@dataclass(frozen=True, slots=True)
class IndexSpec:
    """An index to build: its method and options, the form it holds, and which rows it is limited to."""

    method: IndexMethod
    form: Form | None = None
    only: str | None = None
    """What a partial index is limited to: in a plan a subset, in ``on`` a boolean column of the table."""

    def __str__(self) -> str:
        return f"{self.method.name}:{','.join(f'{name}={value}' for name, value in self.options.items())}"

    @property
    def options(self) -> dict[str, int | str]:
        """Every option by name: the method's, then the form's."""
        partial = {"only": self.only} if self.only else {}
        return {**self.method.options, **(self.form.options if self.form else {}), **partial}

    def holds(self, vector_type: str, dimensions: int, distance: Distance) -> tuple[str, int, Distance]:
        """Tell type, dimensions and distance of what the index holds, for a column of the given ones."""
        if self.form is None:
            return vector_type, dimensions, distance
        return (
            self.form.kind.vector_type,
            self.form.dimensions or dimensions,
            self.form.kind.distance or distance,
        )

    def check(self, vector_type: str, dimensions: int, distance: Distance) -> None:
        """Raise RequestError where this index cannot be built on such a column for ``distance``."""
        if self.form and vector_type not in {"vector", "halfvec"}:
            raise RequestError(
                f"A {vector_type} column cannot be indexed as {self.form.kind.name}.",
                "Leave out as=..., or choose a vector or halfvec column.",
            )
        if self.form and self.form.kind.name == "halfvec" and vector_type == "halfvec":
            raise RequestError("The column is halfvec already.", "Leave out as=halfvec.")
        if self.form and (self.form.dimensions or 0) > dimensions:
            raise RequestError(
                f"subvector = {self.form.dimensions:,} is more than the column's {dimensions:,} dimensions.",
                f"Choose 1 to {dimensions:,}.",
            )
        self.method.check_column(*self.holds(vector_type, dimensions, distance))

    def on(
        self, table: Table, column: str, vector_type: str, dimensions: int, distance: Distance, *, name: str
    ) -> Index:
        """Make the Index, called ``name``, that serves ``distance`` on a column of ``table``."""
        source: Expression = table.c[column]
        held_type, _, searched = self.holds(vector_type, dimensions, distance)
        held = self.form.of(source, dimensions).label("held") if self.form else source
        return Index(
            name,
            held,
            postgresql_using=self.method.name,
            postgresql_with=self.method.options,
            postgresql_ops={str(held.key): searched.operator_class(held_type)},
            postgresql_where=table.c[self.only] if self.only else None,
        )

    def size_forecast_bytes(self, rows: int, vector_type: str, dimensions: int) -> int:
        """Forecast the finished index's size over ``rows`` rows."""
        held_type, held, _ = self.holds(vector_type, dimensions, Distance.L2)
        return self.method.size_forecast_bytes(rows, held, held_type)

    def wal_forecast_bytes(self, size_bytes: int, rows: int, vector_type: str, dimensions: int) -> int:
        """Forecast the WAL of building it, ``size_bytes`` large, over ``rows`` rows of a logged table."""
        held_type, held, _ = self.holds(vector_type, dimensions, Distance.L2)
        return self.method.wal_forecast_bytes(size_bytes, rows, held, held_type)


def parse_spec(given: str) -> IndexSpec:
    """Read an index with its form as the command line spells it.

    >>> str(parse_spec("hnsw:m=24,as=bit,candidates=200"))
    'hnsw:m=24,ef_construction=64,as=bit,candidates=200'
    >>> parse_spec("ivfflat:lists=50").form

    Raises RequestError naming what cannot be read.
    """
    name, _, rest = given.strip().partition(":")
    parts = [part.strip() for part in rest.split(",") if part.strip()]
    ours = dict(part.partition("=")[::2] for part in parts if part.partition("=")[0] in _OURS)
    method = parse_index(f"{name}:{','.join(p for p in parts if p.partition('=')[0] not in _OURS)}")
    only = ours.pop("only", None)
    kind = ours.pop("as", None)
    if kind is None:
        if ours:
            raise RequestError(
                f"{next(iter(ours))} belongs to an index over something smaller than the column.",
                f"Say of what: as={', as='.join(FORMS)}.",
            )
        return IndexSpec(method, None, only)
    if kind not in FORMS:
        raise RequestError(f"An index cannot be made as {kind!r}.", f"Choose as={', as='.join(FORMS)}.")
    return IndexSpec(method, _form(FORMS[kind], ours), only)


_OURS = frozenset({"as", "candidates", "subvector", "only"})


def _form(kind: FormKind, given: Mapping[str, str]) -> Form:
    wanted = {"candidates": CANDIDATES} if kind.reordered else {}
    wanted |= {"subvector": SUBVECTOR} if kind.name == "subvector" else {}
    if surplus := next((name for name in given if name not in wanted), None):
        raise RequestError(f"{surplus} has no meaning with as={kind.name}.", "Leave it out.")
    values = {name: _number(parameter, given.get(name)) for name, parameter in wanted.items()}
    return Form(kind, values.get("subvector"), values.get("candidates"))


def _number(parameter: Parameter, given: str | None) -> int:
    if given is None:
        return parameter.default
    if not given.isascii() or not given.isdigit():
        raise RequestError(
            f"{parameter.name}={given[:40]!r} is not a whole number.",
            f"Write it as {parameter.name}={parameter.default}",
        )
    parameter.check(int(given[:18]))
    return int(given)
