"""The DaCHS server of an instance: start, stop, and the question whether it runs."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from ops import accounts, analysis_env, cluster, console, pythonpath, runner, site
from ops.errors import OperatorError
from ops.instance import JOBS_SETTINGS, Instance
from ops.processes import (
    command_line,
    end_group,
    free_port,
    is_alive,
    last_meaningful_line,
    port_is_free,
    start_in_background,
)
from ops.resources import DACHS, fingerprint

PATIENCE = 180.0  # seconds until a server that does not answer is given up
COMMAND = ("serve", "start", "-f")


def pid_file(instance: Instance) -> Path:
    """Return the file with the server's process id."""
    return instance.run / "server.pid"


def running(instance: Instance) -> int | None:
    """Return the process id of this instance's server, or None."""
    try:
        pid = int(pid_file(instance).read_text())
    except (OSError, ValueError):
        return None
    return pid if is_alive(pid) and tuple(command_line(pid)[-3:]) == COMMAND else None


def choose_port(instance: Instance, asked: int | None) -> bool:
    """Settle which port the instance uses; return whether it has changed.

    Raises
    ------
    OperatorError
        If something else listens on it.
    """
    port = instance.memory.port if asked is None else asked
    if port == 0:
        kept = instance.exists and (running(instance) is not None or port_is_free(instance.memory.port))
        port = instance.memory.port if kept else free_port()
    changed = port != instance.memory.port
    if (changed or not running(instance)) and not port_is_free(port):
        raise OperatorError(
            f"port {port} is in use by another program. Choose another one, for instance PORT={_next_free(port)}, "
            "or end that program (`make stop` if it is an instance of the archive)."
        )
    instance.memory.port = port
    return changed


def start(instance: Instance, port: int | None = None) -> None:
    """Start database and server if they do not run, and wait until the server answers."""
    if choose_port(instance, port):
        stop_server(instance)
        if instance.exists:
            instance.save()
    instance.save()
    if not cluster.is_running(instance):
        stop_server(instance)  # its connections are dead, and so are the runner's
        runner.stop(instance)
    site.ensure(instance, again=True)
    analysis_env.ensure(instance)
    with instance.locked("instance"):
        serving = what_is_served(instance)
        _start_server(instance, serving)
        runner.start(instance, serving)


def _start_server(instance: Instance, serving: str) -> None:
    if running(instance):
        if instance.memory.served == serving:
            return
        console.note("code or settings have changed since the server was started")
        stop_server(instance)
    console.step(f"starting the server on port {instance.memory.port}")
    log = instance.log / "server.log"
    begin = log.stat().st_size if log.exists() else 0
    child = start_in_background([DACHS, *COMMAND], log, instance.child_environment())
    pid_file(instance).write_text(f"{child.pid}\n")
    try:
        _wait_until_up(instance, child, log, begin)
    except BaseException:
        end_group(child.pid)
        pid_file(instance).unlink(missing_ok=True)
        raise
    instance.memory.served = serving
    instance.save()


def what_is_served(instance: Instance) -> str:
    """Return a digest of what a server reads at its start only: Python code and settings."""
    settings = [instance.etc / name for name in ("gavorc", "site.rc", "defaultmeta.txt", JOBS_SETTINGS)]
    settings.append(instance.lib / pythonpath.STAMP)
    return fingerprint(settings, accounts.code_fingerprint(instance.code))


def serve(instance: Instance, port: int | None = None) -> int:
    """Run the server in the foreground until it is interrupted; stop the database if it was started for it."""
    if running(instance):
        raise OperatorError(f"the server of {instance.state} runs in the background already; `make stop` ends it.")
    choose_port(instance, port)
    instance.save()
    cluster_ran = cluster.is_running(instance)
    site.ensure(instance, again=True)
    analysis_env.ensure(instance)
    console.step(f"serving {instance.url} (Ctrl-C ends it)")
    child = subprocess.Popen([DACHS, *COMMAND], env=instance.child_environment(), cwd="/", start_new_session=True)
    pid_file(instance).write_text(f"{child.pid}\n")
    try:
        runner.start(instance, what_is_served(instance))
        return child.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        end_group(child.pid)
        pid_file(instance).unlink(missing_ok=True)
        stop_runner(instance)
        if not cluster_ran:
            cluster.stop(instance)


def stop_server(instance: Instance) -> bool:
    """End the server; return False if it did not run."""
    pid = running(instance)
    if pid is not None:
        console.step("stopping the server")
        end_group(pid)
    pid_file(instance).unlink(missing_ok=True)
    return pid is not None


def stop_runner(instance: Instance) -> bool:
    """End the runner, and tell of jobs that go on; return whether it ran."""
    ran = runner.stop(instance)
    n_jobs = len(runner.job_processes(instance))
    if n_jobs:
        console.note(f"analysis jobs that go on by themselves, to be found again by the next start: {n_jobs}")
    return ran


def stop(instance: Instance, *, jobs: bool = False) -> bool:
    """End runner, server and database, and with `jobs` also the jobs on this machine; return whether anything ran."""
    with instance.locked("instance"):
        if jobs:
            ran = runner.stop(instance)
            ran = runner.end_jobs(instance) > 0 or ran
        else:
            ran = stop_runner(instance)
        ran = stop_server(instance) or ran
        return cluster.stop(instance) or ran


def answers(url: str, timeout: float = 5.0) -> bool:
    """Say whether a server answers at this address, be it with an error."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=timeout).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


def _wait_until_up(instance: Instance, child: subprocess.Popen[bytes], log: Path, begin: int) -> None:
    waiting = console.Waiting("waiting for the server to answer")
    while not answers(f"{instance.url}/"):
        if child.poll() is not None:
            with open(log, "rb") as stream:
                stream.seek(begin)
                output = stream.read().decode(errors="replace")
            raise OperatorError(
                f"the server ended while starting: {last_meaningful_line(output)} Its log is {log}; "
                f"DaCHS's own logs are in {instance.dachs / 'logs'}."
            )
        if waiting.elapsed > PATIENCE:
            raise OperatorError(f"the server did not answer on {instance.url} within {PATIENCE:.0f} s; see {log}.")
        waiting.tick()
        time.sleep(0.1)


def _next_free(port: int) -> int:
    for candidate in range(max(port + 1, 1024), min(port + 50, 65535)):
        if port_is_free(candidate):
            return candidate
    return free_port()
