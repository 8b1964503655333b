"""PROV-JSON of the W3C and of the IVOA flavour, older drafts of it included (``standards/provenance.md`` §1, §2).

Identifiers become the full URI of their qualified name. What a document says twice, for instance a description in a
bundle, is one.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prov_tables.errors import ProvenanceError
from prov_tables.harvest import Harvest, add_parameter, parse_time
from prov_tables.model import (
    COLLECTION,
    Activity,
    ConfigFile,
    Entity,
    HadMember,
    Parameter,
    Row,
    Used,
    WasAssociatedWith,
    WasAttributedTo,
    WasConfiguredBy,
    WasDerivedFrom,
    WasGeneratedBy,
    WasInformedBy,
)
from prov_tables.readers.prov_descriptions import DESCRIPTIONS, Refer
from prov_tables.readers.prov_names import Attributes, Names, plain, text_of
from prov_tables.readers.prov_nodes import NodeReader

BLOCKS = ("entity", "activity", "agent", "used", "wasGeneratedBy", "activityDescription", "entityDescription")


def read(path: Path) -> Iterator[Harvest]:
    """Yield one harvest, the document.

    Raises
    ------
    ProvenanceError
        When the file is no PROV-JSON document.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as exc:
        raise ProvenanceError(f"it is no JSON document ({exc}).") from exc
    if not is_document(document):
        raise ProvenanceError("it has none of the blocks of a PROV-JSON document.")
    yield read_document(document)


def is_document(document: object) -> bool:
    """Say whether a JSON value is a PROV-JSON document."""
    return isinstance(document, dict) and any(isinstance(document.get(block), dict) for block in BLOCKS)


def read_document(document: Mapping[str, Any]) -> Harvest:
    """Return the rows of a document, bundles included."""
    reader = _Reader()
    reader.take(document, {})
    return reader.harvest


class _Reader(NodeReader):
    """Collects the rows of a document and its bundles."""

    def take(self, document: Mapping[str, Any], outer: Mapping[str, str]) -> None:
        """Take a document or a bundle."""
        names = Names(document, outer)
        for block, take in self._takers().items():
            content = document.get(block)
            if isinstance(content, dict):
                for name, listed in content.items():
                    for attributes in listed if isinstance(listed, list) else [listed]:
                        if isinstance(attributes, dict):
                            take(names, str(name), plain(attributes))
        bundles = document.get("bundle")
        if isinstance(bundles, dict):
            for bundle in bundles.values():
                if isinstance(bundle, dict):
                    self.take(bundle, names.prefixes)

    def _takers(self) -> dict[str, Callable[[Names, str, Attributes], None]]:
        return {
            **{block: self._description(make) for block, make in DESCRIPTIONS.items()},
            "activityFlow": self._activity,
            "activity": self._activity,
            "agent": self._agent,
            "entity": self._entity,
            "collection": self._entity,
            "parameter": self._parameter,
            "configFile": self._config_file,
            "used": self._used,
            "wasGeneratedBy": self._generated,
            "wasAssociatedWith": self._associated,
            "wasAttributedTo": self._attributed,
            "wasDerivedFrom": self._derived,
            "wasInformedBy": self._informed,
            "hadMember": self._member,
            "hadStep": self._step,
            "isDescribedBy": self._described,
            "wasConfiguredBy": self._configured,
        }

    def _description(self, make: Callable[[str, Attributes, Refer], Row]) -> Callable[[Names, str, Attributes], None]:
        def take(names: Names, name: str, of: Attributes) -> None:
            self._graph.add(
                make(self._named(names, name, of), of, lambda attribute: self._reference(names, of, attribute))
            )

        return take

    def _used(self, names: Names, name: str, of: Attributes) -> None:
        activity, entity = self._reference(names, of, "activity"), self._reference(names, of, "entity")
        if not activity or not entity:
            return
        pending = self._pending.get(entity)
        if pending is not None:
            for key, value in pending.items():
                add_parameter(self._graph, activity, None, key, value)
        elif self._graph.get(Parameter, entity) is not None:
            row = WasConfiguredBy(activity_id=activity, artefact_type="Parameter", parameter_id=entity)
            self._graph.add(row)
        else:
            self._mention(entity)
            self._graph.add(
                Used(
                    activity_id=activity,
                    entity_id=entity,
                    role=text_of(of, "role"),
                    use_time=parse_time(of.get("time")),
                )
            )

    def _mention(self, entity: str) -> None:
        """Make sure that an entity has a row; documents need not describe what they refer to."""
        if self._graph.get(Entity, entity) is None:
            self._graph.add(Entity(id=entity))

    def _generated(self, names: Names, name: str, of: Attributes) -> None:
        activity, entity = self._reference(names, of, "activity"), self._reference(names, of, "entity")
        if entity and activity:
            self._mention(entity)
            row = self._graph.get(Entity, entity)
            row.generated_at_time = row.generated_at_time or parse_time(of.get("time"))
            self._graph.add(WasGeneratedBy(entity_id=entity, activity_id=activity, role=text_of(of, "role")))

    def _associated(self, names: Names, name: str, of: Attributes) -> None:
        activity, agent = self._reference(names, of, "activity"), self._reference(names, of, "agent")
        if activity and agent:
            self._graph.add(WasAssociatedWith(activity_id=activity, agent_id=agent, role=text_of(of, "role")))

    def _attributed(self, names: Names, name: str, of: Attributes) -> None:
        entity, agent = self._reference(names, of, "entity"), self._reference(names, of, "agent")
        if entity and agent:
            self._mention(entity)
            self._graph.add(WasAttributedTo(entity_id=entity, agent_id=agent, role=text_of(of, "role")))

    def _derived(self, names: Names, name: str, of: Attributes) -> None:
        made, used = self._reference(names, of, "generatedEntity"), self._reference(names, of, "usedEntity")
        if made and used:
            self._mention(made)
            self._mention(used)
            self._graph.add(WasDerivedFrom(generated_entity_id=made, used_entity_id=used))

    def _informed(self, names: Names, name: str, of: Attributes) -> None:
        informed, informant = self._reference(names, of, "informed"), self._reference(names, of, "informant")
        if informed and informant:
            self._graph.add(WasInformedBy(informed_id=informed, informant_id=informant))

    def _step(self, names: Names, name: str, of: Attributes) -> None:
        """Take a step of an activity flow, which the standard has dropped, for informed by the flow."""
        step, flow = self._reference(names, of, "activity"), self._reference(names, of, "activityFlow")
        if step and flow:
            self._graph.add(WasInformedBy(informed_id=step, informant_id=flow))

    def _member(self, names: Names, name: str, of: Attributes) -> None:
        collection = self._reference(names, of, "collection")
        listed = of.get("entity")
        for item in listed if isinstance(listed, list) else [listed]:
            if collection and item is not None:
                member = self._key(names, item)
                self._mention(collection)
                self._mention(member)
                self._graph.add(HadMember(collection_id=collection, entity_id=member))
                self._graph.get(Entity, collection).entity_class = COLLECTION

    def _described(self, names: Names, name: str, of: Attributes) -> None:
        node, description = self._reference(names, of, "described"), self._reference(names, of, "descriptor")
        if node and description:
            for row_class in (Activity, Entity, Parameter, ConfigFile):
                row = self._graph.get(row_class, node)
                if row is not None:
                    row.description_id = description


__all__ = ["is_document", "read", "read_document"]
