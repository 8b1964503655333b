"""The lines of code that start or repeat a job, for people to copy."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from analysis.description.model import UPLOAD, JobDescription
from analysis.pages.html import code, element
from analysis.uws.job import JobParameter


def curl_call(url: str, parameters: Sequence[JobParameter]) -> str:
    """Return the command that starts a job and prints its address."""
    words = ["curl", "-s", "-o", "/dev/null", "-w", "%{redirect_url}\\n"]
    lines = [shlex.join(words)]
    for item in parameters:
        # --form-string takes @ and < at the beginning of a value for what they are
        option = "--form" if item.upload else "--form-string"
        lines.append(f"{option} {shlex.quote(f'{item.name}=@{item.value}' if item.upload else _pair(item))}")
    lines.append("--form-string PHASE=RUN")
    lines.append(shlex.quote(url))
    return " \\\n  ".join(lines)


def _pair(item: JobParameter) -> str:
    return f"{item.name}={item.value}"


def python_call(url: str, parameters: Sequence[JobParameter]) -> str:
    """Return the lines of Python that start a job, wait for it and list its results."""
    texts = [(item.name, item.value) for item in parameters if not item.upload]
    files = [(item.name, item.value) for item in parameters if item.upload]
    values = "".join(f"    {pair!r},\n" for pair in [*texts, ("PHASE", "RUN")])
    uploads = "".join(f"    ({name!r}, open({value!r}, 'rb')),\n" for name, value in files)
    return (
        "import pyvo\nimport requests\n\n"
        f"values = [\n{values}]\n"
        + (f"files = [\n{uploads}]\n" if files else "")
        + f"answer = requests.post({url!r}, data=values{', files=files' if files else ''})\n"
        "answer.raise_for_status()\n"
        "job = pyvo.dal.AsyncTAPJob(answer.url)\n"
        "job.wait()\n"
        "job.raise_if_error()\n"
        "for result in job.results:\n"
        "    print(result.id_, result.href)\n"
    )


def call_section(description: JobDescription, server: str) -> Any:
    """Return the part of a page that says how programs start a job of a type."""
    return repeat_section(f"{server}/jobs/{description.name}", _example(description), "From programs")


def repeat_section(url: str, parameters: Sequence[JobParameter], title: str) -> Any:
    """Return the part of a page with the code that starts a job with some parameters."""
    return element(
        "details",
        element("summary", title),
        element("h3", "Shell"),
        code(curl_call(url, parameters)),
        element("h3", "Python"),
        code(python_call(url, parameters)),
        class_="calls",
    )


def _example(description: JobDescription) -> list[JobParameter]:
    """Return inputs and parameters that must be given, with values that show what is meant."""
    inputs = [usage for usage in description.used if usage.multiplicity.low > 0]
    return [
        *(
            JobParameter(name=usage.name, value="positions.vot", upload=True)
            if usage.kind == UPLOAD
            else JobParameter(name=usage.name, value="…")
            for usage in inputs
        ),
        *(
            JobParameter(name=item.name, value=item.default or "…")
            for item in description.parameters
            if item.required or item.default is not None
        ),
    ]
