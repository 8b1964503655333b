"""DaCHS's door to `ingest.observatory.dachs`, which fills ivoa.obsplan."""

from ingest.observatory.dachs import PlanLoader as RowIterator

__all__ = ["RowIterator"]
