"""Good time intervals that come with a product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingest import gadf
from ingest.errors import IngestError
from ingest.fitsfile import HDU
from ingest.timescale import TimeError, TimeReference


@dataclass(frozen=True, slots=True)
class GoodTime:
    """First start and last stop, MJD UTC, and the sum of all intervals in seconds."""

    t_min: float
    t_max: float
    total_s: float


def good_time(hdus: Sequence[HDU], default_timesys: str | None) -> GoodTime | None:
    """Return what the GTI table of a file says, None when there is none or it is empty.

    Raises
    ------
    IngestError
        When the times cannot be interpreted.
    """
    for hdu in hdus:
        role = gadf.role_of(hdu)
        if role is None or role.hdu_type != gadf.GTI or hdu.data is None:
            continue
        columns = hdu.columns()
        if not {"START", "STOP"} <= columns.keys():
            continue
        start, stop = (hdu.read(columns[name]).ravel() for name in ("START", "STOP"))
        good = np.isfinite(start) & np.isfinite(stop) & (stop > start)
        if not good.any():
            continue
        try:
            reference = TimeReference.from_header(hdu.header, default_timesys or "tt")
            utc = reference.to_mjd(np.array([start[good].min(), stop[good].max()]), "utc")
        except TimeError as exc:
            raise IngestError(f"the good time intervals are not usable: {exc}") from exc
        total_s = float((stop[good] - start[good]).sum()) * reference.unit_s
        return GoodTime(float(utc[0]), float(utc[1]), total_s)
    return None
