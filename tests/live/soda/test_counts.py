"""Counts in cut-outs, compared with gammapy's own selections on the full files."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.time import Time
from gammapy.data import GTI, EventList
from gammapy.maps import WcsGeom
from regions import CircleSkyRegion, PolygonSkyRegion

from tests.live import soda_helpers as helpers
from tests.live.archive import SAMPLE, Archive
from tests.live.conftest import REAL
from tests.live.soda_helpers import document, events_of, opened, soda

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
HC_TEV_M = 1.239841984332e-18  # soda.md §5.1


def Document_of(archive: Archive, url: str) -> helpers.Document:  # noqa: N802
    """Read a DataLink document by its address."""
    return helpers.Document(archive.session.get(url, timeout=60))


@dataclass(frozen=True)
class Case:
    """A run, and cuts that leave some of its events but not all."""

    collection: str
    obs_id: str
    path: str
    circle: tuple[float, float, float]
    energy_tev: tuple[float, float]
    fraction: tuple[float, float] = (0.2, 0.7)  # of the time

    def __str__(self) -> str:
        return self.collection


CASES = [
    Case(SAMPLE, "100001", "public/ctao_sim_100001.fits.gz", (83.633, 22.014, 0.6), (0.1234, 5.4321)),
    # across RA 0: the field is around 351.8, 58.8, so the circle reaches over
    Case(SAMPLE, "100023", "public/ctao_sim_100023.fits.gz", (358.0, 59.0, 3.5), (0.0543, 1.2345)),
    Case("hess-dl3-dr1", "20136", "data/hess_dl3_dr1_obs_id_020136.fits.gz", (228.6, -59.0, 1.1), (0.7654, 4.321)),
    Case(
        "magic-rad-max",
        "5029748",
        "data/20131004_05029748_DL3_CrabNebula-W0.40+215.fits",
        (83.633, 22.014, 0.5),
        (0.1234, 2.3456),
    ),
    Case("fact-joint-crab", "20131105240", "20131105_240_dl3.fits", (83.633, 22.014, 0.7), (0.7654, 3.4567)),
    Case("cta-1dc", "110380", "data/baseline/gps/gps_baseline_110380.fits", (267.7, -29.6, 1.5), (0.0654, 0.4321)),
]


CUTS = ["CIRCLE", "POS", "POLYGON", "ENERGY", "BAND", "TIME", "all"]


COUNTED = [pytest.param(case, marks=() if case.collection == SAMPLE else REAL, id=str(case)) for case in CASES]


HAWC = Case(
    "hawc-crab-pass4",
    "103000133",
    "events/EventList_Crab_fHitbin9GP.fits.gz",
    (83.633, 22.014, 1.2),
    (12.345, 60.123),
)


@cache
def events_and_gti(path: Path) -> tuple[EventList, GTI]:
    """Return what gammapy reads from a file."""
    with warnings.catch_warnings(), fits.open(path) as hdus:
        warnings.simplefilter("ignore")
        names = [hdu.name for hdu in hdus]
        gti = next((name for name in ("GTI", "GTI0") if name in names), None)
        return EventList.read(path, checksum=False), GTI.read(path, hdu=gti or names[-1])


def square(case: Case) -> list[tuple[float, float]]:
    """Return a quadrangle around the centre of the case's circle, counter-clockwise with east left."""
    ra, dec, size = case.circle
    wide = size / np.cos(np.radians(dec))
    return [
        (ra - wide, dec - size),
        (ra - wide, dec + size),
        (ra + wide, dec + 0.5 * size),
        (ra + 0.7 * wide, dec - size),
    ]


def case_file(case: Case, sample: Path) -> Path:
    """Return the full file."""
    return (sample if case.collection == SAMPLE else helpers.real_file(case.collection, "")) / case.path


def the_cuts(case: Case, events: EventList, gti: GTI) -> dict[str, tuple[dict[str, str], Any]]:
    """Return, by name, SODA parameters and the same selection as gammapy makes it."""
    ra, dec, radius = case.circle
    corners = square(case)
    start, stop = gti.time_start.min(), gti.time_stop.max()
    low, high = (start + fraction * (stop - start) for fraction in case.fraction)
    time = Time([low, high])
    centre = SkyCoord(ra, dec, unit="deg")
    region = CircleSkyRegion(centre, radius * u.deg)
    # gammapy selects on a plane: these projections keep distances from the centre, and great circles straight
    distances, lines = (WcsGeom.create(skydir=centre, proj=name, binsz=0.01).wcs for name in ("ARC", "TAN"))
    polygon = PolygonSkyRegion(SkyCoord(corners, unit="deg"))
    energy = u.Quantity(case.energy_tev, "TeV")
    numbers = " ".join(repr(float(value)) for value in np.ravel([(ra % 360, dec) for ra, dec in corners]))
    times = " ".join(repr(float(value)) for value in time.utc.mjd)
    energies = f"{case.energy_tev[0]!r} {case.energy_tev[1]!r}"
    band = f"{HC_TEV_M / case.energy_tev[1]!r} {HC_TEV_M / case.energy_tev[0]!r}"
    circle = f"{ra} {dec} {radius}"

    def everything(given: EventList) -> EventList:
        inside = given.select_region(region, distances).select_region(polygon, lines)
        return inside.select_energy(energy).select_time(time)

    return {
        "CIRCLE": ({"CIRCLE": circle}, lambda given: given.select_region(region, distances)),
        "POS": ({"POS": f"Circle {circle}"}, lambda given: given.select_region(region, distances)),
        "POLYGON": ({"POLYGON": numbers}, lambda given: given.select_region(polygon, lines)),
        "ENERGY": ({"ENERGY": energies}, lambda given: given.select_energy(energy)),
        "BAND": ({"BAND": band}, lambda given: given.select_energy(energy)),
        "TIME": ({"TIME": times}, lambda given: given.select_time(time)),
        "all": ({"CIRCLE": circle, "ENERGY": energies, "TIME": times, "POS": f"POLYGON {numbers}"}, everything),
    }


def check_counts(archive: Archive, case: Case, did: str, file: Path, name: str, folder: Path) -> None:
    """Compare the rows of a cut-out with those that gammapy selects from the full file."""
    events, gti = events_and_gti(file)
    parameters, select = the_cuts(case, events, gti)[name]
    wanted = select(events)
    assert 0 < len(wanted.table) < len(events.table), f"a cut that says nothing: {len(wanted.table)}"
    answer = soda(archive, did, **parameters)
    assert answer.status_code == 200, (parameters, answer.text)
    opened(answer.content)
    place = folder / "cut.fits"
    place.write_bytes(answer.content)
    found, found_gti = events_and_gti.__wrapped__(place)
    assert len(found.table) == len(wanted.table)
    # the same events in the same order, all columns
    for column in ("RA", "DEC", "ENERGY", "TIME"):
        np.testing.assert_array_equal(found.table[column], wanted.table[column])
    if "TIME" not in parameters:
        assert found_gti.time_sum == gti.time_sum
    else:
        low, high = (Time(float(value), format="mjd", scale="utc") for value in parameters["TIME"].split())
        expected = gti.select_time(Time([low, high]))
        assert abs((found_gti.time_sum - expected.time_sum).to_value("s")) < 1e-3
        header = found.table.meta
        assert header["ONTIME"] == pytest.approx(expected.time_sum.to_value("s"), abs=1e-3)
        if "DEADC" in header:
            assert header["LIVETIME"] == pytest.approx(header["ONTIME"] * header["DEADC"], rel=1e-6)


class TestCounts:
    """Cut-outs hold exactly the events that gammapy selects from the full file."""

    @pytest.mark.parametrize(
        ("case", "name"),
        [
            pytest.param(
                case,
                name,
                marks=() if case.collection == SAMPLE else REAL,
                id=f"{case.collection}-{case.obs_id}-{name}",
            )
            for case in CASES
            for name in (["BAND", "all"] if case.collection == "cta-1dc" else CUTS)
        ],
    )
    def test_as_gammapy(self, archive: Archive, sample: Path, folder: Path, case: Case, name: str) -> None:
        did = helpers.did_of(archive.url, case.collection, case.obs_id)
        check_counts(archive, case, did, case_file(case, sample), name, folder)

    @pytest.mark.parametrize("case", COUNTED)
    def test_times_add_up(self, archive: Archive, sample: Path, case: Case) -> None:
        events, gti = events_and_gti(case_file(case, sample))
        did = helpers.did_of(archive.url, case.collection, case.obs_id)
        start, stop = (time.utc.mjd for time in (gti.time_start.min(), gti.time_stop.max()))
        edges = ["-Inf", *(repr(float(start + part * (stop - start))) for part in (0.31, 0.64)), "Inf"]
        counts, seconds = 0, 0.0
        for low, high in zip(edges, edges[1:], strict=False):
            hdus = opened(soda(archive, did, TIME=f"{low} {high}", RESPONSES="omit").content)
            counts += len(events_of(hdus).data)
            seconds += events_of(hdus).header["ONTIME"]
        assert counts == len(events.table)
        assert seconds == pytest.approx(gti.time_sum.to_value("s"), abs=1e-2)

    def test_around_the_pole(self, archive: Archive, sample: Path) -> None:
        """A circle that holds the celestial pole and reaches down to the field of run 100023."""
        events, _ = events_and_gti(sample / "public" / "ctao_sim_100023.fits.gz")
        did = helpers.did_of(archive.url, SAMPLE, "100023")
        wanted = np.sum(events.radec.separation(SkyCoord(20, 88, unit="deg")) <= 29.5 * u.deg)
        assert 0 < wanted < len(events.table)
        for parameters in ({"CIRCLE": "20 88 29.5"}, {"POS": "CIRCLE 380 88 29.5"}):
            answer = soda(archive, did, **parameters)
            if answer.status_code == 400:  # a longitude beyond 360 may be refused
                assert "380" in str(parameters)
                continue
            assert len(events_of(opened(answer.content)).data) == wanted

    def test_across_ra_0(self, archive: Archive, sample: Path) -> None:
        events, _ = events_and_gti(sample / "public" / "ctao_sim_100023.fits.gz")
        did = helpers.did_of(archive.url, SAMPLE, "100023")
        centre = SkyCoord(1, 59, unit="deg")
        wanted = np.sum(events.radec.separation(centre) <= 3 * u.deg)
        assert 0 < wanted < len(events.table)
        assert len(events_of(opened(soda(archive, did, CIRCLE="1 59 3").content)).data) == wanted

    def test_open_ends(self, archive: Archive, run: str, sample: Path) -> None:
        events, _ = events_and_gti(sample / "public" / "ctao_sim_100001.fits.gz")
        for text, low, high in (("-Inf 1.2345", 0, 1.2345), ("1.2345 +Inf", 1.2345, 1e9)):
            wanted = len(events.select_energy(u.Quantity([low, high], "TeV")).table)
            assert 0 < wanted < len(events.table)
            assert len(events_of(opened(soda(archive, run, ENERGY=text).content)).data) == wanted


@REAL
class TestHawc:
    """A drift instrument with a file for each type of event, and no pointing: links, cut-outs and packages."""

    @pytest.fixture(scope="class")
    def hawc(self, archive: Archive, dl3: Path) -> Iterator[dict[str, str]]:
        """Import the collection; give the identifiers of its event lists by file name."""
        archive.import_folder(dl3 / HAWC.collection, HAWC.collection)  # a file of it is not in this copy: status 1
        rows = archive.query(
            f"SELECT obs_publisher_did FROM ivoa.obscore WHERE obs_collection='{HAWC.collection}'"
            " AND dataproduct_type='event'"
        )
        yield {row["obs_publisher_did"].rpartition("/")[2]: row["obs_publisher_did"] for row in rows}
        archive.ops("withdraw", "--collection", HAWC.collection).check()

    @staticmethod
    def bin9(hawc: dict[str, str]) -> str:
        return hawc[Path(HAWC.path).name]

    def test_links(self, archive: Archive, hawc: dict[str, str]) -> None:
        assert len(hawc) == 2
        for did in hawc.values():
            found = document(archive, did)
            (other,) = found.of("#coderived")
            assert other["local_semantics"]
            assert other["content_type"] == helpers.DATALINK
            assert Document_of(archive, other["access_url"]).rows[0]["ID"] in set(hawc.values()) - {did}
            qualifiers = sorted(row["content_qualifier"] for row in found.of("#calibration"))
            assert qualifiers == ["aeff", "bkgrate", "edisp", "psf"]
            urls = {row["access_url"] for row in found.of("#calibration")}
            bin_name = did.partition("fHitbin")[2]
            assert len(urls) == 4 and all(url.endswith(bin_name) for url in urls)
            assert helpers.lint_errors(helpers.datalinklint(found.answer.content)) == []

    @pytest.mark.parametrize("name", ["CIRCLE", "POLYGON", "ENERGY", "TIME", "all"])
    def test_counts(self, archive: Archive, hawc: dict[str, str], folder: Path, name: str) -> None:
        check_counts(archive, HAWC, self.bin9(hawc), helpers.real_file(HAWC.collection, HAWC.path), name, folder)

    def test_event_types(self, archive: Archive, hawc: dict[str, str]) -> None:
        """The label of this dataset's own type keeps all events, another one none."""
        did = self.bin9(hawc)
        (own,) = document(archive, did).cutout().options("EVENT_TYPE")
        other = next(document(archive, item).cutout().options("EVENT_TYPE")[0] for item in hawc.values() if item != did)
        full = len(events_and_gti(helpers.real_file(HAWC.collection, HAWC.path))[0].table)
        kept = soda(archive, did, EVENT_TYPE=[own, other])
        assert len(events_of(opened(kept.content)).data) == full
        answer = soda(archive, did, EVENT_TYPE=other)
        assert answer.status_code == 204 or len(events_of(opened(answer.content)).data) == 0

    def test_package(self, archive: Archive, hawc: dict[str, str], folder: Path) -> None:
        """Two files of one OBS_ID cannot share an index."""
        answer = archive.get(helpers.PACKAGE, params={"ID": list(hawc.values())})
        assert answer.status_code == 200
        names = helpers.unpacked(answer.content, folder)
        assert len([name for name in names if name.endswith("obs-index.fits.gz")]) == 2
        assert len([name for name in names if "Map_" in name]) == 8
