"""What a dataset was made from and what was made of it: links to provenance, recipe, progenitors and derivations."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from datalink.addresses import quoted

DATALINK = "application/x-votable+xml;content=datalink"
# Links a dataset gets of each kind at most; ProvSAP and the tables have all.
MAX_RELATIVES = 100
LINEAGE_QUERY = (
    "SELECT o.did AS owner_did, r.* FROM unnest(%(dids)s) AS o(did) CROSS JOIN LATERAL ("
    " (SELECT 'progenitor' AS kind, e.id, e.name, e.obs_publisher_did, NULL AS local_semantics"
    "  FROM provenance.was_derived_from AS w JOIN provenance.entity AS e ON e.id = w.used_entity_id"
    f"  WHERE w.generated_entity_id = o.did ORDER BY e.id LIMIT {MAX_RELATIVES})"
    " UNION ALL (SELECT 'derivation', e.id, e.name, e.obs_publisher_did, NULL"
    "  FROM provenance.was_derived_from AS w JOIN provenance.entity AS e ON e.id = w.generated_entity_id"
    # not the cut-outs that somebody has made
    "  WHERE w.used_entity_id = o.did AND e.obs_publisher_did IS NOT NULL"
    # nor what was withdrawn
    "  AND EXISTS (SELECT FROM cta.dataset AS d WHERE d.obs_publisher_did = e.obs_publisher_did)"
    f"  LIMIT {MAX_RELATIVES})"
    " UNION ALL (SELECT CASE WHEN s.parameters IS NULL THEN 'known' ELSE 'recipe' END, s.obs_publisher_did,"
    "  s.activity_name, s.obs_publisher_did, NULL FROM provenance.dataset_step AS s"
    "  WHERE s.obs_publisher_did = o.did)) AS r"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageNode:
    """Something a dataset was made from, or that was made of it."""

    id: str
    title: str
    publisher_did: str | None


@dataclass(slots=True, kw_only=True)
class Lineage:
    """What is known of the making of a dataset."""

    is_known: bool = False
    has_recipe: bool = False
    progenitors: list[LineageNode] = field(default_factory=list)
    derivations: list[LineageNode] = field(default_factory=list)

    def add(self, row: dict[str, Any]) -> None:
        """Take a row of `LINEAGE_QUERY`."""
        kind = row["kind"]
        if kind in ("known", "recipe"):
            self.is_known = True
            self.has_recipe = kind == "recipe"
            return
        node = LineageNode(id=row["id"], title=row["name"] or row["id"], publisher_did=row["obs_publisher_did"])
        (self.progenitors if kind == "progenitor" else self.derivations).append(node)


def lineage_links(
    lineage: Lineage, server: str, publisher_did: str, told: Collection[tuple[str, str | None]] = ()
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield semantics and values of the links that tell of a dataset's making.

    Parameters
    ----------
    lineage
        What is known.
    server
        Address of this archive.
    publisher_did
        Of the dataset.
    told
        Semantics and identifier of those that have links already.
    """
    for semantics, nodes in (("#progenitor", lineage.progenitors), ("#derivation", lineage.derivations)):
        for node in nodes:
            if (semantics, node.publisher_did) not in told:
                yield semantics, _node_link(node, server)
    if not lineage.is_known:
        return
    for name, mime, what in (
        ("PROV-SVG", "image/svg+xml", "How it was made, as a picture"),
        ("PROV-JSON", "application/json", "How it was made: provenance by the IVOA's model (PROV-JSON)"),
    ):
        yield (
            "#documentation",
            {
                "access_url": f"{server}/provsap?ID={quoted(publisher_did)}&RESPONSEFORMAT={name}",
                "description": what,
                "content_type": mime,
                "local_semantics": "provenance",
            },
        )
    if lineage.has_recipe:
        yield (
            "#documentation",
            {
                "access_url": f"{server}/cta/prov/recipe/dlget?ID={quoted(publisher_did)}",
                "description": "How to make it again: command and configuration, as recorded",
                "content_type": "text/plain",
                "local_semantics": "recipe",
            },
        )


def _node_link(node: LineageNode, server: str) -> dict[str, str]:
    """Return the link to a published dataset's own links, or to what is known of another thing."""
    if node.publisher_did is not None:
        url = f"{server}/cta/dl/links/dlmeta?ID={quoted(node.publisher_did)}"
        return {"access_url": url, "description": node.title, "content_type": DATALINK}
    url = f"{server}/provsap?ID={quoted(node.id)}"
    return {
        "access_url": url,
        "description": f"{node.title} (not published here; what is known of it)",
        "content_type": "application/json",
    }
