"""The process in the sandbox: ``python -m dashboard.seeding.formats.inside``."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib.abc import MetaPathFinder
from pathlib import Path
from typing import Any

from dashboard.seeding import sandbox
from dashboard.seeding.formats import wire
from dashboard.seeding.formats.reading import as_wanted
from dashboard.seeding.formats.recognise import recognised
from dashboard.seeding.formats.table import Wanted


class _WithoutPandas(MetaPathFinder):
    """Says that there is no pandas: pyarrow would load it, longer than all else takes, and not need it."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


def _contents(request: dict[str, Any]) -> dict[str, Any]:
    path = Path(request["path"])
    return asdict(recognised(path).survey(path, request["dataset"]))


def _batches(request: dict[str, Any]) -> Iterator[Any]:
    path = Path(request["path"])
    wanted = {name: Wanted(**column) for name, column in request["columns"].items()}
    rows = recognised(path).batches(path, tuple(wanted), request["start_row"], request["dataset"])
    return (wire.packed(batch, wanted) for batch in as_wanted(rows, wanted))


if __name__ == "__main__":
    sys.meta_path.insert(0, _WithoutPandas())
    sandbox.serve({"contents": _contents}, {"batches": _batches})
