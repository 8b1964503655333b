"""What Slurm knows of our jobs: one ``squeue`` at a time for all of them, in the background.

A controller that is down makes ``squeue`` wait for ten seconds and more; who asks here gets the last answer, or at
once the sentence why there is none.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO

from analysis.errors import UnavailableError

EVERY_S, LIMIT_S = 0.5, 20.0
FIELDS = ("JobID", "State", "Reason", "exit_code", "NodeList", "Comment")
DOWN = "The cluster does not answer; jobs wait and are sent when it does"

WAITING = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
)
RUNNING = frozenset({"RUNNING", "COMPLETING", "SIGNALING", "STAGE_OUT", "RESIZING"})
SUSPENDED = frozenset({"SUSPENDED", "STOPPED"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A job as ``squeue`` lists it: the words are Slurm's (squeue(1), "JOB STATE CODES")."""

    number: int
    state: str
    reason: str
    exit_code: int
    nodes: str
    mark: str

    @property
    def is_over(self) -> bool:
        """Whether Slurm has nothing of it any more but the memory."""
        return self.state not in WAITING | RUNNING | SUSPENDED


@dataclass(slots=True)
class _Asking:
    child: subprocess.Popen[bytes]
    output: IO[bytes]
    begun: float


@dataclass(slots=True)
class SlurmQueue:
    """Our jobs by number, those included that ended a little while ago (``MinJobAge``, 5 minutes).

    Parameters
    ----------
    environment
        The variables with which Slurm's commands are run.
    """

    environment: Mapping[str, str]
    _entries: dict[int, Entry] | None = None
    _begun: float = 0.0
    _failure: str = ""
    _asking: _Asking | None = field(default=None, repr=False)

    def latest(self) -> tuple[dict[int, Entry], float]:
        """Return the last answer and when it was asked for (monotonic); wait only if there never was one.

        Raises
        ------
        UnavailableError
            When the cluster does not answer.
        """
        self._look()
        if self._asking is None and time.monotonic() - self._begun >= EVERY_S:
            self._ask()
        if self._entries is None and not self._failure:
            self._wait()
        return self._told()

    def since(self, moment: float) -> dict[int, Entry]:
        """Return an answer that was asked for after a moment (monotonic); wait for it.

        Raises
        ------
        UnavailableError
            When the cluster does not answer; at once if it did not before.
        """
        self._look()
        while self._begun < moment or self._entries is None:
            if self._asking is None:
                self._ask()
            if self._failure:
                break
            self._wait()
        return self._told()[0]

    def close(self) -> None:
        """End what still asks."""
        if self._asking is not None:
            self._asking.child.kill()
            self._end(self._asking)

    def _told(self) -> tuple[dict[int, Entry], float]:
        if self._failure or self._entries is None:
            raise UnavailableError(f"{DOWN} ({self._failure}).")
        return self._entries, self._begun

    def _ask(self) -> None:
        form = ",".join(f"{name}:|" for name in FIELDS)
        output = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the child's end
        try:
            child = subprocess.Popen(
                ["squeue", "--me", "--states=all", "--noheader", f"--Format={form}"],
                env=dict(self.environment),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        except OSError as exc:
            output.close()
            self._failure, self._begun = f"squeue: {exc.strerror}", time.monotonic()
            return
        self._asking = _Asking(child, output, time.monotonic())

    def _look(self) -> None:
        """Take in an answer that has come."""
        if self._asking is None:
            return
        if self._asking.child.poll() is not None:
            self._end(self._asking)
        elif time.monotonic() - self._asking.begun > LIMIT_S:
            self._asking.child.kill()
            self._end(self._asking)

    def _wait(self) -> None:
        """Wait for the answer that was asked for."""
        asking = self._asking
        if asking is None:
            return
        try:
            asking.child.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            asking.child.kill()
        self._end(asking)

    def _end(self, asking: _Asking) -> None:
        status = asking.child.wait()
        with asking.output:
            asking.output.seek(0)
            text = asking.output.read().decode(errors="replace")
        self._asking, self._begun = None, asking.begun
        if status == 0:
            self._entries, self._failure = entries_of(text), ""
        else:
            self._failure = told_by(text, "squeue")


def entries_of(text: str) -> dict[int, Entry]:
    """Read what ``squeue --Format`` has printed, with ``|`` behind each field."""
    found = {}
    for line in text.splitlines():
        parts = [part.strip() for part in line.split("|")]
        if len(parts) < len(FIELDS) or not parts[0].isdigit():
            continue
        number, state, reason, exit_code, nodes, mark = parts[: len(FIELDS)]
        entry = Entry(int(number), state, reason, _exit_code(exit_code), nodes, mark)
        found[entry.number] = entry
    return found


def told_by(text: str, program: str) -> str:
    """Return the last line a command of Slurm's has printed, without what names the program."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1].removeprefix(f"{program}: ").removeprefix("error: ") if lines else f"{program} gave no reason"


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for Slurm's commands and the job: nothing of the service's own but where programs are."""
    return {"PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8", **more}


def _exit_code(text: str) -> int:
    """Return the exit code out of the number that wait(2) gives, or of ``code:signal``."""
    code, _, signal = text.partition(":")
    if not code.lstrip("-").isdigit():
        return 0
    return int(code) if signal else os.waitstatus_to_exitcode(int(code) & 0xFFFF)
