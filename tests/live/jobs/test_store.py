"""Jobs in a real database: what a store is given it gives back, moves happen once, lists show what they should."""

from __future__ import annotations

import dataclasses
import datetime
import threading
from collections.abc import Callable
from functools import partial

import psycopg2
import pytest

from analysis.uws.job import Job, JobParameter, JobResult, Phase
from analysis.uws.phases import RUNNABLE, TERMINAL
from analysis.uws.store import CHANNEL, JobStore
from tests.live.archive import wait_for
from tests.live.jobs.conftest import a_job

HOUR = datetime.timedelta(hours=1)


def test_a_job_comes_back_as_it_was(store: JobStore) -> None:
    job = a_job(
        run_id="é'; DROP TABLE cta.job; --",
        parameters=(JobParameter(name="ra", value="83.6\0\ud800"), JobParameter(name="t", value="a.csv", upload=True)),
        results=(JobResult(name="counts", content_type="application/fits", file_name="counts.fits", size=5),),
        datasets=("ivo://x/~?a",),
        record={"software": {"gammapy": "2.1"}},
    )
    store.insert(job)
    assert store.get(job.job_id) == job
    assert store.get("another") is None


def test_nul_characters_are_replaced(store: JobStore) -> None:
    job = a_job(run_id="a\0b\ud800")
    store.insert(job)
    assert store.get(job.job_id) == dataclasses.replace(job, run_id="a\ufffdb?")


def test_a_job_is_moved_only_from_where_it_may(store: JobStore) -> None:
    job = a_job()
    store.insert(job)
    assert store.move(job.job_id, Phase.QUEUED, RUNNABLE)
    assert not store.move(job.job_id, Phase.QUEUED, RUNNABLE)
    now = datetime.datetime.now(datetime.UTC)
    assert store.move(job.job_id, Phase.EXECUTING, {Phase.QUEUED}, start_time=now, handle="7", executor="local")
    assert store.move(job.job_id, Phase.COMPLETED, {Phase.EXECUTING}, record={"a": 1})
    found = one(store, job)
    assert (found.phase, found.start_time, found.handle, found.record) == (Phase.COMPLETED, now, "7", {"a": 1})
    assert found.end_time is not None and found.end_time >= now
    assert not store.change(job.job_id, {Phase.PENDING}, execution_duration=5)


def test_a_job_that_begins_anew_forgets_its_first_start(store: JobStore) -> None:
    job = a_job(phase=Phase.EXECUTING, start_time=datetime.datetime.now(datetime.UTC), handle="7", attempts=1)
    store.insert(job)
    assert store.move(job.job_id, Phase.QUEUED, {Phase.EXECUTING}, queue_number=4)
    found = one(store, job)
    assert (found.start_time, found.handle, found.queue_number, found.attempts) == (None, None, 4, 1)


def test_queue_is_in_the_order_of_submission(new_store: Callable[[], JobStore]) -> None:
    jobs = [a_job() for _ in range(20)]
    store = new_store()
    for job in jobs:
        store.insert(job)
    together([partial(new_store().move, job.job_id, Phase.QUEUED, RUNNABLE) for job in jobs])
    numbers = [job.queue_number for job in store.waiting()]
    assert len(set(numbers)) == 20 and numbers == sorted(numbers)  # type: ignore[type-var]


def test_only_one_of_two_moves_a_job(new_store: Callable[[], JobStore]) -> None:
    for _ in range(10):
        job = a_job(phase=Phase.QUEUED)
        first, second = new_store(), new_store()
        first.insert(job)
        won = together(
            [
                partial(first.move, job.job_id, Phase.EXECUTING, {Phase.QUEUED}),
                partial(second.move, job.job_id, Phase.ABORTED, {Phase.QUEUED}),
            ]
        )
        assert sorted(won) == [False, True]


def test_quota_holds_when_all_come_at_once(new_store: Callable[[], JobStore]) -> None:
    store = new_store()
    jobs = [a_job(owner=None) for _ in range(12)]
    for job in [*jobs, a_job(owner="ada", phase=Phase.QUEUED)]:
        store.insert(job)
    together([partial(new_store().enqueue, job.job_id, RUNNABLE, 5, "Too many.") for job in jobs])
    assert store.counts(None) == {Phase.QUEUED: 5, Phase.HELD: 7}
    assert store.counts("ada") == {Phase.QUEUED: 1}
    held = next(job for job in map(store.get, [job.job_id for job in jobs]) if job and job.phase is Phase.HELD)
    assert held.message == "Too many."
    assert store.enqueue(held.job_id, RUNNABLE, 6, "Too many.")
    assert one(store, held).phase is Phase.QUEUED and one(store, held).message is None


def test_lists(store: JobStore) -> None:
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    phases = [Phase.PENDING, Phase.COMPLETED, Phase.ARCHIVED, Phase.COMPLETED, Phase.ERROR, Phase.COMPLETED]
    jobs = [a_job(phase=phase, creation_time=now + number * HOUR) for number, phase in enumerate(phases)]
    for job in [*jobs, a_job(owner="bob"), a_job(job_type="spectra"), a_job(owner=None)]:
        store.insert(job)

    def found(**filters: object) -> list[int]:
        ids = [job.job_id for job in jobs]
        return [ids.index(job.job_id) for job in store.find("ada", "maps", **filters)]  # type: ignore[arg-type]

    assert found() == [0, 1, 3, 4, 5]
    assert found(phases=[Phase.ARCHIVED, Phase.ERROR]) == [2, 4]
    assert found(last=2) == [5, 4]
    assert found(last=2, phases=[Phase.COMPLETED]) == [5, 3]
    assert found(after=now + 3 * HOUR) == [4, 5]
    assert found(after=now, last=1, phases=[Phase.COMPLETED]) == [5]
    assert store.find(None, "maps") == []


def test_a_deleted_job_is_hidden_until_its_processes_have_ended(store: JobStore) -> None:
    job = a_job(phase=Phase.EXECUTING, record={"a": 1})
    store.insert(job)
    assert store.mark_deleted(job.job_id)
    assert store.find("ada", "maps") == [] and store.deleted() == []
    assert [item.record for item in store.active()] == [{"a": 1, "delete": True}]
    assert store.move(job.job_id, Phase.ABORTED, {Phase.EXECUTING}, record={"b": 2})
    assert [item.record for item in store.deleted()] == [{"a": 1, "delete": True, "b": 2}]
    assert store.delete(job.job_id) and store.get(job.job_id) is None


def test_what_the_sweep_finds(store: JobStore) -> None:
    now = datetime.datetime.now(datetime.UTC)
    past, archived = a_job(destruction=now - HOUR), a_job(destruction=now - HOUR, phase=Phase.ARCHIVED)
    for job in (past, archived, a_job(destruction=now + HOUR), a_job(destruction=None)):
        store.insert(job)
    assert [job.job_id for job in store.expired(now)] == [past.job_id]
    assert [job.job_id for job in store.archived_before(now)] == [archived.job_id]


def test_of_each_owner_the_first_wait(store: JobStore) -> None:
    made = [a_job(owner=owner) for owner in ("ada", "ada", None, "ada", None, "bob", None)]
    for job in made:
        store.insert(job)
        store.move(job.job_id, Phase.QUEUED, {Phase.PENDING})
    assert [job.job_id for job in store.waiting(2)] == [made[number].job_id for number in (0, 1, 2, 4, 5)]
    assert len(store.waiting()) == 7


def test_listeners_hear_of_each_change(store: JobStore, arguments: dict[str, str]) -> None:
    listener = psycopg2.connect(**arguments)
    listener.autocommit = True
    listener.cursor().execute(f"LISTEN {CHANNEL}")
    job = a_job(phase=Phase.EXECUTING)
    store.insert(job)
    assert store.request_stop(job.job_id)
    assert not store.move(job.job_id, Phase.QUEUED, {Phase.HELD})
    for phase in TERMINAL - {Phase.ARCHIVED}:
        store.move(job.job_id, phase, set(Phase))
    store.delete(job.job_id)

    def heard() -> int:
        listener.poll()
        return len(listener.notifies)

    assert wait_for(lambda: heard() >= 6, 10)
    assert [notice.payload for notice in listener.notifies] == [job.job_id] * 6
    listener.close()


def test_an_unknown_column_is_refused(store: JobStore) -> None:
    with pytest.raises(ValueError, match="no such columns"):
        store.change("a", set(Phase), **{"phase = 'ERROR' --": 1})


def one(store: JobStore, job: Job) -> Job:
    """Return what the store has of a job that is there."""
    found = store.get(job.job_id)
    assert found is not None
    return found


def together(calls: list[Callable[[], bool]]) -> list[bool]:
    """Call all at one time, each in a thread; return what they return."""
    gate = threading.Barrier(len(calls))
    answers: list[bool] = []

    def run(call: Callable[[], bool]) -> None:
        gate.wait()
        answers.append(call())

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
