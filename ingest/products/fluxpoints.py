"""Flux points and likelihood profiles (GADF 0.3, "flux points"; gammapy's dialect; gamma-cat's and VTSCat's tables)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.errors import IngestError
from ingest.products.companion import Companion
from ingest.products.description import Description
from ingest.products.quantities import (
    DIMENSIONS,
    FLUX_UCDS,
    check_flux_unit,
    factor,
    finite_range,
    fits_unit,
    tev_factor,
    vounit,
)
from ingest.products.tables import ProductTable

Floats = NDArray[np.float64]
# SED_TYPE and the columns that tell it where the keyword is missing, in the order in which they are looked for.
KINDS = ("dnde", "e2dnde", "flux", "eflux")
# gamma-cat's schema names types otherwise.
_SED_TYPES = {"diff_flux_points": "dnde", "int_flux_points": "flux"}
_REFERENCES = {"dnde": "ref_dnde", "flux": "ref_flux", "eflux": "ref_eflux"}


@dataclass(frozen=True, slots=True)
class Profiles:
    """Likelihood profiles: shape (points, steps). ``quantity`` says what ``values`` are, for writers differ."""

    norms: Floats
    values: Floats
    quantity: str


@dataclass(frozen=True, slots=True)
class Fluxes:
    """Fluxes of one kind in one unit, any shape; what is not known is NaN. Upper limits have ``is_limit``."""

    kind: str
    unit: str
    value: Floats
    err_low: Floats
    err_high: Floats
    limit: Floats
    is_limit: NDArray[np.bool_]

    @property
    def ucd(self) -> str:
        """The UCD of the values."""
        return FLUX_UCDS[self.kind]


@dataclass(frozen=True, slots=True)
class FluxPoints:
    """Flux points: energies in TeV, bin edges NaN where there are none; confidence of limits where it is stated."""

    e_ref_tev: Floats
    e_min_tev: Floats
    e_max_tev: Floats
    fluxes: Fluxes
    sed_type: str
    limit_confidence: float | None = None
    profiles: Profiles | None = None

    def __len__(self) -> int:
        return int(self.e_ref_tev.size)


def is_flux_table(names: set[str]) -> bool:
    """Return whether columns (lower case) are those of flux points or of a light curve."""
    has_flux = bool(names & {"dnde", "e2dnde", "flux", "eflux"}) or {"norm", "ref_dnde"} <= names
    return has_flux and bool(names & {"e_ref", "e_min"} or names & {"time", "time_min"})


def read_flux_points(table: ProductTable) -> FluxPoints:
    """Interpret a table as flux points.

    Raises
    ------
    IngestError
        When columns are missing, or in units that cannot be theirs.
    """
    e_ref, e_min, e_max = energies_tev(table)
    if e_ref is None and (e_min is None or e_max is None):
        raise IngestError("flux points need the column e_ref, or e_min and e_max.")
    if e_ref is None:
        assert e_min is not None and e_max is not None
        e_ref = np.sqrt(np.abs(e_min * e_max))
    if not table.n_rows or not (np.isfinite(e_ref) & (e_ref > 0)).any():
        raise IngestError("no row of the flux points has a positive energy.")
    unknown = np.full(e_ref.shape, np.nan)
    return FluxPoints(
        e_ref_tev=e_ref,
        e_min_tev=unknown if e_min is None else e_min,
        e_max_tev=unknown if e_max is None else e_max,
        fluxes=read_fluxes(table),
        sed_type=sed_type(table) or "dnde",
        limit_confidence=_confidence(table),
        profiles=_profiles(table),
    )


def energies_tev(table: ProductTable) -> tuple[Floats | None, Floats | None, Floats | None]:
    """Return the columns e_ref, e_min and e_max in TeV, those that are there.

    Raises
    ------
    IngestError
        When one of them has no unit of energy.
    """
    found: list[Floats | None] = []
    for name in ("e_ref", "e_min", "e_max"):
        values = table.optional(name)
        if values is not None:
            values = values * tev_factor(table.unit(name), f"the column {name}")
        found.append(values)
    return found[0], found[1], found[2]


def sed_type(table: ProductTable) -> str | None:
    """Return SED_TYPE: as stated where its columns are there, else what the columns tell."""
    stated = (table.text("SED_TYPE") or "").lower()
    stated = _SED_TYPES.get(stated, stated)
    if stated in KINDS and stated in table:
        return stated
    if stated == "likelihood" and "norm" in table:
        return stated
    found = next((kind for kind in KINDS if kind in table), None)
    return found or ("likelihood" if {"norm", "ref_dnde"} <= table.columns.keys() else None)


def read_fluxes(table: ProductTable, prefer: tuple[str, ...] = ("dnde",)) -> Fluxes:
    """Return the fluxes of a table, those of a likelihood table as norm times a reference flux.

    Parameters
    ----------
    table
        The table.
    prefer
        Which reference flux a likelihood table is to be multiplied with, in order.

    Raises
    ------
    IngestError
        When there are none, or their unit is not one of their kind.
    """
    kind = sed_type(table)
    if kind is None:
        raise IngestError("the table has none of the columns dnde, e2dnde, flux, eflux, norm.")
    name, reference, unit = kind, None, ""
    if kind == "likelihood":
        name = "norm"
        kind = next((kind for kind in (*prefer, "dnde") if _REFERENCES[kind] in table), None)
        if kind is None:
            raise IngestError("a likelihood table needs ref_dnde to turn norms into fluxes.")
        reference, unit = table.numbers(_REFERENCES[kind]), table.unit(_REFERENCES[kind])
        check_flux_unit(unit, kind, f"the column {_REFERENCES[kind]}")
    else:
        unit = table.unit(name)
        check_flux_unit(unit, kind, f"the column {name}")
    value = table.numbers(name)
    low, high = _errors(table, name, unit, value)
    limit = _like(table, f"{name}_ul", unit, value.shape)
    if reference is not None:
        value, low, high, limit = (array * reference for array in (value, low, high, limit))
    return Fluxes(kind, fits_unit(unit), value, low, high, limit, _is_limit(table, value, limit))


def _like(table: ProductTable, name: str, unit: str, shape: tuple[int, ...]) -> Floats:
    """Return a column in the unit of the values, NaN when it is not there."""
    values = table.optional(name)
    if values is None or values.shape != shape:
        return np.full(shape, np.nan)
    given = table.unit(name)
    return values * (factor(given, unit, f"the column {name}") if given and unit and given != unit else 1.0)


def _errors(table: ProductTable, name: str, unit: str, value: Floats) -> tuple[Floats, Floats]:
    """Return downward and upward errors; negative ones mean nothing (GADF), except that HAWC signs downward ones."""
    both = _like(table, f"{name}_err", unit, value.shape)
    low, high = (_like(table, f"{name}_{suffix}", unit, value.shape) for suffix in ("errn", "errp"))
    ends = [_like(table, f"{name}_{suffix}", unit, value.shape) for suffix in ("min", "max")]
    # 2006A&A...460..743A in gamma-cat gives the ends of the interval
    low = np.where(np.isfinite(low), low, np.where(np.isfinite(both), both, value - ends[0]))
    high = np.where(np.isfinite(high), high, np.where(np.isfinite(both), both, ends[1] - value))
    with np.errstate(invalid="ignore"):
        return np.where(low >= 0, low, np.nan), np.where(high >= 0, high, np.nan)


def _is_limit(table: ProductTable, value: Floats, limit: Floats) -> NDArray[np.bool_]:
    """Return which rows are upper limits: ``is_ul`` says so, without it a limit where there is no value."""
    stated = table.flags("is_ul")
    if stated is not None and stated.shape == value.shape:
        return stated
    return np.isfinite(limit) & ~np.isfinite(value)


def _confidence(table: ProductTable) -> float | None:
    stated = table.text("UL_CONF")
    try:
        confidence = float(stated) if stated is not None else math.nan
    except ValueError:
        words = (stated or "").split()
        sigma = float(words[0]) if len(words) == 2 and words[0].isdigit() and words[1].startswith("sigma") else math.nan
        confidence = math.erf(sigma / math.sqrt(2.0))
    return confidence if 0.0 < confidence < 1.0 else None


def _profiles(table: ProductTable) -> Profiles | None:
    """Return likelihood profiles: GADF's ``dloglike_scan`` (log L) or gammapy's ``stat_scan`` (-2 log L)."""
    for name, quantity in (("dloglike_scan", "dloglike"), ("stat_scan", "stat")):
        norms, values = table.optional("norm_scan"), table.optional(name)
        if norms is not None and values is not None and norms.ndim == 2 and norms.shape == values.shape:
            return Profiles(norms, values, quantity)
    return None


def energy_limits_tev(points: FluxPoints) -> tuple[float, float] | None:
    """Return the energies that flux points cover.

    The outermost bin edges; without bins half a step beyond the outermost points, in the logarithm (products.md,
    section 6).
    """
    edges = finite_range(points.e_min_tev, points.e_max_tev)
    if edges is not None and edges[0] < edges[1]:
        return edges
    energies = np.unique(points.e_ref_tev[np.isfinite(points.e_ref_tev) & (points.e_ref_tev > 0)])
    if energies.size < 2:
        return None
    first, last = np.sqrt(energies[1] / energies[0]), np.sqrt(energies[-1] / energies[-2])
    return float(energies[0] / first), float(energies[-1] * last)


def describe_flux_points(table: ProductTable, companion: Companion) -> Description:
    """Describe a table of flux points.

    Raises
    ------
    IngestError
        When it is none.
    """
    points = read_flux_points(table)
    description = Description(
        product_type="sed",
        subtype="flux-points",
        level="DL5",
        what="flux points",
        em_xel=len(points),
        t_xel=1,
        s_xel=(1, 1),
        o_ucd=points.fluxes.ucd,
        o_unit=vounit(points.fluxes.unit or DIMENSIONS[points.fluxes.kind]),
        o_calib_status="absolute",
    )
    limits = energy_limits_tev(points)
    if limits is not None:
        description.energy_min_tev, description.energy_max_tev = limits
    elif companion.energy_min_tev is not None:
        description.energy_min_tev, description.energy_max_tev = companion.energy_min_tev, companion.energy_max_tev
        description.notes.append("energies from the description")
    n_empty = int((~np.isfinite(points.fluxes.value) & ~np.isfinite(points.fluxes.limit)).sum())
    if n_empty == len(points):
        description.doubts.append("no flux point has a value or a limit.")
    elif n_empty:
        description.notes.append(f"{n_empty} of {len(points)} points without value")
    if points.profiles is not None:
        description.notes.append(f"likelihood profiles ({points.profiles.quantity}_scan)")
    return description
