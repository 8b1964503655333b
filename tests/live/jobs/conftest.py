"""What the tests of jobs need: a database, and jobs to put there."""

from __future__ import annotations

import datetime
import secrets
import uuid
from collections.abc import Callable, Iterator

import psycopg2
import pytest

from analysis.uws.job import Job, Phase
from analysis.uws.store import JobStore
from tests.live.jobs.database import database


@pytest.fixture(scope="package")
def arguments() -> Iterator[dict[str, str]]:
    """How to connect to a database with an empty table of jobs."""
    with database() as found:
        yield found


@pytest.fixture
def new_store(arguments: dict[str, str]) -> Iterator[Callable[[], JobStore]]:
    """Make stores on connections of their own, on a table that is empty when the test begins."""
    connections = [psycopg2.connect(**arguments)]
    with connections[0], connections[0].cursor() as cursor:
        cursor.execute("DELETE FROM cta.job")

    def make() -> JobStore:
        connections.append(psycopg2.connect(**arguments))
        return JobStore(connections[-1])

    yield make
    for connection in connections:
        connection.close()


@pytest.fixture
def store(new_store: Callable[[], JobStore]) -> JobStore:
    """A store."""
    return new_store()


def a_job(**values: object) -> Job:
    """Return a job that can be inserted."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    defaults: dict[str, object] = {
        "job_id": secrets.token_hex(16),
        "job_type": "maps",
        "owner": "ada",
        "phase": Phase.PENDING,
        "creation_time": now,
        "execution_duration": 60,
        "destruction": now + datetime.timedelta(days=3),
        "activity": str(uuid.uuid4()),
    }
    return Job(**(defaults | values))
