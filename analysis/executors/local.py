"""Jobs on this machine: each is a fork of a parent process that has gammapy imported already."""

from __future__ import annotations

import contextlib
import json
import select
import signal
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from analysis.errors import UnavailableError
from analysis.executors.base import Report
from analysis.folder import PROCESS, read_status
from analysis.sandbox.limits import environment
from analysis.sandbox.process import Process, boot
from analysis.settings import Settings
from analysis.worker.warm import scripts

LOST = "the worker was killed before it could end the job; its log is kept."
INTERRUPTED = "the machine went down while the job ran."
_ANSWER_S = 10.0
_AGAIN_S = 2.0
_GRACE_S = 3.0


class LocalExecutor:
    """Runs jobs by forks of a warm parent process, which it starts and, when it ended, starts anew.

    Parameters
    ----------
    settings
        Names the Python that has gammapy, the number of slots and whether jobs are shut in.
    code
        The checkout: the folder that holds the package ``analysis``.
    eager
        Start the parent now; without it, it is started with the first job.
    """

    name = "local"
    queues = False

    def __init__(self, settings: Settings, code: Path, *, eager: bool = True) -> None:
        self._settings, self._code = settings, code
        self._parent: _Parent | None = None
        self._not_before = 0.0
        self._trouble = ""
        if eager:
            with contextlib.suppress(UnavailableError):
                self._ready_parent()

    def warm(self, timeout_s: float) -> None:
        """Wait until jobs can be started.

        Raises
        ------
        UnavailableError
            When that takes longer than the time given, in seconds.
        """
        end = time.monotonic() + timeout_s
        while True:
            try:
                self._ready_parent()
            except UnavailableError:
                if time.monotonic() >= end:
                    raise
                time.sleep(0.02)
            else:
                return

    def free(self, n_running: int) -> int:
        """Return how many more jobs it takes now; none while the parent is being warmed up."""
        try:
            self._ready_parent()
        except UnavailableError:
            return 0
        return max(0, self._settings.n_slots - n_running)

    def start(self, folder: Path) -> str:
        """Start the job in a folder; the handle is that of its supervisor.

        Raises
        ------
        UnavailableError
            When the parent is not ready, or no process can be started.
        """
        parent = self._ready_parent()
        try:
            return parent.start(folder)
        except OSError as exc:
            self._drop()
            raise UnavailableError(f"the parent of the jobs has ended ({exc}); it is started again.") from exc

    def poll(self, handles: Mapping[str, Path]) -> dict[str, Report]:
        """Return a report for each handle."""
        now = boot()
        return {handle: _report(Process.parse(handle), folder, now) for handle, folder in handles.items()}

    def stop(self, handle: str, folder: Path) -> None:
        """End a job; none of its processes is left when this returns.

        The supervisor is asked first: it leaves the folder tidy. One that does not answer is killed, and by that the
        job's first process and all others (without the sandbox, those that have left the process group stay).
        """
        supervisor = Process.parse(handle)
        if supervisor.boot != boot():
            return
        supervisor.send(signal.SIGTERM)
        end = time.monotonic() + _GRACE_S
        while supervisor.alive and time.monotonic() < end:
            time.sleep(0.005)
        _end([supervisor, *_noted(folder)])

    def close(self) -> None:
        """Let the warm parent end; jobs that run go on."""
        self._drop()

    def _ready_parent(self) -> _Parent:
        state = _state_of_scripts()
        if self._parent is not None and (self._parent.scripts != state or not self._parent.alive):
            self._drop()
        if self._parent is None:
            self._parent = self._new_parent(state)
        if not self._parent.ready:
            raise UnavailableError("the parent of the jobs is being warmed up; the job waits for some seconds.")
        return self._parent

    def _new_parent(self, state: tuple[tuple[str, int], ...]) -> _Parent:
        if time.monotonic() < self._not_before:
            raise UnavailableError(self._trouble)
        self._not_before = time.monotonic() + _AGAIN_S
        self._trouble = f"the parent of the jobs has ended; see {_log(self._settings)}."
        try:
            return _Parent(self._settings, self._code, state)
        except UnavailableError as exc:
            self._trouble = str(exc)
            raise

    def _drop(self) -> None:
        if self._parent is not None:
            self._parent.close()
            self._parent = None


class _Parent:
    """The warm parent process, and the socket that leads to it."""

    def __init__(self, settings: Settings, code: Path, state: tuple[tuple[str, int], ...]) -> None:
        self.scripts = state
        home = settings.folder / "warm"
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        command = [settings.python, "-m", "analysis.worker", "--socket", str(theirs.fileno())]
        command += ["--notify", str(settings.socket)]
        command += [] if settings.sandbox else ["--no-sandbox"]
        with theirs, _log(settings).open("wb") as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=code,
                    env=environment(home, Path("/tmp")),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    pass_fds=(theirs.fileno(),),
                    start_new_session=True,
                )
            except OSError as exc:
                self._channel.close()
                raise UnavailableError(f"the Python of the jobs cannot be started: {settings.python}: {exc}.") from exc
        self._channel.settimeout(_ANSWER_S)
        self._lines = self._channel.makefile("rb")
        self._ready = False

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def ready(self) -> bool:
        """Whether it has said that it is warm."""
        if not self._ready and select.select([self._channel], [], [], 0)[0]:
            self._ready = bool(self._lines.readline())
        return self._ready

    def start(self, folder: Path) -> str:
        self._channel.sendall(json.dumps({"folder": str(folder)}).encode() + b"\n")
        line = self._lines.readline()
        if not line:
            raise ConnectionResetError("no answer")
        answer = json.loads(line)
        if "error" in answer:
            raise UnavailableError(f"the job was not started: {answer['error']}.")
        return Process(**answer).text

    def close(self) -> None:
        self._lines.close()
        self._channel.close()
        # Nothing depends on it: supervisors of jobs are in sessions of their own.
        self._process.kill()
        self._process.wait()


def _log(settings: Settings) -> Path:
    return settings.folder / "worker.log"


def _state_of_scripts() -> tuple[tuple[str, int], ...]:
    found = []
    for path in scripts():
        with contextlib.suppress(FileNotFoundError):
            found.append((str(path), path.stat().st_mtime_ns))
    return tuple(found)


def _noted(folder: Path) -> list[Process]:
    """Return the supervisor and the first process of the job, as its supervisor has noted them."""
    try:
        return [Process.parse(text) for text in json.loads((folder / PROCESS).read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []


def _report(supervisor: Process, folder: Path, now: str) -> Report:
    status = read_status(folder)
    if status is None and supervisor.boot != now:
        return Report("interrupted", message=INTERRUPTED)
    if status is None:
        noted = _noted(folder)
        # The one noted may be another: a start whose answer was lost is repeated, and only the first runs the job.
        if any(process.alive for process in (supervisor, *noted[:1])):
            return Report("running")
        status = read_status(folder)
        if status is None:
            _end(noted)
            return Report("lost", message=LOST)
    return Report("ended", status=status)


def _end(processes: list[Process]) -> None:
    """Kill processes and wait until they are gone.

    The kernel lets the first process of a namespace go only when all others in it are gone.
    """
    for process in processes:
        process.kill()
    while any(process.alive for process in processes):
        time.sleep(0.005)
