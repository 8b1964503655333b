"""Writes photons as rows of PostgreSQL's binary COPY format, whole blocks at once with numpy.

Source: PostgreSQL documentation, "COPY", section "Binary Format". A row is the number of its fields (int16), then for
each field its length in bytes (int32) and its value, big-endian; a lacking value is the length -1 alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ingest.events.rows import Photons

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
COLUMNS: dict[str, str] = {
    "event_id": "bigint",
    "event_time": "double precision",
    "ra": "double precision",
    "dec": "double precision",
    "energy": "real",
    "source_id": "integer",
    "healpix": "integer",
    "event_type": "integer",
    "partition_id": "integer",
    "multiplicity": "smallint",
}
"""Columns of the table of rows and their types, widest first, so that PostgreSQL needs no padding between them."""
_FORMATS = {"bigint": ">i8", "double precision": ">f8", "real": ">f4", "integer": ">i4", "smallint": ">i2"}
_SINGLE_MAX = float(np.finfo(np.float32).max)

Field = NDArray[np.float64] | NDArray[np.int64] | int | None


def encode(photons: Photons, source_id: int, partition_id: int) -> bytes:
    """Return photons as COPY rows with the columns `COLUMNS`, without header and trailer of the format.

    Numbers that are NaN, and whole numbers below 0, are written as NULL: in PostgreSQL NaN is greater than any number.
    """
    fields: dict[str, Field] = {
        "event_id": photons.event_id,
        "event_time": photons.time_mjd,
        "ra": photons.ra_deg,
        "dec": photons.dec_deg,
        "energy": np.where(np.abs(photons.energy_tev) <= _SINGLE_MAX, photons.energy_tev, np.nan),
        "source_id": source_id,
        "healpix": photons.healpix,
        "event_type": photons.event_type,
        "partition_id": partition_id,
        "multiplicity": photons.multiplicity,
    }
    values = [fields[name] for name in COLUMNS]
    n_rows = len(photons.time_mjd)
    lacking = _lacking(values, n_rows)
    parts = []
    for pattern, rows in _by_pattern(lacking):
        picked = [value[rows] if isinstance(value, np.ndarray) and rows is not None else value for value in values]
        parts.append(_records(picked, pattern, n_rows if rows is None else len(rows)))
    return b"".join(parts)


def _lacking(values: Sequence[Field], n_rows: int) -> NDArray[np.int64]:
    """Return for each row which fields it lacks, as bits of a number."""
    bits = np.zeros(n_rows, dtype=np.int64)
    for number, value in enumerate(values):
        if value is None:
            bits |= 1 << number
        elif isinstance(value, np.ndarray):
            absent = np.isnan(value) if value.dtype.kind == "f" else value < 0
            bits |= absent.astype(np.int64) << number
    return bits


def _by_pattern(lacking: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.int64] | None]]:
    """Yield each combination of lacking fields with the rows that have it, None for all rows."""
    if lacking.size == 0:
        return
    if (lacking == lacking[0]).all():
        yield int(lacking[0]), None
        return
    for pattern in np.unique(lacking).tolist():
        yield pattern, np.flatnonzero(lacking == pattern)


def _records(values: Sequence[Field], pattern: int, n_rows: int) -> bytes:
    """Return rows that lack the same fields."""
    layout: list[tuple[str, str]] = [("n", ">i2")]
    for number, (name, sql_type) in enumerate(COLUMNS.items()):
        layout.append((f"length_{name}", ">i4"))
        if not pattern >> number & 1:
            layout.append((name, _FORMATS[sql_type]))
    records = np.empty(n_rows, dtype=np.dtype(layout))
    records["n"] = len(COLUMNS)
    for number, (name, value) in enumerate(zip(COLUMNS, values, strict=True)):
        if pattern >> number & 1:
            records[f"length_{name}"] = -1
        else:
            records[f"length_{name}"] = records.dtype[name].itemsize
            records[name] = value
    return records.tobytes()
