"""Units of energies and fluxes as product files write them, and as the archive states them.

Energies become TeV at the border; fluxes keep the file's unit, spelled once as VOUnit and once as FITS.
"""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingest.errors import IngestError

Floats = NDArray[np.float64]

# Energy units -> TeV; 1 TeV = 1.602176634 erg.
TEV_PER = {
    "eV": 1e-12,
    "keV": 1e-9,
    "MeV": 1e-6,
    "GeV": 1e-3,
    "TeV": 1.0,
    "PeV": 1e3,
    "erg": 1.0 / 1.602176634,
    "J": 1e7 / 1.602176634,
}
_TEV_PER_FOLDED = {unit.lower(): factor for unit, factor in TEV_PER.items()}

# Kind of flux -> a unit of its dimension (products.md, section 1).
DIMENSIONS = {
    "dnde": "cm-2 s-1 TeV-1",
    "e2dnde": "erg cm-2 s-1",
    "flux": "cm-2 s-1",
    "eflux": "erg cm-2 s-1",
}
# Kind of flux -> UCD (products.md, section 8).
FLUX_UCDS = {
    "dnde": "phot.flux.density;em.gamma",
    "e2dnde": "phot.flux.density;em.gamma",
    "flux": "phot.flux;em.gamma",
    "eflux": "phot.flux;em.gamma",
}


def tev_factor(unit: str, what: str) -> float:
    """Return what an energy must be multiplied with to be in TeV.

    Raises
    ------
    IngestError
        When this is no unit of energy.
    """
    factor = TEV_PER.get(unit.strip()) or _TEV_PER_FOLDED.get(unit.strip().lower())
    if factor is None:
        written = f"in '{unit}', which is no energy" if unit.strip() else "without unit"
        raise IngestError(f"{what} is {written}; known are {', '.join(TEV_PER)}.")
    return factor


@functools.lru_cache(maxsize=256)
def _parsed(unit: str) -> Any:
    from astropy import units

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for unit_format in ("fits", "vounit", "ogip", "generic"):
            try:
                parsed = units.Unit(unit, format=unit_format)
            except (ValueError, TypeError, KeyError):
                continue
            # VOUnit lets writers make up units
            if all(hasattr(units, str(base)) for base in parsed.bases):
                return parsed
    raise IngestError(f"'{unit}' is no unit that is known.")


def check_flux_unit(unit: str, kind: str, what: str) -> None:
    """Refuse a unit that the kind of flux cannot have.

    Parameters
    ----------
    unit
        As in the file.
    kind
        A key of `DIMENSIONS`.
    what
        Names the column in the sentence.

    Raises
    ------
    IngestError
        When the unit is unknown, missing or of another dimension.
    """
    factor(unit, DIMENSIONS[kind], what)


def factor(unit: str, wanted: str, what: str) -> float:
    """Return what a value in one unit must be multiplied with to be in another.

    Raises
    ------
    IngestError
        When the unit is unknown or of another dimension.
    """
    if not unit.strip():
        raise IngestError(f"{what} has no unit; it should have one like {wanted}.")
    try:
        given = _parsed(unit)
    except IngestError as exc:
        raise IngestError(f"the unit of {what}, '{unit}', is not known; it should be like {wanted}.") from exc
    try:
        return float(given.to(_parsed(wanted)))
    except ValueError as exc:
        raise IngestError(f"{what} is in '{unit}', which cannot be converted to {wanted}.") from exc


def vounit(unit: str) -> str:
    """Return a unit in VOUnit spelling, e.g. ``cm**-2.s**-1.TeV**-1``; an unknown one as it is."""
    return _spelled(unit, ".", "**")


def fits_unit(unit: str) -> str:
    """Return a unit in FITS spelling, e.g. ``cm-2 s-1 TeV-1``; an unknown one as it is."""
    return _spelled(unit, " ", "")


# astropy's short names of units that VOUnit and FITS have two of
_NAMES = {"ct": "count", "ph": "photon"}
_ORDER = {"erg": 0, "photon": 0, "count": 0, "cm": 1, "m": 1, "s": 2, "TeV": 3, "GeV": 3, "MeV": 3, "keV": 3}


def _spelled(unit: str, joint: str, mark: str) -> str:
    if not unit.strip():
        return ""
    try:
        parsed = _parsed(unit)
    except IngestError:
        return unit
    names = (_NAMES.get(str(base), str(base)) for base in parsed.bases)
    powers = sorted(zip(names, map(float, parsed.powers), strict=True), key=_place)
    if parsed.scale != 1.0 or not all(power.is_integer() for _, power in powers):
        return unit
    return joint.join(name if power == 1 else f"{name}{mark}{power:.0f}" for name, power in powers)


def _place(part: tuple[str, float]) -> tuple[bool, int, str]:
    """Return where a factor stands: what is multiplied first, then lengths, times, energies."""
    return (part[1] < 0, _ORDER.get(part[0], 9), part[0])


def finite_range(*arrays: Floats) -> tuple[float, float] | None:
    """Return the smallest and the largest positive finite number of some arrays, None when there is none."""
    values = np.concatenate([np.ravel(array) for array in arrays]) if arrays else np.empty(0)
    good = values[np.isfinite(values) & (values > 0)]
    return (float(good.min()), float(good.max())) if good.size else None
