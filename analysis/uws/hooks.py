"""What the job service asks of the archive around it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from analysis.description.model import JobDescription
from analysis.uws.job import Job, JobParameter
from analysis.uws.requests import UploadedFile


class Catalogue(Protocol):
    """The job types."""

    def names(self) -> Iterable[str]:
        """Return their names."""

    def get(self, name: str) -> JobDescription | None:
        """Return the description of one, None if there is none of this name."""


class Hooks(Protocol):
    """The archive's part in a job."""

    def check(
        self,
        description: JobDescription,
        parameters: Sequence[JobParameter],
        files: Mapping[str, UploadedFile],
        complete: bool,
    ) -> None:
        """Check parameters; unless `complete`, some may still be missing.

        Raises
        ------
        RefusedError
            400 when one does not do.
        """

    def prepare(self, job: Job, description: JobDescription) -> tuple[str, ...]:
        """Find the datasets of a job that is about to be queued, write its folder, and return their publisher DIDs.

        Raises
        ------
        RefusedError
            When a dataset is not there (404), does not suit (400), or is not for the owner (401, 403).
        """

    def authorize(self, job: Job) -> None:
        """Decide anew whether the owner may have what comes of the job's datasets: rights change.

        Raises
        ------
        RefusedError
            401 or 403 when not.
        """

    def discard(self, job: Job) -> None:
        """Remove the folder of a job, if there is one."""

    def provenance(self, job: Job, result_name: str) -> tuple[bytes, str]:
        """Return a result that is made on request, and its media type."""

    def log(self, job: Job) -> Path:
        """Return where the log of a job is."""


class Pages(Protocol):
    """Web pages for people, as complete documents of HTML."""

    def services(self, viewer: str | None) -> bytes:
        """Return the list of job types."""

    def form(self, description: JobDescription, viewer: str | None, defaults: Sequence[tuple[str, str]]) -> bytes:
        """Return the form that creates a job, with values filled in."""

    def doc(self, description: JobDescription, viewer: str | None) -> bytes:
        """Return what a job type does."""

    def jobs(self, description: JobDescription, jobs: Sequence[Job], viewer: str | None) -> bytes:
        """Return a user's jobs of one type."""

    def job(self, description: JobDescription | None, job: Job, job_url: str, viewer: str | None) -> bytes:
        """Return a job; its type may be gone."""

    def error(self, status: int, sentence: str, viewer: str | None, here: str) -> bytes:
        """Return what went wrong at an address of this server."""
