"""A table with every kind of column and of value that makes files go wrong."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard.exporting.request import ExportRequest
from dashboard.exporting.run import Exported, export
from db.engine import Database
from tests.db.conftest import run

GOODS = r'''
CREATE TYPE size AS ENUM ('small', 'large');
CREATE DOMAIN amount AS numeric(8, 3);
CREATE TABLE goods (
  id bigint PRIMARY KEY, small smallint, share real, ratio float8, price numeric(10, 2), exact numeric,
  paid amount, ok boolean, born date, seen timestamptz, local timestamp, uid uuid, info jsonb, raw json,
  words text[], size size, data bytea, title text, "Odd, ""name""" text,
  embedding vector(3), half halfvec(3), sparse sparsevec(5), bits bit(5), free vector
);
INSERT INTO goods VALUES
  (1, -7, 0.1, 0.1, 12.50, 1e-30, 3.250, true, '2026-02-28', '2026-02-28 12:34:56.789012+02',
   '1999-12-31 23:59:59', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": [1, null, "x"]}', E'{"b":\n  2}',
   '{"a b","c,d",NULL}', 'small', '\x00ff', E'two\nlines, "quoted"', 'plain', '[0.1,2,-3e-10]',
   '[0.1,2,65504]', '{1:0.5,4:-2}/5', '01101', '[1,2]'),
  (2, 32767, -3.4028235e38, 'NaN', -0.01, 'NaN', -0.5, false, '0001-01-01', 'epoch', 'epoch', NULL, '"null"',
   '[]', '{}', 'large', '', '', E'\\.', '[1,0,0]', '[0,0,0]', '{}/5', '00000', '[1,2,3,4]'),
  (9007199254740993, NULL, 'Infinity', -1.7976931348623157e308, NULL, 12345678901234567890.123, NULL, NULL,
   NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '😀 ü 漢字', NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE formulas (id int, note text, number int, embedding vector(2));
INSERT INTO formulas VALUES
  (1, '=HYPERLINK("http://x","y")', -1, '[-1,2]'), (2, '+1-555', -2, '[1,2]'), (3, '-3.5e2', -3, '[1,2]'),
  (4, '@SUM(1)', -4, '[1,2]'), (5, E'\t=1', -5, '[1,2]'), (6, E'\r=1', -6, '[1,2]'), (7, 'a=1', -7, '[1,2]'),
  (8, '-', -8, '[1,2]');
CREATE TABLE years (id int PRIMARY KEY, day date, embedding vector(1));
INSERT INTO years VALUES (1, 'infinity', '[1]');
'''


@pytest.fixture
def goods(database: Database) -> Database:
    """The database that holds the tables above."""
    with database.control("test") as connection:
        run(connection, GOODS)
    return database


Write = Callable[..., Exported]


@pytest.fixture
def write(goods: Database, tmp_path: Path) -> Write:
    """Export ``goods`` or another table; what is left out is as a request has it."""

    def do(column: str = "goods.embedding", **more: object) -> Exported:
        return export(goods, replace(ExportRequest(column), **more), tmp_path)  # type: ignore[arg-type]

    return do
