"""The answer to a request: a graph in the format that was asked for."""

from __future__ import annotations

from urllib.parse import quote

from prov_tables.model import Entity, Graph
from prov_tables.sap.notations import to_json, to_provn, to_xml
from prov_tables.sap.picture import dot_source, draw
from prov_tables.sap.request import GraphRequest
from prov_tables.sap.statements import statements_of
from prov_tables.sap.votable import to_votable


def write_graph(graph: Graph, request: GraphRequest, server: str) -> bytes:
    """Return a document or picture of a graph.

    Parameters
    ----------
    graph
        What was selected.
    request
        Says how to write it.
    server
        Address of this archive, without a slash at its end.

    Raises
    ------
    RequestError
        When there is no picture of so large a graph.
    """

    def link(entity: Entity) -> str | None:
        """Return where a published dataset's links are: they say who may have the data."""
        if entity.obs_publisher_did is None:
            return None
        return f"{server}/cta/dl/links/dlmeta?ID={quote(entity.obs_publisher_did, safe='')}"

    name = request.response_format
    if name in ("PROV-SVG", "PROV-PNG"):
        source = dot_source(graph, server, link, left_right=request.left_right)
        return draw(source, name.removeprefix("PROV-").lower())
    if name == "PROV-VOTABLE":
        return to_votable(graph, " ".join(request.ids))
    statements = statements_of(graph, w3c=request.w3c, attributes=request.attributes, link=link)
    if name == "PROV-N":
        return to_provn(statements, server)
    if name == "PROV-XML":
        return to_xml(statements, server)
    return to_json(statements, server, w3c=request.w3c)
