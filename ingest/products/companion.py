"""The YAML description beside a published table or map, as gamma-cat and VTSCat write it.

A description ``VER-000148.yaml`` goes with ``VER-000148-sed.ecsv``, ``VER-000148-lc-1.ecsv``, and so on.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ingest.errors import IngestError
from ingest.products import safe_yaml
from ingest.products.quantities import tev_factor

_PART = re.compile(r"(-excess|-significance)?-(sed|lc|skymap)(-.*)?$", re.IGNORECASE)
_SEXAGESIMAL = re.compile(r"([-+]?)(\d+)([hd])\s*(?:(\d+)m)?\s*(?:([\d.]+)s)?")
_QUANTITY = re.compile(r"([-+]?[\d.]+(?:[eE][-+]?\d+)?)\s*(deg|d|h|hr|hours?|min|m|s|arcmin|arcsec|d:)?")
_HOURS = {"h": 1.0, "hr": 1.0, "hour": 1.0, "hours": 1.0, "min": 1 / 60, "m": 1 / 60, "s": 1 / 3600}
_DEGREES = {"deg": 1.0, "d": 1.0, "arcmin": 1 / 60, "arcsec": 1 / 3600}


@dataclass(frozen=True, slots=True)
class Companion:
    """What a description says of a source and how it was observed; angles deg (J2000), times MJD UTC, energies TeV."""

    ra_deg: float | None = None
    dec_deg: float | None = None
    theta_deg: float | None = None
    livetime_s: float | None = None
    energy_min_tev: float | None = None
    energy_max_tev: float | None = None
    mjd_min: float | None = None
    mjd_max: float | None = None
    telescope: str | None = None
    reference_id: str | None = None


NOTHING = Companion()


def companion_name(name: str) -> str | None:
    """Return the name of the description that goes with a file, None when its name does not follow the pattern."""
    stem = name.split(".")[0] if name.count(".") == 1 else name[: name.rfind(".")]
    bare = _PART.sub("", stem)
    return None if bare == stem or not bare else f"{bare}.yaml"


def read_companion(path: Path) -> Companion:
    """Read a description.

    Raises
    ------
    IngestError
        When it is no YAML, or a value in it is not what it should be.
    OSError
        When it cannot be read.
    """
    if path.stat().st_size > safe_yaml.MAX_CHARACTERS:
        raise IngestError(f"the description {path.name} is too long.")
    try:
        content = safe_yaml.load(path.read_bytes().decode("utf-8", "replace"))
        return _companion(safe_yaml.as_mapping(content))
    except IngestError as exc:
        raise IngestError(f"in the description {path.name}: {exc}") from exc


def _companion(content: dict[str, Any]) -> Companion:
    position = _first(content.get("pos"))
    spectrum = safe_yaml.as_mapping(_first(content.get("spec")))
    energies = safe_yaml.as_mapping(_first(spectrum.get("erange")))
    times = safe_yaml.as_mapping(spectrum.get("mjd"))
    factor = tev_factor(str(energies.get("unit", "TeV")), "'erange'") if energies else 1.0
    low, high = (_number(energies.get(key)) for key in ("min", "max"))
    direction = _direction(position)
    return Companion(
        ra_deg=None if direction is None else direction[0],
        dec_deg=None if direction is None else direction[1],
        theta_deg=_scaled(spectrum.get("theta"), _DEGREES),
        livetime_s=_times(3600.0, _scaled(safe_yaml.as_mapping(content.get("data")).get("livetime"), _HOURS)),
        energy_min_tev=_times(factor, low),
        energy_max_tev=_times(factor, high),
        mjd_min=_number(times.get("min")),
        mjd_max=_number(times.get("max")),
        telescope=_word(content.get("telescope")),
        reference_id=_word(content.get("reference_id")),
    )


def _first(value: Any) -> dict[str, Any]:
    """Return a mapping, or the first of a list of mappings: descriptions may have one for each energy range."""
    if isinstance(value, list):
        value = value[0] if value else None
    return safe_yaml.as_mapping(value)


def _value(item: Any) -> Any:
    return item.get("val") if isinstance(item, dict) else item


def _direction(position: dict[str, Any]) -> tuple[float, float] | None:
    ra, dec = _angle(_value(position.get("ra"))), _angle(_value(position.get("dec")))
    if ra is None or dec is None or not -90.0 <= dec <= 90.0:
        return None
    return ra % 360.0, dec


def _angle(written: Any) -> float | None:
    """Return an angle such as ``22h02m37s``, ``+42d15m25s``, ``287.04 deg`` in degrees."""
    if isinstance(written, int | float) and not isinstance(written, bool):
        return float(written) if math.isfinite(written) else None
    match = _SEXAGESIMAL.fullmatch(str(written).strip()) if written is not None else None
    if match is None:
        return _scaled(written, _DEGREES)
    sign, whole, letter, minutes, seconds = match.groups()
    value = float(whole) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
    return (-value if sign == "-" else value) * (15.0 if letter == "h" else 1.0)


def _scaled(written: Any, units: dict[str, float]) -> float | None:
    """Return a number with its unit in the base unit of `units`; a bare number is in the base unit."""
    item = _value(written)
    if isinstance(item, int | float) and not isinstance(item, bool):
        return float(item) if math.isfinite(item) else None
    match = _QUANTITY.fullmatch(str(item).strip()) if item is not None else None
    if match is None or (match[2] and match[2] not in units):
        return None
    try:
        return float(match[1]) * (units[match[2]] if match[2] else 1.0)
    except ValueError:
        return None


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _times(factor: float, value: float | None) -> float | None:
    return None if value is None else factor * value


def _word(value: Any) -> str | None:
    if isinstance(value, list):
        value = value[0] if value else None
    return " ".join(str(value).split()) or None if isinstance(value, str | int) else None
