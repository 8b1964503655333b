# SPDX-License-Identifier: GPL-3.0-or-later
"""Times of FITS files: time reference keywords, and conversion between time scales.

The conversions follow ERFA (the library below astropy) but cost microseconds
instead of milliseconds a call.  Inside, a time is a whole day plus seconds
in that day, so that no precision is lost to the size of the MJD.

Days with a leap second use the convention of ERFA and astropy: the fraction
of the day runs over 86401 s, so a UTC MJD is continuous and increasing.
UTC before 1972-01-01, when its seconds were not SI seconds, is refused;
every other scale works at any date.
"""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import dataclass

import erfa  # type: ignore[import-untyped,unused-ignore]
import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

DAY_S = 86400.0
_TT_MINUS_TAI = 32.184
_GPS_TO_TAI = 19.0
_MJD_ORDINAL = datetime.date(1858, 11, 17).toordinal()

_SCALES = frozenset({"utc", "tai", "tt", "tdb", "tcb"})
# names of the FITS standard 4.0, section 9.2.1, for the same scales
_ALIASES = {"tdt": "tt", "et": "tt", "iat": "tai", "gmt": "utc", "ut": "utc"}
_UNITS = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "ns": 1e-9,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hr": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": DAY_S,
    "day": DAY_S,
    "days": DAY_S,
}

# IAU 2006 resolution B3: TDB = TCB - L_B (JD_TCB - T_0) 86400 + TDB_0
_L_B = 1.550519768e-8
_TDB_0 = -6.55e-5
_T_0_MJD = 43144
_T_0_S = 32.184


class TimeError(ValueError):
    """A time that cannot be interpreted; the message says why and what to do."""


def _leap_seconds() -> tuple[NDArray[np.int64], Floats]:
    """Return the MJDs (UTC, 0 h) at which TAI-UTC changed since 1972 and its values in s from then on."""
    table = erfa.leap_seconds.get()
    table = table[table["year"] >= 1972]
    days = [
        datetime.date(int(year), int(month), 1).toordinal() - _MJD_ORDINAL
        for year, month in zip(table["year"], table["month"], strict=True)
    ]
    return np.array(days, dtype=np.int64), np.array(table["tai_utc"], dtype=np.float64)


_LEAP_MJD, _LEAP_TAI_UTC = _leap_seconds()
# the same instants as seconds of TAI since MJD 0
_LEAP_TAI_S = _LEAP_MJD * DAY_S + _LEAP_TAI_UTC
# last day of each interval: it lasts a second more (or, should it ever happen, less)
_LAST_MJD = np.append(_LEAP_MJD[1:] - 1, 10**9)
_EXTRA_S = np.append(np.diff(_LEAP_TAI_UTC), 0.0)


def _normal_scale(name: str) -> str:
    """Return the name of a time scale in lower case, without alias or realisation."""
    key = name.strip().lower().partition("(")[0].strip()
    key = _ALIASES.get(key, key)
    if key not in _SCALES:
        raise TimeError(
            f"The time scale '{name.strip()}' cannot be converted; use one of {', '.join(sorted(_SCALES)).upper()}."
        )
    return key


def _number(header: Mapping[str, object], key: str) -> float | None:
    """Return a header value as a finite number, None where it is absent."""
    value = header.get(key)
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise TimeError(f"The keyword {key} holds {value!r}; a finite number is needed.")
    return number


# 1972-01-01: from here on UTC is a whole number of seconds behind TAI.
_UTC_BEGINS_MJD = 41317.0


@dataclass(frozen=True, slots=True)
class TimeReference:
    """Zero point, scale and unit of the times in a FITS table.

    Attributes
    ----------
    mjdref_int, mjdref_frac
        Whole and fractional part of the reference MJD in days, in `scale`.
    scale
        Time scale: ``utc``, ``tai``, ``tt``, ``tdb`` or ``tcb``.
    unit_s
        Unit of the time values in seconds.
    """

    mjdref_int: float
    mjdref_frac: float
    scale: str
    unit_s: float = 1.0

    @classmethod
    def from_header(cls, header: Mapping[str, object], default_scale: str | None = None) -> TimeReference:
        """Read the time reference keywords of an HDU.

        Parameters
        ----------
        header
            Keywords of the HDU: MJDREFI and MJDREFF or MJDREF, TIMESYS,
            TIMEUNIT (default s).  TIMEREF is not looked at: at the site and
            in local time mean the same to photons.
        default_scale
            Scale to assume where TIMESYS is missing or empty, since GADF
            defines no default.

        Returns
        -------
        TimeReference
            With the scale folded to lower case; FITS aliases (TDT, ET, IAT,
            GMT, UT) are resolved, a realisation as in ``UTC(NIST)`` is
            dropped, GPS becomes TAI.

        Raises
        ------
        TimeError
            If there is no MJDREF, no TIMESYS, or one cannot be understood.

        Notes
        -----
        GADF 0.3, section "Time"; FITS standard 4.0, section 9.
        """
        whole, fraction = _number(header, "MJDREFI"), _number(header, "MJDREFF") or 0.0
        if whole is None:
            whole, fraction = _number(header, "MJDREF"), 0.0
        if whole is None:
            raise TimeError("The header has neither MJDREFI nor MJDREF, so its times have no zero point.")
        unit = str(header.get("TIMEUNIT") or "").strip().lower() or "s"
        if unit not in _UNITS:
            raise TimeError(f"The TIMEUNIT '{unit}' is not understood; use s, min, h or d.")
        scale = str(header.get("TIMESYS") or "").strip() or (default_scale or "")
        if not scale:
            raise TimeError("The header has no TIMESYS and the collection states no default time scale.")
        if scale.lower() == "gps":
            scale, fraction = "tai", fraction + _GPS_TO_TAI / DAY_S
        floor = math.floor(whole)
        return cls(float(floor), whole - floor + fraction, _normal_scale(scale), _UNITS[unit])

    def to_mjd(self, values: ArrayLike, scale: str) -> Floats:
        """Convert times of the table to MJD.

        Parameters
        ----------
        values
            Times since the reference, in units of `unit_s`, any shape.
        scale
            Time scale of the answer: ``utc``, ``tai``, ``tt``, ``tdb`` or
            ``tcb`` (or a FITS alias), any case.

        Returns
        -------
        ndarray
            MJD in days, shaped like `values` (0-d for a number), to better
            than 1e-9 d; NaN stays NaN.

        Raises
        ------
        TimeError
            If the scale is unknown, or UTC is involved before 1972.

        Notes
        -----
        Times in UTC are SI seconds since MJDREF, leap seconds included: so
        do astropy and gammapy count, and the DATE-OBS of FACT and MAGIC
        agree (FITS 4.0, section 9.2.1).  From a reference before 1972, when
        UTC began, they are days of 86400 s.
        """
        seconds = np.asarray(values, dtype=np.float64) * self.unit_s
        start, offset, source = self._elapsed_reference()
        day, seconds = _carry(start, seconds + offset)
        target = _normal_scale(scale)
        if target != source:
            day, seconds = _from_tt(*_to_tt(day, seconds, source), target)
        return np.asarray(day + seconds / DAY_S)

    def _elapsed_reference(self) -> tuple[float, float, str]:
        """Return day, seconds and scale of the reference, in a scale in which seconds simply add up."""
        offset = self.mjdref_frac * DAY_S
        if self.scale != "utc" or self.mjdref_int < _UTC_BEGINS_MJD:
            return self.mjdref_int, offset, self.scale
        day, seconds = _tai_from_utc(np.asarray(self.mjdref_int), np.asarray(offset))
        return float(day), float(seconds), "tai"


def convert_mjd(mjd: ArrayLike, source: str, target: str) -> Floats:
    """Convert MJDs from one time scale to another.

    Parameters
    ----------
    mjd
        MJD in days, any shape.
    source, target
        Time scales as in `TimeReference.to_mjd`.

    Returns
    -------
    ndarray
        MJD in days in the other scale, same shape.

    Raises
    ------
    TimeError
        If a scale is unknown, or UTC is involved before 1972.
    """
    values = np.asarray(mjd, dtype=np.float64)
    source, target = _normal_scale(source), _normal_scale(target)
    if source == target:
        return values.copy()
    day = np.floor(values)
    day, seconds = _from_tt(*_to_tt(day, (values - day) * DAY_S, source), target)
    return np.asarray(day + seconds / DAY_S)


def _carry(day: float | Floats, seconds: Floats) -> tuple[Floats, Floats]:
    """Move whole days out of the seconds."""
    days = np.floor(seconds / DAY_S)
    return day + days, seconds - days * DAY_S


def _to_tt(day: Floats, seconds: Floats, scale: str) -> tuple[Floats, Floats]:
    """Return day and seconds in TT; the seconds may leave the day by a little."""
    if scale == "tt":
        return day, seconds
    if scale == "tai":
        return day, seconds + _TT_MINUS_TAI
    if scale == "utc":
        day, seconds = _tai_from_utc(day, seconds)
        return day, seconds + _TT_MINUS_TAI
    if scale == "tcb":
        since = (day - _T_0_MJD) * DAY_S + (seconds - _T_0_S)
        seconds = seconds - _L_B * since + _TDB_0
    return day, seconds - _tdb_minus_tt(day, seconds)


def _from_tt(day: Floats, seconds: Floats, scale: str) -> tuple[Floats, Floats]:
    """Return day and seconds in another scale."""
    if scale == "tt":
        return day, seconds
    if scale == "tai":
        return day, seconds - _TT_MINUS_TAI
    if scale == "utc":
        return _utc_from_tai(day, seconds - _TT_MINUS_TAI)
    seconds = seconds + _tdb_minus_tt(day, seconds)
    if scale == "tcb":
        # the inverse of the definition, as in ERFA's tdbtcb
        since = (day - _T_0_MJD) * DAY_S + (seconds - _T_0_S) - _TDB_0
        seconds = seconds - _TDB_0 + since * (_L_B / (1 - _L_B))
    return day, seconds


def _tdb_minus_tt(day: Floats, seconds: Floats) -> Floats:
    """Return TDB - TT in s: USNO Circular 179 (Kaplan 2005), equation 2.6; good to 10 us from 1600 to 2200."""
    t = (day + (seconds / DAY_S - 51544.5)) / 36525
    return np.asarray(
        0.001657 * np.sin(628.3076 * t + 6.2401)
        + 0.000022 * np.sin(575.3385 * t + 4.2970)
        + 0.000014 * np.sin(1256.6152 * t + 6.1969)
        + 0.000005 * np.sin(606.9777 * t + 4.0212)
        + 0.000005 * np.sin(52.9691 * t + 0.4444)
        + 0.000002 * np.sin(21.3299 * t + 5.5431)
        + 0.000010 * t * np.sin(628.3076 * t + 4.2490)
    )


def _refuse_early(early: NDArray[np.bool_]) -> None:
    """Raise if any time lies before the UTC of today began."""
    if early.any():
        raise TimeError("UTC before 1972-01-01 is not supported; check MJDREF and the times of the file.")


def _tai_from_utc(day: Floats, seconds: Floats) -> tuple[Floats, Floats]:
    """Return TAI day and seconds, the latter stretched in a leap second day."""
    # once more: rounding may have left a full 86400 s, which belong to the next day
    day, seconds = np.broadcast_arrays(*_carry(day, seconds))
    _refuse_early(day < _LEAP_MJD[0])
    offset = _LEAP_TAI_UTC[np.searchsorted(_LEAP_MJD, day, side="right") - 1]
    return day, seconds * (1 + _extra_seconds(day) / DAY_S) + offset


def _utc_from_tai(day: Floats, seconds: Floats) -> tuple[Floats, Floats]:
    """Return UTC day and seconds; in a leap second day the seconds are shrunk to 86400."""
    total = day * DAY_S + seconds
    _refuse_early(total < _LEAP_TAI_S[0])
    index = np.searchsorted(_LEAP_TAI_S, total, side="right") - 1
    day, seconds = _carry(day, seconds - _LEAP_TAI_UTC[index])
    # a leap second belongs to the day it ends; rounding of `total` must not lead out of the interval either
    inside = np.clip(day, _LEAP_MJD[index], _LAST_MJD[index])
    seconds = seconds + (day - inside) * DAY_S
    return inside, seconds / (1 + _extra_seconds(inside) / DAY_S)


def _extra_seconds(day: Floats) -> Floats:
    """Return by how much each UTC day is longer than 86400 s."""
    index = np.searchsorted(_LAST_MJD, day).clip(max=_LAST_MJD.size - 1)
    return np.where(_LAST_MJD[index] == day, _EXTRA_S[index], 0.0)


def iso_from_mjd(mjd: float, scale: str = "utc") -> str:
    """Return a time as ISO 8601 text.

    Parameters
    ----------
    mjd
        MJD in days.
    scale
        Its time scale; only UTC has days of 86401 s.

    Returns
    -------
    str
        ``YYYY-MM-DDThh:mm:ss.sss`` in the same scale, rounded to
        milliseconds, without zone; second 60 in a leap second.

    Raises
    ------
    TimeError
        If the time is not finite, outside the years 1 to 9999, or of an
        unknown scale.
    """
    if not -678575 <= mjd < 2973483:
        raise TimeError(f"The MJD {mjd} is not within the years 1 to 9999.")
    day = math.floor(mjd)
    extra = int(_extra_seconds(np.asarray(float(day)))) if _normal_scale(scale) == "utc" else 0
    length = (86400 + extra) * 1000
    day_more, millis = divmod(round((mjd - day) * length), length)
    date = datetime.date.fromordinal(day + day_more + _MJD_ORDINAL)
    # the last minute takes what is over
    minutes = min(millis // 60000, 1439)
    millis -= minutes * 60000
    return f"{date.isoformat()}T{minutes // 60:02d}:{minutes % 60:02d}:{millis // 1000:02d}.{millis % 1000:03d}"
