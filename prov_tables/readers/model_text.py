"""Plain text with a line ``Class.attribute=value`` an attribute, blocks apart by empty lines: the model, by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prov_tables.errors import ProvenanceError
from prov_tables.harvest import Harvest, Identity
from prov_tables.model import Entity
from prov_tables.privacy import file_name
from prov_tables.readers.prov_json import read_document

_LINE = re.compile(r"([A-Z][A-Za-z]+)\.([A-Za-z_]+)=(.*)")
# Classes under the names of PROV-JSON; the rest begins with a small letter and keeps its name.
_BLOCKS = {"DatasetEntity": "entity", "ValueEntity": "entity", "Collection": "entity"}
_DESCRIPTIONS = {"DatasetDescription": "entityDescription", "ValueDescription": "entityDescription"}
_REFERENCES = {
    "activityDescription_id": "activityDescription",
    "entityDescription_id": "entityDescription",
    "activity_id": "activity",
    "entity_id": "entity",
    "agent_id": "agent",
}


def read(path: Path) -> Iterator[Harvest]:
    """Yield one harvest.

    Raises
    ------
    ProvenanceError
        When no line is of this form.
    """
    harvest = read_document(parse(path.read_text(encoding="utf-8", errors="replace")))
    for entity in harvest.graph.of(Entity):
        if entity.location:
            identity = Identity(product_id=entity.id, file_name=file_name(entity.location))
            harvest.identities.setdefault(entity.id, identity)
    yield harvest


def parse(text: str) -> dict[str, Any]:
    """Return the PROV-JSON document of such a text."""
    document: dict[str, Any] = {}
    described: list[tuple[str, str]] = []
    for number, block in enumerate(re.split(r"\n\s*\n", text)):
        found = [match.groups() for line in block.splitlines() if (match := _LINE.fullmatch(line.strip()))]
        if not found:
            continue
        name = found[0][0]
        values = {_REFERENCES.get(key, key): value for _, key, value in found if value and value != "None"}
        key = values.pop("id", f"_:{number}")
        for reference in ("activityDescription", "entityDescription"):
            if reference in values and name in ("Activity", *_BLOCKS):
                described.append((key, values.pop(reference)))
        if name in _BLOCKS:
            values["entity_class"] = name
        kind = _BLOCKS.get(name) or _DESCRIPTIONS.get(name) or name[0].lower() + name[1:]
        place = document.setdefault(kind, {})
        place[key if key not in place or kind in ("entity", "entityDescription") else f"{key}:{number}"] = values
    if not document:
        raise ProvenanceError("it has no line 'Class.attribute=value' of the provenance model.")
    known = {key for block in ("activityDescription", "entityDescription") for key in document.get(block, {})}
    document["isDescribedBy"] = {
        f"_:described{number}": {"described": node, "descriptor": description}
        for number, (node, description) in enumerate(described)
        if description in known
    }
    return document
