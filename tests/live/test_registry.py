"""What a harvester gets: OAI-PMH, its records against the schemas, their coverage against the data."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import Latitude, Longitude, SkyCoord
from astropy.io import fits, votable
from astropy.time import Time
from lxml import etree
from mocpy import MOC

from tests.live.archive import RUNS, SAMPLE, SHARED, Archive, headers
from tests.live.conftest import FIELDS, REAL, STOCK
from tests.live.schemas import FIXTURES, violations

OAI = "{http://www.openarchives.org/OAI/2.0/}"
RI = "{http://www.ivoa.net/xml/RegistryInterface/v1.0}"
XSI_TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
AUTHORITY = "ivo://cta.example"
TEV_IN_JOULE = 1.602176634e-7
SOURCES = [
    "dachs",
    pytest.param("ivoa", marks=pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"no schemas: {SHARED} is absent")),
]
SERVICES = {
    f"{AUTHORITY}/tap": "vs:CatalogService",
    f"{AUTHORITY}/cta/q/cone": "vs:CatalogService",
    f"{AUTHORITY}/cta/jobs/uws": "vs:DataService",
    f"{AUTHORITY}/__system__/obscore/ObsCore": "vs:CatalogResource",
    f"{AUTHORITY}/rd/obscore_hea/obscore_hea": "vs:CatalogResource",
    AUTHORITY: "vg:Authority",
    f"{AUTHORITY}/__system__/services/registry": "vg:Registry",
}


def oai(archive: Archive, **arguments: str) -> etree._Element:
    """Send an OAI-PMH request."""
    answer = archive.get("/oai.xml", params=arguments)
    assert answer.status_code == 200
    return etree.fromstring(answer.content)


def collections_of(archive: Archive) -> list[str]:
    """Return the names of the collections that have data."""
    return [row["name"] for row in archive.query("SELECT name FROM cta.collection WHERE n_datasets > 0")]


@pytest.fixture
def records(archive: Archive) -> dict[str, etree._Element]:
    """The records a harvester gets, by identifier."""
    document = oai(archive, verb="ListRecords", metadataPrefix="ivo_vor")
    assert document.find(f".//{OAI}resumptionToken") is None
    return {resource.findtext("identifier"): resource for resource in document.iter(f"{RI}Resource")}


class TestProtocol:
    """The verbs of OAI-PMH."""

    @pytest.mark.parametrize("source", SOURCES)
    @pytest.mark.parametrize(
        "arguments",
        [
            {"verb": "Identify"},
            {"verb": "ListMetadataFormats"},
            {"verb": "ListSets"},
            {"verb": "ListIdentifiers", "metadataPrefix": "ivo_vor"},
            {"verb": "ListIdentifiers", "metadataPrefix": "oai_dc", "set": "ivo_managed"},
            {"verb": "ListRecords", "metadataPrefix": "ivo_vor"},
            {"verb": "ListRecords", "metadataPrefix": "ivo_vor", "set": "ivo_managed"},
            {"verb": "ListRecords", "metadataPrefix": "oai_dc"},
            {"verb": "ListRecords", "metadataPrefix": "ivo_vor", "from": "2020-01-01"},
            {"verb": "GetRecord", "metadataPrefix": "ivo_vor", "identifier": f"{AUTHORITY}/tap"},
            {"verb": "GetRecord", "metadataPrefix": "ivo_vor", "identifier": f"{AUTHORITY}/cta/q/collection-{SAMPLE}"},
            {"verb": "GetRecord", "metadataPrefix": "ivo_vor", "identifier": f"{AUTHORITY}/nothing"},
            {"verb": "Nonsense"},
        ],
        ids=lambda value: "-".join(value.values()) if isinstance(value, dict) else value,
    )
    def test_answers_are_valid(self, archive: Archive, arguments: dict[str, str], source: str) -> None:
        assert violations(oai(archive, **arguments), source) == []

    def test_identify(self, archive: Archive) -> None:
        document = oai(archive, verb="Identify")
        assert document.findtext(f".//{OAI}baseURL") == f"{archive.url}/oai.xml"
        assert document.findtext(f".//{OAI}protocolVersion") == "2.0"
        assert document.find(f".//{RI}Resource").findtext("managedAuthority") == "cta.example"

    def test_formats_and_sets(self, archive: Archive) -> None:
        formats = [element.text for element in oai(archive, verb="ListMetadataFormats").iter(f"{OAI}metadataPrefix")]
        assert {"ivo_vor", "oai_dc"} <= set(formats)
        assert "ivo_managed" in [element.text for element in oai(archive, verb="ListSets").iter(f"{OAI}setSpec")]

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ({"verb": "Nonsense"}, "badVerb"),
            ({"verb": "ListRecords"}, "badArgument"),
            ({"verb": "ListRecords", "metadataPrefix": "marc"}, "cannotDisseminateFormat"),
            ({"verb": "GetRecord", "metadataPrefix": "ivo_vor", "identifier": "ivo://x/y"}, "idDoesNotExist"),
        ],
    )
    def test_errors_have_their_codes(self, archive: Archive, arguments: dict[str, str], code: str) -> None:
        assert oai(archive, **arguments).find(f"{OAI}error").get("code") == code

    def test_each_identifier_has_its_record(self, archive: Archive, records: dict[str, etree._Element]) -> None:
        listed = oai(archive, verb="ListIdentifiers", metadataPrefix="ivo_vor")
        alive = {
            header.findtext(f"{OAI}identifier")
            for header in listed.iter(f"{OAI}header")
            if header.get("status") != "deleted"
        }
        assert alive == set(records)
        for identifier in alive:
            alone = oai(archive, verb="GetRecord", metadataPrefix="ivo_vor", identifier=identifier)
            assert [resource.findtext("identifier") for resource in alone.iter(f"{RI}Resource")] == [identifier]

    def test_dublin_core_of_each(self, archive: Archive, records: dict[str, etree._Element]) -> None:
        document = oai(archive, verb="ListRecords", metadataPrefix="oai_dc")
        dc = "{http://purl.org/dc/elements/1.1/}"
        alive = [
            record
            for record in document.iter(f"{OAI}record")
            if record.find(f"{OAI}header").get("status") != "deleted"  # DaCHS tells what a deleted one was
        ]
        assert {record.findtext(f".//{dc}identifier") for record in alive} == set(records)
        assert all(element.text for element in document.iter(f"{dc}title"))


class TestRecords:
    """What is registered, and as what."""

    @pytest.mark.parametrize("identifier", SERVICES)
    def test_services(self, records: dict[str, etree._Element], identifier: str) -> None:
        assert records[identifier].get(XSI_TYPE) == SERVICES[identifier]

    def test_one_record_a_collection(self, archive: Archive, records: dict[str, etree._Element]) -> None:
        prefix = f"{AUTHORITY}/cta/q/collection-"
        registered = {identifier.removeprefix(prefix) for identifier in records if identifier.startswith(prefix)}
        assert registered == set(collections_of(archive))
        assert SAMPLE in registered

    @pytest.mark.parametrize("source", SOURCES)
    def test_each_is_valid(self, records: dict[str, etree._Element], source: str) -> None:
        found = {identifier: violations(record, source) for identifier, record in records.items()}
        assert {identifier: wrong for identifier, wrong in found.items() if wrong} == {}

    def test_each_says_what_vo_resource_wants(self, records: dict[str, etree._Element]) -> None:
        for identifier, record in records.items():
            for path in (
                "title",
                "curation/publisher",
                "curation/contact/email",
                "content/subject",
                "content/description",
            ):
                assert record.findtext(path), (identifier, path)
            assert record.get("status") == "active"
            for name in ("created", "updated"):
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record.get(name)), (identifier, name)
            assert "not given" not in etree.tostring(record, encoding="unicode").lower(), identifier

    def test_tap_capability(self, archive: Archive, records: dict[str, etree._Element]) -> None:
        (capability,) = records[f"{AUTHORITY}/tap"].findall("capability[@standardID='ivo://ivoa.net/std/TAP']")
        assert capability.get(XSI_TYPE) == "tr:TableAccess"
        models = [model.get("ivo-id").lower() for model in capability.findall("dataModel")]
        assert "ivo://ivoa.net/std/obscore#core-1.1" in models
        assert capability.findtext("interface/accessURL") == archive.tap_url

    def test_cone_capability(self, archive: Archive, records: dict[str, etree._Element]) -> None:
        record = records[f"{AUTHORITY}/cta/q/cone"]
        (capability,) = record.findall("capability[@standardID='ivo://ivoa.net/std/ConeSearch']")
        assert capability.get(XSI_TYPE) == "cs:ConeSearch"
        query = {child.tag: child.text for child in capability.find("testQuery")}
        answer = archive.get("/cta/q/cone/scs.xml", params={"RA": query["ra"], "DEC": query["dec"], "SR": query["sr"]})
        assert len(votable.parse_single_table(io.BytesIO(answer.content)).array) > 0

    def test_jobs_are_found_by_people(self, archive: Archive, records: dict[str, etree._Element]) -> None:
        # A list of jobs for each type: no capability of the registry says that, a page for browsers does.
        record = records[f"{AUTHORITY}/cta/jobs/uws"]
        (interface,) = record.findall("capability/interface")
        assert interface.get(XSI_TYPE) == "vr:WebBrowser"
        assert interface.findtext("accessURL") == f"{archive.url}/jobs"
        assert "gammapy_maps" in archive.get("/jobs").text

    @pytest.mark.parametrize(
        ("identifier", "table", "utype"),
        [
            (f"{AUTHORITY}/__system__/obscore/ObsCore", "ivoa.obscore", "ivo://ivoa.net/std/obscore#table-1.1"),
            (f"{AUTHORITY}/rd/obscore_hea/obscore_hea", "ivoa.obscore_hea", "ivo://ivoa.net/std/obscore#hea-ext-1.0"),
        ],
    )
    def test_tables_are_found_by_their_utype(
        self, records: dict[str, etree._Element], identifier: str, table: str, utype: str
    ) -> None:
        record = records[identifier]
        assert record.find("capability[@standardID='ivo://ivoa.net/std/TAP#aux']") is not None
        (found,) = [element for element in record.iter("table") if element.findtext("utype") == utype]
        assert found.findtext("name").lower() == table
        assert record.find("content/relationship/relatedResource").get("ivo-id") == f"{AUTHORITY}/tap"

    def test_a_collection_is_served_by_tap(self, archive: Archive, records: dict[str, etree._Element]) -> None:
        for name in collections_of(archive):
            record = records[f"{AUTHORITY}/cta/q/collection-{name}"]
            assert record.find("capability[@standardID='ivo://ivoa.net/std/TAP#aux']") is not None
            (related,) = record.findall("content/relationship[relationshipType='IsServedBy']/relatedResource")
            assert related.get("ivo-id") == f"{AUTHORITY}/tap"

    @REAL
    def test_the_terms_of_hess(self, records: dict[str, etree._Element]) -> None:
        record = records[f"{AUTHORITY}/cta/q/collection-hess-dl3-dr1"]
        # DaCHS writes no rights into the records of data collections.
        assert "Terms of use: No scientific publications may be derived" in record.findtext("content/description")
        assert record.findtext("curation/creator/name") == "H.E.S.S. Collaboration"
        assert record.findtext("facility") == "H.E.S.S."
        assert record.get("created") == "2018-09-01T00:00:00Z"


def moc_of(record: etree._Element) -> MOC:
    """Return the sky coverage of a record."""
    return MOC.from_str(record.findtext("coverage/spatial"))


def interval_of(record: etree._Element, name: str) -> tuple[float, float]:
    """Return the temporal (MJD TDB) or spectral (J) coverage of a record."""
    (text,) = [element.text for element in record.findall(f"coverage/{name}")]
    low, high = map(float, text.split())
    return low, high


def inside(moc: MOC, positions: list[tuple[float, float]]) -> list[bool]:
    """Say which positions lie in a MOC."""
    ras, decs = np.array(positions, float).T
    return [bool(value) for value in moc.contains_lonlat(Longitude(ras, u.deg), Latitude(decs, u.deg))]


def check_sky(moc: MOC, positions: list[tuple[float, float]], radii: list[float]) -> None:
    """Check a MOC against circles: at thousands of places, well inside and well outside of all of them.

    "Well" is a cell of order 6, up to 1.8 deg corner to corner.
    """
    random = np.random.default_rng(20261120)
    pointings = SkyCoord(np.array(positions, float), unit="deg")
    anywhere = SkyCoord(random.uniform(0, 360, 5000), np.degrees(np.arcsin(random.uniform(-1, 1, 5000))), unit="deg")
    near = pointings[random.integers(len(pointings), size=2000)].directional_offset_by(
        random.uniform(0, 360, 2000) * u.deg, max(radii) * 1.5 * np.sqrt(random.uniform(0, 1, 2000)) * u.deg
    )
    for places in (anywhere, near):
        distance = places[:, None].separation(pointings[None, :]).deg - np.array(radii)[None, :]
        closest = distance.min(axis=1)
        found = np.array(inside(moc, [(place.ra.deg, place.dec.deg) for place in places]))
        assert found[closest < -0.02].all()
        assert not found[closest > 1.8].any()
    assert all(inside(moc, positions))


class TestCoverage:
    """Computed anew from headers with astropy and mocpy, which share no code with the archive."""

    @REAL
    @pytest.mark.parametrize("name", STOCK)
    def test_real_collections(self, records: dict[str, etree._Element], name: str) -> None:
        record = records[f"{AUTHORITY}/cta/q/collection-{name}"]
        rows = list(headers(name).values())
        positions = [(float(row["RA_PNT"]), float(row["DEC_PNT"])) for row in rows]
        check_sky(moc_of(record), positions, [FIELDS[name] / 2] * len(positions))
        starts, stops = zip(*map(self.times_of, rows), strict=True)
        low, high = interval_of(record, "temporal")
        # The GTI edges are a few seconds from TSTART and TSTOP where those were rounded.
        assert low == pytest.approx(min(starts), abs=10 / 86400)
        assert high == pytest.approx(max(stops), abs=10 / 86400)
        energy_low, energy_high = (value / TEV_IN_JOULE for value in interval_of(record, "spectral"))
        assert 0.001 < energy_low < 5 < energy_high < 1000
        assert record.findtext("coverage/waveband") == "Gamma-ray"

    @staticmethod
    def times_of(row: dict[str, str]) -> tuple[float, float]:
        """Return start and stop of a run, MJD TDB."""
        # FACT writes TIMESYS='utc' and means it; the others are TT (traps.md).
        scale = row["TIMESYS"].lower()
        epoch = Time(float(row["MJDREFI"]), float(row["MJDREFF"]), format="mjd", scale=scale)
        edges = [epoch + float(row[name]) * u.s for name in ("TSTART", "TSTOP")]
        return float(edges[0].tdb.mjd), float(edges[1].tdb.mjd)

    def test_the_sample(self, archive: Archive, records: dict[str, etree._Element], sample: Path) -> None:
        record = records[f"{AUTHORITY}/cta/q/collection-{SAMPLE}"]
        low, high = interval_of(record, "temporal")
        energy_low, energy_high = interval_of(record, "spectral")
        positions, edges = zip(*self.sample_runs(sample), strict=True)
        fields = archive.query(f"SELECT s_ra, s_dec, s_fov FROM ivoa.obscore WHERE {RUNS}")
        radii = {(float(row["s_ra"]), float(row["s_dec"])): float(row["s_fov"]) / 2 for row in fields}
        check_sky(moc_of(record), list(positions), [radii[position] for position in positions])
        second = 1 / 86400
        assert low == pytest.approx(min(edge[0] for edge in edges), abs=0.01 * second)
        assert high == pytest.approx(max(edge[1] for edge in edges), abs=0.01 * second)
        energies = archive.query(
            "SELECT MIN(energy_min) AS low, MAX(energy_max) AS high FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
            f" WHERE obs_collection='{SAMPLE}'"
        )
        assert energy_low == pytest.approx(float(energies[0]["low"]) * 1.602176634e-19, rel=1e-9)
        assert energy_high == pytest.approx(float(energies[0]["high"]) * 1.602176634e-19, rel=1e-9)

    @staticmethod
    def sample_runs(sample: Path) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
        """Yield pointing and good time (MJD TDB) of each run."""
        for path in sorted(sample.glob("*/*.fits.gz")):
            with fits.open(path) as hdus:
                header = hdus["EVENTS"].header
                gti = hdus["GTI"]
                epoch = Time(gti.header["MJDREFI"], gti.header["MJDREFF"], format="mjd", scale="tai")
                start, stop = (
                    (epoch + seconds * u.s).tdb.mjd for seconds in (min(gti.data["START"]), max(gti.data["STOP"]))
                )
                yield (header["RA_PNT"], header["DEC_PNT"]), (float(start), float(stop))

    @pytest.mark.parametrize("identifier", [f"{AUTHORITY}/__system__/obscore/ObsCore", f"{AUTHORITY}/cta/q/cone"])
    def test_the_whole_archive(self, archive: Archive, records: dict[str, etree._Element], identifier: str) -> None:
        record = records[identifier]
        moc = moc_of(record)
        rows = archive.query("SELECT DISTINCT s_ra, s_dec FROM ivoa.obscore WHERE s_region IS NOT NULL")
        assert all(inside(moc, [(float(row["s_ra"]), float(row["s_dec"])) for row in rows]))
        (times,) = archive.query("SELECT MIN(t_min) AS low, MAX(t_max) AS high FROM ivoa.obscore")
        low, high = interval_of(record, "temporal")
        assert low == pytest.approx(float(times["low"]), abs=0.01)
        assert high == pytest.approx(float(times["high"]), abs=0.01)
        (energies,) = archive.query("SELECT MIN(energy_min) AS low, MAX(energy_max) AS high FROM ivoa.obscore_hea")
        energy_low, energy_high = (value / TEV_IN_JOULE * 1e12 for value in interval_of(record, "spectral"))
        assert energy_low == pytest.approx(float(energies["low"]), rel=1e-3)
        assert energy_high == pytest.approx(float(energies["high"]), rel=1e-3)
