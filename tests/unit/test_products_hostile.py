# SPDX-License-Identifier: GPL-3.0-or-later
"""Products that are wrong: each ends as a sentence that says what is wrong, and nothing else suffers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import Angle, SkyCoord
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.collection import Collection, load_collection
from ingest.errors import CollectionError, IngestError
from ingest.harvest import Harvest
from ingest.products import safe_yaml
from ingest.products.companion import companion_name, read_companion
from ingest.products.ecsv import parse_ecsv
from ingest.products.wcs import convex_outline_deg
from tests.unit.product_files import area, harvested, image, matrix, sed, spectrum, table_hdu, write_fits

ECSV = """# %ECSV 1.0
# ---
# datatype:
# - {name: e_ref, unit: TeV, datatype: float64}
# - {name: dnde, unit: cm-2 s-1 TeV-1, datatype: float64}
e_ref dnde
1.0 1e-11
2.0 2e-12
"""


def refused(result: Harvest, reason: str) -> None:
    assert result.row is None and result.part is None and result.hdus == [] and result.sources == []
    ((severity, sentence),) = result.problems
    assert severity == "error" and reason in sentence and sentence.endswith("."), sentence
    assert "not understood (" not in sentence, sentence


# -- flux points and light curves


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"e_ref": ([1.0, 2, 3, 4], "parsec")}, "the column e_ref is in 'parsec', which is no energy"),
        ({"e_ref": ([1.0, 2, 3, 4], None)}, "the column e_ref is without unit"),
        ({"dnde": ([1.0, 2, 3, 4], "flurbs")}, "the unit of the column dnde, 'flurbs', is not known"),
        ({"dnde": ([1.0, 2, 3, 4], "cm-2 s-1")}, "cannot be converted to cm-2 s-1 TeV-1"),
        ({"dnde": ([1.0, 2, 3, 4], None)}, "the column dnde has no unit"),
        ({"dnde": (["a", "b", "c", "d"], None)}, "no unit"),
        ({"dnde_ul": ([1.0, 2, 3, 4], "m")}, "the column dnde_ul is in 'm', which cannot be converted"),
        ({"e_ref": ([np.nan] * 4, "TeV")}, "no row of the flux points has a positive energy"),
        ({"e_ref": ([-1.0, 0, -2, np.inf], "TeV")}, "no row of the flux points has a positive energy"),
    ],
)
def test_flux_points_with_units_or_numbers_that_cannot_be(tmp_path: Path, changes: dict, reason: str) -> None:
    refused(harvested(write_fits(tmp_path / "a.fits", table_hdu(sed(**changes)))), reason)


def test_flux_points_without_rows(tmp_path: Path) -> None:
    columns = {name: (np.empty(0), unit) for name, (_, unit) in sed().items()}
    refused(harvested(write_fits(tmp_path / "a.fits", table_hdu(columns))), "no row of the flux points")


def test_flux_points_without_any_value_are_published_with_a_doubt(tmp_path: Path) -> None:
    empty = ([np.nan] * 4, "cm-2 s-1 TeV-1")
    result = harvested(write_fits(tmp_path / "a.fits", table_hdu(sed(dnde=empty, dnde_ul=empty))))
    assert result.row is not None and "no flux point has a value or a limit" in result.problems[0][1]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"time": ([1.0], "furlong"), "flux": ([1e-11], "cm-2 s-1")}, "the column time is in 'furlong', not in d"),
        ({"time": ([1.0], "s"), "flux": ([1e-11], "cm-2 s-1")}, "there is no MJDREF to count them from"),
        ({"time": ([np.nan], "d"), "flux": ([1e-11], "cm-2 s-1")}, "the column time holds no times"),
        ({"time": ([55000.0], "d"), "flux": ([1e-11], "K")}, "cannot be converted to cm-2 s-1"),
    ],
)
def test_light_curves_that_cannot_be(tmp_path: Path, columns: dict, reason: str) -> None:
    refused(harvested(write_fits(tmp_path / "a.fits", table_hdu(columns))), reason)


def test_a_light_curve_of_an_unknown_time_scale(tmp_path: Path) -> None:
    columns = {"time": ([55000.0], "d"), "flux": ([1e-11], "cm-2 s-1")}
    refused(harvested(write_fits(tmp_path / "a.fits", table_hdu(columns, TIMESYS="MARS"))), "scale")


# -- counts spectra


def ogip(folder: Path, **links: str) -> Harvest:
    return harvested(write_fits(folder / "pha.fits", *spectrum(**links)))


def test_a_spectrum_whose_parts_are_there(tmp_path: Path) -> None:
    write_fits(tmp_path / "arf.fits", area(LO_THRES=2.0, HI_THRES=20.0))
    write_fits(tmp_path / "rmf.fits", matrix())
    result = ogip(tmp_path, ANCRFILE="arf.fits", RESPFILE="rmf.fits")
    assert result.row is not None and result.problems == []
    # within the thresholds of the effective area
    assert (result.row.energy_min, result.row.energy_max) == (2e12, 20e12)
    assert {hdu.hdu_type: hdu.file_accref for hdu in result.hdus} == {
        "arf": "cta/data/tests/arf.fits",
        "rmf": "cta/data/tests/rmf.fits",
    }
    assert harvested(tmp_path / "arf.fits").part is not None


def test_a_spectrum_that_names_a_missing_file(tmp_path: Path) -> None:
    write_fits(tmp_path / "rmf.fits", matrix())
    refused(ogip(tmp_path, ANCRFILE="arf.fits", RESPFILE="rmf.fits"), "names arf.fits (effective area)")


@pytest.mark.parametrize("name", ["../arf.fits", "/etc/passwd", "sub/arf.fits", "..", ".hidden", "a\\b"])
def test_a_spectrum_that_names_a_file_elsewhere(tmp_path: Path, name: str) -> None:
    refused(ogip(tmp_path, ANCRFILE=name), "is not the bare name of a file beside the spectrum")


def test_a_part_that_is_a_link_to_elsewhere(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    write_fits(outside / "arf.fits", area())
    (inside / "arf.fits").symlink_to(outside / "arf.fits")
    refused(ogip(inside, ANCRFILE="arf.fits"), "which is not beside it")


def test_a_spectrum_without_energies(tmp_path: Path) -> None:
    refused(harvested(write_fits(tmp_path / "a.fits", spectrum()[0])), "has no EBOUNDS")


# -- maps


def test_a_map_without_coordinates(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((4, 4))).writeto(path)
    refused(harvested(path), "the map has no world coordinate system on the sky")


@pytest.mark.parametrize(
    ("cards", "reason"),
    [
        ({"CTYPE1": "RA---XYZ", "CTYPE2": "DEC--XYZ"}, "the world coordinate system is not usable"),
        ({"CDELT1": 0.0}, "coordinate system"),
        ({"RADESYS": "FK4", "EQUINOX": 1950.0}, "the map is in the frame FK4, which is not understood"),
        ({"RADESYS": "FK5", "EQUINOX": 2015.5}, "the map is of equinox 2015.5"),
        ({"CTYPE1": "ELON-TAN", "CTYPE2": "ELAT-TAN"}, "the map is in the frame ELON"),
    ],
)
def test_maps_with_coordinates_that_cannot_be(tmp_path: Path, cards: dict, reason: str) -> None:
    refused(harvested(write_fits(tmp_path / "a.fits", image(**cards))), reason)


def test_a_map_that_claims_to_be_enormous(tmp_path: Path) -> None:
    """Only the header is written: the size is not believed, and nothing is allocated."""
    header = image().header.copy()
    header["NAXIS1"], header["NAXIS2"] = 10**9, 10**9
    path = tmp_path / "a.fits"
    path.write_bytes(header.tostring().encode("ascii"))
    result = harvested(path)
    assert result.row is None and len(result.problems) == 1


def test_a_cube_without_bands_is_published_with_a_doubt(tmp_path: Path) -> None:
    result = harvested(write_fits(tmp_path / "a.fits", image(np.ones((3, 20, 40), np.float32))))
    assert result.row is not None
    assert (result.row.dataproduct_type, result.row.em_xel, result.row.em_min) == ("cube", 3, None)
    assert "no table of energy bands" in result.problems[0][1]


def test_galactic_maps(tmp_path: Path) -> None:
    """The galactic centre: 266.40499, -28.93617 (Reid & Brunthaler 2004)."""
    cards = {"CTYPE1": "GLON-CAR", "CTYPE2": "GLAT-CAR", "CRVAL1": 0.0, "CRVAL2": 0.0, "RADESYS": None}
    result = harvested(write_fits(tmp_path / "a.fits", image(**cards)))
    assert result.row is not None and result.row.s_ra == pytest.approx(266.40499, abs=1e-4)
    assert result.row.s_dec == pytest.approx(-28.93617, abs=1e-4)


def test_a_map_of_the_whole_sky_has_no_outline(tmp_path: Path) -> None:
    cards = {
        "CTYPE1": "RA---CAR",
        "CTYPE2": "DEC--CAR",
        "CRVAL1": 180.0,
        "CRVAL2": 0.0,
        "CDELT1": -9.0,
        "CDELT2": 9.0,
    }
    result = harvested(write_fits(tmp_path / "a.fits", image(**cards)))
    assert result.row is not None and result.row.s_region is None and result.row.s_fov == 360.0


@settings(max_examples=60, deadline=None)
@given(
    ra=st.floats(0, 359.9),
    dec=st.floats(-85, 85),
    width=st.floats(0.1, 20.0),
    height=st.floats(0.1, 20.0),
    turn=st.floats(0, 6.28),
)
def test_outlines_are_convex_and_go_counter_clockwise(
    ra: float, dec: float, width: float, height: float, turn: float
) -> None:
    """A rectangle with points in the middles of its edges comes out as its four corners, east after north."""
    x = np.array([1, 1, 1, 0, -1, -1, -1, 0]) * np.tan(np.radians(width / 2))
    y = np.array([-1, 0, 1, 1, 1, 0, -1, -1]) * np.tan(np.radians(height / 2))
    east, north = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    centre = SkyCoord(ra, dec, unit="deg")
    away = Angle(np.arctan(np.hypot(east, north)), "rad")
    points = centre.directional_offset_by(Angle(np.arctan2(east, north), "rad"), away)
    outline = convex_outline_deg(np.append(points.ra.deg, ra), np.append(points.dec.deg, dec))
    assert len(outline) == 4
    angles = centre.position_angle(SkyCoord(outline[:, 0], outline[:, 1], unit="deg")).rad
    # position angles grow from north to east: counter-clockwise as seen from inside
    assert (np.diff(np.unwrap(angles)) > 0).all()


# -- catalogues


def test_catalogues_lose_sources_without_position_only(tmp_path: Path) -> None:
    columns = {"Source_Name": (["a", "b"], None), "RAJ2000": ([10.0, np.nan], "deg"), "DEJ2000": ([1.0, 2.0], "deg")}
    result = harvested(write_fits(tmp_path / "a.fits", table_hdu(columns)))
    assert [source.name for source in result.sources] == ["a"]
    assert "1 of 2 sources have no position" in result.problems[0][1]


def test_catalogues_in_units_that_are_no_angles(tmp_path: Path) -> None:
    columns = {"name": (["a"], None), "ra": ([10.0], "parsec"), "dec": ([1.0], "deg")}
    refused(harvested(write_fits(tmp_path / "a.fits", table_hdu(columns))), "is in 'parsec', which is no angle")


# -- text formats


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("e_ref dnde\n1 2\n", "does not begin with '# %ECSV'"),
        ("", "does not begin with '# %ECSV'"),
        ("# %ECSV 1.0\n# - a\n", "lists no columns"),
        (ECSV.replace("e_ref dnde\n", "e_ref flux\n"), "the line of column names does not agree"),
        (ECSV.replace("2.0 2e-12", "2.0"), "row 2 of the table has 1 cells instead of 2"),
        (ECSV.replace("2e-12", "two"), "the column dnde holds something that is no number"),
        (ECSV.replace("# ---", "# a: &x [1]\n# b: *x"), "has aliases"),
        (ECSV.replace("# ---", "# x: !!python/object/apply:os.system [ls]"), "the YAML text is damaged"),
        (ECSV.replace("# ---", "# x: [1, 2"), "the YAML text is damaged"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "a.ecsv"
    path.write_text(text)
    refused(harvested(path), reason)


def test_tables_in_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "a.ecsv"
    path.write_bytes(ECSV.encode() + b"\xff\xfe")
    refused(harvested(path), "not in UTF-8")


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300))
def test_no_text_breaks_the_reader(text: str) -> None:
    for content in (text, ECSV + text, ECSV.replace("# ---", "# " + text)):
        try:
            parse_ecsv(content)
        except IngestError as exc:
            assert str(exc).endswith(".")


def test_a_laughing_list_is_refused_at_once() -> None:
    """Nine lines that would unfold to 10^9 items."""
    lines = ['a0: &a0 ["x"]'] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(IngestError, match="aliases"):
        safe_yaml.load("\n".join(lines))


def test_deep_and_long_yaml_is_refused() -> None:
    with pytest.raises(IngestError, match="nested"):
        safe_yaml.load("[" * 5000 + "]" * 5000)
    with pytest.raises(IngestError, match="longer than"):
        safe_yaml.load("a" * (safe_yaml.MAX_CHARACTERS + 1))


def test_a_broken_description_is_a_doubt_only(tmp_path: Path) -> None:
    table, description = tmp_path / "VER-1-sed.ecsv", tmp_path / "VER-1.yaml"
    table.write_text(ECSV)
    description.write_text("pos: {ra: {val: 1h2m3s}, dec: [unclosed\n")
    result = harvested(table, companion=description)
    assert result.row is not None and result.row.s_ra is None
    ((severity, sentence),) = result.problems
    assert severity == "warning" and "in the description VER-1.yaml" in sentence


@pytest.mark.parametrize(
    ("name", "companion"),
    [
        ("VER-000148-sed.ecsv", "VER-000148.yaml"),
        ("VER-000148-lc-1.ecsv", "VER-000148.yaml"),
        ("VER-000132-excess-skymap-501-1995GeV.fits", "VER-000132.yaml"),
        ("tev-000119-sed-2.ecsv", "tev-000119.yaml"),
        ("pha_obs1.fits", None),
        ("events.fits.gz", None),
        ("-sed.ecsv", None),
    ],
)
def test_names_of_descriptions(name: str, companion: str | None) -> None:
    assert companion_name(name) == companion


def test_angles_and_times_of_descriptions(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "pos:\n  - ra: {val: 22h02m37s}\n    dec: {val: -42d15m25s}\n"
        "data: {livetime: 22.9h}\nspec: {theta: 0.11d, erange: {min: 200, max: 6000, unit: GeV}}\n"
    )
    found = read_companion(path)
    assert (found.ra_deg, found.dec_deg) == (pytest.approx(330.6541667), pytest.approx(-42.2569444))
    assert (found.livetime_s, found.theta_deg) == (pytest.approx(82440.0), pytest.approx(0.11))
    assert (found.energy_min_tev, found.energy_max_tev) == (pytest.approx(0.2), pytest.approx(6.0))


def test_positions_of_collection_files_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "a.toml"
    path.write_text('title = "A"\n[[paths]]\nmatch = "*"\nra_deg = 400.0\n')
    with pytest.raises(CollectionError, match="'ra_deg' of '\\*' must be between 0 and 360"):
        load_collection(path, "a")


def test_a_path_rule_tells_target_and_position(tmp_path: Path) -> None:
    toml = tmp_path / "a.toml"
    toml.write_text('title = "A"\n[[paths]]\nmatch = "*.fits"\ntarget_name = "X"\nra_deg = 10.0\ndec_deg = -5.0\n')
    collection: Collection = load_collection(toml, "a")
    result = harvested(write_fits(tmp_path / "a.fits", table_hdu(sed())), collection)
    assert result.row is not None
    assert (result.row.target_name, result.row.s_ra, result.row.s_dec) == ("X", 10.0, -5.0)
