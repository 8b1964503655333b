"""Readers of provenance records: one module a format, each a function from a file to harvests."""
