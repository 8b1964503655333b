# SPDX-License-Identifier: GPL-3.0-or-later
"""Flux points with likelihood profiles, light curve and counts spectrum (OGIP) of the sample's runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sample.counting import EDGES_TEV, OFF_ANGLES_DEG, ON_RADIUS_DEG, Observed, on_off, origin_cards_of, predicted
from sample.files import Hdu, table_hdu
from sample.headers import Card, class_cards
from sample.response import psf_containment
from sample.sky import MJD_REFERENCE_DAYS
from sample.targets import WOBBLE_OFFSET_DEG

Floats = npt.NDArray[np.float64]

NORMS = np.linspace(0.0, 5.0, 26)
CHANNEL_EDGES_TEV = np.logspace(-1.5, 2.0, 36)
PARTS_OF_RUN = 3
UL_CONFIDENCE = 0.95
# -2 ln L rises by this at a one-sided limit of 95 %.
UL_DELTA_STAT = 2.71
TT_MINUS_TAI_S = 32.184
DAY_S = 86400.0


# -- flux points


def flux_points(observed: Sequence[Observed]) -> Hdu:
    """Return norms relative to the simulated spectrum, with likelihood profiles (GADF, SED_TYPE likelihood)."""
    target = observed[0].run.target
    counted = [on_off(item, EDGES_TEV) for item in observed]
    on, off = (np.sum([pair[side] for pair in counted], axis=0) for side in (0, 1))
    signal = np.sum([predicted(item, EDGES_TEV, item.run.livetime_s) for item in observed], axis=0)
    background = (off + 0.5) / len(OFF_ANGLES_DEG)
    middle = np.sqrt(EDGES_TEV[1:] * EDGES_TEV[:-1])
    rows = [_fit(*values) for values in zip(on, signal, background, strict=True)]
    best, error, limit, loglike, null = (np.array([row[column] for row in rows]) for column in range(5))
    scan = np.array([_loglike(n, s, b, NORMS) for n, s, b in zip(on, signal, background, strict=True)])
    ref_dnde = target.norm_per_cm2_s_tev * middle**-target.index
    columns = [
        ("e_ref", "D", "TeV", middle),
        ("e_min", "D", "TeV", EDGES_TEV[:-1]),
        ("e_max", "D", "TeV", EDGES_TEV[1:]),
        ("ref_dnde", "D", "cm-2 s-1 TeV-1", ref_dnde),
        ("ref_flux", "D", "cm-2 s-1", _power_law_integral(target.norm_per_cm2_s_tev, target.index, 0)),
        ("ref_eflux", "D", "TeV cm-2 s-1", _power_law_integral(target.norm_per_cm2_s_tev, target.index, 1)),
        ("ref_npred", "D", None, signal),
        ("norm", "D", None, best),
        ("norm_err", "D", None, error),
        ("norm_ul", "D", None, limit),
        ("ts", "D", None, 2.0 * (loglike - null)),
        ("loglike", "D", None, loglike),
        ("loglike_null", "D", None, null),
        ("norm_scan", f"{NORMS.size}D", None, np.tile(NORMS, (middle.size, 1))),
        ("dloglike_scan", f"{NORMS.size}D", None, scan - null[:, np.newaxis]),
        ("is_ul", "L", None, 2.0 * (loglike - null) < 4.0),
    ]
    cards = [
        ("SED_TYPE", "likelihood", "GADF flux points"),
        ("UL_CONF", UL_CONFIDENCE, "confidence of norm_ul"),
        *origin_cards_of(observed[0].run),
    ]
    return table_hdu(columns, "FLUXPOINTS", cards)


def _power_law_integral(norm: float, index: float, power: int) -> Floats:
    """Return the integral of E^power dN/dE over the bins."""
    exponent = power + 1.0 - index
    return np.asarray(norm / exponent * (EDGES_TEV[1:] ** exponent - EDGES_TEV[:-1] ** exponent))


def _loglike(counts: float, signal: float, background: float, norms: Floats) -> Floats:
    """Return the Poisson likelihood, up to a constant, for a background that is known."""
    expected = norms * signal + background
    return np.asarray(counts * np.log(expected) - expected)


def _fit(counts: float, signal: float, background: float) -> tuple[float, float, float, float, float]:
    """Return best norm, its error, upper limit, likelihood, and likelihood without signal."""
    best = max((counts - background) / signal, 0.0)
    error = np.sqrt(counts + background / len(OFF_ANGLES_DEG)) / signal
    norms = best + np.linspace(0.0, 20.0, 20_001) * max(error, 1.0 / signal)
    loglike = _loglike(counts, signal, background, norms)
    limit = norms[np.argmax(loglike < loglike[0] - UL_DELTA_STAT / 2.0)]
    null = float(_loglike(counts, signal, background, np.zeros(1))[0])
    return best, float(error), float(limit), float(loglike[0]), null


# -- light curve


def light_curve(observed: Sequence[Observed]) -> Hdu:
    """Return fluxes above 1 TeV in three parts of each run (gammapy's ``lightcurve``)."""
    edges = np.array([1.0, 25.0])
    target = observed[0].run.target
    exponent = 1.0 - target.index
    ref_flux = target.norm_per_cm2_s_tev / exponent * (edges[1] ** exponent - edges[0] ** exponent)
    rows: list[tuple[float, float, float, float]] = []
    for item in observed:
        run = item.run
        times = np.linspace(run.tstart_s, run.tstop_s, PARTS_OF_RUN + 1)
        for start, stop in zip(times[:-1], times[1:], strict=True):
            on, off = on_off(item, edges, (float(start), float(stop)))
            signal = float(predicted(item, edges, (stop - start) * run.deadc)[0])
            norm = (on[0] - off[0] / len(OFF_ANGLES_DEG)) / signal
            error = np.sqrt(on[0] + off[0] / len(OFF_ANGLES_DEG) ** 2) / signal
            rows.append((_mjd_tt(start), _mjd_tt(stop), norm * ref_flux, max(error, 1.0 / signal) * ref_flux))
    times_and_fluxes = np.array(rows)
    n = len(rows)
    columns = [
        ("time_min", "D", "d", times_and_fluxes[:, 0]),
        ("time_max", "D", "d", times_and_fluxes[:, 1]),
        ("e_ref", "D", "TeV", np.full(n, np.sqrt(edges[0] * edges[1]))),
        ("e_min", "D", "TeV", np.full(n, edges[0])),
        ("e_max", "D", "TeV", np.full(n, edges[1])),
        ("flux", "D", "cm-2 s-1", times_and_fluxes[:, 2]),
        ("flux_err", "D", "cm-2 s-1", times_and_fluxes[:, 3]),
    ]
    # one energy bin: gammapy wants the axis all the same
    cards: list[Card] = [(f"TDIM{number}", "(1)", "") for number in range(3, len(columns) + 1)]
    cards += [
        ("SED_TYPE", "flux", "integral flux"),
        ("MJDREFI", 0, ""),
        ("MJDREFF", 0.0, ""),
        ("TIMESYS", "tt", "time scale"),
        ("TIMEUNIT", "d", ""),
        *origin_cards_of(observed[0].run),
    ]
    return table_hdu(columns, "FLUXPOINTS", cards)


def _mjd_tt(time_tai_s: float) -> float:
    return float(MJD_REFERENCE_DAYS + (time_tai_s + TT_MINUS_TAI_S) / DAY_S)


def gti(observed: Sequence[Observed]) -> Hdu:
    """Return the good time intervals of some runs."""
    starts = np.concatenate([item.run.gti_start_s for item in observed])
    stops = np.concatenate([item.run.gti_stop_s for item in observed])
    cards = [
        *class_cards("GTI"),
        ("MJDREFI", MJD_REFERENCE_DAYS, ""),
        ("MJDREFF", 0.0, ""),
        ("TIMEUNIT", "s", ""),
        ("TIMESYS", "TAI", ""),
        ("TIMEREF", "TOPOCENTER", ""),
    ]
    return table_hdu([("START", "D", "s", starts), ("STOP", "D", "s", stops)], "GTI", cards)


# -- counts spectrum (OGIP)


def counts_spectrum(item: Observed, *, on: bool) -> Hdu:
    """Return the counts of the target, or of the background (OGIP PHA)."""
    counts = on_off(item, CHANNEL_EDGES_TEV)[0 if on else 1]
    channels = np.arange(counts.size)
    bad = (CHANNEL_EDGES_TEV[:-1] < EDGES_TEV[0] * 0.999) | (CHANNEL_EDGES_TEV[1:] > EDGES_TEV[-1] * 1.001)
    columns = [
        ("CHANNEL", "I", None, channels),
        ("COUNTS", "J", "count", counts.astype(np.int64)),
        ("QUALITY", "I", None, bad.astype(np.int16)),
        ("BACKSCAL", "D", None, np.full(counts.size, 1.0 if on else float(len(OFF_ANGLES_DEG)))),
        ("AREASCAL", "D", None, np.ones(counts.size)),
    ]
    cards: list[Card] = [
        ("HDUCLASS", "OGIP", ""),
        ("HDUCLAS1", "SPECTRUM", ""),
        ("HDUCLAS2", "TOTAL" if on else "BKG", ""),
        ("HDUCLAS3", "COUNT", ""),
        ("HDUCLAS4", "TYPE:1", ""),
        ("HDUVERS", "1.2.1", ""),
        ("CHANTYPE", "PHA", ""),
        ("DETCHANS", int(counts.size), ""),
        ("EXPOSURE", item.run.livetime_s, "[s]"),
        ("OBS_ID", item.run.obs_id, "observation"),
        ("RAD", ON_RADIUS_DEG, "[deg] radius of the region"),
        ("BACKFILE", "crab_bkg.fits" if on else "", ""),
        ("ANCRFILE", "crab_arf.fits" if on else "", ""),
        ("RESPFILE", "crab_rmf.fits" if on else "", ""),
        ("POISSERR", True, ""),
        ("GROUPING", 0, ""),
        ("CORRFILE", "", ""),
        ("CORRSCAL", 0.0, ""),
        ("FILTER", "NONE", ""),
    ]
    return table_hdu(columns, "SPECTRUM", [*cards, *origin_cards_of(item.run)])


def channel_bounds() -> Hdu:
    """Return the energies of the channels (EBOUNDS)."""
    columns = [
        ("CHANNEL", "I", None, np.arange(CHANNEL_EDGES_TEV.size - 1)),
        ("E_MIN", "D", "TeV", CHANNEL_EDGES_TEV[:-1]),
        ("E_MAX", "D", "TeV", CHANNEL_EDGES_TEV[1:]),
    ]
    return table_hdu(columns, "EBOUNDS", [("HDUCLASS", "OGIP", ""), *class_cards("RESPONSE", "EBOUNDS")[1:]])


def area(item: Observed) -> Hdu:
    """Return the effective area with the containment in the circle (OGIP ARF)."""
    low, high = CHANNEL_EDGES_TEV[:-1], CHANNEL_EDGES_TEV[1:]
    middle = np.sqrt(low * high)
    contained = psf_containment(ON_RADIUS_DEG / item.response.psf_sigma_deg(middle, WOBBLE_OFFSET_DEG))
    area = item.response.area_m2(middle, WOBBLE_OFFSET_DEG) * contained
    columns = [
        ("ENERG_LO", "D", "TeV", low),
        ("ENERG_HI", "D", "TeV", high),
        ("SPECRESP", "D", "m2", area),
    ]
    cards: list[Card] = [
        ("HDUCLASS", "OGIP", ""),
        ("HDUCLAS1", "RESPONSE", ""),
        ("HDUCLAS2", "SPECRESP", ""),
        ("HDUVERS", "1.1.0", ""),
        ("LO_THRES", float(EDGES_TEV[0]), "[TeV]"),
        ("HI_THRES", float(EDGES_TEV[-1]), "[TeV]"),
    ]
    return table_hdu(columns, "SPECRESP", [*cards, *origin_cards_of(item.run)])


def matrix(item: Observed) -> Hdu:
    """Return the redistribution of energies: a normal distribution in the logarithm, cut at three sigma."""
    low, high = CHANNEL_EDGES_TEV[:-1], CHANNEL_EDGES_TEV[1:]
    middle = np.log(np.sqrt(low * high))
    mean, width = item.response.log_migra(np.exp(middle))
    edges = np.log(CHANNEL_EDGES_TEV)
    first, number, cells = [], [], []
    for log_energy, shift, sigma in zip(middle, mean, width, strict=True):
        at = (edges - log_energy - shift) / sigma
        inside = np.flatnonzero((at[1:] > -3.0) & (at[:-1] < 3.0))
        weights = np.exp(-0.5 * ((at[1:] + at[:-1]) / 2)[inside] ** 2) * np.diff(at)[inside]
        first.append(np.array([inside[0]], np.int16))
        number.append(np.array([inside.size], np.int16))
        cells.append((weights / weights.sum()).astype(np.float32))
    columns: list[tuple[str, str, str | None, Any]] = [
        ("ENERG_LO", "D", "TeV", low),
        ("ENERG_HI", "D", "TeV", high),
        ("N_GRP", "I", None, np.ones(low.size, np.int16)),
        ("F_CHAN", "PI()", None, _ragged(first)),
        ("N_CHAN", "PI()", None, _ragged(number)),
        ("MATRIX", "PE()", None, _ragged(cells)),
    ]
    cards: list[Card] = [
        ("HDUCLASS", "OGIP", ""),
        ("HDUCLAS1", "RESPONSE", ""),
        ("HDUCLAS2", "RSP_MATRIX", ""),
        ("HDUCLAS3", "REDIST", ""),
        ("HDUVERS", "1.3.0", ""),
        ("CHANTYPE", "PHA", ""),
        ("DETCHANS", int(low.size), ""),
        ("TLMIN4", 0, "first channel"),
        ("NUMGRP", int(low.size), ""),
        ("NUMELT", int(sum(cell.size for cell in cells)), ""),
    ]
    return table_hdu(columns, "MATRIX", [*cards, *origin_cards_of(item.run)])


def _ragged(cells: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.object_]:
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array
