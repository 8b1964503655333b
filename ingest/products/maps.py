"""Sky maps with a world coordinate system: images and cubes, as arrays or sparse tables (GADF 0.3, "sky maps")."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ingest import gadf
from ingest.errors import IngestError
from ingest.fitsfile import HDU
from ingest.header import Header, integer, number, text
from ingest.products.description import Description
from ingest.products.quantities import tev_factor, vounit
from ingest.products.tables import column_names, table_of
from ingest.products.wcs import footprint, has_celestial_axes

# What a map shows, told by words in HDU and file names, in the order in which they are looked for: subtype and UCD.
QUANTITIES: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (re.compile(r"exclusion|mask"), "exclusion-map", "meta.code"),
    (re.compile(r"signif|sqrt_ts|sigma"), "significance-map", "stat.snr"),
    (re.compile(r"(^|[^a-z])ts([^a-z]|$)"), "ts-map", "stat.likelihood"),
    (re.compile(r"excess"), "excess-map", "phot.count;em.gamma"),
    (re.compile(r"dnde"), "flux-map", "phot.flux.density;em.gamma"),
    (re.compile(r"eflux|flux"), "flux-map", "phot.flux;em.gamma"),
    (re.compile(r"exposure"), "exposure-map", "obs.exposure"),
    (re.compile(r"background|bkg|npred"), "background-map", "phot.count;em.gamma;instr.background"),
    (re.compile(r"acceptance"), "acceptance-map", "arith.factor"),
    (re.compile(r"ccube|counts?|cmap"), "counts-map", "phot.count;em.gamma"),
)
CUBES = {"counts-map": "counts-cube", "flux-map": "flux-cube", "excess-map": "excess-cube"}
_BANDS = ("BANDS", "EBOUNDS", "ENERGIES")
_RANGE_IN_NAME = re.compile(r"(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)([GT]eV)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MapHdu:
    """A map in a file: its HDU, and the energy bands of its third axis in TeV, if it has one.

    ``header`` is that of the HDU; of a map whose planes differ in size it is made that of the finest plane, which is
    number `plane`.
    """

    hdu: HDU
    header: Header
    bands_tev: tuple[tuple[float, float], ...] = ()
    n_planes: int = 1
    bands: HDU | None = None
    plane: int | None = None


def is_image(hdu: HDU) -> bool:
    """Return whether an HDU is an image of at least two axes."""
    is_array = hdu.number == 0 or hdu.header.get("XTENSION") == "IMAGE"
    return is_array and (integer(hdu.header, "NAXIS") or 0) >= 2


def is_sparse(hdu: HDU) -> bool:
    """Return whether an HDU is a table of the filled pixels of a map."""
    return hdu.is_table and has_celestial_axes(hdu.header) and {"pix", "value"} <= column_names(hdu)


def is_bands(hdu: HDU) -> bool:
    """Return whether an HDU lists the energy bands of a map."""
    return hdu.is_table and (hdu.name in _BANDS or hdu.name.endswith("_BANDS"))


def maps_in(hdus: Sequence[HDU]) -> list[MapHdu]:
    """Return the maps of a file, in file order.

    Raises
    ------
    IngestError
        When there are images, but none has a celestial world coordinate system.
    """
    images = [hdu for hdu in hdus if is_image(hdu) or is_sparse(hdu)]
    celestial = [hdu for hdu in images if has_celestial_axes(hdu.header)]
    if images and not celestial:
        raise IngestError(
            "the map has no world coordinate system on the sky (CTYPE1, CTYPE2), so nobody could find it; add one."
        )
    return [_map(hdu, hdus) for hdu in celestial]


def _map(hdu: HDU, hdus: Sequence[HDU]) -> MapHdu:
    if hdu.is_table:
        shape = re.findall(r"\d+", text(hdu.header, "WCSSHAPE") or "")
        n_planes = int(shape[2]) if len(shape) > 2 else 1
    else:
        n_axes = min(integer(hdu.header, "NAXIS") or 0, 9)
        sizes = [integer(hdu.header, f"NAXIS{axis}") or 1 for axis in range(3, n_axes + 1)]
        n_planes = 1
        for size in sizes:
            n_planes *= size
    wanted = [(text(hdu.header, "BANDSHDU") or "").upper(), f"{hdu.name}_BANDS" if hdu.name else "", *_BANDS]
    for name in filter(None, wanted):
        bands = next((other for other in hdus if other.is_table and other.name == name), None)
        if bands is not None and bands.data is not None:
            header, plane = _finest_plane(hdu.header, bands)
            return MapHdu(hdu, header, bands_tev(bands), n_planes, bands, plane)
    return MapHdu(hdu, hdu.header, (), n_planes)


def _finest_plane(header: Header, bands: HDU) -> tuple[Header, int | None]:
    """Return header and number of the finest plane of an irregular map (NPIX, CDELT, CRPIX per plane in the bands)."""
    table = table_of(bands)
    columns = {name: table.optional(name) for name in ("npix", "cdelt", "crpix")}
    if any(values is None or values.shape != (table.n_rows, 2) for values in columns.values()) or not table.n_rows:
        return header, None
    npix, cdelt, crpix = (values for values in columns.values() if values is not None)
    plane = int(np.argmax(npix[:, 0]))
    own = dict(header)
    for axis in (1, 2):
        # the bands give sizes without sign
        sign = -1.0 if (number(header, f"CDELT{axis}") or 1.0) < 0 else 1.0
        own[f"NAXIS{axis}"] = int(npix[plane, axis - 1])
        own[f"CDELT{axis}"] = sign * abs(float(cdelt[plane, axis - 1]))
        own[f"CRPIX{axis}"] = float(crpix[plane, axis - 1])
    return own, plane


def bands_tev(hdu: HDU) -> tuple[tuple[float, float], ...]:
    """Return the energy bands that a table lists, in TeV; GADF's unit, keV, where none is written.

    Raises
    ------
    IngestError
        When they are in something that is no energy.
    """
    table = table_of(hdu)
    low, high = table.optional("e_min"), table.optional("e_max")
    if low is None or high is None:
        return ()
    factors = [tev_factor(table.unit(name) or "keV", f"the column {name}") for name in ("e_min", "e_max")]
    pairs = zip((low.ravel() * factors[0]).tolist(), (high.ravel() * factors[1]).tolist(), strict=True)
    return tuple(pair for pair in pairs if 0 < pair[0] < pair[1])


def quantity(*names: str) -> tuple[str | None, str | None]:
    """Return subtype and UCD of what a map shows, by the first name that tells it."""
    for name in names:
        for pattern, subtype, ucd in QUANTITIES:
            if pattern.search(name.lower()):
                return subtype, ucd
    return None, None


def describe_maps(maps: Sequence[MapHdu], file_name: str) -> Description:
    """Describe a file of maps by its first map.

    Parameters
    ----------
    maps
        At least one.
    file_name
        Without folder; it may tell what is shown, and at which energies.

    Raises
    ------
    IngestError
        When the world coordinate system is not usable.
    """
    first = maps[0]
    header = first.header
    where = footprint(header)
    is_cube = first.n_planes > 1
    subtype, ucd = quantity(str(header.get("EXTNAME") or ""), text(header, "HDUCLAS2") or "", file_name)
    unit = text(header, "BUNIT") or ""
    description = Description(
        product_type="cube" if is_cube else "image",
        subtype=CUBES.get(subtype or "", subtype) if is_cube else subtype,
        level="DL4",
        what="cube" if is_cube else "map",
        em_xel=first.n_planes,
        t_xel=1,
        s_xel=where.pixels,
        pixel_scale_arcsec=where.pixel_scale_arcsec,
        ra_deg=where.ra_deg,
        dec_deg=where.dec_deg,
        fov_deg=where.fov_deg,
        polygon_deg=where.polygon_deg,
        o_ucd=ucd,
        o_unit=vounit(unit) or None,
        target_name=gadf.set_text(header, "OBJECT"),
        telescope=gadf.set_text(header, "TELESCOP"),
        instrument=gadf.set_text(header, "INSTRUME"),
    )
    exposure = number(header, "EXPOSURE", "LIVETIME")
    description.t_exptime_s = exposure if exposure and exposure > 1.0 else None
    _set_energies(description, first, file_name)
    if is_cube and not first.bands_tev:
        description.doubts.append("the cube has no table of energy bands (BANDS), so its energies are not known.")
    elif is_cube and len(first.bands_tev) != first.n_planes:
        description.doubts.append(f"the cube has {first.n_planes} planes, but {len(first.bands_tev)} energy bands.")
    if len(maps) > 1:
        names = ", ".join(str(item.hdu.header.get("EXTNAME") or item.hdu.number) for item in maps)
        description.notes.append(f"{len(maps)} maps in the file ({names}); the first is described")
    return description


def _set_energies(description: Description, first: MapHdu, file_name: str) -> None:
    if first.bands_tev:
        description.energy_min_tev = min(low for low, _ in first.bands_tev)
        description.energy_max_tev = max(high for _, high in first.bands_tev)
        return
    header = first.hdu.header
    low, high = number(header, "E_MIN", "EMIN"), number(header, "E_MAX", "EMAX")
    unit = text(header, "EUNIT") or "TeV"
    if low is None or high is None:
        match = _RANGE_IN_NAME.search(file_name)
        if match is None:
            return
        low, high, unit = float(match[1]), float(match[2]), match[3]
        description.notes.append("energies from the file's name")
    if 0 < low < high:
        factor = tev_factor(unit, "the energy range")
        description.energy_min_tev, description.energy_max_tev = low * factor, high * factor
