"""Records of this archive's own jobs, as `analysis.provenance` makes them: the recorder's form with more in it.

The record brings the description of its job type along, so that descriptions are in the tables whoever imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prov_tables.errors import ProvenanceError
from prov_tables.harvest import Harvest, Identity, add_environment, add_software, digest, packages_of, parse_time
from prov_tables.model import (
    DATASET,
    PARAMETER,
    PERSON,
    Activity,
    ActivityDescription,
    Agent,
    Entity,
    EntityDescription,
    GenerationDescription,
    Parameter,
    ParameterDescription,
    UsageDescription,
    Used,
    WasAssociatedWith,
    WasConfiguredBy,
    WasGeneratedBy,
)

FORM = "cta-vo-archive job 1"
ACTIVITY = "job:"
# What ids of descriptions of this archive's job types begin with: jobs of other services have none of these.
TYPES = "jobs/"


def is_job(record: Mapping[str, Any]) -> bool:
    """Say whether a record is that of a job of this archive."""
    return record.get("form") == FORM


def description_id(name: str, version: str | None) -> str:
    """Return the id of a job type's description, the same for all jobs of the type in this version."""
    return f"{TYPES}{name}/{version}" if version else f"{TYPES}{name}"


def read_job(record: Mapping[str, Any]) -> Harvest:
    """Return the rows of one job.

    Raises
    ------
    ProvenanceError
        When the record lacks what makes it one.
    """
    uuid, described = record.get("activity_uuid"), record.get("description")
    if not uuid or not isinstance(described, Mapping) or not described.get("name"):
        raise ProvenanceError("a record of a job has an activity_uuid and the description of its job type.")
    return _Reader(record, f"{ACTIVITY}{uuid}", described).harvest


class _Reader:
    """Makes the rows of one job."""

    def __init__(self, record: Mapping[str, Any], activity: str, described: Mapping[str, Any]) -> None:
        self.harvest = Harvest()
        self._graph = self.harvest.graph
        self._id = activity
        self._type = description_id(str(described["name"]), _text(described.get("version")))
        self._describe(described)
        self._end = parse_time(record.get("stop", {}).get("time_utc"))
        self._graph.add(
            Activity(
                id=activity,
                name=str(record.get("activity_name") or described["name"]),
                start_time=parse_time(record.get("start", {}).get("time_utc")),
                end_time=self._end,
                comment=_text(record.get("comment")),
                description_id=self._type,
                status=_text(record.get("status")),
                exit_code=record.get("exit_code"),
            )
        )
        add_software(self._graph, activity, str(described["name"]), _text(described.get("version")))
        for agent in record.get("agents", ()):
            self._agent(str(agent["name"]), _text(agent.get("role")))
        for name, value in record.get("config", {}).items():
            self._parameter(str(name), str(value))
        for item in record.get("input", ()):
            self._input(item)
        for item in record.get("output", ()):
            self._output(item)
        packages = packages_of(record.get("system", {}).get("packages"))
        versions = ", ".join(f"{name} {version}" for name, version in packages.items())
        add_environment(self._graph, activity, self._type, packages, None, None, summary=versions)

    # --- what the job type is --------------------------------------------------------------------------------------

    def _describe(self, described: Mapping[str, Any]) -> None:
        self._graph.add(
            ActivityDescription(
                id=self._type,
                **_columns(described, "name", "version", "description", "docurl", "type", "subtype"),
            )
        )
        for item in described.get("parameters", ()):
            self._graph.add(
                ParameterDescription(
                    id=f"{self._type}#{item['name']}",
                    activity_description_id=self._type,
                    name=str(item["name"]),
                    **_columns(item, "value_type", "description", "unit", "ucd"),
                    **_columns(item, "min_value", "max_value", "default_value", "options"),
                )
            )
        for kind, row_class in (("used", UsageDescription), ("generated", GenerationDescription)):
            for item in described.get(kind, ()):
                self._flow(kind, row_class, item)

    def _flow(
        self, kind: str, row_class: type[UsageDescription] | type[GenerationDescription], item: Mapping[str, Any]
    ) -> None:
        entity = f"{self._type}#{kind}/{item['name']}"
        self._graph.add(
            EntityDescription(
                id=entity,
                description_class="DatasetDescription" if item.get("content_type") else "EntityDescription",
                **_columns(item, "name", "description", "content_type"),
            )
        )
        self._graph.add(
            row_class(
                id=self._flow_id(kind, item["name"]),
                activity_description_id=self._type,
                entity_description_id=entity,
                **_columns(item, "role", "description", "type", "multiplicity"),
            )
        )

    def _flow_id(self, kind: str, name: object) -> str:
        return f"{self._type}/{kind}/{name}"

    # --- what the job was ------------------------------------------------------------------------------------------

    def _agent(self, name: str, role: str | None) -> None:
        agent = Agent(id=f"agent:{name}", name=name, type=PERSON)
        self._graph.add(agent)
        self._graph.add(WasAssociatedWith(activity_id=self._id, agent_id=agent.id, role=role))

    def _parameter(self, name: str, value: str) -> None:
        described = f"{self._type}#{name}"
        key = f"parameter:{digest(described, value, '')}"
        self._graph.add(Parameter(id=key, name=name, param_value=value, description_id=described))
        self._graph.add(WasConfiguredBy(activity_id=self._id, artefact_type=PARAMETER, parameter_id=key))

    def _input(self, item: Mapping[str, Any]) -> None:
        did, sha256 = _text(item.get("did")), _text(item.get("sha256"))
        key = did or f"sha256:{sha256}"
        self.harvest.identities[key] = Identity(publisher_did=did, files=(f"sha256:{sha256}",) if sha256 else ())
        name = None if did else "uploaded file"
        self._graph.add(Entity(id=key, name=name, entity_class=DATASET))
        described = self._flow_id("used", item["usage"]) if item.get("usage") else None
        self._graph.add(
            Used(activity_id=self._id, entity_id=key, role=_text(item.get("role")), description_id=described)
        )

    def _output(self, item: Mapping[str, Any]) -> None:
        key, name = f"product:{item['product_id']}", str(item["name"])
        self.harvest.identities[key] = Identity(
            product_id=str(item["product_id"]), files=(f"sha256:{item['sha256']}",), file_name=name
        )
        generated = item.get("generated")
        self._graph.add(
            Entity(
                id=key,
                name=name,
                generated_at_time=self._end,
                comment=file_comment(str(item.get("file_name") or name), int(item["size"]), str(item["sha256"])),
                entity_class=DATASET,
                description_id=f"{self._type}#generated/{generated}" if generated else None,
            )
        )
        self._graph.add(
            WasGeneratedBy(
                entity_id=key,
                activity_id=self._id,
                role=_text(item.get("role")),
                description_id=self._flow_id("generated", generated) if generated else None,
            )
        )


def file_comment(file_name: str, size: int, sha256: str) -> str:
    """Return what is kept of a result file: its name in the job, its size and its checksum; `file_facts` reads it."""
    return f"{file_name}: {size} bytes, sha256 {sha256}"


def file_facts(comment: str | None) -> tuple[str, str] | None:
    """Return file name and checksum of a result from its comment."""
    name, colon, facts = (comment or "").rpartition(": ")
    sha256 = facts.rpartition(" sha256 ")[2]
    return (name, sha256) if colon and len(sha256) == 64 else None


def _columns(item: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: _text(item.get(name)) for name in names}


def _text(value: object) -> str | None:
    return None if value is None or value == "" else str(value)
