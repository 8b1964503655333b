# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of ingest.responses and ingest.containment against the formulas of the format."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ingest.responses import (
    ResponseError,
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

Floats = NDArray[np.float64]


def axis(name: str, edges: object) -> dict[str, Floats]:
    """Return the two columns of an axis."""
    edges = np.asarray(edges, dtype=float)
    return {f"{name}_LO": edges[:-1], f"{name}_HI": edges[1:]}


ENERGIES = axis("ENERG", [0.1, 1.0, 10.0, 100.0])
THETAS = axis("THETA", [0.0, 1.0, 2.0])


def table(kind: str, hdu_class: str, columns: dict[str, Floats], **header: object) -> ResponseTable:
    """Return a table without units."""
    return ResponseTable(kind, hdu_class, columns, {}, header)


def aeff(area: object = ((1.0, 2.0, 3.0), (0.5, 0.05, 0.3)), **header: object) -> ResponseTable:
    """Return a small effective area."""
    return table("aeff", "aeff_2d", {**ENERGIES, **THETAS, "EFFAREA": np.array(area)}, **header)


def changed(old: ResponseTable, units: dict[str, str] | None = None, /, **columns: object) -> ResponseTable:
    """Return a copy with some columns replaced (or, with None, dropped) and other units."""
    merged = {**old.columns, **{name: np.asarray(value) for name, value in columns.items() if value is not None}}
    for name in (name for name, value in columns.items() if value is None):
        del merged[name]
    return replace(old, columns=merged, units={**old.units, **(units or {})})


def gauss_table(sigmas: list[float]) -> ResponseTable:
    """Return a PSF_TABLE of Gaussians of one width per energy bin, over one offset bin, float32 as in files."""
    rad = axis("RAD", np.linspace(0, 1.5, 1501))
    centre = (rad["RAD_LO"] + rad["RAD_HI"]) / 2
    rpsf = np.exp(-0.5 * (centre[:, np.newaxis, np.newaxis] / np.array(sigmas)) ** 2)
    energies = axis("ENERG", np.geomspace(0.1, 100, len(sigmas) + 1))
    return table("psf", "psf_table", {**energies, **axis("THETA", [0, 5]), **rad, "RPSF": rpsf.astype(">f4")})


def three_gauss(ampl: Floats, sigma: Floats) -> ResponseTable:
    """Return a PSF_3GAUSS over one offset bin; arrays (3, n), first amplitude 1."""
    columns = {**axis("ENERG", np.geomspace(0.1, 100, sigma.shape[1] + 1)), **axis("THETA", [0, 5])}
    columns |= {f"SIGMA_{i + 1}": sigma[i : i + 1] for i in range(3)}
    columns |= {"AMPL_2": ampl[1:2], "AMPL_3": ampl[2:3], "SCALE": np.ones((1, sigma.shape[1]))}
    return table("psf", "psf_3gauss", columns)


def centres(response: ResponseTable) -> Floats:
    """Return the geometric centres of the energy bins."""
    return np.asarray(np.sqrt(response.columns["ENERG_LO"] * response.columns["ENERG_HI"]), dtype=np.float64)


def edisp(density: Floats, migra: object) -> ResponseTable:
    """Return an energy dispersion over one offset and one energy bin."""
    columns = {**axis("ENERG", [0.1, 10]), **axis("THETA", [0, 5]), **axis("MIGRA", migra)}
    return table("edisp", "edisp_2d", {**columns, "MATRIX": density.reshape(1, -1, 1)})


# --- point spread functions against their formulas --------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.02, 0.3), min_size=1, max_size=6))
def test_tabulated_gaussian(sigmas: list[float]) -> None:
    """r68 of a Gaussian is 1.5096 sigma."""
    psf = gauss_table(sigmas)
    np.testing.assert_allclose(psf_r68_deg(psf, centres(psf), 0.0), 1.5096 * np.array(sigmas), rtol=2e-3)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0.01, 1), st.floats(0, 10), st.floats(0, 10)),
        min_size=1,
        max_size=8,
    )
)
def test_three_gaussians(rows: list[tuple[float, ...]]) -> None:
    """The radius contains 68 % by the formula of the format."""
    values = np.array(rows).T
    sigma, ampl = values[:3], np.vstack([np.ones(values.shape[1]), values[3:]])
    psf = three_gauss(ampl, sigma)
    radius = psf_r68_deg(psf, centres(psf), 0.0)
    weight = ampl * sigma**2
    contained = (weight * -np.expm1(-(radius**2) / (2 * sigma**2))).sum(axis=0) / weight.sum(axis=0)
    np.testing.assert_allclose(contained, 0.68, rtol=0, atol=1e-9)


@settings(max_examples=100, deadline=None)
@given(st.floats(0.02, 0.2), st.floats(0.3, 0.95), st.floats(0.05, 0.9))
def test_gaussian_with_a_hole(sigma: float, ratio: float, depth: float) -> None:
    """A negative amplitude, as fits of real data give, is solved as well."""
    ampl, width = np.array([[1.0], [-depth], [0.0]]), np.array([[sigma], [sigma * ratio], [0.0]])
    radius = float(psf_r68_deg(three_gauss(ampl, width), 1.0, 0.0))
    weight = (ampl * width**2)[:2]
    contained = (weight * -np.expm1(-(radius**2) / (2 * width[:2] ** 2))).sum() / weight.sum()
    assert contained == pytest.approx(0.68, abs=1e-9)


def test_three_gaussians_without_a_function() -> None:
    """No width, no scale, NaN: NaN there and nowhere else."""
    sigma = np.array([[0.1, 0.0, 0.1, np.nan, 0.1], [0, 0, 0, 0, np.nan], [0, 0, 0, 0, 0]], dtype=float)
    psf = three_gauss(np.array([[1.0] * 5, [0.0] * 4 + [1.0], [0.0] * 5]), sigma)
    psf = changed(psf, SCALE=[[1.0, 1.0, 0.0, 1.0, 1.0]])
    radius = psf_r68_deg(psf, centres(psf), 0.0)
    assert radius[0] == pytest.approx(0.15096, rel=1e-4)
    assert np.isnan(radius[1:]).all()
    assert np.isfinite(psf_r68_deg(changed(psf, SCALE=None), centres(psf)[2], 0.0))


@settings(max_examples=100, deadline=None)
@given(st.floats(1.01, 20), st.floats(0.01, 1))
def test_king(gamma: float, sigma: float) -> None:
    """The radius contains 68 % by the integral of the King profile."""
    columns = {**axis("ENERG", [0.1, 10]), **axis("THETA", [0, 5]), "GAMMA": [[gamma]], "SIGMA": [[sigma]]}
    psf = table("psf", "psf_king", {name: np.asarray(value) for name, value in columns.items()})
    radius = float(psf_r68_deg(psf, 1.0, 0.0))
    assert 1 - (1 + radius**2 / (2 * gamma * sigma**2)) ** (1 - gamma) == pytest.approx(0.68, abs=1e-9)
    for bad in ({"GAMMA": [[1.0]]}, {"SIGMA": [[0.0]]}, {"GAMMA": [[np.nan]]}):
        assert np.isnan(psf_r68_deg(changed(psf, **bad), 1.0, 0.0))


def test_wide_tables_use_the_sphere() -> None:
    """A uniform density over the hemisphere: 68 % of it lies within acos(0.32), between ring edges in r^2."""
    rad = axis("RAD", np.linspace(0, 90, 9001))
    columns = {**axis("ENERG", [0.1, 10]), **axis("THETA", [0, 5]), **rad, "RPSF": np.ones((9000, 1, 1))}
    assert psf_r68_deg(table("psf", "psf_table", columns), 1.0, 0.0) == pytest.approx(71.337, abs=0.001)


def test_empty_energy_bins_of_a_table() -> None:
    """Zeros and NaN in RPSF give NaN there alone."""
    psf = gauss_table([0.1, 0.1, 0.1])
    rpsf = np.array(psf.columns["RPSF"])
    rpsf[:, :, 0], rpsf[5, :, 2] = 0, np.nan
    radius = psf_r68_deg(changed(psf, RPSF=rpsf), centres(psf), 0.0)
    assert np.isnan(radius).tolist() == [True, False, True]


def test_shapes_of_answers() -> None:
    """A number gives a 0-d array, arrays keep their shape, outside the axis there is nothing."""
    psf = gauss_table([0.1, 0.2])
    assert psf_r68_deg(psf, 1.0, 0.0).shape == ()
    assert psf_r68_deg(psf, np.ones((2, 3)), 0.0).shape == (2, 3)
    assert psf_r68_deg(psf, [], 0.0).shape == (0,)
    assert np.isnan(psf_r68_deg(psf, [0.01, 1000.0, np.nan], 0.0)).all()
    ratio = psf_fwhm_arcsec(psf, 1.0, 0.0) / psf_r68_deg(psf, 1.0, 0.0)
    assert ratio == pytest.approx(1.5599 * 3600)


def test_choice_of_bins() -> None:
    """An edge belongs to the upper bin, also in float32; offsets outside take the nearest bin."""
    psf = gauss_table([0.1, 0.2, 0.3])
    edges = np.array([0.1, 1.0, 10.0, 100.0], dtype=np.float32)
    psf = changed(psf, ENERG_LO=edges[:-1], ENERG_HI=edges[1:])
    expected = 1.5096 * np.array([0.1, 0.1, 0.2, 0.2, 0.3, 0.3])
    for offset in (0.0, 4.0, 90.0):
        radius = psf_r68_deg(psf, [0.1, 0.99, 1.0, 9.9, 10.0, 100.0], offset)
        np.testing.assert_allclose(radius, expected, rtol=2e-3)
    nodes = changed(psf, ENERG_LO=[1.0, 2.0, 4.0], ENERG_HI=[1.0, 2.0, 4.0])
    np.testing.assert_allclose(
        psf_r68_deg(nodes, [1.0, 1.9, 2.0, 4.0], 0.0), 1.5096 * np.array([0.1, 0.2, 0.2, 0.3]), rtol=2e-3
    )


def test_resolution_range() -> None:
    """Only energies with a tenth of the largest area count."""
    psf = gauss_table([0.3, 0.2, 0.1])
    factor = 1.5599 * 1.5096 * 3600
    assert resolution_range_arcsec(psf, aeff([[0.01, 2, 3], [0, 0, 0]]), 0.0) == pytest.approx(
        (0.1 * factor, 0.2 * factor), rel=2e-3
    )
    assert resolution_range_arcsec(psf, aeff([[9, 0.1, 0.1], [0, 0, 0]]), 0.0) == pytest.approx(
        (0.3 * factor, 0.3 * factor), rel=2e-3
    )
    assert resolution_range_arcsec(psf, aeff(np.zeros((2, 3))), 0.0) is None
    elsewhere = changed(aeff(), **{name: value * 1e6 for name, value in ENERGIES.items()})
    assert resolution_range_arcsec(psf, elsewhere, 0.0) is None


# --- energy dispersion ----------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(st.floats(0.05, 0.2), st.floats(0.8, 1.2), st.floats(1e-3, 1e3))
def test_gaussian_dispersion(sigma: float, mean: float, norm: float) -> None:
    """Of a Gaussian the quantiles give mean and 0.9945 sigma, whatever the normalisation."""
    migra = np.linspace(0, 3, 601)
    centre = (migra[:-1] + migra[1:]) / 2
    response = edisp(norm * np.exp(-0.5 * ((centre - mean) / sigma) ** 2), migra)
    assert resolving_power(response, 1.0, 0.0) == pytest.approx(mean / (2.3548 * 0.99446 * sigma), rel=3e-3)


def test_dispersion_with_unequal_bins() -> None:
    """A uniform density from 0.5 to 1.5: quantiles are exact whatever the bins."""
    response = edisp(np.array([0.0, 1, 1, 1, 0]), [0, 0.5, 0.6, 1.2, 1.5, 3])
    assert resolving_power(response, 1.0, 0.0) == pytest.approx(1.0 / (2.3548 * 0.34))


def test_dispersion_without_a_function() -> None:
    """Empty, infinite, or outside the axis: no value; NaN and negative bins count as empty."""
    migra = [0, 0.5, 1.0, 1.5]
    assert resolving_power(edisp(np.zeros(3), migra), 1.0, 0.0) is None
    assert resolving_power(edisp(np.array([0, np.inf, 0]), migra), 1.0, 0.0) is None
    assert resolving_power(edisp(np.ones(3), migra), 1000.0, 0.0) is None
    patched = resolving_power(edisp(np.array([np.nan, 1, -1]), migra), 1.0, 0.0)
    assert patched == resolving_power(edisp(np.array([0.0, 1, 0]), migra), 1.0, 0.0)


def test_legacy_names_of_true_energy() -> None:
    """ETRUE is the old name of the axis of an energy dispersion."""
    response = edisp(np.ones(3), [0, 0.5, 1.0, 1.5])
    legacy = changed(response, ENERG_LO=None, ENERG_HI=None, ETRUE_LO=[0.1], ETRUE_HI=[10.0])
    assert resolving_power(legacy, 1.0, 0.0) == resolving_power(response, 1.0, 0.0)


# --- effective area and background ------------------------------------------------------------------------------------


def test_acceptance() -> None:
    """The outer bound of the last bin with a tenth of the area on axis."""
    assert acceptance_radius_deg(aeff(), 0.5) == 2.0
    assert acceptance_radius_deg(aeff(), 1.0) == 1.0
    assert acceptance_radius_deg(aeff(), 50.0) == 2.0
    assert acceptance_radius_deg(aeff(), 0.01) is None
    assert acceptance_radius_deg(aeff(), float("nan")) is None
    assert acceptance_radius_deg(aeff([[0.0, 0, 0], [1, 1, 1]])) is None
    one = changed(aeff(), THETA_LO=[0.0], THETA_HI=[10.0], EFFAREA=[[1.0, 1, 1]])
    assert acceptance_radius_deg(one) is None
    assert acceptance_radius_deg(changed(aeff(), THETA_LO=[0.4, 1.0], THETA_HI=[1.0, 2.0])) is None


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.2, 50.0, (0.2, 50.0)),
        (0.2, None, (0.2, 100.0)),
        (0, 50.0, (0.1, 50.0)),
        (None, None, None),
        (0, 0, None),
        (float("nan"), float("nan"), None),
        (5.0, 1.0, None),
        (1.0, 1.0, None),
        ("0.2", "50", (0.2, 50.0)),
        ("N/A", "", None),
        (-1.0, float("inf"), None),
        (0.2, float("inf"), (0.2, 100.0)),
        (500.0, None, None),
    ],
)
def test_thresholds(low: object, high: object, expected: tuple[float, float] | None) -> None:
    """Nonsense in the header is not believed; a single limit is completed."""
    header = {key: value for key, value in (("LO_THRES", low), ("HI_THRES", high)) if value is not None}
    assert energy_thresholds_tev(aeff(**header)) == expected


def test_sensitive_energies() -> None:
    """Bins without area at both ends are left out, NaN counts as no area."""
    assert sensitive_energies_tev(aeff()) == (0.1, 100.0)
    assert sensitive_energies_tev(aeff([[0, 1, 0], [0, 0, 0]])) == (1.0, 10.0)
    assert sensitive_energies_tev(aeff([[np.nan, 1, 0], [0, 0, 2]])) == (1.0, 100.0)
    assert sensitive_energies_tev(aeff(np.zeros((2, 3)))) is None
    assert energy_thresholds_tev(aeff(np.zeros((2, 3)), LO_THRES=0.5)) is None


def test_background_energies() -> None:
    """Only the axis matters, in any unit, under both names of the data column."""
    bkg = table("bkg", "bkg_3d", {**ENERGIES, "BGD": np.zeros((3, 2, 2))})
    assert background_energies_tev(bkg) == (0.1, 100.0)
    in_gev = changed(bkg, {"ENERG_LO": "GeV", "ENERG_HI": "GeV"})
    assert background_energies_tev(in_gev) == pytest.approx((1e-4, 0.1))


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("GeV", 1e3), ("MeV", 1e6), ("keV", 1e9), ("eV", 1e12), (" TEV ", 1.0), ("", 1.0), ("erg", 1.602176634)],
)
def test_units_of_energy(unit: str, factor: float) -> None:
    """The same table in other units gives the same answer."""
    columns = {name: np.float64(factor) * value for name, value in ENERGIES.items()}
    other = changed(aeff(), dict.fromkeys(ENERGIES, unit), **columns)
    assert sensitive_energies_tev(other) == pytest.approx((0.1, 100.0))
    assert acceptance_radius_deg(other, 2.0) == 1.0


def test_units_of_angle() -> None:
    """Radians and arc minutes are converted, for offsets as for widths."""
    radians = {name: np.radians(value) for name, value in THETAS.items()}
    assert acceptance_radius_deg(changed(aeff(), dict.fromkeys(THETAS, "rad"), **radians), 0.5) == pytest.approx(2.0)
    psf = gauss_table([0.1])
    minutes = {name: psf.columns[name] * 60 for name in ("RAD_LO", "RAD_HI")}
    assert psf_r68_deg(changed(psf, dict.fromkeys(minutes, "arcmin"), **minutes), 1.0, 0.0) == pytest.approx(
        float(psf_r68_deg(psf, 1.0, 0.0))
    )
    gauss = three_gauss(np.array([[1.0], [0], [0]]), np.array([[360.0], [0], [0]]))
    assert psf_r68_deg(changed(gauss, {"SIGMA_1": "arcsec"}), 1.0, 0.0) == pytest.approx(0.15096, rel=1e-4)


# --- damaged tables ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "part"),
    [
        ({"ENERG_LO": None}, "ENERG_LO"),
        ({"THETA_HI": None}, "THETA_HI"),
        ({"EFFAREA": None}, "EFFAREA"),
        ({"EFFAREA": np.ones((2, 4))}, "shape"),
        ({"ENERG_HI": [1.0, 2.0]}, "ENERG"),
        ({"ENERG_LO": [], "ENERG_HI": []}, "ENERG"),
        ({"THETA_LO": [0.0, np.nan]}, "THETA"),
        ({"THETA_HI": [1.0, np.inf]}, "THETA"),
        ({"ENERG_LO": [0.1, np.nan, 10.0]}, "ENERG"),
        ({"THETA_LO": [1.0, 2.0], "THETA_HI": [0.0, 1.0]}, "THETA"),
        ({"ENERG_HI": [np.inf] * 3, "ENERG_LO": [0] * 3}, "ENERG"),
        ({"ENERG_LO": [-3, -2, -1], "ENERG_HI": [-2, -1, 0]}, "positive"),
    ],
)
def test_damaged_area(columns: dict[str, object], part: str) -> None:
    """Damage is reported with a sentence that names the column."""
    for function in (acceptance_radius_deg, sensitive_energies_tev):
        with pytest.raises(ResponseError, match=part) as info:
            function(changed(aeff(), **columns))
        assert str(info.value).endswith(".")


def test_wrong_tables() -> None:
    """Kinds, classes, units and offsets that cannot work."""
    psf = gauss_table([0.1])
    for call in (
        lambda: acceptance_radius_deg(psf),
        lambda: energy_thresholds_tev(psf),
        lambda: background_energies_tev(psf),
        lambda: resolving_power(psf, 1.0, 0.0),
        lambda: psf_r68_deg(aeff(), 1.0, 0.0),
        lambda: resolution_range_arcsec(aeff(), aeff(), 0.0),
        lambda: psf_r68_deg(psf, 1.0, float("nan")),
        lambda: psf_r68_deg(replace(psf, hdu_class="psf_gtpsf"), 1.0, 0.0),
        lambda: sensitive_energies_tev(changed(aeff(), {"ENERG_LO": "furlong"})),
    ):
        with pytest.raises(ResponseError, match=r"\.$"):
            call()


def test_flat_and_transposed_data() -> None:
    """Data without TDIM and with its dimensions reversed are understood where the size leaves no doubt."""
    area = np.array(aeff().columns["EFFAREA"])
    for variant in (area.ravel(), area.T, area.astype(">f4")):
        assert acceptance_radius_deg(changed(aeff(), EFFAREA=variant), 50.0) == 2.0
        assert acceptance_radius_deg(changed(aeff(), EFFAREA=variant), 5.0) == 1.0


def test_tables_are_left_as_they_were() -> None:
    """NaN is replaced in a copy only."""
    response = aeff([[np.nan, 1, 1], [1, 1, 1]])
    sensitive_energies_tev(response)
    assert np.isnan(response.columns["EFFAREA"][0, 0])
