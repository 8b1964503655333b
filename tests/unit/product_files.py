# SPDX-License-Identifier: GPL-3.0-or-later
"""Small product files for tests, written with astropy, and what a harvest makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from ingest.collection import Collection
from ingest.folder import FoundFile
from ingest.harvest import Harvest, Task, harvest
from tests.unit.fits_files import COLLECTION

WCS_CARDS: Mapping[str, Any] = {
    "CTYPE1": "RA---TAN",
    "CTYPE2": "DEC--TAN",
    "CRVAL1": 83.63,
    "CRVAL2": 22.01,
    "CRPIX1": 20.5,
    "CRPIX2": 10.5,
    "CDELT1": -0.05,
    "CDELT2": 0.05,
    "CUNIT1": "deg",
    "CUNIT2": "deg",
    "RADESYS": "ICRS",
}


def harvested(path: Path, collection: Collection = COLLECTION, companion: Path | None = None) -> Harvest:
    """Return what a harvest makes of a file."""
    found = FoundFile(path.name, path, path.stat().st_size, path.stat().st_mtime_ns)
    beside = None if companion is None else FoundFile(companion.name, companion, companion.stat().st_size, 0)
    accref = f"cta/data/tests/{path.name}"
    return harvest(Task(found, accref, f"ivo://x.y/~?{accref}", "fingerprint", companion=beside), collection)


def table_hdu(columns: Mapping[str, tuple[Any, str | None]], name: str = "", **cards: Any) -> fits.BinTableHDU:
    """Return a binary table of columns with units, given as arrays of numbers, truth values or texts."""
    made = []
    for key, (values, unit) in columns.items():
        array = np.asarray(values)
        width = int(np.prod(array.shape[1:])) if array.ndim > 1 else 1
        code = {"b": "L", "i": "K", "f": "D"}.get(array.dtype.kind) or f"{array.dtype.itemsize // 4}A"
        form = f"{width}{code}" if width > 1 and not code.endswith("A") else code
        dim = f"({','.join(str(size) for size in reversed(array.shape[1:]))})" if array.ndim > 2 else None
        made.append(fits.Column(key, form, unit=unit, dim=dim, array=array))
    hdu = fits.BinTableHDU.from_columns(made, name=name or None)
    hdu.header.update(cards)
    return hdu


def write_fits(path: Path, *hdus: Any) -> Path:
    """Write a file; a primary HDU is added when the first one is a table."""
    first = [] if hdus and isinstance(hdus[0], fits.PrimaryHDU) else [fits.PrimaryHDU()]
    fits.HDUList([*first, *hdus]).writeto(path, overwrite=True)
    return path


def image(data: Any = None, **cards: Any) -> fits.PrimaryHDU:
    """Return an image of 40 by 20 pixels around the Crab Nebula; cards of value None are left out."""
    hdu = fits.PrimaryHDU(np.ones((20, 40), np.float32) if data is None else data)
    for key, value in {**WCS_CARDS, **cards}.items():
        if value is not None:
            hdu.header[key] = value
    return hdu


def sed(**changes: tuple[Any, str | None]) -> dict[str, tuple[Any, str | None]]:
    """Return columns of four flux points, the last one an upper limit."""
    columns: dict[str, tuple[Any, str | None]] = {
        "e_ref": ([1.0, 2.0, 4.0, 8.0], "TeV"),
        "e_min": ([0.7, 1.4, 2.8, 5.6], "TeV"),
        "e_max": ([1.4, 2.8, 5.6, 11.2], "TeV"),
        "dnde": ([1e-11, 2e-12, 4e-13, np.nan], "cm-2 s-1 TeV-1"),
        "dnde_err": ([1e-12, 2e-13, 4e-14, np.nan], "cm-2 s-1 TeV-1"),
        "dnde_ul": ([np.nan, np.nan, np.nan, 8e-14], "cm-2 s-1 TeV-1"),
    }
    return {**columns, **changes}


def spectrum(**links: str) -> list[fits.BinTableHDU]:
    """Return SPECTRUM and EBOUNDS of four channels, the first one of bad quality."""
    counts = {
        "CHANNEL": (np.arange(4), None),
        "COUNTS": (np.array([9, 7, 3, 0]), "count"),
        "QUALITY": (np.array([1, 0, 0, 0]), None),
    }
    bounds = {
        "CHANNEL": (np.arange(4), None),
        "E_MIN": (np.array([0.1, 1.0, 3.0, 10.0]) * 1e9, "keV"),
        "E_MAX": (np.array([1.0, 3.0, 10.0, 30.0]) * 1e9, "keV"),
    }
    cards = {"HDUCLASS": "OGIP", "HDUCLAS1": "SPECTRUM", "HDUCLAS2": "TOTAL", "EXPOSURE": 1800.0, "OBS_ID": 23523}
    return [table_hdu(counts, "SPECTRUM", **cards, **links), table_hdu(bounds, "EBOUNDS", HDUCLAS1="RESPONSE")]


def area(**cards: Any) -> fits.BinTableHDU:
    """Return an effective area (ARF)."""
    columns = {
        "ENERG_LO": (np.array([1e9, 1e10]), "keV"),
        "ENERG_HI": (np.array([1e10, 1e11]), "keV"),
        "SPECRESP": (np.array([1e9, 2e9]), "cm2"),
    }
    return table_hdu(columns, "SPECRESP", HDUCLAS1="RESPONSE", HDUCLAS2="SPECRESP", **cards)


def matrix() -> fits.BinTableHDU:
    """Return something with the columns of a redistribution matrix (RMF)."""
    columns = {
        "ENERG_LO": (np.array([1e9]), "keV"),
        "ENERG_HI": (np.array([1e10]), "keV"),
        "MATRIX": (np.array([[0.5, 0.5]]), None),
    }
    return table_hdu(columns, "MATRIX", HDUCLAS1="RESPONSE", HDUCLAS2="RSP_MATRIX")
