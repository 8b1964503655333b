"""The classes of the IVOA Provenance Data Model 1.0 as rows of the tables in RD ``cta/prov``.

One dataclass a table, its fields named like the columns; units, UCDs, utypes and descriptions are written in the RD,
once, and a test compares both. Times are UTC without zone.
"""

from __future__ import annotations

import dataclasses
import datetime
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, ClassVar

Time = datetime.datetime

ENTITY, COLLECTION, DATASET, VALUE = "Entity", "Collection", "DatasetEntity", "ValueEntity"
PERSON, ORGANIZATION, SOFTWARE = "Person", "Organization", "SoftwareAgent"
PARAMETER, CONFIG_FILE = "Parameter", "ConfigFile"


@dataclass(slots=True)
class Entity:
    """A thing, mostly a file; its subclasses Collection, DatasetEntity and ValueEntity are told by `entity_class`."""

    TABLE: ClassVar[str] = "entity"
    id: str
    name: str | None = None
    location: str | None = None
    generated_at_time: Time | None = None
    invalidated_at_time: Time | None = None
    comment: str | None = None
    entity_class: str = ENTITY
    entity_value: str | None = None
    description_id: str | None = None
    obs_publisher_did: str | None = None


@dataclass(slots=True)
class Activity:
    """A step of processing, observing or analysing."""

    TABLE: ClassVar[str] = "activity"
    id: str
    name: str | None = None
    start_time: Time | None = None
    end_time: Time | None = None
    comment: str | None = None
    description_id: str | None = None
    status: str | None = None
    exit_code: int | None = None


@dataclass(slots=True)
class Agent:
    """Somebody, or some organisation or software, responsible for an activity or an entity."""

    TABLE: ClassVar[str] = "agent"
    id: str
    name: str
    type: str | None = None
    comment: str | None = None
    email: str | None = None
    affiliation: str | None = None
    phone: str | None = None
    address: str | None = None
    url: str | None = None


@dataclass(slots=True)
class Used:
    """An activity's input."""

    TABLE: ClassVar[str] = "used"
    activity_id: str
    entity_id: str
    role: str | None = None
    use_time: Time | None = None
    description_id: str | None = None


@dataclass(slots=True)
class WasGeneratedBy:
    """An activity's output; an entity has one generating activity at most."""

    TABLE: ClassVar[str] = "was_generated_by"
    entity_id: str
    activity_id: str
    role: str | None = None
    description_id: str | None = None


@dataclass(slots=True)
class WasAssociatedWith:
    """Who answers for an activity."""

    TABLE: ClassVar[str] = "was_associated_with"
    activity_id: str
    agent_id: str
    role: str | None = None


@dataclass(slots=True)
class WasAttributedTo:
    """Who answers for an entity."""

    TABLE: ClassVar[str] = "was_attributed_to"
    entity_id: str
    agent_id: str
    role: str | None = None


@dataclass(slots=True)
class WasDerivedFrom:
    """What an entity was made from (Entity.usedEntity)."""

    TABLE: ClassVar[str] = "was_derived_from"
    generated_entity_id: str
    used_entity_id: str


@dataclass(slots=True)
class WasInformedBy:
    """An activity that another one depends on (Activity.informant)."""

    TABLE: ClassVar[str] = "was_informed_by"
    informed_id: str
    informant_id: str


@dataclass(slots=True)
class HadMember:
    """A member of a collection (Collection.entity)."""

    TABLE: ClassVar[str] = "had_member"
    collection_id: str
    entity_id: str


@dataclass(slots=True)
class ActivityDescription:
    """What is common to the activities of one program in one version."""

    TABLE: ClassVar[str] = "activity_description"
    id: str
    name: str
    version: str | None = None
    description: str | None = None
    docurl: str | None = None
    type: str | None = None
    subtype: str | None = None


@dataclass(slots=True)
class EntityDescription:
    """What is common to entities of one kind; subclasses are told by `description_class`."""

    TABLE: ClassVar[str] = "entity_description"
    id: str
    name: str
    description: str | None = None
    docurl: str | None = None
    type: str | None = None
    description_class: str = "EntityDescription"
    content_type: str | None = None
    value_type: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None


@dataclass(slots=True)
class UsageDescription:
    """An input that a kind of activity takes."""

    TABLE: ClassVar[str] = "usage_description"
    id: str
    activity_description_id: str | None
    entity_description_id: str | None = None
    role: str | None = None
    description: str | None = None
    type: str | None = None
    multiplicity: str | None = None


@dataclass(slots=True)
class GenerationDescription:
    """An output that a kind of activity makes."""

    TABLE: ClassVar[str] = "generation_description"
    id: str
    activity_description_id: str | None
    entity_description_id: str | None = None
    role: str | None = None
    description: str | None = None
    type: str | None = None
    multiplicity: str | None = None


@dataclass(slots=True)
class Parameter:
    """A value that configured an activity; activities with the same value share it."""

    TABLE: ClassVar[str] = "parameter"
    id: str
    name: str
    param_value: str
    entity_id: str | None = None
    description_id: str | None = None


@dataclass(slots=True)
class ParameterDescription:
    """A parameter that a kind of activity takes."""

    TABLE: ClassVar[str] = "parameter_description"
    id: str
    activity_description_id: str | None
    name: str
    value_type: str | None = None
    description: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    min_value: str | None = None
    max_value: str | None = None
    default_value: str | None = None
    options: str | None = None


@dataclass(slots=True)
class ConfigFile:
    """A file that configured an activity."""

    TABLE: ClassVar[str] = "config_file"
    id: str
    name: str
    location: str | None = None
    comment: str | None = None
    description_id: str | None = None


@dataclass(slots=True)
class ConfigFileDescription:
    """A configuration file that a kind of activity takes."""

    TABLE: ClassVar[str] = "config_file_description"
    id: str
    activity_description_id: str | None
    name: str
    content_type: str | None = None
    description: str | None = None


@dataclass(slots=True)
class WasConfiguredBy:
    """A parameter or configuration file of an activity; `artefact_type` tells which."""

    TABLE: ClassVar[str] = "was_configured_by"
    activity_id: str
    artefact_type: str
    parameter_id: str | None = None
    config_file_id: str | None = None


Row = (
    Entity
    | Activity
    | Agent
    | Used
    | WasGeneratedBy
    | WasAssociatedWith
    | WasAttributedTo
    | WasDerivedFrom
    | WasInformedBy
    | HadMember
    | ActivityDescription
    | EntityDescription
    | UsageDescription
    | GenerationDescription
    | Parameter
    | ParameterDescription
    | ConfigFile
    | ConfigFileDescription
    | WasConfiguredBy
)

# What tells rows of a class apart; classes not listed here have an id.
_RELATION_KEYS: dict[type[Any], tuple[str, ...]] = {
    Used: ("activity_id", "entity_id", "role"),
    # An entity has one generator; that two were told of is settled when the rows are joined (`prov_tables.joiner`).
    WasGeneratedBy: ("entity_id", "activity_id"),
    WasAssociatedWith: ("activity_id", "agent_id", "role"),
    WasAttributedTo: ("entity_id", "agent_id", "role"),
    WasDerivedFrom: ("generated_entity_id", "used_entity_id"),
    WasInformedBy: ("informed_id", "informant_id"),
    HadMember: ("collection_id", "entity_id"),
    WasConfiguredBy: ("activity_id", "parameter_id", "config_file_id"),
}
# Columns that hold ids of entities, by class.
ENTITY_COLUMNS: dict[type[Any], tuple[str, ...]] = {
    Entity: ("id",),
    Used: ("entity_id",),
    WasGeneratedBy: ("entity_id",),
    WasAttributedTo: ("entity_id",),
    WasDerivedFrom: ("generated_entity_id", "used_entity_id"),
    HadMember: ("collection_id", "entity_id"),
    Parameter: ("entity_id",),
}
CLASSES: tuple[type[Any], ...] = Row.__args__
KEYS: dict[type[Any], tuple[str, ...]] = {row_class: _RELATION_KEYS.get(row_class, ("id",)) for row_class in CLASSES}
COLUMNS: dict[type[Any], tuple[str, ...]] = {
    row_class: tuple(field.name for field in dataclasses.fields(row_class)) for row_class in CLASSES
}
_OPEN = (None, ENTITY, "EntityDescription")
_KEY_OF = {row_class: attrgetter(*names) for row_class, names in KEYS.items()}


class Graph:
    """Rows of all classes, each of them once.

    Rows with the same key are merged: what the first leaves open, the second fills in.
    """

    __slots__ = ("rows",)

    def __init__(self) -> None:
        self.rows: dict[type[Any], dict[Any, Any]] = {row_class: {} for row_class in CLASSES}

    def add(self, row: Row) -> None:
        """Take a row, or merge it into the one that is there."""
        row_class = type(row)
        place = self.rows[row_class]
        key = _KEY_OF[row_class](row)
        there = place.setdefault(key, row)
        if there is not row:
            merge(there, row)

    def of(self, row_class: type[Any]) -> list[Any]:
        """Return the rows of a class."""
        return list(self.rows[row_class].values())

    def get(self, row_class: type[Any], key: Any) -> Any:
        """Return the row of a class with a key, or None."""
        return self.rows[row_class].get(key)

    def update(self, other: Graph) -> None:
        """Take all rows of another graph."""
        for place in other.rows.values():
            for row in place.values():
                self.add(row)

    def __len__(self) -> int:
        return sum(len(place) for place in self.rows.values())


def merge(there: Row, more: Row) -> None:
    """Fill what a row leaves open from another one of the same key; a plain Entity becomes the subclass."""
    for name in COLUMNS[type(there)]:
        value = getattr(more, name)
        if value is not None and getattr(there, name) in _OPEN:
            setattr(there, name, value)
