"""Reads and writes descriptions of job types: VOTables as in ``standards/uws.md`` §7, with a few PARAMs more.

A job type's RESOURCE also has ``memory_bytes`` and ``disk_bytes``; its ``script`` is the name of a file beside the
description. An input has ``kind``, ``dataproduct_type`` and ``needs``, an output ``dataproduct_subtype``.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from lxml import etree

from analysis.description.model import (
    DATASET,
    UPLOAD,
    GenerationDescription,
    JobDescription,
    Multiplicity,
    ParameterDescription,
    UsageDescription,
)
from analysis.errors import DescriptionError
from prov_tables.errors import ProvenanceError
from prov_tables.readers.job_definition import (
    DefinedFlow,
    DefinedParameter,
    JobDefinition,
    definitions_in,
    parse,
)

FILE_NAME = "description.vot"
MAX_BYTES = 256 * 1024
VOTABLE = "http://www.ivoa.net/xml/VOTable/v1.3"
# Of the types of VOTable, those that are the same to a script.
DATATYPES = {"float": "double", "short": "int", "unsignedByte": "int", "unicodeChar": "char"}
_SCRIPT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*\.py")
_SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
_MULTIPLICITY = re.compile(r"(?:(\d{1,9})\.\.)?(\d{1,9}|\*)")


def read_description(path: Path) -> JobDescription:
    """Read the description of a job type.

    Parameters
    ----------
    path
        A VOTable; the folder it is in is that of the job type.

    Raises
    ------
    DescriptionError
        When it cannot be read, or has values that make no sense. What else may be wrong with it `problems` tells.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as exc:
        raise DescriptionError(f"{path.name} cannot be read: {exc.strerror}.") from exc
    return parse_description(content, path.parent)


def parse_description(content: bytes, folder: Path) -> JobDescription:
    """Return the job type that a VOTable describes.

    Parameters
    ----------
    content
        The VOTable.
    folder
        Where the script is.

    Raises
    ------
    DescriptionError
        As with `read_description`.
    """
    if len(content) > MAX_BYTES:
        raise DescriptionError(f"the description has more than {MAX_BYTES // 1024} kB; a job type needs far less.")
    try:
        root = parse(content)
    except ProvenanceError as exc:
        raise DescriptionError(f"the description cannot be read: {exc}") from exc
    if root.getroottree().docinfo.internalDTD is not None:
        raise DescriptionError("the description has a document type declaration; remove it, a VOTable needs none.")
    found = definitions_in(root)
    if len(found) != 1:
        raise DescriptionError(
            "the description must have exactly one RESOURCE with utype voprov:ActivityDescription;"
            f" this one has {len(found)}."
        )
    return _description(found[0], folder)


def _description(definition: JobDefinition, folder: Path) -> JobDescription:
    values = definition.values
    text = _tidy(definition.description)
    duration = _whole("executionDuration", values.get("executionDuration"))
    return JobDescription(
        name=definition.name.strip(),
        title=title_of(text) or definition.name,
        description=text,
        script=folder / _script(values.get("script", "script.py")),
        folder=folder,
        docurl=values.get("docurl") or values.get("doculink") or "",
        type=values.get("type") or "Analysis",
        subtype=values.get("subtype", ""),
        version=values.get("version", ""),
        contact_name=values.get("contact_name", ""),
        contact_email=values.get("contact_email", ""),
        execution_duration_s=600 if duration is None else duration,
        quote_s=_whole("quote", values.get("quote")),
        memory_bytes=_whole("memory_bytes", values.get("memory_bytes")),
        disk_bytes=_whole("disk_bytes", values.get("disk_bytes")),
        parameters=tuple(map(_parameter, definition.parameters)),
        used=tuple(map(_usage, definition.used)),
        generated=tuple(map(_generation, definition.generated)),
    )


def title_of(text: str) -> str:
    """Return the first sentence of a text, without its full stop."""
    end = _SENTENCE_END.search(text)
    return " ".join((text[: end.start()] if end else text.partition("\n\n")[0]).split())


def _tidy(text: str | None) -> str:
    """Return a text without the line breaks and indentation of the file; empty lines part its paragraphs."""
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n[ \t]*\n", text or "") if part.strip())


def _script(value: str) -> str:
    """Return the name of the script; OPUS has a template for a shell here, which is no file: that gives ``""``."""
    value = value.strip()
    if _SCRIPT.fullmatch(value):
        return value
    if re.search(r"\s", value):
        return ""
    raise DescriptionError(f"script must be the name of a Python file beside the description, not {value[:80]!r}.")


def _whole(name: str, value: str | None) -> int | None:
    if value is None or not value.strip():
        return None
    if not re.fullmatch(r"[0-9]{1,18}", value.strip()):
        raise DescriptionError(f"{name} must be a whole number, not {value[:80]!r}.")
    return int(value)


def _number(name: str, value: str | None) -> float | None:
    if value is None or not value.strip():
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise DescriptionError(f"a limit of {name} must be a number, not {value[:80]!r}.")
    return number


def _parameter(parameter: DefinedParameter) -> ParameterDescription:
    default = parameter.value if parameter.value is not None and parameter.value.strip() else None
    return ParameterDescription(
        name=parameter.name.strip(),
        datatype=DATATYPES.get(parameter.datatype, parameter.datatype),
        arraysize=parameter.arraysize,
        unit=parameter.unit or "",
        ucd=parameter.ucd or "",
        xtype=parameter.xtype or None,
        default=default,
        required=default is None and not parameter.is_optional,
        low=_number(parameter.name, parameter.low),
        high=_number(parameter.name, parameter.high),
        options=parameter.options,
        description=_tidy(parameter.description),
    )


def _usage(flow: DefinedFlow) -> UsageDescription:
    values = flow.values
    # OPUS's inputs are files a user has; ours are datasets unless they say otherwise.
    is_old = (flow.utype or "").lower().startswith("voprov:useddescription")
    return UsageDescription(
        name=flow.name.strip(),
        role=values.get("role") or flow.name,
        kind=values.get("kind") or (UPLOAD if is_old else DATASET),
        multiplicity=_multiplicity(flow),
        content_type=values.get("content_type", ""),
        url=values.get("url", ""),
        dataproduct_type=values.get("dataproduct_type") or None,
        needs=tuple(values.get("needs", "").replace(",", " ").split()),
        description=_tidy(flow.description),
    )


def _generation(flow: DefinedFlow) -> GenerationDescription:
    values = flow.values
    return GenerationDescription(
        name=flow.name.strip(),
        role=values.get("role") or flow.name,
        file_name=values.get("default", ""),
        content_type=values.get("content_type") or "application/octet-stream",
        multiplicity=_multiplicity(flow),
        dataproduct_subtype=values.get("dataproduct_subtype") or None,
        description=_tidy(flow.description),
    )


def _multiplicity(flow: DefinedFlow) -> Multiplicity:
    text = flow.values.get("multiplicity", "").replace(" ", "") or "1"
    found = _MULTIPLICITY.fullmatch(text)
    if not found:
        raise DescriptionError(f"multiplicity of {flow.name} must be like 1, 0..1 or 1..*, not {text[:80]!r}.")
    low, high = found.groups()
    limit = None if high == "*" else int(high)
    least = int(low) if low else (limit if limit is not None else 0)
    if limit is not None and (limit < least or limit == 0):
        raise DescriptionError(f"multiplicity of {flow.name}: {text} allows nothing.")
    return Multiplicity(least, limit)


def write_description(description: JobDescription) -> bytes:
    """Return a description as VOTable, with the names of the REC."""
    root = etree.Element(f"{{{VOTABLE}}}VOTABLE", {"version": "1.4"}, nsmap={None: VOTABLE})
    resource = _element(
        root,
        "RESOURCE",
        description.description,
        ID=description.name,
        name=description.name,
        type="meta",
        utype="voprov:ActivityDescription",
    )
    activity = "voprov:ActivityDescription"
    for name in ("docurl", "type", "subtype", "version"):
        _text_param(resource, name, getattr(description, name), f"{activity}.{name}")
    _text_param(resource, "contact_name", description.contact_name, "voprov:Agent.name")
    _text_param(resource, "contact_email", description.contact_email, "voprov:Agent.email")
    for name, number, utype in (
        ("executionDuration", description.execution_duration_s, "uws:Job.executionDuration"),
        ("quote", description.quote_s, "uws:Job.quote"),
        ("memory_bytes", description.memory_bytes, None),
        ("disk_bytes", description.disk_bytes, None),
    ):
        if number is not None:
            _element(resource, "PARAM", name=name, datatype="long", value=str(number), utype=utype)
    if description.script != description.folder:
        _text_param(resource, "script", description.script.name)
    _write_parameters(_element(resource, "GROUP", name="InputParams"), description)
    _write_flows(resource, description)
    made: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
    return made


def _write_parameters(group: Any, description: JobDescription) -> None:
    for item in description.parameters:
        param = _element(
            group,
            "PARAM",
            item.description,
            ID=item.name,
            name=item.name,
            datatype=item.datatype,
            arraysize=item.arraysize,
            unit=item.unit or None,
            ucd=item.ucd or None,
            xtype=item.xtype,
            type="no_query" if item.default is None and not item.required else None,
            value=item.default or "",
        )
        limits = [(tag, repr(limit)) for tag, limit in (("MIN", item.low), ("MAX", item.high)) if limit is not None]
        limits += [("OPTION", option) for option in item.options]
        if limits:
            values = _element(param, "VALUES")
            for tag, text in limits:
                _element(values, tag, value=text)


def _write_flows(resource: Any, description: JobDescription) -> None:
    used = _element(resource, "GROUP", name="Used")
    for usage in description.used:
        group = _write_flow(used, "voprov:UsageDescription", usage)
        _text_param(group, "content_type", usage.content_type, "voprov:DatasetDescription.contentType")
        _text_param(group, "url", usage.url, "voprov:Entity.location")
        _text_param(group, "kind", usage.kind)
        _text_param(group, "dataproduct_type", usage.dataproduct_type or "")
        _text_param(group, "needs", " ".join(usage.needs))
    generated = _element(resource, "GROUP", name="Generated")
    for output in description.generated:
        group = _write_flow(generated, "voprov:GenerationDescription", output)
        _text_param(group, "default", output.file_name, "voprov:Entity.id")
        _text_param(group, "content_type", output.content_type, "voprov:DatasetDescription.contentType")
        _text_param(group, "dataproduct_subtype", output.dataproduct_subtype or "")


def _write_flow(parent: Any, kind: str, item: UsageDescription | GenerationDescription) -> Any:
    """Write what inputs and outputs have in common; return the group."""
    group = _element(parent, "GROUP", item.description, name=item.name, utype=kind)
    _text_param(group, "role", item.role, f"{kind}.role")
    _text_param(group, "multiplicity", _shown(item.multiplicity), f"{kind}.multiplicity")
    return group


def _shown(multiplicity: Multiplicity) -> str:
    return f"{multiplicity.low}..{'*' if multiplicity.high is None else multiplicity.high}"


def _text_param(parent: Any, name: str, value: str, utype: str | None = None) -> None:
    if value:
        _element(parent, "PARAM", name=name, datatype="char", arraysize="*", value=value, utype=utype)


def _element(parent: Any, tag: str, description: str = "", **attributes: str | None) -> Any:
    """Add an element with the attributes that have a value."""
    made = etree.SubElement(
        parent, f"{{{VOTABLE}}}{tag}", {name: value for name, value in attributes.items() if value is not None}
    )
    if description:
        etree.SubElement(made, f"{{{VOTABLE}}}DESCRIPTION").text = description
    return made
