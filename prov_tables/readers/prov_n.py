"""PROV-N, the notation of the W3C, as far as archives write it: statements become a PROV-JSON document."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prov_tables.errors import ProvenanceError
from prov_tables.harvest import Harvest
from prov_tables.readers.prov_json import read_document

# Positional arguments after the optional identifier.
RELATIONS = {
    "used": ("activity", "entity", "time"),
    "wasGeneratedBy": ("entity", "activity", "time"),
    "wasAssociatedWith": ("activity", "agent", "plan"),
    "wasAttributedTo": ("entity", "agent"),
    "wasDerivedFrom": ("generatedEntity", "usedEntity"),
    "wasInformedBy": ("informed", "informant"),
    "hadMember": ("collection", "entity"),
}
NODES = {"entity": (), "agent": (), "activity": ("startTime", "endTime")}
_PREFIX = re.compile(r"^\s*(?:prefix\s+([\w.-]+)|(default))\s+<([^>]*)>", re.MULTILINE)
_STRING = r'"(?:[^"\\]|\\.)*"'
_STATEMENT = re.compile(rf"\b([A-Za-z]+)\(((?:{_STRING}|\[(?:{_STRING}|[^\]\"])*\]|[^()\"\[\]])*)\)", re.DOTALL)
_ARGUMENT = re.compile(rf"\[(?:{_STRING}|[^\]\"])*\]|(?:{_STRING}|[^,;\[\]\"])+|;")
_ATTRIBUTE = re.compile(rf"([\w.-]+(?::[\w.-]+)?)\s*=\s*({_STRING}|'[^']*'|[^,\]]+)(?:\s*%%\s*[\w:.-]+)?(?:@[\w-]+)?")
_ESCAPE = re.compile(r"\\(.)")


def read(path: Path) -> Iterator[Harvest]:
    """Yield one harvest, the document.

    Raises
    ------
    ProvenanceError
        When the file is no PROV-N document.
    """
    yield read_document(parse(path.read_text(encoding="utf-8", errors="replace")))


def parse(text: str) -> dict[str, Any]:
    """Return the PROV-JSON document of a PROV-N text."""
    begin, end = re.search(r"^\s*document\b", text, re.MULTILINE), text.rfind("endDocument")
    if begin is None or end < 0:
        raise ProvenanceError("it has no 'document' … 'endDocument' and is no PROV-N text.")
    body = text[begin.end() : end]
    document: dict[str, Any] = {
        "prefix": {match.group(1) or "default": match.group(3) for match in _PREFIX.finditer(body)}
    }
    for number, match in enumerate(_STATEMENT.finditer(body)):
        name, listed = match.groups()
        if name not in NODES and name not in RELATIONS:
            continue
        identifier, arguments, attributes = _arguments(listed)
        if name in NODES:
            key = arguments[0]
            attributes |= _positional(NODES[name], arguments[1:])
            document.setdefault(name, {}).setdefault(key, {}).update(attributes)
        else:
            attributes |= _positional(RELATIONS[name], arguments)
            document.setdefault(name, {})[identifier or f"_:n{number}"] = attributes
    return document


def _positional(names: tuple[str, ...], values: list[str]) -> dict[str, Any]:
    return {f"prov:{name}": value for name, value in zip(names, values, strict=False) if value != "-"}


def _arguments(listed: str) -> tuple[str | None, list[str], dict[str, Any]]:
    """Return the optional identifier, the positional arguments, and the attributes of a statement."""
    identifier: str | None = None
    values: list[str] = []
    attributes: dict[str, Any] = {}
    for match in _ARGUMENT.finditer(listed):
        word = match.group().strip()
        if word == ";":
            identifier, values = (values[0] if values else None), []
        elif word.startswith("["):
            attributes = {name: _value(value) for name, value in _ATTRIBUTE.findall(word[1:-1])}
        elif word:
            values.append(_ESCAPE.sub(r"\1", word))
    return identifier, values, attributes


def _value(text: str) -> str:
    text = text.strip()
    if text[:1] in "\"'":
        text = text[1:-1]
        return text.replace("\\n", "\n").replace('\\"', '"').replace("\\\\", "\\")
    return text
