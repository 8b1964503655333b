"""What the service says about itself: TAP_SCHEMA, VOSI documents, VOTable declarations."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest
import pyvo
from astropy.io import votable
from lxml import etree

from tests.live.archive import CHECKOUT, SHARED, Archive
from tests.live.schemas import FIXTURES, violations

VOTABLE = "{http://www.ivoa.net/xml/VOTable/v1.3}"
SOURCES = [
    "dachs",
    pytest.param("ivoa", marks=pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"no schemas: {SHARED} is absent")),
]
TEXT, WHOLE, REAL_NUMBER = {"char", "unicodeChar"}, {"short", "int", "long"}, {"float", "double"}

# ObsCore 1.1, mandatory columns (standards/obscore.md §1.1): name, kind, unit, UCD, utype after "obscore:".
MANDATORY = [
    line.split("|")
    for line in """\
dataproduct_type|text||meta.code.class|ObsDataset.dataProductType
calib_level|whole||meta.code;obs.calib|ObsDataset.calibLevel
obs_collection|text||meta.id|DataID.collection
obs_id|text||meta.id|DataID.observationID
obs_publisher_did|text||meta.ref.ivoid|Curation.publisherDID
access_url|text||meta.ref.url|Access.reference
access_format|text||meta.code.mime|Access.format
access_estsize|whole|kbyte|phys.size;meta.file|Access.size
target_name|text||meta.id;src|Target.name
s_ra|real|deg|pos.eq.ra|Char.SpatialAxis.Coverage.Location.Coord.Position2D.Value2.C1
s_dec|real|deg|pos.eq.dec|Char.SpatialAxis.Coverage.Location.Coord.Position2D.Value2.C2
s_fov|real|deg|phys.angSize;instr.fov|Char.SpatialAxis.Coverage.Bounds.Extent.diameter
s_region|text||pos.outline;obs.field|Char.SpatialAxis.Coverage.Support.Area
s_resolution|real|arcsec|pos.angResolution|Char.SpatialAxis.Resolution.Refval.value
s_xel1|whole||meta.number|Char.SpatialAxis.numBins1
s_xel2|whole||meta.number|Char.SpatialAxis.numBins2
t_min|real|d|time.start;obs.exposure|Char.TimeAxis.Coverage.Bounds.Limits.StartTime
t_max|real|d|time.end;obs.exposure|Char.TimeAxis.Coverage.Bounds.Limits.StopTime
t_exptime|real|s|time.duration;obs.exposure|Char.TimeAxis.Coverage.Support.Extent
t_resolution|real|s|time.resolution|Char.TimeAxis.Resolution.Refval.value
t_xel|whole||meta.number|Char.TimeAxis.numBins
em_min|real|m|em.wl;stat.min|Char.SpectralAxis.Coverage.Bounds.Limits.LoLimit
em_max|real|m|em.wl;stat.max|Char.SpectralAxis.Coverage.Bounds.Limits.HiLimit
em_res_power|real||spect.resolution|Char.SpectralAxis.Resolution.ResolPower.refVal
em_xel|whole||meta.number|Char.SpectralAxis.numBins
o_ucd|text||meta.ucd|Char.ObservableAxis.ucd
pol_states|text||meta.code;phys.polarization|Char.PolarizationAxis.stateList
pol_xel|whole||meta.number|Char.PolarizationAxis.numBins
facility_name|text||meta.id;instr.tel|Provenance.ObsConfig.Facility.name
instrument_name|text||meta.id;instr|Provenance.ObsConfig.Instrument.name
""".splitlines()
]
# The optional ones this archive fills (§1.2): name, unit, UCD, utype.
OPTIONAL = [
    line.split("|")
    for line in """\
dataproduct_subtype||meta.code.class|ObsDataset.dataProductSubtype
target_class||src.class|Target.class
obs_creation_date||time;meta.dataset|DataID.date
obs_creator_name||meta.id|DataID.creator
obs_creator_did||meta.id|DataID.creatorDID
obs_title||meta.title;obs|DataID.title
publisher_id||meta.ref.ivoid|Curation.publisherID
bib_reference||meta.bib.bibcode|Curation.reference
data_rights||meta.code|Curation.rights
obs_release_date||time.release|Curation.releaseDate
proposal_id||meta.id;obs.proposal|Provenance.Proposal.identifier
s_resolution_min|arcsec|pos.angResolution;stat.min|Char.SpatialAxis.Resolution.Bounds.Limits.LoLimit
s_resolution_max|arcsec|pos.angResolution;stat.max|Char.SpatialAxis.Resolution.Bounds.Limits.HiLimit
s_calib_status||meta.code.qual|Char.SpatialAxis.calibrationStatus
t_calib_status||meta.code.qual|Char.TimeAxis.calibrationStatus
em_calib_status||meta.code.qual|Char.SpectralAxis.calibrationStatus
em_unit||meta.unit|Char.SpectralAxis.unit
em_ucd||meta.ucd|Char.SpectralAxis.ucd
""".splitlines()
]
# The high-energy extension (§3): name, unit, UCD (None: the note has none, or one that is not in any list).
EXTENSION = [
    line.split("|")
    for line in """\
ev_xel||meta.number;instr.detection;phys.particle
s_ref_energy|eV|meta.ref;em.energy;pos
em_ref_energy|eV|meta.ref;em.energy;em
s_ref_oaa|deg|pos.posAng;instr.offset;pos
em_ref_oaa|deg|pos.posAng;instr.offset;em
t_intervals||
energy_min|eV|em.energy;stat.min
energy_max|eV|em.energy;stat.max
obs_mode||meta.code;obs.param
tracking_mode||meta.code;obs.param
scan_mode||meta.code;obs.param
pointing_mode||meta.code;obs.param
analysis_mode||meta.code;obs.param
event_type||meta.code.qual;instr.detection;phys.particle
messenger_name||meta.id;phys.particle
messenger_pdgid||
""".splitlines()
]
# Columns of the view that examples and services select by; each has an index below the view.
INDEXED = (
    "obs_publisher_did s_ra s_dec s_region obs_id obs_collection dataproduct_subtype target_name target_class "
    "t_min t_max t_exptime em_min em_max proposal_id"
).split()
INDEXED_EXTENSION = "obs_publisher_did energy_min energy_max ev_xel pointing_mode".split()


@pytest.fixture(scope="module")
def columns(archive: Archive) -> dict[str, dict[str, dict[str, str]]]:
    """TAP_SCHEMA's rows, by table and column."""
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in archive.query("SELECT * FROM tap_schema.columns", MAXREC="10000"):
        found.setdefault(row["table_name"].lower(), {})[row["column_name"].strip('"')] = row
    return found


class TestTapSchema:
    """ObsCore's columns are what the standard says they are."""

    @pytest.mark.parametrize(("name", "kind", "unit", "ucd", "utype"), MANDATORY, ids=[row[0] for row in MANDATORY])
    def test_mandatory(
        self, columns: dict[str, dict[str, dict[str, str]]], name: str, kind: str, unit: str, ucd: str, utype: str
    ) -> None:
        row = columns["ivoa.obscore"][name]
        assert row["unit"] == unit
        assert row["ucd"].lower() == ucd.lower()
        assert row["utype"].lower() == f"obscore:{utype}".lower()
        assert row["datatype"] in {"text": TEXT, "whole": WHOLE, "real": REAL_NUMBER}[kind]
        assert (row["std"], row["principal"]) == ("1", "1")
        assert len(row["description"]) > 10

    @pytest.mark.parametrize(("name", "unit", "ucd", "utype"), OPTIONAL, ids=[row[0] for row in OPTIONAL])
    def test_optional(
        self, columns: dict[str, dict[str, dict[str, str]]], name: str, unit: str, ucd: str, utype: str
    ) -> None:
        row = columns["ivoa.obscore"][name]
        assert row["unit"] == unit
        assert row["ucd"].lower() == ucd.lower()
        assert row["utype"].lower() == f"obscore:{utype}".lower()

    @pytest.mark.parametrize(("name", "unit", "ucd"), EXTENSION, ids=[row[0] for row in EXTENSION])
    def test_extension(self, columns: dict[str, dict[str, dict[str, str]]], name: str, unit: str, ucd: str) -> None:
        row = columns["ivoa.obscore_hea"][name]
        assert row["unit"] == unit
        assert row["std"] == "1"
        if ucd:
            assert row["ucd"] == ucd

    def test_indexes_are_told(self, columns: dict[str, dict[str, dict[str, str]]]) -> None:
        for table, names in (("ivoa.obscore", INDEXED), ("ivoa.obscore_hea", INDEXED_EXTENSION)):
            assert [name for name in names if columns[table][name]["indexed"] != "1"] == []

    def test_what_is_told_is_so(self, archive: Archive, columns: dict[str, dict[str, dict[str, str]]]) -> None:
        """No column is called indexed that has no index in the table behind the views."""
        definitions = " ".join(
            row[0]
            for row in archive.sql("SELECT indexdef FROM pg_indexes WHERE schemaname='cta' AND tablename='dataset'")
        )
        for table in ("ivoa.obscore", "ivoa.obscore_hea", "cta.dataset", "cta.obs_index"):
            told = [name for name, row in columns[table].items() if row["indexed"] == "1"]
            assert told
            assert [name for name in told if name not in definitions] == []

    def test_every_column_is_described(self, columns: dict[str, dict[str, dict[str, str]]]) -> None:
        own = {table: rows for table, rows in columns.items() if table.startswith(("cta.", "ivoa."))}
        assert set(own) >= {"ivoa.obscore", "ivoa.obscore_hea", "cta.dataset", "cta.obs_index", "cta.import_problem"}
        silent = [(table, name) for table, rows in own.items() for name, row in rows.items() if not row["description"]]
        assert silent == []

    def test_tables(self, archive: Archive) -> None:
        rows = {row["table_name"].lower(): row for row in archive.query("SELECT * FROM tap_schema.tables")}
        assert rows["ivoa.obscore"]["utype"].lower() == "ivo://ivoa.net/std/obscore#table-1.1"
        assert rows["ivoa.obscore_hea"]["utype"] == "ivo://ivoa.net/std/obscore#hea-ext-1.0"
        assert all(row["description"] for row in rows.values())

    def test_pyvo_sees_the_same(self, tap: pyvo.dal.TAPService) -> None:
        table = tap.tables["ivoa.obscore"]
        assert {column.name for column in table.columns} >= {row[0] for row in MANDATORY}


class TestVosi:
    """The documents validate, and say what clients look for."""

    @pytest.mark.parametrize("source", SOURCES)
    @pytest.mark.parametrize(
        "path",
        [
            "/tap/capabilities",
            "/tap/availability",
            "/tap/tables",
            "/tap/tables?detail=max",
            "/tap/tables?detail=min",
            "/tap/tables/ivoa.obscore",
            "/tap/tables/cta.dataset",
            "/tap/async",
            "/cta/q/cone/capabilities",
            "/cta/q/cone/availability",
            "/cta/q/cone/tableMetadata",
            "/cta/dl/links/capabilities",
        ],
    )
    def test_valid(self, archive: Archive, path: str, source: str) -> None:
        answer = archive.get(path)
        assert answer.status_code == 200
        assert violations(etree.fromstring(answer.content), source) == []

    def test_available(self, archive: Archive) -> None:
        document = etree.fromstring(archive.get("/tap/availability").content)
        assert document.findtext("{*}available") == "true"

    def test_unknown_table(self, archive: Archive) -> None:
        assert archive.get("/tap/tables/no.such").status_code == 404

    def test_capabilities(self, tap: pyvo.dal.TAPService) -> None:
        (language,) = [item for item in tap.get_tap_capability().languages if item.name == "ADQL"]
        functions = {form.form.split("(")[0].lower() for group in language.languagefeaturelists for form in group}
        assert {"ivo_hashlist_has", "ivo_interval_overlaps", "gavo_specconv", "gavo_vocmatch", "contains"} <= functions
        assert tap.maxrec and tap.hardlimit


class TestVOTable:
    """What every answer declares."""

    PLAIN = "SELECT * FROM ivoa.obscore"
    QUERY = "SELECT * FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea"

    @pytest.mark.parametrize("source", SOURCES)
    @pytest.mark.parametrize("form", ["votable", "votable/td", "votable/b2"])
    @pytest.mark.parametrize(
        "adql", [QUERY, "SELECT * FROM cta.obs_index", "SELECT COUNT(*) AS n FROM ivoa.obscore", "SELECT nothing"]
    )
    def test_valid(self, archive: Archive, adql: str, form: str, source: str) -> None:
        given = {"LANG": "ADQL", "QUERY": adql, "FORMAT": form}
        answer = archive.session.post(f"{archive.tap_url}/sync", data=given, timeout=60)
        assert violations(etree.fromstring(answer.content), source) == []

    def check_time(self, document: etree._Element, column: str, scale: str) -> None:
        """Check what time system a column refers to."""
        (field,) = [item for item in document.iter(f"{VOTABLE}FIELD") if item.get("name") == column]
        (system,) = [item for item in document.iter(f"{VOTABLE}TIMESYS") if item.get("ID") == field.get("ref")]
        assert system.get("timescale") == scale
        assert system.get("refposition") == "TOPOCENTER"
        assert system.get("timeorigin") in ("MJD-origin", "2400000.5")

    @pytest.mark.parametrize("column", ["t_min", "t_max"])
    @pytest.mark.parametrize(
        "adql",
        [
            "SELECT t_min, t_max FROM ivoa.obscore",
            "SELECT * FROM ivoa.obscore",
            "SELECT * FROM cta.dataset",
            QUERY,
        ],
        ids=["columns", "obscore", "dataset", "join"],
    )
    def test_times_are_utc_at_the_telescope(self, archive: Archive, adql: str, column: str) -> None:
        self.check_time(etree.fromstring(archive.query_votable(adql).encode()), column, "UTC")

    @pytest.mark.parametrize("column", ["tstart_tt", "tstop_tt"])
    def test_exact_times_are_tt(self, archive: Archive, column: str) -> None:
        document = etree.fromstring(archive.query_votable("SELECT tstart_tt, tstop_tt FROM cta.obs_index").encode())
        self.check_time(document, column, "TT")

    def test_positions_are_icrs(self, archive: Archive) -> None:
        document = etree.fromstring(archive.query_votable("SELECT s_ra, s_dec FROM ivoa.obscore").encode())
        systems = {item.get("ID"): item.get("system") for item in document.iter(f"{VOTABLE}COOSYS")}
        assert {systems.get(field.get("ref")) for field in document.iter(f"{VOTABLE}FIELD")} == {"ICRS"}

    def test_where_the_data_come_from(self, archive: Archive) -> None:
        document = etree.fromstring(archive.query_votable("SELECT obs_id FROM ivoa.obscore").encode())
        infos = {item.get("name"): item.get("value") for item in document.iter(f"{VOTABLE}INFO")}
        assert {"publisher", "request_date", "ivoid", "contact", "server_software"} <= set(infos)

    def test_astropy_reads_the_join(self, archive: Archive) -> None:
        # astropy does not know the UCD words the extension proposes; all else has to be right
        plain, joined = (io.BytesIO(archive.query_votable(query).encode()) for query in (self.PLAIN, self.QUERY))
        votable.parse_single_table(plain, verify="exception")
        table = votable.parse_single_table(joined)
        units = {field.name: str(field.unit) for field in table.fields if field.unit}
        assert units["energy_min"] == "eV"
        assert units["s_resolution"] == "arcsec"


def test_the_reference_of_tables_is_current(archive: Archive, folder: Path) -> None:
    """Somebody who changes a column runs `make docs`."""
    written = folder / "tables.md"
    done = subprocess.run(
        ["/usr/bin/python3", CHECKOUT / "docs" / "tables.py", written],
        env=archive.environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert written.read_text() == (CHECKOUT / "docs" / "tables.md").read_text()
