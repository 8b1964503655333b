"""Reads FITS headers and small binary tables fast, from plain and gzipped files, as a stream.

astropy reads the same files three times slower, because it builds an object for every header card and column; a
harvest must keep up with gunzip. This module knows only what a harvest needs: fixed-length binary tables and headers
(FITS 4.0, sections 4 and 7.3). Everything that is not a header or a wanted table is skipped without being stored.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

try:  # inflates nearly twice as fast as zlib; the archive works without it
    from isal import isal_zlib as zlib
    from isal.igzip import BadGzipFile
    from isal.igzip import IGzipFile as GzipFile
except ImportError:
    import zlib
    from gzip import BadGzipFile, GzipFile

from ingest.header import Header, Value, integer, number, parse_cards, text

BLOCK = 2880
GZIP_MAGIC = b"\x1f\x8b"
GZIP_WBITS = 31  # zlib's number for "a gzip header and trailer around the stream"
# Gzipped files up to this size are inflated in one go, which is faster than streaming them.
WHOLE_GZIP_BYTES = 32 * 2**20
WHOLE_INFLATED_BYTES = 256 * 2**20
# A table larger than this is never a response, a GTI list or an index: refuse instead of filling the memory.
MAX_TABLE_BYTES = 1024 * 2**20
# What a header claims is only believed piece by piece, so that a damaged one does not fill the memory.
PIECE_BYTES = 16 * 2**20
MAX_DATA_BYTES = 2**60
MAX_HEADER_BLOCKS = 2000
MAX_HDUS = 2000
MAX_AXES = 999

_TFORM = re.compile(r"\s*(\d{0,18})([LXBIJKAEDCMPQ])")
_NUMERIC = {
    code: np.dtype(form) for code, form in zip("BIJKED", ("u1", ">i2", ">i4", ">i8", ">f4", ">f8"), strict=True)
}
_WIDTHS = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16, "P": 8, "Q": 16}


class FitsError(ValueError):
    """A file, or a part of it, that is not the FITS it should be; the text is a sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a binary table: where its cells are in a row and what they hold.

    ``shape`` is in numpy order (the reverse of TDIM); scalars have shape ``()``.
    """

    name: str
    offset: int
    code: str
    repeat: int
    unit: str
    shape: tuple[int, ...]
    scale: float
    zero: float
    null: int | None

    @property
    def is_integer(self) -> bool:
        """Whether its cells are whole numbers, those made unsigned by TZERO (FITS 4.0, table 19) included."""
        if self.code == "K":
            return self.scale == 1.0 and self.zero in (0.0, 2.0**63)
        return self.code in "BIJ" and self.scale == 1.0 and self.zero.is_integer() and abs(self.zero) < 2**53


@dataclass(frozen=True, slots=True)
class HDU:
    """One header-data unit: its number in the file, its header, and its table bytes if they were wanted."""

    number: int
    header: Header
    data: bytes | None = None

    @property
    def name(self) -> str:
        """EXTNAME in upper case, or an empty string."""
        return str(self.header.get("EXTNAME") or "").strip().upper()

    @property
    def is_table(self) -> bool:
        """Whether this is a binary table extension."""
        return self.header.get("XTENSION") == "BINTABLE"

    @property
    def n_rows(self) -> int:
        """NAXIS2 of a table."""
        return integer(self.header, "NAXIS2") or 0

    def columns(self) -> dict[str, Column]:
        """Return the columns by upper-case name; of names that differ in case only, the one in capitals counts."""
        columns: dict[str, Column] = {}
        for index, column in enumerate(_columns(self.header), 1):
            if column.name not in columns or text(self.header, f"TTYPE{index}") == column.name:
                columns[column.name] = column
        return columns

    def read(self, column: Column) -> NDArray[np.float64]:
        """Return a numeric column in double precision, shape ``(n_rows, *column.shape)``.

        TSCAL and TZERO are applied, cells that hold TNULL are NaN.
        """
        raw = self._cells(column)
        values = (_whole(raw, column) if column.is_integer else raw).astype(np.float64)
        if not column.is_integer:
            values = values * column.scale + column.zero
        if column.null is not None:
            values[raw == column.null] = np.nan
        return values.reshape((self.n_rows, *column.shape))

    def first_row(self, column: Column) -> NDArray[np.generic]:
        """Return the first row's cell in its own shape, if possible as it is in the file (big-endian), without copying.

        Raises
        ------
        FitsError
            When the table has no row.
        """
        if self.n_rows < 1:
            raise FitsError(f"the table {self.name or self.number} has no row.")
        if column.scale != 1.0 or column.zero != 0.0 or column.null is not None:
            return np.asarray(self.read(column)[0])
        cell: NDArray[np.generic] = self._cells(column)[0].reshape(column.shape)
        return cell

    def read_int(self, column: Column) -> list[int | None]:
        """Return an integer column; 64-bit values stay exact, cells that hold TNULL are None."""
        if not column.is_integer or column.repeat != 1:
            raise FitsError(f"the column {column.name} of HDU {self.name or self.number} is not an integer column.")
        raw = self._cells(column)[:, 0]
        values: list[int | None] = _whole(raw, column).tolist()
        if column.null is not None:
            return [None if is_null else value for value, is_null in zip(values, raw == column.null, strict=True)]
        return values

    def read_whole(self, column: Column) -> NDArray[np.int64]:
        """Return an integer column as an array, -1 for cells that hold TNULL and for numbers beyond 64 bits."""
        if not column.is_integer or column.repeat != 1:
            raise FitsError(f"the column {column.name} of HDU {self.name or self.number} is not an integer column.")
        raw = self._cells(column)[:, 0]
        values = _whole(raw, column)
        absent = values > np.uint64(2**63 - 1) if values.dtype == np.uint64 else np.zeros(raw.shape, dtype=np.bool_)
        if column.null is not None:
            absent |= raw == column.null
        return np.where(absent, -1, values.astype(np.int64))

    def read_text(self, column: Column) -> list[str]:
        """Return a text column as stripped strings."""
        if column.code != "A":
            raise FitsError(f"the column {column.name} of HDU {self.name or self.number} does not hold text.")
        if column.repeat == 0:
            return [""] * self.n_rows
        cells = self.cell_bytes(column, column.repeat)
        texts = np.ascontiguousarray(cells).view(f"S{column.repeat}")[:, 0].tolist()
        # FITS 4.0, 7.3.3.1: a NUL ends the text; what follows is undefined.
        return [text.partition(b"\0")[0].decode("latin-1").strip() for text in texts]

    def _cells(self, column: Column) -> NDArray[Any]:
        dtype = _NUMERIC.get(column.code)
        if dtype is None:
            raise FitsError(f"the column {column.name} of HDU {self.name or self.number} is not numeric.")
        if column.repeat == 0:
            return np.empty((self.n_rows, 0), dtype)
        cells = self.cell_bytes(column, dtype.itemsize * column.repeat)
        if self.n_rows != 1:
            cells = np.ascontiguousarray(cells)
        return cells.view(dtype)

    def cell_bytes(self, column: Column, width: int) -> NDArray[np.uint8]:
        """Return the first `width` bytes of a column's cells as they are in the file, shape ``(n_rows, width)``."""
        if self.data is None:
            raise FitsError(f"the data of HDU {self.name or self.number} were not read.")
        row_bytes = integer(self.header, "NAXIS1") or 0
        if column.offset + width > row_bytes:
            raise FitsError(f"the columns of HDU {self.name or self.number} are wider than its rows (NAXIS1).")
        if row_bytes > MAX_TABLE_BYTES or not 0 <= row_bytes * self.n_rows <= len(self.data):
            raise FitsError(f"the HDU {self.name or self.number} is no table of NAXIS2 rows of NAXIS1 bytes.")
        table = np.frombuffer(self.data, np.uint8, count=row_bytes * self.n_rows)
        return table.reshape(self.n_rows, row_bytes)[:, column.offset : column.offset + width]


def _whole(raw: NDArray[Any], column: Column) -> NDArray[Any]:
    """Return the cells of an integer column as 64-bit integers, unsigned where TZERO says they are."""
    if column.code == "K" and column.zero == 2.0**63:
        return raw.astype(np.uint64) ^ np.uint64(2**63)
    return raw.astype(np.int64) + int(column.zero)


def read_hdus(path: Path, wanted: Callable[[HDU], bool]) -> list[HDU]:
    """Read all headers of a file and the data of the binary tables that are wanted.

    Parameters
    ----------
    path
        A FITS file, plain or gzipped whatever its name says.
    wanted
        Called with each table HDU without data; tells whether its data are to be read.

    Returns
    -------
    list of HDU
        In file order.

    Raises
    ------
    FitsError
        When this is not FITS, is truncated, is a damaged gzip, or a wanted table is unreasonably large.
    OSError
        When the file cannot be read.
    """
    with open_stream(path) as stream:
        return list(_hdus(stream, wanted))


@contextmanager
def open_stream(
    path: Path, whole_gzip_bytes: int | None = None, whole_inflated_bytes: int | None = None
) -> Iterator[IO[bytes]]:
    """Open a FITS file to be read from begin to end, plain or gzipped whatever its name says.

    Parameters
    ----------
    path
        The file.
    whole_gzip_bytes, whole_inflated_bytes
        A gzipped file up to the first size is inflated at once, which is faster than streaming it, unless it holds
        more than the second; by default what an import can afford.

    Raises
    ------
    FitsError
        When the file is empty, or reading finds that its compression is damaged.
    OSError
        When the file cannot be read.
    """
    with path.open("rb") as raw:
        magic = raw.read(len(GZIP_MAGIC))
        raw.seek(0)
        if not magic:
            raise FitsError("the file is empty.")
        if magic != GZIP_MAGIC:
            yield raw
            return
        try:
            small = path.stat().st_size <= (WHOLE_GZIP_BYTES if whole_gzip_bytes is None else whole_gzip_bytes)
            most = WHOLE_INFLATED_BYTES if whole_inflated_bytes is None else whole_inflated_bytes
            yield _inflated(raw, most if small else 0)
        except (zlib.error, EOFError, BadGzipFile) as exc:
            raise FitsError(f"the gzip compression is damaged or cut off ({exc}).") from exc


def _inflated(raw: IO[bytes], most: int) -> IO[bytes]:
    """Return what a gzipped file holds, at once if that is no more than `most` bytes."""
    if most:
        inflater = zlib.decompressobj(wbits=GZIP_WBITS)
        whole = inflater.decompress(raw.read(), most)
        if inflater.eof and not inflater.unused_data:
            return BytesIO(whole)
        if not inflater.eof and not inflater.unconsumed_tail:
            raise EOFError("the end is missing")
        del whole
        raw.seek(0)
    stream: IO[bytes] = GzipFile(fileobj=raw)
    return stream


def _hdus(stream: IO[bytes], wanted: Callable[[HDU], bool]) -> Iterator[HDU]:
    for hdu_number in range(MAX_HDUS):
        header = read_header(stream, hdu_number)
        if header is None:
            return
        hdu = HDU(hdu_number, header)
        size = data_bytes(header)
        if hdu.is_table and wanted(hdu):
            if size > MAX_TABLE_BYTES:
                raise FitsError(f"HDU {hdu.name or hdu_number} holds {size} bytes, too many for a table of its kind.")
            hdu = HDU(hdu_number, header, read_exactly(stream, size))
        else:
            skip(stream, size)
        # Some writers leave out the padding of the last HDU: only the data themselves must be complete.
        stream.seek(padded(size) - size, 1)
        yield hdu
    raise FitsError(f"the file has more than {MAX_HDUS} HDUs.")


def read_header(stream: IO[bytes], hdu_number: int) -> dict[str, Value] | None:
    """Read the header of an HDU, None after the last one."""
    header: dict[str, Value] = {}
    for block_number in range(MAX_HEADER_BLOCKS):
        block = stream.read(BLOCK)
        if block_number == 0:
            if hdu_number == 0 and not block.startswith(b"SIMPLE  ="):
                raise FitsError("this is not a FITS file (it does not begin with SIMPLE).")
            if hdu_number > 0 and not block.startswith(b"XTENSION"):
                # FITS 4.0, section 3.5: anything after the last HDU is not part of the data set.
                return None
        if len(block) < BLOCK:
            raise FitsError(f"the file ends within the header of HDU {hdu_number}.")
        if parse_cards(block.decode("latin-1"), header):
            return header
    raise FitsError(f"the header of HDU {hdu_number} has no END.")


def data_bytes(header: Header) -> int:
    """Return how many bytes of data follow a header, padding not counted; a senseless header is a FitsError."""
    bitpix, n_axes = integer(header, "BITPIX"), integer(header, "NAXIS") or 0
    axes = [integer(header, f"NAXIS{axis + 1}") for axis in range(min(n_axes, MAX_AXES))]
    if bitpix is None or n_axes > MAX_AXES or any(axis is None or axis < 0 for axis in axes):
        raise FitsError("a header lacks BITPIX or has senseless NAXIS values.")
    if not axes:
        return 0
    elements = math.prod(axis or 0 for axis in axes)
    heap, groups = integer(header, "PCOUNT") or 0, integer(header, "GCOUNT") or 1
    size = abs(bitpix) // 8 * groups * (max(heap, 0) + elements)
    if not 0 <= size <= MAX_DATA_BYTES:
        raise FitsError(f"a header claims {size} bytes of data.")
    return size


def padded(size: int) -> int:
    """Return a size rounded up to whole FITS blocks."""
    return -(-size // BLOCK) * BLOCK


def read_exactly(stream: IO[bytes], size: int) -> bytes:
    """Read `size` bytes; a FitsError when there are less."""
    data = stream.read(min(size, PIECE_BYTES))
    if len(data) == PIECE_BYTES < size:
        pieces = [data]
        while size > (length := sum(map(len, pieces))) and (data := stream.read(min(size - length, PIECE_BYTES))):
            pieces.append(data)
        data = b"".join(pieces)
    if len(data) < size:
        raise FitsError(f"the file is cut off: {size - len(data)} bytes of a table are missing.")
    return data


def skip(stream: IO[bytes], size: int) -> None:
    """Move on by `size` bytes; the last byte is read, so that a missing end is noticed."""
    if size == 0:
        return
    stream.seek(size - 1, 1)
    if not stream.read(1):
        raise FitsError("the file is cut off: it ends before its last HDU does.")


def _columns(header: Header) -> Iterator[Column]:
    offset = 0
    for index in range(1, min(integer(header, "TFIELDS") or 0, 999) + 1):
        form = _TFORM.match(str(header.get(f"TFORM{index}") or ""))
        if form is None:
            raise FitsError(f"the table {header.get('EXTNAME')} has no usable TFORM{index}.")
        repeat, code = int(form[1] or 1), form[2]
        width = -(-repeat // 8) if code == "X" else repeat * _WIDTHS[code]
        yield Column(
            name=(text(header, f"TTYPE{index}") or "").upper(),
            offset=offset,
            code=code,
            repeat=repeat,
            unit=text(header, f"TUNIT{index}") or "",
            shape=_shape(header, index, repeat),
            scale=number(header, f"TSCAL{index}") or 1.0,
            zero=number(header, f"TZERO{index}") or 0.0,
            null=integer(header, f"TNULL{index}") if code in "BIJK" else None,
        )
        offset += width


def _shape(header: Header, index: int, repeat: int) -> tuple[int, ...]:
    """Return the shape of a cell in numpy order, from TDIM where it fits the repeat count."""
    written = header.get(f"TDIM{index}")
    dims = re.findall(r"\d{1,18}", str(written)) if written else []
    shape = tuple(int(size) for size in reversed(dims))
    if shape and math.prod(shape) == repeat:
        return shape
    return () if repeat == 1 else (repeat,)
