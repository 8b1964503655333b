# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits FITS headers card by card and writes HDUs with checksums (FITS 4.0, sections 4 and 4.4.2.7, appendix J).

Cards that are not edited keep their bytes.  A header is written when its data
are, and again, in the same room, when everything about them is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import BinaryIO

import numpy as np

from ingest.fitsfile import BLOCK, padded
from ingest.header import CARD, Value, parse_cards

CARDS_A_BLOCK = BLOCK // CARD
HISTORY_WIDTH = 70
_STRING_WIDTH = 67
_KEEP_FREE = 8  # cards reserved for what turns up while the data are written
_STRING_VALUE = re.compile(r"\s*'(?:[^']|'')*'\s*(?:/(.*))?$")
_PUNCTUATION = frozenset((*range(0x3A, 0x41), *range(0x5B, 0x61)))


def ascii_text(text: str) -> str:
    """Return a text with everything that FITS cannot hold replaced by question marks."""
    return "".join(char if " " <= char <= "~" else "?" for char in text)


class Cards:
    """The cards of one header, in order.

    Parameters
    ----------
    header_bytes
        A header as it is in a file, END and padding included.
    """

    def __init__(self, header_bytes: bytes) -> None:
        self._cards = [header_bytes[start : start + CARD] for start in range(0, len(header_bytes), CARD)]
        end = next(index for index, card in enumerate(self._cards) if card[:8] == b"END     ")
        del self._cards[end:]
        while self._cards and not self._cards[-1].strip():
            self._cards.pop()
        self._room = 0

    def values(self) -> dict[str, Value]:
        """Return the values by keyword, as the harvest reads them."""
        header: dict[str, Value] = {}
        parse_cards(b"".join([*self._cards, b"END".ljust(CARD)]).decode("latin-1"), header)
        return header

    def __contains__(self, key: str) -> bool:
        return bool(self._places(key))

    def set(self, key: str, value: str | float | bool, comment: str = "") -> None:
        """Set a keyword where it is (every time it is there), else at the end; without a comment, keep the old one."""
        places = self._places(key)
        for place in reversed(places):
            end = place + 1
            while end < len(self._cards) and self._cards[end].startswith(b"CONTINUE"):
                end += 1
            kept = comment_of(self._cards[place])
            self._cards[place:end] = make_cards(key, value, comment or kept)
        if not places:
            self._cards += make_cards(key, value, comment)

    def replace(self, key: str, value: str | float | bool) -> bool:
        """Set a keyword only if it is there; return whether it is."""
        if key not in self:
            return False
        self.set(key, value)
        return True

    def add_history(self, lines: Iterable[str]) -> None:
        """Add HISTORY cards; long lines are split, the parts after the first begin with two blanks."""
        for line in lines:
            for part in split_history(line):
                self._cards.append(f"HISTORY {part}".ljust(CARD).encode("ascii"))

    @property
    def n_free(self) -> int:
        """How many more cards fit into the reserved room."""
        return self._room // CARD - len(self._cards) - 1

    def reserve(self) -> int:
        """Fix the size of the header, with some room for cards to come, and return it in bytes."""
        self._room = padded((len(self._cards) + 1 + _KEEP_FREE) * CARD)
        return self._room

    def to_bytes(self) -> bytes:
        """Return the header with END, padded to the reserved size: END must be in the last block."""
        cards = list(self._cards)
        size = max(padded((len(cards) + 1) * CARD), self._room)
        if size > self._room > 0:
            raise ValueError("the header outgrew its room")
        fewest = (size // BLOCK - 1) * CARDS_A_BLOCK
        cards += [b" " * CARD] * (fewest - len(cards))
        cards.append(b"END".ljust(CARD))
        return b"".join(cards).ljust(size)

    def _places(self, key: str) -> list[int]:
        start = key.ljust(8).encode("ascii") + b"= "
        return [index for index, card in enumerate(self._cards) if card.startswith(start)]


def comment_of(card: bytes) -> str:
    """Return the comment of a card, an empty text if there is none."""
    field = card[10:].decode("latin-1")
    match = _STRING_VALUE.match(field)
    comment = (match[1] or "") if match else field.partition("/")[2]
    return ascii_text(comment.strip())


def make_cards(key: str, value: str | float | bool, comment: str = "") -> list[bytes]:
    """Return the card of a keyword, and its CONTINUE cards if the value is a long text."""
    start = f"{key:8}= "
    if isinstance(value, str):
        quoted = ascii_text(value).replace("'", "''")
        if len(quoted) > CARD - len(start) - 2:
            return _long_cards(start, ascii_text(value))
        field = f"'{quoted:8}'"
        field = f"{field:20}"
    else:
        field = f"{number_field(value):>20}"
    card = start + field
    if comment:
        card = f"{card} / {comment}"[:CARD] if len(card) + 4 < CARD else card
    return [card.ljust(CARD).encode("ascii")]


def _long_cards(start: str, value: str) -> list[bytes]:
    """Return a text over several cards (FITS 4.0, section 4.2.1.2)."""
    pieces: list[str] = [""]
    for char in value:
        quoted = "''" if char == "'" else char
        if len(pieces[-1]) + len(quoted) > _STRING_WIDTH:
            pieces.append("")
        pieces[-1] += quoted
    ends = ["&"] * (len(pieces) - 1) + [""]
    starts = [start] + ["CONTINUE  "] * (len(pieces) - 1)
    return [
        f"{first}'{piece}{end}'".ljust(CARD).encode("ascii")
        for first, piece, end in zip(starts, pieces, ends, strict=True)
    ]


def number_field(value: float | bool) -> str:
    """Return a number or truth value as FITS writes it."""
    if isinstance(value, bool):
        return "T" if value else "F"
    return repr(value).upper()


def split_history(line: str) -> list[str]:
    """Return a line in parts that fit a HISTORY card, broken at blanks where there are any."""
    text = ascii_text(line)
    parts: list[str] = []
    while len(text) > HISTORY_WIDTH:
        cut = text.rfind(" ", 3, HISTORY_WIDTH + 1)
        cut = cut if cut > HISTORY_WIDTH // 2 else HISTORY_WIDTH
        parts.append(text[:cut])
        text = "  " + text[cut:].lstrip()
    return [*parts, text]


class WordSum:
    """The 32-bit ones' complement sum of bytes that come in pieces of any length."""

    def __init__(self) -> None:
        self._total = 0
        self._rest = b""

    def add(self, data: bytes) -> None:
        """Add bytes."""
        missing = -len(self._rest) % 4
        self._rest += data[:missing]
        if len(self._rest) == 4:
            self._total += int.from_bytes(self._rest, "big")
            self._rest = b""
        n_words = max(len(data) - missing, 0) // 4
        if n_words:
            words = np.frombuffer(data, ">u4", count=n_words, offset=missing)
            self._total += int(words.sum(dtype=np.uint64))
        self._rest += data[missing + 4 * n_words :]

    @property
    def value(self) -> int:
        """The sum so far, as if zeros followed."""
        return _folded(self._total + int.from_bytes(self._rest.ljust(4, b"\0"), "big"))


def _folded(total: int) -> int:
    while total >> 32:
        total = (total & 0xFFFFFFFF) + (total >> 32)
    return total


def encode_checksum(total: int) -> str:
    """Return the 16 characters of CHECKSUM that bring an HDU's sum to -0 (FITS 4.0, appendix J.2)."""
    complement = (0xFFFFFFFF - total).to_bytes(4, "big")
    columns: list[list[int]] = []
    for byte in complement:
        quotient, remainder = divmod(byte, 4)
        chars = [quotient + remainder + 0x30, *[quotient + 0x30] * 3]
        while any(char in _PUNCTUATION for char in chars):
            for low in (0, 2):
                if chars[low] in _PUNCTUATION or chars[low + 1] in _PUNCTUATION:
                    chars[low] += 1
                    chars[low + 1] -= 1
        columns.append(chars)
    text = "".join(chr(columns[byte][row]) for row in range(4) for byte in range(4))
    # the value begins one byte after a multiple of four
    return text[-1] + text[:-1]


class HduWriter:
    """Writes one HDU: a header that is completed at the end, and data whose size is known at the end.

    Parameters
    ----------
    out
        A file that can seek; the HDU begins at its position.
    cards
        The header.
    """

    def __init__(self, out: BinaryIO, cards: Cards) -> None:
        self._out = out
        self.cards = cards
        self._start = out.tell()
        self._sum = WordSum()
        self._n_data_bytes = 0
        cards.set("CHECKSUM", "0" * 16, "HDU checksum")
        cards.set("DATASUM", "0", "data unit checksum")
        out.write(b" " * cards.reserve())

    def write(self, data: bytes) -> None:
        """Write data."""
        self._out.write(data)
        self._sum.add(data)
        self._n_data_bytes += len(data)

    def end_data(self) -> None:
        """Pad the data to a whole number of blocks."""
        self._out.write(b"\0" * (padded(self._n_data_bytes) - self._n_data_bytes))

    def finish(self) -> None:
        """Write the header over its place; the position in the file stays where it is."""
        self.cards.set("CHECKSUM", "0" * 16)
        self.cards.set("DATASUM", str(self._sum.value))
        total = WordSum()
        total.add(self.cards.to_bytes())
        self.cards.set("CHECKSUM", encode_checksum(_folded(total.value + self._sum.value)))
        end = self._out.tell()
        self._out.seek(self._start)
        self._out.write(self.cards.to_bytes())
        self._out.seek(end)
