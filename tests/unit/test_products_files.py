# SPDX-License-Identifier: GPL-3.0-or-later
"""Every file of the DL4 and DL5 samples ends as what it is, with right values, or as a sentence: never an exception."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from ingest.collection import load_collection
from ingest.folder import Folder
from ingest.harvest import Harvest, Task, harvest
from ingest.plan import Naming, Plan, make_plan
from ingest.rows import DatasetRow
from tests.unit.fits_files import COLLECTION, SHARED, metres

DL4 = SHARED / "data/dl4"
CHECKOUT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.skipif(not DL4.exists(), reason=f"needs the real files of {DL4}")

# What files are: by the end of their path, the first that fits counts. Sentences begin with "!".
EXPECTED = (
    ("README.rst", "document"),
    ("README.md", "document"),
    ("LICENSE.rst", "document"),
    ("LICENSE", "document"),
    ("CITATION.cff", "document"),
    (".yaml", "document"),
    (".dat", "!neither FITS nor a document"),  # pickles, which nobody should load
    ("catalogs/1LHAASO_catalog.fits", "measurements source-list 90"),
    ("catalogs/2HWC.ecsv", "measurements source-list 40"),
    ("catalogs/3HWC.ecsv", "measurements source-list 65"),
    ("gammacat.fits.gz", "measurements source-list 162"),
    ("hgps_catalog_v1.fits.gz", "measurements source-list 78"),
    ("gadf-examples/hpx_cmap_explicit.fits", "image counts-map"),
    ("gadf-examples/hpx_ccube_explicit.fits", "cube counts-cube"),
    ("gadf-examples/hpx_ccube_sparse0.fits", "cube counts-cube"),
    ("gadf-examples/hpx_ccube_sparse1.fits", "cube counts-cube"),
    ("gadf-examples/wcs_ccube.fits", "cube counts-cube"),
    ("gadf-examples/wcs_ccube_irregular.fits", "cube counts-cube"),
    ("gadf-examples/wcs_ccube_sparse.fits", "cube counts-cube"),
    ("pks2155_hess_lc.fits", "timeseries light-curve"),
    ("pks2155_hess_lc_3bins.fits", "timeseries light-curve"),
    ("-lc.ecsv", "timeseries light-curve"),
    ("-lc-1.ecsv", "timeseries light-curve"),
    ("-lc-2.ecsv", "timeseries light-curve"),
    ("maps/exclusion_mask.fits.gz", "image exclusion-map"),
    ("crab_mwl.fits.gz", "!nor is it a product that is known"),
    ("VER-000029-skymap.fits", "image excess-map"),
    ("VER-000144-excess-skymap.fits", "image excess-map"),
    ("VER-000132-skymap.fits", "image significance-map"),
    ("GeV.fits", "image excess-map"),
    ("pks2155-304_steady.fits.gz", "spectrum pha"),
    ("_steady_arf.fits.gz", "part arf"),
    ("_steady_rmf.fits.gz", "part rmf"),
    ("_steady_bkg.fits.gz", "part pha-background"),
)
# The same by the folder and the beginning of the name.
EXPECTED_IN = (
    ("joint-crab/errorbands/", "!neither flux points"),
    ("joint-crab/maps/", "image None"),
    ("joint-crab/spectra/", None),
    ("lst1-crab-2023/irfs/", "None aeff"),
    ("gadf-examples/", "sed flux-points"),
    ("lst1-crab-2023/", "sed flux-points"),
    ("gammapy-estimators/crab", "sed flux-points"),
    ("hawc-crab-flux/", "sed flux-points"),
    ("gamma-cat/", "sed flux-points"),
    ("veritas-vtscat/", "sed flux-points"),
)
OGIP = {"pha": "spectrum pha", "arf": "part arf", "rmf": "part rmf", "bkg": "part pha-background"}


def expected(path: str) -> str:
    for ending, kind in EXPECTED:
        if path.endswith(ending):
            return kind
    for beginning, in_folder in EXPECTED_IN:
        if path.startswith(beginning):
            return in_folder or OGIP[Path(path).name[:3]]
    raise AssertionError(f"no expectation for {path}")


def manifest() -> list[str]:
    if not DL4.exists():
        return []
    with (DL4 / "MANIFEST.csv").open(encoding="utf-8") as lines:
        return [row["path"] for row in csv.DictReader(lines)]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(COLLECTION, Folder(DL4), Naming("x.y", "cta/data/tests/"), {})


@pytest.fixture(scope="module")
def tasks(plan: Plan) -> dict[str, Task]:
    return {task.file.relpath: task for task in plan.tasks}


@pytest.fixture(scope="module")
def results(tasks: dict[str, Task]) -> dict[str, Harvest]:
    return {path: harvest(task, COLLECTION) for path, task in tasks.items()}


def test_there_is_an_expectation_for_every_file() -> None:
    assert len(manifest()) == 141
    assert all(expected(path) for path in manifest())


@pytest.mark.parametrize("path", manifest())
def test_every_file_is_what_it_is(path: str, plan: Plan, results: dict[str, Harvest]) -> None:
    wanted = expected(path)
    documents = {document.title for document in plan.documents}
    if wanted == "document":
        assert path in documents
    elif path not in results:
        assert wanted[0] == "!" and any(at == path and wanted[1:] in sentence for at, _, sentence in plan.problems)
    elif wanted[0] == "!":
        ((severity, sentence),) = results[path].problems
        assert severity == "error" and wanted[1:] in sentence and sentence.endswith(".")
    else:
        result = results[path]
        assert all(severity == "warning" for severity, _ in result.problems)
        if result.part is not None:
            found = f"part {result.part.kind}"
        else:
            assert result.row is not None, result.problems
            found = f"{result.row.dataproduct_type} {result.row.dataproduct_subtype}"
            found += f" {len(result.sources)}" if result.sources else ""
        assert found == wanted


def row(results: dict[str, Harvest], path: str) -> DatasetRow:
    found = results[path].row
    assert found is not None
    return found


def test_flux_points_of_the_crab(results: dict[str, Harvest]) -> None:
    """The vector of products.md, section 6."""
    found = row(results, "gammapy-estimators/crab_hess_fp/crab_hess_fp.fits")
    assert (found.em_min, found.em_max) == (metres(5.77189e-20, 1e-5), metres(3.17827e-18, 1e-5))
    assert (found.em_xel, found.calib_level, found.product_level) == (5, 4, "DL5")
    assert (found.energy_min, found.energy_max) == (pytest.approx(0.3901e12, rel=1e-4), pytest.approx(21.4807e12))
    assert (found.o_ucd, found.o_unit) == ("phot.flux.density;em.gamma", "cm**-2.s**-1.TeV**-1")
    assert "likelihood profiles (stat_scan)" in str(found.harvest_note)


def test_light_curves_of_pks_2155(results: dict[str, Harvest]) -> None:
    """The vector of products.md, section 6; the header says TT, the row UTC."""
    found = row(results, "gammapy-estimators/pks2155_hess_lc/pks2155_hess_lc.fits")
    assert found.t_min == pytest.approx(53945.854166667, abs=1e-9)
    assert found.t_max == pytest.approx(53946.090277778, abs=1e-9)
    assert (found.em_min, found.em_max) == (metres(2.0046e-19, 1e-4), metres(2.09609e-18, 1e-4))
    assert (found.t_xel, found.em_xel, found.t_exptime) == (34, 1, pytest.approx(18413, abs=0.1))
    assert found.t_resolution == pytest.approx(600.0, abs=1e-3)
    assert row(results, "gammapy-estimators/pks2155_hess_lc/pks2155_hess_lc_3bins.fits").em_xel == 3


def test_flux_points_in_other_units(results: dict[str, Harvest]) -> None:
    hawc = row(results, "hawc-crab-flux/HAWC19_flux_points.fits")
    assert (hawc.em_min, hawc.em_max) == (metres(3.92355e-21, 1e-5), metres(1.23984e-18, 1e-5))
    assert hawc.em_xel == 10
    mev = row(results, "gadf-examples/flux_points.fits")
    assert (mev.energy_min, mev.energy_max) == (pytest.approx(1e8), pytest.approx(1e11))
    assert (mev.o_ucd, mev.o_unit) == ("phot.flux;em.gamma", "cm**-2.s**-1")
    square_metres = row(results, "gadf-examples/1es0229_hess_spectrum.ecsv")
    assert square_metres.o_unit == "m**-2.s**-1.TeV**-1"
    # only e_ref: half a step beyond the outermost points, in the logarithm
    first = 0.598414 / (0.878289 / 0.598414) ** 0.5
    assert square_metres.energy_min == pytest.approx(first * 1e12)


def test_text_and_fits_say_the_same(results: dict[str, Harvest]) -> None:
    for name in ("binlike", "flux_points", "1es0229_hess_spectrum"):
        rows = [row(results, f"gadf-examples/{name}.{suffix}") for suffix in ("fits", "ecsv")]
        one, other = ((found.energy_min, found.energy_max, found.em_xel, found.o_unit) for found in rows)
        assert one == other


def test_descriptions_beside_tables_tell_position_and_exposure(results: dict[str, Harvest]) -> None:
    folder = "veritas-vtscat/2013/2013ApJ...762...92A"
    found = row(results, f"{folder}/VER-000148-lc-1.ecsv")
    assert (found.s_ra, found.s_dec) == (pytest.approx(330.654167, abs=1e-6), pytest.approx(42.256944, abs=1e-6))
    assert (found.energy_min, found.energy_max, found.em_min) == (0.2e12, None, None)
    assert found.bib_reference == "2013ApJ...762...92A" and found.facility_name == "VERITAS"
    vela = row(results, "gamma-cat/2006/2006A%26A...448L..43A/tev-000037-sed.ecsv")
    assert (vela.s_ra, vela.s_fov) == (pytest.approx(128.754167, abs=1e-6), pytest.approx(1.6))
    assert vela.facility_name == "H.E.S.S."
    crab = row(results, "gamma-cat/2006/2006A%26A...457..899A/tev-000025-sed.ecsv")
    assert crab.t_exptime == pytest.approx(22.9 * 3600)
    orbit = row(results, "gamma-cat/2006/2006A%26A...460..743A/tev-000119-lc.ecsv")
    assert (orbit.energy_min, orbit.t_xel, orbit.t_min) == (1e12, 160, pytest.approx(53148.0744))


def test_counts_spectra_know_energies_exposure_and_parts(results: dict[str, Harvest]) -> None:
    found = results["joint-crab/spectra/hess/pha_obs23523.fits"]
    assert found.row is not None
    assert (found.row.obs_id, found.row.em_xel) == ("23523", 80)
    assert found.row.t_exptime == pytest.approx(1581.736758)
    assert found.row.energy_min == pytest.approx(0.8912509e12)  # the first channel of quality 0
    parts = {hdu.hdu_type: hdu.file_accref.rpartition("/")[2] for hdu in found.hdus}
    assert parts == {"pha-background": "bkg_obs23523.fits", "arf": "arf_obs23523.fits", "rmf": "rmf_obs23523.fits"}
    fermi = row(results, "joint-crab/spectra/fermi/pha_obs0.fits")
    assert fermi.t_exptime is None  # EXPOSURE = 1: the response holds the exposure
    steady = row(results, "pks2155-steady-ogip/pks2155-304_steady.fits.gz")
    assert (steady.s_fov, steady.s_ra) == (pytest.approx(0.22, abs=1e-6), pytest.approx(329.8358, abs=1e-3))
    assert steady.t_exptime == pytest.approx(9397.2027, abs=1e-3)


def test_maps_lie_where_astropy_puts_them(results: dict[str, Harvest]) -> None:
    from astropy.io import fits
    from astropy.wcs import WCS

    for path, number in (
        ("joint-crab/maps/hess.fits.gz", 0),
        ("veritas-vtscat/2024/2024ApJ...974...61A/VER-000132-excess-skymap-501-1995GeV.fits", 0),
        ("veritas-vtscat/2014/2014ApJ...787..166A/VER-000132-skymap.fits", 1),
    ):
        header = fits.getheader(DL4 / path, number)
        width, height = header["NAXIS1"], header["NAXIS2"]
        centre = WCS(header, naxis=2).pixel_to_world((width - 1) / 2, (height - 1) / 2).icrs
        found = row(results, path)
        assert found.s_ra == pytest.approx(centre.ra.deg, abs=1e-7)
        assert found.s_dec == pytest.approx(centre.dec.deg, abs=1e-7)
        assert (found.s_xel1, found.s_xel2, found.em_xel) == (width, height, 1)
        assert found.s_pixel_scale == pytest.approx(abs(header["CDELT1"]) * 3600)
    survey = row(results, "veritas-vtscat/2024/2024ApJ...974...61A/VER-000132-excess-skymap-501-1995GeV.fits")
    assert (survey.energy_min, survey.energy_max) == (pytest.approx(0.501e12), pytest.approx(1.995e12))


def test_irregular_cubes_take_the_finest_plane(results: dict[str, Harvest]) -> None:
    regular, irregular = (row(results, f"gadf-examples/wcs_ccube{name}.fits") for name in ("", "_irregular"))
    assert irregular.s_ra == pytest.approx(regular.s_ra, abs=1e-6)
    assert (irregular.em_xel, irregular.s_xel1) == (4, 8)
    assert (irregular.energy_min, irregular.energy_max) == (pytest.approx(1e9), pytest.approx(1e10))


def test_healpix_maps_follow_their_header(results: dict[str, Harvest]) -> None:
    """COORDSYS says galactic, although the numbers of HPX_REG were meant for RA and Dec."""
    found = row(results, "gadf-examples/hpx_ccube_explicit.fits")
    assert (found.s_fov, found.em_xel) == (40.0, 4)
    assert (found.s_ra, found.s_dec) == (pytest.approx(171.6527, abs=1e-4), pytest.approx(2.2883, abs=1e-4))
    doubts = results["gadf-examples/hpx_cmap_explicit.fits"].problems
    assert len(doubts) == 1 and "NSIDE is 32" in doubts[0][1]


@pytest.mark.parametrize(
    ("path", "name", "values"),
    [
        ("catalogs/hgps_catalog_v1.fits.gz", "HESS J0835-455", {"extension_deg": 0.5848, "source_class": "PWN"}),
        ("catalogs/2HWC.ecsv", "2HWC J0534+220", {"dnde": 1.85e-13, "e_ref": 7.0, "spectral_index": 2.58}),
        ("catalogs/3HWC.ecsv", "3HWC J0534+220", {"dnde": 2.34204e-13, "e_ref": 7.0, "ra": 83.6279}),
        ("catalogs/1LHAASO_catalog.fits", "1LHAASO J1653+3943", {"dnde": 3.77e-13, "e_ref": 3.0, "ra": 253.43}),
        ("catalogs/gammacat/gammacat.fits.gz", "Crab nebula", {"e_ref": 1.0, "ra": 83.6333}),
    ],
)
def test_sources(results: dict[str, Harvest], path: str, name: str, values: dict[str, float | str]) -> None:
    (source,) = [source for source in results[path].sources if source.name == name]
    for key, value in values.items():
        found = getattr(source, {"extension_deg": "extension"}.get(key, key))
        assert found == (value if isinstance(value, str) else pytest.approx(value, rel=1e-3)), key
    assert source.obs_publisher_did == row(results, path).obs_publisher_did


def test_galactic_coordinates_of_sources_agree_with_the_catalogue(results: dict[str, Harvest]) -> None:
    from astropy.table import Table

    table = Table.read(DL4 / "catalogs/3HWC.ecsv", format="ascii.ecsv")
    sources = results["catalogs/3HWC.ecsv"].sources
    assert np.allclose([source.glon for source in sources], table["glon"], atol=1e-3)
    assert np.allclose([source.glat for source in sources], table["glat"], atol=1e-3)


@pytest.mark.parametrize("name", ["joint-crab", "veritas-vtscat", "gammapy-estimators"])
def test_the_collection_file_adds_what_files_lack(name: str) -> None:
    collection = load_collection(CHECKOUT / f"inputs/cta/collections/{name}.toml", name)
    plan = make_plan(collection, Folder(DL4 / name), Naming("x.y", f"cta/data/{name}/"), {})
    rows = {task.file.relpath: harvest(task, collection).row for task in plan.tasks}
    if name == "joint-crab":
        counts = rows["maps/hess.fits.gz"]
        assert counts is not None and counts.dataproduct_subtype == "counts-map"
        pha = rows["spectra/hess/pha_obs23523.fits"]
        assert pha is not None and pha.target_name == "Crab Nebula" and pha.s_ra == pytest.approx(83.633, abs=0.01)
    elif name == "gammapy-estimators":
        curve = rows["pks2155_hess_lc/pks2155_hess_lc.fits"]
        assert curve is not None and curve.target_name == "PKS 2155-304" and curve.facility_name == "H.E.S.S."
