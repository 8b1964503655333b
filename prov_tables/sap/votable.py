"""PROV-VOTABLE: a graph as a VOTable with one table a class, described as in the TAP schema."""

from __future__ import annotations

import datetime
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape, quoteattr

from prov_tables.model import CLASSES, COLUMNS, Graph

RD = Path(__file__).resolve().parents[2] / "inputs" / "cta" / "prov.rd"
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TYPES = {
    "text": 'datatype="unicodeChar" arraysize="*"',
    "timestamp": 'datatype="char" arraysize="*" xtype="timestamp"',
    "integer": 'datatype="int"',
}
NULL = "-2147483648"


@functools.cache
def _described() -> dict[str, tuple[str, str, dict[str, dict[str, str]]]]:
    """Return utype, description and columns of the tables of the RD, which says it once for all."""
    found = {}
    for table in ElementTree.parse(RD).iter("table"):
        metas = {meta.get("name"): (meta.text or "") for meta in table.findall("meta")}
        columns = {str(column.get("name")): dict(column.attrib) for column in table.findall("column")}
        description = " ".join((metas.get("description") or "").split())
        found[str(table.get("id"))] = (metas.get("utype") or "", description, columns)
    return found


def to_votable(graph: Graph, request: str) -> bytes:
    """Return a VOTable of the rows of a graph.

    Parameters
    ----------
    graph
        The rows.
    request
        What was asked, for an INFO.
    """
    return "".join(_document(graph, request)).encode("utf-8", "replace")


def _document(graph: Graph, request: str) -> Iterator[str]:
    yield (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
        '<RESOURCE type="results" name="provenance" utype="voprov">\n'
        '<INFO name="QUERY_STATUS" value="OK"/>\n'
        f'<INFO name="request" value={_quoted(request)}/>\n'
    )
    for row_class in CLASSES:
        rows = graph.of(row_class)
        if rows:
            yield from _table(row_class, rows)
    yield "</RESOURCE>\n</VOTABLE>\n"


def _table(row_class: type[Any], rows: list[Any]) -> Iterator[str]:
    utype, description, columns = _described()[row_class.TABLE]
    yield f'<TABLE name="{row_class.TABLE}" utype={_quoted(utype)}>\n'
    yield f"<DESCRIPTION>{_text(description)}</DESCRIPTION>\n"
    names = COLUMNS[row_class]
    for name in names:
        column = columns[name]
        more = "".join(f" {key}={_quoted(column[key])}" for key in ("ucd", "utype") if column.get(key))
        null = f'<VALUES null="{NULL}"/>' if column["type"] == "integer" else ""
        yield f'<FIELD name="{name}" {_TYPES[column["type"]]}{more}>'
        yield f"<DESCRIPTION>{_text(column['description'])}</DESCRIPTION>{null}</FIELD>\n"
    yield "<DATA><TABLEDATA>\n"
    for row in rows:
        cells = (_cell(getattr(row, name), columns[name]["type"]) for name in names)
        yield "<TR>" + "".join(f"<TD>{cell}</TD>" for cell in cells) + "</TR>\n"
    yield "</TABLEDATA></DATA></TABLE>\n"


def _cell(value: object, kind: str) -> str:
    if value is None:
        return NULL if kind == "integer" else ""
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return _text(str(value))


def _text(text: str) -> str:
    return escape(_NOT_XML.sub("�", text))


def _quoted(text: str) -> str:
    return quoteattr(_NOT_XML.sub("�", text))
