# SPDX-License-Identifier: GPL-3.0-or-later
"""Values harvested from real files agree with the published vectors, with other services and with their headers."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from astropy.table import Table
from astropy.time import Time

from ingest.collection import Collection, Defaults, load_collection
from ingest.folder import Folder
from ingest.harvest import Harvest, Task, harvest
from ingest.plan import Naming, make_plan
from ingest.rows import DatasetRow
from tests.unit.fits_files import COLLECTION, SHARED, metres, task

CHECKOUT = Path(__file__).resolve().parents[2]
DL3 = SHARED / "data/dl3"
TIME = 1e-9  # days: obscore.md asks for that
PUBLISHED_IN_FULL = {
    "cta-1dc": 3,
    "cta-ctools-iactdata": 10,
    "cta-prod5-irfs": 1,
    "fact-joint-crab": 83,
    "hawc-crab-pass4": 11,
    "hess-dl3-dr1": 30,
    "hess-joint-crab": 2,
    "magic-joint-crab": 1,
    "magic-rad-max": 1,
}

pytestmark = pytest.mark.skipif(not DL3.exists(), reason=f"needs the real files of {DL3}")


@dataclass(frozen=True)
class Imported:
    """A collection as an import sees it: its tasks, what came of each, and the sentences of the plan."""

    tasks: dict[str, Task]
    results: dict[str, Harvest]
    problems: list[tuple[str, str, str]]

    def row(self, relpath: str) -> DatasetRow:
        row = self.results[relpath].row
        assert row is not None, self.results[relpath].problems
        return row


@pytest.fixture(scope="module")
def archive() -> dict[str, Imported]:
    """Return all collections at hand, each described by its collection file as in the archive."""
    return {name: imported(name) for name in PUBLISHED_IN_FULL if (DL3 / name).exists()}


def imported(name: str) -> Imported:
    path = CHECKOUT / f"inputs/cta/collections/{name}.toml"
    collection = load_collection(path, name) if path.exists() else Collection(name, name, obs_collection=name)
    plan = make_plan(collection, Folder(DL3 / name, collection.outside), Naming("test", f"cta/data/{name}/"), {})
    results = {one.file.relpath: harvest(one, collection) for one in plan.tasks}
    return Imported({one.file.relpath: one for one in plan.tasks}, results, plan.problems)


# -- obscore.md 6.1


def test_hess_20136(archive: dict[str, Imported]) -> None:
    row = archive["hess-dl3-dr1"].row("data/hess_dl3_dr1_obs_id_020136.fits.gz")
    assert row.t_min == pytest.approx(53090.122708333, abs=TIME)
    assert row.t_max == pytest.approx(53090.142175926, abs=TIME)
    assert row.tstart_tt == pytest.approx(53090.123451204, abs=TIME)
    assert row.tstop_tt == pytest.approx(53090.142918796, abs=TIME)
    assert Time(row.t_min, format="mjd", scale="utc").isot == "2004-03-26T02:56:42.000"
    assert row.t_exptime == 1521.02685546875
    assert row.ontime == 1682.0
    assert row.energy_min == pytest.approx(0.407380277804113e12, rel=1e-9)
    assert row.energy_max == pytest.approx(100e12)
    assert row.em_max == metres(3.04345e-18, rel=1e-5)
    assert row.em_min == metres(1.239842e-20)
    assert (row.s_ra, row.s_dec) == (pytest.approx(228.6125), pytest.approx(-58.771666666667))
    assert row.ev_xel == 11243
    assert row.s_fov is not None and 0 < row.s_fov <= 5.0
    assert (row.obs_id, row.target_name, row.obs_mode) == ("20136", "MSH15-52", "WOBBLE")
    assert row.offset_obj == pytest.approx(0.5, abs=0.01)
    assert (row.dataproduct_type, row.dataproduct_subtype, row.calib_level) == ("event", "event-bundle", 2)


def test_cta_1dc_110380(archive: dict[str, Imported]) -> None:
    row = archive["cta-1dc"].row("data/baseline/gps/gps_baseline_110380.fits")
    assert row.tstart_tt == pytest.approx(59235.5, abs=TIME)
    assert row.tstop_tt == pytest.approx(59235.520833333, abs=TIME)
    assert row.t_min == pytest.approx(59235.499199259, abs=TIME)
    assert row.t_max == pytest.approx(59235.520032593, abs=TIME)
    assert Time(row.t_min, format="mjd", scale="utc").isot == "2021-01-21T11:58:50.816"
    assert row.tstop == 664504192.0  # rounded in the header: 8 s before the end of the good time
    assert row.em_max == metres(4.13281e-17, rel=1e-5)
    assert row.em_min == metres(7.74901e-21, rel=1e-5)
    assert (row.s_ra, row.s_dec, row.s_fov, row.ev_xel) == (267.68121338, -29.6075, 10.0, 106217)
    assert row.target_name == "Galactic Plane Survey" and row.ra_obj is None
    # The responses are in one file for all runs, reached by ../../
    assert row.dataproduct_subtype == "event-bundle"
    assert row.s_resolution is not None and row.em_res_power is not None
    hdus = archive["cta-1dc"].results["data/baseline/gps/gps_baseline_110380.fits"].hdus
    irf = "cta/data/cta-1dc/caldb/data/cta/1dc/bcf/South_z20_50h/irf_file.fits"
    assert {hdu.hdu_type for hdu in hdus if hdu.file_accref == irf} == {"aeff", "edisp", "psf", "bkg"}


def first_offset(path: Path, energy_tev: float) -> DatasetRow:
    """Return the row of a response file at the offset of its first bin."""
    if not path.exists():
        pytest.skip(f"needs {path}")
    described = replace(COLLECTION, defaults=Defaults(reference_energy_tev=energy_tev, reference_offset_deg=0.0))
    row = harvest(task(path), described).row
    assert row is not None
    return row


PROD5_SOUTH = SHARED / "standards/fixtures/cta_prod5/Prod5-South-20deg-AverageAz-14MSTs37SSTs.180000s-v0.1.fits.gz"
CTA_1DC_IRF = DL3 / "cta-1dc/caldb/data/cta/1dc/bcf/South_z20_50h/irf_file.fits"


@pytest.mark.parametrize(
    ("path", "energy_tev", "fwhm_arcsec", "power"),
    [
        (PROD5_SOUTH, 0.1, 845.6, 2.80),
        (PROD5_SOUTH, 1.0, 316.4, 6.23),
        (PROD5_SOUTH, 10.0, 188.5, 6.18),
        (CTA_1DC_IRF, 1.0, 286.4, 6.18),
    ],
)
def test_response_files(path: Path, energy_tev: float, fwhm_arcsec: float, power: float) -> None:
    row = first_offset(path, energy_tev)
    assert row.s_resolution == pytest.approx(fwhm_arcsec, rel=1e-3)
    assert row.em_res_power == pytest.approx(power, abs=0.01)
    assert (row.s_ref_energy, row.s_ref_oaa) == (energy_tev * 1e12, 0.0)
    assert (row.dataproduct_type, row.dataproduct_subtype) == (None, "response-function")
    assert row.s_fov is not None and 5.0 <= row.s_fov <= 12.0
    assert row.energy_min is not None and row.energy_max is not None
    assert 0.01e12 <= row.energy_min < 0.05e12 and 100e12 < row.energy_max < 200e12


def test_response_files_are_named_in_full(archive: dict[str, Imported]) -> None:
    name = "Prod5-North-20deg-AverageAz-4LSTs09MSTs.180000s-v0.1"
    row = archive["cta-prod5-irfs"].row(f"{name}.fits.gz")
    assert (row.obs_id, row.facility_name, row.simulated) == (name, "CTAO", 1)


def test_the_synthetic_file_in_tai() -> None:
    folder = SHARED / "standards/fixtures/own"
    expected = json.loads((folder / "synthetic_dl3_expected.json").read_text())
    result = harvest(task(folder / expected["file"]), COLLECTION)
    assert result.problems == []
    row = result.row
    assert row is not None
    assert (row.obs_id, row.ev_xel) == (expected["obs_id"], expected["ev_xel"])
    assert row.t_min == pytest.approx(expected["t_min_utc"], abs=TIME)
    assert row.t_max == pytest.approx(expected["t_max_utc"], abs=TIME)
    assert row.tstart_tt == pytest.approx(expected["t_min_tt"], abs=TIME)
    assert (row.timesys, row.mjdrefi) == ("TAI", 58119)
    assert (row.ontime, row.livetime, row.t_exptime) == (
        expected["ontime_s"],
        expected["livetime_s"],
        expected["livetime_s"],
    )
    assert row.energy_min == pytest.approx(expected["energy_min_ev"])
    assert row.energy_max == pytest.approx(expected["energy_max_ev"])
    assert row.em_max == metres(expected["em_max_m"])
    assert row.em_min == metres(expected["em_min_m"])
    assert (row.s_ra, row.s_dec) == (expected["s_ra"], expected["s_dec"])
    assert row.s_fov is not None and row.s_fov <= 2 * expected["theta_max_deg"]
    assert row.s_resolution == pytest.approx(expected["s_resolution_arcsec_at_1TeV_first_theta_bin"], rel=1e-3)
    assert row.em_res_power == pytest.approx(expected["em_res_power_fwhm_at_1TeV_first_theta_bin"], rel=2e-3)
    assert row.ngti == len(expected["gti_utc"])


# -- another service


@pytest.mark.parametrize("name", ["hess-dl3-dr1", "hess-joint-crab"])
def test_the_service_in_paris_says_the_same(archive: dict[str, Imported], name: str) -> None:
    """Its times are TT, its energies the extremes of the events; those are left to the headers' test."""
    theirs = {int(row["obs_id"]): row for row in Table.read(DL3 / "hess-dl3-dr1-padc-vo/obscore_table.fits.gz")}
    ours = {int(result.row.obs_id): result.row for result in archive[name].results.values() if result.row is not None}
    common = theirs.keys() & ours.keys()
    assert common == {23559, 23592}
    for obs_id in common:
        paris, row = theirs[obs_id], ours[obs_id]
        assert row.tstart_tt == pytest.approx(float(paris["t_min"]), abs=TIME)
        assert row.tstop_tt == pytest.approx(float(paris["t_max"]), abs=TIME)
        assert row.t_exptime == pytest.approx(float(paris["t_exptime"]), rel=1e-6)
        for key in ("s_ra", "s_dec", "ra_pnt", "dec_pnt", "alt_pnt", "az_pnt"):
            assert getattr(row, key) == pytest.approx(float(paris[key]), abs=2e-5), key
        assert (row.tstart, row.tstop) == (float(paris["tstart"]), float(paris["tstop"]))
        for key in ("date_obs", "time_obs", "date_end", "time_end"):
            assert getattr(row, key) == text(paris[key]), key
        assert row.obs_mode == text(paris["obs_mode"]).upper()
        assert row.target_name == text(paris["target_name"])
        assert row.dataproduct_type == text(paris["dataproduct_type"])
        assert row.calib_level == int(paris["calib_level"])
        assert row.instrument_name == text(paris["instrument_name"])


def text(value: object) -> str:
    return (value.decode() if isinstance(value, bytes) else str(value)).strip()


# -- every event file


def headers() -> Iterator[dict[str, str]]:
    path = DL3 / "HEADERS.csv"
    if path.exists():
        with path.open(newline="", encoding="utf-8") as lines:
            yield from csv.DictReader(lines)


def written(value: str) -> float | None:
    """Return a number of the table, None where the header has none."""
    try:
        return float(value)
    except ValueError:
        return None


def test_every_event_file_is_published_with_the_values_of_its_header(archive: dict[str, Imported]) -> None:
    n_files = 0
    for line in headers():
        n_files += 1
        collection, _, relpath = line["file"].partition("/")
        row = archive[collection].row(relpath)
        assert row.ev_xel == int(line["n_events"]), line["file"]
        assert row.ngti == int(line["n_gti"]), line["file"]
        if line["OBS_ID"].isdigit():
            assert row.obs_id == line["OBS_ID"], line["file"]
        for key in ("RA_PNT", "DEC_PNT", "ALT_PNT", "AZ_PNT", "TSTART", "TSTOP", "LIVETIME", "DEADC"):
            value = written(line[key])
            if value is not None:
                assert getattr(row, key.lower()) == pytest.approx(value, rel=1e-12), (line["file"], key)
        if row.obs_mode != "DRIFT":
            assert (row.s_ra, row.s_dec) == (
                pytest.approx(written(line["RA_PNT"])),
                pytest.approx(written(line["DEC_PNT"])),
            )
        assert row.t_exptime == pytest.approx(written(line["LIVETIME"]))
        if "energies from events" in (row.harvest_note or ""):
            assert row.energy_min == pytest.approx(1e12 * float(line["energy_min"]), rel=1e-6)
            assert row.energy_max == pytest.approx(1e12 * float(line["energy_max"]), rel=1e-6)
        assert row.timesys == line["TIMESYS"].upper()
        reference = Time(int(line["MJDREFI"]), float(line["MJDREFF"]), format="mjd", scale=line["TIMESYS"].lower())
        if line["TIMESYS"].lower() != "utc" and row.t_min is not None and row.tstart is not None:
            # the good times may begin a little off TSTART, not more than single precision of the header explains
            assert abs((Time(row.t_min, format="mjd", scale="utc") - reference).sec - row.tstart) < 120, line["file"]
    assert n_files == 129


@pytest.mark.parametrize("name", PUBLISHED_IN_FULL)
def test_every_file_ends_as_a_row_or_a_sentence(archive: dict[str, Imported], name: str) -> None:
    if name not in archive:
        pytest.skip(f"needs {DL3 / name}")
    collection = archive[name]
    rows = [result.row for result in collection.results.values() if result.row is not None]
    assert len(rows) == PUBLISHED_IN_FULL[name]
    for relpath, result in collection.results.items():
        assert result.row is not None or [severity for severity, _ in result.problems] == ["error"], relpath
    sentences = [sentence for result in collection.results.values() for _, sentence in result.problems]
    assert all(sentence.endswith(".") and "not understood" not in sentence for sentence in sentences)
    assert {severity for _, severity, _ in collection.problems} <= {"warning"}
    identifiers = [row.obs_publisher_did for row in rows]
    assert len(set(identifiers)) == len(identifiers)


def test_runs_have_all_that_a_search_needs(archive: dict[str, Imported]) -> None:
    for collection in archive.values():
        for relpath, result in collection.results.items():
            row = result.row
            if row is None or row.dataproduct_type != "event":
                continue
            needed = (
                row.t_min,
                row.t_max,
                row.t_exptime,
                row.s_ra,
                row.s_dec,
                row.energy_min,
                row.energy_max,
                row.em_min,
            )
            assert all(value is not None and math.isfinite(value) for value in needed), relpath
            assert row.t_min is not None and row.t_max is not None and row.t_min < row.t_max
            assert row.t_intervals, relpath
            assert row.target_name != "Crab Nebula" or row.target_class == "SNR", relpath


def test_hawc_is_one_run_in_parts(archive: dict[str, Imported]) -> None:
    """A drift instrument: text as OBS_ID, no pointing, one file for each event type, responses as maps."""
    rows = {path: result.row for path, result in archive["hawc-crab-pass4"].results.items() if result.row is not None}
    runs = [row for path, row in rows.items() if path.startswith("events/")]
    assert {row.obs_id for row in runs} == {"103000133"}
    assert len({row.event_type for row in runs}) == 2 and None not in {row.event_type for row in runs}
    assert {(row.ngti, row.tracking_mode) for row in runs} == {(39250, "fixed-az-el-transit")}
    assert {(row.s_ra, row.s_dec) for row in runs} == {(83.63, 22.01)}
    assert rows["irfs/PSFMap_Crab_fHitbin8GP.fits.gz"].dataproduct_subtype == "psf"
    transits = rows["irfs/TransitsMap_Crab.fits.gz"]
    assert (transits.dataproduct_type, transits.s_xel1, transits.s_pixel_scale) == ("image", 20, 1800.0)


def test_magic_with_utc_and_point_like_responses(archive: dict[str, Imported]) -> None:
    row = archive["magic-joint-crab"].row("run_05029748_DL3.fits")
    assert row.t_min == pytest.approx(Time("2013-10-04T04:41:12.767").mjd, abs=5e-5)
    assert (row.timesys, row.dataproduct_subtype, row.target_class) == ("UTC", "event-bundle", "SNR")
    rad_max = archive["magic-rad-max"].results["data/20131004_05029748_DL3_CrabNebula-W0.40+215.fits"]
    assert rad_max.row is not None
    assert rad_max.row.accref == "cta/data/magic-rad-max/data/20131004_05029748_DL3_CrabNebula-W0.40_x2B_215.fits"
    assert {hdu.hdu_type for hdu in rad_max.hdus} == {"events", "gti", "rad_max", "aeff", "edisp"}


def test_fact_shares_one_response_file(archive: dict[str, Imported]) -> None:
    collection = archive["fact-joint-crab"]
    row = collection.row("20131103_103_dl3.fits")
    assert (row.obs_id, row.dataproduct_subtype) == ("20131103103", "event-bundle")
    hdus = collection.results["20131103_103_dl3.fits"].hdus
    assert {hdu.file_accref for hdu in hdus if hdu.hdu_type in ("aeff", "edisp", "psf")} <= {
        "cta/data/fact-joint-crab/fact_irf.fits"
    }
