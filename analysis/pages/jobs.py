"""Pages on jobs: a user's jobs of one type, and one job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from analysis.description.model import JobDescription
from analysis.pages.calls import repeat_section
from analysis.pages.html import Content, duration, element, link, page, size, table, when
from analysis.uws.job import Job, JobResult, Phase

ACTIVE = (Phase.QUEUED, Phase.EXECUTING, Phase.SUSPENDED, Phase.UNKNOWN)
STARTABLE = (Phase.PENDING, Phase.HELD)
PICTURES = ("image/png", "image/jpeg", "image/gif", "image/webp")
REFRESH_S = 5
# What the phases mean to somebody who does not know UWS.
MEANINGS = {
    Phase.PENDING: "It has not been started.",
    Phase.QUEUED: "It waits for its turn.",
    Phase.EXECUTING: "It runs.",
    Phase.COMPLETED: "It is done.",
    Phase.ERROR: "It failed.",
    Phase.ABORTED: "It was ended before it was done.",
    Phase.UNKNOWN: "The cluster does not answer now; nothing is lost.",
    Phase.HELD: "It cannot run now. Start it again later.",
    Phase.SUSPENDED: "It was paused, and goes on by itself.",
    Phase.ARCHIVED: "Its results have been removed; its record is kept.",
}


def job_list_page(description: JobDescription, jobs: Sequence[Job], viewer: str | None) -> bytes:
    """Return a user's jobs of one type."""
    home = f"/jobs/{description.name}"
    rows: list[list[Content]] = [
        [
            link(f"{home}/{job.job_id}", job.run_id or job.job_id[:8]),
            _phase(job),
            when(job.creation_time),
            _taken(job),
            _button(f"{home}/{job.job_id}", "Delete", "ACTION", "DELETE", kind="second"),
        ]
        for job in jobs
    ]
    if rows:
        content: Content = table(["Job", "Phase", "Created", "Took", ""], rows)
    elif viewer:
        content = element("p", "You have no jobs of this type.")
    else:
        content = element(
            "p",
            "Jobs of people who are not signed in are not listed; each is found by its own address only.",
            class_="note",
        )
    return page(
        f"My jobs: {description.title}",
        element("p", link(f"{home}/form", "New job"), " · ", link(f"{home}/doc", "About this job")),
        content,
        viewer=viewer,
        here=home,
    )


def job_page(description: JobDescription | None, job: Job, job_url: str, viewer: str | None) -> bytes:
    """Return a job with its parameters, results, log and provenance.

    Parameters
    ----------
    description
        Its type; None when that is gone.
    job
        As it is now.
    job_url
        Its address; those of its results are below.
    viewer
        Account of who looks at it.
    """
    is_active = job.phase in ACTIVE
    title = description.title if description else job.job_type
    return page(
        f"{title}: {job.run_id}" if job.run_id else title,
        _state(job, job_url, is_active),
        _buttons(job, job_url),
        _results(job, job_url),
        _parameters(job),
        _times(job),
        repeat_section(job_url.rpartition("/")[0], job.parameters, "Repeat this job from a program"),
        _again(job) if description else None,
        element("p", link(f"/jobs/{job.job_type}", "My jobs of this type")) if viewer and description else None,
        viewer=viewer,
        here=f"/jobs/{job.job_type}/{job.job_id}",
        refresh_s=REFRESH_S if is_active else 0,
    )


def _phase(job: Job) -> Any:
    return element("span", str(job.phase), class_=f"phase {job.phase.lower()}")


def _state(job: Job, job_url: str, is_active: bool) -> Any:
    message = job.error_message or job.message
    return element(
        "div",
        element("p", _phase(job), " ", MEANINGS[job.phase]),
        element("p", message, class_="message") if message else None,
        class_="state",
        role="status",
        data_job=job_url if is_active else None,
        data_phase=str(job.phase) if is_active else None,
    )


def _buttons(job: Job, job_url: str) -> Any:
    return element(
        "div",
        _button(f"{job_url}/phase", "Run", "PHASE", "RUN") if job.phase in STARTABLE else None,
        _button(f"{job_url}/phase", "Abort", "PHASE", "ABORT", kind="second")
        if job.phase in ACTIVE + STARTABLE and not job.stop_requested
        else None,
        _button(job_url, "Delete", "ACTION", "DELETE", kind="second"),
        class_="buttons",
    )


def _button(url: str, label: str, name: str, value: str, kind: str | None = None) -> Any:
    return element(
        "form", element("button", label, type="submit", name=name, value=value, class_=kind), method="post", action=url
    )


def _results(job: Job, job_url: str) -> Content:
    files = [result for result in job.results if result.file_name is not None]
    made = [result for result in job.results if result.file_name is None]
    if not job.results:
        return None

    def url(result: JobResult) -> str:
        return f"{job_url}/results/{quote(result.name, safe='')}"

    rows: list[list[Content]] = [
        [link(url(item), item.name), item.file_name, item.content_type, size(item.size)] for item in files
    ]
    pictures = [
        element(
            "figure",
            link(url(item), element("img", src=url(item), alt=f"Picture of the result {item.name}", loading="lazy")),
            element("figcaption", item.name),
        )
        for item in files
        if item.content_type.partition(";")[0] in PICTURES
    ]
    others = [[" · " if number else "", link(url(item), item.name)] for number, item in enumerate(made)]
    return [
        element("h2", "Results"),
        element("div", pictures, class_="pictures") if pictures else None,
        table(["Name", "File", "Format", "Size"], rows) if rows else None,
        element("p", "Log and provenance: ", others) if others else None,
    ]


def _parameters(job: Job) -> Content:
    if not job.parameters:
        return None
    rows: list[list[Content]] = [
        [
            element("code", item.name),
            ["file ", item.value] if item.upload else element("div", item.value, class_="value"),
        ]
        for item in job.parameters
    ]
    return [element("h2", "Parameters"), table(["Name", "Value"], rows)]


def _times(job: Job) -> Any:
    facts: list[list[Content]] = [
        ["Created", when(job.creation_time)],
        ["Started", when(job.start_time)],
        ["Ended", when(job.end_time)],
        ["Took", _taken(job)],
        ["May take", duration(job.execution_duration) if job.execution_duration else "no limit"],
        ["Results are removed", when(job.destruction)],
        ["Datasets", str(len(job.datasets)) if job.datasets else ""],
        ["Job", element("code", job.job_id)],
    ]
    return [
        element("h2", "Details"),
        element("dl", [[element("dt", name), element("dd", value)] for name, value in facts if value != ""]),
    ]


def _taken(job: Job) -> str:
    if job.start_time is None or job.end_time is None:
        return ""
    return duration((job.end_time - job.start_time).total_seconds())


def _again(job: Job) -> Any:
    """Return a link to the form with the same values."""
    values = [(item.name, item.value) for item in job.parameters if not item.upload]
    query = "&".join(f"{quote(name, safe='')}={quote(value, safe='', errors='replace')}" for name, value in values)
    if len(query) > 4000:
        return None
    return element("p", link(f"/jobs/{job.job_type}/form?{query}", "New job with these parameters"))
