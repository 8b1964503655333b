"""Runs the jobs: ``python3 -m analysis.runner``, with the instance's environment (``make env``)."""

from __future__ import annotations

import fcntl
import logging
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg2

from analysis.definitions.submissions import pending_for
from analysis.description.catalogue import catalogue_of
from analysis.description.model import JobDescription
from analysis.errors import JobsError
from analysis.executors.base import Executor
from analysis.executors.local import LocalExecutor
from analysis.executors.slurm import SlurmExecutor
from analysis.runner.recording import Recorder
from analysis.runner.turn import Runner
from analysis.settings import CODE, Settings, load_settings
from analysis.uws.job import Job
from analysis.uws.store import CHANNEL, JobStore

# Ends are told by datagrams and new jobs by the database; this is for what nobody tells.
PATIENCE_SECONDS = 1.0
log = logging.getLogger("jobs")


class Bell:
    """Wakes the runner: when a job has ended, when a job has changed, when it is to end itself."""

    def __init__(self, place: Path) -> None:
        place.unlink(missing_ok=True)
        self._ends = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ends.bind(str(place))
        self._ends.setblocking(False)
        self._signals, wakeup = socket.socketpair()
        for side in (self._signals, wakeup):
            side.setblocking(False)
        signal.set_wakeup_fd(wakeup.fileno())
        self._wakeup = wakeup
        self.told_to_end = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)

    def _end(self, *_: object) -> None:
        self.told_to_end = True

    def wait(self, connection: Any, seconds: float) -> None:
        """Wait until something has happened; what this process itself has changed is nothing new."""
        until = time.monotonic() + seconds
        own = connection.info.backend_pid
        while not self.told_to_end:
            connection.poll()
            foreign = any(notice.pid != own for notice in connection.notifies)
            connection.notifies.clear()
            remaining = until - time.monotonic()
            if foreign or remaining <= 0:
                return
            ready, _, _ = select.select([connection, self._ends, self._signals], [], [], remaining)
            if self._ends in ready:
                _drain(self._ends)
                return
            if self._signals in ready:
                _drain(self._signals)


def _drain(stream: socket.socket) -> None:
    try:
        while stream.recv(4096):
            pass
    except BlockingIOError:
        pass


def connect() -> Any:
    """Return a connection to the instance's database that hears of changed jobs."""
    connection = psycopg2.connect("", application_name="jobs")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    connection.autocommit = False
    return connection


def executors_of(settings: Settings) -> dict[str, Executor]:
    """Return the executors by name: new jobs go where the settings say, but others may still run on the other one.

    Raises
    ------
    JobsError
        When the settings name none of them.
    """
    found: dict[str, Executor] = {
        "local": LocalExecutor(settings, CODE, eager=settings.executor == "local"),
        "slurm": SlurmExecutor(settings, CODE),
    }
    if settings.executor not in found:
        raise JobsError(f"the setting executor is {settings.executor!r}; there are local and slurm.")
    return found


def describer(settings: Settings) -> Callable[[Job], JobDescription | None]:
    """Return what finds the description of a job's type, also of one that only its author may run yet."""
    catalogue = catalogue_of(settings)

    def describe(job: Job) -> JobDescription | None:
        # a new catalogue looks at once, and sees what was accepted a moment ago
        return catalogue.get(job.job_type) or catalogue_of(settings, pending_for(settings, job.owner)).get(job.job_type)

    return describe


def serve(settings: Settings, bell: Bell) -> None:
    """Run jobs until told to end; wait for the database when it is away."""
    executors = executors_of(settings)
    describe = describer(settings)
    try:
        while not bell.told_to_end:
            try:
                connection = connect()
            except psycopg2.OperationalError as exc:
                log.warning("the database does not answer: %s", " ".join(str(exc).split()))
                time.sleep(PATIENCE_SECONDS)
                continue
            try:
                recorder = Recorder(settings, connection)
                runner = Runner(settings, JobStore(connection), executors, describe, recorder.record)
                while not bell.told_to_end:
                    runner.turn(time.monotonic())
                    bell.wait(connection, PATIENCE_SECONDS)
            except (psycopg2.OperationalError, psycopg2.InterfaceError) as exc:
                log.warning("the connection to the database is lost: %s", " ".join(str(exc).split()))
                time.sleep(PATIENCE_SECONDS)
            finally:
                connection.close()
    finally:
        for executor in executors.values():
            executor.close()


def main(arguments: Sequence[str]) -> int:
    """Run until a signal says to end."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO, stream=sys.stderr)
    logging.Formatter.converter = time.gmtime
    os.umask(0o077)
    try:
        settings = load_settings()
        settings.jobs_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(settings.folder / "runner.lock", "a", encoding="ascii") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise JobsError(f"another runner works on {settings.folder}; end it first (`make stop`).") from None
            log.info("jobs run by %s, %d at a time", settings.executor, settings.n_slots)
            serve(settings, Bell(settings.socket))
    except JobsError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return 1
    log.info("the runner ends; jobs that run go on")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
