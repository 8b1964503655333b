"""Recognises the HDUs of gamma-ray files and reads the header values of an observation.

GADF 0.3 (general/hduclass, events/events) says what files should hold; real ones lack HDUCLASS, use short class names
(CTA-1DC) or only EXTNAME. Recognition goes by HDUCLAS1/2/4, then by EXTNAME, then by the columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ingest.fitsfile import HDU
from ingest.header import Header, integer, number, text

EVENTS, GTI, POINTING = "events", "gti", "pointing"
AEFF, EDISP, PSF, BKG, RAD_MAX = "aeff", "edisp", "psf", "bkg", "rad_max"
OBS_INDEX, HDU_INDEX = "obs-index", "hdu-index"
RESPONSES = (AEFF, EDISP, PSF, BKG, RAD_MAX)

# GADF HDU_TYPE -> term of the response-type vocabulary (IVOA draft of 2026-02-05), used as dataproduct_subtype.
RESPONSE_TERMS = {AEFF: "aeff", EDISP: "edisp", PSF: "psf", BKG: "bkgrate", RAD_MAX: "rad_max"}

_BY_CLASS2 = {"EFF_AREA": AEFF, "EDISP": EDISP, "RPSF": PSF, "PSF": PSF, "BKG": BKG, "RAD_MAX": RAD_MAX}
_BY_NAME = {
    "EVENTS": EVENTS,
    "EVENTLIST": EVENTS,
    "EVENT-LIST": EVENTS,
    "GTI": GTI,
    "POINTING": POINTING,
    "AEFF": AEFF,
    "EFFECTIVE AREA": AEFF,
    "EDISP": EDISP,
    "ENERGY DISPERSION": EDISP,
    "PSF": PSF,
    "POINT SPREAD FUNCTION": PSF,
    "BKG": BKG,
    "BACKGROUND": BKG,
    "RAD_MAX": RAD_MAX,
    "OBS_INDEX": OBS_INDEX,
    "HDU_INDEX": HDU_INDEX,
}
_CLASS4 = {
    (AEFF, "2D"): "aeff_2d",
    (EDISP, "2D"): "edisp_2d",
    (BKG, "2D"): "bkg_2d",
    (BKG, "3D"): "bkg_3d",
    (PSF, "3GAUSS"): "psf_3gauss",
    (PSF, "TABLE"): "psf_table",
    (PSF, "KING"): "psf_king",
}
# The column that tells a response table's class when HDUCLAS4 does not.
_COLUMN_CLASSES = (
    (AEFF, "EFFAREA", "aeff_2d"),
    (EDISP, "MATRIX", "edisp_2d"),
    (PSF, "RPSF", "psf_table"),
    (PSF, "SIGMA_1", "psf_3gauss"),
    (PSF, "GAMMA", "psf_king"),
    (BKG, "DETX_LO", "bkg_3d"),
    (BKG, "THETA_LO", "bkg_2d"),
    (RAD_MAX, "RAD_MAX", "rad_max_2d"),
)


@dataclass(frozen=True, slots=True)
class Role:
    """What an HDU is: its GADF HDU_TYPE and HDU_CLASS (``map`` for a response stored as a sky map)."""

    hdu_type: str
    hdu_class: str


def role_of(hdu: HDU) -> Role | None:
    """Return what an HDU is in GADF's terms, None when it is nothing this archive knows."""
    hdu_type = _type_of(hdu)
    if hdu_type is None:
        return None
    if hdu_type in RESPONSES and not hdu.is_table:
        return Role(hdu_type, "map")
    if not hdu.is_table:
        return None
    if hdu_type not in RESPONSES:
        return Role(hdu_type, hdu_type)
    return Role(hdu_type, _response_class(hdu, hdu_type))


def _type_of(hdu: HDU) -> str | None:
    classes = [str(hdu.header.get(f"HDUCLAS{level}") or "").strip().upper() for level in (1, 2)]
    if classes[0] in ("EVENTS", "GTI", "POINTING"):
        return classes[0].lower()
    if classes[0] == "RESPONSE" and classes[1] in _BY_CLASS2:
        return _BY_CLASS2[classes[1]]
    names = _column_names(hdu)
    # The columns are asked before HDUCLAS2: real obs-index files exist that say HDUCLAS2=HDU, and the reverse.
    if {"HDU_TYPE", "FILE_NAME"} <= names:
        return HDU_INDEX
    if classes[0] == "INDEX" or (hdu.name == "OBS_INDEX" and "OBS_ID" in names):
        return OBS_INDEX
    known = _BY_NAME.get(hdu.name)
    if known is not None:
        return known
    if {"TIME", "ENERGY", "RA", "DEC"} <= names:
        return EVENTS
    if {"OBS_ID", "OBS_MODE"} <= names and "OBS_PUBLISHER_DID" not in names:
        return OBS_INDEX
    return None


def _column_names(hdu: HDU) -> set[str]:
    n_columns = min(integer(hdu.header, "TFIELDS") or 0, 999)
    return {(text(hdu.header, f"TTYPE{index}") or "").upper() for index in range(1, n_columns + 1)}


def _response_class(hdu: HDU, hdu_type: str) -> str:
    class4 = str(hdu.header.get("HDUCLAS4") or "").strip().upper()
    if (hdu_type, class4) in _CLASS4:
        return _CLASS4[hdu_type, class4]
    if class4.lower().startswith(f"{hdu_type}_"):
        return class4.lower()
    names = _column_names(hdu)
    for kind, column, hdu_class in _COLUMN_CLASSES:
        if kind == hdu_type and column in names:
            return hdu_class
    return hdu_type


_UNSET_TEXTS = {"", "N/A", "NA", "NONE", "NULL", "UNKNOWN", "STRING", "CUSTOM", "UNDEF", "NOT_SET"}


def set_text(header: Header, *keys: str) -> str | None:
    """Return the first text that says something: place-holders such as ``N/A``, ``string``, ``custom`` do not."""
    for key in keys:
        value = text(header, key)
        if value is not None and value.upper() not in _UNSET_TEXTS:
            return value
    return None


def direction(header: Header, lon_key: str, lat_key: str, *, zero_is_unset: bool = False) -> tuple[float, float] | None:
    """Return a pair of angles in degrees, None when one is missing, not finite or not a direction.

    With `zero_is_unset`, (0, 0) means nothing was filled in, as real files write it for RA_OBJ and DEC_OBJ.
    """
    lon, lat = number(header, lon_key), number(header, lat_key)
    if lon is None or lat is None or not -360.0 <= lon <= 360.0 or not -90.0 <= lat <= 90.0:
        return None
    if zero_is_unset and lon == 0.0 and lat == 0.0:
        return None
    # once more, because a tiny negative angle comes out of the first modulo as exactly 360
    return lon % 360.0 % 360.0, lat


def obs_id_of(header: Header) -> str | None:
    """Return OBS_ID as text without padding; 0, place-holders and what is no number mean it was never set."""
    value = header.get("OBS_ID")
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = int(value) if value.is_integer() else value
    stripped = "" if value is None or isinstance(value, bool) else " ".join(str(value).split())
    return None if stripped == "0" or stripped.upper() in _UNSET_TEXTS else stripped


def tracking_mode(obs_mode: str | None) -> str | None:
    """Map OBS_MODE to ``tracking_mode`` of the high-energy ObsCore extension (obscore.md, section 6)."""
    modes = {"DRIFT": "fixed-az-el-transit", "SLEW": "none"}
    if obs_mode in ("POINTING", "RASTER", "WOBBLE"):
        return "sidereal"
    return modes.get(obs_mode or "")


def scan_mode(obs_mode: str | None, offset_deg: float | None) -> str | None:
    """Map OBS_MODE and the distance of the target from the pointing to ``scan_mode`` (obscore.md, section 6).

    The extension files wobble observations of Cherenkov telescopes under ``on-the-fly-cross-map``.
    """
    fixed = {
        "WOBBLE": "on-the-fly-cross-map",
        "RASTER": "raster-map",
        "SCAN": "on-the-fly-cross-scan",
        "SLEW": "slew",
    }
    if obs_mode == "POINTING":
        if offset_deg is None:
            return None
        return "on-source" if offset_deg < 0.1 else "on-the-fly-cross-map"
    return fixed.get(obs_mode or "")


def pointing_mode(conv_dep: float | None) -> str | None:
    """Map CONV_DEP (GADF: 0 is parallel) to ``pointing_mode``; a negative depth is a divergent pointing."""
    if conv_dep is None:
        return None
    if conv_dep == 0:
        return "parallel"
    return "convergent" if conv_dep > 0 else "divergent"
