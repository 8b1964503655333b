"""Headers of data files as records of their last step, for files without a log (``standards/provenance.md`` §6)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from prov_tables.harvest import (
    Harvest,
    Identity,
    add_description,
    add_kind,
    add_parameter,
    add_software,
    digest,
    parse_time,
)
from prov_tables.model import (
    DATASET,
    ORGANIZATION,
    Activity,
    Agent,
    Entity,
    Used,
    WasAttributedTo,
    WasGeneratedBy,
)

# Keywords of gammapy, GADF and their predecessors that say how a file was made.
CONFIGURATION = (
    "EV_CLASS",
    "ANA_VER",
    "CAL_VER",
    "DST_VER",
    "VERSION",
    "REC_METH",
    "METHOD",
    "EVTYPE",
    "CUTS",
)
VERSIONS = ("GAMMAPY", "ASTROPY", "NUMPY", "SCIPY", "GAMMAPY_VERSION")
PLACEHOLDERS = ("", "none", "unknown", "-", "n/a", "null")
_PROGRAM = re.compile(r"\s*([A-Za-z].*?)(?:(?:[\s/_-]+|(?<=[a-z]))[vV]?(\d[\w.+-]*))?\s*")
_PROGENITOR_DID = re.compile(r"ivo://\S+")


def read_headers(
    headers: Iterable[Mapping[str, Any]], publisher_did: str, *, title: str | None = None, name: str | None = None
) -> Harvest | None:
    """Return the last step of a published file as its headers tell it, or None when they do not.

    Parameters
    ----------
    headers
        Of all HDUs, upper-case keywords; cards ``HIERARCH CTA …`` under their name without ``HIERARCH``.
    publisher_did
        Of the dataset.
    title, name
        Title of the dataset, and name of its file.
    """
    cards: dict[str, str] = {}
    for header in headers:
        for key, value in header.items():
            if value is not None and str(value).strip().lower() not in PLACEHOLDERS:
                cards.setdefault(str(key).upper().removeprefix("HIERARCH "), str(value).strip())
    program, version = software_of(cards)
    made_by = cards.get("CTA ACTIVITY ID")
    product = cards.get("CTA PRODUCT ID")
    if program is None and made_by is None and product is None:
        return None
    harvest = Harvest(fallback=made_by is None)
    graph = harvest.graph
    harvest.identities[publisher_did] = Identity(product_id=product, publisher_did=publisher_did, file_name=name)
    made = parse_time(cards.get("CTA PRODUCT CREATION TIME") or cards.get("DATE") or cards.get("CREATED"))
    graph.add(
        Entity(
            id=publisher_did,
            name=title or name,
            generated_at_time=made,
            entity_class=DATASET,
            description_id=add_kind(graph, cards["CTA PRODUCT DATA LEVELS"])
            if "CTA PRODUCT DATA LEVELS" in cards
            else None,
            obs_publisher_did=publisher_did,
        )
    )
    if program is None and made_by is None:
        return harvest
    activity_name = cards.get("CTA ACTIVITY NAME") or program or "processing"
    key = _activity_key(made_by, cards, publisher_did)
    described = add_description(graph, activity_name, version, cards.get("CTA PROCESS TYPE"))
    graph.add(
        Activity(
            id=key,
            name=activity_name,
            start_time=parse_time(cards.get("CTA ACTIVITY START TIME")),
            end_time=parse_time(cards.get("CTA ACTIVITY STOP TIME")) or made,
            comment=None if made_by else "as far as the headers of the product tell",
            description_id=described,
        )
    )
    graph.add(WasGeneratedBy(entity_id=publisher_did, activity_id=key))
    if program:
        add_software(graph, key, program, version)
    _add_configuration(harvest, key, described, cards)
    _add_creator(harvest, publisher_did, cards)
    for did in dict.fromkeys(
        _PROGENITOR_DID.findall(cards.get("PROGENITOR", "") + " " + cards.get("DERIVED_FROM", ""))
    ):
        graph.add(Entity(id=did, entity_class=DATASET))
        harvest.identities[did] = Identity(publisher_did=did)
        graph.add(Used(activity_id=key, entity_id=did))
    return harvest


def software_of(cards: Mapping[str, str]) -> tuple[str | None, str | None]:
    """Return name and version of the program that wrote a file (CREATOR, CTA ACTIVITY SOFTWARE …)."""
    name, version = cards.get("CTA ACTIVITY SOFTWARE NAME"), cards.get("CTA ACTIVITY SOFTWARE VERSION")
    if name:
        return name, version
    match = _PROGRAM.fullmatch(cards.get("CREATOR", ""))
    if match is None:
        return cards.get("CREATOR"), None
    program = match.group(1)
    version = match.group(2) or cards.get(f"{program.upper()}_VERSION") or cards.get(f"{program.upper()[:5]}VER")
    return program, version or cards.get("CREATVER")


def _activity_key(made_by: str | None, cards: Mapping[str, str], publisher_did: str) -> str:
    if made_by is None:
        return f"header:{digest(publisher_did)}"
    software = cards.get("CTA ACTIVITY SOFTWARE NAME")
    return f"{'ctapipe' if software in (None, 'ctapipe') else 'activity'}:{made_by}"


def _add_configuration(harvest: Harvest, activity: str, described: str, cards: Mapping[str, str]) -> None:
    for keyword in (*CONFIGURATION, *VERSIONS):
        if keyword in cards:
            add_parameter(harvest.graph, activity, described, keyword, cards[keyword])


def _add_creator(harvest: Harvest, publisher_did: str, cards: Mapping[str, str]) -> None:
    """Attribute the product to the organisation the header names; ORIGIN is one, AUTHOR may be an account."""
    name = cards.get("CTA CONTACT ORGANIZATION") or cards.get("ORIGIN")
    if name:
        agent = Agent(id=f"agent:{digest(name, '', '')}", name=name, type=ORGANIZATION)
        harvest.graph.add(agent)
        harvest.graph.add(WasAttributedTo(entity_id=publisher_did, agent_id=agent.id, role="Creator"))
