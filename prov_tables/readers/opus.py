"""Jobs: OPUS's definitions of job types (VOTable), and records of single jobs (UWS, of OPUS, of this archive)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from prov_tables.errors import ProvenanceError
from prov_tables.harvest import Harvest, Identity, add_description, add_parameter, add_software, digest, parse_time
from prov_tables.model import (
    DATASET,
    Activity,
    ActivityDescription,
    Entity,
    EntityDescription,
    GenerationDescription,
    ParameterDescription,
    Row,
    UsageDescription,
    Used,
    WasGeneratedBy,
)
from prov_tables.privacy import file_name

UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
HREF = "{http://www.w3.org/1999/xlink}href"
PHASES = {"COMPLETED": "completed", "ERROR": "error", "ABORTED": "interrupted"}


def read(path: Path) -> Iterator[Harvest]:
    """Yield one harvest: the job type, or the job.

    Raises
    ------
    ProvenanceError
        When the file is neither.
    """
    root = parse(path.read_bytes())
    if root.tag == f"{UWS}job":
        yield read_job(root)
        return
    definitions = [
        resource
        for resource in root.iter()
        if _local(resource) == "RESOURCE" and str(resource.get("utype", "")).lower().startswith("voprov:activityd")
    ]
    if not definitions:
        raise ProvenanceError("this XML file is neither a job of UWS nor OPUS's definition of a job type.")
    harvest = Harvest()
    for resource in definitions:
        _read_definition(harvest, resource)
    yield harvest


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


def _local(element: Any) -> str:
    return "" if not isinstance(element.tag, str) else element.tag.rpartition("}")[2]


def _children(element: Any, tag: str) -> Iterator[Any]:
    return (child for child in element if _local(child) == tag)


def _description_of(element: Any) -> str | None:
    for child in _children(element, "DESCRIPTION"):
        return (child.text or "").strip() or None
    return None


def _read_definition(harvest: Harvest, resource: Any) -> None:
    graph = harvest.graph
    name = str(resource.get("name") or resource.get("ID") or "job")
    values = {str(param.get("name")): str(param.get("value") or "") for param in _children(resource, "PARAM")}
    version = values.get("version") or None
    key = f"{name}/{version}" if version else name
    graph.add(
        ActivityDescription(
            id=key,
            name=name,
            version=version,
            description=_description_of(resource),
            docurl=values.get("docurl") or values.get("doculink") or None,
            type=values.get("type") or None,
            subtype=values.get("subtype") or None,
        )
    )
    for group in _children(resource, "GROUP"):
        kind = str(group.get("name"))
        if kind == "InputParams":
            for param in _children(group, "PARAM"):
                graph.add(_parameter(key, param))
        elif kind in ("Used", "Generated"):
            for flow in _children(group, "GROUP"):
                for row in _flow(key, kind, flow):
                    graph.add(row)


def _parameter(description: str, param: Any) -> ParameterDescription:
    limits = {_local(item): item.get("value") for values in _children(param, "VALUES") for item in values}
    options = [
        str(item.get("value")) for values in _children(param, "VALUES") for item in values if _local(item) == "OPTION"
    ]
    size = param.get("arraysize")
    datatype = str(param.get("datatype") or "char")
    return ParameterDescription(
        id=f"{description}#{param.get('name')}",
        activity_description_id=description,
        name=str(param.get("name")),
        value_type=f"{datatype}({size})" if size else datatype,
        description=_description_of(param),
        unit=param.get("unit"),
        ucd=param.get("ucd"),
        utype=param.get("utype"),
        min_value=limits.get("MIN"),
        max_value=limits.get("MAX"),
        default_value=param.get("value"),
        options=", ".join(options) or None,
    )


def _flow(description: str, kind: str, group: Any) -> Iterator[Row]:
    values = {str(param.get("name")): str(param.get("value") or "") for param in _children(group, "PARAM")}
    name = str(group.get("name"))
    content_type = values.get("content_type") or None
    entity = f"{description}#{name}"
    yield EntityDescription(
        id=entity,
        name=name,
        description=_description_of(group),
        description_class="DatasetDescription" if content_type else "EntityDescription",
        content_type=content_type,
    )
    common: dict[str, Any] = {
        "activity_description_id": description,
        "entity_description_id": entity,
        "role": values.get("role") or name,
        "description": _description_of(group),
        "multiplicity": values.get("multiplicity") or None,
    }
    if kind == "Used":
        yield UsageDescription(id=f"{description}/used/{name}", **common)
    else:
        yield GenerationDescription(id=f"{description}/generated/{name}", **common)


def read_job(job: Any) -> Harvest:
    """Return the rows of a UWS job: its parameters, the datasets among them, and its results.

    Whose job it was is not read.
    """

    def content(tag: str) -> str | None:
        found = job.find(f"{UWS}{tag}")
        return found.text.strip() if found is not None and found.text and found.text.strip() else None

    harvest = Harvest()
    graph = harvest.graph
    number = content("jobId")
    if number is None:
        raise ProvenanceError("the job has no jobId.")
    name = content("jobName") or content("runId") or "job"
    key = f"job:{number}"
    end = parse_time(content("endTime"))
    phase = content("phase") or ""
    described = add_description(graph, name, None, "Analysis")
    graph.add(
        Activity(
            id=key,
            name=name,
            start_time=parse_time(content("startTime") or content("creationTime")),
            end_time=end,
            description_id=described,
            status=PHASES.get(phase, phase.lower() or None),
        )
    )
    add_software(graph, key, name, None)
    if content("ownerId"):
        harvest.secrets.add(str(content("ownerId")))
    for parameter in job.iter(f"{UWS}parameter"):
        word, value = str(parameter.get("id")), (parameter.text or "").strip()
        if value.startswith("ivo://"):
            graph.add(Entity(id=value, entity_class=DATASET))
            harvest.identities[value] = Identity(publisher_did=value)
            graph.add(Used(activity_id=key, entity_id=value, role=word))
        add_parameter(graph, key, described, word, value)
    for result in job.iter(f"{UWS}result"):
        word, url = str(result.get("id")), result.get(HREF)
        if word == "provenance":
            continue
        entity = f"{key}:{word}" if not url else f"file:{digest(url)}"
        graph.add(
            Entity(
                id=entity,
                name=file_name(url) if url else word,
                location=url,
                generated_at_time=end,
                entity_class=DATASET,
                description_id=_result_kind(graph, result),
            )
        )
        if url:
            harvest.identities[entity] = Identity(files=(entity,), file_name=file_name(url))
        graph.add(WasGeneratedBy(entity_id=entity, activity_id=key, role=word))
    return harvest


def _result_kind(graph: Any, result: Any) -> str | None:
    mime = result.get("mime-type")
    if not mime:
        return None
    key = f"kind:job result ({mime})"
    graph.add(
        EntityDescription(id=key, name="job result", description_class="DatasetDescription", content_type=str(mime))
    )
    return key
