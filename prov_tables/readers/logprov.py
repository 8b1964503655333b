"""Logs of LST's on-site analysis and of logprov: a Python dictionary a line (``standards/provenance.md`` §6)."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
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
    COLLECTION,
    DATASET,
    Activity,
    ConfigFile,
    Entity,
    HadMember,
    Used,
    WasConfiguredBy,
    WasDerivedFrom,
    WasGeneratedBy,
)
from prov_tables.privacy import file_name, secrets_of

MAX_LINE = 2**24
_BOUNDS = re.compile(r"\{.*\}")


def read(path: Path) -> Iterator[Harvest]:
    """Yield one harvest: what the lines say of an activity is spread over the log."""
    reader = _Reader()
    with path.open(encoding="utf-8", errors="replace") as stream:
        for number, line in enumerate(stream, 1):
            if len(line) > MAX_LINE:
                reader.remark(f"line {number} is too long; it was left out.")
                continue
            match = _BOUNDS.search(line)
            if match:
                reader.take(number, match.group())
    if not reader.harvest.graph.of(Activity):
        raise ProvenanceError("no line of it tells of an activity.")
    reader.finish()
    yield reader.harvest


def activity_key(session: object, activity: object) -> str:
    """Return the id of an activity: the log's own numbers are short, and unique within a session only."""
    return f"logprov:{session}:{activity}"


def content_key(hashed: object, kind: object = "md5") -> str:
    """Return what a file is recognised by."""
    return f"{kind or 'md5'}:{hashed}"


class _Reader:
    """Collects what the lines say."""

    def __init__(self) -> None:
        self.harvest = Harvest()
        self._sessions: dict[str, dict[str, Any]] = {}
        self._activities: dict[str, str] = {}
        self._entities: dict[str, str] = {}
        self._parameters: list[tuple[str, dict[str, Any]]] = []
        self._scripts: dict[str, str] = {}

    def remark(self, sentence: str) -> None:
        """Note a doubt."""
        self.harvest.remarks.append(("warning", sentence))

    def take(self, number: int, text: str) -> None:
        """Take one line's dictionary."""
        try:
            item = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            self.remark(f"line {number} is no dictionary; it was left out.")
            return
        if not isinstance(item, dict):
            return
        if "session_id" in item:
            self._session(item)
        elif "activity_id" in item:
            self._activity(item)
        elif "entity_id" in item:
            self._entity(item)

    def _session(self, item: dict[str, Any]) -> None:
        given = item.get("system")
        system: dict[str, Any] = given if isinstance(given, dict) else {}
        self._sessions[str(item["session_id"])] = {**item, "system": system}
        platform = system.get("platform") or {}
        self.harvest.secrets |= secrets_of(system.get("environment"), platform.get("node"))

    def _activity(self, item: dict[str, Any]) -> None:
        short = str(item["activity_id"])
        graph = self.harvest.graph
        if "name" in item or short not in self._activities:
            self._activities[short] = activity_key(item.get("in_session", ""), short)
        key = self._activities[short]
        graph.add(
            Activity(
                id=key,
                name=None if item.get("name") is None else str(item["name"]),
                start_time=parse_time(item.get("startTime")),
                end_time=parse_time(item.get("endTime")),
                comment=str(item["in_session"]) if item.get("in_session") else None,
            )
        )
        if item.get("agent_name"):
            self.harvest.secrets.add(str(item["agent_name"]))  # the account it ran under
        if item.get("script"):
            self._scripts[key] = str(item["script"])
        if isinstance(item.get("parameters"), dict):
            self._parameters.append((key, item["parameters"]))
        if item.get("used_id"):
            entity = self._known(item["used_id"])
            graph.add(Used(activity_id=key, entity_id=entity, role=item.get("used_role")))
        if item.get("generated_id"):
            entity = self._known(item["generated_id"])
            graph.add(WasGeneratedBy(entity_id=entity, activity_id=key, role=item.get("generated_role")))

    def _known(self, short: object) -> str:
        """Return the id of an entity, which the log may describe later, or never."""
        key = self._entities.setdefault(str(short), content_key(short))
        if self.harvest.graph.get(Entity, key) is None:
            self.harvest.graph.add(Entity(id=key, entity_class=DATASET))
            self.harvest.identities[key] = Identity(files=(key,))
        return key

    def _entity(self, item: dict[str, Any]) -> None:
        graph = self.harvest.graph
        short = str(item["entity_id"])
        key = content_key(item.get("hash") or short, item.get("hash_type"))
        self._entities[short] = key
        path = item.get("filepath") or item.get("location")
        name = file_name(str(path)) if path else None
        self.harvest.identities[key] = Identity(files=(key,), file_name=name)
        collection = "Collection" in str(item.get("type") or "")
        kind = item.get("name")
        graph.add(
            Entity(
                id=key,
                name=name or (str(kind) if kind else None),
                location=str(path) if path else None,
                entity_class=COLLECTION if collection else DATASET,
                entity_value=None if item.get("value") is None else str(item["value"]),
                description_id=add_kind(graph, str(kind), item.get("contentType")) if kind else None,
            )
        )
        if item.get("member_id"):
            graph.add(HadMember(collection_id=key, entity_id=self._known(item["member_id"])))
        if item.get("progenitor_id"):
            progenitor = self._known(item["progenitor_id"])
            graph.add(WasDerivedFrom(generated_entity_id=key, used_entity_id=progenitor))

    def finish(self) -> None:
        """Give the activities what the sessions say of them."""
        graph = self.harvest.graph
        for activity in graph.of(Activity):
            session = self._sessions.get(activity.comment or "") or {}
            system = session.get("system") or {}
            version = session.get("software_version")
            python = system.get("python") or {}
            if activity.name:
                activity.description_id = add_description(graph, activity.name, version and str(version))
            script = self._scripts.get(activity.id)
            add_software(graph, activity.id, file_name(script) if script else "lstosa", version)
            if script:
                add_parameter(graph, activity.id, activity.description_id, COMMAND_LINE, file_name(script))
            add_environment(
                graph,
                activity.id,
                activity.description_id,
                packages_of(python.get("packages")),
                str(python["version"]) if python.get("version") else None,
                (system.get("platform") or {}).get("system"),
            )
            for name in ("observation_run", "observation_date"):
                if session.get(name):
                    add_parameter(graph, activity.id, activity.description_id, name, str(session[name]))
            self._config_file(activity, session)
            activity.comment = f"session {activity.comment}" if activity.comment else None
        for key, parameters in self._parameters:
            described = graph.get(Activity, key).description_id
            for name, value in parameters.items():
                add_parameter(graph, key, described, str(name), value)

    def _config_file(self, activity: Activity, session: dict[str, Any]) -> None:
        path, hashed = session.get("config_file"), session.get("config_file_hash")
        if path:
            key = f"config:{hashed or digest(activity.id, str(path))}"
            self.harvest.graph.add(ConfigFile(id=key, name=file_name(str(path)), location=file_name(str(path))))
            self.harvest.graph.add(
                WasConfiguredBy(activity_id=activity.id, artefact_type="ConfigFile", config_file_id=key)
            )
