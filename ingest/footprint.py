# SPDX-License-Identifier: GPL-3.0-or-later
"""Directions and outlines on the sphere.

All angles are degrees; right ascensions come out in [0, 360).  Nothing here
needs astropy, whose coordinate objects cost a millisecond each.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_MAS_RAD = np.pi / 180 / 3600e3


class FootprintError(ValueError):
    """A direction or region that does not exist; the message says why."""


def _rotation(axis: int, degrees: float) -> Floats:
    """Return the matrix that rotates the coordinate frame about x, y or z (0, 1, 2)."""
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    one, two = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3)
    matrix[one, one] = matrix[two, two] = cosine
    matrix[one, two], matrix[two, one] = sine, -sine
    return matrix


# Mignard & Froeschle 2000 (A&A 354, 732): xi_0 = -19.9, eta_0 = -9.1, d alpha_0 = -22.9 mas
_ICRS_TO_FK5 = _rotation(0, 19.9 / 3600e3) @ _rotation(1, 9.1 / 3600e3) @ _rotation(2, -22.9 / 3600e3)
# Reid & Brunthaler 2004 (ApJ 616, 872), appendix: north galactic pole and its position angle in FK5 J2000
_FK5_TO_GALACTIC = (
    _rotation(2, 180 - 122.9319185680026) @ _rotation(1, 90 - 27.12825118085622) @ _rotation(2, 192.8594812065348)
)
_FK5_TO_ICRS = _ICRS_TO_FK5.T
_ICRS_TO_GALACTIC = _FK5_TO_GALACTIC @ _ICRS_TO_FK5


def _vectors(lon: ArrayLike, lat: ArrayLike) -> Floats:
    """Return unit vectors, shape (3, ...)."""
    lon, lat = np.radians(lon), np.radians(lat)
    cosine = np.cos(lat)
    return np.stack(np.broadcast_arrays(cosine * np.cos(lon), cosine * np.sin(lon), np.sin(lat)))


def _angles(vectors: Floats) -> tuple[Floats, Floats]:
    """Return longitude and latitude of vectors of any length, shape (3, ...)."""
    x, y, z = vectors
    lon = np.degrees(np.arctan2(y, x)) % 360
    # a tiny negative angle comes out of the modulo as exactly 360
    return np.where(lon >= 360, 0.0, lon), np.degrees(np.arctan2(z, np.hypot(x, y)))


def _rotated(matrix: Floats, lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Return directions in another frame."""
    return _angles(np.asarray(np.tensordot(matrix, _vectors(lon, lat), axes=1), dtype=np.float64))


def fk5_to_icrs(ra: ArrayLike, dec: ArrayLike) -> tuple[Floats, Floats]:
    """Convert FK5 (equinox J2000) to ICRS.

    Parameters
    ----------
    ra, dec
        Directions in degrees, any shape.

    Returns
    -------
    tuple of ndarray
        Right ascension and declination in degrees, at most 0.032 arcsec away.

    Notes
    -----
    Frame tie of Mignard & Froeschle 2000 (A&A 354, 732), as in astropy.
    """
    return _rotated(_FK5_TO_ICRS, ra, dec)


def galactic_from_icrs(ra: ArrayLike, dec: ArrayLike) -> tuple[Floats, Floats]:
    """Convert ICRS to galactic longitude and latitude.

    Parameters
    ----------
    ra, dec
        Directions in degrees, any shape.

    Returns
    -------
    tuple of ndarray
        l in [0, 360) and b in degrees.

    Notes
    -----
    Pole of Reid & Brunthaler 2004 (ApJ 616, 872), as in astropy.
    """
    return _rotated(_ICRS_TO_GALACTIC, ra, dec)


def icrs_from_galactic(lon: ArrayLike, lat: ArrayLike) -> tuple[Floats, Floats]:
    """Convert galactic longitude and latitude to ICRS: the inverse of `galactic_from_icrs`.

    Parameters
    ----------
    lon, lat
        l and b in degrees, any shape.

    Returns
    -------
    tuple of ndarray
        Right ascension in [0, 360) and declination in degrees.
    """
    return _rotated(_ICRS_TO_GALACTIC.T, lon, lat)


def separation_deg(ra1: ArrayLike, dec1: ArrayLike, ra2: ArrayLike, dec2: ArrayLike) -> Floats:
    """Return the angle between directions.

    Parameters
    ----------
    ra1, dec1, ra2, dec2
        Directions in degrees, shapes that broadcast.

    Returns
    -------
    ndarray
        Angles in degrees, 0 to 180, accurate at both ends (Vincenty's
        formula).
    """
    lat1, lat2 = np.radians(dec1), np.radians(dec2)
    lon = np.radians(np.subtract(ra2, ra1))
    sin1, cos1, sin2, cos2 = np.sin(lat1), np.cos(lat1), np.sin(lat2), np.cos(lat2)
    cosine = np.cos(lon)
    across = np.hypot(cos2 * np.sin(lon), cos1 * sin2 - sin1 * cos2 * cosine)
    return np.asarray(np.degrees(np.arctan2(across, sin1 * sin2 + cos1 * cos2 * cosine)))


def mean_direction_deg(ra: ArrayLike, dec: ArrayLike) -> tuple[float, float]:
    """Return the direction of the sum of unit vectors.

    Parameters
    ----------
    ra, dec
        Directions in degrees, shape (n,); pairs that are not finite do not
        count.

    Returns
    -------
    tuple of float
        Right ascension and declination in degrees.

    Raises
    ------
    FootprintError
        If there is no direction, or they cancel.
    """
    vectors: Floats = _vectors(ra, dec).reshape(3, -1)
    vectors = vectors[:, np.isfinite(vectors).all(axis=0)]
    total = vectors.sum(axis=1)
    if not np.linalg.norm(total) > 1e-9 * max(vectors.shape[1], 1):
        raise FootprintError("These directions have no mean: there is none, or they cancel.")
    lon, lat = _angles(total)
    return float(lon), float(lat)


def circle_polygon_deg(ra: float, dec: float, radius: float, vertices: int = 8) -> Floats:
    """Return a regular polygon that contains a circle and touches it with every edge.

    Parameters
    ----------
    ra, dec
        Centre in degrees, ICRS.
    radius
        Radius of the circle in degrees, more than 0 and less than 90.
    vertices
        Number of vertices N, at least 3.

    Returns
    -------
    ndarray
        Shape (N, 2): right ascension and declination in degrees,
        counter-clockwise seen from inside the sphere (north, then east), as
        DALI asks for (xtype ``polygon``); not closed; edges are great circles.

    Raises
    ------
    FootprintError
        If the centre or the radius is out of range, or N below 3.

    Notes
    -----
    Right spherical triangle of centre, vertex and middle of an edge (Napier):
    tan(distance of a vertex) = tan(radius) / cos(pi / N).
    """
    if not (np.isfinite(ra) and -90 <= dec <= 90):
        raise FootprintError(f"RA {ra}, Dec {dec} is not a direction in degrees.")
    if not 0 < radius < 90:
        raise FootprintError(f"A circle of radius {radius} deg has no polygon; more than 0 and less than 90 is needed.")
    if vertices < 3:
        raise FootprintError(f"A polygon has at least 3 vertices, not {vertices}.")
    distance = np.arctan(np.tan(np.radians(radius)) / np.cos(np.pi / vertices))
    # position angles from north through east
    angle = (np.arange(vertices) + 0.5) * (2 * np.pi / vertices)
    lat = np.radians(dec)
    along, north, east = np.cos(distance), np.sin(distance) * np.cos(angle), np.sin(distance) * np.sin(angle)
    # the centre on the meridian first; its right ascension is added to the angle afterwards
    x, z = along * np.cos(lat) - north * np.sin(lat), along * np.sin(lat) + north * np.cos(lat)
    polygon = np.empty((vertices, 2))
    polygon[:, 0] = (np.degrees(np.arctan2(east, x)) + ra) % 360
    polygon[polygon[:, 0] >= 360, 0] = 0.0
    polygon[:, 1] = np.degrees(np.arctan2(z, np.hypot(x, east)))
    return polygon


def _texts(polygon: ArrayLike) -> list[list[str]]:
    """Return the coordinates as text, to 1e-10 degrees, without superfluous zeros."""
    points = np.round(np.asarray(polygon, dtype=np.float64), 10)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3 or not np.isfinite(points).all():
        raise FootprintError("A polygon needs at least three points of two finite coordinates.")
    return [[_decimal(value) for value in pair] for pair in points.tolist()]


def _decimal(value: float) -> str:
    """Return a number in fixed notation, for not every parser of polygons reads exponents."""
    text = repr(value + 0.0)
    return f"{value:.10f}" if "e" in text else text


def to_pgsphere(polygon: ArrayLike) -> str:
    """Return a polygon as a pgsphere ``spoly`` literal in degrees.

    Parameters
    ----------
    polygon
        Vertices in degrees, shape (N, 2).

    Returns
    -------
    str
        ``{(1.0d , 2.0d),...}``

    Raises
    ------
    FootprintError
        If there are fewer than three finite vertices.
    """
    return "{" + ",".join(f"({ra}d , {dec}d)" for ra, dec in _texts(polygon)) + "}"


def to_dali(polygon: ArrayLike) -> str:
    """Return a polygon as DALI text (xtype ``polygon``).

    Parameters
    ----------
    polygon
        Vertices in degrees, shape (N, 2).

    Returns
    -------
    str
        Numbers in degrees separated by blanks: ``ra1 dec1 ra2 dec2 ...``

    Raises
    ------
    FootprintError
        If there are fewer than three finite vertices.
    """
    return " ".join(text for pair in _texts(polygon) for text in pair)
