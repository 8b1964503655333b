"""Feeds synthetic observations by COPY, in the batches of the import, and measures that without their making."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from bench.inside.settings import generator, write_result
from ingest.importer import BATCH_FILES
from ingest.rows import DatasetRow, HduRow, ProductRow
from ingest.store import Store


class RowIterator:
    """A loader like `ingest.dachs.CollectionLoader`."""

    def __init__(self, grammar: Any, source_token: str, sourceRow: Mapping[str, Any] | None = None) -> None:  # noqa: N803
        """Take what DaCHS passes; there is one source."""

    def __call__(self, data: Any) -> None:
        """Fill the tables."""
        source, count = generator()
        making = storing = 0.0
        with data.tables["dataset"].connection.cursor() as cursor:
            store = Store(cursor)
            mark = time.perf_counter()
            for batch in source.batches(count, BATCH_FILES):
                made = time.perf_counter()
                store.add(DatasetRow, (row for row, _, _ in batch))
                store.add(HduRow, (hdu for _, hdus, _ in batch for hdu in hdus))
                store.add(ProductRow, (product for _, _, product in batch))
                stored = time.perf_counter()
                making, storing, mark = making + made - mark, storing + stored - made, stored
        write_result(making=making, storing=storing)
