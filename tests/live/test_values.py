"""Values known beforehand, through TAP: the test vectors of standards/obscore.md §6.1, headers, access rights."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time
from mocpy import TimeMOC

from tests.live.archive import RUNS, SAMPLE, SHARED, Archive, headers
from tests.live.conftest import REAL

JOIN = "ivoa.obscore NATURAL JOIN ivoa.obscore_hea"
HC_EV_M = 1.239841984332e-6
SECOND = 1 / 86400


def row_of(archive: Archive, collection: str, obs_id: str) -> dict[str, str]:
    """Return the joined row of an event list."""
    (row,) = archive.query(
        f"SELECT * FROM {JOIN} WHERE obs_collection='{collection}' AND obs_id='{obs_id}' AND dataproduct_type='event'"
    )
    return row


def number(row: dict[str, str], name: str) -> float:
    """Return a value of a row as number."""
    return float(row[name])


@REAL
class TestHess20136:
    """The first test vector."""

    @pytest.fixture(scope="class")
    @staticmethod
    def row(archive: Archive) -> dict[str, str]:
        return row_of(archive, "hess-dl3-dr1", "20136")

    def test_times(self, row: dict[str, str]) -> None:
        assert number(row, "t_min") == pytest.approx(53090.122708333, abs=2e-9)
        assert number(row, "t_max") == pytest.approx(53090.142175926, abs=2e-9)
        assert number(row, "t_exptime") == pytest.approx(1521.02685546875, rel=1e-7)
        assert number(row, "tstart") == 101962602
        assert number(row, "tstop") == 101964284

    def test_exact_tt_is_in_the_observation_index(self, archive: Archive, row: dict[str, str]) -> None:
        (index,) = archive.query(
            f"SELECT tstart_tt, tstop_tt, ngti FROM cta.obs_index WHERE obs_publisher_did='{row['obs_publisher_did']}'"
        )
        assert float(index["tstart_tt"]) == pytest.approx(53090.123451204, abs=2e-9)
        assert float(index["tstop_tt"]) == pytest.approx(53090.142918796, abs=2e-9)
        assert int(index["ngti"]) == 1

    def test_energies(self, row: dict[str, str]) -> None:
        assert number(row, "energy_min") == pytest.approx(0.407380277804113e12, rel=1e-6)
        assert number(row, "energy_max") == pytest.approx(100e12, rel=1e-6)
        assert number(row, "em_max") == pytest.approx(3.04345e-18, rel=1e-5, abs=0)
        assert number(row, "em_min") == pytest.approx(1.239842e-20, rel=1e-6, abs=0)

    def test_place_and_events(self, row: dict[str, str]) -> None:
        assert number(row, "s_ra") == pytest.approx(228.6125, abs=1e-9)
        assert number(row, "s_dec") == pytest.approx(-58.771666666667, abs=1e-9)
        assert int(row["ev_xel"]) == 11243
        assert 0 < number(row, "s_fov") <= 5

    def test_the_good_time_is_a_time_moc(self, row: dict[str, str]) -> None:
        moc = TimeMOC.from_string(row["t_intervals"])
        start, stop = (Time(number(row, name), format="mjd", scale="utc").tcb for name in ("t_min", "t_max"))
        assert abs((Time(moc.min_time, scale="tcb") - start).to_value("s")) < 1.1
        assert abs((Time(moc.max_time, scale="tcb") - stop).to_value("s")) < 1.1
        middle = start + (stop - start) / 2
        assert moc.contains(Time([middle, start - 5 * SECOND, stop + 5 * SECOND])).tolist() == [True, False, False]

    def test_what_kind_of_dataset(self, row: dict[str, str]) -> None:
        assert row["dataproduct_type"] == "event"
        assert row["dataproduct_subtype"] == "event-bundle"
        assert row["calib_level"] == "2"
        assert row["access_format"] == "application/x-votable+xml;content=datalink"
        assert row["facility_name"] == "H.E.S.S."
        assert row["messenger_name"] == "photon"
        assert row["messenger_pdgid"] == "+22"
        assert row["o_ucd"] == row["pol_states"] == ""
        assert [row[name] for name in ("s_xel1", "s_xel2", "t_xel", "em_xel", "pol_xel")] == ["-1"] * 4 + ["0"]
        assert row["data_rights"] == "public"
        size = (SHARED / "data/dl3/hess-dl3-dr1/data/hess_dl3_dr1_obs_id_020136.fits.gz").stat().st_size
        assert int(row["access_estsize"]) == -(-size // 1000)


@REAL
class TestHessAgainstTheParisService:
    """The runs that are in the ObsCore table of the real service (its times are TT, its energies the events')."""

    def test_rows(self, archive: Archive) -> None:
        paris = Table.read(SHARED / "data/dl3/hess-dl3-dr1-padc-vo/obscore_table.fits.gz")
        theirs = {str(row["obs_id"]).strip(): row for row in paris}
        ours = archive.query(f"SELECT * FROM {JOIN} WHERE obs_collection='hess-dl3-dr1'")
        common = [row for row in ours if row["obs_id"] in theirs]
        assert {row["obs_id"] for row in common} == {"23559", "23592"}
        for row in common:
            their = theirs[row["obs_id"]]
            here = SkyCoord(number(row, "s_ra"), number(row, "s_dec"), unit="deg")
            assert here.separation(SkyCoord(their["s_ra"], their["s_dec"], unit="deg")).arcsec < 1
            for name in ("t_min", "t_max"):
                as_tt = Time(number(row, name), format="mjd", scale="utc").tt.mjd
                assert as_tt == pytest.approx(float(their[name]), abs=2 * SECOND), (row["obs_id"], name)
            assert number(row, "energy_max") == pytest.approx(1e14, rel=1e-6)
            assert row["facility_name"].replace(".", "").upper() == "HESS"


@REAL
class TestCta1dc110380:
    """The second test vector: responses in another file, an exposure from the header, a field from the data space."""

    @pytest.fixture(scope="class")
    @staticmethod
    def row(archive: Archive) -> dict[str, str]:
        return row_of(archive, "cta-1dc", "110380")

    def test_values(self, row: dict[str, str]) -> None:
        assert number(row, "t_min") == pytest.approx(59235.499199259, abs=2e-9)
        assert number(row, "t_max") == pytest.approx(59235.520032593, abs=2e-9)
        assert number(row, "em_max") == pytest.approx(4.13281e-17, rel=1e-5, abs=0)
        assert number(row, "em_min") == pytest.approx(7.74901e-21, rel=1e-5, abs=0)
        assert number(row, "s_ra") == pytest.approx(267.68121338, abs=1e-8)
        assert number(row, "s_dec") == pytest.approx(-29.6075, abs=1e-9)
        assert number(row, "s_fov") == pytest.approx(10)
        assert int(row["ev_xel"]) == 106217
        assert row["dataproduct_subtype"] == "event-bundle"

    def test_resolution_from_the_shared_responses(self, row: dict[str, str]) -> None:
        assert number(row, "s_resolution") == pytest.approx(286.4, rel=0.03)
        assert number(row, "em_res_power") == pytest.approx(6.18, rel=0.03)


@REAL
class TestEveryStockedRun:
    """Properties that hold for each row, against the headers."""

    @pytest.mark.parametrize("collection", ["hess-dl3-dr1", "cta-1dc", "fact-joint-crab", "magic-rad-max"])
    def test_events_and_pointing(self, archive: Archive, collection: str) -> None:
        rows = archive.query(
            f"SELECT obs_id, s_ra, s_dec, ev_xel, t_min, t_max, t_exptime, em_min, em_max, energy_min, energy_max"
            f" FROM {JOIN} WHERE obs_collection='{collection}' AND dataproduct_type='event'"
        )
        expected = {row["OBS_ID"]: row for row in headers(collection).values()}
        assert {row["obs_id"] for row in rows} == set(expected)
        for row in rows:
            header = expected[row["obs_id"]]
            assert int(row["ev_xel"]) == int(header["n_events"])
            assert number(row, "s_ra") == pytest.approx(float(header["RA_PNT"]), abs=1e-4)
            assert number(row, "s_dec") == pytest.approx(float(header["DEC_PNT"]), abs=1e-4)
            assert number(row, "t_min") < number(row, "t_max")
            assert number(row, "t_exptime") == pytest.approx(float(header["LIVETIME"]), rel=1e-5)
            assert number(row, "em_min") == pytest.approx(HC_EV_M / number(row, "energy_max"), rel=1e-6)
            assert number(row, "em_max") == pytest.approx(HC_EV_M / number(row, "energy_min"), rel=1e-6)
            epoch = float(header["MJDREFI"]) + float(header["MJDREFF"])
            start = epoch + float(header["TSTART"]) / 86400
            assert abs(number(row, "t_min") - start) < 70 * SECOND  # TT, TAI or UTC, whatever the header means

    def test_pks_2155_is_a_bl_lac_object(self, archive: Archive) -> None:
        rows = archive.query(
            "SELECT DISTINCT obs_collection, target_class FROM ivoa.obscore WHERE target_name LIKE 'PKS 2155%'"
        )
        assert {row["obs_collection"] for row in rows} >= {SAMPLE, "hess-dl3-dr1"}
        assert {row["target_class"] for row in rows} == {"BLL"}


class TestTheSample:
    """The sample archive against its own files."""

    def test_pks_2155_is_a_bl_lac_object(self, archive: Archive) -> None:
        rows = archive.query(
            f"SELECT target_class FROM ivoa.obscore WHERE target_name='PKS 2155-304' AND obs_collection='{SAMPLE}'"
        )
        assert rows and {row["target_class"] for row in rows} == {"BLL"}

    def test_times_are_those_of_the_good_time_intervals(self, archive: Archive, sample: Path) -> None:
        rows = archive.query(f"SELECT obs_id, t_min, t_max, access_estsize FROM {JOIN} WHERE {RUNS}")
        assert len(rows) == 24
        for row in rows:
            (path,) = sample.glob(f"*/ctao_sim_{row['obs_id']}.fits.gz")
            with fits.open(path) as hdus:
                gti = hdus["GTI"]
                header = gti.header
                assert header["TIMESYS"] == "TAI"
                epoch = Time(header["MJDREFI"], header["MJDREFF"], format="mjd", scale="tai")
                edges = [epoch + min(gti.data["START"]) * SECOND, epoch + max(gti.data["STOP"]) * SECOND]
            assert number(row, "t_min") == pytest.approx(edges[0].utc.mjd, abs=2e-9)
            assert number(row, "t_max") == pytest.approx(edges[1].utc.mjd, abs=2e-9)
            assert int(row["access_estsize"]) == -(-path.stat().st_size // 1000)

    def test_special_runs(self, archive: Archive) -> None:
        three, divergent, empty = (row_of(archive, SAMPLE, obs_id) for obs_id in ("100003", "100004", "100006"))
        assert len(archive.query("SELECT obs_id FROM cta.obs_index WHERE ngti=3 AND obs_collection='ctao-sample'")) == 1
        assert three["pointing_mode"] == "parallel"
        assert divergent["pointing_mode"] == "divergent"
        assert empty["ev_xel"] == "0"
        assert number(empty, "t_exptime") == 0

    def test_both_sites(self, archive: Archive) -> None:
        rows = archive.query(f"SELECT DISTINCT instrument_name FROM ivoa.obscore WHERE {RUNS}")
        assert {row["instrument_name"] for row in rows} == {"CTAO-N", "CTAO-S"}

    def test_resolution_is_that_of_the_responses(self, archive: Archive, sample: Path) -> None:
        """The narrowest line is better than the widest, and 1 TeV lies between."""
        for row in archive.query(f"SELECT * FROM {JOIN} WHERE {RUNS}"):
            assert number(row, "s_resolution_min") <= number(row, "s_resolution") <= number(row, "s_resolution_max")
            assert 1 < number(row, "em_res_power") < 20
            assert number(row, "s_ref_energy") == pytest.approx(1e12)


class TestRights:
    """Metadata of proprietary runs are public, their date of release is told."""

    def test_proprietary_runs(self, archive: Archive) -> None:
        rows = archive.query(
            "SELECT obs_id, proposal_id, obs_release_date, data_rights FROM ivoa.obscore WHERE data_rights<>'public'"
        )
        assert {row["obs_id"]: row["proposal_id"] for row in rows} == {
            "100007": "SIM-2024-GO-001",
            "100010": "SIM-2024-GO-002",
        }
        assert {row["data_rights"] for row in rows} == {"proprietary"}
        assert {row["obs_release_date"][:10] for row in rows} == {"2035-01-01"}
        assert datetime.date.today() < datetime.date(2035, 1, 1)

    def test_public_runs(self, archive: Archive) -> None:
        rows = archive.query(f"SELECT obs_release_date FROM ivoa.obscore WHERE {RUNS} AND data_rights='public'")
        assert len(rows) == 22
        assert {row["obs_release_date"][:10] for row in rows} == {"2026-01-01"}

    def test_mandatory_values_are_there(self, archive: Archive) -> None:
        where = " OR ".join(
            f"{name} IS NULL" for name in ("calib_level", "obs_collection", "obs_id", "obs_publisher_did")
        )
        assert archive.query(f"SELECT COUNT(*) AS n FROM ivoa.obscore WHERE {where}") == [{"n": "0"}]
        types = archive.query(
            "SELECT DISTINCT dataproduct_type AS t FROM ivoa.obscore WHERE dataproduct_type IS NOT NULL"
        )
        assert {row["t"] for row in types} == {
            "event",
            "image",
            "cube",
            "sed",
            "timeseries",
            "spectrum",
            "measurements",
        }
        untyped = "dataproduct_type IS NULL AND dataproduct_subtype IS NULL"
        assert archive.query(f"SELECT COUNT(*) AS n FROM ivoa.obscore WHERE {untyped}") == [{"n": "0"}]
