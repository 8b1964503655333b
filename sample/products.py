# SPDX-License-Identifier: GPL-3.0-or-later
"""DL4 and DL5 products of the Crab Nebula, computed from the events of the first two runs, and a listing of DL0 to DL2.

Counts are taken in a circle around the target and, for the background, in circles at the same distance from the
pointing ("reflected regions"). Energy migration is neglected: reconstructed energies are taken for true ones.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from sample.events import Events, simulate
from sample.files import Hdu, table_hdu
from sample.headers import Card, class_cards
from sample.response import Response, psf_containment, response_of, source_rate
from sample.schedule import Run, plan
from sample.sky import MJD_REFERENCE_DAYS, offset_position
from sample.targets import CREATED, CREATOR, TARGETS, TELESCOP, WOBBLE_OFFSET_DEG

Floats = npt.NDArray[np.float64]

# Raise this when the products change; runs have a version of their own.
PRODUCTS_VERSION = 1
FOLDER = "products"
LISTING_NAME = "lower-levels.listing.ecsv"
# The wobble pair on the Crab Nebula.
RUNS = (0, 1)
ON_RADIUS_DEG = 0.1
OFF_ANGLES_DEG = (60.0, 108.0, 156.0, 204.0, 252.0, 300.0)
EDGES_TEV = np.logspace(-1.0, 1.4, 9)
NORMS = np.linspace(0.0, 5.0, 26)
MAP_PIXELS = 100
MAP_STEP_DEG = 0.04
CUBE_EDGES_TEV = (0.1, 0.5, 2.0, 10.0)
CHANNEL_EDGES_TEV = np.logspace(-1.5, 2.0, 36)
PARTS_OF_RUN = 3
UL_CONFIDENCE = 0.95
# -2 ln L rises by this at a one-sided limit of 95 %.
UL_DELTA_STAT = 2.71
TT_MINUS_TAI_S = 32.184
DAY_S = 86400.0


@dataclass(frozen=True)
class Observed:
    """A run with its events and response."""

    run: Run
    events: Events
    response: Response


def write_products(folder: Path, events_per_run: float, seed: int) -> None:
    """Write the products of an archive with at least two runs, and the listing.

    Parameters
    ----------
    folder : pathlib.Path
        The archive.
    events_per_run : float
        Wanted mean number of events of a run.
    seed : int
        Seed of the archive.
    """
    observed = [_observe(number, events_per_run, seed) for number in RUNS]
    place = folder / FOLDER
    place.mkdir()
    first = observed[0]
    files: dict[str, Sequence[Hdu]] = {
        "crab_counts_map.fits": [_counts_map(observed)],
        "crab_counts_cube.fits": _counts_cube(observed),
        "crab_flux_points.fits": [fits.PrimaryHDU(), _flux_points(observed), _gti(observed)],
        "crab_light_curve.fits": [fits.PrimaryHDU(), _light_curve(observed)],
        "crab_pha.fits": [fits.PrimaryHDU(), _spectrum(first, on=True), _bounds(), _gti([first])],
        "crab_bkg.fits": [fits.PrimaryHDU(), _spectrum(first, on=False), _bounds()],
        "crab_arf.fits": [fits.PrimaryHDU(), _area(first)],
        "crab_rmf.fits": [fits.PrimaryHDU(), _matrix(first), _bounds()],
        "sources.fits": [fits.PrimaryHDU(), _catalogue()],
    }
    for name, hdus in files.items():
        buffer = io.BytesIO()
        fits.HDUList(list(hdus)).writeto(buffer)
        (place / name).write_bytes(buffer.getvalue())
    (folder / LISTING_NAME).write_text(_listing([item.run for item in observed]), encoding="utf-8")


def _observe(number: int, events_per_run: float, seed: int) -> Observed:
    run = plan(number, seed)
    response = response_of(run.site.key, events_per_run)
    return Observed(run, simulate(run, response, seed), response)


def _origin(run: Run, *more: Card) -> list[Card]:
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


# -- maps


def _wcs_cards(run: Run) -> list[Card]:
    centre = (MAP_PIXELS + 1) / 2
    return [
        ("CTYPE1", "RA---TAN", ""),
        ("CTYPE2", "DEC--TAN", ""),
        ("CRPIX1", centre, ""),
        ("CRPIX2", centre, ""),
        ("CRVAL1", run.target.ra_deg, "[deg]"),
        ("CRVAL2", run.target.dec_deg, "[deg]"),
        ("CDELT1", -MAP_STEP_DEG, "[deg]"),
        ("CDELT2", MAP_STEP_DEG, "[deg]"),
        ("CUNIT1", "deg", ""),
        ("CUNIT2", "deg", ""),
        ("RADESYS", "ICRS", ""),
    ]


def _image(observed: Sequence[Observed], low_tev: float, high_tev: float) -> npt.NDArray[np.float32]:
    """Count events in the pixels of a gnomonic projection around the target."""
    counts = np.zeros((MAP_PIXELS, MAP_PIXELS))
    edges = (np.arange(MAP_PIXELS + 1) - MAP_PIXELS / 2) * MAP_STEP_DEG
    for item in observed:
        events, target = item.events, item.run.target
        kept = (events.energy_tev >= low_tev) & (events.energy_tev < high_tev)
        lon, lat = np.radians(events.ra_deg[kept] - target.ra_deg), np.radians(events.dec_deg[kept])
        lat_0 = np.radians(target.dec_deg)
        along = np.sin(lat_0) * np.sin(lat) + np.cos(lat_0) * np.cos(lat) * np.cos(lon)
        x = -np.degrees(np.cos(lat) * np.sin(lon) / along)
        y = np.degrees((np.cos(lat_0) * np.sin(lat) - np.sin(lat_0) * np.cos(lat) * np.cos(lon)) / along)
        counts += np.histogram2d(y, x, bins=(edges, edges))[0]
    return counts.astype(np.float32)


def _counts_map(observed: Sequence[Observed]) -> Hdu:
    low, high = float(EDGES_TEV[0]), float(EDGES_TEV[-1])
    hdu = fits.PrimaryHDU(_image(observed, low, high))
    live_s = sum(item.run.livetime_s for item in observed)
    hdu.header.extend(
        [
            *_wcs_cards(observed[0].run),
            ("BUNIT", "count", ""),
            ("HDUCLAS2", "COUNTS", "events in pixels"),
            ("E_MIN", low, "[TeV] lowest energy"),
            ("E_MAX", high, "[TeV] highest energy"),
            ("EUNIT", "TeV", "unit of E_MIN and E_MAX"),
            ("EXPOSURE", live_s, "[s] live time"),
            *_origin(observed[0].run),
        ]
    )
    hdu.add_checksum(when=CREATED)
    return hdu


def _counts_cube(observed: Sequence[Observed]) -> list[Hdu]:
    pairs = list(zip(CUBE_EDGES_TEV[:-1], CUBE_EDGES_TEV[1:], strict=True))
    hdu = fits.PrimaryHDU(np.stack([_image(observed, low, high) for low, high in pairs]))
    hdu.header.extend(
        [
            ("WCSAXES", 2, ""),
            *_wcs_cards(observed[0].run),
            ("BUNIT", "count", ""),
            ("BANDSHDU", "BANDS", "energies"),
            ("HDUCLAS2", "COUNTS", "events in pixels"),
            *_origin(observed[0].run),
        ]
    )
    hdu.add_checksum(when=CREATED)
    bands = [
        ("CHANNEL", "K", None, np.arange(len(pairs))),
        ("E_MIN", "D", "TeV", np.array([low for low, _ in pairs])),
        ("E_MAX", "D", "TeV", np.array([high for _, high in pairs])),
    ]
    return [hdu, table_hdu(bands, "BANDS", [("AXCOLS1", "E_MIN,E_MAX", "energy axis")])]


# -- counting


def _separation_deg(ra: Floats, dec: Floats, ra0: float, dec0: float) -> Floats:
    lon, lat, lat0 = np.radians(ra - ra0), np.radians(dec), np.radians(dec0)
    half = np.sin((lat - lat0) / 2) ** 2 + np.cos(lat) * np.cos(lat0) * np.sin(lon / 2) ** 2
    return np.asarray(np.degrees(2 * np.arcsin(np.sqrt(half))))


def _on_off(item: Observed, edges_tev: Floats, span: tuple[float, float] = (-np.inf, np.inf)) -> tuple[Floats, Floats]:
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


def _predicted(item: Observed, edges_tev: Floats, live_s: float) -> Floats:
    """Return the counts of the target's own spectrum within the circle."""
    log_energy, rate_hz = source_rate(item.response, item.run.target, WOBBLE_OFFSET_DEG)
    rates = np.diff(np.interp(np.log10(edges_tev), log_energy, rate_hz))
    middle = np.sqrt(edges_tev[1:] * edges_tev[:-1])
    contained = psf_containment(ON_RADIUS_DEG / item.response.psf_sigma_deg(middle, WOBBLE_OFFSET_DEG))
    return np.asarray(rates * contained * live_s)


# -- flux points


def _flux_points(observed: Sequence[Observed]) -> Hdu:
    """Return norms relative to the simulated spectrum, with likelihood profiles (GADF, SED_TYPE likelihood)."""
    target = observed[0].run.target
    counted = [_on_off(item, EDGES_TEV) for item in observed]
    on, off = (np.sum([pair[side] for pair in counted], axis=0) for side in (0, 1))
    signal = np.sum([_predicted(item, EDGES_TEV, item.run.livetime_s) for item in observed], axis=0)
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
        *_origin(observed[0].run),
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


def _light_curve(observed: Sequence[Observed]) -> Hdu:
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
            on, off = _on_off(item, edges, (float(start), float(stop)))
            signal = float(_predicted(item, edges, (stop - start) * run.deadc)[0])
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
        *_origin(observed[0].run),
    ]
    return table_hdu(columns, "FLUXPOINTS", cards)


def _mjd_tt(time_tai_s: float) -> float:
    return float(MJD_REFERENCE_DAYS + (time_tai_s + TT_MINUS_TAI_S) / DAY_S)


def _gti(observed: Sequence[Observed]) -> Hdu:
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


def _spectrum(item: Observed, *, on: bool) -> Hdu:
    counts = _on_off(item, CHANNEL_EDGES_TEV)[0 if on else 1]
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
    return table_hdu(columns, "SPECTRUM", [*cards, *_origin(item.run)])


def _bounds() -> Hdu:
    columns = [
        ("CHANNEL", "I", None, np.arange(CHANNEL_EDGES_TEV.size - 1)),
        ("E_MIN", "D", "TeV", CHANNEL_EDGES_TEV[:-1]),
        ("E_MAX", "D", "TeV", CHANNEL_EDGES_TEV[1:]),
    ]
    return table_hdu(columns, "EBOUNDS", [("HDUCLASS", "OGIP", ""), *class_cards("RESPONSE", "EBOUNDS")[1:]])


def _area(item: Observed) -> Hdu:
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
    return table_hdu(columns, "SPECRESP", [*cards, *_origin(item.run)])


def _matrix(item: Observed) -> Hdu:
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
    return table_hdu(columns, "MATRIX", [*cards, *_origin(item.run)])


def _ragged(cells: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.object_]:
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return array


# -- catalogue and listing


def _catalogue() -> Hdu:
    columns = [
        ("Source_Name", "20A", None, np.array([target.name for target in TARGETS])),
        ("RAJ2000", "D", "deg", np.array([target.ra_deg for target in TARGETS])),
        ("DEJ2000", "D", "deg", np.array([target.dec_deg for target in TARGETS])),
        ("Size", "D", "deg", np.zeros(len(TARGETS))),
        ("dnde", "D", "cm-2 s-1 TeV-1", np.array([target.norm_per_cm2_s_tev for target in TARGETS])),
        ("e_ref", "D", "TeV", np.ones(len(TARGETS))),
        ("index", "D", None, np.array([target.index for target in TARGETS])),
    ]
    cards: list[Card] = [("TELESCOP", TELESCOP, "simulated"), ("CREATOR", CREATOR, ""), ("CREATED", CREATED, "")]
    return table_hdu(columns, "SOURCES", cards)


_LISTING = """\
# %ECSV 1.0
# ---
# datatype:
# - {name: path, datatype: string, description: Path in the collection}
# - {name: level, datatype: string, description: Data level}
# - {name: product_id, datatype: string, description: Identifier of the producer}
# - {name: size, datatype: int64, unit: byte, description: Size}
# - {name: obs_id, datatype: string, description: Observation}
# - {name: derived_from, datatype: string, description: What it was made from}
# - {name: target_name, datatype: string, description: Target}
# - {name: s_ra, datatype: float64, unit: deg, description: 'Pointing, ICRS'}
# - {name: s_dec, datatype: float64, unit: deg, description: 'Pointing, ICRS'}
# - {name: instrument, datatype: string, description: Array}
# delimiter: ','
# meta: {comments: 'Files of lower levels, simulated as names only: listed, not served'}
path,level,product_id,size,obs_id,derived_from,target_name,s_ra,s_dec,instrument
"""


def _listing(runs: Sequence[Run]) -> str:
    """Return the listing: raw data, images and reconstructed events of the runs, and what was made from these."""
    lines = []
    event_lists = [f"{run.file_dir}/{run.file_name}" for run in runs]
    for run, event_list in zip(runs, event_lists, strict=True):
        stem = f"ctao_sim_{run.obs_id:06d}"
        facts = f"{run.target.name},{run.ra_pnt_deg:.5f},{run.dec_pnt_deg:.5f},{run.site.key}"
        parent = ""
        for level, name, size in (
            ("DL0", f"dl0/{stem}.dl0.fits.fz", 48_000_000_000),
            ("DL1", f"dl1/{stem}.dl1.h5", 3_000_000_000),
            ("DL2", f"dl2/{stem}.dl2.h5", 90_000_000),
        ):
            lines.append(f"{name},{level},SIM-{level}-{run.obs_id},{size},{run.obs_id},{parent},{facts}")
            parent = name
        lines.append(f"{event_list},DL3,,,{run.obs_id},{parent},{facts}")
    both = "|".join(event_lists)
    for name in ("crab_counts_map", "crab_counts_cube", "crab_flux_points", "crab_light_curve"):
        lines.append(f"{FOLDER}/{name}.fits,DL4,,,,{both},,,,")
    lines.append(f"{FOLDER}/crab_pha.fits,DL4,,,,{event_lists[0]},,,,")
    return _LISTING + "\n".join(lines) + "\n"
