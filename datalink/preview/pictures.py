# SPDX-License-Identifier: GPL-3.0-or-later
"""The pictures of an event list: sky image, thumbnail, and spectrum with event rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from datalink.preview.counts import SKY_BINS, EventCounts, Sky
from datalink.preview.plotting import FRAME, GROUND, Canvas, Fill, Point, Strokes, colour_map, label, round_step
from ingest.timescale import iso_from_mjd

Bytes = NDArray[np.uint8]

SKY_PX = 600
THUMBNAIL_PX = 128

LEVELS = 48
# fills of a sky image: the levels of the colour map, then ground and frame
GROUND_OF_SKY = LEVELS
PANEL_LEFT, PANEL_TOP, PANEL_PX = 66, 62, 464
_MARK_PX = 9
_HAIR = 110


def sky_image(counts: EventCounts) -> tuple[Canvas, dict[str, str]]:
    """Draw the counts on the sky with coordinates, pointing, field of view, target and colour bar.

    Returns
    -------
    Canvas
        The picture.
    dict
        Texts for inside the PNG: title, and the WCS as Aladin and others look for it.
    """
    sky = counts.sky
    fills = [Fill(colour, 3) for colour in colour_map(LEVELS, 0.97)] + [Fill(GROUND, 24), Fill(FRAME, 1)]
    canvas = Canvas(SKY_PX, SKY_PX, fills)
    canvas.rectangle(0, 0, SKY_PX - 1, SKY_PX - 1, GROUND_OF_SKY)
    density = _density(sky)
    stretch = _stretch(density)
    canvas.paste(_enlarged(density, stretch, PANEL_PX, LEVELS), PANEL_LEFT, PANEL_TOP)
    graticule(canvas, sky)
    _marks(canvas, sky)
    _colour_bar(canvas, stretch)
    if not sky.counts.any():
        middle = PANEL_LEFT + PANEL_PX / 2, PANEL_TOP + PANEL_PX * 0.25
        canvas.text(middle, "no events", 20, "mm")
    canvas.fitted_text((PANEL_LEFT, 10), counts.title, (22, 18, 15), SKY_PX - PANEL_LEFT - 16)
    canvas.fitted_text((PANEL_LEFT, 38), subtitle(counts), (14, 12), SKY_PX - PANEL_LEFT - 16)
    canvas.frame()
    left_of_panel = SKY_PX - 1 - PANEL_LEFT - PANEL_PX + 1
    texts = _texts(counts, PANEL_PX, (PANEL_LEFT, left_of_panel), (SKY_PX - PANEL_TOP - PANEL_PX, SKY_PX))
    return canvas, texts


def thumbnail(counts: EventCounts) -> tuple[Canvas, dict[str, str]]:
    """Draw the counts on the sky, small and without words."""
    n_levels = 250
    canvas = Canvas(THUMBNAIL_PX, THUMBNAIL_PX, [Fill(colour, 0) for colour in colour_map(n_levels)] + [Fill(FRAME, 0)])
    density = _density(counts.sky)
    canvas.paste(_enlarged(density, _stretch(density), THUMBNAIL_PX, n_levels), 0, 0)
    canvas.frame()
    return canvas, _texts(counts, THUMBNAIL_PX, (0, 0), (0, THUMBNAIL_PX))


def subtitle(counts: EventCounts) -> str:
    """Return the second line of a picture: instrument, observation, number of events."""
    events = "1 event" if counts.n_events == 1 else f"{counts.n_events:,} events"
    named = counts.obs_id is not None and counts.obs_id not in counts.title
    observation = f"observation {counts.obs_id}" if named else None
    return " · ".join(filter(None, (counts.instrument, observation, events)))


def _texts(counts: EventCounts, panel_px: int, x_margin: tuple[int, int], y_span: tuple[int, int]) -> dict[str, str]:
    """Return the title and a FITS header with the WCS; pixel 1 of FITS is the lowest row of the picture."""
    sky = counts.sky
    step = 2.0 * sky.radius_deg / panel_px
    cards = {
        "CTYPE1": "'RA---ARC'",
        "CTYPE2": "'DEC--ARC'",
        "CRVAL1": sky.projection.ra_deg,
        "CRVAL2": sky.projection.dec_deg,
        # said because the default is another one at the pole (FITS 4.0, section 8.3)
        "LONPOLE": 180.0,
        "CRPIX1": x_margin[0] + panel_px / 2 + 0.5,
        "CRPIX2": y_span[0] + panel_px / 2 + 0.5,
        "CDELT1": -step,
        "CDELT2": step,
        "CUNIT1": "'deg'",
        "CUNIT2": "'deg'",
        "RADESYS": "'ICRS'",
    }
    header = "\n".join(f"{key:8}= {value:>20}" for key, value in cards.items())
    return {"Title": f"{counts.title}: {subtitle(counts)}", "Comment": header}


@dataclass(frozen=True, slots=True)
class Stretch:
    """How events per square degree become colours, 0 to 1: by asinh, nearly linear up to `soft`, then logarithmic.

    With the usual density of the field as `soft`, the field is seen beside the brightest source.
    """

    highest: float
    """Density of the brightest colour."""
    soft: float

    def apply(self, density: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return where densities are between black and the brightest colour."""
        return np.asarray(np.arcsinh(density / self.soft) / math.asinh(self.highest / self.soft))


def _stretch(density: NDArray[np.float64]) -> Stretch | None:
    """Return the stretch for an image, None for an empty one."""
    highest = float(density.max())
    if highest <= 0:
        return None
    usual = max(float(np.percentile(density, 80.0)), highest / 300.0)
    # Chance alone must not look like a source; where no source stands out, colours are nearly linear, so that weak
    # ones are seen.
    highest = max(highest, 2.5 * usual)
    return Stretch(highest, usual * min(3.0, max(1.0, 6.0 * usual / highest)))


def _density(sky: Sky) -> NDArray[np.float64]:
    """Return slightly smoothed events per square degree, north up."""
    n_events = float(sky.counts.sum())
    sigma_bins = min(2.2, max(1.5, 1.5 * (4000.0 / max(n_events, 1.0)) ** 0.25))
    reach = math.ceil(3 * sigma_bins)
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / sigma_bins) ** 2)
    # Beyond the edges nothing was counted: what lies inside counts for more there.
    weights = np.convolve(np.ones(SKY_BINS), kernel, "same")
    smooth = sky.counts
    for _ in range(2):
        padded = np.pad(smooth, ((reach, reach), (0, 0)))
        parts = (weight * padded[i : i + SKY_BINS] for i, weight in enumerate(kernel.tolist()))
        smooth = (np.sum(list(parts), axis=0) / weights[:, np.newaxis]).T
    return np.asarray(smooth[::-1] / (2.0 * sky.radius_deg / SKY_BINS) ** 2)


def _enlarged(density: NDArray[np.float64], stretch: Stretch | None, size_px: int, n_levels: int) -> Bytes:
    """Return the number of a colour for each pixel."""
    if stretch is None:
        return np.zeros((size_px, size_px), np.uint8)
    small = Image.fromarray(stretch.apply(density).astype(np.float32))
    large = np.asarray(small.resize((size_px, size_px), Image.Resampling.BICUBIC))
    levels: Bytes = np.clip(large * n_levels, 0, n_levels - 1).astype(np.uint8)
    return levels


def place(sky: Sky, ra_deg: NDArray[np.float64], dec_deg: NDArray[np.float64]) -> list[Point]:
    """Return where directions are in the picture."""
    east, north = sky.projection.forward(ra_deg, dec_deg)
    scale = PANEL_PX / (2.0 * sky.radius_deg)
    x = PANEL_LEFT + (sky.radius_deg - east) * scale
    y = PANEL_TOP + (sky.radius_deg - north) * scale
    return list(zip(x.tolist(), y.tolist(), strict=True))


def panel_box() -> tuple[int, int, int, int]:
    """Return left, top, right and bottom of the panel with the sky."""
    return PANEL_LEFT, PANEL_TOP, PANEL_LEFT + PANEL_PX, PANEL_TOP + PANEL_PX


def graticule(canvas: Canvas, sky: Sky) -> None:
    """Draw lines of equal right ascension and declination, with their values at the left and lower edges."""
    projection, radius = sky.projection, sky.radius_deg
    step_dec = min(30.0, round_step(2.0 * radius, 7))
    reach = radius * math.sqrt(2.0)
    low, high = max(-90.0, projection.dec_deg - reach), min(90.0, projection.dec_deg + reach)
    at_pole = low <= -90.0 + 0.5 * step_dec or high >= 90.0 - 0.5 * step_dec
    breadth = max(math.cos(math.radians(projection.dec_deg)), 0.02)
    step_ra = 30.0 if at_pole else min(30.0, _ra_step(2.0 * radius / breadth))
    strokes = canvas.strokes(panel_box())
    along = np.linspace(low, high, 61)
    half = 180.0 if at_pole else min(180.0, 1.5 * reach / breadth)
    n_lines = min(math.floor(half / step_ra) + 1, 180)
    middle = round(projection.ra_deg / step_ra)
    meridians = sorted({(middle + number) * step_ra % 360.0 for number in range(-n_lines, n_lines + 1)})
    for ra in meridians:
        _dash(strokes, place(sky, np.full(along.shape, ra), along))
    across = projection.ra_deg + np.linspace(-half, half, 121)
    for number in range(math.ceil(low / step_dec), math.floor(high / step_dec) + 1):
        if abs(number * step_dec) < 90.0:
            _dash(strokes, place(sky, across, np.full(across.shape, number * step_dec)))
    strokes.merge()
    _edge_labels(canvas, sky, step_ra, step_dec)


def _ra_step(span_deg: float) -> float:
    """Return a step that divides the circle."""
    steps = (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0)
    return next((step for step in steps if span_deg / step <= 7), 30.0)


def _dash(strokes: Strokes, points: list[Point]) -> None:
    """Draw a line of the graticule, thin and dim."""
    strokes.line(points, width_px=1.0, alpha=_HAIR)


def _edge_labels(canvas: Canvas, sky: Sky, step_ra: float, step_dec: float) -> None:
    along = (np.arange(PANEL_PX + 1) / PANEL_PX * 2.0 - 1.0) * sky.radius_deg
    edge = np.full(along.shape, sky.radius_deg)
    # lower edge from the left (east) on, left edge from the top (north) on
    ra, _ = sky.projection.backward(-along, -edge)
    _, dec = sky.projection.backward(edge, -along)
    ra = np.degrees(np.unwrap(np.radians(ra)))
    bottom, last_x = PANEL_TOP + PANEL_PX, -100.0
    for position, value in _crossings(ra, step_ra):
        x = PANEL_LEFT + position
        canvas.hairline([(x, bottom), (x, bottom + 5)])
        if x - last_x > 52:
            canvas.text((x, bottom + 8), _degrees(value % 360.0, step_ra), 13, "ma")
            last_x = x
    last_y = -100.0
    for position, value in _crossings(dec, step_dec):
        y = PANEL_TOP + position
        canvas.hairline([(PANEL_LEFT - 5, y), (PANEL_LEFT - 1, y)])
        if y - last_y > 20:
            canvas.text((PANEL_LEFT - 9, y), _degrees(value, step_dec, signed=True), 13, "rm")
            last_y = y
    canvas.text((PANEL_LEFT + PANEL_PX / 2, bottom + 26), "Right ascension (ICRS)", 13, "ma", alpha=200)
    canvas.text((8, PANEL_TOP - 8), "Dec", 13, "ls", alpha=200)


def _crossings(values: NDArray[np.float64], step: float) -> list[tuple[float, float]]:
    """Return where values along an edge pass multiples of a step: pixel and multiple."""
    cells = np.floor(values / step)
    found = []
    for pixel in np.flatnonzero(np.diff(cells)).tolist():
        multiple = max(cells[pixel], cells[pixel + 1]) * step
        rise = values[pixel + 1] - values[pixel]
        found.append((pixel + float((multiple - values[pixel]) / rise), float(multiple)))
    return found


def _degrees(value: float, step: float, *, signed: bool = False) -> str:
    places = 0 if step >= 1 else 2 if step in (0.25,) or step < 0.1 else 1
    value = 0.0 if abs(value) < 1e-9 else value
    return f"{value:{'+' if signed and value else ''}.{places}f}°".replace("-", "−")


def _marks(canvas: Canvas, sky: Sky) -> None:
    """Mark pointing, field of view and target, and explain the marks below the image."""
    strokes = canvas.strokes(panel_box())
    explained: list[tuple[str, str]] = []
    scale = PANEL_PX / (2.0 * sky.radius_deg)
    centre = place(sky, *_arrays(sky.pointing))[0] if sky.pointing else None
    if centre is not None:
        _cross(canvas, strokes, centre)
        explained.append(("cross", "pointing"))
    if sky.fov_radius_deg is not None and sky.fov_radius_deg < 1.4 * sky.radius_deg:
        middle = centre or (PANEL_LEFT + PANEL_PX / 2, PANEL_TOP + PANEL_PX / 2)
        strokes.circle(middle, sky.fov_radius_deg * scale, alpha=170)
        explained.append(("circle", f"field of view ⌀ {2 * sky.fov_radius_deg:.2g}°"))
    if sky.target is not None:
        at_target = place(sky, *_arrays(sky.target))[0]
        if all(low < at < low + PANEL_PX for at, low in zip(at_target, (PANEL_LEFT, PANEL_TOP), strict=True)):
            _diamond(canvas, strokes, at_target)
            explained.append(("diamond", "target"))
    strokes.merge()
    _legend(canvas, explained)


def _arrays(direction: tuple[float, float] | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ra, dec = direction or (math.nan, math.nan)
    return np.array([ra]), np.array([dec])


def _cross(canvas: Canvas, strokes: Strokes, at: Point) -> None:
    x, y = at
    for line in ([(x - _MARK_PX, y), (x + _MARK_PX, y)], [(x, y - _MARK_PX), (x, y + _MARK_PX)]):
        _on_dark(canvas, strokes, line)


def _diamond(canvas: Canvas, strokes: Strokes, at: Point) -> None:
    x, y = at
    reach = _MARK_PX + 5
    corners = [(x - reach, y), (x, y - reach), (x + reach, y), (x, y + reach), (x - reach, y)]
    _on_dark(canvas, strokes, corners)


def _on_dark(canvas: Canvas, strokes: Strokes, points: list[Point]) -> None:
    """Draw a line with a dark seam, so that it is seen on bright pixels, too."""
    box = panel_box()
    inside = [(x, y) for x, y in points if box[0] + 2 <= x <= box[2] - 3 and box[1] + 2 <= y <= box[3] - 3]
    if len(inside) == len(points):
        canvas.area.line(points, fill=0, width=4)
    strokes.line(points, width_px=1.5)


def _legend(canvas: Canvas, explained: list[tuple[str, str]]) -> None:
    x, y = float(PANEL_LEFT + 8), SKY_PX - 17.0
    strokes = canvas.strokes((0, SKY_PX - 34, SKY_PX, SKY_PX))
    for mark, words in explained:
        if mark == "cross":
            strokes.line([(x - 6, y), (x + 6, y)])
            strokes.line([(x, y - 6), (x, y + 6)])
        elif mark == "circle":
            strokes.circle((x, y), 6)
        else:
            strokes.line([(x - 7, y), (x, y - 7), (x + 7, y), (x, y + 7), (x - 7, y)])
        canvas.text((x + 13, y), words, 13, "lm")
        x += 13 + 8 * len(words) + 26
    strokes.merge()


def _colour_bar(canvas: Canvas, stretch: Stretch | None) -> None:
    left, right = PANEL_LEFT + PANEL_PX + 10, PANEL_LEFT + PANEL_PX + 22
    bottom = PANEL_TOP + PANEL_PX
    ramp = (np.arange(PANEL_PX)[::-1] * LEVELS // PANEL_PX).astype(np.uint8)
    canvas.paste(np.repeat(ramp[:, np.newaxis], right - left, axis=1), left, PANEL_TOP)
    canvas.text((SKY_PX - 8, bottom + 26), "events / deg²", 12, "ra", alpha=200)
    canvas.text((right + 6, bottom), "0", 12, "lm")
    if stretch is None:
        return
    power = math.floor(math.log10(stretch.highest))
    values = (digit * 10.0**exponent for exponent in range(power, power - 4, -1) for digit in (5, 2, 1))
    last_y = float(PANEL_TOP - 22)
    for value in values:
        y = bottom - float(stretch.apply(np.array(value))) * PANEL_PX
        if value <= stretch.highest and last_y + 26 < y < bottom - 20:
            canvas.hairline([(right, y), (right + 3, y)])
            canvas.text((right + 6, y), label(value, value), 12, "lm")
            last_y = y


def utc_text(mjd: float) -> str:
    """Return a time to the second, as people read it."""
    return iso_from_mjd(mjd).partition(".")[0].replace("T", " ")
