"""The class of a target, from a small catalogue of very-high-energy sources (``targets.csv``).

Classes are SIMBAD object types. A target is known by its name (case, blanks and signs do not matter) or, when its name
says nothing, by a catalogued source within 0.1 degree of the coordinates the header gives for it.
"""

from __future__ import annotations

import csv
import functools
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ingest.footprint import separation_deg

MATCH_RADIUS_DEG = 0.1
SAME_PLACE_DEG = 0.01
_CATALOGUE = Path(__file__).with_name("targets.csv")


@dataclass(frozen=True, slots=True)
class Target:
    """A catalogued source; ICRS degrees; `otype` is a SIMBAD object type."""

    name: str
    otype: str
    ra_deg: float
    dec_deg: float


@functools.lru_cache(maxsize=1024)
def target_class(name: str | None, direction_deg: tuple[float, float] | None) -> str | None:
    """Return the SIMBAD object type of a target, None when the catalogue does not know it.

    Parameters
    ----------
    name
        As in the header.
    direction_deg
        ICRS right ascension and declination the header gives for the target.
    """
    by_name, targets = _catalogue()
    if name is not None and _folded(name) in by_name:
        return by_name[_folded(name)].otype
    if direction_deg is None:
        return None
    distances = separation_deg(
        *direction_deg, [target.ra_deg for target in targets], [target.dec_deg for target in targets]
    )
    # Of sources at the same place, such as a pulsar and its nebula, the first in the catalogue is meant.
    nearest = int(np.argmax(distances <= distances.min() + SAME_PLACE_DEG))
    return targets[nearest].otype if distances[nearest] <= MATCH_RADIUS_DEG else None


def target_direction(name: str) -> tuple[float, float] | None:
    """Return right ascension and declination (ICRS, deg) of a target, None when the catalogue does not know it."""
    target = _catalogue()[0].get(_folded(name))
    return None if target is None else (target.ra_deg, target.dec_deg)


def _folded(name: str) -> str:
    return re.sub(r"[^a-z0-9+]", "", name.lower())


@functools.cache
def _catalogue() -> tuple[dict[str, Target], list[Target]]:
    by_name: dict[str, Target] = {}
    targets: list[Target] = []
    with _CATALOGUE.open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            target = Target(row["name"], row["otype"], float(row["ra_deg"]), float(row["dec_deg"]))
            targets.append(target)
            for alias in (row["name"], *row["aliases"].split("|")):
                if alias:
                    by_name[_folded(alias)] = target
    return by_name, targets
