"""What services know of a dataset: typed records, filled from the database by `datalink.archive`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from datalink.access import Protection
from datalink.lineage import Lineage

EVENT_SUBTYPES = ("event-list", "event-bundle")
# Levels whose files are listed, not served.
LISTED_LEVELS = ("DL0", "DL1", "DL2")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file the archive delivers."""

    accref: str
    publisher_did: str
    path: Path
    mime: str
    size: int
    protection: Protection


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """A response that belongs to an observation: the HDU, and the file it is in."""

    hdu_type: str
    hdu_class: str | None
    hdu_name: str
    file: StoredFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A file that is part of a product: what it is, e.g. ``arf``, and the file."""

    kind: str
    title: str
    file: StoredFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document of a collection: terms, description, or whatever else came with the data."""

    accref: str
    kind: str
    title: str
    mime: str
    size: int
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionTerms:
    """What a collection asks of those who use its data."""

    name: str
    title: str
    terms: str | None = None
    terms_uri: str | None = None
    acknowledgement: str | None = None
    reference_url: str | None = None
    creator: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relative:
    """Another dataset of the same observation."""

    publisher_did: str
    title: str
    subtype: str | None
    event_type: str | None


@dataclass(slots=True, kw_only=True)
class Dataset:
    """A dataset with its surroundings. Angles deg (ICRS), times MJD UTC, energies eV, wavelengths m."""

    file: StoredFile
    collection: str
    obs_collection: str
    obs_id: str
    title: str
    product_type: str | None
    subtype: str | None
    s_ra: float | None = None
    s_dec: float | None = None
    s_fov: float | None = None
    t_min: float | None = None
    t_max: float | None = None
    energy_min: float | None = None
    energy_max: float | None = None
    em_min: float | None = None
    em_max: float | None = None
    ev_xel: int | None = None
    target_name: str | None = None
    instrument_name: str | None = None
    event_type: str | None = None
    level: str = "DL3"
    creator_did: str | None = None
    bib_reference: str | None = None
    o_ucd: str | None = None
    responses: list[Response] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    progenitors: list[Relative] = field(default_factory=list)
    derivations: list[Relative] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    relatives: list[Relative] = field(default_factory=list)
    terms: CollectionTerms | None = None
    lineage: Lineage = field(default_factory=Lineage)

    @property
    def files(self) -> list[StoredFile]:
        """All files it takes to use the dataset, its own first."""
        responses, parts = (response.file for response in self.responses), (part.file for part in self.parts)
        return [self.file, *responses, *parts]

    @property
    def is_event_list(self) -> bool:
        """Whether this is a list of events, with or without responses."""
        return self.product_type == "event"

    @property
    def is_listed(self) -> bool:
        """Whether the archive only knows of the file and has nothing to deliver."""
        return self.level in LISTED_LEVELS

    @property
    def is_map(self) -> bool:
        """Whether this is an image or a cube."""
        return self.product_type in ("image", "cube")
