"""Opens a published product again, for services that show or convert what is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import IngestError
from ingest.fitsfile import HDU, read_hdus
from ingest.folder import TABLE_SUFFIX
from ingest.products.ecsv import read_ecsv
from ingest.products.recognise import Kind, kind_of_columns, kind_of_table, recognise
from ingest.products.tables import ProductTable, column_names, is_readable, table_of


@dataclass(frozen=True, slots=True)
class LoadedProduct:
    """A product's kind with its table (flux points, light curve, catalogue) or its HDUs (the others)."""

    kind: Kind
    table: ProductTable | None
    hdus: Sequence[HDU]


def load_product(path: Path) -> LoadedProduct:
    """Open a product.

    Raises
    ------
    IngestError, FitsError
        When it is none.
    OSError
        When it cannot be read.
    """
    if path.name.lower().endswith(TABLE_SUFFIX):
        table = read_ecsv(path)
        return LoadedProduct(kind_of_table(table), table, ())
    hdus = read_hdus(path, is_readable)
    kind = recognise(hdus, path.name)
    if kind is None:
        raise IngestError("the file is no product that is known.")
    if kind in (Kind.FLUX_POINTS, Kind.LIGHT_CURVE, Kind.CATALOGUE):
        hdu = next(hdu for hdu in hdus if kind_of_columns(column_names(hdu)) is kind)
        return LoadedProduct(kind, table_of(hdu), hdus)
    return LoadedProduct(kind, None, hdus)
