"""The cores of the services in RD ``cta/prov`` (adaptor: imports DaCHS)."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from gavo import base, svcs

from datalink.answers import TextAnswer
from datalink.cores import parameters_of
from prov_tables.recipe import recipe_of
from prov_tables.sap.answer import write_graph
from prov_tables.sap.request import GraphRequest, RequestError, parse_request
from prov_tables.sap.selection import select_graph


class TableDatabase:
    """The tables, as DaCHS's readers see them."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return list(self._connection.query(sql, dict(parameters)))


def server_url() -> str:
    """Return the address of this archive."""
    return str(base.getCurrentServerURL()).rstrip("/")


class ProvSapCore(svcs.Core):  # type: ignore[misc]
    """Answers with a provenance graph."""

    name_ = "provSapCore"
    inputTableXML = """
        <inputTable>
            <inputKey name="ID" type="text" multiplicity="multiple" ucd="meta.id;meta.main" std="True"
                description="Publisher DID of a dataset, or id of an entity or activity; repeatable"/>
            <inputKey name="DEPTH" type="text" multiplicity="multiple"
                description="How many relations to follow, or ALL (default); from an entity over its activity to what
                that used are two"/>
            <inputKey name="DIRECTION" type="text" multiplicity="multiple"
                description="BACK to what it was made from (default), FORWARD to what was made from it, or BOTH"/>
            <inputKey name="MODEL" type="text" multiplicity="multiple"
                description="Terms to use: IVOA (default) or W3C"/>
            <inputKey name="AGENTS" type="text" multiplicity="multiple"
                description="1 (default) with agents, 0 without"/>
            <inputKey name="MEMBERS" type="text" multiplicity="multiple"
                description="1 to follow collections to their members, 0 (default) not to"/>
            <inputKey name="DESCRIPTIONS" type="text" multiplicity="multiple"
                description="0 (default) without descriptions, 1 with those of activities and entities, 2 with all"/>
            <inputKey name="CONFIGURATION" type="text" multiplicity="multiple"
                description="1 (default) with parameters and configuration files, 0 without"/>
            <inputKey name="ATTRIBUTES" type="text" multiplicity="multiple"
                description="1 (default) with all attributes, 0 with names only"/>
            <inputKey name="GD" type="text" multiplicity="multiple"
                description="Direction of pictures: LR (default) or TB"/>
        </inputTable>"""

    def run(self, service: Any, input_table: Any, query_meta: Any) -> tuple[io.BytesIO, str]:
        """Return a stream and its media type."""
        try:
            request = parse_request(_given(input_table, query_meta))
            return io.BytesIO(answer(request)), request.media_type
        except RequestError as exc:
            raise _Refused(exc) from exc


def _given(input_table: Any, query_meta: Any) -> dict[str, list[str]]:
    """Return the request's parameters, those for which the service has other names included."""
    parameters = parameters_of(input_table)
    for name in ("AGENT", "STEP", "BACKWARD", "FORWARD", "FORMAT"):
        value = query_meta.ctxArgs.get(name)
        if value is not None:
            parameters[name] = [str(item) for item in (value if isinstance(value, list | tuple) else [value])]
    return parameters


def answer(request: GraphRequest) -> bytes:
    """Return the answer to a request."""
    with base.getTableConn() as connection:
        graph = select_graph(TableDatabase(connection), request)
    return write_graph(graph, request, server_url())


class _Refused(base.Error):  # type: ignore[misc]
    """A request that cannot be answered; DaCHS sends `httpCode` as the status."""

    def __init__(self, exc: RequestError) -> None:
        base.Error.__init__(self, str(exc))
        self.msg = str(exc)
        self.httpCode = exc.status

    def __str__(self) -> str:
        return str(self.msg)


class RecipeCore(svcs.Core):  # type: ignore[misc]
    """Gives the command, or the job's parameters, that would make a product again."""

    name_ = "recipeCore"
    inputTableXML = """
        <inputTable>
            <inputKey name="ID" type="text" multiplicity="multiple" ucd="meta.id;meta.main" std="True"
                description="Publisher DID of a dataset, or id of an entity"/>
        </inputTable>"""

    def run(self, service: Any, input_table: Any, query_meta: Any) -> TextAnswer:
        """Return a text."""
        wanted = parameters_of(input_table).get("ID", [])
        if len(wanted) != 1 or "\0" in wanted[0]:
            return TextAnswer(400, "UsageError: give the identifier of one dataset as ID.")
        try:
            with base.getTableConn() as connection:
                return TextAnswer(200, recipe_of(TableDatabase(connection), wanted[0], server_url()))
        except RequestError as exc:
            return TextAnswer(exc.status, f"UsageError: {exc}")
