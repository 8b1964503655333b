"""A graph as statements of PROV, in the terms of the W3C or of the IVOA; the notations write them down."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prov_tables.model import (
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
    Time,
    UsageDescription,
    Used,
    WasAssociatedWith,
    WasAttributedTo,
    WasConfiguredBy,
    WasDerivedFrom,
    WasGeneratedBy,
    WasInformedBy,
)

NAMESPACES = {
    "prov": "http://www.w3.org/ns/prov#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "voprov": "http://www.ivoa.net/documents/ProvenanceDM/index.html#",
}
# The positional arguments of statements, as PROV-N has them: nodes' own times, and the two ends of relations.
ARGUMENTS: dict[str, tuple[str, ...]] = {
    "entity": (),
    "agent": (),
    "activity": ("startTime", "endTime"),
    "used": ("activity", "entity", "time"),
    "wasGeneratedBy": ("entity", "activity", "time"),
    "wasAssociatedWith": ("activity", "agent", "plan"),
    "wasAttributedTo": ("entity", "agent"),
    "wasDerivedFrom": ("generatedEntity", "usedEntity"),
    "wasInformedBy": ("informed", "informant"),
    "hadMember": ("collection", "entity"),
    "wasInfluencedBy": ("influencee", "influencer"),
    # of the IVOA alone
    "wasConfiguredBy": ("activity", "configurator"),
    "isDescribedBy": ("described", "descriptor"),
}
Link = Callable[[Entity], "str | None"]
"""Returns where a published entity is to be had."""
W3C_KINDS = frozenset(
    {"entity", "agent", "activity", "used", "wasGeneratedBy", "wasAssociatedWith", "wasAttributedTo"}
    | {"wasDerivedFrom", "wasInformedBy", "hadMember", "wasInfluencedBy"}
)


@dataclass(frozen=True, slots=True)
class Name:
    """A value that is a qualified name, for instance a class."""

    text: str


Value = str | int | Time | Name


@dataclass(slots=True)
class Statement:
    """A node or a relation.

    Attributes
    ----------
    kind
        A key of `ARGUMENTS`, or a class of the IVOA's descriptions.
    id
        Identifier of a node; relations have none.
    arguments
        Identifiers of the ends of a relation, and times, by name.
    attributes
        Qualified names and values; names may repeat.
    """

    kind: str
    id: str | None = None
    arguments: dict[str, str | Time] = field(default_factory=dict)
    attributes: list[tuple[str, Value]] = field(default_factory=list)


def statements_of(
    graph: Graph, *, w3c: bool, attributes: bool, link: Callable[[Entity], str | None]
) -> list[Statement]:
    """Return the statements of a graph.

    Parameters
    ----------
    graph
        The rows.
    w3c
        Whether in the terms of the W3C: descriptions and parameters become entities that influence what they describe.
    attributes
        Whether nodes have more than their names.
    link
        Returns where a published entity is to be had.
    """
    writer = _W3C(attributes, link) if w3c else _IVOA(attributes, link)
    return list(writer.statements(graph))


class _Writer(ABC):
    """What both vocabularies have in common."""

    label = "voprov:name"
    w3c = False

    def __init__(self, attributes: bool, link: Link) -> None:
        self._attributes = attributes
        self._link = link

    def statements(self, graph: Graph) -> Iterator[Statement]:
        """Yield nodes first, then relations."""
        for row in graph.of(Entity):
            yield self._entity(row)
        for row in graph.of(Activity):
            times = {"startTime": row.start_time, "endTime": row.end_time}
            more = {"comment": row.comment, "status": row.status, "exit_code": row.exit_code}
            yield self._node("activity", row, {name: time for name, time in times.items() if time}, more)
        for row in graph.of(Agent):
            kind: list[tuple[str, Value]] = []
            if self.w3c and row.type:
                kind.append(("prov:type", Name(f"prov:{row.type}")))
            names = ("comment", "email", "affiliation", "phone", "address", "url")
            more = {} if self.w3c else {"type": row.type}
            yield self._node("agent", row, {}, more | {name: getattr(row, name) for name in names}, kind)
        yield from self._relations(graph)
        yield from self._described(graph)
        yield from self._configured(graph)

    def _entity(self, row: Entity) -> Statement:
        location = self._link(row) or row.location
        named: list[tuple[str, Value]] = []
        if location:
            named.append(("prov:location" if self.w3c else "voprov:location", location))
        if row.entity_value is not None:
            named.append(("prov:value" if self.w3c else "voprov:value", row.entity_value))
        if self.w3c and row.entity_class != "Entity":
            kind = "prov:Collection" if row.entity_class == "Collection" else f"voprov:{row.entity_class}"
            named.append(("prov:type", Name(kind)))
        more: dict[str, Value | None] = {
            "generatedAtTime": row.generated_at_time,
            "invalidatedAtTime": row.invalidated_at_time,
            "comment": row.comment,
        }
        if not self.w3c:
            more["entity_class"] = row.entity_class
        return self._node("entity", row, {}, more, named)

    def _node(
        self,
        kind: str,
        row: Any,
        arguments: Mapping[str, str | Time],
        more: Mapping[str, Value | None],
        named: list[tuple[str, Value]] | None = None,
    ) -> Statement:
        attributes: list[tuple[str, Value]] = [("voprov:id", row.id)]
        if row.name:
            attributes.append((self.label, row.name))
        if self._attributes:
            attributes += named or []
            attributes += [(f"voprov:{name}", value) for name, value in more.items() if value is not None]
        return Statement(kind, row.id, dict(arguments) if self._attributes else {}, attributes)

    def _relations(self, graph: Graph) -> Iterator[Statement]:
        role = "prov:role" if self.w3c else "voprov:role"

        def relation(kind: str, *ends: str, time: Time | None = None, said: str | None = None) -> Statement:
            arguments: dict[str, str | Time] = dict(zip(ARGUMENTS[kind], ends, strict=False))
            if time is not None:
                arguments["time"] = time
            return Statement(kind, None, arguments, [(role, said)] if said else [])

        for row in graph.of(Used):
            yield relation("used", row.activity_id, row.entity_id, time=row.use_time, said=row.role)
        for row in graph.of(WasGeneratedBy):
            yield relation("wasGeneratedBy", row.entity_id, row.activity_id, said=row.role)
        for row in graph.of(WasAssociatedWith):
            yield relation("wasAssociatedWith", row.activity_id, row.agent_id, said=row.role)
        for row in graph.of(WasAttributedTo):
            statement = relation("wasAttributedTo", row.entity_id, row.agent_id)
            if row.role:  # PROV has no role here
                statement.attributes.append(("voprov:role", row.role))
            yield statement
        for row in graph.of(WasDerivedFrom):
            yield relation("wasDerivedFrom", row.generated_entity_id, row.used_entity_id)
        for row in graph.of(WasInformedBy):
            yield relation("wasInformedBy", row.informed_id, row.informant_id)
        for row in graph.of(HadMember):
            yield relation("hadMember", row.collection_id, row.entity_id)

    @abstractmethod
    def _described(self, graph: Graph) -> Iterator[Statement]:
        """Yield the descriptions."""

    @abstractmethod
    def _configured(self, graph: Graph) -> Iterator[Statement]:
        """Yield parameters and configuration files."""


# Class, its name in PROV-JSON, and its attributes: column and name in the standard.
_COMMON = (("description", "description"), ("docurl", "docurl"), ("type", "type"))
_VALUES = (("value_type", "valueType"), ("unit", "unit"), ("ucd", "ucd"), ("utype", "utype"))
_FLOW = (
    ("role", "role"),
    ("description", "description"),
    ("type", "type"),
    ("multiplicity", "multiplicity"),
)
DESCRIPTIONS: dict[type[Any], tuple[str, tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]] = {
    ActivityDescription: ("activityDescription", (("version", "version"), ("subtype", "subtype"), *_COMMON), ()),
    EntityDescription: ("entityDescription", (("content_type", "contentType"), *_VALUES, *_COMMON), ()),
    UsageDescription: (
        "usageDescription",
        _FLOW,
        (("activity_description_id", "activityDescription"), ("entity_description_id", "entityDescription")),
    ),
    GenerationDescription: (
        "generationDescription",
        _FLOW,
        (("activity_description_id", "activityDescription"), ("entity_description_id", "entityDescription")),
    ),
    ParameterDescription: (
        "parameterDescription",
        (
            *_VALUES,
            ("description", "description"),
            ("min_value", "min"),
            ("max_value", "max"),
            ("default_value", "default"),
            ("options", "options"),
        ),
        (("activity_description_id", "activityDescription"),),
    ),
}
_DESCRIBED = (
    (Entity, EntityDescription),
    (Activity, ActivityDescription),
    (Parameter, ParameterDescription),
)


def _description_attributes(row: Any, columns: tuple[tuple[str, str], ...]) -> list[tuple[str, Value]]:
    found = [(f"voprov:{name}", getattr(row, column)) for column, name in columns]
    return [(name, value) for name, value in found if value is not None]


def _described_nodes(graph: Graph) -> Iterator[tuple[str, str]]:
    """Yield node and description, where both are in the graph."""
    for node_class, description_class in _DESCRIBED:
        for row in graph.of(node_class):
            if row.description_id and graph.get(description_class, row.description_id) is not None:
                yield row.id, row.description_id


class _IVOA(_Writer):
    """The IVOA's terms: classes of their own for descriptions and configuration."""

    def _described(self, graph: Graph) -> Iterator[Statement]:
        for row_class, (kind, columns, references) in DESCRIPTIONS.items():
            for row in graph.of(row_class):
                attributes: list[tuple[str, Value]] = [("voprov:id", row.id)]
                if getattr(row, "name", None):
                    attributes.append(("voprov:name", row.name))
                for column, name in references:
                    if getattr(row, column):
                        attributes.append((f"voprov:{name}", getattr(row, column)))
                yield Statement(kind, row.id, {}, attributes + _description_attributes(row, columns))
        for node, description in _described_nodes(graph):
            yield Statement("isDescribedBy", None, {"described": node, "descriptor": description})

    def _configured(self, graph: Graph) -> Iterator[Statement]:
        for row in graph.of(Parameter):
            attributes: list[tuple[str, Value]] = [
                ("voprov:id", row.id),
                ("voprov:name", row.name),
                ("voprov:value", row.param_value),
            ]
            if row.entity_id:
                attributes.append(("voprov:valueEntity", row.entity_id))
            yield Statement("parameter", row.id, {}, attributes)
        for row in graph.of(ConfigFile):
            attributes = [("voprov:id", row.id), ("voprov:name", row.name)]
            attributes += [("voprov:location", row.location)] if row.location else []
            yield Statement("configFile", row.id, {}, attributes)
        for row in graph.of(WasConfiguredBy):
            yield Statement(
                "wasConfiguredBy",
                None,
                {"activity": row.activity_id, "configurator": row.parameter_id or row.config_file_id or ""},
                [("voprov:artefactType", row.artefact_type)],
            )


class _W3C(_Writer):
    """The W3C's terms: descriptions and configuration are entities that influence."""

    label = "prov:label"
    w3c = True

    def _described(self, graph: Graph) -> Iterator[Statement]:
        for row_class, (_, columns, references) in DESCRIPTIONS.items():
            for row in graph.of(row_class):
                attributes: list[tuple[str, Value]] = [
                    ("voprov:id", row.id),
                    ("prov:type", Name(f"voprov:{row_class.__name__}")),
                ]
                if getattr(row, "name", None):
                    attributes.append(("prov:label", row.name))
                yield Statement("entity", row.id, {}, attributes + _description_attributes(row, columns))
                for column, _ in references:
                    yield from self._influence(row.id, getattr(row, column))
        for node, description in _described_nodes(graph):
            yield from self._influence(node, description)

    def _configured(self, graph: Graph) -> Iterator[Statement]:
        for row in graph.of(Parameter):
            attributes: list[tuple[str, Value]] = [
                ("voprov:id", row.id),
                ("prov:label", row.name),
                ("prov:value", row.param_value),
                ("prov:type", Name("voprov:Parameter")),
            ]
            yield Statement("entity", row.id, {}, attributes)
            yield from self._influence(row.id, row.entity_id)
        for row in graph.of(ConfigFile):
            attributes = [("voprov:id", row.id), ("prov:label", row.name), ("prov:type", Name("voprov:ConfigFile"))]
            attributes += [("prov:location", row.location)] if row.location else []
            yield Statement("entity", row.id, {}, attributes)
        for row in graph.of(WasConfiguredBy):
            yield from self._influence(row.activity_id, row.parameter_id or row.config_file_id)

    def _influence(self, influencee: str, influencer: str | None) -> Iterator[Statement]:
        if influencer:
            yield Statement("wasInfluencedBy", None, {"influencee": influencee, "influencer": influencer})
