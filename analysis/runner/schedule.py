"""Which waiting jobs begin: in the order of their submission, within the quotas."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from analysis.settings import Settings
from analysis.uws.job import Job


def next_jobs(waiting: Sequence[Job], running: Iterable[Job], n_free: int, settings: Settings) -> list[Job]:
    """Return the jobs to start now.

    A user's quota of running jobs never keeps those of others waiting; all anonymous jobs share one.

    Parameters
    ----------
    waiting
        Jobs that are queued, in their order.
    running
        Jobs that were given to an executor and have not ended.
    n_free
        How many more the executor takes.
    settings
        With the quotas.
    """
    counts = Counter(job.owner for job in running)
    chosen: list[Job] = []
    for job in waiting:
        if len(chosen) >= n_free:
            break
        quota = settings.max_running_anonymous if job.owner is None else settings.max_running_per_user
        if counts[job.owner] < quota:
            counts[job.owner] += 1
            chosen.append(job)
    return chosen
