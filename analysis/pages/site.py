"""All pages of the job service, as its request handler asks for them."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus

from analysis.description.catalogue import Catalogue
from analysis.description.model import JobDescription
from analysis.pages.definitions import Submitted, definitions_page
from analysis.pages.html import element, link, page
from analysis.pages.jobs import job_list_page, job_page
from analysis.pages.types import doc_page, form_page, list_page
from analysis.uws.job import Job


class SitePages:
    """The pages of one archive.

    Parameters
    ----------
    catalogue
        The job types.
    server
        Address of the archive, without slash at the end.
    takes_more
        Whether users can submit job types.
    """

    def __init__(self, catalogue: Catalogue, server: str, *, takes_more: bool = False) -> None:
        self._catalogue = catalogue
        self._takes_more = takes_more
        self._server = server

    def services(self, viewer: str | None) -> bytes:
        """Return the list of job types."""
        catalogue = self._catalogue
        return list_page(catalogue.descriptions(), catalogue.broken(), viewer, takes_more=self._takes_more)

    def form(self, description: JobDescription, viewer: str | None, defaults: Sequence[tuple[str, str]]) -> bytes:
        """Return the form that creates a job, with values filled in."""
        return form_page(description, viewer, defaults, self._server)

    def doc(self, description: JobDescription, viewer: str | None) -> bytes:
        """Return what a job type does."""
        return doc_page(description, self._server, viewer)

    def jobs(self, description: JobDescription, jobs: Sequence[Job], viewer: str | None) -> bytes:
        """Return a user's jobs of one type."""
        return job_list_page(description, jobs, viewer)

    def job(self, description: JobDescription | None, job: Job, job_url: str, viewer: str | None) -> bytes:
        """Return a job; its type may be gone."""
        return job_page(description, job, job_url, viewer)

    def definitions(
        self,
        own: Sequence[Submitted],
        waiting: Sequence[Submitted],
        viewer: str | None,
        *,
        is_operator: bool,
        trial: bool,
    ) -> bytes:
        """Return the page on a user's job types, and on those that wait for an operator."""
        return definitions_page(own, waiting, viewer, is_operator=is_operator, trial=trial)

    def error(self, status: int, sentence: str, viewer: str | None, here: str) -> bytes:
        """Return what went wrong."""
        return error_page(status, sentence, viewer, here)


def error_page(status: int, sentence: str, viewer: str | None, here: str) -> bytes:
    """Return what went wrong at an address, in a sentence for the user; a login leads back there."""
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Something went wrong"
    return page(
        title,
        element("p", sentence, class_="message", role="alert"),
        element("p", link("/jobs", "All analysis jobs")),
        viewer=viewer,
        here=here,
    )
