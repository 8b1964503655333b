"""Flux points and light curves as FITS (GADF), ECSV and VOTable."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
from astropy.table import Table

from analysis.gammapy_tools.writing import write_table

_OF_DATASETS = ("counts", "npred", "npred_excess")
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
    """Write ``flux_points`` as differential fluxes.

    The profiles of their likelihood are in the columns norm_scan (relative to dnde of the fitted model) and stat_scan.
    """
    table = points.to_table(sed_type="dnde", format="gadf-sed")
    _sum_datasets(table)
    _write(folder, "flux_points", table, _plain(table))


def write_light_curve(folder: Path, curve: Any) -> Table:
    """Write ``light_curve`` as integral fluxes, and return its table, a row for each time, MJD in UTC.

    The FITS file is for gammapy: its columns have an axis of one energy, and its times are MJD in the scale of the
    runs (TT), since gammapy reads times in UTC too late by the leap seconds since the zero point.
    """
    table = curve.to_table(sed_type="flux", format="lightcurve")
    table.meta["SED_TYPE"] = "flux"
    _sum_datasets(table)
    plain = _plain(table)
    for name in plain.colnames:
        if plain[name].ndim > 1:
            plain[name] = plain[name][:, 0]
    axis = curve.geom.axes["time"]
    for name, times in (("time_min", axis.time_min), ("time_max", axis.time_max)):
        plain[name] = times.utc.mjd * u.d
        plain[name].info.description = "MJD, UTC"
    plain.meta |= {"MJDREFI": 0, "MJDREFF": 0.0, "TIMESYS": "utc", "TIMEUNIT": "d"}
    _write(folder, "light_curve", table, plain)
    return plain


def _sum_datasets(table: Table) -> None:
    """Sum counts over datasets, since which is which is not in the file; gammapy reads an axis of one dataset."""
    for name in _OF_DATASETS:
        table[name] = np.nansum(np.asarray(table[name], dtype=np.float64), axis=-1, keepdims=True)


def _plain(table: Table) -> Table:
    """Return a table for people: counts are one number a bin."""
    plain = table.copy()
    plain["n_on"] = plain["counts"][..., 0]
    plain.remove_columns(list(_OF_DATASETS))
    return plain


def _write(folder: Path, stem: str, table: Table, plain: Table) -> None:
    """Write a table as FITS, and its plain form as ECSV and VOTable."""
    for suffix, written in (("fits", table), ("ecsv", plain), ("vot", plain)):
        for name in written.colnames:
            written[name].info.format = None
            if name in _UCDS:
                written[name].info.meta = {"ucd": _UCDS[name]}
        write_table(folder / f"{stem}.{suffix}", written)
