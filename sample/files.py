# SPDX-License-Identifier: GPL-3.0-or-later
"""GADF DL3 file of one run: HDUs, headers, reproducible gzip.

Format: Data formats for gamma-ray astronomy (GADF) 0.3.  The responses of a site are the same bytes in all its files,
so they are built and compressed once a process; only events and good time intervals are work for every run.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits  # type: ignore[import-untyped,import-not-found,unused-ignore]

from sample import response as axes
from sample import tables
from sample.events import Events
from sample.headers import (
    Card,
    class_cards,
    condition_cards,
    fov_card,
    location_cards,
    observation_cards,
    origin_cards,
    pointing_cards,
    time_cards,
)
from sample.response import Response
from sample.schedule import Run
from sample.targets import CREATED, Site

_GZIP_LEVEL = 6
_GZIP_HEADER = b"\x1f\x8b\x08\x00" + struct.pack("<I", 0) + b"\x00\xff"
_FITS_BLOCK = 2880

Hdu = Any
"""An astropy HDU; astropy carries no types."""


@dataclass(frozen=True)
class Axis:
    """Binned axis of a response table: GADF name without ``_LO``/``_HI``, unit, edges of shape (n + 1,)."""

    name: str
    unit: str | None
    edges: npt.NDArray[np.float64]


@dataclass(frozen=True)
class HduName:
    """Names of an HDU: ``EXTNAME``, and type and class in the HDU index."""

    extname: str
    hdu_type: str
    hdu_class: str


def hdu_names(site: Site) -> tuple[HduName, ...]:
    """HDUs of a site's files, in order.

    Parameters
    ----------
    site : Site
        The observing site.

    Returns
    -------
    tuple of HduName
        Six HDUs; the primary HDU holds no data and is not listed.
    """
    return (
        HduName("EVENTS", "events", "events"),
        HduName("GTI", "gti", "gti"),
        HduName("EFFECTIVE AREA", "aeff", "aeff_2d"),
        HduName("ENERGY DISPERSION", "edisp", "edisp_2d"),
        HduName("POINT SPREAD FUNCTION", "psf", axes.DESIGNS[site.key].psf_class.lower()),
        HduName("BACKGROUND", "bkg", "bkg_3d"),
    )


def dl3_file(run: Run, events: Events, response: Response) -> bytes:
    """Complete file of a run.

    Parameters
    ----------
    run : Run
        Plan of the run.
    events : Events
        Its events.
    response : Response
        Response of the run's site.

    Returns
    -------
    bytes
        A gzip file (time stamp 0, fixed level) with the HDUs PRIMARY, EVENTS, GTI and the four responses.
    """
    return _gzip(_fits_bytes([_events_hdu(run, events), _gti_hdu(run)], run), _packed_responses(run.site, response))


def table_hdu(columns: Iterable[tuple[str, str, str | None, Any]], name: str, cards: Sequence[Card]) -> Hdu:
    """Binary table HDU with checksums.

    Parameters
    ----------
    columns : iterable of tuple
        Name, FITS format, unit and values of every column.
    name : str
        ``EXTNAME``.
    cards : sequence of tuple
        Keyword, value and comment of the header.

    Returns
    -------
    astropy.io.fits.BinTableHDU
        The HDU; the comment of ``CHECKSUM`` carries the fixed creation date.
    """
    fields = [fits.Column(name=key, format=form, unit=unit, array=values) for key, form, unit, values in columns]
    hdu = fits.BinTableHDU.from_columns(fields, name=name)
    hdu.header.extend(cards)
    hdu.add_checksum(when=CREATED)
    return hdu


def _fits_bytes(hdus: Sequence[Hdu], run: Run | None) -> bytes:
    """HDUs as a FITS file, with a primary HDU that says whose data these are."""
    primary = fits.PrimaryHDU()
    if run is not None:
        primary.header.extend(origin_cards(run.site) + [("OBS_ID", run.obs_id, "observation")])
        primary.header["COMMENT"] = "Simulated data. Not observed by CTAO, not for science."
        primary.header["COMMENT"] = "Terms of use: CC BY 4.0 or CC0 1.0, see TERMS.txt."
        primary.add_checksum(when=CREATED)
    buffer = io.BytesIO()
    fits.HDUList([primary, *hdus]).writeto(buffer)
    return buffer.getvalue()


def gzip_alone(hdu: Hdu) -> bytes:
    """Gzip file with one table.

    Parameters
    ----------
    hdu : astropy.io.fits.BinTableHDU
        The table.

    Returns
    -------
    bytes
        A reproducible gzip file with an empty primary HDU and the table.
    """
    return _gzip(_fits_bytes([hdu], None), (b"", zlib.compressobj(wbits=-zlib.MAX_WBITS).flush()))


def _gzip(first: bytes, rest: tuple[bytes, bytes]) -> bytes:
    """One gzip member of two parts, the second already compressed.

    Parameters
    ----------
    first : bytes
        First part.
    rest : tuple of bytes
        Second part, plain and as a raw deflate stream of its own (RFC 1951).

    Returns
    -------
    bytes
        Gzip file (RFC 1952).  A full flush ends the first part at a byte and forgets its window, so that the second
        stream may simply follow.
    """
    plain, deflated = rest
    deflater = zlib.compressobj(_GZIP_LEVEL, wbits=-zlib.MAX_WBITS)
    body = deflater.compress(first) + deflater.flush(zlib.Z_FULL_FLUSH) + deflated
    checksum, size = zlib.crc32(plain, zlib.crc32(first)), (len(first) + len(plain)) & 0xFFFFFFFF
    return _GZIP_HEADER + body + struct.pack("<II", checksum, size)


@lru_cache(maxsize=8)
def _packed_responses(site: Site, response: Response) -> tuple[bytes, bytes]:
    """FITS bytes of the four response HDUs, plain and deflated."""
    plain = _fits_bytes(_response_hdus(site, response), None)[_FITS_BLOCK:]
    deflater = zlib.compressobj(_GZIP_LEVEL, wbits=-zlib.MAX_WBITS)
    return plain, deflater.compress(plain) + deflater.flush()


def _events_hdu(run: Run, events: Events) -> Hdu:
    """EVENTS table, events in order of time."""
    ra_deg = events.ra_deg.astype(np.float32)
    ra_deg[ra_deg >= 360.0] = 0.0  # rounding to single precision may reach the full circle
    columns = [
        ("EVENT_ID", "K", None, np.arange(1, len(events) + 1)),
        ("TIME", "D", "s", events.time_tai_s),
        ("RA", "E", "deg", ra_deg),
        ("DEC", "E", "deg", events.dec_deg),
        ("ENERGY", "E", "TeV", events.energy_tev),
        ("DETX", "E", "deg", events.detx_deg),
        ("DETY", "E", "deg", events.dety_deg),
        ("MULTIP", "I", None, events.multiplicity),
        ("GAMMANESS", "E", None, events.gammaness),
    ]
    cards = class_cards("EVENTS", "ACCEPTED") + origin_cards(run.site) + observation_cards(run)
    cards += time_cards() + location_cards(run.site) + pointing_cards(run) + condition_cards(run)
    return table_hdu(columns, "EVENTS", cards)


def _gti_hdu(run: Run) -> Hdu:
    """GTI table."""
    columns = [("START", "D", "s", np.array(run.gti_start_s)), ("STOP", "D", "s", np.array(run.gti_stop_s))]
    cards = class_cards("GTI") + origin_cards(run.site) + [("OBS_ID", run.obs_id, "observation")]
    return table_hdu(columns, "GTI", cards + time_cards() + location_cards(run.site))


def _response_hdus(site: Site, response: Response) -> list[Hdu]:
    """Four response HDUs in the order of :func:`hdu_names`."""
    true = Axis("ENERG", "TeV", axes.TRUE_ENERGY_TEV)
    coarse = Axis("ENERG", "TeV", axes.TRUE_ENERGY_COARSE_TEV)
    reco = Axis("ENERG", "TeV", axes.RECO_ENERGY_TEV)
    theta = Axis("THETA", "deg", axes.OFFSET_DEG)
    migra = Axis("MIGRA", None, axes.MIGRA)
    det = [Axis("DETX", "deg", axes.DET_DEG), Axis("DETY", "deg", axes.DET_DEG)]
    area = {"EFFAREA": ("m2", tables.effective_area_m2(response))}
    matrix = {"MATRIX": (None, tables.energy_dispersion(response))}
    rate = {"BKG": ("s-1 MeV-1 sr-1", tables.background_rates(response)[0])}
    names = hdu_names(site)[2:]
    low_tev, high_tev = response.design.safe_energy_tev
    safe = [("LO_THRES", low_tev, "[TeV] low threshold"), ("HI_THRES", high_tev, "[TeV] high threshold")]
    return [
        _response_hdu(site, names[0], "EFF_AREA", [true, theta], area, safe),
        _response_hdu(site, names[1], "EDISP", [coarse, migra, theta], matrix, []),
        _psf_hdu(site, names[2], response, coarse, theta),
        _response_hdu(site, names[3], "BKG", [reco, *det], rate, [fov_card()]),
    ]


def _psf_hdu(site: Site, name: HduName, response: Response, energy: Axis, theta: Axis) -> Hdu:
    """PSF in the format of the site: Gaussians or a table."""
    if response.design.psf_class == "PSF_TABLE":
        radius = Axis("RAD", "deg", axes.PSF_RADIUS_DEG)
        density = {"RPSF": ("sr-1", tables.psf_table_per_sr(response))}
        return _response_hdu(site, name, "RPSF", [energy, theta, radius], density, [])
    units = {"SCALE": "sr-1", "SIGMA_1": "deg", "SIGMA_2": "deg", "SIGMA_3": "deg", "AMPL_2": None, "AMPL_3": None}
    data = {key: (units[key], values) for key, values in tables.psf_three_gauss(response).items()}
    return _response_hdu(site, name, "RPSF", [energy, theta], data, [])


def _response_hdu(
    site: Site,
    name: HduName,
    hduclas2: str,
    table_axes: Sequence[Axis],
    data: Mapping[str, tuple[str | None, npt.NDArray[np.float64]]],
    extra: Sequence[Card],
) -> Hdu:
    """One-row table of bin edges and of arrays over the axes, the first axis running fastest (``TDIM``)."""
    columns = []
    for axis in table_axes:
        for suffix, edges in (("_LO", axis.edges[:-1]), ("_HI", axis.edges[1:])):
            columns.append(fits.Column(axis.name + suffix, f"{edges.size}E", axis.unit, array=edges[None]))
    shape = tuple(axis.edges.size - 1 for axis in table_axes)
    for key, (unit, values) in data.items():
        form = f"{values.size}E"
        columns.append(fits.Column(key, form, unit, dim=str(shape).replace(" ", ""), array=values[None]))
    hdu = fits.BinTableHDU.from_columns(columns, name=name.extname)
    hdu.header.extend(class_cards("RESPONSE", hduclas2, "FULL-ENCLOSURE", name.hdu_class.upper()))
    hdu.header.extend([*origin_cards(site), ("EV_CLASS", "std", "event selection"), *extra])
    order = ",".join(f"{axis.name}_LO:{axis.name}_HI" for axis in table_axes)
    for number in range(2 * len(table_axes) + 1, len(columns) + 1):
        hdu.header[f"CREF{number}"] = f"({order})"
    hdu.add_checksum(when=CREATED)
    return hdu
