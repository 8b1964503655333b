"""Jobs as the service keeps them, and their phases (UWS 1.1, section 2.1.3)."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """Execution phases of UWS 1.1."""

    PENDING = "PENDING"
    QUEUED = "QUEUED"
    EXECUTING = "EXECUTING"
    COMPLETED = "COMPLETED"
    ERROR = "ERROR"
    ABORTED = "ABORTED"
    UNKNOWN = "UNKNOWN"
    HELD = "HELD"
    SUSPENDED = "SUSPENDED"
    ARCHIVED = "ARCHIVED"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobParameter:
    """A parameter as the user gave it; of an upload `value` is the file's name and `upload` true."""

    name: str
    value: str
    upload: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """A result: its name in the service, the file in the job's folder (None when made on request), size in bytes."""

    name: str
    content_type: str
    file_name: str | None = None
    size: int | None = None


@dataclass(slots=True, kw_only=True)
class Job:
    """A row of ``cta.job``. Times are aware of their zone, UTC; durations s.

    `activity` is the id of its activity in the provenance, which is public and tells nothing of `job_id`.
    """

    job_id: str
    job_type: str
    owner: str | None
    phase: Phase
    creation_time: datetime.datetime
    execution_duration: int
    destruction: datetime.datetime | None
    activity: str
    run_id: str | None = None
    start_time: datetime.datetime | None = None
    end_time: datetime.datetime | None = None
    quote: datetime.datetime | None = None
    queue_number: int | None = None
    parameters: tuple[JobParameter, ...] = ()
    results: tuple[JobResult, ...] = ()
    datasets: tuple[str, ...] = ()
    error_type: str | None = None
    error_message: str | None = None
    message: str | None = None
    executor: str | None = None
    handle: str | None = None
    attempts: int = 0
    stop_requested: bool = False
    record: dict[str, Any] = field(default_factory=dict)
