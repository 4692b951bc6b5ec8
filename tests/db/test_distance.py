"""Every distance is in the server's catalog as this code says."""

import pytest
from sqlalchemy import Connection, text

from db.columns import VECTOR_TYPES
from db.distance import Distance, distance_named, distance_of_operator, distances_for
from db.errors import RequestError
from db.indexes import METHODS

OPERATORS = text("""
SELECT count(*) FROM pg_operator
WHERE oprname = :operator AND oprleft = CAST(:type AS regtype) AND oprright = CAST(:type AS regtype)
""")
OPERATOR_CLASSES = text("""
SELECT am.amname, opc.opcname, opc.opcintype::regtype::text AS type, o.oprname
FROM pg_opclass opc
JOIN pg_am am ON am.oid = opc.opcmethod
JOIN pg_amop ao ON ao.amopfamily = opc.opcfamily AND ao.amoppurpose = 'o'
JOIN pg_operator o ON o.oid = ao.amopopr
WHERE am.amname IN ('hnsw', 'ivfflat')
""")


@pytest.mark.parametrize("distance", Distance)
@pytest.mark.parametrize("vector_type", VECTOR_TYPES)
def test_a_type_has_the_operator_exactly_where_we_say_so(
    reading: Connection, distance: Distance, vector_type: str
) -> None:
    found = reading.execute(OPERATORS, {"operator": distance.operator, "type": vector_type}).scalar_one()
    assert found == (vector_type in distance.types)


def test_operator_classes_are_those_of_pgvector(reading: Connection) -> None:
    ours = {
        (method, distance.operator_class(vector_type), vector_type, distance.operator)
        for method in METHODS
        for distance in Distance
        for vector_type in VECTOR_TYPES
        if METHODS[method].supports(vector_type, distance)
    }
    assert ours == {tuple(row) for row in reading.execute(OPERATOR_CLASSES)}


@pytest.mark.parametrize("distance", Distance)
def test_a_distance_is_found_by_its_name_and_by_its_operator(distance: Distance) -> None:
    assert distance_named(distance.stem) is distance
    assert distance_of_operator(distance.operator) is distance


def test_each_type_has_a_usual_distance() -> None:
    assert {name: distances_for(name)[0].stem for name in VECTOR_TYPES} == {
        "vector": "cosine",
        "halfvec": "cosine",
        "sparsevec": "cosine",
        "bit": "hamming",
    }


def test_an_unknown_distance_is_named_with_those_there_are() -> None:
    with pytest.raises(RequestError, match="no distance 'euclid'") as refused:
        distance_named("euclid")
    assert "l2" in refused.value.remedy
    assert distance_of_operator("<=") is None
