# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a selection can have anything in common with a dataset, by what the archive's tables say about it."""

from __future__ import annotations

from dataclasses import dataclass

from datalink.soda.selection import Selection

# Bounds in time come from columns of another precision and from other readers: near misses are left to the file.
_TIME_MARGIN_D = 0.01


@dataclass(frozen=True, slots=True)
class DatasetBounds:
    """What the row of a dataset says about its extent; None where it says nothing.

    Attributes
    ----------
    ra_deg, dec_deg, radius_deg
        Circle of the field of view (s_ra, s_dec, s_fov / 2).
    energy_min_tev, energy_max_tev
        Energies (energy_min, energy_max, in TeV).
    t_min_mjd_utc, t_max_mjd_utc
        First and last good time (t_min, t_max).
    event_type
        Label of the partition of the data that this dataset is.
    """

    ra_deg: float | None = None
    dec_deg: float | None = None
    radius_deg: float | None = None
    energy_min_tev: float | None = None
    energy_max_tev: float | None = None
    t_min_mjd_utc: float | None = None
    t_max_mjd_utc: float | None = None
    event_type: str | None = None


def cannot_overlap(selection: Selection, bounds: DatasetBounds) -> bool:
    """Tell whether TIME lies outside the observation for sure, or no energy passes both BAND and ENERGY."""
    energies = selection.energies_tev
    if energies is not None and energies.is_empty:
        return True
    times = selection.time_mjd_utc
    if times is None or bounds.t_min_mjd_utc is None or bounds.t_max_mjd_utc is None:
        return False
    return times.high < bounds.t_min_mjd_utc - _TIME_MARGIN_D or times.low > bounds.t_max_mjd_utc + _TIME_MARGIN_D


def misses_bounds(selection: Selection, bounds: DatasetBounds) -> bool:
    """Tell whether the filter misses the footprint or the energies of a dataset.

    Both are what the responses promise (an acceptance, a threshold), not what the events have: real files have events
    outside.  So this makes an answer empty (204) only where no event was selected either.
    """
    energies, low, high = selection.energies_tev, bounds.energy_min_tev, bounds.energy_max_tev
    if energies is not None and low is not None and high is not None and (energies.low > high or energies.high < low):
        return True
    if bounds.ra_deg is None or bounds.dec_deg is None or bounds.radius_deg is None:
        return False
    circle = (bounds.ra_deg, bounds.dec_deg, bounds.radius_deg)
    return not all(region.overlaps(*circle) for region in selection.regions)
