"""The links of a dataset and the services on it (layout: ``standards/datalink.md`` §4.1, ranges: ``soda.md`` §4).

``content_qualifier`` holds bare words, as gammapy reads them.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from datalink.access import Protection, Verdict, Viewer, strictest
from datalink.datasets import Dataset, Response
from datalink.document import SODA_ASYNC, SODA_SYNC, Link, Parameter, ServiceDescriptor
from datalink.lineage import lineage_links
from ingest.footprint import circle_polygon_deg

FITS = "application/fits"
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
DOCUMENTS = {"terms": "Terms of use", "readme": "Description of the collection"}
PREVIEWS = (
    ("#preview-image", "sky", "Sky map of the events"),
    ("#preview-plot", "plot", "Energies and rate of the events"),
    ("#thumbnail", "thumbnail", "Small sky map"),
)
EV_PER_TEV = 1e12


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the services of this archive are."""

    server: str

    def file(self, accref: str) -> str:
        """Return the address of a file: a real path that ends in the real suffix."""
        return f"{self.server}/getproduct/{quote(accref)}"

    def service(self, name: str, renderer: str = "dlget") -> str:
        """Return the address of a service of RD ``cta/dl``."""
        return f"{self.server}/cta/dl/{name}/{renderer}"

    def on(self, name: str, publisher_did: str, **more: str) -> str:
        """Return the address of a service called on one dataset."""
        return f"{self.service(name)}?{urlencode({'ID': publisher_did, **more})}"


def links_of(
    dataset: Dataset, number: int, addresses: Addresses, viewer: Viewer, today: datetime.date
) -> tuple[list[Link], list[ServiceDescriptor]]:
    """Return the links of a dataset and descriptors of the services they refer to.

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
    """
    maker = _Maker(dataset, addresses, viewer, today)
    links = [maker.this(), *maker.calibration()]
    services: list[ServiceDescriptor] = []
    links.append(maker.package())
    links += maker.previews()
    if dataset.is_event_list:
        services = cutout_services(dataset, number, addresses)
        links += [maker.cutout(service) for service in services]
    links += maker.relatives()
    links += maker.lineage()
    links += maker.documentation()
    links.append(maker.headers())
    return links, services


def cutout_services(dataset: Dataset, number: int, addresses: Addresses) -> list[ServiceDescriptor]:
    """Return descriptors of the synchronous and the asynchronous cut-out service with this dataset's ranges."""
    parameters = list(cutout_parameters(dataset))
    described = "Keeps the events in a region, a span of time and a range of energies of:"
    return [
        ServiceDescriptor(
            id=f"soda_{name}_{number}",
            access_url=addresses.service("soda", renderer),
            standard_id=standard_id,
            description=f"{described} {dataset.title}, {way}; responses come along.",
            parameters=parameters,
            content_type=content_type,
        )
        for name, renderer, standard_id, content_type, way in (
            ("sync", "dlget", SODA_SYNC, FITS, "at once"),
            ("async", "async", SODA_ASYNC, None, "as a job"),
        )
    ]


def cutout_parameters(dataset: Dataset) -> Iterator[Parameter]:
    """Yield the parameters of the cut-out services; limits are given where the dataset has them (soda.md §2, §5.1)."""
    yield Parameter(
        name="ID", ucd="meta.ref.url;meta.curation", description="The dataset", value=dataset.file.publisher_did
    )
    yield from _spatial_parameters(dataset)
    yield _interval("TIME", "time.interval;obs.exposure", "d", "Time, MJD UTC", dataset.t_min, dataset.t_max)
    yield _interval("BAND", "em.wl;stat.interval", "m", "Wavelength", dataset.em_min, dataset.em_max)
    low, high = (None if value is None else value / EV_PER_TEV for value in (dataset.energy_min, dataset.energy_max))
    yield _interval("ENERGY", "em.energy;stat.interval", "TeV", "Energy", low, high)
    yield Parameter(
        name="EVENT_TYPE",
        ucd="meta.code.qual;instr.detection;phys.particle",
        description="Types of events to keep",
        options=(dataset.event_type,) if dataset.event_type else (),
    )
    yield Parameter(
        name="RESPONSES", ucd="meta.code", description="Whether responses come along", options=("include", "omit")
    )
    yield Parameter(
        name="RESPONSEFORMAT",
        ucd="meta.code.mime",
        description="Format of the result",
        options=(FITS, "application/x-votable+xml"),
    )


def _spatial_parameters(dataset: Dataset) -> Iterator[Parameter]:
    circle = polygon = None
    if dataset.s_ra is not None and dataset.s_dec is not None and dataset.s_fov:
        radius = dataset.s_fov / 2
        circle = f"{dataset.s_ra!r} {dataset.s_dec!r} {radius!r}"
        if radius < 75.0:
            vertices = circle_polygon_deg(dataset.s_ra, dataset.s_dec, radius).ravel()
            polygon = " ".join(f"{value:.7f}" for value in vertices)
    outline: dict[str, Any] = {"ucd": "pos.outline;obs", "datatype": "double", "unit": "deg"}
    yield Parameter(name="CIRCLE", arraysize="3", xtype="circle", description="A circle, ICRS", high=circle, **outline)
    yield Parameter(
        name="POLYGON",
        arraysize="*",
        xtype="polygon",
        description="A polygon, ICRS, counter-clockwise with east left",
        high=polygon,
        **outline,
    )
    yield Parameter(
        name="POS", ucd="pos.outline;obs", description="CIRCLE, RANGE or POLYGON with numbers in degrees, ICRS"
    )


def _interval(name: str, ucd: str, unit: str, what: str, low: float | None, high: float | None) -> Parameter:
    return Parameter(
        name=name,
        ucd=ucd,
        unit=unit,
        datatype="double",
        arraysize="2",
        xtype="interval",
        description=f"{what}, lower and upper limit; -Inf and +Inf leave a side open",
        low=None if low is None else repr(float(low)),
        high=None if high is None else repr(float(high)),
    )


class _Maker:
    """Makes the links of one dataset for one viewer."""

    def __init__(self, dataset: Dataset, addresses: Addresses, viewer: Viewer, today: datetime.date) -> None:
        self._dataset = dataset
        self._addresses = addresses
        self._viewer = viewer
        self._today = today
        self._did = dataset.file.publisher_did

    def _link(self, semantics: str, protections: list[Protection], **values: object) -> Link:
        held = any(protection.holds(self._today) for protection in protections)
        verdict = strictest([protection.verdict(self._viewer, self._today) for protection in protections])
        return Link(
            id=self._did,
            semantics=semantics,
            link_auth="true" if held else "false",
            link_authorized=verdict is Verdict.ALLOWED,
            **values,  # type: ignore[arg-type]
        )

    @property
    def _own(self) -> list[Protection]:
        return [self._dataset.file.protection]

    @property
    def _all(self) -> list[Protection]:
        return self._own + [response.file.protection for response in self._dataset.responses]

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
            content_qualifier="event-list" if self._dataset.is_event_list else self._dataset.subtype,
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
            [response.file.protection],
            access_url=self._addresses.file(response.file.accref),
            description=f"{what} (HDU {response.hdu_name})",
            content_type=response.file.mime,
            content_length=response.file.size,
            content_qualifier=qualifier,
            local_semantics=response.hdu_type,
        )

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
        if self._dataset.is_event_list:
            for semantics, kind, what in PREVIEWS:
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
            description=f"Cut-out in space, time and energy, {way}",
            content_type=FITS,
            content_qualifier="event-list",
        )

    def relatives(self) -> Iterator[Link]:
        """Yield links to other event lists of the same observation."""
        for relative in self._dataset.relatives:
            query = urlencode({"ID": relative.publisher_did})
            yield self._link(
                "#coderived",
                [],
                access_url=f"{self._addresses.service('links', 'dlmeta')}?{query}",
                description=relative.title,
                content_type="application/x-votable+xml;content=datalink",
                content_qualifier="event-list",
                local_semantics=relative.event_type,
            )

    def lineage(self) -> Iterator[Link]:
        """Yield links to what it was made from, what was made of it, and how; that is public, always."""
        for semantics, values in lineage_links(self._dataset.lineage, self._addresses.server, self._did):
            yield self._link(semantics, [], **values)

    def documentation(self) -> Iterator[Link]:
        """Yield links to the documents of the collection, terms of use first."""
        terms = self._dataset.terms
        if terms is not None and terms.terms_uri:
            yield self._link(
                "#documentation",
                [],
                access_url=terms.terms_uri,
                description=f"Terms of use: {terms.terms}" if terms.terms else "Terms of use",
                content_type="text/html",
                local_semantics="terms",
            )
        for document in self._dataset.documents:
            yield self._link(
                "#documentation",
                [],
                access_url=self._addresses.file(document.accref),
                description=f"{DOCUMENTS.get(document.kind, 'Documentation')} ({document.title})",
                content_type=document.mime,
                content_length=document.size,
                local_semantics=document.kind,
            )
        if terms is not None and terms.reference_url:
            yield self._link(
                "#documentation",
                [],
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
