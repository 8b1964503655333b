"""The job types of the tests, in the instance that all live tests share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from lxml import etree

from tests.live.archive import SHARED, Archive
from tests.live.jobs.definitions import accept_all
from tests.live.soda_helpers import Job, Login, People

UWS_SCHEMA = SHARED / "standards" / "fixtures" / "ivoa" / "UWS-v1.1.xsd"
STUBS = SHARED / "standards" / "fixtures" / "own"
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
    """The schema of UWS 1.1; its import of xlink is answered from beside it."""
    if not UWS_SCHEMA.is_file():
        pytest.skip(f"no schemas: {SHARED} is absent")

    class Local(etree.Resolver):
        def resolve(self, url: str, public_id: str, context: object) -> object:
            if "xlink" in url.lower():
                return self.resolve_filename(str(_xlink()), context)
            return None

    parser = etree.XMLParser()
    parser.resolvers.add(Local())
    return etree.XMLSchema(etree.parse(str(UWS_SCHEMA), parser))


def _xlink() -> Path:
    beside = sorted(UWS_SCHEMA.parent.glob("xlink*.xsd"))
    return beside[0] if beside else STUBS / "xlink-stub.xsd"
