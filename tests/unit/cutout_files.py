# SPDX-License-Identifier: GPL-3.0-or-later
"""Event files to cut, and the cutting, for the tests of ``datalink.soda.cutout``."""

from __future__ import annotations

import datetime
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from datalink.soda.cutout import CutRequest, CutResult, cut_event_list
from datalink.soda.overlap import DatasetBounds
from datalink.soda.responses import SharedResponse
from datalink.soda.selection import parse_selection
from tests.unit.fits_files import GTI, HEADER, SHARED, table, to_bytes

DID = "ivo://test/~?cta/data/tests/run.fits"
NOW = datetime.datetime(2026, 1, 15, 12, 30, tzinfo=datetime.timezone.utc)
DL3 = SHARED / "data" / "dl3"
START, STOP = GTI[0]
# TSTART and TSTOP of the files made here, MJD UTC (gadf.md, section 4)
START_UTC, STOP_UTC = 53090.12270833333, 53090.14217592593


def request(**values: Any) -> CutRequest:
    """Return what a cut-out needs, with a fixed time and no bounds."""
    return CutRequest(publisher_did=DID, service="https://test/soda", version="archive 1.0", utc_now=NOW, **values)


def cut(
    path: Path, bounds: DatasetBounds | None = None, /, **parameters: str | Sequence[str]
) -> tuple[bytes, CutResult]:
    """Return a cut-out by SODA parameters, and what is said about it."""
    return cut_with(path, request(bounds=bounds or DatasetBounds()), **parameters)


def cut_with(path: Path, asked: CutRequest, /, **parameters: str | Sequence[str]) -> tuple[bytes, CutResult]:
    """Do the same with a request of one's own."""
    values = {name: [value] if isinstance(value, str) else value for name, value in parameters.items()}
    out = io.BytesIO()
    result = cut_event_list(path, parse_selection(values), out, asked)
    assert result.n_bytes == len(out.getvalue())
    return out.getvalue(), result


def opened(content: bytes) -> fits.HDUList:
    """Open a result with all of astropy's checks; warnings are errors, those about checksums included."""
    hdus = fits.open(io.BytesIO(content), checksum=True, lazy_load_hdus=False, memmap=False)
    hdus.verify("exception")
    for hdu in hdus:
        assert not isinstance(hdu, (fits.PrimaryHDU,)) or hdu is hdus[0]
        if "CHECKSUM" in hdu.header:
            assert hdu.verify_checksum() == 1
            assert hdu.verify_datasum() == 1
    return hdus


def raw_hdus(content: bytes) -> dict[str, tuple[bytes, bytes]]:
    """Return header and data of each HDU as bytes, padding included, by name."""
    found = {}
    with fits.open(io.BytesIO(content), lazy_load_hdus=False) as hdus:
        for hdu in hdus:
            info = hdu.fileinfo()
            end = info["datLoc"] + info["datSpan"]
            found[hdu.name] = content[info["hdrLoc"] : info["datLoc"]], content[info["datLoc"] : end]
    return found


def shared_responses(path: Path, *names: str) -> tuple[SharedResponse, ...]:
    """Return responses of one other file."""
    return tuple(SharedResponse(path, name) for name in names)


def made_columns(n: int, seed: int = 1, time: np.ndarray | None = None) -> list[fits.Column]:
    """Return the columns of n events around (228.6, -58.8), up to 2 deg away, 0.1 to 50 TeV, over the whole GTI."""
    random = np.random.default_rng(seed)
    distance, angle = 2 * random.uniform(0, 1, n) ** 0.5, random.uniform(0, 2 * np.pi, n)
    dec = -58.8 + distance * np.cos(angle)
    ra = 228.6 + distance * np.sin(angle) / np.cos(np.radians(dec))
    times = random.uniform(START, STOP, n) if time is None else time
    return [
        fits.Column("EVENT_ID", "K", array=np.arange(n) + 2**40),
        fits.Column("TIME", "D", "s", array=times),
        fits.Column("RA", "E", "deg", array=ra),
        fits.Column("DEC", "E", "deg", array=dec),
        fits.Column("ENERGY", "E", "TeV", array=10 ** random.uniform(-1, 1.7, n)),
    ]


def made_events(
    n: int = 500, seed: int = 1, more: Sequence[fits.Column] = (), time: np.ndarray | None = None, **cards: Any
) -> fits.BinTableHDU:
    """Return n events (`made_columns`), with further columns; cards override HEADER, None leaves one out."""
    changed: Mapping[str, Any] = {key.rstrip("_").replace("__", "-").upper(): value for key, value in cards.items()}
    return table("EVENTS", [*made_columns(n, seed, time), *more], {**HEADER, **changed})


def written(path: Path, *hdus: fits.hdu.base.ExtensionHDU) -> Path:
    """Write a file and return its path."""
    path.write_bytes(to_bytes(*hdus))
    return path
