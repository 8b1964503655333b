# SPDX-License-Identifier: GPL-3.0-or-later
"""Readers of products against independent ones: astropy's ECSV, astropy-healpix, gammapy's flux points."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from ingest.errors import IngestError
from ingest.products.companion import NOTHING
from ingest.products.ecsv import parse_ecsv, read_ecsv
from ingest.products.fluxpoints import read_flux_points
from ingest.products.healpix import pixel_centres_deg
from ingest.products.lightcurve import read_light_curve
from ingest.products.load import load_product
from ingest.products.quantities import TEV_PER, factor, fits_unit, tev_factor, vounit
from tests.unit.fits_files import SHARED

DL4 = SHARED / "data/dl4"
REAL = pytest.mark.skipif(not DL4.exists(), reason=f"needs the real files of {DL4}")
TABLES = sorted(DL4.rglob("*.ecsv")) if DL4.exists() else []


@REAL
@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
@pytest.mark.filterwarnings("ignore")
def test_ecsv_is_read_as_astropy_reads_it(path: Path) -> None:
    mine, theirs = read_ecsv(path), Table.read(path, format="ascii.ecsv")
    assert list(mine.columns) == [name.lower() for name in theirs.colnames]
    assert mine.n_rows == len(theirs)
    for name in theirs.colnames:
        column = mine.columns[name.lower()]
        if column.is_text:
            assert column.values.tolist() == [str(value) for value in theirs[name]]
        else:
            values = np.asarray(np.ma.filled(np.ma.asarray(theirs[name], dtype=float), np.nan), dtype=float)
            # the file says float32 here and there; ours stays as written
            assert np.allclose(column.values.astype(float), values, rtol=1e-6, equal_nan=True)
    assert {key.upper() for key in theirs.meta if not key.startswith("__")} == set(mine.meta)


def test_ecsv_with_commas_quotes_and_missing_cells() -> None:
    text = (
        "# %ECSV 1.0\n# ---\n# delimiter: ','\n# datatype:\n# - {name: a, datatype: string}\n"
        "# - {name: b, datatype: float64, unit: deg}\n# - {name: c, datatype: bool}\n# meta: {x: 1}\n"
        'a,b,c\n"one, two",1.5,True\n"",,False\n'
    )
    table = parse_ecsv(text)
    assert table.columns["a"].values.tolist() == ["one, two", ""]
    assert np.array_equal(table.numbers("b"), [1.5, np.nan], equal_nan=True)
    assert table.columns["c"].values.tolist() == [True, False] and table.unit("b") == "deg" and table.meta == {"X": 1}


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize("nside", [1, 2, 8, 64, 1024])
def test_healpix_pixels_are_where_astropy_healpix_puts_them(nside: int, nested: bool) -> None:
    healpix = pytest.importorskip("astropy_healpix")
    total = 12 * nside**2
    pixels = np.arange(total) if total < 10_000 else np.random.default_rng(1).integers(0, total, 5000)
    longitude, latitude = pixel_centres_deg(nside, pixels, nested=nested)
    lon, lat = healpix.healpix_to_lonlat(pixels, nside, order="nested" if nested else "ring")
    assert np.abs(latitude - lat.deg).max() < 1e-9
    assert np.abs((longitude - lon.deg + 180) % 360 - 180).max() < 1e-9


def test_healpix_pixels_that_do_not_exist() -> None:
    longitude, latitude = pixel_centres_deg(4, np.array([-1, 192, 10**15]), nested=True)
    assert np.isnan(longitude).all() and np.isnan(latitude).all()


@REAL
def test_likelihood_flux_points_are_gammapys() -> None:
    estimators = pytest.importorskip("gammapy.estimators")
    path = DL4 / "gammapy-estimators/crab_hess_fp/crab_hess_fp.fits"
    product = load_product(path)
    assert product.table is not None
    points = read_flux_points(product.table)
    theirs = estimators.FluxPoints.read(path).to_table(sed_type="dnde")
    assert np.allclose(points.e_ref_tev, theirs["e_ref"].quantity.to_value("TeV"))
    value = theirs["dnde"].quantity.to_value("cm-2 s-1 TeV-1")
    assert np.allclose(points.fluxes.value, value, equal_nan=True)
    errors = theirs["dnde_errp"].quantity.to_value("cm-2 s-1 TeV-1")
    assert np.allclose(points.fluxes.err_high, np.where(errors >= 0, errors, np.nan), equal_nan=True)
    assert points.limit_confidence == pytest.approx(0.9973002)
    assert points.profiles is not None and points.profiles.norms.shape == (5, 11)
    assert points.profiles.quantity == "stat"


@REAL
def test_flux_points_of_the_format_examples() -> None:
    points = {}
    for name in ("binlike", "diff_flux_points"):
        table = load_product(DL4 / f"gadf-examples/{name}.fits").table
        assert table is not None
        points[name] = read_flux_points(table)
    profiles = points["binlike"].profiles
    assert profiles is not None and profiles.quantity == "dloglike" and profiles.values.shape == (24, 21)
    # no is_ul: a finite limit and no value make one
    limits = points["diff_flux_points"].fluxes
    assert int(limits.is_limit.sum()) == 5 and np.isnan(limits.value[limits.is_limit]).all()


@REAL
def test_intervals_and_one_sigma_of_gamma_cat() -> None:
    table = load_product(DL4 / "gamma-cat/2006/2006A%26A...460..743A/tev-000119-sed-1.ecsv").table
    assert table is not None
    points = read_flux_points(table)
    assert points.limit_confidence == pytest.approx(math.erf(1 / math.sqrt(2)))
    # dnde_min and dnde_max are the ends of the interval
    assert points.fluxes.err_low[0] == pytest.approx(6.023e-11 - 4.72e-11)
    assert points.fluxes.err_high[0] == pytest.approx(7.395e-11 - 6.023e-11)
    assert points.fluxes.is_limit[-1] and points.fluxes.limit[-1] == pytest.approx(1.596e-16)


@REAL
def test_light_curves_are_gammapys() -> None:
    estimators = pytest.importorskip("gammapy.estimators")
    path = DL4 / "gammapy-estimators/pks2155_hess_lc/pks2155_hess_lc.fits"
    product = load_product(path)
    assert product.table is not None
    curve = read_light_curve(product.table, NOTHING)
    theirs = estimators.FluxPoints.read(path, format="lightcurve")
    assert np.allclose(curve.fluxes.value.ravel(), theirs.flux.data.ravel(), rtol=1e-6)
    times = theirs.geom.axes["time"].time_min.utc.mjd
    assert np.allclose(curve.t_min_utc, times, atol=1e-8, rtol=0)


@pytest.mark.parametrize("unit", list(TEV_PER))
def test_energy_units_are_astropys(unit: str) -> None:
    from astropy import units

    assert tev_factor(unit, "x") == pytest.approx(units.Unit(unit).to("TeV"), rel=1e-9)
    assert tev_factor(unit.lower(), "x") == tev_factor(unit, "x") or unit == "PeV"


def test_units_are_spelled_in_one_way() -> None:
    for written in ("cm-2 s-1 TeV-1", "1 / (TeV s cm2)", "TeV-1 s-1 cm-2", "cm**-2.s**-1.TeV**-1"):
        assert vounit(written) == "cm**-2.s**-1.TeV**-1"
        assert fits_unit(written) == "cm-2 s-1 TeV-1"
    assert vounit("erg cm-2 s-1") == "erg.cm**-2.s**-1" and vounit("") == "" and vounit("flurbs") == "flurbs"
    assert factor("m-2 s-1 TeV-1", "cm-2 s-1 TeV-1", "x") == pytest.approx(1e-4)
    with pytest.raises(IngestError, match="no unit"):
        factor(" ", "cm-2 s-1", "x")
