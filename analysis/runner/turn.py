"""A turn of the runner: end what is to be ended, hear of what has ended, start what waits, remove what is old.

The database is its memory: a runner that is killed at any point goes on where the last one was.
"""

from __future__ import annotations

import datetime
import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from analysis.description.model import JobDescription
from analysis.errors import JobsError, UnavailableError
from analysis.executors.base import Executor, Report
from analysis.folder import JobStatus, read_order, read_status, write_order
from analysis.runner.outcome import Outcome, outcome_of, outcome_of_lost
from analysis.runner.schedule import next_jobs
from analysis.settings import Settings
from analysis.uws.job import Job, Phase
from analysis.uws.store import JobStore

ACTIVE = (Phase.QUEUED, Phase.EXECUTING, Phase.SUSPENDED, Phase.UNKNOWN)
MAX_ATTEMPTS = 3
SWEEP_SECONDS = 5.0
RETRY_SECONDS = 2.0
CLAIMED = ""
"""Handle of a job that is being given to an executor: it may have processes from now on."""
log = logging.getLogger("jobs")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """A job that has ended, with all that is known of it; `job` is as it was before."""

    job: Job
    description: JobDescription | None
    status: JobStatus
    folder: Path
    outcome: Outcome


class Runner:
    """Starts, watches and ends jobs.

    Parameters
    ----------
    settings
        Of the operator.
    store
        The jobs.
    executors
        By name; jobs that run are asked for where they run, new ones go where the settings say.
    describe
        Returns the description of a job's type, None when there is none (any more).
    record
        Stores the provenance of jobs that have ended; it is called before their end is told.
    """

    def __init__(
        self,
        settings: Settings,
        store: JobStore,
        executors: Mapping[str, Executor],
        describe: Callable[[Job], JobDescription | None],
        record: Callable[[Sequence[Ended]], None],
    ) -> None:
        self._settings = settings
        self._store = store
        self._executors = executors
        self._describe = describe
        self._record = record
        self._next_sweep = 0.0
        self._next_start = 0.0
        self._trouble = self._warned = ""

    def turn(self, now: float) -> None:
        """Do what there is to do; `now` is a clock in seconds that never goes back."""
        active = self._store.active()
        self._stop_some(active)
        n_ended = self._watch(active)
        # more of one owner cannot be started at one time
        each = max(self._settings.max_running_per_user, self._settings.max_running_anonymous)
        waiting = [job for job in self._store.waiting(each) if not self._was_aborted(job)]
        if waiting and now >= self._next_start:
            trouble = self._start_some(waiting, self._store.active() if n_ended else active)
            self._next_start = now + RETRY_SECONDS if trouble else now
        if now >= self._next_sweep:
            self._next_sweep = now + SWEEP_SECONDS
            self._sweep()

    def folder(self, job: Job) -> Path:
        """Return the folder of a job."""
        return self._settings.jobs_folder / job.job_id

    def _stop_some(self, active: Sequence[Job]) -> None:
        for job in active:
            if not job.stop_requested or not job.handle:
                continue
            try:
                self._executors[job.executor or ""].stop(job.handle, self.folder(job))
            except UnavailableError as exc:
                self._tell(job, f"The job is to be aborted, which has to wait. {exc}")

    def _was_aborted(self, job: Job) -> bool:
        """End a job that could not be started and was to be aborted meanwhile; say whether it was one."""
        return job.stop_requested and self._store.withdraw(job.job_id, "The job was aborted by its user.")

    def _watch(self, active: Sequence[Job]) -> int:
        """Take in what the executors say; return how many jobs have ended."""
        ended: list[Ended] = []
        for name, executor in self._executors.items():
            jobs = {job.handle: job for job in active if job.executor == name and job.handle}
            if not jobs:
                continue
            try:
                reports = executor.poll({handle: self.folder(job) for handle, job in jobs.items()})
            except UnavailableError as exc:
                for job in jobs.values():
                    if not job.stop_requested:  # it has been told more
                        self._tell(job, str(exc))
                continue
            for handle, report in reports.items():
                found = self._hear(jobs[handle], report)
                if found is not None:
                    ended.append(found)
        ended += [found for job in active if not job.handle and (found := self._recover(job)) is not None]
        self._finish(ended)
        return len(ended)

    def _hear(self, job: Job, report: Report) -> Ended | None:
        folder = self.folder(job)
        if report.state == "ended" and report.status is not None:
            description = self._describe(job)
            outcome = outcome_of(job, description, report.status, folder)
            return Ended(job=job, description=description, status=report.status, folder=folder, outcome=outcome)
        if report.state == "lost" or (report.state == "interrupted" and not self._start_again(job)):
            status = JobStatus(reason="killed", message=report.message, end=_now().timestamp())
            outcome = outcome_of_lost(job, report, folder)
            return Ended(job=job, description=self._describe(job), status=status, folder=folder, outcome=outcome)
        self._follow(job, report)
        return None

    def _follow(self, job: Job, report: Report) -> None:
        """Let the phase follow what the executor says."""
        phase = {"waiting": Phase.QUEUED, "running": Phase.EXECUTING, "suspended": Phase.SUSPENDED}.get(report.state)
        if phase is None or phase == job.phase:
            if report.message != (job.message or "") and not job.stop_requested:
                self._store.change(job.job_id, ACTIVE, message=report.message or None)
            return
        columns: dict[str, Any] = {"start_time": job.start_time or _now()}
        if phase is Phase.QUEUED:  # it waits in the queue of the cluster
            columns = {"queue_number": job.queue_number, "executor": job.executor, "handle": job.handle}
        self._store.move(job.job_id, phase, ACTIVE, message=report.message or None, **columns)

    def _recover(self, job: Job) -> Ended | None:
        """Settle a job that a killed runner has left between two steps: it has no handle."""
        status = read_status(self.folder(job))
        if status is not None:
            return self._hear(job, Report("ended", status))
        return self._hear(job, Report("interrupted", message="it was not begun when the service went down."))

    def _start_again(self, job: Job) -> bool:
        """Put a job back to its place in the queue; return False when it may not be tried any more."""
        if job.stop_requested or job.attempts >= MAX_ATTEMPTS:
            return False
        return self._store.move(
            job.job_id,
            Phase.QUEUED,
            ACTIVE,
            queue_number=job.queue_number,
            handle=None,
            executor=None,
            start_time=None,
            message="it was interrupted and will be started again.",
        )

    def _finish(self, ended: Sequence[Ended]) -> None:
        if not ended:
            return
        self._record(ended)
        for item in ended:
            outcome = item.outcome
            self._store.move(
                item.job.job_id,
                outcome.phase,
                ACTIVE,
                start_time=start_of(item.status) or item.job.start_time,
                end_time=end_of(item.status),
                results=outcome.results,
                error_type=outcome.error_type,
                error_message=outcome.error_message,
                message=None,
                handle=None,
            )
            log.info("job of %s ended: %s %s", item.job.job_type, outcome.phase, outcome.error_message or "")

    def _start_some(self, waiting: Sequence[Job], active: Sequence[Job]) -> str:
        """Start what may start; return why the executor takes none, an empty text when it does."""
        executor = self._executors[self._settings.executor]
        running = [job for job in active if job.executor is not None]
        trouble, chosen = "", []
        try:
            n_free = executor.free(sum(job.executor == executor.name for job in running))
        except UnavailableError as exc:
            trouble, n_free = str(exc), len(waiting)
        for job in next_jobs(waiting, running, n_free, self._settings):
            chosen.append(job.job_id)
            if trouble:
                self._tell(job, trouble)
            else:
                trouble = self._start(job, executor)
        for job in waiting:  # for another reason than before
            if self._trouble and job.message == self._trouble and job.job_id not in chosen:
                self._store.change(job.job_id, (Phase.QUEUED,), message=None)
        self._trouble = trouble
        return trouble

    def _start(self, job: Job, executor: Executor) -> str:
        """Start a job; return why the executor takes none now, an empty text when it does."""
        folder = self.folder(job)
        claimed = self._store.move(
            job.job_id,
            Phase.QUEUED if executor.queues else Phase.EXECUTING,
            (Phase.QUEUED,),
            queue_number=job.queue_number,
            executor=executor.name,
            handle=CLAIMED,
            start_time=None if executor.queues else _now(),
            attempts=job.attempts + 1,
            message=None,
        )
        if not claimed:
            return ""
        try:
            order = read_order(folder)
            limits = replace(order.limits, duration_s=job.execution_duration)
            if limits != order.limits:
                write_order(folder, replace(order, limits=limits))
            handle = executor.start(folder)
        except UnavailableError as exc:
            self._back_to_queue(job, str(exc))
            return str(exc)
        except (OSError, ValueError, JobsError) as exc:
            status = JobStatus(reason="sandbox", message=f"the job could not be started: {exc}", end=_now().timestamp())
            outcome = Outcome(phase=Phase.ERROR, error_type="transient", error_message=status.message)
            description = self._describe(job)
            self._finish([Ended(job=job, description=description, status=status, folder=folder, outcome=outcome)])
            return ""
        self._store.change(job.job_id, ACTIVE, handle=handle)
        return ""

    def _back_to_queue(self, job: Job, sentence: str) -> None:
        self._warn(sentence)
        self._store.move(
            job.job_id,
            Phase.QUEUED,
            (Phase.QUEUED, Phase.EXECUTING),
            queue_number=job.queue_number,
            attempts=job.attempts,
            message=sentence,
        )

    def _tell(self, job: Job, sentence: str) -> None:
        if job.message != sentence:
            self._warn(sentence)
            self._store.change(job.job_id, ACTIVE, message=sentence)

    def _warn(self, sentence: str) -> None:
        """Log why jobs wait, once for all of them."""
        if sentence != self._warned:
            self._warned = sentence
            log.warning("%s", sentence)

    def _sweep(self) -> None:
        """Remove what its owners do not want any more, and what has come to its time."""
        self._record(())  # what could not be stored before
        for job in self._store.deleted():
            shutil.rmtree(self.folder(job), ignore_errors=True)
            self._store.delete(job.job_id)
        now = _now()
        for job in self._store.expired(now):
            if job.handle is not None:
                self._store.request_stop(job.job_id)
                continue
            shutil.rmtree(self.folder(job), ignore_errors=True)
            self._store.move(job.job_id, Phase.ARCHIVED, tuple(Phase), results=(), end_time=job.end_time)
        for job in self._store.archived_before(now - datetime.timedelta(days=self._settings.archive_days)):
            self._store.delete(job.job_id)


def start_of(status: JobStatus) -> datetime.datetime | None:
    """Return when a job's worker began, UTC; None when that is not known."""
    return datetime.datetime.fromtimestamp(status.start, datetime.timezone.utc) if status.start else None


def end_of(status: JobStatus) -> datetime.datetime:
    """Return when a job ended, UTC."""
    return datetime.datetime.fromtimestamp(status.end, datetime.timezone.utc) if status.end else _now()


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)
