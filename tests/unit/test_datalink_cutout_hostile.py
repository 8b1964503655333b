# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are damaged or made to harm end as one sentence, without a path and without filling the memory."""

from __future__ import annotations

import contextlib
import gzip
import io
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalink.soda import fitsstream
from datalink.soda.cutout import cut_event_list
from datalink.soda.errors import NoOverlap, SodaError
from datalink.soda.selection import parse_selection
from tests.unit.cutout_files import cut, made_columns, made_events, opened, request, written
from tests.unit.fits_files import HEADER, bundle, gti, pointing, response, table, to_bytes

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
EVERYTHING = {"CIRCLE": "228.6 -58.8 1", "TIME": "53090.13 53090.135", "ENERGY": "0.5 10"}
SOUND = to_bytes(made_events(50), gti(), *bundle()[2:4], response("rad_max"), pointing([1.0], [2.0]))
FORMATS = ("fits", "votable")


def refused(path: Path, **parameters: str) -> SodaError:
    with pytest.raises(SodaError) as caught:
        cut(path, **(parameters or EVERYTHING))
    error = caught.value
    assert (error.status, error.token) == (500, "Error")
    assert str(path.parent) not in error.body
    assert error.sentence.endswith((".", ".)"))
    assert error.body.isascii()
    return error


def attempt(path: Path, **parameters: str) -> None:
    """Cut; what is wrong with a file may only be a sentence."""
    out = io.BytesIO()
    values = {name: [value] for name, value in parameters.items()}
    try:
        cut_event_list(path, parse_selection(values), out, request())
    except SodaError as error:
        assert error.status in (400, 500)
        assert str(path.parent) not in error.body
    except NoOverlap:
        pass


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the file is empty"),
        (b"no FITS at all", "not a FITS file"),
        (b"\x1f\x8b", "gzip compression is damaged"),
        (gzip.compress(b"", mtime=0), "not a FITS file"),
        (gzip.compress(SOUND, mtime=0)[:-100], "gzip compression is damaged or cut off"),
        (to_bytes(gti()), "it has no event table"),
        (to_bytes(), "it has no event table"),
        (to_bytes(made_events(50))[:7000], "ends within the header|cut off"),
        (SOUND[: SOUND.index(b"XTENSION") + 100], "ends within the header of HDU 1"),
    ],
)
def test_files_that_are_none(tmp_path: Path, content: bytes, sentence: str) -> None:
    path = tmp_path / "secret-name.fits"
    path.write_bytes(content)
    said = refused(path).sentence
    assert any(part in said for part in sentence.split("|"))


def test_files_that_are_absent_or_no_files(tmp_path: Path) -> None:
    assert "No such file or directory" in refused(tmp_path / "none.fits").sentence
    assert "Is a directory" in refused(tmp_path).sentence


@pytest.mark.parametrize("missing", ["TIME", "RA", "DEC", "ENERGY"])
def test_missing_columns(tmp_path: Path, missing: str) -> None:
    columns = [column for column in made_columns(20) if column.name != missing]
    path = written(tmp_path / "a.fits", table("EVENTS", columns, HEADER), gti())
    assert f"no column {missing}" in refused(path).sentence
    harmless = {"TIME": "CIRCLE", "RA": "TIME", "DEC": "ENERGY", "ENERGY": "CIRCLE"}[missing]
    cut(path, **{harmless: EVERYTHING[harmless]})


@pytest.mark.parametrize("column", [1, 2, 4])
@pytest.mark.parametrize("form", ["2D", "10A", "L", "PD()", "0D"])
def test_columns_of_the_wrong_type(tmp_path: Path, column: int, form: str) -> None:
    columns = made_columns(3)
    name = columns[column].name
    arrays = np.empty(3, dtype=object)
    arrays[:] = [np.zeros(2)] * 3
    array = {"2D": np.zeros((3, 2)), "10A": np.array(["x"] * 3), "L": np.zeros(3, bool), "PD()": arrays}.get(form)
    columns[column] = fits.Column(name, form, array=array)
    path = written(tmp_path / "a.fits", table("EVENTS", columns, HEADER), gti())
    assert f"no column {name} of numbers" in refused(path).sentence


@pytest.mark.parametrize(("column", "unit"), [(1, "deg"), (2, "s"), (3, "hourangle"), (4, "m")])
def test_columns_in_strange_units(tmp_path: Path, column: int, unit: str) -> None:
    columns = made_columns(3)
    columns[column] = fits.Column(columns[column].name, "D", unit, array=np.zeros(3))
    path = written(tmp_path / "a.fits", table("EVENTS", columns, HEADER), gti())
    assert unit in refused(path).sentence


@pytest.mark.parametrize(
    "cards",
    [
        {"mjdrefi": None, "mjdreff": None},
        {"timesys": "LOCAL"},
        {"timeunit": "fortnight"},
        {"mjdrefi": "soon"},
        {"mjdrefi": 30000, "timesys": "TT"},
        {"mjdrefi": 10**9},
    ],
)
def test_times_without_sense(tmp_path: Path, cards: dict[str, object]) -> None:
    path = written(tmp_path / "a.fits", made_events(20, **cards), gti(**cards))
    with contextlib.suppress(NoOverlap):
        refused(path, TIME="53090.13 53090.135")
    assert cut(path, ENERGY="1 2")[1].n_events_in == 20


def raw_table(cards: dict[str, object], data: bytes) -> bytes:
    """Return a file with an event table of exactly these cards and bytes, padded."""
    header = fits.Header([("XTENSION", "BINTABLE"), ("BITPIX", 8), ("NAXIS", 2)])
    columns = {"TTYPE1": "TIME", "TFORM1": "D", "TTYPE2": "RA", "TFORM2": "E", "TTYPE3": "DEC", "TFORM3": "E"}
    size = {"NAXIS1": 20, "NAXIS2": 4, "PCOUNT": 0, "GCOUNT": 1, "TFIELDS": 4, "TTYPE4": "ENERGY", "TFORM4": "E"}
    for key, value in {**size, **columns, "EXTNAME": "EVENTS", **HEADER, **cards}.items():
        header[key] = value
    return fits.PrimaryHDU().header.tostring().encode() + header.tostring().encode() + data + bytes(-len(data) % 2880)


@pytest.mark.parametrize(
    "cards",
    [
        {"NAXIS2": 10**6},
        {"NAXIS2": 10**15},
        {"NAXIS1": 10**9, "NAXIS2": 1},
        {"NAXIS1": 10**18, "NAXIS2": 10**18},
        {"NAXIS2": -1},
        {"NAXIS1": -20},
        {"NAXIS1": 3},
        {"NAXIS1": 0},
        {"GCOUNT": 2},
        {"BITPIX": 16},
        {"PCOUNT": 2**61},
        {"PCOUNT": 10**9},
        {"TFORM1": "9999999D"},
        {"TFORM1": "X"},
        {"TFORM2": "nonsense"},
        {"TFIELDS": 999},
        {"NAXIS": 0},
    ],
)
@pytest.mark.parametrize("compressed", [False, True])
def test_absurd_structures_cost_no_memory(tmp_path: Path, cards: dict[str, object], compressed: bool) -> None:
    content = raw_table(cards, bytes(80))
    path = tmp_path / "a.fits"
    path.write_bytes(gzip.compress(content) if compressed else content)
    tracemalloc.start()
    start = time.perf_counter()
    try:
        refused(path)
        assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    finally:
        tracemalloc.stop()
    assert time.perf_counter() - start < 5


def test_a_compressed_bomb_is_only_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitsstream, "WHOLE_INFLATED_BYTES", 10**5)
    rows = 10**6
    content = raw_table({"NAXIS2": rows, "TSTART": 0.0}, b"")[: 2880 * 3]
    path = tmp_path / "a.fits.gz"
    path.write_bytes(
        gzip.compress(content[: content.rindex(b"END") // 2880 * 2880 + 2880] + bytes(20 * rows + 2880), 1)
    )
    assert path.stat().st_size < 200_000
    tracemalloc.start()
    try:
        assert cut(path, CIRCLE="0 0 1")[1].n_events_in == rows
    except SodaError as error:  # the result itself is in memory here
        pytest.fail(error.body)
    finally:
        tracemalloc.stop()


def test_more_good_time_than_anyone_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "a.fits", made_events(20), gti([(0.0, 1.0)] * 2000))
    monkeypatch.setattr("datalink.soda.cutout.MAX_GTI_BYTES", 1000)
    assert "good time intervals is too large" in refused(path, TIME="53090.13 53090.135").sentence
    assert cut(path, ENERGY="1 2")[1].n_gti == 2000


@pytest.mark.parametrize("response_format", FORMATS)
@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_cut_anywhere(tmp_path: Path, response_format: str, compressed: bool) -> None:
    path = tmp_path / "a.fits"
    content = gzip.compress(SOUND) if compressed else SOUND
    for length in range(0, len(content), 389 if compressed else 997):
        path.write_bytes(content[:length])
        attempt(path, **EVERYTHING, RESPONSEFORMAT=response_format)


HEADER_BYTES = [
    position
    for start in range(0, len(SOUND), 2880)
    if SOUND[start : start + 8] in (b"SIMPLE  ", b"XTENSION") or b"END     " in SOUND[start : start + 2880]
    for position in range(start, start + 2880)
]


@FUZZ
@given(
    st.lists(
        st.tuples(st.sampled_from(HEADER_BYTES), st.integers(32, 126) | st.integers(0, 255)), min_size=1, max_size=30
    ),
    st.sampled_from(FORMATS),
)
def test_flipped_bytes(tmp_path: Path, flips: list[tuple[int, int]], response_format: str) -> None:
    content = bytearray(SOUND)
    for position, byte in flips:
        content[position] = byte
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    attempt(path, **EVERYTHING, RESPONSEFORMAT=response_format)


VALUES = (
    st.integers(-3, 10) | st.integers(-(10**20), 10**20) | st.sampled_from(["x", 1.5, True, "", 1e300, "1PD(3)", -0.0])
)
KEYS = (
    "NAXIS NAXIS1 NAXIS2 BITPIX PCOUNT GCOUNT TFIELDS TFORM1 TFORM2 TTYPE4 TSCAL2 TZERO2 TNULL1 TDIM1 THEAP TUNIT1 "
    "MJDREFI MJDREFF TIMEUNIT TSTART TSTOP ONTIME DEADC LIVETIME DSTYP1 DSVAL1 DSTYP99 NDSKEYS DATE-OBS OBS_ID"
).split()


@FUZZ
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1, max_size=5), st.sampled_from(FORMATS), st.booleans())
def test_senseless_values(tmp_path: Path, cards: dict[str, object], response_format: str, timed: bool) -> None:
    path = tmp_path / "a.fits"
    with contextlib.suppress(ValueError):
        path.write_bytes(raw_table(cards, bytes(80)) + to_bytes(gti())[2880:])
        asked = {"CIRCLE": "0 0 1", "ENERGY": "-1 1"} | ({"TIME": "-Inf 60000"} if timed else {})
        attempt(path, **asked, RESPONSEFORMAT=response_format)


@FUZZ
@given(st.binary(max_size=300), st.sampled_from([b"", b"\x1f\x8b", SOUND[:2880], SOUND[:5760], SOUND[:8640]]))
def test_random_bytes(tmp_path: Path, tail: bytes, start: bytes) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(start + tail)
    attempt(path, **EVERYTHING)


def test_the_padding_at_the_end_may_be_missing(tmp_path: Path) -> None:
    whole = to_bytes(made_events(50), gti(), response("aeff"))
    path = tmp_path / "a.fits"
    path.write_bytes(whole)
    expected, _ = cut(path, CIRCLE="228.6 -58.8 1")
    data = len(whole.rstrip(b"\0"))
    path.write_bytes(whole[: -(-data // 4) * 4 + 8])
    assert cut(path, CIRCLE="228.6 -58.8 1")[0] == expected
    path.write_bytes(whole + b"what is behind the last HDU")
    assert cut(path, CIRCLE="228.6 -58.8 1")[0] == expected


def test_headers_with_strange_bytes_pass(tmp_path: Path) -> None:
    content = to_bytes(made_events(50, observer="Zoe"), gti())
    path = tmp_path / "a.fits"
    path.write_bytes(content.replace(b"'Zoe     '", b"'Zo\xeb     '"))
    made, _ = cut(path, CIRCLE="228.6 -58.8 1")
    assert b"Zo\xeb" in made
    assert (
        opened(made.replace(b"Zo\xeb", b"Zoe").replace(b"CHECKSUM", b"CHECKSUX"))["EVENTS"].header["OBSERVER"] == "Zoe"
    )
