# SPDX-License-Identifier: GPL-3.0-or-later
"""Response tables of DL3 files: checked access to their axes and data.

Energies leave this module in TeV and angles in degrees.

One rule selects bins everywhere.  An *energy* belongs to the bin with
``LO <= E < HI``, edges compared to a relative 1e-6 because files hold 32-bit
numbers; between nodes (bins of no width) the nearest node counts; outside
the extent of the axis nothing is invented: callers answer None or NaN.
An *offset* belongs to the bin that contains it and, outside the axis or
between nodes, to the nearest one, since files for one fixed offset tabulate
no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingest.containment import Floats

TEV: Mapping[str, float] = {
    "tev": 1.0,
    "gev": 1e-3,
    "mev": 1e-6,
    "kev": 1e-9,
    "ev": 1e-12,
    "pev": 1e3,
    "erg": 0.6241509074460763,
}
"""Energy units, folded to lower case (MeV; nobody means milli-electronvolts), in TeV."""

DEG: Mapping[str, float] = {
    "deg": 1.0,
    "degree": 1.0,
    "degrees": 1.0,
    "arcmin": 1 / 60,
    "arcsec": 1 / 3600,
    "rad": 180 / np.pi,
    "radian": 180 / np.pi,
}
"""Angle units, folded to lower case, in degrees."""

PLAIN: Mapping[str, float] = {}
"""For columns whose unit does not matter."""

_EDGE = 1e-6


class ResponseError(ValueError):
    """A response table that cannot be used; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class ResponseTable:
    """First row of one GADF response table.

    Attributes
    ----------
    kind
        ``aeff``, ``edisp``, ``psf``, ``bkg`` or ``rad_max``.
    hdu_class
        GADF class, lower case: ``aeff_2d``, ``edisp_2d``, ``psf_table``,
        ``psf_3gauss``, ``psf_king``, ``bkg_2d``, ``bkg_3d``, ``rad_max_2d``.
    columns
        Column name in upper case to array: axis bounds of shape (n,), data
        in numpy order, i.e. TDIM reversed (EFFAREA has shape (n_theta,
        n_energy)).  Any real type and byte order will do: only the slices
        that are needed get converted to float64.
    units
        Column name in upper case to unit string; a missing or empty unit
        means TeV for energies and deg for angles.
    header
        Keywords of the HDU.
    """

    kind: str
    hdu_class: str
    columns: Mapping[str, NDArray[Any]]
    units: Mapping[str, str]
    header: Mapping[str, object]
    # axes already checked; the same few serve every function asked about a table
    _axes: dict[tuple[str, ...], Axis] = field(default_factory=dict, init=False, repr=False)


class Axis(NamedTuple):
    """Lower and upper bounds of the bins of an axis, shape (n,), finite and in order."""

    lo: Floats
    hi: Floats


def scale(table: ResponseTable, column: str, factors: Mapping[str, float]) -> float:
    """Return the factor from the unit of a column to the house unit."""
    unit = (table.units.get(column) or "").strip().lower()
    if factors is PLAIN or not unit:
        return 1.0
    if unit not in factors:
        raise ResponseError(
            f"Column {column} of the {table.hdu_class} table has the unit '{unit}', which is not"
            f" understood; use one of {', '.join(factors)}."
        )
    return factors[unit]


def bounds(table: ResponseTable, names: tuple[str, ...], factors: Mapping[str, float]) -> Axis:
    """Return the bounds of the first axis of these names that the table has."""
    if names not in table._axes:
        table._axes[names] = _read_bounds(table, names, factors)
    return table._axes[names]


def _read_bounds(table: ResponseTable, names: tuple[str, ...], factors: Mapping[str, float]) -> Axis:
    """Read and check the bounds of an axis."""
    name = next((name for name in names if f"{name}_LO" in table.columns and f"{name}_HI" in table.columns), None)
    if name is None:
        raise ResponseError(f"The {table.hdu_class} table has no columns {names[0]}_LO and {names[0]}_HI.")
    lo, hi = (
        np.asarray(table.columns[column], dtype=np.float64).ravel() * scale(table, column, factors)
        for column in (f"{name}_LO", f"{name}_HI")
    )
    if lo.size == 0 or lo.size != hi.size:
        raise ResponseError(
            f"The axis {name} of the {table.hdu_class} table has {lo.size} lower and"
            f" {hi.size} upper bounds; equal numbers, at least one, are needed."
        )
    if factors is TEV:
        lo, hi = _close(lo, hi)
    # NaN and infinity survive a sum, and summing is cheaper than testing each bound
    if not (np.isfinite(lo.sum() + hi.sum()) and (hi >= lo).all() and (factors is not TEV or lo.min() > 0)):
        raise ResponseError(
            f"The axis {name} of the {table.hdu_class} table has bounds that are not finite,"
            " not in order, or energies that are not positive."
        )
    return Axis(lo, hi)


def _close(lo: Floats, hi: Floats) -> tuple[Floats, Floats]:
    """Shrink under- and overflow bins to their inner edge.

    pyirf writes bins from 0 and to infinity around the energies it was asked
    for; as limits of an energy range those would be nonsense.
    """
    lo = np.where(lo <= 0, hi, lo)
    return lo, np.where(hi == np.inf, lo, hi)


def energy_axis(table: ResponseTable) -> Axis:
    """Return the energy axis in TeV; ETRUE is the name in files older than GADF 0.2."""
    return bounds(table, ("ENERG", "ETRUE") if table.kind == "edisp" else ("ENERG",), TEV)


def theta_axis(table: ResponseTable) -> Axis:
    """Return the axis of offsets from the pointing direction in degrees."""
    return bounds(table, ("THETA",), DEG)


def data(table: ResponseTable, column: str, *axes: Axis) -> NDArray[Any]:
    """Return a data column with one dimension per axis, in numpy order.

    Some writers (the GADF example files among them) list the dimensions the
    other way round; such a table is recognised by its shape and transposed.
    """
    values = table.columns.get(column)
    if values is None:
        raise ResponseError(f"The {table.hdu_class} table has no column {column}.")
    values = np.asarray(values)
    shape = tuple(axis.lo.size for axis in axes)
    if values.shape == shape:
        return values
    if values.shape == shape[::-1]:
        return values.T
    if values.ndim == 1 and values.size == np.prod(shape):
        return values.reshape(shape)
    raise ResponseError(
        f"Column {column} of the {table.hdu_class} table has the shape {values.shape}, but its axes ask for {shape}."
    )


def require(table: ResponseTable, kind: str) -> None:
    """Refuse a table of another kind."""
    if table.kind != kind:
        raise ResponseError(f"A response of kind '{kind}' is needed, not '{table.kind}'.")


def energy_bins(axis: Axis, energies: Floats) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return the bin of each energy and whether the axis covers it (module rule)."""
    inside = (energies >= axis.lo.min() * (1 - _EDGE)) & (energies <= axis.hi.max() * (1 + _EDGE))
    # the small step upwards puts an energy on an edge into the upper bin
    above = (energies * (1 + _EDGE))[:, np.newaxis]
    distance = np.maximum(np.maximum(axis.lo - above, above - axis.hi), 0)
    return distance.argmin(axis=1), inside


def theta_bin(axis: Axis, offset_deg: float) -> int:
    """Return the bin of an offset (module rule)."""
    if not np.isfinite(offset_deg):
        raise ResponseError(f"The offset {offset_deg} is not a finite number of degrees.")
    above = offset_deg + _EDGE
    return int(np.maximum(np.maximum(axis.lo - above, above - axis.hi), 0).argmin())
