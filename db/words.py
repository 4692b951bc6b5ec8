"""Numbers of things, as every sentence of the application writes them."""

from __future__ import annotations

import re

_IES = re.compile(r"(?<=[^aeiou])y$")


def counted(number: float, thing: str = "row") -> str:
    """Write a number of things.

    >>> counted(1), counted(3_201), counted(2, "index"), counted(2, "query"), counted(0, "key")
    ('1 row', '3,201 rows', '2 indexes', '2 queries', '0 keys')
    """
    whole = f"{number:,.0f}"
    return f"{whole} {thing if whole == '1' else _several(thing)}"


def _several(thing: str) -> str:
    return _IES.sub("ie", thing) + ("es" if thing.endswith(("x", "ch")) else "s")
