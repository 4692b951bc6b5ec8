"""Numbers as people read them: sizes, durations, ages."""

from datetime import UTC, datetime

from db.words import counted

__all__ = ["ago", "counted", "cut", "duration", "gain", "size"]


def size(size_bytes: float) -> str:
    """Write a size in PostgreSQL's units, where 1 MB is 2**20 bytes.

    >>> size(8_388_608), size(1_500), size(3 * 2**30)
    ('8.0 MB', '1.5 kB', '3.0 GB')
    """
    if abs(size_bytes) < 1024:
        return f"{size_bytes:,.0f} bytes"
    for unit in ("kB", "MB", "GB"):
        size_bytes /= 1024
        if abs(size_bytes) < 1024:
            return f"{size_bytes:,.1f} {unit}"
    return f"{size_bytes / 1024:,.1f} TB"


def duration(seconds: float) -> str:
    """Write a duration with as many parts as tell something.

    >>> duration(0.42), duration(9.26), duration(75), duration(4_000)
    ('0.4 s', '9.3 s', '1 min 15 s', '1 h 6 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def cut(text: str, most: int) -> str:
    """Cut a text to ``most`` characters, and show that it goes on; where it is cut it can be read elsewhere.

    >>> cut("footwear", 8), cut("stationery", 8)
    ('footwear', 'station…')
    """
    return text if len(text) <= most else f"{text[: most - 1]}…"


def ago(moment: datetime) -> str:
    """Say how long ago a moment was.

    >>> ago(datetime.now(UTC))
    'just now'
    """
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for limit, divisor, unit in ((60, 0, ""), (3600, 60, "min"), (86_400, 3600, "h")):
        if seconds < limit:
            return f"{seconds // divisor:.0f} {unit} ago" if divisor else "just now"
    return f"{seconds // 86_400:,.0f} d ago"


def gain(times: float) -> str:
    """Write a ratio of latencies as a comparison.

    >>> gain(26.2), gain(1.34), gain(0.5)
    ('26 times faster', '1.3 times faster', '2.0 times slower')
    """
    if times < 1:
        return gain(1 / times).replace("faster", "slower")
    return f"{times:.0f} times faster" if times >= 10 else f"{times:.1f} times faster"
