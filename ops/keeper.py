"""Keeps a program running: `python3 -m ops.keeper COMMAND…` starts it again when it breaks, until it is told to end."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

FIRST_PAUSE = 1.0  # seconds before a program that broke is started again
LONGEST_PAUSE = 60.0
STEADY = 300.0  # seconds after which a program that breaks counts as having worked
PR_SET_PDEATHSIG = 1


class Keeper:
    """A program, and the wish that it runs."""

    def __init__(self, command: Sequence[str], pause: float = FIRST_PAUSE) -> None:
        self.command = list(command)
        self.first_pause = pause
        self.child: subprocess.Popen[bytes] | None = None
        self.ending = False

    def run(self) -> int:
        """Run the program until it ends by itself with status 0, or this process is told to end."""
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._end)
        pause = self.first_pause
        while not self.ending:
            started = time.monotonic()
            status = self._once()
            if self.ending or status == 0:
                return 0
            pause = self.first_pause if time.monotonic() - started > STEADY else pause
            _tell(f"{' '.join(self.command)} {_how(status)}; started again in {pause:g} s")
            self._wait(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        return 0

    def _once(self) -> int:
        signals = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        # A signal between the start of the program and the assignment would be lost on it.
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        try:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, preexec_fn=_end_with_parent)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        return self.child.wait()

    def _end(self, number: int, frame: FrameType | None) -> None:
        self.ending = True
        if self.child is not None and self.child.poll() is None:
            self.child.terminate()

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not self.ending and time.monotonic() < deadline:
            time.sleep(0.1)


def _end_with_parent() -> None:
    """Have this process told to end when its keeper is gone, and let signals through again."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def _how(status: int) -> str:
    return f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"


def _tell(text: str) -> None:
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.umask(0o077)
    sys.exit(Keeper(sys.argv[1:]).run())
