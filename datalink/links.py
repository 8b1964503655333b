"""The links of a dataset and the services on it (layout: ``standards/datalink.md`` §4.1).

``content_qualifier`` holds bare words, as gammapy reads them.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from analysis.description.descriptor import Offer
from datalink.access import Protection, Verdict, Viewer, strictest
from datalink.addresses import Addresses, quoted
from datalink.datasets import Dataset, Response
from datalink.descriptors import FITS, cutout_services
from datalink.document import SODA_SYNC, Link, ServiceDescriptor, fault
from datalink.lineage import lineage_links

PNG = "image/png"
TAR = "application/x-tar"
# GADF HDU_TYPE -> content_qualifier (response-type vocabulary) and what the response is.
RESPONSES = {
    "aeff": ("aeff", "Effective area"),
    "edisp": ("edisp", "Energy dispersion"),
    "psf": ("psf", "Point spread function"),
    "bkg": ("bkgrate", "Background rate"),
    "rad_max": (None, "Energy-dependent directional cut (RAD_MAX) of point-like responses"),
}
# Kind of a part -> semantics and content_qualifier: a response is applied to the counts, a background is not.
PARTS = {"pha-background": ("#auxiliary", "spectrum"), "arf": ("#calibration", "arf"), "rmf": ("#calibration", "rmf")}
# Subtypes that come as VOTables, too, and which tables are made of them: KIND, content_qualifier, what it is.
TABLES = {
    "flux-points": (("points", "sed", "The flux points"), ("e2dnde", "sed", "The flux points as energy times flux")),
    "light-curve": (("points", "light-curve", "The light curve"),),
    "pha": (("points", "spectrum", "The counts with their energies"),),
}
VOTABLE = "application/x-votable+xml"
DOCUMENTS = {"terms": "Terms of use", "readme": "Description of the collection"}
PREVIEWS = (
    ("#preview-image", "sky", "Sky map of the events"),
    ("#preview-plot", "plot", "Energies and rate of the events"),
    ("#thumbnail", "thumbnail", "Small sky map"),
)
MAP_PREVIEWS = (("#preview-image", "sky", "The map"), ("#thumbnail", "thumbnail", "Small map"))
PLOT_PREVIEWS = (("#preview-plot", "plot", "The data as a plot"), ("#thumbnail", "thumbnail", "Small plot"))


def links_of(
    dataset: Dataset,
    number: int,
    addresses: Addresses,
    viewer: Viewer,
    today: datetime.date,
    offers: Sequence[Offer] = (),
) -> tuple[list[Link], list[ServiceDescriptor]]:
    """Return the links of a dataset and descriptors of the services they refer to, without those of `offers`.

    Parameters
    ----------
    dataset
        With its surroundings.
    number
        Distinguishes the descriptors of several datasets in one document.
    addresses
        Of this archive.
    viewer
        Who asks: links say whether this person may follow them.
    today
        Date in UTC, for embargoes.
    offers
        Job types; those that fit the dataset are linked. Their descriptors are for all datasets of a document.
    """
    maker = _Maker(dataset, addresses, viewer, today)
    if dataset.is_listed:
        return [maker.not_served(), *maker.lineage(), *maker.documentation()], []
    links = [maker.this(), *maker.calibration(), *maker.parts()]
    if dataset.subtype in TABLES:
        links += maker.votables()
    services: list[ServiceDescriptor] = []
    links.append(maker.package())
    links += maker.previews()
    if dataset.is_event_list or dataset.is_map:
        services = cutout_services(dataset, number, addresses)
        links += [maker.cutout(service) for service in services]
    links += maker.jobs(offers)
    links += maker.relatives()
    links += maker.lineage()
    links += maker.documentation()
    if dataset.file.mime == FITS:
        links.append(maker.headers())
    return links, services


def qualifier(subtype: str | None) -> str | None:
    """Return the term of the product-type vocabulary for a subtype; what is none is given as it is."""
    known = {"flux-points": "sed", "pha": "spectrum", "source-list": "measurements"}
    if subtype is None or subtype in ("dl0", "dl1", "dl2"):
        return None
    kind = "image" if subtype.endswith("-map") else "cube" if subtype.endswith("-cube") else subtype
    return known.get(subtype, kind)


class Right(NamedTuple):
    """Whether a login is needed, and whether whoever asks may have it: ``link_auth`` and ``link_authorized``."""

    auth: str
    authorized: bool


FREE = Right("false", True)


class _Maker:
    """Makes the links of one dataset for one viewer."""

    def __init__(self, dataset: Dataset, addresses: Addresses, viewer: Viewer, today: datetime.date) -> None:
        self._dataset = dataset
        self._addresses = addresses
        self._viewer = viewer
        self._today = today
        self._did = dataset.file.publisher_did
        self._own = self._right([dataset.file.protection])
        self._all = self._right([file.protection for file in dataset.files])

    def _right(self, protections: Sequence[Protection]) -> Right:
        """Return what holds for data that take all of some files."""
        distinct = set(protections)
        held = any(protection.holds(self._today) for protection in distinct)
        verdict = strictest([protection.verdict(self._viewer, self._today) for protection in distinct])
        return Right("true" if held else "false", verdict is Verdict.ALLOWED)

    def _link(self, semantics: str, right: Right, **values: Any) -> Link:
        return Link(id=self._did, semantics=semantics, link_auth=right.auth, link_authorized=right.authorized, **values)

    def this(self) -> Link:
        """Return the link to the file itself."""
        file = self._dataset.file
        return self._link(
            "#this",
            self._own,
            access_url=self._addresses.file(file.accref),
            description=self._dataset.title,
            content_type=file.mime,
            content_length=file.size,
            # gammapy wants exactly this word for event files, with responses in them or not
            content_qualifier="event-list" if self._dataset.is_event_list else qualifier(self._dataset.subtype),
        )

    def calibration(self) -> Iterator[Link]:
        """Yield a link for each response of an observation, wherever it is."""
        if self._dataset.is_event_list:
            for response in self._dataset.responses:
                yield self._calibration(response)

    def _calibration(self, response: Response) -> Link:
        qualifier, what = RESPONSES[response.hdu_type]
        return self._link(
            "#calibration",
            self._right([response.file.protection]),
            access_url=self._addresses.file(response.file.accref),
            description=f"{what} (HDU {response.hdu_name})",
            content_type=response.file.mime,
            content_length=response.file.size,
            content_qualifier=qualifier,
            local_semantics=response.hdu_type,
        )

    def parts(self) -> Iterator[Link]:
        """Yield a link for each file that is part of a product."""
        for part in self._dataset.parts:
            semantics, term = PARTS[part.kind]
            yield self._link(
                semantics,
                self._right([part.file.protection]),
                access_url=self._addresses.file(part.file.accref),
                description=part.title,
                content_type=part.file.mime,
                content_length=part.file.size,
                content_qualifier=term,
                local_semantics=part.kind,
            )

    def votables(self) -> Iterator[Link]:
        """Yield links to the data as VOTables, made on request."""
        is_differential = (self._dataset.o_ucd or "").startswith("phot.flux.density")
        for kind, term, what in TABLES[self._dataset.subtype or ""]:
            if kind == "e2dnde" and not is_differential:
                continue
            # not #this, of which clients expect one
            yield self._link(
                "#derivation",
                self._own,
                access_url=self._addresses.on("table", self._did, KIND=kind),
                description=f"{what} as VOTable",
                content_type=VOTABLE,
                content_qualifier=term,
                local_semantics=f"votable-{kind}",
            )

    def not_served(self) -> Link:
        """Return the row that stands for a file the archive knows of and does not have."""
        known = f", its producer calls it {self._dataset.creator_did}" if self._dataset.creator_did else ""
        return fault(self._did, "DefaultFault", f"{self._dataset.level} files are listed here and not served{known}.")

    def lineage(self) -> Iterator[Link]:
        """Yield links to what it was made from, what was made of it, and how; that is public, always.

        Listings and provenance may tell of the same dataset; the listing's link says what it is.
        """
        told: set[tuple[str, str | None]] = set()
        lines = (("#progenitor", self._dataset.progenitors), ("#derivation", self._dataset.derivations))
        for semantics, relatives in lines:
            for relative in relatives:
                told.add((semantics, relative.publisher_did))
                yield self._link(
                    semantics,
                    FREE,
                    access_url=f"{self._addresses.service('links', 'dlmeta')}?ID={quoted(relative.publisher_did)}",
                    description=relative.title,
                    content_type=f"{VOTABLE};content=datalink",
                    content_qualifier=qualifier(relative.subtype),
                )
        for semantics, values in lineage_links(self._dataset.lineage, self._addresses.server, self._did, told):
            yield self._link(semantics, FREE, **values)

    def package(self) -> Link:
        """Return the link to everything in one archive."""
        return self._link(
            "#package",
            self._all,
            access_url=self._addresses.on("package", self._did),
            description="The file with responses, index tables, terms and a description, as tar archive",
            content_type=TAR,
            content_qualifier="event-bundle" if self._dataset.is_event_list else None,
        )

    def previews(self) -> Iterator[Link]:
        """Yield links to pictures of the data."""
        if self._dataset.product_type is None:
            return
        on_sky = self._dataset.is_map or self._dataset.product_type == "measurements"
        previews = PREVIEWS if self._dataset.is_event_list else MAP_PREVIEWS if on_sky else PLOT_PREVIEWS
        for semantics, kind, what in previews:
            yield self._link(
                semantics,
                self._own,
                access_url=self._addresses.on("preview", self._did, KIND=kind),
                description=what,
                content_type=PNG,
                content_qualifier="image",
            )

    def cutout(self, service: ServiceDescriptor) -> Link:
        """Return the link to a cut-out service."""
        way = "at once" if service.standard_id == SODA_SYNC else "as a job"
        return self._link(
            "#cutout",
            self._all,
            service_def=service.id,
            description=f"Cut-out in space{', time' if self._dataset.is_event_list else ''} and energy, {way}",
            content_type=FITS,
            content_qualifier="event-list" if self._dataset.is_event_list else self._dataset.product_type,
        )

    def jobs(self, offers: Sequence[Offer]) -> Iterator[Link]:
        """Yield links to the analysis jobs that can work on the dataset."""
        responses = {response.hdu_type for response in self._dataset.responses}
        for offer in offers:
            if offer.fits(self._dataset.product_type, responses):
                yield self._link(
                    "#proc",
                    self._all,
                    service_def=offer.service.id,
                    description=f"{offer.description.title}: run as a job",
                    content_type=offer.content_type,
                    local_semantics=offer.description.name,
                )

    def relatives(self) -> Iterator[Link]:
        """Yield links to other event lists of the same observation."""
        for relative in self._dataset.relatives:
            yield self._link(
                "#coderived",
                FREE,
                access_url=f"{self._addresses.service('links', 'dlmeta')}?ID={quoted(relative.publisher_did)}",
                description=relative.title,
                content_type="application/x-votable+xml;content=datalink",
                content_qualifier="event-list",
                local_semantics=relative.event_type,
            )

    def documentation(self) -> Iterator[Link]:
        """Yield links to the documents of the collection, terms of use first."""
        terms = self._dataset.terms
        if terms is not None and terms.terms_uri:
            yield self._link(
                "#documentation",
                FREE,
                access_url=terms.terms_uri,
                description=f"Terms of use: {terms.terms}" if terms.terms else "Terms of use",
                content_type="text/html",
                local_semantics="terms",
            )
        for document in self._dataset.documents:
            yield self._link(
                "#documentation",
                FREE,
                access_url=self._addresses.file(document.accref),
                description=f"{DOCUMENTS.get(document.kind, 'Documentation')} ({document.title})",
                content_type=document.mime,
                content_length=document.size,
                local_semantics=document.kind,
            )
        if terms is not None and terms.reference_url:
            yield self._link(
                "#documentation",
                FREE,
                access_url=terms.reference_url,
                description=f"Home of {terms.title}",
                content_type="text/html",
                local_semantics="home",
            )

    def headers(self) -> Link:
        """Return the link to the FITS headers as text."""
        return self._link(
            "#detached-header",
            self._own,
            access_url=self._addresses.on("header", self._did),
            description="All FITS headers of the file",
            content_type="text/plain",
        )
