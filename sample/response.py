# SPDX-License-Identifier: GPL-3.0-or-later
"""Analytic instrument response of one site: smooth functions of energy and offset.

The parameters are chosen by eye so that the curves have the size and the trend of the public CTAO performance (prod5
Alpha configurations, 20 deg zenith angle); they are not fits and not CTAO results.  The events are drawn from these
functions, and :mod:`sample.tables` tabulates the same functions for the files.

The background is scaled so that a run has the wanted number of events.  If the sources alone would give more than half
of them, the effective area shrinks as well; the files stay consistent with their responses for any number of events.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from sample.schedule import MEAN_DEADC, MEAN_DURATION_S
from sample.targets import SITES, TARGETS, WOBBLE_OFFSET_DEG, Target

Floats = npt.NDArray[np.float64]

# Bin edges of the tables.  Energies are logarithmic, 10 or 5 bins a decade.
TRUE_ENERGY_TEV = 10.0 ** np.linspace(-1.8, 2.4, 43)
TRUE_ENERGY_COARSE_TEV = 10.0 ** np.linspace(-1.8, 2.4, 22)
RECO_ENERGY_TEV = 10.0 ** np.linspace(-1.4, 2.2, 19)
OFFSET_DEG = np.linspace(0.0, 6.0, 7)
MIGRA = np.linspace(0.0, 3.0, 151)
DET_DEG = np.linspace(-5.0, 5.0, 21)
PSF_RADIUS_DEG = 2.0 * np.linspace(0.0, 1.0, 71) ** 2

BACKGROUND_INDEX = 2.7
PSF_TAIL_AMPLITUDE = 0.02
PSF_TAIL_WIDTH = 2.5
"""The PSF is two Gaussians of the same centre: the second has this amplitude and width relative to the first."""

_CM2_IN_M2 = 1.0e4
_SOURCE_SHARE = 0.5
_erf = np.vectorize(math.erf, otypes=[float])


@dataclass(frozen=True)
class Design:
    """Parameters of a site's response.

    Attributes
    ----------
    area_m2, area_break_tev, threshold_tev : float
        Effective area far above, and energies of the knee and of the trigger threshold.
    offset_scale_deg : float
        Offset at which the effective area at 1 TeV has dropped to 61 %.
    psf_sigma_deg, psf_floor_deg : float
        Width of the PSF's core at 1 TeV, and the part of it that does not fall with energy.
    resolution, resolution_floor : float
        Part of the relative energy resolution at 1 TeV that falls with energy, and the part that does not.
    background_share : float
        Background rate relative to the mean of all runs.
    safe_energy_tev : tuple of float
        Energies a spectrum may use: ``LO_THRES``, ``HI_THRES``.
    psf_class : str
        GADF class of the PSF table in the files: ``PSF_3GAUSS`` or ``PSF_TABLE``.
    """

    area_m2: float
    area_break_tev: float
    threshold_tev: float
    offset_scale_deg: float
    psf_sigma_deg: float
    psf_floor_deg: float
    resolution: float
    resolution_floor: float
    background_share: float
    safe_energy_tev: tuple[float, float]
    psf_class: str


DESIGNS = MappingProxyType(
    {
        "CTAO-N": Design(1.0e6, 1.3, 0.033, 3.1, 0.031, 0.012, 0.055, 0.070, 0.8, (0.05, 100.0), "PSF_3GAUSS"),
        "CTAO-S": Design(3.5e6, 7.0, 0.055, 3.6, 0.027, 0.010, 0.060, 0.060, 1.2, (0.08, 150.0), "PSF_TABLE"),
    }
)


@dataclass(frozen=True)
class Response:
    """Response of one site.

    Attributes
    ----------
    site_key : str
        ``CTAO-N`` or ``CTAO-S``.
    area_scale : float
        Factor of the effective area, 1 unless the archive has very few events.
    background_hz : float
        Background rate in the whole field of view, without dead time correction.
    """

    site_key: str
    area_scale: float
    background_hz: float

    @property
    def design(self) -> Design:
        """Parameters of the site."""
        return DESIGNS[self.site_key]

    def area_m2(self, energy_tev: npt.ArrayLike, offset_deg: npt.ArrayLike) -> Floats:
        """Effective area in m2.

        Parameters
        ----------
        energy_tev, offset_deg : array_like of float
            True energy, and distance from the pointing; shapes broadcast.
        """
        energy, offset = np.asarray(energy_tev, dtype=float), np.asarray(offset_deg, dtype=float)
        design = self.design
        knee = 1.0 / (1.0 + (energy / design.area_break_tev) ** -0.8)
        trigger = 1.0 / (1.0 + (energy / design.threshold_tev) ** -4)
        width_deg = design.offset_scale_deg + 0.5 * np.clip(np.log10(energy), -1.5, 1.5)
        off_axis = np.exp(-0.5 * (offset / width_deg) ** 3)
        return np.asarray(self.area_scale * design.area_m2 * knee * trigger * off_axis)

    def psf_sigma_deg(self, energy_tev: npt.ArrayLike, offset_deg: npt.ArrayLike) -> Floats:
        """Width (standard deviation on each axis) of the PSF's core in degrees.

        Parameters
        ----------
        energy_tev, offset_deg : array_like of float
            True energy, and distance from the pointing; shapes broadcast.
        """
        energy, offset = np.asarray(energy_tev, dtype=float), np.asarray(offset_deg, dtype=float)
        core = np.hypot(self.design.psf_sigma_deg * energy**-0.3, self.design.psf_floor_deg)
        return np.asarray(core * (1.0 + (offset / 4.7) ** 4))

    def log_migra(self, energy_tev: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Mean and standard deviation of ln(reconstructed / true energy), a normal distribution.

        Parameters
        ----------
        energy_tev : array_like of float
            True energy.
        """
        energy = np.asarray(energy_tev, dtype=float)
        bias = 0.1 * 0.03 / energy
        width = np.hypot(self.design.resolution_floor, self.design.resolution * energy**-0.5)
        return np.minimum(bias, 0.2), np.minimum(width, 0.35)

    def background_shape(self, energy_tev: npt.ArrayLike, offset_deg: npt.ArrayLike) -> Floats:
        """Background rate per energy and solid angle, in arbitrary units.

        Parameters
        ----------
        energy_tev, offset_deg : array_like of float
            Reconstructed energy, and distance from the pointing; shapes broadcast.
        """
        energy, offset = np.asarray(energy_tev, dtype=float), np.asarray(offset_deg, dtype=float)
        trigger = 1.0 / (1.0 + (energy / self.design.threshold_tev) ** -4)
        width_deg = self.design.offset_scale_deg + 0.6 * np.clip(np.log10(energy), -1.5, 1.5)
        return np.asarray(energy**-BACKGROUND_INDEX * trigger * np.exp(-0.5 * (offset / width_deg) ** 3))


def psf_tail_share() -> float:
    """Fraction of the gamma rays in the wider Gaussian of the PSF: A2 s2^2 / (s1^2 + A2 s2^2)."""
    tail = PSF_TAIL_AMPLITUDE * PSF_TAIL_WIDTH**2
    return tail / (1.0 + tail)


def psf_containment(radius_in_sigma: npt.ArrayLike) -> Floats:
    """Fraction of the gamma rays within a radius.

    Parameters
    ----------
    radius_in_sigma : array_like of float
        Radius divided by the width of the PSF's core.

    Returns
    -------
    ndarray of float
        Sum over the two Gaussians i of w_i (1 - exp(-r^2 / 2 s_i^2)), the integral of GADF's PSF_3GAUSS.
    """
    core = 0.5 * np.asarray(radius_in_sigma, dtype=float) ** 2
    tail = psf_tail_share()
    return np.asarray(1.0 - (1.0 - tail) * np.exp(-core) - tail * np.exp(-core / PSF_TAIL_WIDTH**2))


def source_rate(response: Response, target: Target, offset_deg: float) -> tuple[Floats, Floats]:
    """Cumulative rate of detected gamma rays of a target.

    Parameters
    ----------
    response : Response
        Response of the observing site.
    target : Target
        The source.
    offset_deg : float
        Distance between source and pointing.

    Returns
    -------
    log10_energy_tev : ndarray of float, shape (1001,)
        True energies.
    rate_hz : ndarray of float, shape (1001,)
        Rate below that energy per live time; the last value is the total.
    """
    log_energy = np.linspace(np.log10(TRUE_ENERGY_TEV[0]), np.log10(TRUE_ENERGY_TEV[-1]), 1001)
    energy_tev = 10.0**log_energy
    flux = target.norm_per_cm2_s_tev * energy_tev**-target.index
    density = flux * response.area_m2(energy_tev, offset_deg) * _CM2_IN_M2 * energy_tev * np.log(10.0)
    steps = 0.5 * (density[1:] + density[:-1]) * np.diff(log_energy)
    return log_energy, np.concatenate([[0.0], np.cumsum(steps)])


def _accepted_rate_hz(response: Response, target: Target) -> float:
    """Rate of gamma rays whose reconstructed energy is in the range of the files."""
    log_energy, rate_hz = source_rate(response, target, WOBBLE_OFFSET_DEG)
    middle = 0.5 * (log_energy[1:] + log_energy[:-1]) * math.log(10.0)
    mean, width = response.log_migra(np.exp(middle))
    low, high = (_erf((np.log(edge) - middle - mean) / (width * math.sqrt(2.0))) for edge in RECO_ENERGY_TEV[[0, -1]])
    return float(np.sum(np.diff(rate_hz) * 0.5 * (high - low)))


@lru_cache(maxsize=8)
def response_of(site_key: str, events_per_run: float) -> Response:
    """Response of a site in an archive with a given number of events.

    Parameters
    ----------
    site_key : str
        ``CTAO-N`` or ``CTAO-S``.
    events_per_run : float
        Wanted mean number of events of a run, sources and background together.

    Returns
    -------
    Response
        Effective area and background rate are scaled as the module's text says.
    """
    full_size = {key: Response(key, 1.0, 0.0) for key in SITES}
    rates_hz = [_accepted_rate_hz(full_size[target.site.key], target) for target in TARGETS]
    source_events = float(np.mean(rates_hz)) * MEAN_DURATION_S * MEAN_DEADC
    area_scale = min(1.0, _SOURCE_SHARE * events_per_run / source_events)
    background_hz = (events_per_run - area_scale * source_events) / MEAN_DURATION_S
    return Response(site_key, area_scale, background_hz * DESIGNS[site_key].background_share)
