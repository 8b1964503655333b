"""What the runner asks of an executor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from analysis.folder import JobStatus


@dataclass(frozen=True, slots=True)
class Report:
    """What an executor knows of a job.

    `state` is waiting (taken, but not begun, as in the queue of a cluster), running, suspended, ended (`status` says
    how), lost (its processes are gone without a word; `message` says what is known) or interrupted (lost because the
    machine went down: the job can be started again).
    """

    state: str
    status: JobStatus | None = None
    message: str = ""


class Executor(Protocol):
    """Starts, watches and ends jobs. Handles are texts that outlive this process: they are kept in the database."""

    @property
    def name(self) -> str:
        """``local`` or ``slurm``."""

    @property
    def queues(self) -> bool:
        """Whether jobs wait in a queue of its own first; if not, they run as soon as they are started."""

    def free(self, n_running: int) -> int:
        """Return how many more jobs it takes now, when `n_running` were given to it and have not ended.

        Raises
        ------
        UnavailableError
            When it takes none, for a reason that the owners of waiting jobs should hear.
        """

    def start(self, folder: Path) -> str:
        """Start the job whose order is in a folder, and return its handle without waiting for its end.

        Raises
        ------
        UnavailableError
            When it takes no job now; nothing was started.
        """

    def poll(self, handles: Mapping[str, Path]) -> dict[str, Report]:
        """Return a report for each handle, given with the folder of its job; it is asked ten times a second.

        Raises
        ------
        UnavailableError
            When nothing can be told now.
        """

    def stop(self, handle: str, folder: Path) -> None:
        """End a job: when this returns, none of its processes is left. It is no error if it has ended before.

        Raises
        ------
        UnavailableError
            When that cannot be done now.
        """

    def close(self) -> None:
        """Let go of helpers of this process; jobs that run go on."""
