"""Flux points and light curves as FITS (GADF), ECSV and VOTable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
from astropy.table import Table
from astropy.time import Time

from analysis.gammapy_tools.writing import write_table

_SUFFIXES = ("fits", "ecsv", "vot")
_UCDS = {
    "e_ref": "em.energy",
    "e_min": "em.energy;stat.min",
    "e_max": "em.energy;stat.max",
    "dnde": "phot.flux.density;em.gamma",
    "dnde_err": "stat.error;phot.flux.density;em.gamma",
    "flux": "phot.flux;em.gamma",
    "flux_err": "stat.error;phot.flux;em.gamma",
    "time_min": "time.start",
    "time_max": "time.end",
}


def write_flux_points(folder: Path, points: Any) -> None:
    """Write ``flux_points`` as differential fluxes with the profiles of their likelihood (columns norm_scan, stat_scan)."""
    table = points.to_table(sed_type="dnde", format="gadf-sed")
    table.meta.setdefault("SED_TYPE", "dnde")
    _write(folder, "flux_points", table)


def write_light_curve(folder: Path, curve: Any) -> Table:
    """Write ``light_curve`` as integral fluxes, and return its table.

    Times are MJD in UTC: gammapy writes them in the scale of its time axis, which is that of the runs.
    """
    table = curve.to_table(sed_type="flux", format="lightcurve")
    axis = curve.geom.axes["time"]
    table["time_min"] = axis.time_min.utc.mjd * u.d
    table["time_max"] = axis.time_max.utc.mjd * u.d
    for keyword in ("MJDREFI", "MJDREFF", "TIMESYS", "TIMEUNIT", "TIMEREF"):
        table.meta.pop(keyword, None)
    table.meta |= {"MJDREFI": 0, "MJDREFF": 0.0, "TIMESYS": "utc", "TIMEUNIT": "d", "TIMEREF": "LOCAL"}
    table.meta |= {"SED_TYPE": "flux", "HDUCLAS1": "LIGHTCURVE"}
    _write(folder, "light_curve", table)
    return table


def iso(mjd_utc: float) -> str:
    """Return a time as ISO 8601."""
    return str(Time(mjd_utc, format="mjd", scale="utc").isot)


def _write(folder: Path, stem: str, table: Table) -> None:
    for name in table.colnames:
        table[name].info.format = None
        if name in _UCDS:
            table[name].info.meta = {"ucd": _UCDS[name]}
    for suffix in _SUFFIXES:
        write_table(folder / f"{stem}.{suffix}", table)
