"""The runner of an instance's analysis jobs: start, stop, and what of the jobs runs.

Jobs live in sessions of their own: they go on when the runner ends, and the next one finds them again.
"""

from __future__ import annotations

import json
import os
import signal
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

from analysis.folder import PROCESS
from analysis.sandbox.process import Process
from ops import analysis_env, cluster, console
from ops.errors import OperatorError
from ops.instance import JOBS_SETTINGS, Instance
from ops.processes import command_line, is_alive, start_in_background

PYTHON = "/usr/bin/python3"
MODULE = "analysis.runner"
COMMAND = (PYTHON, "-m", "ops.keeper", PYTHON, "-m", MODULE)
PATIENCE = 15.0  # seconds a runner has to finish what it is doing
COUNTS = "SELECT phase, count(*) FROM cta.job GROUP BY 1 ORDER BY 1"
EXISTS = "SELECT to_regclass('cta.job')"


def pid_file(instance: Instance) -> Path:
    """Return the file with the process id of the runner's keeper."""
    return instance.run / "runner.pid"


def log_file(instance: Instance) -> Path:
    """Return the log of the runner."""
    return instance.log / "jobs.log"


def is_present(instance: Instance) -> bool:
    """Say whether the code has a runner."""
    return (instance.code / "analysis" / "runner" / "__main__.py").exists()


def running(instance: Instance) -> int | None:
    """Return the process id of the keeper of this instance's runner, or None."""
    try:
        pid = int(pid_file(instance).read_text())
    except (OSError, ValueError):
        return None
    return pid if is_alive(pid) and tuple(command_line(pid)[-len(COMMAND) :]) == COMMAND else None


def works(keeper: int) -> bool:
    """Say whether the keeper's program runs at this moment."""
    try:
        children = Path(f"/proc/{keeper}/task/{keeper}/children").read_text().split()
    except OSError:
        return False
    return any(is_alive(int(child)) for child in children)


def start(instance: Instance, serving: str) -> bool:
    """Start the runner, or start it anew when what it reads at its start has changed; return whether it was started.

    Parameters
    ----------
    instance
        Its database runs.
    serving
        Digest of code and settings.
    """
    if not is_present(instance):
        return False
    wanted = f"{serving} {analysis_env.program(instance).exists()}"
    if running(instance):
        if instance.memory.runner == wanted:
            return False
        stop(instance)
    console.step("starting the runner of the analysis jobs")
    launch(instance)
    instance.memory.runner = wanted
    instance.save()
    return True


def launch(instance: Instance) -> None:
    """Start the runner under its keeper, and write down the keeper's process id."""
    child = start_in_background(COMMAND, log_file(instance), instance.child_environment())
    pid_file(instance).write_text(f"{child.pid}\n")
    while child.poll() is None and not running(instance):  # its command line is not there at once
        time.sleep(0.01)


def stop(instance: Instance) -> bool:
    """End the runner, not the jobs; return False if it did not run."""
    keeper = running(instance)
    if keeper is not None:
        console.step("stopping the runner of the analysis jobs")
        _signal(os.kill, keeper, signal.SIGTERM)
        if not _wait_for(keeper, PATIENCE):
            # Its group has runner and warm worker; jobs have left it.
            _signal(os.killpg, keeper, signal.SIGKILL)
            _wait_for(keeper, PATIENCE)
    pid_file(instance).unlink(missing_ok=True)
    return keeper is not None


def job_processes(instance: Instance) -> dict[Path, list[Process]]:
    """Return the processes of jobs on this machine that live, by folder of the job.

    They are who watches over the job and its first process, with which all others end.
    """
    found = {note.parent: _living(note) for note in (instance.jobs / "jobs").glob(f"*/{PROCESS}")}
    return {folder: processes for folder, processes in found.items() if processes}


def end_jobs(instance: Instance) -> int:
    """End all jobs that run on this machine by force; return how many there were.

    Raises
    ------
    OperatorError
        When some do not end.
    """
    ended: set[Path] = set()
    deadline = time.monotonic() + PATIENCE
    while processes := job_processes(instance):
        ended.update(processes)
        known = [process for group in processes.values() for process in group]
        for process in known:
            process.kill()
        if time.monotonic() > deadline:
            pids = ", ".join(str(process.pid) for process in known)
            raise OperatorError(f"jobs below {instance.jobs} do not end: their processes are {pids}.")
        time.sleep(0.05)
    return len(ended)


def counts(instance: Instance) -> dict[str, int]:
    """Return the numbers of jobs by phase; the database runs."""
    if not cluster.query(instance, EXISTS).strip():
        return {}
    rows = (line.split("|") for line in cluster.query(instance, COUNTS).splitlines() if line)
    return {phase: int(number) for phase, number in rows}


def describe(instance: Instance) -> str:
    """Tell in a line whether the runner runs, and how many jobs there are in which phase."""
    if not is_present(instance):
        return "none in this code"
    failed = instance.jobs / analysis_env.FAILED
    keeper = running(instance)
    if keeper is None:
        state = "stopped; `make start` starts it"
    elif not works(keeper):
        state = f"keeps breaking and is started again each time; {log_file(instance)} says why"
    else:
        state = f"running (process {keeper}, executor {executor(instance)})"
    parts = [state]
    if cluster.postmaster(instance):
        parts.append(told_counts(instance))
    if failed.exists():
        parts.append(f"no Python environment: {failed.read_text().strip()}")
    return "; ".join(parts)


def told_counts(instance: Instance) -> str:
    """Tell how many jobs there are in which phase."""
    try:
        numbers = counts(instance)
    except OperatorError as error:
        return f"jobs cannot be counted: {error}"
    return ", ".join(f"{number} {phase}" for phase, number in numbers.items()) or "no jobs yet"


def executor(instance: Instance) -> str:
    """Return where the settings say jobs run."""
    try:
        settings = tomllib.loads((instance.etc / JOBS_SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return f"unknown: {instance.etc / JOBS_SETTINGS} cannot be read"
    return str(settings.get("executor", "local"))


def _living(note: Path) -> list[Process]:
    """Return what a job's supervisor has noted of its processes, as far as they live; nothing from a broken note."""
    try:
        known = [Process.parse(text) for text in json.loads(note.read_text(encoding="utf-8"))]
    except (OSError, ValueError, KeyError, TypeError):
        return []
    return [process for process in known if process.alive]


def _signal(send: Callable[[int, int], None], pid: int, number: signal.Signals) -> None:
    try:
        send(pid, number)
    except ProcessLookupError:
        return


def _wait_for(pid: int, patience: float) -> bool:
    """Wait until a process is gone; return False when it is not after `patience` seconds."""
    deadline = time.monotonic() + patience
    while is_alive(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True
