# SPDX-License-Identifier: GPL-3.0-or-later
"""The response of a site tabulated on the axes of the GADF tables."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sample.response import (
    BACKGROUND_INDEX,
    DET_DEG,
    MIGRA,
    OFFSET_DEG,
    PSF_RADIUS_DEG,
    PSF_TAIL_AMPLITUDE,
    PSF_TAIL_WIDTH,
    RECO_ENERGY_TEV,
    TRUE_ENERGY_COARSE_TEV,
    TRUE_ENERGY_TEV,
    Response,
    psf_containment,
)

Floats = npt.NDArray[np.float64]

_MEV_PER_TEV = 1.0e6
_erf = np.vectorize(math.erf, otypes=[float])


def log_centres(edges: Floats) -> Floats:
    """Geometric centres of bins.

    Parameters
    ----------
    edges : ndarray of float, shape (n + 1,)
        Edges of the bins.

    Returns
    -------
    ndarray of float, shape (n,)
        Centres, in the unit of the edges.
    """
    return np.sqrt(edges[1:] * edges[:-1])


def centres(edges: Floats) -> Floats:
    """Arithmetic centres of bins.

    Parameters
    ----------
    edges : ndarray of float, shape (n + 1,)
        Edges of the bins.

    Returns
    -------
    ndarray of float, shape (n,)
        Centres, in the unit of the edges.
    """
    return 0.5 * (edges[1:] + edges[:-1])


def effective_area_m2(response: Response) -> Floats:
    """Effective area at the bin centres.

    Parameters
    ----------
    response : Response
        The site's response.

    Returns
    -------
    ndarray of float, shape (6, 42)
        Effective area in m2; axes offset, true energy.
    """
    return response.area_m2(log_centres(TRUE_ENERGY_TEV), centres(OFFSET_DEG)[:, None])


def energy_dispersion(response: Response) -> Floats:
    """Probability density of the energy migration, averaged over each migration bin.

    Parameters
    ----------
    response : Response
        The site's response.

    Returns
    -------
    ndarray of float, shape (6, 150, 21)
        dP/dMIGRA, dimensionless; axes offset (no dependence), migration, true energy.  Every column sums to 1 times
        the width of the bins, up to the part beyond the last edge.
    """
    mean, width = response.log_migra(log_centres(TRUE_ENERGY_COARSE_TEV))
    inner = (np.log(MIGRA[1:, None]) - mean) / width
    cumulative = np.concatenate([np.zeros((1, mean.size)), 0.5 * (1.0 + _erf(inner / math.sqrt(2.0)))])
    density = np.diff(cumulative, axis=0) / np.diff(MIGRA)[:, None]
    return np.repeat(density[None], OFFSET_DEG.size - 1, axis=0)


def psf_three_gauss(response: Response) -> dict[str, Floats]:
    """PSF as parameters of GADF's PSF_3GAUSS; the third Gaussian is absent.

    Parameters
    ----------
    response : Response
        The site's response.

    Returns
    -------
    dict of ndarray of float, shape (6, 21)
        ``SCALE`` in sr-1, ``SIGMA_1..3`` in deg, ``AMPL_2``, ``AMPL_3``; axes offset, true energy.  The density is
        SCALE / pi times the sum of A_i exp(-r^2 / 2 s_i^2), hence SCALE = 1 / (2 sum A_i s_i^2), widths in radian.
    """
    sigma_deg = response.psf_sigma_deg(log_centres(TRUE_ENERGY_COARSE_TEV), centres(OFFSET_DEG)[:, None])
    norm = 2.0 * np.radians(sigma_deg) ** 2 * (1.0 + PSF_TAIL_AMPLITUDE * PSF_TAIL_WIDTH**2)
    nothing = np.zeros_like(sigma_deg)
    return {
        "SCALE": 1.0 / norm,
        "SIGMA_1": sigma_deg,
        "SIGMA_2": sigma_deg * PSF_TAIL_WIDTH,
        "SIGMA_3": nothing,
        "AMPL_2": np.full_like(sigma_deg, PSF_TAIL_AMPLITUDE),
        "AMPL_3": nothing,
    }


def psf_table_per_sr(response: Response) -> Floats:
    """PSF averaged over radial bins.

    Parameters
    ----------
    response : Response
        The site's response.

    Returns
    -------
    ndarray of float, shape (70, 6, 21)
        dP/dOmega in sr-1; axes radius, offset, true energy.  The sum over the radial bins of density times solid angle
        2 pi (cos r_lo - cos r_hi) is 1.
    """
    sigma_deg = response.psf_sigma_deg(log_centres(TRUE_ENERGY_COARSE_TEV), centres(OFFSET_DEG)[:, None])
    inside = psf_containment(PSF_RADIUS_DEG[:, None, None] / sigma_deg)
    inside /= inside[-1]
    solid_angle_sr = 2.0 * np.pi * -np.diff(np.cos(np.radians(PSF_RADIUS_DEG)))
    return np.asarray(np.diff(inside, axis=0) / solid_angle_sr[:, None, None])


@lru_cache(maxsize=8)
def background_rates(response: Response) -> tuple[Floats, Floats]:
    """Background as a density for the files and as rates for the simulation.

    Parameters
    ----------
    response : Response
        The site's response.

    Returns
    -------
    density_per_s_mev_sr : ndarray of float, shape (20, 20, 18)
        Rate at the bin centres in s-1 MeV-1 sr-1; axes DETY, DETX, reconstructed energy.
    rate_hz : ndarray of float, shape (20, 20, 18)
        Rate in each bin: a power law in energy through the density at the bin's centre, constant over its solid angle.
    """
    x_deg, y_deg = np.meshgrid(centres(DET_DEG), centres(DET_DEG))
    cos_offset = np.cos(np.radians(x_deg)) * np.cos(np.radians(y_deg))
    energy_tev = log_centres(RECO_ENERGY_TEV)
    shape = response.background_shape(energy_tev, np.degrees(np.arccos(cos_offset))[:, :, None])
    power = 1.0 - BACKGROUND_INDEX
    width_tev = energy_tev * np.diff(RECO_ENERGY_TEV**power) / energy_tev**power / power
    solid_angle_sr = np.diff(np.sin(np.radians(DET_DEG)))[:, None] * np.diff(np.radians(DET_DEG))
    relative = shape * width_tev * solid_angle_sr[:, :, None]
    norm_hz = response.background_hz / relative.sum()
    return shape * norm_hz / _MEV_PER_TEV, relative * norm_hz
