"""Registry records of the collections, from the rows of ``cta.collection`` (adaptor: imports DaCHS)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gavo import base


def collection_records() -> Iterator[dict[str, str]]:
    """Yield what the registry record of each collection says, as macros of RD ``cta/q``.

    Yields nothing as long as the archive has no tables.
    """
    with base.getTableConn() as connection:
        try:
            rows = list(connection.queryToDicts("SELECT * FROM cta.collection WHERE n_datasets > 0 ORDER BY name"))
        except base.DBError:
            return
    for row in rows:
        yield record_of(row, base.getConfig("web", "serverURL"))


def record_of(row: Mapping[str, Any], server_url: str) -> dict[str, str]:
    """Return the macros for one collection.

    Parameters
    ----------
    row
        Of ``cta.collection``.
    server_url
        Address of this archive, the reference when the collection names none.
    """
    title = row["title"]
    return {
        "id": "collection-" + re.sub(r"[^A-Za-z0-9_-]", "_", row["name"]),
        "title": _plain(title),
        "short_name": _plain(row["name"])[:16],
        "created": f"{row['release_date'] or '2026-11-20'}T00:00:00Z",
        "description": _plain(_described(row)),
        "creator": _plain(row["creator"] or "Unknown"),
        "terms": _plain(row["terms"] or "No terms of use are stated."),
        "terms_uri": _plain(row["terms_uri"] or ""),
        "reference_url": _plain(row["reference_url"] or f"{server_url}/browse/cta/q"),
        "facility": _plain(row["facility_name"] or ""),
        "instrument": _plain(row["instrument_name"] or ""),
        "spatial": row["coverage_spatial"] or "",
        "temporal": _interval(row["coverage_t_min"], row["coverage_t_max"]),
        "spectral": _interval(row["coverage_energy_min"], row["coverage_energy_max"]),
    }


def _described(row: Mapping[str, Any]) -> str:
    """Return description and terms: records of data collections have no place of their own for rights in DaCHS 2.11."""
    description = row["description"] or f"{row['title']}: event lists and responses of Cherenkov telescopes."
    return f"{description} Terms of use: {row['terms']}" if row["terms"] else description


def _plain(text: str) -> str:
    """Return text without backslashes, which would be macros in an RD."""
    return " ".join(text.replace("\\", "/").split())


def _interval(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.15g} {high:.15g}"
