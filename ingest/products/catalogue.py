"""Catalogues of sources: the dialects of HGPS, gamma-cat, 1LHAASO, 2HWC, 3HWC, and any table of names and positions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingest.errors import IngestError
from ingest.products.description import Description
from ingest.products.quantities import DIMENSIONS, factor, tev_factor
from ingest.products.tables import ProductTable

Floats = NDArray[np.float64]

# What a column is called in different catalogues, lower case, the first that is there counts.
NAMES = ("source_name", "common_name", "name", "source", "id", "source_id")
POSITIONS = (
    ("raj2000", "dej2000"),
    ("raj2000", "decj2000"),
    ("raj2000_b", "decj2000_b"),
    ("ra", "dec"),
    ("ra_deg", "dec_deg"),
    ("pos_ra", "pos_dec"),
)
POSITION_ERRORS = ("pos_err_68", "pos_err", "pos_err_b")
EXTENSIONS = ("size", "morph_sigma", "r39", "r39_b", "extension", "spec0_radius")
CLASSES = ("source_class", "classes", "class")
INDICES = (
    "index_spec_pl",
    "spec_pl_index",
    "spec_ecpl_index",
    "spec_pl2_index",
    "gamma",
    "gamma_b",
    "spec0_index",
    "index",
)
# Differential flux, its error, and where its reference energy stands: a column, or a number of TeV.
FLUXES: tuple[tuple[str, str, str | float | None], ...] = (
    ("flux_spec_pl_diff_pivot", "flux_spec_pl_diff_pivot_err", "energy_spec_pl_pivot"),
    ("spec_dnde_1tev", "spec_dnde_1tev_err", 1.0),
    ("n0", "n0_err", "e0"),
    ("n0_b", "n0_err_b", "e0_b"),
    ("spec0_dnde", "spec0_dnde_err", None),
    ("dnde", "dnde_err", "e_ref"),
)
SIGNIFICANCES = ("sqrt_ts", "significance")
TEST_STATISTICS = ("ts", "ts_b")
RANGES = (("energy_range_spec_min", "energy_range_spec_max"), ("spec_erange_min", "spec_erange_max"))
MAX_SOURCES = 1_000_000
_AT_ENERGY = re.compile(r"at ([\d.]+) ?(TeV|GeV)")


@dataclass(slots=True, kw_only=True)
class Source:
    """A source of a catalogue. Angles deg (ICRS), flux at ``e_ref_tev`` in cm-2 s-1 TeV-1; index of E^-index."""

    row_number: int
    name: str
    ra_deg: float
    dec_deg: float
    pos_err_deg: float | None = None
    extension_deg: float | None = None
    source_class: str | None = None
    dnde: float | None = None
    dnde_err: float | None = None
    e_ref_tev: float | None = None
    spectral_index: float | None = None
    significance: float | None = None


def is_catalogue(names: set[str]) -> bool:
    """Return whether columns (lower case) are those of a catalogue of sources."""
    return any(name in names for name in NAMES) and _position_columns(names) is not None


def _position_columns(names: set[str]) -> tuple[str, str] | None:
    return next((pair for pair in POSITIONS if set(pair) <= names), None)


def read_sources(table: ProductTable) -> tuple[list[Source], list[str]]:
    """Return the sources of a catalogue, and sentences on what was left out.

    Raises
    ------
    IngestError
        When the table is no catalogue or a column is in a unit that cannot be its own.
    """
    names = set(table.columns)
    position = _position_columns(names)
    name_column = next((name for name in NAMES if name in names), None)
    if position is None or name_column is None:
        raise IngestError("the table has no columns of names and positions of sources.")
    if table.n_rows > MAX_SOURCES:
        raise IngestError(f"the catalogue has {table.n_rows} rows, more than the {MAX_SOURCES} that are taken.")
    ra, dec = (_angles(table, name) for name in position)
    columns = _Columns(table)
    sources: list[Source] = []
    n_lost = 0
    for number, (name, ra_deg, dec_deg) in enumerate(zip(_texts(table, name_column), ra, dec, strict=True), 1):
        if not (np.isfinite(ra_deg) and -90.0 <= dec_deg <= 90.0 and -360.0 <= ra_deg <= 360.0):
            n_lost += 1
            continue
        source = Source(
            row_number=number, name=name or f"row {number}", ra_deg=float(ra_deg % 360.0), dec_deg=float(dec_deg)
        )
        columns.fill(source, number - 1)
        sources.append(source)
    doubts = [f"{n_lost} of {table.n_rows} sources have no position and were left out."] if n_lost else []
    return sources, doubts


class _Columns:
    """The optional columns of a catalogue, in the archive's units, rows by number."""

    def __init__(self, table: ProductTable) -> None:
        self._pos_err = _merged(_angles(table, name) for name in POSITION_ERRORS if name in table)
        self._extension = _merged(_angles(table, name) for name in EXTENSIONS if name in table)
        self._index = _merged(table.numbers(name) for name in INDICES if _is_plain(table, name))
        self._class = next((_texts(table, name) for name in CLASSES if name in table), [])
        self._significance = _significances(table)
        self._flux = _fluxes(table)

    def fill(self, source: Source, row: int) -> None:
        """Set what the columns say of a row."""
        source.pos_err_deg = _positive(self._pos_err, row)
        source.extension_deg = _positive(self._extension, row)
        source.significance = _number(self._significance, row)
        index = _number(self._index, row)
        # HAWC writes the exponent, others its negative
        source.spectral_index = None if index is None else abs(index)
        source.source_class = (self._class[row] or None) if self._class else None
        for dnde, error, energy in self._flux:
            if np.isfinite(dnde[row]):
                source.dnde, source.dnde_err = float(dnde[row]), _positive(error, row)
                source.e_ref_tev = _positive(energy, row)
                return


def _is_plain(table: ProductTable, name: str) -> bool:
    column = table.columns.get(name)
    return column is not None and not column.is_text and column.values.ndim == 1


def _fluxes(table: ProductTable) -> list[tuple[Floats, Floats, Floats]]:
    found = []
    for name, error_name, energy in FLUXES:
        if not _is_plain(table, name):
            continue
        scale = factor(table.unit(name), DIMENSIONS["dnde"], f"the column {name}")
        unknown = np.full(table.n_rows, np.nan)
        error = table.numbers(error_name) * scale if _is_plain(table, error_name) else unknown
        if isinstance(energy, str):
            known = _is_plain(table, energy)
            reference = table.numbers(energy) * tev_factor(table.unit(energy), energy) if known else unknown
        else:
            match = _AT_ENERGY.search(table.columns[name].description)
            if energy is None and match is not None:
                energy = float(match[1]) * tev_factor(match[2], name)
            reference = unknown if energy is None else np.full(table.n_rows, energy)
        found.append((table.numbers(name) * scale, error, reference))
    return found


def _significances(table: ProductTable) -> Floats | None:
    direct = _merged(table.numbers(name) for name in SIGNIFICANCES if _is_plain(table, name))
    if direct is not None:
        return direct
    statistic = _merged(table.numbers(name) for name in TEST_STATISTICS if _is_plain(table, name))
    return None if statistic is None else np.sqrt(np.clip(statistic, 0.0, None))


def _angles(table: ProductTable, name: str) -> Floats:
    values, unit = table.numbers(name), table.unit(name).lower()
    if values.ndim != 1:
        raise IngestError(f"the column {name} has several numbers a source.")
    scale = {"": 1.0, "deg": 1.0, "degree": 1.0, "degrees": 1.0, "arcmin": 1 / 60, "arcsec": 1 / 3600}.get(unit)
    if scale is None:
        raise IngestError(f"the column {name} is in '{table.unit(name)}', which is no angle that is understood.")
    return values * scale


def _texts(table: ProductTable, name: str) -> list[str]:
    column = table.columns[name]
    if column.is_text:
        texts = [" ".join(str(value).split()) for value in column.values]
        return ["" if not text.strip("-") else text for text in texts]
    return [f"{value:.0f}" if np.isfinite(value) else "" for value in np.asarray(column.values, dtype=np.float64)]


def _merged(columns: Iterator[Floats]) -> Floats | None:
    """Return the first finite value of some columns, row by row."""
    merged: Floats | None = None
    for values in columns:
        merged = values if merged is None else np.where(np.isfinite(merged), merged, values)
    return merged


def _number(values: Floats | None, row: int) -> float | None:
    return float(values[row]) if values is not None and np.isfinite(values[row]) else None


def _positive(values: Floats | None, row: int) -> float | None:
    number = _number(values, row)
    return number if number is not None and number > 0 else None


def energy_range_tev(table: ProductTable) -> tuple[float, float] | None:
    """Return the lowest and the highest energy of the spectra in a catalogue, None when it does not say."""
    for names in RANGES:
        if all(_is_plain(table, name) for name in names):
            low, high = (table.numbers(name) * tev_factor(table.unit(name) or "TeV", name) for name in names)
            if np.isfinite(low).any() and np.isfinite(high).any() and 0 < np.nanmin(low) < np.nanmax(high):
                return float(np.nanmin(low)), float(np.nanmax(high))
    return None


def describe_catalogue(table: ProductTable, sources: Sequence[Source], doubts: Sequence[str]) -> Description:
    """Describe a catalogue.

    Raises
    ------
    IngestError
        When there is no source in it.
    """
    if not sources:
        raise IngestError("no source of the catalogue has a position.")
    description = Description(
        product_type="measurements",
        subtype="source-list",
        level="DL5",
        what=f"catalogue of {len(sources)} sources",
        doubts=list(doubts),
    )
    limits = energy_range_tev(table)
    if limits is not None:
        description.energy_min_tev, description.energy_max_tev = limits
    return description
