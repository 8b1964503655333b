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
from analysis.description.catalogue import Catalogue, catalogue_of
from analysis.description.model import JobDescription
from analysis.errors import JobsError
from analysis.folder import LOG
from analysis.provenance import provenance_document
from analysis.settings import Settings, load_settings
from analysis.uws.job import Job, JobParameter
from analysis.uws.requests import UploadedFile
from analysis.uws.store import JobStore
from prov_tables.sap.core import TableDatabase, server_url

if TYPE_CHECKING:
    from analysis.uws.service import UwsService

PATH = "/jobs"


@functools.cache
def settings() -> Settings:
    """Return the settings, as they were when the server was started."""
    return load_settings()


@functools.cache
def catalogue() -> Catalogue:
    """Return the job types."""
    return catalogue_of(settings())


@functools.cache
def service() -> UwsService:
    """Return the service.

    Raises
    ------
    JobsError
        When it cannot be had: a package is missing, or the settings are.
    """
    try:
        from analysis.uws.service import UwsService
    except ImportError as exc:
        raise JobsError(f"jobs are not available: {exc}. `make start` tries again to fetch what is missing.") from exc
    from analysis.pages.site import SitePages

    return UwsService(
        store, catalogue(), settings(), f"{server_url()}{PATH}", ArchiveHooks(), SitePages(catalogue(), server_url())
    )


@contextlib.contextmanager
def store() -> Iterator[JobStore]:
    """Give the jobs, through a connection of DaCHS's pool."""
    with base.getWritableAdminConn() as connection:
        yield JobStore(connection)


class ArchiveHooks:
    """What the service asks of this archive."""

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
        return inputs.prepare(job, description, settings(), catalogue().get)

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
