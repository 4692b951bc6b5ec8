"""Which rows a search is limited to: none, a share of them at random, or those that meet a real predicate."""

from __future__ import annotations

import re
from dataclasses import dataclass

from db.errors import RequestError
from db.filters import Filter, parse_filter

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,4})?)\s*%", re.ASCII)


@dataclass(frozen=True, slots=True)
class Subset:
    """Rows that meet every one of ``filters``, or a ``share`` of all rows chosen by the seed."""

    share: float | None = None
    filters: tuple[Filter, ...] = ()

    def __str__(self) -> str:
        if self.share is not None:
            return f"{self.share * 100:g} %"
        return " and ".join(map(str, self.filters))


def parse_subset(given: str) -> Subset | None:
    """Read a subset: ``none``, a share such as ``1 %``, or conditions such as ``price<=150 and brand=Fell``.

    >>> parse_subset("none"), str(parse_subset("0.1%")), str(parse_subset("price<=150"))
    (None, '0.1 %', 'price <= 150')

    Raises RequestError for what is none of these.
    """
    text = given.strip()
    if text.lower() in {"", "none"}:
        return None
    if match := _SHARE.fullmatch(text):
        share = float(match[1]) / 100
        if not 0 < share < 1:
            raise RequestError(
                f"A filter cannot keep {text} of the rows.", "Give a share above 0 % and below 100 %."
            )
        return Subset(share)
    return Subset(filters=tuple(parse_filter(part) for part in re.split(r"\s+and\s+", text)))
