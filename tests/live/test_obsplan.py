"""ivoa.obsplan: ObsLocTAP 1.0 as clients and validators see it, and that confidential plans stay so."""

from __future__ import annotations

import re
import subprocess

import pytest
from lxml import etree

from sample.observatory import CONFIDENTIAL_PROPOSAL, CONFIDENTIAL_TARGET
from tests.live.archive import CHECKOUT, SAMPLE, Archive

STILTS = CHECKOUT / ".venv" / "bin" / "stilts"
# ObsLocTAP 1.0, section 4: name, kind, unit, UCD, utype.
COLUMNS = [
    line.split("|")
    for line in """\
t_planning|real|d||
target_name|text||meta.id;src|Target.name
obs_id|text||meta.id|DataID.observationID
obs_collection|text||meta.id|DataID.collection
s_ra|real|deg|pos.eq.ra|Char.SpatialAxis.Coverage.Location.Coord.Position2D.Value2.C1
s_dec|real|deg|pos.eq.dec|Char.SpatialAxis.Coverage.Location.Coord.Position2D.Value2.C2
s_fov|real|deg|phys.angSize;instr.fov|Char.SpatialAxis.Coverage.Bounds.Extent.diameter
s_region|region||pos.outline;obs.field|Char.SpatialAxis.Coverage.Support.Area
s_resolution|real|arcsec|pos.angResolution|Char.SpatialAxis.Resolution.Refval.value
t_min|real|d|time.start;obs.exposure|Char.TimeAxis.Coverage.Bounds.Limits.StartTime
t_max|real|d|time.end;obs.exposure|Char.TimeAxis.Coverage.Bounds.Limits.StopTime
t_exptime|real|s|time.duration;obs.exposure|Char.TimeAxis.Coverage.Support.Extent
t_resolution|real|s|time.resolution|Char.TimeAxis.Resolution.Refval.value
em_min|real|m|em.wl;stat.min|Char.SpectralAxis.Coverage.Bounds.Limits.LoLimit
em_max|real|m|em.wl;stat.max|Char.SpectralAxis.Coverage.Bounds.Limits.HiLimit
em_res_power|real||spect.resolution|Char.SpectralAxis.Resolution.ResolPower.refVal
o_ucd|text||meta.ucd|Char.ObservableAxis.ucd
pol_states|text||meta.code;phys.polarization|Char.PolarizationAxis.stateList
pol_xel|whole||meta.number|Char.PolarizationAxis.numBins
facility_name|text||meta.id;instr.tel|Provenance.ObsConfig.Facility.name
instrument_name|text||meta.id;instr|Provenance.ObsConfig.Instrument.name
t_plan_exptime|real|s|time.duration;obs.exposure|Char.TimeAxis.Coverage.Support.Extent
category|text|||
priority|whole|||
execution_status|text|||
tracking_type|text|||
""".splitlines()
]
KINDS = {
    "text": {"char", "unicodeChar"},
    "whole": {"short", "int", "long"},
    "real": {"float", "double"},
    "region": {"char", "double"},
}
SECRETS = (CONFIDENTIAL_TARGET, CONFIDENTIAL_PROPOSAL, "GRB 270105A", "H. Secret")


@pytest.fixture(scope="module")
def plan(archive: Archive) -> dict[str, dict[str, str]]:
    """The sample's rows, by obs_id."""
    found = archive.query(f"SELECT * FROM ivoa.obsplan WHERE collection='{SAMPLE}'")
    return {row["obs_id"]: row for row in found}


class TestStandard:
    """What ObsLocTAP asks for."""

    def test_columns(self, archive: Archive) -> None:
        rows = archive.query("SELECT * FROM tap_schema.columns WHERE table_name='ivoa.obsplan'")
        found = {row["column_name"]: row for row in rows}
        for name, kind, unit, ucd, utype in COLUMNS:
            row = found[name]
            assert (row["unit"], row["ucd"], row["utype"]) == (unit, ucd, utype), name
            assert row["datatype"] in KINDS[kind], name

    def test_the_table_says_what_it_is(self, archive: Archive) -> None:
        wanted = "ivo://ivoa.net/std/obsloctap#table-1.0"
        (row,) = archive.query("SELECT utype FROM tap_schema.tables WHERE table_name='ivoa.obsplan'")
        assert row["utype"] == wanted
        document = etree.fromstring(archive.get("/tap/tables").content)
        (table,) = [table for table in document.iter("table") if table.findtext("name") == "ivoa.obsplan"]
        assert table.findtext("utype") == wanted

    def test_taplint(self, archive: Archive) -> None:
        command = [STILTS, "taplint", f"tapurl={archive.tap_url}", "stages=TMS LOC", "maxrepeat=100"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        said = re.findall(r"^[EFW]-LOC-.*", done.stdout, re.M)
        assert said == []
        assert "S-LOC-PCLS-1 ivoa.obsplan columns: 26/26 required" in done.stdout.replace("-01", "-1").replace(
            "-001", "-1"
        )

    def test_times_are_utc(self, archive: Archive) -> None:
        document = etree.fromstring(archive.query_votable("SELECT t_planning, t_min, t_max FROM ivoa.obsplan").encode())
        systems = {item.get("ID"): item for item in document.iter("{*}TIMESYS")}
        fields = list(document.iter("{*}FIELD"))
        assert len(fields) == 3
        for field in fields:
            assert systems[field.get("ref")].get("timescale") == "UTC"

    def test_registry_record(self, archive: Archive) -> None:
        answer = archive.get("/oai.xml?verb=ListRecords&metadataPrefix=ivo_vor&set=ivo_managed")
        document = etree.fromstring(answer.content)
        (record,) = [
            found
            for found in document.iter("{*}Resource")
            if "ivo://ivoa.net/std/obsloctap#table-1.0" in [item.text for item in found.iter("utype")]
            and found.get("{http://www.w3.org/2001/XMLSchema-instance}type") == "vs:CatalogResource"
        ]
        standards = {capability.get("standardID") for capability in record.iter("capability")}
        assert "ivo://ivoa.net/std/TAP#aux" in standards

    def test_geometry(self, archive: Archive) -> None:
        found = archive.query(
            "SELECT obs_id FROM ivoa.obsplan WHERE 1=CONTAINS(POINT(83.633, 22.014), s_region)"
            " AND 1=INTERSECTS(s_region, CIRCLE(83.633, 26, 0.5))"
        )
        assert {row["obs_id"] for row in found} == {"SB-100001", "SB-100013"}  # the LSTs' field is too small


class TestSample:
    """Rows of every kind, with values that follow from the schedule and from what was published."""

    def test_every_status(self, plan: dict[str, dict[str, str]]) -> None:
        found = {row["execution_status"] for row in plan.values()}
        assert found == {"Planned", "Scheduled", "Unscheduled", "Performed", "Aborted"}
        assert len(plan) == 20

    def test_planned(self, plan: dict[str, dict[str, str]]) -> None:
        row = plan["SB-900001"]
        assert (row["t_min"], row["t_max"], row["t_exptime"], row["t_plan_exptime"]) == ("", "", "", "7200.0")
        assert (row["target_name"], row["sub_array"], row["n_tels"]) == ("Crab Nebula", "N-LST", "4")
        assert float(row["s_fov"]) == pytest.approx(4.3 + 2 * 0.5)
        assert float(row["em_max"]) == pytest.approx(1.23984198e-18 / 0.02, rel=1e-8)
        assert float(row["em_min"]) == pytest.approx(1.23984198e-18 / 5.0, rel=1e-8)

    def test_performed(self, archive: Archive, plan: dict[str, dict[str, str]]) -> None:
        """Times and live-time are those of the runs that were published."""
        row = plan["SB-100001"]
        runs = archive.query(
            f"SELECT t_min, t_max, t_exptime FROM ivoa.obscore WHERE obs_collection='{SAMPLE}'"
            " AND obs_id IN ('100001', '100002') AND dataproduct_type='event'"
        )
        assert int(row["n_datasets"]) == archive.count("cta.observation_summary", "observation='SB-100001'") >= 2
        assert float(row["t_min"]) == min(float(run["t_min"]) for run in runs)
        assert float(row["t_max"]) == max(float(run["t_max"]) for run in runs)
        assert float(row["t_exptime"]) == pytest.approx(sum(float(run["t_exptime"]) for run in runs))
        assert float(row["t_exptime"]) < float(row["t_plan_exptime"])

    def test_aborted(self, plan: dict[str, dict[str, str]]) -> None:
        assert (plan["SB-900003"]["t_exptime"], plan["SB-900003"]["n_datasets"]) == ("", "")

    def test_what_was_published_of_it(self, archive: Archive) -> None:
        found = archive.query(
            "SELECT p.obs_id, s.obs_id AS run FROM ivoa.obsplan AS p JOIN cta.observation_summary AS s"
            f" ON s.observation_id=p.observation_id WHERE p.collection='{SAMPLE}' AND s.dataproduct_type='event'"
        )
        assert len(found) == 24
        assert ("SB-100003", "100003") in {(row["obs_id"], row["run"]) for row in found}

    def test_overlap_ignores_what_has_no_time(self, archive: Archive) -> None:
        found = archive.query("SELECT obs_id FROM ivoa.obsplan WHERE t_min < 61411 AND t_max > 61399")
        assert {row["obs_id"] for row in found} == {"SB-900002", "SB-900005"}


class TestConfidential:
    """Only the slot of a confidential observation is known."""

    def test_the_row(self, plan: dict[str, dict[str, str]]) -> None:
        row = plan["SB-900005"]
        told = {name for name, value in row.items() if value}
        assert told == {
            *("t_planning", "obs_id", "obs_collection", "t_min", "t_max", "t_exptime", "t_plan_exptime"),
            *(
                "facility_name",
                "category",
                "priority",
                "execution_status",
                "tracking_type",
                "observation_id",
                "collection",
            ),
        }
        assert row["tracking_type"] == "Sidereal" and row["facility_name"] == "CTAO"

    def test_no_table_has_it(self, archive: Archive) -> None:
        """Neither the tables people can query, nor any other but the one that keeps the files' texts."""
        tables = archive.sql(
            "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
            " WHERE table_schema IN ('cta', 'ivoa', 'dc', 'tap_schema') AND table_type='BASE TABLE'"
        )
        for (table,) in tables:
            found = archive.sql(
                f"SELECT count(*) FROM {table} AS t WHERE "
                + " OR ".join(f"strpos(t::text, '{secret}') > 0" for secret in SECRETS)
            )[0][0]
            assert (found != "0") == (table == "cta.model_source"), table

    def test_nobody_reads_the_texts(self, archive: Archive) -> None:
        given = {"LANG": "ADQL", "QUERY": "SELECT * FROM cta.model_source", "FORMAT": "csv"}
        answer = archive.session.post(f"{archive.tap_url}/sync", data=given)
        assert answer.status_code >= 400 and "permission denied" in answer.text
        assert not any(secret in answer.text for secret in SECRETS)
        for path in ("/tableinfo/cta.model_source", "/tap/tables", "/cta/model/info"):
            assert not any(secret in archive.get(path).text for secret in SECRETS)

    def test_nobody_fetches_the_file(self, archive: Archive) -> None:
        for path in ("/getproduct/cta/data", "/cta/data", "/cta/q/cone/static/data"):
            answer = archive.get(f"{path}/{SAMPLE}/observatory/proposals.obsmeta.json")
            assert answer.status_code >= 400 and not any(secret in answer.text for secret in SECRETS)
