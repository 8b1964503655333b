"""What can go wrong while a collection is taken in; every text is a sentence for the operator."""

from __future__ import annotations


class IngestError(ValueError):
    """A file that cannot be published; the import goes on with the next one."""


class CollectionError(ValueError):
    """A collection that cannot be imported at all: its description or its folder is unusable."""
