# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts of a run in circles: around the target, and around directions at the same distance from the pointing.

Energy migration is neglected: reconstructed energies are taken for true ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sample.events import Events, simulate
from sample.headers import Card
from sample.response import Response, psf_containment, response_of, source_rate
from sample.schedule import Run, plan
from sample.sky import offset_position
from sample.targets import CREATED, CREATOR, TELESCOP, WOBBLE_OFFSET_DEG

Floats = npt.NDArray[np.float64]

ON_RADIUS_DEG = 0.1
OFF_ANGLES_DEG = (60.0, 108.0, 156.0, 204.0, 252.0, 300.0)
# Bins of the flux points; maps and spectra are made for the same range.
EDGES_TEV = np.logspace(-1.0, 1.4, 9)


@dataclass(frozen=True)
class Observed:
    """A run with its events and response."""

    run: Run
    events: Events
    response: Response


def observe(number: int, events_per_run: float, seed: int) -> Observed:
    """Return a run with its events and its response."""
    run = plan(number, seed)
    response = response_of(run.site.key, events_per_run)
    return Observed(run, simulate(run, response, seed), response)


def origin_cards_of(run: Run, *more: Card) -> list[Card]:
    """Return the header cards of target and making, and `more`."""
    return [
        ("TELESCOP", TELESCOP, "simulated"),
        ("INSTRUME", run.site.key, "array"),
        ("OBJECT", run.target.name, "target"),
        ("RA_OBJ", run.target.ra_deg, "[deg] target, ICRS"),
        ("DEC_OBJ", run.target.dec_deg, "[deg] target, ICRS"),
        ("RADECSYS", "ICRS", "frame"),
        ("CREATOR", CREATOR, "software"),
        ("CREATED", CREATED, "creation date"),
        *more,
    ]


def _separation_deg(ra: Floats, dec: Floats, ra0: float, dec0: float) -> Floats:
    lon, lat, lat0 = np.radians(ra - ra0), np.radians(dec), np.radians(dec0)
    half = np.sin((lat - lat0) / 2) ** 2 + np.cos(lat) * np.cos(lat0) * np.sin(lon / 2) ** 2
    return np.asarray(np.degrees(2 * np.arcsin(np.sqrt(half))))


def on_off(item: Observed, edges_tev: Floats, span: tuple[float, float] = (-np.inf, np.inf)) -> tuple[Floats, Floats]:
    """Return counts in the target's circle and in all circles of the background, in bins of energy."""
    events, run = item.events, item.run
    during = (events.time_tai_s >= span[0]) & (events.time_tai_s < span[1])
    dec_pnt, dec_target = np.radians(run.dec_pnt_deg), np.radians(run.target.dec_deg)
    lon = np.radians(run.target.ra_deg - run.ra_pnt_deg)
    north = np.sin(dec_target) * np.cos(dec_pnt) - np.cos(dec_target) * np.sin(dec_pnt) * np.cos(lon)
    angle = np.degrees(np.arctan2(np.cos(dec_target) * np.sin(lon), north))
    counts = []
    for turn in (0.0, *OFF_ANGLES_DEG):
        ra, dec = offset_position(
            run.ra_pnt_deg, run.dec_pnt_deg, np.array([WOBBLE_OFFSET_DEG]), np.array([angle + turn])
        )
        away = _separation_deg(events.ra_deg, events.dec_deg, float(ra[0]), float(dec[0]))
        kept = during & (away <= ON_RADIUS_DEG)
        counts.append(np.histogram(events.energy_tev[kept], bins=edges_tev)[0].astype(np.float64))
    return counts[0], np.sum(counts[1:], axis=0)


def predicted(item: Observed, edges_tev: Floats, live_s: float) -> Floats:
    """Return the counts of the target's own spectrum within the circle."""
    log_energy, rate_hz = source_rate(item.response, item.run.target, WOBBLE_OFFSET_DEG)
    rates = np.diff(np.interp(np.log10(edges_tev), log_energy, rate_hz))
    middle = np.sqrt(edges_tev[1:] * edges_tev[:-1])
    contained = psf_containment(ON_RADIUS_DEG / item.response.psf_sigma_deg(middle, WOBBLE_OFFSET_DEG))
    return np.asarray(rates * contained * live_s)
