# SPDX-License-Identifier: GPL-3.0-or-later
"""What instrument response tables of DL3 files say about a data set.

The numbers ObsCore wants to know from a response (field of view, angular
resolution, energy range, resolving power) are computed here from the tables
of the format "Data formats for gamma-ray astronomy" 0.3 (GADF).  Energies
are TeV and angles degrees throughout; other units are converted on entry.

How a value selects a bin is told in `ingest.response_table`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ingest.containment import Floats, gaussians_radius, king_radius, ring_radius
from ingest.response_table import (
    DEG,
    PLAIN,
    Axis,
    ResponseError,
    ResponseTable,
    bounds,
    data,
    energy_axis,
    energy_bins,
    require,
    scale,
    theta_axis,
    theta_bin,
)

__all__ = [
    "ResponseError",
    "ResponseTable",
    "acceptance_radius_deg",
    "background_energies_tev",
    "energy_thresholds_tev",
    "psf_fwhm_arcsec",
    "psf_r68_deg",
    "resolution_range_arcsec",
    "resolving_power",
    "sensitive_energies_tev",
]

_Pick = tuple[int, NDArray[np.intp]]

R68_TO_FWHM = 1.5599
"""Ratio of full width at half maximum to 68 % containment radius of a round Gaussian."""

SIGMA_TO_FWHM = 2.3548
"""Ratio of full width at half maximum to standard deviation of a Gaussian."""

# 10 %, less what 32-bit numbers round
_SENSITIVE = 0.1 - 1e-7
_ON_AXIS_DEG = 1e-3


def _area(aeff: ResponseTable) -> tuple[Axis, Axis, Floats]:
    """Return energy axis, offset axis and areas (n_theta, n_energy), no area where not a number."""
    require(aeff, "aeff")
    energy, theta = energy_axis(aeff), theta_axis(aeff)
    area = np.array(data(aeff, "EFFAREA", theta, energy), dtype=np.float64)
    area[~np.isfinite(area)] = 0.0
    return energy, theta, area


def acceptance_radius_deg(aeff: ResponseTable, energy_tev: float = 1.0) -> float | None:
    """Return the offset up to which the instrument is sensitive.

    Parameters
    ----------
    aeff
        Effective area, AEFF_2D.
    energy_tev
        True energy in TeV.

    Returns
    -------
    float or None
        Largest THETA_HI in degrees where the area is at least 10 % of the
        area of the innermost offset bin at that energy.  None where the
        table cannot tell: energy outside the axis, no area on axis, a
        single offset bin, or an innermost bin that does not start on axis.

    Raises
    ------
    ResponseError
        If the table is not an effective area or is damaged.

    Notes
    -----
    Rule: mapping of DL3 to ObsCore, ``s_fov`` (which is twice this radius).
    """
    energy, theta, area = _area(aeff)
    index, inside = energy_bins(energy, np.array([energy_tev], dtype=np.float64))
    innermost = int(theta.lo.argmin())
    if not inside[0] or theta.lo.size < 2 or theta.lo[innermost] > _ON_AXIS_DEG:
        return None
    profile = area[:, index[0]]
    on_axis = profile[innermost]
    if on_axis <= 0:
        return None
    radius = float(theta.hi[profile >= _SENSITIVE * on_axis].max())
    return radius if radius > 0 else None


def energy_thresholds_tev(aeff: ResponseTable) -> tuple[float, float] | None:
    """Return the safe energy range that the header of an effective area states.

    Parameters
    ----------
    aeff
        Effective area, AEFF_2D.

    Returns
    -------
    tuple of float or None
        LO_THRES and HI_THRES in TeV (GADF, AEFF_2D header keywords).  Values
        that are absent, not a number or not positive count as not given;
        if one of the two is given, the other end comes from
        `sensitive_energies_tev`.  None if neither is given or they are not
        in order.

    Raises
    ------
    ResponseError
        If the table is not an effective area, or is damaged and needed.
    """
    require(aeff, "aeff")
    low, high = _positive(aeff.header.get("LO_THRES")), _positive(aeff.header.get("HI_THRES"))
    if low is None and high is None:
        return None
    if low is None or high is None:
        sensitive = sensitive_energies_tev(aeff)
        if sensitive is None:
            return None
        low, high = low or sensitive[0], high or sensitive[1]
    return (low, high) if low < high else None


def _positive(value: object) -> float | None:
    """Return a header value as a positive finite number, else None."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None
    return number if 0 < number < np.inf else None


def sensitive_energies_tev(aeff: ResponseTable) -> tuple[float, float] | None:
    """Return the true energies in TeV between which there is any effective area.

    Parameters
    ----------
    aeff
        Effective area, AEFF_2D.

    Returns
    -------
    tuple of float or None
        Lower bound of the first and upper bound of the last energy bin with
        an area above zero at any offset; None if there is none.

    Raises
    ------
    ResponseError
        If the table is not an effective area or is damaged.
    """
    energy, _, area = _area(aeff)
    used = area.max(axis=0) > 0
    return _extent(energy.lo[used], energy.hi[used])


def background_energies_tev(bkg: ResponseTable) -> tuple[float, float] | None:
    """Return the extent of the axis of reconstructed energy of a background model in TeV.

    Parameters
    ----------
    bkg
        Background rate, BKG_2D or BKG_3D.

    Returns
    -------
    tuple of float or None
        Lowest and highest bound; None if the extent is empty.

    Raises
    ------
    ResponseError
        If the table is not a background or its energy axis is damaged.
    """
    require(bkg, "bkg")
    return _extent(*energy_axis(bkg))


def _extent(lo: Floats, hi: Floats) -> tuple[float, float] | None:
    """Return the outer bounds of a set of bins, None if they enclose nothing."""
    if lo.size == 0:
        return None
    low, high = float(lo.min()), float(hi.max())
    return (low, high) if low < high else None


def psf_r68_deg(psf: ResponseTable, energy_tev: ArrayLike, offset_deg: float) -> Floats:
    """Return the radius that contains 68 % of a point source.

    Parameters
    ----------
    psf
        Point spread function: PSF_TABLE, PSF_3GAUSS or PSF_KING.
    energy_tev
        True energies in TeV, any shape.
    offset_deg
        Offset from the pointing direction in degrees.

    Returns
    -------
    ndarray
        Radii in degrees, shaped like `energy_tev` (0-d for a number); NaN
        where the table has no energy bin or no valid function.

    Raises
    ------
    ResponseError
        If the table is of another class or is damaged.

    Notes
    -----
    GADF, section "Point spread function"; formulas in `ingest.containment`.
    """
    require(psf, "psf")
    solver = _R68.get(psf.hdu_class)
    if solver is None:
        raise ResponseError(
            f"Point spread functions of class {psf.hdu_class} are not supported; supported are {', '.join(_R68)}."
        )
    energy, theta = energy_axis(psf), theta_axis(psf)
    wanted = np.asarray(energy_tev, dtype=np.float64)
    index, inside = energy_bins(energy, wanted.ravel())
    radius = solver(psf, (theta, energy), (theta_bin(theta, offset_deg), index))
    return np.where(inside, radius, np.nan).reshape(wanted.shape)


def _table_radius(psf: ResponseTable, axes: tuple[Axis, Axis], pick: _Pick) -> Floats:
    """Return 68 % radii (n,) in degrees of a PSF_TABLE at one offset."""
    rad = bounds(psf, ("RAD",), DEG)
    density = np.asarray(data(psf, "RPSF", rad, *axes)[:, pick[0], pick[1]], dtype=np.float64)
    return ring_radius(density, np.radians(rad.lo), np.radians(rad.hi)) * (180 / np.pi)


def _gauss_radius(psf: ResponseTable, axes: tuple[Axis, Axis], pick: _Pick) -> Floats:
    """Return 68 % radii (n,) in degrees of a PSF_3GAUSS at one offset."""
    amplitude = np.stack([np.ones(pick[1].size), *(_profile(psf, name, axes, pick) for name in ("AMPL_2", "AMPL_3"))])
    sigma = np.stack([_profile(psf, f"SIGMA_{i}", axes, pick, DEG) for i in (1, 2, 3)])
    radius = gaussians_radius(amplitude, sigma)
    if "SCALE" in psf.columns:
        radius[~(_profile(psf, "SCALE", axes, pick) > 0)] = np.nan
    return radius


def _king_radius(psf: ResponseTable, axes: tuple[Axis, Axis], pick: _Pick) -> Floats:
    """Return 68 % radii (n,) in degrees of a PSF_KING at one offset."""
    return king_radius(_profile(psf, "GAMMA", axes, pick), _profile(psf, "SIGMA", axes, pick, DEG))


def _profile(
    psf: ResponseTable, column: str, axes: tuple[Axis, Axis], pick: _Pick, factors: Mapping[str, float] = PLAIN
) -> Floats:
    """Return one parameter (n,) of a PSF at an offset bin and some energy bins."""
    return np.asarray(data(psf, column, *axes)[pick], dtype=np.float64) * scale(psf, column, factors)


_R68: dict[str, Callable[[ResponseTable, tuple[Axis, Axis], _Pick], Floats]] = {
    "psf_table": _table_radius,
    "psf_3gauss": _gauss_radius,
    "psf_king": _king_radius,
}


def psf_fwhm_arcsec(psf: ResponseTable, energy_tev: ArrayLike, offset_deg: float) -> Floats:
    """Return the full width at half maximum of a point spread function.

    Parameters
    ----------
    psf, energy_tev, offset_deg
        As in `psf_r68_deg`: energies in TeV, offset in degrees.

    Returns
    -------
    ndarray
        1.5599 times the 68 % radius (exact for a Gaussian; ObsCore mapping,
        ``s_resolution``) in arcsec, shaped like `energy_tev`.

    Raises
    ------
    ResponseError
        As `psf_r68_deg`.
    """
    return psf_r68_deg(psf, energy_tev, offset_deg) * (R68_TO_FWHM * 3600)


def resolution_range_arcsec(psf: ResponseTable, aeff: ResponseTable, offset_deg: float) -> tuple[float, float] | None:
    """Return the best and worst angular resolution where the instrument is sensitive.

    Parameters
    ----------
    psf, aeff
        Point spread function and effective area of the same observation.
    offset_deg
        Offset from the pointing direction in degrees.

    Returns
    -------
    tuple of float or None
        Smallest and largest full width at half maximum in arcsec over the
        energy bins of the PSF at whose (geometric) centre the effective area
        at this offset is at least 10 % of its maximum over energy; None if
        there is no such bin.

    Raises
    ------
    ResponseError
        If one of the tables is damaged or of the wrong kind.
    """
    require(psf, "psf")
    bins = energy_axis(psf)
    centres = np.sqrt(bins.lo * bins.hi)
    energy, theta, area = _area(aeff)
    profile = area[theta_bin(theta, offset_deg)]
    index, inside = energy_bins(energy, centres)
    sensitive = inside & (profile[index] >= _SENSITIVE * profile.max()) & (profile[index] > 0)
    widths = psf_fwhm_arcsec(psf, centres[sensitive], offset_deg)
    widths = widths[np.isfinite(widths)]
    return (float(widths.min()), float(widths.max())) if widths.size else None


def resolving_power(edisp: ResponseTable, energy_tev: float, offset_deg: float) -> float | None:
    """Return E / Delta E with Delta E the full width at half maximum.

    Parameters
    ----------
    edisp
        Energy dispersion, EDISP_2D.
    energy_tev
        True energy in TeV.
    offset_deg
        Offset from the pointing direction in degrees.

    Returns
    -------
    float or None
        q50 / (2.3548 s) with s = (q84 - q16) / 2, from the 16, 50 and 84 %
        quantiles of MIGRA.  MATRIX is normalised first, its cumulative is
        interpolated linearly between MIGRA bin edges.  None outside the
        energy axis or where the distribution is empty.

    Raises
    ------
    ResponseError
        If the table is not an energy dispersion or is damaged.

    Notes
    -----
    Rule: mapping of DL3 to ObsCore, ``em_res_power``.
    """
    require(edisp, "edisp")
    energy, theta, migra = energy_axis(edisp), theta_axis(edisp), bounds(edisp, ("MIGRA",), PLAIN)
    index, inside = energy_bins(energy, np.array([energy_tev], dtype=np.float64))
    if not inside[0]:
        return None
    matrix = data(edisp, "MATRIX", theta, migra, energy)
    density = np.asarray(matrix[theta_bin(theta, offset_deg), :, index[0]], dtype=np.float64)
    probability = np.cumsum(np.where(density > 0, density, 0.0) * (migra.hi - migra.lo))
    if not 0 < probability[-1] < np.inf:
        return None
    q16, q50, q84 = np.interp(
        [0.16, 0.5, 0.84], np.append(0.0, probability / probability[-1]), np.append(migra.lo[:1], migra.hi)
    ).tolist()
    return q50 / (SIGMA_TO_FWHM * (q84 - q16) / 2) if q84 > q16 else None
