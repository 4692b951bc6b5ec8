"""Cells that a spreadsheet would run, written so that it reads them as text."""

import re

_FORMULA = re.compile(r"[=+\-@\t\r]")
"""First characters that make a spreadsheet read a cell as a formula.  Source: OWASP, "CSV Injection"."""

_NUMBER = re.compile(r"[+-]?((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf(inity)?|nan)", re.ASCII | re.IGNORECASE)


def neutral(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula; numbers stay numbers.

    >>> neutral("=1+1"), neutral("-3.5e2"), neutral("-inf"), neutral("-1+1")
    ("'=1+1", '-3.5e2', '-inf', "'-1+1")
    """
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
