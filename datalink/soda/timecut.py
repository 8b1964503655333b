# SPDX-License-Identifier: GPL-3.0-or-later
"""What a cut in time changes: the good time intervals, and every header value that follows from them.

Rules: ``standards/soda.md``, section 5.2, rules 2 and 3.  Without a cut in
time nothing of this is touched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datalink.soda.clock import Clock
from datalink.soda.dali import Interval
from datalink.soda.fitswriter import Cards
from ingest.fitsfile import HDU, Column, FitsError
from ingest.header import Header, integer, number, text
from ingest.timescale import DAY_S, TimeError

Floats = NDArray[np.float64]

# An MJD in double precision is good to a microsecond: limits as near as that to an end of the data mean that end.
SNAP_S = 2e-6
_DTYPES = {"E": ">f4", "D": ">f8", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8"}
# Date keyword, its time-of-day partner where dates are written apart, and which moment it names.
_DATES = (
    ("DATE-OBS", "TIME-OBS", "start"),
    ("DATE_OBS", "TIME_OBS", "start"),
    ("DATE-BEG", "TIME-BEG", "start"),
    ("DATE-AVG", "TIME-AVG", "middle"),
    ("DATE-END", "TIME-END", "stop"),
    ("DATE_END", "TIME_END", "stop"),
)
_MJDS = (("MJD-OBS", "start"), ("MJD-BEG", "start"), ("MJD-AVG", "middle"), ("MJD-END", "stop"))
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(\d\d):(\d\d):(\d\d(?:\.\d*)?))?Z?")
# A date in a header belongs to the scale in which it is no farther than this from TSTART.
_SAME_MOMENT_S = 2.0


@dataclass(frozen=True, slots=True)
class GoodTime:
    """Good time intervals in seconds since the reference of `clock`, as they were and as they are after the cut."""

    clock: Clock
    before_s: float
    start_s: Floats
    stop_s: Floats

    @property
    def n_intervals(self) -> int:
        """How many are left."""
        return int(self.start_s.size)

    @property
    def total_s(self) -> float:
        """Sum of the lengths."""
        return float((self.stop_s - self.start_s).sum())


@dataclass(frozen=True, slots=True)
class ClippedTable:
    """A GTI table after the cut: its rows as bytes, and its times."""

    rows: bytes
    n_rows: int
    good: GoodTime


def limits_s(interval: Interval, clock: Clock, *ends_s: float | None) -> tuple[float, float]:
    """Return the limits of a TIME parameter in seconds of a clock, drawn to one of `ends_s` that is next to them."""
    limits = []
    for mjd in (interval.low, interval.high):
        limit = clock.seconds(mjd)
        near = [end for end in ends_s if end is not None and abs(end - limit) <= SNAP_S]
        limits.append(near[0] if near else limit)
    return limits[0], limits[1]


def clip_table(hdu: HDU, clock: Clock, interval: Interval) -> ClippedTable:
    """Cut a GTI table; cells that a limit does not fall into keep their bytes.

    Parameters
    ----------
    hdu
        The table with its data.
    clock
        Its time reference.
    interval
        The TIME parameter.

    Raises
    ------
    FitsError
        When START and STOP are missing or are no numbers.
    """
    columns = hdu.columns()
    for name in ("START", "STOP"):
        if name not in columns or columns[name].shape or columns[name].code not in _DTYPES:
            raise FitsError(f"a GTI table has no column {name} of numbers.")
    units = [clock.column_unit_s(columns[name].unit) for name in ("START", "STOP")]
    start, stop = (hdu.read(columns[name]) * unit for name, unit in zip(("START", "STOP"), units, strict=True))
    low, high = limits_s(interval, clock)
    low, high = _snapped(low, start, stop), _snapped(high, start, stop)
    clipped_start, clipped_stop = np.maximum(start, low), np.minimum(stop, high)
    kept = clipped_stop > clipped_start
    row_bytes = integer(hdu.header, "NAXIS1") or 0
    table = np.frombuffer(hdu.data or b"", np.uint8, count=row_bytes * hdu.n_rows).reshape(hdu.n_rows, row_bytes)[kept]
    ends = (("START", start, clipped_start), ("STOP", stop, clipped_stop))
    for (name, old, new), unit in zip(ends, units, strict=True):
        changed = (old != new)[kept]
        _write_cells(table, changed, columns[name], new[kept][changed] / unit)
    good_before = stop > start
    good = GoodTime(clock, float((stop - start)[good_before].sum()), clipped_start[kept], clipped_stop[kept])
    return ClippedTable(table.tobytes(), int(kept.sum()), good)


def clip_observation(header: Header, clock: Clock, interval: Interval) -> GoodTime:
    """Cut the one interval from TSTART to TSTOP, for files without GTI."""
    start, stop = number(header, "TSTART"), number(header, "TSTOP")
    if start is None or stop is None:
        raise FitsError("there is neither a good time interval (GTI) nor TSTART and TSTOP.")
    start, stop = start * clock.unit_s, stop * clock.unit_s
    low, high = limits_s(interval, clock, start, stop)
    ends = np.array([max(start, low)]), np.array([min(stop, high)])
    kept = ends[1] > ends[0]
    return GoodTime(clock, max(stop - start, 0.0), ends[0][kept], ends[1][kept])


def _snapped(limit: float, start: Floats, stop: Floats) -> float:
    if not np.isfinite(limit):
        return limit
    ends = np.concatenate((start, stop))
    near = ends[np.abs(ends - limit) <= SNAP_S]
    return float(near[0]) if near.size else limit


def _write_cells(table: NDArray[np.uint8], rows: NDArray[np.bool_], column: Column, values: Floats) -> None:
    """Write numbers into the cells of a column, in its own type."""
    if not rows.any():
        return
    dtype = np.dtype(_DTYPES[column.code])
    raw = (values - column.zero) / column.scale
    cells = (raw if dtype.kind == "f" else np.rint(raw)).astype(dtype)
    table[rows, column.offset : column.offset + dtype.itemsize] = cells.view(np.uint8).reshape(-1, dtype.itemsize)


def has_times(header: Header) -> bool:
    """Tell whether a header has a value that a cut in time changes."""
    keys = ("TSTART", "TSTOP", "TELAPSE", "ONTIME", "LIVETIME", *(key for key, *_ in (*_DATES, *_MJDS)))
    return any(header.get(key) not in (None, "") for key in keys)


def joined(goods: Sequence[GoodTime]) -> GoodTime:
    """Return several lists of good time intervals as one, by the clock of the first."""
    clock = goods[0].clock
    ends = [
        np.concatenate([clock.seconds_from(good.clock, part) for good, part in parts])
        for parts in zip(*(((good, good.start_s), (good, good.stop_s)) for good in goods), strict=True)
    ]
    return GoodTime(clock, sum(good.before_s for good in goods), ends[0], ends[1])


def update_times(cards: Cards, clock: Clock, good: GoodTime) -> None:
    """Set the times of a header that has them from the good time that is left.

    LIVETIME is DEADC times ONTIME; where there is no DEADC, it shrinks like ONTIME.
    """
    if not good.n_intervals:
        cards.replace("ONTIME", 0.0)
        cards.replace("LIVETIME", 0.0)
        return
    header = cards.values()
    start, stop = clock.seconds_from(good.clock, np.array([good.start_s.min(), good.stop_s.max()])).tolist()
    moments = {"start": start, "stop": stop, "middle": 0.5 * (start + stop)}
    scale = _date_scale(header, clock)
    for date_key, time_key, moment in _DATES:
        _set_date(cards, header, date_key, time_key, clock.iso(moments[moment], scale))
    for key, moment in _MJDS:
        cards.replace(key, clock.mjd(moments[moment], clock.scale))
    cards.replace("TSTART", start / clock.unit_s)
    cards.replace("TSTOP", stop / clock.unit_s)
    unit_s = _duration_unit_s(header, clock, good)
    cards.replace("TELAPSE", (stop - start) / unit_s)
    cards.replace("ONTIME", good.total_s / unit_s)
    live_s = _live_time_s(header, good, unit_s)
    if live_s is not None:
        cards.replace("LIVETIME", live_s / unit_s)


def _live_time_s(header: Header, good: GoodTime, unit_s: float) -> float | None:
    fraction = number(header, "DEADC")
    if fraction is not None and 0 < fraction <= 1:
        return fraction * good.total_s
    live, on = number(header, "LIVETIME"), number(header, "ONTIME")
    before_s = on * unit_s if on else good.before_s
    return None if live is None or not before_s else live * unit_s / before_s * good.total_s


def _duration_unit_s(header: Header, clock: Clock, good: GoodTime) -> float:
    """Return the unit of durations: GADF says s; files in another TIMEUNIT may use that, which ONTIME shows."""
    on = number(header, "ONTIME")
    if clock.unit_s == 1.0 or not on or not good.before_s or on < 0:
        return 1.0
    return min((1.0, clock.unit_s), key=lambda unit: abs(np.log(on * unit / good.before_s)))


def _date_scale(header: Header, clock: Clock) -> str:
    """Return the scale of the header's dates: TIMESYS, unless they say what TSTART is in UTC (as CTA-1DC's do)."""
    start = number(header, "TSTART")
    for date_key, time_key, moment in _DATES:
        written = text(header, date_key)
        if moment != "start" or start is None or written is None:
            continue
        if "T" not in written:
            written = f"{written}T{text(header, time_key)}"
        mjd = _mjd_of(written)
        if mjd is None:
            continue
        for scale in (clock.scale, "utc"):
            try:
                if abs(clock.mjd(start * clock.unit_s, scale) - mjd) * DAY_S <= _SAME_MOMENT_S:
                    return scale
            except TimeError:
                continue
    return clock.scale


def _mjd_of(written: str) -> float | None:
    match = _ISO.fullmatch(written)
    if match is None or match[4] is None:
        return None
    try:
        day = np.datetime64(f"{match[1]}-{match[2]}-{match[3]}", "D").astype(np.int64) + 40587
    except ValueError:
        return None
    return float(day) + (int(match[4]) * 3600 + int(match[5]) * 60 + float(match[6])) / DAY_S


def _set_date(cards: Cards, header: Header, date_key: str, time_key: str, iso: str) -> None:
    """Write a date the way the header writes it: with the time of day, or apart from it."""
    written = text(header, date_key)
    if written is None:
        return
    if "T" in written:
        cards.replace(date_key, iso + ("Z" if written.endswith("Z") else ""))
        return
    date, _, time = iso.partition("T")
    cards.replace(date_key, date)
    cards.replace(time_key, time)
