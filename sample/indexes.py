# SPDX-License-Identifier: GPL-3.0-or-later
"""GADF index files: one row an observation, one row an HDU."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.coordinates import SkyCoord  # type: ignore[import-untyped,import-not-found,unused-ignore]

from sample.events import Events
from sample.files import Hdu, gzip_alone, hdu_names, table_hdu
from sample.headers import class_cards, location_cards, time_cards
from sample.schedule import Run, iso_date
from sample.sky import MJD_REFERENCE_DAYS
from sample.targets import CREATED, CREATOR, ORIGIN, TELESCOP, WOBBLE_OFFSET_DEG

_DAY_S = 86400.0


@dataclass(frozen=True)
class Written:
    """What was written for one run.

    Attributes
    ----------
    run : Run
        Plan of the run.
    size_bytes, md5 : int, str
        Size and checksum of the file.
    event_count : int
        Number of events.
    median_ra_deg, median_dec_deg, median_energy_tev : float
        Medians over the events, NaN without events.
    first_time_s, last_time_s : float
        Times of the first and last event in TAI seconds since MJD 58119.0 TAI, NaN without events.
    """

    run: Run
    size_bytes: int
    md5: str
    event_count: int
    median_ra_deg: float
    median_dec_deg: float
    median_energy_tev: float
    first_time_s: float
    last_time_s: float


def summarise(run: Run, events: Events, size_bytes: int, md5: str) -> Written:
    """Summary of a run for the index.

    Parameters
    ----------
    run : Run
        Plan of the run.
    events : Events
        Its events.
    size_bytes, md5 : int, str
        Size and checksum of the file.

    Returns
    -------
    Written
        The summary.
    """
    if len(events) == 0:
        return Written(run, size_bytes, md5, 0, *[float("nan")] * 5)
    around_deg = np.mod(events.ra_deg - run.ra_pnt_deg + 180.0, 360.0) - 180.0
    return Written(
        run=run,
        size_bytes=size_bytes,
        md5=md5,
        event_count=len(events),
        median_ra_deg=float(np.median(around_deg) + run.ra_pnt_deg) % 360.0,
        median_dec_deg=float(np.median(events.dec_deg)),
        median_energy_tev=float(np.median(events.energy_tev)),
        first_time_s=float(events.time_tai_s[0]),
        last_time_s=float(events.time_tai_s[-1]),
    )


# Column name, FITS format ("A": as wide as needed), unit, value of a row.
_RUN_COLUMNS: tuple[tuple[str, str, str | None, Callable[[Run], Any]], ...] = (
    ("OBS_ID", "K", None, lambda run: run.obs_id),
    ("OBS_MODE", "A", None, lambda run: "POINTING"),
    ("RA_PNT", "D", "deg", lambda run: run.ra_pnt_deg),
    ("DEC_PNT", "D", "deg", lambda run: run.dec_pnt_deg),
    ("ZEN_PNT", "D", "deg", lambda run: 90.0 - run.alt_pnt_deg),
    ("ALT_PNT", "D", "deg", lambda run: run.alt_pnt_deg),
    ("AZ_PNT", "D", "deg", lambda run: run.az_pnt_deg),
    ("ONTIME", "D", "s", lambda run: run.ontime_s),
    ("LIVETIME", "D", "s", lambda run: run.livetime_s),
    ("DEADC", "D", None, lambda run: run.deadc),
    ("TSTART", "D", "s", lambda run: run.tstart_s),
    ("TSTOP", "D", "s", lambda run: run.tstop_s),
    ("TMID", "D", "d", lambda run: MJD_REFERENCE_DAYS + 0.5 * (run.tstart_s + run.tstop_s) / _DAY_S),
    ("DATE-OBS", "A", None, lambda run: iso_date(run.tstart_s).split("T")[0]),
    ("TIME-OBS", "A", None, lambda run: iso_date(run.tstart_s).split("T")[1]),
    ("DATE-END", "A", None, lambda run: iso_date(run.tstop_s).split("T")[0]),
    ("TIME-END", "A", None, lambda run: iso_date(run.tstop_s).split("T")[1]),
    ("N_TELS", "J", None, lambda run: run.site.n_telescopes),
    ("TELLIST", "A", None, lambda run: run.site.telescope_list),
    ("OBJECT", "A", None, lambda run: run.target.name),
    ("RA_OBJ", "D", "deg", lambda run: run.target.ra_deg),
    ("DEC_OBJ", "D", "deg", lambda run: run.target.dec_deg),
    ("OFFSET_OBJ", "D", "deg", lambda run: WOBBLE_OFFSET_DEG),
    ("QUALITY", "J", None, lambda run: run.quality),
    ("BKG_SCALE", "E", None, lambda run: 1.0),
    ("TRGRATE", "E", "Hz", lambda run: run.conditions.trigger_rate_hz),
    ("ZTRGRATE", "E", "Hz", lambda run: run.conditions.zenith_trigger_rate_hz),
    ("MUONEFF", "E", None, lambda run: run.conditions.muon_efficiency),
    ("BROKPIX", "E", None, lambda run: run.conditions.broken_pixels),
    ("AIRTEMP", "E", None, lambda run: run.conditions.temperature_degc),
    ("PRESSURE", "E", "hPa", lambda run: run.conditions.pressure_hpa),
    ("RELHUM", "E", None, lambda run: run.conditions.relative_humidity),
    ("NSBLEVEL", "E", None, lambda run: run.conditions.nsb_level),
    ("TELESCOP", "A", None, lambda run: TELESCOP),
    ("INSTRUME", "A", None, lambda run: run.site.key),
    ("GEOLON", "D", "deg", lambda run: run.site.longitude_deg),
    ("GEOLAT", "D", "deg", lambda run: run.site.latitude_deg),
    ("ALTITUDE", "D", "m", lambda run: run.site.altitude_m),
    ("PROP_ID", "A", None, lambda run: run.proposal_id),
)

_EVENT_COLUMNS: tuple[tuple[str, str, str | None, Callable[[Written], Any]], ...] = (
    ("EVENT_COUNT", "K", None, lambda written: written.event_count),
    ("EVENT_RA_MEDIAN", "D", "deg", lambda written: written.median_ra_deg),
    ("EVENT_DEC_MEDIAN", "D", "deg", lambda written: written.median_dec_deg),
    ("EVENT_ENERGY_MEDIAN", "D", "TeV", lambda written: written.median_energy_tev),
    ("EVENT_TIME_MIN", "D", "s", lambda written: written.first_time_s),
    ("EVENT_TIME_MAX", "D", "s", lambda written: written.last_time_s),
)


def obs_index(rows: Sequence[Written]) -> bytes:
    """Observation index file.

    Parameters
    ----------
    rows : sequence of Written
        One item a run.

    Returns
    -------
    bytes
        ``obs-index.fits.gz``.  The observations come from two sites, so the place is in the columns ``GEOLON``,
        ``GEOLAT`` and ``ALTITUDE``; the keywords of the same names, which GADF wants, repeat the first row.
    """
    columns = [_column(name, form, unit, [value(row.run) for row in rows]) for name, form, unit, value in _RUN_COLUMNS]
    columns += [_column(name, form, unit, [value(row) for row in rows]) for name, form, unit, value in _EVENT_COLUMNS]
    ra_deg, dec_deg = [row.run.ra_pnt_deg for row in rows], [row.run.dec_pnt_deg for row in rows]
    galactic = SkyCoord(ra_deg, dec_deg, unit="deg").galactic
    columns += [("GLON_PNT", "D", "deg", galactic.l.deg), ("GLAT_PNT", "D", "deg", galactic.b.deg)]
    cards = class_cards("INDEX", "OBS") + _creator_cards() + time_cards() + location_cards(rows[0].run.site)
    hdu = table_hdu(columns, "OBS_INDEX", cards)
    return _finish(
        hdu,
        "Times and dates are TAI; AIRTEMP is in degrees Celsius.",
        "The place of each row is in its columns, not in the keywords.",
    )


def hdu_index(rows: Sequence[Written]) -> bytes:
    """HDU index file.

    Parameters
    ----------
    rows : sequence of Written
        One item a run.

    Returns
    -------
    bytes
        ``hdu-index.fits.gz``; ``SIZE`` and ``MD5`` are those of the compressed file.
    """
    table = [(row, names) for row in rows for names in hdu_names(row.run.site)]
    columns = [
        _column("OBS_ID", "K", None, [row.run.obs_id for row, _ in table]),
        _column("HDU_TYPE", "A", None, [names.hdu_type for _, names in table]),
        _column("HDU_CLASS", "A", None, [names.hdu_class for _, names in table]),
        _column("FILE_DIR", "A", None, [row.run.file_dir for row, _ in table]),
        _column("FILE_NAME", "A", None, [row.run.file_name for row, _ in table]),
        _column("HDU_NAME", "A", None, [names.extname for _, names in table]),
        _column("SIZE", "K", None, [row.size_bytes for row, _ in table]),
        _column("MD5", "A", None, [row.md5 for row, _ in table]),
    ]
    hdu = table_hdu(columns, "HDU_INDEX", class_cards("INDEX", "HDU") + _creator_cards())
    return _finish(hdu, "Simulated data. FILE_DIR is relative to this file.")


def _column(name: str, form: str, unit: str | None, values: list[Any]) -> tuple[str, str, str | None, Any]:
    """Column of a table; text columns become as wide as their longest value."""
    array = np.array(values)
    return name, f"{array.dtype.itemsize // 4}A" if form == "A" else form, unit, array


def _creator_cards() -> list[tuple[str, Any, str]]:
    """Header cards of who made the index."""
    return [
        ("ORIGIN", ORIGIN, "organisation"),
        ("TELESCOP", TELESCOP, "observatory (simulated)"),
        ("CREATOR", CREATOR, "software that wrote the file"),
        ("CREATED", CREATED, "date of creation, UTC, fixed"),
    ]


def _finish(hdu: Hdu, *comments: str) -> bytes:
    """Add comments and pack."""
    for comment in comments:
        hdu.header["COMMENT"] = comment
    hdu.add_checksum(when=CREATED)
    return gzip_alone(hdu)
