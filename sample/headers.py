# SPDX-License-Identifier: GPL-3.0-or-later
"""Header cards of the GADF tables: (keyword, value, comment)."""

from __future__ import annotations

from typing import Any

from sample.schedule import Run, iso_date
from sample.sky import MJD_REFERENCE_DAYS
from sample.targets import CREATED, CREATOR, ORIGIN, TELESCOP, Site

HDUDOC = "https://gamma-astro-data-formats.readthedocs.io/en/v0.3/"
HDUVERS = "0.3"

Card = tuple[str, Any, str]


def time_cards() -> list[Card]:
    """Return the header cards of the time system, the same in all tables."""
    return [
        ("MJDREFI", MJD_REFERENCE_DAYS, "[d] reference time, integer part"),
        ("MJDREFF", 0.0, "[d] reference time, fraction"),
        ("TIMEUNIT", "s", "unit of times"),
        ("TIMESYS", "TAI", "time scale, also of the DATE keywords"),
        ("TIMEREF", "TOPOCENTER", "place of time measurement"),
    ]


def location_cards(site: Site) -> list[Card]:
    """Header cards of an array's place.

    Parameters
    ----------
    site : Site
        The observing site.

    Returns
    -------
    list of tuple
        Keyword, value and comment.
    """
    return [
        ("GEOLON", site.longitude_deg, "[deg] longitude, WGS84, east positive"),
        ("GEOLAT", site.latitude_deg, "[deg] geodetic latitude, WGS84"),
        ("ALTITUDE", site.altitude_m, "[m] height above sea level"),
    ]


def class_cards(*classes: str) -> list[Card]:
    """Header cards that tell what an HDU is.

    Parameters
    ----------
    *classes : str
        Values of ``HDUCLAS1``, ``HDUCLAS2``, ...

    Returns
    -------
    list of tuple
        Keyword, value and comment.
    """
    cards: list[Card] = [
        ("HDUCLASS", "GADF", "format convention"),
        ("HDUDOC", HDUDOC, ""),
        ("HDUVERS", HDUVERS, "version of the format"),
    ]
    return cards + [(f"HDUCLAS{level}", name, "class of the HDU") for level, name in enumerate(classes, start=1)]


def fov_card() -> Card:
    """Return the header card of the alignment of field of view coordinates."""
    return ("FOVALIGN", "RADEC", "DETX grows to the west, DETY to the north")


def origin_cards(site: Site) -> list[Card]:
    """Header cards of who made the data with what.

    Parameters
    ----------
    site : Site
        The observing site.

    Returns
    -------
    list of tuple
        Keyword, value and comment.
    """
    return [
        ("ORIGIN", ORIGIN, "organisation"),
        ("TELESCOP", TELESCOP, "observatory (simulated)"),
        ("INSTRUME", site.key, "array"),
        ("CREATOR", CREATOR, "software that wrote the file"),
        ("CREATED", CREATED, "date of creation, UTC, fixed"),
    ]


def observation_cards(run: Run) -> list[Card]:
    """Header cards of what was observed when.

    Parameters
    ----------
    run : Run
        Plan of the run.

    Returns
    -------
    list of tuple
        Keyword, value and comment.
    """
    return [
        ("OBS_ID", run.obs_id, "observation"),
        ("OBS_MODE", "POINTING", "mode of observation"),
        ("OBSERVER", "Simulated operator", "not a person"),
        ("PROP_ID", run.proposal_id, "proposal (not in GADF; read by the archive)"),
        ("OBJECT", run.target.name, "target"),
        ("RA_OBJ", run.target.ra_deg, "[deg] right ascension of the target"),
        ("DEC_OBJ", run.target.dec_deg, "[deg] declination of the target"),
        ("TSTART", run.tstart_s, "[s] start"),
        ("TSTOP", run.tstop_s, "[s] stop"),
        ("DATE-OBS", iso_date(run.tstart_s), "start, in TIMESYS"),
        ("DATE-BEG", iso_date(run.tstart_s), "start, in TIMESYS"),
        ("DATE-AVG", iso_date(0.5 * (run.tstart_s + run.tstop_s)), "middle, in TIMESYS"),
        ("DATE-END", iso_date(run.tstop_s), "stop, in TIMESYS"),
        ("TELAPSE", run.tstop_s - run.tstart_s, "[s] stop - start"),
        ("ONTIME", run.ontime_s, "[s] sum of the good time intervals"),
        ("LIVETIME", run.livetime_s, "[s] ONTIME without dead time"),
        ("DEADC", run.deadc, "LIVETIME / ONTIME"),
        ("EV_CLASS", "std", "event selection"),
        ("DST_VER", "sim-1.0", "version of data production (invented)"),
        ("ANA_VER", "sim-1.0", "version of reconstruction (invented)"),
        ("CAL_VER", "sim-1.0", "version of calibration (invented)"),
    ]


def pointing_cards(run: Run) -> list[Card]:
    """Header cards of where the telescopes pointed.

    Parameters
    ----------
    run : Run
        Plan of the run.

    Returns
    -------
    list of tuple
        Keyword, value and comment.
    """
    return [
        ("EQUINOX", 2000.0, "equinox"),
        ("RADECSYS", "ICRS", "celestial frame"),
        ("RADESYS", "ICRS", "celestial frame"),
        ("RA_PNT", run.ra_pnt_deg, "[deg] right ascension of the pointing"),
        ("DEC_PNT", run.dec_pnt_deg, "[deg] declination of the pointing"),
        ("ALT_PNT", run.alt_pnt_deg, "[deg] altitude of the pointing at DATE-AVG"),
        ("AZ_PNT", run.az_pnt_deg, "[deg] azimuth of the pointing, north to east"),
        fov_card(),
        ("CONV_DEP", run.convergence_m, "[m] 0 parallel, < 0 divergent pointing"),
        ("CONV_RA", run.ra_pnt_deg, "[deg] right ascension of convergence"),
        ("CONV_DEC", run.dec_pnt_deg, "[deg] declination of convergence"),
        ("N_TELS", run.site.n_telescopes, "number of telescopes"),
        ("TELLIST", run.site.telescope_list, "telescopes"),
    ]


def condition_cards(run: Run) -> list[Card]:
    """Header cards of array and atmosphere.

    Parameters
    ----------
    run : Run
        Plan of the run.

    Returns
    -------
    list of tuple
        Keyword, value and comment.
    """
    conditions = run.conditions
    return [
        ("TRGRATE", conditions.trigger_rate_hz, "[Hz] trigger rate"),
        ("ZTRGRATE", conditions.zenith_trigger_rate_hz, "[Hz] trigger rate at zenith"),
        ("MUONEFF", conditions.muon_efficiency, "muon efficiency"),
        ("BROKPIX", conditions.broken_pixels, "fraction of broken pixels"),
        ("AIRTEMP", conditions.temperature_degc, "[deg C] air temperature"),
        ("PRESSURE", conditions.pressure_hpa, "[hPa] air pressure"),
        ("RELHUM", conditions.relative_humidity, "relative humidity"),
        ("NSBLEVEL", conditions.nsb_level, "night sky background, dark field = 1"),
    ]
