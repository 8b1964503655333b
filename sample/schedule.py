# SPDX-License-Identifier: GPL-3.0-or-later
"""Plan of the observations: where and when every run points, and under which conditions.

A run's plan depends on its number and on the seed only.  Runs come in wobble pairs; pair after pair goes round the
targets.  Every target is observed in a season of 36 nights centred on its opposition to the mean Sun, within 2.5 hours
of its culmination, hence in the dark and high above the horizon; the Moon is ignored.  The seasons of the targets of
one site do not overlap, so an array never points at two places at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from sample.sky import MJD_REFERENCE_DAYS, TAI_MINUS_UTC_S, horizontal, offset_position
from sample.targets import (
    FIRST_OBS_ID,
    RUNS_PER_TARGET_VISIT,
    SPECIAL_RUNS,
    TARGETS,
    WOBBLE_OFFSET_DEG,
    Site,
    Special,
    Target,
    proposal_of,
)

MAX_RUNS = 200_000
MEAN_DURATION_S = 1440.0
MEAN_DEADC = 0.965

_DURATION_RANGE_S = (1200, 1680)
_RUN_SPACING_S = 1800
_SEASON_YEARS = (2024, 2025, 2019, 2020, 2021, 2022, 2023)
_SEASON_NIGHTS = 36
_SLOTS_OF_NIGHT = (2, 3, 1, 4, 0)
_DAY_S = 86400.0
_CONVERGENCE_DIVERGENT_M = -10000.0
_GTI_FRACTIONS = ((0.0, 0.30), (0.38, 0.65), (0.72, 1.0))


@dataclass(frozen=True)
class Conditions:
    """State of array and atmosphere during a run.

    Attributes
    ----------
    trigger_rate_hz, zenith_trigger_rate_hz : float
        Mean system trigger rate, and its zenith equivalent.
    muon_efficiency, broken_pixels, relative_humidity, nsb_level : float
        Mean muon efficiency, fractions of broken pixels and of saturation humidity, night sky background relative to a
        dark field.
    temperature_degc, pressure_hpa : float
        Air temperature and pressure at ground.
    """

    trigger_rate_hz: float
    zenith_trigger_rate_hz: float
    muon_efficiency: float
    broken_pixels: float
    temperature_degc: float
    pressure_hpa: float
    relative_humidity: float
    nsb_level: float


@dataclass(frozen=True)
class Run:
    """Plan of one observation.

    Attributes
    ----------
    number, obs_id : int
        Number of the run (0 is the first) and its ``OBS_ID``.
    site : Site
        Array that observes.
    target : Target
        Source in the field of view.
    special : Special
        What is unusual about the run.
    proposal_id : str
        Proposal the run belongs to.
    ra_pnt_deg, dec_pnt_deg : float
        Pointing, ICRS.
    alt_pnt_deg, az_pnt_deg : float
        Pointing in the horizontal system in the middle between start and stop.
    gti_start_s, gti_stop_s : tuple of float
        Good time intervals, TAI seconds since MJD 58119.0 TAI.
    deadc : float
        Live time divided by observation time.
    convergence_m : float
        0 parallel, negative divergent pointing (virtual point of convergence below the array).
    quality : int
        GADF data quality: 0 best, 1 medium, 2 bad.
    conditions : Conditions
        State of array and atmosphere.
    """

    number: int
    obs_id: int
    site: Site
    target: Target
    special: Special
    proposal_id: str
    ra_pnt_deg: float
    dec_pnt_deg: float
    alt_pnt_deg: float
    az_pnt_deg: float
    gti_start_s: tuple[float, ...]
    gti_stop_s: tuple[float, ...]
    deadc: float
    convergence_m: float
    quality: int
    conditions: Conditions

    @property
    def tstart_s(self) -> float:
        """Start of the first good time interval, TAI seconds since MJD 58119.0 TAI."""
        return self.gti_start_s[0]

    @property
    def tstop_s(self) -> float:
        """Stop of the last good time interval, TAI seconds since MJD 58119.0 TAI."""
        return self.gti_stop_s[-1]

    @property
    def ontime_s(self) -> float:
        """Sum of the good time intervals in seconds."""
        return sum(self.gti_stop_s) - sum(self.gti_start_s)

    @property
    def livetime_s(self) -> float:
        """Observation time corrected for dead time, in seconds."""
        return self.ontime_s * self.deadc

    @property
    def is_public(self) -> bool:
        """Whether the run is outside ``proprietary/``."""
        return self.special is not Special.PROPRIETARY

    @property
    def file_dir(self) -> str:
        """Folder of the run's file, relative to the archive."""
        return "public" if self.is_public else "proprietary"

    @property
    def file_name(self) -> str:
        """Name of the run's file."""
        return f"ctao_sim_{self.obs_id:06d}.fits.gz"


def plan(number: int, seed: int) -> Run:
    """Plan one run.

    Parameters
    ----------
    number : int
        Number of the run, 0 is the first.
    seed : int
        Seed of the archive.

    Returns
    -------
    Run
        The plan; it does not depend on how many runs the archive has.
    """
    if not 0 <= number < MAX_RUNS:
        raise ValueError(f"run number {number} is outside 0..{MAX_RUNS - 1}")
    pair, member = divmod(number, RUNS_PER_TARGET_VISIT)
    visit, target_number = divmod(pair, len(TARGETS))
    target, obs_id = TARGETS[target_number], FIRST_OBS_ID + number
    special = SPECIAL_RUNS.get(number, (Special.NONE, None))[0]
    rng = np.random.default_rng([seed, obs_id, 0])
    ra_pnt_deg, dec_pnt_deg = _wobble_position(target, visit, member)
    starts_s, stops_s = _good_times(_start_time_tai_s(target, visit, member), special, rng)
    middle_s = 0.5 * (starts_s[0] + stops_s[-1])
    alt_deg, az_deg = horizontal(ra_pnt_deg, dec_pnt_deg, target.site, middle_s)
    deadc = round(float(rng.uniform(MEAN_DEADC - 0.015, MEAN_DEADC + 0.015)), 4)
    return Run(
        number=number,
        obs_id=obs_id,
        site=target.site,
        target=target,
        special=special,
        proposal_id=proposal_of(number),
        ra_pnt_deg=ra_pnt_deg,
        dec_pnt_deg=dec_pnt_deg,
        alt_pnt_deg=round(alt_deg, 5),
        az_pnt_deg=round(az_deg, 5),
        gti_start_s=starts_s,
        gti_stop_s=stops_s,
        deadc=0.0 if special is Special.EMPTY else deadc,
        convergence_m=_CONVERGENCE_DIVERGENT_M if special is Special.DIVERGENT else 0.0,
        quality={Special.THREE_GTI: 1, Special.EMPTY: 2}.get(special, 0),
        conditions=_conditions(rng, alt_deg),
    )


def iso_date(time_tai_s: float, timespec: str = "milliseconds") -> str:
    """Calendar date and time of day in TAI.

    Parameters
    ----------
    time_tai_s : float
        TAI seconds since MJD 58119.0 TAI.
    timespec : str
        As in `datetime.datetime.isoformat`.

    Returns
    -------
    str
        ISO 8601 without time zone, in TAI (``TIMESYS`` of all headers).
    """
    return (datetime(2018, 1, 1) + timedelta(seconds=time_tai_s)).isoformat(timespec=timespec)


def _wobble_position(target: Target, visit: int, member: int) -> tuple[float, float]:
    """Pointing of a wobble pair's member in degrees: north and south at even visits, east and west at odd ones."""
    angle_deg = 180.0 * member + 90.0 * (visit % 2)
    ra_deg, dec_deg = offset_position(target.ra_deg, target.dec_deg, WOBBLE_OFFSET_DEG, angle_deg)
    return round(float(ra_deg), 6), round(float(dec_deg), 6)


def _start_time_tai_s(target: Target, visit: int, member: int) -> float:
    """Start of a run, whole TAI seconds since MJD 58119.0 TAI."""
    rest, year_number = divmod(visit, len(_SEASON_YEARS))
    rest, night = divmod(rest, _SEASON_NIGHTS)
    block, slot_number = divmod(rest, len(_SLOTS_OF_NIGHT))
    year = _SEASON_YEARS[year_number] + block * len(_SEASON_YEARS)
    season_mjd = round(_opposition_mjd(target, year)) - _SEASON_NIGHTS // 2
    transit_mjd = _transit_mjd(target, season_mjd + night)
    pair_s = (_SLOTS_OF_NIGHT[slot_number] - 0.5 * len(_SLOTS_OF_NIGHT)) * 2 * _RUN_SPACING_S
    utc_s = (transit_mjd - MJD_REFERENCE_DAYS) * _DAY_S + pair_s + member * _RUN_SPACING_S
    return float(round(utc_s + TAI_MINUS_UTC_S))


def _opposition_mjd(target: Target, year: int) -> float:
    """First MJD (UTC) after 1 November of the year before when the mean Sun is 12 h away in right ascension.

    Right ascension of the mean Sun: 280.460 deg + 0.9856474 deg a day since J2000.0 (Astronomical Almanac, low
    precision formulae for the Sun).
    """
    start_mjd = (date(year - 1, 11, 1) - date(1858, 11, 17)).days
    sun_ra_deg = 280.460 + 0.9856474 * (start_mjd - 51544.5)
    return start_mjd + (target.ra_deg - 180.0 - sun_ra_deg) % 360.0 / 0.9856474


def _transit_mjd(target: Target, day_mjd: int) -> float:
    """MJD (UTC) of the culmination next to local midnight of a day.

    Greenwich mean sidereal time: 280.46062 deg + 360.98564737 deg a day since J2000.0 (Meeus, Astronomical Algorithms,
    12.4, linear part).
    """
    midnight_mjd = day_mjd - target.site.longitude_deg / 360.0
    sidereal_deg = 280.46062 + 360.98564737 * (midnight_mjd - 51544.5) + target.site.longitude_deg
    hour_angle_deg = (sidereal_deg - target.ra_deg + 180.0) % 360.0 - 180.0
    return midnight_mjd - hour_angle_deg / 360.98564737


def _good_times(
    start_s: float, special: Special, rng: np.random.Generator
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return starts and stops of the good time intervals, whole seconds."""
    duration_s = int(rng.integers(_DURATION_RANGE_S[0], _DURATION_RANGE_S[1], endpoint=True))
    fractions = _GTI_FRACTIONS if special is Special.THREE_GTI else ((0.0, 1.0),)
    starts_s = tuple(start_s + round(begin * duration_s) for begin, _ in fractions)
    stops_s = tuple(start_s + round(end * duration_s) for _, end in fractions)
    return starts_s, stops_s


def _conditions(rng: np.random.Generator, altitude_deg: float) -> Conditions:
    """Draw plausible conditions; no meaning beyond filling the columns."""
    zenith_rate_hz = float(rng.normal(9000.0, 400.0))
    return Conditions(
        trigger_rate_hz=round(zenith_rate_hz * float(np.sin(np.radians(altitude_deg))) ** 0.5, 1),
        zenith_trigger_rate_hz=round(zenith_rate_hz, 1),
        muon_efficiency=round(float(rng.normal(0.80, 0.02)), 4),
        broken_pixels=round(float(rng.uniform(0.0, 0.02)), 4),
        temperature_degc=round(float(rng.normal(8.0, 4.0)), 1),
        pressure_hpa=round(float(rng.normal(789.0, 3.0)), 1),
        relative_humidity=round(float(rng.uniform(0.05, 0.6)), 3),
        nsb_level=round(float(rng.uniform(0.9, 1.6)), 3),
    )
