"""What kind of product a file is, by headers and columns alone."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from ingest.errors import IngestError
from ingest.fitsfile import HDU
from ingest.products.catalogue import is_catalogue
from ingest.products.fluxpoints import is_flux_table
from ingest.products.healpix import is_healpix
from ingest.products.maps import is_image, is_sparse
from ingest.products.ogip import part_kind, spectrum_hdu
from ingest.products.tables import ProductTable, column_names


class Kind(Enum):
    """The kinds of products; values name them in sentences."""

    COUNTS_SPECTRUM = "counts spectrum"
    SPECTRUM_PART = "part of a counts spectrum"
    MAP = "map"
    HEALPIX = "HEALPix map"
    FLUX_POINTS = "flux points"
    LIGHT_CURVE = "light curve"
    CATALOGUE = "catalogue"


def recognise(hdus: Sequence[HDU], file_name: str) -> Kind | None:
    """Return what a FITS file without events and GADF responses is, None when it is nothing this archive knows.

    Parameters
    ----------
    hdus
        Of the file; no data are needed.
    file_name
        Without folder.
    """
    if part_kind(hdus, file_name) is not None:
        return Kind.SPECTRUM_PART
    if spectrum_hdu(hdus) is not None:
        return Kind.COUNTS_SPECTRUM
    if any(is_healpix(hdu) for hdu in hdus):
        return Kind.HEALPIX
    if any(is_image(hdu) or is_sparse(hdu) for hdu in hdus):
        return Kind.MAP
    for hdu in hdus:
        kind = kind_of_columns(column_names(hdu))
        if kind is not None:
            return kind
    return None


def kind_of_columns(names: set[str]) -> Kind | None:
    """Return what a table with columns of these names (lower case) is."""
    # First, for a catalogue may have columns of fluxes as well.
    if is_catalogue(names):
        return Kind.CATALOGUE
    if not is_flux_table(names):
        return None
    return Kind.LIGHT_CURVE if names & {"time", "time_min"} else Kind.FLUX_POINTS


def kind_of_table(table: ProductTable) -> Kind:
    """Return what an ECSV table is.

    Raises
    ------
    IngestError
        When it is nothing this archive knows, with the columns it has.
    """
    kind = kind_of_columns(set(table.columns))
    if kind is None:
        names = ", ".join(list(table.columns)[:12])
        raise IngestError(
            f"the table is neither flux points (e_ref or e_min, with dnde, e2dnde, flux, eflux or norm), light curve "
            f"(with time or time_min) nor catalogue (names and positions); its columns: {names}."
        )
    return kind
