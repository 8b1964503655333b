"""Jobs on a Slurm cluster: the same worker and the same folder as on this machine, sent by sbatch.

How a job ended is in its folder, written by the worker's own watch (`analysis.folder.JobStatus`). Slurm is asked where
the job is meanwhile, and what became of it when nothing was written. Why not PSI/J: ``docs/operator-guide.md``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from analysis.errors import UnavailableError
from analysis.executors.base import Report
from analysis.executors.slurm_queue import (
    DOWN,
    SUSPENDED,
    WAITING,
    Entry,
    SlurmQueue,
    clean_environment,
    told_by,
)
from analysis.folder import JobStatus, Limits, read_order, read_status
from analysis.settings import Settings

COMMAND_S = 40.0
"""How long sbatch and scancel may take; they try for 10 s and more when the controller is down."""
FOLDER_S = 15.0
"""How long the report of a job that is over may take to appear in a shared folder."""
POLITE_S, STOP_S = 5.0, 90.0
MARGIN_MIN, MARGIN_BYTES = 2, 256 * 2**20
"""What Slurm allows beyond the job's limits, so that the worker's own watch ends it first and says why."""

NO_FOLDER, NO_CODE = 81, 82
# Nothing of the user's is in here, and nothing of it in sight of other users of the cluster: neither Slurm's list of
# jobs nor the list of processes shows the folder, whose name is the job's id.
SCRIPT = f"""#!/bin/sh
umask 077
cd "$CTA_JOB_FOLDER" || exit {NO_FOLDER}
rm -f slurm.log
exec >slurm.log 2>&1 </dev/null
PYTHONPATH=$CTA_JOB_CODE
export PYTHONPATH
[ -r "$PYTHONPATH/analysis/folder.py" ] && command -v "$CTA_JOB_PYTHON" || exit {NO_CODE}
exec "$CTA_JOB_PYTHON" -P -m analysis.worker.once $CTA_JOB_OPTIONS .
"""

_ENDED = {
    "TIMEOUT": ("duration", "The job was ended by the cluster: it ran longer than allowed."),
    "DEADLINE": ("duration", "The job was ended by the cluster: it ran longer than allowed."),
    "OUT_OF_MEMORY": ("memory", "The job was ended by the cluster: it took more memory than allowed."),
    "CANCELLED": ("killed", "The job was cancelled on the cluster by somebody other than this service."),
}
_NEVER_BEGUN = {
    NO_FOLDER: "cannot enter the folder of the job; the operator must share it with the nodes.",
    NO_CODE: "lacks the archive's code or its Python; the operator must share them with the nodes.",
}
_INTERRUPTED = frozenset({"NODE_FAIL", "PREEMPTED", "BOOT_FAIL", "LAUNCH_FAILED", "RECONFIG_FAIL", "REVOKED"})


class SlurmExecutor:
    """Sends jobs to a cluster that sees their folders and this code at the same paths, under the same account.

    Parameters
    ----------
    settings
        Those of the service; ``[slurm]`` and `python` are used.
    code
        The folder that has the package ``analysis``.
    """

    name = "slurm"
    queues = True

    def __init__(self, settings: Settings, code: Path) -> None:
        self._slurm = settings.slurm
        self._python = settings.slurm.python or settings.python
        self._code = code
        self._environment = clean_environment(settings.slurm.environment)
        self._options = "" if settings.sandbox else "--no-sandbox"
        self._queue = SlurmQueue(self._environment)
        self._sent: dict[str, float] = {}
        self._over: dict[str, float] = {}
        self._doubt = 0.0

    def free(self, n_running: int) -> int:
        """Return how many more jobs may be in the cluster's queue.

        Raises
        ------
        UnavailableError
            When the cluster does not answer.
        """
        self._queue.latest()
        return max(0, self._slurm.max_jobs - n_running)

    def start(self, folder: Path) -> str:
        """Send the job and return its handle; one that was sent before and is still known is not sent again."""
        mark = mark_of(folder)
        known = self._queue.since(max(self._doubt, self._sent.get(mark, 0.0)))
        before = [entry for entry in known.values() if entry.mark == mark]
        done = read_status(folder) is not None
        for entry in sorted(before, key=lambda item: item.number, reverse=True):
            if done or not entry.is_over:
                return _handle(entry.number, mark)
        if done:
            return _handle(0, mark)
        number = self._submit(folder, mark)
        self._sent[mark] = time.monotonic()
        return _handle(number, mark)

    def poll(self, handles: Mapping[str, Path]) -> dict[str, Report]:
        """Return a report for each handle; the folder is looked at first, then one list of all our jobs.

        While the cluster does not answer, there are reports only of jobs that have ended.
        """
        reports, rest = {}, []
        for handle, folder in handles.items():
            status = read_status(folder)
            # Who was killed does not know by whom: the cluster does.
            if status is None or status.reason == "killed":
                rest.append(handle)
            else:
                reports[handle] = Report("ended", status)
                self._sent.pop(_read_handle(handle)[1], None)
        self._over = {handle: since for handle, since in self._over.items() if handle in rest}
        if not rest:
            return reports
        try:
            known, asked = self._queue.latest()
        except UnavailableError:
            if reports:
                return reports
            raise
        for handle in rest:
            reports[handle] = self._report(handle, handles[handle], known, asked)
        return reports

    def stop(self, handle: str, folder: Path) -> None:
        """Cancel the job and wait until the cluster has nothing of it any more."""
        number, mark = _read_handle(handle)
        if not self._remains(number, mark):
            return
        begin = time.monotonic()
        self._run(["scancel", "--quiet", str(number)])
        forced = False
        while self._remains(number, mark):
            passed = time.monotonic() - begin
            if passed > STOP_S:
                raise UnavailableError(f"The cluster was told to end a job, but has not done so within {STOP_S:.0f} s.")
            if passed > POLITE_S and not forced:
                self._run(["scancel", "--quiet", "--signal=KILL", "--full", str(number)])
                forced = True
            time.sleep(0.1)

    def close(self) -> None:
        """Let go of a question that still waits for its answer."""
        self._queue.close()

    def _remains(self, number: int, mark: str) -> bool:
        entry = self._queue.since(time.monotonic()).get(number)
        return entry is not None and entry.mark == mark and not entry.is_over

    def _submit(self, folder: Path, mark: str) -> int:
        """Run sbatch and return the job's number in the cluster."""
        environment = {
            "CTA_JOB_FOLDER": str(folder.absolute()),
            "CTA_JOB_CODE": str(self._code),
            "CTA_JOB_PYTHON": self._python,
            "CTA_JOB_OPTIONS": self._options,
        }
        words = ["sbatch", "--parsable", *self._requests(mark, read_order(folder).limits)]
        try:
            printed = self._run(words, environment, SCRIPT)
        except UnavailableError:
            self._doubt = time.monotonic()  # the job may have got there all the same
            raise
        number = printed.strip().partition(";")[0]
        if not number.isdigit():
            raise UnavailableError(f"sbatch was expected to print a job's number, but has printed {printed[:80]!r}.")
        return int(number)

    def _requests(self, mark: str, limits: Limits) -> list[str]:
        options = [
            f"--job-name=cta-{mark[-8:]}",
            f"--comment={mark}",
            "--chdir=/",
            "--input=/dev/null",
            "--output=/dev/null",  # the script writes slurm.log; its path would be seen in Slurm's list
            "--export=ALL",  # of the few variables that sbatch gets; NONE would load the account's login files
            "--no-requeue",
            "--nodes=1",
            "--ntasks=1",
            "--cpus-per-task=1",
            f"--mem={math.ceil((limits.memory_bytes + MARGIN_BYTES) / 2**20)}M",
        ]
        if limits.duration_s:
            options.append(f"--time={math.ceil(limits.duration_s / 60) + MARGIN_MIN}")
        if self._slurm.partition:
            options.append(f"--partition={self._slurm.partition}")
        if self._slurm.account:
            options.append(f"--account={self._slurm.account}")
        return [*options, *self._slurm.options]

    def _run(self, words: Sequence[str], more: Mapping[str, str] | None = None, text: str = "") -> str:
        try:
            done = subprocess.run(
                words,
                env={**self._environment, **(more or {})},
                cwd="/",
                input=text,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=COMMAND_S,
            )
        except FileNotFoundError:
            raise UnavailableError(f"{words[0]} is not installed on this machine; install Slurm's commands.") from None
        except subprocess.TimeoutExpired:
            raise UnavailableError(f"{DOWN} ({words[0]} took more than {COMMAND_S:.0f} s).") from None
        if done.returncode:
            said = told_by(done.stderr, words[0])
            raise UnavailableError(f"{DOWN} ({said})." if "contact slurm" in said else f"{words[0]} failed: {said}.")
        return done.stdout

    def _report(self, handle: str, folder: Path, known: Mapping[int, Entry], asked: float) -> Report:
        number, mark = _read_handle(handle)
        entry = known.get(number)
        if entry is None or entry.mark != mark:
            if self._sent.get(mark, 0.0) >= asked:
                return Report("waiting")
            return self._when_over(handle, folder, None)
        self._sent.pop(mark, None)
        if entry.is_over:
            return self._when_over(handle, folder, entry)
        if entry.state in WAITING:
            why = "" if entry.reason == "None" else f": {entry.reason}"
            return Report("waiting", message=f"The job waits in the queue of the cluster{why}.")
        return Report("suspended" if entry.state in SUSPENDED else "running")

    def _when_over(self, handle: str, folder: Path, entry: Entry | None) -> Report:
        """Tell of a job the cluster has done with; a shared folder gets time to show what was written elsewhere."""
        state = entry.state if entry else ""
        if state in _INTERRUPTED:
            return Report("interrupted", message=f"The node of the cluster was lost to the job ({state}).")
        status = read_status(folder)
        if status is None or status.reason == "killed":
            status = _ended(state) or status
        if status is not None:
            return Report("ended", status)
        since = self._over.setdefault(handle, time.monotonic())
        never_begun = entry is not None and entry.exit_code in _NEVER_BEGUN
        if time.monotonic() - since < FOLDER_S and not never_begun:
            return Report("running")
        if entry is None:
            return Report("interrupted", message="The cluster does not know the job any more, and there is no report.")
        return Report("lost", message=_epitaph(entry))


def mark_of(folder: Path) -> str:
    """Return what a job is known by in the cluster, where everybody may see it: it does not give away the folder."""
    return f"cta-jobs:{hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:32]}"


def _ended(state: str) -> JobStatus | None:
    """Return how a job ended by what Slurm says of it, None when that does not tell."""
    if state not in _ENDED:
        return None
    reason, message = _ENDED[state]
    return JobStatus(reason=reason, message=message, end=time.time())


def _epitaph(entry: Entry) -> str:
    if entry.exit_code in _NEVER_BEGUN:
        return f"{entry.nodes} of the cluster {_NEVER_BEGUN[entry.exit_code]}"
    return f"The job ended on {entry.nodes} of the cluster with exit code {entry.exit_code} and has left no report."


def _handle(number: int, mark: str) -> str:
    return json.dumps({"job": number, "mark": mark, "sent": round(time.time(), 3)})


def _read_handle(handle: str) -> tuple[int, str]:
    values = json.loads(handle)
    return int(values["job"]), str(values["mark"])
