# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the parts of a cut-out go: a FITS file here, a VOTable in `datalink.soda.votable`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import BinaryIO, Protocol

from datalink.soda.clock import Clock
from datalink.soda.fitsstream import StreamedHdu
from datalink.soda.fitswriter import Cards, HduWriter
from ingest.fitsfile import HDU
from ingest.header import Value


class TableTarget(Protocol):
    """Takes the rows of one table, then its header."""

    def write(self, rows: bytes) -> None:
        """Take whole rows, or bytes of the heap after the last row."""

    def end_data(self) -> None:
        """Take note that no more data come."""

    def finish(self, header: dict[str, Value]) -> None:
        """Take the final header; called once all HDUs are there."""


class Sink(Protocol):
    """Takes the HDUs of a cut-out in file order."""

    wants_heap: bool
    wants_others: bool

    def table(self, hdu: HDU, cards: Cards, clock: Clock | None) -> TableTarget:
        """Begin an event or GTI table; its cards may be edited until `TableTarget.finish`."""

    def copy(self, streamed: StreamedHdu, data: Iterable[bytes]) -> None:
        """Take an HDU as it is, with padding."""

    def finish(self) -> None:
        """Complete the result."""


class FitsSink:
    """Writes a FITS file."""

    wants_heap = True
    wants_others = True

    def __init__(self, out: BinaryIO) -> None:
        self._out = out

    def table(self, hdu: HDU, cards: Cards, clock: Clock | None) -> TableTarget:
        """Begin an HDU that gets a new header."""
        return _FitsTable(HduWriter(self._out, cards))

    def copy(self, streamed: StreamedHdu, data: Iterable[bytes]) -> None:
        """Copy an HDU byte for byte."""
        self._out.write(streamed.header_bytes)
        for piece in data:
            self._out.write(piece)

    def finish(self) -> None:
        """Do nothing: a FITS file ends with its last HDU."""


class _FitsTable:
    def __init__(self, writer: HduWriter) -> None:
        self.write = writer.write
        self.end_data = writer.end_data
        self._writer = writer

    def finish(self, header: dict[str, Value]) -> None:
        self._writer.finish()
