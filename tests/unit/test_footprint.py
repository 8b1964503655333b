# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of ingest.footprint, with astropy as the independent judge."""

from __future__ import annotations

import re

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from ingest.footprint import (
    FootprintError,
    circle_polygon_deg,
    fk5_to_icrs,
    galactic_from_icrs,
    mean_direction_deg,
    separation_deg,
    to_dali,
    to_pgsphere,
)

RA = st.floats(0.0, 360.0)
DEC = st.floats(-90.0, 90.0)
DIRECTIONS = st.lists(st.tuples(RA, DEC), min_size=1, max_size=20).map(np.array)


def unit(lon: object, lat: object) -> NDArray[np.float64]:
    """Return unit vectors, shape (..., 3), by astropy."""
    return np.asarray(np.moveaxis(SkyCoord(lon, lat, unit="deg").cartesian.xyz.value, 0, -1))


def edges(polygon: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the normals of the great circles of the edges, shape (N, 3), pointing inwards for our winding."""
    corners = unit(polygon[:, 0], polygon[:, 1])
    normals = np.cross(np.roll(corners, -1, axis=0), corners)
    return np.asarray(normals / np.linalg.norm(normals, axis=1, keepdims=True))


@settings(max_examples=100, deadline=None)
@given(DIRECTIONS)
@example(np.array([[0.0, 90.0], [0.0, -90.0], [360.0, 0.0]]))
def test_fk5_to_icrs(directions: NDArray[np.float64]) -> None:
    """Agrees with astropy to a microarcsecond and moves nothing by more than 0.032 arcsec."""
    ra, dec = fk5_to_icrs(directions[:, 0], directions[:, 1])
    theirs = SkyCoord(directions[:, 0], directions[:, 1], unit="deg", frame="fk5").icrs
    assert theirs.separation(SkyCoord(ra, dec, unit="deg")).arcsec.max() < 1e-6
    assert separation_deg(directions[:, 0], directions[:, 1], ra, dec).max() * 3600 < 0.032
    assert ((ra >= 0) & (ra < 360)).all()


@settings(max_examples=100, deadline=None)
@given(DIRECTIONS)
@example(np.array([[266.404988, -28.936178], [192.859481, 27.128251], [266.40508923, -28.93617472]]))
def test_galactic_from_icrs(directions: NDArray[np.float64]) -> None:
    """Agrees with astropy to a microarcsecond."""
    lon, lat = galactic_from_icrs(directions[:, 0], directions[:, 1])
    theirs = SkyCoord(directions[:, 0], directions[:, 1], unit="deg").galactic
    assert theirs.separation(SkyCoord(lon, lat, unit="deg", frame="galactic")).arcsec.max() < 1e-6
    assert ((lon >= 0) & (lon < 360)).all()


def test_crab_in_galactic_coordinates() -> None:
    """A number everybody can look up; scalars give numbers."""
    lon, lat = galactic_from_icrs(83.6331, 22.0145)
    assert (float(lon), float(lat)) == pytest.approx((184.5575, -5.7844), abs=2e-4)


@settings(max_examples=200, deadline=None)
@given(RA, DEC, RA, DEC)
@example(0.0, 0.0, 1e-9, 0.0)
@example(10.0, 20.0, 190.0, -20.0)
@example(359.9999, 45.0, 0.0001, 45.0)
def test_separation(ra1: float, dec1: float, ra2: float, dec2: float) -> None:
    """Agrees with astropy, including tiny and huge angles."""
    theirs = SkyCoord(ra1, dec1, unit="deg").separation(SkyCoord(ra2, dec2, unit="deg")).deg
    assert separation_deg(ra1, dec1, ra2, dec2) == pytest.approx(theirs, abs=1e-11, rel=1e-12)


def test_separation_broadcasts() -> None:
    """One direction against many."""
    assert separation_deg(0, 0, np.arange(4.0), np.zeros((3, 1))).shape == (3, 4)


@settings(max_examples=300, deadline=None)
@given(RA, DEC, st.floats(1e-3, 89.0), st.integers(3, 40))
@example(228.6125, -58.77, 2.5, 8)
@example(0.0, 0.0, 5.0, 8)
@example(0.0, 90.0, 5.0, 8)
@example(12.0, -89.0, 5.0, 8)
@example(359.9, 88.0, 2.0, 8)
def test_polygon_contains_and_touches_the_circle(ra: float, dec: float, radius: float, vertices: int) -> None:
    """Every edge touches the circle, none cuts it, the winding is that of DALI."""
    polygon = circle_polygon_deg(ra, dec, radius, vertices)
    assert polygon.shape == (vertices, 2)
    assert ((polygon[:, 0] >= 0) & (polygon[:, 0] < 360)).all()
    assert (np.abs(polygon[:, 1]) <= 90).all()
    # the angle between centre and great circle is the radius: contained and touching; the sign is the winding
    inwards = np.degrees(np.arcsin(edges(polygon) @ unit(ra, dec)))
    np.testing.assert_allclose(inwards, radius, rtol=1e-6, atol=1e-9)
    distance = separation_deg(ra, dec, polygon[:, 0], polygon[:, 1])
    np.testing.assert_allclose(distance, distance[0], rtol=1e-9, atol=1e-9)
    assert distance[0] > radius


@settings(max_examples=50, deadline=None)
@given(RA, DEC, st.floats(0.01, 80.0))
def test_polygon_contains_points_of_the_circle(ra: float, dec: float, radius: float) -> None:
    """Points just inside the rim are inside, points outside the vertices are outside."""
    centre = SkyCoord(ra, dec, unit="deg")
    normals = edges(circle_polygon_deg(ra, dec, radius))
    angles = np.arange(0, 360, 1.0) * u.deg
    rim = centre.directional_offset_by(angles, 0.9999 * radius * u.deg)
    assert (unit(rim.ra.deg, rim.dec.deg) @ normals.T > 0).all()
    beyond = np.degrees(np.arctan(np.tan(np.radians(radius)) / np.cos(np.pi / 8))) * 1.0001 * u.deg
    outside = centre.directional_offset_by(angles, beyond)
    assert (unit(outside.ra.deg, outside.dec.deg) @ normals.T < 0).any(axis=1).all()


def test_winding_at_the_origin() -> None:
    """Seen from inside, east is left: north, east, south, west is counter-clockwise."""
    ra, dec = circle_polygon_deg(0.0, 0.0, 1.0, 4).T
    east = np.where(ra > 180, ra - 360, ra)
    assert (np.sign(east).tolist(), np.sign(dec).tolist()) == ([1, 1, -1, -1], [1, -1, -1, 1])


@pytest.mark.parametrize(
    "arguments",
    [
        (0, 0, 90),
        (0, 0, 0),
        (0, 0, -1),
        (0, 0, float("nan")),
        (float("nan"), 0, 1),
        (0, 91, 1),
        (0, float("nan"), 1),
        (float("inf"), 0, 1),
        (0, 0, 1, 2),
    ],
)
def test_impossible_circles(arguments: tuple[float, ...]) -> None:
    """What is no circle raises a sentence."""
    with pytest.raises(FootprintError, match=r"\.$"):
        circle_polygon_deg(*arguments)  # type: ignore[arg-type]


def test_right_ascension_outside_the_usual_range() -> None:
    """Negative or large right ascensions mean the same directions."""
    np.testing.assert_allclose(circle_polygon_deg(-10, 5, 1), circle_polygon_deg(350, 5, 1), atol=1e-11)


def test_texts() -> None:
    """The two text forms, fixed notation, order kept, not closed."""
    polygon = np.array([[1.0, 2.0], [359.5, -1e-9], [10.25, 1 / 3]])
    assert to_pgsphere(polygon) == "{(1.0d , 2.0d),(359.5d , -0.0000000010d),(10.25d , 0.3333333333d)}"
    assert to_dali(polygon) == "1.0 2.0 359.5 -0.0000000010 10.25 0.3333333333"
    assert to_dali([[0.0, 0.0], [1.0, -0.0], [1e-13, 1.0]]) == "0.0 0.0 1.0 0.0 0.0 1.0"


@pytest.mark.parametrize("bad", [[[1, 2], [3, 4]], [1, 2, 3], [[1, 2, 3]] * 3, [[0, 0], [1, 1], [0, float("nan")]]])
def test_texts_of_no_polygon(bad: list[list[float]]) -> None:
    """Too few or undefined vertices are refused."""
    for function in (to_dali, to_pgsphere):
        with pytest.raises(FootprintError):
            function(bad)


@settings(max_examples=100, deadline=None)
@given(RA, DEC, st.floats(0.1, 60.0))
def test_texts_hold_the_numbers(ra: float, dec: float, radius: float) -> None:
    """Both texts read back to the polygon within their last digit."""
    polygon = circle_polygon_deg(ra, dec, radius)
    read = np.array(to_dali(polygon).split(), dtype=float).reshape(-1, 2)
    np.testing.assert_allclose(read, polygon, rtol=0, atol=1e-10)
    numbers = re.findall(r"[-+.\w]+(?=d)", to_pgsphere(polygon))
    np.testing.assert_array_equal(np.array(numbers, dtype=float).reshape(-1, 2), read)


@settings(max_examples=100, deadline=None)
@given(RA, DEC, st.floats(0.01, 80.0))
def test_mean_of_a_ring_is_its_centre(ra: float, dec: float, radius: float) -> None:
    """Also over the pole and the zero of right ascension."""
    ring = circle_polygon_deg(ra, dec, radius, 7)
    mean = mean_direction_deg(ring[:, 0], ring[:, 1])
    assert separation_deg(*mean, ra, dec) < 1e-9
    assert 0 <= mean[0] < 360


def test_mean_direction_corner_cases() -> None:
    """Single directions, gaps, and what has no mean."""
    assert mean_direction_deg([359.0, 1.0, np.nan], [0.0, 0.0, 5.0]) == pytest.approx((0.0, 0.0), abs=1e-9)
    assert mean_direction_deg(10.0, 20.0) == pytest.approx((10.0, 20.0))
    for ra, dec in (([], []), ([0, 180], [0, 0]), ([np.nan], [0])):
        with pytest.raises(FootprintError):
            mean_direction_deg(ra, dec)
