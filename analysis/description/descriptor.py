"""Job types as services on datasets, for DataLink: what each can take, and how a client calls it.

A client starts a job by the synchronous façade. In a document on one dataset the identifier is filled in; in one on
several, a job type has one descriptor, and the identifier comes from the row that refers to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from analysis.description.model import DATASET, JobDescription, ParameterDescription, UsageDescription
from datalink.document import Parameter, ServiceDescriptor

ID_COLUMN = "ID"
DID_UCD = "meta.ref.url;meta.curation"


@dataclass(frozen=True, slots=True)
class Offer:
    """A job type that can be run on one dataset alone, and its descriptor."""

    description: JobDescription
    usage: UsageDescription
    service: ServiceDescriptor

    def fits(self, product_type: str | None, responses: Iterable[str]) -> bool:
        """Return whether a dataset of this type, with responses of these HDU_TYPEs, is something to work on."""
        wanted = self.usage.dataproduct_type
        return (wanted is None or wanted == product_type) and set(self.usage.needs) <= set(responses)

    def service_for(self, identifiers: Sequence[str]) -> ServiceDescriptor:
        """Return the descriptor for a document on these datasets: of a single one it has the identifier filled in."""
        if len(identifiers) != 1:
            return self.service
        identifier, *others = self.service.parameters
        filled = replace(identifier, value=identifiers[0], ref=None)
        return replace(self.service, parameters=(filled, *others), resource_identifier=identifiers[0])

    @property
    def content_type(self) -> str | None:
        """Return the media type of the first result."""
        generated = self.description.generated
        return generated[0].content_type if generated else None


def offers(descriptions: Sequence[JobDescription], server: str) -> tuple[Offer, ...]:
    """Return the job types that one dataset is enough for.

    Those that also need a file of the user's, or a second dataset, are left out.

    Parameters
    ----------
    descriptions
        The job types there are.
    server
        Address of this archive, without slash at the end.
    """
    found = []
    for description in descriptions:
        usage = _main_usage(description)
        if usage is not None:
            url = f"{server}/jobs/{description.name}/sync"
            found.append(Offer(description, usage, descriptor(description, usage, url)))
    return tuple(found)


def descriptor(description: JobDescription, usage: UsageDescription, url: str) -> ServiceDescriptor:
    """Return the service descriptor of a job type.

    Parameters
    ----------
    description
        The job type.
    usage
        Its input that gets the dataset's identifier.
    url
        Of the façade.
    """
    identifier = Parameter(
        name=usage.name, ucd=DID_UCD, description=usage.description or "The dataset to work on", ref=ID_COLUMN
    )
    return ServiceDescriptor(
        id=f"job_{description.name}",
        access_url=url,
        standard_id=None,
        description=description.description,
        parameters=(identifier, *map(_parameter, description.parameters)),
    )


def _main_usage(description: JobDescription) -> UsageDescription | None:
    """Return the input that takes datasets, if nothing else has to be given."""
    datasets = [usage for usage in description.used if usage.kind == DATASET]
    needed = [usage for usage in description.used if usage.multiplicity.low > 0]
    if not datasets or datasets[0].multiplicity.low > 1 or any(usage is not datasets[0] for usage in needed):
        return None
    return datasets[0]


def _parameter(parameter: ParameterDescription) -> Parameter:
    low, high = (None if limit is None else f"{limit:.15g}" for limit in (parameter.low, parameter.high))
    return Parameter(
        name=parameter.name,
        ucd=parameter.ucd,
        unit=parameter.unit,
        datatype=parameter.datatype,
        arraysize=_size(parameter),
        xtype=parameter.xtype,
        description=parameter.description,
        value=parameter.default or "",
        low=low,
        high=high,
        options=parameter.options,
    )


def _size(parameter: ParameterDescription) -> str | None:
    """Return the arraysize; what may be left open is an array of up to one: pyvo fails at numbers without a value."""
    if parameter.datatype == "char":
        return "*"
    if parameter.arraysize is None and parameter.default is None:
        return "1*"
    return parameter.arraysize
