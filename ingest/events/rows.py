"""What is passed on between reading event files and loading their rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HEALPIX_ORDER = 10
"""Order of the HEALPix index of a photon: pixels of 3.4 arcmin, somewhat finer than the point spread function."""


@dataclass(frozen=True, slots=True)
class EventFile:
    """An event file to be read, and what the archive knows of its times where its header is silent."""

    source_id: int
    path: Path
    mjdrefi: int | None = None
    mjdreff: float | None = None
    timesys: str | None = None


@dataclass(frozen=True, slots=True)
class Photons:
    """Some photons of a file, all arrays of shape ``(n,)``; what a file does not say is None, a lacking number NaN.

    Attributes
    ----------
    event_id
        Identifier in the file; -1 is lacking.
    time_mjd
        MJD, UTC at the telescope.
    ra_deg, dec_deg
        ICRS, RA in [0, 360).
    energy_tev
        Reconstructed energy.
    event_type
        The number EVENT_TYPE holds, or its bits as a number; -1 is lacking.
    multiplicity
        Telescopes that saw the event (MULTIP); -1 is lacking.
    healpix
        Pixel in the nested scheme, order `HEALPIX_ORDER`; -1 without a position.
    """

    time_mjd: Floats
    ra_deg: Floats
    dec_deg: Floats
    energy_tev: Floats
    healpix: Ints
    event_id: Ints | None = None
    event_type: Ints | None = None
    multiplicity: Ints | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file, ready for COPY."""

    source_id: int
    n_rows: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Finished:
    """A file was read; `sentence` says what went wrong, None if nothing did."""

    source_id: int
    sentence: str | None = None
