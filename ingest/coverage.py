"""Energy range, field of view and footprint of a dataset, each from the best source its file offers (obscore.md §6)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from ingest import gadf
from ingest.collection import Defaults
from ingest.contents import Contents
from ingest.fitsfile import HDU
from ingest.footprint import circle_polygon_deg, to_pgsphere
from ingest.header import Header, integer, text
from ingest.response_table import TEV, ResponseError
from ingest.responses import (
    acceptance_radius_deg,
    background_energies_tev,
    energy_thresholds_tev,
    sensitive_energies_tev,
)
from ingest.rows import DatasetRow
from ingest.tablestream import iter_column

EV_PER_TEV = 1e12
# Beyond any particle ever seen: limits that high were never set.
MAX_TEV = 1e9
# h c in eV m (CODATA 2018, as quoted in obscore.md §6.1): wavelength = HC_EV_M / energy.
HC_EV_M = 1.239841984332e-6
# Eight vertices, circumscribed: index and output cost grow steeply with their number.
REGION_VERTICES = 8
_NUMBER = r"[-+0-9.eEdD]+"
_CIRCLE = re.compile(rf"CIRCLE\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)", re.IGNORECASE)
_RANGE = re.compile(rf"\s*({_NUMBER})\s*:\s*({_NUMBER})\s*")


@dataclass(frozen=True, slots=True)
class EnergyRange:
    """An energy range in TeV and where it was taken from."""

    low_tev: float
    high_tev: float
    source: str


@dataclass(frozen=True, slots=True)
class FieldOfView:
    """A diameter in degrees and where it was taken from."""

    diameter_deg: float
    source: str


def energy_range_tev(contents: Contents, defaults: Defaults) -> EnergyRange | None:
    """Return the energy range of an event list.

    Tried in turn: safe thresholds of the effective area, the data sub-space keywords, the energy axis of the
    background, the energies with effective area, the collection file, the energies of the events.

    Raises
    ------
    ResponseError
        When a response that is asked is damaged.
    """
    responses = contents.responses
    for events in contents.of_type(gadf.EVENTS):
        sources = (
            (gadf.AEFF, energy_thresholds_tev, "LO_THRES, HI_THRES"),
            (None, None, "data sub-space"),
            (gadf.BKG, background_energies_tev, "background axis"),
            (gadf.AEFF, sensitive_energies_tev, "effective area"),
        )
        for kind, function, source in sources:
            if kind is None or function is None:
                limits = _selected_energies_tev(events.header)
            else:
                limits = function(responses[kind]) if kind in responses else None
            if limits is not None and 0 < limits[0] < limits[1] < MAX_TEV:
                return EnergyRange(limits[0], limits[1], source)
        if defaults.energy_min_tev and defaults.energy_max_tev:
            return EnergyRange(defaults.energy_min_tev, defaults.energy_max_tev, "collection file")
        limits = _event_energies_tev(contents, events)
        return None if limits is None else EnergyRange(limits[0], limits[1], "events")
    return None


def set_energies(row: DatasetRow, energies: EnergyRange) -> None:
    """Set the energies in eV and the wavelengths in m, whose bounds swap."""
    row.energy_min, row.energy_max = energies.low_tev * EV_PER_TEV, energies.high_tev * EV_PER_TEV
    row.em_min, row.em_max = HC_EV_M / row.energy_max, HC_EV_M / row.energy_min


def field_of_view_deg(contents: Contents, defaults: Defaults, energy_tev: float) -> FieldOfView | None:
    """Return the field of view's diameter.

    Tried in turn: the circle of the data sub-space keywords, the offset up to which the effective area is at least
    10 % of that on axis, the collection file.

    Raises
    ------
    ResponseError
        When the effective area is damaged.
    """
    for events in contents.of_type(gadf.EVENTS):
        radius = _selected_radius_deg(events.header)
        if radius is not None:
            return FieldOfView(2.0 * radius, "data sub-space")
    if gadf.AEFF in contents.responses:
        radius = acceptance_radius_deg(contents.responses[gadf.AEFF], energy_tev)
        if radius is not None:
            return FieldOfView(2.0 * radius, "effective area")
    if defaults.s_fov_deg:
        return FieldOfView(defaults.s_fov_deg, "collection file")
    return None


def circle_region(row: DatasetRow) -> str | None:
    """Return the footprint as pgsphere text, None without position or field of view (or one beyond a hemisphere)."""
    if row.s_ra is None or row.s_dec is None or not row.s_fov or row.s_fov >= 150.0:
        return None
    return to_pgsphere(circle_polygon_deg(row.s_ra, row.s_dec, row.s_fov / 2.0, REGION_VERTICES))


def _subspace(header: Header) -> dict[str, tuple[str, str]]:
    """Return unit and value of each data sub-space axis, by upper-case type (the ctools and Fermi keywords)."""
    axes: dict[str, tuple[str, str]] = {}
    for key in range(1, min(integer(header, "NDSKEYS") or 0, 99) + 1):
        kind, value = text(header, f"DSTYP{key}"), text(header, f"DSVAL{key}")
        if kind and value:
            axes.setdefault(kind.upper(), (text(header, f"DSUNI{key}") or "", value))
    return axes


def _selected_energies_tev(header: Header) -> tuple[float, float] | None:
    unit, value = _subspace(header).get("ENERGY", ("", ""))
    match, factor = _RANGE.fullmatch(value), TEV.get(unit.lower() or "tev")
    if match is None or factor is None:
        return None
    try:
        return float(match[1]) * factor, float(match[2]) * factor
    except ValueError:
        return None


def _selected_radius_deg(header: Header) -> float | None:
    for kind, (_, value) in _subspace(header).items():
        match = _CIRCLE.search(value) if kind.startswith("POS") else None
        if match is not None:
            try:
                radius = float(match[3])
            except ValueError:
                return None
            return radius if 0 < radius < 90 else None
    return None


def _event_energies_tev(contents: Contents, events: HDU) -> tuple[float, float] | None:
    column = events.columns()["ENERGY"]
    factor = TEV.get(column.unit.lower() or "tev")
    if factor is None:
        raise ResponseError(f"the energies of the events are in '{column.unit}'.")
    lows, highs = [np.inf], [0.0]
    for energies in iter_column(contents.file.path, events.number, "ENERGY"):
        positive = energies[np.isfinite(energies) & (energies > 0)]
        if positive.size:
            lows.append(float(positive.min()))
            highs.append(float(positive.max()))
    low, high = min(lows) * factor, max(highs) * factor
    return (low, high) if 0 < low <= high else None
