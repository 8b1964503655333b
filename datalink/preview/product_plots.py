# SPDX-License-Identifier: GPL-3.0-or-later
"""Plots of products: flux points with errors and limits, light curves, counts spectra."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datalink.preview.pictures import THUMBNAIL_PX
from datalink.preview.plots import CURVES, PLOT_PX, Panel, close_panel, open_panel
from datalink.preview.plotting import FRAME, GROUND, INK, PANEL, Axis, Canvas, Fill, Strokes
from datalink.votables.products import energy_fluxes
from ingest.errors import IngestError
from ingest.products.fluxpoints import Fluxes, FluxPoints
from ingest.products.lightcurve import LightCurve
from ingest.products.ogip import CountsSpectrum

Floats = NDArray[np.float64]
_BOX = (92, 84, 776, 436)
_SMALL = (8, 8, THUMBNAIL_PX - 8, THUMBNAIL_PX - 8)
_ARROW_PX = 22.0
MOST_POINTS = 4000
_FILLS = (Fill(GROUND, 14), Fill(PANEL, 14), Fill((233, 140, 38), 6), Fill((96, 74, 52), 6), Fill(FRAME, 0))
_BAR, _BAD_BAR = 2, 3
# How quantities are called on an axis.
_QUANTITIES = {
    "dnde": "dN/dE",
    "e2dnde": "E² dN/dE",
    "flux": "Flux",
    "eflux": "Energy flux",
}
_LEAST = 1e-300


@dataclass(frozen=True, slots=True)
class Points:
    """Points with bars: all arrays have the same shape (n,); limits are drawn as arrows."""

    x: Floats
    x_low: Floats
    x_high: Floats
    fluxes: Fluxes


def spectrum_plot(points: FluxPoints, title: str, words: str) -> tuple[Canvas, Canvas, dict[str, str]]:
    """Draw flux points, as E² dN/dE where they are differential; return the plot, a thumbnail and texts."""
    try:
        fluxes = energy_fluxes(points)
    except IngestError:
        fluxes = points.fluxes
    drawn = Points(points.e_ref_tev, points.e_min_tev, points.e_max_tev, fluxes)
    canvases = []
    for box in (_BOX, _SMALL):
        panel = _logarithmic(drawn, box)
        canvas = _canvas(box)
        open_panel(canvas, panel)
        if box is _BOX:
            y_title = f"{_QUANTITIES[fluxes.kind]} ({_spelled(fluxes.unit)})"
            _add_words(canvas, panel, title, words, "Energy (TeV)", y_title)
        _draw_points(canvas, panel, drawn, 1, 2.0 if box is _BOX else 1.2)
        canvas.frame()
        canvases.append(canvas)
    return canvases[0], canvases[1], {"Title": f"{title}: {words}"}


def light_curve_plot(curve: LightCurve, title: str, words: str) -> tuple[Canvas, Canvas, dict[str, str]]:
    """Draw fluxes against time, a colour for each energy bin; return the plot, a thumbnail and texts."""
    start, stop = curve.t_min_utc, curve.t_max_utc
    known = np.isfinite(start) & np.isfinite(stop)
    if not known.any():
        raise IngestError("the light curve has no times.")
    first, last = float(start[known].min()), float(stop[known].max())
    margin = max((last - first) * 0.04, 1e-5)
    origin = float(np.floor(first))
    shown = _values_and_ends(curve.fluxes)
    lowest, highest = min(float(shown.min()), 0.0), float(shown.max())
    margin_y = (highest - lowest or 1.0) * 0.06
    canvases = []
    for box in (_BOX, _SMALL):
        left, top, right, bottom = box
        x = Axis(first - margin - origin, last + margin - origin, left, right)
        panel = Panel(x, Axis(lowest - (margin_y if lowest < 0 else 0.0), highest + margin_y, bottom, top))
        canvas = _canvas(box)
        open_panel(canvas, panel)
        if box is _BOX:
            y_title = f"{_QUANTITIES[curve.fluxes.kind]} ({_spelled(curve.fluxes.unit)})"
            _add_words(canvas, panel, title, words, f"Time (UTC), MJD − {origin:.0f}", y_title)
        for number in range(min(curve.n_energies, len(CURVES))):
            fluxes = _column(curve.fluxes, number)
            points = Points((start + stop) / 2 - origin, start - origin, stop - origin, fluxes)
            _draw_points(canvas, panel, points, 1 + number, 2.0 if box is _BOX else 1.2)
        canvas.frame()
        canvases.append(canvas)
    return canvases[0], canvases[1], {"Title": f"{title}: {words}"}


def counts_plot(spectrum: CountsSpectrum, title: str, words: str) -> tuple[Canvas, Canvas, dict[str, str]]:
    """Draw counts per channel, those of bad quality dim; return the plot, a thumbnail and texts."""
    edges_known = np.isfinite(spectrum.e_min_tev) & np.isfinite(spectrum.e_max_tev) & (spectrum.e_min_tev > 0)
    if not edges_known.any():
        raise IngestError("the channels of the spectrum have no energies.")
    low, high = float(spectrum.e_min_tev[edges_known].min()), float(spectrum.e_max_tev[edges_known].max())
    most = float(np.nanmax(spectrum.counts, initial=1.0))
    canvases = []
    for box in (_BOX, _SMALL):
        left, top, right, bottom = box
        panel = Panel(
            Axis(low, max(high, low * 1.1), left, right, logarithmic=True),
            Axis(0.5, max(2.0 * most, 20.0), bottom, top, logarithmic=True),
        )
        canvas = _canvas(box)
        open_panel(canvas, panel)
        filled = np.flatnonzero(edges_known & (spectrum.counts > 0))
        x_low, x_high = (
            np.rint(panel.x.pixel(edges)).astype(int) for edges in (spectrum.e_min_tev, spectrum.e_max_tev)
        )
        heights = np.rint(panel.y.pixel(np.nan_to_num(spectrum.counts))).astype(int)
        for channel in filled.tolist():
            fill = _BAR if spectrum.good[channel] else _BAD_BAR
            right_px = max(int(x_high[channel]) - 1, int(x_low[channel]) + 1)
            canvas.rectangle(int(x_low[channel]) + 1, int(heights[channel]), right_px, bottom, fill)
        if box is _BOX:
            _add_words(canvas, panel, title, words, "Energy (TeV)", "Counts per channel")
            if not filled.size:
                canvas.text(((left + right) / 2, (top + bottom) / 2), "no counts", 18, "mm")
        canvas.frame()
        canvases.append(canvas)
    return canvases[0], canvases[1], {"Title": f"{title}: {words}"}


def _canvas(box: tuple[int, int, int, int]) -> Canvas:
    width, height = PLOT_PX if box is _BOX else (THUMBNAIL_PX, THUMBNAIL_PX)
    return Canvas(width, height, _FILLS, (INK, *CURVES))


def _add_words(canvas: Canvas, panel: Panel, title: str, words: str, x_title: str, y_title: str) -> None:
    canvas.fitted_text((20, 12), title, (22, 18, 15), PLOT_PX[0] - 40)
    canvas.fitted_text((20, 42), words, (14, 12), PLOT_PX[0] - 40)
    close_panel(canvas, panel, x_title, y_title)


def _spelled(unit: str) -> str:
    """Return a FITS unit as people write it: cm⁻² s⁻¹."""
    return unit.translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


def _values_and_ends(fluxes: Fluxes) -> Floats:
    """Return everything that must be seen: values, ends of their bars, limits."""
    limits = np.where(fluxes.is_limit | ~np.isfinite(fluxes.value), fluxes.limit, np.nan)
    values = np.where(fluxes.is_limit, np.nan, fluxes.value)
    ends = (values, values - np.nan_to_num(fluxes.err_low), values + np.nan_to_num(fluxes.err_high), limits)
    everything = np.concatenate([np.ravel(array) for array in ends])
    shown = everything[np.isfinite(everything)]
    if not shown.size:
        raise IngestError("there is no value to draw.")
    return np.asarray(shown)


def _column(fluxes: Fluxes, number: int) -> Fluxes:
    return Fluxes(
        kind=fluxes.kind,
        unit=fluxes.unit,
        value=fluxes.value[:, number],
        err_low=fluxes.err_low[:, number],
        err_high=fluxes.err_high[:, number],
        limit=fluxes.limit[:, number],
        is_limit=fluxes.is_limit[:, number],
    )


def _logarithmic(points: Points, box: tuple[int, int, int, int]) -> Panel:
    left, top, right, bottom = box
    energies = np.concatenate([points.x, points.x_low, points.x_high])
    energies = energies[np.isfinite(energies) & (energies > 0)]
    values = _values_and_ends(points.fluxes)
    values = values[values > _LEAST]
    if not energies.size or not values.size:
        raise IngestError("there is no positive value to draw.")
    # An error that reaches down to zero must not squeeze the rest.
    measured = np.concatenate([points.fluxes.value, points.fluxes.limit])
    measured = measured[np.isfinite(measured) & (measured > _LEAST)]
    lowest = max(float(values.min()), float(measured.min()) / 10.0) if measured.size else float(values.min())
    return Panel(
        Axis(float(energies.min()) / 1.3, float(energies.max()) * 1.3, left, right, logarithmic=True),
        Axis(lowest / 2.0, float(values.max()) * 2.0, bottom, top, logarithmic=True),
    )


def _draw_points(canvas: Canvas, panel: Panel, points: Points, ink: int, width_px: float) -> None:
    strokes = canvas.strokes(panel.box, ink=ink)
    fluxes = points.fluxes
    bottom = float(panel.box[3])
    # more are not told apart
    for number in range(0, points.x.size, -(-points.x.size // MOST_POINTS) or 1):
        has_value = np.isfinite(fluxes.value[number]) and not fluxes.is_limit[number]
        level = fluxes.value[number] if has_value else fluxes.limit[number]
        if not np.isfinite(points.x[number]) or not np.isfinite(level):
            continue
        if panel.y.logarithmic and level <= 0:
            continue
        x, y = float(panel.x.pixel(points.x[number])), float(panel.y.pixel(level))
        low, high = (
            float(panel.x.pixel(edge)) if np.isfinite(edge) else at
            for edge, at in ((points.x_low[number], x - 4), (points.x_high[number], x + 4))
        )
        strokes.line([(low, y), (max(high, low + 1.5), y)], width_px)
        if has_value:
            up, down = np.nan_to_num(fluxes.err_high[number]), np.nan_to_num(fluxes.err_low[number])
            ends = [min(float(panel.y.pixel(level - down)), bottom), float(panel.y.pixel(level + up))]
            strokes.line([(x, ends[0]), (x, min(ends[1], ends[0] - 1.5))], width_px)
            strokes.circle((x, y), 2.4 * width_px / 2, width_px)
        else:
            _arrow(strokes, x, y, min(_ARROW_PX * width_px / 2, bottom - y), width_px)
    strokes.merge()


def _arrow(strokes: Strokes, x: float, y: float, length: float, width_px: float) -> None:
    """Draw an arrow downwards: an upper limit."""
    head = min(4.0 * width_px, length / 2)
    tip: Sequence[tuple[float, float]] = [(x - head, y + length - head), (x, y + length), (x + head, y + length - head)]
    strokes.line([(x, y), (x, y + length)], width_px)
    strokes.line(tip, width_px)
