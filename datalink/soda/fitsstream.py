# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a FITS file HDU by HDU as a stream, plain or gzipped, with the bytes of its headers as they are.

`ingest.fitsfile` reads what a harvest wants; a cut-out passes everything on, so it needs the bytes, and one pass must
do for a file of any size.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ingest.fitsfile import (
    BLOCK,
    HDU,
    MAX_HDUS,
    MAX_HEADER_BLOCKS,
    FitsError,
    data_bytes,
    open_stream,
    padded,
)
from ingest.header import Value, parse_cards

# What the server inflates at once: less than an import does, since many may ask.
WHOLE_GZIP_BYTES = 16 * 2**20
WHOLE_INFLATED_BYTES = 64 * 2**20
PIECE_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True)
class StreamedHdu:
    """An HDU whose data are next in the stream: its header parsed and as bytes, and how many bytes of data it has."""

    hdu: HDU
    header_bytes: bytes
    n_data_bytes: int


class FitsStream:
    """The HDUs of a file, one after the other; the data of one are read, or not, before the next is asked for."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[StreamedHdu]:
        """Yield the HDUs.

        Raises
        ------
        FitsError
            When this is not FITS, or ends within an HDU.
        """
        for number in range(MAX_HDUS):
            self.skip()
            header_bytes = self._header(number)
            if not header_bytes:
                return
            header: dict[str, Value] = {}
            parse_cards(header_bytes.decode("latin-1"), header)
            size = data_bytes(header)
            self._left, self._padding = size, padded(size) - size
            yield StreamedHdu(HDU(number, header), header_bytes, size)
        raise FitsError(f"the file has more than {MAX_HDUS} HDUs.")

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes of the current HDU's data; what it claims is only believed piece by piece."""
        if size > self._left:
            raise FitsError("a table is larger than its HDU.")
        self._left -= size
        data = self._stream.read(min(size, PIECE_BYTES))
        if len(data) < size:
            pieces = [data]
            missing = size - len(data)
            while missing and (data := self._stream.read(min(missing, PIECE_BYTES))):
                pieces.append(data)
                missing -= len(data)
            data = b"".join(pieces)
            if missing:
                raise FitsError(f"the file is cut off: {missing} bytes of a table are missing.")
        return data

    def pieces(self) -> Iterator[bytes]:
        """Yield what is left of the current HDU's data, without padding."""
        while self._left:
            yield self.read(min(self._left, PIECE_BYTES))

    def pieces_with_padding(self) -> Iterator[bytes]:
        """Yield what is left of the current HDU and the rest of its last block, zeros where the file ends before."""
        yield from self.pieces()
        size, self._padding = self._padding, 0
        yield self._stream.read(size).ljust(size, b"\0")

    def skip(self) -> None:
        """Move on to the end of the current HDU; the last byte is read, so that a missing end is noticed."""
        if self._left:
            self._stream.seek(self._left - 1, 1)
            self._left = 1
            self.read(1)
        # Some writers leave out the padding of the last HDU: only the data themselves must be complete.
        self._stream.seek(self._padding, 1)
        self._padding = 0

    def _header(self, number: int) -> bytes:
        blocks: list[bytes] = []
        for _ in range(MAX_HEADER_BLOCKS):
            block = self._stream.read(BLOCK)
            if not blocks:
                if number == 0 and not block.startswith(b"SIMPLE  ="):
                    raise FitsError("this is not a FITS file (it does not begin with SIMPLE).")
                if number > 0 and not block.startswith(b"XTENSION"):
                    # FITS 4.0, section 3.5: anything after the last HDU is not part of the data set.
                    return b""
            if len(block) < BLOCK:
                raise FitsError(f"the file ends within the header of HDU {number}.")
            blocks.append(block)
            if any(block[start : start + 8] == b"END     " for start in range(0, BLOCK, 80)):
                return b"".join(blocks)
        raise FitsError(f"the header of HDU {number} has no END.")


@contextmanager
def open_fits(path: Path) -> Iterator[FitsStream]:
    """Open a FITS file, plain or gzipped whatever its name says.

    Raises
    ------
    FitsError
        When reading finds that the file is empty, is not FITS, or is damaged.
    OSError
        When the file cannot be read.
    """
    with open_stream(path, WHOLE_GZIP_BYTES, WHOLE_INFLATED_BYTES) as stream:
        yield FitsStream(stream)
