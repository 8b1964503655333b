"""PROV-JSON, PROV-N and PROV-XML of statements."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from prov_tables.model import Time
from prov_tables.sap.names import PREFIX, qualified
from prov_tables.sap.statements import ARGUMENTS, NAMESPACES, W3C_KINDS, Name, Statement, Value

REFERENCES = frozenset({"voprov:activityDescription", "voprov:entityDescription", "voprov:valueEntity"})
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
XSI = "http://www.w3.org/2001/XMLSchema-instance"


def time_text(time: Time) -> str:
    """Return a time as xsd:dateTime, UTC."""
    return time.replace(tzinfo=None).isoformat() + "Z"


def namespaces(server: str) -> dict[str, str]:
    """Return the namespaces of a document of a server, by prefix."""
    return {**NAMESPACES, PREFIX: f"{server}/provsap?ID="}


# --- PROV-JSON -------------------------------------------------------------------------------------------------------


def to_json(statements: Iterable[Statement], server: str, *, w3c: bool) -> bytes:
    """Return PROV-JSON (W3C member submission 2013-04-24); in the IVOA's terms all attributes are ``voprov:``."""
    document: dict[str, Any] = {"prefix": namespaces(server)}
    prefix = "prov" if w3c else "voprov"
    for number, statement in enumerate(statements, 1):
        attributes: dict[str, Any] = {}
        for name, end in statement.arguments.items():
            attributes[f"{prefix}:{name}"] = time_text(end) if isinstance(end, datetime.datetime) else qualified(end)
        for name, value in statement.attributes:
            shown = _json_value(name, value)
            attributes[name] = [attributes[name], shown] if name in attributes else shown
        key = f"_:n{number}" if statement.id is None else qualified(statement.id)
        block = document.setdefault(statement.kind, {})
        if key in block:  # a node that is two things: an entity and the value of a parameter, say
            attributes = {**attributes, **block[key]}
        block[key] = attributes
    return json.dumps(document, ensure_ascii=False, indent=1).encode("utf-8", "replace")


def _json_value(name: str, value: Value) -> Any:
    if isinstance(value, Name):
        return {"$": value.text, "type": "prov:QUALIFIED_NAME"}
    if isinstance(value, datetime.datetime):
        return {"$": time_text(value), "type": "xsd:dateTime"}
    if name in REFERENCES:
        return qualified(str(value))
    return value


# --- PROV-N ----------------------------------------------------------------------------------------------------------


def to_provn(statements: Iterable[Statement], server: str) -> bytes:
    """Return PROV-N (W3C REC 2013-04-30)."""
    lines = ["document"]
    lines += [f"  prefix {name} <{uri}>" for name, uri in namespaces(server).items() if name not in ("prov", "xsd")]
    lines += [f"  {_provn(statement)}" for statement in statements]
    return ("\n".join([*lines, "endDocument"]) + "\n").encode("utf-8", "replace")


def _provn(statement: Statement) -> str:
    words = [] if statement.id is None else [qualified(statement.id)]
    names = ARGUMENTS.get(statement.kind, ())
    if statement.arguments:
        given = [name for name in names if name in statement.arguments or _needed(statement, name)]
        words += [_provn_argument(statement.arguments.get(name)) for name in given]
    if statement.attributes:
        listed = ", ".join(f"{name}={_provn_value(name, value)}" for name, value in statement.attributes)
        words.append(f"[{listed}]")
    return f"{statement.kind}({', '.join(words)})"


def _needed(statement: Statement, name: str) -> bool:
    """Say whether an absent argument must be marked: times go in pairs, and with attributes none may be missing."""
    if statement.kind == "activity":
        return True
    return name == "time" and bool(statement.attributes)


def _provn_argument(value: str | Time | None) -> str:
    if value is None:
        return "-"
    return time_text(value) if isinstance(value, datetime.datetime) else qualified(value)


def _provn_value(name: str, value: Value) -> str:
    if isinstance(value, Name):
        return f"'{value.text}'"
    if isinstance(value, datetime.datetime):
        return f'"{time_text(value)}" %% xsd:dateTime'
    if isinstance(value, int):
        return str(value)
    if name in REFERENCES:
        return f"'{qualified(value)}'"
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    if "\n" in text or "\r" in text:
        return f'"""{text}"""'
    return f'"{text}"'


# --- PROV-XML --------------------------------------------------------------------------------------------------------

# The schema gives these an order, before all others.
_FIRST = ("prov:label", "prov:location", "prov:role", "prov:type", "prov:value")


def to_xml(statements: Iterable[Statement], server: str) -> bytes:
    """Return PROV-XML (W3C NOTE 2013-04-30); what only the IVOA knows is in its namespace, as the schema allows."""
    uris = {**namespaces(server), "xsd": "http://www.w3.org/2001/XMLSchema", "xsi": XSI}
    declared = " ".join(f"xmlns:{name}={quoteattr(uri)}" for name, uri in uris.items())
    parts = [f'<?xml version="1.0" encoding="utf-8"?>\n<prov:document {declared}>\n']
    listed = list(statements)
    parts += [_xml(statement, "prov") for statement in listed if statement.kind in W3C_KINDS]
    others = [_xml(statement, "voprov") for statement in listed if statement.kind not in W3C_KINDS]
    if others:
        parts += ["<prov:other>\n", *others, "</prov:other>\n"]
    return ("".join(parts) + "</prov:document>\n").encode("utf-8", "replace")


def _xml(statement: Statement, prefix: str) -> str:
    identifier = f" prov:id={quoteattr(qualified(statement.id))}" if statement.id is not None else ""
    inner = [
        f"<{prefix}:{name}>{time_text(end)}</{prefix}:{name}>"
        if isinstance(end, datetime.datetime)
        else f"<{prefix}:{name} prov:ref={quoteattr(qualified(end))}/>"
        for name, end in ((name, statement.arguments.get(name)) for name in ARGUMENTS.get(statement.kind, ()))
        if end is not None
    ]
    ordered = sorted(statement.attributes, key=lambda item: _FIRST.index(item[0]) if item[0] in _FIRST else len(_FIRST))
    inner += [_xml_attribute(name, value) for name, value in ordered]
    return f"<{prefix}:{statement.kind}{identifier}>{''.join(inner)}</{prefix}:{statement.kind}>\n"


def _xml_attribute(name: str, value: Value) -> str:
    if isinstance(value, Name):
        return f'<{name} xsi:type="xsd:QName">{escape(value.text)}</{name}>'
    if isinstance(value, datetime.datetime):
        return f'<{name} xsi:type="xsd:dateTime">{time_text(value)}</{name}>'
    if isinstance(value, int):
        return f'<{name} xsi:type="xsd:int">{value}</{name}>'
    if name in REFERENCES:
        return f"<{name} prov:ref={quoteattr(qualified(value))}/>"
    return f"<{name}>{escape(_NOT_XML.sub(chr(0xFFFD), value))}</{name}>"


__all__ = ["namespaces", "time_text", "to_json", "to_provn", "to_xml"]
