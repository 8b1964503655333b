"""The nodes of PROV-JSON: entities, activities, agents, parameters and configuration files."""

from __future__ import annotations

import re
from typing import Any

from prov_tables.harvest import Harvest, Identity, parse_time
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
    Parameter,
    ParameterDescription,
    WasConfiguredBy,
)
from prov_tables.privacy import file_name
from prov_tables.readers.ctapipe import small_integer
from prov_tables.readers.logprov import activity_key, content_key
from prov_tables.readers.prov_names import Attributes, Names, text_of

_HASH = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
_AGENT_TYPES = {
    "person": PERSON,
    "individual": PERSON,
    "organization": ORGANIZATION,
    "organisation": ORGANIZATION,
    "softwareagent": SOFTWARE,
}


class NodeReader:
    """Takes entities, activities, agents and what configures activities into the rows of a harvest."""

    def __init__(self) -> None:
        self.harvest = Harvest()
        self._graph = self.harvest.graph
        self._keys: dict[str, str] = {}
        # parameters that logprov exports as entities, until a usage tells whose they are
        self._pending: dict[str, dict[str, Any]] = {}

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

    def _reference(self, names: Names, of: Attributes, attribute: str) -> str | None:
        value = of.get(attribute)
        if isinstance(value, list):
            value = value[0] if value else None
        return (self._key(names, value) or None) if value is not None else None

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
                exit_code=small_integer(of.get("exit_code")),
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
