"""The job service of this server: one for the process, made at the first request."""

from __future__ import annotations

import contextlib
import functools
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gavo import base

from analysis.dachs import inputs
from analysis.definitions import HOME
from analysis.definitions.submissions import pending_for
from analysis.description.catalogue import Catalogue, catalogue_of
from analysis.description.model import JobDescription
from analysis.errors import JobsError, RefusedError
from analysis.folder import LOG
from analysis.pages.site import SitePages
from analysis.provenance import provenance_document
from analysis.settings import Settings, load_settings
from analysis.uws.job import Job, JobParameter
from analysis.uws.requests import UploadedFile, UwsAnswer, UwsRequest, Wait
from analysis.uws.store import JobStore
from prov_tables.sap.core import TableDatabase, server_url

if TYPE_CHECKING:
    from analysis.definitions.requests import DefinitionService
    from analysis.uws.service import UwsService

PATH = "/jobs"


@functools.cache
def settings() -> Settings:
    """Return the settings, as they were when the server was started."""
    return load_settings()


def handle(request: UwsRequest, waited: Wait | None) -> UwsAnswer:
    """Answer a request.

    Raises
    ------
    JobsError
        When the service cannot be had: a package is missing, or the settings are.
    """
    trial = pending_for(settings(), request.owner)
    service = _service(trial if trial is not None and trial.is_dir() else None)
    if request.path[:1] == (HOME,):
        try:
            return _definitions().handle(request)
        except RefusedError as exc:
            return service.error(request, exc)
    return service.handle(request, waited)


@functools.lru_cache(maxsize=64)
def _service(trial: Path | None) -> UwsService:
    """Return the service, for all or for the author of the definitions in a folder."""
    try:
        from analysis.uws.service import UwsService
    except ImportError as exc:
        raise JobsError(f"jobs are not available: {exc}. `make start` tries again to fetch what is missing.") from exc
    types = catalogue_of(settings(), trial)
    pages = SitePages(types, server_url(), takes_more=settings().user_definitions != "off")
    return UwsService(store, types, settings(), _base_url(), ArchiveHooks(types), pages)


@functools.cache
def _definitions() -> DefinitionService:
    from analysis.definitions.requests import DefinitionService  # it needs what `_service` tells is missing

    return DefinitionService(settings(), _base_url(), SitePages(catalogue_of(settings()), server_url()))


def _base_url() -> str:
    return f"{server_url()}{PATH}"


@contextlib.contextmanager
def store() -> Iterator[JobStore]:
    """Give the jobs, through a connection of DaCHS's pool."""
    with base.getWritableAdminConn() as connection:
        yield JobStore(connection)


class ArchiveHooks:
    """What the service asks of this archive; `types` are the job types."""

    def __init__(self, types: Catalogue) -> None:
        self._types = types

    def check(
        self,
        description: JobDescription,
        parameters: Sequence[JobParameter],
        files: Mapping[str, UploadedFile],
        complete: bool,
    ) -> None:
        """Check parameters, for themselves."""
        inputs.check(description, parameters, files, complete, settings())

    def prepare(self, job: Job, description: JobDescription) -> tuple[str, ...]:
        """Write the order of a job; return the publisher DIDs of its datasets."""
        return inputs.prepare(job, description, settings(), self._types.get)

    def authorize(self, job: Job) -> None:
        """Refuse results when a dataset has become proprietary, or the owner has left its group."""
        inputs.authorize(job.datasets, job.owner)

    def discard(self, job: Job) -> None:
        """Remove the folder of a job."""
        shutil.rmtree(settings().jobs_folder / job.job_id, ignore_errors=True)

    def provenance(self, job: Job, result_name: str) -> tuple[bytes, str]:
        """Return a document on how the results were made."""
        with base.getTableConn() as connection:
            return provenance_document(TableDatabase(connection), job.activity, result_name, server_url())

    def log(self, job: Job) -> Path:
        """Return where the log of a job is."""
        return settings().jobs_folder / job.job_id / LOG
