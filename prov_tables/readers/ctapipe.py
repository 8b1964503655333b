"""Logs of ctapipe, of all versions, and of `prov_tables.recorder`, which writes the same form.

Form: an array of activities, or arrays one behind the other, or an object a line (``standards/provenance.md`` §6).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from prov_tables.errors import ProvenanceError
from prov_tables.harvest import (
    COMMAND_LINE,
    Harvest,
    Identity,
    add_description,
    add_environment,
    add_kind,
    add_parameter,
    add_software,
    digest,
    packages_of,
    parse_time,
)
from prov_tables.model import (
    DATASET,
    ORGANIZATION,
    PERSON,
    Activity,
    Agent,
    ConfigFile,
    Entity,
    GenerationDescription,
    Time,
    UsageDescription,
    Used,
    WasAssociatedWith,
    WasAttributedTo,
    WasConfiguredBy,
    WasGeneratedBy,
    WasInformedBy,
)
from prov_tables.privacy import file_name, public_arguments, secrets_of
from prov_tables.readers import job
from prov_tables.readers.jsonstream import objects

CONTENT_TYPES = {
    "hdf5": "application/x-hdf5",
    "h5": "application/x-hdf5",
    "fits": "application/fits",
    "fits.gz": "application/fits",
    "ecsv": "text/csv",
    "yaml": "application/yaml",
    "json": "application/json",
}
# What ctapipe's own tools do, in the words of the model's list.
ACTIVITY_TYPES = {
    "ctapipe-process": "Reconstruction",
    "ctapipe-merge": "Reduction",
    "ctapipe-apply-models": "Reconstruction",
    "ctapipe-calculate-pixel-statistics": "Calibration",
    "ctapipe-create-dl3": "Reduction",
}
_UNKNOWN = ("", "unknown", "unspecified", "none")
_LEVELS = ("R0", "R1", "DL")


def read(path: Path) -> Iterator[Harvest]:
    """Yield a harvest for each activity of a log.

    Raises
    ------
    ProvenanceError
        Where the log stops being one; the activities before have been yielded.
    """
    opened: list[_Span] = []
    with path.open(encoding="utf-8", errors="replace") as stream:
        for record in objects(stream):
            harvest = read_activity(record)
            _add_parent(harvest, opened)
            yield harvest


def is_record(record: Mapping[str, Any]) -> bool:
    """Say whether a JSON object is an activity of such a log."""
    return "activity_name" in record and ("start" in record or "activity_uuid" in record)


def read_activity(record: Mapping[str, Any]) -> Harvest:
    """Return the rows of one activity of a log.

    Raises
    ------
    ProvenanceError
        When it is none.
    """
    if not is_record(record):
        raise ProvenanceError("a record without activity_name is no activity of a ctapipe log.")
    return job.read_job(record) if job.is_job(record) else _Reader(record).harvest


class _Span:
    """When an activity of a log ran; children end, and are logged, before their parents."""

    __slots__ = ("activity_id", "end", "start")

    def __init__(self, activity_id: str, start: Time, end: Time) -> None:
        self.activity_id, self.start, self.end = activity_id, start, end


def _add_parent(harvest: Harvest, opened: list[_Span]) -> None:
    """Let activities that ran within this one, and were logged just before, be informed by it: it called them."""
    activity: Activity = harvest.graph.of(Activity)[0]
    if activity.start_time is None or activity.end_time is None:
        return
    span = _Span(activity.id, activity.start_time, activity.end_time)
    while opened and opened[-1].start >= span.start and opened[-1].end <= span.end:
        child = opened.pop()
        if child.activity_id != span.activity_id:
            harvest.graph.add(WasInformedBy(informed_id=child.activity_id, informant_id=span.activity_id))
    del opened[:-64]
    opened.append(span)


class _Reader:
    """Makes the rows of one activity."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._record = record
        self._system = _mapping(record.get("system"))
        self.harvest = Harvest()
        self._graph = self.harvest.graph
        platform = _mapping(self._system.get("platform"))
        environment = self._system.get("environment")
        self.harvest.secrets |= secrets_of(environment, platform.get("node"), self._system.get("user"))
        name = str(record["activity_name"])
        self._name = file_name(name) if "/" in name else name
        software = _mapping(self._system.get("software"))
        version = self._system.get("ctapipe_version") or software.get("version")
        self._software = "ctapipe" if "ctapipe_version" in self._system else str(software.get("name") or self._name)
        self._version = None if version is None else str(version)
        self._id = self._activity_id()
        kind = ACTIVITY_TYPES.get(self._name) or record.get("activity_type")
        self._description = add_description(self._graph, self._name, self._version, kind and str(kind))
        self._read(platform)

    def _activity_id(self) -> str:
        uuid = self._record.get("activity_uuid")
        if uuid:
            return f"{'ctapipe' if 'ctapipe_version' in self._system else 'activity'}:{uuid}"
        start = str(_mapping(self._record.get("start")).get("time_utc"))
        return f"activity:{digest(self._name, start, str(self._record.get('input')), str(self._record.get('output')))}"

    def _read(self, platform: Mapping[str, Any]) -> None:
        record = self._record
        status = record.get("status")
        exit_code = record.get("exit_code")
        self._end = parse_time(_mapping(record.get("stop")).get("time_utc"))
        self._graph.add(
            Activity(
                id=self._id,
                name=self._name,
                start_time=parse_time(_mapping(record.get("start")).get("time_utc")),
                end_time=self._end,
                comment=_known(record.get("comment")),
                description_id=self._description,
                # the context-manager form of ctapipe gives the name of the activity for its status
                status="completed" if status == record["activity_name"] else _known(status),
                exit_code=small_integer(exit_code),
            )
        )
        add_software(self._graph, self._id, self._software, self._version)
        for item in _list(record.get("input")):
            self._input(item)
        for item in _list(record.get("output")):
            self._output(item)
        for agent in _list(record.get("agents")):
            self._agent(_mapping(agent))
        self._configuration()
        python = _mapping(self._system.get("python"))
        version = python.get("version")
        machine = " ".join(str(platform[key]) for key in ("system", "machine") if platform.get(key))
        add_environment(
            self._graph,
            self._id,
            self._description,
            packages_of(python.get("packages")),
            ".".join(map(str, version)) if isinstance(version, list) else _known(version),
            machine or None,
        )

    def _configuration(self) -> None:
        arguments = _list(self._system.get("arguments"))
        if arguments:
            words = public_arguments(arguments)
            add_parameter(self._graph, self._id, self._description, COMMAND_LINE, shlex.join(words))
            for name in _config_files(arguments):
                shown = file_name(name)
                # its content is unknown: a file of this name in another run may be another one
                row = ConfigFile(id=f"config:{digest(self._id, name)}", name=shown, location=shown)
                self._graph.add(row)
                self._graph.add(
                    WasConfiguredBy(activity_id=self._id, artefact_type="ConfigFile", config_file_id=row.id)
                )
        for name, value, unit in flatten(_mapping(self._record.get("config"))):
            add_parameter(self._graph, self._id, self._description, name, value, unit=unit)

    def _input(self, item: object) -> None:
        entity, role, meta = self._entity(item)
        if entity is None:
            return
        usage = self._describe_role(UsageDescription, "used", role, entity)
        self._graph.add(Used(activity_id=self._id, entity_id=entity.id, role=role, description_id=usage))
        self._add_producer(entity, meta)

    def _output(self, item: object) -> None:
        entity, role, _ = self._entity(item)
        if entity is None:
            return
        if entity.generated_at_time is None:
            entity.generated_at_time = self._end
        usage = self._describe_role(GenerationDescription, "generated", role, entity)
        self._graph.add(WasGeneratedBy(entity_id=entity.id, activity_id=self._id, role=role, description_id=usage))

    def _describe_role(
        self, row_class: type[UsageDescription | GenerationDescription], what: str, role: str | None, entity: Entity
    ) -> str | None:
        """Add the description of a role that inputs or outputs play, and return its id; None without a role."""
        if not role:
            return None
        key = f"{self._description}/{what}/{role}"
        self._graph.add(
            row_class(
                id=key,
                activity_description_id=self._description,
                entity_description_id=entity.description_id,
                role=role,
            )
        )
        return key

    def _entity(self, item: object) -> tuple[Entity | None, str | None, Mapping[str, str]]:
        """Return an input or output as entity, its role and the metadata its file carries."""
        listed = item if isinstance(item, Mapping) else {"url": item}
        url = str(listed.get("url") or "")
        role = _known(listed.get("role"))
        meta = flat_metadata(listed.get("reference_meta"))
        product = meta.get("CTA PRODUCT ID") or _known(listed.get("product_id"))
        did = _known(listed.get("did")) or (url if url.startswith("ivo://") else None)
        if not (url or product or did):
            self.harvest.remarks.append(
                ("warning", f"an input or output of {self._name} has no name; it was left out.")
            )
            return None, role, meta
        files = [f"file:{digest(url)}"] if url and not url.startswith("ivo://") else []
        files += [f"{kind}:{listed[kind]}" for kind in ("sha256", "md5") if listed.get(kind)]
        key = did or (f"product:{product}" if product else files[0])
        name = file_name(url) if url and not did else None
        self.harvest.identities[key] = Identity(product, did, tuple(files), name)
        kind_name = meta.get("CTA PRODUCT DATA LEVELS") or (role if role and role.startswith(_LEVELS) else None)
        content_type = CONTENT_TYPES.get(meta.get("CTA PRODUCT FORMAT", "").lower()) or _known(
            listed.get("content_type")
        )
        entity = Entity(
            id=key,
            name=_known(listed.get("name")) or name,
            location=url if url and not did else None,
            generated_at_time=parse_time(meta.get("CTA PRODUCT CREATION TIME")),
            entity_class=DATASET,
            description_id=add_kind(self._graph, kind_name, content_type) if kind_name else None,
        )
        self._graph.add(entity)
        self._contact(entity, meta)
        return self._graph.get(Entity, key), role, meta

    def _contact(self, entity: Entity, meta: Mapping[str, str]) -> None:
        """Attribute a product to its contact; a name without a blank, mail or organisation is an account's."""
        name, email = _known(meta.get("CTA CONTACT NAME")), _known(meta.get("CTA CONTACT EMAIL"))
        organization = _known(meta.get("CTA CONTACT ORGANIZATION"))
        if name and not (email or organization or " " in name):
            self.harvest.secrets.add(name)
            name = None
        if name or organization:
            agent = Agent(
                id=f"agent:{digest(name or '', organization or '', email or '')}",
                name=name or str(organization),
                type=PERSON if name else ORGANIZATION,
                email=email,
                affiliation=organization if name else None,
            )
            self._graph.add(agent)
            self._graph.add(WasAttributedTo(entity_id=entity.id, agent_id=agent.id, role="Creator"))

    def _add_producer(self, entity: Entity, meta: Mapping[str, str]) -> None:
        """Add what an input's own metadata say of the activity that made it; its log may never come."""
        made_by = meta.get("CTA ACTIVITY ID")
        if not made_by or made_by == self._record.get("activity_uuid"):
            return
        name, version = meta.get("CTA ACTIVITY NAME"), meta.get("CTA ACTIVITY SOFTWARE VERSION")
        software = meta.get("CTA ACTIVITY SOFTWARE NAME")
        key = f"{'ctapipe' if software in (None, 'ctapipe') else 'activity'}:{made_by}"
        self._graph.add(
            Activity(
                id=key,
                name=name,
                start_time=parse_time(meta.get("CTA ACTIVITY START TIME")),
                end_time=parse_time(meta.get("CTA ACTIVITY STOP TIME")),
                description_id=add_description(self._graph, name, version, ACTIVITY_TYPES.get(name)) if name else None,
            )
        )
        if software:
            add_software(self._graph, key, software, version)
        self._graph.add(WasGeneratedBy(entity_id=entity.id, activity_id=key))

    def _agent(self, item: Mapping[str, Any]) -> None:
        name = _known(item.get("name"))
        if name:
            agent = Agent(
                id=f"agent:{digest(name, str(item.get('affiliation') or ''), str(item.get('email') or ''))}",
                name=name,
                type=_known(item.get("type")) or PERSON,
                email=_known(item.get("email")),
                affiliation=_known(item.get("affiliation")),
                url=_known(item.get("url")),
            )
            self._graph.add(agent)
            self._graph.add(WasAssociatedWith(activity_id=self._id, agent_id=agent.id, role=_known(item.get("role"))))


def flatten(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any, str | None]]:
    """Yield name (``Tool.Component.trait``), value and unit of a configuration; quantities are value and unit."""
    for name, value in config.items():
        full = f"{prefix}{name}"
        if isinstance(value, Mapping) and value:
            if set(value) == {"value", "unit"}:
                yield full, value["value"], str(value["unit"])
            else:
                yield from flatten(value, f"{full}.")
        else:
            yield full, {} if isinstance(value, Mapping) else value, None


def flat_metadata(meta: object) -> dict[str, str]:
    """Return a product's metadata by their flat names (``CTA PRODUCT ID``), whichever form they came in."""
    found: dict[str, str] = {}

    def walk(value: object, words: tuple[str, ...]) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                walk(inner, (*words, *str(key).strip("_").replace("_", " ").upper().split()))
        elif isinstance(value, list):
            walk(",".join(map(str, value)), words)
        elif value is not None and str(value).lower() not in _UNKNOWN:
            name = [word for word in words if word not in ("CTA", "CTAO", "REFERENCE")] or list(words)
            found[" ".join(["CTA", *name])] = str(value)

    if isinstance(meta, Mapping):
        walk(meta, ())
    return found


def small_integer(value: object) -> int | None:
    """Return an integer that a column can hold, or None."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31 else None


def _config_files(arguments: list[Any]) -> Iterator[str]:
    words = iter(map(str, arguments))
    for word in words:
        if word in ("-c", "--config"):
            value = next(words, None)
            if value is not None:
                yield value
        elif word.startswith("--config="):
            yield word.partition("=")[2]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _known(value: object) -> str | None:
    """Return a text, or None for nothing and for the words that stand for it."""
    return None if value is None or str(value).strip().lower() in _UNKNOWN else str(value)
