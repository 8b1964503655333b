"""Errors of provenance records and requests, each with a sentence for the reader."""

from __future__ import annotations


class ProvenanceError(ValueError):
    """A record that cannot be taken; the message says what is wrong and what to do."""


class CycleError(ProvenanceError):
    """Records after which something would be its own ancestor."""

    def __init__(self, path: list[str]) -> None:
        super().__init__(
            f"'{path[0]}' would be its own ancestor, by way of {len(path) - 1} other entities; mend the record that "
            "says so, or give each version of a file an identifier of its own."
        )
        self.path = path
