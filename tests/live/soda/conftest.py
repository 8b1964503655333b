"""What all tests of cut-outs share: no file may be left behind; people; a public and a proprietary run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live import soda_helpers as helpers
from tests.live.archive import SAMPLE, Archive
from tests.live.soda_helpers import People


@pytest.fixture(scope="module", autouse=True)
def tidy(archive: Archive) -> Iterator[None]:
    """No test of this module leaves a temporary file."""
    with helpers.nothing_left(archive):
        yield


@pytest.fixture(scope="module")
def people(archive: Archive) -> People:
    return helpers.people_of(archive)


@pytest.fixture
def run(archive: Archive) -> str:
    """A public run of the sample."""
    return helpers.did_of(archive.url, SAMPLE, "100001")


@pytest.fixture
def held(archive: Archive) -> str:
    """A proprietary run of the sample."""
    return helpers.did_of(archive.url, SAMPLE, "100007")
