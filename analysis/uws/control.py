"""What users do to jobs: create, change, run, abort, delete."""

from __future__ import annotations

import datetime
import secrets
import threading
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from analysis.description.model import JobDescription
from analysis.errors import RefusedError
from analysis.settings import Settings
from analysis.uws import requests
from analysis.uws.given import keep_uploads, read_parameters, replaced
from analysis.uws.hooks import Hooks
from analysis.uws.job import Job, Phase
from analysis.uws.phases import ACTIVE, RUNNABLE, WITHDRAWABLE, refusal
from analysis.uws.quotas import RateLimit
from analysis.uws.requests import UploadedFile, UwsRequest
from analysis.uws.store import JobStore

StoreFactory = Callable[[], AbstractContextManager[JobStore]]
_LOCKS = 64
_PENDING = frozenset({Phase.PENDING})


class JobControl:
    """Changes jobs; between two requests for the same job one waits for the other."""

    def __init__(self, stores: StoreFactory, settings: Settings, hooks: Hooks) -> None:
        self._stores = stores
        self._settings = settings
        self._hooks = hooks
        self._rate = RateLimit(settings.anonymous_per_minute)
        self._locks = [threading.Lock() for _ in range(_LOCKS)]

    def create(self, description: JobDescription, request: UwsRequest, *, run: bool) -> Job:
        """Create a job, and start it if that is asked for.

        Raises
        ------
        RefusedError
            When a parameter does not do, or when it is to run and cannot; then there is no job. TooManyError when an
            address creates too many without an account.
        """
        if request.owner is None:
            self._rate.take(request.address)
        pairs = request.sent
        parameters, files = read_parameters(description, requests.parameters_of(pairs), request.files)
        run_id = requests.read_run_id(pairs)
        self._hooks.check(description, parameters, files, run)
        now = _now()
        job = Job(
            job_id=secrets.token_hex(16),
            job_type=description.name,
            owner=request.owner,
            phase=Phase.PENDING,
            creation_time=now,
            execution_duration=self._settings.limits(description).duration_s,
            destruction=now + datetime.timedelta(days=self._settings.lifetime_days),
            activity=str(uuid.uuid4()),
            run_id=run_id,
            parameters=parameters,
        )
        try:
            keep_uploads(self._settings.jobs_folder / job.job_id, files)
            with self._stores() as store:
                store.insert(job)
            return self.run(job, description) if run else job
        except BaseException:
            self._forget(job)
            raise

    def run(self, job: Job, description: JobDescription) -> Job:
        """Prepare a job and put it into the queue, or hold it when its owner has too many; return it as it is then.

        Raises
        ------
        RefusedError
            403 when it was started before, and what the checks say.
        """
        with self._lock(job):
            job = self._current(job)
            if job.phase not in RUNNABLE:
                raise refusal(job.phase, "be started")
            self._hooks.check(description, job.parameters, {}, True)
            datasets = self._hooks.prepare(job, description)
            limit, sentence = self._queue_limit(job.owner)
            quote = None if description.quote_s is None else _now() + datetime.timedelta(seconds=description.quote_s)
            with self._stores() as store:
                moved = store.enqueue(job.job_id, RUNNABLE, limit, sentence, datasets=datasets, quote=quote)
            job = self._current(job)
            if not moved:
                raise refusal(job.phase, "be started")
            return job

    def abort(self, job: Job) -> bool:
        """End a job; say whether its processes have yet to be ended by the runner."""
        while job.phase is not Phase.ABORTED:
            if job.phase not in WITHDRAWABLE | ACTIVE:
                raise refusal(job.phase, "be aborted")
            with self._stores() as store:
                if store.withdraw(job.job_id, "The job was aborted by its user."):
                    return False
                if store.request_stop(job.job_id):
                    return True
            job = self._current(job)  # the runner was first
        return False

    def delete(self, job: Job) -> bool:
        """Remove a job; say whether its processes have yet to be ended by the runner. It is hidden from now on."""
        while True:
            with self._stores() as store:
                if store.delete(job.job_id):
                    break
                if store.mark_deleted(job.job_id):
                    return True
                if store.get(job.job_id) is None:
                    return False
        self._hooks.discard(job)
        return False

    def change(self, job: Job, allowed: frozenset[Phase], wish: str, **columns: Any) -> None:
        """Change columns of a job; refused when its phase is not allowed, in the words of a wish."""
        with self._lock(job), self._stores() as store:
            done = store.change(job.job_id, allowed, **columns)
        if not done:
            raise refusal(self._current(job).phase, wish)

    def set_parameters(
        self,
        job: Job,
        description: JobDescription,
        pairs: Sequence[tuple[str, str]],
        files: Mapping[str, UploadedFile],
    ) -> None:
        """Add or replace parameters of a job that is PENDING; all values of a name are replaced together."""
        given = requests.parameters_of(pairs)
        if len(given) != len(pairs):
            raise RefusedError(400, "PHASE, RUNID, ACTION and WAIT are no parameters of a job; POST PHASE to …/phase.")
        new, uploads = read_parameters(description, given, files)
        with self._lock(job):
            job = self._current(job)
            if job.phase not in _PENDING:
                raise refusal(job.phase, "get other parameters")
            merged = replaced(job.parameters, new, (name for name, _ in given))
            self._hooks.check(description, merged, uploads, False)
            keep_uploads(self._settings.jobs_folder / job.job_id, uploads)
            with self._stores() as store:
                if not store.change(job.job_id, _PENDING, parameters=merged):
                    raise refusal(self._current(job).phase, "get other parameters")

    def _current(self, job: Job) -> Job:
        with self._stores() as store:
            found = store.get(job.job_id)
        if found is None:
            raise RefusedError(404, "This job was deleted meanwhile.")
        return found

    def _queue_limit(self, owner: str | None) -> tuple[int, str]:
        later = "Start this one again (PHASE=RUN) when some of them have ended."
        if owner is None:
            limit = self._settings.max_waiting_anonymous
            return limit, f"As many as {limit} jobs without an account are waiting, which is the limit. {later}"
        limit = self._settings.max_waiting_per_user
        return limit, f"As many as {limit} jobs of yours are waiting, which is the limit. {later}"

    def _forget(self, job: Job) -> None:
        """Remove what was made of a job that is not to be."""
        with self._stores() as store:
            is_gone = store.delete(job.job_id, WITHDRAWABLE) or store.get(job.job_id) is None
        if is_gone:
            self._hooks.discard(job)

    def _lock(self, job: Job) -> threading.Lock:
        return self._locks[int(job.job_id[:8], 16) % _LOCKS]


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
