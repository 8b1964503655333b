"""The pixels of a published map, for pictures and cut-outs."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning
from numpy.typing import NDArray

from ingest.errors import IngestError
from ingest.fitsfile import data_bytes
from ingest.header import Header, text
from ingest.products.load import LoadedProduct
from ingest.products.maps import MapHdu, maps_in
from ingest.products.tables import table_of
from ingest.products.wcs import celestial_wcs, image_shape

Floats = NDArray[np.float64]
# What a picture or a cut-out may hold in memory.
MAX_MAP_BYTES = 512 * 2**20
MAX_PIXELS = 32 * 10**6


@dataclass(frozen=True, slots=True)
class MapImage:
    """A map to look at: values (height, width), those of a cube summed over energy, and their celestial WCS."""

    values: Floats
    wcs: Any
    header: Header
    name: str
    unit: str


def map_image(path: Path, product: LoadedProduct) -> MapImage:
    """Read the first map of a file.

    Parameters
    ----------
    path
        The file.
    product
        The file as `ingest.products.load.load_product` gives it.

    Raises
    ------
    IngestError
        When it has no usable map, or one that is too large to be shown.
    OSError
        When it cannot be read.
    """
    first = maps_in(product.hdus)[0]
    values = _sparse(first) if first.hdu.is_table else _dense(path, first)
    header = first.header
    return MapImage(
        values=values,
        wcs=celestial_wcs(header),
        header=header,
        name=str(first.hdu.header.get("EXTNAME") or ""),
        unit=text(header, "BUNIT") or "",
    )


def _dense(path: Path, first: MapHdu) -> Floats:
    check_size(first.hdu.header)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        try:
            with fits.open(path, memmap=False, lazy_load_hdus=True) as hdus:
                data = np.asarray(hdus[first.hdu.number].data, dtype=np.float64)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError) as exc:
            raise IngestError(f"the pixels of the map cannot be read ({type(exc).__name__}).") from exc
    if data.ndim < 2:
        raise IngestError("the map has no pixels.")
    planes = data.reshape((-1, *data.shape[-2:]))
    if first.plane is not None and first.plane < len(planes):
        height, width = (int(first.header[f"NAXIS{axis}"] or 0) for axis in (2, 1))
        return np.asarray(planes[first.plane, :height, :width])
    return summed(planes)


def summed(planes: Floats) -> Floats:
    """Return the sum over planes; a pixel without a value in any plane stays so."""
    total = np.nansum(planes, axis=0)
    total[np.isnan(planes).all(axis=0)] = np.nan
    return np.asarray(total)


def _sparse(first: MapHdu) -> Floats:
    shape = image_shape(first.hdu.header)
    if shape is None or shape[0] * shape[1] > MAX_PIXELS:
        raise IngestError("the sparse map has no usable size (WCSSHAPE).")
    table = table_of(first.hdu)
    pixels, values = table.numbers("pix"), table.numbers("value")
    flat = np.zeros(shape[0] * shape[1])
    known = np.isfinite(pixels) & (pixels >= 0) & (pixels < flat.size) & np.isfinite(values)
    np.add.at(flat, pixels[known].astype(np.int64), values[known])
    return flat.reshape(shape[1], shape[0])


def check_size(header: Header) -> None:
    """Refuse an image that would fill the memory.

    Raises
    ------
    IngestError
        With its size.
    """
    size = data_bytes(header)
    n_pixels = math.prod(int(header.get(f"NAXIS{axis}") or 1) for axis in (1, 2))
    if size > MAX_MAP_BYTES or n_pixels > MAX_PIXELS:
        raise IngestError(f"the map has {size / 2**20:.0f} MiB, more than can be shown or cut; fetch the file.")
