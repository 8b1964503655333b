# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of ingest.responses on real files of CTA, H.E.S.S., MAGIC, FACT and LST-1, where they are at hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from ingest.responses import (
    ResponseTable,
    acceptance_radius_deg,
    background_energies_tev,
    energy_thresholds_tev,
    psf_fwhm_arcsec,
    psf_r68_deg,
    resolution_range_arcsec,
    resolving_power,
    sensitive_energies_tev,
)

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
PROD5_SOUTH = "standards/fixtures/cta_prod5/Prod5-South-20deg-AverageAz-14MSTs37SSTs.180000s-v0.1.fits.gz"
CTA_1DC = "data/dl3/cta-1dc/caldb/data/cta/1dc/bcf/South_z20_50h/irf_file.fits"
HESS = "data/dl3/hess-dl3-dr1/data/hess_dl3_dr1_obs_id_020136.fits.gz"
MAGIC = "data/dl3/magic-joint-crab/run_05029748_DL3.fits"
MAGIC_RAD_MAX = "data/dl3/magic-rad-max/data/20131004_05029748_DL3_CrabNebula-W0.40+215.fits"
FACT = "data/dl3/fact-joint-crab/fact_irf.fits"
GADF_EXAMPLE = "standards/fixtures/gadf/aeff_2d_full_example.fits"
LST1 = "data/dl4/lst1-crab-2023/irfs/irfs_zen_10.00_gh-eff_0.7.fits.gz"

COLUMN_TELLS = {
    "EFFAREA": ("aeff", "aeff_2d"),
    "MATRIX": ("edisp", "edisp_2d"),
    "RPSF": ("psf", "psf_table"),
    "SIGMA_1": ("psf", "psf_3gauss"),
    "GAMMA": ("psf", "psf_king"),
    "RAD_MAX": ("rad_max", "rad_max_2d"),
    "BKG": ("bkg", "bkg_3d"),
    "BGD": ("bkg", "bkg_3d"),
}


def tables_of(path: str) -> dict[str, ResponseTable]:
    """Read the response tables of a file by kind, or skip the test."""
    file = SHARED / path
    if not file.exists():
        pytest.skip(f"{path} is not here")
    tables = {}
    with fits.open(file) as hdus:
        for hdu in hdus[1:]:
            names = [name.upper() for name in hdu.columns.names]
            known = [COLUMN_TELLS[name] for name in names if name in COLUMN_TELLS]
            if known:
                columns = {name: np.array(hdu.data[name][0]) for name in names}
                units = {column.name.upper(): column.unit or "" for column in hdu.columns}
                tables[known[0][0]] = ResponseTable(*known[0], columns, units, dict(hdu.header))
    return tables


@pytest.mark.parametrize(
    ("path", "energy", "fwhm", "power"),
    [
        (PROD5_SOUTH, 0.1, 845.6, 2.80),
        (PROD5_SOUTH, 1.0, 316.4, 6.23),
        (PROD5_SOUTH, 10.0, 188.5, 6.18),
        (CTA_1DC, 1.0, 286.4, 6.18),
    ],
)
def test_published_vectors(path: str, energy: float, fwhm: float, power: float) -> None:
    """Resolution and resolving power of CTA responses in the first offset bin."""
    tables = tables_of(path)
    assert psf_fwhm_arcsec(tables["psf"], energy, 0.5) == pytest.approx(fwhm, rel=1e-3)
    assert resolving_power(tables["edisp"], energy, 0.5) == pytest.approx(power, rel=2e-3)


def test_hess_run() -> None:
    """A H.E.S.S. run: offsets are nodes, thresholds in the header, PSF_TABLE."""
    tables = tables_of(HESS)
    assert acceptance_radius_deg(tables["aeff"]) == 2.5
    assert energy_thresholds_tev(tables["aeff"]) == (0.407380277804113, 100.0)
    assert background_energies_tev(tables["bkg"]) == pytest.approx((0.1, 100.0))
    low, high = sensitive_energies_tev(tables["aeff"]) or (0, 0)
    assert 0.05 < low < 0.4 and high == pytest.approx(100.0)
    assert resolving_power(tables["edisp"], 1.0, 0.5) == pytest.approx(1.68, rel=0.01)
    smallest, largest = resolution_range_arcsec(tables["psf"], tables["aeff"], 0.5) or (0, 0)
    assert smallest < psf_fwhm_arcsec(tables["psf"], 1.0, 0.5) < largest
    # the 68 % radius, by a plain sum over rings as the format describes it
    psf = tables["psf"].columns
    lo, hi = np.radians(psf["RAD_LO"].astype(float)), np.radians(psf["RAD_HI"].astype(float))
    energy = int(np.searchsorted(psf["ENERG_LO"], 1.0 * 1.000001) - 1)
    rings = psf["RPSF"][:, 1, energy].astype(float) * 2 * np.pi * (np.cos(lo) - np.cos(hi))
    within = np.cumsum(rings) / rings.sum()
    first = int((within >= 0.68).argmax())
    assert psf["RAD_LO"][first] <= psf_r68_deg(tables["psf"], 1.0, 0.5) <= psf["RAD_HI"][first]


def test_magic_run() -> None:
    """A MAGIC run with one threshold in the header and one offset bin away from the axis."""
    tables = tables_of(MAGIC_RAD_MAX)
    assert acceptance_radius_deg(tables["aeff"]) is None
    assert energy_thresholds_tev(tables["aeff"]) == pytest.approx((0.0807246, 26.83), rel=1e-3)
    assert resolving_power(tables["edisp"], 1.0, 0.5) == pytest.approx(1.28, rel=0.01)
    older = tables_of(MAGIC)
    assert energy_thresholds_tev(older["aeff"]) == (0.07702737, 50.0)


def test_fact_responses() -> None:
    """FACT: no thresholds, fewer offset bins in the dispersion than in the area."""
    tables = tables_of(FACT)
    assert energy_thresholds_tev(tables["aeff"]) is None
    assert acceptance_radius_deg(tables["aeff"]) == 2.25
    assert resolving_power(tables["edisp"], 1.0, 0.6) == pytest.approx(1.42, rel=0.01)
    assert resolving_power(tables["edisp"], 0.1, 0.6) is None


def test_example_with_dimensions_the_other_way_round() -> None:
    """The example file of the format lists THETA before ENERG."""
    area = tables_of(GADF_EXAMPLE)["aeff"]
    assert area.columns["EFFAREA"].shape == (20, 5)
    assert sensitive_energies_tev(area) == pytest.approx((0.1, 100.0))
    assert acceptance_radius_deg(area) == 3.0


def test_lst_overflow_bins() -> None:
    """Responses made with pyirf have energy bins from 0 and to infinity."""
    area = tables_of(LST1)["aeff"]
    assert np.isinf(area.columns["ENERG_HI"]).any()
    assert sensitive_energies_tev(area) == pytest.approx((0.02, 20.0))


def test_all_runs_of_hess_give_everything() -> None:
    """No run of the H.E.S.S. test release leaves a value undefined."""
    folder = SHARED / Path(HESS).parent
    files = sorted(folder.glob("*.fits.gz"))[::6]
    if not files:
        pytest.skip("the H.E.S.S. test release is not here")
    for file in files:
        tables = tables_of(str(file.relative_to(SHARED)))
        assert acceptance_radius_deg(tables["aeff"])
        assert energy_thresholds_tev(tables["aeff"])
        assert 100 < psf_fwhm_arcsec(tables["psf"], 1.0, 0.5) < 1500
        assert resolution_range_arcsec(tables["psf"], tables["aeff"], 0.5)
        assert 0.5 < (resolving_power(tables["edisp"], 1.0, 0.5) or 0) < 10
