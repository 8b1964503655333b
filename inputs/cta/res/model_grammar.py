"""DaCHS's door to `ingest.observatory.dachs`, which fills the tables of the data model."""

from ingest.observatory.dachs import ModelLoader as RowIterator

__all__ = ["RowIterator"]
