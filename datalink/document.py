"""DataLink 1.1 documents: rows and service descriptors in, VOTable out (REC 2023-12-15, sections 3 and 4)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from xml.sax.saxutils import escape, quoteattr

MEDIA_TYPE = "application/x-votable+xml;content=datalink"
STANDARD_ID = "ivo://ivoa.net/std/DataLink#links-1.1"
SODA_SYNC = "ivo://ivoa.net/std/SODA#sync-1.0"
SODA_ASYNC = "ivo://ivoa.net/std/SODA#async-1.0"
# XML 1.0 has no way to write these.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(slots=True, kw_only=True)
class Link:
    """A row of a links table; exactly one of access_url, service_def and error_message is set."""

    id: str
    semantics: str
    access_url: str | None = None
    service_def: str | None = None
    error_message: str | None = None
    description: str | None = None
    content_type: str | None = None
    content_length: int | None = None
    content_qualifier: str | None = None
    local_semantics: str | None = None
    link_auth: str | None = None
    link_authorized: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """An input parameter of a service descriptor; `low`, `high` and `options` say what makes sense for the dataset.

    `ref` names a column of the links table: clients take the value from the row (DataLink 1.1, section 4.1).
    """

    name: str
    ucd: str = ""
    unit: str = ""
    datatype: str = "char"
    arraysize: str | None = "*"
    xtype: str | None = None
    description: str = ""
    value: str = ""
    low: str | None = None
    high: str | None = None
    options: tuple[str, ...] = ()
    ref: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceDescriptor:
    """A service that a links row refers to by `id` (DataLink 1.1, section 4)."""

    id: str
    access_url: str
    standard_id: str | None
    description: str
    parameters: Sequence[Parameter]
    content_type: str | None = None
    resource_identifier: str | None = None


# name, datatype, unit, UCD, description (DataLink 1.1, table 1)
_FIELDS = (
    ("ID", "char", "", "meta.id;meta.main", "Identifier of the dataset"),
    ("access_url", "char", "", "meta.ref.url", "Where to get it"),
    ("service_def", "char", "", "meta.ref", "Reference to a service descriptor"),
    ("error_message", "char", "", "meta.code.error", "What went wrong"),
    ("semantics", "char", "", "meta.code", "How it relates to the dataset"),
    ("description", "char", "", "meta.note", "What it is"),
    ("content_type", "char", "", "meta.code.mime", "Media type"),
    ("content_length", "long", "byte", "phys.size;meta.file", "Size"),
    ("content_qualifier", "char", "", "", "Kind of product, a term of the product-type vocabulary"),
    ("local_semantics", "char", "", "meta.id.assoc", "Groups like links of different datasets"),
    ("link_auth", "char", "", "meta.code", "Whether a login is needed: false, optional or true"),
    ("link_authorized", "boolean", "", "meta.code", "Whether you, as logged in now, may have it"),
)
_values_of = attrgetter(
    *"id access_url service_def error_message semantics description content_type content_length".split(),
    *"content_qualifier local_semantics link_auth link_authorized".split(),
)


def links_document(links: Iterable[Link], services: Iterable[ServiceDescriptor], *, notes: str = "") -> bytes:
    """Return a DataLink document.

    Parameters
    ----------
    links
        In the order in which to list them; those of one ID must come one after the other.
    services
        What `service_def` refers to, and descriptors of the service itself.
    notes
        XML of INFO elements to go to the head of the result.
    """
    return "".join(_document(links, services, notes)).encode("utf-8")


def fault(identifier: str, kind: str, text: str) -> Link:
    """Return the single row of an identifier that has no links.

    Parameters
    ----------
    identifier
        As given.
    kind
        NotFoundFault, UsageFault, TransientFault, FatalFault or DefaultFault (DataLink 1.1, section 3.4).
    text
        What is wrong.
    """
    return Link(id=identifier, semantics="#this", error_message=f"{kind}: {text}")


def _document(links: Iterable[Link], services: Iterable[ServiceDescriptor], notes: str) -> Iterator[str]:
    yield (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        "<?xml-stylesheet href='/static/xsl/datalink-to-html.xsl' type='text/xsl'?>\n"
        '<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">\n'
        '<RESOURCE type="results">\n'
        f'<INFO name="standardID" value="{STANDARD_ID}"/>\n'
        '<INFO name="QUERY_STATUS" value="OK"/>\n'
        f'{notes}<TABLE name="links">\n'
    )
    for name, datatype, unit, ucd, description in _FIELDS:
        size = ' arraysize="*"' if datatype == "char" else ""
        unit_attribute = f' unit="{unit}"' if unit else ""
        ucd_attribute = f' ucd="{ucd}"' if ucd else ""
        field = f'<FIELD name="{name}" ID="{name}" datatype="{datatype}"{size}{unit_attribute}{ucd_attribute}>'
        null = '<VALUES null="-1"/>' if datatype == "long" else ""
        yield f"{field}<DESCRIPTION>{description}</DESCRIPTION>{null}</FIELD>\n"
    yield "<DATA><TABLEDATA>\n"
    yield from map(_row, links)
    yield "</TABLEDATA></DATA></TABLE></RESOURCE>\n"
    written: tuple[Sequence[Parameter], str] = ((), "")
    for service in services:
        if service.parameters is not written[0]:  # the two services on a dataset share them
            written = service.parameters, "".join(map(_parameter, service.parameters))
        yield from _service(service, written[1])
    yield "</VOTABLE>\n"


def _row(link: Link) -> str:
    """Return a row of the table; one look at all of it tells that most need no care."""
    *values, authorized = _values_of(link)
    texts = ["" if value is None else str(value) for value in values]
    if not _is_plain("".join(texts)):
        texts = list(map(_cell, values))
    return f"<TR><TD>{'</TD><TD>'.join(texts)}</TD><TD>{_cell(authorized)}</TD></TR>\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "T" if value else "F"
    text = str(value)
    return text if _is_plain(text) else escape(_NOT_XML.sub("\ufffd", text))


def _quoted(value: str) -> str:
    return f'"{value}"' if _is_plain(value) else quoteattr(_NOT_XML.sub("\ufffd", value))


def _is_plain(text: str) -> bool:
    """Return whether a text is the same in XML; these few looks cost a tenth of a regular expression."""
    return (
        text.isascii()
        and text.isprintable()
        and not ("&" in text or "<" in text or ">" in text or '"' in text or "'" in text)
    )


def _service(service: ServiceDescriptor, parameters: str) -> Iterator[str]:
    yield f'<RESOURCE type="meta" utype="adhoc:service" ID="{service.id}" name="{service.id}">\n'
    yield f"<DESCRIPTION>{_cell(service.description)}</DESCRIPTION>\n"
    fixed = (
        ("accessURL", service.access_url, ' ucd="meta.ref.url"'),
        ("standardID", service.standard_id, ""),
        ("contentType", service.content_type, ""),
        ("resourceIdentifier", service.resource_identifier, ""),
    )
    for name, value, more in fixed:
        if value is not None:
            yield f'<PARAM name="{name}" datatype="char" arraysize="*"{more} value={_quoted(value)}/>\n'
    yield f'<GROUP name="inputParams">\n{parameters}</GROUP></RESOURCE>\n'


def _parameter(parameter: Parameter) -> str:
    """Return a PARAM: what depends on the dataset is put between what does not."""
    begin, end = _around_value(parameter)
    limits = "".join(
        f"<{tag} value={_quoted(value)}/>"
        for tag, value in (("MIN", parameter.low), ("MAX", parameter.high))
        if value is not None
    )
    options = "".join(f"<OPTION value={_quoted(option)}/>" for option in parameter.options)
    values = f"<VALUES>{limits}{options}</VALUES>" if limits or options else ""
    return f"{begin}{_quoted(parameter.value)}{end}{values}</PARAM>\n"


_fixed_part = attrgetter("name", "datatype", "arraysize", "xtype", "unit", "ucd", "ref", "description")
_written: dict[tuple[str | None, ...], tuple[str, str]] = {}


def _around_value(parameter: Parameter) -> tuple[str, str]:
    """Return the XML before and after the value of a parameter; there are few of them, the same for all datasets."""
    key = _fixed_part(parameter)
    if key not in _written:
        names = ("name", "datatype", "arraysize", "xtype", "unit", "ucd", "ref")
        attributes = [f"{name}={_quoted(value)}" for name, value in zip(names, key, strict=False) if value]
        description = f"<DESCRIPTION>{_cell(parameter.description)}</DESCRIPTION>" if parameter.description else ""
        _written[key] = f"<PARAM {' '.join(attributes)} value=", f">{description}"
    return _written[key]
