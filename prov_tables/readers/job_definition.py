"""Definitions of job types as they are written down: VOTables in OPUS's form (``standards/uws.md`` §7).

Values are texts here, as they are in the file; the names of the REC and OPUS's older ones are both known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lxml import etree

from prov_tables.errors import ProvenanceError


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedParameter:
    """A PARAM of InputParams; `is_optional` is OPUS's ``type="no_query"``."""

    name: str
    datatype: str
    value: str | None
    arraysize: str | None = None
    unit: str | None = None
    ucd: str | None = None
    utype: str | None = None
    xtype: str | None = None
    low: str | None = None
    high: str | None = None
    options: tuple[str, ...] = ()
    is_optional: bool = False
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedFlow:
    """A GROUP of Used or Generated, with the values of its PARAMs by name."""

    name: str
    utype: str | None
    values: Mapping[str, str]
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDefinition:
    """A job type, with the values of its PARAMs by name."""

    name: str
    description: str | None
    values: Mapping[str, str]
    parameters: tuple[DefinedParameter, ...]
    used: tuple[DefinedFlow, ...]
    generated: tuple[DefinedFlow, ...]


def parse(content: bytes) -> Any:
    """Return the root of an XML document, without following anything it refers to.

    Raises
    ------
    ProvenanceError
        When it is no XML.
    """
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as exc:
        raise ProvenanceError(f"it is no XML document ({exc}).") from exc


def definitions_in(root: Any) -> list[JobDefinition]:
    """Return the job types an XML document defines; there may be none."""
    return [
        _definition(resource)
        for resource in root.iter()
        if _local(resource) == "RESOURCE" and str(resource.get("utype", "")).lower().startswith("voprov:activityd")
    ]


def _definition(resource: Any) -> JobDefinition:
    groups: dict[str, list[Any]] = {}
    for group in _children(resource, "GROUP"):
        groups.setdefault(str(group.get("name")), []).append(group)
    return JobDefinition(
        name=str(resource.get("name") or resource.get("ID") or ""),
        description=_description_of(resource),
        values=_values_of(resource),
        parameters=tuple(
            _parameter(param) for group in groups.get("InputParams", ()) for param in _children(group, "PARAM")
        ),
        used=tuple(_flow(flow) for group in groups.get("Used", ()) for flow in _children(group, "GROUP")),
        generated=tuple(_flow(flow) for group in groups.get("Generated", ()) for flow in _children(group, "GROUP")),
    )


def _parameter(param: Any) -> DefinedParameter:
    values = [(_local(item), item.get("value")) for group in _children(param, "VALUES") for item in group]
    limits = dict(values)
    return DefinedParameter(
        name=str(param.get("name") or param.get("ID") or ""),
        datatype=str(param.get("datatype") or "char"),
        value=param.get("value"),
        arraysize=param.get("arraysize") or None,
        unit=param.get("unit"),
        ucd=param.get("ucd"),
        utype=param.get("utype"),
        xtype=param.get("xtype"),
        low=limits.get("MIN"),
        high=limits.get("MAX"),
        options=tuple(str(value) for tag, value in values if tag == "OPTION"),
        is_optional=param.get("type") == "no_query",
        description=_description_of(param),
    )


def _flow(group: Any) -> DefinedFlow:
    return DefinedFlow(
        name=str(group.get("name") or group.get("ID") or ""),
        utype=group.get("utype"),
        values=_values_of(group),
        description=_description_of(group),
    )


def _values_of(element: Any) -> dict[str, str]:
    return {str(param.get("name")): str(param.get("value") or "") for param in _children(element, "PARAM")}


def _local(element: Any) -> str:
    return "" if not isinstance(element.tag, str) else element.tag.rpartition("}")[2]


def _children(element: Any, tag: str) -> Iterator[Any]:
    return (child for child in element if _local(child) == tag)


def _description_of(element: Any) -> str | None:
    for child in _children(element, "DESCRIPTION"):
        return (child.text or "").strip() or None
    return None
