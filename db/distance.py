"""pgvector's distances: operator, operator class, and which vector types know them.

Source: pg_amop of pgvector 0.8.5; tests/db/test_distance.py walks every entry against a live server.
"""

from enum import Enum

from db.errors import RequestError

DENSE = frozenset({"vector", "halfvec", "sparsevec"})
BITS = frozenset({"bit"})


class Distance(Enum):
    """A distance: operator-class stem, operator, label, and the vector types that have it."""

    COSINE = "cosine", "<=>", "Cosine", DENSE
    L2 = "l2", "<->", "Euclidean (L2)", DENSE
    INNER_PRODUCT = "ip", "<#>", "Negative inner product", DENSE
    L1 = "l1", "<+>", "Taxicab (L1)", DENSE
    HAMMING = "hamming", "<~>", "Hamming", BITS
    JACCARD = "jaccard", "<%>", "Jaccard", BITS

    def __init__(self, stem: str, operator: str, label: str, types: frozenset[str]) -> None:
        self.stem = stem
        self.operator = operator
        self.label = label
        self.types = types

    def operator_class(self, vector_type: str = "vector") -> str:
        """Name the operator class an index needs to serve this distance.

        >>> Distance.COSINE.operator_class("halfvec")
        'halfvec_cosine_ops'
        """
        return f"{vector_type}_{self.stem}_ops"


def distance_named(stem: str) -> Distance:
    """Find a distance by its stem, as the command line spells it.

    >>> distance_named("l2").operator
    '<->'

    Raises RequestError for an unknown name.
    """
    for distance in Distance:
        if distance.stem == stem:
            return distance
    raise RequestError(
        f"There is no distance {stem!r}.",
        f"Choose one of {', '.join(d.stem for d in Distance)}.",
    )


def distance_of_operator(operator: str) -> Distance | None:
    """Find the distance an operator computes; None for an operator that is not pgvector's."""
    return next((d for d in Distance if d.operator == operator), None)


def distances_for(vector_type: str) -> tuple[Distance, ...]:
    """List the distances a column of this type can be searched by, the usual one first."""
    return tuple(d for d in Distance if vector_type in d.types)
