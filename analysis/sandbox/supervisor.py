"""Who watches over one job: starts it shut in, ends it at its limits, and says at the end how it went."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import time
from dataclasses import dataclass, replace
from pathlib import Path

from analysis.folder import (
    ERROR,
    INPUTS,
    LOG,
    ORDER,
    PROCESS,
    RESULTS,
    STATUS,
    WORK,
    JobOrder,
    JobStatus,
    read_order,
    write_status,
    write_whole,
)
from analysis.plain_files import digests_in
from analysis.sandbox import inside, kernel, root, usage
from analysis.sandbox.output import Log, Outcome
from analysis.sandbox.process import Process, descendants
from analysis.sandbox.usage import Space
from analysis.sandbox.verdict import Excess, status_of

_STEP_S = 0.05
_NOTIFY_S = 30.0
_SHARE = 10
"""A measurement is not made again before this many times what it took has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a job is run: shut in or not, and the datagram socket that is told of its end."""

    sandboxed: bool = True
    notify: str | None = None


def supervise(folder: Path, terms: Terms) -> JobStatus | None:
    """Run the job in a folder to its end.

    It writes ``process.json`` (this process and the job's first one), ``log.txt``, ``error.json`` when the script
    failed, and at the very end, when nothing of the job is left, ``status.json``. It needs a process without threads.

    Returns
    -------
    JobStatus | None
        How the job ended; None when another process runs it already.
    """
    start = time.time()
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return None
    try:
        order = _prepare(folder, terms)
        status = _Watch(folder, order, terms, start).run()
    except (kernel.SandboxError, OSError, ValueError, KeyError, TypeError) as exc:
        message = str(exc) if isinstance(exc, kernel.SandboxError) else f"the job could not be started: {exc}."
        status = JobStatus(reason="sandbox", message=message, start=start, end=time.time())
    if status.reason != "completed":
        write_whole(folder / ERROR, json.dumps({"message": status.message}))
    write_status(folder, status)
    _notify(folder, terms)
    return status


def _prepare(folder: Path, terms: Terms) -> JobOrder:
    """Read the order, and clear away what an earlier attempt has left."""
    for name in (ORDER, INPUTS, RESULTS, WORK):
        if (folder / name).is_symlink():
            raise kernel.SandboxError(f"the folder of the job is damaged: {name} is a link.")
    for name in (STATUS, ERROR, PROCESS, LOG):
        (folder / name).unlink(missing_ok=True)
    for name in (RESULTS, WORK):
        if any((folder / name).iterdir()):
            usage.tidy(folder / name)
            shutil.rmtree(folder / name)
            (folder / name).mkdir(mode=0o700)
    order = read_order(folder)
    root.place_inputs(folder, order, links=not terms.sandboxed)
    return order


def _notify(folder: Path, terms: Terms) -> None:
    if terms.notify is None:
        return
    # Nobody listens while the service is down; it finds status.json when it is back.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel, contextlib.suppress(OSError):
        channel.settimeout(_NOTIFY_S)  # the queue of a socket is short
        channel.sendto(folder.name.encode(), terms.notify)


class _Watch:
    """The supervision of one job, from the start of its first process to the end of its last."""

    def __init__(self, folder: Path, order: JobOrder, terms: Terms, start: float) -> None:
        self._folder, self._order, self._limits, self._terms = folder, order, order.limits, terms
        self._start = start
        self._deadline = time.monotonic() + order.limits.duration_s if order.limits.duration_s else float("inf")
        self._outcome = Outcome()
        self._log = Log(folder / LOG)
        self._excess: Excess | None = None
        self._stopped = False
        self._next_disk = 0.0
        self._init = 0

    def run(self) -> JobStatus:
        """Start the job, watch it, and return how it ended."""
        # The pipe wakes the poll at once.
        woken, waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._asked_to_stop)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        kernel.adopt_orphans()
        if self._terms.sandboxed:
            root.new_user_namespace()
        report, log = self._start_job()
        try:
            self._watch(report, log, woken)
        finally:
            self._end_all()
        self._drain(report, log)
        for name in (RESULTS, WORK):
            usage.tidy(self._folder / name)
        status = status_of(self._outcome, self._excess, self._limits, stopped=self._stopped, start=self._start)
        if status.reason != "completed":
            self._log.add(f"[{status.message}]")
        self._log.close()
        # Nobody can change them any more, and nobody waits here: the runner would keep all other jobs waiting.
        return replace(status, digests=digests_in(self._folder / RESULTS))

    def _asked_to_stop(self, number: int, frame: object) -> None:
        self._stopped = True

    def _start_job(self) -> tuple[int, int]:
        """Fork the first process, note it, and let it go on; return the ends of its pipes."""
        go_read, go_write = os.pipe()
        report_read, report_write = os.pipe()
        log_read, log_write = os.pipe()
        self._init = os.fork()
        if self._init == 0:
            pipes = inside.Pipes(go=go_read, report=report_write, log=log_write)
            inside.first_process(self._folder, self._order, pipes, sandboxed=self._terms.sandboxed)
        for descriptor in (go_read, report_write, log_write):
            os.close(descriptor)
        known = [Process.of(os.getpid()), Process.of(self._init)]
        write_whole(self._folder / PROCESS, json.dumps([item.text for item in known if item is not None]))
        with contextlib.suppress(BrokenPipeError):
            os.write(go_write, b"g")
        os.close(go_write)
        return report_read, log_read

    def _watch(self, report: int, log: int, woken: int) -> None:
        """Return when the first process has ended or must be ended."""
        ended = os.pidfd_open(self._init)
        poller = select.poll()
        for descriptor in (report, log, ended, woken):
            poller.register(descriptor, select.POLLIN)
        readers = {report: self._outcome.read_from, log: self._log.read_from}
        next_look = time.monotonic() + _STEP_S
        while self._excess is None and not self._stopped:
            now = time.monotonic()
            if now >= min(next_look, self._deadline):
                self._excess = self._look(now)
                next_look = time.monotonic() + max(_STEP_S, _SHARE * (time.monotonic() - now))
                continue
            wait = min(next_look, self._deadline) - now
            ready = {descriptor for descriptor, _ in poller.poll(max(0.0, wait) * 1000)}
            if ended in ready:
                break
            for descriptor in ready - {woken}:
                if not readers[descriptor](descriptor):
                    poller.unregister(descriptor)
        os.close(ended)

    def _look(self, now: float) -> Excess | None:
        """Return the limit that has been passed, if any."""
        if now >= self._deadline:
            return Excess.DURATION
        if not self._outcome.inside:
            return None
        # No further than needed: processes without end come faster than they are counted.
        most = self._limits.processes + 1
        own = os.getpid()
        pids = [self._init, *descendants(self._init, most)] if self._terms.sandboxed else descendants(own, most)
        # The first process is ours.
        if usage.threads(pids) - 1 > self._limits.processes:
            return Excess.PROCESSES
        scratch = usage.scratch(self._init) if self._terms.sandboxed else Space()
        if (
            usage.memory(pids, self._limits.memory_bytes - scratch.n_bytes) + scratch.n_bytes
            > self._limits.memory_bytes
        ):
            return Excess.MEMORY
        return self._look_at_disk(pids, scratch) if now >= self._next_disk else None

    def _look_at_disk(self, pids: list[int], used: Space) -> Excess | None:
        begin = time.monotonic()
        on_disk, in_memory = usage.removed(pids, self._folder.stat().st_dev)
        used += Space(on_disk, 0)
        for name in (RESULTS, WORK):
            used += usage.space(self._folder / name, self._limits.disk_bytes)
        took = time.monotonic() - begin
        self._next_disk = begin + max(4 * _STEP_S, _SHARE * took)
        if used.n_bytes > self._limits.disk_bytes:
            return Excess.DISK
        if used.n_files > root.MAX_FILES:
            return Excess.FILES
        return Excess.MEMORY if in_memory > self._limits.memory_bytes else None

    def _end_all(self) -> None:
        """End what is left of the job and wait until it is gone.

        With a namespace, the end of its first process is that of all: the kernel lets that be collected last.
        """
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._init, signal.SIGKILL)
        while True:
            for pid in [] if self._terms.sandboxed else descendants(os.getpid()):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            try:
                os.wait()
            except ChildProcessError:
                return

    def _drain(self, report: int, log: int) -> None:
        """Read to the end what was printed and reported; nobody can write any more."""
        while self._outcome.read_from(report):
            pass
        while self._log.read_from(log):
            pass
        os.close(report)
        os.close(log)
