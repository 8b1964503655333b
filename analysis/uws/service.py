"""The job service: resources of UWS 1.1 for each job type, free of any web server.

``/jobs`` lists the job types; ``/jobs/<name>`` is a UWS job list with ``sync``, ``form``, ``doc`` and ``description``
beside the jobs. A job of another user does not exist, in the same words as one that never was.
"""

from __future__ import annotations

import datetime
import re
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from analysis.description.model import JobDescription
from analysis.errors import RefusedError, UnavailableError, shown
from analysis.folder import RESULTS, UPLOADS
from analysis.settings import Settings
from analysis.uws import answers, documents, requests
from analysis.uws.control import JobControl, StoreFactory
from analysis.uws.hooks import Catalogue, Hooks, Pages
from analysis.uws.job import Job, JobResult, Phase
from analysis.uws.phases import ACTIVE, BLOCKING, RUNNABLE
from analysis.uws.quotas import TooManyError
from analysis.uws.requests import UploadedFile, UwsAnswer, UwsRequest, Wait

__all__ = ["DESCRIPTION_FILE", "UploadedFile", "UwsAnswer", "UwsRequest", "UwsService", "Wait"]

DESCRIPTION_FILE = "description.vot"
VOTABLE = "application/x-votable+xml"
STOP_SECONDS = 5.0
"""How long an answer is held for the processes of a job that is aborted or deleted."""
LOG_TAIL_BYTES = 8192
_JOB_ID = re.compile(r"[0-9a-f]{32}")
_BUSY = frozenset({Phase.QUEUED}) | ACTIVE
_UNSET = "There is no such job here, or it is not yours. Log in as the user who created it, or create a new one."

Handler = Callable[[], UwsAnswer]


class UwsService:
    """Answers requests below ``/jobs``.

    Parameters
    ----------
    stores
        Gives a store of jobs for the time of a ``with``.
    catalogue
        The job types.
    settings
        Limits.
    base_url
        Address of ``/jobs``, without a slash at the end.
    hooks
        The archive's part.
    pages
        Web pages; without, browsers get what programs get.
    """

    def __init__(
        self,
        stores: StoreFactory,
        catalogue: Catalogue,
        settings: Settings,
        base_url: str,
        hooks: Hooks,
        pages: Pages | None = None,
    ) -> None:
        self._stores = stores
        self._catalogue = catalogue
        self._settings = settings
        self._base_url = base_url.rstrip("/")
        self._hooks = hooks
        self._pages = pages
        self._control = JobControl(stores, settings, hooks)

    def handle(self, request: UwsRequest, waited: Wait | None = None) -> UwsAnswer:
        """Answer a request.

        When the answer has `wait`, it is yet to come: hand the same request in again with `waited` set to that, after
        each change of the job and when the time is over. Doing so at any other time does no harm; do it once after
        you have begun to listen, for the job may have changed before.
        """
        is_head = request.method == "HEAD" and request.path[1:2] != ("sync",)  # which starts something
        try:
            answer = self._answer(replace(request, method="GET") if is_head else request, waited)
        except RefusedError as exc:
            answer = self.error(request, exc)
        except UnavailableError as exc:
            answer = self.error(request, RefusedError(503, str(exc)))
        if is_head and not isinstance(answer.body, bytes):
            answer.body.close()
        return replace(answer, body=b"") if is_head else answer

    def error(self, request: UwsRequest, error: RefusedError) -> UwsAnswer:
        """Return the answer that tells of an error, as a page to browsers."""
        if self._pages is not None and request.wants_page:
            here = "/".join(("/jobs", *request.path))
            answer = answers.page(self._pages.error(error.status, str(error), request.owner, here), error.status)
        else:
            answer = answers.text(str(error), error.status)
        if isinstance(error, TooManyError):
            return replace(answer, headers={**answer.headers, "Retry-After": str(error.retry_after)})
        return answer

    def _answer(self, request: UwsRequest, waited: Wait | None) -> UwsAnswer:
        path = tuple(part for part in request.path if part)
        if not path:
            return self._by_method(request, GET=lambda: self._services(request))
        name, *rest = path
        if len(rest) >= 1 and _JOB_ID.fullmatch(rest[0]):
            return self._job_answer(request, name, rest[0], tuple(rest[1:]), waited)
        description = self._catalogue.get(name)
        if description is None:
            known = ", ".join(sorted(self._catalogue.names())) or "none"
            raise RefusedError(404, f"There is no job type {shown(name)}; there are: {known}.")
        if not rest:
            return self._by_method(
                request,
                GET=lambda: self._job_list(request, description),
                POST=lambda: self._create(request, description),
            )
        if len(rest) > 1:
            raise RefusedError(404, _UNSET)
        if rest[0] == "sync":
            sync = partial(self._sync, request, description, waited)
            return self._by_method(request, GET=sync, POST=sync)
        return self._by_method(request, GET=lambda: self._about(request, description, rest[0]))

    def _by_method(self, request: UwsRequest, **handlers: Handler) -> UwsAnswer:
        handler = handlers.get(request.method)
        if handler is not None:
            return handler()
        answer = self.error(
            request, RefusedError(405, f"{request.method[:20]} does nothing here; use {' or '.join(handlers)}.")
        )
        return replace(answer, headers={**answer.headers, "Allow": ", ".join(handlers)})

    # Job types

    def _services(self, request: UwsRequest) -> UwsAnswer:
        if self._pages is not None:
            return answers.page(self._pages.services(request.owner))
        return answers.text("\n".join(f"{self._base_url}/{name}" for name in self._catalogue.names()))

    def _about(self, request: UwsRequest, description: JobDescription, what: str) -> UwsAnswer:
        if what == "description":
            return answers.data((description.folder / DESCRIPTION_FILE).read_bytes(), VOTABLE)
        if what == "form" and self._pages is not None:
            defaults = requests.parameters_of(request.query)
            return answers.page(self._pages.form(description, request.owner, defaults))
        if what == "doc" and self._pages is not None:
            return answers.page(self._pages.doc(description, request.owner))
        raise RefusedError(404, _UNSET)

    def _job_list(self, request: UwsRequest, description: JobDescription) -> UwsAnswer:
        filters = requests.read_filters(request.query)
        with self._stores() as store:
            jobs = store.find(request.owner, description.name, filters.phases, filters.after, filters.last)
        if self._pages is not None and request.wants_page:
            return answers.page(self._pages.jobs(description, jobs, request.owner))
        return answers.document(documents.jobs_document(jobs, self._list_url(description.name)))

    def _create(self, request: UwsRequest, description: JobDescription) -> UwsAnswer:
        run = requests.read_command(request.sent, at_creation=True) is not None
        return answers.see_other(self._job_url(self._control.create(description, request, run=run)))

    def _sync(self, request: UwsRequest, description: JobDescription, waited: Wait | None) -> UwsAnswer:
        """Create, run, wait, and lead to the first result (DALI 1.1, section 2.2)."""
        if waited is None:
            job = self._control.create(description, request, run=True)
            waited = Wait(job.job_id, _BUSY, time.monotonic() + self._settings.sync_seconds)
        else:
            job = self._found(waited.job_id)
        if waited.holds(job.phase):
            return UwsAnswer(wait=waited)
        if job.phase is Phase.HELD:
            self._control.delete(job)
            raise RefusedError(503, job.message or "There are too many jobs now; try again later.")
        if job.phase is Phase.ERROR:
            status = 503 if job.error_type == "transient" else 400
            raise RefusedError(status, job.error_message or "The job failed without a word.")
        if job.phase is Phase.ABORTED:
            raise RefusedError(503, job.error_message or job.message or "The job was aborted.")
        first = _first_result(job, description)
        if job.phase is Phase.COMPLETED and first is not None:
            return answers.see_other(documents.result_url(self._job_url(job), first.name))
        return answers.see_other(self._job_url(job))

    # Jobs

    def _found(self, job_id: str) -> Job:
        with self._stores() as store:
            job = store.get(job_id)
        if job is None:
            raise RefusedError(404, _UNSET)
        return job

    def _visible(self, request: UwsRequest, name: str, job_id: str) -> Job:
        job = self._found(job_id)
        if job.job_type != name or job.record.get("delete") or job.owner not in (None, request.owner):
            raise RefusedError(404, _UNSET)
        return job

    def _job_answer(
        self, request: UwsRequest, name: str, job_id: str, rest: tuple[str, ...], waited: Wait | None
    ) -> UwsAnswer:
        if waited is not None and not rest and _is_deletion(request):
            return self._deleted(name, waited)
        job = self._visible(request, name, job_id)
        if not rest:
            return self._by_method(
                request,
                GET=lambda: self._job(request, job, waited),
                POST=lambda: self._act(request, job),
                DELETE=lambda: self._delete(job),
            )
        if len(rest) == 1:
            return self._child(request, job, rest[0].lower(), waited)
        if len(rest) == 2 and rest[0].lower() == "results":
            return self._by_method(request, GET=lambda: self._result(job, rest[1]))
        if len(rest) == 2 and rest[0].lower() == "parameters":
            return self._by_method(
                request,
                GET=lambda: self._parameter(job, rest[1]),
                PUT=lambda: self._put_parameter(request, job, rest[1]),
            )
        raise RefusedError(404, _UNSET)

    def _child(self, request: UwsRequest, job: Job, child: str, waited: Wait | None) -> UwsAnswer:
        url = self._job_url(job)
        readers: dict[str, Handler] = {
            "phase": lambda: answers.text(job.phase.value),
            "executionduration": lambda: answers.text(str(job.execution_duration)),
            "destruction": lambda: answers.text(documents.timestamp(job.destruction)),
            "quote": lambda: answers.text(documents.timestamp(job.quote)),
            "owner": lambda: answers.text(job.owner or ""),
            "error": lambda: answers.text(self._error_text(job)),
            "results": lambda: answers.document(documents.results_document(job.results, url)),
            "parameters": lambda: answers.document(documents.parameters_document(job.parameters, url)),
        }
        writers: dict[str, Handler] = {
            "phase": lambda: self._set_phase(request, job, waited),
            "executionduration": lambda: self._set_duration(request, job),
            "destruction": lambda: self._set_destruction(request, job),
            "parameters": lambda: self._set_parameters(request, job),
        }
        if child not in readers:
            raise RefusedError(404, _UNSET)
        handlers = {"GET": readers[child]} | ({"POST": writers[child]} if child in writers else {})
        return self._by_method(request, **handlers)

    def _job(self, request: UwsRequest, job: Job, waited: Wait | None) -> UwsAnswer:
        asked = requests.read_wait(request.query, self._settings)
        if waited is None and asked is not None:
            deadline, phase = asked
            if job.phase in BLOCKING and phase in (None, job.phase):
                waited = Wait(job.job_id, frozenset({job.phase}), deadline)
        if waited is not None and waited.holds(job.phase):
            return UwsAnswer(wait=waited)
        if self._pages is not None and request.wants_page:
            description = self._catalogue.get(job.job_type)
            return answers.page(self._pages.job(description, job, self._job_url(job), request.owner))
        return answers.document(documents.job_document(job, self._job_url(job)))

    def _act(self, request: UwsRequest, job: Job) -> UwsAnswer:
        action = requests.value_of(request.sent, "ACTION")
        if action is None or action.strip().upper() != "DELETE":
            raise RefusedError(
                400, "A job takes ACTION=DELETE only; POST parameters to …/parameters and PHASE=RUN to …/phase."
            )
        return self._delete(job)

    def _delete(self, job: Job) -> UwsAnswer:
        if self._control.delete(job):
            return self._deleted(job.job_type, Wait(job.job_id, _BUSY, time.monotonic() + STOP_SECONDS))
        return answers.see_other(self._list_url(job.job_type))

    def _deleted(self, name: str, waited: Wait) -> UwsAnswer:
        with self._stores() as store:
            job = store.get(waited.job_id)
        if job is not None and waited.holds(job.phase):
            return UwsAnswer(wait=waited)
        if job is not None and job.phase not in _BUSY:
            self._control.delete(job)
        return answers.see_other(self._list_url(name))

    def _set_phase(self, request: UwsRequest, job: Job, waited: Wait | None) -> UwsAnswer:
        command = requests.read_command(request.sent)
        if command is None:
            raise RefusedError(400, "Give PHASE=RUN or PHASE=ABORT.")
        if command == requests.RUN:
            self._control.run(job, self._description(job))
        elif waited is None:
            if self._control.abort(job):
                return UwsAnswer(wait=Wait(job.job_id, _BUSY, time.monotonic() + STOP_SECONDS))
        elif waited.holds(job.phase):
            return UwsAnswer(wait=waited)
        return answers.see_other(self._job_url(job))

    def _set_duration(self, request: UwsRequest, job: Job) -> UwsAnswer:
        seconds = requests.read_duration(_needed(request, "EXECUTIONDURATION"), self._settings)
        self._control.change(job, RUNNABLE, "get another execution duration", execution_duration=seconds)
        return answers.see_other(self._job_url(job))

    def _set_destruction(self, request: UwsRequest, job: Job) -> UwsAnswer:
        now = datetime.datetime.now(datetime.UTC)
        time_ = requests.read_destruction(_needed(request, "DESTRUCTION"), self._settings, now)
        allowed = frozenset(Phase) - {Phase.ARCHIVED}
        self._control.change(job, allowed, "get another destruction time", destruction=time_)
        return answers.see_other(self._job_url(job))

    def _set_parameters(self, request: UwsRequest, job: Job) -> UwsAnswer:
        self._control.set_parameters(job, self._description(job), request.sent, request.files)
        return answers.see_other(self._job_url(job))

    def _put_parameter(self, request: UwsRequest, job: Job, name: str) -> UwsAnswer:
        value = "".join(text for key, text in request.form if key == "")
        self._control.set_parameters(job, self._description(job), [(name, value)], {})
        return answers.see_other(self._job_url(job))

    def _parameter(self, job: Job, name: str) -> UwsAnswer:
        found = [item for item in job.parameters if item.name.lower() == name.lower()]
        if not found:
            raise RefusedError(404, f"This job was given no parameter {shown(name)}.")
        upload = next((item for item in found if item.upload), None)
        if upload is None:
            return answers.text("\n".join(item.value for item in found))
        folder = self._settings.jobs_folder / job.job_id
        stream = answers.open_below(folder, f"{UPLOADS}/{upload.name.lower()}")
        return answers.file_answer(stream, answers.BINARY, upload.value)

    def _result(self, job: Job, name: str) -> UwsAnswer:
        result = next((item for item in job.results if item.name == name), None)
        if result is None:
            yet = "yet" if job.phase in _BUSY | RUNNABLE else f"(it has {len(job.results)})"
            raise RefusedError(404, f"This job has no result {shown(name)} {yet}; see …/results.")
        if job.datasets:
            self._hooks.authorize(job)
        folder = self._settings.jobs_folder / job.job_id
        if result.file_name is not None:
            stream = answers.open_below(folder, f"{RESULTS}/{result.file_name}")
            return answers.file_answer(stream, result.content_type, result.file_name)
        if name == "log":
            log = self._hooks.log(job)
            return answers.file_answer(answers.open_below(log.parent, log.name), answers.TEXT, log.name)
        return answers.made_result(*self._hooks.provenance(job, name))

    def _error_text(self, job: Job) -> str:
        if job.phase is not Phase.ERROR and not job.error_message:
            return ""
        message = job.error_message or "The job failed without a word."
        log = self._hooks.log(job)
        try:
            stream = answers.open_below(log.parent, log.name)
        except RefusedError:
            return message
        with stream:
            stream.seek(max(0, stream.seek(0, 2) - LOG_TAIL_BYTES))
            tail = stream.read(LOG_TAIL_BYTES).decode("utf-8", "replace").strip()
        return f"{message}\n\nThe end of its log:\n{tail}" if tail else message

    def _description(self, job: Job) -> JobDescription:
        description = self._catalogue.get(job.job_type)
        if description is None:
            raise RefusedError(403, f"The job type {job.job_type} is not offered any more.")
        return description

    def _list_url(self, name: str) -> str:
        return f"{self._base_url}/{name}"

    def _job_url(self, job: Job) -> str:
        return f"{self._base_url}/{job.job_type}/{job.job_id}"


def _is_deletion(request: UwsRequest) -> bool:
    return request.method == "DELETE" or bool(requests.values_of(request.sent, "ACTION"))


def _needed(request: UwsRequest, name: str) -> str:
    value = requests.value_of(request.sent, name)
    if value is None:
        raise RefusedError(400, f"Give {name}=….")
    return value


def _first_result(job: Job, description: JobDescription) -> JobResult | None:
    """Return the first result of the description that the job has, else its first."""
    by_name = {item.name: item for item in job.results}
    found = [by_name[item.name] for item in description.generated if item.name in by_name]
    return next(iter(found or job.results), None)
