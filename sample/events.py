# SPDX-License-Identifier: GPL-3.0-or-later
"""Simulation of the events of one run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sample.response import (
    BACKGROUND_INDEX,
    DET_DEG,
    PSF_TAIL_WIDTH,
    RECO_ENERGY_TEV,
    Response,
    psf_tail_share,
    source_rate,
)
from sample.schedule import Run
from sample.sky import fov_to_icrs, icrs_to_fov, offset_position
from sample.tables import background_rates
from sample.targets import WOBBLE_OFFSET_DEG, Special

Floats = npt.NDArray[np.float64]

_MIN_GAMMANESS = 0.7
_MIN_TELESCOPES = 2


@dataclass(frozen=True)
class Events:
    """Events of a run, in order of time; every array has shape (n,).

    Attributes
    ----------
    time_tai_s : ndarray of float
        Time, TAI seconds since MJD 58119.0 TAI.
    ra_deg, dec_deg : ndarray of float
        Reconstructed direction, ICRS.
    energy_tev : ndarray of float
        Reconstructed energy.
    detx_deg, dety_deg : ndarray of float
        Reconstructed direction in the field of view, see :func:`sample.sky.fov_to_icrs`.
    gammaness : ndarray of float
        Score of the gamma-hadron separation, 0.7 to 1.
    multiplicity : ndarray of int
        Telescopes used in the reconstruction.
    from_source : ndarray of bool
        Truth: a gamma ray of the target.  Not written to the files.
    """

    time_tai_s: Floats
    ra_deg: Floats
    dec_deg: Floats
    energy_tev: Floats
    detx_deg: Floats
    dety_deg: Floats
    gammaness: Floats
    multiplicity: npt.NDArray[np.int64]
    from_source: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of events."""
        return int(self.time_tai_s.size)


def simulate(run: Run, response: Response, seed: int) -> Events:
    """Simulate the events of a run.

    Gamma rays of the target arrive during the live time, background events during the observation time, as GADF defines
    the background rate.

    Parameters
    ----------
    run : Run
        Plan of the run.
    response : Response
        Response of the run's site.
    seed : int
        Seed of the archive; with the run's ``OBS_ID`` it determines the events.

    Returns
    -------
    Events
        Sorted by time, all within the good time intervals.
    """
    rng = np.random.default_rng([seed, run.obs_id, 1])
    if run.special is Special.EMPTY:
        gammas = background = (np.empty(0), np.empty(0), np.empty(0))
    else:
        gammas = _gamma_rays(run, response, rng)
        background = _background(run, response, rng)
    ra_deg, dec_deg, energy_tev = (np.concatenate(pair) for pair in zip(gammas, background, strict=True))
    from_source = np.arange(ra_deg.size) < gammas[0].size
    order = rng.permutation(ra_deg.size)
    detx_deg, dety_deg = icrs_to_fov(ra_deg, dec_deg, run.ra_pnt_deg, run.dec_pnt_deg)
    return Events(
        time_tai_s=_times_tai_s(run, ra_deg.size, rng),
        ra_deg=ra_deg[order],
        dec_deg=dec_deg[order],
        energy_tev=energy_tev[order],
        detx_deg=detx_deg[order],
        dety_deg=dety_deg[order],
        gammaness=_gammaness(from_source[order], rng),
        multiplicity=_multiplicity(energy_tev[order], run.site.n_telescopes, rng),
        from_source=from_source[order],
    )


def _gamma_rays(run: Run, response: Response, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Right ascension and declination in deg and reconstructed energy in TeV of the target's gamma rays."""
    log_energy, rate_hz = source_rate(response, run.target, WOBBLE_OFFSET_DEG)
    number = int(rng.poisson(rate_hz[-1] * run.livetime_s))
    true_tev = 10.0 ** np.interp(rng.uniform(0.0, rate_hz[-1], number), rate_hz, log_energy)
    mean, width = response.log_migra(true_tev)
    energy_tev = true_tev * np.exp(rng.normal(mean, width))
    sigma_deg = response.psf_sigma_deg(true_tev, WOBBLE_OFFSET_DEG)
    sigma_deg = np.where(rng.uniform(size=number) < psf_tail_share(), sigma_deg * PSF_TAIL_WIDTH, sigma_deg)
    radius_deg = sigma_deg * np.sqrt(2.0 * rng.standard_exponential(number))
    angle_deg = rng.uniform(0.0, 360.0, number)
    ra_deg, dec_deg = offset_position(run.target.ra_deg, run.target.dec_deg, radius_deg, angle_deg)
    kept = (energy_tev >= RECO_ENERGY_TEV[0]) & (energy_tev < RECO_ENERGY_TEV[-1])
    return ra_deg[kept], dec_deg[kept], energy_tev[kept]


def _background(run: Run, response: Response, rng: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Right ascension and declination in deg and reconstructed energy in TeV of the background.

    Drawn from the bins of the BKG_3D table: uniform in the field of view coordinates of a bin, a power law in energy.
    """
    shape, cumulative_hz = _background_bins(response)
    number = int(rng.poisson(cumulative_hz[-1] * run.ontime_s))
    bins = np.searchsorted(cumulative_hz, rng.uniform(0.0, cumulative_hz[-1], number), side="right")
    y, x, energy = np.unravel_index(np.minimum(bins, cumulative_hz.size - 1), shape)
    bin_deg = DET_DEG[1] - DET_DEG[0]
    detx_deg = DET_DEG[x] + bin_deg * rng.uniform(size=number)
    dety_deg = DET_DEG[y] + bin_deg * rng.uniform(size=number)
    power = 1.0 - BACKGROUND_INDEX
    low, high = RECO_ENERGY_TEV[energy] ** power, RECO_ENERGY_TEV[energy + 1] ** power
    energy_tev = (low + (high - low) * rng.uniform(size=number)) ** (1.0 / power)
    ra_deg, dec_deg = fov_to_icrs(detx_deg, dety_deg, run.ra_pnt_deg, run.dec_pnt_deg)
    return ra_deg, dec_deg, energy_tev


@lru_cache(maxsize=8)
def _background_bins(response: Response) -> tuple[tuple[int, ...], Floats]:
    """Shape of the background table and its cumulative rate in Hz."""
    rate_hz = background_rates(response)[1]
    return rate_hz.shape, np.cumsum(rate_hz)


def _times_tai_s(run: Run, number: int, rng: np.random.Generator) -> Floats:
    """Sorted times, uniform over the good time intervals."""
    starts_s, stops_s = np.array(run.gti_start_s), np.array(run.gti_stop_s)
    before_s = np.concatenate([[0.0], np.cumsum(stops_s - starts_s)])
    elapsed_s = np.sort(rng.uniform(0.0, before_s[-1], number))
    interval = np.minimum(np.searchsorted(before_s, elapsed_s, side="right") - 1, starts_s.size - 1)
    times_s = starts_s[interval] + (elapsed_s - before_s[interval])
    return np.asarray(np.minimum(times_s, np.nextafter(stops_s[interval], 0.0)))


def _gammaness(from_source: npt.NDArray[np.bool_], rng: np.random.Generator) -> Floats:
    """Scores: gamma rays crowd near 1, background near the cut."""
    distance = rng.uniform(size=from_source.size) ** 2
    return 1.0 - (1.0 - _MIN_GAMMANESS) * np.where(from_source, distance, 1.0 - distance)


def _multiplicity(energy_tev: Floats, n_telescopes: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Numbers of telescopes, growing with energy."""
    more = rng.poisson(3.0 * np.sqrt(energy_tev / 0.1))
    return np.asarray(np.minimum(_MIN_TELESCOPES + more, n_telescopes))
