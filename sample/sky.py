# SPDX-License-Identifier: GPL-3.0-or-later
"""Spherical geometry on arrays, and horizontal coordinates without any table from the network."""

from __future__ import annotations

import warnings

import erfa  # type: ignore[import-untyped,import-not-found,unused-ignore]
import numpy as np
import numpy.typing as npt

from sample.targets import Site

Floats = npt.NDArray[np.float64]

MJD_REFERENCE_DAYS = 58119
"""Zero of all times: MJD 58119.0 in TAI, as the CTAO writer (ctapipe) uses."""

TAI_MINUS_UTC_S = 37.0
"""Valid from 2017 until the next leap second, which nobody has announced."""

_JD_MINUS_MJD_DAYS = 2400000.5
_DAY_S = 86400.0


def offset_position(
    ra_deg: float, dec_deg: float, separation_deg: npt.ArrayLike, angle_deg: npt.ArrayLike
) -> tuple[Floats, Floats]:
    """Positions at a distance and position angle from a point.

    Parameters
    ----------
    ra_deg, dec_deg : float
        The point, ICRS.
    separation_deg, angle_deg : array_like of float
        Great circle distance, and position angle from north through east; shapes broadcast.

    Returns
    -------
    ra_deg, dec_deg : ndarray of float
        Positions, ICRS, right ascension in [0, 360).
    """
    r = np.radians(np.asarray(separation_deg, dtype=float))
    angle = np.radians(np.asarray(angle_deg, dtype=float))
    west = -np.sin(r) * np.sin(angle)
    return _rotate_to_icrs(np.cos(r), west, np.sin(r) * np.cos(angle), ra_deg, dec_deg)


def fov_to_icrs(detx_deg: Floats, dety_deg: Floats, ra_pnt_deg: float, dec_pnt_deg: float) -> tuple[Floats, Floats]:
    """Field of view coordinates to ICRS.

    The frame is the sphere rotated so that the pointing is the origin (``FOVALIGN = RADEC``); ``detx`` is its
    longitude, growing towards west as seen on the sky, ``dety`` its latitude, growing towards north.

    Parameters
    ----------
    detx_deg, dety_deg : ndarray of float
        Field of view coordinates.
    ra_pnt_deg, dec_pnt_deg : float
        Pointing, ICRS.

    Returns
    -------
    ra_deg, dec_deg : ndarray of float
        Positions, ICRS, right ascension in [0, 360).
    """
    x, y = np.radians(detx_deg), np.radians(dety_deg)
    return _rotate_to_icrs(np.cos(y) * np.cos(x), np.cos(y) * np.sin(x), np.sin(y), ra_pnt_deg, dec_pnt_deg)


def _rotate_to_icrs(
    forward: Floats, west: Floats, north: Floats, ra_deg: float, dec_deg: float
) -> tuple[Floats, Floats]:
    """Cartesian direction (towards the reference point, west, north) to right ascension and declination."""
    dec = np.radians(dec_deg)
    radial = forward * np.cos(dec) - north * np.sin(dec)
    polar = np.clip(forward * np.sin(dec) + north * np.cos(dec), -1.0, 1.0)
    ra = ra_deg + np.degrees(np.arctan2(-west, radial))
    return np.mod(ra, 360.0), np.degrees(np.arcsin(polar))


def icrs_to_fov(ra_deg: Floats, dec_deg: Floats, ra_pnt_deg: float, dec_pnt_deg: float) -> tuple[Floats, Floats]:
    """Inverse of :func:`fov_to_icrs`.

    Parameters
    ----------
    ra_deg, dec_deg : ndarray of float
        Positions, ICRS.
    ra_pnt_deg, dec_pnt_deg : float
        Pointing, ICRS.

    Returns
    -------
    detx_deg, dety_deg : ndarray of float
        Field of view coordinates.
    """
    delta_ra, dec = np.radians(ra_deg - ra_pnt_deg), np.radians(dec_deg)
    dec_pnt = np.radians(dec_pnt_deg)
    radial, polar = np.cos(dec) * np.cos(delta_ra), np.sin(dec)
    forward = radial * np.cos(dec_pnt) + polar * np.sin(dec_pnt)
    north = polar * np.cos(dec_pnt) - radial * np.sin(dec_pnt)
    west = -np.cos(dec) * np.sin(delta_ra)
    return np.degrees(np.arctan2(west, forward)), np.degrees(np.arcsin(np.clip(north, -1.0, 1.0)))


def horizontal(ra_deg: float, dec_deg: float, site: Site, time_tai_s: float) -> tuple[float, float]:
    """Altitude and azimuth of a direction, without refraction.

    ERFA's ``atco13`` does precession, nutation, aberration and Earth rotation.  UT1 is taken as UTC and polar motion as
    zero, an error below 0.004 deg, so that no Earth orientation table is needed.

    Parameters
    ----------
    ra_deg, dec_deg : float
        Direction, ICRS.
    site : Site
        Observing site.
    time_tai_s : float
        Time in TAI, seconds since MJD 58119.0 TAI.

    Returns
    -------
    altitude_deg, azimuth_deg : float
        Horizontal coordinates, azimuth from north through east.
    """
    utc_jd1 = _JD_MINUS_MJD_DAYS + MJD_REFERENCE_DAYS
    utc_jd2 = (time_tai_s - TAI_MINUS_UTC_S) / _DAY_S
    lon, lat = np.radians(site.longitude_deg), np.radians(site.latitude_deg)
    no_motion, no_weather = (0.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", erfa.ErfaWarning)  # "dubious year" for dates beyond its leap second table
        azimuth, zenith, *_ = erfa.atco13(
            np.radians(ra_deg), np.radians(dec_deg), *no_motion,
            utc_jd1, utc_jd2, 0.0, lon, lat, site.altitude_m, 0.0, 0.0, *no_weather,
        )  # fmt: skip
    return 90.0 - float(np.degrees(zenith)), float(np.degrees(azimuth)) % 360.0
