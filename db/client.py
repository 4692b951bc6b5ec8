"""One client of a load, as ``db.load`` starts it: ``python -m db.client``, told by pickles over its pipes."""

from __future__ import annotations

import gc
import os
import pickle
import select
import sys
from array import array
from threading import Thread
from time import perf_counter_ns, sleep
from typing import Any

import numpy as np
import psycopg2

from db.engine import JOB_LOCK_TIMEOUT, Database, driver_cursor
from db.errors import DashboardError, RequestError
from db.load import Task

WARM_UP = 20
"""Queries before the start: the first ones also load the catalog and the index's first pages."""

SPIN_NS = 2_000_000
"""The last stretch before a moment is waited for awake, as a sleep ends late."""


def main() -> None:
    """Do what the task on standard input says, and answer on standard output."""
    inbox, outbox = sys.stdin.buffer, sys.stdout.buffer
    task: Task = pickle.load(inbox)
    Thread(target=_end_with, args=(inbox.fileno(),), daemon=True).start()

    def say(what: object) -> None:
        pickle.dump(what, outbox)
        outbox.flush()

    try:
        with Database(task.url).writing("load") as connection, driver_cursor(connection, "load") as cursor:
            if task.look:
                check_direct(cursor)
            for statement in task.setup:
                cursor.execute(statement)
            connection.connection.driver_connection.commit()  # type: ignore[union-attr]
            connection.connection.driver_connection.autocommit = True  # type: ignore[union-attr]
            if task.look:
                say(_explained(cursor, task))
                pickle.load(inbox)  # admitted
            _warm_up(cursor, task)
            say({})
            start_ns: int = pickle.load(inbox)
            told = _on_time(cursor, task, start_ns) if task.every_ns else _in_turn(cursor, task, start_ns)
            say(told | (_explained(cursor, task) if task.look else {}))
    except DashboardError as error:
        say(error)


def check_direct(cursor: Any) -> None:
    """Raise RequestError behind a pooler that leaves out what a connection asks for as it begins.

    What is then set for the session would outlast it there, and hold for whoever is given it next.
    """
    cursor.execute("SHOW lock_timeout")
    if cursor.fetchone() != (JOB_LOCK_TIMEOUT,):
        raise RequestError(
            "its connection leads through a pooler", "Let DATABASE_READ_URL name the server itself."
        )


def _end_with(inbox: int) -> None:
    """End this process when the other end of its pipe closes: a worker that is killed wants no answer."""
    hung_up = select.poll()
    hung_up.register(inbox, 0)  # nothing but the hang-up wakes it: what is sent is read elsewhere
    hung_up.poll()
    os._exit(1)


def _explained(cursor: Any, task: Task) -> dict[str, Any]:
    cursor.execute(task.look)
    return {"plan": cursor.fetchone()[0]}


def _warm_up(cursor: Any, task: Task) -> None:
    """Ask a few queries, for no longer than the load will take."""
    until_ns = perf_counter_ns() + round(task.seconds * 1e9)
    for number in range(WARM_UP):
        cursor.execute(task.statements[(task.first + number) % len(task.statements)])
        cursor.fetchall()
        if perf_counter_ns() > until_ns:
            break


def _in_turn(cursor: Any, task: Task, start_ns: int) -> dict[str, Any]:
    """Ask again as soon as an answer is there; it is, whole, when psycopg2 has carried the query out."""
    statements, number = task.statements, task.first
    execute, now = cursor.execute, perf_counter_ns
    finished, taken, errors = array("q"), array("q"), 0
    end_ns = start_ns + round(task.seconds * 1e9)
    gc.disable()  # as timeit does: what is kept here makes no cycles
    _wait_until(start_ns)
    begun = now()
    while begun < end_ns:
        number += 1
        try:
            execute(statements[number % len(statements)])
        except psycopg2.Error:
            errors += 1
            if cursor.connection.closed:
                break
            begun = now()
            continue
        ended = now()
        finished.append(ended)
        taken.append(ended - begun)
        begun = ended
    return _told(finished, taken, errors)


def _on_time(cursor: Any, task: Task, start_ns: int) -> dict[str, Any]:
    """Ask whenever a query is due, and count its latency from then; those never sent, with their wait."""
    finished, taken, errors = array("q"), array("q"), 0
    due, number = start_ns + task.after_ns, task.first
    end_ns = start_ns + round(task.seconds * 1e9)
    patience_ns = end_ns + round(task.seconds * 1e9)
    while due < end_ns:
        _wait_until(due)
        if perf_counter_ns() > patience_ns:
            break  # hopelessly late: the rate is beyond the server
        try:
            cursor.execute(task.statements[number % len(task.statements)])
        except psycopg2.Error:
            errors += 1
            if cursor.connection.closed:
                due += task.every_ns
                break
        else:
            ended = perf_counter_ns()
            finished.append(ended)
            taken.append(ended - due)
        due, number = due + task.every_ns, number + 1
    over_ns = max(end_ns, perf_counter_ns())
    return _told(finished, taken, errors) | {"waited_ns": over_ns - np.arange(due, end_ns, task.every_ns)}


def _wait_until(moment_ns: int) -> None:
    while (left := moment_ns - perf_counter_ns()) > 0:
        if left > SPIN_NS:
            sleep((left - SPIN_NS) / 1e9)


def _told(finished: array[int], taken: array[int], errors: int) -> dict[str, Any]:
    return {
        "finished_ns": np.frombuffer(finished, np.int64),
        "taken_ns": np.frombuffer(taken, np.int64),
        "errors": errors,
        "waited_ns": np.empty(0, np.int64),
    }


if __name__ == "__main__":
    main()
