"""DaCHS's door to the import: hands the tables to `ingest.dachs`, which fills them by COPY."""

from ingest.dachs import CollectionLoader as RowIterator

__all__ = ["RowIterator"]
