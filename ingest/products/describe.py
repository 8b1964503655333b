"""A product file becomes a row of ``cta.dataset``, with what goes with it (products.md, section 6)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest import gadf
from ingest.collection import Collection, PathRule
from ingest.coverage import EV_PER_TEV, HC_EV_M, MAX_TEV, circle_region
from ingest.errors import IngestError
from ingest.fitsfile import HDU, FitsError, read_hdus
from ingest.footprint import to_pgsphere
from ingest.header import text
from ingest.observation import timestamp
from ingest.products import ogip
from ingest.products.catalogue import Source, describe_catalogue, read_sources
from ingest.products.companion import NOTHING, Companion, read_companion
from ingest.products.description import CALIB_LEVELS, Description
from ingest.products.ecsv import read_ecsv
from ingest.products.fluxpoints import describe_flux_points
from ingest.products.goodtime import good_time
from ingest.products.healpix import describe_healpix, is_healpix
from ingest.products.lightcurve import describe_light_curve
from ingest.products.maps import describe_maps, maps_in
from ingest.products.recognise import Kind, kind_of_columns, kind_of_table
from ingest.products.tables import ProductTable, column_names, is_readable, table_of
from ingest.rows import DatasetRow
from ingest.targets import target_class, target_direction
from ingest.timescale import TimeError

# How gamma-cat and VTSCat write telescopes -> how the archive does.
TELESCOPES = {
    "hess": "H.E.S.S.",
    "magic": "MAGIC",
    "veritas": "VERITAS",
    "whipple": "Whipple",
    "hegra": "HEGRA",
    "milagro": "Milagro",
    "hawc": "HAWC",
    "lst1": "LST-1",
}


@dataclass(slots=True)
class Product:
    """What a file was understood as: a description, or a part of other datasets.

    ``links`` are the names of the parts beside it, by what they are.
    """

    description: Description | None = None
    part: str | None = None
    links: dict[str, str] = field(default_factory=dict)
    sources: list[Source] = field(default_factory=list)


def read_fits_product(path: Path, kind: Kind, collection: Collection, companion_path: Path | None) -> Product:
    """Read a FITS file of a kind that was recognised.

    Parameters
    ----------
    path
        The file.
    kind
        What `ingest.products.recognise.recognise` says of it.
    collection
        For the time scale of headers that state none.
    companion_path
        The YAML description beside it, if there is one.

    Raises
    ------
    IngestError, FitsError
        When it cannot be published.
    """
    hdus = read_hdus(path, is_readable)
    if kind is Kind.SPECTRUM_PART:
        return Product(part=ogip.part_kind(hdus, path.name))
    if kind is Kind.COUNTS_SPECTRUM:
        description, links = ogip.describe_spectrum(hdus, path.parent, path.name)
        product = Product(description, links=links)
    elif kind is Kind.HEALPIX:
        healpix = next(hdu for hdu in hdus if is_healpix(hdu))
        product = Product(describe_healpix(healpix, hdus, path.name))
    elif kind is Kind.MAP:
        maps = maps_in(hdus)
        product = Product(describe_maps(maps, path.name))
    else:
        hdu = next(hdu for hdu in hdus if kind_of_columns(column_names(hdu)) is kind)
        product = _table_product(table_of(hdu), kind, _companion(companion_path))
    assert product.description is not None
    _add_companion(product.description, companion_path)
    _add_header_facts(product.description, hdus)
    _add_good_time(product.description, hdus, collection.defaults.timesys)
    return product


def read_text_product(path: Path, companion_path: Path | None) -> Product:
    """Read an ECSV file.

    Raises
    ------
    IngestError
        When it cannot be published.
    """
    table = read_ecsv(path)
    product = _table_product(table, kind_of_table(table), _companion(companion_path))
    assert product.description is not None
    _add_keywords(product.description, table)
    _add_companion(product.description, companion_path)
    return product


def _table_product(table: ProductTable, kind: Kind, companion: Companion) -> Product:
    if kind is Kind.FLUX_POINTS:
        return Product(describe_flux_points(table, companion))
    if kind is Kind.LIGHT_CURVE:
        return Product(describe_light_curve(table, companion))
    sources, doubts = read_sources(table)
    return Product(describe_catalogue(table, sources, doubts), sources=sources)


def _companion(path: Path | None) -> Companion:
    """Return the description beside a file; one that is not usable is a doubt, told in `_add_companion`."""
    try:
        return NOTHING if path is None else read_companion(path)
    except (IngestError, OSError):
        return NOTHING


def _add_companion(description: Description, path: Path | None) -> None:
    if path is None:
        return
    try:
        companion = read_companion(path)
    except IngestError as exc:
        description.doubts.append(str(exc))
        return
    except OSError as exc:
        description.doubts.append(f"the description {path.name} cannot be read ({exc.strerror or exc}).")
        return
    if description.ra_deg is None and companion.ra_deg is not None:
        description.ra_deg, description.dec_deg = companion.ra_deg, companion.dec_deg
        description.notes.append(f"position from {path.name}")
    if description.fov_deg is None and companion.theta_deg is not None and 0 < companion.theta_deg < 30:
        description.fov_deg = 2.0 * companion.theta_deg
    if description.t_exptime_s is None and companion.livetime_s is not None and companion.livetime_s > 0:
        description.t_exptime_s = companion.livetime_s
        description.notes.append(f"exposure from {path.name}")
    if description.t_min is None and companion.mjd_min is not None and companion.mjd_max is not None:
        description.t_min, description.t_max = companion.mjd_min, companion.mjd_max
        description.notes.append(f"times from {path.name}")
    description.telescope = description.telescope or _telescope(companion.telescope)
    description.bib_reference = description.bib_reference or companion.reference_id


def _add_keywords(description: Description, table: ProductTable) -> None:
    """Add what the header of an ECSV file says of origin and time."""
    description.telescope = _telescope(table.text("TELESCOPE", "TELESCOP"))
    description.bib_reference = _bibcode(table.text("REFERENCE_ID"))
    description.target_name = table.text("OBJECT", "TARGET", "SOURCE_NAME")
    description.creator = table.text("CREATOR")
    times = table.meta.get("MJD")
    if description.t_min is None and isinstance(times, dict):
        try:
            low, high = float(times["min"]), float(times["max"])
        except (KeyError, TypeError, ValueError):
            return
        if math.isfinite(low) and math.isfinite(high) and 0 < low <= high:
            description.t_min, description.t_max = low, high


def _add_header_facts(description: Description, hdus: Sequence[HDU]) -> None:
    headers = [hdu.header for hdu in hdus]

    def first(*keys: str) -> str | None:
        return next((value for header in headers if (value := gadf.set_text(header, *keys))), None)

    description.target_name = description.target_name or first("OBJECT")
    description.telescope = description.telescope or first("TELESCOP")
    description.instrument = description.instrument or first("INSTRUME")
    if (description.telescope or "").upper() == "DUMMY":
        description.telescope = None
    if (description.instrument or "").upper() == "DUMMY":
        description.instrument = None
    description.creator = first("ORIGIN", "AUTHOR")
    description.created = next(
        (stamp for header in headers if (stamp := timestamp(text(header, "CREATED", "DATE")))), None
    )
    description.bib_reference = description.bib_reference or _bibcode(first("REFERENC"))
    if description.ra_deg is None:
        for header in headers:
            direction = gadf.direction(header, "RA_OBJ", "DEC_OBJ", zero_is_unset=True)
            if direction is not None:
                description.ra_deg, description.dec_deg = direction
                break


def _add_good_time(description: Description, hdus: Sequence[HDU], default_timesys: str | None) -> None:
    try:
        times = good_time(hdus, default_timesys)
    except (IngestError, FitsError, TimeError) as exc:
        description.doubts.append(str(exc))
        return
    if times is None:
        return
    if description.t_min is None:
        description.t_min, description.t_max = times.t_min, times.t_max
    if description.product_type == "timeseries" or description.t_exptime_s is None:
        description.t_exptime_s = times.total_s
        description.notes = [note for note in description.notes if not note.startswith("exposure")]
        description.notes.append("exposure from GTI")


def _telescope(written: str | None) -> str | None:
    return None if written is None else TELESCOPES.get(written.lower(), written)


def _bibcode(written: str | None) -> str | None:
    return written if written is not None and len(written) == 19 and written[:4].isdigit() else None


def fill_row(row: DatasetRow, description: Description, collection: Collection, rule: PathRule) -> None:
    """Write a description into a row that has its identity.

    What a file does not say comes from the collection file: first from the ``[[paths]]`` entry, then ``[defaults]``.
    """
    row.dataproduct_type, row.dataproduct_subtype = description.product_type, description.subtype or rule.subtype
    row.product_level, row.calib_level = description.level, CALIB_LEVELS[description.level]
    row.object = description.target_name
    row.target_name = description.target_name or rule.target_name or collection.defaults.target_name
    row.telescop, row.instrume = description.telescope, description.instrument
    row.facility_name = collection.facility_name or description.telescope
    row.instrument_name = collection.instrument_name or description.instrument or description.telescope
    row.obs_creator_name = collection.creator or description.creator
    row.obs_creation_date = description.created
    row.bib_reference = description.bib_reference or row.bib_reference
    row.messenger_name, row.messenger_pdgid = "photon", "+22"
    row.t_min, row.t_max = description.t_min, description.t_max
    row.t_exptime, row.t_resolution = description.t_exptime_s, description.t_resolution_s
    row.t_xel, row.em_xel = description.t_xel, description.em_xel
    row.s_xel1, row.s_xel2 = description.s_xel or (None, None)
    row.s_pixel_scale = description.pixel_scale_arcsec
    row.o_ucd, row.o_unit, row.o_calib_status = description.o_ucd, description.o_unit, description.o_calib_status
    _set_position(row, description, rule)
    _set_energies(row, description, collection)
    of_target = f" of {row.target_name}" if row.target_name else ""
    by = row.instrument_name or row.facility_name or collection.name
    row.obs_title = f"{by} {description.what}{of_target}, {row.obs_id}"
    row.harvest_note = "; ".join(description.notes) or None


def _set_position(row: DatasetRow, description: Description, rule: PathRule) -> None:
    row.s_ra, row.s_dec, row.s_fov = description.ra_deg, description.dec_deg, description.fov_deg
    if row.s_ra is None and rule.ra_deg is not None and rule.dec_deg is not None:
        row.s_ra, row.s_dec = rule.ra_deg, rule.dec_deg
    if row.s_ra is None and row.target_name is not None and description.product_type != "measurements":
        known = target_direction(row.target_name)
        if known is not None:
            row.s_ra, row.s_dec = known
            description.notes.append("position by the target's name")
    if description.product_type in ("sed", "spectrum", "timeseries") and row.s_ra is not None:
        row.ra_obj, row.dec_obj = row.s_ra, row.s_dec
    direction = None if row.s_ra is None or row.s_dec is None else (row.s_ra, row.s_dec)
    row.target_class = target_class(row.target_name, direction if row.ra_obj is not None else None)
    if description.polygon_deg is not None:
        row.s_region = to_pgsphere(description.polygon_deg)
    else:
        row.s_region = circle_region(row)


def _set_energies(row: DatasetRow, description: Description, collection: Collection) -> None:
    """Set both scales; of a threshold only one side is known."""
    low, high = description.energy_min_tev, description.energy_max_tev
    if low is None and high is None:
        low, high = collection.defaults.energy_min_tev, collection.defaults.energy_max_tev
        if low is not None or high is not None:
            description.notes.append("energies from the collection file")
    if low is not None and 0 < low < MAX_TEV:
        row.energy_min, row.em_max = low * EV_PER_TEV, HC_EV_M / (low * EV_PER_TEV)
    if high is not None and 0 < high < MAX_TEV:
        row.energy_max, row.em_min = high * EV_PER_TEV, HC_EV_M / (high * EV_PER_TEV)
