"""The whole archive with its jobs on a Slurm cluster: the same service, the same files, and nothing is lost."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from lxml import etree

from analysis.sandbox.process import Process, descendants
from tests.live.archive import Archive, wait_for
from tests.live.jobs.definitions import accept_all, with_settings
from tests.live.jobs.slurm_cluster import SlurmCluster, running_slurm
from tests.live.jobs.test_restart import folder_of, kill, supervisor_of
from tests.live.jobs.test_uws import ends, text_of
from tests.live.soda_helpers import UWS, Job, People, people_of

MAPS = {
    "obs_ids": "hess-dl3-dr1:23559 hess-dl3-dr1:23592",
    "ra": "83.633",
    "dec": "22.014",
    "nxpix": "100",
    "nypix": "80",
    "binsz": "0.03",
    "emin": "1",
    "emax": "20",
}
# Made from what the database has of a job, which has another id and other times.
OF_THE_JOB = ("log", "prov")


@pytest.fixture(scope="module")
def cluster() -> Iterator[SlurmCluster]:
    """A cluster of one node that takes four jobs at a time."""
    with running_slurm() as running:
        yield running


@pytest.fixture(scope="module")
def place(workshop: Archive, cluster: SlurmCluster) -> Iterator[Archive]:
    """The instance, with its jobs sent there."""
    accept_all(workshop)
    known = ", ".join(f"{name} = {json.dumps(value)}" for name, value in cluster.environment.items())
    general, slurm = 'executor = "slurm"\nmax_running_per_user = 10\n', f"environment = {{{known}}}\n"
    # The template ends with the section of the cluster.
    with with_settings(workshop, lambda before: general + before + slurm):
        yield workshop


@contextlib.contextmanager
def local(place: Archive) -> Iterator[None]:
    """Let new jobs run on this machine for a while, as an operator does."""
    try:
        with with_settings(place, lambda before: before.replace('executor = "slurm"', 'executor = "local"')):
            yield
    finally:
        place.up().check()


@pytest.fixture(scope="module")
def ada(place: Archive) -> People:
    """Somebody with an account there."""
    return people_of(place)


def sleeper(place: Archive, people: People, seconds: str, **more: str) -> Job:
    """Start a job that sleeps."""
    return Job.create(place, {"seconds": seconds, "PHASE": "RUN", **more}, people.pi, "/jobs/test_sleeper")


def message_of(job: Job) -> str:
    """Return what the job's document says of its state."""
    return etree.fromstring(job.get().content).findtext(f"{UWS}jobInfo/{UWS}message") or ""


def comes_to(job: Job, phase: str, seconds: float = 30) -> None:
    """Wait for a phase."""
    assert wait_for(lambda: job.phase == phase, seconds, 0.1), job.get().text


def processes_of_sleepers(place: Archive, jobs: Sequence[Job]) -> list[Process]:
    """Wait until the scripts of jobs run, and return all processes they have."""
    found: list[Process] = []
    for job in jobs:
        comes_to(job, "EXECUTING")
        folder = folder_of(place, job)
        assert wait_for((folder / "results" / "out.txt").exists, 30), job.get().text
        watch = supervisor_of(place, job)
        # The first process, the script, and what that has started.
        assert wait_for(lambda watch=watch: len(descendants(watch.pid)) == 3, 10)  # type: ignore[misc]
        found += [item for pid in (watch.pid, *descendants(watch.pid)) if (item := Process.of(pid)) is not None]
    return found


def nothing_is_left(cluster: SlurmCluster, processes: Sequence[Process] = ()) -> None:
    """Neither the cluster nor the machine has anything of a job."""
    assert wait_for(lambda: not cluster.queue(), 10), cluster.queue()
    assert not [process for process in processes if process.alive]


@contextlib.contextmanager
def closed(cluster: SlurmCluster) -> Iterator[None]:
    """Let the cluster start no job for a while."""
    cluster.run("scontrol", "update", "PartitionName=main", "State=DOWN")
    try:
        yield
    finally:
        cluster.run("scontrol", "update", "PartitionName=main", "State=UP")


def test_phases(place: Archive, ada: People, cluster: SlurmCluster) -> None:
    """A job waits in the cluster's queue, says so, runs, and is completed with its results."""
    with closed(cluster):
        job = sleeper(place, ada, "2")
        phases = {job.phase}
        assert wait_for(lambda: phases.add(job.phase) or "PartitionDown" in message_of(job), 20), job.get().text
        assert phases == {"QUEUED"}
        assert len(cluster.queue()) == 1
        assert not text_of(job, "startTime")
    comes_to(job, "EXECUTING")
    assert message_of(job) == ""
    assert text_of(job, "startTime")
    assert ends(job) == "COMPLETED"
    assert job.get("/results/out").text == "begun\n"
    assert "sleeping" in job.get("/results/log").text
    assert job.delete().status_code == 303
    assert wait_for(lambda: not folder_of(place, job).exists(), 20)


def test_fault_of_a_script(place: Archive, ada: People) -> None:
    job = Job.create(place, {"what": "raise", "PHASE": "RUN"}, ada.pi, "/jobs/test_hostile")
    assert ends(job) == "ERROR"
    assert "of no value" in job.get("/error").text
    job.delete()


def test_abort_of_jobs_that_run(place: Archive, ada: People, cluster: SlurmCluster) -> None:
    """Whether aborted or deleted, the cluster is rid of them, and so is the node."""
    made = [sleeper(place, ada, "300") for _ in range(2)]
    first, second = (processes_of_sleepers(place, [job]) for job in made)
    assert made[0].post("/phase", PHASE="ABORT").status_code == 303
    assert ends(made[0]) == "ABORTED"
    assert not [process for process in first if process.alive]
    assert all(process.alive for process in second)
    assert made[1].delete().status_code == 303
    assert made[1].get().status_code == 404
    assert wait_for(lambda: not folder_of(place, made[1]).exists(), 30)
    nothing_is_left(cluster, second)
    made[0].delete()


def test_abort_of_jobs_that_wait_in_the_cluster(place: Archive, ada: People, cluster: SlurmCluster) -> None:
    with closed(cluster):
        made = [sleeper(place, ada, "300") for _ in range(2)]
        assert wait_for(lambda: len(cluster.queue()) == 2, 20)
        for job in made:
            comes_to(job, "QUEUED")
        assert made[0].post("/phase", PHASE="ABORT").status_code == 303
        assert ends(made[0]) == "ABORTED"
        made[1].delete()
        assert wait_for(lambda: not folder_of(place, made[1]).exists(), 30)
        assert cluster.queue() == []
    assert made[0].phase == "ABORTED"
    nothing_is_left(cluster)
    made[0].delete()


def test_execution_duration(place: Archive, ada: People, cluster: SlurmCluster) -> None:
    job = Job.create(place, {"seconds": "300"}, ada.pi, "/jobs/test_sleeper")
    job.post("/executionduration", EXECUTIONDURATION="2")
    job.post("/phase", PHASE="RUN")
    assert ends(job) == "ABORTED"
    assert "2 s" in job.get("/error").text, job.get("/error").text
    nothing_is_left(cluster)
    job.delete()


def test_cancelled_by_the_administrator(place: Archive, ada: People, cluster: SlurmCluster) -> None:
    job = sleeper(place, ada, "300")
    processes = processes_of_sleepers(place, [job])
    cluster.run("scancel", *cluster.queue())
    assert ends(job) == "ERROR"
    assert "cancelled on the cluster by somebody other" in job.get("/error").text
    nothing_is_left(cluster, processes)
    job.delete()


def test_runner_and_server_killed(place: Archive, ada: People, cluster: SlurmCluster) -> None:
    """Jobs go on without the archive: one ends meanwhile, one later, one still waits for its turn in the cluster."""
    made = [sleeper(place, ada, seconds) for seconds in ("1", "10", "10", "10", "1")]
    processes_of_sleepers(place, made[1:4])
    comes_to(made[4], "QUEUED")
    kill(place, "runner", "server")
    assert wait_for((folder_of(place, made[0]) / "status.json").exists, 20)
    place.up().check()
    for job in made:
        assert ends(job, 60) == "COMPLETED", job.get("/error").text
        assert job.get("/results/out").text == "begun\n"
    assert place.sql("SELECT DISTINCT attempts FROM cta.job WHERE phase = 'COMPLETED'") == [["1"]]
    nothing_is_left(cluster)
    for job in made:
        job.delete()


def test_controller_down(place: Archive, ada: People, cluster: SlurmCluster) -> None:
    """Without slurmctld jobs wait and say why, those that run go on, and what was wished meanwhile is done later."""
    runs, aborted = sleeper(place, ada, "4"), sleeper(place, ada, "300")
    processes = processes_of_sleepers(place, [runs, aborted])
    with cluster.without_controller():
        waits, also_waits, withdrawn = (sleeper(place, ada, "0") for _ in range(3))
        assert aborted.post("/phase", PHASE="ABORT").status_code == 303
        assert wait_for(lambda: "cluster does not answer" in message_of(waits), 60), waits.get().text
        assert wait_for(lambda: "cluster does not answer" in message_of(also_waits), 10), also_waits.get().text
        assert waits.phase == also_waits.phase == "QUEUED"
        assert withdrawn.post("/phase", PHASE="ABORT").status_code == 303
        assert ends(withdrawn, 10) == "ABORTED"
        assert ends(runs, 60) == "COMPLETED"
        assert wait_for(lambda: "aborted" in message_of(aborted), 60), aborted.get().text
    for job in (waits, also_waits):
        assert ends(job, 60) == "COMPLETED"
        assert message_of(job) == ""
    assert ends(aborted, 60) == "ABORTED"
    nothing_is_left(cluster, processes)
    for job in (runs, aborted, waits, also_waits, withdrawn):
        job.delete()


def results_of(place: Archive, people: People) -> dict[str, str]:
    """Run maps of two runs and return the digests of their files."""
    job = Job.create(place, {**MAPS, "PHASE": "RUN"}, people.pi, "/jobs/gammapy_maps")
    assert ends(job, 60) == "COMPLETED", job.get("/error").text
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in _results(folder_of(place, job))}
    served = job.fetched()
    digests = {hashlib.sha256(answer.content).hexdigest() for answer in served.values()}
    assert digests >= set(found.values())
    job.delete()
    return found


def _results(folder: Path) -> list[Path]:
    return [path for path in (folder / "results").iterdir() if path.is_file()]


def test_same_files_as_on_this_machine(place: Archive, ada: People, cluster: SlurmCluster, dl3: Path) -> None:
    """The same maps are made there and here; a job that runs there when the operator changes his mind ends well."""
    place.import_folder(dl3 / "hess-dl3-dr1", "hess-dl3-dr1").check()
    there = results_of(place, ada)
    assert len(there) > 3
    before, doomed = sleeper(place, ada, "8"), sleeper(place, ada, "300")
    processes = processes_of_sleepers(place, [before, doomed])
    with local(place):
        assert results_of(place, ada) == there
        doomed.post("/phase", PHASE="ABORT")
        assert ends(doomed) == "ABORTED"
        assert ends(before) == "COMPLETED"
        nothing_is_left(cluster, processes)
        late = sleeper(place, ada, "4")
        processes_of_sleepers(place, [late])
    assert ends(late) == "COMPLETED"
    for job in (before, doomed, late):
        job.delete()
    place.withdraw("hess-dl3-dr1")
