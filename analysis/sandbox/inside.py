"""The job's own processes: the first one, which shuts itself in and collects the dead, and the one with the script."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import tempfile
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from analysis.folder import JobOrder
from analysis.sandbox import kernel, limits
from analysis.sandbox.root import JOB, Places, enter
from analysis.worker.script import perform

_MESSAGE = 2000


@dataclass(frozen=True, slots=True)
class Pipes:
    """Descriptors shared with the supervisor: it says go; it is told how things went, and gets what is printed."""

    go: int
    report: int
    log: int


def first_process(folder: Path, order: JobOrder, pipes: Pipes, *, sandboxed: bool) -> NoReturn:
    """Be the first process of a job, never to return: the end of it is the end of all others."""
    code = 1
    try:
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        kernel.die_with_parent()
        limits.close_others(pipes.go, pipes.report, pipes.log)
        limits.expendable()
        if sandboxed:
            enter(folder, order)
        else:
            os.chdir(Places.below(folder).work)
        _tell(pipes.report, {"inside": True})
        # Nothing comes when the supervisor has ended before it could be noted which process this is.
        if os.read(pipes.go, 1):
            os.close(pipes.go)
            _redirect(pipes.log)
            code = _watch_over(folder, order, pipes.report, sandboxed=sandboxed)
    except (kernel.SandboxError, OSError) as exc:
        _tell(pipes.report, {"reason": "sandbox", "message": _sentence(exc)})
    finally:
        os._exit(code)


def _sentence(exc: Exception) -> str:
    return str(exc) if isinstance(exc, kernel.SandboxError) else f"the job could not be shut in: {exc}."


def _redirect(log: int) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(null)
    os.close(log)


def _watch_over(folder: Path, order: JobOrder, report: int, *, sandboxed: bool) -> int:
    """Start the script, collect what ends, and return when the script has."""
    limits.restrict(order.limits, sandboxed=sandboxed)
    script = os.fork()
    if script == 0:
        _be_script(folder, order, report, sandboxed=sandboxed)
    while True:
        pid, status = os.wait()
        if pid == script:
            _tell(report, {"exit_code": os.waitstatus_to_exitcode(status)})
            return 0


def _be_script(folder: Path, order: JobOrder, report: int, *, sandboxed: bool) -> NoReturn:
    code = 1
    try:
        places = Places.below(JOB if sandboxed else folder)
        temporary = Path("/tmp") if sandboxed else places.work
        os.environ.clear()
        os.environ.update(limits.environment(places.work, temporary))
        tempfile.tempdir = None
        os.umask(0o077)
        sys.dont_write_bytecode = True
        # New ones: those there are may have been made for a file, and cannot be turned to a pipe.
        sys.stdout, sys.stderr = _text(1), _text(2)
        perform(order, places, lambda values: _tell(report, values))
        sys.stdout.flush()
        code = 0
    except Exception:
        # What the script raises has been dealt with: this is a fault of ours, for the log.
        traceback.print_exc()
    finally:
        os._exit(code)


def _text(descriptor: int) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, "w", closefd=False)
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", errors="backslashreplace", line_buffering=True)


def _tell(report: int, values: dict[str, Any]) -> None:
    if "message" in values:
        values = values | {"message": values["message"][:_MESSAGE]}
    os.write(report, json.dumps(values).encode() + b"\n")
