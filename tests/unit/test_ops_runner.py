"""The runner of the jobs: kept running, ended without its jobs, and jobs ended when they are to be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from analysis.folder import PROCESS
from analysis.sandbox.process import Process
from ops import runner
from ops.instance import Instance, Memory
from ops.processes import is_alive

CHECKOUT = Path(__file__).resolve().parents[2]
# Writes down each start; ends as the file `how` says, or waits.
PROGRAM = """
import os, pathlib, sys, time
place = pathlib.Path(sys.argv[1])
with open(place / "starts", "a") as out:
    out.write(f"{os.getpid()}\\n")
how = place / "how"
if how.exists():
    word = how.read_text()
    how.unlink()
    sys.exit(int(word))
time.sleep(600)
"""


def soon(condition: Callable[[], object], seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def starts(place: Path) -> list[int]:
    path = place / "starts"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Start a keeper whose program writes to the test's folder."""
    begun: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "ops.keeper", sys.executable, "-c", PROGRAM, str(tmp_path)]
        begun.append(subprocess.Popen(words, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True, start_new_session=True))
        return begun[-1]

    yield start
    for process in begun:
        process.kill()
        process.wait()
        if process.stderr:
            process.stderr.close()
    for pid in starts(tmp_path):
        assert soon(lambda pid=pid: not is_alive(pid))


class TestKeeper:
    def test_starts_again_what_was_killed(self, keeper: Callable[[], subprocess.Popen[str]], tmp_path: Path) -> None:
        process = keeper()
        assert soon(lambda: len(starts(tmp_path)) == 1)
        os.kill(starts(tmp_path)[0], signal.SIGKILL)
        assert soon(lambda: len(starts(tmp_path)) == 2)
        process.terminate()
        assert "was ended by SIGKILL" in process.communicate()[1]
        assert process.returncode == 0

    def test_starts_again_what_has_failed(self, keeper: Callable[[], subprocess.Popen[str]], tmp_path: Path) -> None:
        (tmp_path / "how").write_text("3")
        process = keeper()
        assert soon(lambda: len(starts(tmp_path)) == 2)
        process.terminate()
        assert "ended with status 3" in process.communicate()[1]

    def test_ends_with_what_ends_by_itself(self, keeper: Callable[[], subprocess.Popen[str]], tmp_path: Path) -> None:
        (tmp_path / "how").write_text("0")
        process = keeper()
        assert process.wait(30) == 0
        assert len(starts(tmp_path)) == 1

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
    def test_takes_its_program_along(
        self, keeper: Callable[[], subprocess.Popen[str]], tmp_path: Path, number: signal.Signals
    ) -> None:
        process = keeper()
        assert soon(lambda: len(starts(tmp_path)) == 1)
        process.send_signal(number)
        process.wait(30)
        assert soon(lambda: not is_alive(starts(tmp_path)[0]))
        assert len(starts(tmp_path)) == 1


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[Instance]:
    """Return an instance whose code has a runner that waits."""
    code = tmp_path / "code"
    (code / "analysis" / "runner").mkdir(parents=True)
    for package in ("analysis", "analysis/runner"):
        (code / package / "__init__.py").touch()
    (code / "analysis" / "runner" / "__main__.py").write_text("import time\nprint('up', flush=True)\ntime.sleep(600)\n")
    (code / "ops").symlink_to(CHECKOUT / "ops")
    (tmp_path / "state").mkdir()
    made = Instance(tmp_path / "state", code, Memory())
    made.prepare_folders()
    (made.jobs / "jobs").mkdir()
    yield made
    runner.stop(made)
    runner.end_jobs(made)


def note(folder: Path, process: subprocess.Popen[bytes], **other: int) -> None:
    """Write what a supervisor notes."""
    known = Process.of(process.pid)
    assert known
    (folder / PROCESS).write_text(json.dumps([replace(known, **other).text]))


@pytest.fixture
def job(instance: Instance) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a session of its own that watches over a job."""
    folder = instance.jobs / "jobs" / ("0" * 32)
    folder.mkdir()
    process = subprocess.Popen(["/bin/sleep", "600"], start_new_session=True)
    note(folder, process)
    yield process
    process.kill()
    process.wait()


class TestRunner:
    def test_is_started_once(self, instance: Instance) -> None:
        assert runner.running(instance) is None
        assert runner.start(instance, "code 1")
        pid = runner.running(instance)
        assert pid is not None and soon(lambda: runner.works(pid))
        assert soon(lambda: "up" in runner.log_file(instance).read_text())
        assert not runner.start(instance, "code 1")
        assert runner.running(instance) == pid

    def test_is_started_anew_for_new_code(self, instance: Instance) -> None:
        runner.start(instance, "code 1")
        before = runner.running(instance)
        assert runner.start(instance, "code 2")
        assert runner.running(instance) not in (None, before)

    def test_is_not_missed_in_code_without_jobs(self, instance: Instance) -> None:
        (instance.code / "analysis" / "runner" / "__main__.py").unlink()
        assert not runner.start(instance, "code 1")
        assert runner.running(instance) is None

    def test_ends_without_the_jobs(self, instance: Instance, job: subprocess.Popen[bytes]) -> None:
        runner.start(instance, "code 1")
        assert runner.stop(instance)
        assert runner.running(instance) is None and not runner.stop(instance)
        assert job.poll() is None
        assert [[item.pid for item in group] for group in runner.job_processes(instance).values()] == [[job.pid]]

    def test_jobs_are_ended_when_told(self, instance: Instance, job: subprocess.Popen[bytes]) -> None:
        assert runner.end_jobs(instance) == 1
        assert job.wait(30) == -signal.SIGKILL
        assert runner.end_jobs(instance) == 0

    def test_a_number_used_again_is_not_a_job(self, instance: Instance, job: subprocess.Popen[bytes]) -> None:
        note(instance.jobs / "jobs" / ("0" * 32), job, start=1)
        assert runner.end_jobs(instance) == 0
        assert job.poll() is None

    @pytest.mark.parametrize("content", ["", "{}", "[1]", '["x"]', '["{}"]', "null"])
    def test_a_broken_note_is_no_job(self, instance: Instance, content: str) -> None:
        (instance.jobs / "jobs" / "x").mkdir()
        (instance.jobs / "jobs" / "x" / PROCESS).write_text(content)
        assert runner.job_processes(instance) == {}

    def test_is_told(self, instance: Instance) -> None:
        assert runner.describe(instance).startswith("stopped")
        runner.launch(instance)
        pid = runner.running(instance)
        assert pid is not None and soon(lambda: runner.works(pid))
        assert runner.describe(instance).startswith(f"running (process {pid}, executor ")
        (instance.jobs / "unavailable").write_text("no network.\n")
        assert "no Python environment: no network." in runner.describe(instance)

    def test_one_that_keeps_breaking_is_told(self, instance: Instance) -> None:
        (instance.code / "analysis" / "runner" / "__main__.py").write_text("raise SystemExit('no settings')\n")
        runner.launch(instance)
        assert soon(lambda: "no settings" in runner.log_file(instance).read_text())
        assert soon(lambda: runner.describe(instance).startswith("keeps breaking"))
