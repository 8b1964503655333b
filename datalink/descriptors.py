"""Descriptors of the cut-out services of a dataset (ranges: ``standards/soda.md`` §2, §4, §5.1)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from datalink.addresses import Addresses
from datalink.datasets import Dataset
from datalink.document import SODA_ASYNC, SODA_SYNC, Parameter, ServiceDescriptor
from ingest.footprint import circle_polygon_deg

FITS = "application/fits"
EV_PER_TEV = 1e12


# The same for all datasets: `datalink.document` writes each once.
POS = Parameter(name="POS", ucd="pos.outline;obs", description="CIRCLE, RANGE or POLYGON with numbers in degrees, ICRS")
RESPONSES = Parameter(
    name="RESPONSES", ucd="meta.code", description="Whether responses come along", options=("include", "omit")
)
RESPONSEFORMAT = Parameter(
    name="RESPONSEFORMAT",
    ucd="meta.code.mime",
    description="Format of the result",
    options=(FITS, "application/x-votable+xml"),
)


def cutout_services(dataset: Dataset, number: int, addresses: Addresses) -> list[ServiceDescriptor]:
    """Return descriptors of the synchronous and the asynchronous cut-out service with this dataset's ranges."""
    parameters = list(cutout_parameters(dataset) if dataset.is_event_list else map_parameters(dataset))
    described = "Keeps the events in a region, a span of time and a range of energies of:"
    companions = "; responses come along"
    if dataset.is_map:
        described, companions = "Keeps the pixels in a region and the planes in a range of energies of:", ""
    return [
        ServiceDescriptor(
            id=f"soda_{name}_{number}",
            access_url=addresses.service("soda", renderer),
            standard_id=standard_id,
            description=f"{described} {dataset.title}, {way}{companions}.",
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
    yield _event_type(dataset.event_type)
    yield RESPONSES
    yield RESPONSEFORMAT


@lru_cache(maxsize=64)
def _event_type(label: str | None) -> Parameter:
    return Parameter(
        name="EVENT_TYPE",
        ucd="meta.code.qual;instr.detection;phys.particle",
        description="Types of events to keep",
        options=(label,) if label else (),
    )


def map_parameters(dataset: Dataset) -> Iterator[Parameter]:
    """Yield the parameters of cut-outs of images and cubes (soda.md §2); only cubes are cut in energy."""
    yield Parameter(
        name="ID", ucd="meta.ref.url;meta.curation", description="The dataset", value=dataset.file.publisher_did
    )
    yield from _spatial_parameters(dataset)
    if dataset.product_type == "cube":
        yield _interval("BAND", "em.wl;stat.interval", "m", "Wavelength", dataset.em_min, dataset.em_max)


def _spatial_parameters(dataset: Dataset) -> Iterator[Parameter]:
    circle = polygon = None
    if dataset.s_ra is not None and dataset.s_dec is not None and dataset.s_fov:
        radius = dataset.s_fov / 2
        circle = f"{dataset.s_ra!r} {dataset.s_dec!r} {radius!r}"
        if radius < 75.0:
            polygon = _polygon(dataset.s_ra, dataset.s_dec, radius)
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
    yield POS


@lru_cache(maxsize=4096)
def _polygon(ra_deg: float, dec_deg: float, radius_deg: float) -> str:
    """Return the polygon around a circle; runs are often pointed at the same place."""
    return " ".join(f"{value:.7f}" for value in circle_polygon_deg(ra_deg, dec_deg, radius_deg).ravel())


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
