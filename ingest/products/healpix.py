"""HEALPix maps (GADF 0.3, "HEALPix"): footprint from HPX_REG or from the pixels, energies from the bands.

Pixel centres after Gorski et al. 2005 (ApJ 622, 759), equations 4 to 9 and section 4.1 (nested scheme).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingest import gadf
from ingest.errors import IngestError
from ingest.fitsfile import HDU
from ingest.footprint import FootprintError, circle_polygon_deg, icrs_from_galactic, mean_direction_deg, separation_deg
from ingest.header import integer, text
from ingest.products.description import Description
from ingest.products.maps import CUBES, bands_tev, is_bands, quantity
from ingest.products.quantities import vounit
from ingest.products.tables import table_of

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
REGION_VERTICES = 8
MAX_NSIDE = 2**20
_DISK = re.compile(r"DISK(?:_INC)?\(\s*([-+\d.eE]+)\s*,\s*([-+\d.eE]+)\s*,\s*([-+\d.eE]+)\s*\)")
_FACE_ROW = np.array([2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4])
_FACE_COLUMN = np.array([1, 3, 5, 7, 0, 2, 4, 6, 1, 3, 5, 7])


def is_healpix(hdu: HDU) -> bool:
    """Return whether an HDU is a HEALPix map."""
    return hdu.is_table and (text(hdu.header, "PIXTYPE") or "").upper() == "HEALPIX"


def pixel_centres_deg(nside: int, pixels: Whole, *, nested: bool) -> tuple[Floats, Floats]:
    """Return longitude and latitude of pixels.

    Parameters
    ----------
    nside
        Resolution: 12 nside² pixels cover the sphere.
    pixels
        Their numbers; those that do not exist give NaN.
    nested
        Scheme: nested, or rings.

    Returns
    -------
    tuple of ndarray
        Degrees in the frame of the map.
    """
    exists = (pixels >= 0) & (pixels < 12 * nside**2)
    inside = np.where(exists, pixels, 0)
    ring, column, z = (_nested if nested else _ringed)(nside, inside)
    n_in_ring = np.where(ring < nside, ring, np.where(ring > 3 * nside, 4 * nside - ring, nside))
    shift = np.where((ring < nside) | (ring > 3 * nside), 0.5, np.where((ring - nside) % 2 == 0, 0.5, 0.0))
    longitude = (column + shift) * 90.0 / n_in_ring
    latitude = np.degrees(np.arcsin(np.clip(z, -1.0, 1.0)))
    return np.where(exists, longitude % 360.0, np.nan), np.where(exists, latitude, np.nan)


def _height(nside: int, ring: Whole) -> Floats:
    """Return z of a ring counted from 1 at the north pole."""
    north = 1.0 - ring.astype(np.float64) ** 2 / (3.0 * nside**2)
    belt = 4.0 / 3.0 - 2.0 * ring / (3.0 * nside)
    south = -1.0 + (4.0 * nside - ring) ** 2 / (3.0 * nside**2)
    return np.where(ring < nside, north, np.where(ring > 3 * nside, south, belt))


def _ringed(nside: int, pixels: Whole) -> tuple[Whole, Whole, Floats]:
    cap = 2 * nside * (nside - 1)
    total = 12 * nside**2
    north_ring = ((1 + np.sqrt(1.0 + 2.0 * pixels)) / 2).astype(np.int64)
    north_ring += 2 * north_ring * (north_ring + 1) <= pixels
    north_ring -= 2 * north_ring * (north_ring - 1) > pixels
    back = total - 1 - pixels
    south_ring = ((1 + np.sqrt(1.0 + 2.0 * np.maximum(back, 0))) / 2).astype(np.int64)
    south_ring += 2 * south_ring * (south_ring + 1) <= back
    south_ring -= 2 * south_ring * (south_ring - 1) > back
    belt = pixels - cap
    in_north, in_south = pixels < cap, pixels >= total - cap
    ring = np.where(in_north, north_ring, np.where(in_south, 4 * nside - south_ring, belt // (4 * nside) + nside))
    first = np.where(
        in_north,
        2 * north_ring * (north_ring - 1),
        np.where(in_south, total - 2 * south_ring * (south_ring + 1), cap + (ring - nside) * 4 * nside),
    )
    return ring, pixels - first, _height(nside, ring)


def _nested(nside: int, pixels: Whole) -> tuple[Whole, Whole, Floats]:
    face, within = np.divmod(pixels, nside**2)
    x, y = _even_bits(within), _even_bits(within >> 1)
    ring = _FACE_ROW[face] * nside - x - y - 1
    n_in_ring = np.where(ring < nside, ring, np.where(ring > 3 * nside, 4 * nside - ring, nside))
    odd = np.where((ring < nside) | (ring > 3 * nside), 0, (ring - nside) % 2)
    column = (_FACE_COLUMN[face] * n_in_ring + x - y + 1 + odd) // 2 - 1
    column = np.where(column >= 4 * n_in_ring, column - 4 * n_in_ring, column)
    column = np.where(column < 0, column + 4 * n_in_ring, column)
    return ring, column, _height(nside, ring)


def _even_bits(values: Whole) -> Whole:
    """Return the number made of every second bit, beginning with the lowest."""
    bits = np.zeros_like(values)
    for position in range(31):
        bits |= ((values >> (2 * position)) & 1) << position
    return bits


def nsides_of(hdu: HDU, hdus: Sequence[HDU]) -> list[int]:
    """Return the resolutions (NSIDE) of the planes of a map.

    Raises
    ------
    IngestError
        When it states none.
    """
    bands = next((other for other in hdus if is_bands(other) and other.data is not None), None)
    return _nsides(hdu, bands, [])


def describe_healpix(hdu: HDU, hdus: Sequence[HDU], file_name: str) -> Description:
    """Describe a HEALPix map.

    Raises
    ------
    IngestError
        When its resolution or its frame is not understood.
    """
    doubts: list[str] = []
    bands_hdu = next((other for other in hdus if is_bands(other) and other.data is not None), None)
    bands = () if bands_hdu is None else bands_tev(bands_hdu)
    nsides = _nsides(hdu, bands_hdu, doubts)
    circle = _circle(hdu, nsides, doubts)
    n_planes = max(len(bands), 1)
    is_cube = n_planes > 1
    subtype, ucd = quantity(file_name, hdu.name)
    description = Description(
        product_type="cube" if is_cube else "image",
        subtype=CUBES.get(subtype or "", subtype) if is_cube else subtype,
        level="DL4",
        what="HEALPix cube" if is_cube else "HEALPix map",
        em_xel=n_planes,
        t_xel=1,
        pixel_scale_arcsec=float(np.degrees(np.sqrt(np.pi / 3.0)) / max(nsides) * 3600.0),
        o_ucd=ucd,
        o_unit=vounit(text(hdu.header, "BUNIT") or "") or None,
        target_name=gadf.set_text(hdu.header, "OBJECT"),
        telescope=gadf.set_text(hdu.header, "TELESCOP"),
        instrument=gadf.set_text(hdu.header, "INSTRUME"),
        doubts=doubts,
    )
    if bands:
        description.energy_min_tev = min(low for low, _ in bands)
        description.energy_max_tev = max(high for _, high in bands)
    if circle is not None:
        description.ra_deg, description.dec_deg, radius = circle
        description.fov_deg = 2.0 * radius
        if radius < 75.0:
            description.polygon_deg = circle_polygon_deg(circle[0], circle[1], radius, REGION_VERTICES)
    return description


def _nsides(hdu: HDU, bands: HDU | None, doubts: list[str]) -> list[int]:
    stated = integer(hdu.header, "NSIDE")
    order = integer(hdu.header, "ORDER")
    if stated is None and order is not None and 0 <= order <= 20:
        stated = 2**order
    listed: list[int] = []
    if bands is not None:
        values = table_of(bands).optional("nside")
        if values is not None:
            listed = [int(value) for value in values.ravel() if np.isfinite(value)]
    if listed and stated is not None and stated not in listed:
        doubts.append(f"NSIDE is {stated} in the header, but {listed[0]} in the bands; the bands count.")
    nsides = listed or ([stated] if stated is not None else [])
    if not nsides or not all(0 < nside <= MAX_NSIDE for nside in nsides):
        raise IngestError("the HEALPix map has no usable resolution (NSIDE, ORDER).")
    return nsides


def _circle(hdu: HDU, nsides: Sequence[int], doubts: list[str]) -> tuple[float, float, float] | None:
    """Return the circle a partial map covers in ICRS degrees, None for a map of the whole sky."""
    frame = (text(hdu.header, "COORDSYS") or "").upper()
    if frame not in ("GAL", "G", "CEL", "C", "EQU"):
        raise IngestError(f"the HEALPix map is in the frame '{frame}' (COORDSYS); GAL and CEL are understood.")
    match = _DISK.fullmatch(text(hdu.header, "HPX_REG") or "")
    pixels = _pixel_circle(hdu, nsides)
    if match is not None:
        try:
            longitude, latitude, radius = (float(part) for part in match.groups())
        except ValueError as exc:
            raise IngestError("the region of the HEALPix map (HPX_REG) is not understood.") from exc
        if pixels is not None and separation_deg(longitude, latitude, pixels[0], pixels[1]) > radius:
            doubts.append("the pixels of the map are not where HPX_REG says; the footprint is that of HPX_REG.")
    elif pixels is not None:
        longitude, latitude, radius = pixels
    else:
        return None
    if not -90.0 <= latitude <= 90.0 or not 0.0 < radius <= 180.0:
        raise IngestError("the region of the HEALPix map (HPX_REG) is no circle on the sky.")
    if frame in ("GAL", "G"):
        ra, dec = icrs_from_galactic(longitude, latitude)
        return float(ra), float(dec), radius
    return longitude % 360.0, latitude, radius


def _pixel_circle(hdu: HDU, nsides: Sequence[int]) -> tuple[float, float, float] | None:
    """Return a circle around the pixels of a partial map of one resolution, in its own frame."""
    if hdu.data is None or len(set(nsides)) != 1:
        return None
    pixels = table_of(hdu).optional("pix")
    if pixels is None or not pixels.size:
        return None
    nested = (text(hdu.header, "ORDERING") or "").upper().startswith("NEST")
    numbers = np.unique(np.nan_to_num(pixels, nan=-1.0).astype(np.int64))
    longitude, latitude = pixel_centres_deg(nsides[0], numbers, nested=nested)
    known = np.isfinite(longitude)
    try:
        centre = mean_direction_deg(longitude[known], latitude[known])
    except FootprintError:
        return None
    radius = float(separation_deg(*centre, longitude[known], latitude[known]).max())
    return centre[0], centre[1], min(radius + 60.0 / nsides[0], 180.0)
