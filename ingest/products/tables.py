"""A product's table: columns with their units, from FITS or from ECSV, under lower-case names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import IngestError
from ingest.fitsfile import HDU, FitsError, data_bytes
from ingest.fitsfile import Column as FitsColumn

Floats = NDArray[np.float64]
# Products are small: what is larger is not one, and is not read.
MAX_TABLE_BYTES = 256 * 2**20


@dataclass(frozen=True, slots=True)
class Column:
    """A column: cells as numbers, truth values or texts; `unit` as in the file."""

    name: str
    values: NDArray[Any]
    unit: str = ""
    description: str = ""

    @property
    def is_text(self) -> bool:
        """Whether its cells are texts."""
        return self.values.dtype.kind in "UO"


@dataclass(frozen=True, slots=True)
class ProductTable:
    """Columns by lower-case name, and keywords by upper-case name."""

    columns: Mapping[str, Column]
    meta: Mapping[str, Any] = field(default_factory=dict)
    n_rows: int = 0
    name: str = ""

    def __contains__(self, name: str) -> bool:
        return name in self.columns

    def numbers(self, name: str) -> Floats:
        """Return a column as numbers.

        Raises
        ------
        IngestError
            When it is not there or holds texts.
        """
        column = self.columns.get(name)
        if column is None:
            raise IngestError(f"the table lacks the column {name}.")
        if column.is_text:
            raise IngestError(f"the column {name} holds text where numbers are wanted.")
        return np.asarray(column.values, dtype=np.float64)

    def optional(self, *names: str) -> Floats | None:
        """Return the first numeric column among some names, None when there is none."""
        for name in names:
            column = self.columns.get(name)
            if column is not None and not column.is_text:
                return np.asarray(column.values, dtype=np.float64)
        return None

    def flags(self, name: str) -> NDArray[np.bool_] | None:
        """Return a column of truth values, None when there is none."""
        column = self.columns.get(name)
        if column is None or column.is_text:
            return None
        return np.asarray(np.nan_to_num(np.asarray(column.values, dtype=np.float64)) != 0)

    def unit(self, name: str) -> str:
        """Return a column's unit as written."""
        return self.columns[name].unit

    def text(self, *keys: str) -> str | None:
        """Return the first keyword that is a text or number, stripped."""
        for key in keys:
            value = self.meta.get(key.upper())
            if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
                return " ".join(str(value).split())
        return None


def table_of(hdu: HDU) -> ProductTable:
    """Return an HDU whose data were read as a table; columns of kinds no product has are left out.

    Raises
    ------
    FitsError
        When the columns do not fit the table.
    """
    columns: dict[str, Column] = {}
    for column in hdu.columns().values():
        values = _cells(hdu, column)
        if values is not None:
            columns.setdefault(column.name.lower(), Column(column.name.lower(), values, column.unit))
    return ProductTable(columns, hdu.header, hdu.n_rows, hdu.name)


def _cells(hdu: HDU, column: FitsColumn) -> NDArray[Any] | None:
    if column.code == "A":
        return np.array(hdu.read_text(column), dtype=np.str_) if hdu.n_rows else np.empty(0, np.str_)
    if column.code == "L":
        flags: NDArray[np.bool_] = hdu.cell_bytes(column, column.repeat) == ord("T")
        return flags.reshape((hdu.n_rows, *column.shape))
    if column.code in "BIJKED":
        return hdu.read(column)
    return None


def is_readable(hdu: HDU) -> bool:
    """Return whether an HDU is a table of the size products have."""
    return hdu.is_table and data_bytes(hdu.header) <= MAX_TABLE_BYTES


def column_names(hdu: HDU) -> set[str]:
    """Return the names of a table's columns in lower case, none for what is no sound table."""
    if not hdu.is_table:
        return set()
    try:
        return {name.lower() for name in hdu.columns()}
    except FitsError:
        return set()
