"""Nothing is lost when server, runner, worker or machine go down: in an instance of its own, with room for ten jobs."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from analysis.sandbox.process import Process
from tests.live.archive import Archive, wait_for
from tests.live.jobs.definitions import accept_all, with_settings
from tests.live.jobs.test_uws import ends, sleepers
from tests.live.soda_helpers import Job, People, people_of

SETTINGS = "slots = 10\nmax_running_per_user = 10\n"


@pytest.fixture(scope="module")
def place(workshop: Archive) -> Iterator[Archive]:
    """The instance, with more room than this machine would have by itself."""
    accept_all(workshop)
    with with_settings(workshop, lambda before: SETTINGS + before):
        yield workshop


@pytest.fixture(scope="module")
def ada(place: Archive) -> People:
    """Somebody with an account there."""
    return people_of(place)


def sleeper(place: Archive, people: People, seconds: str) -> Job:
    """Start a job that sleeps."""
    return Job.create(place, {"seconds": seconds, "PHASE": "RUN"}, people.pi, "/jobs/test_sleeper")


def kill(place: Archive, *names: str) -> None:
    """Kill processes by the names of their pid files."""
    for name in names:
        pid = int((place.real / "run" / f"{name}.pid").read_text())
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)


def folder_of(place: Archive, job: Job) -> Path:
    """Return the folder of a job."""
    return place.real / "jobs" / "jobs" / job.url.rpartition("/")[2]


def supervisor_of(place: Archive, job: Job) -> Process:
    """Return the process that watches over a job."""
    return Process.parse(json.loads((folder_of(place, job) / "process.json").read_text())[0])


def test_ten_running_jobs_survive_all_of_it(place: Archive, ada: People) -> None:
    made = [sleeper(place, ada, "12") for _ in range(10)]
    waiting = [sleeper(place, ada, "1") for _ in range(2)]
    for job in made:
        assert wait_for(lambda job=job: job.phase == "EXECUTING", 20)  # type: ignore[misc]
    kill(place, "runner", "server")
    place.up().check()
    for job in [*made, *waiting]:
        assert ends(job, 60) == "COMPLETED", job.get("/error").text
        assert job.get("/results/out").text == "begun\n"
        job.delete()


def test_a_job_that_ends_while_nothing_runs(place: Archive, ada: People) -> None:
    job = sleeper(place, ada, "2")
    assert wait_for(lambda: job.phase == "EXECUTING", 20)
    kill(place, "runner", "server")
    assert wait_for((folder_of(place, job) / "status.json").exists, 20)
    place.up().check()
    assert ends(job, 20) == "COMPLETED"
    job.delete()


def test_a_killed_worker(place: Archive, ada: People) -> None:
    job = sleeper(place, ada, "60")
    assert wait_for(lambda: job.phase == "EXECUTING", 20)
    told = folder_of(place, job) / "process.json"
    assert wait_for(told.exists, 10)
    assert wait_for(lambda: bool(sleepers(job)), 10)
    supervisor_of(place, job).kill()
    assert ends(job, 20) == "ERROR"
    assert len(job.get("/error").text.split()) > 5
    assert "sleeping" in job.get("/results/log").text
    assert wait_for(lambda: not sleepers(job), 10)
    job.delete()


def test_a_killed_runner_is_started_again(place: Archive, ada: People) -> None:
    keeper = int((place.real / "run" / "runner.pid").read_text())
    children = Path(f"/proc/{keeper}/task/{keeper}/children")
    (runner,) = children.read_text().split()
    job = sleeper(place, ada, "3")
    assert wait_for(lambda: job.phase == "EXECUTING", 20)
    os.kill(int(runner), signal.SIGKILL)
    assert wait_for(lambda: children.read_text().split() not in ([], [runner]), 20)
    assert ends(job, 30) == "COMPLETED"
    job.delete()


def test_a_machine_that_was_restarted(place: Archive, ada: People) -> None:
    """The boot is told by its id; another one in the handle is what a restart leaves behind."""
    job = sleeper(place, ada, "3")
    assert wait_for((folder_of(place, job) / "process.json").exists, 20)
    kill(place, "runner")
    supervisor_of(place, job).kill()
    number = job.url.rpartition("/")[2]
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    place.sql(f"UPDATE cta.job SET handle = replace(handle, '{boot}', 'another-boot') WHERE job_id = '{number}'")
    place.up().check()
    assert ends(job, 40) == "COMPLETED"
    assert place.sql(f"SELECT attempts FROM cta.job WHERE job_id = '{number}'") == [["2"]]
    job.delete()


def test_stop_and_start_by_the_operator(place: Archive, ada: People) -> None:
    job = sleeper(place, ada, "6")
    assert wait_for(lambda: job.phase == "EXECUTING", 20)
    place.ops("stop").check()
    place.up().check()
    assert ends(job, 40) == "COMPLETED"
    job.delete()
