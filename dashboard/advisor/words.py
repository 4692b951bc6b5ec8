"""Numbers as the advisor writes them: three digits that tell something, and the unit."""

from __future__ import annotations


def ms(latency_ms: float) -> str:
    """Write a latency.

    >>> ms(0.1234), ms(12.345), ms(1234.5)
    ('0.123 ms', '12.3 ms', '1,234 ms')
    """
    return f"{_three_digits(latency_ms)} ms"


def size(size_bytes: float) -> str:
    """Write a size.

    >>> size(8192), size(1023 * 2**20), size(7.6 * 2**30)
    ('8,192 B', '1,023 MB', '7.6 GB')
    """
    for unit, factor in (("GB", 2**30), ("MB", 2**20)):
        if size_bytes >= factor:
            return f"{_three_digits(size_bytes / factor)} {unit}"
    return f"{size_bytes:,.0f} B"


def share(part: float) -> str:
    """Write a share of 1 as a percentage.

    >>> share(0.9991), share(0.456), share(0.0123)
    ('99.9 %', '45.6 %', '1.23 %')
    """
    return f"{_three_digits(100 * part)} %"


def listed(names: tuple[str, ...]) -> str:
    """Join names as a sentence does.

    >>> listed(("a",)), listed(("a", "b", "c"))
    ('a', 'a, b and c')
    """
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]])) if names else "none"


def _three_digits(number: float) -> str:
    return f"{number:,.0f}" if number >= 99.95 else f"{number:.3g}"
