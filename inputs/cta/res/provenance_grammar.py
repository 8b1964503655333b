"""DaCHS's door to the import of provenance: hands the tables to `prov_tables.dachs`, which fills them by COPY."""

from prov_tables.dachs import ProvenanceLoader as RowIterator

__all__ = ["RowIterator"]
