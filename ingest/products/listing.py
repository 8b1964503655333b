"""Listings of files of lower levels (DL0 to DL2) that the archive knows of and does not serve.

A listing is an ECSV table whose name ends in ``.listing.ecsv``; paths are relative to the folder it is in. Columns:

==============  ==========  =======================================================================================
column          needed      holds
==============  ==========  =======================================================================================
path            yes         path of the file, unique; a file that is there is only given its progenitors
level           yes         DL0, DL1 or DL2 (R0 and R1 count as DL0); for files that are there whatever it is
product_id      no          identifier of the producer, becomes obs_creator_did
size            no          bytes
obs_id          no          observation
derived_from    no          paths of its progenitors, separated by ``|``; files listed here or files of the collection
target_name     no          name of the target
s_ra, s_dec     no          pointing, deg ICRS
t_min, t_max    no          start and end, MJD UTC
instrument      no          name of the instrument
==============  ==========  =======================================================================================
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.errors import IngestError
from ingest.products.ecsv import read_ecsv
from ingest.products.tables import ProductTable

LEVELS = {"R0": "DL0", "R1": "DL0", "DL0": "DL0", "DL1": "DL1", "DL2": "DL2"}
WORDS = {"DL0": "raw data", "DL1": "images and parameters", "DL2": "reconstructed events"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFile:
    """A line of a listing; paths are relative to the collection. Angles deg (ICRS), times MJD UTC."""

    path: str
    level: str
    product_id: str | None = None
    size: int | None = None
    obs_id: str | None = None
    derived_from: tuple[str, ...] = ()
    target_name: str | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    t_min: float | None = None
    t_max: float | None = None
    instrument: str | None = None

    @property
    def is_below_dl3(self) -> bool:
        """Whether the archive lists the file without serving it."""
        return self.level in WORDS


def read_listing(path: Path, folder: str) -> tuple[list[ListedFile], list[str]]:
    """Read a listing.

    Parameters
    ----------
    path
        The file.
    folder
        Its folder in the collection, ``""`` for the collection's own.

    Returns
    -------
    tuple
        The files, and sentences on lines that were left out.

    Raises
    ------
    IngestError
        When this is no listing.
    OSError
        When it cannot be read.
    """
    table = read_ecsv(path)
    for name in ("path", "level"):
        if name not in table or not table.columns[name].is_text:
            raise IngestError(f"the listing lacks the column {name} (text).")
    files: list[ListedFile] = []
    problems: list[str] = []
    seen: set[str] = set()
    for number, written in enumerate(table.columns["path"].values.tolist(), 1):
        try:
            listed = _listed(table, number - 1, folder, _within(folder, written))
        except IngestError as exc:
            problems.append(f"line {number} of the listing was left out: {exc}")
            continue
        if listed.path in seen:
            problems.append(f"line {number} of the listing was left out: {listed.path} is listed before.")
            continue
        seen.add(listed.path)
        files.append(listed)
    return files, problems


def _within(folder: str, written: str) -> str:
    """Return a path relative to the collection.

    Raises
    ------
    IngestError
        When it leads out of the collection.
    """
    path = posixpath.normpath(posixpath.join(folder, written.strip()))
    if not written.strip() or written.startswith("/") or path.startswith("..") or path == "." or "\0" in path:
        raise IngestError(f"the path '{written}' does not lead to a file of the collection.")
    return path


def _listed(table: ProductTable, row: int, folder: str, path: str) -> ListedFile:
    level = str(table.columns["level"].values[row]).strip().upper()
    return ListedFile(
        path=path,
        level=LEVELS.get(level, level),
        product_id=_text(table, "product_id", row),
        size=_size(table, row),
        obs_id=_text(table, "obs_id", row),
        derived_from=tuple(_parents(table, row, folder)),
        target_name=_text(table, "target_name", row),
        ra_deg=_number(table, "s_ra", row, 360.0),
        dec_deg=_number(table, "s_dec", row, 90.0),
        t_min=_number(table, "t_min", row),
        t_max=_number(table, "t_max", row),
        instrument=_text(table, "instrument", row),
    )


def _parents(table: ProductTable, row: int, folder: str) -> Iterator[str]:
    written = _text(table, "derived_from", row)
    for part in (written or "").split("|"):
        if part.strip():
            yield _within(folder, part)


def _text(table: ProductTable, name: str, row: int) -> str | None:
    column = table.columns.get(name)
    if column is None:
        return None
    value = column.values[row]
    if column.is_text:
        return " ".join(str(value).split()) or None
    return f"{float(value):.0f}" if np.isfinite(value) else None


def _number(table: ProductTable, name: str, row: int, limit: float = 1e9) -> float | None:
    values = table.optional(name)
    if values is None or not np.isfinite(values[row]) or abs(values[row]) > limit:
        return None
    return float(values[row])


def _size(table: ProductTable, row: int) -> int | None:
    size = _number(table, "size", row, 2.0**60)
    return int(size) if size is not None and size >= 0 else None
