"""How a job ended, in a sentence for its user."""

from __future__ import annotations

import signal
import time
from enum import Enum

from analysis.folder import JobStatus, Limits
from analysis.sandbox.output import MAX_LOG_BYTES, Outcome
from analysis.sandbox.root import MAX_FILES

__all__ = ["MAX_LOG_BYTES", "Excess", "status_of"]


class Excess(Enum):
    """A limit that was passed; the value is the reason in the status."""

    DURATION = "duration"
    MEMORY = "memory"
    DISK = "disk"
    FILES = "files"
    PROCESSES = "processes"


def status_of(outcome: Outcome, excess: Excess | None, limits: Limits, *, stopped: bool, start: float) -> JobStatus:
    """Return the status of a job of which nothing is left."""
    reason, message = _verdict(outcome, excess, limits, stopped=stopped)
    return JobStatus(
        reason=reason,
        message=message,
        exit_code=outcome.exit_code,
        start=start,
        end=time.time(),
        software=outcome.software,
    )


def _verdict(outcome: Outcome, excess: Excess | None, limits: Limits, *, stopped: bool) -> tuple[str, str]:
    if excess is not None:
        return _too_much(excess, limits)
    if stopped:
        return "killed", "the job was ended from outside, by a signal to the process that watches over it."
    if outcome.reason == "memory":
        return _too_much(Excess.MEMORY, limits)
    if outcome.reason == "disk":
        return _too_much(Excess.DISK, limits)
    if outcome.reason is not None:
        return outcome.reason, outcome.message
    return _without_word(outcome.exit_code)


def _without_word(code: int | None) -> tuple[str, str]:
    if code is None or code == -signal.SIGKILL:
        return "killed", (
            "the job was killed from outside, by somebody with rights over it or because the machine ran out of "
            "memory; start it again, or ask the operator."
        )
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        return "error", f"the script crashed ({name}); see the log."
    return "error", f"the script ended its process (exit code {code}) without returning; see the log."


def _too_much(excess: Excess, limits: Limits) -> tuple[str, str]:
    if excess is Excess.DURATION:
        return "duration", (
            f"the job ran longer than its limit of {limits.duration_s} s and was ended; "
            "ask for a longer executionduration, or for less."
        )
    if excess is Excess.MEMORY:
        return "memory", f"the job needed more memory than its limit of {_size(limits.memory_bytes)}; ask for less."
    if excess is Excess.DISK:
        return "disk", f"the job wrote more than its limit of {_size(limits.disk_bytes)}; ask for less."
    if excess is Excess.FILES:
        return "disk", f"the job wrote more than its limit of {MAX_FILES} files and folders; ask for less."
    return "processes", f"the job started more than its limit of {limits.processes} processes and threads."


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**30:.3g} GB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.3g} MB"
