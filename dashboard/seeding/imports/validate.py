"""Validating an import: every row is read and looked at, and nothing is written."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dashboard.seeding.embedders import Embedder, embedder_named, has_words
from dashboard.seeding.formats import Batch, Contents, Spool, opened
from dashboard.seeding.formats.hashing import hashed, stamp_of
from dashboard.seeding.imports.checks import issues, taken
from dashboard.seeding.imports.columns import NEW_TYPES, Route
from dashboard.seeding.imports.forewarning import forewarnings
from dashboard.seeding.imports.keys import Keys, as_texts
from dashboard.seeding.imports.mapping import route
from dashboard.seeding.imports.place import find_place, fingerprint_of
from dashboard.seeding.imports.plan import ImportPlan, Numbers
from dashboard.seeding.imports.queries import check_queries, unkept
from dashboard.seeding.imports.rejects import WRITTEN, Issue, write_rejects
from dashboard.seeding.imports.request import ImportRequest
from dashboard.seeding.imports.rereading import batches_again
from dashboard.seeding.imports.rights import check_rights, named_grants, unnoted
from dashboard.seeding.imports.texts import joined
from db.binary import Values
from db.engine import Database
from db.errors import RequestError
from db.imports import existing_keys, invalid_texts
from db.notes import read_note
from db.targets import Target, holds_rows

LISTED = 100
"""Errors a plan names; the rest are counted."""
EXAMPLES = 5

Tell = Callable[[int, int], None]
"""Told the rows looked at, and the rows there are."""


def validate(
    database: Database, request: ImportRequest, tell: Tell = lambda _done, _rows: None
) -> ImportPlan:
    """Read the file through and say what importing it would do.

    Raises RequestError where the file, the table or the mapping cannot be used at all, or where a plan
    that was approved is no longer true; PermissionDenied where a login may not do it.
    """
    with ExitStack() as stack:
        file = stack.enter_context(opened(request.path))
        stamp = stamp_of(file.path)  # before the first look, and the hash: later it might be another file's
        sha256 = stack.enter_context(hashed(file.path))
        found = file.contents(request.dataset)
        look = _begin(database, request, found, sha256)
        look.spool.stamp = stamp
        for batch in file.batches(
            look.way.wanted, dataset=request.dataset, spool=None if request.dry_run else look.spool
        ):
            look.at(batch)
            tell(look.rows, found.rows)
        request = replace(request, sha256=sha256())
        if stamp_of(file.path) != stamp:  # what was hashed may not be what was looked at
            raise RequestError("The file changed while it was validated.", "Validate it again.")
    look.finish()
    if request.rejects and look.issues:
        write_rejects(Path(request.rejects), Path(request.path), found, look.issues)
    return _plan(request, found, look)


def _begin(database: Database, request: ImportRequest, found: Contents, sha256: Callable[[], str]) -> _Look:
    """Settle where a file goes, before its rows are looked at."""
    with named_grants(database, request), database.reading("import") as connection:
        target = find_place(connection, request)
        occupied = target is not None and holds_rows(connection, target)
        check_queries(connection, request, found)
    if request.sha256 is not None and request.sha256 != sha256():
        raise RequestError("The file changed since it was validated.", "Validate it again.")
    embedder = embedder_named(request.embedder) if request.text else None
    way = route(found, target, request, embedder.dims if embedder else None)
    _check_embedder(target, way, embedder)
    check_rights(database, request, target, way)
    look = _Look(database, request, way, target, embedder, occupied=occupied)
    if target:
        digest = sha256() if occupied else None
        with database.reading("import") as connection:
            told = tuple(forewarnings(connection, digest, target, way))
        look.forewarnings = (*told, *unkept(found), *unnoted(database, target, way))
    return look


def _check_embedder(target: Target | None, way: Route, embedder: Embedder | None) -> None:
    """Refuse to mix in one column the vectors of two embedders, which nothing can compare."""
    there = target.column(way.vector) if target and embedder else None
    noted = (read_note(there.comment) or {}).get("embedder") if there else None
    if embedder and noted not in {None, embedder.key}:
        raise RequestError(
            f'"{way.vector}" was embedded by {noted}, not by {embedder.key}: their vectors do not compare.',
            f"Use --embedder {noted}.",
        )


@dataclass(slots=True)
class _Look:
    """What has been seen of the file so far.  Keys can clash with those of an ``occupied`` table."""

    database: Database
    request: ImportRequest
    way: Route
    target: Target | None
    embedder: Embedder | None
    occupied: bool
    forewarnings: tuple[str, ...] = ()
    spool: Spool = field(default_factory=Spool)
    rows: int = 0
    bad: array[int] = field(default_factory=lambda: array("q"))
    """Numbers of the bad rows, some more than once."""
    issues: list[Issue] = field(default_factory=list)
    codes: Counter[str] = field(default_factory=Counter)
    keys: Keys = field(default_factory=Keys)
    existing: list[NDArray[np.int64]] = field(default_factory=list)
    """Numbers of the rows whose key the table has already."""
    examples: list[str] = field(default_factory=list)
    silent: Numbers = field(default_factory=Numbers)
    zeros: Numbers = field(default_factory=Numbers)

    def at(self, batch: Batch) -> None:
        """Look at the next rows."""
        self.rows += batch.rows
        keep = np.ones(batch.rows, bool)
        for issue in issues(batch, self.way.columns, self._invalid):
            keep[self._note(issue) - batch.start] = False
        self._look_at_keys(batch, keep)
        self._look_at_text(batch, keep)
        for mapped in self.way.columns:
            if mapped.base in NEW_TYPES and mapped.source:
                zeros = _zeros(taken(batch.values[mapped.source], keep))
                if len(zeros):
                    self.zeros.add(batch.start + np.flatnonzero(keep)[zeros])

    def finish(self) -> None:
        """Tell the keys that are there twice, which only the whole file shows."""
        column = self.way.by_key[0].source if self.way.by_key else None
        for twice in self.keys.twice(self._spelled):
            reason = f"key {twice.key} in rows {twice.first:,} and {twice.again:,}"
            self._note(Issue(twice.again, column, "duplicate_key", reason))
        self.issues.sort(key=lambda issue: issue.row or 0)

    def _note(self, issue: Issue) -> int:
        """Write an issue down, and give the number of its row."""
        assert issue.row is not None
        self.bad.append(issue.row)
        self.codes[issue.code] += 1
        if len(self.issues) < WRITTEN:
            self.issues.append(issue)
        return issue.row

    def _look_at_text(self, batch: Batch, keep: np.ndarray) -> None:
        """Count the rows that have no word to embed; where they need a vector, that is an error."""
        made = self.way.embedding
        if made is None:
            return
        texts = joined(batch.values, self.way.text, batch.rows)
        silent = [place for place, text in enumerate(texts) if keep[place] and not has_words(text)]
        self.silent.add([batch.start + place for place in silent])
        if made.not_null:
            reason = f'has no word to embed, and "{made.name}" takes no NULL'
            for place in silent:
                self._note(Issue(batch.start + place, self.way.text[0], "no_text", reason))

    def _look_at_keys(self, batch: Batch, keep: np.ndarray) -> None:
        """Take in the keys; one that is partly NULL is equal to none."""
        if not self.way.by_key:
            return
        columns = [batch.values[mapped.source] for mapped in self.way.by_key if mapped.source]
        for values in columns:
            if not isinstance(values, np.ndarray):
                keep = keep & np.array([value is not None for value in values], bool)
        columns = [taken(values, keep) for values in columns]
        if not len(columns[0]):
            return
        rows = np.flatnonzero(keep) + batch.start
        self.keys.add(columns, rows)
        if self.target and self.occupied:
            self._look_up(self.target, as_texts(columns), rows)

    def _spelled(self, rows: NDArray[np.int64]) -> dict[int, str]:
        """Read the keys of ``rows``, which are in order, once more."""
        wanted, names = self.way.wanted, [mapped.source for mapped in self.way.by_key if mapped.source]
        keys: dict[int, str] = {}
        with closing(batches_again(self.request, wanted, self.spool)) as batches:
            for batch in batches:
                low, high = np.searchsorted(rows, [batch.start, batch.start + batch.rows])
                places = rows[low:high] - batch.start
                texts = as_texts([[batch.values[name][place] for place in places] for name in names])
                keys.update(
                    zip(rows[low:high].tolist(), map(", ".join, zip(*texts, strict=True)), strict=True)
                )
        return keys

    def _look_up(self, target: Target, keys: list[list[str]], rows: NDArray[np.int64]) -> None:
        with self.database.reading("import") as connection:
            places = existing_keys(connection, target, self.way.key, keys)
        self.existing.append(rows[sorted(places)])
        more = sorted(places)[: EXAMPLES - len(self.examples)]
        self.examples += [", ".join(values[place] for values in keys) for place in more]

    def _invalid(self, type_name: str, values: Sequence[str]) -> dict[int, str]:
        with self.database.reading("import") as connection:
            return invalid_texts(connection, type_name, values)


def _zeros(vectors: Values) -> NDArray[np.int64]:
    """Find the vectors that are all zeros: their places."""
    if isinstance(vectors, np.ndarray):
        maybe = np.flatnonzero(vectors[:, 0] == 0)  # hardly any, and looking at the others costs the most
        return maybe[~vectors[maybe].any(axis=1)]
    return np.flatnonzero([vector is not None and not vector.any() for vector in vectors])


def _plan(request: ImportRequest, found: Contents, look: _Look) -> ImportPlan:
    bad = np.unique(np.array(look.bad, np.int64))
    # A row may have turned out bad after its key was looked up, as the second of its key in the file.
    existing = np.concatenate([np.empty(0, np.int64), *look.existing])
    return ImportPlan(
        request=replace(request, fingerprint=fingerprint_of(look.target)),
        contents=found,
        target=look.target,
        route=look.way,
        embedder=look.embedder,
        rows=look.rows,
        bad=bad,
        errors=tuple(look.issues[:LISTED]),
        error_count=look.codes.total(),
        codes=look.codes,
        existing=int((~np.isin(existing, bad)).sum()),
        examples=tuple(look.examples),
        silent=look.silent,
        zeros=look.zeros,
        forewarnings=look.forewarnings,
        spool=look.spool,
    )
