"""Names and attributes in PROV documents."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PREFIXED = re.compile(r"([A-Za-z_][\w.-]*):(.*)", re.DOTALL)
# Attributes that W3C names otherwise, and names of older drafts.
_SYNONYMS = {
    "label": "name",
    "annotation": "comment",
    "doculink": "docurl",
    "datatype": "valueType",
    "arraysize": "arraysize",
    "storageLocation": "location",
    "filepath": "location",
    "atLocation": "location",
}
Attributes = Mapping[str, Any]


class Names:
    """Turns qualified names into identifiers."""

    def __init__(self, document: Mapping[str, Any], outer: Mapping[str, str]) -> None:
        given = document.get("prefix")
        self.prefixes = {**outer, **(given if isinstance(given, dict) else {})}

    def identifier(self, name: object) -> str:
        """Return what a qualified name stands for; names without a known prefix stand for themselves."""
        text = str(name.get("$")) if isinstance(name, dict) else str(name)
        match = _PREFIXED.fullmatch(text)
        if match and match.group(1) in self.prefixes and not match.group(2).startswith("//"):
            return f"{self.prefixes[match.group(1)]}{match.group(2)}"
        if match is None and "default" in self.prefixes:
            return f"{self.prefixes['default']}{text}"
        return text


def plain(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes without prefixes and types, under the names of the standard."""
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        prefix, _, local = name.rpartition(":")
        local = _SYNONYMS.get(local, local)
        if isinstance(value, list):
            value = value if local == "entity" else value[0] if value else None
        if isinstance(value, dict) and "$" in value:
            value = value["$"]
        # what both vocabularies say, or a third one, gives way to the standard's
        if local not in found or prefix in ("prov", "voprov"):
            found[local] = value
    return found


def text_of(attributes: Attributes, name: str) -> str | None:
    """Return an attribute as text, or None when it is empty."""
    value = attributes.get(name)
    if value is None or isinstance(value, dict):
        return None
    text = str(value)
    return text if text.strip() else None
