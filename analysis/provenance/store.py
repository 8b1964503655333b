"""Puts records of jobs into the tables of RD ``cta/prov``, by a connection of the runner's own.

What cannot be written now waits in a spool, as the records of cut-outs do, and goes in with the next call.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg2

from analysis.settings import Settings
from prov_tables.cutouts import take_spool, write_down
from prov_tables.datasets import renew_steps
from prov_tables.errors import ProvenanceError
from prov_tables.importer import Importer
from prov_tables.readers.ctapipe import read_activity
from prov_tables.readers.jsonstream import objects
from prov_tables.recorder import append_record
from prov_tables.store import LOCK, ProvenanceStore

REFUSED = "refused.jsonl"


class ConnectionRows:
    """The tables, as `prov_tables.sap` and `recorded_job` ask them, through a psycopg2 connection."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        with self._connection.cursor() as cursor:
            cursor.execute(sql, dict(parameters))
            return list(cursor.fetchall())


class _BusyError(Exception):
    """Another import is going on."""


def spool_folder(settings: Settings) -> Path:
    """Return the folder of records that wait to be imported."""
    return settings.folder / "provenance"


def store_records(connection: Any, records: Iterable[Mapping[str, Any]], spool: Path) -> bool:
    """Import records of jobs, and those that were left waiting; all of it is one transaction.

    With no records and nothing waiting it costs nothing: call it now and then.

    Parameters
    ----------
    connection
        Of psycopg2, with no transaction open; it is left that way.
    records
        From `job_record`. One that the tables cannot take goes to ``refused.jsonl`` in the spool.
    spool
        From `spool_folder`.

    Returns
    -------
    bool
        Whether everything is in the tables now; otherwise it is in the spool.
    """
    fresh = list(records)
    waiting = list(take_spool(spool)) if spool.is_dir() else []
    if not fresh and not waiting:
        return True
    try:
        with _transaction(connection) as cursor:
            refused = _import(cursor, [*fresh, *(record for path in waiting for record in _records_of(path))])
    except (psycopg2.Error, _BusyError):
        for record in fresh:
            write_down(spool, dict(record))
        return False
    for record in refused:
        spool.mkdir(parents=True, exist_ok=True)
        append_record(spool / REFUSED, record)
    for path in waiting:
        path.unlink(missing_ok=True)
    return True


def _import(cursor: Any, records: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Write records into the tables; return those they cannot take."""
    cursor.execute(f"SELECT pg_try_advisory_xact_lock({LOCK})")
    if not cursor.fetchone()[0]:
        raise _BusyError
    store = ProvenanceStore(cursor, lasting=True)
    store.prepare()
    importer = Importer(
        store, lambda: _savepoint(cursor), after=lambda joined, touched: renew_steps(cursor, joined, touched)
    )
    refused = []
    for number, record in enumerate(records):
        try:
            importer.add(str(number), read_activity(record))
        except (ProvenanceError, ValueError, TypeError, KeyError, AttributeError):
            refused.append(record)
    importer.flush()
    return refused + [records[int(item.path)] for item in importer.summary.problems if item.severity == "error"]


def _records_of(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as stream, contextlib.suppress(ProvenanceError):
        yield from objects(stream)


@contextlib.contextmanager
def _transaction(connection: Any) -> Iterator[Any]:
    """Give a cursor in a transaction, whether the connection commits by itself or not."""
    try:
        with connection.cursor() as cursor:
            if connection.autocommit:
                cursor.execute("BEGIN")
            yield cursor
            cursor.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(psycopg2.Error), connection.cursor() as cursor:
            cursor.execute("ROLLBACK")
        raise
    finally:
        with contextlib.suppress(psycopg2.Error):
            connection.rollback()


@contextlib.contextmanager
def _savepoint(cursor: Any) -> Iterator[None]:
    cursor.execute("SAVEPOINT job_records")
    try:
        yield
    except BaseException:
        cursor.execute("ROLLBACK TO SAVEPOINT job_records")
        raise
    cursor.execute("RELEASE SAVEPOINT job_records")
