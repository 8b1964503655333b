"""Selects the part of the graph that a request asks for, a handful of queries a step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from prov_tables.model import (
    COLUMNS,
    Activity,
    ActivityDescription,
    Agent,
    ConfigFile,
    Entity,
    EntityDescription,
    GenerationDescription,
    Graph,
    HadMember,
    Parameter,
    ParameterDescription,
    UsageDescription,
    Used,
    WasAssociatedWith,
    WasAttributedTo,
    WasConfiguredBy,
    WasDerivedFrom,
    WasGeneratedBy,
    WasInformedBy,
)
from prov_tables.sap.names import PREFIX, identifier_of
from prov_tables.sap.request import GraphRequest, RequestError

SCHEMA = "provenance"
MAX_NODES = 20_000
MAX_PARAMETERS = 200_000


class Database(Protocol):
    """What is used of a connection."""

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        ...


@dataclass(slots=True)
class _Front:
    """Nodes that have been reached, and how far the way to them was."""

    entities: dict[str, int] = field(default_factory=dict)
    activities: dict[str, int] = field(default_factory=dict)


def select_graph(database: Database, request: GraphRequest) -> Graph:
    """Return the rows that a request asks for.

    Raises
    ------
    RequestError
        404 when an identifier is unknown, 400 when the graph is too large to be answered in one.
    """
    return _Selector(database, request).run()


class _Selector:
    """Follows relations from the start, breadth first."""

    def __init__(self, database: Database, request: GraphRequest) -> None:
        self._database = database
        self._request = request
        self._graph = Graph()

    def run(self) -> Graph:
        entities, activities = self._start()
        found = _Front(dict.fromkeys(entities, 0), dict.fromkeys(activities, 0))
        for limit, back in ((self._request.back, True), (self._request.forward, False)):
            front = _Front(dict.fromkeys(entities, 0), dict.fromkeys(activities, 0))
            self._follow(front, limit, back)
            found.entities |= front.entities
            found.activities |= front.activities
        self._fetch(sorted(found.entities), sorted(found.activities))
        return self._graph

    def _start(self) -> tuple[list[str], list[str]]:
        wanted = list(self._request.ids)
        names = {key: identifier_of(key.removeprefix(f"{PREFIX}:")) for key in wanted}
        ids = sorted({*wanted, *names.values()})
        entities = {str(row[0]) for row in self._ids("SELECT id FROM {s}.entity WHERE id = ANY(%(ids)s)", ids)}
        activities = {str(row[0]) for row in self._ids("SELECT id FROM {s}.activity WHERE id = ANY(%(ids)s)", ids)}
        for key in wanted:
            if key in entities or key in activities:
                names[key] = key
            elif names[key] not in entities and names[key] not in activities:
                raise RequestError(f"this archive knows no provenance of '{key[:200]}'.", 404)
        meant = list(dict.fromkeys(names.values()))
        return [key for key in meant if key in entities], [key for key in meant if key in activities]

    def _ids(self, sql: str, ids: Iterable[str]) -> list[tuple[Any, ...]]:
        return self._database.rows(sql.replace("{s}", SCHEMA), {"ids": list(ids)})

    # --- following relations -------------------------------------------------------------------------------------

    def _follow(self, front: _Front, limit: int, back: bool) -> None:
        new_entities, new_activities = list(front.entities), list(front.activities)
        distance = 0
        while (new_entities or new_activities) and distance < limit:
            distance += 1
            reached_activities = self._activities_of(new_entities, back)
            reached_entities = self._entities_of(new_activities, back) + self._derived(new_entities, back)
            if self._request.members:
                reached_entities += self._members(new_entities, back)
            new_activities = [key for key in dict.fromkeys(reached_activities) if key not in front.activities]
            new_entities = [key for key in dict.fromkeys(reached_entities) if key not in front.entities]
            front.activities |= dict.fromkeys(new_activities, distance)
            front.entities |= dict.fromkeys(new_entities, distance)
            if len(front.entities) + len(front.activities) > MAX_NODES:
                raise RequestError(
                    f"the graph has more than {MAX_NODES} nodes; ask for a smaller DEPTH, or query the tables by TAP."
                )

    def _activities_of(self, entities: Sequence[str], back: bool) -> list[str]:
        table = "was_generated_by" if back else "used"
        return self._column(f"SELECT activity_id FROM {{s}}.{table} WHERE entity_id = ANY(%(ids)s)", entities)

    def _entities_of(self, activities: Sequence[str], back: bool) -> list[str]:
        table = "used" if back else "was_generated_by"
        return self._column(f"SELECT entity_id FROM {{s}}.{table} WHERE activity_id = ANY(%(ids)s)", activities)

    def _derived(self, entities: Sequence[str], back: bool) -> list[str]:
        """Return derivations that no activity stands behind: those that one does are followed through it."""
        here, there = ("generated_entity_id", "used_entity_id") if back else ("used_entity_id", "generated_entity_id")
        return self._column(
            f"SELECT d.{there} FROM {{s}}.was_derived_from AS d WHERE d.{here} = ANY(%(ids)s) AND NOT EXISTS"
            " (SELECT 1 FROM {s}.was_generated_by AS g JOIN {s}.used AS u ON u.activity_id = g.activity_id"
            " WHERE g.entity_id = d.generated_entity_id AND u.entity_id = d.used_entity_id)",
            entities,
        )

    def _members(self, entities: Sequence[str], back: bool) -> list[str]:
        here, there = ("collection_id", "entity_id") if back else ("entity_id", "collection_id")
        return self._column(f"SELECT {there} FROM {{s}}.had_member WHERE {here} = ANY(%(ids)s)", entities)

    def _column(self, sql: str, ids: Sequence[str]) -> list[str]:
        return [str(row[0]) for row in self._ids(sql, ids)] if ids else []

    # --- fetching rows -------------------------------------------------------------------------------------------

    def _fetch(self, entities: list[str], activities: list[str]) -> None:
        both = {"ids": entities, "activities": activities}
        self._add(Entity, "id = ANY(%(ids)s)", both)
        self._add(Activity, "id = ANY(%(activities)s)", both)
        within = "activity_id = ANY(%(activities)s) AND entity_id = ANY(%(ids)s)"
        self._add(Used, within, both)
        self._add(WasGeneratedBy, within, both)
        self._add(WasDerivedFrom, "generated_entity_id = ANY(%(ids)s) AND used_entity_id = ANY(%(ids)s)", both)
        self._add(WasInformedBy, "informed_id = ANY(%(activities)s) AND informant_id = ANY(%(activities)s)", both)
        self._add(HadMember, "collection_id = ANY(%(ids)s) AND entity_id = ANY(%(ids)s)", both)
        if self._request.agents:
            self._add(WasAssociatedWith, "activity_id = ANY(%(activities)s)", both)
            self._add(WasAttributedTo, "entity_id = ANY(%(ids)s)", both)
            agents = {row.agent_id for table in (WasAssociatedWith, WasAttributedTo) for row in self._graph.of(table)}
            self._add(Agent, "id = ANY(%(ids)s)", {"ids": sorted(agents)})
        if self._request.configuration:
            self._configuration(both)
        if self._request.descriptions:
            self._descriptions()

    def _configuration(self, both: Mapping[str, Any]) -> None:
        self._add(WasConfiguredBy, f"activity_id = ANY(%(activities)s) LIMIT {MAX_PARAMETERS}", both)
        configured = self._graph.of(WasConfiguredBy)
        self._add(
            Parameter,
            "id = ANY(%(ids)s)",
            {"ids": sorted({row.parameter_id for row in configured if row.parameter_id})},
        )
        files = sorted({row.config_file_id for row in configured if row.config_file_id})
        self._add(ConfigFile, "id = ANY(%(ids)s)", {"ids": files})
        values = {row.entity_id for row in self._graph.of(Parameter) if row.entity_id}
        self._add(Entity, "id = ANY(%(ids)s)", {"ids": sorted(values)})

    def _descriptions(self) -> None:
        described = {row.description_id for row in self._graph.of(Activity) if row.description_id}
        self._add(ActivityDescription, "id = ANY(%(ids)s)", {"ids": sorted(described)})
        kinds = {row.description_id for row in self._graph.of(Entity) if row.description_id}
        if self._request.descriptions > 1:
            for row_class, source in (
                (UsageDescription, Used),
                (GenerationDescription, WasGeneratedBy),
                (ParameterDescription, Parameter),
            ):
                ids = {row.description_id for row in self._graph.of(source) if row.description_id}
                self._add(row_class, "id = ANY(%(ids)s)", {"ids": sorted(ids)})
            for row_class in (UsageDescription, GenerationDescription):
                rows = self._graph.of(row_class)
                kinds |= {row.entity_description_id for row in rows if row.entity_description_id}
        self._add(EntityDescription, "id = ANY(%(ids)s)", {"ids": sorted(kinds)})

    def _add(self, row_class: type[Any], condition: str, parameters: Mapping[str, Any]) -> None:
        if not any(parameters.values()):
            return
        names = ", ".join(COLUMNS[row_class])
        sql = f"SELECT {names} FROM {SCHEMA}.{row_class.TABLE} WHERE {condition}"
        for row in self._database.rows(sql, parameters):
            self._graph.add(row_class(*row))
