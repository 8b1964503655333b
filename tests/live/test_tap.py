"""TAP as clients use it: pyvo, STILTS (TOPCAT's engine) and plain HTTP."""

from __future__ import annotations

import io
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest
import pyvo
from astropy.io import votable
from astropy.io.votable.tree import VOTableFile
from astropy.table import Table
from lxml import etree

from tests.live.archive import CHECKOUT, RUNS, SAMPLE, Archive, column, headers
from tests.live.conftest import FIELDS, REAL, STOCK

RA, DEC, RADIUS = 83.633, 22.514, 0.1
CRAB = f"SELECT * FROM ivoa.obscore WHERE 1=INTERSECTS(s_region, CIRCLE('ICRS', {RA}, {DEC}, {RADIUS}))"
JOIN = "ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
STILTS = CHECKOUT / ".venv" / "bin" / "stilts"

VOTABLE_NS = {"v": "http://www.ivoa.net/xml/VOTable/v1.3"}


def separation(ra: float, dec: float) -> float:
    """Return the angle between a pointing and the centre of the classic query, in deg."""
    a, b = math.radians(dec), math.radians(DEC)
    cosine = math.sin(a) * math.sin(b) + math.cos(a) * math.cos(b) * math.cos(math.radians(ra - RA))
    return math.degrees(math.acos(min(1.0, cosine)))


def pointings(sample: Path) -> dict[tuple[str, str], tuple[float, float]]:
    """Return the pointing of every event list by collection and observation, from headers and index files."""
    index = Table.read(sample / "obs-index.fits.gz")
    found = {(SAMPLE, str(row["OBS_ID"])): (float(row["RA_PNT"]), float(row["DEC_PNT"])) for row in index}
    for name in STOCK:
        for row in headers(name).values():
            found[name, row["OBS_ID"]] = (float(row["RA_PNT"]), float(row["DEC_PNT"]))
    return found


def crab_runs(sample: Path) -> set[tuple[str, str]]:
    """Return the runs the classic query has to find, and see that no run is a matter of the footprint's corners."""
    near = set()
    for (collection, obs_id), position in pointings(sample).items():
        distance, radius = separation(*position), FIELDS[collection] / 2
        if distance <= radius + RADIUS:
            near.add((collection, obs_id))
        else:
            assert distance > radius / math.cos(math.pi / 8) + RADIUS, "choose another field for this test"
    return near


def events_of(rows: Table) -> set[tuple[str, str]]:
    """Return collection and observation of the event lists among obscore rows."""
    return {(str(row["obs_collection"]), str(row["obs_id"])) for row in rows if row["dataproduct_type"] == "event"}


def stilts_query(archive: Archive, adql: str, *, sync: bool) -> Table:
    """Run a query through STILTS."""
    command = [STILTS, "tapquery", f"tapurl={archive.tap_url}", f"adql={adql}", f"sync={str(sync).lower()}"]
    asynchronous = [] if sync else ["poll=300", "delete=finished"]
    done = subprocess.run([*command, *asynchronous, "ofmt=votable", "out=-"], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()
    return votable.parse_single_table(io.BytesIO(done.stdout)).to_table()


class TestTheClassicQuery:
    """The forerunner's query finds the Crab runs, whoever asks."""

    @REAL
    def test_pyvo_sync(self, tap: pyvo.dal.TAPService, sample: Path) -> None:
        found = events_of(tap.search(CRAB).to_table())
        assert found == crab_runs(sample)
        assert {("hess-dl3-dr1", "23559"), ("hess-dl3-dr1", "23592"), (SAMPLE, "100001")} <= found
        assert len(found) > 80  # FACT has 82 Crab runs

    def test_pyvo_sync_on_the_sample(self, tap: pyvo.dal.TAPService) -> None:
        rows = tap.search(CRAB + f" AND obs_collection='{SAMPLE}' AND dataproduct_type='event'").to_table()
        assert set(rows["target_name"]) == {"Crab Nebula"}
        assert sorted(rows["obs_id"]) == ["100001", "100002", "100013", "100014"]

    def test_pyvo_async(self, tap: pyvo.dal.TAPService) -> None:
        job = tap.submit_job(CRAB)
        try:
            assert job.phase == "PENDING"
            job.run()
            job.wait(timeout=60)
            assert job.phase == "COMPLETED"
            job.raise_if_error()
            asynchronous = job.fetch_result().to_table()
        finally:
            job.delete()
        assert events_of(asynchronous) == events_of(tap.search(CRAB).to_table()) != set()

    @pytest.mark.parametrize("sync", [True, False], ids=["sync", "async"])
    def test_stilts(self, archive: Archive, tap: pyvo.dal.TAPService, sync: bool) -> None:
        rows = stilts_query(archive, CRAB, sync=sync)
        assert events_of(rows) == events_of(tap.search(CRAB).to_table()) != set()
        assert rows["s_ra"].unit == "deg"
        assert rows["t_min"].unit == "d"


class TestTheExtension:
    """obscore and obscore_hea are one table to a client that joins them."""

    def test_as_many_rows_as_obscore(self, archive: Archive) -> None:
        alone = archive.query("SELECT COUNT(*) AS n FROM ivoa.obscore")
        assert archive.query(f"SELECT COUNT(*) AS n FROM {JOIN}") == alone
        assert int(alone[0]["n"]) >= 24

    def test_one_row_each_and_one_common_column(self, tap: pyvo.dal.TAPService) -> None:
        obscore, extension, joined = (
            tap.search(f"SELECT * FROM {table}").to_table() for table in ("ivoa.obscore", "ivoa.obscore_hea", JOIN)
        )
        assert len(joined) == len(obscore) == len(extension)
        assert set(obscore.colnames) & set(extension.colnames) == {"obs_publisher_did"}
        assert set(joined.colnames) == set(obscore.colnames) | set(extension.colnames)
        assert len(set(joined["obs_publisher_did"])) == len(joined)


def gammapy_row_ok(row: dict[str, str]) -> None:
    """Check that gammapy can read a row (anchors.md A2, item 5)."""
    assert int(row["obs_id"]) > 0
    for name in ("ra_pnt", "dec_pnt", "alt_pnt", "az_pnt", "tstart", "tstop"):
        assert math.isfinite(float(row[name])), name
    assert row["obs_mode"] != ""


class TestGammapysColumns:
    """What ``make_data_store_from_query_result`` reads from each row."""

    COLUMNS = (
        "obs_id obs_mode ra_pnt dec_pnt alt_pnt az_pnt tstart tstop zen_pnt ontime livetime deadc date_obs time_obs "
        "date_end time_end n_tels tellist quality object glon_pnt glat_pnt ra_obj dec_obj muoneff"
    ).split()

    @REAL
    def test_hess_rows_are_the_headers(self, archive: Archive) -> None:
        rows = archive.query(f"SELECT {', '.join(self.COLUMNS)} FROM {JOIN} WHERE obs_collection='hess-dl3-dr1'")
        expected = {row["OBS_ID"]: row for row in headers("hess-dl3-dr1").values()}
        assert set(column(rows, "obs_id")) == set(expected)
        for row in rows:
            gammapy_row_ok(row)
            header = expected[row["obs_id"]]
            for name in "RA_PNT DEC_PNT ALT_PNT AZ_PNT TSTART TSTOP ONTIME LIVETIME DEADC RA_OBJ DEC_OBJ".split():
                assert float(row[name.lower()]) == pytest.approx(float(header[name]), rel=1e-12), name
            assert float(row["zen_pnt"]) == pytest.approx(90 - float(header["ALT_PNT"]))
            assert row["object"] == header["OBJECT"].replace("custom", "")  # a place-holder, not an object
            assert row["obs_mode"] == header["OBS_MODE"]
            assert int(row["n_tels"]) == int(header["N_TELS"])
            assert row["tellist"] == header["TELLIST"]

    def test_sample_rows_are_the_index(self, archive: Archive, sample: Path) -> None:
        rows = archive.query(f"SELECT {', '.join(self.COLUMNS)} FROM {JOIN} WHERE {RUNS}")
        index = {str(row["OBS_ID"]): row for row in Table.read(sample / "obs-index.fits.gz")}
        assert set(column(rows, "obs_id")) == set(index)
        for row in rows:
            gammapy_row_ok(row)
            listed = index[row["obs_id"]]
            for name in "RA_PNT DEC_PNT ALT_PNT AZ_PNT TSTART TSTOP ONTIME LIVETIME DEADC QUALITY N_TELS".split():
                assert float(row[name.lower()]) == pytest.approx(float(listed[name]), rel=1e-9), name
            assert row["object"] == listed["OBJECT"].strip()


class TestServiceBehaviour:
    """Uploads, limits, formats, errors."""

    def test_an_upload_joins(self, tap: pyvo.dal.TAPService) -> None:
        mine = Table({"my_name": ["a", "b", "c"], "ra": [83.633, 329.717, 10.0], "dec": [22.014, -30.226, 10.0]})
        rows = tap.search(
            "SELECT u.my_name, o.obs_id, o.target_name FROM ivoa.obscore AS o JOIN TAP_UPLOAD.mine AS u"
            " ON 1=CONTAINS(POINT(o.s_ra, o.s_dec), CIRCLE(u.ra, u.dec, 2)) WHERE o.dataproduct_type='event'",
            uploads={"mine": mine},
        ).to_table()
        by_name = {name: set(rows["target_name"][rows["my_name"] == name]) for name in set(rows["my_name"])}
        assert set(by_name) == {"a", "b"}
        assert "Crab Nebula" in by_name["a"]
        assert "PKS 2155-304" in by_name["b"]

    def test_an_upload_by_identifier(self, tap: pyvo.dal.TAPService) -> None:
        dids = tap.search("SELECT TOP 3 obs_publisher_did FROM ivoa.obscore ORDER BY obs_publisher_did").to_table()
        rows = tap.run_async(
            f"SELECT obs_publisher_did, ra_pnt FROM {JOIN} JOIN TAP_UPLOAD.t USING (obs_publisher_did)",
            uploads={"t": dids},
        ).to_table()
        assert sorted(rows["obs_publisher_did"]) == sorted(dids["obs_publisher_did"])

    def test_truncation_is_marked(self, archive: Archive) -> None:
        def statuses(maxrec: str) -> list[str]:
            given = {"LANG": "ADQL", "QUERY": "SELECT obs_id FROM ivoa.obscore", "MAXREC": maxrec}
            document = etree.fromstring(archive.session.post(f"{archive.tap_url}/sync", data=given, timeout=60).content)
            return [info.get("value") for info in document.findall(".//v:INFO[@name='QUERY_STATUS']", VOTABLE_NS)]

        assert statuses("5")[-1] == "OVERFLOW"
        assert "OVERFLOW" not in statuses("100000")

    def test_pyvo_sees_truncation(self, tap: pyvo.dal.TAPService) -> None:
        seven = tap.search("SELECT obs_id FROM ivoa.obscore", maxrec=7)
        assert len(seven) == 7
        assert seven.status[0] == "OVERFLOW"
        assert tap.search("SELECT obs_id FROM ivoa.obscore").status[0] == "OK"

    def test_metadata_alone(self, archive: Archive) -> None:
        given = {"LANG": "ADQL", "QUERY": "SELECT * FROM ivoa.obscore", "MAXREC": "0"}
        answer = archive.session.post(f"{archive.tap_url}/sync", data=given, timeout=60)
        table = votable.parse_single_table(io.BytesIO(answer.content))
        assert len(table.array) == 0
        assert "s_region" in [field.name for field in table.fields]

    @pytest.mark.parametrize(
        "adql",
        [
            "SELECT nothing FROM ivoa.obscore",
            "SELEC 1",
            "SELECT * FROM no.table",
            "SELECT 1/0 AS x FROM cta.collection",
        ],
    )
    def test_bad_adql_sync(self, archive: Archive, adql: str) -> None:
        given = {"LANG": "ADQL", "QUERY": adql}
        answer = archive.session.post(f"{archive.tap_url}/sync", data=given, timeout=60)
        info = etree.fromstring(answer.content).find(".//v:INFO[@name='QUERY_STATUS']", VOTABLE_NS)
        assert info is not None and info.get("value") == "ERROR"
        assert len(info.text or "") > 10
        assert "Traceback" not in answer.text
        with pytest.raises(pyvo.dal.DALQueryError):
            pyvo.dal.TAPService(archive.tap_url, session=archive.session).search(adql)

    def test_bad_adql_async(self, tap: pyvo.dal.TAPService) -> None:
        job = tap.submit_job("SELECT nothing FROM ivoa.obscore")
        try:
            job.run()
            job.wait(phases={"ERROR", "COMPLETED"}, timeout=60)
            assert job.phase == "ERROR"
            with pytest.raises(pyvo.dal.DALQueryError, match="nothing"):
                job.raise_if_error()
        finally:
            job.delete()

    @pytest.mark.parametrize("form", ["votable", "votable/td", "votable/b2", "csv", "fits", "json"])
    def test_formats_agree(self, archive: Archive, form: str) -> None:
        given = {
            "LANG": "ADQL",
            "QUERY": f"SELECT obs_id, s_ra, t_min, em_min FROM ivoa.obscore WHERE {RUNS} ORDER BY obs_id",
            "FORMAT": form,
        }
        answer = archive.session.post(f"{archive.tap_url}/sync", data=given, timeout=60)
        assert answer.ok, answer.text
        content = io.BytesIO(answer.content)
        if form == "json":
            rows = answer.json()["data"]
            ids, ras = [str(row[0]) for row in rows], [row[1] for row in rows]
        else:
            readers = {"csv": "ascii.csv", "fits": "fits"}
            table = Table.read(content, format=readers.get(form, "votable"))
            ids, ras = [str(value).strip() for value in table["obs_id"]], list(table["s_ra"])
        assert ids == [str(100001 + number) for number in range(24)]
        expected = archive.query(f"SELECT s_ra FROM ivoa.obscore WHERE {RUNS} ORDER BY obs_id")
        assert np.allclose(np.array(ras, float), [float(row["s_ra"]) for row in expected], rtol=0, atol=1e-9)

    def test_region_is_a_dali_polygon(self, tap: pyvo.dal.TAPService) -> None:
        result = tap.search(
            "SELECT TOP 1 s_region, s_ra, s_dec FROM ivoa.obscore WHERE dataproduct_type='event' AND s_fov > 0"
        )
        text = str(result["s_region"][0])
        words = text.split()
        assert words[0].lower() == "polygon", text
        numbers = [word for word in words[1:] if word[0].isdigit() or word[0] == "-"]
        assert len(numbers) == 16  # eight vertices

    def test_the_parsed_votable_is_of_version_1_4_or_later(self, archive: Archive) -> None:
        parsed: VOTableFile = votable.parse(io.BytesIO(archive.query_votable("SELECT * FROM ivoa.obscore").encode()))
        assert parsed.version in ("1.4", "1.5")
