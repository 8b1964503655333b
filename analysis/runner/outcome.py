"""What has become of a job: phase, results and the sentence for its owner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from analysis.description.model import JobDescription
from analysis.executors.base import Report
from analysis.folder import LOG, RESULTS, JobStatus
from analysis.plain_files import plain_files, plain_size
from analysis.provenance import NOTATIONS
from analysis.provenance.record import generated_by
from analysis.uws.job import Job, JobResult, Phase
from prov_tables.sap.request import FORMATS

LOG_RESULT = "log"
MAX_FILES = 1000
"""Files of patterns that are results of one job; more are not offered one by one."""
# Made on request from what the database has of the job.
PROVENANCE_RESULTS = {name: FORMATS[notation] for name, notation in NOTATIONS.items()}
# Limits that end a job: UWS 1.1, section 2.2.1.1, has ABORTED for the first; the others are faults of the job.
_LIMITS = {"duration": Phase.ABORTED, "memory": Phase.ERROR, "disk": Phase.ERROR, "processes": Phase.ERROR}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a job ended."""

    phase: Phase
    results: tuple[JobResult, ...] = ()
    error_type: str | None = None
    error_message: str | None = None


def outcome_of(job: Job, description: JobDescription | None, status: JobStatus, folder: Path) -> Outcome:
    """Return how a job ended that left a status behind.

    Parameters
    ----------
    job
        As it is kept.
    description
        Of its type; None when that is gone.
    status
        What the worker says.
    folder
        Of the job.
    """
    results = results_in(folder, description)
    if status.reason == "completed":
        missing = missing_outputs(description, results)
        if not missing:
            return Outcome(phase=Phase.COMPLETED, results=results)
        sentence = f"the script ended without writing {', '.join(missing)}; see the log."
        return Outcome(phase=Phase.ERROR, results=results, error_type="fatal", error_message=sentence)
    message = status.message or f"the job ended ({status.reason}); see the log."
    if job.stop_requested and status.reason in ("killed", "error"):
        return Outcome(phase=Phase.ABORTED, results=results)
    phase = _LIMITS.get(status.reason, Phase.ERROR)
    kind = "transient" if status.reason in ("killed", "sandbox") else "fatal"
    return Outcome(phase=phase, results=results, error_type=kind, error_message=message)


def outcome_of_lost(job: Job, report: Report, folder: Path) -> Outcome:
    """Return how a job ended of which nothing is left but its folder."""
    results = tuple(_records(folder))
    if job.stop_requested:
        return Outcome(phase=Phase.ABORTED, results=results)
    message = report.message or "the worker was killed before the job ended; its log is kept. Start the job again."
    return Outcome(phase=Phase.ERROR, results=results, error_type="transient", error_message=message)


def results_in(folder: Path, description: JobDescription | None) -> tuple[JobResult, ...]:
    """Return the outputs that are there, the log, and the documents of the provenance.

    Of an output whose file name is a pattern each file is a result, by its own name. When the job type is gone, its
    author may have taken it back meanwhile, all files are results: nothing a user has waited for is lost.
    """
    found: dict[str, JobResult] = {}
    for output in description.generated if description else ():
        _add(found, folder, output.file_name, output.name, output.content_type)
    # without names that no document could hold
    names = [path.name for path in plain_files(folder / RESULTS) if path.name.isprintable()]
    for file_name in names[:MAX_FILES]:
        several = generated_by(description, file_name) if description else None
        if several is not None and several.file_name != file_name:
            _add(found, folder, file_name, file_name, several.content_type)
        elif description is None:
            _add(found, folder, file_name, file_name, "application/octet-stream")
    return (*found.values(), *_records(folder))


def _add(found: dict[str, JobResult], folder: Path, file_name: str, name: str, content_type: str) -> None:
    size = plain_size(folder / RESULTS / file_name)
    if size is not None and name not in found and name not in (LOG_RESULT, *PROVENANCE_RESULTS):
        found[name] = JobResult(name=name, content_type=content_type, file_name=file_name, size=size)


def _records(folder: Path) -> Iterator[JobResult]:
    size = plain_size(folder / LOG)
    if size is not None:
        yield JobResult(name=LOG_RESULT, content_type="text/plain", size=size)
    for name, kind in PROVENANCE_RESULTS.items():
        yield JobResult(name=name, content_type=kind)


def missing_outputs(description: JobDescription | None, results: tuple[JobResult, ...]) -> list[str]:
    """Return the file names of outputs that had to be written and were not."""
    if description is None:
        return []
    files = [result.file_name for result in results if result.file_name is not None]
    written = [generated_by(description, name) for name in files]
    return [item.file_name for item in description.generated if item.multiplicity.low > 0 and item not in written]
