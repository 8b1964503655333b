"""The local executor: jobs are forks of a parent that has gammapy, outlive it, and can be ended for certain."""

from __future__ import annotations

import json
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from analysis.errors import UnavailableError
from analysis.executors.base import Report
from analysis.executors.local import INTERRUPTED, LOST, LocalExecutor
from analysis.folder import JobOrder, Limits, write_order
from analysis.sandbox.process import Process
from analysis.settings import Settings
from analysis.worker.warm import imported_by

pytest.importorskip("gammapy")
CODE = Path(__file__).resolve().parents[2]
LIMITS = Limits(duration_s=60)
SLEEPER = """
import subprocess, time
def run(job):
    print("begun", flush=True)
    subprocess.Popen(["sleep", "100"], start_new_session=True)
    (job.results / "begun").touch()
    time.sleep(100)
"""


class Service:
    """What the runner has: settings, an executor, and the socket on which ends are told."""

    def __init__(self) -> None:
        self.base = Path(tempfile.mkdtemp(prefix="cta-local-", dir="/tmp"))
        self.settings = Settings(folder=self.base, python=sys.executable, slots=2)
        self.settings.jobs_folder.mkdir()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.settings.socket))
        self.socket.settimeout(120)
        self.executor = LocalExecutor(self.settings, CODE)
        self.executor.warm(120)

    def folder(self, script: str, limits: Limits = LIMITS) -> Path:
        folder = self.settings.jobs_folder / secrets.token_hex(16)
        path = self.base / "definitions" / folder.name / "script.py"
        path.parent.mkdir(parents=True)
        path.write_text(script)
        order = JobOrder(
            job_id=folder.name,
            job_type="test",
            script=str(path),
            parameters={},
            limits=limits,
            read_only=(str(path.parent),),
        )
        write_order(folder, order)
        return folder

    def ended(self, jobs: dict[str, Path]) -> dict[str, Report]:
        """Wait for the datagrams of all jobs; return their reports."""
        missing = {folder.name for folder in jobs.values()}
        while missing:
            missing.discard(self.socket.recv(100).decode())
        return self.executor.poll(jobs)

    def close(self) -> None:
        self.executor.close()
        self.socket.close()
        shutil.rmtree(self.base)


@pytest.fixture(scope="module")
def service():
    made = Service()
    yield made
    made.close()


def begun(folder: Path) -> None:
    for _ in range(600):
        if (folder / "results/begun").exists():
            return
        time.sleep(0.05)
    raise AssertionError("the job has not begun")


def gone(marker: str) -> bool:
    """Whether no process has the marker in its mounts, command line or folder."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if marker in (path / "mountinfo").read_text() + (path / "cmdline").read_text():
                return False
        except OSError:
            continue
    return True


def test_a_job_runs_with_gammapy_at_hand_and_its_end_is_told(service):
    folder = service.folder(
        "import gammapy, sys\ndef run(job):\n    (job.results / 'v').write_text(gammapy.__version__)\n"
    )
    handle = service.executor.start(folder)
    report = service.ended({handle: folder})[handle]
    assert report.state == "ended" and report.status is not None
    assert report.status.reason == "completed"
    assert report.status.software["gammapy"] == (folder / "results/v").read_text()


def test_twenty_jobs_at_once_all_end(service):
    jobs = {}
    for _ in range(20):
        folder = service.folder("def run(job):\n    (job.results / job.job_id).touch()\n")
        jobs[service.executor.start(folder)] = folder
    reports = service.ended(jobs)
    assert [report.status.reason for report in reports.values()] == ["completed"] * 20
    assert all([path.name for path in (folder / "results").iterdir()] == [folder.name] for folder in jobs.values())


def test_jobs_do_not_draw_the_same_random_numbers(service):
    script = "import numpy as np\ndef run(job):\n    (job.results / 'x').write_text(str(np.random.uniform()))\n"
    jobs = {}
    for _ in range(2):
        folder = service.folder(script)
        jobs[service.executor.start(folder)] = folder
    service.ended(jobs)
    assert len({(folder / "results/x").read_text() for folder in jobs.values()}) == 2


def test_a_running_job_is_running_and_stop_leaves_nothing_of_it(service):
    folder = service.folder(SLEEPER)
    handle = service.executor.start(folder)
    begun(folder)
    assert service.executor.poll({handle: folder})[handle].state == "running"
    service.executor.stop(handle, folder)
    assert gone(folder.name)
    assert service.executor.poll({handle: folder})[handle].state == "ended"
    service.executor.stop(handle, folder)


def test_stop_right_after_the_start_leaves_nothing(service):
    for _ in range(5):
        folder = service.folder(SLEEPER)
        handle = service.executor.start(folder)
        service.executor.stop(handle, folder)
        assert gone(folder.name)
        assert service.executor.poll({handle: folder})[handle].state in ("ended", "lost")


def test_stop_ends_a_job_of_which_the_supervisor_does_not_answer(service):
    folder = service.folder(SLEEPER)
    handle = service.executor.start(folder)
    begun(folder)
    os.kill(Process.parse(handle).pid, signal.SIGSTOP)
    service.executor.stop(handle, folder)
    assert gone(folder.name)


def test_a_killed_supervisor_is_a_lost_job_with_its_log(service):
    folder = service.folder(SLEEPER)
    handle = service.executor.start(folder)
    begun(folder)
    while "begun" not in (folder / "log.txt").read_text():
        time.sleep(0.01)
    supervisor = Process.parse(handle)
    supervisor.kill()
    while supervisor.alive:
        time.sleep(0.01)
    report = service.executor.poll({handle: folder})[handle]
    assert (report.state, report.message) == ("lost", LOST)
    assert gone(folder.name)
    assert "begun" in (folder / "log.txt").read_text()


def test_a_job_of_before_the_machine_went_down_is_interrupted(service):
    folder = service.folder("def run(job): pass")
    handle = json.dumps({"pid": os.getpid(), "start": 1, "boot": "00000000-0000-0000-0000-000000000000"})
    report = service.executor.poll({handle: folder})[handle]
    assert (report.state, report.message) == ("interrupted", INTERRUPTED)
    service.executor.stop(handle, folder)


def test_a_number_that_went_to_another_process_is_not_taken_for_the_job(service):
    folder = service.folder("def run(job): pass")
    own = Process.of(os.getpid())
    handle = Process(own.pid, own.start - 1, own.boot).text
    service.executor.stop(handle, folder)
    assert service.executor.poll({handle: folder})[handle].state == "lost"


def test_jobs_outlive_the_executor_and_its_parent_process(service):
    first = LocalExecutor(service.settings, CODE)
    first.warm(120)
    folder = service.folder("import time\ndef run(job):\n    (job.results / 'begun').touch()\n    time.sleep(1)\n")
    handle = first.start(folder)
    begun(folder)
    first.close()
    report = service.ended({handle: folder})[handle]
    assert report.status is not None and report.status.reason == "completed"


def test_a_parent_that_was_killed_is_started_again():
    service = Service()
    folder = service.folder("def run(job): pass")
    handle = service.executor.start(folder)
    service.ended({handle: folder})
    service.executor._parent._process.kill()
    service.executor._parent._process.wait()
    assert service.executor.free(0) == 0
    with pytest.raises(UnavailableError):
        service.executor.start(service.folder("def run(job): pass"))
    service.executor.warm(120)
    assert service.executor.free(0) == 2 and service.executor.free(5) == 0
    folder = service.folder("def run(job): pass")
    handle = service.executor.start(folder)
    assert service.ended({handle: folder})[handle].status.reason == "completed"
    service.close()


def test_a_python_that_is_not_there_is_named(tmp_path):
    executor = LocalExecutor(Settings(folder=tmp_path, python="/no/such/python"), CODE)
    with pytest.raises(UnavailableError, match="/no/such/python"):
        executor.warm(0.1)
    executor.close()


def test_an_end_is_told_by_status_where_nobody_listens(service):
    folder = service.folder("def run(job): pass")
    quiet = LocalExecutor(Settings(folder=service.base / "other", python=sys.executable), CODE)
    quiet.warm(120)
    handle = quiet.start(folder)
    for _ in range(600):
        if quiet.poll({handle: folder})[handle].state == "ended":
            break
        time.sleep(0.05)
    assert quiet.poll({handle: folder})[handle].state == "ended"
    quiet.close()


def test_imports_of_scripts_are_found_at_their_top_level_only(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import numpy as np\nfrom gammapy.maps import Map\ndef run(job):\n    import secrets\n")
    broken = tmp_path / "broken.py"
    broken.write_text("def run(:")
    assert imported_by([script, broken]) == ["gammapy.maps", "gammapy.maps.Map", "numpy"]


@pytest.mark.slow
def test_the_same_holds_for_another_account():
    """The service runs as an account without rights; the tests of this module are run again as it."""
    if os.geteuid() != 0:
        pytest.skip("only root can start processes of another account")
    try:
        entry = pwd.getpwnam("ctavo")
    except KeyError:
        pytest.skip("there is no account ctavo")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        cwd=CODE,
        user="ctavo",
        group=entry.pw_gid,
        extra_groups=[],
        env={"PATH": os.environ["PATH"], "HOME": "/tmp", "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=550,
    )
    assert done.returncode == 0, done.stdout[-3000:]
