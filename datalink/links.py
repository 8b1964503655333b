"""The links of a dataset (adaptor: imports DaCHS): its responses, wherever they are, and its collection's documents.

Layout and qualifiers: ``standards/datalink.md`` §4.1; content_qualifier holds bare words, as gammapy reads them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gavo import base
from gavo.protocols import products

# GADF HDU_TYPE -> content_qualifier (terms of the response-type vocabulary) and what the response is.
RESPONSES = {
    "aeff": ("aeff", "Effective area"),
    "edisp": ("edisp", "Energy dispersion"),
    "psf": ("psf", "Point spread function"),
    "bkg": ("bkgrate", "Background rate"),
    "rad_max": (None, "Directional cut (RAD_MAX) of point-like responses"),
}
# dataproduct_subtype -> content_qualifier of #this: gammapy wants exactly ``event-list`` for event files.
EVENT_QUALIFIER = "event-list"


def complete_descriptor(descriptor: Any) -> None:
    """Say what kind of data a dataset is, for the automatic link to the file itself."""
    for (subtype,) in _query(
        "SELECT dataproduct_subtype FROM cta.dataset WHERE accref = %(accref)s", {"accref": descriptor.accref}
    ):
        descriptor.contentQualifier = EVENT_QUALIFIER if subtype in ("event-list", "event-bundle") else subtype


def calibration_links(descriptor: Any) -> Iterator[Any]:
    """Yield a link for each response of an observation, from ``cta.hdu_index``."""
    rows = _query(
        "SELECT h.hdu_type, h.hdu_name, p.accref, p.mime, d.accsize"
        " FROM cta.hdu_index AS h JOIN dc.products AS p ON p.accref = h.file_accref"
        " LEFT JOIN cta.dataset AS d ON d.accref = h.file_accref"
        " WHERE h.obs_publisher_did = %(did)s AND h.hdu_type = ANY(%(types)s)"
        " AND EXISTS (SELECT 1 FROM cta.hdu_index AS e"
        "   WHERE e.obs_publisher_did = h.obs_publisher_did AND e.hdu_type = 'events')"
        " ORDER BY h.hdu_type",
        {"did": descriptor.pubDID, "types": list(RESPONSES)},
    )
    for hdu_type, hdu_name, accref, mime, size in rows:
        qualifier, what = RESPONSES[hdu_type]
        yield descriptor.makeLink(
            products.makeProductLink(accref),
            description=f"{what} (HDU {hdu_name})",
            contentType=mime,
            contentLength=size,
            contentQualifier=qualifier,
            localSemantics=hdu_type,
        )


def documentation_links(descriptor: Any) -> Iterator[Any]:
    """Yield a link for each document of the dataset's collection; the terms of use come first."""
    rows = _query(
        "SELECT o.accref, o.kind, o.title, o.mime, o.accsize FROM cta.document AS o"
        " WHERE o.kind <> 'index' AND o.collection = split_part(%(accref)s, '/', 3)"
        " ORDER BY o.kind <> 'terms', o.title",
        {"accref": descriptor.accref},
    )
    for accref, kind, title, mime, size in rows:
        what = {"terms": "Terms of use", "readme": "Description of the collection"}.get(kind, "Documentation")
        yield descriptor.makeLink(
            products.makeProductLink(accref),
            description=f"{what} ({title})",
            contentType=mime,
            contentLength=size,
            localSemantics=kind,
        )


def _query(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with base.getTableConn() as connection:
        return list(connection.query(sql, parameters))
