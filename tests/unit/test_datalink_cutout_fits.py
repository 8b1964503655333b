# SPDX-License-Identifier: GPL-3.0-or-later
"""Editing of FITS headers, and checksums, against astropy."""

from __future__ import annotations

import io
import warnings

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from datalink.soda.fitswriter import Cards, HduWriter, WordSum, encode_checksum, make_cards, split_history
from tests.unit.cutout_files import opened

TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300)
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False) | st.booleans()


def block(*lines: str) -> bytes:
    """Return a header of these cards."""
    content = "".join(line.ljust(80) for line in (*lines, "END")).encode()
    return content + b" " * (-len(content) % 2880)


def as_header(cards: Cards) -> fits.Header:
    content = cards.to_bytes()
    assert len(content) % 2880 == 0
    assert content[-2880:].rstrip().endswith(b"END")
    return fits.Header.fromstring(content.decode("ascii"))


@given(TEXTS | NUMBERS, st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_cards_are_read_back_by_astropy(value: str | float, comment: str) -> None:
    cards = make_cards("KEY", value, comment)
    assert all(len(card) == 80 for card in cards)
    header = fits.Header.fromstring(b"".join(cards).decode("ascii"))
    expected = value.rstrip() if isinstance(value, str) else value
    assert header["KEY"] == expected
    assert type(header["KEY"]) is type(expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        header.cards[0].verify("exception")


def test_values_keep_their_place_and_comment() -> None:
    cards = Cards(
        block(
            "TSTART  =           101962602. / MET of observation start time",
            "OBJECT  = 'it''s / not' / a / comment",
            "LONG    = 'aaa&'",
            "CONTINUE  'bbb' / why",
            "TSTART  =                    1 / again",
            "COMMENT TSTART  = no card",
            "NEXT    = T",
        )
    )
    assert "TSTART" in cards
    assert "START" not in cards
    cards.set("TSTART", 1.5)
    cards.set("OBJECT", "x")
    cards.set("LONG", "short")
    cards.set("NEW", 7, "added")
    assert cards.replace("ABSENT", 1) is False
    lines = [line.rstrip() for line in cards.to_bytes().decode()[: 80 * 8].replace("END", "   ").splitlines()]
    text = cards.to_bytes().decode()
    lines = [text[start : start + 80].rstrip() for start in range(0, 80 * 8, 80)]
    assert lines == [
        "TSTART  =                  1.5 / MET of observation start time",
        "OBJECT  = 'x       '           / a / comment",
        "LONG    = 'short   '",
        "TSTART  =                  1.5 / again",
        "COMMENT TSTART  = no card",
        "NEXT    = T",
        "NEW     =                    7 / added",
        "END",
    ]


def test_a_long_comment_is_cut_not_the_value() -> None:
    cards = Cards(block("KEY     =                    1 / " + "c" * 47))
    cards.set("KEY", -1.2345678901234567e-300)
    assert as_header(cards)["KEY"] == -1.2345678901234567e-300
    cards.set("KEY", "v" * 66)
    assert as_header(cards)["KEY"] == "v" * 66


@pytest.mark.parametrize("n_cards", [0, 1, 26, 27, 28, 34, 35, 36, 71, 100])
def test_end_is_in_the_last_block_of_the_room(n_cards: int) -> None:
    cards = Cards(block(*(f"KEY{i:05d}=                    1" for i in range(n_cards))))
    room = cards.reserve()
    assert len(cards.to_bytes()) == room
    assert len(as_header(cards)) >= n_cards
    cards.add_history(["a remark of the last minute", "and another"])
    assert len(cards.to_bytes()) == room
    assert "last minute" in str(as_header(cards)["HISTORY"])
    with pytest.raises(ValueError, match="outgrew"):
        cards.add_history(["x"] * 100) or cards.to_bytes()


@given(st.text(max_size=400))
def test_history_is_split_without_loss(text: str) -> None:
    parts = split_history(text)
    assert max(map(len, parts)) <= 70
    assert all(part.isascii() and part.isprintable() for part in parts)
    expected = "".join(char if " " <= char <= "~" else "?" for char in text)
    assert "".join("".join(parts).split()) == "".join(expected.split())


@given(st.binary(max_size=400), st.lists(st.integers(0, 50), max_size=20))
def test_sums_do_not_depend_on_pieces(data: bytes, cuts: list[int]) -> None:
    whole, pieces, rest = WordSum(), WordSum(), data
    whole.add(data)
    for cut in cuts:
        pieces.add(rest[:cut])
        rest = rest[cut:]
    pieces.add(rest)
    expected = sum(int.from_bytes(data[i : i + 4].ljust(4, b"\0"), "big") for i in range(0, len(data), 4))
    while expected >> 32:
        expected = (expected & 0xFFFFFFFF) + (expected >> 32)
    assert whole.value == pieces.value == expected


@given(st.integers(0, 2**32 - 1))
def test_checksums_are_encoded_like_astropy(total: int) -> None:
    theirs = fits.PrimaryHDU()._char_encode(~np.uint32(total))
    assert encode_checksum(total) == theirs
    assert encode_checksum(total).isalnum()


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=9000), st.dictionaries(st.from_regex(r"[A-Z]{1,8}", fullmatch=True), TEXTS | NUMBERS))
def test_written_hdus_pass_astropys_checks(data: bytes, extra: dict[str, str | float]) -> None:
    header = fits.BinTableHDU.from_columns([fits.Column("A", "B", array=np.zeros(0))]).header
    out = io.BytesIO()
    out.write(fits.PrimaryHDU().header.tostring().encode())
    cards = Cards(header.tostring().encode())
    fixed = {*header, "CHECKSUM", "DATASUM", "END", "COMMENT", "HISTORY", "SIMPLE", "CONTINUE", "HIERARCH", "NAXIS"}
    for key, value in extra.items():
        if key not in fixed and not key.startswith(("T", "N", "Z")) and key not in ("BLANK", "EXTEND", "GROUPS"):
            cards.set(key, value)
    writer = HduWriter(out, cards)
    for start in range(0, len(data), 1001):
        writer.write(data[start : start + 1001])
    writer.end_data()
    cards.set("NAXIS2", len(data))
    writer.finish()
    assert len(out.getvalue()) % 2880 == 0
    assert out.tell() == len(out.getvalue())
    hdu = opened(out.getvalue())[1]
    assert hdu.data["A"].tobytes() == data
