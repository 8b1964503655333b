"""DataOrigin 1.2: INFO elements that say where an answer, and the data it is about, come from."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from xml.sax.saxutils import quoteattr

from datalink.datasets import Dataset

SOFTWARE = "CTA VO archive 0.1.0"


@dataclass(frozen=True, slots=True)
class QueryOrigin:
    """Where an answer comes from.

    Attributes
    ----------
    publisher, contact
        Of this archive.
    service_ivoid, service_protocol
        Of the service that answers.
    request
        What was asked.
    utc_now
        When.
    """

    publisher: str
    contact: str
    service_ivoid: str
    service_protocol: str
    request: str
    utc_now: datetime.datetime

    def infos(self) -> list[tuple[str, str]]:
        """Return names and values."""
        named = [
            ("publisher", self.publisher),
            ("server_software", SOFTWARE),
            ("service_protocol", self.service_protocol),
            ("service_ivoid", self.service_ivoid),
            ("request", self.request),
            ("request_date", f"{self.utc_now:%Y-%m-%dT%H:%M:%SZ}"),
            ("contact", self.contact),
        ]
        return [(name, value) for name, value in named if value]


def dataset_infos(datasets: Iterable[Dataset]) -> list[tuple[str, str]]:
    """Return names and values about the origin of the data, each once, whatever the number of datasets."""
    found: dict[tuple[str, str], None] = {}
    for dataset in datasets:
        terms = dataset.terms
        if terms is None:
            continue
        named = (
            ("citation", terms.acknowledgement),
            ("reference_url", terms.reference_url),
            ("rights", terms.terms),
            ("rights_uri", terms.terms_uri),
            ("creator", terms.creator),
        )
        found |= dict.fromkeys((name, value) for name, value in named if value)
    return list(found)


def info_elements(infos: Iterable[tuple[str, str]]) -> str:
    """Return INFO elements for a VOTable."""
    return "".join(f"<INFO name={quoteattr(name)} value={quoteattr(_plain(value))}/>\n" for name, value in infos)


def _plain(text: str) -> str:
    """Return text that XML can hold, on one line."""
    return " ".join("".join(char if char.isprintable() or char.isspace() else "\ufffd" for char in text).split())
