"""DaCHS's door to the events: loads what has become public since the last import (see `ingest.dachs`)."""

from ingest.dachs import EventLoader as RowIterator

__all__ = ["RowIterator"]
