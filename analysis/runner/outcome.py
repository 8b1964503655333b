"""What has become of a job: phase, results and the sentence for its owner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from analysis.description.model import GenerationDescription, JobDescription
from analysis.executors.base import Report
from analysis.folder import LOG, RESULTS, JobStatus
from analysis.plain_files import plain_size
from analysis.provenance import NOTATIONS
from analysis.uws.job import Job, JobResult, Phase
from prov_tables.sap.request import FORMATS

LOG_RESULT = "log"
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
    results = results_in(folder, None)
    if job.stop_requested:
        return Outcome(phase=Phase.ABORTED, results=results)
    message = report.message or "the worker was killed before the job ended; its log is kept. Start the job again."
    return Outcome(phase=Phase.ERROR, results=results, error_type="transient", error_message=message)


def results_in(folder: Path, description: JobDescription | None) -> tuple[JobResult, ...]:
    """Return the described outputs that are there, the log, and the documents of the provenance."""
    found = []
    for output in description.generated if description else ():
        size = plain_size(folder / RESULTS / output.file_name)
        if size is not None:
            found.append(
                JobResult(
                    name=output.name,
                    content_type=output.content_type,
                    file_name=output.file_name,
                    size=size,
                )
            )
    size = plain_size(folder / LOG)
    if size is not None:
        found.append(JobResult(name=LOG_RESULT, content_type="text/plain", size=size))
    found += [JobResult(name=name, content_type=kind) for name, kind in PROVENANCE_RESULTS.items()]
    return tuple(found)


def missing_outputs(description: JobDescription | None, results: tuple[JobResult, ...]) -> list[str]:
    """Return the file names of outputs that had to be written and were not."""

    def is_missing(output: GenerationDescription) -> bool:
        return output.multiplicity.low > 0 and not any(result.name == output.name for result in results)

    return [output.file_name for output in (description.generated if description else ()) if is_missing(output)]
