"""Light curves: gammapy's ``lightcurve`` tables, and those of gamma-cat and VTSCat."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.errors import IngestError
from ingest.products.companion import Companion
from ingest.products.description import Description
from ingest.products.fluxpoints import Fluxes, energies_tev, read_fluxes
from ingest.products.quantities import DIMENSIONS, finite_range, tev_factor, vounit
from ingest.products.tables import ProductTable
from ingest.timescale import DAY_S, TimeError, TimeReference

Floats = NDArray[np.float64]
_THRESHOLD = re.compile(r"above\s+([\d.]+)\s*(TeV|GeV|MeV)", re.IGNORECASE)
_DAYS = {"", "d", "day", "mjd"}
_SECONDS = {"s", "sec", "second", "seconds"}


@dataclass(frozen=True, slots=True)
class LightCurve:
    """A light curve: times MJD UTC, shape (times,); fluxes of shape (times, energies); band in TeV, if known.

    Without time bins ``t_min`` and ``t_max`` are the same. ``e_min_tev`` and ``e_max_tev`` are the edges of the energy
    bins, shaped like the fluxes, where the table has them.
    """

    t_min_utc: Floats
    t_max_utc: Floats
    fluxes: Fluxes
    energy_min_tev: float | None
    energy_max_tev: float | None
    e_min_tev: Floats | None = None
    e_max_tev: Floats | None = None

    @property
    def n_energies(self) -> int:
        """Number of energy bins."""
        return int(self.fluxes.value.shape[1])


def read_light_curve(table: ProductTable, companion: Companion) -> LightCurve:
    """Interpret a table as a light curve.

    Raises
    ------
    IngestError
        When columns are missing, or in units that cannot be theirs.
    """
    if not table.n_rows:
        raise IngestError("the light curve has no row.")
    start, stop = _times_utc(table)
    fluxes = _two_dimensional(read_fluxes(table, prefer=("flux", "dnde")), table.n_rows)
    low, high = _band_tev(table, companion)
    edges = [
        None if values is None or values.size != fluxes.value.size else values.reshape(fluxes.value.shape)
        for values in energies_tev(table)[1:]
    ]
    return LightCurve(start, stop, fluxes, low, high, edges[0], edges[1])


def _times_utc(table: ProductTable) -> tuple[Floats, Floats]:
    names = ("time_min", "time_max") if "time_min" in table and "time_max" in table else ("time", "time")
    values = [table.numbers(name) for name in names]
    if values[0].ndim != 1 or not np.isfinite(values[0]).any():
        raise IngestError(f"the column {names[0]} holds no times.")
    unit = table.unit(names[0]).strip().lower() or str(table.text("TIMEUNIT") or "d").lower()
    if unit not in _DAYS | _SECONDS:
        raise IngestError(f"the column {names[0]} is in '{table.unit(names[0])}', not in d (MJD) or s.")
    header: dict[str, object] = {key: table.meta[key] for key in _REFERENCE_KEYS if table.meta.get(key) is not None}
    if not header.keys() & {"MJDREF", "MJDREFI"}:
        if unit in _SECONDS:
            raise IngestError("the times are in seconds, but there is no MJDREF to count them from.")
        header["MJDREF"] = 0.0
    header.pop("TIMEUNIT", None)
    try:
        reference = TimeReference.from_header(header, "utc")
        days = [value * (DAY_S if unit in _DAYS else 1.0) for value in values]
        utc = [reference.to_mjd(item, "utc") for item in days]
    except TimeError as exc:
        raise IngestError(str(exc)) from exc
    return utc[0], utc[1]


_REFERENCE_KEYS = ("MJDREFI", "MJDREFF", "MJDREF", "TIMESYS")


def _two_dimensional(fluxes: Fluxes, n_rows: int) -> Fluxes:
    shape = (n_rows, -1)
    return Fluxes(
        kind=fluxes.kind,
        unit=fluxes.unit,
        value=fluxes.value.reshape(shape),
        err_low=fluxes.err_low.reshape(shape),
        err_high=fluxes.err_high.reshape(shape),
        limit=fluxes.limit.reshape(shape),
        is_limit=fluxes.is_limit.reshape(shape),
    )


def _band_tev(table: ProductTable, companion: Companion) -> tuple[float | None, float | None]:
    _, e_min, e_max = energies_tev(table)
    low = finite_range(e_min) if e_min is not None else None
    high = finite_range(e_max) if e_max is not None else None
    if low is not None:
        return low[0], None if high is None else high[1]
    threshold = _THRESHOLD.search(_comments(table.meta))
    if threshold is not None:
        return float(threshold[1]) * tev_factor(threshold[2], "the threshold"), None
    return companion.energy_min_tev, companion.energy_max_tev


def _comments(meta: Mapping[str, object]) -> str:
    return " ".join(str(meta.get(key) or "") for key in ("COMMENTS", "COMMENT", "DESCRIPTION"))[:10_000]


def describe_light_curve(table: ProductTable, companion: Companion) -> Description:
    """Describe a table that is a light curve.

    Raises
    ------
    IngestError
        When it is none.
    """
    curve = read_light_curve(table, companion)
    description = Description(
        product_type="timeseries",
        subtype="light-curve",
        level="DL5",
        what="light curve",
        energy_min_tev=curve.energy_min_tev,
        energy_max_tev=curve.energy_max_tev,
        em_xel=curve.n_energies,
        t_min=float(np.nanmin(curve.t_min_utc)),
        t_max=float(np.nanmax(curve.t_max_utc)),
        t_xel=table.n_rows,
        s_xel=(1, 1),
        o_ucd=curve.fluxes.ucd,
        o_unit=vounit(curve.fluxes.unit or DIMENSIONS[curve.fluxes.kind]),
        o_calib_status="absolute",
    )
    widths = (curve.t_max_utc - curve.t_min_utc) * DAY_S
    if np.isfinite(widths).any() and np.nanmedian(widths) > 0:
        description.t_resolution_s = float(np.nanmedian(widths))
        description.t_exptime_s = float(np.nansum(widths))
        description.notes.append("exposure from the time bins")
    if table.text("TIMESYS") is None:
        description.notes.append("times taken for UTC")
    return description
