# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rows of an event table pass a selection, chunk by chunk.

EVENT_TYPE means, in this order: the label the archive has for the whole
dataset (then all rows pass); what the column EVENT_TYPE holds: a bit field
(GADF; the number of a bit, 0 the least significant, as Fermi counts them),
whole numbers, or texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datalink.soda.errors import NoOverlap, usage_error
from datalink.soda.fitsstream import FitsStream, StreamedHdu
from datalink.soda.selection import Selection
from ingest.fitsfile import HDU, Column, FitsError
from ingest.header import integer
from ingest.response_table import DEG, TEV

Mask = NDArray[np.bool_]

CHUNK_BYTES = 4 * 2**20
MAX_ROW_BYTES = 16 * 2**20
_TYPE_COLUMN = "EVENT_TYPE"


@dataclass(frozen=True, slots=True)
class TypeFilter:
    """Tells the rows of some event types, and how to write that into a header as data sub-space."""

    mask: Callable[[HDU], Mask]
    subspace: tuple[str, str, str]


class RowFilter:
    """The filters of a selection, bound to the columns of one event table.

    Parameters
    ----------
    events
        The table, without data.
    selection
        What to keep.
    time_limits
        Smallest and largest value of the column TIME, in its own unit, or None for all.
    partition
        The archive's label for the event type of the whole dataset.

    Raises
    ------
    FitsError
        When a column that is needed is missing or in a strange unit.
    NoOverlap
        When the dataset has no events of these types.
    SodaError
        When EVENT_TYPE does not fit the column.
    """

    def __init__(
        self,
        events: HDU,
        selection: Selection,
        time_limits: tuple[float, float] | None = None,
        partition: str | None = None,
    ) -> None:
        self._columns = events.columns()
        self._regions = selection.regions
        self._ranges: list[tuple[Column, float, float]] = []
        if time_limits is not None:
            self._ranges.append((self._column("TIME"), *time_limits))
        energies = selection.energies_tev
        if energies is not None:
            column, factor = self._measured("ENERGY", TEV)
            self._ranges.append((column, energies.low / factor, energies.high / factor))
        if self._regions:
            self._ra = self._measured("RA", DEG)
            self._dec = self._measured("DEC", DEG)
        self.types = type_filter(self._columns.get(_TYPE_COLUMN), selection.event_types, partition)

    @property
    def passes_all(self) -> bool:
        """Whether there is nothing to test."""
        return not (self._ranges or self._regions or self.types)

    def mask(self, chunk: HDU) -> Mask:
        """Return which rows of a chunk pass; a value that is no number passes no limit."""
        inside = np.ones(chunk.n_rows, dtype=np.bool_)
        for column, low, high in self._ranges:
            values = chunk.read(column)
            inside &= (values >= low) & (values <= high)
        if self.types is not None:
            inside &= self.types.mask(chunk)
        if self._regions:
            rows = np.flatnonzero(inside)
            ra, dec = (chunk.read(column)[rows] * factor for column, factor in (self._ra, self._dec))
            for region in self._regions:
                inside[rows] &= region.contains(ra, dec)
        return inside

    def _column(self, name: str) -> Column:
        column = self._columns.get(name)
        if column is None or column.repeat != 1 or column.code not in "BIJKED":
            raise FitsError(f"the event table has no column {name} of numbers.")
        return column

    def _measured(self, name: str, factors: Mapping[str, float]) -> tuple[Column, float]:
        """Return a column and the factor from its unit to the house unit."""
        column = self._column(name)
        unit = column.unit.lower()
        if unit and unit not in factors:
            raise FitsError(f"the column {name} of the event table is in '{column.unit}'.")
        return column, factors[unit] if unit else 1.0


def type_filter(column: Column | None, wanted: tuple[str, ...], partition: str | None) -> TypeFilter | None:
    """Return the filter for EVENT_TYPE values, None when all rows pass.

    Raises
    ------
    NoOverlap
        When the dataset is of another type.
    SodaError
        When the column holds numbers and the values are none.
    """
    if not wanted or (partition is not None and partition.casefold() in {value.casefold() for value in wanted}):
        return None
    if column is None or column.repeat == 0:
        raise NoOverlap
    if column.code == "A":
        labels = {value.casefold() for value in wanted}
        return TypeFilter(lambda chunk: _has_label(chunk, column, labels), (_TYPE_COLUMN, "", ",".join(wanted)))
    if column.code not in "XBIJK" or (column.code != "X" and column.repeat != 1):
        raise FitsError(f"the column {_TYPE_COLUMN} of the event table is neither bits, numbers nor texts.")
    highest = column.repeat - 1 if column.code == "X" else 2**31
    numbers = sorted({_number(value, column, highest) for value in wanted})
    if column.code == "X":
        bits = sum(1 << number for number in numbers)
        return TypeFilter(
            lambda chunk: _has_bit(chunk, column, numbers), (f"BIT_MASK({_TYPE_COLUMN},{bits})", "DIMENSIONLESS", "1:1")
        )
    subspace = (_TYPE_COLUMN, "", ",".join(map(str, numbers)))
    return TypeFilter(lambda chunk: np.isin(chunk.read(column), numbers), subspace)


def _number(value: str, column: Column, highest: int) -> int:
    if value.isascii() and value.isdigit() and len(value) < 11 and int(value) <= highest:
        return int(value)
    what = f"the number of a bit, 0 to {highest}" if column.code == "X" else "a whole number"
    raise usage_error(f"EVENT_TYPE of this dataset is {what}.")


def _has_label(chunk: HDU, column: Column, labels: set[str]) -> Mask:
    return np.array([text.casefold() in labels for text in chunk.read_text(column)], dtype=np.bool_)


def _has_bit(chunk: HDU, column: Column, numbers: list[int]) -> Mask:
    cells = chunk.cell_bytes(column, -(-column.repeat // 8))
    inside = np.zeros(chunk.n_rows, dtype=np.bool_)
    for number in numbers:
        # bits of a field are numbered from its end; the field begins at the highest bit of its first byte
        byte, bit = divmod(column.repeat - 1 - number, 8)
        inside |= (cells[:, byte] & (0x80 >> bit)) != 0
    return inside


def table_size(streamed: StreamedHdu) -> tuple[int, int]:
    """Return bytes a row and number of rows of a table that is what it says it is."""
    header = streamed.hdu.header
    name = streamed.hdu.name or streamed.hdu.number
    row_bytes, n_rows = integer(header, "NAXIS1"), integer(header, "NAXIS2")
    structure = [integer(header, key) for key in ("BITPIX", "NAXIS", "GCOUNT")]
    if structure not in ([8, 2, 1], [8, 2, None]) or row_bytes is None or n_rows is None or row_bytes < 0 or n_rows < 0:
        raise FitsError(f"the HDU {name} is no binary table.")
    if row_bytes * n_rows > streamed.n_data_bytes:
        raise FitsError(f"the HDU {name} is no table of NAXIS2 rows of NAXIS1 bytes.")
    if row_bytes > MAX_ROW_BYTES:
        raise FitsError(f"the rows of HDU {name} have {row_bytes} bytes, too many for an event.")
    return row_bytes, n_rows


def kept_rows(
    stream: FitsStream, hdu: HDU, rows: RowFilter, row_bytes: int, n_rows: int
) -> Iterator[tuple[int, bytes]]:
    """Yield how many rows of each chunk pass, and their bytes."""
    if row_bytes == 0:
        if n_rows and not rows.passes_all:
            raise FitsError("the columns of the event table are wider than its rows (NAXIS1).")
        yield n_rows, b""
        return
    rows_a_chunk = max(1, CHUNK_BYTES // row_bytes)
    row = np.dtype((np.void, row_bytes))
    for start in range(0, n_rows, rows_a_chunk):
        n_here = min(rows_a_chunk, n_rows - start)
        data = stream.read(n_here * row_bytes)
        if rows.passes_all:
            yield n_here, data
            continue
        mask = rows.mask(HDU(hdu.number, dict(hdu.header, NAXIS2=n_here), data))
        n_passed = int(mask.sum())
        yield n_passed, data if n_passed == n_here else np.frombuffer(data, row)[mask].tobytes()
