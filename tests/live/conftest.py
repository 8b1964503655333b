"""One private instance for the whole session: started, stocked and removed by the operator commands.

Nothing is mocked: server, database and clients are the real ones. ``CTA_TEST_STATE`` names the state folder
(default ``var-test`` in the checkout); with ``CTA_TEST_REUSE=1`` an instance found there is used, and left running.
Real data are in ``../shared``; tests that need them are skipped without it.
"""

from __future__ import annotations

import os
import shutil
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import pyvo
from astropy.utils import iers

from tests.live import soda_helpers
from tests.live.archive import (
    CHECKOUT,
    SAMPLE,
    SHARED,
    Archive,
    everybody_reaches,
    make_sample,
    open_folder,
    running_archive,
)
from tests.live.soda_helpers import People

STOCK = ("hess-dl3-dr1", "cta-1dc", "fact-joint-crab", "magic-rad-max")
# Field of view (diameter, deg) of the stocked collections: standards/obscore.md §6.1 and the data's own responses.
FIELDS = {"hess-dl3-dr1": 5.0, "cta-1dc": 10.0, "fact-joint-crab": 4.5, "magic-rad-max": 3.5, SAMPLE: 10.0}
REAL = pytest.mark.skipif(not (SHARED / "data" / "dl3").is_dir(), reason=f"no real data: {SHARED} is absent")

iers.conf.auto_download = False
warnings.filterwarnings("ignore", module="pyvo|astropy")


def pytest_configure() -> None:
    """End tidily, instance included, when the run is told to stop by something other than Ctrl-C."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)


@pytest.fixture(scope="session")
def dl3() -> Iterator[Path]:
    """The folder of the real DL3 collections, where every user can read it."""
    place = SHARED / "data" / "dl3"
    if not place.is_dir():
        pytest.skip(f"no real data: {SHARED} is absent")
    if everybody_reaches(place):
        yield place
        return
    with open_folder("cta-dl3-") as copy:  # a checkout in somebody's private home
        shutil.copytree(place, copy / "dl3")
        yield copy / "dl3"


@pytest.fixture(scope="session")
def sample() -> Iterator[Path]:
    """The sample archive, 24 runs."""
    with open_folder("cta-sample-") as folder:
        yield make_sample(folder / "sample")


def state_folder(suffix: str = "") -> Path:
    """Return the state folder of an instance of this run."""
    chosen = Path(os.environ.get("CTA_TEST_STATE") or CHECKOUT / "var-test")
    worker = os.environ.get("PYTEST_XDIST_WORKER")  # each process has instances of its own
    return chosen.with_name(chosen.name + (f"-{worker}" if worker else "") + suffix)


@pytest.fixture(scope="session")
def archive(request: pytest.FixtureRequest, sample: Path) -> Iterator[Archive]:
    """The instance, stocked with the sample archive and, where they are, with real data."""
    failed_before = request.session.testsfailed
    with running_archive(state_folder(), keep=lambda: request.session.testsfailed > failed_before) as running:
        running.import_folder(sample, SAMPLE).check()
        if (SHARED / "data" / "dl3").is_dir():
            folders = request.getfixturevalue("dl3")
            for name in STOCK:
                running.import_folder(folders / name, name).check()
        yield running


@pytest.fixture(scope="session")
def workshop(request: pytest.FixtureRequest) -> Iterator[Archive]:
    """A second instance beside the first, empty: for tests that change and break things."""
    failed_before = request.session.testsfailed
    with running_archive(
        state_folder("-workshop"), keep=lambda: request.session.testsfailed > failed_before
    ) as running:
        yield running


@pytest.fixture(scope="session")
def tap(archive: Archive) -> pyvo.dal.TAPService:
    """The TAP service as pyvo sees it."""
    return pyvo.dal.TAPService(archive.tap_url, session=archive.session)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A scratch folder that the server's user can read."""
    with open_folder() as made:
        yield made


@pytest.fixture(scope="module")
def people(archive: Archive) -> People:
    """Who may ask for proprietary data, and who may not."""
    return soda_helpers.people_of(archive)


@pytest.fixture
def run(archive: Archive) -> str:
    """A public run of the sample."""
    return soda_helpers.did_of(archive.url, SAMPLE, "100001")


@pytest.fixture
def held(archive: Archive) -> str:
    """A proprietary run of the sample."""
    return soda_helpers.did_of(archive.url, SAMPLE, "100007")
