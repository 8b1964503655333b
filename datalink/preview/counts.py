# SPDX-License-Identifier: GPL-3.0-or-later
"""What previews show of an event list, counted: on the sky, in energy and in time, any number of events at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SKY_BINS = 96
BINS_PER_DECADE = 10
_ENERGY_DECADES = (-6, 6)


@dataclass(frozen=True, slots=True)
class Projection:
    """Zenithal equidistant projection (FITS: ARC) around a centre, ICRS: good at the poles and for wide fields."""

    ra_deg: float
    dec_deg: float

    def forward(self, ra_deg: Floats, dec_deg: Floats) -> tuple[Floats, Floats]:
        """Return offsets in degrees, to the east and to the north."""
        dec_0 = math.radians(self.dec_deg)
        with np.errstate(invalid="ignore", divide="ignore"):
            delta, dec = np.radians(ra_deg - self.ra_deg), np.radians(dec_deg)
            cos_dec, sin_dec, cos_delta = np.cos(dec), np.sin(dec), np.cos(delta)
            east = cos_dec * np.sin(delta)
            north = sin_dec * math.cos(dec_0) - cos_dec * (math.sin(dec_0) * cos_delta)
            away = np.hypot(east, north)
            angle = np.arctan2(away, sin_dec * math.sin(dec_0) + cos_dec * (math.cos(dec_0) * cos_delta))
            factor = np.degrees(np.where(away > 0, angle / away, 1.0))
        return east * factor, north * factor

    def backward(self, east_deg: Floats, north_deg: Floats) -> tuple[Floats, Floats]:
        """Return right ascension (0 to 360) and declination of offsets in degrees."""
        angle, dec_0 = np.radians(np.hypot(east_deg, north_deg)), math.radians(self.dec_deg)
        direction = np.arctan2(east_deg, north_deg)
        east, north, ahead = np.sin(angle) * np.sin(direction), np.sin(angle) * np.cos(direction), np.cos(angle)
        dec = np.arcsin(np.clip(ahead * math.sin(dec_0) + north * math.cos(dec_0), -1.0, 1.0))
        delta = np.arctan2(east, ahead * math.cos(dec_0) - north * math.sin(dec_0))
        return (np.degrees(delta) + self.ra_deg) % 360.0, np.degrees(dec)


@dataclass(slots=True)
class Sky:
    """Counts on the sky: a square of `radius_deg` around the centre; row 0 is south, column 0 is east."""

    projection: Projection
    radius_deg: float
    pointing: tuple[float, float] | None
    fov_radius_deg: float | None
    target: tuple[float, float] | None
    counts: Floats = field(default_factory=lambda: np.zeros((SKY_BINS, SKY_BINS)))

    def add(self, ra_deg: Floats, dec_deg: Floats) -> None:
        """Count events; those outside of the square, or without direction, are not counted."""
        east, north = self.projection.forward(ra_deg, dec_deg)
        scale = SKY_BINS / (2.0 * self.radius_deg)
        column, row = (self.radius_deg - east) * scale, (self.radius_deg + north) * scale
        inside = (column >= 0) & (column < SKY_BINS) & (row >= 0) & (row < SKY_BINS)
        number_of = row[inside].astype(np.intp) * SKY_BINS + column[inside].astype(np.intp)
        self.counts += np.bincount(number_of, minlength=SKY_BINS * SKY_BINS).reshape(SKY_BINS, SKY_BINS)


@dataclass(slots=True)
class Spectrum:
    """Counts in energy, in bins of a tenth of a decade from 1 eV to 10⁶ TeV."""

    counts: Floats = field(
        default_factory=lambda: np.zeros((_ENERGY_DECADES[1] - _ENERGY_DECADES[0]) * BINS_PER_DECADE)
    )

    def add(self, energy_tev: Floats) -> None:
        """Count events; those without a positive energy are not counted."""
        with np.errstate(invalid="ignore", divide="ignore"):
            position = (np.log10(energy_tev) - _ENERGY_DECADES[0]) * BINS_PER_DECADE
        inside = (position >= 0) & (position < self.counts.size)
        self.counts += np.bincount(position[inside].astype(np.intp), minlength=self.counts.size)

    def edges_tev(self) -> Floats:
        """Return the edges of the bins."""
        return np.asarray(10.0 ** (np.arange(self.counts.size + 1) / BINS_PER_DECADE + _ENERGY_DECADES[0]))


@dataclass(slots=True)
class Times:
    """Counts in time, in bins of `width_s` from `start_s` on, and the good time intervals, in the file's own time."""

    start_s: float
    stop_s: float
    width_s: float
    good: Floats
    """Good time intervals, shape (n, 2), in order and without overlap."""
    start_utc_mjd: float | None
    counts: Floats = field(default_factory=lambda: np.zeros(0))

    def add(self, time_s: Floats) -> None:
        """Count events; those before the start and after the end are not counted."""
        position = (time_s - self.start_s) / self.width_s
        inside = (position >= 0) & (position < self.counts.size)
        self.counts += np.bincount(position[inside].astype(np.intp), minlength=self.counts.size)

    def good_before_s(self, time_s: Floats) -> Floats:
        """Return the good time before some times."""
        if not len(self.good):
            return np.zeros_like(time_s)
        lengths = self.good[:, 1] - self.good[:, 0]
        ends = np.cumsum(lengths)
        return np.interp(time_s, self.good.ravel(), np.column_stack([ends - lengths, ends]).ravel())


@dataclass(slots=True)
class EventCounts:
    """Everything that the previews of an event list show."""

    title: str
    obs_id: str | None
    instrument: str | None
    n_events: int
    sky: Sky
    spectrum: Spectrum
    times: Times
