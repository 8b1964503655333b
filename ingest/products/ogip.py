"""Counts spectra in OGIP format: the PHA file is the dataset, the files it names are parts of it.

OGIP 92-007 (PHA) and 92-002 (ARF, RMF) as GADF 0.3, "spectra", and gammapy use them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingest import gadf
from ingest.errors import IngestError
from ingest.fitsfile import HDU, FitsError, read_hdus
from ingest.header import number, text
from ingest.products.description import Description
from ingest.products.quantities import tev_factor
from ingest.products.tables import ProductTable, column_names, table_of
from ingest.products.wcs import celestial_wcs, to_icrs

Floats = NDArray[np.float64]
# Keyword -> what the named file is to the spectrum.
LINKS = {"BACKFILE": "pha-background", "ANCRFILE": "arf", "RESPFILE": "rmf"}
WORDS = {"pha-background": "background spectrum", "arf": "effective area", "rmf": "energy redistribution"}
_UNSET = {"", "NONE", "N/A", "UNKNOWN"}
# gammapy writes EXPOSURE = 1 where the response holds the exposure (Fermi-LAT).
_NO_EXPOSURE = 1.0


@dataclass(frozen=True, slots=True)
class CountsSpectrum:
    """Counts per channel with the channels' energies in TeV; ``good`` are the channels of quality 0."""

    counts: Floats
    e_min_tev: Floats
    e_max_tev: Floats
    good: NDArray[np.bool_]
    exposure_s: float | None
    backscal: Floats


def spectrum_hdu(hdus: Sequence[HDU]) -> HDU | None:
    """Return the HDU with the counts spectrum, None when there is none."""
    for hdu in hdus:
        stated = (text(hdu.header, "HDUCLAS1") or "").upper() == "SPECTRUM" or hdu.name == "SPECTRUM"
        if hdu.is_table and stated and "channel" in column_names(hdu):
            return hdu
    return None


def part_kind(hdus: Sequence[HDU], file_name: str) -> str | None:
    """Return what a file is to a spectrum, None when it is no OGIP part.

    ``pha-background``, ``arf`` or ``rmf``. A background is known by HDUCLAS2, by naming itself as its background, or by
    its name: real ones do not say what they are.
    """
    spectrum = spectrum_hdu(hdus)
    if spectrum is not None:
        name = file_name.lower()
        names_itself = (text(spectrum.header, "BACKFILE") or "") == file_name
        stated = (text(spectrum.header, "HDUCLAS2") or "").upper() == "BKG"
        by_name = name.startswith(("bkg", "back")) or "_bkg" in name
        return "pha-background" if stated or names_itself or by_name else None
    for hdu in hdus:
        names = column_names(hdu)
        if {"energ_lo", "specresp"} <= names:
            return "arf"
        if {"energ_lo", "matrix"} <= names:
            return "rmf"
    return None


def links(hdu: HDU, file_name: str) -> dict[str, str]:
    """Return the files that a spectrum names, by what they are.

    Raises
    ------
    IngestError
        When a name is not that of a file beside the spectrum.
    """
    found: dict[str, str] = {}
    for keyword, kind in LINKS.items():
        name = text(hdu.header, keyword) or ""
        if name.upper() in _UNSET or name == file_name:
            continue
        if "/" in name or "\\" in name or name.startswith(".") or "\0" in name:
            raise IngestError(f"{keyword} is '{name}', which is not the bare name of a file beside the spectrum.")
        found[kind] = name
    return found


def check_links(folder: Path, named: Mapping[str, str]) -> None:
    """Refuse a spectrum that cannot be used because a file it names is not there.

    Raises
    ------
    IngestError
        With the names of the files that are missing.
    """
    missing = [f"{name} ({WORDS[kind]})" for kind, name in named.items() if _beside(folder, name) is None]
    if missing:
        raise IngestError(f"the spectrum names {', '.join(missing)}, which is not beside it; add it, or mend the name.")


def _beside(folder: Path, name: str) -> Path | None:
    """Return the file of a name in a folder, None when there is none or it is a link that leads elsewhere."""
    path = folder / name
    real = Path(os.path.realpath(path))
    return path if real.is_file() and real.parent == Path(os.path.realpath(folder)) else None


def read_spectrum(hdus: Sequence[HDU]) -> CountsSpectrum:
    """Interpret a file as a counts spectrum.

    Raises
    ------
    IngestError
        When columns or the energies of the channels are missing.
    """
    hdu = spectrum_hdu(hdus)
    if hdu is None:
        raise IngestError("there is no counts spectrum (HDU SPECTRUM with the column CHANNEL).")
    table = table_of(hdu)
    counts = table.optional("counts")
    exposure = number(hdu.header, "EXPOSURE")
    if counts is None:
        rates = table.optional("rate")
        if rates is None or not exposure:
            raise IngestError("the spectrum has no column COUNTS (nor RATE with EXPOSURE).")
        counts = rates * exposure
    e_min, e_max = _channel_energies_tev(hdus, table)
    quality = table.optional("quality")
    good = np.ones(counts.shape, dtype=np.bool_) if quality is None else quality == 0
    backscal = table.optional("backscal")
    if backscal is None:
        backscal = np.full(counts.shape, number(hdu.header, "BACKSCAL") or 1.0)
    usable = exposure is not None and exposure > 0 and exposure != _NO_EXPOSURE
    return CountsSpectrum(counts, e_min, e_max, good, exposure if usable else None, backscal)


def _channel_energies_tev(hdus: Sequence[HDU], spectrum: ProductTable) -> tuple[Floats, Floats]:
    bounds = next((hdu for hdu in hdus if hdu.is_table and hdu.name == "EBOUNDS" and hdu.data is not None), None)
    if bounds is None:
        raise IngestError("the spectrum has no EBOUNDS, so the energies of its channels are not known.")
    table = table_of(bounds)
    low, high = (
        table.numbers(name) * tev_factor(table.unit(name), f"the column {name.upper()} of EBOUNDS")
        for name in ("e_min", "e_max")
    )
    if low.shape != (spectrum.n_rows,):
        raise IngestError(f"EBOUNDS has {low.size} channels, the spectrum {spectrum.n_rows}.")
    return low, high


def describe_spectrum(hdus: Sequence[HDU], folder: Path, file_name: str) -> tuple[Description, dict[str, str]]:
    """Describe a PHA file.

    Parameters
    ----------
    hdus
        Of the file, with the data of its tables.
    folder
        Where the files it names must be.
    file_name
        Its own name.

    Returns
    -------
    tuple
        The description, and the names of its parts by what they are.

    Raises
    ------
    IngestError
        When it is not usable, or a file it names is missing.
    """
    hdu = spectrum_hdu(hdus)
    assert hdu is not None
    named = links(hdu, file_name)
    check_links(folder, named)
    spectrum = read_spectrum(hdus)
    description = Description(
        product_type="spectrum",
        subtype="pha",
        level="DL4",
        what="counts spectrum",
        em_xel=int(spectrum.counts.size),
        t_xel=1,
        t_exptime_s=spectrum.exposure_s,
        s_xel=(1, 1),
        o_ucd="phot.count;em.gamma",
        o_unit="count",
        target_name=gadf.set_text(hdu.header, "OBJECT"),
        telescope=_named(hdu, "TELESCOP"),
        instrument=_named(hdu, "INSTRUME"),
        obs_id=gadf.obs_id_of(hdu.header),
    )
    _set_energies(description, spectrum, _thresholds_tev(folder, named))
    _set_region(description, hdu, hdus)
    lacking = [WORDS[kind] for kind in ("arf", "rmf") if kind not in named]
    if lacking:
        description.doubts.append(f"the spectrum names no file of {' and '.join(lacking)}, so it cannot be fitted.")
    return description, named


def _named(hdu: HDU, key: str) -> str | None:
    value = gadf.set_text(hdu.header, key)
    return None if value is not None and value.upper() == "DUMMY" else value


def _thresholds_tev(folder: Path, named: Mapping[str, str]) -> tuple[float, float]:
    """Return LO_THRES and HI_THRES (TeV, GADF) of the effective area, wide open where they are not given."""
    path = _beside(folder, named["arf"]) if "arf" in named else None
    if path is None:
        return 0.0, math.inf
    try:
        hdus = read_hdus(path, lambda _: False)
    except (FitsError, OSError):
        return 0.0, math.inf
    for hdu in hdus:
        low, high = number(hdu.header, "LO_THRES"), number(hdu.header, "HI_THRES")
        if low is not None or high is not None:
            return low or 0.0, high if high and high > (low or 0.0) else math.inf
    return 0.0, math.inf


def _set_energies(description: Description, spectrum: CountsSpectrum, thresholds: tuple[float, float]) -> None:
    good = spectrum.good & np.isfinite(spectrum.e_min_tev) & np.isfinite(spectrum.e_max_tev)
    if not good.any():
        description.doubts.append("no channel of the spectrum has quality 0; the energies are those of all channels.")
        good = np.ones_like(good)
    low = max(float(spectrum.e_min_tev[good].min()), thresholds[0])
    high = min(float(spectrum.e_max_tev[good].max()), thresholds[1])
    if 0 < low < high:
        description.energy_min_tev, description.energy_max_tev = low, high
    else:
        description.doubts.append("the energies of the channels make no range.")


def _set_region(description: Description, hdu: HDU, hdus: Sequence[HDU]) -> None:
    """Set where the counts were taken: the circle of the REGION table, else RA_OBJ, DEC_OBJ and RAD."""
    region = next((other for other in hdus if other.name == "REGION" and other.data is not None), None)
    if region is not None and region.n_rows:
        circle = _circle(region)
        if circle is not None:
            description.ra_deg, description.dec_deg, description.fov_deg = circle
            return
        description.doubts.append("the extraction region is no circle, so the dataset has no position from it.")
    direction = gadf.direction(hdu.header, "RA_OBJ", "DEC_OBJ", zero_is_unset=True)
    if direction is not None:
        description.ra_deg, description.dec_deg = direction
        radius = number(hdu.header, "ON-RAD", "RAD")
        description.fov_deg = 2.0 * radius if radius and 0 < radius < 30.0 else None


def _circle(region: HDU) -> tuple[float, float, float] | None:
    """Return centre (ICRS) and diameter of the first region in degrees; it is stored in pixels of its own header."""
    table = table_of(region)
    shape, x, y, r = (table.columns.get(name) for name in ("shape", "x", "y", "r"))
    if shape is None or x is None or y is None or r is None or str(shape.values[0]).lower() != "circle":
        return None
    try:
        wcs = celestial_wcs(region.header)
    except IngestError:
        return None
    at = [np.ravel(np.asarray(column.values, dtype=np.float64))[:1] for column in (x, y, r)]
    longitude, latitude = wcs.wcs_pix2world(at[0], at[1], 1)
    if not np.isfinite([*longitude, *latitude, *at[2]]).all():
        return None
    ra, dec = to_icrs(wcs, np.asarray(longitude), np.asarray(latitude))
    scale = abs(float(np.linalg.det(wcs.pixel_scale_matrix))) ** 0.5
    return float(ra[0]), float(dec[0]), 2.0 * float(at[2][0]) * scale
