"""What the tests of jobs need: job types in the instance that all live tests share; a bare database."""

from __future__ import annotations

import datetime
import secrets
import uuid
from collections.abc import Callable, Iterator

import psycopg2
import pytest
from lxml import etree

from analysis.uws.job import Job as StoredJob
from analysis.uws.job import Phase
from analysis.uws.store import JobStore
from tests.live.archive import Archive
from tests.live.jobs.database import database
from tests.live.jobs.definitions import accept_all
from tests.live.schemas import FIXTURES, schema
from tests.live.soda_helpers import Job, Login, People

Submit = Callable[..., Job]


@pytest.fixture(scope="session")
def jobs(archive: Archive) -> Archive:
    """The archive with the job types of the tests."""
    accept_all(archive)
    return archive


@pytest.fixture
def submit(jobs: Archive, people: People) -> Iterator[Submit]:
    """Make jobs of a type, of the PI unless told otherwise; they are deleted afterwards."""
    made: list[Job] = []

    def create(name: str, login: Login | str = "pi", **parameters: object) -> Job:
        who = people.pi if login == "pi" else login
        made.append(Job.create(jobs, parameters, who, f"/jobs/{name}"))  # type: ignore[arg-type]
        return made[-1]

    yield create
    for job in made:
        job.delete()


@pytest.fixture(scope="session")
def uws_schema() -> etree.XMLSchema:
    """The schema of UWS 1.1, among the others of the IVOA."""
    if not FIXTURES.is_dir():
        pytest.skip(f"no schemas: {FIXTURES} is absent")
    return schema("ivoa")


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


def a_job(**values: object) -> StoredJob:
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
    return StoredJob(**(defaults | values))
