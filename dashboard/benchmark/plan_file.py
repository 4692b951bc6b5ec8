"""A plan as TOML: the file one keeps, the form fills, and the command line takes.

Every field of a plan has one key here; what is left out has the plan's default.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.benchmark.plan import BenchmarkPlan
from dashboard.benchmark.target import Target
from dashboard.benchmark.trials import DEFAULT, Variant, read_index
from db.distance import distance_named
from db.errors import RequestError


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a file: the field it fills, and the type of its value, or of each of ``many``."""

    name: str
    field: str
    kind: type
    many: bool = False


KEYS = (
    Key("column", "column", str),
    Key("distance", "distance", str),
    Key("k", "ks", int, many=True),
    Key("query_source", "query_source", str),
    Key("queries", "queries", int),
    Key("seed", "seed", int),
    Key("repeats", "repeats", int),
    Key("sample", "sample_rows", int),
    Key("sizes", "sizes", int, many=True),
    Key("filters", "subsets", str, many=True),
    Key("clients", "clients", int, many=True),
    Key("seconds", "seconds", int),
    Key("rate", "rate", int),
    Key("rebuilds", "rebuilds", int),
    Key("inserts", "inserts", int),
    Key("live", "live", bool),
    Key("live_clients", "live_clients", bool),
)
"""The keys before any table, in the order they are written."""

_TARGET = ("recall", "p95_ms")

_NAMES = {str: "text", int: "a whole number", bool: "true or false", float: "a number", dict: "a table"}


def to_toml(plan: BenchmarkPlan) -> str:
    """Write ``plan``, every field of it."""
    return "\n".join(_lines(plan)) + "\n"


def from_toml(given: str) -> BenchmarkPlan:
    """Read what ``to_toml`` writes, or somebody by hand.

    Raises RequestError naming the key that is unknown, of the wrong type or out of its bounds.
    """
    try:
        document = tomllib.loads(given)
    except tomllib.TOMLDecodeError as error:
        raise RequestError(f"The plan is not TOML: {error}.", "Correct that line.") from None
    _check_keys(document, [*(key.name for key in KEYS), "target", "index"], "the plan")
    fields = {key.field: _typed(document[key.name], key) for key in KEYS if key.name in document}
    for needed in ("column", "distance"):
        if needed not in fields:
            raise RequestError(
                f"The plan has no {needed}.", f'Add a line such as {needed} = "{_LIKE[needed]}".'
            )
    fields["distance"] = distance_named(fields["distance"])
    if "subsets" in fields:
        fields["subsets"] = tuple(None if name == "none" else name for name in fields["subsets"])
    target = _target(document["target"]) if "target" in document else None
    tables = _each(document.get("index", []), dict, "index")
    return BenchmarkPlan(**fields, target=target, variants=tuple(_variant(t, target) for t in tables))


def read_variant(given: str) -> Variant:
    """Read an index with the settings to try on it, in one line as ``str(Variant)`` spells it.

    >>> read_variant("hnsw:m=8 @ ef_search=40,80 iterative_scan=default,off").scans
    (None, 'off')

    Raises RequestError naming what cannot be read.
    """
    build, _, settings = given.rpartition(" @ ") if " @ " in given else (given, "", "")
    table: dict[str, Any] = {"build": build.strip()}
    for part in settings.split():
        name, _, values = part.partition("=")
        table[name] = [int(v) if v.isascii() and v.isdigit() else v for v in values[:500].split(",")]
    return _variant(table, None)


_LIKE = {"column": "public.items.embedding", "distance": "cosine"}


def _lines(plan: BenchmarkPlan) -> Iterator[str]:
    known: dict[str, Any] = {key.field: getattr(plan, key.field) for key in KEYS}
    known["distance"] = plan.distance.stem
    known["subsets"] = ["none" if subset is None else subset for subset in plan.subsets]
    for key in KEYS:
        if known[key.field] is not None:
            yield f"{key.name} = {_written(known[key.field])}"
    if plan.target:
        yield from ("", "[target]", *(f"{name} = {_written(getattr(plan.target, name))}" for name in _TARGET))
    for variant in plan.variants:
        yield from ("", "[[index]]", f"build = {_written(str(variant.index))}")
        if variant.values:
            yield f"{variant.index.method.search.name} = {_written(variant.values)}"
        for name, values in (("iterative_scan", variant.scans), ("max_scan_tuples", variant.tuples)):
            if tuple(values) != (None,):
                yield f"{name} = {_written([DEFAULT if value is None else value for value in values])}"


def _written(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return f"[{', '.join(map(_written, value))}]"
    return repr(value)


def _target(given: Any) -> Target:
    if not isinstance(given, dict):
        raise _wrong("target", dict, given)
    _check_keys(given, _TARGET, "[target]")
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong(name, float, value)
    return Target(**{name: float(value) for name, value in given.items()})


def _variant(given: Mapping[str, Any], target: Target | None) -> Variant:
    if not isinstance(given.get("build"), str):
        raise RequestError(
            "An [[index]] does not say what to build.", 'Add a line such as build = "hnsw:m=16".'
        )
    index = read_index(given["build"])
    search = index.method.search
    _check_keys(given, ["build", search.name, "iterative_scan", "max_scan_tuples"], f"the [[index]] {index}")
    swept = (search.default,) if target is None else ()
    return Variant(
        index,
        tuple(_each(given[search.name], int, search.name)) if search.name in given else swept,
        tuple(_or_default(given, "iterative_scan", str)),
        tuple(_or_default(given, "max_scan_tuples", int)),
    )


def _or_default(given: Mapping[str, Any], name: str, kind: type) -> Iterator[Any]:
    values = given.get(name, [DEFAULT])
    if not isinstance(values, list):
        raise RequestError(f"{name} must be a list, not {_told(values)}.", f'Write {name} = ["{DEFAULT}"].')
    for value in values:
        yield None if value == DEFAULT else _each([value], kind, name)[0]


def _typed(value: Any, key: Key) -> Any:
    return tuple(_each(value, key.kind, key.name)) if key.many else _each([value], key.kind, key.name)[0]


def _each(values: Any, kind: type, name: str) -> Sequence[Any]:
    """Check that ``values`` is a list of ``kind``; a truth value is no number here, as in TOML."""
    if not isinstance(values, list):
        raise RequestError(
            f"{name} must be a list, not {_told(values)}.", f"Write it in brackets: {name} = [...]."
        )
    for value in values:
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise _wrong(name, kind, value)
    return values


def _wrong(name: str, kind: type, value: Any) -> RequestError:
    return RequestError(f"{name} must be {_NAMES[kind]}, not {_told(value)}.", "Correct it in the plan.")


def _told(value: Any) -> str:
    return repr(value)[:40]


def _check_keys(given: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    known = list(known)
    if unknown := next((name for name in given if name not in known), None):
        raise RequestError(f"There is no {unknown[:60]!r} in {where}.", f"Its keys: {', '.join(known)}.")
