# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pictures a product has: a map or a plot, and a thumbnail."""

from __future__ import annotations

from pathlib import Path

from datalink.mapdata import map_image
from datalink.preview.data import Hints, PreviewError
from datalink.preview.map_pictures import catalogue_picture, healpix_picture, map_picture
from datalink.preview.plotting import Canvas
from datalink.preview.product_plots import counts_plot, light_curve_plot, spectrum_plot
from ingest.errors import IngestError
from ingest.products.catalogue import read_sources
from ingest.products.companion import NOTHING
from ingest.products.fluxpoints import read_flux_points
from ingest.products.healpix import is_healpix, nsides_of
from ingest.products.lightcurve import read_light_curve
from ingest.products.load import LoadedProduct, load_product
from ingest.products.ogip import read_spectrum
from ingest.products.recognise import Kind
from ingest.products.wcs import footprint

Drawn = dict[str, tuple[Canvas, dict[str, str]]]


def product_pictures(path: Path, hints: Hints, sky: str, plot: str, thumbnail: str) -> Drawn:
    """Draw a product.

    Parameters
    ----------
    path
        The file.
    hints
        What the archive knows of it.
    sky, plot, thumbnail
        Keys of the answer: a map has `sky` and `thumbnail`, the others `plot` and `thumbnail`.

    Raises
    ------
    PreviewError
        When there is nothing to draw.
    FitsError, OSError
        When the file is damaged or cannot be read.
    """
    try:
        product = load_product(path)
        title = hints.title or path.name
        words = " · ".join(filter(None, (hints.instrument, product.kind.value, path.name if hints.title else None)))
        on_sky = product.kind in (Kind.MAP, Kind.HEALPIX, Kind.CATALOGUE)
        large, small, texts = _drawn(path, product, hints, title, words)
    except IngestError as exc:
        raise PreviewError(str(exc)) from exc
    return {sky if on_sky else plot: (large, texts), thumbnail: (small, texts)}


def _drawn(
    path: Path, product: LoadedProduct, hints: Hints, title: str, words: str
) -> tuple[Canvas, Canvas, dict[str, str]]:
    kind, table = product.kind, product.table
    if kind is Kind.FLUX_POINTS and table is not None:
        return spectrum_plot(read_flux_points(table), title, words)
    if kind is Kind.LIGHT_CURVE and table is not None:
        return light_curve_plot(read_light_curve(table, NOTHING), title, words)
    if kind is Kind.CATALOGUE and table is not None:
        sources, _ = read_sources(table)
        return catalogue_picture(sources, title, f"{len(sources)} sources · {words}")
    if kind is Kind.COUNTS_SPECTRUM:
        return counts_plot(read_spectrum(product.hdus), title, words)
    if kind is Kind.MAP:
        image = map_image(path, product)
        where = footprint(image.header)
        named = " · ".join(filter(None, (words, image.name)))
        # the square around the map, not the circle through its corners
        return map_picture(image, (where.ra_deg, where.dec_deg), where.fov_deg / 1.4, title, named)
    if kind is Kind.HEALPIX and hints.ra_deg is not None and hints.dec_deg is not None and hints.fov_deg:
        hdu = next(hdu for hdu in product.hdus if is_healpix(hdu))
        nsides = nsides_of(hdu, product.hdus)
        return healpix_picture(hdu, nsides, (hints.ra_deg, hints.dec_deg), hints.fov_deg, title, words)
    raise IngestError(f"there is no picture of a {kind.value}.")
