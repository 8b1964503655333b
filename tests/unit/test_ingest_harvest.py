# SPDX-License-Identifier: GPL-3.0-or-later
"""What becomes of an event file, sound or not: a row with the right values, a row with a doubt, or a sentence."""

from __future__ import annotations

import gzip
import math
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import erfa
import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.harvest import Harvest, harvest
from ingest.index import IndexFacts
from ingest.rows import DatasetRow, columns
from tests.unit.fits_files import (
    COLLECTION,
    GTI,
    HEADER,
    TIME,
    bundle,
    events,
    gti,
    harvested,
    located,
    metres,
    obs_index,
    pointing,
    response,
    table,
    task,
    to_bytes,
    write,
)

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
T_MIN, T_MAX = 53090.122708333, 53090.142175926  # UTC, obscore.md 6.1
MICRO_DAY = 1e-9


def published(result: Harvest, *doubts: str) -> DatasetRow:
    """Return the row of a file that was published with exactly these doubts (parts of the sentences)."""
    assert {severity for severity, _ in result.problems} <= {"warning"}, result.problems
    sentences = [sentence for _, sentence in result.problems]
    assert len(sentences) == len(doubts), sentences
    for doubt, sentence in zip(doubts, sentences, strict=True):
        assert doubt in sentence and sentence.endswith(".")
    assert result.row is not None and result.hdus
    return result.row


def refused(result: Harvest, reason: str) -> None:
    """Check that a file was refused for this reason."""
    assert result.row is None and result.hdus == []
    errors = [sentence for severity, sentence in result.problems if severity == "error"]
    assert len(errors) == 1 and reason in errors[0] and errors[0].endswith("."), result.problems


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.fits"


# -- the sound file


def test_a_sound_bundle(path: Path) -> None:
    row = published(harvested(path, *bundle()))
    assert (row.dataproduct_type, row.dataproduct_subtype, row.calib_level) == ("event", "event-bundle", 2)
    assert (row.obs_id, row.target_name, row.target_class) == ("20136", "MSH15-52", "SNR")
    assert (row.facility_name, row.instrument_name) == ("HESS", "H.E.S.S. Phase I")
    assert row.obs_title == "H.E.S.S. Phase I event list of MSH15-52, observation 20136"
    assert (row.s_ra, row.s_dec, row.s_fov) == (228.6125, -58.771666666667, 5.0)
    assert row.t_min == pytest.approx(T_MIN, abs=MICRO_DAY)
    assert row.t_max == pytest.approx(T_MAX, abs=MICRO_DAY)
    assert row.tstart_tt == pytest.approx(53090.123451204, abs=MICRO_DAY)
    assert (row.t_exptime, row.livetime, row.ontime) == (1521.02685546875, 1521.02685546875, 1682.0)
    assert (row.date_obs, row.time_obs) == ("2004-03-26", "02:57:46.184")  # in the file's scale, TT
    assert (row.ev_xel, row.ngti, row.messenger_name, row.messenger_pdgid) == (3, 1, "photon", "+22")
    assert (row.obs_mode, row.tracking_mode, row.scan_mode) == ("WOBBLE", "sidereal", "on-the-fly-cross-map")
    assert row.offset_obj == pytest.approx(0.5)
    assert row.zen_pnt == pytest.approx(38.51)
    assert (row.energy_min, row.energy_max) == (pytest.approx(1e11, rel=1e-6), pytest.approx(1e14))
    assert (row.em_max, row.em_min) == (metres(1.239842e-17), metres(1.239842e-20))
    assert row.s_resolution == pytest.approx(1.5599 * 1.5096 * 0.05 * 3600, rel=1e-3)
    assert row.em_res_power == pytest.approx(1 / (2.3548 * 0.15), rel=0.05)
    assert (row.s_ref_energy, row.em_ref_energy, row.s_ref_oaa, row.em_ref_oaa) == (1e12, 1e12, 0.5, 0.5)


def test_the_parts_of_a_bundle(path: Path) -> None:
    result = harvested(path, *bundle())
    assert [(hdu.hdu_type, hdu.hdu_class, hdu.hdu_name) for hdu in result.hdus] == [
        ("events", "events", "EVENTS"),
        ("gti", "gti", "GTI"),
        ("aeff", "aeff_2d", "AEFF"),
        ("edisp", "edisp_2d", "EDISP"),
        ("psf", "psf_3gauss", "PSF"),
        ("bkg", "bkg_2d", "BKG"),
    ]
    assert {hdu.file_accref for hdu in result.hdus} == {"cta/data/tests/run.fits"}
    assert {hdu.obs_publisher_did for hdu in result.hdus} == {"ivo://test/~?cta/data/tests/run.fits"}


@pytest.mark.parametrize(
    ("kinds", "point_like", "subtype"),
    [
        ((), False, "event-list"),
        (("aeff",), False, "event-list"),
        (("aeff", "edisp"), False, "event-list"),
        (("aeff", "edisp"), True, "event-bundle"),
        (("aeff", "edisp", "psf"), False, "event-bundle"),
        (("psf", "bkg"), False, "event-list"),
    ],
)
def test_what_makes_a_bundle(path: Path, kinds: tuple[str, ...], point_like: bool, subtype: str) -> None:
    cards = {"HDUCLAS3": "POINT-LIKE"} if point_like else {}
    row = published(harvested(path, events(), gti(), *(response(kind, **cards) for kind in kinds)))
    assert row.dataproduct_subtype == subtype


def test_rows_hold_plain_values_only(path: Path) -> None:
    """The database adaptor writes them as text: a numpy number would be written with its type."""
    for result in (harvested(path, *bundle()), harvested(path, response("aeff"), response("psf"))):
        assert result.row is not None
        for name in columns(DatasetRow):
            assert type(getattr(result.row, name)) in (str, int, float, type(None)), name


# -- obscore.md 6.1, "Edge cases for tests"


@pytest.mark.parametrize("obs_id", [None, 0, "", "N/A"])
def test_without_obs_id_the_name_of_the_file_stands_in(tmp_path: Path, obs_id: object) -> None:
    result = harvested(tmp_path / "20131004_Crab-W0.40+215.fits.gz", *bundle(OBS_ID=obs_id))
    assert published(result, "OBS_ID").obs_id == "20131004_Crab-W0.40+215"


def test_the_index_gives_an_id_that_the_header_lacks(path: Path) -> None:
    facts = IndexFacts(obs_id="77")
    assert published(harvested(path, *bundle(OBS_ID=None), facts=facts)).obs_id == "77"
    assert published(harvested(path, *bundle(OBS_ID="chunks 1 - 3"), facts=facts)).obs_id == "77"
    assert published(harvested(path, *bundle(OBS_ID=5), facts=facts)).obs_id == "5"
    assert published(harvested(path, *bundle(OBS_ID="chunks 1 - 3"))).obs_id == "chunks 1 - 3"


def test_the_good_time_overrules_a_rounded_tstop(path: Path) -> None:
    row = published(harvested(path, events(TSTOP=GTI[0][1] - 8.0), gti()))
    assert row.t_max == pytest.approx(T_MAX, abs=MICRO_DAY)
    assert row.tstop == GTI[0][1] - 8.0


def test_good_times_without_unit_are_in_timeunit(path: Path) -> None:
    assert published(harvested(path, events(), gti(unit=None))).t_max == pytest.approx(T_MAX, abs=MICRO_DAY)
    days = [[limit / 86400 for limit in GTI[0]]]
    both = (
        events(TIMEUNIT="d", TSTART=days[0][0], TSTOP=days[0][1], LIVETIME=None, DEADC=None),
        gti(days, None, TIMEUNIT="d"),
    )
    row = published(harvested(path, *both))
    assert row.t_min == pytest.approx(T_MIN, abs=MICRO_DAY)
    assert (row.tstart, row.t_exptime) == (pytest.approx(GTI[0][0]), pytest.approx(1682.0))
    seconds = gti(GTI, "s", TIMEUNIT="d")
    row = published(harvested(path, events(TIMEUNIT="d", TSTART=days[0][0], TSTOP=days[0][1]), seconds))
    assert row.t_max == pytest.approx(T_MAX, abs=MICRO_DAY)


@pytest.mark.parametrize("timesys", ["tt", " TT", "Tt"])
def test_time_scales_in_any_case(path: Path, timesys: str) -> None:
    row = published(harvested(path, events(TIMESYS=timesys), gti(TIMESYS=timesys)))
    assert (row.t_min, row.timesys) == (pytest.approx(T_MIN, abs=MICRO_DAY), "TT")


@pytest.mark.parametrize("scale", ["UTC", "TAI", "TT", "TDB"])
def test_time_scales_are_converted(path: Path, scale: str) -> None:
    row = published(harvested(path, events(TIMESYS=scale), gti(TIMESYS=scale)))
    zero = Time(TIME["MJDREFI"], TIME["MJDREFF"], format="mjd", scale=scale.lower())
    start = (
        zero + GTI[0][0] / 86400
        if scale != "UTC"
        else Time(TIME["MJDREFI"], TIME["MJDREFF"] + GTI[0][0] / 86400, format="mjd", scale="utc")
    )
    assert row.t_min == pytest.approx(start.utc.mjd, abs=MICRO_DAY)
    assert row.tstart_tt == pytest.approx(start.tt.mjd, abs=MICRO_DAY)
    assert row.timesys == scale


def test_a_single_mjdref(path: Path) -> None:
    zero = TIME["MJDREFI"] + TIME["MJDREFF"]
    single = {"MJDREFI": None, "MJDREFF": None, "MJDREF": zero}
    row = published(harvested(path, events(**single), gti(**single)))
    assert row.t_min == pytest.approx(T_MIN, abs=MICRO_DAY)
    assert (row.mjdrefi, row.mjdreff) == (51910, pytest.approx(TIME["MJDREFF"], abs=MICRO_DAY))


def test_the_time_reference_may_be_in_one_header_only(path: Path) -> None:
    nothing = dict.fromkeys(TIME)
    for hdus in ((events(**nothing), gti()), (events(), gti(**nothing))):
        assert published(harvested(path, *hdus)).t_min == pytest.approx(T_MIN, abs=MICRO_DAY)


def test_the_zero_point_is_never_mixed_of_two_headers(path: Path) -> None:
    single = {"MJDREFI": None, "MJDREFF": None, "MJDREF": TIME["MJDREFI"] + TIME["MJDREFF"]}
    row = published(harvested(path, events(**single), gti(MJDREFI=TIME["MJDREFI"])))
    assert row.t_min == pytest.approx(T_MIN, abs=MICRO_DAY)


def test_good_times_with_a_zero_point_of_their_own(path: Path) -> None:
    later = [[limit - 86400.0 * 1000 for limit in GTI[0]]]
    row = published(harvested(path, events(), gti(later, MJDREFI=TIME["MJDREFI"] + 1000)), "time references")
    assert row.t_min == pytest.approx(T_MIN, abs=MICRO_DAY)
    assert (row.mjdrefi, row.tstart) == (TIME["MJDREFI"] + 1000, later[0][0])


@pytest.mark.parametrize("times", [(), (gti([]),), (gti([], name="OTHER"),)])
def test_without_good_times_tstart_and_tstop_count(path: Path, times: tuple[fits.BinTableHDU, ...]) -> None:
    row = published(harvested(path, events(), *times), "no good time interval")
    assert (row.t_min, row.t_max) == (pytest.approx(T_MIN, abs=MICRO_DAY), pytest.approx(T_MAX, abs=MICRO_DAY))
    assert (row.ngti, row.t_intervals, row.t_exptime) == (0, None, 1521.02685546875)


def test_without_any_time_a_file_is_refused(path: Path) -> None:
    refused(harvested(path, events(TSTOP=None), gti([])), "neither a good time interval")
    refused(harvested(path, events(TSTART=None)), "neither a good time interval")


def test_the_index_gives_times_that_the_header_lacks(path: Path) -> None:
    facts = IndexFacts("20136", values={"TSTART": GTI[0][0], "TSTOP": GTI[0][1]})
    row = published(harvested(path, events(TSTART=None, TSTOP=None), facts=facts), "no good time")
    assert row.t_max == pytest.approx(T_MAX, abs=MICRO_DAY)


def test_several_good_times(path: Path) -> None:
    start, stop = GTI[0]
    row = published(
        harvested(path, events(LIVETIME=None, DEADC=None, ONTIME=None), gti([(stop - 100, stop), (start, start + 50)]))
    )
    assert (row.t_min, row.t_max) == (pytest.approx(T_MIN, abs=MICRO_DAY), pytest.approx(T_MAX, abs=MICRO_DAY))
    assert (row.ngti, row.ontime, row.t_exptime) == (2, 150.0, 150.0)
    assert row.t_intervals is not None and row.t_intervals.split()[-1].startswith(("42/", "4"))


@pytest.mark.parametrize(
    ("cards", "exposure", "source"),
    [
        ({}, 1521.02685546875, "LIVETIME"),
        ({"LIVETIME": None}, 0.9043 * 1682.0, "DEADC*ONTIME"),
        ({"LIVETIME": -1.0}, 0.9043 * 1682.0, "DEADC*ONTIME"),
        ({"LIVETIME": None, "ONTIME": 0.0}, 0.9043 * 1682.0, "DEADC*ONTIME"),
        ({"LIVETIME": None, "ONTIME": None}, 0.9043 * 1682.0, "DEADC*ONTIME"),
        ({"LIVETIME": None, "DEADC": None}, 1682.0, "GTI"),
        ({"LIVETIME": None, "DEADC": -0.5}, 1682.0, "GTI"),
        ({"LIVETIME": "many", "DEADC": "x"}, 1682.0, "GTI"),
    ],
)
def test_the_exposure(path: Path, cards: dict[str, object], exposure: float, source: str) -> None:
    row = published(harvested(path, events(**cards), gti()))
    assert row.t_exptime == pytest.approx(exposure)
    assert f"exposure from {source}" in (row.harvest_note or "")


def test_numbers_that_no_column_can_hold_are_left_out(path: Path) -> None:
    row = published(
        harvested(path, events(LIVETIME=None, DEADC=1e300, ONTIME=1e300), gti()), "the value of t_exptime is out"
    )
    assert (row.t_exptime, row.ontime) == (None, 1e300)
    row = published(
        harvested(path, *bundle(N_TELS=2**31, QUALITY=-(2**40))), "the value of n_tels", "the value of quality"
    )
    assert (row.n_tels, row.quality) == (None, None)
    row = published(harvested(path, events([1.0, 2e37]), gti()), "the value of em_min")
    assert (row.em_min, row.energy_max) == (None, pytest.approx(2e49))


def test_no_live_time_is_believed_and_doubted(path: Path) -> None:
    row = published(harvested(path, events(LIVETIME=0.0), gti()), "LIVETIME is 0")
    assert row.t_exptime == 0.0


def corners(region: str) -> np.ndarray:
    """Return the vertices of a footprint as pairs of degrees."""
    return np.array(
        [
            [float(number.strip().removesuffix("d")) for number in pair.split(",")]
            for pair in region.strip("{}()").split("),(")
        ]
    )


def vectors(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
    return np.stack(erfa.s2c(np.radians(lon), np.radians(lat)))


@pytest.mark.parametrize(
    ("ra", "dec"), [(0.1, 10.0), (359.9, -10.0), (360.0, 0.0), (-0.5, 5.0), (12.0, 89.5), (200.0, -90.0), (0.0, 90.0)]
)
def test_footprints_at_the_seam_and_the_poles(path: Path, ra: float, dec: float) -> None:
    row = published(harvested(path, *bundle(RA_PNT=ra, DEC_PNT=dec)))
    assert row.s_ra == ra % 360.0 and row.s_dec == dec
    assert row.s_region is not None and row.s_fov == 5.0
    polygon = corners(row.s_region)
    assert polygon.shape == (8, 2)
    assert (polygon[:, 0] >= 0).all() and (polygon[:, 0] < 360).all() and (np.abs(polygon[:, 1]) <= 90).all()
    centre, edge = vectors(np.array(ra), np.array(dec)), vectors(polygon[:, 0], polygon[:, 1])
    normals = np.cross(edge, np.roll(edge, -1, axis=0))
    # the circle touches every side from inside: that is its radius away from each great circle
    inside = np.degrees(np.arcsin(normals @ centre / np.linalg.norm(normals, axis=1)))
    np.testing.assert_allclose(np.abs(inside), 2.5, atol=1e-6)
    assert len(set(np.sign(inside))) == 1


def test_a_leap_second_between_start_and_stop(path: Path) -> None:
    """2016-12-31T23:59:50 to 2017-01-01T00:00:10 are 21 seconds."""
    start, stop = Time("2016-12-31T23:59:50", scale="utc"), Time("2017-01-01T00:00:10", scale="utc")
    zero = Time(TIME["MJDREFI"], TIME["MJDREFF"], format="mjd", scale="tt")
    limits = [[(start - zero).sec, (stop - zero).sec]]
    times = {"TSTART": limits[0][0], "TSTOP": limits[0][1], "LIVETIME": None, "DEADC": None, "ONTIME": None}
    row = published(harvested(path, events(**times), gti(limits)))
    assert row.t_exptime == pytest.approx(21.0)
    assert row.t_min == pytest.approx(start.mjd, abs=MICRO_DAY)
    assert row.t_max == pytest.approx(stop.mjd, abs=MICRO_DAY)
    assert (row.date_obs, row.time_obs) == tuple(start.tt.isot.split("T"))


@pytest.mark.parametrize(
    ("unit", "factor"), [("TeV", 1.0), ("GeV", 1e3), ("MeV", 1e6), ("keV", 1e9), ("tev", 1.0), (None, 1.0)]
)
def test_energies_of_the_events_in_any_unit(path: Path, unit: str | None, factor: float) -> None:
    energies = np.array([0.5, 1.0, 20.0]) * factor
    row = published(harvested(path, events(energies, units={"ENERGY": unit}), gti()))
    assert (row.energy_min, row.energy_max) == (pytest.approx(5e11), pytest.approx(2e13))
    assert row.em_max == metres(1.239841984332e-6 / 5e11)
    assert "energies from events" in (row.harvest_note or "")


# -- where energies and fields of view come from

SUBSPACE = {
    "NDSKEYS": 3,
    "DSTYP1": "TIME",
    "DSUNI1": "s",
    "DSVAL1": "TABLE",
    "DSTYP2": "ENERGY",
    "DSUNI2": "TeV",
    "DSVAL2": "0.03:160",
    "DSTYP3": "POS(RA,DEC)",
    "DSUNI3": "deg",
    "DSVAL3": "CIRCLE(267.68,-29.6,5)",
}


def notes(row: DatasetRow) -> str:
    return row.harvest_note or ""


def test_sources_of_energies_in_turn(path: Path) -> None:
    thresholds = response("aeff", LO_THRES=0.4, HI_THRES=50.0)
    defaults = {"energy_min_tev": 0.02, "energy_max_tev": 30.0}
    for hdus, expected, source in (
        ((events(**SUBSPACE), gti(), thresholds, response("bkg")), (0.4, 50.0), "LO_THRES"),
        ((events(**SUBSPACE), gti(), response("aeff"), response("bkg")), (0.03, 160.0), "data sub-space"),
        ((events(), gti(), response("aeff", LO_THRES=0.4, HI_THRES=1e300)), (0.1, 100.0), "effective area"),
        ((events(), gti(), response("bkg")), (0.1, 100.0), "background axis"),
        ((events(), gti(), response("aeff")), (0.1, 100.0), "effective area"),
        ((events(), gti()), (0.02, 30.0), "collection file"),
    ):
        row = published(harvested(path, *hdus, defaults=defaults))
        assert row.energy_min is not None and row.energy_max is not None
        assert (row.energy_min / 1e12, row.energy_max / 1e12) == pytest.approx(expected, rel=1e-6)
        assert f"energies from {source}" in notes(row)


@pytest.mark.parametrize(
    "cards",
    [
        {"DSVAL2": "x:y"},
        {"DSVAL2": "5:1"},
        {"DSVAL2": "0:1"},
        {"DSUNI2": "furlong"},
        {"NDSKEYS": 1},
        {"DSVAL2": "1..2:3"},
        {"NDSKEYS": "many"},
    ],
)
def test_a_senseless_subspace_is_passed_over(path: Path, cards: dict[str, object]) -> None:
    row = published(harvested(path, events(**{**SUBSPACE, **cards}), gti()))
    assert "energies from events" in notes(row)


def test_sources_of_the_field_of_view_in_turn(path: Path) -> None:
    for hdus, expected, source in (
        ((events(**SUBSPACE), gti(), response("aeff")), 10.0, "data sub-space"),
        ((events(), gti(), response("aeff")), 5.0, "effective area"),
        ((events(), gti()), 3.5, "collection file"),
    ):
        row = published(harvested(path, *hdus, defaults={"s_fov_deg": 3.5}))
        assert (row.s_fov, f"field of view from {source}" in notes(row)) == (expected, True)
        assert row.s_region is not None
    row = published(harvested(path, events(), gti()))
    assert (row.s_fov, row.s_region) == (None, None)


def test_a_field_of_view_beyond_a_hemisphere_has_no_outline(path: Path) -> None:
    row = published(harvested(path, events(), gti(), defaults={"s_fov_deg": 200.0}))
    assert (row.s_fov, row.s_region) == (200.0, None)


def test_the_reference_energy_stays_within_the_range(path: Path) -> None:
    row = published(harvested(path, events([0.01, 0.04]), gti()))
    assert row.s_ref_energy == pytest.approx(0.02e12)


# -- the list of bad input of the issue


@pytest.mark.parametrize(
    "content", [b"", b"plain text", to_bytes(*bundle())[:7000], gzip.compress(to_bytes(*bundle()), mtime=0)[:999]]
)
def test_unreadable_fits(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    refused(harvest(task(path), COLLECTION), "")


def test_a_file_that_went_away(path: Path) -> None:
    job = task(write(path, *bundle()))
    path.unlink()
    refused(harvest(job, COLLECTION), "No such file")


@pytest.mark.parametrize(
    "hdus", [(), (gti(),), (pointing([1.0], [1.0]),), (table("LIGHTCURVE", [fits.Column("TIME", "D")], {}),)]
)
def test_no_events_and_no_responses(path: Path, hdus: tuple[fits.BinTableHDU, ...]) -> None:
    refused(harvested(path, *hdus), "neither an EVENTS table nor responses")


def test_responses_elsewhere_do_not_make_a_file_without_events_a_response(tmp_path: Path) -> None:
    irf = write(tmp_path / "irf.fits", response("psf"))
    elsewhere = [located(irf, "psf", "PSF")]
    facts = IndexFacts("1", responses=(elsewhere[0].entry,))
    refused(harvested(tmp_path / "a.fits", gti(), facts=facts, elsewhere=elsewhere), "neither an EVENTS table")


def test_an_image_called_events_is_no_event_table(path: Path) -> None:
    refused(harvested(path, fits.ImageHDU(np.zeros((2, 2)), name="EVENTS")), "no world coordinate system")


NO_POINTING = "no position"


@pytest.mark.parametrize(
    ("cards", "written"),
    [
        ({"RA_PNT": None, "DEC_PNT": None}, "there is no pointing"),
        ({"RA_PNT": None}, "RA_PNT None"),
        ({"RA_PNT": "NaN"}, "RA_PNT NaN"),
        ({"DEC_PNT": 95.0}, "DEC_PNT 95.0"),
        ({"RA_PNT": "17h"}, "RA_PNT 17h"),
    ],
)
def test_no_pointing(path: Path, cards: dict[str, object], written: str) -> None:
    row = published(harvested(path, *bundle(**cards)), NO_POINTING)
    assert (row.s_ra, row.s_dec, row.s_region, row.ra_pnt, row.glon_pnt, row.offset_obj) == (None,) * 6
    assert row.s_fov == 5.0 and row.t_min is not None


def test_no_pointing_says_what_is_written(path: Path) -> None:
    result = harvested(path, *bundle(DEC_PNT=95.0))
    assert "DEC_PNT 95.0" in result.problems[0][1]


def raw_header(path: Path, old: str, new: str) -> None:
    """Change a card behind astropy's back, which does not write such values."""
    content = path.read_bytes()
    card = next(content[i : i + 80] for i in range(0, len(content), 80) if content[i : i + 9] == f"{old:8}=".encode())
    path.write_bytes(content.replace(card, f"{old:8}= {new}".ljust(80).encode(), 1))


@pytest.mark.parametrize("value", ["NaN", "Inf", "-INF", "nan", "1E400", ""])
def test_a_pointing_that_is_no_number(path: Path, value: str) -> None:
    write(path, *bundle())
    raw_header(path, "RA_PNT", value)
    row = published(harvest(task(path), COLLECTION), NO_POINTING)
    assert row.s_ra is None


WITH_MORE_KEYWORDS = to_bytes(*bundle(N_TELS=4, QUALITY=0, CONV_DEP=0.0, MUONEFF=0.1, NDSKEYS=0))
NUMBERS = [key for key, value in HEADER.items() if isinstance(value, int | float)]


@pytest.mark.parametrize("value", ["NaN", "Inf", "1E300", "-1E300", "99999999999999999999", "'x'", ""])
@pytest.mark.parametrize("key", [*NUMBERS, "N_TELS", "QUALITY", "CONV_DEP", "MUONEFF", "NDSKEYS"])
def test_headers_with_numbers_that_are_none(path: Path, key: str, value: str) -> None:
    path.write_bytes(WITH_MORE_KEYWORDS)
    raw_header(path, key, value)
    result = harvest(task(path), COLLECTION)
    assert all(sentence.endswith(".") for _, sentence in result.problems)
    assert not any("not understood" in sentence for _, sentence in result.problems), result.problems
    if result.row is not None:
        storable(result.row)


def storable(row: DatasetRow) -> None:
    """Check that every value fits its column: one that does not ends the import of all files."""
    for name in columns(DatasetRow):
        value = getattr(row, name)
        if isinstance(value, float):
            assert math.isfinite(value), name
        if isinstance(value, int):
            assert abs(value) < 2**31, name
    for name in ("s_fov", "s_resolution", "em_min", "em_max", "em_res_power"):
        value = getattr(row, name)
        with np.errstate(all="ignore"):
            assert value in (None, 0.0) or (np.isfinite(np.float32(value)) and np.float32(value) != 0), name


def test_the_pointing_of_the_index_stands_in(path: Path) -> None:
    facts = IndexFacts("1", values={"RA_PNT": 10.0, "DEC_PNT": 20.0, "ALT_PNT": 60.0})
    row = published(harvested(path, *bundle(RA_PNT=None, DEC_PNT=None, ALT_PNT=None), facts=facts))
    assert (row.s_ra, row.s_dec, row.zen_pnt) == (10.0, 20.0, 30.0)


def test_the_pointing_table_stands_in(path: Path) -> None:
    no_pointing = {"RA_PNT": None, "DEC_PNT": None}
    row = published(harvested(path, *bundle(**no_pointing), pointing([359.0, 1.0], [10.0, 10.0])))
    assert row.s_ra is not None and row.s_dec is not None
    assert min(row.s_ra, 360 - row.s_ra) == pytest.approx(0.0, abs=1e-9)
    assert "position from POINTING" in notes(row)
    row = published(harvested(path, *bundle(OBS_MODE="DRIFT"), pointing([5.0], [6.0])))
    assert (row.s_ra, row.s_dec) == (pytest.approx(5.0), pytest.approx(6.0))
    row = published(harvested(path, *bundle(**no_pointing), pointing([math.nan], [math.nan])), "POINTING", NO_POINTING)
    assert row.s_ra is None
    row = published(harvested(path, *bundle(**no_pointing), pointing([], [])), NO_POINTING)
    assert row.s_ra is None


def test_the_pointing_of_the_collection_file_stands_in(path: Path) -> None:
    defaults = {"ra_pnt_deg": 83.6, "dec_pnt_deg": 22.0}
    row = published(harvested(path, *bundle(RA_PNT=None), defaults=defaults))
    assert (row.s_ra, row.s_dec) == (83.6, 22.0)
    assert "position from the collection file" in notes(row)


def test_an_instrument_that_drifts_needs_no_pointing(path: Path) -> None:
    row = published(harvested(path, *bundle(OBS_MODE="DRIFT", RA_PNT=None, DEC_PNT=None)))
    assert (row.s_ra, row.tracking_mode) == (None, "fixed-az-el-transit")


def test_the_direction_of_the_object_never_stands_in(path: Path) -> None:
    row = published(harvested(path, *bundle(RA_PNT=None, DEC_PNT=None)), NO_POINTING)
    assert (row.s_ra, row.ra_obj) == (None, HEADER["RA_OBJ"])


def test_an_unknown_frame_is_doubted(path: Path) -> None:
    published(harvested(path, *bundle(RADECSYS="FK4")), "FK4")
    published(harvested(path, *bundle(RADECSYS=None, RADESYS="icrs")))
    published(harvested(path, *bundle(RADECSYS=None)))


@pytest.mark.parametrize(
    ("units", "named"),
    [
        ({"RA": "rad"}, "RA"),
        ({"DEC": "hourangle"}, "DEC"),
        ({"TIME": "d"}, "TIME"),
        ({"ENERGY": "m"}, "ENERGY"),
        ({"ENERGY": "log(TeV)"}, "ENERGY"),
    ],
)
def test_wrong_units_of_events(path: Path, units: dict[str, str], named: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        refused(
            harvested(path, events(units=units), gti()),
            f"the column {named} of the EVENTS table is in '{units[named]}'",
        )


def test_wrong_units_of_good_times(path: Path) -> None:
    refused(harvested(path, events(), gti(unit="m")), "the column START of the GTI table is in 'm', not in s")


@pytest.mark.parametrize("without", [("TIME",), ("RA", "DEC"), ("ENERGY",), ("TIME", "RA", "DEC", "ENERGY")])
def test_missing_columns(path: Path, without: tuple[str, ...]) -> None:
    refused(
        harvested(path, events(without=without), gti()), f"the EVENTS table lacks the column(s) {', '.join(without)}."
    )


def test_no_columns_at_all(path: Path) -> None:
    refused(
        harvested(path, table("EVENTS", [], {"HDUCLAS1": "EVENTS"}), gti()), "lacks the column(s) TIME, RA, DEC, ENERGY"
    )


def test_no_events_yet_a_run(path: Path) -> None:
    row = published(harvested(path, *[events([]), *bundle()[1:]]))
    assert (row.ev_xel, row.energy_min) == (0, pytest.approx(1e11, rel=1e-6))
    row = published(harvested(path, events([]), gti()), "energy range")
    assert (row.ev_xel, row.energy_min, row.em_min) == (0, None, None)


def test_energies_that_are_none_do_not_count(path: Path) -> None:
    row = published(harvested(path, events([math.nan, 0.0, -1.0, 2.0, math.inf, 3.0]), gti()))
    assert (row.energy_min, row.energy_max) == (pytest.approx(2e12), pytest.approx(3e12))
    published(harvested(path, events([math.nan, 0.0]), gti()), "energy range")


def test_reversed_and_senseless_good_times_are_left_out(path: Path) -> None:
    start, stop = GTI[0]
    intervals = [(start, stop), (stop, start), (math.nan, stop), (start, math.inf), (start, start)]
    row = published(harvested(path, events(), gti(intervals)), "4 good time interval(s)")
    assert (row.ngti, row.t_max) == (1, pytest.approx(T_MAX, abs=MICRO_DAY))
    row = published(harvested(path, events(), gti([(stop, start)])), "1 good time interval(s)", "no good time interval")
    assert (row.ngti, row.t_max) == (0, pytest.approx(T_MAX, abs=MICRO_DAY))


def test_a_good_time_table_without_its_columns(path: Path) -> None:
    other = table("GTI", [fits.Column("BEGIN", "D", array=[1.0])], {"HDUCLAS1": "GTI"})
    published(harvested(path, events(), other), "without START and STOP", "no good time interval")


def test_reversed_start_and_stop(path: Path) -> None:
    refused(harvested(path, events(TSTART=GTI[0][1], TSTOP=GTI[0][0])), "ends before it starts")


def test_missing_time_scale(path: Path) -> None:
    no_scale = events(TIMESYS=None), gti(TIMESYS=None)
    refused(harvested(path, *no_scale), "no TIMESYS")
    row = published(harvested(path, *no_scale, defaults={"timesys": "tt"}))
    assert row.t_min == pytest.approx(T_MIN, abs=MICRO_DAY)


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        ({"TIMESYS": "LOCAL"}, "LOCAL"),
        ({"TIMEUNIT": "fortnight"}, "fortnight"),
        ({"MJDREFI": None, "MJDREFF": None}, "MJDREF"),
        ({"MJDREFI": "x"}, "MJDREFI"),
        ({"MJDREFI": 10**9}, "MJD"),
        ({"MJDREFI": -(10**6)}, "1972"),
    ],
)
def test_time_references_that_are_none(path: Path, cards: dict[str, object], reason: str) -> None:
    refused(harvested(path, events(**cards), gti(**cards)), reason)


def test_times_that_are_hardly_meant(path: Path) -> None:
    row = published(harvested(path, events(MJDREFI=44000), gti(MJDREFI=44000)), "hardly meant")
    assert row.t_min == pytest.approx(T_MIN - 7910, abs=1e-3)


def test_two_event_tables(path: Path) -> None:
    row = published(harvested(path, events(), gti(), events([1.0], name="EVENTS2")), "2 event tables")
    assert row.ev_xel == 3


def test_damaged_responses_are_doubts(path: Path) -> None:
    bad = response("aeff")
    bad.data["ENERG_LO"][0][0] = np.nan
    row = published(harvested(path, events(), gti(), bad), "energy range", "response")
    assert row.t_min is not None
    empty = fits.BinTableHDU(response("psf").data[:0], response("psf").header)
    published(harvested(path, events(), gti(), empty), "PSF is not usable")


def test_responses_elsewhere(tmp_path: Path) -> None:
    irf = write(tmp_path / "irf.fits", response("aeff", "EFFECTIVE AREA"), response("edisp"), response("psf"))
    wanted = [located(irf, "aeff", "effective area"), located(irf, "edisp", "OTHER NAME"), located(irf, "psf", "")]
    result = harvested(tmp_path / "a.fits", events(), gti(), elsewhere=wanted)
    row = published(result)
    assert (row.dataproduct_subtype, row.s_fov) == ("event-bundle", 5.0)
    assert row.em_res_power is not None and row.s_resolution is not None
    assert [(hdu.hdu_type, hdu.file_accref) for hdu in result.hdus[2:]] == [
        (kind, "cta/data/tests/irf.fits") for kind in ("aeff", "edisp", "psf")
    ]


def test_own_responses_come_before_those_elsewhere(tmp_path: Path) -> None:
    irf = write(tmp_path / "irf.fits", response("psf"))
    result = harvested(tmp_path / "a.fits", *bundle(), elsewhere=[located(irf, "psf", "PSF")])
    published(result)
    assert {hdu.file_accref for hdu in result.hdus} == {"cta/data/tests/a.fits"}


def test_responses_elsewhere_that_cannot_be_used_are_doubts(tmp_path: Path) -> None:
    bad, other = tmp_path / "bad.fits", write(tmp_path / "other.fits", response("psf"))
    bad.write_bytes(b"no FITS")
    wanted = [located(bad, "aeff", "AEFF"), located(other, "edisp", "EDISP")]
    published(
        harvested(tmp_path / "a.fits", events(), gti(), elsewhere=wanted),
        "bad.fits cannot be used",
        "other.fits has no HDU EDISP",
    )


def test_a_shared_response_that_changes_is_read_again(tmp_path: Path) -> None:
    irf = write(tmp_path / "irf.fits", response("psf"))
    first = published(harvested(tmp_path / "a.fits", events(), gti(), elsewhere=[located(irf, "psf", "PSF")]))
    wide = response("psf")
    wide.data["SIGMA_1"] *= 2
    write(irf, wide)
    os.utime(irf, ns=(0, 0))
    second = published(harvested(tmp_path / "a.fits", events(), gti(), elsewhere=[located(irf, "psf", "PSF")]))
    assert second.s_resolution == pytest.approx(2 * (first.s_resolution or 0), rel=1e-6)


# -- response files


def test_a_response_file(path: Path) -> None:
    result = harvested(path, response("psf", TELESCOP="CTA", INSTRUME="South", ORIGIN="CTAO", DATE="2021-03-04"))
    row = published(result)
    assert (row.dataproduct_type, row.dataproduct_subtype, row.obs_id) == (None, "psf", "run")
    assert (row.facility_name, row.instrument_name, row.obs_creator_name) == ("CTA", "South", "CTAO")
    assert (row.obs_creation_date, row.obs_title) == ("2021-03-04T00:00:00", "South responses (psf), run")
    assert (row.ev_xel, row.t_min, row.s_ra) == (None, None, None)
    assert row.s_resolution == pytest.approx(1.5599 * 1.5096 * 0.05 * 3600, rel=1e-3)
    assert [hdu.hdu_type for hdu in result.hdus] == ["psf"]


def test_a_file_of_several_responses(path: Path) -> None:
    row = published(harvested(path, *(response(kind) for kind in ("aeff", "edisp", "psf", "bkg"))))
    assert (row.dataproduct_subtype, row.s_fov) == ("response-function", 5.0)
    assert (row.energy_min, row.energy_max) == (pytest.approx(1e11, rel=1e-6), pytest.approx(1e14))


@pytest.mark.parametrize(
    ("kind", "term"), [("aeff", "aeff"), ("edisp", "edisp"), ("bkg", "bkgrate"), ("rad_max", "rad_max")]
)
def test_terms_of_responses(path: Path, kind: str, term: str) -> None:
    assert published(harvested(path, response(kind))).dataproduct_subtype == term


def test_a_response_as_a_map(path: Path) -> None:
    hdu = fits.ImageHDU(np.zeros((2, 2), np.float32), name="PSF")
    result = harvested(path, hdu)
    assert published(result).dataproduct_subtype == "psf"
    assert result.hdus[0].hdu_class == "map"


def test_response_files_with_dots_in_their_names_are_told_apart(tmp_path: Path) -> None:
    ids = [
        published(harvested(tmp_path / f"Prod5.{time}-v0.1.fits.gz", response("psf"))).obs_id
        for time in ("1800s", "18000s")
    ]
    assert ids == ["Prod5.1800s-v0.1", "Prod5.18000s-v0.1"]


def test_an_index_of_another_name_is_recognised(path: Path) -> None:
    result = harvested(path, obs_index([{"OBS_ID": 1, "OBS_MODE": "POINTING"}]))
    assert (result.is_index, result.row) == (True, None)
    assert result.problems[0][0] == "warning" and "rename" in result.problems[0][1]


# -- what comes from where


def test_the_collection_file_overrules_the_header(path: Path) -> None:
    row = published(harvested(path, *bundle(), facility_name="CTAO", instrument_name="CTAO-N", creator="Me"))
    assert (row.facility_name, row.instrument_name, row.obs_creator_name) == ("CTAO", "CTAO-N", "Me")
    assert (row.telescop, row.instrume) == ("HESS", "H.E.S.S. Phase I")


@pytest.mark.parametrize(
    ("cards", "primary", "expected"),
    [
        ({"CREATED": "2026-01-01T12:00:00.5+02:00"}, {}, "2026-01-01T10:00:00"),
        ({"DATE": "2026-01-01"}, {}, "2026-01-01T00:00:00"),
        ({}, {"DATE": "2020-02-03T04:05:06"}, "2020-02-03T04:05:06"),
        ({"CREATED": "yesterday"}, {}, None),
        ({"CREATED": "0001-01-01T00:00:00+05:00"}, {}, None),
        ({"CREATED": "31/12/99"}, {}, None),
    ],
)
def test_creation_dates(path: Path, cards: Mapping[str, Any], primary: Mapping[str, Any], expected: str | None) -> None:
    write(path, events(**cards), gti(), primary=primary)
    assert published(harvest(task(path), COLLECTION)).obs_creation_date == expected


@pytest.mark.parametrize("unset", ["", "N/A", "custom", "string", None])
def test_objects_that_are_none(path: Path, unset: str | None) -> None:
    row = published(
        harvested(path, *bundle(OBJECT=unset, RA_OBJ=0.0, DEC_OBJ=0.0), defaults={"target_name": "Crab Nebula"})
    )
    assert (row.object, row.target_name, row.ra_obj, row.offset_obj) == (None, "Crab Nebula", None, None)
    assert (
        published(harvested(path, *bundle(OBJECT=unset))).obs_title == "H.E.S.S. Phase I event list, observation 20136"
    )


def test_observing_modes(path: Path) -> None:
    row = published(harvested(path, *bundle(OBS_MODE="pointing", CONV_DEP=-1.5)))
    assert (row.obs_mode, row.scan_mode, row.pointing_mode) == ("POINTING", "on-the-fly-cross-map", "divergent")
    row = published(harvested(path, *bundle(OBS_MODE=None), defaults={"obs_mode": "raster"}))
    assert (row.obs_mode, row.scan_mode) == ("RASTER", "raster-map")


def test_keywords_that_are_copied(path: Path) -> None:
    cards = {"EV_CLASS": "std", "ANA_VER": "1.2", "CAL_VER": "3", "DST_VER": "4", "N_TELS": 4, "TELLIST": "1,2,3,4"}
    row = published(harvested(path, *bundle(**cards, MUONEFF=0.1, NSBLEVEL=2.5, TRGRATE=300.0, QUALITY=1)))
    assert (row.analysis_mode, row.ev_class, row.ana_ver, row.cal_ver, row.dst_ver) == (
        "std-1.2",
        "std",
        "1.2",
        "3",
        "4",
    )
    assert (row.n_tels, row.tellist, row.muoneff, row.nsblevel, row.trgrate, row.quality) == (
        4,
        "1,2,3,4",
        0.1,
        2.5,
        300.0,
        1,
    )


# -- nothing escapes

HEADER_VALUES = (
    st.integers(-(2**70), 2**70)
    | st.floats(width=64).map(lambda value: f"{value:.15G}")
    | st.sampled_from(
        [
            "T",
            "F",
            "",
            "NaN",
            "INF",
            "-INF",
            "1E400",
            "(1, 2)",
            "'",
            "''",
            "'DRIFT'",
            "'TAI'",
            "'UTC'",
            "'N/A'",
            "'0.1:1'",
            "'d'",
        ]
    )
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(lambda value: f"'{value}'")
)
KEYS = [
    *HEADER,
    *SUBSPACE,
    "MJDREF",
    "LO_THRES",
    "HI_THRES",
    "TUNIT2",
    "TUNIT5",
    "TTYPE5",
    "TFORM5",
    "TFORM2",
    "TSCAL5",
    "TZERO5",
    "TDIM5",
    "NAXIS2",
    "NAXIS1",
    "EXTNAME",
    "HDUCLAS2",
    "HDUCLAS4",
    "N_TELS",
    "QUALITY",
    "CREATED",
    "PROP_ID",
    "TFIELDS",
]
FILE = to_bytes(*bundle())


@FUZZ
@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from(KEYS), HEADER_VALUES), min_size=1, max_size=6))
def test_no_exception_escapes_whatever_headers_say(tmp_path: Path, changes: list[tuple[int, str, object]]) -> None:
    blocks = [i for i in range(0, len(FILE), 2880) if FILE[i : i + 8] in (b"SIMPLE  ", b"XTENSION")]
    content = bytearray(FILE)
    for number, key, value in changes:
        start = blocks[number]
        end = next(i for i in range(start, len(content), 80) if content[i : i + 8] == b"END     ")
        place = next((i for i in range(start, end, 80) if content[i : i + 9] == f"{key:8}=".encode()), end - 80)
        content[place : place + 80] = f"{key:8}= {value}"[:80].ljust(80).encode("ascii")
    path = tmp_path / "run.fits"
    path.write_bytes(content)
    check_anything(harvest(task(path), COLLECTION))


@FUZZ
@given(st.lists(st.tuples(st.integers(0, len(FILE) - 1), st.integers(0, 255)), min_size=1, max_size=30), st.booleans())
def test_no_exception_escapes_whatever_bytes_are_wrong(
    tmp_path: Path, flips: list[tuple[int, int]], compress: bool
) -> None:
    content = bytearray(FILE)
    for position, byte in flips:
        content[position] = byte
    path = tmp_path / "run.fits"
    path.write_bytes(gzip.compress(content, 1) if compress else content)
    check_anything(harvest(task(path), COLLECTION))


def check_anything(result: Harvest) -> None:
    """Check what holds for every file: a row that can be stored, or a sentence."""
    assert all(sentence.endswith(".") for _, sentence in result.problems), result.problems
    assert not any(sentence.startswith("the file is not understood") for _, sentence in result.problems), (
        result.problems
    )
    assert result.row is not None or result.is_index or any(severity == "error" for severity, _ in result.problems)
    if result.row is not None:
        storable(result.row)
        for name in columns(DatasetRow):
            assert type(getattr(result.row, name)) in (str, int, float, type(None)), name


@QUICK
@given(st.floats(-360, 360), st.floats(-90, 90), st.floats(0.01, 140))
def test_any_pointing_has_a_footprint(tmp_path: Path, ra: float, dec: float, fov: float) -> None:
    row = published(harvested(tmp_path / "a.fits", events(RA_PNT=ra, DEC_PNT=dec), gti(), defaults={"s_fov_deg": fov}))
    assert row.s_region is not None and row.s_ra is not None
    assert 0 <= row.s_ra < 360
    assert row.glat_pnt is not None and abs(row.glat_pnt) <= 90
