# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of ingest.timescale, with astropy as the independent judge."""

from __future__ import annotations

import datetime

import erfa
import numpy as np
import pytest
from astropy.time import Time, TimeDelta
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ingest.timescale import DAY_S, TimeError, TimeReference, convert_mjd, iso_from_mjd

# dates past the table of leap seconds are meant; ERFA warns about them
pytestmark = pytest.mark.filterwarnings("ignore:.*dubious year", "ignore:leap-second")

SCALES = ("utc", "tai", "tt", "tdb", "tcb")
HESS = {"MJDREFI": 51910, "MJDREFF": 0.000742870370370241, "TIMEUNIT": "s", "TIMESYS": "TT", "TIMEREF": "local"}
CTA_1DC = {"MJDREFI": 51544, "MJDREFF": 0.5, "TIMEUNIT": "s", "TIMESYS": "TT", "TIMEREF": "LOCAL"}

# a few 1e-12 d are lost to the size of a double MJD; the series for TDB is good to 10 us
TOLERANCE = {"utc": 3e-11, "tai": 3e-11, "tt": 3e-11, "tdb": 3e-10, "tcb": 3e-10}

SECONDS_1990_2035 = st.floats(0.0, 45 * 365.25 * DAY_S)
LEAP_DAYS = [
    datetime.date(int(row["year"]), int(row["month"]), 1).toordinal() - 678576 - 1
    for row in erfa.leap_seconds.get()
    if row["year"] > 1972
]


def mjd_of(time: Time) -> NDArray[np.float64]:
    """Return the MJD of an astropy time without first adding the large part."""
    return np.asarray((time.jd1 - 2400000.5) + time.jd2)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("source", SCALES)
@settings(max_examples=60, deadline=None)
@given(seconds=st.lists(SECONDS_1990_2035, min_size=1, max_size=5), fraction=st.floats(0, 1, exclude_max=True))
def test_agrees_with_astropy(source: str, scale: str, seconds: list[float], fraction: float) -> None:
    """All pairs of scales, 1990 to 2035."""
    reference = TimeReference(47892.0, fraction, source)
    expected = Time(47892.0, fraction, format="mjd", scale=source) + TimeDelta(np.array(seconds), format="sec")
    tolerance = max(TOLERANCE[source], TOLERANCE[scale])
    result = reference.to_mjd(seconds, scale)
    assert result.shape == (len(seconds),)
    np.testing.assert_allclose(result, mjd_of(getattr(expected, scale)), rtol=0, atol=tolerance)


@pytest.mark.parametrize("source", SCALES)
@settings(max_examples=200, deadline=None)
@given(day=st.sampled_from(LEAP_DAYS), seconds=st.floats(-70.0, 70.0) | st.floats(86330.0, 86470.0))
def test_leap_second_days(source: str, day: int, seconds: float) -> None:
    """Before, in and after every leap second since 1972, from and to UTC."""
    reference = TimeReference(float(day), 0.0, source)
    expected = Time(day, 0.0, format="mjd", scale=source) + TimeDelta(seconds, format="sec")
    for scale in SCALES:
        np.testing.assert_allclose(
            reference.to_mjd(seconds, scale),
            mjd_of(getattr(expected, scale)),
            rtol=0,
            atol=max(TOLERANCE[source], TOLERANCE[scale]),
        )


def test_utc_is_continuous_over_a_leap_second() -> None:
    """The last UTC day of 2016 has 86401 s and its MJD never steps."""
    reference = TimeReference(57753.0, 0.0, "tai")
    moments = 36.0 + np.arange(86390.0, 86412.0, 0.01)
    mjd = reference.to_mjd(moments, "utc")
    assert np.all(np.diff(mjd) > 0)
    assert np.diff(mjd).max() < 0.0101 / DAY_S
    assert reference.to_mjd(36.0 + 86401.0, "utc") == pytest.approx(57754.0, abs=1e-11)


@pytest.mark.parametrize("around", [-1e-6, -1e-7, 0.0, 1e-7, 1e-6])
def test_rounding_at_a_leap_second_costs_no_second(around: float) -> None:
    """A time within rounding of the end of a leap second lands on the right side or on the edge."""
    for day in LEAP_DAYS:
        reference = TimeReference(float(day + 1), 0.0, "utc")
        tai = float(reference.to_mjd(0.0, "tai")) - (day + 1)
        back = TimeReference(float(day + 1), 0.0, "tai").to_mjd(tai * DAY_S + around, "utc")
        assert back == pytest.approx(day + 1, abs=1e-10)


@pytest.mark.parametrize(
    ("scale", "start", "stop"),
    [
        ("tt", 53090.123451204, 53090.142918796),
        ("utc", 53090.122708333, 53090.142175926),
        ("tai", 53090.123078704, None),
        ("tdb", 53090.123451223, None),
    ],
)
def test_hess_20136(scale: str, start: float, stop: float | None) -> None:
    """H.E.S.S. DL3 DR1, observation 20136."""
    mjd = TimeReference.from_header(HESS).to_mjd([101962602, 101964284], scale)
    assert mjd[0] == pytest.approx(start, abs=1e-9)
    if stop is not None:
        assert mjd[1] == pytest.approx(stop, abs=1e-9)


def test_cta_1dc_110380() -> None:
    """CTA first data challenge, observation 110380."""
    reference = TimeReference.from_header(CTA_1DC)
    times = [664502400, 664504200]
    np.testing.assert_allclose(reference.to_mjd(times, "TT"), [59235.5, 59235.520833333], rtol=0, atol=1e-9)
    np.testing.assert_allclose(reference.to_mjd(times, "UTC"), [59235.499199259, 59235.520032593], rtol=0, atol=1e-9)
    assert iso_from_mjd(float(reference.to_mjd(times[0], "utc"))) == "2021-01-21T11:58:50.816"


def test_ctapipe_reference() -> None:
    """The zero point of ctapipe, 2018-01-01 in TAI."""
    reference = TimeReference.from_header({"MJDREFI": 58119, "MJDREFF": 0.0, "TIMESYS": "tai"})
    assert iso_from_mjd(float(reference.to_mjd(0, "utc"))) == "2017-12-31T23:59:23.000"
    assert reference.to_mjd(0, "tt") == pytest.approx(58119.0003725, abs=1e-10)


def test_header_variants() -> None:
    """Single MJDREF, units, lower case and blanks, aliases, realisations."""
    read = TimeReference.from_header
    assert read({"MJDREF": 55197.25, "TIMESYS": " utc "}) == TimeReference(55197.0, 0.25, "utc", 1.0)
    assert read({"MJDREFI": 51910, "TIMESYS": "TT"}) == TimeReference(51910.0, 0.0, "tt")
    assert read({"MJDREFI": "51910", "MJDREFF": "0.5", "TIMESYS": "TT"}).mjdref_frac == 0.5
    assert read({"MJDREF": 0, "TIMESYS": "TDT", "TIMEUNIT": "D "}) == TimeReference(0.0, 0.0, "tt", DAY_S)
    assert read({"MJDREF": 0, "TIMESYS": "UTC(NIST)"}).scale == "utc"
    assert read({"MJDREF": 0}, default_scale="TT").scale == "tt"
    assert read({"MJDREF": 0, "TIMESYS": "TAI"}, default_scale="TT").scale == "tai"
    assert read({"MJDREF": 1.5, "MJDREFI": 7, "MJDREFF": 0.25, "TIMESYS": "TT"}).mjdref_int == 7


def test_gps_is_tai_minus_19_s() -> None:
    """GPS time starts on 1980-01-06 in UTC."""
    reference = TimeReference.from_header({"MJDREF": 44244, "TIMESYS": "GPS"})
    assert reference.scale == "tai"
    assert reference.to_mjd(0, "utc") == pytest.approx(44244.0, abs=1e-11)
    assert iso_from_mjd(float(reference.to_mjd(1e9, "utc"))) == "2011-09-14T01:46:25.000"


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ({"TIMESYS": "TT"}, "MJDREF"),
        ({"MJDREFI": 1}, "TIMESYS"),
        ({"MJDREFI": 1, "TIMESYS": " "}, "TIMESYS"),
        ({"MJDREFI": 1, "TIMESYS": "LOCAL"}, "LOCAL"),
        ({"MJDREFI": 1, "TIMESYS": "UT1"}, "UT1"),
        ({"MJDREFI": "x", "TIMESYS": "TT"}, "MJDREFI"),
        ({"MJDREF": float("nan"), "TIMESYS": "TT"}, "MJDREF"),
        ({"MJDREFI": 1, "TIMESYS": "TT", "TIMEUNIT": "fortnight"}, "fortnight"),
    ],
)
def test_bad_headers(header: dict[str, object], part: str) -> None:
    """What cannot be understood is refused with a sentence that names it."""
    with pytest.raises(TimeError, match=part) as info:
        TimeReference.from_header(header)
    assert str(info.value).endswith(".")


def test_units_of_time_values() -> None:
    """Days, hours and seconds give the same instant."""
    expected = TimeReference(55000.0, 0.0, "tt").to_mjd(5400.0, "utc")
    assert TimeReference(55000.0, 0.0, "tt", 3600.0).to_mjd(1.5, "utc") == expected
    assert TimeReference(55000.0, 0.0, "tt", DAY_S).to_mjd(0.0625, "utc") == expected


def test_shapes_and_missing_values() -> None:
    """Shapes are kept, NaN stays NaN, nothing comes out of nothing, foreign byte order is read."""
    reference = TimeReference.from_header(HESS)
    for scale in SCALES:
        assert reference.to_mjd(1.0, scale).shape == ()
        assert reference.to_mjd(np.ones((2, 3)), scale).shape == (2, 3)
        assert reference.to_mjd([], scale).size == 0
        mixed = reference.to_mjd(np.array([np.nan, 1.0], dtype=">f8"), scale)
        assert np.isnan(mixed[0]) and mixed[1] == reference.to_mjd(1.0, scale)


def test_before_1972() -> None:
    """UTC is refused before 1972, the other scales are not."""
    reference = TimeReference(40000.0, 0.0, "tt")
    assert reference.to_mjd(0.0, "tai") == pytest.approx(40000 - 32.184 / DAY_S, abs=1e-11)
    with pytest.raises(TimeError, match="1972"):
        reference.to_mjd([0.0, 1e9], "utc")
    with pytest.raises(TimeError, match="1972"):
        TimeReference(40000.0, 0.0, "utc").to_mjd(0.0, "tt")
    assert TimeReference(40000.0, 0.0, "utc").to_mjd(1e9, "tt") > 51000
    assert TimeReference(41317.0, 0.0, "utc").to_mjd(0.0, "tai") == pytest.approx(41317 + 10 / DAY_S, abs=1e-11)


def test_unknown_target_scale() -> None:
    """A misspelt scale is an error, not a default."""
    with pytest.raises(TimeError, match="tx"):
        TimeReference.from_header(HESS).to_mjd(0.0, "tx")


@settings(max_examples=200, deadline=None)
@given(mjd=st.floats(48000.0, 64000.0), source=st.sampled_from(SCALES), target=st.sampled_from(SCALES))
def test_convert_mjd_there_and_back(mjd: float, source: str, target: str) -> None:
    """convert_mjd agrees with astropy and inverts itself."""
    there = convert_mjd(mjd, source, target)
    expected = mjd_of(getattr(Time(mjd, format="mjd", scale=source), target))
    assert there == pytest.approx(expected, abs=max(TOLERANCE[source], TOLERANCE[target]), rel=0)
    assert convert_mjd(there, target, source) == pytest.approx(mjd, abs=4e-11, rel=0)


def test_tdb_minus_tt_vector() -> None:
    """TT 59235.5 is TCB 24 s later and TDB the same to 2 ms."""
    assert abs(float(convert_mjd(59235.5, "tt", "tdb")) - 59235.5) * DAY_S < 0.002
    assert (float(convert_mjd(59235.5, "tt", "tcb")) - 59235.5) * DAY_S == pytest.approx(21.5, abs=0.5)


@settings(max_examples=300, deadline=None)
@given(mjd=st.floats(41317.0, 64000.0))
def test_iso_agrees_with_astropy(mjd: float) -> None:
    """The text is that of astropy, but for halves of milliseconds."""
    ours, theirs = iso_from_mjd(mjd), Time(mjd, format="mjd", scale="utc").isot
    assert abs((Time(ours, scale="utc") - Time(theirs, scale="utc")).sec) < 1.1e-3
    assert len(ours) == 23


def test_iso_corner_cases() -> None:
    """Leap second, rounding up over midnight, limits."""
    assert iso_from_mjd(57753 + 86400.5 / 86401) == "2016-12-31T23:59:60.500"
    assert iso_from_mjd(57753 + 86400.9999 / 86401) == "2017-01-01T00:00:00.000"
    assert iso_from_mjd(57753 + 0.5, "tt") == "2016-12-31T12:00:00.000"
    assert iso_from_mjd(59000 - 1e-10) == "2020-05-31T00:00:00.000"
    assert iso_from_mjd(-678575) == "0001-01-01T00:00:00.000"
    for bad in (float("nan"), float("inf"), 1e9, -1e6):
        with pytest.raises(TimeError):
            iso_from_mjd(bad)
