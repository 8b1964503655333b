"""Packages: what goes in, index tables for gammapy, and the stream of the archive."""
