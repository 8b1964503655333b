"""Jobs in the database: table ``cta.job`` of RD cta/jobs.

Each method is one short transaction, and tells all listeners of the channel ``cta_jobs`` the id of a job it changed.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from typing import Any, Protocol

from analysis.uws.job import Job, JobParameter, JobResult, Phase
from analysis.uws.phases import TERMINAL, WITHDRAWABLE

CHANNEL = "cta_jobs"
QUEUE_LOCK = 0x637461_6A6F62  # "ctajob"; whoever gives out queue numbers holds it
COLUMNS = tuple(item.name for item in fields(Job))
_TIMES = frozenset({"creation_time", "destruction", "start_time", "end_time", "quote"})
_LISTS: Mapping[str, Callable[..., Any] | None] = {"parameters": JobParameter, "results": JobResult, "datasets": None}
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM cta.job "
_SHOWN = "(record::json ->> 'delete') IS NULL"
# A job in the queue of a cluster is QUEUED and has a handle: it may have processes at any moment.
_BUSY = "(phase IN ('EXECUTING', 'SUSPENDED', 'UNKNOWN') OR (phase = 'QUEUED' AND handle IS NOT NULL))"
_IDLE = f"NOT {_BUSY}"
_NEW_NUMBER = "(SELECT coalesce(max(queue_number), 0) + 1 FROM cta.job)"
_FRESH = {
    "start_time": None,
    "end_time": None,
    "error_type": None,
    "error_message": None,
    "message": None,
    "executor": None,
    "handle": None,
}


class Cursor(Protocol):
    """What is used of a psycopg2 cursor."""

    rowcount: int

    def execute(self, query: str, parameters: Any = ...) -> None:
        """Run a statement."""
        ...

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row."""
        ...

    def fetchall(self) -> list[tuple[Any, ...]]:
        """Return all rows."""
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Connection(Protocol):
    """What is used of a psycopg2 connection; it must not be in autocommit mode."""

    closed: int

    def cursor(self) -> Cursor:
        """Return a new cursor."""
        ...

    def commit(self) -> None:
        """End the transaction."""
        ...

    def rollback(self) -> None:
        """Undo the transaction."""
        ...


class JobStore:
    """The jobs, seen through one connection.

    Parameters
    ----------
    connection
        A psycopg2 connection with no transaction open that is to be kept: every method commits.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, job: Job) -> None:
        """Add a new job."""
        values = {name: _encoded(name, getattr(job, name)) for name in COLUMNS}
        marks = ", ".join(f"%({name})s" for name in COLUMNS)
        with self._transaction() as cursor:
            cursor.execute(f"INSERT INTO cta.job ({', '.join(COLUMNS)}) VALUES ({marks})", values)
            _notify(cursor, job.job_id)

    def get(self, job_id: str) -> Job | None:
        """Return a job, also one that is marked as deleted; None if there is none of this id."""
        return next(iter(self._jobs("WHERE job_id = %(job_id)s", job_id=_text(job_id))), None)

    def find(
        self,
        owner: str | None,
        job_type: str,
        phases: Collection[Phase] = (),
        after: datetime.datetime | None = None,
        last: int | None = None,
    ) -> list[Job]:
        """Return a user's jobs of one type (UWS 1.1, section 2.2.2.1).

        Parameters
        ----------
        owner
            The user; None, who is nobody, has no list.
        job_type
            Name of the job type.
        phases
            Only jobs in one of these; without, all but the ARCHIVED.
        after
            Only jobs created later than this.
        last
            Only so many of the newest, then newest first; without, oldest first.
        """
        if owner is None:
            return []
        wanted = phases or set(Phase) - {Phase.ARCHIVED}
        clause = f"WHERE owner = %(owner)s AND job_type = %(job_type)s AND phase IN %(phases)s AND {_SHOWN}"
        if after is not None:
            # of the time as documents tell it
            clause += " AND date_trunc('milliseconds', creation_time) > %(after)s"
        clause += " ORDER BY creation_time, job_id" if last is None else _NEWEST
        return self._jobs(
            clause, owner=_text(owner), job_type=_text(job_type), phases=_names(wanted), after=_naive(after), last=last
        )

    def move(self, job_id: str, to: Phase, allowed_from: Collection[Phase], **columns: Any) -> bool:
        """Take a job to another phase, if it is in one of those allowed now.

        On QUEUED it gets the next number of the queue, and the fields of an earlier start are emptied; on a terminal
        phase its end is now. `columns` overrule that. A `record` is merged into the one there is.

        Returns
        -------
        bool
            Whether it was moved; if not, somebody else was first.
        """
        given = dict(columns)
        expressions = {}
        if to is Phase.QUEUED:
            given = _FRESH | given
            if "queue_number" not in given:
                expressions["queue_number"] = _NEW_NUMBER
        elif to in TERMINAL and to is not Phase.ARCHIVED:
            given.setdefault("end_time", datetime.datetime.now(datetime.UTC))
        with self._transaction() as cursor:
            if expressions:
                _lock_queue(cursor)
            return _update(cursor, job_id, allowed_from, given | {"phase": to}, expressions)

    def enqueue(self, job_id: str, allowed_from: Collection[Phase], limit: int, sentence: str, **columns: Any) -> bool:
        """Take a job to QUEUED, or to HELD with a message when its owner has `limit` jobs that wait already.

        All jobs without an owner share one limit. No number of requests at one time gets beyond it.

        Returns
        -------
        bool
            Whether it was moved, to either phase.
        """
        with self._transaction() as cursor:
            _lock_queue(cursor)
            cursor.execute(
                "SELECT count(*) FROM cta.job WHERE phase = %(phase)s AND owner IS NOT DISTINCT FROM"
                " (SELECT owner FROM cta.job WHERE job_id = %(job_id)s)",
                {"phase": str(Phase.QUEUED), "job_id": _text(job_id)},
            )
            row = cursor.fetchone()
            if row is not None and row[0] >= limit:
                return _update(cursor, job_id, allowed_from, {"phase": Phase.HELD, "message": sentence})
            given = _FRESH | columns | {"phase": Phase.QUEUED}
            return _update(cursor, job_id, allowed_from, given, {"queue_number": _NEW_NUMBER})

    def change(self, job_id: str, allowed_phases: Collection[Phase], **columns: Any) -> bool:
        """Change columns of a job if it is in one of these phases; say whether it was. A `record` is merged."""
        with self._transaction() as cursor:
            return _update(cursor, job_id, allowed_phases, columns)

    def withdraw(self, job_id: str, sentence: str) -> bool:
        """Take a job that was not given to an executor to ABORTED; say whether it was none."""
        with self._transaction() as cursor:
            end = datetime.datetime.now(datetime.UTC)
            columns = {"phase": Phase.ABORTED, "message": sentence, "end_time": end}
            return _update(cursor, job_id, WITHDRAWABLE, columns, condition=_IDLE)

    def request_stop(self, job_id: str) -> bool:
        """Ask the runner to end a job; say whether it may have processes."""
        with self._transaction() as cursor:
            return _update(cursor, job_id, tuple(Phase), {"stop_requested": True}, condition=_BUSY)

    def mark_deleted(self, job_id: str) -> bool:
        """Hide a job that may have processes and ask the runner to end it, then to remove folder and row."""
        with self._transaction() as cursor:
            columns = {"stop_requested": True, "record": {"delete": True}}
            return _update(cursor, job_id, tuple(Phase), columns, condition=_BUSY)

    def delete(self, job_id: str, allowed_phases: Collection[Phase] = tuple(Phase)) -> bool:
        """Remove the row of a job that has no processes, if it is in one of these phases; say whether it was."""
        with self._transaction() as cursor:
            cursor.execute(
                f"DELETE FROM cta.job WHERE job_id = %(job_id)s AND phase IN %(phases)s AND {_IDLE}",
                {"job_id": _text(job_id), "phases": _names(allowed_phases)},
            )
            deleted = cursor.rowcount > 0
            if deleted:
                _notify(cursor, job_id)
            return deleted

    def waiting(self, each: int = 2**31) -> list[Job]:
        """Return the jobs that wait and were not given to an executor, in their order; of each owner the first `each`.

        Jobs without an owner count as one owner's.
        """
        clause = (
            "WHERE job_id IN (SELECT job_id FROM (SELECT job_id, row_number() OVER (PARTITION BY owner ORDER BY"
            " queue_number) AS place FROM cta.job WHERE phase = 'QUEUED' AND handle IS NULL) AS queue"
            " WHERE place <= %(each)s) ORDER BY queue_number"
        )
        return self._jobs(clause, each=each)

    def active(self) -> list[Job]:
        """Return the jobs that were given to an executor and may have processes, those marked as deleted included."""
        return self._jobs(f"WHERE {_BUSY} ORDER BY queue_number")

    def deleted(self) -> list[Job]:
        """Return the jobs that are marked as deleted and have ended."""
        return self._jobs(f"WHERE {_IDLE} AND NOT {_SHOWN}")

    def expired(self, now: datetime.datetime) -> list[Job]:
        """Return the jobs whose destruction time has come and that are not archived."""
        return self._jobs("WHERE destruction <= %(now)s AND phase <> 'ARCHIVED'", now=_naive(now))

    def archived_before(self, time: datetime.datetime) -> list[Job]:
        """Return the archived jobs whose destruction time is before this."""
        return self._jobs("WHERE destruction < %(time)s AND phase = 'ARCHIVED'", time=_naive(time))

    def counts(self, owner: str | None) -> dict[Phase, int]:
        """Return how many jobs a user has in each phase; for None, of all jobs without an owner."""
        whose = "owner IS NULL" if owner is None else "owner = %(owner)s"
        with self._transaction() as cursor:
            cursor.execute(
                f"SELECT phase, count(*) FROM cta.job WHERE {whose} GROUP BY phase", {"owner": _text(owner or "")}
            )
            return {Phase(phase): int(count) for phase, count in cursor.fetchall()}

    def _jobs(self, clause: str, **values: Any) -> list[Job]:
        with self._transaction() as cursor:
            cursor.execute(_SELECT + clause, values)
            return [_job(row) for row in cursor.fetchall()]

    @contextmanager
    def _transaction(self) -> Iterator[Cursor]:
        cursor = self._connection.cursor()
        try:
            yield cursor
            self._connection.commit()
        except BaseException:
            if not self._connection.closed:  # a lost one would complain again
                self._connection.rollback()
            raise
        finally:
            cursor.close()


_NEWEST = " ORDER BY creation_time DESC, job_id DESC LIMIT %(last)s"


def _update(
    cursor: Cursor,
    job_id: str,
    allowed: Collection[Phase],
    columns: Mapping[str, Any],
    expressions: Mapping[str, str] | None = None,
    condition: str = "true",
) -> bool:
    """Change a row if its phase is allowed; names of columns come from this package, values are bound."""
    unknown = set(columns) - set(COLUMNS)
    if unknown or not allowed:
        raise ValueError(f"no such columns of cta.job: {sorted(unknown)}" if unknown else "no phase is allowed")
    key = {"of_job": _text(job_id), "allowed": _names(allowed)}
    given = dict(columns)
    if "record" in given:
        cursor.execute("SELECT record FROM cta.job WHERE job_id = %(of_job)s FOR UPDATE", key)
        row = cursor.fetchone()
        given["record"] = (json.loads(row[0] or "{}") if row else {}) | given["record"]
    assignments = [f"{name} = %({name})s" for name in given]
    assignments += [f"{name} = {expression}" for name, expression in (expressions or {}).items()]
    cursor.execute(
        f"UPDATE cta.job SET {', '.join(assignments)}"
        f" WHERE job_id = %(of_job)s AND phase IN %(allowed)s AND {condition}"
        " RETURNING job_id",
        {name: _encoded(name, value) for name, value in given.items()} | key,
    )
    done = cursor.fetchone() is not None
    if done:
        _notify(cursor, job_id)
    return done


def _lock_queue(cursor: Cursor) -> None:
    cursor.execute("SELECT pg_advisory_xact_lock(%(key)s)", {"key": QUEUE_LOCK})


def _notify(cursor: Cursor, job_id: str) -> None:
    cursor.execute("SELECT pg_notify(%(channel)s, %(job_id)s)", {"channel": CHANNEL, "job_id": job_id})


def _names(phases: Collection[Phase]) -> tuple[str, ...]:
    return tuple(str(phase.value) for phase in phases)


def _encoded(name: str, value: Any) -> Any:
    """Return a value as the column has it."""
    if name == "phase":
        return Phase(value).value
    if name in _TIMES:
        return _naive(value)
    if name in _LISTS:
        return json.dumps([item if _LISTS[name] is None else asdict(item) for item in value])
    if name == "record":
        return json.dumps(value)
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> str:
    """Replace what a text of PostgreSQL cannot hold."""
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _naive(time: datetime.datetime | None) -> datetime.datetime | None:
    """Return a time as the columns have it: UTC, without a zone."""
    return None if time is None else time.astimezone(datetime.UTC).replace(tzinfo=None)


def _job(row: Sequence[Any]) -> Job:
    values = dict(zip(COLUMNS, row, strict=True))
    values["phase"] = Phase(values["phase"])
    for name in _TIMES:
        if values[name] is not None:
            values[name] = values[name].replace(tzinfo=datetime.UTC)
    for name, kind in _LISTS.items():
        items = json.loads(values[name] or "[]")
        values[name] = tuple(item if kind is None else kind(**item) for item in items)
    values["record"] = json.loads(values["record"] or "{}")
    values["stop_requested"] = bool(values["stop_requested"])
    values["attempts"] = values["attempts"] or 0
    return Job(**values)
