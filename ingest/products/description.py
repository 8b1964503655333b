"""What all products have in common: coverage, axes and observable, in the archive's units."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# ObsCore's calibration level of each data level.
CALIB_LEVELS = {"DL0": 0, "DL1": 1, "DL2": 1, "DL3": 2, "DL4": 3, "DL5": 4}


@dataclass(slots=True, kw_only=True)
class Description:
    """A product. Energies TeV, angles deg (ICRS), times MJD UTC, durations s; None is unknown.

    ``what`` names it in titles. ``polygon_deg`` has shape (N, 2). ``notes`` say where values came from, ``doubts`` are
    sentences for the operator.
    """

    product_type: str
    subtype: str | None
    level: str
    what: str
    energy_min_tev: float | None = None
    energy_max_tev: float | None = None
    em_xel: int | None = None
    t_min: float | None = None
    t_max: float | None = None
    t_exptime_s: float | None = None
    t_resolution_s: float | None = None
    t_xel: int | None = None
    ra_deg: float | None = None
    dec_deg: float | None = None
    fov_deg: float | None = None
    polygon_deg: Floats | None = None
    s_xel: tuple[int, int] | None = None
    pixel_scale_arcsec: float | None = None
    o_ucd: str | None = None
    o_unit: str | None = None
    o_calib_status: str | None = None
    target_name: str | None = None
    telescope: str | None = None
    instrument: str | None = None
    creator: str | None = None
    created: str | None = None
    bib_reference: str | None = None
    obs_id: str | None = None
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
