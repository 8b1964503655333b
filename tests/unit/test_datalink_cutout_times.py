# SPDX-License-Identifier: GPL-3.0-or-later
"""Cuts in TIME: time scales, good time intervals, and all that headers say about time (soda.md, section 5.2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.time import Time, TimeDelta
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalink.soda.clock import Clock
from datalink.soda.errors import NoOverlap, SodaError
from ingest.timescale import TimeError
from tests.unit.cutout_files import (
    START,
    START_UTC,
    STOP,
    STOP_UTC,
    cut,
    cut_with,
    made_columns,
    made_events,
    opened,
    request,
    written,
)
from tests.unit.fits_files import HEADER, TIME, gti, pointing, response, table

SECOND_D = 1 / 86400


def header_after(path: Path, time: str, hdu: str = "EVENTS") -> fits.Header:
    return opened(cut(path, TIME=time)[0])[hdu].header


def tai_file(tmp_path: Path, **cards: Any) -> Path:
    """Return a file that counts TAI seconds from 2018, as CTAO's writer does, of 2023-11-27T01:53:42 TAI, 1524 s."""
    reference = {"mjdrefi": 58119, "mjdreff": 0.0, "timesys": "TAI", "tstart": 186285222.0, "tstop": 186286746.0}
    times = np.linspace(reference["tstart"], reference["tstop"], 200)
    events = made_events(200, time=times, **reference, ontime=1524.0, livetime=1451.4576, deadc=0.9524, **cards)
    intervals = gti([(reference["tstart"], reference["tstop"])], mjdrefi=58119, mjdreff=0.0, timesys="TAI")
    return written(tmp_path / "tai.fits", events, intervals)


# -- scales


def test_utc_is_not_tt(tmp_path: Path) -> None:
    """H.E.S.S. counts TT: a second about TSTART in UTC, taken for TT, would lie 64.184 s before the first event."""
    times = np.append(START + np.array([0.2, 0.4, 1.2, 64.3]), np.linspace(START + 100, STOP, 20))
    path = written(tmp_path / "a.fits", made_events(24, time=times), gti())
    content, result = cut(path, TIME=f"{START_UTC - 0.5 * SECOND_D!r} {START_UTC + 0.5 * SECOND_D!r}")
    assert result.n_events_out == 2
    header = opened(content)["EVENTS"].header
    assert header["TSTART"] == START
    assert header["TSTOP"] == pytest.approx(START + 0.5, abs=2e-6)
    assert header["ONTIME"] == pytest.approx(0.5, abs=2e-6)


@pytest.mark.parametrize("scale", ["UTC", "utc", "TAI", "TT", "TDB", "TCB", "TDT", "GPS"])
@pytest.mark.parametrize("reference", [(51910, 0.000742870370370241), (55835, 0.0), (52706, 0.25), (41317, 0.0)])
def test_scales_are_those_of_astropy(tmp_path: Path, scale: str, reference: tuple[int, float]) -> None:
    """A file's time is a count of seconds since MJDREF, leap seconds included, as gammapy reads it."""
    name = {"TDT": "tai", "GPS": "tai"}.get(scale, scale.lower())
    zero = Time(*reference, format="mjd", scale="tt" if scale == "TDT" else name)
    if scale == "GPS":
        zero = zero + TimeDelta(19, format="sec")
    start = round((Time("2014-07-01T00:00:00", scale="utc") - zero).sec)
    times = start + np.arange(0, 1000, 0.5)
    cards = {
        "timesys": scale,
        "mjdrefi": reference[0],
        "mjdreff": reference[1],
        "tstart": start,
        "tstop": start + 1000.0,
    }
    events, intervals = made_events(2000, time=times, **cards), gti([(start, start + 1000)], **cards)
    path = written(tmp_path / "a.fits", events, intervals)
    limits = [(zero + TimeDelta(start + after, format="sec")).utc.mjd for after in (100.25, 300.75)]
    content, result = cut(path, TIME=f"{float(limits[0])!r} {float(limits[1])!r}")
    kept = opened(content)["EVENTS"].data["TIME"]
    assert (kept[0] - start, kept[-1] - start, result.n_events_out) == (100.5, 300.5, 401)
    assert opened(content)["GTI"].data["START"][0] - start == pytest.approx(100.25, abs=2e-6)


def test_a_leap_second_within_a_run(tmp_path: Path) -> None:
    """2016-12-31T23:59:60: cuts on both sides of it add up."""
    zero = Time(55835, format="mjd", scale="utc")
    start = (Time("2016-12-31T23:55:00", scale="utc") - zero).sec
    cards = {"timesys": "UTC", "mjdrefi": 55835, "mjdreff": 0, "tstart": start, "tstop": start + 601.0}
    path = written(
        tmp_path / "a.fits",
        made_events(1202, time=start + np.arange(1202) * 0.5 + 0.1, **cards, date__obs="x"),
        gti([(start, start + 601.0)], **cards),
    )
    before, after = cut(path, TIME="-Inf 57754"), cut(path, TIME="57754 Inf")
    assert (before[1].n_events_out, after[1].n_events_out) == (602, 600)
    assert opened(before[0])["EVENTS"].header["ONTIME"] == pytest.approx(301, abs=1e-5)
    assert opened(after[0])["EVENTS"].header["ONTIME"] == pytest.approx(300, abs=1e-5)


def test_a_utc_reference_before_1972_counts_days(tmp_path: Path) -> None:
    """Unix time, which knows no leap seconds, written as UTC since 1970."""
    start = 1404172800.0  # 2014-07-01T00:00:00
    cards = {"timesys": "UTC", "mjdrefi": 40587, "mjdreff": 0, "tstart": start, "tstop": start + 600}
    path = written(
        tmp_path / "a.fits",
        made_events(600, time=start + np.arange(600) + 0.5, **cards),
        gti([(start, start + 600)], **cards),
    )
    assert cut(path, TIME=f"-Inf {56839 + 300 * SECOND_D!r}")[1].n_events_out == 300


def test_the_scale_of_the_gti_or_the_collection_helps_out(tmp_path: Path) -> None:
    without = dict.fromkeys(("mjdrefi", "mjdreff", "timesys", "timeunit"))
    path = written(tmp_path / "a.fits", made_events(200, **without), gti())
    complete = written(tmp_path / "b.fits", made_events(200), gti())
    time = "53090.13 53090.135"
    assert cut(path, TIME=time)[1].n_events_out == cut(complete, TIME=time)[1].n_events_out > 0
    silent = written(tmp_path / "c.fits", made_events(200, timesys=None), gti(timesys=None))
    asked = request(default_timesys="tt")
    assert cut_with(silent, asked, TIME=time)[1].n_events_out == cut(complete, TIME=time)[1].n_events_out
    with pytest.raises(SodaError, match=r"Error: The file of this dataset cannot be cut: The header has no TIMESYS"):
        cut(silent, TIME=time)
    assert cut(silent, ENERGY="1 2")[1].n_events_out > 0


def test_events_and_gti_may_count_from_different_moments(tmp_path: Path) -> None:
    offset = 86400.0 * 100
    intervals = gti([(START - offset, STOP - offset)], mjdrefi=TIME["MJDREFI"] + 100)
    path = written(tmp_path / "a.fits", made_events(200), intervals)
    content, _ = cut(path, TIME="53090.13 53090.135")
    hdus = opened(content)
    assert hdus["EVENTS"].header["TSTART"] == pytest.approx(hdus["GTI"].data["START"][0] + offset, abs=3e-6)
    assert hdus["EVENTS"].data["TIME"].min() >= hdus["EVENTS"].header["TSTART"] - 3e-6


@pytest.mark.parametrize(("unit", "seconds"), [("d", 86400.0), ("h", 3600.0), ("min", 60.0), ("ms", 1e-3)])
@pytest.mark.parametrize("durations_in", ["s", "unit"])
def test_other_units(tmp_path: Path, unit: str, seconds: float, durations_in: str) -> None:
    length = 1682.0 / (seconds if durations_in == "unit" else 1.0)
    columns = {
        "timeunit": unit,
        "tstart": START / seconds,
        "tstop": STOP / seconds,
        "ontime": length,
        "telapse": length,
    }
    events = made_events(200, **columns)
    times = events.data["TIME"].copy()
    events = made_events(200, time=times / seconds, **columns)
    events.columns["TIME"].unit = unit
    intervals = gti([(START / seconds, STOP / seconds)], unit=None, timeunit=unit)
    path = written(tmp_path / "a.fits", events, intervals)
    content, result = cut(path, TIME="53090.13 53090.135")
    same, expected = cut(written(tmp_path / "b.fits", made_events(200), gti()), TIME="53090.13 53090.135")
    assert result.n_events_out == expected.n_events_out
    header, other = opened(content)["EVENTS"].header, opened(same)["EVENTS"].header
    assert header["TSTART"] * seconds == pytest.approx(other["TSTART"], abs=3e-6)
    factor = seconds if durations_in == "unit" else 1.0
    for key in ("ONTIME", "TELAPSE"):
        assert header[key] * factor == pytest.approx(other.get(key, 432.0), abs=3e-5)
    assert header["LIVETIME"] == pytest.approx(header["ONTIME"] * 0.9043)


# -- good time intervals


def three(tmp_path: Path, **cards: Any) -> Path:
    """Return a file of three intervals of 100 s, unsorted, and events every second in and between them."""
    intervals = [(START + 400, START + 500), (START, START + 100), (START + 200, START + 300)]
    events = made_events(500, time=START + np.arange(500) + 0.5, ontime=300.0, tstop=START + 500, **cards)
    return written(tmp_path / "three.fits", events, gti(intervals, tstart=START, tstop=START + 500, ontime=300.0))


def mjd(after: float) -> float:
    """Return a moment after START, MJD UTC."""
    return START_UTC + after * SECOND_D


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (-10, 600, [(400, 500), (0, 100), (200, 300)]),
        (50, 450, [(400, 450), (50, 100), (200, 300)]),
        (120, 180, []),
        (100, 200, []),
        (250, 260, [(250, 260)]),
        (-50, 0.001, [(0, 0.001)]),
        (299, 401, [(400, 401), (299, 300)]),
    ],
)
def test_intervals_are_clipped(tmp_path: Path, low: float, high: float, expected: list[tuple[float, float]]) -> None:
    path = three(tmp_path)
    time = f"{mjd(low)!r} {mjd(high)!r}"
    if not expected:
        with pytest.raises(NoOverlap):
            cut(path, TIME=time)
        return
    content, result = cut(path, TIME=time)
    rows = opened(content)["GTI"].data
    made = np.column_stack((rows["START"], rows["STOP"])) - START
    np.testing.assert_allclose(made, expected, rtol=0, atol=3e-6)
    assert result.n_gti == len(expected)
    header = opened(content)["EVENTS"].header
    assert header["TSTART"] - START == pytest.approx(min(start for start, _ in expected), abs=3e-6)
    assert header["TSTOP"] - START == pytest.approx(max(stop for _, stop in expected), abs=3e-6)
    on = sum(stop - start for start, stop in expected)
    assert header["ONTIME"] == pytest.approx(on, abs=1e-5)
    assert header["LIVETIME"] == pytest.approx(0.9043 * header["ONTIME"], rel=1e-12)
    assert header["DEADC"] == 0.9043
    times = opened(content)["EVENTS"].data["TIME"] - START
    # events between the intervals stay: real files have events just outside of their good time
    assert len(times) == sum(low <= t <= high for t in np.arange(500) + 0.5)


def test_headers_of_both_tables_follow(tmp_path: Path) -> None:
    hdus = opened(cut(three(tmp_path), TIME=f"{mjd(50)!r} {mjd(450)!r}")[0])
    for key in ("TSTART", "TSTOP", "ONTIME"):
        assert hdus["GTI"].header[key] == hdus["EVENTS"].header[key]
    assert "LIVETIME" not in hdus["GTI"].header
    assert "Cut to TIME=" in str(hdus["GTI"].header["HISTORY"])


def test_limits_at_the_ends_of_the_data_mean_those(tmp_path: Path) -> None:
    """An MJD holds a microsecond: that must not move TSTART, nor lose the event that is there."""
    path = written(tmp_path / "a.fits", made_events(11, time=np.linspace(START, STOP, 11)), gti())
    content, result = cut(path, TIME=f"{START_UTC!r} {STOP_UTC!r}")
    assert result.n_events_out == 11
    hdus = opened(content)
    assert [tuple(row) for row in hdus["GTI"].data] == [(START, STOP)]
    assert (hdus["EVENTS"].header["TSTART"], hdus["EVENTS"].header["TSTOP"]) == (START, STOP)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.floats(-20, 520, allow_nan=False), min_size=1, max_size=6), st.integers(0, 3))
def test_disjoint_cuts_add_up_to_the_whole(tmp_path: Path, limits: list[float], seed: int) -> None:
    path = three(tmp_path)
    ends = ["-Inf", *(repr(mjd(limit)) for limit in sorted(set(limits))), "Inf"]
    n_events, on, live, ids = 0, 0.0, 0.0, []
    for low, high in zip(ends[:-1], ends[1:], strict=True):
        try:
            content, result = cut(path, TIME=f"{low} {high}")
        except NoOverlap:
            lost = fits.getdata(path, "EVENTS")["TIME"]
            inside = (lost >= START + limit_s(low, -1)) & (lost <= START + limit_s(high, 1))
            ids += fits.getdata(path, "EVENTS")["EVENT_ID"][inside].tolist()
            continue
        header = opened(content)["EVENTS"].header
        n_events, on, live = n_events + result.n_events_out, on + header["ONTIME"], live + header["LIVETIME"]
        ids += opened(content)["EVENTS"].data["EVENT_ID"].tolist()
    assert on == pytest.approx(300, abs=1e-4)
    assert live == pytest.approx(300 * 0.9043, abs=1e-4)
    assert sorted(set(ids)) == list(range(2**40, 2**40 + 500))


def limit_s(limit: str, sign: int) -> float:
    return sign * np.inf if "Inf" in limit else (float(limit) - START_UTC) * 86400


def test_cells_that_are_not_clipped_keep_their_bytes(tmp_path: Path) -> None:
    path = three(tmp_path)
    whole = fits.getdata(path, "GTI")
    cut_out = opened(cut(path, TIME=f"{mjd(50)!r} {mjd(350)!r}")[0])["GTI"].data
    assert cut_out["STOP"].tobytes() == whole["STOP"][1:].tobytes()
    assert cut_out["START"][1:].tobytes() == whole["START"][2:].tobytes()


def test_other_columns_and_types_of_good_time(tmp_path: Path) -> None:
    columns = [
        fits.Column("NAME", "4A", array=["a", "b", "c"]),
        fits.Column("STOP", "E", "s", array=[100.0, 300.0, 500.0]),
        fits.Column("START", "J", "s", array=[0, 200, 400]),
    ]
    late = {"MJDREFI": 53090, "MJDREFF": 0.0, "TIMESYS": "UTC", "TIMEUNIT": "s"}
    path = written(tmp_path / "a.fits", made_events(200), table("GTI", columns, {"HDUCLAS1": "GTI", **late}))
    rows = opened(cut(path, TIME=f"{53090 + 50 * SECOND_D!r} {53090 + 250.4 * SECOND_D!r}")[0])["GTI"].data
    assert rows["NAME"].tolist() == ["a", "b"]
    assert rows["START"].tolist() == [50, 200]
    assert rows["STOP"].tolist() == [100.0, np.float32(250.4)]


def test_intervals_without_sense_are_dropped(tmp_path: Path) -> None:
    intervals = [(START, START + 100), (START + 300, START + 200), (np.nan, START + 400), (START + 500, START + 500)]
    path = written(tmp_path / "a.fits", made_events(200), gti(intervals))
    assert len(opened(cut(path, TIME=f"{mjd(0)!r} Inf")[0])["GTI"].data) == 1
    assert len(opened(cut(path, ENERGY="1 2")[0])["GTI"].data) == 4


def test_without_good_time_the_observation_counts(tmp_path: Path) -> None:
    for number, hdus in enumerate(([], [gti([])])):
        path = written(tmp_path / f"{number}.fits", made_events(300), *hdus, response("aeff"))
        content, result = cut(path, TIME=f"{mjd(100)!r} {mjd(400)!r}")
        assert result.n_events_out > 0
        assert opened(content)["EVENTS"].header["ONTIME"] == pytest.approx(300, abs=1e-5)
        with pytest.raises(NoOverlap):
            cut(path, TIME=f"{mjd(2000)!r} Inf")
    bare = written(tmp_path / "bare.fits", made_events(300, tstart=None, tstop=None))
    with pytest.raises(SodaError, match="neither a good time interval"):
        cut(bare, TIME=f"{mjd(100)!r} {mjd(400)!r}")


def test_gti_before_events(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", gti(), made_events(300))
    other = written(tmp_path / "b.fits", made_events(300), gti())
    time = f"{mjd(100)!r} {mjd(400)!r}"
    first, second = opened(cut(path, TIME=time)[0]), opened(cut(other, TIME=time)[0])
    assert [hdu.name for hdu in first] == ["PRIMARY", "GTI", "EVENTS"]
    assert first["EVENTS"].header["DATASUM"] == second["EVENTS"].header["DATASUM"]
    assert first["EVENTS"].header["ONTIME"] == second["EVENTS"].header["ONTIME"]


def test_pointing_is_kept_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "a.fits", made_events(300), gti(), pointing([228.0] * 5, [-58.0] * 5))
    assert len(opened(cut(path, TIME=f"{mjd(100)!r} {mjd(400)!r}")[0])["POINTING"].data) == 5


def test_events_in_any_order_of_time(tmp_path: Path) -> None:
    times = np.random.default_rng(8).permutation(np.linspace(START, STOP, 400))
    path = written(tmp_path / "a.fits", made_events(400, time=times), gti())
    kept = opened(cut(path, TIME=f"{mjd(100)!r} {mjd(400)!r}")[0])["EVENTS"].data["TIME"]
    assert kept.tolist() == [time for time in times if START + 100 <= time <= START + 400]


def test_times_of_32_bits(tmp_path: Path) -> None:
    columns = made_columns(400)
    columns[1] = fits.Column("TIME", "E", "s", array=columns[1].array)
    path = written(tmp_path / "a.fits", table("EVENTS", columns, HEADER), gti())
    times = fits.getdata(path, "EVENTS")["TIME"].astype(float)
    expected = ((times >= START + 100) & (times <= START + 400)).sum()
    assert cut(path, TIME=f"{mjd(100)!r} {mjd(400)!r}")[1].n_events_out == expected


# -- header values


def test_livetime_without_deadc(tmp_path: Path) -> None:
    for deadc in (None, 0.0, 1.7, "x"):
        path = written(tmp_path / "a.fits", made_events(300, deadc=deadc), gti())
        header = header_after(path, f"{mjd(100)!r} {mjd(400)!r}")
        assert header["LIVETIME"] == pytest.approx(1521.02685546875 / 1682 * 300, abs=1e-4)
    path = written(tmp_path / "a.fits", made_events(300, deadc=None, livetime=None, ontime=None), gti())
    header = header_after(path, f"{mjd(100)!r} {mjd(400)!r}")
    assert not {"LIVETIME", "ONTIME", "DEADC", "TELAPSE", "DATE-OBS"} & set(header)


@pytest.mark.parametrize("scale", ["TAI", "UTC", "TT", "GPS"])
def test_dates_are_in_timesys(tmp_path: Path, scale: str) -> None:
    dates = {
        "date__obs": "2004-03-26T00:00:00",
        "date__beg": "x",
        "date__avg": "x",
        "date__end": "2004-03-26T01:00:00Z",
    }
    cards = {"timesys": scale, "mjdrefi": 53090, "mjdreff": 0.0, "tstart": 10000.0, "tstop": 11000.0, **dates}
    cards["date__beg"] = cards["date__avg"] = "2004-03-26T02:46:40.000"
    times = {"mjd__obs": 1.0, "mjd__avg": 1.0, "mjd__beg": 1.0, "mjd__end": 1.0}
    events = made_events(100, time=10000 + np.arange(100) * 10.0, **cards, **times)
    limits = {key: cards[key] for key in ("timesys", "mjdrefi", "mjdreff")}
    path = written(tmp_path / "a.fits", events, gti([(10000, 11000)], **limits))
    to_utc = {"TAI": -32.0, "UTC": 0.0, "TT": -64.184, "GPS": -13.0}[scale]
    low, high = (53090 + (10000 + after + to_utc) * SECOND_D for after in (100, 300))
    header = header_after(path, f"{low!r} {high!r}")
    assert header["DATE-OBS"] == header["DATE-BEG"] == "2004-03-26T02:48:20.000"
    assert header["DATE-AVG"] == "2004-03-26T02:50:00.000"
    assert header["DATE-END"] == "2004-03-26T02:51:40.000Z"
    assert header["MJD-OBS"] == header["MJD-BEG"] == pytest.approx(53090 + 10100 * SECOND_D, abs=1e-10)
    assert header["MJD-AVG"] == pytest.approx(53090 + 10200 * SECOND_D, abs=1e-10)
    assert header["MJD-END"] == pytest.approx(53090 + 10300 * SECOND_D, abs=1e-10)


def test_dates_and_times_of_day_apart(tmp_path: Path) -> None:
    """H.E.S.S.: TT calendar values in two keywords."""
    dates = {
        "date__obs": "2004-03-26",
        "time__obs": "02:57:46.184",
        "date__end": "2004-03-26",
        "time__end": "03:25:48.184",
    }
    path = written(tmp_path / "a.fits", made_events(300, **dates), gti())
    header = header_after(path, f"{mjd(100)!r} {mjd(400)!r}")
    assert (header["DATE-OBS"], header["TIME-OBS"]) == ("2004-03-26", "02:59:26.184")
    assert (header["DATE-END"], header["TIME-END"]) == ("2004-03-26", "03:04:26.184")


def test_dates_that_were_utc_stay_utc(tmp_path: Path) -> None:
    """CTA-1DC: TIMESYS is TT, DATE_OBS and TIME_OBS are UTC."""
    path = written(tmp_path / "a.fits", made_events(300, date_obs="2004-03-26", time_obs="02:56:42"), gti())
    hdus = fits.open(path)
    assert "DATE_OBS" in hdus["EVENTS"].header
    header = header_after(path, f"{mjd(100)!r} {mjd(400)!r}")
    assert (header["DATE_OBS"], header["TIME_OBS"]) == ("2004-03-26", "02:58:22.000")


@pytest.mark.parametrize("written_as", ["yesterday", "26/03/04", "2004-13-45T99:99:99", "2004-03-26T", 5])
def test_dates_that_are_none_do_no_harm(tmp_path: Path, written_as: object) -> None:
    path = written(tmp_path / "a.fits", made_events(300, date__obs=written_as), gti())
    assert header_after(path, f"{mjd(100)!r} {mjd(400)!r}")["DATE-OBS"].startswith("2004-03-26")


def test_the_sample_style_header_is_complete(tmp_path: Path) -> None:
    """TAI from 2018, dates in TAI: everything that depends on time follows, the rest stays."""
    dates = {
        "date__obs": "2023-11-27T01:53:42.000",
        "date__beg": "2023-11-27T01:53:42.000",
        "date__avg": "2023-11-27T02:06:24.000",
        "date__end": "2023-11-27T02:19:06.000",
    }
    path = tai_file(tmp_path, **dates, telapse=1524.0, trgrate=9366.2)
    before = fits.getheader(path, "EVENTS")
    start = float(Time("2023-11-27T01:53:42", scale="tai").utc.mjd)
    header = header_after(path, f"{start + 100 * SECOND_D!r} {start + 700 * SECOND_D!r}")
    assert header["TSTART"] == pytest.approx(186285322.0, abs=2e-6)
    assert header["TSTOP"] == pytest.approx(186285922.0, abs=2e-6)
    assert header["DATE-OBS"] == "2023-11-27T01:55:22.000"
    assert header["DATE-AVG"] == "2023-11-27T02:00:22.000"
    assert header["DATE-END"] == "2023-11-27T02:05:22.000"
    assert header["TELAPSE"] == header["ONTIME"] == pytest.approx(600, abs=3e-6)
    assert header["LIVETIME"] == pytest.approx(0.9524 * 600, abs=3e-6)
    for key in ("ALT_PNT", "AZ_PNT", "TRGRATE", "DEADC", "RA_PNT", "DEC_PNT", "OBS_ID", "TIMESYS", "MJDREFI"):
        assert header[key] == before[key]
    assert header.comments["NAXIS2"] == before.comments["NAXIS2"]


def test_the_primary_header_follows_if_it_has_times(tmp_path: Path) -> None:
    from tests.unit.fits_files import to_bytes

    for primary in ({"DATE-OBS": "2004-03-26T02:57:46.184", "TSTOP": 1.0, "TELESCOP": "HESS"}, {"TELESCOP": "HESS"}):
        path = tmp_path / "a.fits"
        path.write_bytes(to_bytes(made_events(300), gti(), primary=primary))
        hdus = opened(cut(path, TIME=f"{mjd(100)!r} {mjd(400)!r}")[0])
        header = hdus[0].header
        assert header["TELESCOP"] == "HESS"
        assert header.get("DATE-OBS") == ("2004-03-26T02:59:26.184" if "DATE-OBS" in primary else None)
        assert header.get("TSTOP") == (hdus["EVENTS"].header["TSTOP"] if "TSTOP" in primary else None)
        assert opened(cut(path, ENERGY="1 2")[0])[0].header.get("TSTOP") == primary.get("TSTOP")


# -- the clock itself


def test_limits_beyond_the_calendar_are_open() -> None:
    clock = Clock.from_headers([TIME])
    assert clock.seconds(-1e300) == clock.seconds(0) == -np.inf
    assert clock.seconds(1e300) == np.inf
    assert clock.seconds(START_UTC) == pytest.approx(START, abs=2e-6)


def test_units_that_are_none() -> None:
    with pytest.raises(TimeError, match="TIMEUNIT 'fortnight'"):
        Clock.from_headers([TIME]).column_unit_s("fortnight")
