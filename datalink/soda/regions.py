# SPDX-License-Identifier: GPL-3.0-or-later
"""Circles, coordinate ranges and polygons on the sphere, and which directions lie in them.

All angles are degrees, ICRS.  Boundaries belong to the region: a direction
that is outside by no more than `TOLERANCE_DEG`, which is the rounding of the
arithmetic, is inside.  A direction that is not a number is in no region.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from datalink.soda.dali import number_text
from datalink.soda.polygon import MAX_VERTICES, SphericalPolygon
from ingest.footprint import separation_deg

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]

TOLERANCE_DEG = 1e-12

__all__ = ["MAX_VERTICES", "TOLERANCE_DEG", "Circle", "Polygon", "Range", "Region", "RegionError"]


class RegionError(ValueError):
    """A region that does not exist; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Circle:
    """All directions within `radius_deg` of a centre; a radius of 0 is a point, one of 180 the whole sky."""

    ra_deg: float
    dec_deg: float
    radius_deg: float

    def __post_init__(self) -> None:
        _check_direction(self.ra_deg, self.dec_deg)
        if not 0 <= self.radius_deg <= 180:
            raise RegionError(f"The radius {number_text(self.radius_deg)} is not within 0 and 180 degrees.")

    def __str__(self) -> str:
        return "CIRCLE " + _texts(self.ra_deg, self.dec_deg, self.radius_deg)

    @property
    def values(self) -> str:
        """The numbers alone, as the parameter CIRCLE takes them."""
        return _texts(self.ra_deg, self.dec_deg, self.radius_deg)

    @property
    def is_everything(self) -> bool:
        """Whether this is the whole sky."""
        return self.radius_deg == 180

    def contains(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> Mask:
        """Tell which directions are inside.

        Parameters
        ----------
        ra_deg, dec_deg
            Directions, shape (n,), of any real type; 32-bit numbers are
            promoted before anything is compared.

        Returns
        -------
        ndarray of bool
            Shape (n,).
        """
        ra, dec = _promoted(ra_deg, dec_deg)
        if self.radius_deg > 90:
            # haversines near the antipode are inaccurate: ask how far the antipode is
            hole = 180 - self.radius_deg - TOLERANCE_DEG
            return self._haversines(ra, dec, 180.0, -1.0) >= math.sin(math.radians(max(hole, 0.0)) / 2) ** 2
        radius = self.radius_deg + TOLERANCE_DEG
        inside = np.abs(dec - self.dec_deg) <= radius
        near = np.flatnonzero(inside)
        inside[near] = self._haversines(ra[near], dec[near], 0.0, 1.0) <= math.sin(math.radians(radius) / 2) ** 2
        return inside

    def _haversines(self, ra: Floats, dec: Floats, turn_deg: float, sign: float) -> Floats:
        """Return sin²(distance / 2) from the centre, or from its antipode with a turn of 180 and the sign -1."""
        with np.errstate(invalid="ignore"):
            across = np.sin(np.radians(ra - (self.ra_deg + turn_deg)) / 2) ** 2
            cosines = np.cos(np.radians(dec)) * math.cos(math.radians(self.dec_deg))
            return np.asarray(np.sin(np.radians(dec - sign * self.dec_deg) / 2) ** 2 + cosines * across)

    def overlaps(self, ra_deg: float, dec_deg: float, radius_deg: float) -> bool:
        """Tell whether another circle has a point in common with this one."""
        distance = float(separation_deg(self.ra_deg, self.dec_deg, ra_deg, dec_deg))
        return distance <= self.radius_deg + radius_deg + 1e-9

    def is_within(self, other: Circle) -> bool:
        """Tell whether this circle lies wholly in another one."""
        distance = float(separation_deg(self.ra_deg, self.dec_deg, other.ra_deg, other.dec_deg))
        return distance + self.radius_deg <= other.radius_deg or other.is_everything


@dataclass(frozen=True, slots=True)
class Range:
    """All directions between two right ascensions and two declinations.

    Infinite ends are open: right ascension then begins at 0 or ends at 360, declination at a pole.  A negative
    right ascension reaches across 0; a range 360 wide is the full circle.
    """

    ra_min_deg: float
    ra_max_deg: float
    dec_min_deg: float
    dec_max_deg: float

    def __post_init__(self) -> None:
        ra_min, ra_max = _closed(self.ra_min_deg, self.ra_max_deg, 0.0, 360.0)
        dec_min, dec_max = _closed(self.dec_min_deg, self.dec_max_deg, -90.0, 90.0)
        for name, low, high in (("right ascension", ra_min, ra_max), ("declination", dec_min, dec_max)):
            if not low <= high:
                raise RegionError(
                    f"The range of {name} begins at {number_text(low)} and ends at {number_text(high)}; the smaller"
                    " number comes first, and a range across right ascension 0 begins below 0 (RANGE -5 5 ...)."
                )
        if not (ra_min >= -360 and ra_max <= 360 and ra_max - ra_min <= 360):
            raise RegionError("The right ascensions of a range must be within -360 and 360, at most 360 apart.")
        if not (dec_min >= -90 and dec_max <= 90):
            raise RegionError("The declinations of a range must be within -90 and 90.")
        for name, value in zip(self.__slots__, (ra_min, ra_max, dec_min, dec_max), strict=True):
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return "RANGE " + _texts(self.ra_min_deg, self.ra_max_deg, self.dec_min_deg, self.dec_max_deg)

    @property
    def is_everything(self) -> bool:
        """Whether this is the whole sky."""
        return self.ra_max_deg - self.ra_min_deg == 360 and self.dec_min_deg == -90 and self.dec_max_deg == 90

    def contains(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> Mask:
        """Tell which directions are inside; a pole is, at any right ascension, where the range reaches it."""
        ra, dec = _promoted(ra_deg, dec_deg)
        inside = (dec >= self.dec_min_deg - TOLERANCE_DEG) & (dec <= self.dec_max_deg + TOLERANCE_DEG)
        width = self.ra_max_deg - self.ra_min_deg
        if width < 360:
            with np.errstate(invalid="ignore"):
                across = (ra - self.ra_min_deg + TOLERANCE_DEG) % 360 <= width + 2 * TOLERANCE_DEG
            inside &= across | (np.abs(dec) >= 90 - TOLERANCE_DEG)
        return inside & np.isfinite(ra)

    def overlaps(self, ra_deg: float, dec_deg: float, radius_deg: float) -> bool:
        """Tell whether a circle has a point in common with this range."""
        if self.contains([ra_deg], [dec_deg])[0]:
            return True
        along = (ra_deg - self.ra_min_deg) % 360
        width = self.ra_max_deg - self.ra_min_deg
        nearest = along if along <= width else (width if along - width < 360 - along else 0.0)
        points = [(self.ra_min_deg + nearest, dec) for dec in (self.dec_min_deg, self.dec_max_deg)]
        for edge in (self.ra_min_deg, self.ra_max_deg):
            turn = math.radians(ra_deg - edge)
            dec = math.radians(dec_deg)
            foot = math.degrees(math.atan2(math.sin(dec), math.cos(dec) * math.cos(turn)))
            points += [(edge, self.dec_min_deg), (edge, self.dec_max_deg)]
            points.append((edge, min(max(foot, self.dec_min_deg), self.dec_max_deg)))
        distances = separation_deg(ra_deg, dec_deg, *np.array(points).T)
        return bool(distances.min() <= radius_deg + 1e-9)


@dataclass(frozen=True, slots=True)
class Polygon:
    """The inside of a closed line of great-circle arcs, of up to half the sky.

    The vertices go counter-clockwise as seen from inside the sphere (north, east, south, west), which is how the sky is
    drawn with east to the left (DALI 1.1, section 3.3.7).  A last vertex that repeats the first, and repeated
    neighbours, are left out.  Edges that cross each other are refused.
    """

    vertices_deg: tuple[tuple[float, float], ...]
    _shape: SphericalPolygon

    def __init__(self, vertices_deg: Sequence[tuple[float, float]]) -> None:
        for vertex in vertices_deg:
            _check_direction(*vertex)
        if len(vertices_deg) > MAX_VERTICES:
            raise RegionError(f"The polygon has {len(vertices_deg)} vertices; at most {MAX_VERTICES} are possible.")
        vertices = [here for here, before in zip(vertices_deg, (None, *vertices_deg), strict=False) if here != before]
        while len(vertices) > 1 and vertices[-1] == vertices[0]:
            vertices.pop()
        if len(vertices) < 3:
            raise RegionError("A polygon needs at least three different vertices.")
        shape = SphericalPolygon(np.array(vertices))
        complaint = shape.complaint()
        if complaint:
            raise RegionError(complaint)
        object.__setattr__(self, "vertices_deg", tuple(vertices))
        object.__setattr__(self, "_shape", shape)

    def __str__(self) -> str:
        return f"POLYGON {self.values}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polygon) and self.vertices_deg == other.vertices_deg

    def __hash__(self) -> int:
        return hash(self.vertices_deg)

    @property
    def values(self) -> str:
        """The numbers alone, as the parameter POLYGON takes them."""
        return _texts(*(value for vertex in self.vertices_deg for value in vertex))

    @property
    def is_everything(self) -> bool:
        """Whether this is the whole sky, which a polygon never is."""
        return False

    @property
    def area_sr(self) -> float:
        """The solid angle in steradians."""
        return self._shape.area_sr

    def contains(self, ra_deg: ArrayLike, dec_deg: ArrayLike) -> Mask:
        """Tell which directions are inside."""
        return self._shape.contains(*_promoted(ra_deg, dec_deg))

    def overlaps(self, ra_deg: float, dec_deg: float, radius_deg: float) -> bool:
        """Tell whether a circle has a point in common with this polygon."""
        if self.contains([ra_deg], [dec_deg])[0]:
            return True
        return self._shape.distance_deg(ra_deg, dec_deg) <= radius_deg + 1e-9


Region = Circle | Range | Polygon


def _check_direction(ra_deg: float, dec_deg: float) -> None:
    if not -360 <= ra_deg <= 360:
        raise RegionError(f"The right ascension {number_text(ra_deg)} is not within 0 and 360 degrees.")
    if not -90 <= dec_deg <= 90:
        raise RegionError(f"The declination {number_text(dec_deg)} is not within -90 and 90 degrees.")


def _closed(low: float, high: float, lowest: float, highest: float) -> tuple[float, float]:
    """Return a range with open ends replaced by the limits of the coordinate."""
    return lowest if low == -math.inf else low, highest if high == math.inf else high


def _promoted(ra_deg: ArrayLike, dec_deg: ArrayLike) -> tuple[Floats, Floats]:
    return np.asarray(ra_deg, dtype=np.float64), np.asarray(dec_deg, dtype=np.float64)


def _texts(*values: float) -> str:
    return " ".join(map(number_text, values))
