"""PROV-JSON of the W3C and of the IVOA flavour, older drafts of it included (``standards/provenance.md`` §1, §2).

Identifiers become the full URI of their qualified name. What a document says twice, for instance a description in a
bundle, is one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from prov_tables.errors import ProvenanceError
from prov_tables.harvest import Harvest, Identity, add_parameter, parse_time
from prov_tables.model import (
    COLLECTION,
    DATASET,
    ENTITY,
    ORGANIZATION,
    PERSON,
    SOFTWARE,
    VALUE,
    Activity,
    ActivityDescription,
    Agent,
    ConfigFile,
    Entity,
    EntityDescription,
    HadMember,
    Parameter,
    ParameterDescription,
    Row,
    Used,
    WasAssociatedWith,
    WasAttributedTo,
    WasConfiguredBy,
    WasDerivedFrom,
    WasGeneratedBy,
    WasInformedBy,
)
from prov_tables.privacy import file_name
from prov_tables.readers.logprov import activity_key, content_key
from prov_tables.readers.prov_descriptions import DESCRIPTIONS, Refer
from prov_tables.readers.prov_names import Attributes, Names, plain, text_of

BLOCKS = ("entity", "activity", "agent", "used", "wasGeneratedBy", "activityDescription", "entityDescription")
_HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
_AGENT_TYPES = {
    "person": PERSON,
    "individual": PERSON,
    "organization": ORGANIZATION,
    "organisation": ORGANIZATION,
    "softwareagent": SOFTWARE,
}


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


class _Reader:
    """Collects the rows of a document and its bundles."""

    def __init__(self) -> None:
        self.harvest = Harvest()
        self._graph = self.harvest.graph
        self._keys: dict[str, str] = {}
        # parameters that logprov exports as entities, until a usage tells whose they are
        self._pending: dict[str, dict[str, Any]] = {}

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

    def _key(self, names: Names, name: object) -> str:
        identifier = names.identifier(name)
        return self._keys.get(identifier, identifier)

    def _named(self, names: Names, name: str, attributes: Attributes) -> str:
        """Return the identifier of a node: its attribute id, when that is more than its qualified name."""
        identifier = names.identifier(name)
        given = attributes.get("id")
        if given and str(given) != name and names.identifier(given) != identifier:
            self._keys[identifier] = str(given)
        return self._keys.get(identifier, identifier)

    def _description(self, make: Callable[[str, Attributes, Refer], Row]) -> Callable[[Names, str, Attributes], None]:
        def take(names: Names, name: str, of: Attributes) -> None:
            self._graph.add(
                make(self._named(names, name, of), of, lambda attribute: self._reference(names, of, attribute))
            )

        return take

    # --- nodes -------------------------------------------------------------------------------------------------

    def _activity(self, names: Names, name: str, of: Attributes) -> None:
        key = self._named(names, name, of)
        if of.get("in_session"):  # logprov's own export: its numbers are short
            self._keys[names.identifier(name)] = key = activity_key(of["in_session"], name.rpartition(":")[2])
        comment, described = self._comment(names, of)
        label = text_of(of, "name")
        kind, docurl = text_of(of, "type"), text_of(of, "docurl")
        if label and described is None and (kind or docurl):
            described = f"{key}#description"
            self._graph.add(ActivityDescription(id=described, name=label, type=kind, docurl=docurl))
        self._graph.add(
            Activity(
                id=key,
                name=label,
                start_time=parse_time(of.get("startTime")),
                end_time=parse_time(of.get("endTime")),
                comment=comment,
                description_id=described,
                status=text_of(of, "status"),
                exit_code=of["exit_code"] if isinstance(of.get("exit_code"), int) else None,
            )
        )

    def _agent(self, names: Names, name: str, of: Attributes) -> None:
        key = self._named(names, name, of)
        label = text_of(of, "name")
        if label is None and not of.get("email"):
            # nothing but an identifier: in exports of logs that is an account
            self.harvest.secrets.add(name.rpartition(":")[2])
            self._keys[names.identifier(name)] = ""
            return
        kind = (text_of(of, "type") or "").rpartition(":")[2].lower()
        self._graph.add(
            Agent(
                id=key,
                name=label or name.rpartition(":")[2],
                type=_AGENT_TYPES.get(kind, PERSON),
                comment=text_of(of, "comment") or text_of(of, "description"),
                email=text_of(of, "email"),
                affiliation=text_of(of, "affiliation"),
                phone=text_of(of, "phone"),
                address=text_of(of, "address"),
                url=text_of(of, "url"),
            )
        )

    def _entity(self, names: Names, name: str, of: Attributes) -> None:
        kind = (text_of(of, "type") or "").rpartition(":")[2]
        if "parameter" in ((text_of(of, "votype") or "").rpartition(":")[2].lower(), kind.lower()):
            self._parameter(names, name, {**of, "name": of.get("name") or of.get("comment")})
            return
        if kind == "Parameters":
            return self._logprov_parameters(names, name, of)
        key = self._named(names, name, of)
        local = name.rpartition(":")[2]
        location = text_of(of, "location")
        if _HASH.fullmatch(local) and location:
            self._keys[names.identifier(name)] = key = content_key(local, "md5" if len(local) == 32 else "sha256")
            self.harvest.identities[key] = Identity(files=(key,), file_name=file_name(location))
        elif key.startswith("ivo://"):
            self.harvest.identities[key] = Identity(publisher_did=key)
        comment, described = self._comment(names, of)
        value = text_of(of, "value")
        named = text_of(of, "entity_class")
        entity_class = named or (
            COLLECTION
            if "collection" in kind.lower()
            else VALUE
            if value is not None
            else DATASET
            if location or kind in ("File", DATASET)
            else ENTITY
        )
        label = text_of(of, "name")
        if described is None and location and label and label != file_name(location):
            content = text_of(of, "contentType")
            described = f"kind:{label}" + (f" ({content})" if content else "")
            self._graph.add(
                EntityDescription(
                    id=described,
                    name=label,
                    content_type=content,
                    description_class="DatasetDescription" if content else "EntityDescription",
                )
            )
            if kind in ("File", "SetCollection"):
                label = file_name(location)
        self._graph.add(
            Entity(
                id=key,
                name=label,
                location=location,
                generated_at_time=parse_time(of.get("generatedAtTime")),
                invalidated_at_time=parse_time(of.get("invalidatedAtTime")),
                comment=comment,
                entity_class=entity_class,
                entity_value=value,
                description_id=described,
            )
        )

    def _logprov_parameters(self, names: Names, name: str, of: Attributes) -> None:
        """Remember parameters that logprov exports as an entity."""
        identifier = names.identifier(name)
        self._keys[identifier] = key = f"parameters:{identifier}"
        self._pending[key] = {word: value for word, value in of.items() if word not in ("type", "name", "id")}

    def _comment(self, names: Names, of: Attributes) -> tuple[str | None, str | None]:
        """Return comment and description of a node; older drafts refer to the description by `description`."""
        described = of.get("description")
        if described is not None:
            key = self._key(names, described)
            for row_class in (ActivityDescription, EntityDescription):
                if self._graph.get(row_class, key) is not None:
                    return text_of(of, "comment"), key
        return text_of(of, "comment") or text_of(of, "description"), None

    # --- configuration -----------------------------------------------------------------------------------------

    def _parameter(self, names: Names, name: str, of: Attributes) -> None:
        key = self._named(names, name, of)
        described = self._reference(names, of, "description") or self._reference(names, of, "parameterDescription")
        row = self._graph.get(ParameterDescription, described) if described else None
        self._graph.add(
            Parameter(
                id=key,
                name=text_of(of, "name") or (row.name if row else key),
                param_value=text_of(of, "value") or "",
                entity_id=self._reference(names, of, "valueEntity"),
                description_id=described,
            )
        )
        if of.get("activity"):
            self._graph.add(
                WasConfiguredBy(
                    activity_id=self._key(names, of["activity"]), artefact_type="Parameter", parameter_id=key
                )
            )

    def _config_file(self, names: Names, name: str, of: Attributes) -> None:
        key = self._named(names, name, of)
        location = text_of(of, "location")
        self._graph.add(
            ConfigFile(
                id=key,
                name=text_of(of, "name") or (file_name(location) if location else key),
                location=location,
                comment=text_of(of, "comment"),
                description_id=self._reference(names, of, "configFileDescription"),
            )
        )

    def _configured(self, names: Names, name: str, of: Attributes) -> None:
        activity = self._reference(names, of, "configured") or self._reference(names, of, "activity")
        parameter = self._reference(names, of, "parameter")
        config = self._reference(names, of, "configFile")
        configurator = self._reference(names, of, "configurator")
        if configurator:
            if (text_of(of, "artefactType") or "").lower() == "configfile":
                config = config or configurator
            else:
                parameter = parameter or configurator
        if activity and (parameter or config):
            self._graph.add(
                WasConfiguredBy(
                    activity_id=activity,
                    artefact_type="Parameter" if parameter else "ConfigFile",
                    parameter_id=parameter,
                    config_file_id=None if parameter else config,
                )
            )

    # --- relations ---------------------------------------------------------------------------------------------

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

    def _reference(self, names: Names, of: Attributes, attribute: str) -> str | None:
        value = of.get(attribute)
        if isinstance(value, list):
            value = value[0] if value else None
        return (self._key(names, value) or None) if value is not None else None
