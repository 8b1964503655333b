# SPDX-License-Identifier: GPL-3.0-or-later
"""Polygons of great-circle arcs on the unit sphere: orientation, area, and which directions are inside.

A direction is inside when the arc from it to a *far point*, known to be
outside (or inside), crosses an odd (or even) number of edges.  With the far
point as a pole, an edge is crossed when the direction lies between the
meridians of its ends and on the other side of it than the pole: all signs of
scalar products, with no angle computed.

The far point also settles which side of the line is inside.  The solid angles
of the triangles from its antipode to each edge add up to the area, less 4 pi
if the far point is inside, since no such triangle reaches the far point.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

MAX_VERTICES = 1000
# Rounding of unit vectors and their products; as an angle 1e-12 degrees.
_TOLERANCE_RAD = 2e-14
# Directions times vertices that are looked at in one go, so that temporary arrays stay in the processor's cache.
_BLOCK_ELEMENTS = 2**16
_HALF_SKY_SR = 2 * np.pi * (1 + 1e-9)
# Odd directions, so that no coordinates a person writes lie exactly on a meridian or pole of the far point's frame.
_FALLBACK = np.random.default_rng(20170517).normal(size=(24, 3))
_ODD = np.array([0.0137, -0.0071, 0.0113])


def unit_vectors(lon_deg: Floats, lat_deg: Floats) -> Floats:
    """Return unit vectors, shape (n, 3)."""
    lon, lat = np.radians(lon_deg), np.radians(lat_deg)
    cosine = np.cos(lat)
    return np.stack((cosine * np.cos(lon), cosine * np.sin(lon), np.sin(lat)), axis=1)


class SphericalPolygon:
    """A polygon on the sphere.

    Parameters
    ----------
    vertices_deg
        Longitudes and latitudes, shape (n, 2), n at least 3, no two neighbours equal, not closed; counter-clockwise
        as seen from the centre of the sphere (north, then east).
    """

    def __init__(self, vertices_deg: Floats) -> None:
        # reversed, so that the inside is to the left of the edges as vector products have it: seen from outside
        self._from = unit_vectors(vertices_deg[::-1, 0], vertices_deg[::-1, 1])
        self._to = np.roll(self._from, -1, axis=0)
        # (a + b) x (b - a) = 2 a x b, but accurate for short edges, too
        products = np.cross(self._from + self._to, self._to - self._from) / 2
        sines = np.linalg.norm(products, axis=1)
        self._angles = np.arctan2(sines, np.einsum("ij,ij->i", self._from, self._to))
        self._normals = products / np.where(sines == 0, 1.0, sines)[:, np.newaxis]
        self._centre = self._direction_of_all()
        self._far = self._far_point()
        self._eastward = self._normals @ self._far
        self._signed_sr = self._solid_angle_less_4pi(products)
        self._far_is_inside = self._signed_sr < 0
        self.area_sr = self._signed_sr + (4 * np.pi if self._far_is_inside else 0.0)
        # an outline within a hemisphere has its smaller side there, too
        self._reach_cosine = float((self._from @ self._centre).min()) - 1e-12
        if self._reach_cosine <= 0:
            self._reach_cosine = -2.0

    def complaint(self) -> str:
        """Return what makes this unusable as a region, an empty text if nothing does."""
        if (self._angles > np.pi - 1e-9).any():
            return "Two neighbouring vertices of the polygon are opposite points, which no single arc connects."
        if self._crosses_itself():
            return "The edges of the polygon cross each other; list the vertices in their order around the region."
        least_sr = _TOLERANCE_RAD * float(self._angles.sum())
        if min(self.area_sr, 4 * np.pi - self.area_sr) < least_sr:
            return "The polygon encloses no area: its vertices lie on one line."
        if self.area_sr > _HALF_SKY_SR:
            return (
                "The polygon covers more than half the sky. Its vertices must go counter-clockwise as seen on the sky"
                " (north up, east to the left): reverse their order."
            )
        return ""

    def contains(self, lon_deg: Floats, lat_deg: Floats) -> Mask:
        """Tell which directions, shape (n,), are inside or on the boundary; those that are no numbers are not."""
        inside = np.isfinite(lon_deg)
        if self._reach_cosine > 0:
            latitude_deg = np.degrees(np.arcsin(self._centre[2]))
            inside &= np.abs(lat_deg - latitude_deg) <= np.degrees(np.arccos(self._reach_cosine)) + 1e-9
        near = np.flatnonzero(inside)
        rows = max(1, _BLOCK_ELEMENTS // len(self._from))
        for start in range(0, near.size, rows):
            part = near[start : start + rows]
            inside[part] = self._contains(unit_vectors(lon_deg[part], lat_deg[part]))
        return inside

    def distance_deg(self, lon_deg: float, lat_deg: float) -> float:
        """Return the distance of a direction from the outline."""
        point = unit_vectors(np.array([lon_deg]), np.array([lat_deg]))[0]
        chords = np.linalg.norm(self._from - point, axis=1)
        distances = 2 * np.arcsin(np.clip(chords / 2, 0, 1))
        beside = self._beside(np.broadcast_to(point, self._from.shape), np.arange(len(self._from)))
        heights = np.abs(np.arcsin(np.clip(self._normals[beside] @ point, -1, 1)))
        return float(np.degrees(np.append(distances, heights).min()))

    def _contains(self, points: Floats) -> Mask:
        near = points @ self._centre >= self._reach_cosine
        points = points[near]
        heights = points @ self._normals.T
        # whether a point lies in the half turn eastward of each vertex, about the far point
        after = points @ np.cross(self._far, self._from).T >= 0
        after_next = np.roll(after, -1, axis=1)
        between = np.where(self._eastward > 0, after & ~after_next, after_next & ~after)
        crossed = between & (heights * self._eastward < 0)
        inside = (crossed.sum(axis=1) % 2 == 1) != self._far_is_inside
        rows, edges = np.nonzero(np.abs(heights) <= _TOLERANCE_RAD)
        inside[rows[self._beside(points[rows], edges)]] = True
        near[near] = inside
        return near

    def _beside(self, points: Floats, edges: NDArray[np.intp]) -> Mask:
        """Tell of pairs of a point and an edge whether the point's foot on the great circle is on the edge."""
        normals = self._normals[edges]
        starts = np.einsum("ij,ij->i", points, np.cross(normals, self._from[edges]))
        ends = np.einsum("ij,ij->i", points, np.cross(normals, self._to[edges]))
        return np.asarray((starts >= -_TOLERANCE_RAD) & (ends <= _TOLERANCE_RAD))

    def _direction_of_all(self) -> Floats:
        mean = self._from.mean(axis=0)
        if np.linalg.norm(mean) < 0.05:
            mean = self._angles @ self._normals
        length = float(np.linalg.norm(mean))
        return np.asarray(mean / length if length > 1e-6 else self._from[0])

    def _far_point(self) -> Floats:
        """Return a point far from the outline, by choice nearly opposite to its centre."""
        size = float(np.linalg.norm(self._from - self._centre, axis=1).max())
        candidates = np.vstack((-self._centre + size * _ODD, _FALLBACK))
        candidates /= np.linalg.norm(candidates, axis=1, keepdims=True)
        edges = np.arange(len(self._from))
        best, widest = candidates[0], -1.0
        for candidate in candidates:
            beside = self._beside(np.broadcast_to(candidate, self._from.shape), edges)
            gaps = np.append(np.linalg.norm(self._from - candidate, axis=1), np.abs(self._normals[beside] @ candidate))
            if gaps.min() > 0.1:
                return np.asarray(candidate)
            if gaps.min() > widest:
                best, widest = candidate, float(gaps.min())
        return np.asarray(best)

    def _solid_angle_less_4pi(self, products: Floats) -> float:
        """Return the area of the inside, less 4 pi if the far point is inside (Eriksson 1990, Math. Mag. 63, 184)."""
        apex = -self._far
        cosines = 1 + self._from @ apex + self._to @ apex + np.cos(self._angles)
        return float((2 * np.arctan2(products @ apex, cosines)).sum())

    def _crosses_itself(self) -> bool:
        """Tell whether two edges cross in a point inside of both."""
        start = self._normals @ self._from.T
        end = self._normals @ self._to.T
        # for edges i (a to b) and j (c to d): the triangles a c b, c b d, b d a, d a c all turn the same way
        turns = np.stack((-start, -end.T, end, start.T))
        return bool(((turns > _TOLERANCE_RAD).all(axis=0) | (turns < -_TOLERANCE_RAD).all(axis=0)).any())
