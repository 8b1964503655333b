"""Reads a user's table of positions."""

from __future__ import annotations

import math
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers.expat import ExpatError

import astropy.units as u
import numpy as np
from astropy.table import Table
from astropy.units import UnitsError
from yaml import YAMLError

from analysis.gammapy_tools.selection import READ_ERRORS
from analysis.worker.job import JobError

MAX_POSITIONS = 1000
_UNITS = {"ra": "deg", "dec": "deg", "radius": "deg", "emin": "TeV", "emax": "TeV", "tmin": "d", "tmax": "d"}
_OPTIONAL = ("radius", "emin", "emax", "tmin", "tmax")
_MAX_NAME = 60
# What the readers of the formats raise for files that are none.
_UNREADABLE = (*READ_ERRORS, ArithmeticError, SyntaxError, EOFError, ExpatError, YAMLError, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A line of the table: degrees (ICRS), TeV and MJD (UTC); None where it says nothing."""

    number: int
    name: str
    ra: float
    dec: float
    radius: float | None = None
    emin: float | None = None
    emax: float | None = None
    tmin: float | None = None
    tmax: float | None = None


def read_positions(path: Path) -> list[Position]:
    """Read a table of positions.

    Parameters
    ----------
    path
        VOTable, FITS, ECSV or CSV, whatever its name, with columns ``ra`` and ``dec`` and, as it likes, ``name``,
        ``radius``, ``emin``, ``emax``, ``tmin`` and ``tmax``. Numbers without unit are in deg, TeV and days (MJD, UTC).

    Raises
    ------
    JobError
        When it cannot be read, or a line makes no sense.
    """
    table = _read(path)
    columns = {name.lower(): table[name] for name in reversed(table.colnames)}
    missing = [name for name in ("ra", "dec") if name not in columns]
    if missing:
        raise JobError(
            f"the table of positions has no column {' and no column '.join(missing)}; it has"
            f" {', '.join(table.colnames)[:200]}."
        )
    if not len(table):
        raise JobError("the table of positions has no line.")
    if len(table) > MAX_POSITIONS:
        raise JobError(f"the table has {len(table)} positions; at most {MAX_POSITIONS} are cut in one job.")
    values = {name: _numbers(name, columns[name]) for name in _UNITS if name in columns}
    names = _names(columns.get("name"), len(table))
    return [_position(number, names[number - 1], values) for number in range(1, len(table) + 1)]


def _read(path: Path) -> Table:
    with path.open("rb") as stream:
        start = stream.read(512).lstrip(b"\xef\xbb\xbf \t\r\n")
    if start.startswith((b"SIMPLE", b"\x1f\x8b")):
        form, label = "fits", "FITS"
    elif start.startswith(b"<"):
        form, label = "votable", "VOTable"
    elif start.startswith(b"# %ECSV"):
        form, label = "ascii.ecsv", "ECSV"
    else:
        form, label = "ascii.csv", "CSV"
    options: dict[str, Any] = {"hdu": 1} if form == "fits" else {}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Table.read(path, format=form, **options)
    except _UNREADABLE as exc:
        raise JobError(f"the table of positions cannot be read as {label} ({type(exc).__name__}).") from exc


def _numbers(name: str, column: Any) -> np.ndarray[Any, Any]:
    """Return the numbers of a column in the unit expected, NaN where there is none."""
    try:
        numbers = np.ma.filled(
            np.ma.asarray(column.data if hasattr(column, "data") else column, dtype=np.float64), np.nan
        )
    except (TypeError, ValueError):
        raise JobError(f"the column {name} of the table of positions must have numbers ({_UNITS[name]}).") from None
    if numbers.ndim != 1:
        raise JobError(f"the column {name} of the table of positions must have one number a line.")
    unit = getattr(column, "unit", None)
    if unit is not None and str(unit):
        try:
            numbers = numbers * u.Unit(unit).to(_UNITS[name])
        except (UnitsError, TypeError, ValueError):
            raise JobError(f"the unit {str(unit)[:40]} of the column {name} is none of {_UNITS[name]}.") from None
    return np.asarray(numbers, dtype=np.float64)


def _names(column: Any, n_lines: int) -> list[str]:
    if column is None:
        return [""] * n_lines
    texts = ["" if np.ma.is_masked(value) else value for value in column]
    plain = [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in texts]
    return ["".join(letter if letter.isprintable() else "?" for letter in text)[:_MAX_NAME].strip() for text in plain]


def _position(number: int, name: str, values: dict[str, Any]) -> Position:
    found = {key: float(column[number - 1]) for key, column in values.items()}
    given = {key: value for key, value in found.items() if key not in _OPTIONAL or not math.isnan(value)}
    if not (0.0 <= given["ra"] <= 360.0 and -90.0 <= given["dec"] <= 90.0):
        raise JobError(
            f"line {number} of the table of positions: ra {given['ra']:g}, dec {given['dec']:g} is no direction."
        )
    radius = given.get("radius")
    if radius is not None and not 0.0 < radius <= 90.0:
        raise JobError(f"line {number} of the table of positions: the radius {radius:g} deg is not within 0 and 90.")
    _check_order(number, given, ("emin", "emax"))
    _check_order(number, given, ("tmin", "tmax"))
    return Position(number=number, name=name, **given)


def _check_order(number: int, given: dict[str, float], names: Sequence[str]) -> None:
    low, high = (given.get(name) for name in names)
    if low is not None and high is not None and not low < high:
        raise JobError(
            f"line {number} of the table of positions: {names[0]} ({low:g}) is not below {names[1]} ({high:g})."
        )
