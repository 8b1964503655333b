# SPDX-License-Identifier: GPL-3.0-or-later
"""SODA parameters: what they mean, which are refused with which words, and how a selection prints itself."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalink.soda.dali import Interval, number_text, parse_numbers
from datalink.soda.errors import STATUS, NoOverlap, SodaError, failure
from datalink.soda.overlap import DatasetBounds, cannot_overlap, misses_bounds
from datalink.soda.regions import Circle, Polygon, Range
from datalink.soda.selection import (
    FITS_TYPE,
    MAX_CHARACTERS,
    VOTABLE_TYPE,
    Selection,
    parse_selection,
    parse_selections,
)

INF = math.inf
TRIANGLE = "82 21 82 23 84 22"


def parsed(**values: str | list[str]) -> Selection:
    return parse_selection({name: [value] if isinstance(value, str) else value for name, value in values.items()})


def refused(**values: str | list[str]) -> SodaError:
    with pytest.raises(SodaError) as caught:
        parsed(**values)
    return caught.value


# -- what values mean


@pytest.mark.parametrize(
    ("name", "value", "field", "expected"),
    [
        ("CIRCLE", "83.6 22 0.5", "circle", Circle(83.6, 22, 0.5)),
        ("CIRCLE", "  8.36e1\t+22.0\n.5  ", "circle", Circle(83.6, 22, 0.5)),
        ("CIRCLE", "0 -90 0", "circle", Circle(0, -90, 0)),
        ("CIRCLE", "0 0 180", "circle", None),
        ("POLYGON", TRIANGLE, "polygon", Polygon([(82, 21), (82, 23), (84, 22)])),
        ("POLYGON", TRIANGLE + " 82 21", "polygon", Polygon([(82, 21), (82, 23), (84, 22)])),
        ("POS", "CIRCLE 83.6 22 0.5", "pos", Circle(83.6, 22, 0.5)),
        ("POS", "circle\t83.6 22 0.5", "pos", Circle(83.6, 22, 0.5)),
        ("POS", "RANGE 0 360 -2 2", "pos", Range(0, 360, -2, 2)),
        ("POS", "Range 10 20 -Inf +Inf", "pos", Range(10, 20, -90, 90)),
        ("POS", "RANGE -Inf Inf -Inf Inf", "pos", None),
        ("POS", f"polygon {TRIANGLE}", "pos", Polygon([(82, 21), (82, 23), (84, 22)])),
        ("TIME", "53090.1 53090.2", "time_mjd_utc", Interval(53090.1, 53090.2)),
        ("TIME", "-Inf 53090.2", "time_mjd_utc", Interval(-INF, 53090.2)),
        ("TIME", "53090 53090", "time_mjd_utc", Interval(53090, 53090)),
        ("TIME", "-Inf Inf", "time_mjd_utc", None),
        ("BAND", "1e-19 2e-19", "band_m", Interval(1e-19, 2e-19)),
        ("BAND", "-Inf +inf", "band_m", None),
        ("ENERGY", "0.1 Inf", "energy_tev", Interval(0.1, INF)),
        ("ENERGY", "-Infinity 1", "energy_tev", Interval(-INF, 1)),
        ("EVENT_TYPE", "gold", "event_types", ("gold",)),
        ("EVENT_TYPE", ["3", " 5 ", "3"], "event_types", ("3", "5")),
        ("RESPONSES", "omit", "with_responses", False),
        ("RESPONSES", "Include", "with_responses", True),
        ("RESPONSEFORMAT", "fits", "media_type", FITS_TYPE),
        ("RESPONSEFORMAT", "votable", "media_type", VOTABLE_TYPE),
        ("RESPONSEFORMAT", "application/x-votable+xml;serialization=BINARY2", "media_type", VOTABLE_TYPE),
        ("RESPONSEFORMAT", "application/fits", "media_type", FITS_TYPE),
    ],
)
@pytest.mark.parametrize("change", [str, str.lower])
def test_values(name: str, value: str, field: str, expected: object, change: object) -> None:
    selection = parsed(**{change(name): value})  # type: ignore[operator]
    assert getattr(selection, field) == expected
    default = Selection()
    assert all(getattr(selection, other) == getattr(default, other) for other in Selection.__slots__ if other != field)


def test_what_is_unknown_or_blank_is_ignored() -> None:
    selection = parsed(ID="ivo://x", CIRCLE="  ", TIME=[""], FOO="'; DROP TABLE x", POL="I", VERB="3", circle="1 2 3")
    assert selection == Selection(circle=Circle(1, 2, 3))
    assert parsed() == Selection()
    assert parse_selection({"circle": "1 2 3"}) == selection  # a text instead of a list of texts


def test_trivial_requests() -> None:
    for values in ({}, {"ID": "x"}, {"RESPONSES": "include"}, {"RESPONSEFORMAT": "fits"}, {"TIME": "-Inf Inf"}):
        assert parsed(**values).is_trivial
    for values in ({"RESPONSES": "omit"}, {"RESPONSEFORMAT": "votable"}):
        assert not parsed(**values).is_trivial
        assert not parsed(**values).is_filter
    for values in ({"CIRCLE": "1 2 3"}, {"TIME": "1 2"}, {"BAND": "1 2"}, {"ENERGY": "1 2"}, {"EVENT_TYPE": "a"}):
        assert parsed(**values).is_filter
        assert not parsed(**values).is_trivial


def test_all_regions_are_filters() -> None:
    selection = parsed(CIRCLE="1 2 3", POLYGON=TRIANGLE, POS="RANGE 0 1 2 3")
    assert selection.regions == (Circle(1, 2, 3), Polygon([(82, 21), (82, 23), (84, 22)]), Range(0, 1, 2, 3))


# -- energies


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_a_band_is_a_range_of_energies(one: float, other: float) -> None:
    low, high = sorted((one, other))
    band = f"{1.239841984332e-18 / high!r} {1.239841984332e-18 / low!r}"
    energies = parsed(BAND=band).energies_tev
    assert energies is not None
    assert energies.low == pytest.approx(low, rel=1e-15)
    assert energies.high == pytest.approx(high, rel=1e-15)


@pytest.mark.parametrize(
    ("band", "energy", "low", "high"),
    [
        ("1.239841984332e-18 Inf", None, 0, 1),
        ("-Inf 1.239841984332e-18", None, 1, INF),
        ("0 1.239841984332e-18", None, 1, INF),
        ("-1 1.239841984332e-18", None, 1, INF),
        ("1.239841984332e-19 1.239841984332e-18", "0.5 5", 1, 5),
        ("1.239841984332e-19 1.239841984332e-18", "20 30", 20, 10),
        (None, "0.5 5", 0.5, 5),
    ],
)
def test_band_and_energy_together(band: str | None, energy: str | None, low: float, high: float) -> None:
    values = {name: value for name, value in (("BAND", band), ("ENERGY", energy)) if value is not None}
    energies = parsed(**values).energies_tev
    assert energies is not None
    assert (energies.low, energies.high) == pytest.approx((low, high))
    assert energies.is_empty == (low > high)


# -- what is refused


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("CIRCLE", "83 22", "ra, dec and radius in degrees, not 2 numbers"),
        ("CIRCLE", "83 22 1 2", "not 4 numbers"),
        ("CIRCLE", "83,22,1", "'83,22,1' is not a decimal number; separate numbers by blanks"),
        ("CIRCLE", "83 22 -1", "radius -1 is not within 0 and 180"),
        ("CIRCLE", "83 22 181", "radius 181"),
        ("CIRCLE", "83 91 1", "declination 91"),
        ("CIRCLE", "400 0 1", "right ascension 400"),
        ("CIRCLE", "83 22 Inf", "'Inf' is not possible here"),
        ("CIRCLE", "NaN 22 1", "NaN is not a number"),
        ("CIRCLE", "1_0 22 1", "'1_0' is not a decimal number"),
        ("CIRCLE", "0x10 22 1", "'0x10' is not"),
        ("CIRCLE", "1e999 22 1", "too large a number"),
        ("CIRCLE", "1d1 22 1", "'1d1' is not"),
        ("CIRCLE", "\u0661 22 1", "'?' is not"),
        ("CIRCLE", "'; DROP TABLE cta.dataset; --", "is not a decimal number"),
        ("POLYGON", "82 21 82 23", "at least three pairs of ra and dec in degrees, not 4 numbers"),
        ("POLYGON", "82 21 82 23 84", "not 5 numbers"),
        ("POLYGON", "84 22 82 23 82 21", "more than half the sky"),
        ("POLYGON", "82 21 84 23 84 21 82 23.5", "cross each other"),
        ("POLYGON", "82 21 82 23 84 nan", "NaN"),
        ("POLYGON", " ".join(["1 2"] * 1002), "at most 1000 vertices, not 1002"),
        ("POS", "BOX 1 2 3 4", "begins with CIRCLE, RANGE or POLYGON, not 'BOX'"),
        ("POS", "83 22 1", "not '83'"),
        ("POS", "CIRCLE", "not 0 numbers"),
        ("POS", "RANGE 0 1 2", "not 3 numbers"),
        ("POS", "RANGE 20 10 0 1", "begins at 20 and ends at 10"),
        ("POS", "RANGE 10 20 1 0", "declination begins at 1 and ends at 0"),
        ("POS", "RANGE Inf 20 1 2", "begins at Inf"),
        ("POS", "RANGE 1 NaN 1 2", "NaN"),
        ("TIME", "53090.2 53090.1", "reversed"),
        ("TIME", "53090.2", "two numbers separated by a blank, not 1"),
        ("TIME", "1 2 3", "not 3"),
        ("TIME", "NaN 3", "NaN"),
        ("TIME", "3 nan", "NaN"),
        ("TIME", "Inf Inf", "holds no number"),
        ("TIME", "-Inf -Inf", "holds no number"),
        ("TIME", "2004-03-26 2004-03-27", "'2004-03-26' is not a decimal number"),
        ("BAND", "2 1", "reversed"),
        ("ENERGY", "Inf 1", "reversed"),
        ("ENERGY", "1 TeV", "'TeV' is not"),
        ("EVENT_TYPE", "a\nb", "printable ASCII"),
        ("EVENT_TYPE", "x" * 65, "printable ASCII"),
        ("EVENT_TYPE", ["a"] * 65, "at most 64"),
        ("RESPONSES", "yes", "include or omit, not 'yes'"),
        ("RESPONSEFORMAT", "text/csv", "application/fits or application/x-votable"),
        ("RESPONSEFORMAT", "votable" * 40, "280 characters; at most 200"),
    ],
)
def test_usage_errors(name: str, value: str | list[str], sentence: str) -> None:
    error = refused(**{name: value})
    assert (error.token, error.status) == ("UsageError", 400)
    assert sentence in error.sentence
    assert name in error.sentence
    assert error.body == f"UsageError: {error.sentence}\n"
    assert error.sentence.isascii()
    assert error.sentence.endswith(".")
    assert len(error.sentence) < 300


@pytest.mark.parametrize("name", ["POS", "POLYGON", "CIRCLE", "TIME", "EVENT_TYPE"])
@pytest.mark.parametrize("value", ["1" * 10**6, "1 " * 500_000, "POLYGON " + "0.5 0.25 " * 111_110, " " * 10**6])
def test_a_million_characters_are_refused_at_once(name: str, value: str) -> None:
    start = time.perf_counter()
    error = refused(**{name: value})
    assert time.perf_counter() - start < 0.1
    assert (error.token, error.status) == ("UsageError", 400)
    limit = MAX_CHARACTERS if name in ("POS", "POLYGON") else 200
    assert f"at most {limit} are read" in error.sentence


@pytest.mark.parametrize("value", ["1" * MAX_CHARACTERS, "1 " * (MAX_CHARACTERS // 2), "POLYGON " + "1" * 39_000])
def test_the_longest_value_is_read_fast(value: str) -> None:
    start = time.perf_counter()
    refused(POS=value)
    assert time.perf_counter() - start < 0.5


def test_the_largest_polygon_is_read_fast() -> None:
    angle = np.linspace(0, 2 * np.pi, 1000, endpoint=False)
    vertices = np.column_stack((83 + np.sin(angle), 22 + np.cos(angle))).ravel().round(9)
    value = " ".join(map(str, vertices.tolist()))
    start = time.perf_counter()
    selection = parsed(POLYGON=value)
    assert time.perf_counter() - start < 1.0
    assert selection.polygon is not None
    assert len(selection.polygon.vertices_deg) == 1000


@settings(max_examples=400)
@given(
    st.dictionaries(
        st.sampled_from(["CIRCLE", "POLYGON", "POS", "TIME", "BAND", "ENERGY", "EVENT_TYPE", "RESPONSES", "X"]),
        st.lists(
            st.text(max_size=40)
            | st.from_regex(r"(CIRCLE |RANGE |POLYGON )?([-+]?(\d{1,3}(\.\d)?|Inf|NaN|1e9+) ){0,7}", fullmatch=True),
            max_size=3,
        ),
    )
)
def test_whatever_is_sent_the_answer_is_a_selection_or_a_sentence(values: dict[str, list[str]]) -> None:
    for parse in (parse_selection, parse_selections):
        try:
            made = parse(values)
        except SodaError as error:
            assert error.status == 400
            assert error.token in ("UsageError", "MultiValuedParamNotSupported")
            assert error.sentence.isprintable()
        else:
            assert made


# -- several values


@pytest.mark.parametrize(
    "name", ["CIRCLE", "POLYGON", "POS", "TIME", "BAND", "ENERGY", "RESPONSES", "RESPONSEFORMAT", "Time"]
)
def test_sync_takes_one_value(name: str) -> None:
    error = refused(**{name: ["1 2", "1 2"]})
    assert (error.token, error.status) == ("MultiValuedParamNotSupported", 400)
    assert name.upper() in error.sentence


def test_sync_takes_one_value_however_the_name_is_written() -> None:
    with pytest.raises(SodaError, match="MultiValuedParamNotSupported"):
        parse_selection({"TIME": ["1 2"], "time": ["3 4"]})


def test_async_makes_all_combinations() -> None:
    made = parse_selections(
        {
            "CIRCLE": ["1 2 3", "4 5 6"],
            "TIME": ["1 2", "3 4", "5 6"],
            "EVENT_TYPE": ["a", "b"],
            "RESPONSES": ["omit"],
            "ID": ["x", "y"],
        }
    )
    assert len(set(made)) == len(made) == 6
    assert {selection.circle for selection in made} == {Circle(1, 2, 3), Circle(4, 5, 6)}
    assert all(selection.event_types == ("a", "b") and not selection.with_responses for selection in made)
    assert parse_selections({}) == [Selection()]


@pytest.mark.parametrize("name", ["RESPONSES", "RESPONSEFORMAT"])
def test_async_takes_one_format(name: str) -> None:
    with pytest.raises(SodaError, match="MultiValuedParamNotSupported"):
        parse_selections({name: ["a", "b"]})


def test_async_refuses_too_many_combinations_before_making_them() -> None:
    times = [f"{start} {start + 1}" for start in range(3000)]
    start = time.perf_counter()
    with pytest.raises(SodaError, match=r"9000000 combinations; at most 1000"):
        parse_selections({"TIME": times, "ENERGY": times})
    assert time.perf_counter() - start < 0.5


# -- printing


NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
INTERVALS = st.tuples(NUMBERS | st.just(-INF), NUMBERS).map(lambda pair: Interval(min(pair), max(pair)))
SELECTIONS = st.builds(
    Selection,
    circle=st.none() | st.builds(Circle, st.floats(0, 360), st.floats(-90, 90), st.floats(0, 179)),
    polygon=st.none() | st.just(Polygon([(82.1, 21), (82, 23.25), (84, 22)])),
    pos=st.none()
    | st.builds(Circle, st.floats(0, 360), st.floats(-90, 90), st.floats(0, 179))
    | st.builds(Range, st.floats(-20, 10), st.floats(10, 40), st.floats(-90, 0), st.floats(0, 90)),
    time_mjd_utc=st.none() | INTERVALS,
    band_m=st.none() | INTERVALS,
    energy_tev=st.none() | INTERVALS,
    event_types=st.lists(st.sampled_from(["a", "3", "b c"]), unique=True).map(tuple),
    with_responses=st.booleans(),
    media_type=st.sampled_from([FITS_TYPE, VOTABLE_TYPE]),
)


@given(SELECTIONS)
def test_a_selection_prints_the_parameters_that_make_it(selection: Selection) -> None:
    values: dict[str, list[str]] = {}
    for name, value in selection.parameters():
        values.setdefault(name, []).append(value)
    assert parse_selection(values) == selection


def test_printing() -> None:
    selection = parsed(
        CIRCLE="83.60 22.0 5e-1", POS="range 1 2 -Inf 3", TIME="-inf 53090.5", BAND="1e-19 2e-19", EVENT_TYPE=["a", "b"]
    )
    assert selection.parameters() == [
        ("CIRCLE", "83.6 22 0.5"),
        ("POS", "RANGE 1 2 -90 3"),
        ("TIME", "-Inf 53090.5"),
        ("BAND", "1e-19 2e-19"),
        ("EVENT_TYPE", "a"),
        ("EVENT_TYPE", "b"),
    ]
    assert Selection().parameters() == []


@given(st.floats(allow_nan=False))
def test_numbers_read_back_the_same(value: float) -> None:
    assert parse_numbers(number_text(value), infinite=True) == [value]


# -- errors and overlap


def test_tokens_and_status() -> None:
    assert {token: SodaError(token, "x.").status for token in STATUS} == STATUS
    assert SodaError("UsageError", "no such ID.", 404).status == 404
    assert (failure("x.").status, failure("x.").token) == (500, "Error")
    assert NoOverlap.status == 204


BOUNDS = DatasetBounds(83.6, 22, 2.5, 0.5, 50, 53090.1, 53090.2)


@pytest.mark.parametrize(
    ("values", "misses"),
    [
        ({"CIRCLE": "83 22 1"}, False),
        ({"CIRCLE": "90 22 1"}, True),
        ({"CIRCLE": "88 22 5"}, False),
        ({"POLYGON": "0 0 0 10 10 0"}, True),
        ({"POS": "RANGE 80 81 20 24"}, False),
        ({"POS": "RANGE 80 81 20 24", "CIRCLE": "90 22 1"}, True),
        ({"ENERGY": "60 70"}, True),
        ({"ENERGY": "0.1 0.4"}, True),
        ({"ENERGY": "0.1 0.5"}, False),
        ({"ENERGY": "50 Inf"}, False),
        ({"BAND": "1e-17 2e-17"}, True),
        ({"TIME": "1 2"}, False),
        ({"EVENT_TYPE": "x"}, False),
    ],
)
def test_missing_the_footprint_or_the_energies(values: dict[str, str], misses: bool) -> None:
    assert misses_bounds(parsed(**values), BOUNDS) is misses
    assert not misses_bounds(parsed(**values), DatasetBounds())


@pytest.mark.parametrize(
    ("values", "out"),
    [
        ({"TIME": "53090 53090.05"}, True),
        ({"TIME": "53090.3 Inf"}, True),
        ({"TIME": "-Inf 53080"}, True),
        ({"TIME": "53090.15 53090.16"}, False),
        ({"TIME": "53090.2001 53090.3"}, False),  # near misses are left to the file
        ({"ENERGY": "20 30", "BAND": "1e-18 2e-18"}, True),
        ({"CIRCLE": "0 0 1"}, False),
    ],
)
def test_being_out_of_time(values: dict[str, str], out: bool) -> None:
    assert cannot_overlap(parsed(**values), BOUNDS) is out
