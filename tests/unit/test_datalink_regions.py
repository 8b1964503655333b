# SPDX-License-Identifier: GPL-3.0-or-later
"""Regions on the sphere against astropy, a planar projection and the regions package; what is refused, and why."""

from __future__ import annotations

import math

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from datalink.soda.polygon import SphericalPolygon
from datalink.soda.regions import MAX_VERTICES, Circle, Polygon, Range, Region, RegionError
from ingest.footprint import circle_polygon_deg, separation_deg

CASES = settings(max_examples=150, deadline=None)
LON = st.floats(0, 360) | st.sampled_from([0.0, 1e-9, 90.0, 180.0, 359.999999, 360.0])
LAT = st.floats(-90, 90) | st.sampled_from([-90.0, -89.9999, 0.0, 89.9999, 90.0])


def sky(seed: int, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Return directions all over the sky, as many again near its poles and its seam, and those themselves."""
    random = np.random.default_rng(seed)
    ra = random.uniform(0, 360, n)
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, n)))
    ra[: n // 8], dec[: n // 8] = random.uniform(-1, 1, n // 8) % 360, random.uniform(-3, 3, n // 8)
    dec[n // 8 : n // 4] = np.sign(dec[n // 8 : n // 4]) * random.uniform(85, 90, n // 8)
    return np.append(ra, [0, 360, 0, 0, 180]), np.append(dec, [0, 0, 90, -90, 0])


def around(ra: float, dec: float, angles_deg: np.ndarray, distances_deg: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the directions at position angles and distances from a centre (astropy)."""
    there = SkyCoord(ra, dec, unit="deg").directional_offset_by(angles_deg * u.deg, distances_deg * u.deg)
    return there.ra.deg, there.dec.deg


# -- circles


@CASES
@given(LON, LAT, st.floats(0, 180) | st.sampled_from([0.0, 1e-6, 0.5, 90.0, 179.999, 180.0]), st.integers(0, 10**6))
def test_circles_are_those_of_astropy(ra: float, dec: float, radius: float, seed: int) -> None:
    ras, decs = sky(seed)
    near_ra, near_dec = around(ra, dec, np.linspace(0, 360, 50), np.linspace(0, min(2 * radius, 180), 50))
    ras, decs = np.append(ras, near_ra), np.append(decs, near_dec)
    distance = SkyCoord(ra, dec, unit="deg").separation(SkyCoord(ras, decs, unit="deg")).deg
    clear = np.abs(distance - radius) > 1e-7
    inside = Circle(ra, dec, radius).contains(ras, decs)
    np.testing.assert_array_equal(inside[clear], (distance <= radius)[clear])


@pytest.mark.parametrize("radius", [0.0, 1e-5, 0.1, 5.0, 30.0, 90.0])
@pytest.mark.parametrize("ra", [0.0, 10.0, 359.9, 83.633083])
def test_the_boundary_of_a_circle_is_inside(ra: float, radius: float) -> None:
    circle = Circle(ra, 0.0, radius)
    points = [(ra, radius), (ra, -radius), ((ra + radius) % 360, 0.0), ((ra - radius) % 360, 0.0)]
    assert circle.contains(*zip(*points, strict=True)).all()
    beyond = radius + 1e-9
    points = [(ra, beyond), (ra, -beyond), ((ra + beyond) % 360, 0.0)] if radius < 90 else []
    assert not any(circle.contains([lon], [lat])[0] for lon, lat in points)


def test_a_circle_over_a_pole_and_across_the_seam() -> None:
    assert Circle(10, 89.5, 1).contains([190, 190, 10, 100], [89.6, 89.4, 88.6, 90]).tolist() == [
        True,
        False,
        True,
        True,
    ]
    assert Circle(0.1, 20, 0.5).contains([359.7, 0.6, 359.5, 360.1], [20] * 4).tolist() == [True, True, False, True]


@pytest.mark.parametrize("region", [Circle(83, 22, 1), Range(82, 84, 21, 23), Polygon([(82, 21), (82, 23), (84, 22)])])
def test_numbers_of_32_bits_are_promoted(region: Region) -> None:
    random = np.random.default_rng(3)
    ra, dec = random.uniform(81, 85, 5000).astype(">f4"), random.uniform(20, 24, 5000).astype(">f4")
    exact = region.contains(ra.astype(float), dec.astype(float))
    np.testing.assert_array_equal(region.contains(ra, dec), exact)
    assert 0 < exact.sum() < 5000


@pytest.mark.parametrize(
    "region",
    [
        Circle(0, 0, 1),
        Circle(0, 0, 179),
        Range(-5, 5, -5, 5),
        Range(0, 360, -90, 90),
        Polygon([(0, 0), (0, 1), (1, 0)]),
    ],
)
def test_what_is_no_number_is_nowhere(region: Region) -> None:
    ra, dec = np.array([np.nan, 0, np.nan, np.inf, 0, -np.inf]), np.array([0, np.nan, np.nan, 0, np.inf, 0])
    assert not region.contains(ra, dec).any()


def test_regions_of_nothing_and_of_no_events() -> None:
    for region in (Circle(0, 0, 1), Range(0, 1, 0, 1), Polygon([(0, 0), (0, 1), (1, 0)])):
        assert region.contains(np.empty(0), np.empty(0)).shape == (0,)


# -- ranges


@CASES
@given(st.floats(-360, 360), st.floats(0, 360), LAT, LAT, st.integers(0, 10**6))
def test_ranges(ra_min: float, width: float, one: float, other: float, seed: int) -> None:
    ra_max = min(ra_min + width, 360.0)
    dec_min, dec_max = sorted((one, other))
    region = Range(ra_min, ra_max, dec_min, dec_max)
    ra, dec = sky(seed)
    inside = region.contains(ra, dec)
    turns = [(ra + turn >= ra_min) & (ra + turn <= ra_max) for turn in (-720, -360, 0, 360)]
    expected = np.any(turns, axis=0) & (dec >= dec_min) & (dec <= dec_max)
    at_pole = np.abs(dec) == 90
    edges = np.min([np.abs((ra - edge + 180) % 360 - 180) for edge in (ra_min, ra_max)], axis=0)
    edges = np.minimum(edges, np.abs(dec[:, None] - [dec_min, dec_max]).min(axis=1))
    clear = ~at_pole & (edges > 1e-9)
    np.testing.assert_array_equal(inside[clear], expected[clear])
    # at a pole, right ascension means nothing
    reached = (dec >= dec_min - 1e-12) & (dec <= dec_max + 1e-12)
    np.testing.assert_array_equal(inside[at_pole], reached[at_pole])


def test_ranges_with_open_ends() -> None:
    inf = math.inf
    assert Range(-inf, inf, -2, 2) == Range(0, 360, -2, 2)
    assert Range(10, inf, -inf, 5) == Range(10, 360, -90, 5)
    assert Range(-inf, 10, 5, inf) == Range(0, 10, 5, 90)
    assert Range(-inf, inf, -inf, inf).is_everything
    assert not Range(0, 360, -2, 2).is_everything
    assert Range(0, 360, -2, 2).contains([0, 123, 360], [2, 0, -2]).all()
    assert Range(-5, 5, -1, 1).contains([355, 0, 5, 354.9, 5.1], [0] * 5).tolist() == [True, True, True, False, False]
    assert Range(350, 350, 1, 1).contains([350, 350.1], [1, 1]).tolist() == [True, False]


# -- polygons


def projected_inside(vertices: np.ndarray, ra: np.ndarray, dec: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which directions are in a polygon, by an even-odd test in a plane onto which arcs project as straight
    lines (gnomonic, about the mean of the vertices), and how far they are from the edges in that plane.
    """

    def vectors(lon: np.ndarray, lat: np.ndarray) -> np.ndarray:
        return SkyCoord(lon, lat, unit="deg").cartesian.xyz.value

    corners = vectors(*vertices.T)
    centre = corners.mean(axis=1)
    centre /= np.linalg.norm(centre)
    assume((centre @ corners).min() > 0.05)
    east = np.cross([0.12, 0.5, 1.0], centre)
    east /= np.linalg.norm(east)
    axes = np.array([east, np.cross(centre, east)])
    points = vectors(ra, dec)
    depth = centre @ points
    x, y = axes @ points / np.where(depth > 1e-9, depth, np.nan)
    px, py = axes @ corners / (centre @ corners)
    inside = np.zeros(ra.size, dtype=bool)
    distance = np.full(ra.size, np.inf)
    for i in range(px.size):
        x1, y1, x2, y2 = px[i - 1], py[i - 1], px[i], py[i]
        with np.errstate(all="ignore"):
            inside ^= ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
            along = np.clip(((x - x1) * (x2 - x1) + (y - y1) * (y2 - y1)) / ((x2 - x1) ** 2 + (y2 - y1) ** 2), 0, 1)
            distance = np.fmin(distance, np.hypot(x1 + along * (x2 - x1) - x, y1 + along * (y2 - y1) - y))
    return inside & (depth > 1e-9), distance


@st.composite
def stars(draw: st.DrawFn) -> np.ndarray:
    """Return the vertices of a star-shaped polygon, counter-clockwise with east to the left."""
    n = draw(st.integers(3, 12))
    seed = draw(st.integers(0, 2**31))
    size = draw(st.sampled_from([1e-4, 0.1, 1.0, 5.0, 30.0, 70.0]))
    random = np.random.default_rng(seed)
    angles = (np.arange(n) + random.uniform(-0.3, 0.3, n)) * 360 / n
    ra, dec = around(draw(LON), draw(LAT), angles, size * random.uniform(0.3, 1.0, n))
    return np.column_stack((ra, dec))


@CASES
@given(stars(), st.integers(0, 10**6))
def test_polygons_are_those_of_a_plane(vertices: np.ndarray, seed: int) -> None:
    polygon = Polygon([tuple(vertex) for vertex in vertices.tolist()])
    assert 0 < polygon.area_sr < 2 * np.pi
    random = np.random.default_rng(seed)
    centre = SkyCoord(*vertices.T, unit="deg").cartesian.mean()
    centre = SkyCoord(centre).spherical
    size = 1.5 * separation_deg(centre.lon.deg, centre.lat.deg, *vertices.T).max()
    near = around(centre.lon.deg, centre.lat.deg, random.uniform(0, 360, 300), size * random.uniform(0, 1, 300) ** 0.5)
    ra, dec = (np.append(far, close) for far, close in zip(sky(seed), near, strict=True))
    expected, distance = projected_inside(vertices, ra, dec)
    clear = ~(distance < 1e-9 * max(size, 1e-3))
    np.testing.assert_array_equal(polygon.contains(ra, dec)[clear], expected[clear])


@CASES
@given(stars())
def test_vertices_and_edges_are_inside(vertices: np.ndarray) -> None:
    polygon = Polygon([tuple(vertex) for vertex in vertices.tolist()])
    assert polygon.contains(*vertices.T).all()
    here, there = SkyCoord(*vertices.T, unit="deg"), SkyCoord(*np.roll(vertices, 1, axis=0).T, unit="deg")
    middle = SkyCoord(here.cartesian + there.cartesian).spherical
    assert polygon.contains(middle.lon.deg, middle.lat.deg).all()


@CASES
@given(stars())
def test_the_wrong_way_round_is_refused(vertices: np.ndarray) -> None:
    with pytest.raises(RegionError, match=r"more than half the sky.*counter-clockwise.*reverse"):
        Polygon([tuple(vertex) for vertex in vertices[::-1].tolist()])


def test_edges_are_great_circles() -> None:
    """The arc from (0, 60) to (90, 60) passes the meridian of 45 deg at 67.8 deg, not at 60 deg."""
    top = math.degrees(math.atan(math.tan(math.radians(60)) / math.cos(math.radians(45))))
    polygon = Polygon([(0, 50), (0, 60), (90, 60), (90, 50)])
    assert polygon.contains([45, 45], [top - 1e-6, top + 1e-6]).tolist() == [True, False]
    bottom = math.degrees(math.atan(math.tan(math.radians(50)) / math.cos(math.radians(45))))
    assert polygon.contains([45, 45], [bottom - 1e-6, bottom + 1e-6]).tolist() == [False, True]


def test_polygons_around_the_poles_and_of_half_the_sky() -> None:
    north = Polygon([(270, 80), (180, 80), (90, 80), (0, 80)])
    assert north.contains([0, 45, 123, 45], [90, 85, 89, 80]).tolist() == [True, True, True, False]
    assert not north.contains([0], [-90])[0]
    half = Polygon([(0, 0), (270, 0), (180, 0), (90, 0)])
    assert half.area_sr == pytest.approx(2 * np.pi)
    assert half.contains([0, 33, 200, 10, 10], [90, 1e-6, 0, -1e-6, -45]).tolist() == [True, True, True, False, False]
    octant = Polygon([(0, 0), (0, 90), (90, 0)])
    assert octant.area_sr == pytest.approx(np.pi / 2)
    assert octant.contains([45, 10, 100, 350], [30, 0, 5, 5]).tolist() == [True, True, False, False]


def test_a_long_band_fits_no_hemisphere_but_is_less_than_half_the_sky() -> None:
    lon = np.arange(0, 301, 20.0)
    band = [(x, -5.0) for x in lon[::-1]] + [(x, 5.0) for x in lon]
    polygon = Polygon(band)
    assert polygon.area_sr < 1
    ra, dec = np.array([10, 150, 299, 301, 340, 359, 150, 150]), np.array([0, 0, 0, 0, 0, 0, 6, -40])
    assert polygon.contains(ra, dec).tolist() == [True, True, True, False, False, False, False, False]


def test_a_point_at_the_centre_of_symmetry() -> None:
    for ra, dec in ((0.0, 0.0), (83.0, 22.0), (10.0, 90.0)):
        polygon = Polygon([tuple(vertex) for vertex in circle_polygon_deg(ra, dec, 1.0, 4).tolist()])
        assert polygon.contains([ra], [dec])[0]


@pytest.mark.parametrize("n_vertices", [3, 8, 100, MAX_VERTICES])
def test_footprints_of_the_archive_are_polygons(n_vertices: int) -> None:
    vertices = [tuple(vertex) for vertex in circle_polygon_deg(83.6, 22.0, 2.5, n_vertices).tolist()]
    polygon = Polygon(vertices)
    assert polygon.vertices_deg == tuple(vertices)
    ra, dec = around(83.6, 22.0, np.arange(0, 360, 7.0), np.full(52, 2.4999999))
    assert polygon.contains(ra, dec).all()


def test_a_closed_polygon_is_one_without_its_last_vertex() -> None:
    closed = Polygon([(0, 0), (0, 0), (0, 1), (1, 0), (1, 0), (0, 0)])
    assert closed == Polygon([(0, 0), (0, 1), (1, 0)])
    assert str(closed) == "POLYGON 0 0 0 1 1 0"


def test_polygons_agree_with_regions() -> None:
    regions = pytest.importorskip("regions")
    from astropy.wcs import WCS

    random = np.random.default_rng(11)
    ra, dec = random.uniform(80, 87, 20000), random.uniform(19, 25, 20000)
    vertices = [(82.0, 21.5), (83.5, 24.0), (84.0, 22.5), (86.0, 23.0), (85.0, 20.5)]
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.cdelt, wcs.wcs.crpix = (
        ["RA---TAN", "DEC--TAN"],
        [83, 22],
        [-0.01, 0.01],
        [1, 1],
    )
    region = regions.PolygonSkyRegion(SkyCoord(vertices, unit="deg"))
    expected = region.contains(SkyCoord(ra, dec, unit="deg"), wcs)
    np.testing.assert_array_equal(Polygon(vertices).contains(ra, dec), expected)


# -- what is refused


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Circle(0, 0, -0.1), r"radius -0.1 is not within 0 and 180"),
        (lambda: Circle(0, 0, 180.1), r"radius 180.1 is not within"),
        (lambda: Circle(0, 0, math.nan), r"radius"),
        (lambda: Circle(0, 90.1, 1), r"declination 90.1 is not within -90 and 90"),
        (lambda: Circle(361, 0, 1), r"right ascension 361 is not within 0 and 360"),
        (lambda: Circle(math.inf, 0, 1), r"right ascension Inf"),
        (lambda: Range(20, 10, 0, 1), r"begins at 20 and ends at 10"),
        (lambda: Range(0, 1, 5, -5), r"declination begins at 5 and ends at -5"),
        (lambda: Range(0, 1, -91, 5), r"within -90 and 90"),
        (lambda: Range(-200, 200, 0, 1), r"at most 360 apart"),
        (lambda: Range(math.inf, math.inf, 0, 1), r"begins at Inf"),
        (lambda: Polygon([(0, 0), (1, 1)]), r"at least three different"),
        (lambda: Polygon([(0, 0), (1, 1), (0, 0)]), r"at least three different"),
        (lambda: Polygon([(0, 0), (1, 1), (0, 91)]), r"declination 91"),
        (lambda: Polygon([(0, 0), (1, 0), (2, 0)]), r"no area"),
        (lambda: Polygon([(0, 0), (180, 0), (90, 20)]), r"opposite points"),
        (lambda: Polygon([(82, 21), (84, 23), (84, 21), (82, 23.5)]), r"cross each other"),
        (lambda: Polygon([(0, 0), (0, 1), (1, 0)] * 500), r"at most 1000 are possible"),
    ],
)
def test_refusals(make: object, sentence: str) -> None:
    with pytest.raises(RegionError, match=sentence):
        make()  # type: ignore[operator]


# -- overlap with a circle


@st.composite
def any_regions(draw: st.DrawFn) -> Region:
    kind = draw(st.sampled_from(["circle", "range", "polygon"]))
    if kind == "circle":
        return Circle(draw(LON), draw(LAT), draw(st.floats(0, 120)))
    if kind == "range":
        ra, dec = draw(st.floats(-300, 300)), draw(st.floats(-90, 80))
        return Range(ra, min(ra + draw(st.floats(0, 200)), 360), dec, min(dec + draw(st.floats(0, 60)), 90))
    return Polygon([tuple(vertex) for vertex in draw(stars()).tolist()])


@settings(max_examples=300, deadline=None)
@given(any_regions(), LON, LAT, st.floats(0.5, 60), st.integers(0, 10**6))
def test_overlap_agrees_with_sampled_directions(
    region: Region, ra: float, dec: float, radius: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    ras, decs = around(ra, dec, random.uniform(0, 360, 3000), radius * random.uniform(0, 1, 3000) ** 0.5)
    if region.contains(ras, decs).any():
        assert region.overlaps(ra, dec, radius)
    if not region.overlaps(ra, dec, radius):
        # nothing of it is in a circle that is larger by nothing, and something is in one that is large enough
        assert not region.contains(ras, decs).any()
        assert region.overlaps(ra, dec, 180.0)


def outline(region: Region) -> tuple[np.ndarray, np.ndarray, float]:
    """Return directions on the edge of a region, and how far apart neighbours are at most, in degrees."""
    step = np.linspace(0, 1, 2001)
    if isinstance(region, Circle):
        return *around(region.ra_deg, region.dec_deg, 360 * step, np.full(step.size, region.radius_deg)), 0.2
    if isinstance(region, Range):
        ra = region.ra_min_deg + step * (region.ra_max_deg - region.ra_min_deg)
        dec = region.dec_min_deg + step * (region.dec_max_deg - region.dec_min_deg)
        edges = [(ra, end + 0 * step) for end in (region.dec_min_deg, region.dec_max_deg)]
        edges += [(end + 0 * step, dec) for end in (region.ra_min_deg, region.ra_max_deg)]
        return *np.concatenate(edges, axis=1), 0.2
    corners = SkyCoord(region.vertices_deg, unit="deg").cartesian.xyz.value.T
    points = corners[:, None] + step[:, None] * (np.roll(corners, -1, axis=0) - corners)[:, None]
    lon, lat = np.arctan2(points[..., 1], points[..., 0]), np.arcsin(points[..., 2] / np.linalg.norm(points, axis=2))
    return np.degrees(lon).ravel(), np.degrees(lat).ravel(), 0.2


@CASES
@given(any_regions(), LON, LAT)
def test_the_distance_at_which_overlap_begins(region: Region, ra: float, dec: float) -> None:
    if region.contains([ra], [dec])[0]:
        assert region.overlaps(ra, dec, 0.0)
        return
    *edge, spacing = outline(region)
    distance = float(separation_deg(ra, dec, *edge).min())
    assert region.overlaps(ra, dec, distance + 1e-6)
    if distance > spacing:
        assert not region.overlaps(ra, dec, distance - spacing)


def test_circles_within_circles() -> None:
    assert Circle(0, 0, 1).is_within(Circle(0.5, 0, 2))
    assert not Circle(0, 0, 1).is_within(Circle(1.5, 0, 2))
    assert Circle(0, 0, 1).is_within(Circle(0, 0, 1))
    assert Circle(100, 50, 170).is_within(Circle(0, 0, 180))


def test_tiny_polygons_are_oriented_right() -> None:
    for size in (1e-3, 1e-5, 1e-7):
        shape = SphericalPolygon(circle_polygon_deg(123.4, 56.7, size, 5))
        assert shape.complaint() == ""
        assert shape.area_sr == pytest.approx(5 * math.tan(math.pi / 5) * math.radians(size) ** 2, rel=1e-4)
