# SPDX-License-Identifier: GPL-3.0-or-later
"""Draws small pictures with few colours: a canvas on Pillow, fonts, colour map, axes and their ticks.

matplotlib takes longer to start than a thousand files take to be opened, so it is not used here. Pictures have a dark
opaque ground and a grey frame, so that they look the same, and are readable, on light and on dark pages.
"""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageChops, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

Rgb = tuple[int, int, int]
Point = tuple[float, float]

GROUND: Rgb = (23, 27, 33)
PANEL: Rgb = (12, 14, 18)
INK: Rgb = (238, 240, 243)
# has a contrast above 3 to white and to black
FRAME: Rgb = (128, 128, 128)

# Inferno, the perceptually uniform map of S. van der Walt and N. Smith (CC0), at equal steps.
_INFERNO = (
    "000004 0b0724 210c4a 3d0965 57106e 71196e 8a226a a32c61 bc3754 d24644 e45a31 f1731d f98e09 fcac11 f9cb35 f2ea69 "
    "fcffa4"
)
_FONT_FILES = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/truetype/liberation/LiberationSans-Regular.ttf",
    "/usr/share/fonts/truetype/noto/NotoSans-Regular.ttf",
    "/usr/share/matplotlib/mpl-data/fonts/ttf/DejaVuSans.ttf",
)
# Lines are drawn this much larger and shrunk, which makes them smooth.
_OVERSAMPLING = 3
_PNG_COLOURS = 256
_LONGEST_TEXT = 300


def colour_map(n_levels: int, end: float = 1.0) -> list[Rgb]:
    """Return colours from black to the colour at `end` (at most 1, nearly white) of the inferno colour map."""
    table = np.array([[int(word[i : i + 2], 16) for i in (0, 2, 4)] for word in _INFERNO.split()], dtype=np.float64)
    at = np.linspace(0.0, end, n_levels) * (len(table) - 1)
    channels = [np.interp(at, np.arange(len(table)), table[:, channel]).round().astype(int) for channel in range(3)]
    return [(int(red), int(green), int(blue)) for red, green, blue in zip(*channels, strict=True)]


@lru_cache(maxsize=1)
def font_file() -> str | None:
    """Return a TrueType font of the system, or the one matplotlib brings; None when there is none."""
    candidates = [Path(name) for name in _FONT_FILES]
    package = importlib.util.find_spec("matplotlib")
    if package is not None and package.origin:
        candidates.append(Path(package.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf")
    return next((str(path) for path in candidates if path.is_file()), None)


@lru_cache(maxsize=16)
def font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return a font; without any TrueType font the one Pillow has built in, small in old versions."""
    path = font_file()
    if path is not None:
        return ImageFont.truetype(path, size_px, layout_engine=ImageFont.Layout.BASIC)
    try:
        return ImageFont.load_default(size_px)
    except TypeError:  # before Pillow 10.1
        return ImageFont.load_default()


@dataclass(frozen=True, slots=True)
class Fill:
    """A flat colour and the number of steps in which ink can cover it (more look smoother, all share 256)."""

    colour: Rgb
    steps: int


class Canvas:
    """A picture of flat fills with ink (text, lines) on top; it becomes a PNG with a palette.

    Parameters
    ----------
    width_px, height_px
        Its size.
    fills
        The colours of areas; the first one is the ground.
    inks
        The colours of text and lines.
    """

    def __init__(self, width_px: int, height_px: int, fills: Sequence[Fill], inks: Sequence[Rgb] = (INK,)) -> None:
        self.size = (width_px, height_px)
        self._palette_of = tuple(fills), tuple(inks)
        self._fills = Image.new("L", self.size, 0)
        self._inks = [Image.new("L", self.size, 0) for _ in inks]
        self.area = ImageDraw.Draw(self._fills)
        self._text = [ImageDraw.Draw(layer) for layer in self._inks]

    def rectangle(self, left: float, top: float, right: float, bottom: float, fill: int) -> None:
        """Fill the pixels from (left, top) to (right, bottom), both included."""
        self.area.rectangle((left, top, right, bottom), fill=fill)

    def paste(self, fills: NDArray[np.uint8], left_px: int, top_px: int) -> None:
        """Put an array of fill numbers, shape (height, width), somewhere."""
        self._fills.paste(Image.fromarray(fills), (left_px, top_px))

    def text(self, at: Point, text: str, size_px: int, anchor: str = "la", *, ink: int = 0, alpha: int = 255) -> None:
        """Write text; `anchor` is Pillow's (``l``, ``m``, ``r`` and ``a``, ``m``, ``s``, ``d`` …)."""
        face, text = font(size_px), _one_line(text)
        if isinstance(face, ImageFont.FreeTypeFont):
            self._text[ink].text(at, text, fill=alpha, font=face, anchor=anchor)
            return
        known = _latin(text)
        left, top, right, bottom = self._text[ink].textbbox((0, 0), known, font=face)
        x = at[0] - {"l": 0.0, "m": 0.5, "r": 1.0}.get(anchor[0], 0.0) * (right - left)
        y = at[1] - {"a": 0.0, "t": 0.0, "m": 0.5}.get(anchor[1], 1.0) * (bottom - top)
        self._text[ink].text((x, y), known, fill=alpha, font=face)

    def fitted_text(self, at: Point, text: str, sizes_px: Sequence[int], width_px: float, anchor: str = "la") -> None:
        """Write text in the largest size that fits, cut off with an ellipsis if none does."""
        text = text[:_LONGEST_TEXT]
        for size_px in sizes_px:
            if self.text_width(text, size_px) <= width_px:
                self.text(at, text, size_px, anchor)
                return
        while text and self.text_width(text + "…", sizes_px[-1]) > width_px:
            text = text[:-1]
        self.text(at, text.rstrip() + "…", sizes_px[-1], anchor)

    def text_width(self, text: str, size_px: int) -> float:
        """Return how wide a text is in pixels."""
        face, text = font(size_px), _one_line(text)
        known = text if isinstance(face, ImageFont.FreeTypeFont) else _latin(text)
        return self._text[0].textlength(known, font=face)

    def strokes(self, box: tuple[int, int, int, int], ink: int = 0) -> Strokes:
        """Return a place for smooth lines: all within `box` (left, top, right, bottom), merged by `merge`."""
        return Strokes(self._inks[ink], box)

    def hairline(self, points: Sequence[Point], ink: int = 0, alpha: int = 255) -> None:
        """Draw a line one pixel wide; for horizontal and vertical ones, which need no smoothing."""
        self._text[ink].line(points, fill=alpha)

    def frame(self) -> None:
        """Draw a frame around the picture in the last fill."""
        width, height = self.size
        self.area.rectangle((0, 0, width - 1, height - 1), outline=len(self._palette_of[0]) - 1)

    def save(self, path: Path, texts: Mapping[str, str] | None = None) -> None:
        """Write the picture as PNG with some texts inside."""
        pixels, colours = self._paletted()
        image = Image.frombytes("P", self.size, pixels)
        image.putpalette([channel for colour in colours for channel in colour])
        info = PngInfo()
        for key, value in (texts or {}).items():
            info.add_text(key, _latin(value))
        with path.open("wb") as out:
            image.save(out, "PNG", compress_level=6, pnginfo=info)

    def _paletted(self) -> tuple[bytes, list[Rgb]]:
        fills, inks = self._palette_of
        colours: list[Rgb] = [fill.colour for fill in fills]
        below = np.frombuffer(self._fills.tobytes(), np.uint8)
        pixels = below.copy()
        steps = np.array([fill.steps for fill in fills])
        for layer, ink in zip(self._inks, inks, strict=True):
            # fill f covered by s of n steps of this ink has the number start[f] + s
            start = len(colours) - 1 + np.concatenate([[0], np.cumsum(steps[:-1])])
            for fill in fills:
                colours += [_mixed(fill.colour, ink, step / fill.steps) for step in range(1, fill.steps + 1)]
            cover = np.frombuffer(layer.tobytes(), np.uint8)
            inked = np.flatnonzero(cover)
            under = below[inked]
            step_of = (cover[inked] * steps[under] + 127) // 255
            pixels[inked] = np.where(step_of > 0, start[under] + step_of, pixels[inked])
        assert len(colours) <= _PNG_COLOURS
        return pixels.tobytes(), colours


class Strokes:
    """Smooth lines within a box of a canvas, in the canvas's pixels (their corners, not their centres)."""

    def __init__(self, layer: Image.Image, box: tuple[int, int, int, int]) -> None:
        self._layer, self._box = layer, box
        size = ((box[2] - box[0]) * _OVERSAMPLING, (box[3] - box[1]) * _OVERSAMPLING)
        self._large = Image.new("L", size, 0)
        self._draw = ImageDraw.Draw(self._large)

    def line(self, points: Iterable[Point], width_px: float = 1.5, alpha: int = 255) -> None:
        """Draw a polyline."""
        placed = [self._place(point) for point in points]
        self._draw.line(placed, fill=alpha, width=max(1, round(width_px * _OVERSAMPLING)), joint="curve")

    def circle(self, centre: Point, radius_px: float, width_px: float = 1.5, alpha: int = 255) -> None:
        """Draw a circle."""
        (x, y), radius = self._place(centre), radius_px * _OVERSAMPLING
        width = max(1, round(width_px * _OVERSAMPLING))
        self._draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=alpha, width=width)

    def merge(self) -> None:
        """Put the lines onto the canvas."""
        small = self._large.reduce(_OVERSAMPLING)
        region = self._layer.crop(self._box)
        self._layer.paste(ImageChops.lighter(region, small), self._box)

    def _place(self, point: Point) -> Point:
        return (point[0] - self._box[0]) * _OVERSAMPLING, (point[1] - self._box[1]) * _OVERSAMPLING


def _one_line(text: str) -> str:
    """Return a text without line breaks and whatever else has no shape."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def _latin(text: str) -> str:
    """Return what of a text Pillow's own font and PNG know."""
    return text.encode("latin-1", "replace").decode("latin-1")


def _mixed(below: Rgb, above: Rgb, share: float) -> Rgb:
    red, green, blue = (round(low + (high - low) * share) for low, high in zip(below, above, strict=True))
    return red, green, blue


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps values from `low` to `high` to pixels from `start_px` to `stop_px`, linearly or by their logarithms."""

    low: float
    high: float
    start_px: float
    stop_px: float
    logarithmic: bool = False

    def pixel(self, values: ArrayLike) -> NDArray[np.float64]:
        """Return the pixels of values; on a logarithmic axis what is not positive lies far below the start."""
        numbers = np.asarray(values, dtype=np.float64)
        low, high = self.low, self.high
        if self.logarithmic:
            numbers = np.log10(np.maximum(numbers, low * 1e-3))
            low, high = math.log10(low), math.log10(high)
        return self.start_px + (numbers - low) / (high - low) * (self.stop_px - self.start_px)

    def ticks(self, most: int = 6) -> list[float]:
        """Return round values for up to about `most` ticks."""
        if self.logarithmic:
            return decades(self.low, self.high, most)
        return round_values(self.low, self.high, most)

    def minor_ticks(self) -> list[float]:
        """Return the 2 … 9 between the decades of a logarithmic axis that is not too long."""
        if not self.logarithmic or math.log10(self.high / self.low) > 7:
            return []
        first, last = math.floor(math.log10(self.low)), math.ceil(math.log10(self.high))
        every = (digit * 10.0**power for power in range(first, last) for digit in range(2, 10))
        return [value for value in every if self.low <= value <= self.high]


def round_step(span: float, most: int) -> float:
    """Return 1, 2 or 5 times a power of ten so that at most `most` steps are in a span."""
    rough = span / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    return next(digit * power for digit in (1, 2, 5, 10) if digit * power >= rough * (1 - 1e-9))


def round_values(low: float, high: float, most: int = 6) -> list[float]:
    """Return multiples of a round step within a range."""
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        return []
    step = round_step(high - low, most)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    slack = 1e-6 * (high - low)
    values = (number * step for number in range(first, last + 1))
    return [value for value in values if low - slack <= value <= high + slack]


def decades(low: float, high: float, most: int = 6) -> list[float]:
    """Return powers of ten within a range, every second or third one when there are many."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    every = max(1, math.ceil((last - first + 1) / max(most, 1)))
    return [10.0**power for power in range(first, last + 1, every)]


def label(value: float, step: float = 0.0) -> str:
    """Return a number as people write it.

    Parameters
    ----------
    value
        The number.
    step
        The step between ticks on a linear axis, which asks for as many decimals; 0 on a logarithmic one.
    """
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e6 or size < 1e-3 or (step == 0.0 and size >= 1e4):
        mantissa, _, power = f"{value:.1e}".partition("e")
        mantissa = mantissa.removesuffix(".0")
        raised = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
        return f"10{raised}" if mantissa == "1" else f"{mantissa}·10{raised}"
    if step == 0.0:
        return f"{value:g}"
    if size >= 1e4 and step >= 100:
        return f"{value / 1000:g}k"
    return f"{value:.{max(0, -math.floor(math.log10(step) + 1e-9))}f}"
