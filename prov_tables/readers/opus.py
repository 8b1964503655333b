"""Jobs: OPUS's definitions of job types (VOTable), and records of single jobs (UWS, of OPUS, of this archive)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

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
from prov_tables.readers.job_definition import DefinedFlow, DefinedParameter, JobDefinition, definitions_in, parse

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
    definitions = definitions_in(root)
    if not definitions:
        raise ProvenanceError("this XML file is neither a job of UWS nor OPUS's definition of a job type.")
    harvest = Harvest()
    for definition in definitions:
        _add_definition(harvest, definition)
    yield harvest


def _add_definition(harvest: Harvest, definition: JobDefinition) -> None:
    graph = harvest.graph
    name, values = definition.name or "job", definition.values
    version = values.get("version") or None
    key = f"{name}/{version}" if version else name
    graph.add(
        ActivityDescription(
            id=key,
            name=name,
            version=version,
            description=definition.description,
            docurl=values.get("docurl") or values.get("doculink") or None,
            type=values.get("type") or None,
            subtype=values.get("subtype") or None,
        )
    )
    for parameter in definition.parameters:
        graph.add(_parameter(key, parameter))
    for kind, flows in (("used", definition.used), ("generated", definition.generated)):
        for flow in flows:
            for row in _flow(key, kind, flow):
                graph.add(row)


def _parameter(description: str, parameter: DefinedParameter) -> ParameterDescription:
    size, datatype = parameter.arraysize, parameter.datatype
    return ParameterDescription(
        id=f"{description}#{parameter.name}",
        activity_description_id=description,
        name=parameter.name,
        value_type=f"{datatype}({size})" if size else datatype,
        description=parameter.description,
        unit=parameter.unit,
        ucd=parameter.ucd,
        utype=parameter.utype,
        min_value=parameter.low,
        max_value=parameter.high,
        default_value=parameter.value,
        options=", ".join(parameter.options) or None,
    )


def _flow(description: str, kind: str, flow: DefinedFlow) -> Iterator[Row]:
    content_type = flow.values.get("content_type") or None
    entity = f"{description}#{flow.name}"
    yield EntityDescription(
        id=entity,
        name=flow.name,
        description=flow.description,
        description_class="DatasetDescription" if content_type else "EntityDescription",
        content_type=content_type,
    )
    row_class = UsageDescription if kind == "used" else GenerationDescription
    yield row_class(
        id=f"{description}/{kind}/{flow.name}",
        activity_description_id=description,
        entity_description_id=entity,
        role=flow.values.get("role") or flow.name,
        description=flow.description,
        multiplicity=flow.values.get("multiplicity") or None,
    )


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
