# SPDX-License-Identifier: GPL-3.0-or-later
"""The fast FITS reader says what astropy says, and of a damaged file never more than that it is damaged."""

from __future__ import annotations

import contextlib
import gzip
import io
import math
import tracemalloc
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import fitsfile
from ingest.fitsfile import HDU, FitsError, read_hdus
from ingest.header import Value, integer, number, parse_cards, text
from ingest.tablestream import iter_column
from tests.unit.fits_files import bundle, events, gti, obs_index, pointing, response, to_bytes, write

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FUZZ = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ITEM_BYTES = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "E": 4, "D": 8, "C": 8, "M": 16}
UNSIGNED = {"B": -128, "I": 2**15, "J": 2**31, "K": 2**63}


def read_all(path: Path) -> list[HDU]:
    return read_hdus(path, lambda hdu: True)


def raw_file(cards: dict[str, object], data: bytes, *, padded: bool = True) -> bytes:
    """Return a file with one binary table of exactly these cards and bytes."""
    header = fits.Header([("XTENSION", "BINTABLE"), ("BITPIX", 8), ("NAXIS", 2)])
    for key, value in cards.items():
        header[key] = value
    padding = b"\0" * (-len(data) % fitsfile.BLOCK) if padded else b""
    return fits.PrimaryHDU().header.tostring().encode() + header.tostring().encode() + data + padding


# -- columns


@dataclass
class MadeColumn:
    code: str
    repeat: int
    scale: float | None
    zero: int | float | None
    dims: tuple[int, ...] | None

    @property
    def width(self) -> int:
        if self.code == "X":
            return -(-self.repeat // 8)
        return self.repeat * (1 if self.code == "A" else ITEM_BYTES[self.code])


@st.composite
def made_columns(draw: st.DrawFn) -> MadeColumn:
    code = draw(st.sampled_from("LXBIJKEDCMA"))
    dims = draw(st.none() | st.sampled_from([(2, 3), (3, 2), (2, 1, 2), (4,)])) if code in "BIJKED" else None
    repeat = math.prod(dims) if dims else draw(st.integers(1, 9 if code in "AX" else 3))
    scale, zero = None, None
    if code in UNSIGNED and dims is None and draw(st.booleans()):
        scale, zero = None, UNSIGNED[code]
    elif code in "BIJED" and draw(st.booleans()):
        scale, zero = draw(st.sampled_from([0.5, 2.0, -3.0])), draw(st.sampled_from([0.0, 3.25, -10.0]))
    return MadeColumn(code, repeat, scale, zero, dims)


def cells(column: MadeColumn, n_rows: int, random: np.random.Generator) -> np.ndarray:
    """Return any bytes that such a column may hold, shape (n_rows, width)."""
    shape = (n_rows, column.width)
    if column.code == "L":
        return random.choice(np.frombuffer(b"TF", np.uint8), shape)
    if column.code == "A":
        return random.choice(np.frombuffer(b"aZ09 _-", np.uint8), shape)
    made = random.integers(0, 256, shape, np.uint8)
    if column.code == "K":  # astropy reads 64-bit integers through floats in places: a narrower range is unambiguous
        made[:, ::8] = random.choice(np.array([0, 255], np.uint8), made[:, ::8].shape)
        made[:, 1::8] = made[:, ::8]
    return made


@QUICK
@given(st.lists(made_columns(), min_size=1, max_size=6), st.integers(0, 4), st.integers(0, 2**32))
def test_columns_are_those_of_astropy(tmp_path: Path, made: list[MadeColumn], n_rows: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    table = np.hstack([cells(column, n_rows, random) for column in made])
    cards: dict[str, object] = {"NAXIS1": table.shape[1], "NAXIS2": n_rows, "PCOUNT": 0, "GCOUNT": 1}
    cards["TFIELDS"] = len(made)
    for index, column in enumerate(made, 1):
        cards[f"TTYPE{index}"] = f"c{index}"
        cards[f"TFORM{index}"] = f"{column.repeat}{column.code}"
        cards[f"TUNIT{index}"] = "deg"
        if column.scale is not None:
            cards[f"TSCAL{index}"] = column.scale
        if column.zero is not None:
            cards[f"TZERO{index}"] = column.zero
        if column.dims is not None:
            cards[f"TDIM{index}"] = f"({','.join(map(str, column.dims))})"
    path = tmp_path / "table.fits"
    path.write_bytes(raw_file(cards, table.tobytes()))

    ours = read_all(path)[1]
    with fits.open(path) as theirs, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # overflow of random numbers
        for index, column in enumerate(made, 1):
            mine = ours.columns()[f"C{index}"]
            assert (mine.code, mine.repeat, mine.unit) == (column.code, column.repeat, "deg")
            expected = theirs[1].data[f"c{index}"]
            if column.code == "A":
                assert ours.read_text(mine) == [str(cell).strip() for cell in expected]
            elif column.code in "BIJKED":
                expected = np.asarray(expected, dtype=np.float64).reshape((n_rows, *mine.shape))
                np.testing.assert_allclose(ours.read(mine), expected, rtol=1e-6 if column.code == "E" else 1e-14)
                if mine.shape == ():
                    streamed = [np.empty(0), *iter_column(path, 1, f"C{index}", rows_a_chunk=2)]
                    np.testing.assert_array_equal(np.concatenate(streamed), ours.read(mine))
                if mine.is_integer and mine.repeat == 1:
                    assert ours.read_int(mine) == np.asarray(theirs[1].data[f"c{index}"]).ravel().tolist()
                if n_rows:
                    np.testing.assert_allclose(
                        ours.first_row(mine).astype(np.float64), expected[0], rtol=1e-6 if column.code == "E" else 1e-14
                    )
            else:
                with pytest.raises(FitsError, match="not numeric"):
                    ours.read(mine)


@pytest.mark.parametrize("value", [0, 5, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1])
def test_unsigned_64_bit_integers_stay_exact(tmp_path: Path, value: int) -> None:
    column = fits.Column("OBS_ID", "K", bzero=2**63, array=np.array([value], np.uint64))
    path = write(tmp_path / "a.fits", fits.BinTableHDU.from_columns([column]))
    hdu = read_all(path)[1]
    assert hdu.read_int(hdu.columns()["OBS_ID"]) == [value]
    assert hdu.read(hdu.columns()["OBS_ID"]).tolist() == [float(value)]


def test_signed_64_bit_integers_stay_exact(tmp_path: Path) -> None:
    values = [-(2**63), -(2**53) - 1, 2**53 + 1, 2**63 - 1]
    path = write(tmp_path / "a.fits", obs_index([{"OBS_ID": value} for value in values]))
    hdu = read_all(path)[1]
    assert hdu.read_int(hdu.columns()["OBS_ID"]) == values


def test_integers_that_are_null_have_no_value(tmp_path: Path) -> None:
    column = fits.Column("N_TELS", "I", null=-99, array=np.array([4, -99, 3], np.int16))
    path = write(tmp_path / "a.fits", fits.BinTableHDU.from_columns([column]))
    hdu = read_all(path)[1]
    assert hdu.read_int(hdu.columns()["N_TELS"]) == [4, None, 3]
    np.testing.assert_array_equal(hdu.read(hdu.columns()["N_TELS"]), [4.0, np.nan, 3.0])


def test_scaled_integers_are_not_taken_for_integers(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    cards = {"NAXIS1": 2, "NAXIS2": 2, "TFIELDS": 1, "TTYPE1": "OBS_ID", "TFORM1": "I", "TSCAL1": 0.5}
    path.write_bytes(raw_file(cards, b"\0\2\0\5"))
    hdu = read_all(path)[1]
    assert hdu.read(hdu.columns()["OBS_ID"]).tolist() == [1.0, 2.5]
    assert hdu.first_row(hdu.columns()["OBS_ID"]) == 1.0
    with pytest.raises(FitsError, match="OBS_ID"):
        hdu.read_int(hdu.columns()["OBS_ID"])


def test_columns_of_no_width(tmp_path: Path) -> None:
    cards = {"NAXIS1": 2, "NAXIS2": 2, "TFIELDS": 3, "TFORM1": "0A", "TFORM2": "0E", "TFORM3": "2A"}
    path = tmp_path / "a.fits"
    path.write_bytes(raw_file({**cards, "TTYPE1": "A", "TTYPE2": "E", "TTYPE3": "T"}, b"xyzt"))
    hdu = read_all(path)[1]
    columns = hdu.columns()
    assert hdu.read_text(columns["A"]) == ["", ""]
    assert hdu.read(columns["E"]).shape == (2, 0)
    assert hdu.read_text(columns["T"]) == ["xy", "zt"]


def test_text_ends_at_a_nul(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    cards = {"NAXIS1": 6, "NAXIS2": 2, "TFIELDS": 1, "TTYPE1": "NAME", "TFORM1": "6A"}
    path.write_bytes(raw_file(cards, b"ab\0xyz  cd  "))
    hdu = read_all(path)[1]
    assert hdu.read_text(hdu.columns()["NAME"]) == ["ab", "cd"]


def test_text_and_numbers_are_told_apart(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", obs_index([{"OBS_ID": 1, "OBJECT": "Crab", "RA_PNT": 83.6}]))
    hdu = read_all(path)[1]
    columns = hdu.columns()
    with pytest.raises(FitsError, match="OBJECT .* not numeric"):
        hdu.read(columns["OBJECT"])
    with pytest.raises(FitsError, match="RA_PNT .* does not hold text"):
        hdu.read_text(columns["RA_PNT"])
    with pytest.raises(FitsError, match="RA_PNT .* not an integer"):
        hdu.read_int(columns["RA_PNT"])


def test_of_names_that_differ_in_case_the_one_in_capitals_counts(tmp_path: Path) -> None:
    columns = [fits.Column(name, "E", array=[value]) for name, value in (("ra", 1.0), ("RA", 2.0), ("Ra", 3.0))]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = write(tmp_path / "a.fits", fits.BinTableHDU.from_columns(columns))
    hdu = read_all(path)[1]
    assert hdu.read(hdu.columns()["RA"]).tolist() == [2.0]


def test_only_wanted_tables_are_loaded(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", events(), gti())
    hdus = read_hdus(path, lambda hdu: hdu.name == "GTI")
    assert [hdu.name for hdu in hdus] == ["", "EVENTS", "GTI"]
    assert [hdu.data is not None for hdu in hdus] == [False, False, True]
    with pytest.raises(FitsError, match="EVENTS were not read"):
        hdus[1].read(hdus[1].columns()["TIME"])


# -- headers

KEYWORDS = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", min_size=1, max_size=8).filter(
    lambda key: key not in ("END", "COMMENT", "HISTORY", "CONTINUE", "HIERARCH")
)
# astropy itself ends a text at a quote before a slash
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200).filter(
    lambda value: not {"'", "/"} <= set(value)
)
VALUES = (
    TEXTS
    | st.integers(-(2**66), 2**66)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
)


@QUICK
@given(
    st.dictionaries(KEYWORDS, VALUES, max_size=30),
    st.dictionaries(st.from_regex(r"[A-Z]{9,12}( [A-Z]{2,6})?", fullmatch=True), TEXTS, max_size=4),
)
def test_headers_are_those_of_astropy(cards: dict[str, object], long: dict[str, str]) -> None:
    header = fits.Header()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key, value in cards.items():
            header[key] = value
        for key, value in long.items():
            header[f"HIERARCH {key}"] = value[: 60 - len(key)].replace("'", "")
        written = header.tostring()
        theirs = fits.Header.fromstring(written)
        expected = {key: theirs[key] for key in theirs}
    ours: dict[str, Value] = {}
    blocks = [written[start : start + fitsfile.BLOCK] for start in range(0, len(written), fitsfile.BLOCK)]
    assert [parse_cards(block, ours) for block in blocks] == [False] * (len(blocks) - 1) + [True]
    assert ours == {key: value.rstrip() if isinstance(value, str) else value for key, value in expected.items()}


def card(line: str) -> str:
    return line.ljust(80)


def parsed(*lines: str) -> dict[str, Value]:
    header: dict[str, Value] = {}
    assert parse_cards("".join(map(card, (*lines, "END"))), header)
    return header


def test_the_first_of_duplicate_keywords_counts() -> None:
    assert parsed("OBS_ID  = 1", "OBS_ID  = 2") == {"OBS_ID": 1}
    assert parsed("HIERARCH A B C = 'x'", "HIERARCH A B C = 'y'") == {"A B C": "x"}


def test_a_repeated_long_text_does_not_lengthen_the_first() -> None:
    lines = ("K       = 'ab&'", "CONTINUE  'cd'", "K       = 'ef&'", "CONTINUE  'gh'")
    assert parsed(*lines) == {"K": "abcd"}
    assert parsed("K       = 'ab&'", "K       = 'ef&'", "CONTINUE  'gh'") == {"K": "ab&"}
    assert parsed("K       = 'ab&'", "L       = 1", "CONTINUE  'cd'") == {"K": "ab&", "L": 1}


def test_long_texts_of_long_keywords() -> None:
    lines = (
        "HIERARCH CTA CONTACT NAME = 'a quote '' and more &'",
        "CONTINUE  'to come &'",
        "CONTINUE  'at last' / why",
    )
    assert parsed(*lines) == {"CTA CONTACT NAME": "a quote ' and more to come at last"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("", None),
        ("/ only a comment", None),
        ("'a / b' / c", "a / b"),
        ("'it''s'", "it's"),
        ("'not closed", "not closed"),
        ("''", ""),
        ("T", True),
        ("F / no", False),
        ("1.5D3", 1500.0),
        ("-.5E-2", -0.005),
        ("+7", 7),
        ("1_000", "1_000"),
        ("-9223372036854775809", -(2**63) - 1),
        ("123456789012345678901234567890", 123456789012345678901234567890),
        ("(1.0, 2.0)", "(1.0, 2.0)"),
        ("nonsense", "nonsense"),
    ],
)
def test_values_of_cards(field: str, value: Value) -> None:
    assert parsed(f"KEY     = {field}") == {"KEY": value}


def test_cards_without_value_are_left_out() -> None:
    assert parsed("COMMENT = 'no'", "HISTORY x", "", "KEY     =5", "HIERARCH no value", "CONTINUE  'x'") == {
        "COMMENT": "no"
    }


def test_values_as_numbers_and_texts() -> None:
    header: dict[str, Value] = {
        **{"NAN": math.nan, "INF": math.inf, "YES": True, "UNDEFINED": None, "EMPTY": " ", "TEXT": " 2.50 "},
        **{"INT": 2**70, "HALF": 0.5, "WORDS": " a  b ", "LONG": "9" * 400},
    }
    assert number(header, "NAN", "INF", "YES", "UNDEFINED", "EMPTY", "WORDS", "LONG", "MISSING") is None
    assert number(header, "NAN", "TEXT") == 2.5
    assert number(header, "INT") == float(2**70)
    assert integer(header, "INT") == 2**70
    assert integer(header, "HALF", "YES", "NAN", "INF") is None
    assert text(header, "UNDEFINED", "EMPTY", "YES", "WORDS") == "a b"
    assert text(header, "INT") == str(2**70)


# -- compression and damage

SOUND = to_bytes(*bundle())
EVENTS_ONLY = to_bytes(events())


def names_in(path: Path) -> list[str]:
    return [hdu.name for hdu in read_all(path)]


NAMES = ["", "EVENTS", "GTI", "AEFF", "EDISP", "PSF", "BKG"]


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("kind", ["plain", "gzip", "members", "trailing zeros"])
@pytest.mark.parametrize("name", ["a.fits", "a.fits.gz"])
def test_compression_is_told_by_the_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str, streamed: bool
) -> None:
    if streamed:
        monkeypatch.setattr(fitsfile, "WHOLE_GZIP_BYTES", 0)
    content = {
        "plain": SOUND,
        "gzip": gzip.compress(SOUND),
        "members": b"".join(gzip.compress(SOUND[start : start + 1000]) for start in range(0, len(SOUND), 1000)),
        "trailing zeros": gzip.compress(SOUND) + b"\0" * 512,
    }[kind]
    path = tmp_path / name
    path.write_bytes(content)
    assert names_in(path) == NAMES
    assert np.concatenate(list(iter_column(path, 1, "ENERGY"))).tolist() == [0.5, 1.0, 20.0]


def test_a_file_too_large_to_inflate_at_once_is_streamed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitsfile, "WHOLE_INFLATED_BYTES", 5000)
    path = tmp_path / "a.fits.gz"
    path.write_bytes(gzip.compress(SOUND))
    assert names_in(path) == NAMES


@pytest.mark.parametrize("streamed", [False, True])
def test_a_gzip_cut_anywhere_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, streamed: bool) -> None:
    if streamed:
        monkeypatch.setattr(fitsfile, "WHOLE_GZIP_BYTES", 0)
    whole = gzip.compress(EVENTS_ONLY)
    path = tmp_path / "a.fits.gz"
    for length in (*range(0, 40), *range(40, len(whole) - 12, 97), *range(len(whole) - 12, len(whole))):
        path.write_bytes(whole[:length])
        with pytest.raises(FitsError, match=r"\.$"):
            read_all(path)


def test_a_gzip_with_a_wrong_checksum_is_damaged(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress(EVENTS_ONLY))
    whole[-6] ^= 1
    path = tmp_path / "a.fits.gz"
    path.write_bytes(whole)
    with pytest.raises(FitsError, match="gzip"):
        read_all(path)


@pytest.mark.parametrize("cut", [10, 300, -20])
def test_streaming_a_damaged_gzip_is_an_error(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "a.fits.gz"
    path.write_bytes(gzip.compress(EVENTS_ONLY)[:cut])
    with pytest.raises(FitsError, match="gzip"):
        list(iter_column(path, 1, "ENERGY"))


def extents(content: bytes) -> list[tuple[int, int]]:
    """Return where the header of each HDU begins and where its data end, padding not counted."""
    with fits.open(io.BytesIO(content)) as hdus:
        sizes = [hdu.header.get("NAXIS1", 0) * hdu.header.get("NAXIS2", 0) for hdu in hdus]
        return [(hdu._header_offset, hdu._data_offset + size) for hdu, size in zip(hdus, sizes, strict=True)]


def test_a_plain_file_cut_anywhere_is_an_error_or_ends_between_two_hdus(tmp_path: Path) -> None:
    content, path = to_bytes(events(), gti()), tmp_path / "a.fits"
    (_, no_data), (one, one_ends), (two, two_ends) = extents(content)
    for length in range(0, two_ends, 61):
        path.write_bytes(content[:length])
        between = no_data <= length < one + 8 or one_ends <= length < two + 8
        if between:
            assert names_in(path) == ["", "EVENTS"][: 1 + (length >= one_ends)]
        else:
            with pytest.raises(FitsError, match=r"\.$"):
                read_all(path)


def test_the_last_padding_may_be_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(SOUND[: extents(SOUND)[-1][1]])
    assert names_in(path) == NAMES
    path.write_bytes(gzip.compress(SOUND[: extents(SOUND)[-1][1]]))
    assert names_in(path) == NAMES


def test_what_follows_the_last_hdu_is_not_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(SOUND + b"anything at all")
    assert names_in(path) == NAMES


@pytest.mark.parametrize("content", [b"", b"\x1f", b"\x1f\x8b", b"no FITS", b"\0" * 10000, gzip.compress(b"", mtime=0)])
def test_files_that_are_no_fits(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(content)
    with pytest.raises(FitsError, match=r"\.$"):
        read_all(path)
    with pytest.raises(FitsError, match=r"\.$"):
        list(iter_column(path, 1, "ENERGY"))


def test_absent_files_are_errors_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_all(tmp_path / "none.fits")
    with pytest.raises(IsADirectoryError):
        read_all(tmp_path)


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize(
    "cards",
    [
        {"NAXIS1": 1000, "NAXIS2": 10**6},
        {"NAXIS1": 1000, "NAXIS2": 10**12},
        {"NAXIS1": 10**18, "NAXIS2": 10**18},
        {"NAXIS1": 8, "NAXIS2": 1, "PCOUNT": 2**62},
        {"NAXIS1": 8, "NAXIS2": -1},
        {"NAXIS1": 8, "NAXIS2": 1, "GCOUNT": -5},
        {"NAXIS": 10**9, "NAXIS1": 8, "NAXIS2": 1},
        {"NAXIS1": 8, "NAXIS2": 1, "BITPIX": "eight"},
    ],
)
def test_absurd_sizes_cost_no_memory(tmp_path: Path, cards: dict[str, object], compressed: bool) -> None:
    content = raw_file({"TFIELDS": 1, "TTYPE1": "ENERGY", "TFORM1": "D", **cards}, b"\0" * 8)
    path = tmp_path / "a.fits"
    path.write_bytes(gzip.compress(content) if compressed else content)
    tracemalloc.start()
    try:
        for read in (
            read_all,
            lambda path: read_hdus(path, lambda hdu: False),
            lambda path: list(iter_column(path, 1, "ENERGY")),
        ):
            with pytest.raises((FitsError, OSError)):
                read(path)
        assert tracemalloc.get_traced_memory()[1] < 100 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("axes", [{"NAXIS1": 8, "NAXIS2": 10**12}, {"NAXIS1": 2**63, "NAXIS2": 0}])
def test_more_rows_than_bytes_are_an_error(tmp_path: Path, axes: dict[str, int]) -> None:
    cards = {"NAXIS": 0, **axes, "TFIELDS": 1, "TTYPE1": "X", "TFORM1": "D"}
    path = tmp_path / "a.fits"
    path.write_bytes(raw_file(cards, b""))
    hdu = read_all(path)[1]
    with pytest.raises(FitsError, match="NAXIS2"):
        hdu.read(hdu.columns()["X"])


@pytest.mark.parametrize("form", ["", "8", "Z", "99999999999999999999D", "1e", "-1D"])
def test_column_formats_that_are_none(tmp_path: Path, form: str) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(raw_file({"NAXIS1": 8, "NAXIS2": 1, "TFIELDS": 1, "TTYPE1": "X", "TFORM1": form}, b"\0" * 8))
    hdu = read_all(path)[1]
    with pytest.raises(FitsError, match="TFORM1"):
        hdu.columns()


def test_a_column_wider_than_its_row_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(raw_file({"NAXIS1": 8, "NAXIS2": 1, "TFIELDS": 1, "TTYPE1": "X", "TFORM1": "2D"}, b"\0" * 8))
    hdu = read_all(path)[1]
    with pytest.raises(FitsError, match="NAXIS1"):
        hdu.read(hdu.columns()["X"])


def test_streaming_a_column_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "a.fits", events())
    with pytest.raises(FitsError, match="not in the file"):
        list(iter_column(path, 5, "ENERGY"))
    with pytest.raises(FitsError, match="no column GAMMANESS"):
        list(iter_column(path, 1, "GAMMANESS"))


DAMAGED = to_bytes(events(), gti(), pointing([1.0], [2.0]), response("psf"))
HEADER_BYTES = [
    i
    for i in range(len(DAMAGED))
    if (i // 2880)
    in {j // 2880 for j in range(0, len(DAMAGED), 2880) if DAMAGED[j : j + 8] in (b"SIMPLE  ", b"XTENSION")}
]


def use_everything(path: Path) -> None:
    """Read all there is to read; what is wrong may only be a FitsError or an OSError."""
    try:
        hdus = read_all(path)
    except (FitsError, OSError):
        return
    for hdu in hdus:
        try:
            columns = hdu.columns()
        except FitsError:
            continue
        for column in columns.values():
            for use in (hdu.read, hdu.first_row, hdu.read_int, hdu.read_text):
                with contextlib.suppress(FitsError):
                    use(column)
            with contextlib.suppress(FitsError, OSError):
                for _ in iter_column(path, hdu.number, column.name):
                    pass


@FUZZ
@given(
    st.lists(
        st.tuples(st.sampled_from(HEADER_BYTES), st.integers(32, 126) | st.integers(0, 255)), min_size=1, max_size=40
    ),
    st.integers(0, 5),
)
def test_flipped_bytes_are_never_more_than_damage(tmp_path: Path, flips: list[tuple[int, int]], cut: int) -> None:
    content = bytearray(DAMAGED)
    for position, byte in flips:
        content[position] = byte
    path = tmp_path / "a.fits"
    path.write_bytes(content[: len(content) - cut * 700] if cut else content)
    use_everything(path)


COMPRESSED = gzip.compress(DAMAGED)


@FUZZ
@given(
    st.lists(st.tuples(st.integers(0, len(COMPRESSED) - 1), st.integers(0, 255)), min_size=1, max_size=8), st.booleans()
)
def test_flipped_bytes_of_a_gzip_are_never_more_than_damage(
    tmp_path: Path, flips: list[tuple[int, int]], streamed: bool
) -> None:
    content = bytearray(COMPRESSED)
    for position, byte in flips:
        content[position] = byte
    path = tmp_path / "a.fits.gz"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        if streamed:
            patch.setattr(fitsfile, "WHOLE_GZIP_BYTES", 0)
        use_everything(path)


NUMBERS = (
    st.integers(-3, 10) | st.integers(-(10**20), 10**20) | st.sampled_from(["'x'", "1.5", "T", "", "1E300", "NaN"])
)
FIELDS = [
    "NAXIS",
    "NAXIS1",
    "NAXIS2",
    "BITPIX",
    "PCOUNT",
    "GCOUNT",
    "TFIELDS",
    "TFORM1",
    "TSCAL2",
    "TZERO2",
    "TNULL1",
    "TDIM1",
]


@FUZZ
@given(st.dictionaries(st.sampled_from(FIELDS), NUMBERS, min_size=1, max_size=4), st.booleans())
def test_senseless_structure_is_never_more_than_damage(
    tmp_path: Path, cards: dict[str, object], compress: bool
) -> None:
    content = raw_file(
        {
            "NAXIS1": 18,
            "NAXIS2": 2,
            "TFIELDS": 3,
            "TTYPE1": "A",
            "TFORM1": "J",
            "TTYPE2": "B",
            "TFORM2": "I",
            "TTYPE3": "C",
            "TFORM3": "12A",
        },
        b"\0" * 36,
    )
    start = 2880
    head = content[start : start + 2880].decode()
    lines = [head[i : i + 80] for i in range(0, 2880, 80)]
    lines = [line for line in lines if line.strip() and line[:8].strip() not in cards and line.strip() != "END"]
    lines = lines[:1] + [card(f"{key:8}= {value}") for key, value in cards.items()] + lines[1:] + [card("END")]
    content = content[:start] + "".join(lines).ljust(2880).encode() + content[start + 2880 :]
    path = tmp_path / "a.fits"
    path.write_bytes(gzip.compress(content, 1) if compress else content)
    use_everything(path)


@FUZZ
@given(st.binary(max_size=400), st.sampled_from([b"", b"\x1f\x8b", b"SIMPLE  =", DAMAGED[:2880], DAMAGED[:5760]]))
def test_random_bytes_are_never_more_than_damage(tmp_path: Path, tail: bytes, start: bytes) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(start + tail)
    use_everything(path)
