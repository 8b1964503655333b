# SPDX-License-Identifier: GPL-3.0-or-later
"""HDUs are known by what they are, whatever their writers call them; header values that say nothing are not used."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.fitsfile import HDU, read_hdus
from ingest.gadf import (
    RESPONSE_TERMS,
    RESPONSES,
    Role,
    direction,
    obs_id_of,
    pointing_mode,
    role_of,
    scan_mode,
    set_text,
    tracking_mode,
)
from ingest.header import Value
from tests.unit.fits_files import SHARED


def hdu(columns: Sequence[str] = (), **cards: Value) -> HDU:
    names = {f"TTYPE{index}": name for index, name in enumerate(columns, 1)}
    return HDU(1, {"XTENSION": "BINTABLE", "TFIELDS": len(columns), **names, **cards})


def role(columns: Sequence[str] = (), **cards: Value) -> tuple[str, str] | None:
    found = role_of(hdu(columns, **cards))
    return None if found is None else (found.hdu_type, found.hdu_class)


@pytest.mark.parametrize("extname", [None, "", "X", "EVENTS2"])
@pytest.mark.parametrize(
    ("class1", "class2", "class4", "expected"),
    [
        ("EVENTS", "ACCEPTED", None, ("events", "events")),
        ("EVENTS", None, None, ("events", "events")),
        ("events ", None, None, ("events", "events")),
        ("GTI", None, None, ("gti", "gti")),
        ("GTI", "ALL", None, ("gti", "gti")),
        ("POINTING", None, None, ("pointing", "pointing")),
        ("RESPONSE", "EFF_AREA", "AEFF_2D", ("aeff", "aeff_2d")),
        ("RESPONSE", "EFF_AREA", "2D", ("aeff", "aeff_2d")),
        ("RESPONSE", "EDISP", "EDISP_2D", ("edisp", "edisp_2d")),
        ("RESPONSE", "EDISP", "2D", ("edisp", "edisp_2d")),
        ("RESPONSE", "RPSF", "PSF_TABLE", ("psf", "psf_table")),
        ("RESPONSE", "PSF", "PSF_TABLE", ("psf", "psf_table")),
        ("RESPONSE", "RPSF", "PSF_3GAUSS", ("psf", "psf_3gauss")),
        ("RESPONSE", "RPSF", "3GAUSS", ("psf", "psf_3gauss")),
        ("RESPONSE", "RPSF", "PSF_KING", ("psf", "psf_king")),
        ("RESPONSE", "RPSF", "PSF_GTPSF", ("psf", "psf_gtpsf")),
        ("RESPONSE", "BKG", "BKG_2D", ("bkg", "bkg_2d")),
        ("RESPONSE", "BKG", "BKG_3D", ("bkg", "bkg_3d")),
        ("RESPONSE", "BKG", "2D", ("bkg", "bkg_2d")),
        ("RESPONSE", "BKG", "3D", ("bkg", "bkg_3d")),
        ("RESPONSE", "RAD_MAX", "RAD_MAX_2D", ("rad_max", "rad_max_2d")),
        ("response", "eff_area", "aeff_2d", ("aeff", "aeff_2d")),
        ("INDEX", "OBS", None, ("obs-index", "obs-index")),
    ],
)
def test_classes_tell(
    extname: str | None, class1: str, class2: str | None, class4: str | None, expected: tuple[str, str]
) -> None:
    assert role(EXTNAME=extname, HDUCLAS1=class1, HDUCLAS2=class2, HDUCLAS4=class4) == expected


@pytest.mark.parametrize(
    ("extname", "columns", "expected"),
    [
        ("EVENTS", [], ("events", "events")),
        ("events", [], ("events", "events")),
        ("event-list", [], ("events", "events")),
        ("GTI", [], ("gti", "gti")),
        ("POINTING", [], ("pointing", "pointing")),
        ("AEFF", ["ENERG_LO", "EFFAREA"], ("aeff", "aeff_2d")),
        ("EFFECTIVE AREA", ["EFFAREA"], ("aeff", "aeff_2d")),
        ("EDISP", ["MATRIX"], ("edisp", "edisp_2d")),
        ("ENERGY DISPERSION", ["MATRIX"], ("edisp", "edisp_2d")),
        ("PSF", ["RPSF"], ("psf", "psf_table")),
        ("POINT SPREAD FUNCTION", ["SCALE", "SIGMA_1"], ("psf", "psf_3gauss")),
        ("PSF", ["GAMMA", "SIGMA"], ("psf", "psf_king")),
        ("PSF", ["else"], ("psf", "psf")),
        ("BKG", ["THETA_LO", "BKG"], ("bkg", "bkg_2d")),
        ("BACKGROUND", ["DETX_LO", "BGD"], ("bkg", "bkg_3d")),
        ("RAD_MAX", ["RAD_MAX"], ("rad_max", "rad_max_2d")),
        ("OBS_INDEX", ["OBS_ID", "RA_PNT"], ("obs-index", "obs-index")),
        ("HDU_INDEX", ["OBS_ID", "HDU_TYPE", "FILE_NAME"], ("hdu-index", "hdu-index")),
    ],
)
def test_without_classes_names_tell(extname: str, columns: list[str], expected: tuple[str, str]) -> None:
    assert role(columns, EXTNAME=extname) == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["TIME", "RA", "DEC", "ENERGY"], ("events", "events")),
        (["time", "ra", "dec", "energy", "more"], ("events", "events")),
        (["OBS_ID", "HDU_TYPE", "FILE_NAME"], ("hdu-index", "hdu-index")),
        (["OBS_ID", "OBS_MODE"], ("obs-index", "obs-index")),
        (["OBS_ID", "OBS_MODE", "OBS_PUBLISHER_DID"], None),
        (["TIME", "RATE"], None),
        ([], None),
    ],
)
def test_without_names_columns_tell(columns: list[str], expected: tuple[str, str] | None) -> None:
    assert role(columns) == expected


@pytest.mark.parametrize("class2", ["OBS", "HDU", None])
def test_index_tables_that_call_themselves_by_the_other_name(class2: str | None) -> None:
    hdu_columns = ["OBS_ID", "HDU_TYPE", "HDU_CLASS", "FILE_DIR", "FILE_NAME", "HDU_NAME"]
    assert role(hdu_columns, HDUCLAS1="INDEX", HDUCLAS2=class2) == ("hdu-index", "hdu-index")
    assert role(["OBS_ID", "RA_PNT", "TSTART"], HDUCLAS1="INDEX", HDUCLAS2=class2) == ("obs-index", "obs-index")


def test_responses_of_unknown_class_are_known_by_name() -> None:
    assert role(["EFFAREA"], EXTNAME="AEFF", HDUCLAS1="RESPONSE", HDUCLAS2="???") == ("aeff", "aeff_2d")
    assert role(["X"], EXTNAME="???", HDUCLAS1="RESPONSE", HDUCLAS2="???") is None


def test_responses_may_be_maps_but_events_are_tables() -> None:
    assert role_of(HDU(0, {"SIMPLE": True, "EXTNAME": "AEFF"})) == Role("aeff", "map")
    assert role_of(HDU(1, {"XTENSION": "IMAGE", "EXTNAME": "EVENTS"})) is None
    assert role_of(HDU(0, {"SIMPLE": True})) is None


def test_every_response_has_a_term() -> None:
    assert set(RESPONSE_TERMS) == set(RESPONSES)


REAL = {
    "magic-rad-max/data/hdu-index.fits.gz": [None, "hdu-index"],
    "magic-rad-max/data/obs-index.fits.gz": [None, "obs-index"],
    "hawc-crab-pass4/hdu-index-table-GP-Crab.fits.gz": [None, *["hdu-index"] * 9],
    "hawc-crab-pass4/obs-index-table-GP-Crab.fits.gz": [None, "obs-index"],
    "cta-ctools-iactdata/hdu-index.fits.gz": [None, "hdu-index"],
    "magic-rad-max/data/20131004_05029748_DL3_CrabNebula-W0.40+215.fits": [
        None,
        "events",
        "gti",
        "rad_max",
        "aeff",
        "edisp",
    ],
    "cta-1dc/data/baseline/gps/gps_baseline_110380.fits": [None, "events", "gti"],
    "cta-1dc/caldb/data/cta/1dc/bcf/South_z20_50h/irf_file.fits": [None, "aeff", "psf", "edisp", "bkg"],
    "hawc-crab-pass4/irfs/PSFMap_Crab_fHitbin8GP.fits.gz": [None, "psf"],
}


@pytest.mark.parametrize("path", REAL)
def test_real_files(path: str) -> None:
    """Among them the index files of MAGIC and HAWC, whose HDUCLAS2 says the opposite of what they are."""
    whole = SHARED / "data/dl3" / path
    if not whole.exists():
        pytest.skip(f"needs {whole}")
    types = [None if (found := role_of(hdu)) is None else found.hdu_type for hdu in read_hdus(whole, lambda hdu: False)]
    if "hawc" in path and "hdu-index" in path:
        assert types[0] is None and set(types[1:]) == {"hdu-index"}
    else:
        assert types[: len(REAL[path])] == REAL[path]


def test_texts_that_say_nothing() -> None:
    header: dict[str, Value] = {
        "A": "N/A",
        "B": " string ",
        "C": "Custom",
        "D": "",
        "E": None,
        "F": "UNKNOWN",
        "G": "NONE",
    }
    assert set_text(header, *header) is None
    assert set_text({**header, "H": " Crab  Nebula "}, *header, "H") == "Crab Nebula"
    assert set_text({"N": 5}, "N") == "5"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (20136, "20136"),
        (2**63 + 7, "9223372036854775815"),
        (-5, "-5"),
        (20136.0, "20136"),
        (1.5, "1.5"),
        ("chunks 103 - 133", "chunks 103 - 133"),
        ("  000123 ", "000123"),
        (0, None),
        (0.0, None),
        ("0", None),
        ("", None),
        ("  ", None),
        ("N/A", None),
        (None, None),
        (True, None),
        (math.nan, None),
        (math.inf, None),
    ],
)
def test_observation_ids(value: Value, expected: str | None) -> None:
    assert obs_id_of({"OBS_ID": value}) == expected


def test_no_observation_id() -> None:
    assert obs_id_of({}) is None


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=30)))
def test_any_value_of_a_card_may_be_met(value: Value) -> None:
    header = {"X": value, "Y": 1.0, "OBS_ID": value}
    found = direction(header, "X", "Y")
    assert found is None or (0 <= found[0] < 360 and found[1] == 1.0)
    obs_id = obs_id_of(header)
    assert obs_id is None or obs_id.strip()
    written = set_text(header, "X")
    assert written is None or written.strip()


@pytest.mark.parametrize(
    ("ra", "dec", "expected"),
    [
        (83.6, 22.0, (83.6, 22.0)),
        ("83.6", "22", (83.6, 22.0)),
        (-1.0, 22.0, (359.0, 22.0)),
        (360.0, 90.0, (0.0, 90.0)),
        (361.0, 0.0, None),
        (0.0, 90.5, None),
        (math.nan, 0.0, None),
        (0.0, math.inf, None),
        (None, 0.0, None),
        ("12:30:00", 0.0, None),
        (True, 0.0, None),
        (0.0, 0.0, (0.0, 0.0)),
    ],
)
def test_directions(ra: Value, dec: Value, expected: tuple[float, float] | None) -> None:
    assert direction({"RA": ra, "DEC": dec}, "RA", "DEC") == expected


def test_zero_can_mean_unset() -> None:
    assert direction({"RA": 0, "DEC": 0}, "RA", "DEC", zero_is_unset=True) is None
    assert direction({"RA": 0, "DEC": 1}, "RA", "DEC", zero_is_unset=True) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("obs_mode", "tracking"),
    [
        ("POINTING", "sidereal"),
        ("RASTER", "sidereal"),
        ("WOBBLE", "sidereal"),
        ("DRIFT", "fixed-az-el-transit"),
        ("SLEW", "none"),
        ("SCAN", None),
        ("OTHER", None),
        (None, None),
    ],
)
def test_tracking_modes(obs_mode: str | None, tracking: str | None) -> None:
    assert tracking_mode(obs_mode) == tracking


@pytest.mark.parametrize(
    ("obs_mode", "offset", "scan"),
    [
        ("POINTING", 0.0, "on-source"),
        ("POINTING", 0.0999, "on-source"),
        ("POINTING", 0.1, "on-the-fly-cross-map"),
        ("POINTING", 0.5, "on-the-fly-cross-map"),
        ("POINTING", None, None),
        ("WOBBLE", None, "on-the-fly-cross-map"),
        ("WOBBLE", 0.0, "on-the-fly-cross-map"),
        ("RASTER", None, "raster-map"),
        ("SCAN", None, "on-the-fly-cross-scan"),
        ("SLEW", None, "slew"),
        ("DRIFT", None, None),
        ("OTHER", 0.5, None),
        (None, 0.5, None),
    ],
)
def test_scan_modes(obs_mode: str | None, offset: float | None, scan: str | None) -> None:
    assert scan_mode(obs_mode, offset) == scan


@pytest.mark.parametrize(
    ("depth", "pointing"), [(0, "parallel"), (0.0, "parallel"), (12.5, "convergent"), (-1.0, "divergent"), (None, None)]
)
def test_pointing_modes(depth: float | None, pointing: str | None) -> None:
    assert pointing_mode(depth) == pointing
