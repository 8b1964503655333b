"""The cores of the services in RD ``cta/dl`` (adaptor: imports DaCHS)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from gavo import base, svcs

from datalink import archive
from datalink.access import Verdict
from datalink.addresses import Addresses
from datalink.answers import FileAnswer, TextAnswer, refusal
from datalink.datasets import Dataset
from datalink.document import MEDIA_TYPE, STANDARD_ID, Link, Parameter, ServiceDescriptor, fault, links_document
from datalink.headers import header_text
from datalink.jobs import job_offers
from datalink.links import links_of
from datalink.origin import QueryOrigin, dataset_infos, info_elements

# More in one request is a mistake, or an attack; clients send 50 at a time.
MAX_IDS = 10_000
MAX_REQUEST = 2000
FORMATS = ("votable", "application/x-votable+xml", "text/xml")


def parameters_of(input_table: Any) -> dict[str, list[str]]:
    """Return the parameters of a request by upper-case name."""
    found: dict[str, list[str]] = {}
    for name, value in input_table.args.items():
        values = value if isinstance(value, list | tuple) else [value]
        found[name.upper()] = [str(item) for item in values if item is not None]
    return found


def addresses() -> Addresses:
    """Return where the services of this archive are."""
    return Addresses(str(base.getCurrentServerURL()).rstrip("/"))


class LinksCore(svcs.Core):  # type: ignore[misc]
    """Answers with the links of any number of datasets (DataLink 1.1)."""

    name_ = "linksCore"
    inputTableXML = """
        <inputTable>
            <inputKey name="ID" type="text" multiplicity="multiple" ucd="meta.id;meta.main" std="True"
                description="Publisher DIDs of datasets"/>
        </inputTable>"""

    def run(self, service: Any, input_table: Any, query_meta: Any) -> tuple[str, bytes]:
        """Return media type and document."""
        asked = query_meta.ctxArgs.get("RESPONSEFORMAT")
        if asked and str(asked).partition(";")[0].strip().lower() not in FORMATS:
            error = base.ValidationError("links come as votable (application/x-votable+xml) only", "RESPONSEFORMAT")
            error.responseCode = 400
            raise error
        wanted = list(dict.fromkeys(parameters_of(input_table).get("ID", [])))[:MAX_IDS]
        who = archive.viewer(query_meta)
        found, today, here = archive.datasets(wanted), archive.today(), addresses()
        jobs = job_offers(here.server)
        links: list[Link] = []
        services: list[ServiceDescriptor] = []
        for number, identifier in enumerate(wanted):
            if identifier in found:
                more_links, more_services = links_of(found[identifier], number, here, who, today, jobs)
                links += more_links
                services += more_services
            else:
                links.append(unknown(identifier))
        referred = {link.service_def for link in links}
        services += [offer.service_for(wanted) for offer in jobs if offer.service.id in referred]
        services.append(_self_description(here))
        infos = query_origin(service, "dlmeta", STANDARD_ID, " ".join(wanted)).infos()
        return MEDIA_TYPE, links_document(links, services, notes=info_elements(infos + dataset_infos(found.values())))


def query_origin(service: Any, renderer: str, protocol: str, request: str) -> QueryOrigin:
    """Return where an answer of a service comes from (DataOrigin 1.2)."""
    return QueryOrigin(
        publisher=base.getMetaText(service, "publisher", "") or "",
        contact=base.getMetaText(service, "contact.email", "") or "",
        service_ivoid=base.getMetaText(service, "identifier", "") or "",
        service_protocol=protocol,
        request=f"{service.getURL(renderer)}?ID={request}"[:MAX_REQUEST],
        utc_now=datetime.datetime.now(datetime.timezone.utc),
    )


def unknown(identifier: str) -> Link:
    """Return the row for an identifier this archive does not have."""
    if not identifier.startswith("ivo://"):
        return fault(identifier, "UsageFault", "an identifier of a dataset begins with ivo://")
    return fault(identifier, "NotFoundFault", "this archive has no dataset of this identifier")


def _self_description(here: Addresses) -> ServiceDescriptor:
    return ServiceDescriptor(
        id="links",
        access_url=here.service("links", "dlmeta"),
        standard_id=STANDARD_ID,
        description="Links of datasets of this archive",
        parameters=[Parameter(name="ID", ucd="meta.id;meta.main", description="Identifier of a dataset; repeatable")],
    )


class DatasetCore(svcs.Core):  # type: ignore[misc]
    """Base of services on the data of one dataset: looks it up and decides whether the caller may have it."""

    inputTableXML = """
        <inputTable>
            <inputKey name="ID" type="text" multiplicity="multiple" ucd="meta.id;meta.main" std="True"
                description="Publisher DID of a dataset"/>
            <inputKey name="KIND" type="text" multiplicity="multiple"
                description="Which of several pictures"/>
        </inputTable>"""

    def run(self, service: Any, input_table: Any, query_meta: Any) -> Any:
        """Return a resource of the web server."""
        parameters = parameters_of(input_table)
        wanted = parameters.get("ID", [])
        if len(wanted) != 1:
            word = "UsageError" if not wanted else "MultiValuedParamNotSupported"
            return TextAnswer(400, f"{word}: give the identifier of one dataset as ID.")
        dataset = archive.datasets(wanted).get(wanted[0])
        if dataset is None:
            return TextAnswer(404, f"UsageError: this archive has no dataset {wanted[0][:200]}.")
        if dataset.is_listed:
            return TextAnswer(404, "UsageError: this dataset is listed and not served; its links say what is known.")
        who = archive.viewer(query_meta)
        verdict = dataset.file.protection.verdict(who, archive.today())
        if verdict is not Verdict.ALLOWED:
            return refusal(verdict)
        return self.deliver(dataset, parameters)

    def deliver(self, dataset: Dataset, parameters: Mapping[str, Sequence[str]]) -> Any:
        """Return what is asked of a dataset that the caller may have."""
        raise AssertionError("a core of a service on one dataset defines what it delivers")


class HeaderCore(DatasetCore):
    """Gives the FITS headers of a file as text."""

    name_ = "headerCore"

    def deliver(self, dataset: Dataset, parameters: Mapping[str, Sequence[str]]) -> Any:
        """Return the headers of all HDUs."""
        return TextAnswer(200, header_text(dataset.file.path))


__all__ = ["DatasetCore", "FileAnswer", "HeaderCore", "LinksCore"]
