"""What Vectorscope writes on the tables it makes, in PostgreSQL's own comments: ``vectorscope: {json}``."""

import json
from collections.abc import Mapping
from typing import Any

_PREFIX = "vectorscope: "


def write_note(facts: Mapping[str, Any]) -> str:
    """Make the text of a comment.

    >>> write_note({"embedder": "hashing-384"})
    'vectorscope: {"embedder": "hashing-384"}'
    """
    return _PREFIX + json.dumps(facts, ensure_ascii=False)


def read_note(comment: str | None) -> dict[str, Any] | None:
    """Read back what ``write_note`` made; None for no comment, or somebody else's."""
    if not comment or not comment.startswith(_PREFIX):
        return None
    try:
        facts = json.loads(comment.removeprefix(_PREFIX))
    except ValueError:
        return None
    return facts if isinstance(facts, dict) else None
