"""The XML documents of UWS 1.1, by the models of vo-models.

Fields are set only where the schema wants them: of an absent `runId`, for example, no element may be there, while an
absent `endTime` is an element with ``xsi:nil``. Texts of users may hold what XML cannot: such characters are replaced.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from pydantic_xml import BaseXmlModel, element
from vo_models.uws.models import (
    NSMAP,
    ErrorSummary,
    Jobs,
    JobSummary,
    Parameter,
    ResultReference,
    Results,
    ShortJobDescription,
)
from vo_models.uws.types import ErrorType, ExecutionPhase, UWSVersion
from vo_models.xlink import XlinkType

from analysis.uws.job import Job, JobParameter, JobResult, Phase

MEDIA_TYPE = "text/xml; charset=utf-8"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class ParameterList(BaseXmlModel, tag="parameters", ns="uws", nsmap=NSMAP):  # type: ignore[call-arg,misc]
    """Parameters of whatever names, in the order given; vo-models wants a field for each name."""

    parameter: list[Parameter] = element(tag="parameter", default_factory=list)


class JobInfo(BaseXmlModel, tag="jobInfo", ns="uws", nsmap=NSMAP):  # type: ignore[call-arg,misc]
    """A sentence on the state of a job; the schema allows elements only, so it is wrapped in one."""

    message: str = element(tag="message", ns="uws")


class JobDocument(JobSummary[ParameterList], tag="job"):  # type: ignore[call-arg,misc]
    """The document of a job."""

    job_info: JobInfo | None = element(tag="jobInfo", default=None)


def job_document(job: Job, job_url: str) -> bytes:
    """Return the document of a job.

    Parameters
    ----------
    job
        The job.
    job_url
        Its address, without a slash at the end.
    """
    fields = {
        "job_id": job.job_id,
        "owner_id": _optional(job.owner),
        "phase": ExecutionPhase(job.phase),
        "quote": _time(job.quote),
        "creation_time": _time(job.creation_time),
        "start_time": _time(job.start_time),
        "end_time": _time(job.end_time),
        "execution_duration": job.execution_duration,
        "destruction": _time(job.destruction),
        "parameters": _parameters(job.parameters, job_url),
        "results": _results(job.results, job_url),
        "version": UWSVersion.V1_1,
    }
    if job.run_id is not None:
        fields["run_id"] = clean(job.run_id)
    if job.phase is Phase.ERROR or job.error_message:
        fields["error_summary"] = _error(job)
    if job.message:
        fields["job_info"] = JobInfo(message=clean(job.message))
    return _xml(JobDocument(**fields))


def jobs_document(jobs: Iterable[Job], list_url: str) -> bytes:
    """Return the list of jobs in the order given; `list_url` is its address, without a slash at the end."""
    return _xml(Jobs(jobref=[_reference(job, list_url) for job in jobs], version=UWSVersion.V1_1))


def results_document(results: Sequence[JobResult], job_url: str) -> bytes:
    """Return the list of results of a job."""
    return _xml(_results(results, job_url))


def parameters_document(parameters: Sequence[JobParameter], job_url: str) -> bytes:
    """Return the list of parameters of a job."""
    return _xml(_parameters(parameters, job_url))


def timestamp(time: datetime.datetime | None) -> str:
    """Return a time as UWS writes it, such as ``2026-11-20T12:00:00.000Z``; of None an empty text."""
    if time is None:
        return ""
    return time.astimezone(datetime.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clean(text: str) -> str:
    """Replace what XML 1.0 cannot hold; line ends become those of Unix, as any XML parser would read them."""
    return _NO_XML.sub("\ufffd", text).replace("\r\n", "\n").replace("\r", "\n")


def parameter_url(job_url: str, name: str) -> str:
    """Return the address of a parameter's value."""
    return f"{job_url}/parameters/{quote(name, safe='', errors='replace')}"


def result_url(job_url: str, name: str) -> str:
    """Return the address of a result."""
    return f"{job_url}/results/{quote(name, safe='', errors='replace')}"


def _reference(job: Job, list_url: str) -> ShortJobDescription:
    fields = {
        "job_id": job.job_id,
        "type": XlinkType.SIMPLE,
        "href": f"{list_url}/{job.job_id}",
        "phase": ExecutionPhase(job.phase),
        "owner_id": _optional(job.owner),
        "creation_time": _time(job.creation_time),
    }
    if job.run_id is not None:
        fields["run_id"] = clean(job.run_id)
    return ShortJobDescription(**fields)


def _parameters(parameters: Sequence[JobParameter], job_url: str) -> ParameterList:
    return ParameterList(
        parameter=[
            Parameter(
                id=clean(item.name),
                by_reference=item.upload,
                value=parameter_url(job_url, item.name) if item.upload else clean(item.value),
            )
            for item in parameters
        ]
    )


def _results(results: Sequence[JobResult], job_url: str) -> Results:
    return Results(results=[_result(item, job_url) for item in results])


def _result(result: JobResult, job_url: str) -> ResultReference:
    fields = {
        "id": clean(result.name),
        "type": XlinkType.SIMPLE,
        "href": result_url(job_url, result.name),
        "mime_type": clean(result.content_type),
    }
    if result.size is not None:
        fields["size"] = result.size
    return ResultReference(**fields)


def _error(job: Job) -> ErrorSummary:
    return ErrorSummary(
        message=clean(job.error_message or "The job failed without a word."),
        type=ErrorType.TRANSIENT if job.error_type == "transient" else ErrorType.FATAL,
        has_detail=True,
    )


def _optional(text: str | None) -> str | None:
    return None if text is None else clean(text)


def _time(time: datetime.datetime | None) -> str | None:
    return None if time is None else timestamp(time)


def _xml(document: BaseXmlModel) -> bytes:
    made: bytes = document.to_xml(exclude_unset=True, encoding="utf-8", xml_declaration=True)
    return made
