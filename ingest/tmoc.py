# SPDX-License-Identifier: GPL-3.0-or-later
"""Temporal coverage maps (T-MOC) of good time intervals.

IVOA "MOC: Multi-Order Coverage map" 2.0: time is counted in microseconds of
the Julian date in TCB; a cell of order n covers 2^(61-n) microseconds.  The
text form is the one mocpy reads and writes, ``order/cell cell-cell ...``,
orders ascending, without the letter that only combined space-time maps need.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

DEPTH = 61
"""Order at which a cell is one microsecond."""

SECOND_ORDER = 42
"""Lowest order whose cells (0.52 s) are not longer than a second."""

_DAY_US = 86_400_000_000
_MJD_ZERO_US = 2_400_000 * _DAY_US + _DAY_US // 2

_MJD_LIMITS = (-2_400_000.5, 2**62 / _DAY_US - 2_400_001)

_Cells = NDArray[np.int64]


def tmoc_ascii(
    start_mjd_tcb: ArrayLike, stop_mjd_tcb: ArrayLike, order: int = SECOND_ORDER, max_chars: int = 10_000
) -> str:
    """Return the T-MOC of a set of time intervals as text.

    Parameters
    ----------
    start_mjd_tcb, stop_mjd_tcb
        Limits of the intervals, MJD in days, time scale TCB, shape (n,) each
        (or one number each), in any order, overlapping or not.  Intervals
        whose limits are not finite, that end before they begin, or that lie
        before JD 0 are left out.
    order
        Finest order, 0 to 61.  The default makes cells of 0.52 s.
    max_chars
        Longest text wanted.  Where it would be exceeded the order is lowered
        until the text fits, so the coverage gets coarser but stays complete.

    Returns
    -------
    str
        Normalised map: cells touched by an interval (start included, stop
        excluded, at least one cell), merged into their parent where both
        halves are covered.  The text ends in the finest order (as in
        ``40/7 42/``) even where it has no cells of its own, so the resolution
        can be read from it; with no interval it is ``42/`` alone.

    Raises
    ------
    ValueError
        If the arrays differ in length or the order is out of range.
    """
    starts, stops = (np.atleast_1d(np.asarray(limit, np.float64)) for limit in (start_mjd_tcb, stop_mjd_tcb))
    if starts.shape != stops.shape or starts.ndim != 1:
        raise ValueError(f"There are {starts.size} starts and {stops.size} stops of intervals; they must pair up.")
    if not 0 <= order <= DEPTH:
        raise ValueError(f"The order {order} is not within 0 to {DEPTH}.")
    valid = (starts <= stops) & (starts >= _MJD_LIMITS[0]) & (stops < _MJD_LIMITS[1])
    shift = DEPTH - order
    low = _microseconds(starts[valid], np.floor) >> shift
    high = ((_microseconds(stops[valid], np.ceil) - 1) >> shift) + 1
    low, high = _union(low, np.maximum(high, low + 1))
    while True:
        # every separate range costs two characters at the least
        if 2 * low.size <= max_chars or order == 0:
            text = _text(low.tolist(), high.tolist(), order)
            if len(text) <= max_chars or order == 0:
                return text
        order -= 1
        low, high = _union(low >> 1, (high + 1) >> 1)


def _microseconds(mjd: NDArray[np.float64], rounding: np.ufunc) -> _Cells:
    """Return the Julian date in microseconds; day and fraction apart, for float64 cannot hold the sum."""
    day = np.floor(mjd)
    part: _Cells = rounding((mjd - day) * _DAY_US).astype(np.int64)
    return day.astype(np.int64) * _DAY_US + (part + _MJD_ZERO_US)


def _union(low: _Cells, high: _Cells) -> tuple[_Cells, _Cells]:
    """Return sorted separate ranges [low, high) that cover the same cells; ranges that touch become one."""
    if low.size < 2:
        return low, high
    ranks = np.argsort(low, kind="stable")
    low, high = low[ranks], np.maximum.accumulate(high[ranks])
    gap = low[1:] > high[:-1]
    return low[np.append(True, gap)], high[np.append(gap, True)]


def _text(low: list[int], high: list[int], order: int) -> str:
    """Write separate sorted ranges of cells of an order as a normalised map."""
    cells: list[list[str]] = [[] for _ in range(order + 1)]
    for first, last in zip(low, high, strict=True):
        _decompose(first, last, order, cells)
    # the finest order is always written: it tells the resolution
    return " ".join(f"{n}/{' '.join(found)}" for n, found in enumerate(cells) if found or n == order)


def _decompose(low: int, high: int, order: int, cells: list[list[str]]) -> None:
    """Add the largest cells that make up the range [low, high) to the lists of their orders."""
    while low < high:
        # at an end, half of a pair whose other half is not covered stays at this order
        left, right = low & 1 or not order, high & 1 or not order
        if high - low == 2 and left and right:
            cells[order].append(f"{low}-{high - 1}")
            return
        if left:
            cells[order].append(str(low))
            low += 1
        if right and low < high:
            high -= 1
            cells[order].append(str(high))
        low, high, order = low >> 1, high >> 1, order - 1
