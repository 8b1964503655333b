"""Processes known for certain: a number alone may have gone to another process meanwhile."""

from __future__ import annotations

import functools
import json
import os
import signal
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Process:
    """A process: number, start in clock ticks since the machine's start, and which start of the machine that was."""

    pid: int
    start: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Process | None:
        """Return the process that has this number now; None when there is none, or it has ended."""
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return None
        # The name, in brackets, may hold anything; the fields are counted from the last bracket.
        values = text.rpartition(")")[2].split()
        return None if values[0] in "ZX" else cls(pid, int(values[19]), boot())

    @classmethod
    def parse(cls, text: str) -> Process:
        """Return what `text` was made of."""
        values = json.loads(text)
        return cls(int(values["pid"]), int(values["start"]), str(values["boot"]))

    @property
    def text(self) -> str:
        """All of it as JSON."""
        return json.dumps(asdict(self))

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return Process.of(self.pid) == self

    def kill(self) -> None:
        """End it, if it is still there."""
        self.send(signal.SIGKILL)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return
        try:
            # The descriptor holds the number; what is compared now stays so.
            if self.alive:
                signal.pidfd_send_signal(descriptor, number)
        except ProcessLookupError:
            return
        finally:
            os.close(descriptor)


@functools.cache
def boot() -> str:
    """Return the id the machine got when it was started."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def children(pid: int) -> list[int]:
    """Return the children of a process, of all its threads."""
    found: list[int] = []
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            found += [int(item) for item in (thread / "children").read_text(encoding="ascii").split()]
    except (FileNotFoundError, ProcessLookupError):
        return found
    return found


def descendants(pid: int, most: int = 10**6) -> list[int]:
    """Return the processes below one, not many more than `most`; what comes or is orphaned meanwhile may be missing."""
    found: list[int] = []
    waiting = children(pid)
    while waiting and len(found) <= most:
        found.append(waiting.pop())
        waiting += children(found[-1])
    return found
