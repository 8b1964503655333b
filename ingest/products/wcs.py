"""World coordinate systems of maps: where the pixels of a header are on the sky.

astropy does the projections; it is imported when the first map is met.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import IngestError
from ingest.footprint import fk5_to_icrs, icrs_from_galactic, separation_deg
from ingest.header import Header, integer, text

Floats = NDArray[np.float64]
# The keywords of the celestial axes; anything else in a header cannot disturb.
_KEYWORDS = re.compile(
    r"(CTYPE|CRVAL|CRPIX|CDELT|CUNIT|CROTA)[12]|(CD|PC)[12]_[12]|PV[12]_\d+|LONPOLE|LATPOLE|EQUINOX|RADESYS|RADECSYS"
)
_SHAPE = re.compile(r"\(\s*(\d+)\s*,\s*(\d+)\s*(?:,\s*(\d+)\s*)*\)")
_CELESTIAL = re.compile(r"(RA--|DEC-|.LON|.LAT)")
MAX_PIXELS = 200_000
ARCSEC_PER_DEG = 3600.0
# A corner that turns by less is none.
STRAIGHT_RAD = 1e-3


@dataclass(frozen=True, slots=True)
class Footprint:
    """Where a map is: centre and outline (N, 2) in ICRS degrees, diameter, size in pixels and pixel scale.

    The outline is None for maps of more than a hemisphere.
    """

    ra_deg: float
    dec_deg: float
    fov_deg: float
    polygon_deg: Floats | None
    pixels: tuple[int, int]
    pixel_scale_arcsec: float


def has_celestial_axes(header: Header) -> bool:
    """Return whether the first two axes are celestial."""
    axes = [text(header, f"CTYPE{axis}") or "" for axis in (1, 2)]
    return all(_CELESTIAL.match(axis) for axis in axes)


def celestial_wcs(header: Header) -> Any:
    """Return an ``astropy.wcs.WCS`` of the two celestial axes.

    Raises
    ------
    IngestError
        When the keywords do not make a projection.
    """
    from astropy.io import fits
    from astropy.wcs import WCS

    cards = fits.Header()
    for key, value in header.items():
        if _KEYWORDS.fullmatch(key) and value is not None:
            cards["RADESYS" if key == "RADECSYS" else key] = value
    cards["WCSAXES"] = 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wcs = WCS(cards, naxis=2)
            wcs.wcs.set()
        except Exception as exc:  # wcslib has a dozen classes of its own
            raise IngestError(f"the world coordinate system is not usable ({_first_line(exc)}).") from exc
    if not wcs.has_celestial:
        raise IngestError("the map has no celestial world coordinate system (CTYPE1, CTYPE2).")
    return wcs


def to_icrs(wcs: Any, longitude: Floats, latitude: Floats) -> tuple[Floats, Floats]:
    """Return directions of a map's own frame in ICRS degrees.

    Raises
    ------
    IngestError
        When the frame is neither ICRS, FK5 (J2000) nor galactic.
    """
    kind = str(wcs.wcs.ctype[wcs.wcs.lng])[:4]
    frame = str(wcs.wcs.radesys or "ICRS").upper()
    if kind == "GLON":
        return icrs_from_galactic(longitude, latitude)
    if kind != "RA--" or frame not in ("ICRS", "FK5"):
        raise IngestError(f"the map is in the frame {frame if kind == 'RA--' else kind}, which is not understood.")
    if frame == "FK5" and (not np.isfinite(wcs.wcs.equinox) or wcs.wcs.equinox == 2000.0):
        return fk5_to_icrs(longitude, latitude)
    if frame == "FK5":
        raise IngestError(f"the map is of equinox {wcs.wcs.equinox:g}; only J2000 is understood.")
    return np.asarray(longitude % 360.0), np.asarray(latitude)


def image_shape(header: Header) -> tuple[int, int] | None:
    """Return width and height in pixels: of an image NAXIS1 and NAXIS2, of a sparse map WCSSHAPE."""
    if header.get("XTENSION") == "BINTABLE":
        match = _SHAPE.fullmatch(text(header, "WCSSHAPE") or "")
        return None if match is None else (int(match[1]), int(match[2]))
    width, height = integer(header, "NAXIS1"), integer(header, "NAXIS2")
    return None if not width or not height else (width, height)


def footprint(header: Header, shape: tuple[int, int] | None = None) -> Footprint:
    """Return where a map is.

    Parameters
    ----------
    header
        With the keywords of the world coordinate system.
    shape
        Width and height in pixels where the header does not say.

    Raises
    ------
    IngestError
        When the map has no usable world coordinate system or size.
    """
    size = shape or image_shape(header)
    if size is None or not 0 < min(size) <= max(size) <= MAX_PIXELS:
        raise IngestError("the map has no usable size (NAXIS1, NAXIS2, WCSSHAPE).")
    wcs = celestial_wcs(header)
    width, height = size
    # Corners and middles of the edges, in FITS pixels, whose centres are whole numbers.
    x = np.array([1, 0.5, 0, 0, 0, 0.5, 1, 1, 0.5]) * width + 0.5
    y = np.array([0, 0, 0, 0.5, 1, 1, 1, 0.5, 0.5]) * height + 0.5
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        longitude, latitude = (np.asarray(axis, dtype=np.float64) for axis in wcs.wcs_pix2world(x, y, 1))
        scale = abs(float(np.linalg.det(wcs.pixel_scale_matrix))) ** 0.5 * ARCSEC_PER_DEG
    if not np.isfinite([longitude[-1], latitude[-1]]).all() or not scale > 0:
        raise IngestError("the world coordinate system gives the map's centre no direction.")
    ra, dec = to_icrs(wcs, longitude, latitude)
    distances = separation_deg(ra[-1], dec[-1], ra[:-1], dec[:-1])
    whole = bool(np.isfinite(distances).all()) and float(distances.max()) < 80.0 and width * scale / 3600 < 170.0
    outline = convex_outline_deg(ra, dec) if whole else None
    return Footprint(
        ra_deg=float(ra[-1]),
        dec_deg=float(dec[-1]),
        fov_deg=2.0 * float(distances.max()) if whole else 360.0,
        polygon_deg=outline,
        pixels=size,
        pixel_scale_arcsec=scale,
    )


def convex_outline_deg(ra: Floats, dec: Floats) -> Floats:
    """Return the smallest convex polygon around directions; the database refuses others, and straight corners.

    Parameters
    ----------
    ra, dec
        ICRS degrees, shape (n,), less than 90 degrees from the last one, which lies inside.

    Returns
    -------
    ndarray
        Shape (N, 2), degrees, counter-clockwise seen from inside (east is left), as DALI asks for.

    Notes
    -----
    The hull of the gnomonic projection, which turns great circles into straight lines; by Andrew's monotone chain.
    """
    lon, lat, lat0 = np.radians(ra - ra[-1]), np.radians(dec), np.radians(dec[-1])
    along = np.sin(lat0) * np.sin(lat) + np.cos(lat0) * np.cos(lat) * np.cos(lon)
    # x grows to the west, as on a map seen from inside
    x = -np.cos(lat) * np.sin(lon) / along
    y = (np.cos(lat0) * np.sin(lat) - np.sin(lat0) * np.cos(lat) * np.cos(lon)) / along
    # rounded, or points above one another would be in any order
    order = np.lexsort((np.round(y, 9), np.round(x, 9))).tolist()
    hull = [*_chain(order, x, y), *_chain(order[::-1], x, y)]
    return np.column_stack((ra[hull], dec[hull]))


def _chain(order: list[int], x: Floats, y: Floats) -> list[int]:
    """Return the points of one side of a hull, without the last, which begins the other side."""
    chain: list[int] = []
    for point in order:
        while len(chain) > 1:
            one, two = chain[-2], chain[-1]
            first, second = (x[two] - x[one], y[two] - y[one]), (x[point] - x[two], y[point] - y[two])
            turn = first[0] * second[1] - first[1] * second[0]
            if turn > STRAIGHT_RAD * np.hypot(*first) * np.hypot(*second):
                break
            chain.pop()
        chain.append(point)
    return chain[:-1]


def _first_line(exc: Exception) -> str:
    lines = [line.strip() for line in str(exc).splitlines() if line.strip()]
    return (lines[-1] if lines else type(exc).__name__)[:200]
