# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of ingest.tmoc: against plain sets of cells, and against mocpy where it is installed."""

from __future__ import annotations

import time
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.tmoc import DEPTH, SECOND_ORDER, tmoc_ascii

DAY_US = 86_400_000_000
SECOND_D = 1 / 86400


@pytest.fixture(scope="module")
def mocpy() -> ModuleType:
    """Return mocpy, or skip."""
    module: ModuleType = pytest.importorskip("mocpy")
    return module


def microseconds(mjd: float, up: bool) -> int:
    """Return an MJD as microseconds of JD, by whole numbers."""
    numerator, denominator = (mjd).as_integer_ratio()
    scaled = (2 * numerator + 4_800_001 * denominator) * (DAY_US // 2)
    return -(-scaled // denominator) if up else scaled // denominator


def parse(text: str) -> tuple[int, list[tuple[int, int, int]]]:
    """Return the finest order and all (order, first, last) of a map."""
    order, found = -1, []
    for token in text.split():
        if "/" in token:
            head, _, token = token.partition("/")
            assert int(head) > order
            order = int(head)
        if token:
            first, _, last = token.partition("-")
            found.append((order, int(first), int(last or first)))
    return order, found


def cells_at(text: str, order: int) -> set[int]:
    """Return the cells of a map at an order not below its finest."""
    return {
        cell for n, first, last in parse(text)[1] for cell in range(first << (order - n), (last + 1) << (order - n))
    }


# ends on and off cell borders, short and long, apart and overlapping
INTERVALS = st.lists(
    st.tuples(
        st.floats(59000.0, 59000.02), st.one_of(st.just(0.0), st.floats(0.0, 3 * SECOND_D), st.floats(0.0, 0.01))
    ),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(INTERVALS, st.integers(34, SECOND_ORDER))
def test_cells_are_those_touched(intervals: list[tuple[float, float]], order: int) -> None:
    """The map holds exactly the cells that an interval touches."""
    starts = [start for start, _ in intervals]
    stops = [start + length for start, length in intervals]
    text = tmoc_ascii(starts, stops, order=order)
    expected: set[int] = set()
    shift = DEPTH - order
    for start, stop in zip(starts, stops, strict=True):
        first = microseconds(start, False) >> shift
        last = (microseconds(stop, True) - 1) >> shift
        expected.update(range(first, max(last, first) + 1))
    finest, _ = parse(text)
    assert finest == order
    # a double MJD is good to 0.6 us, which may decide about a cell at its very border
    differing = cells_at(text, order) ^ expected
    borders = {(microseconds(limit, False) + delta) >> shift for limit in starts + stops for delta in (-2, -1, 0, 1, 2)}
    assert differing <= borders


@settings(max_examples=200, deadline=None)
@given(INTERVALS)
def test_map_is_normalised(intervals: list[tuple[float, float]]) -> None:
    """No cell twice, no two halves of one parent, ascending."""
    text = tmoc_ascii([start for start, _ in intervals], [start + length for start, length in intervals])
    order, found = parse(text)
    listed = [cell for n, first, last in found for cell in range(first << (order - n), (last + 1) << (order - n))]
    assert len(listed) == len(set(listed))
    for n in {n for n, _, _ in found}:
        here = [cell for m, first, last in found if m == n for cell in range(first, last + 1)]
        assert here == sorted(here)
        assert not any(cell % 2 == 0 and cell + 1 in here for cell in here)


@settings(max_examples=200, deadline=None)
@given(INTERVALS, st.integers(0, SECOND_ORDER))
def test_mocpy_writes_the_same(mocpy: ModuleType, intervals: list[tuple[float, float]], order: int) -> None:
    """Our text is, letter for letter, what mocpy makes of our own text and of the ranges."""
    text = tmoc_ascii([start for start, _ in intervals], [start + length for start, length in intervals], order=order)
    theirs = mocpy.TimeMOC.from_string(text, format="ascii")
    assert theirs.max_order == order
    assert theirs.serialize("str").strip() == text
    shift = DEPTH - order
    ranges = [(first << (DEPTH - n), (last + 1) << (DEPTH - n)) for n, first, last in parse(text)[1]]
    assert all(first % (1 << shift) == 0 for first, _ in ranges)
    if ranges:
        again = mocpy.TimeMOC.from_depth61_ranges(order, np.array(ranges, dtype=np.uint64))
        assert again.serialize("str").strip() == text


def test_mocpy_reads_the_same_instants(mocpy: ModuleType) -> None:
    """Start and stop are Julian dates in TCB to within a cell."""
    moc = mocpy.TimeMOC.from_string(tmoc_ascii([59235.5], [59235.520833333]), format="ascii")
    start, stop = (np.ravel(limit.jd1 - 2400000.5 + limit.jd2)[0] for limit in (moc.min_time, moc.max_time))
    assert -0.53 * SECOND_D < start - 59235.5 <= 1e-11
    assert -1e-11 <= stop - 59235.520833333 < 0.53 * SECOND_D
    if moc.min_time.scale != "tcb":
        pytest.skip("the numbers agree, but mocpy as old as 0.12 calls the scale TDB")


def test_mocpy_degrades_the_same(mocpy: ModuleType) -> None:
    """A lowered order gives the map that mocpy gets by degrading ours."""
    starts = 59000 + np.arange(3000) * 0.02
    stops = starts + 0.013
    fine = mocpy.TimeMOC.from_string(tmoc_ascii(starts, stops, max_chars=10**9), format="ascii")
    text = tmoc_ascii(starts, stops)
    order, _ = parse(text)
    assert order < SECOND_ORDER and len(text) <= 10_000
    assert fine.degrade_to_order(order).serialize("str").strip() == text
    # not lowered further than needed
    assert len(fine.degrade_to_order(order + 1).serialize("str")) > 10_000


def test_nothing_and_nonsense() -> None:
    """Empty, reversed, undefined and impossible intervals give an empty map."""
    nan = float("nan")
    assert tmoc_ascii([], []) == "42/"
    assert tmoc_ascii([59000.0, nan, 59000.0, -3e6, 0.0], [58999.0, 59000.0, nan, 59000.0, float("inf")]) == "42/"
    with pytest.raises(ValueError, match="pair up"):
        tmoc_ascii([1.0, 2.0], [3.0])
    for order in (-1, 62):
        with pytest.raises(ValueError, match="order"):
            tmoc_ascii([1.0], [2.0], order=order)


def test_single_numbers_and_instants() -> None:
    """Numbers do as well as arrays; an interval of no length is one cell."""
    text = tmoc_ascii(59000.0, 59000.0)
    assert cells_at(text, 42) == {(2 * 59000 + 4_800_001) * (DAY_US // 2) >> 19}
    assert text.startswith("42/") and " " not in text


def test_finest_order_is_always_written() -> None:
    """A single large cell does not hide the resolution."""
    cell_days = 2**41 / DAY_US
    start = 92_000 * cell_days - 2_400_000.5
    text = tmoc_ascii(start + 1e-9, start + cell_days - 1e-9)
    assert text == "20/92000 42/"


def test_stop_is_excluded() -> None:
    """An interval that ends on the border of two cells does not touch the second; abutting runs merge."""
    assert tmoc_ascii([59000.0, 59000.01], [59000.01, 59000.02]) == tmoc_ascii([59000.0], [59000.02])
    # half a day is 2^12 us times an odd number, so every half MJD is a border of cells of order 49
    order, found = parse(tmoc_ascii([59000.0], [59000.5], order=49))
    assert sum((last - first + 1) << (order - n) for n, first, last in found) == DAY_US // 2 // 2**12


def test_forty_thousand_intervals_are_quick() -> None:
    """The largest lists of good times known take milliseconds."""
    starts = 57184 + np.sort(np.random.default_rng(5).uniform(0, 60, 40_000))
    begin = time.process_time()
    text = tmoc_ascii(starts, starts + 1e-3)
    assert time.process_time() - begin < 0.5
    assert len(text) <= 10_000
    assert parse(text)[0] < SECOND_ORDER


def test_order_of_intervals_does_not_matter() -> None:
    """Shuffled lists give the same map."""
    generator = np.random.default_rng(7)
    starts = 59000 + generator.uniform(0, 1, 50)
    stops = starts + generator.uniform(0, 0.02, 50)
    shuffled = generator.permutation(50)
    assert tmoc_ascii(starts, stops) == tmoc_ascii(starts[shuffled], stops[shuffled])


def test_max_chars_as_small_as_can_be() -> None:
    """The order never goes below zero, whatever is asked for."""
    assert tmoc_ascii([59000.0, 60000.0], [59000.1, 60000.1], max_chars=1) == "0/0"
