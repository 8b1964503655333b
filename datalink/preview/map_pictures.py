# SPDX-License-Identifier: GPL-3.0-or-later
"""Pictures of maps and catalogues on the sky, north up and east left whatever the map's own axes."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datalink.mapdata import MapImage
from datalink.preview.counts import Projection, Sky
from datalink.preview.pictures import (
    GROUND_OF_SKY,
    LEVELS,
    PANEL_LEFT,
    PANEL_PX,
    PANEL_TOP,
    SKY_PX,
    THUMBNAIL_PX,
    graticule,
)
from datalink.preview.plotting import FRAME, GROUND, INK, PANEL, Canvas, Fill, colour_map, label, round_values
from ingest.errors import IngestError
from ingest.fitsfile import HDU
from ingest.footprint import galactic_from_icrs
from ingest.header import text
from ingest.products.catalogue import Source
from ingest.products.healpix import pixel_centres_deg
from ingest.products.tables import table_of

Floats = NDArray[np.float64]
Pictures = tuple[Canvas, Canvas, dict[str, str]]
_NO_VALUE = LEVELS + 1
_THUMB_LEVELS = 240
# Pixels of HEALPix maps are found by comparing with all centres: more are not drawn.
MAX_HEALPIX_PIXELS = 20_000
MOST_SOURCES = 10_000
_HEALPIX_GRID = 116
_SKY_MAP_PX = (800, 440)
_SKY_MAP_BOX = (40.0, 76.0, 760.0, 416.0)


@dataclass(frozen=True, slots=True)
class Scale:
    """The values that the darkest and the brightest colour stand for.

    With `soft`, colours are linear up to there and logarithmic beyond (asinh), so that a field is seen beside a bright
    source; without it they are linear.
    """

    low: float
    high: float
    soft: float | None = None

    def share(self, values: Floats) -> Floats:
        """Return where values are between darkest (0) and brightest (1)."""
        with np.errstate(invalid="ignore"):
            if self.soft is None:
                return np.asarray((values - self.low) / (self.high - self.low))
            return np.asarray(
                np.arcsinh((values - self.low) / self.soft) / math.asinh((self.high - self.low) / self.soft)
            )

    def level(self, values: Floats, n_levels: int) -> NDArray[np.uint8]:
        """Return the number of a colour for each value; that of no value is `n_levels` + 1."""
        levels = np.clip(np.nan_to_num(self.share(values)) * n_levels, 0, n_levels - 1)
        return np.where(np.isfinite(values), levels, n_levels + 1).astype(np.uint8)

    def ticks(self) -> list[float]:
        """Return round values for a colour bar."""
        if self.soft is None:
            return round_values(self.low, self.high, 5)
        power = math.floor(math.log10(self.high))
        values = [digit * 10.0**exponent for exponent in range(power, power - 4, -1) for digit in (5, 2, 1)]
        shown: list[float] = []
        for value in (*values, 0.0):
            at = float(self.share(np.array(value)))
            if self.low <= value <= self.high and all(abs(at - float(self.share(np.array(x)))) > 0.07 for x in shown):
                shown.append(value)
        return shown


def map_picture(image: MapImage, centre: tuple[float, float], fov_deg: float, title: str, words: str) -> Pictures:
    """Draw a map.

    Parameters
    ----------
    image
        Its pixels.
    centre, fov_deg
        Where to look: direction (ICRS) and diameter in degrees.
    title, words
        First and second line.

    Returns
    -------
    tuple
        The picture, a thumbnail, and texts for inside the PNG.

    Raises
    ------
    IngestError
        When no pixel has a value.
    """
    radius = _radius_deg(fov_deg)
    sky = Sky(Projection(*centre), radius, None, None, None)
    return _pictures(sky, _resampled(image, sky, PANEL_PX), title, words, image.unit)


def healpix_picture(
    hdu: HDU, nsides: Sequence[int], centre: tuple[float, float], fov_deg: float, title: str, words: str
) -> Pictures:
    """Draw a HEALPix map with explicit pixel numbers; of planes of different resolution (`nsides`) the finest one.

    Raises
    ------
    IngestError
        When it has too many pixels to be drawn, or none.
    """
    table = table_of(hdu)
    pixels = table.optional("pix")
    names = [name for name in table.columns if name.startswith("channel")]
    if pixels is None or not 0 < pixels.size <= MAX_HEALPIX_PIXELS:
        raise IngestError("only HEALPix maps of a part of the sky are drawn.")
    values, channels = table.optional("value"), table.optional("channel")
    if values is None:
        values = np.nansum([table.numbers(name) for name in names], axis=0) if names else np.ones(pixels.size)
    nside = max(nsides)
    if len(set(nsides)) > 1 and channels is not None:
        finest = channels == list(nsides).index(nside)
        pixels, values = pixels[finest], values[finest]
    numbers, inverse = np.unique(np.nan_to_num(pixels, nan=-1).astype(np.int64), return_inverse=True)
    totals = np.bincount(inverse, weights=np.nan_to_num(np.ravel(values)))
    nested = (text(hdu.header, "ORDERING") or "").upper().startswith("NEST")
    longitude, latitude = pixel_centres_deg(nside, numbers, nested=nested)
    sky = Sky(Projection(*centre), _radius_deg(fov_deg), None, None, None)
    ra, dec = _grid(sky, _HEALPIX_GRID)
    if (text(hdu.header, "COORDSYS") or "").upper().startswith("G"):
        ra, dec = galactic_from_icrs(ra, dec)
    nearest, distance = _nearest(ra.ravel(), dec.ravel(), longitude, latitude)
    shown = np.where(distance < 40.0 / nside, totals[nearest], np.nan).reshape(ra.shape)
    repeats = PANEL_PX // _HEALPIX_GRID
    return _pictures(sky, np.repeat(np.repeat(shown, repeats, axis=0), repeats, axis=1), title, words, "")


def catalogue_picture(sources: Sequence[Source], title: str, words: str) -> Pictures:
    """Draw sources on the whole sky in galactic coordinates (Hammer-Aitoff), the galactic centre in the middle."""
    shown = sources[:: -(-len(sources) // MOST_SOURCES) or 1]
    glon, glat = galactic_from_icrs([source.ra_deg for source in shown], [source.dec_deg for source in shown])
    canvases = []
    left, top, right, bottom = _SKY_MAP_BOX
    for size, box in ((_SKY_MAP_PX, _SKY_MAP_BOX), ((THUMBNAIL_PX, THUMBNAIL_PX), (6.0, 35.0, 122.0, 93.0))):
        canvas = Canvas(*size, [Fill(GROUND, 20), Fill(PANEL, 20), Fill(FRAME, 1)], (INK, (240, 180, 60)))
        ellipse = box
        canvas.area.ellipse(ellipse, fill=1)
        lines = canvas.strokes((0, 0, *size))
        for longitude in range(-180, 181, 60):
            parallel = np.linspace(-90.0, 90.0, 61)
            points = _hammer(np.full(61, float(longitude)), parallel, box)
            lines.line(points, 1.0, 70 if abs(longitude) < 180 else 170)
        for latitude in range(-60, 61, 30):
            across = np.linspace(-180.0, 180.0, 121)
            lines.line(_hammer(across, np.full(121, float(latitude)), box), 1.0, 70)
        lines.merge()
        marks = canvas.strokes((0, 0, *size), ink=1)
        for x, y in _hammer((glon + 180.0) % 360.0 - 180.0, glat, box):
            marks.circle((x, y), 2.6 if size == _SKY_MAP_PX else 1.2, 1.6)
        marks.merge()
        if size == _SKY_MAP_PX:
            canvas.fitted_text((20, 12), title, (22, 18, 15), size[0] - 40)
            canvas.fitted_text((20, 42), f"{words} · galactic coordinates", (14, 12), size[0] - 40)
            canvas.text(((left + right) / 2, bottom + 4), "l = 0°, b = 0° in the middle", 12, "ma", alpha=200)
        canvas.frame()
        canvases.append(canvas)
    return canvases[0], canvases[1], {"Title": f"{title}: {words}"}


def _hammer(lon: Floats, lat: Floats, box: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    """Return where galactic directions are; longitude grows to the left."""
    half, phi = np.radians(lon) / 2.0, np.radians(lat)
    depth = np.sqrt(1.0 + np.cos(phi) * np.cos(half))
    x, y = np.cos(phi) * np.sin(half) / depth, np.sin(phi) / depth
    left, top, right, bottom = box
    px = (left + right) / 2 - x * (right - left) / 2
    py = (top + bottom) / 2 - y * (bottom - top) / 2
    return list(zip(px.tolist(), py.tolist(), strict=True))


def _radius_deg(fov_deg: float) -> float:
    return min(max(fov_deg / 2.0, 1e-3), 90.0)


def _grid(sky: Sky, size_px: int) -> tuple[Floats, Floats]:
    """Return the directions of the pixels of a square picture, row 0 in the north, column 0 in the east."""
    offsets = (1.0 - 2.0 * (np.arange(size_px) + 0.5) / size_px) * sky.radius_deg
    east, north = np.meshgrid(offsets, offsets)
    return sky.projection.backward(east, north)


def _resampled(image: MapImage, sky: Sky, size_px: int) -> Floats:
    """Return the map's values at the pixels of a picture, NaN outside."""
    ra, dec = _grid(sky, size_px)
    x, y = _map_pixels(image.wcs, ra.ravel(), dec.ravel())
    height, width = image.values.shape
    with np.errstate(invalid="ignore"):
        column, row = np.rint(x), np.rint(y)
        inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    values = np.full(ra.size, np.nan)
    values[inside] = image.values[row[inside].astype(np.int64), column[inside].astype(np.int64)]
    return values.reshape(ra.shape)


def _map_pixels(wcs: Any, ra: Floats, dec: Floats) -> tuple[Floats, Floats]:
    lon, lat = galactic_from_icrs(ra, dec) if str(wcs.wcs.ctype[wcs.wcs.lng]).startswith("GLON") else (ra, dec)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        x, y = wcs.wcs_world2pix(lon, lat, 0)
    return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)


def _nearest(lon: Floats, lat: Floats, lon0: Floats, lat0: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Return the number of the nearest centre and its distance in degrees, a piece at a time."""
    centres = _vectors(lon0, lat0)
    nearest, distance = np.zeros(lon.size, np.int64), np.zeros(lon.size)
    for first in range(0, lon.size, 1024):
        piece = slice(first, first + 1024)
        cosines = _vectors(lon[piece], lat[piece]) @ centres.T
        nearest[piece] = np.nanargmax(cosines, axis=1)
        distance[piece] = np.degrees(np.arccos(np.clip(np.nanmax(cosines, axis=1), -1.0, 1.0)))
    return nearest, distance


def _vectors(lon: Floats, lat: Floats) -> Floats:
    lon, lat = np.radians(lon), np.radians(lat)
    return np.column_stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)))


def _scale(values: Floats) -> Scale:
    known = values[np.isfinite(values)]
    if not known.size:
        raise IngestError("no pixel of the map has a value.")
    low, high = (float(limit) for limit in np.percentile(known, (0.5, 99.9)))
    high = max(high, float(np.percentile(known, 99.0)))
    if not high > low:
        low, high = float(known.min()), float(known.max())
    if not high > low:
        return Scale(low, low + 1.0)
    usual = float(np.percentile(known, 80.0))
    # counts with a source that outshines the field
    if float(known.min()) >= 0.0 and high > 10.0 * max(usual, high / 300.0):
        return Scale(0.0, high, max(usual, high / 100.0))
    return Scale(low, high)


def _pictures(sky: Sky, values: Floats, title: str, words: str, unit: str) -> Pictures:
    scale = _scale(values)
    fills = [Fill(colour, 3) for colour in colour_map(LEVELS, 0.97)] + [Fill(GROUND, 24), Fill((40, 44, 52), 3)]
    canvas = Canvas(SKY_PX, SKY_PX, [*fills, Fill(FRAME, 1)])
    canvas.rectangle(0, 0, SKY_PX - 1, SKY_PX - 1, GROUND_OF_SKY)
    canvas.paste(scale.level(values, LEVELS), PANEL_LEFT, PANEL_TOP)
    graticule(canvas, sky)
    _colour_bar(canvas, scale, unit)
    canvas.fitted_text((PANEL_LEFT, 10), title, (22, 18, 15), SKY_PX - PANEL_LEFT - 16)
    canvas.fitted_text((PANEL_LEFT, 38), words, (14, 12), SKY_PX - PANEL_LEFT - 16)
    canvas.frame()
    colours = [Fill(colour, 0) for colour in colour_map(_THUMB_LEVELS)] + [Fill(GROUND, 0), Fill((40, 44, 52), 0)]
    small = Canvas(THUMBNAIL_PX, THUMBNAIL_PX, [*colours, Fill(FRAME, 0)])
    at = (np.arange(THUMBNAIL_PX) * len(values) // THUMBNAIL_PX).astype(np.int64)
    small.paste(scale.level(values[np.ix_(at, at)], _THUMB_LEVELS), 0, 0)
    small.frame()
    return canvas, small, {"Title": f"{title}: {words}"}


def _colour_bar(canvas: Canvas, scale: Scale, unit: str) -> None:
    left, right = PANEL_LEFT + PANEL_PX + 10, PANEL_LEFT + PANEL_PX + 22
    ramp = (np.arange(PANEL_PX)[::-1] * LEVELS // PANEL_PX).astype(np.uint8)
    canvas.paste(np.repeat(ramp[:, np.newaxis], right - left, axis=1), left, PANEL_TOP)
    ticks = scale.ticks()
    step = ticks[1] - ticks[0] if len(ticks) > 1 and scale.soft is None else 0.0
    for value in ticks:
        y = PANEL_TOP + PANEL_PX * (1.0 - float(scale.share(np.array(value))))
        canvas.hairline([(right, y), (right + 3, y)])
        canvas.text((right + 6, y), label(value, step) if math.isfinite(value) else "", 12, "lm")
    if unit:
        canvas.fitted_text((SKY_PX - 8, PANEL_TOP + PANEL_PX + 26), unit, (12, 10), 150, "ra")
