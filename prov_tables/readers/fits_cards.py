"""The first headers of a FITS file, with the long keywords (``HIERARCH``) that say how a product was made."""

from __future__ import annotations

import gzip
import re
import zlib
from pathlib import Path
from typing import IO

BLOCK = 2880
CARD = 80
MAX_BLOCKS = 1000
MAX_SKIP = 64 * 2**20
_HIERARCH = re.compile(r"HIERARCH\s+(\S.*?)\s*=\s*(.*)")
_QUOTED = re.compile(r"'((?:[^']|'')*)'")


def first_headers(path: Path, number: int = 2) -> list[dict[str, str]]:
    """Return the cards of the first HDUs of a plain or gzipped FITS file; what cannot be read is left out.

    Parameters
    ----------
    path
        The file; one that is no FITS file has no headers.
    number
        How many HDUs; of a data file the first two tell how it was made, and no event need be read for them.
    """
    found: list[dict[str, str]] = []
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            stream: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
            while len(found) < number:
                cards = _header(stream)
                if cards is None or (not found and "SIMPLE" not in cards):
                    break
                found.append(cards)
                if len(found) < number and not _skip_data(stream, cards):
                    break
    except (OSError, EOFError, zlib.error):
        pass
    return found


def _header(stream: IO[bytes]) -> dict[str, str] | None:
    cards: dict[str, str] = {}
    for _ in range(MAX_BLOCKS):
        block = stream.read(BLOCK)
        if len(block) < BLOCK:
            return None
        text = block.decode("ascii", "replace")
        for start in range(0, BLOCK, CARD):
            card = text[start : start + CARD]
            if card.startswith("END") and not card[3:].strip():
                return cards
            _take(card, cards)
    return None


def _take(card: str, cards: dict[str, str]) -> None:
    match = _HIERARCH.match(card)
    if match:
        cards.setdefault(match.group(1).upper(), _value(match.group(2)))
    elif card[8:10] == "= ":
        cards.setdefault(card[:8].strip(), _value(card[10:]))


def _value(field: str) -> str:
    text = field.strip()
    match = _QUOTED.match(text)
    return match.group(1).replace("''", "'").strip() if match else text.partition("/")[0].strip()


def _skip_data(stream: IO[bytes], cards: dict[str, str]) -> bool:
    """Go to the next header; data that are long are not worth it."""
    try:
        axes = [int(cards[f"NAXIS{axis}"]) for axis in range(1, int(cards.get("NAXIS", "0")) + 1)]
        size = abs(int(cards.get("BITPIX", "8"))) // 8 if axes else 0
        for axis in axes:
            size *= axis
        size = (size + int(cards.get("PCOUNT", "0"))) * int(cards.get("GCOUNT", "1"))
    except (KeyError, ValueError):
        return False
    padded = -(-size // BLOCK) * BLOCK
    if not 0 <= padded <= MAX_SKIP:
        return False
    while padded > 0:
        read = len(stream.read(min(padded, 2**20)))
        if not read:
            return False
        padded -= read
    return True
