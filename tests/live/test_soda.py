"""SODA over HTTP: at once and as jobs. Counts are compared with gammapy's own selections on the full files."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.io.votable import parse
from astropy.time import Time
from gammapy.data import GTI, EventList
from gammapy.maps import WcsGeom
from lxml import etree
from regions import CircleSkyRegion, PolygonSkyRegion

from tests.live import soda_helpers as helpers
from tests.live.archive import SAMPLE, Archive, wait_for
from tests.live.conftest import REAL
from tests.live.schemas import violations
from tests.live.soda_helpers import Job, People, document, events_of, opened, soda, token

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::RuntimeWarning")
HC_TEV_M = 1.239841984332e-18  # soda.md §5.1


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


# Run 100001 looks at 83.63, 22.51 for 25 minutes from MJD 60275.0785 on.
CONE = "83.633 22.014 0.5"


class TestErrors:
    """Every row of the table in soda.md §3, and what users and machines send by mistake or on purpose."""

    @pytest.mark.parametrize(
        ("parameters", "word"),
        [
            ({"CIRCLE": "83 22"}, "UsageError"),
            ({"CIRCLE": "83 22 1 4"}, "UsageError"),
            ({"CIRCLE": "83 22 -1"}, "UsageError"),
            ({"CIRCLE": "83 91 1"}, "UsageError"),
            ({"CIRCLE": "83 22 x"}, "UsageError"),
            ({"CIRCLE": "NaN 22 1"}, "UsageError"),
            ({"CIRCLE": "83 22 Inf"}, "UsageError"),
            ({"CIRCLE": "83,22,1"}, "UsageError"),
            ({"CIRCLE": "1_0 22 1"}, "UsageError"),
            ({"POLYGON": "83 22 84 22"}, "UsageError"),
            ({"POLYGON": "83 22 84 22 84"}, "UsageError"),
            ({"POLYGON": "83 22 84 NaN 84 23"}, "UsageError"),
            # clockwise (with east left): strictly this is all of the sky but the triangle
            ({"POLYGON": "82 21 84 21 83 23"}, "UsageError"),
            ({"POS": "ELLIPSE 83 22 1"}, "UsageError"),
            ({"POS": "83 22 1"}, "UsageError"),
            ({"POS": "RANGE 84 83 21 22"}, "UsageError"),
            ({"POS": "RANGE 83 84 22 21"}, "UsageError"),
            ({"POS": "RANGE 83 84 NaN 22"}, "UsageError"),
            ({"TIME": "60275.09 60275.08"}, "UsageError"),
            ({"TIME": "NaN 60275.08"}, "UsageError"),
            ({"TIME": "60275.08"}, "UsageError"),
            ({"TIME": "2023-11-27T02:00:00 2023-11-27T03:00:00"}, "UsageError"),
            ({"TIME": "Inf Inf"}, "UsageError"),
            ({"BAND": "1e-18 1e-19"}, "UsageError"),
            ({"ENERGY": "10 1"}, "UsageError"),
            ({"ENERGY": "1 NaN"}, "UsageError"),
            ({"ENERGY": "1e999 2"}, "UsageError"),
            ({"EVENT_TYPE": "ü"}, "UsageError"),
            ({"RESPONSES": "perhaps"}, "UsageError"),
            ({"RESPONSEFORMAT": "text/html"}, "UsageError"),
            ({"RESPONSEFORMAT": "image/x-nothing"}, "UsageError"),
            ({"CIRCLE": [CONE, CONE]}, "MultiValuedParamNotSupported"),
            ({"POLYGON": ["82 21 83 23 84 21"] * 2}, "MultiValuedParamNotSupported"),
            ({"POS": [f"CIRCLE {CONE}", "RANGE 82 84 20 22"]}, "MultiValuedParamNotSupported"),
            ({"TIME": ["60275.08 60275.09", "60275.09 60275.1"]}, "MultiValuedParamNotSupported"),
            ({"BAND": ["1e-19 1e-18", "1e-18 1e-17"]}, "MultiValuedParamNotSupported"),
            ({"ENERGY": ["1 2", "3 4"], "energy": "5 6"}, "MultiValuedParamNotSupported"),
            ({"RESPONSEFORMAT": ["application/fits", "application/x-votable+xml"]}, "MultiValuedParamNotSupported"),
        ],
    )
    def test_bad_values(self, archive: Archive, run: str, parameters: dict[str, Any], word: str) -> None:
        answer = soda(archive, run, **parameters)
        assert (answer.status_code, token(answer)) == (400, word)
        assert "content-disposition" not in answer.headers

    def test_no_id(self, archive: Archive) -> None:
        answer = soda(archive, CIRCLE=CONE)
        assert (answer.status_code, token(answer)) == (400, "UsageError")

    def test_two_ids(self, archive: Archive, run: str) -> None:
        answer = soda(archive, [run, helpers.did_of(archive.url, SAMPLE, "100002")])  # type: ignore[arg-type]
        assert (answer.status_code, token(answer)) == (400, "MultiValuedParamNotSupported")

    @pytest.mark.parametrize(
        "did",
        [
            helpers.UNKNOWN,
            "100001",
            "' OR 1=1; DROP TABLE cta.dataset; --",
            "%' OR obs_publisher_did LIKE '%",
            "{run}'; SELECT pg_sleep(30); --",
            "../../../../etc/passwd",
            "{run}\0",
            "ivo://☃/~?ü",
            "ivo://" + "x" * 5000,
        ],
    )
    def test_unknown_ids(self, archive: Archive, run: str, did: str) -> None:
        before = archive.count("cta.dataset")
        answer = soda(archive, did.replace("{run}", run), CIRCLE=CONE)
        assert (answer.status_code, token(answer)) == (404, "UsageError")
        assert archive.count("cta.dataset") == before

    def test_undecodable_id(self, archive: Archive) -> None:
        answer = archive.session.get(f"{archive.url}{helpers.SODA}?ID=ivo://%ff%fe", timeout=60)
        assert answer.status_code == 404

    def test_a_response_file_cannot_be_cut(self, archive: Archive) -> None:
        rows = archive.query("SELECT obs_publisher_did FROM ivoa.obscore WHERE dataproduct_subtype='response-function'")
        if not rows:
            pytest.skip("no response file without real data")
        answer = soda(archive, rows[0]["obs_publisher_did"], CIRCLE=CONE)
        assert (answer.status_code, token(answer)) == (400, "UsageError")

    def test_login_missing_and_not_allowed(self, archive: Archive, people: People, held: str) -> None:
        answer = soda(archive, held, CIRCLE="266.4 -28.5 1")
        assert (answer.status_code, token(answer)) == (401, "AuthenticationError")
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
        answer = soda(archive, held, CIRCLE="266.4 -28.5 1", login=people.stranger)
        assert (answer.status_code, token(answer)) == (403, "AuthorizationError")
        assert "WWW-Authenticate" not in answer.headers
        assert soda(archive, held, CIRCLE="266.4 -28.5 1", login=people.pi).status_code == 200

    def test_refused_before_anything_is_told(self, archive: Archive, held: str) -> None:
        """Whether events are in a region is for the owner: 204 and 200 must not differ for others."""
        assert soda(archive, held, CIRCLE="10 10 0.1").status_code == 401

    @pytest.mark.parametrize(
        ("name", "values"),
        [
            ("POS", "POLYGON " + "83.1 22.1 " * 100_000),
            ("POLYGON", "83.1 22.1 " * 100_000),
            ("CIRCLE", "1" * 1_000_000),
            ("TIME", " " * 999_990 + "1 2"),
            ("ID", "ivo://" + "x" * 1_000_000),
        ],
    )
    def test_a_million_characters(self, archive: Archive, run: str, name: str, values: str) -> None:
        given = {"ID": run, name: values}
        began = helpers.now()
        answer = archive.session.post(f"{archive.url}{helpers.SODA}", data=given, timeout=60)
        assert (answer.status_code, token(answer)) == (404 if name == "ID" else 400, "UsageError")
        assert helpers.now() - began < 10

    def test_a_damaged_file(self, archive: Archive, sample: Path) -> None:
        """The user cannot mend it: 500, and a sentence without a path."""
        with replaced(archive, sample, "100024") as (did, place):
            place.write_bytes(b"SIMPLE  =                    T" + b" " * 50 + b"garbage" * 1000)
            answer = soda(archive, did, CIRCLE="350 58 1")
            assert (answer.status_code, token(answer)) == (500, "Error")
            assert place.name not in answer.text
        assert soda(archive, did, CIRCLE="349.9 58.8 1").status_code == 200

    @pytest.mark.slow
    def test_overloaded(self, archive: Archive, sample: Path, run: str) -> None:
        """Eight cut-outs that do not get on (their file is a pipe nobody writes to), eight more that wait: the next is
        told at once to come again, those that wait are told later, and all the rest of the archive answers.
        """
        answers: list[Any] = []

        def ask(did: str) -> None:
            answers.append(soda(Archive(archive.state), did, CIRCLE="350 58 1", RESPONSES="omit"))

        def ask_when_full() -> None:
            while (answer := soda(Archive(archive.state), run, CIRCLE="350 58 1")).status_code == 204:
                pass
            answers.append(answer)

        with replaced(archive, sample, "100024") as (did, place):
            os.mkfifo(place)
            place.chmod(0o644)
            threads = [threading.Thread(target=ask, args=(did,)) for _ in range(16)]
            for thread in threads:
                thread.start()
            one_more = threading.Thread(target=ask_when_full)
            one_more.start()
            try:
                for _ in range(3):
                    assert archive.query("SELECT TOP 1 obs_id FROM ivoa.obscore")
                    assert document(archive, run).rows
                one_more.join(20)
                assert [(answer.status_code, token(answer)) for answer in answers] == [(503, "ServiceUnavailable")]
            finally:
                while any(thread.is_alive() for thread in threads):
                    with contextlib.suppress(OSError), os.fdopen(os.open(place, os.O_WRONLY | os.O_NONBLOCK)):
                        pass
                    threads[0].join(0.05)
        assert {answer.status_code for answer in answers} == {500, 503}
        assert soda(archive, run, CIRCLE=CONE).status_code == 200


@contextlib.contextmanager
def replaced(archive: Archive, sample: Path, obs_id: str) -> Iterator[tuple[str, Path]]:
    """Take the file of a run away for a while; what is put in its place goes afterwards."""
    did = helpers.did_of(archive.url, SAMPLE, obs_id)
    place = archive.resource_dir / "data" / SAMPLE / "public" / f"ctao_sim_{obs_id}.fits.gz"
    assert place.resolve().is_relative_to(sample.resolve())
    aside = place.with_name("aside")
    place.rename(aside)
    try:
        yield did, place
    finally:
        place.unlink(missing_ok=True)
        aside.rename(place)


class TestAnswers:
    """What comes back, and in which form."""

    def test_a_trivial_request_is_the_file(self, archive: Archive, run: str, sample: Path) -> None:
        content = (sample / "public" / "ctao_sim_100001.fits.gz").read_bytes()
        for more in ({}, {"RESPONSES": "include"}, {"TIME": "-Inf Inf"}, {"POS": "RANGE 0 360 -90 90"}, {"X": "y"}):
            answer = soda(archive, run, **more)
            assert answer.status_code == 200
            assert answer.content == content
            assert int(answer.headers["Content-Length"]) == len(content)
            assert answer.headers["Content-Type"] == "application/fits"
            assert answer.headers["Content-Disposition"] == 'attachment; filename="ctao_sim_100001.fits.gz"'

    def test_headers(self, archive: Archive, run: str) -> None:
        answer = soda(archive, run, CIRCLE=CONE)
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/fits"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="100001_cutout.fits"'
        assert "Content-Encoding" not in answer.headers
        assert int(answer.headers["Content-Length"]) == len(answer.content)

    def test_head(self, archive: Archive, run: str) -> None:
        url, given = f"{archive.url}{helpers.SODA}", {"ID": run, "CIRCLE": CONE}
        answer = archive.session.head(url, params=given, timeout=20)
        assert answer.status_code == 200
        assert int(answer.headers["Content-Length"]) % 2880 == 0
        for more, status in (({"CIRCLE": "x"}, 400), ({"CIRCLE": "10 10 1"}, 204)):
            assert archive.session.head(url, params={**given, **more}, timeout=20).status_code == status

    def test_no_half_of_what_is_made_anew(self, archive: Archive, run: str) -> None:
        whole = soda(archive, run, CIRCLE=CONE)
        answer = archive.get(helpers.SODA, params={"ID": run, "CIRCLE": CONE}, headers={"Range": "bytes=2880-5759"})
        assert answer.status_code == 200
        assert len(answer.content) == len(whole.content)

    def test_names_in_any_case_by_get_and_post(self, archive: Archive, run: str) -> None:
        wanted = tables_of(soda(archive, run, CIRCLE=CONE, ENERGY="1 10").content)
        lower = archive.get(helpers.SODA, params={"id": run, "circle": CONE, "Energy": "1 10"})
        posted = archive.session.post(
            f"{archive.url}{helpers.SODA}", data={"ID": run, "CIRCLE": CONE, "eNERGY": "1 10"}, timeout=60
        )
        multipart = archive.session.post(
            f"{archive.url}{helpers.SODA}",
            files={"ID": (None, run), "CIRCLE": (None, CONE), "ENERGY": (None, "1 10")},
            timeout=60,
        )
        for answer in (lower, posted, multipart):
            assert answer.status_code == 200, answer.text
            assert tables_of(answer.content) == wanted

    @pytest.mark.parametrize(
        "parameters",
        [
            {"CIRCLE": "200 -20 1"},
            {"POLYGON": "200 -20 201 -19 201 -20"},
            {"POS": "RANGE 200 201 -20 -19"},
            {"TIME": "50000 50001"},
            {"TIME": "-Inf 60275"},
            {"ENERGY": "1000 Inf"},
            {"BAND": "1 2"},
            {"ENERGY": "1 2", "BAND": "1e-17 2e-17"},
            {"CIRCLE": CONE, "TIME": "70000 Inf"},
        ],
    )
    def test_no_overlap(self, archive: Archive, run: str, parameters: dict[str, str]) -> None:
        answer = soda(archive, run, **parameters)
        assert (answer.status_code, answer.content) == (204, b"")

    def test_an_empty_selection_is_a_file(self, archive: Archive, run: str) -> None:
        """Non-detections matter: a filter that overlaps the data but selects nothing gives an event list of no rows."""
        hdus = opened(soda(archive, run, CIRCLE="83.633 22.014 0.000001").content)
        assert len(events_of(hdus).data) == 0
        assert len(hdus["GTI"].data) > 0

    def test_responses_are_the_same_bytes(self, archive: Archive, run: str, sample: Path) -> None:
        cut = opened(soda(archive, run, CIRCLE=CONE).content)
        full = fits.open(sample / "public" / "ctao_sim_100001.fits.gz")
        names = [hdu.name for hdu in full if hdu.header.get("HDUCLAS1") == "RESPONSE"]
        assert len(names) == 4
        for name in names:
            assert cut[name].data.tobytes() == full[name].data.tobytes()
            assert str(cut[name].header) == str(full[name].header)
        none = opened(soda(archive, run, CIRCLE=CONE, RESPONSES="omit").content)
        assert not [hdu.name for hdu in none if hdu.header.get("HDUCLAS1") == "RESPONSE"]

    def test_what_was_done_is_written(self, archive: Archive, run: str) -> None:
        header = events_of(opened(soda(archive, run, CIRCLE=CONE, ENERGY="1 10").content)).header
        history = "".join(str(line) for line in header["HISTORY"])
        assert run in history.replace(" ", "") or run in history
        assert archive.url in history.replace(" ", "")
        subspace = {header[f"DSTYP{n}"]: header[f"DSVAL{n}"] for n in range(1, header["NDSKEYS"] + 1)}
        assert subspace["ENERGY"] == "1:10"
        assert subspace["POS(RA,DEC)"].upper() == "CIRCLE(83.633,22.014,0.5)"

    def test_votable(self, archive: Archive, run: str) -> None:
        answer = soda(archive, run, CIRCLE=CONE, RESPONSEFORMAT="votable")
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "application/x-votable+xml"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="100001_cutout.vot"'
        assert violations(etree.fromstring(answer.content), "ivoa") == []
        votable = parse(io.BytesIO(answer.content))
        table = next(iter(votable.iter_tables()))
        fits_table = events_of(opened(soda(archive, run, CIRCLE=CONE).content)).data
        assert len(table.array) == len(fits_table) > 10
        time = table.get_field_by_id_or_name("TIME")
        (system,) = [item for item in votable.iter_timesys() if time.ref == item.ID]
        header = events_of(opened(soda(archive, run, CIRCLE=CONE).content)).header
        assert system.timescale.lower() == header["TIMESYS"].lower()
        assert float(system.timeorigin) == 2400000.5 + header["MJDREFI"] + header["MJDREFF"]
        first = float(system.timeorigin) - 2400000.5 + u.Quantity(table.array["TIME"], time.unit).to_value("d")
        assert np.all((first > 60275.0785) & (first < 60275.0975))
        np.testing.assert_array_equal(np.asarray(table.array["RA"]), fits_table["RA"])

    def test_a_client_that_hangs_up(self, archive: Archive, run: str) -> None:
        """Nothing stays behind, whether it goes before or while the answer comes."""
        place = urlsplit(archive.url)
        request = f"GET {helpers.SODA}?{urlencode({'ID': run, 'CIRCLE': CONE})} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        package = f"GET {helpers.PACKAGE}?{urlencode({'ID': run})} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
        with helpers.nothing_left(archive):
            for sent, received in [(request, 0), (request, 2000), (package, 0), (package, 2000)] * 3:
                with socket.create_connection((place.hostname, place.port), timeout=20) as client:
                    client.sendall(sent)
                    if received:
                        client.recv(received)
            assert soda(archive, run, CIRCLE=CONE).status_code == 200

    def test_many_at_once(self, archive: Archive, run: str) -> None:
        with helpers.nothing_left(archive):
            answers: list[Any] = []

            def ask() -> None:
                answers.append(soda(Archive(archive.state), run, CIRCLE=CONE))

            threads = [threading.Thread(target=ask) for _ in range(12)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            assert [answer.status_code for answer in answers] == [200] * 12
            assert len({str(tables_of(answer.content)) for answer in answers}) == 1


def tables_of(content: bytes) -> dict[str, bytes]:
    """Return the data of the HDUs by name."""
    return {hdu.name: b"" if hdu.data is None else hdu.data.tobytes() for hdu in opened(content)}


class TestSiblings:
    """VOSI resources beside the service (soda.md §1)."""

    @pytest.mark.parametrize(
        "service",
        [
            pytest.param(
                "soda",
                marks=pytest.mark.xfail(
                    strict=True, reason="DaCHS 2.11 does not declare the namespace vs, and leaves async out"
                ),
            ),
            "links",
        ],
    )
    def test_capabilities(self, archive: Archive, service: str) -> None:
        root = etree.fromstring(archive.get(f"/cta/dl/{service}/capabilities").content)
        assert violations(root, "ivoa") == []
        found = {item.get("standardID", "").lower(): item for item in root.iter("capability")}
        assert "ivo://ivoa.net/std/vosi#capabilities" in found
        assert "ivo://ivoa.net/std/vosi#availability" in found
        if service == "soda":
            assert found["ivo://ivoa.net/std/soda#sync-1.0"].findtext(".//accessURL") == archive.url + helpers.SODA
            assert found["ivo://ivoa.net/std/soda#async-1.0"].findtext(".//accessURL") == archive.url + helpers.JOBS
        for item in root.iter("capability"):
            for url in item.iter("accessURL"):
                assert url.text.startswith(archive.url)

    def test_availability(self, archive: Archive) -> None:
        root = etree.fromstring(archive.get("/cta/dl/soda/availability").content)
        assert violations(root, "ivoa") == []
        assert root.findtext("{*}available") == "true"


# --- counts ---------------------------------------------------------------------------------------------------------


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
        archive.withdraw(HAWC.collection)

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


def Document_of(archive: Archive, url: str) -> helpers.Document:  # noqa: N802
    """Read a DataLink document by its address."""
    return helpers.Document(archive.session.get(url, timeout=60))


# --- jobs -----------------------------------------------------------------------------------------------------------


class TestJobs:
    """UWS as clients use it (uws.md)."""

    def test_all_combinations(self, archive: Archive, run: str) -> None:
        other = helpers.did_of(archive.url, SAMPLE, "100002")
        circles = [CONE, "83.8 22.2 0.3"]
        job = Job.create(archive, [("ID", run), ("ID", other), *(("CIRCLE", circle) for circle in circles)])
        assert job.phase == "PENDING"
        assert violations(etree.fromstring(job.get().content), "ivoa") == []
        job.run()
        assert job.phase == "COMPLETED"
        assert violations(etree.fromstring(job.get().content), "ivoa") == []
        results = job.fetched()
        assert len(results) == 4
        expected = [
            len(events_of(opened(soda(archive, did, CIRCLE=circle).content)).data)
            for did in (run, other)
            for circle in circles
        ]
        assert [len(events_of(opened(results[name].content)).data) for name in sorted(results)] == expected
        assert {answer.headers["Content-Type"] for answer in results.values()} == {"application/fits"}
        assert job.delete().status_code == 303
        assert job.get().status_code == 404

    def test_failed_combinations_are_texts(self, archive: Archive, run: str) -> None:
        job = Job.create(archive, [("ID", run), ("ID", helpers.UNKNOWN), ("CIRCLE", CONE), ("CIRCLE", "200 -20 1")])
        results = job.run().fetched()
        assert job.phase == "COMPLETED"
        kinds = [results[name].headers["Content-Type"].partition(";")[0] for name in sorted(results)]
        assert kinds == ["application/fits", "text/plain", "text/plain", "text/plain"]
        texts = [results[name].text.partition(":")[0] for name in sorted(results)[1:]]
        assert texts == ["NoOverlap", "UsageError", "UsageError"]
        job.delete()

    def test_a_votable(self, archive: Archive, run: str) -> None:
        job = Job.create(archive, {"ID": run, "CIRCLE": CONE, "RESPONSEFORMAT": "votable"}).run()
        (answer,) = job.fetched().values()
        assert answer.headers["Content-Type"] == "application/x-votable+xml"
        assert len(next(iter(parse(io.BytesIO(answer.content)).iter_tables())).array) > 10
        job.delete()

    @pytest.mark.parametrize(
        "parameters",
        [{"CIRCLE": CONE}, {"ID": "{run}", "CIRCLE": "x"}, {"ID": "{run}", "RESPONSES": ["omit", "include"]}],
    )
    def test_errors(self, archive: Archive, run: str, parameters: dict[str, Any]) -> None:
        given = {key: run if value == "{run}" else value for key, value in parameters.items()}
        job = Job.create(archive, given).run()
        assert job.phase == "ERROR"
        assert job.results == {}
        message = etree.fromstring(job.get().content).findtext(f"{helpers.UWS}errorSummary/{helpers.UWS}message")
        assert "UsageError" in message or "MultiValuedParamNotSupported" in message
        assert "Traceback" not in job.get("/error").text
        job.delete()

    def test_abort_and_delete(self, archive: Archive, run: str) -> None:
        job = Job.create(archive, {"ID": run, "CIRCLE": CONE})
        assert job.post("/phase", PHASE="ABORT").status_code == 303
        assert job.phase == "ABORTED"
        assert job.results == {}
        job.delete()
        assert job.get().status_code == 404
        assert job.get("/results").status_code == 404

    def test_phase_run_at_creation_is_ignored_by_dachs(self, archive: Archive, run: str) -> None:
        """UWS lets a job start by PHASE=RUN among its parameters; DaCHS 2.11 takes it for nothing (should it start, the
        better: then this test can go).
        """
        job = Job.create(archive, {"ID": run, "CIRCLE": CONE, "PHASE": "RUN"})
        assert job.phase in ("PENDING", "QUEUED", "EXECUTING", "COMPLETED")
        job.delete()

    def test_a_job_belongs_to_its_owner(self, archive: Archive, people: People, held: str) -> None:
        job = Job.create(archive, {"ID": held, "CIRCLE": "266.4 -28.5 2"}, people.pi).run()
        assert job.phase == "COMPLETED"
        ((name, answer),) = job.fetched().items()
        assert len(events_of(opened(answer.content)).data) > 0
        stored = urlsplit(job.results[name]).path
        for who, login in people.not_the_pi.items():
            for path in (
                "",
                "/phase",
                "/results",
                f"/results/{name}",
                "/parameters",
                "/error",
                "/owner",
                "/results/..",
            ):
                refused = job.get(path, login)
                assert refused.status_code in (401, 403), (who, path)
                assert b"SIMPLE" not in refused.content and quote(held).encode() not in refused.content
            refused = archive.session.head(f"{archive.url}{stored}", auth=login, timeout=20)
            assert refused.status_code in (401, 403), who
            refused = archive.session.delete(job.url, auth=login, allow_redirects=False, timeout=60)
            assert refused.status_code in (401, 403), who
            refused = archive.session.post(f"{job.url}/phase", data={"PHASE": "ABORT"}, auth=login, timeout=60)
            assert refused.status_code in (401, 403), who
            listed = archive.session.get(f"{archive.url}{helpers.JOBS}", auth=login, timeout=60)
            # DaCHS lists the names of everybody's jobs to everybody, and nothing else of them
            assert "ctao_sim" not in listed.text and people.pi[0] not in listed.text, who
        assert job.phase == "COMPLETED"
        assert job.delete().status_code == 303

    def test_no_job_gets_what_its_maker_may_not_have(
        self, archive: Archive, people: People, held: str, run: str
    ) -> None:
        for login, word in (
            (None, "AuthenticationError"),
            (people.wrong_password, "AuthenticationError"),
            (people.stranger, "AuthorizationError"),
        ):
            parameters = [("ID", held), ("ID", run)]
            job = Job.create(archive, parameters, login)
            if login == people.wrong_password:
                job.login = None
            results = job.run().fetched()
            first, second = (results[name] for name in sorted(results))
            assert first.headers["Content-Type"].startswith("text/plain")
            assert first.text.startswith(f"{word}: ")
            assert second.headers["Content-Type"] == "application/fits"
            job.delete()

    def test_what_is_left_of_jobs(self, archive: Archive, run: str) -> None:
        """A deleted job takes its folder along."""
        job = Job.create(archive, {"ID": run, "CIRCLE": CONE}).run()
        folder = archive.real / "dachs" / "state" / "uwsjobs" / job.url.rpartition("/")[2]
        assert folder.is_dir()
        job.delete()
        assert wait_for(lambda: not folder.exists(), 10)
