"""Every form of SQL that was found to use a vector index or not, and where each known symptom is produced.

Found on PostgreSQL 16.14 and 18.4 with pgvector 0.8.5; the two tables are walked by test_doctor.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

INDEX = {"enable_seqscan": "off"}
USES = "uses the index"


@dataclass(frozen=True)
class Form:
    """A statement, V its query vector, and what the doctor is to say of it on PostgreSQL 18 and on 16.

    That is USES, the name of a rule, or of a refusal the beginning.
    """

    sql: str
    on_18: str = USES
    on_16: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def on(self, version: int) -> str:
        return self.on_16 if version < 17 and self.on_16 else self.on_18


NO_OPERATOR = "PostgreSQL knows no such operation"

FORMS: dict[str, list[Form]] = {
    "column operator constant": [Form("SELECT id FROM t ORDER BY e <=> V LIMIT 10")],
    "operands swapped": [Form("SELECT id FROM t ORDER BY V <=> e LIMIT 10")],
    "alias, ordinal, OFFSET, FETCH FIRST": [
        Form("SELECT id, e <=> V AS d FROM t ORDER BY d LIMIT 10"),
        Form("SELECT id, e <=> V AS d FROM t ORDER BY 2 OFFSET 3 FETCH FIRST 5 ROWS WITH TIES"),
    ],
    "NULLS LAST, FOR UPDATE": [Form("SELECT id FROM t ORDER BY e <=> V ASC NULLS LAST LIMIT 5 FOR UPDATE")],
    "scalar sub-select, CTE, STABLE function": [
        Form("SELECT id FROM t ORDER BY e <=> (SELECT e FROM q WHERE id = 1) LIMIT 10"),
        Form(
            "WITH c AS (SELECT e FROM q WHERE id = 1) "
            "SELECT id FROM t ORDER BY e <=> (SELECT e FROM c) LIMIT 10"
        ),
        Form("SELECT id FROM t ORDER BY e <=> embed_stable('x') LIMIT 10"),
        Form("SELECT id FROM t ORDER BY e <=> (SELECT embed('x')) LIMIT 10"),
    ],
    "LATERAL with a LIMIT inside": [
        Form("SELECT n.id FROM q CROSS JOIN LATERAL (SELECT t.id FROM t ORDER BY t.e <=> q.e LIMIT 5) n")
    ],
    "sub-select of a constant joined": [
        Form("SELECT id FROM t, (SELECT V::vector AS given) c ORDER BY t.e <=> c.given LIMIT 5")
    ],
    "condition on the distance and ORDER BY": [
        Form("SELECT id FROM t WHERE e <=> V < 0.9 ORDER BY e <=> V LIMIT 5")
    ],
    "cast to the column's own type": [
        Form("SELECT id FROM t ORDER BY e::vector(16) <=> V LIMIT 5"),
        Form("SELECT id FROM t ORDER BY e::vector <=> V LIMIT 5"),
    ],
    "row_number() and the same ORDER BY": [
        Form("SELECT id, row_number() OVER (ORDER BY e <=> V) FROM t ORDER BY e <=> V LIMIT 5")
    ],
    "min(distance), an approximate minimum": [Form("SELECT min(e <=> V) FROM t")],
    "a further sort key": [Form("SELECT id FROM t ORDER BY e <=> V, id LIMIT 10", USES, "P10")],
    "DISTINCT with the distance": [
        Form("SELECT DISTINCT id, e <=> V AS d FROM t ORDER BY d LIMIT 10", USES, "P10")
    ],
    "count(*) OVER () and LIMIT": [
        Form("SELECT id, count(*) OVER () FROM t ORDER BY e <=> V LIMIT 10", "P9", "F7")
    ],
    "no LIMIT, or nearly none": [
        Form("SELECT id FROM t ORDER BY e <=> V", "P3", settings={"random_page_cost": "4"}),
        Form("SELECT id FROM t ORDER BY e <=> V LIMIT ALL", "P3", settings={"random_page_cost": "4"}),
        Form("SELECT id FROM t ORDER BY e <=> V LIMIT 3500", "P9", settings={"random_page_cost": "4"}),
        Form("SELECT id FROM t ORDER BY e <=> V", "F1", settings=INDEX),
        Form("DECLARE c CURSOR FOR SELECT id FROM t ORDER BY e <=> V", "F8"),
    ],
    "descending, computed, NULLS FIRST": [
        Form("SELECT id FROM t ORDER BY e <=> V DESC LIMIT 10", "P2"),
        Form("SELECT id FROM t ORDER BY 1 - (e <=> V) DESC LIMIT 10", "P2"),
        Form("SELECT id FROM t ORDER BY (e <=> V) + 0 LIMIT 10", "P2"),
        Form("SELECT id FROM t ORDER BY coalesce(e <=> V, 1) LIMIT 10", "P2"),
        Form("SELECT id FROM t ORDER BY round((e <=> V)::numeric, 3) LIMIT 10", "P2"),
        Form("SELECT id FROM t ORDER BY e <=> V NULLS FIRST LIMIT 10", "P2"),
    ],
    "function form": [Form("SELECT id FROM t ORDER BY cosine_distance(e, V) LIMIT 10", "P2")],
    "another operator": [Form("SELECT id FROM t ORDER BY e <-> V LIMIT 10", "P1")],
    "joined query vector": [
        Form("SELECT t.id FROM t, q WHERE q.id = 1 ORDER BY t.e <=> q.e LIMIT 10", "P6"),
        Form(
            "WITH c AS (SELECT e FROM q WHERE id = 1) SELECT t.id FROM t, c ORDER BY t.e <=> c.e LIMIT 10",
            "P6",
        ),
        Form(
            "WITH c AS MATERIALIZED (SELECT V::vector AS e) "
            "SELECT t.id FROM t, c ORDER BY t.e <=> c.e LIMIT 10",
            "P6",
        ),
    ],
    "join of the rows the index hands over": [
        Form("SELECT t.id FROM t JOIN o ON o.id = t.id ORDER BY t.e <=> V LIMIT 10"),
        Form("SELECT t.id FROM t JOIN o ON o.id = t.id WHERE o.flag ORDER BY t.e <=> V LIMIT 10", "F2"),
    ],
    "VOLATILE function": [Form("SELECT id FROM t ORDER BY e <=> embed('x') LIMIT 10", "P7")],
    "no ORDER BY, GROUP BY, DISTINCT ON, TABLESAMPLE": [
        Form("SELECT id FROM t WHERE e <=> V < 0.3 LIMIT 10", "P10"),
        Form("SELECT cat, min(e <=> V) FROM t GROUP BY cat ORDER BY 2 LIMIT 3", "P10"),
        Form("SELECT DISTINCT ON (cat) id FROM t ORDER BY cat, e <=> V LIMIT 3", "P10"),
        Form("SELECT id FROM t TABLESAMPLE system (50) ORDER BY e <=> V LIMIT 10", "P10"),
    ],
    "NULL": [
        Form("SELECT id FROM t ORDER BY e <=> NULL LIMIT 10", "F10"),
        Form("SELECT id FROM t ORDER BY e <=> CAST(NULL AS vector) LIMIT 10", "F10"),
    ],
    "array, text": [
        Form("SELECT id FROM t ORDER BY e <=> ARRAY[1,2]::real[] LIMIT 3", NO_OPERATOR),
        Form("SELECT id FROM t ORDER BY e <=> ARRAY[1,2] LIMIT 3", NO_OPERATOR),
        Form("SELECT id FROM t ORDER BY e <=> V::text LIMIT 3", NO_OPERATOR),
    ],
    "another length": [
        Form("SELECT id FROM t ORDER BY e <=> '[1,2]' LIMIT 3", "public.t.e has 16 dimensions")
    ],
    "index over half precision": [
        Form("SELECT id FROM half ORDER BY e::halfvec(16) <=> V LIMIT 10"),
        Form("SELECT id FROM half ORDER BY CAST(e AS halfvec(16)) <=> V::vector LIMIT 10"),
        Form("SELECT id FROM half ORDER BY e::halfvec(16) <=> V::halfvec LIMIT 10"),
        Form("SELECT id FROM half ORDER BY e <=> V LIMIT 10", "P4"),
        Form("SELECT id FROM half ORDER BY e::halfvec <=> V LIMIT 10", "P4"),
    ],
    "index over signs": [
        Form(
            "SELECT id FROM (SELECT id, e FROM bits ORDER BY binary_quantize(e)::bit(16) <~> "
            "binary_quantize(V::vector) LIMIT 40) s ORDER BY e <=> V LIMIT 10"
        ),
        Form(
            "SELECT id FROM bits ORDER BY binary_quantize(e) <~> binary_quantize(V::vector) LIMIT 10",
            "P4",
        ),
        Form(
            "SELECT id FROM bits ORDER BY binary_quantize(e)::bit(16) <~> binary_quantize(V) LIMIT 10",
            NO_OPERATOR,
        ),
        Form("SELECT cosine_distance(V, V) FROM t", NO_OPERATOR),
    ],
    "index over leading elements": [
        Form(
            "SELECT id FROM subs "
            "ORDER BY subvector(e, 1, 8)::vector(8) <=> subvector(V::vector, 1, 8) LIMIT 5"
        ),
        Form("SELECT id FROM subs ORDER BY subvector(e, 1, 8) <=> '[1,1,1,1,1,1,1,1]' LIMIT 5", "P4"),
    ],
    "partial index on one value": [
        Form("SELECT id FROM part WHERE cat = 3 ORDER BY e <=> V LIMIT 10", settings=INDEX),
        Form("SELECT id FROM part WHERE cat IN (3) ORDER BY e <=> V LIMIT 10", settings=INDEX),
        Form("SELECT id FROM part WHERE cat = ANY (ARRAY[3]) ORDER BY e <=> V LIMIT 10", settings=INDEX),
        Form("SELECT id FROM part WHERE cat = 4 ORDER BY e <=> V LIMIT 10", "P5"),
        Form("SELECT id FROM part ORDER BY e <=> V LIMIT 10", "P5"),
        Form("SELECT id FROM part WHERE cat = $1 ORDER BY e <=> $2 LIMIT 10", "P5", settings=INDEX),
    ],
    "partial index on two values": [
        Form("SELECT id FROM pair WHERE cat = 1 ORDER BY e <=> V LIMIT 10", settings=INDEX),
        Form("SELECT id FROM pair WHERE cat IN (1, 2) ORDER BY e <=> V LIMIT 10", settings=INDEX),
        Form("SELECT id FROM pair WHERE cat IN (1, 2, 3) ORDER BY e <=> V LIMIT 10", "P5"),
    ],
    "as drivers and people write it": [
        Form("EXPLAIN SELECT key FROM v ORDER BY embedding <=> %(query)s LIMIT %(k)s"),
        Form("SELECT id FROM t WHERE cat <> ALL (:some) ORDER BY e <=> :query LIMIT 5 -- 'not :this'"),
        Form(
            "WITH r AS MATERIALIZED (SELECT id, e <=> V AS d FROM t ORDER BY d LIMIT 9) "
            "SELECT * FROM r ORDER BY d + 0"
        ),
    ],
}
"""By form.  A parameter that is NULL is not among them: psycopg2 sends it as the literal."""

ADVISED = {
    "R1": "low_recall",
    "R3": "rows_since_build",
    "R4": "ivfflat_little_data",
    "R5": "duplicates",
    "R7": "rows_since_build",
    "B1": "build_spills",
    "B2": "serial_build",
    "B5": "ivfflat_little_data",
    "B7": "invalid",
    "V1": "slow_vacuum",
    "C2": "over_memory",
}
"""Symptoms that no plan shows, and the advisor's rule that tells of each: states.py brings it about."""

TESTED = {
    "R2": "benchmark/test_run.py::test_an_index_that_no_setting_brings_into_use_makes_a_void_trial",
    "R6": "benchmark/test_live.py::test_the_querys_own_row_is_set_aside_or_else_the_last_one",
    "B3": "indexing/test_build.py::test_a_parallel_build_without_the_shared_memory_is_done_by_one_process",
    "B4": "db/test_build.py::test_a_build_beyond_the_servers_limits_is_refused_in_a_sentence",
    "B6": "indexing/test_build.py::test_an_old_snapshot_is_shown_while_it_is_waited_for",
    "B8": "indexing/test_build.py::test_a_writer_is_waited_for_and_named_before_anything_is_made",
    "B9": "indexing/test_pace.py::test_a_build_ten_times_slower_than_at_its_best_is_stalled",
    "B10": "indexing/test_build.py::test_a_row_inserted_beside_a_graph_takes_several_times_longer",
    "C1": "advisor/test_doctor.py::test_a_first_search_whose_pages_have_to_be_fetched_is_told_to_be_cold",
    "S1": "db/test_search.py::test_the_settings_asked_for_are_in_force_and_then_gone",
    "S2": "db/test_engine.py::test_settings_end_with_the_transaction",
}
"""Symptoms that are met where they would arise; nobody has to be told of them by a rule."""
