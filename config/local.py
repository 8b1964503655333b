"""What this site mends in DaCHS (2.11) itself; every DaCHS process loads it, by way of userconfig.rd."""

from __future__ import annotations

from typing import Any

from gavo.protocols import products
from gavo.registry import builders
from twisted.web import server


def end_empty_answers() -> None:
    """Make DaCHS end its answer to HEAD, and to a request for a file that the client still has.

    Such an answer has no body, and DaCHS waits for one until the client gives up.
    """
    render = products.FileProduct.render

    def render_and_end(product: Any, request: Any) -> Any:
        answer = render(product, request)
        if answer != b"":
            return answer
        request.finish()
        return server.NOT_DONE_YET

    products.FileProduct.render = render_and_end


def show_terms_in_registry() -> None:
    """Put the terms of use (meta rights) into the registry records of collections, too, not only of services."""
    make_resource = builders.ResourceMaker._makeResource

    def make_with_rights(self: Any, carrier: Any, names: Any) -> Any:
        record = make_resource(self, carrier, names)
        if isinstance(self, builders.DataCollectionResourceMaker):
            record = record[builders._rightsBuilder.build(carrier)]
        return record

    builders.ResourceMaker._makeResource = make_with_rights


end_empty_answers()
show_terms_in_registry()
