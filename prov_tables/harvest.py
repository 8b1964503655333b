"""What a reader has found in one record: rows, what their entities may be known by, and what must not be told."""

from __future__ import annotations

import datetime
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prov_tables.model import (
    COLLECTION,
    PARAMETER,
    SOFTWARE,
    VALUE,
    ActivityDescription,
    Agent,
    Entity,
    EntityDescription,
    Graph,
    HadMember,
    Parameter,
    ParameterDescription,
    Time,
    WasAssociatedWith,
    WasConfiguredBy,
)

COMMAND_LINE = "command_line"
ENVIRONMENT = "environment"
PACKAGE_DESCRIPTION = "kind:software package"
_FRACTION = re.compile(r"(\.\d{6})\d+")


@dataclass(slots=True)
class Identity:
    """What an entity may be recognised by in other records.

    Attributes
    ----------
    product_id
        Identifier that was written into the file itself (CTA PRODUCT ID): there is one entity of it.
    publisher_did
        Identifier of the published dataset: there is one entity of it, too.
    files
        Hashes of the file's place or content. A file that was written anew has those of its predecessor: its
        entities are versions, told apart by their generating activities.
    file_name
        Without folders.
    """

    product_id: str | None = None
    publisher_did: str | None = None
    files: tuple[str, ...] = ()
    file_name: str | None = None


@dataclass(slots=True)
class Harvest:
    """One record of a provenance file.

    Attributes
    ----------
    graph
        The rows; ids of entities are local, as long as nobody has compared them with what is stored.
    identities
        By local id of the entity; an entity without is known by its id alone.
    secrets
        Names of users and machines that the record mentions, for the privacy filter.
    remarks
        Severity and sentence of what is doubtful.
    fallback
        Whether this is a guess from a header, which gives way to a real record of the same product.
    """

    graph: Graph = field(default_factory=Graph)
    identities: dict[str, Identity] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    remarks: list[tuple[str, str]] = field(default_factory=list)
    fallback: bool = False


def digest(*texts: str) -> str:
    """Return a short hash of texts, the same on every machine."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogateescape")).hexdigest()[:32]


def parse_time(text: object) -> Time | None:
    """Return an ISO 8601 time in UTC without zone; times that name no zone are UTC; None when it is none."""
    if not isinstance(text, str) or not text.strip():
        return None
    try:
        time = datetime.datetime.fromisoformat(_FRACTION.sub(r"\1", text.strip()))
    except ValueError:
        return None
    try:
        return time.astimezone(datetime.timezone.utc).replace(tzinfo=None) if time.tzinfo else time
    except OverflowError:
        return None


def add_description(
    graph: Graph, name: str, version: str | None, kind: str | None = None, subtype: str | None = None
) -> str:
    """Add the description of a program in a version and return its id."""
    key = f"{name}/{version}" if version else name
    graph.add(ActivityDescription(id=key, name=name, version=version, type=kind, subtype=subtype))
    return key


def add_software(graph: Graph, activity_id: str, name: str, version: str | None) -> None:
    """Associate an activity with the software that did it; no role of the model's list fits software."""
    agent = Agent(id=f"software:{name}", name=name, type=SOFTWARE)
    graph.add(agent)
    graph.add(WasAssociatedWith(activity_id=activity_id, agent_id=agent.id))


def add_kind(graph: Graph, name: str, content_type: str | None = None, description: str | None = None) -> str:
    """Add the description of a kind of entity and return its id."""
    key = f"kind:{name}" if content_type is None else f"kind:{name} ({content_type})"
    graph.add(
        EntityDescription(
            id=key,
            name=name,
            description=description,
            description_class="EntityDescription" if content_type is None else "DatasetDescription",
            content_type=content_type,
        )
    )
    return key


def add_parameter(
    graph: Graph,
    activity_id: str,
    description_id: str | None,
    name: str,
    value: object,
    *,
    unit: str | None = None,
    entity_id: str | None = None,
) -> None:
    """Add a parameter of an activity; equal ones of activities of one kind are one row."""
    text, value_type = parameter_text(value)
    described = f"{description_id or ''}#{name}"
    if unit or entity_id or value_type != "char(*)":
        described += f"[{value_type}{' ' + unit if unit else ''}]"
    graph.add(
        ParameterDescription(
            id=described, activity_description_id=description_id, name=name, value_type=value_type, unit=unit
        )
    )
    key = f"parameter:{digest(described, text, entity_id or '')}"
    graph.add(Parameter(id=key, name=name, param_value=text, entity_id=entity_id, description_id=described))
    graph.add(WasConfiguredBy(activity_id=activity_id, artefact_type=PARAMETER, parameter_id=key))


def parameter_text(value: object) -> tuple[str, str]:
    """Return the value of a parameter as text, and its type: datatype and arraysize of VOTable, or ``json``.

    Texts stay as they are; the type tells the text 5 from the number.
    """
    if isinstance(value, str):
        return value, "char(*)"
    if isinstance(value, bool):
        return json.dumps(value), "boolean"
    if isinstance(value, int):
        return str(value), "long"
    if isinstance(value, float):
        return repr(value), "double"
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str), "json"


def parameter_value(text: str, value_type: str | None) -> Any:
    """Return what `parameter_text` has made a text from; arrays of numbers are separated by blanks, as in VOTable."""
    kind, _, size = (value_type or "").partition("(")
    if size and kind in ("double", "int", "long", "boolean"):
        return [parameter_value(word, kind) for word in text.split()]
    if value_type == "double":
        return float(text)
    if value_type in ("boolean", "int", "long", "json"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text


def add_environment(
    graph: Graph,
    activity_id: str,
    description_id: str | None,
    packages: Mapping[str, str],
    python: str | None,
    platform: str | None,
    *,
    summary: str | None = None,
) -> None:
    """Add versions of Python and its packages: a collection that activities share, referred to by a parameter.

    `summary` is the parameter's text, by default the version of Python and the number of packages.
    """
    if not packages and not python:
        return
    versions = dict(sorted(packages.items()))
    if python:
        versions["Python"] = python
    key = f"{ENVIRONMENT}:{digest(*(f'{name}={version}' for name, version in versions.items()), platform or '')}"
    if summary is None:
        summary = f"Python {python}" if python else "Python"
        summary += f" with {len(packages)} packages" if packages else ""
    if graph.get(Entity, key) is None:
        graph.add(Entity(id=key, name="software environment", comment=platform, entity_class=COLLECTION))
        graph.add(
            EntityDescription(
                id=PACKAGE_DESCRIPTION,
                name="software package",
                description="A package of the software environment; the value is its version",
                description_class="ValueDescription",
                value_type="char(*)",
            )
        )
        for name, version in versions.items():
            member = Entity(
                id=f"package:{name}/{version}",
                name=name,
                entity_class=VALUE,
                entity_value=version,
                description_id=PACKAGE_DESCRIPTION,
            )
            graph.add(member)
            graph.add(HadMember(collection_id=key, entity_id=member.id))
    add_parameter(graph, activity_id, description_id, ENVIRONMENT, summary, entity_id=key)


def packages_of(listed: object) -> dict[str, str]:
    """Return names and versions from a list of ``{"name": …, "version": …}``, or from a mapping."""
    if isinstance(listed, Mapping):
        return {str(name): str(version) for name, version in listed.items()}
    if not isinstance(listed, Iterable) or isinstance(listed, str):
        return {}
    return {
        str(package["name"]): str(package.get("version"))
        for package in listed
        if isinstance(package, Mapping) and package.get("name")
    }
