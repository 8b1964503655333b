"""The runner and its table of jobs, with an executor that does what the test says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from analysis.errors import UnavailableError
from analysis.executors.base import Report
from analysis.folder import JobOrder, JobStatus, write_order
from analysis.runner.turn import CLAIMED, Runner
from analysis.settings import Settings
from analysis.uws.job import Job, Phase
from analysis.uws.store import JobStore
from tests.live.jobs.conftest import a_job

DOWN = "The cluster does not answer."


@dataclass
class Told:
    """An executor that is told what to say."""

    name: str = "slurm"
    queues: bool = True
    trouble: str = ""
    refusal: str = ""
    report: Report | None = None
    stopped: list[str] = field(default_factory=list)
    meanwhile: Callable[[str], object] = lambda job_id: None

    def free(self, n_running: int) -> int:
        if self.trouble:
            raise UnavailableError(self.trouble)
        return 10

    def start(self, folder: Path) -> str:
        self.meanwhile(folder.name)
        if self.refusal:
            raise UnavailableError(self.refusal)
        return f"handle of {folder.name}"

    def poll(self, handles: Mapping[str, Path]) -> dict[str, Report]:
        if self.trouble:
            raise UnavailableError(self.trouble)
        return {} if self.report is None else dict.fromkeys(handles, self.report)

    def stop(self, handle: str, folder: Path) -> None:
        self.stopped.append(handle)

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass
class Bench:
    """A runner, its executors, and a clock."""

    store: JobStore
    folder: Path
    slurm: Told = field(default_factory=Told)
    local: Told = field(default_factory=lambda: Told(name="local", queues=False))
    now: float = 0.0

    def __post_init__(self) -> None:
        settings = Settings(folder=self.folder, python="python3", executor="slurm", max_running_per_user=3)
        executors = {"slurm": self.slurm, "local": self.local}
        self.runner = Runner(settings, self.store, executors, lambda job: None, lambda ended: None)

    def job(self, **values: object) -> Job:
        """Make a job that waits."""
        job = a_job(**({"phase": Phase.PENDING, "owner": "ada"} | values))
        write_order(self.runner.folder(job), JobOrder(job_id=job.job_id, job_type="maps", script="", parameters={}))
        self.store.insert(job)
        if job.phase is Phase.PENDING:
            self.store.enqueue(job.job_id, (Phase.PENDING,), 100, "")
        return self.seen(job)

    def turn(self, *jobs: Job) -> list[Job]:
        """Let the runner have its turn, ten seconds after the last one, and return the jobs as they are then."""
        self.now += 10
        self.runner.turn(self.now)
        return [self.seen(job) for job in jobs]

    def seen(self, job: Job) -> Job:
        """Return a job as it is now."""
        found = self.store.get(job.job_id)
        assert found is not None
        return found


@pytest.fixture
def bench(store: JobStore, tmp_path: Path) -> Bench:
    return Bench(store, tmp_path)


def test_a_queue_elsewhere(bench: Bench) -> None:
    """A job that waits in the cluster's queue is queued, not running, and its message is kept true."""
    bench.slurm.report = Report("waiting", message="It waits: Resources.")
    (job,) = bench.turn(bench.job())
    assert (job.phase, job.start_time, job.handle) == (Phase.QUEUED, None, f"handle of {job.job_id}")
    assert bench.turn(job)[0].message == "It waits: Resources."
    bench.slurm.report = Report("waiting", message="It waits: Priority.")
    assert bench.turn(job)[0].message == "It waits: Priority."
    bench.slurm.report = Report("running")
    (job,) = bench.turn(job)
    assert (job.phase, job.message) == (Phase.EXECUTING, None)
    bench.slurm.trouble = DOWN
    assert bench.turn(job)[0].message == DOWN
    bench.slurm.trouble = ""
    assert bench.turn(job)[0].message is None
    bench.slurm.report = Report("ended", JobStatus(reason="completed", start=1000.0, end=1002.0))
    (job,) = bench.turn(job)
    assert job.phase is Phase.COMPLETED and job.start_time is not None and job.end_time is not None
    assert (job.start_time.timestamp(), job.end_time.timestamp()) == (1000, 1002)


@pytest.mark.parametrize("where", ["trouble", "refusal"])
def test_all_that_could_start_are_told(bench: Bench, where: str) -> None:
    """Who waits for a quota of their own is told nothing of the cluster."""
    setattr(bench.slurm, where, DOWN)
    jobs = bench.turn(*(bench.job() for _ in range(4)))
    assert [job.phase for job in jobs] == [Phase.QUEUED] * 4
    assert [job.message for job in jobs] == [DOWN] * 3 + [None]
    assert [(job.handle, job.attempts) for job in jobs] == [(None, 0)] * 4
    bench.store.withdraw(jobs[0].job_id, "")
    setattr(bench.slurm, where, "")
    jobs = bench.turn(*jobs[1:])
    assert [(job.message, bool(job.handle)) for job in jobs] == [(None, True)] * 3


def test_told_jobs_that_wait_for_something_else_now(bench: Bench) -> None:
    bench.slurm.trouble = DOWN
    job, other = bench.turn(bench.job(), bench.job())
    assert other.message == DOWN
    bench.slurm.trouble, bench.slurm.report = "", Report("running")
    busy = [bench.job(phase=Phase.EXECUTING, executor="slurm", handle=str(number)) for number in range(2)]
    job, other, *_ = bench.turn(job, other, *busy)
    assert job.handle
    assert (other.message, other.handle) == (None, None)


def test_an_abort_while_the_executor_fails(bench: Bench) -> None:
    """Nothing is started again for a user who has given it up."""
    bench.slurm.refusal, bench.slurm.meanwhile = DOWN, bench.store.request_stop
    (job,) = bench.turn(bench.job())
    assert job.stop_requested
    bench.slurm.refusal = ""
    (job,) = bench.turn(job)
    assert (job.phase, job.handle) == (Phase.ABORTED, None)


def test_a_delete_while_the_executor_fails(bench: Bench) -> None:
    bench.slurm.refusal, bench.slurm.meanwhile = DOWN, bench.store.mark_deleted
    job = bench.job()
    bench.turn()
    assert bench.store.get(job.job_id) is None
    assert not bench.runner.folder(job).exists()


def test_a_runner_killed_while_it_started_a_job(bench: Bench) -> None:
    """The executor knows a job by its folder and does not start it twice."""
    (job,) = bench.turn(bench.job(phase=Phase.QUEUED, queue_number=1, executor="slurm", handle=CLAIMED, attempts=1))
    assert (job.phase, job.handle, job.attempts) == (Phase.QUEUED, f"handle of {job.job_id}", 2)


def test_jobs_where_new_ones_do_not_go_any_more(bench: Bench) -> None:
    """When the operator changes the executor, jobs of the other one are watched, and ended when that is wished."""
    bench.local.report = Report("running")
    job = bench.job(phase=Phase.EXECUTING, executor="local", handle="there")
    bench.store.request_stop(job.job_id)
    bench.turn(job)
    assert bench.local.stopped == ["there"]
    bench.local.report = Report("ended", JobStatus(reason="killed"))
    assert bench.turn(job)[0].phase is Phase.ABORTED
