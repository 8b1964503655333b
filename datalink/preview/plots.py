# SPDX-License-Identifier: GPL-3.0-or-later
"""The plots: spectrum and event rate of an event list, effective area of a response file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from datalink.preview.counts import BINS_PER_DECADE, EventCounts, Spectrum, Times
from datalink.preview.pictures import THUMBNAIL_PX, subtitle, utc_text
from datalink.preview.plotting import FRAME, GROUND, INK, PANEL, Axis, Canvas, Fill, Point, Rgb, label
from ingest.response_table import ResponseError, ResponseTable, data, energy_axis, scale, theta_axis

Floats = NDArray[np.float64]

PLOT_PX = (800, 500)
# fills
_GROUND, _PANEL, _GOOD, _ENERGY, _RATE, _FRAME = range(6)
_COLOURS: dict[int, Rgb] = {
    _GROUND: GROUND,
    _PANEL: PANEL,
    _GOOD: (33, 52, 48),
    _ENERGY: (233, 140, 38),
    _RATE: (72, 150, 214),
    _FRAME: FRAME,
}
# Inks of curves, from the Okabe-Ito palette, which colour-blind people can tell apart.
CURVES: tuple[Rgb, ...] = ((240, 228, 66), (230, 159, 0), (86, 180, 233), (0, 178, 135), (226, 140, 190))
_DIM = 60
_AREA_UNITS = {"m2": 1.0, "m**2": 1.0, "m^2": 1.0, "cm2": 1e-4, "cm**2": 1e-4, "cm^2": 1e-4, "km2": 1e6, "km^2": 1e6}
_TIME_UNITS = ((600.0, 1.0, "s"), (4 * 3600.0, 60.0, "min"), (4 * 86400.0, 3600.0, "h"), (math.inf, 86400.0, "d"))


@dataclass(frozen=True, slots=True)
class Panel:
    """A rectangle with a horizontal and a vertical axis."""

    x: Axis
    y: Axis

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Return left, top, right and bottom."""
        return int(self.x.start_px), int(self.y.stop_px), int(self.x.stop_px), int(self.y.start_px)


def plot(counts: EventCounts) -> tuple[Canvas, dict[str, str]]:
    """Draw events against energy and rate against time, side by side."""
    canvas = Canvas(*PLOT_PX, [Fill(_COLOURS[number], 20 if number < _FRAME else 1) for number in sorted(_COLOURS)])
    canvas.fitted_text((20, 12), counts.title, (22, 18, 15), PLOT_PX[0] - 40)
    canvas.fitted_text((20, 42), subtitle(counts), (14, 12), PLOT_PX[0] - 40)
    _draw_spectrum(canvas, counts.spectrum)
    _draw_rate(canvas, counts.times)
    canvas.frame()
    return canvas, {"Title": f"{counts.title}: {subtitle(counts)}"}


def _draw_spectrum(canvas: Canvas, spectrum: Spectrum) -> None:
    left, top, right, bottom = 66, 84, 392, 436
    filled = np.flatnonzero(spectrum.counts)
    edges = spectrum.edges_tev()
    first, last = (int(filled[0]), int(filled[-1]) + 1) if filled.size else (50, 80)
    low, high = edges[max(first - 1, 0)], edges[min(last + 1, edges.size - 1)]
    most = float(spectrum.counts.max())
    panel = Panel(
        Axis(float(low), float(high), left, right, logarithmic=True),
        Axis(0.5, max(2.0 * most, 20.0), bottom, top, logarithmic=True),
    )
    open_panel(canvas, panel)
    x = np.rint(panel.x.pixel(edges)).astype(int).tolist()
    y = np.rint(panel.y.pixel(spectrum.counts)).astype(int).tolist()
    for number in filled.tolist():
        canvas.rectangle(x[number] + 1, y[number], max(x[number + 1] - 1, x[number] + 1), bottom, _ENERGY)
    close_panel(canvas, panel, "Energy (TeV)", f"Events per bin ({BINS_PER_DECADE} bins a decade)")
    if not filled.size:
        canvas.text(((left + right) / 2, (top + bottom) / 2), "no events", 18, "mm")


def _draw_rate(canvas: Canvas, times: Times) -> None:
    left, top, right, bottom = 466, 84, 782, 436
    span = times.stop_s - times.start_s
    unit_s, unit = next((unit_s, unit) for longest, unit_s, unit in _TIME_UNITS if span <= longest)
    edges: Floats = times.start_s + times.width_s * np.arange(times.counts.size + 1, dtype=np.float64)
    edges[-1] = min(edges[-1], times.stop_s)
    observed = np.diff(times.good_before_s(edges) if len(times.good) else edges)
    # A bin with hardly any good time would show noise as a peak.
    shown = observed > 0.05 * times.width_s
    rate = np.where(shown, times.counts / np.where(shown, observed, 1.0), 0.0)
    error = np.where(shown, np.sqrt(times.counts) / np.where(shown, observed, 1.0), 0.0)
    factor, rate_unit = (
        (1.0, "1/s") if rate.max() >= 0.1 else (60.0, "1/min") if rate.max() >= 0.002 else (3600.0, "1/h")
    )
    highest = float((rate + error).max()) * factor * 1.08 or 1.0
    panel = Panel(Axis(0.0, span / unit_s, left, right), Axis(0.0, highest, bottom, top))
    open_panel(canvas, panel)
    _shade_good_time(canvas, panel, times)
    x = np.rint(panel.x.pixel((edges - times.start_s) / unit_s)).astype(int).tolist()
    y, upper, lower = (
        np.rint(panel.y.pixel(values * factor)).tolist() for values in (rate, rate + error, rate - error)
    )
    for number in np.flatnonzero(shown).tolist():
        middle = (x[number] + x[number + 1]) // 2
        canvas.rectangle(middle, upper[number], middle, min(lower[number], bottom), _RATE)
        canvas.rectangle(x[number], y[number] - 1, max(x[number + 1] - 1, x[number]), y[number] + 1, _RATE)
    since = f"Time since {utc_text(times.start_utc_mjd)} UTC ({unit})" if times.start_utc_mjd else f"Time ({unit})"
    close_panel(canvas, panel, since, f"Event rate ({rate_unit})")
    _explain_good_time(canvas, times, right, top - 8)


def _shade_good_time(canvas: Canvas, panel: Panel, times: Times) -> None:
    """Shade the columns of pixels most of which is good time; there may be more intervals than pixels."""
    left, top, right, bottom = panel.box
    edges = times.start_s + (times.stop_s - times.start_s) * np.arange(right - left + 1, dtype=np.float64) / (
        right - left
    )
    share = np.diff(times.good_before_s(edges)) / np.diff(edges)
    for column in np.flatnonzero(share > 0.5).tolist():
        canvas.area.line((left + column, top, left + column, bottom), fill=_GOOD)


def _explain_good_time(canvas: Canvas, times: Times, right: int, y: int) -> None:
    n_intervals = len(times.good)
    total_s = float((times.good[:, 1] - times.good[:, 0]).sum())
    unit_s, unit = next((unit_s, unit) for longest, unit_s, unit in _TIME_UNITS if total_s <= longest)
    words = f"good time {total_s / unit_s:.4g} {unit}" if n_intervals else "no good time intervals"
    if n_intervals > 1:
        words += f", {n_intervals:,} intervals"
    canvas.text((right, y), words, 12, "rs", alpha=200)
    if n_intervals:
        left = right - canvas.text_width(words, 12) - 18
        canvas.rectangle(left, y - 10, left + 11, y, _GOOD)
        canvas.area.rectangle((left, y - 10, left + 11, y), outline=_FRAME)


def open_panel(canvas: Canvas, panel: Panel) -> None:
    """Fill the ground of a panel."""
    canvas.rectangle(*panel.box, _PANEL)


def close_panel(canvas: Canvas, panel: Panel, x_title: str, y_title: str) -> None:
    """Draw grid, ticks and labels of both axes, over what the panel shows."""
    left, top, right, bottom = panel.box
    x_ticks, y_ticks = panel.x.ticks(6), panel.y.ticks(6)
    for ticks, axis in ((x_ticks, panel.x), (y_ticks, panel.y)):
        step = 0.0 if axis.logarithmic or len(ticks) < 2 else ticks[1] - ticks[0]
        for value in ticks:
            at = round(float(axis.pixel(value)))
            if axis is panel.x:
                canvas.hairline([(at, top), (at, bottom + 5)], alpha=_DIM)
                canvas.text((at, bottom + 9), label(value, step), 13, "ma")
            else:
                canvas.hairline([(left - 5, at), (right, at)], alpha=_DIM)
                canvas.text((left - 8, at), label(value, step), 13, "rm")
    for value in panel.x.minor_ticks():
        at = round(float(panel.x.pixel(value)))
        canvas.hairline([(at, bottom), (at, bottom + 3)])
    for value in panel.y.minor_ticks():
        at = round(float(panel.y.pixel(value)))
        canvas.hairline([(left - 3, at), (left, at)])
    canvas.hairline([(left, top), (left, bottom), (right, bottom)])
    canvas.fitted_text(((left + right) / 2, bottom + 28), x_title, (13, 12, 11), right - left + 60, "ma")
    canvas.text((left - 46, top - 8), y_title, 13, "ls")


def response_plot(aeff: ResponseTable, title: str, words: str) -> tuple[Canvas, dict[str, str]]:
    """Draw the effective area against energy, a curve for each of some offsets from the pointing.

    Raises
    ------
    ResponseError
        When the table is damaged or has no area anywhere.
    """
    canvas = Canvas(*PLOT_PX, [Fill(GROUND, 14), Fill(PANEL, 14), Fill(FRAME, 0)], (INK, *CURVES))
    canvas.fitted_text((20, 12), title, (22, 18, 15), PLOT_PX[0] - 40)
    canvas.fitted_text((20, 42), words, (14, 12), PLOT_PX[0] - 40)
    curves = _curves(aeff)
    panel = _area_panel(curves, (84, 84, 660, 436))
    open_panel(canvas, panel)
    close_panel(canvas, panel, "True energy (TeV)", "Effective area (m²)")
    _draw_curves(canvas, panel, curves, 2.0)
    canvas.text((676, 84), "Offset", 13, "ls", alpha=200)
    for number, curve in enumerate(curves):
        y = 104 + 24 * number
        strokes = canvas.strokes((676, y - 8, 706, y + 8), ink=1 + number)
        strokes.line([(678, y), (704, y)], width_px=2.5)
        strokes.merge()
        canvas.text((712, y), f"{curve.offset_deg:.3g}°", 13, "lm")
    canvas.frame()
    return canvas, {"Title": f"{title}: {words}"}


def response_thumbnail(aeff: ResponseTable) -> Canvas:
    """Draw the curves of the effective area, small and without words."""
    canvas = Canvas(THUMBNAIL_PX, THUMBNAIL_PX, [Fill(PANEL, 30), Fill(FRAME, 0)], (INK, *CURVES))
    curves = _curves(aeff)
    _draw_curves(canvas, _area_panel(curves, (6, 6, THUMBNAIL_PX - 6, THUMBNAIL_PX - 6)), curves, 1.5)
    canvas.frame()
    return canvas


@dataclass(frozen=True, slots=True)
class Curve:
    """Effective area at one offset; areas of 0 are kept, since the curve breaks there."""

    offset_deg: float
    energy_tev: Floats
    area_m2: Floats


def _curves(aeff: ResponseTable) -> list[Curve]:
    """Return the areas at up to five offsets, spread over those that have any."""
    energy, theta = energy_axis(aeff), theta_axis(aeff)
    area = np.array(data(aeff, "EFFAREA", theta, energy), dtype=np.float64) * scale(aeff, "EFFAREA", _AREA_UNITS)
    area[~np.isfinite(area) | (area < 0)] = 0.0
    used = np.flatnonzero(area.max(axis=1) > 0)
    if not used.size:
        raise ResponseError("The effective area is zero everywhere.")
    picked = used[np.unique(np.linspace(0, used.size - 1, min(len(CURVES), used.size)).round().astype(int))]
    middle = np.sqrt(energy.lo * energy.hi)
    return [Curve(float((theta.lo[i] + theta.hi[i]) / 2), middle, area[i]) for i in picked.tolist()]


def _area_panel(curves: Sequence[Curve], box: tuple[int, int, int, int]) -> Panel:
    left, top, right, bottom = box
    energies = np.concatenate([curve.energy_tev[curve.area_m2 > 0] for curve in curves])
    highest = max(float(curve.area_m2.max()) for curve in curves)
    lowest = min(float(curve.area_m2[curve.area_m2 > 0].min()) for curve in curves)
    return Panel(
        Axis(float(energies.min()) / 1.2, float(energies.max()) * 1.2, left, right, logarithmic=True),
        Axis(max(lowest / 2.0, highest * 1e-6), highest * 2.0, bottom, top, logarithmic=True),
    )


def _draw_curves(canvas: Canvas, panel: Panel, curves: Sequence[Curve], width_px: float) -> None:
    for number, curve in enumerate(curves):
        strokes = canvas.strokes(panel.box, ink=1 + number)
        for first, stop in _runs(curve.area_m2 > 0):
            x = panel.x.pixel(curve.energy_tev[first:stop]).tolist()
            y = panel.y.pixel(curve.area_m2[first:stop]).tolist()
            points: list[Point] = list(zip(x, y, strict=True))
            strokes.line(points if len(points) > 1 else [*points, (points[0][0] + 2, points[0][1])], width_px)
        strokes.merge()


def _runs(wanted: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return where runs of wanted values begin and end."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]]).astype(int)))
    return [(int(first), int(stop)) for first, stop in edges.reshape(-1, 2)]
