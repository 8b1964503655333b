"""The folder of a job: what the service writes for the worker, and what the worker leaves behind.

``job.json`` (`JobOrder`) is written before the start; ``inputs/`` has files made for the job, such as index tables and
uploads; the script writes to ``results/`` and works in ``work/``; ``log.txt`` has what it printed; ``error.json`` the
sentence with which it gave up; ``status.json`` (`JobStatus`) is written last, in one piece, by who watched over it.
Inside of the sandbox the folder is ``/job``, and the mounted files are below ``/job/inputs``.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

ORDER, STATUS, ERROR, LOG, PROCESS = "job.json", "status.json", "error.json", "log.txt", "process.json"
INPUTS, RESULTS, WORK, UPLOADS = "inputs", "results", "work", "uploads"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a job may take: seconds of wall clock (0: no limit), bytes, processes and threads at one time."""

    duration_s: int = 600
    memory_bytes: int = 4 * 2**30
    disk_bytes: int = 2 * 2**30
    processes: int = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A file of the archive that the job may read: where it is, and its path below ``inputs``."""

    source: str
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOrder:
    """What a worker is to do.

    `parameters` have been checked: numbers are numbers, arrays lists, in the units of the description. `uploads` are
    paths below ``inputs`` by input name. `read_only` are further files and folders the sandbox shows at their own
    place, such as the folder of the job type's script.
    """

    job_id: str
    job_type: str
    script: str
    parameters: dict[str, Any]
    limits: Limits = Limits()
    mounts: tuple[Mount, ...] = ()
    uploads: dict[str, str] = field(default_factory=dict)
    read_only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatus:
    """How a job ended. Times are Unix seconds.

    `reason` is one of: completed; error (the script gave up or broke); duration, memory, disk, processes (a limit);
    killed (by somebody outside); sandbox (it could not be started). `message` is a sentence for the user. `software`
    are names and versions of what was used, `digests` the SHA-256 (hex) of the files in ``results`` by name.
    """

    reason: str
    message: str = ""
    exit_code: int | None = None
    start: float = 0.0
    end: float = 0.0
    software: dict[str, str] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)


def write_order(folder: Path, order: JobOrder) -> None:
    """Make the folder's parts and write the order."""
    for name in (INPUTS, RESULTS, WORK):
        (folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
    write_whole(folder / ORDER, json.dumps(asdict(order)))


def read_order(folder: Path) -> JobOrder:
    """Return what `write_order` has written."""
    values = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    values["limits"] = Limits(**values["limits"])
    values["mounts"] = tuple(Mount(**item) for item in values["mounts"])
    values["read_only"] = tuple(values["read_only"])
    return JobOrder(**values)


def write_status(folder: Path, status: JobStatus) -> None:
    """Write how the job ended."""
    write_whole(folder / STATUS, json.dumps(asdict(status)))


def read_status(folder: Path) -> JobStatus | None:
    """Return how the job ended, None while it has not."""
    try:
        return JobStatus(**json.loads((folder / STATUS).read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file so that a reader finds either all of it or nothing; texts are UTF-8."""
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content.encode("utf-8") if isinstance(content, str) else content)
    new.replace(path)
