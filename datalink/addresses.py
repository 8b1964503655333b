"""Addresses of the services on datasets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, quote_plus, urlencode

# The links of a dataset name it many times.
quoted_path = lru_cache(maxsize=1024)(quote)
quoted = lru_cache(maxsize=1024)(quote_plus)
"""A value of a query, quoted."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the services of this archive are."""

    server: str

    def file(self, accref: str) -> str:
        """Return the address of a file: a real path that ends in the real suffix."""
        return f"{self.server}/getproduct/{quoted_path(accref)}"

    def service(self, name: str, renderer: str = "dlget") -> str:
        """Return the address of a service of RD ``cta/dl``."""
        return f"{self.server}/cta/dl/{name}/{renderer}"

    def on(self, name: str, publisher_did: str, **more: str) -> str:
        """Return the address of a service called on one dataset."""
        rest = f"&{urlencode(more)}" if more else ""
        return f"{self.server}/cta/dl/{name}/dlget?ID={quoted(publisher_did)}{rest}"
