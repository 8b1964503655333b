"""Jobs on a Slurm cluster that is started for the purpose: executor, worker and cluster are the real ones."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from analysis.errors import UnavailableError
from analysis.executors.base import Report
from analysis.executors.slurm import SlurmExecutor
from analysis.folder import LOG, RESULTS, STATUS, JobOrder, Limits, write_order
from analysis.settings import Settings, SlurmSettings
from ops.accounts import refresh_copy
from tests.live.archive import CHECKOUT, SYSTEM_PYTHON
from tests.live.jobs.slurm_cluster import SlurmCluster, running_slurm, wait_for

OVER = ("ended", "lost", "interrupted")
SCRIPTS = {
    "write": """
def run(job):
    (job.results / "table.txt").write_text(" ".join(str(n * job.parameters["factor"]) for n in range(100)))
    (job.results / "image.bin").write_bytes(bytes(range(256)) * 64)
    print("written")
""",
    "sleep": """
import subprocess, sys, time
def run(job):
    words = [sys.executable, "-c", "import time; time.sleep(300)", job.parameters.get("marker", "cta-test-sleep")]
    child = subprocess.Popen(words, start_new_session=True)
    (job.results / "begun").touch()
    time.sleep(job.parameters["seconds"])
    child.kill()
""",
}


@dataclass
class Site:
    """The cluster, and a folder that it shares with the service."""

    slurm: SlurmCluster
    folder: Path
    code: Path
    n_jobs: int = 0

    def executor(self, code: Path | None = None, **settings: Any) -> SlurmExecutor:
        """Return an executor, as the runner makes one at its start."""
        chosen = SlurmSettings(environment=self.slurm.environment, **settings)
        return SlurmExecutor(
            Settings(folder=self.folder, python=SYSTEM_PYTHON, executor="slurm", slurm=chosen), code or self.code
        )

    def job(self, script: str, limits: Limits | None = None, **parameters: Any) -> Path:
        """Write an order and return its folder."""
        self.n_jobs += 1
        place = self.folder / "scripts" / f"{script}.py"
        place.parent.mkdir(exist_ok=True)
        place.write_text(SCRIPTS[script])
        job_id = f"{self.n_jobs:032x}"
        folder = self.folder / "jobs" / job_id
        order = JobOrder(
            job_id=job_id,
            job_type=script,
            script=str(place),
            parameters=parameters,
            limits=limits or Limits(duration_s=120, memory_bytes=2**30),
            read_only=(str(place.parent),),
        )
        write_order(folder, order)
        return folder


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    """The cluster; while it runs, these tests are the user whose jobs it takes."""
    with contextlib.ExitStack() as ending:
        slurm = ending.enter_context(running_slurm())
        code = CHECKOUT
        if not os.getuid() and not slurm.account.can_read_all([CHECKOUT / "analysis"]):
            code = slurm.folder / "code"
            refresh_copy(CHECKOUT, code)
        ending.enter_context(acting_as(slurm))
        folder = Path(tempfile.mkdtemp(prefix="cta-jobs-", dir="/tmp"))
        ending.callback(shutil.rmtree, folder, ignore_errors=True)
        yield Site(slurm, folder, code)


@pytest.fixture
def executor(site: Site) -> Iterator[SlurmExecutor]:
    made = site.executor()
    yield made
    made.close()
    site.slurm.run("scancel", f"--user={site.slurm.account.name}")
    wait_for(lambda: not site.slurm.queue(), "jobs are left in the cluster", 60)


@contextlib.contextmanager
def acting_as(slurm: SlurmCluster) -> Iterator[None]:
    """Be the cluster's user for a while, with a way back."""
    if os.getuid():
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setresgid(slurm.account.gid, slurm.account.gid, 0)
    os.setresuid(slurm.account.uid, slurm.account.uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)
        os.setresgid(0, 0, 0)
        os.setgroups(groups)


def reported(executor: SlurmExecutor, jobs: dict[str, Path], wanted: Callable[[Report], bool]) -> list[Report]:
    """Ask until the wanted is true of all jobs, and return the reports."""
    deadline = time.monotonic() + 60
    while True:
        reports = executor.poll(jobs)
        if all(wanted(report) for report in reports.values()):
            return [reports[handle] for handle in jobs]
        assert time.monotonic() < deadline, reports
        time.sleep(0.1)


def end_of(executor: SlurmExecutor, handle: str, folder: Path) -> Report:
    """Return the report of a job that is over."""
    return reported(executor, {handle: folder}, lambda report: report.state in OVER)[0]


def begun(executor: SlurmExecutor, folder: Path) -> str:
    """Start a job and wait until its script runs."""
    handle = executor.start(folder)
    wait_for((folder / RESULTS / "begun").exists, lambda: f"the script does not begin: {log_of(folder)}", 40)
    return handle


def number_of(handle: str) -> str:
    return str(json.loads(handle)["job"])


def log_of(folder: Path) -> str:
    return "\n".join(path.read_text() for path in (folder / "slurm.log", folder / LOG) if path.exists())


def processes_with(marker: str) -> list[str]:
    """Return the command lines of processes that have a word."""
    return [
        line
        for line in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout.splitlines()
        if marker in line
    ]


def results_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / RESULTS).iterdir()}


# --- what users are promised ------------------------------------------------------------------------------------------


def test_results_are_those_of_this_machine(site: Site, executor: SlurmExecutor) -> None:
    """A job on the cluster leaves the same files as the same job here."""
    there, here = site.job("write", factor=3), site.job("write", factor=3)
    report = end_of(executor, executor.start(there), there)
    assert report.status is not None and report.status.reason == "completed", (report, log_of(there))
    subprocess.run(
        [SYSTEM_PYTHON, "-m", "analysis.worker.once", here],
        env={"PATH": os.defpath, "PYTHONPATH": str(site.code)},
        check=True,
    )
    assert results_of(there) == results_of(here)
    assert set(results_of(there)) == {"table.txt", "image.bin"}
    assert "written" in (there / LOG).read_text()


def test_abort_reaches_the_cluster(site: Site, executor: SlurmExecutor) -> None:
    """After an abort the queue is empty and none of the job's processes is left, detached ones included."""
    marker = f"cta-test-abort-{os.getpid()}"
    folder = site.job("sleep", seconds=300, marker=marker)
    handle = begun(executor, folder)
    assert processes_with(marker)
    executor.stop(handle, folder)
    assert site.slurm.queue() == []
    assert processes_with(marker) == []
    executor.stop(handle, folder)  # once more is no error


def test_abort_of_a_waiting_job(site: Site, executor: SlurmExecutor) -> None:
    """A job that the cluster has not begun is taken out of its queue."""
    site.slurm.run("scontrol", "update", "PartitionName=main", "State=DOWN")
    folder = site.job("write", factor=1)
    handle = executor.start(folder)
    try:
        report = reported(executor, {handle: folder}, lambda report: "Partition" in report.message)[0]
        assert report.state == "waiting"
        executor.stop(handle, folder)
        assert site.slurm.queue() == []
    finally:
        site.slurm.run("scontrol", "update", "PartitionName=main", "State=UP")
    assert results_of(folder) == {}


def test_execution_duration_is_kept(site: Site, executor: SlurmExecutor) -> None:
    """A job that runs longer than its limit is ended by its own watch, long before Slurm would."""
    folder = site.job("sleep", Limits(duration_s=2, memory_bytes=2**30), seconds=300)
    report = end_of(executor, executor.start(folder), folder)
    assert report.state == "ended" and report.status is not None
    assert report.status.reason == "duration", (report, log_of(folder))
    wait_for(lambda: not site.slurm.queue(), "the job is still in the queue")


@pytest.mark.slow  # Slurm looks at times every 30 s
def test_limit_of_the_cluster(site: Site, executor: SlurmExecutor) -> None:
    """A job that the cluster itself ends for its time is reported with that reason."""
    folder = site.job("sleep", seconds=300)
    handle = begun(executor, folder)
    site.slurm.run("scontrol", "update", f"JobId={number_of(handle)}", "EndTime=now+1seconds")
    report = reported(executor, {handle: folder}, lambda report: report.state in OVER)[0]
    assert report.status is not None and report.status.reason == "duration", report


def test_ten_jobs(site: Site, executor: SlurmExecutor) -> None:
    """Ten jobs at once all end well."""
    folders = [site.job("write", factor=n) for n in range(10)]
    jobs = {executor.start(folder): folder for folder in folders}
    assert len(jobs) == 10
    reports = reported(executor, jobs, lambda report: report.state in OVER)
    assert [report.status and report.status.reason for report in reports] == ["completed"] * 10
    assert [int(results_of(folder)["table.txt"].split()[1]) for folder in folders] == list(range(10))


def test_jobs_in_the_cluster_are_counted(site: Site) -> None:
    """The operator says how many may be there at one time."""
    executor = site.executor(max_jobs=3)
    assert [executor.free(running) for running in (0, 2, 3, 5)] == [3, 1, 0, 0]
    executor.close()


def test_runner_starts_anew(site: Site, executor: SlurmExecutor) -> None:
    """Another runner finds the jobs of the one before, and does not send again what has been sent already."""
    folder = site.job("sleep", seconds=3)
    handle = begun(executor, folder)
    executor.close()
    later = site.executor()
    assert later.poll({handle: folder})[handle].state == "running"
    # The runner died before it could write down the handle.
    assert number_of(later.start(folder)) == number_of(handle)
    report = end_of(later, handle, folder)
    assert report.status is not None and report.status.reason == "completed", (report, log_of(folder))
    assert end_of(later, later.start(folder), folder).state == "ended"
    assert len(site.slurm.queue()) <= 1
    later.close()


def test_cancelled_by_somebody_else(site: Site, executor: SlurmExecutor) -> None:
    """Whoever administrates the cluster may cancel jobs; the user is told in a sentence."""
    folder = site.job("sleep", seconds=300)
    handle = begun(executor, folder)
    site.slurm.run("scancel", number_of(handle))
    report = end_of(executor, handle, folder)
    assert report.state == "ended" and report.status is not None
    assert report.status.reason == "killed"
    assert "cancelled on the cluster" in report.status.message


def test_suspended_by_somebody_else(site: Site, executor: SlurmExecutor) -> None:
    """A job that is suspended is shown as such, and ends well when it goes on."""
    folder = site.job("sleep", seconds=2)
    handle = begun(executor, folder)
    site.slurm.run("scontrol", "suspend", number_of(handle))
    reported(executor, {handle: folder}, lambda report: report.state == "suspended")
    site.slurm.run("scontrol", "resume", number_of(handle))
    report = end_of(executor, handle, folder)
    assert report.status is not None and report.status.reason == "completed", report


def test_node_that_goes_down(site: Site, executor: SlurmExecutor) -> None:
    """A job that lost its node can be started again."""
    folder = site.job("sleep", seconds=300)
    handle = begun(executor, folder)
    site.slurm.run("scontrol", "update", f"NodeName={site.slurm.node}", "State=DOWN", "Reason=test")
    report = end_of(executor, handle, folder)
    wait_for(site.slurm.is_up, "the node does not come back", 60)
    assert report.state == "interrupted"


@pytest.mark.slow
def test_controller_that_is_down(site: Site, executor: SlurmExecutor) -> None:
    """Without slurmctld nothing is lost: jobs wait with a sentence, running ones go on and are found again."""
    short, long = site.job("sleep", seconds=3), site.job("sleep", seconds=300)
    next_one = site.job("write", factor=1)
    jobs = {begun(executor, short): short, begun(executor, long): long}
    long_handle = list(jobs)[1]
    with site.slurm.without_controller():
        with pytest.raises(UnavailableError, match=r"^The cluster does not answer.*\.$"):
            executor.start(next_one)
        with pytest.raises(UnavailableError, match="does not answer"):
            for _ in range(400):
                executor.poll({long_handle: long})
                time.sleep(0.05)
        with pytest.raises(UnavailableError, match="does not answer"):
            executor.stop(long_handle, long)
        wait_for((short / STATUS).exists, "the running job has ended with the controller", 40)
        # What has ended is told all the same.
        assert [report.state for report in executor.poll(jobs).values()] == ["ended"]

    def sent() -> bool:
        with contextlib.suppress(UnavailableError):
            jobs[executor.start(next_one)] = next_one
            return True
        return False

    wait_for(sent, "the executor does not notice that slurmctld is back", 40)
    executor.stop(long_handle, long)
    reports = reported(executor, jobs, lambda report: report.state in OVER)
    reasons = {
        folder: report.status and report.status.reason for folder, report in zip(jobs.values(), reports, strict=True)
    }
    assert (reasons[short], reasons[next_one]) == ("completed", "completed"), reports
    wait_for(lambda: not site.slurm.queue(), "jobs are left in the cluster")


@pytest.mark.slow
def test_controller_that_forgets(site: Site, executor: SlurmExecutor) -> None:
    """A job of which the cluster lost its memory can be started again, even where its number is given once more."""
    marker = f"cta-test-forgotten-{os.getpid()}"
    folder, next_one = site.job("sleep", seconds=300, marker=marker), site.job("write", factor=1)
    handle = begun(executor, folder)
    with site.slurm.without_controller():
        for path in (site.slurm.folder / "state").glob("job_state*"):
            path.unlink()
    wait_for(lambda: not processes_with(marker), "Slurm does not end what it has forgotten", 60)
    wait_for(site.slurm.is_up, "the node does not come back", 60)
    jobs = {handle: folder, executor.start(next_one): next_one}
    forgotten, other = reported(executor, jobs, lambda report: report.state in OVER)
    assert forgotten.state == "interrupted", forgotten
    assert other.status is not None and other.status.reason == "completed", other
    executor.stop(handle, folder)  # nothing of another job's


# --- what the cluster's other users see, and what operators get wrong -------------------------------------------------


def test_others_see_nothing_of_the_user(site: Site, executor: SlurmExecutor) -> None:
    """Slurm's lists and the node's process list have neither the job's id nor its parameters; limits are passed on."""
    folder = site.job("sleep", Limits(duration_s=90, memory_bytes=2**30), seconds=300, marker="cta-test-secret")
    handle = begun(executor, folder)
    shown = site.slurm.run("scontrol", "show", "job", number_of(handle)) + site.slurm.run("squeue", "-o", "%all")
    assert "cta-jobs:" in shown and "TimeLimit=00:04:00" in shown and "mem=1280M" in shown
    assert not [word for word in (folder.name, "cta-test-secret", "sleep", str(site.folder)) if word in shown]
    assert processes_with("analysis.worker")
    assert processes_with(folder.name) == []


def test_folder_that_is_not_shared(site: Site, executor: SlurmExecutor) -> None:
    """A node that cannot see the folder, or not the code, is an operator's fault that has a sentence."""
    site.slurm.run("scontrol", "update", "PartitionName=main", "State=DOWN")
    folder, other = site.job("write", factor=1), site.job("write", factor=1)
    handle = executor.start(folder)
    without_code = site.executor(Path("/nonexistent"))
    other_handle = without_code.start(other)
    shutil.rmtree(folder)
    site.slurm.run("scontrol", "update", "PartitionName=main", "State=UP")
    report = end_of(executor, handle, folder)
    assert report.state == "lost" and "must share it" in report.message
    report = end_of(without_code, other_handle, other)
    assert report.state == "lost" and "lacks the archive's code" in report.message
    without_code.close()


def test_settings_the_cluster_refuses(site: Site, executor: SlurmExecutor) -> None:
    """What sbatch has against a job is passed on, and the job waits."""
    folder = site.job("write", factor=1)
    refusing = site.executor(partition="no-such")
    with pytest.raises(UnavailableError, match=r"^sbatch failed.*partition.*"):
        refusing.start(folder)
    refusing.close()
    assert site.slurm.queue() == []
