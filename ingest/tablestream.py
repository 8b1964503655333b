"""Streams the rows of a table in a FITS file in chunks, so that its size does not matter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ingest.fitsfile import (
    HDU,
    MAX_HDUS,
    PIECE_BYTES,
    FitsError,
    data_bytes,
    open_stream,
    padded,
    read_exactly,
    read_header,
    skip,
)
from ingest.header import Header, integer

ROWS_A_CHUNK = 2**16


def iter_rows(path: Path, wanted: Callable[[HDU], bool], rows_a_chunk: int = ROWS_A_CHUNK) -> Iterator[HDU]:
    """Stream the first HDU of a file that is wanted.

    Parameters
    ----------
    path
        A FITS file, plain or gzipped whatever its name says.
    wanted
        Called with each HDU without data until it says yes.
    rows_a_chunk
        At most so many rows at a time.

    Yields
    ------
    HDU
        The table with some of its rows; ``NAXIS2`` says how many. None for a table without rows.

    Raises
    ------
    FitsError
        When no HDU is wanted, or the file is damaged, as soon as that is noticed.
    OSError
        When the file cannot be read.
    """
    with open_stream(path) as stream:
        yield from _chunks(stream, wanted, rows_a_chunk)


def iter_column(
    path: Path, hdu_number: int, name: str, rows_a_chunk: int = ROWS_A_CHUNK
) -> Iterator[NDArray[np.float64]]:
    """Stream one scalar numeric column of one table in chunks.

    Yields
    ------
    ndarray of float64, shape (n,)
        With n up to `rows_a_chunk`.
    """
    for chunk in iter_rows(path, lambda hdu: hdu.number == hdu_number, rows_a_chunk):
        column = chunk.columns().get(name)
        if column is None:
            raise FitsError(f"HDU {chunk.name or hdu_number} has no column {name}.")
        yield chunk.read(column)


def _chunks(stream: IO[bytes], wanted: Callable[[HDU], bool], rows_a_chunk: int) -> Iterator[HDU]:
    number, header = _find(stream, wanted)
    table = HDU(number, header)
    row_bytes, left = integer(header, "NAXIS1") or 0, table.n_rows
    if not 0 <= row_bytes * left <= data_bytes(header):
        raise FitsError(f"the HDU {table.name or number} is no table of NAXIS2 rows of NAXIS1 bytes.")
    rows_a_chunk = max(1, min(rows_a_chunk, PIECE_BYTES // max(row_bytes, 1)))
    while left > 0:
        n_rows = min(left, rows_a_chunk)
        yield HDU(number, dict(header, NAXIS2=n_rows), read_exactly(stream, row_bytes * n_rows))
        left -= n_rows


def _find(stream: IO[bytes], wanted: Callable[[HDU], bool]) -> tuple[int, Header]:
    """Move to the data of the first HDU that is wanted; return its number and header."""
    for number in range(MAX_HDUS):
        header = read_header(stream, number)
        if header is None:
            break
        if wanted(HDU(number, header)):
            return number, header
        size = data_bytes(header)
        skip(stream, size)
        stream.seek(padded(size) - size, 1)
    raise FitsError("the table that is looked for is not in the file.")
