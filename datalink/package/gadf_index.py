# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes GADF index files (GADF 0.3, data_storage) in memory, from rows of ``cta.obs_index`` and ``cta.hdu_index``.

An index has one time reference and one row an observation. Observations that differ in time reference, or share an
OBS_ID (the event types of one observation), are therefore split into groups, each with index files of its own.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import posixpath
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from datalink.soda.fitswriter import ascii_text

Row = Mapping[str, Any]
TableColumn = tuple[str, str, str | None, list[Any]]
"""Name, FITS format (``A``: as wide as needed), unit, values."""

OBS_INDEX_NAME, HDU_INDEX_NAME = "obs-index.fits.gz", "hdu-index.fits.gz"
HDU_TYPES = ("events", "gti", "pointing", "aeff", "edisp", "psf", "bkg", "rad_max")
CREATOR = "cta-vo-archive"
HDUDOC = "https://gamma-astro-data-formats.readthedocs.io"
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,18}")
# Made-up OBS_IDs, for observations whose names are no numbers, begin here: above what telescopes use.
_MADE_UP_FROM = 9_000_000_000_000_000

# GADF name, FITS format, unit, column of cta.obs_index.
_OBS_COLUMNS: tuple[tuple[str, str, str | None, str], ...] = (
    ("OBS_MODE", "A", None, "obs_mode"),
    ("RA_PNT", "D", "deg", "ra_pnt"),
    ("DEC_PNT", "D", "deg", "dec_pnt"),
    ("ALT_PNT", "D", "deg", "alt_pnt"),
    ("AZ_PNT", "D", "deg", "az_pnt"),
    ("TSTART", "D", "s", "tstart"),
    ("TSTOP", "D", "s", "tstop"),
    ("ZEN_PNT", "D", "deg", "zen_pnt"),
    ("GLON_PNT", "D", "deg", "glon_pnt"),
    ("GLAT_PNT", "D", "deg", "glat_pnt"),
    ("ONTIME", "D", "s", "ontime"),
    ("LIVETIME", "D", "s", "livetime"),
    ("DEADC", "D", None, "deadc"),
    ("DATE-OBS", "A", None, "date_obs"),
    ("TIME-OBS", "A", None, "time_obs"),
    ("DATE-END", "A", None, "date_end"),
    ("TIME-END", "A", None, "time_end"),
    ("N_TELS", "J", None, "n_tels"),
    ("TELLIST", "A", None, "tellist"),
    ("OBJECT", "A", None, "object"),
    ("RA_OBJ", "D", "deg", "ra_obj"),
    ("DEC_OBJ", "D", "deg", "dec_obj"),
    ("OFFSET_OBJ", "D", "deg", "offset_obj"),
    ("QUALITY", "J", None, "quality"),
    ("MUONEFF", "D", None, "muoneff"),
    ("NSBLEVEL", "D", None, "nsblevel"),
    ("TRGRATE", "D", "Hz", "trgrate"),
    ("CONV_DEP", "D", None, "conv_dep"),
    ("EVENT_COUNT", "K", None, "event_count"),
    ("EVENT_TYPE", "A", None, "event_type"),
    ("SAFE_ENERGY_LO", "D", "TeV", "safe_energy_lo"),
    ("SAFE_ENERGY_HI", "D", "TeV", "safe_energy_hi"),
    ("TELESCOP", "A", None, "telescop"),
    ("INSTRUME", "A", None, "instrume"),
    ("OBS_PUBLISHER_DID", "A", None, "obs_publisher_did"),
)
# Written even if no observation has a value (GADF 0.3, obs-index, mandatory columns).
_MANDATORY = {"OBS_MODE", "RA_PNT", "DEC_PNT", "ALT_PNT", "AZ_PNT", "TSTART", "TSTOP"}
# What stands for a missing value in an integer column; for QUALITY that is GADF's own "unknown".
_NO_INTEGER = -1


@dataclass(frozen=True, slots=True)
class TimeReference:
    """Zero point and scale of TSTART and TSTOP, as an index states it once for all its rows."""

    mjdrefi: int | None
    mjdreff: float | None
    timesys: str | None

    def __str__(self) -> str:
        if self.mjdrefi is None:
            return "unknown time reference"
        return f"MJDREF {self.mjdrefi} + {self.mjdreff or 0.0:.12g} {self.timesys or ''}".rstrip()


@dataclass(slots=True)
class Group:
    """Observations that can share one pair of index files; `obs_ids` are their OBS_IDs, by publisher DID."""

    reference: TimeReference
    observations: list[Row] = field(default_factory=list)
    obs_ids: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LocatedHdu:
    """A line of an hdu-index: an HDU of an observation, and the member of the package it is in."""

    publisher_did: str
    hdu_type: str
    hdu_class: str
    hdu_name: str
    member: str
    size: int


def group_observations(rows: Iterable[Row]) -> list[Group]:
    """Split the observations of a collection into groups that can share an index, the largest first.

    Parameters
    ----------
    rows
        Rows of ``cta.obs_index``; ``event_type`` may be added to them.
    """
    ordered = sorted(rows, key=lambda row: (str(row.get("event_type") or ""), str(row["obs_publisher_did"])))
    by_reference: dict[TimeReference, list[Row]] = {}
    for row in ordered:
        reference = TimeReference(row.get("mjdrefi"), row.get("mjdreff"), (row.get("timesys") or "").upper() or None)
        by_reference.setdefault(reference, []).append(row)
    groups = [group for reference, same in by_reference.items() for group in _without_doubles(reference, same)]
    return sorted(groups, key=lambda group: (-len(group.observations), str(group.reference)))


def _without_doubles(reference: TimeReference, rows: Sequence[Row]) -> list[Group]:
    """Split observations so that no OBS_ID comes twice in a group: by event type, then by order."""
    numbers = {row["obs_publisher_did"]: obs_id_of(row) for row in rows}
    if len(set(numbers.values())) == len(rows):
        return [Group(reference, list(rows), numbers)]
    groups: dict[tuple[str, int], Group] = {}
    seen: dict[tuple[str, int], int] = {}
    for row in rows:
        did, label = row["obs_publisher_did"], str(row.get("event_type") or "")
        times = seen.get((label, numbers[did]), 0)
        seen[label, numbers[did]] = times + 1
        group = groups.setdefault((label, times), Group(reference))
        group.observations.append(row)
        group.obs_ids[did] = numbers[did]
    return list(groups.values())


def obs_id_of(row: Row) -> int:
    """Return the OBS_ID of an observation, one made up from its identifier where its name is no number."""
    written = str(row["obs_id"]).strip()
    if _WHOLE_NUMBER.fullmatch(written):
        return int(written)
    digest = hashlib.sha256(str(row["obs_publisher_did"]).encode("utf-8", "backslashreplace")).digest()
    return _MADE_UP_FROM + int.from_bytes(digest[:6], "big") % 10**12


def obs_index(group: Group, created: str) -> bytes:
    """Return an ``obs-index.fits.gz``.

    Parameters
    ----------
    group
        Its observations.
    created
        When the package was made, ISO 8601 UTC, for the header.
    """
    rows = sorted(group.observations, key=lambda row: group.obs_ids[row["obs_publisher_did"]])
    columns: list[TableColumn] = [("OBS_ID", "K", None, [group.obs_ids[row["obs_publisher_did"]] for row in rows])]
    for name, form, unit, key in _OBS_COLUMNS:
        values = [row.get(key) for row in rows]
        if name in _MANDATORY or any(value is not None for value in values):
            columns.append((name, form, unit, values))
    cards: dict[str, Any] = {"HDUCLAS1": "INDEX", "HDUCLAS2": "OBS"}
    reference = group.reference
    if reference.mjdrefi is not None:
        cards |= {"MJDREFI": reference.mjdrefi, "MJDREFF": reference.mjdreff or 0.0, "TIMEUNIT": "s"}
        cards |= {"TIMESYS": ascii_text(reference.timesys or "UTC"), "TIMEREF": "LOCAL"}
    return _gzipped_table("OBS_INDEX", columns, cards, created)


def hdu_index(group: Group, hdus: Iterable[LocatedHdu], folder: str, created: str) -> bytes:
    """Return an ``hdu-index.fits.gz``.

    Parameters
    ----------
    group
        The observations of the obs-index.
    hdus
        Their HDUs.
    folder
        The folder of the index file in the package; FILE_DIR is relative to it.
    created
        As for `obs_index`.
    """
    order = {hdu_type: number for number, hdu_type in enumerate(HDU_TYPES)}
    lines = sorted(hdus, key=lambda hdu: (group.obs_ids[hdu.publisher_did], order[hdu.hdu_type], hdu.hdu_name))
    folders = [posixpath.dirname(hdu.member) for hdu in lines]
    relative = {place: posixpath.relpath(place or ".", folder) for place in set(folders)}
    columns: list[TableColumn] = [
        ("OBS_ID", "K", None, [group.obs_ids[hdu.publisher_did] for hdu in lines]),
        ("HDU_TYPE", "A", None, [hdu.hdu_type for hdu in lines]),
        ("HDU_CLASS", "A", None, [hdu.hdu_class for hdu in lines]),
        ("FILE_DIR", "A", None, [relative[place] for place in folders]),
        ("FILE_NAME", "A", None, [posixpath.basename(hdu.member) for hdu in lines]),
        ("HDU_NAME", "A", None, [hdu.hdu_name for hdu in lines]),
        ("SIZE", "K", "byte", [hdu.size for hdu in lines]),
    ]
    return _gzipped_table("HDU_INDEX", columns, {"HDUCLAS1": "INDEX", "HDUCLAS2": "HDU"}, created)


def _gzipped_table(name: str, columns: Iterable[TableColumn], cards: Row, created: str) -> bytes:
    # The server has astropy loaded anyway; everything else here does without.
    from astropy.io import fits

    table = fits.BinTableHDU.from_columns([_column(fits, *column) for column in columns], name=name)
    about = {"HDUCLASS": "GADF", "HDUDOC": HDUDOC, "HDUVERS": "0.3", "CREATOR": CREATOR, "DATE": created}
    for key, value in {**about, **cards}.items():
        table.header[key] = value
    out = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(out)
    # mtime: the same rows give the same bytes
    return gzip.compress(out.getvalue(), 6, mtime=0)


def _column(fits: Any, name: str, form: str, unit: str | None, values: Sequence[Any]) -> Any:
    if form == "A":
        texts = ["" if value is None else _text(str(value)) for value in values]
        width = max([1, *map(len, texts)])
        return fits.Column(name, f"{width}A", array=np.array([text.encode() for text in texts], dtype=f"S{width}"))
    if form == "D":
        numbers = [np.nan if value is None else float(value) for value in values]
        return fits.Column(name, form, unit, array=np.array(numbers, dtype=np.float64))
    missing = None if name == "QUALITY" or all(value is not None for value in values) else _NO_INTEGER
    whole = [_NO_INTEGER if value is None else int(value) for value in values]
    return fits.Column(
        name, form, unit, null=missing, array=np.array(whole, dtype=np.int64 if form == "K" else np.int32)
    )


def _text(value: str) -> str:
    return value if value.isascii() and value.isprintable() else ascii_text(value)
