# SPDX-License-Identifier: GPL-3.0-or-later
"""The times of one HDU: from UTC to the file's own numbers and back, and as its header writes them.

A time in UTC is a count of SI seconds since the reference, leap seconds
included: that is what MAGIC and FACT files hold (their DATE-OBS says so), and
how astropy and gammapy read them.  Only a reference before 1972, such as the
Unix epoch, is taken to count days of 86400 s.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.header import Header
from ingest.timescale import DAY_S, TimeReference, convert_mjd, iso_from_mjd

Floats = NDArray[np.float64]

# MJDs beyond which a limit is as good as an open end: UTC began in 1972, and the calendar ends in 9999.
_FIRST_MJD, _LAST_MJD = 41317.0, 2_973_000.0
_GPS_MINUS_TAI_S = -19.0
_REFERENCE_KEYS = ("MJDREFI", "MJDREFF", "MJDREF")


@dataclass(frozen=True, slots=True)
class Clock:
    """Time reference of an HDU.

    Attributes
    ----------
    reference
        Zero point; its unit is the second, and a UTC zero point is given in TAI.
    scale
        The scale TIMESYS names, in lower case; ``gps`` possible.
    unit_s
        TIMEUNIT in seconds.
    """

    reference: TimeReference
    scale: str
    unit_s: float

    @classmethod
    def from_headers(cls, headers: Sequence[Header], default_scale: str | None = None) -> Clock:
        """Read the time reference from the first header that has one.

        Parameters
        ----------
        headers
            The HDU's own header, then others of its file that may help out.
        default_scale
            For files without any TIMESYS.

        Raises
        ------
        TimeError
            If there is no zero point or no scale, or one cannot be understood.
        """
        merged: dict[str, object] = {}
        for keys in (_REFERENCE_KEYS, ("TIMESYS",), ("TIMEUNIT",)):
            for header in headers:
                found = {key: header[key] for key in keys if header.get(key) not in (None, "")}
                if found:
                    merged.update(found)
                    break
        reference = TimeReference.from_header(merged, default_scale)
        written = str(merged.get("TIMESYS") or default_scale or "").strip().lower()
        scale = "gps" if written == "gps" else reference.scale
        return cls(_in_si_seconds(reference), scale, reference.unit_s)

    def column_unit_s(self, unit: str) -> float:
        """Return the unit of a time column in seconds; TIMEUNIT holds where the column has none.

        Raises
        ------
        TimeError
            If the unit is none of time.
        """
        if not unit:
            return self.unit_s
        return TimeReference.from_header({"MJDREFI": 0, "TIMESYS": "tai", "TIMEUNIT": unit}).unit_s

    def seconds(self, mjd_utc: float) -> float:
        """Return a time in UTC as seconds since the reference; limits beyond all data become infinite."""
        if mjd_utc < _FIRST_MJD:
            return -math.inf
        if mjd_utc > _LAST_MJD:
            return math.inf
        mjd = float(convert_mjd(mjd_utc, "utc", self.reference.scale))
        # a double holds an MJD to 0.6 us: the rest of the digits would be noise
        return round(((mjd - self.reference.mjdref_int) - self.reference.mjdref_frac) * DAY_S, 6)

    def seconds_from(self, other: Clock, seconds: Floats) -> Floats:
        """Return times of another clock as seconds of this one."""
        if other.reference == self.reference:
            return seconds
        mjd = other.reference.to_mjd(seconds, self.reference.scale)
        return ((mjd - self.reference.mjdref_int) - self.reference.mjdref_frac) * DAY_S

    def mjd(self, seconds: float, scale: str) -> float:
        """Return a time as MJD in a scale, ``gps`` included."""
        if scale == "gps":
            return float(self.reference.to_mjd(seconds + _GPS_MINUS_TAI_S, "tai"))
        return float(self.reference.to_mjd(seconds, scale))

    def iso(self, seconds: float, scale: str) -> str:
        """Return a time as ``YYYY-MM-DDThh:mm:ss.sss`` in a scale."""
        return iso_from_mjd(self.mjd(seconds, scale), "utc" if scale == "utc" else "tai")


def _in_si_seconds(reference: TimeReference) -> TimeReference:
    """Return a reference whose unit is the second, and whose scale has no leap seconds."""
    instant = reference.mjdref_int + reference.mjdref_frac
    if reference.scale != "utc" or instant < _FIRST_MJD:
        return dataclasses.replace(reference, unit_s=1.0)
    offset_s = round((float(convert_mjd(instant, "utc", "tai")) - instant) * DAY_S)
    return TimeReference(reference.mjdref_int, reference.mjdref_frac + offset_s / DAY_S, "tai", 1.0)
