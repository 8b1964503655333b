"""The analysis jobs that links advertise: those of the job service of this machine."""

from __future__ import annotations

from functools import lru_cache

from analysis.description.catalogue import Catalogue, catalogue_of
from analysis.description.descriptor import Offer, offers
from analysis.description.model import JobDescription
from analysis.errors import JobsError
from analysis.settings import load_settings


def job_offers(server: str) -> tuple[Offer, ...]:
    """Return the job types that can be run on a dataset; none when this machine has no job service.

    Parameters
    ----------
    server
        Address of this archive.
    """
    catalogue = _catalogue()
    return () if catalogue is None else _offers(tuple(catalogue.descriptions()), server)


@lru_cache(maxsize=1)
def _catalogue() -> Catalogue | None:
    try:
        return catalogue_of(load_settings())
    except JobsError:
        return None


@lru_cache(maxsize=8)
def _offers(descriptions: tuple[JobDescription, ...], server: str) -> tuple[Offer, ...]:
    """Return offers that were made before, unless the job types have changed."""
    return offers(descriptions, server)
