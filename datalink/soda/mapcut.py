# SPDX-License-Identifier: GPL-3.0-or-later
"""Cut-outs of images and cubes: the rectangle of pixels around a region, the planes of a range of energies (SODA 1.0).

A filter widens to whole pixels and planes, and one pixel more on each side, since pixels are told by their centres.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from numpy.typing import NDArray

from datalink.mapdata import check_size
from datalink.soda.cutout import CutRequest, file_stem
from datalink.soda.dali import Interval
from datalink.soda.errors import NoOverlap, failure, usage_error
from datalink.soda.overlap import cannot_overlap, misses_bounds
from datalink.soda.record import history_lines
from datalink.soda.regions import Region
from datalink.soda.selection import FITS_TYPE, Selection
from ingest.errors import IngestError
from ingest.fitsfile import FitsError, read_hdus
from ingest.products.healpix import is_healpix
from ingest.products.maps import MapHdu, maps_in
from ingest.products.tables import is_readable
from ingest.products.wcs import celestial_wcs, to_icrs

Floats = NDArray[np.float64]
BLOCK_PIXELS = 64


@dataclass(frozen=True, slots=True)
class MapCut:
    """What a cut-out has become."""

    file_name: str
    media_type: str


@dataclass(frozen=True, slots=True)
class Window:
    """Columns and rows that are kept, first and one after the last, counted from 0."""

    columns: tuple[int, int]
    rows: tuple[int, int]


def cut_map(source: Path, selection: Selection, out: IO[bytes], request: CutRequest) -> MapCut:
    """Write the cut-out of a file of maps; each map in it is cut.

    Parameters
    ----------
    source
        The dataset's file.
    selection
        What to keep; TIME is only compared with the dataset's own.
    out
        A file to write to.
    request
        What else is needed.

    Raises
    ------
    NoOverlap
        When the answer is 204: no pixel, or no plane, passes.
    SodaError
        When the map is of a kind that is not cut (400), or the file is damaged (500).
    """
    if selection.media_type != FITS_TYPE:
        raise usage_error("cut-outs of maps come as application/fits only.")
    if cannot_overlap(selection, request.bounds):
        raise NoOverlap
    try:
        maps = _maps(source)
        if misses_bounds(selection, request.bounds):
            raise NoOverlap
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", AstropyWarning)
            _write(source, maps, selection, out, request)
    except (FitsError, IngestError) as exc:
        raise failure(
            f"The file of this dataset cannot be cut: {str(exc).encode('ascii', 'replace').decode()}"
        ) from exc
    except OSError as exc:
        raise failure(f"The cut-out could not be read or written ({exc.strerror or 'input/output error'}).") from exc
    except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, MemoryError) as exc:
        raise failure("The file of this dataset is damaged in a way that prevents cutting it.") from exc
    return MapCut(f"{file_stem(None, source)}_cutout.fits", FITS_TYPE)


def _maps(source: Path) -> dict[int, MapHdu]:
    """Return the maps of a file by number of HDU.

    Raises
    ------
    SodaError
        When they are sparse, irregular or HEALPix.
    """
    hdus = read_hdus(source, is_readable)
    if any(is_healpix(hdu) for hdu in hdus):
        raise usage_error("HEALPix maps are not cut; fetch the file, which the links give.")
    maps = {item.hdu.number: item for item in maps_in(hdus)}
    if any(item.hdu.is_table or item.plane is not None for item in maps.values()):
        raise usage_error("sparse and irregular maps are not cut; fetch the file, which the links give.")
    for item in maps.values():
        check_size(item.hdu.header)
    return maps


def _write(source: Path, maps: dict[int, MapHdu], selection: Selection, out: IO[bytes], request: CutRequest) -> None:
    bands: dict[int, slice] = {}
    kept = fits.HDUList()
    with fits.open(source, memmap=False, lazy_load_hdus=False) as hdus:
        for number, hdu in enumerate(hdus):
            item = maps.get(number)
            if item is None:
                kept.append(hdu.copy())
                continue
            data, header = hdu.data, hdu.header.copy()
            planes = _planes(item, selection.energies_tev)
            if planes is not None and data.ndim == 3:
                data = data[planes]
                if item.bands is not None:
                    bands[item.bands.number] = planes
            if selection.regions:
                window = _window(item, selection.regions)
                data = data[..., slice(*window.rows), slice(*window.columns)]
                _shift(header, window)
            _describe(header, data.shape, selection, request)
            made: Any = fits.PrimaryHDU if number == 0 else fits.ImageHDU
            kept.append(made(data, header))
        for number, planes in bands.items():
            table = hdus[number]
            kept[number] = fits.BinTableHDU(table.data[planes], table.header)
        kept.writeto(out, output_verify="silentfix", checksum=True)


def _planes(item: MapHdu, energies_tev: Interval | None) -> slice | None:
    """Return the planes that overlap a range of energies, None for all.

    Raises
    ------
    NoOverlap
        When none does.
    """
    if energies_tev is None or not item.bands_tev or len(item.bands_tev) != item.n_planes or item.n_planes < 2:
        return None
    low, high = np.array(item.bands_tev).T
    passing = np.flatnonzero((low <= energies_tev.high) & (high >= energies_tev.low))
    if not passing.size:
        raise NoOverlap
    return slice(int(passing[0]), int(passing[-1]) + 1)


def _window(item: MapHdu, regions: Sequence[Region]) -> Window:
    """Return the pixels around what lies in all regions.

    Raises
    ------
    NoOverlap
        When no pixel does.
    """
    width, height = (int(item.hdu.header[f"NAXIS{axis}"] or 0) for axis in (1, 2))
    wcs = celestial_wcs(item.hdu.header)
    y, x = np.mgrid[0:height, 0:width]
    with np.errstate(all="ignore"):
        longitude, latitude = wcs.wcs_pix2world(x.ravel(), y.ravel(), 0)
        ra, dec = to_icrs(wcs, np.asarray(longitude), np.asarray(latitude))
    inside = np.isfinite(ra) & np.isfinite(dec)
    for region in regions:
        inside &= np.asarray(region.contains(ra, dec))
    if not inside.any():
        scale = math.sqrt(abs(float(np.linalg.det(wcs.pixel_scale_matrix))))
        inside = _touching(ra.reshape(height, width), dec.reshape(height, width), regions, scale)
    rows, columns = np.divmod(np.flatnonzero(inside), width)
    return Window(
        (max(int(columns.min()) - 1, 0), min(int(columns.max()) + 2, width)),
        (max(int(rows.min()) - 1, 0), min(int(rows.max()) + 2, height)),
    )


def _touching(ra: Floats, dec: Floats, regions: Sequence[Region], scale_deg: float) -> NDArray[np.bool_]:
    """Return the pixels that touch regions too small to have the centre of one in them.

    Blocks of pixels are asked first, then the pixels of those that a region may touch.

    Raises
    ------
    NoOverlap
        When no pixel does.
    """
    height, width = ra.shape
    near = np.zeros((height, width), dtype=np.bool_)
    # Pixels may be larger away from the centre: twice the scale is on the safe side.
    reach = BLOCK_PIXELS * scale_deg * 2.0
    for top in range(0, height, BLOCK_PIXELS):
        for left in range(0, width, BLOCK_PIXELS):
            row, column = min(top + BLOCK_PIXELS // 2, height - 1), min(left + BLOCK_PIXELS // 2, width - 1)
            if not _overlaps(ra[row, column], dec[row, column], min(reach, 180.0), regions):
                continue
            for at_row in range(top, min(top + BLOCK_PIXELS, height)):
                for at in range(left, min(left + BLOCK_PIXELS, width)):
                    near[at_row, at] = _overlaps(ra[at_row, at], dec[at_row, at], scale_deg / math.sqrt(2.0), regions)
    if not near.any():
        raise NoOverlap
    return near.ravel()


def _overlaps(ra: float, dec: float, radius: float, regions: Sequence[Region]) -> bool:
    if not (math.isfinite(ra) and math.isfinite(dec)):
        return False
    return all(region.overlaps(float(ra), float(dec), radius) for region in regions)


def _shift(header: fits.Header, window: Window) -> None:
    for axis, first in ((1, window.columns[0]), (2, window.rows[0])):
        header[f"CRPIX{axis}"] = header.get(f"CRPIX{axis}", 0.0) - first


def _describe(header: fits.Header, shape: tuple[int, ...], selection: Selection, request: CutRequest) -> None:
    """Bring what depends on the size up to date, and tell what was done."""
    if "WCSSHAPE" in header:
        # gammapy's keyword: the shape in the order of FITS
        header["WCSSHAPE"] = "(" + ",".join(str(size) for size in reversed(shape)) + ")"
    for line in history_lines(selection, request.origin):
        if not line.startswith("Events outside"):
            header.add_history(line.encode("ascii", "replace").decode())
