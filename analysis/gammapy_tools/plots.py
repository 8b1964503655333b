"""Plots of spectra and light curves with matplotlib, without pyplot and its state."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
from astropy.table import Table
from astropy.visualization import quantity_support
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

_SIZE_IN, _DPI = (8.0, 5.4), 110
_POINT, _MODEL, _SIMPLE = "#1f4e9c", "#c4541a", "#555555"


def draw_sed(path: Path, points: Any, model: Any, title: str, words: str) -> None:
    """Draw flux points on the profiles of their likelihood, with the fitted model and its error."""
    figure, axes = _figure(title, words)
    with quantity_support(), warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        points.plot_ts_profiles(ax=axes, sed_type="e2dnde", cmap="Blues", alpha=0.8)
        bounds = points.energy_axis.edges[[0, -1]]
        model.plot(energy_bounds=bounds, ax=axes, sed_type="e2dnde", color=_MODEL, label="fitted model")
        model.plot_error(energy_bounds=bounds, ax=axes, sed_type="e2dnde", facecolor=_MODEL, alpha=0.25)
        points.plot(ax=axes, sed_type="e2dnde", color=_POINT, marker="o", markersize=4, label="flux points")
    _label_energies(axes)
    axes.set_ylabel("E² dN/dE (TeV cm⁻² s⁻¹)")
    _save(figure, axes, path)


def draw_counts_spectrum(path: Path, table: Table, title: str) -> None:
    """Draw on counts and expected background in the on region, per energy bin."""
    figure, axes = _figure(title, "counts in the on region")
    edges = np.append(table["e_min"], table["e_max"][-1])
    axes.stairs(table["n_on"], edges, color=_POINT, label="on counts")
    axes.stairs(table["background"], edges, color=_SIMPLE, linestyle="--", label="background from the off regions")
    axes.set_xscale("log")
    axes.set_yscale("symlog", linthresh=1.0)
    axes.set_ylim(0.0, 2.0 * max(1.0, float(np.max(table["n_on"]))))
    _label_energies(axes)
    axes.set_ylabel("Counts per bin")
    _save(figure, axes, path)


def draw_light_curve(path: Path, table: Table, title: str, words: str, y_title: str) -> None:
    """Draw fluxes against time, upper limits as arrows.

    Parameters
    ----------
    path
        The file.
    table
        With time_min, time_max (MJD UTC), flux, flux_err, flux_ul and is_ul, a row for each time.
    title, words
        First and second line.
    y_title
        What is on the vertical axis.
    """
    figure, axes = _figure(title, words)
    start, stop = np.asarray(table["time_min"]), np.asarray(table["time_max"])
    origin = float(np.floor(start.min()))
    middle, half = (start + stop) / 2 - origin, (stop - start) / 2
    flux, error, limit = (np.asarray(table[name]) for name in ("flux", "flux_err", "flux_ul"))
    is_limit = np.asarray(table["is_ul"]).astype(bool)
    points = ~is_limit & np.isfinite(flux)
    style = {"fmt": "o", "markersize": 4, "elinewidth": 1.2, "color": _POINT}
    axes.errorbar(middle[points], flux[points], error[points], half[points], label="flux", **style)
    limits = is_limit & np.isfinite(limit)
    if limits.any():
        style |= {"fmt": "_", "color": _SIMPLE, "uplims": True}
        height = 0.06 * float(np.nanmax(np.where(points, flux, limit)))
        axes.errorbar(middle[limits], limit[limits], height, half[limits], label="upper limit (2σ)", **style)
    axes.axhline(0.0, color=_SIMPLE, linewidth=0.6)
    axes.set_xlabel(f"Time (MJD UTC − {origin:.0f})")
    axes.set_ylabel(y_title)
    _save(figure, axes, path)


def _figure(title: str, words: str) -> tuple[Figure, Any]:
    figure = Figure(figsize=_SIZE_IN, dpi=_DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    # a dollar sign in the name of a target is no formula
    axes.set_title(f"{title}\n{words}".replace("$", r"\$"), fontsize=12, loc="left")
    return figure, axes


def _label_energies(axes: Any) -> None:
    """Write energies as plain numbers, at 1, 2 and 5 of each decade."""
    axes.set_xlabel("Energy (TeV)")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _save(figure: Figure, axes: Any, path: Path) -> None:
    axes.grid(which="major", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.legend(frameon=False, fontsize=9)
    figure.savefig(path, format="png", metadata={"Software": None})
